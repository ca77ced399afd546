"""Picture file: figures as .png, .svg or .pdf, or on one self-contained .html page with their table."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from mocap_import.durable_file import durable_place, write_durably

FORMATS = (".png", ".svg", ".pdf")
PAGE = ".html"
_DOTS_PER_INCH = 110
_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1500px;color:#222}"
    "img{max-width:100%}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}"
)


def check_picture_place(path: Path) -> None:
    """Refuse a kind of picture that cannot be written.

    Raises
    ------
    ValueError
    """
    if path.suffix.lower() not in (*FORMATS, PAGE):
        raise ValueError(f"{path}: expected a picture ({', '.join(FORMATS)}) or a page ({PAGE}).")


def save_picture(
    path: Path, title: str, figure: Figure, rows: Sequence[Mapping[str, str]] = (), notes: Sequence[str] = ()
) -> None:
    """Write a figure; on a page with its table and notes.

    Parameters
    ----------
    path : Path
        The suffix chooses.
    title : str
    figure : Figure
    rows : sequence of mappings
        Column → text.
    notes : sequence of str

    Raises
    ------
    ValueError
        Another suffix.
    """
    check_picture_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == PAGE:
        write_durably(path, _page(title, figure, rows, notes))
        return
    with durable_place(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=_DOTS_PER_INCH)


def _page(title: str, figure: Figure, rows: Sequence[Mapping[str, str]], notes: Sequence[str]) -> str:
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=_DOTS_PER_INCH)
    parts = [f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>']
    parts.append(f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>")
    if rows:
        parts.append("<table><tr>" + "".join(f"<th>{escape(name)}</th>" for name in rows[0]) + "</tr>")
        parts += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row.values()) + "</tr>" for row in rows]
        parts.append("</table>")
    parts += [f"<p>{escape(note)}</p>" for note in notes]
    encoded = base64.b64encode(picture.getvalue()).decode()
    parts.append(f'<img alt="{escape(title)}" src="data:image/png;base64,{encoded}"></body></html>')
    return "\n".join(parts) + "\n"
