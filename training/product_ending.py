"""Product ending: tables are written as .csv and corpora as .h5, so that no file passes for one of another kind."""

from __future__ import annotations

from pathlib import Path

from training.config import ConfigRefused

TABLE, CORPUS = ".csv", ".h5"


def refuse_ending(out: Path, ending: str, name: str = "OUT") -> None:
    """Refuse a place for a product under the ending of another kind.

    Parameters
    ----------
    out : Path
    ending : str
        `TABLE` or `CORPUS`: what is written there.
    name : str
        Of the option or argument.

    Raises
    ------
    ConfigRefused
    """
    if out.suffix.lower() != ending:
        what = "a table" if ending == TABLE else "a corpus of estimates"
        raise ConfigRefused(f"{name} {out}: {what} is written there; name a file that ends in {ending}.")
