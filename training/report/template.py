"""The frame of every page: one HTML file with its style, scripts and data inside, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from mocap_import.durable_file import write_durably
from training.report.table import format_cell, format_heading, method_label


def render_page(template: str, *, scripts: Sequence[str], **content: Any) -> str:
    """Fill a template.

    Parameters
    ----------
    template : str
        File in this folder.
    scripts : sequence of str
        Files in this folder, run in this order after plotly; without any, plotly is left out.
    **content
        What the template names; text is escaped.

    Returns
    -------
    str
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
    return environment.get_template(template).render(
        css=Markup((folder / "page.css").read_text(encoding="utf-8")),
        script=Markup("\n".join((folder / name).read_text(encoding="utf-8") for name in scripts)),
        plotly=Markup(get_plotlyjs()) if scripts else "",
        **content,
    )


def embed_data(data: dict[str, Any]) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def write_page(out: Path, text: str) -> Path:
    """Write a page; an interrupted write leaves an earlier one intact."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_durably(out, text)
    return out
