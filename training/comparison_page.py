"""Comparison page: the tables of a comparison in one self-contained HTML file, persons under neutral names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from training.comparison import MEASURES
from training.method_comparison import MethodComparison
from training.method_table import KINDS, reading_table
from training.report.template import render_page, write_page

CAPTION = (
    "Mean ± SD over persons [95 % interval, bootstrap over persons]; a row with fewer than three persons is a case and "
    "has no interval. Labels: trials with true values that the method learnt from. Waits for: what must be over before "
    "an estimate is there. Times of estimates are CPU, one thread; training is by the clock. "
    "Refused: trials of which it has no value. %BWBH: % of body weight × height; %BW: % of body weight."
)


def write_comparison_page(found: MethodComparison, out: Path, *, title: str = "", keep_names: bool = False) -> Path:
    """Write the page.

    Parameters
    ----------
    found : MethodComparison
    out : Path
        HTML file; it appears only when it is complete.
    title : str
    keep_names : bool
        Show subjects' codes as they are, else ``Subject 1, 2, ...`` in the order of their codes.

    Returns
    -------
    Path
        `out`.
    """
    codes = sorted(set(found.errors["subject"]) | set(found.synchronisation.get("subject", ())))
    names = {code: code if keep_names else f"Subject {k + 1}" for k, code in enumerate(codes)}
    audit = found.synchronisation
    if len(audit):
        audit = audit.assign(subject=audit["subject"].map(names))
    page = render_page(
        "comparison_page.html",
        scripts=(),
        title=title or "Methods side by side",
        n_subjects=found.errors["subject"].nunique(),
        methods=reading_table(found.methods),
        caption=CAPTION,
        tests=_tests(found.tests),
        joints=_joints(found.joints),
        subjects=_subjects(found.subjects, names),
        synchronisation=audit,
        intervals=found.intervals,
        rule=found.rule,
    )
    return write_page(out, page)


def _tests(tests: pd.DataFrame) -> pd.DataFrame:
    if not len(tests):
        return tests
    label = [_heading(m) for m in tests["measure"]]
    return tests.assign(measure=label).drop(columns=["unit"])


def _joints(joints: pd.DataFrame) -> pd.DataFrame:
    """One row a coordinate and measure, methods across."""
    if not len(joints):
        return joints
    wide = joints.pivot_table(
        index=["kind", "coordinate", "measure", "unit"], columns="method", values="mean", sort=False
    )
    wide = wide.sort_index(level=0, key=lambda level: level.map(KINDS.index), sort_remaining=False)
    return wide.reset_index()


def _subjects(subjects: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """One row a measure and person, methods across."""
    wide = subjects.pivot_table(index=["measure", "subject"], columns="method", values="value", sort=False)
    wide = wide.reset_index()
    return wide.assign(measure=[_heading(m) for m in wide["measure"]], subject=wide["subject"].map(names))


def _heading(name: str) -> str:
    measure = MEASURES[name]
    return measure.label if measure.unit == "1" else f"{measure.label} ({measure.unit})"
