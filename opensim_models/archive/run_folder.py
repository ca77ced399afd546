"""Run folder: where a motion run may write, and that only one does at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mocap_import.trial import TrialRefused

LOCK = "motion.lock"
_LOCK_OF_OLD, _JOURNAL_OF_IMPORT = "import.lock", "import.jsonl"
_MARKS = {
    "motion.csv": ("subject", "trial", "status", "marker_error_mm"),
    "residuals.csv": ("subject", "trial", "what", "rms_mm"),
    "scaling.csv": ("subject", "what", "value", "unit"),
}
"""Columns by which a table is known as one of a motion run, of whatever version."""


def refuse_foreign_folder(trials: Path, out: Path) -> None:
    """Refuse an output folder whose content a run would write over.

    Parameters
    ----------
    trials : Path
        The folder of converted trials, or one trial.
    out : Path

    Raises
    ------
    TrialRefused
        It is the folder of the trials or lies inside it, it is a file, or it holds tables of somebody else under the
        names of ours.
    """
    trials, out = Path(trials), Path(out)
    if out.exists() and not out.is_dir():
        raise TrialRefused(f"{out}: is a file; give a folder for the motion.")
    if trials.is_dir():
        here, there = trials.resolve(), out.resolve()
        if here == there or here in there.parents:
            where = "is the folder of the trials" if here == there else f"lies inside the folder of the trials {trials}"
            raise TrialRefused(f"{out}: {where}; give another folder for the motion, beside it.")
    for name in ("motion.json", *_MARKS):
        if (out / name).exists() and not _is_ours(out / name):
            raise TrialRefused(
                f"{out / name}: is no table of a motion run, and would be written over; move it away, or give another "
                "folder."
            )


def _is_ours(path: Path) -> bool:
    """Whether a table is one that a motion run wrote."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            columns = text.partition("\n")[0].strip().split(",")
            return {*_MARKS[path.name]} <= {*columns}
        rows = json.loads(text)
        return isinstance(rows, list) and all({*_MARKS["motion.csv"]} <= {*row} for row in rows)
    except (OSError, ValueError, TypeError):
        return False


@contextmanager
def run_lock(out: Path) -> Iterator[None]:
    """Hold a motion folder's lock; the system lets go of it however the process ends.

    A lock under the name of earlier versions is removed, as far as it is not that of an import into the same folder.

    Raises
    ------
    TrialRefused
        Another run holds it.
    """
    old = out / _LOCK_OF_OLD
    if old.is_file() and old.stat().st_size == 0 and not (out / _JOURNAL_OF_IMPORT).exists():
        old.unlink(missing_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows: no such lock; every product is still written whole
        yield
        return
    with (out / LOCK).open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrialRefused(f"{out}: another run is writing there; wait for it, or give another folder.") from None
        yield
