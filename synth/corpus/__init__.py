"""The corpus: self-describing HDF5, schema version 3 (``docs/corpus.md``).

Names are imported when they are used, so that a command that only needs to know `CorpusMismatch` opens quickly.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth.corpus.check import check_corpus
    from synth.corpus.datasheet import write_datasheet
    from synth.corpus.finding import Finding
    from synth.corpus.leak import find_leaks
    from synth.corpus.migrated_corpus import migrate_corpus
    from synth.corpus.reader import Corpus
    from synth.corpus.schema import CorpusMismatch
    from synth.corpus.trial import CorpusTrial, MuscleActivity, SolutionFacts
    from synth.corpus.writer import CorpusWriter, merge_corpora
    from synth.imu.error_recipe import ImuErrors

_HOMES = {
    "Corpus": "synth.corpus.reader",
    "CorpusMismatch": "synth.corpus.schema",
    "CorpusTrial": "synth.corpus.trial",
    "CorpusWriter": "synth.corpus.writer",
    "Finding": "synth.corpus.finding",
    "ImuErrors": "synth.imu.error_recipe",
    "MuscleActivity": "synth.corpus.trial",
    "SolutionFacts": "synth.corpus.trial",
    "check_corpus": "synth.corpus.check",
    "find_leaks": "synth.corpus.leak",
    "merge_corpora": "synth.corpus.writer",
    "migrate_corpus": "synth.corpus.migrated_corpus",
    "write_datasheet": "synth.corpus.datasheet",
}

__all__ = [
    "Corpus",
    "CorpusMismatch",
    "CorpusTrial",
    "CorpusWriter",
    "Finding",
    "ImuErrors",
    "MuscleActivity",
    "SolutionFacts",
    "check_corpus",
    "find_leaks",
    "merge_corpora",
    "migrate_corpus",
    "write_datasheet",
]


def __getattr__(name: str) -> object:
    """Import one of the names above."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
