"""The datasheet of a corpus: one page, made from the file alone, without a network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from mocap_import.durable_file import os_words, write_durably
from synth.corpus.corpus_facts import corpus_facts
from synth.corpus.schema import CorpusMismatch


def write_datasheet(corpus: Path | str, out: Path | str | None = None) -> Path:
    """Write the datasheet of a corpus.

    Parameters
    ----------
    corpus : Path
    out : Path, optional
        The page (.html); beside the corpus by default.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    CorpusMismatch
        The file is no corpus, or the page cannot be written.
    """
    corpus = Path(corpus)
    out = corpus.with_name(f"{corpus.stem}_sheet.html") if out is None else Path(out)
    if out.suffix.lower() not in (".html", ".htm") or out == corpus:
        raise CorpusMismatch(f"{out}: expected a page (.html) to write the datasheet to.")
    page = datasheet_html(corpus)
    try:
        write_durably(out, page)
    except OSError as error:
        raise CorpusMismatch(f"{out} cannot be written ({os_words(error)}). Choose another folder.") from error
    return out


def datasheet_html(corpus: Path | str) -> str:
    """Return the page of a corpus: everything that a file says of itself is escaped."""
    environment = Environment(
        loader=PackageLoader("synth.corpus", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["spread"] = _spread
    return environment.get_template("datasheet.html").render(**corpus_facts(corpus))


def _spread(values: dict[str, float], unit: str = "", factor: float = 1.0, digits: int = 3) -> str:
    """Median and range in words."""
    if not values["n"]:
        return "unknown"
    least, median, most = (f"{factor * values[key]:.{digits}g}" for key in ("least", "median", "most"))
    return f"{median} {unit} ({least} to {most}, n = {values['n']})".replace("  ", " ")
