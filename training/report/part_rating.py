"""A page on which experts rate which part of a record matters: one HTML file, without a network, its answers as CSV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from training.explanation.rated_item import RatedItem, shown_items
from training.report.template import embed_data, render_page, write_page


def write_part_rating_page(out: Path, items: Sequence[RatedItem], title: str = "Which part matters?") -> Path:
    """Write the page; what it exports is read by `training.explanation.rated_item.read_ratings`.

    Parameters
    ----------
    out : Path
        The HTML file.
    items : sequence of RatedItem
        All with the same signals, parts and times. The page keeps answers in the browser until they are exported.
    title : str

    Returns
    -------
    Path
        `out`.
    """
    shown = shown_items(items)
    data = shown | {"study": hashlib.sha256(json.dumps(shown["items"]).encode()).hexdigest()[:12]}
    script = Path(__file__).with_name("part_rating.js").read_text(encoding="utf-8")
    page = render_page(
        "part_rating.html",
        scripts=[],
        title=title,
        n_items=len(items),
        data=embed_data(data),
        own_script=Markup(script),
    )
    return write_page(out, page)
