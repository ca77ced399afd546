"""A migrated corpus: a file of an older schema version written anew as one of this version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from synth.corpus.provenance import Provenance, versions
from synth.corpus.reader import Corpus
from synth.corpus.schema import SCHEMA_VERSION, CorpusMismatch
from synth.corpus.writer import CorpusWriter


def migrate_corpus(source: Path | str, out: Path | str) -> int:
    """Write a corpus of an older schema version anew; return the number of trials.

    Role, seed, configuration, sources and splits stay; the configuration says which version and which software it
    comes from. The same file gives the same bytes.

    Raises
    ------
    CorpusMismatch
        The source is no corpus, is of this version already or of a newer one; `out` cannot be written.
    """
    old = Corpus(source)
    if old.version == SCHEMA_VERSION:
        raise CorpusMismatch(f"{source} is of schema version {SCHEMA_VERSION} already; there is nothing to migrate.")
    writer = CorpusWriter(out, role=old.role, splits=old.splits)
    writer.provenance = carried_provenance(old)
    with writer:
        writer.copy_trials(old)
    return len(old.trials())


def carried_provenance(old: Corpus) -> Provenance:
    """Provenance of a corpus for a copy of its trials; one of an older version says so, with what had made it."""
    made = old.provenance
    if old.version == SCHEMA_VERSION:
        return made
    said = {"migrated": {"from_version": old.version, "versions": made.versions}}
    return replace(made, versions=versions(), config=made.config | said)
