"""The report page: one HTML file that needs nothing else, no network, no server."""

from __future__ import annotations

import json
from pathlib import Path

from training.report.curves import collect_curves
from training.report.inputs import ReportInputs
from training.report.table import (
    ARCHIVE_COLUMNS,
    LABELS,
    MAX_ROWS,
    comparison_rows,
    coordinate_rows,
    cut,
    error_recipe,
    interval_rows,
    key_facts,
    subject_dots,
    timing_rows,
    verdict_sentences,
)
from training.report.template import embed_data, render_page, write_page


def write_report(inputs: ReportInputs, out: Path) -> Path:
    """Write a report.

    Parameters
    ----------
    inputs : ReportInputs
    out : Path
        The HTML file; it appears only when it is complete.

    Returns
    -------
    Path
        `out`.
    """
    curves = collect_curves(inputs.corpora)
    plots = {"curves": curves, "dots": subject_dots(inputs.errors), "labels": LABELS}
    has_plots = bool(curves.get("subjects") or plots["dots"])
    page = render_page(
        "page.html",
        scripts=["figure.js", "page.js"] if has_plots else [],
        inputs=inputs,
        data=embed_data(plots),
        has_curves=bool(curves.get("subjects")),
        has_dots=bool(plots["dots"]),
        facts=key_facts(inputs),
        sentences=verdict_sentences(inputs.comparison),
        comparison=comparison_rows(inputs.comparison),
        intervals=interval_rows(inputs.comparison),
        joints=coordinate_rows(inputs.errors),
        recipe=error_recipe(inputs.corpora),
        archive=cut(inputs.import_table, "status", ARCHIVE_COLUMNS),
        solutions=cut(inputs.solutions, "status"),
        spatiotemporal=cut(inputs.spatiotemporal, "subject"),
        timings=timing_rows(inputs.timings),
        provenance=json.dumps(inputs.provenance, indent=2, sort_keys=True, default=str),
        max_rows=MAX_ROWS,
    )
    return write_page(out, page)
