"""The report page: one HTML file that needs nothing else, no network, no server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

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
    format_cell,
    format_heading,
    interval_rows,
    key_facts,
    method_label,
    subject_dots,
    timing_rows,
    verdict_sentences,
)


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
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": format_cell, "heading": format_heading, "label": method_label}
    curves = collect_curves(inputs.corpora)
    plots = {"curves": curves, "dots": subject_dots(inputs.errors), "labels": LABELS}
    has_plots = bool(curves.get("subjects") or plots["dots"])
    page = environment.get_template("page.html").render(
        inputs=inputs,
        css=Markup((folder / "page.css").read_text(encoding="utf-8")),
        script=Markup((folder / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()) if has_plots else "",
        data=_embed(plots),
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
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.tmp-{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


def _embed(data: dict[str, Any]) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
