"""The user's own people, as a source that the run depends on."""

from __future__ import annotations

from pathlib import Path

from mocap_import.product import product_hash
from recipes.run import Run
from synth.corpus.schema import CorpusMismatch


def target_content(run: Run) -> object:
    """Hash of the user's corpus; empty without one.

    Raises
    ------
    CorpusMismatch
        If the file is missing.
    """
    if not run.settings.target:
        return ""
    path = Path(run.settings.target)
    if not path.is_file():
        raise CorpusMismatch(f"target {path}: there is no such file. Give a corpus (.h5) of your own people.")
    return product_hash([path])
