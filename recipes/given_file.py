"""Given file: what a setting names must be there and be what it is meant to be, before anything is made with it."""

from __future__ import annotations

from pathlib import Path

from synth.corpus.node import open_node
from synth.corpus.schema import SCHEMA_NAME, CorpusMismatch


def what_is_there(path: Path) -> str:
    """What is in the place of a file: ``"is a folder, not a file"`` or ``"is not there"``; empty if it is a file."""
    if path.is_file():
        return ""
    return "is a folder, not a file" if path.is_dir() else "is not there"


def refuse_no_file(setting: str, path: Path, advice: str) -> None:
    """Refuse what is no file.

    Parameters
    ----------
    setting : str
        That names it.
    path : Path
    advice : str
        A sentence: what to give.

    Raises
    ------
    CorpusMismatch
    """
    found = what_is_there(path)
    if found:
        raise CorpusMismatch(f"setting {setting}: {path} {found}. {advice}")


def refuse_no_corpus(setting: str, path: Path, advice: str) -> None:
    """Refuse what is no corpus, without a look at its trials; parameters and errors as `refuse_no_file`."""
    refuse_no_file(setting, path, advice)
    try:
        with open_node(path) as node:
            is_corpus = node.attribute("schema", "") == SCHEMA_NAME
    except CorpusMismatch as problem:
        raise CorpusMismatch(f"setting {setting}: {problem} {advice}") from None
    if not is_corpus:
        raise CorpusMismatch(f"setting {setting}: {path} is an HDF5 file, but no corpus. {advice}")
