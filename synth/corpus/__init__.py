"""The corpus: self-describing HDF5, schema version 1 (``docs/corpus.md``)."""

from synth.corpus.check import Finding, check_corpus
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial, MuscleActivity
from synth.corpus.writer import CorpusWriter, merge_corpora
from synth.imu.error_recipe import ImuErrors

__all__ = [
    "Corpus",
    "CorpusMismatch",
    "CorpusTrial",
    "CorpusWriter",
    "Finding",
    "ImuErrors",
    "MuscleActivity",
    "check_corpus",
    "merge_corpora",
]
