"""The corpus: self-describing HDF5, schema version 2 (``docs/corpus.md``)."""

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
