"""The table of an archive run: every column explained, verdicts and statuses that add up, doubts beside repairs."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mocap_import.archive.run import convert_archive
from mocap_import.archive.table import COLUMN_MEANINGS, COLUMNS, UNITS, status_counts, verdict_counts
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.quality.trial_quality import trial_quality
from mocap_import.trial_store import load_trial


@pytest.fixture
def table(tmp_path, walker, z_up):
    """A whole walk, a walk too short for a cycle, one with a gap, nameless markers, no recording at all."""
    root = tmp_path / "lab"
    root.mkdir()
    made = walker(duration=3.0, rate=50.0, ratio=4)
    write_c3d(root / "P_walk_1.c3d", made.trial, plates=made.plates, axes=z_up)
    brief = replace(made.trial, positions=made.trial.positions[:30], ground_reactions=(), events=())
    write_c3d(root / "P_walk_2.c3d", brief, axes=z_up)
    holes = made.trial.positions.copy()
    holes[60:65, made.trial.labels.index("RTIB")] = np.nan
    write_c3d(root / "P_walk_3.c3d", replace(made.trial, positions=holes), plates=made.plates, axes=z_up)
    nameless = replace(brief, labels=tuple(f"M{k}" for k in range(len(brief.labels))))
    write_c3d(root / "P_walk_4.c3d", nameless, axes=z_up)
    (root / "P_walk_5.c3d").write_bytes(b"no recording")
    return convert_archive(root, tmp_path / "out", n_workers=0, codes="keep").set_index("trial", drop=False)


def test_every_column_is_explained_and_no_other():
    assert tuple(COLUMN_MEANINGS) == COLUMNS
    assert set(UNITS) <= set(COLUMNS)


def test_verdict_and_counts_are_those_of_the_quality_of_the_stored_trial(table, tmp_path):
    assert table.verdict.fillna("").to_dict() == {
        "walk_1": "good",
        "walk_2": "unusable",
        "walk_3": "good",
        "walk_4": "unusable",
        "walk_5": "",
    }
    assert "no_complete_cycle" in table.verdict_reasons["walk_2"]
    assert "marker_set_unknown" in table.verdict_reasons["walk_4"]
    for row in table[table.status != "refused"].itertuples():
        trial = load_trial(tmp_path / "out" / row.output)
        meaning = None if trial.marker_set == "unknown" else load_marker_set(trial.marker_set).for_labels(trial.labels)
        quality = trial_quality(trial, meaning)
        assert (row.verdict, row.verdict_reasons.split()) == (quality.verdict, list(quality.reasons))
        assert row.n_cycles == sum(quality.complete_cycles.values())
        assert row.n_usable_steps == quality.usable_steps
    assert (table.n_cycles["walk_1"], table.n_usable_steps["walk_1"]) == (4, 2)


def test_statuses_add_up_to_the_files_and_verdicts_to_the_trials(table):
    assert status_counts(table) == {"accepted": 3, "repaired": 1, "refused": 1}
    assert sum(verdict_counts(table).values()) == 4


def test_notes_alone_are_accepted_repairs_are_named_and_doubts_repair_nothing(table):
    assert table.status["walk_1"] == "accepted"
    assert table.reason["walk_1"].startswith("axes_inferred: ")
    assert table.status["walk_3"] == "repaired"
    assert re.match(r"gap_filled: 5 samples [^;]*RTIB 0.10 s; axes_inferred: ", table.reason["walk_3"])
    assert table.status["walk_4"] == "accepted"
    assert "marker_set_unknown: " in table.doubts["walk_4"]
    assert table.doubts["walk_1"] == ""


def test_the_page_counts_the_verdicts_and_the_csv_holds_the_columns(table, tmp_path):
    page = (tmp_path / "out" / "import.html").read_text(encoding="utf-8")
    assert "Verdicts: 2 good, 0 usable, 0 doubtful, 2 unusable." in page
    assert page.count('data-verdict="unusable"') == 2
    assert f'title="{COLUMN_MEANINGS["n_usable_steps"]}"' in page
    written = pd.read_csv(tmp_path / "out" / "import.csv")
    assert tuple(written.columns) == COLUMNS
    assert written.n_cycles.tolist()[:2] == [4, 0]


def test_the_page_holds_every_row_and_runs_nothing_of_a_name(tmp_path, convert):
    root = tmp_path / "lab"
    root.mkdir()
    (root / "<img src=x onerror=alert(1)>.c3d").write_bytes(b"")
    convert(root, tmp_path / "out")
    page = (tmp_path / "out" / "import.html").read_text()
    assert page.count("<tr data-status=") == 1
    assert "&lt;img src=x" in page
    assert "<img" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_text_that_a_spreadsheet_would_run_is_defused(tmp_path, convert):
    root = tmp_path / "lab"
    root.mkdir()
    (root / "=cmd.c3d").write_bytes(b"")
    convert(root, tmp_path / "out")
    assert "'=cmd.c3d" in (tmp_path / "out" / "import.csv").read_text()
