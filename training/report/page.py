"""The report page: one HTML file that needs nothing else, no network, no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from synth.corpus import Corpus
from training.report.anonymous import recode_inputs, recoding_of, subject_codes
from training.report.bland_altman import agreement_pairs, agreement_panels, agreement_rows
from training.report.curves import collect_curves, read_waveforms
from training.report.inputs import ReportInputs
from training.report.paired_difference import paired_differences
from training.report.table import (
    ARCHIVE_COLUMNS,
    DOTS,
    LABELS,
    MAX_ROWS,
    MOTION_COLUMNS,
    RECORD_COLUMNS,
    comparison_rows,
    coordinate_rows,
    cut,
    error_recipe,
    interval_rows,
    key_facts,
    method_label,
    subject_dots,
    timing_rows,
    verdict_sentences,
)
from training.report.template import embed_data, render_page, write_page
from training.report.trial_quality import refusal_rows, subject_rows, trial_rows

OPTIMAL_CONTROL = "optimal_control"
"""Name of the baseline's method, where no corpus says which it is."""


def write_report(inputs: ReportInputs, out: Path, *, keep_names: bool = False) -> Path:
    """Write a report.

    Parameters
    ----------
    inputs : ReportInputs
    out : Path
        The HTML file; it appears only when it is complete.
    keep_names : bool
        Show subjects' codes and files' names as they are; otherwise neutral ones stand in their places.

    Returns
    -------
    Path
        `out`.
    """
    trials = read_waveforms(inputs.corpora)
    if not keep_names:
        recoding = recoding_of(subject_codes(inputs))
        inputs, trials = recode_inputs(inputs, recoding), recoding.waveforms(trials)
    curves = collect_curves(inputs.corpora, trials)
    pairs = agreement_pairs(trials)
    plots = {
        "curves": curves,
        "dots": subject_dots(inputs.errors),
        "agreement": agreement_panels(pairs),
        "losses": inputs.losses,
        "labels": LABELS,
    }
    has_plots = bool(curves.get("subjects") or plots["dots"] or inputs.losses)
    page = render_page(
        "page.html",
        scripts=["figure.js", "agreement.js", "page.js"] if has_plots else [],
        inputs=inputs,
        keep_names=keep_names,
        data=embed_data(plots),
        has_curves=bool(curves.get("subjects")),
        has_dots=bool(plots["dots"]),
        has_losses=bool(inputs.losses),
        agreement=_agreement(pairs),
        **_tables(inputs),
    )
    return write_page(out, page)


def _tables(inputs: ReportInputs) -> dict[str, Any]:
    """Everything that the page shows as text and tables, by its name in the template."""
    baseline = _baseline(inputs)
    return {
        "facts": key_facts(inputs),
        "sentences": verdict_sentences(inputs.comparison),
        "comparison": comparison_rows(inputs.comparison),
        "intervals": interval_rows(inputs.comparison),
        "joints": coordinate_rows(inputs.errors),
        "subjects": subject_rows(inputs.errors, (*DOTS, "speed_error")),
        "baseline": baseline,
        "against_baseline": _against(inputs, baseline),
        "recipe": error_recipe(inputs.corpora),
        "refusals": refusal_rows(inputs),
        "trials": cut(trial_rows(inputs), "recording"),
        "archive": cut(inputs.import_table, "status", ARCHIVE_COLUMNS),
        "motion": cut(inputs.motion, "status", MOTION_COLUMNS),
        "records": cut(inputs.records, "status", RECORD_COLUMNS),
        "solutions": cut(inputs.solutions, "status"),
        "spatiotemporal": cut(inputs.spatiotemporal, "subject"),
        "timings": timing_rows(inputs.timings),
        "provenance": json.dumps(inputs.provenance, indent=2, sort_keys=True, default=str),
        "max_rows": MAX_ROWS,
    }


def _agreement(pairs: pd.DataFrame) -> pd.DataFrame | None:
    """Limits of agreement as the page words them."""
    table = agreement_rows(pairs)
    if table is None:
        return None
    table = table.assign(method=table["method"].map(method_label))
    return table.rename(columns={"low": "lower limit", "high": "upper limit"})


def _baseline(inputs: ReportInputs) -> str:
    """The method that estimates by optimal control: whose corpus says so, or the usual name; empty if there is none."""
    if inputs.errors is None:
        return ""
    methods = set(inputs.errors["method"])
    of_role = [name for name, path in inputs.corpora.items() if Corpus(path).role == "baseline" and name in methods]
    return next(iter(of_role), OPTIMAL_CONTROL if OPTIMAL_CONTROL in methods else "")


def _against(inputs: ReportInputs, baseline: str) -> pd.DataFrame | None:
    """Every other method against the baseline; None without one, or without a shared trial."""
    if not baseline:
        return None
    table = paired_differences(inputs.errors, list(dict.fromkeys(inputs.errors["method"])), baseline)
    return table.assign(method=table["method"].map(method_label)) if len(table) else None
