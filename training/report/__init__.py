"""The self-contained HTML report: fed by tables, trials and corpora only."""
