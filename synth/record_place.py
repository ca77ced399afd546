"""Record place: whether records may be written where they are to go, asked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mocap_import.trial_store import SUFFIX


def check_record_places(outputs: Iterable[Path], inputs: Iterable[Path | None], *, force: bool = False) -> None:
    """Refuse to write over what is read, over a converted trial, or over a file that shall stay.

    Parameters
    ----------
    outputs : iterable of Path
        Every file that will be written.
    inputs : iterable of Path or None
        Files and folders that will be read; None is passed over.
    force : bool
        Replace files that are there; inputs and converted trials stay all the same.

    Raises
    ------
    ValueError
        In one sentence.
    """
    read = [place for place in inputs if place is not None]
    written: set[Path] = set()
    for out in outputs:
        if any(_same(out, place) for place in read):
            raise ValueError(f"{out}: records are made from this file, so it stays; choose another name.")
        if out.name.lower().endswith(SUFFIX):
            raise ValueError(f"{out}: {SUFFIX} is the ending of converted trials; name the corpus {_plain(out)}.")
        if out.is_dir():
            raise ValueError(f"{out}: this is a folder; name a file in it, e.g. {out / 'records.h5'}.")
        if out.exists() and not force:
            raise ValueError(f"{out}: this file is there already; choose another name, or replace it with --force.")
        if out.resolve() in written:
            raise ValueError(f"{out}: two outputs would go to this file; give them different names.")
        written.add(out.resolve())


def _same(first: Path, second: Path) -> bool:
    """Whether two names are one file, by whatever link."""
    if first.exists() and second.exists():
        return first.samefile(second)
    return first.resolve() == second.resolve()


def _plain(out: Path) -> Path:
    return out.with_name(out.name[: -len(SUFFIX)] + ".h5")
