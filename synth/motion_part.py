"""The parts of a motion corpus in the making: one small corpus a trial file, so that a run goes on where it stopped.

They lie in a folder beside the corpus to be (``walking.h5.parts``), which is removed when that is complete. The name of
a part holds a hash of everything it was made from; a part that is there is whole and fits, whatever ended the run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from synth.corpus.lock import CorpusLock
from synth.corpus.provenance import versions
from synth.corpus.reader import Corpus
from synth.corpus.recipe_source import motion_files, motion_hash
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter, cannot_write
from synth.record_settings import RecordSettings

Made = tuple[dict, CorpusTrial | None]
"""Row of the table, and the trial unless it was refused or static."""


def parts_folder(out: Path) -> Path:
    """Where the parts of a corpus lie while it is made."""
    return out.with_name(f"{out.name}.parts")


@contextmanager
def open_parts(out: Path) -> Iterator[Path]:
    """The folder of parts of `out`, for one run at a time; what a killed run left there is used.

    Raises
    ------
    CorpusMismatch
        Another process makes this corpus, or the folder cannot be made.
    """
    folder = parts_folder(out)
    lock = CorpusLock(out, folder)
    while True:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(out, error) from error
        try:
            lock.acquire()
            break
        except FileNotFoundError:  # the run before us ended and removed the folder just now
            continue
        except OSError as error:
            raise cannot_write(out, error) from error
    try:
        yield folder
    finally:
        lock.release()


def subject_fingerprint(files: Sequence[Path], hashes: dict[str, str], motion: Path, settings: RecordSettings) -> str:
    """Hash of everything that shapes the records of one subject.

    All files of the subject count for each of its trials, because they share the facts of the first.

    Parameters
    ----------
    files : sequence of Path
        Trials of the subject.
    hashes : dict
        ``subject/file`` → SHA-256.
    motion : Path
        Folder with ``<subject>/skeleton.json`` and ``<subject>/<trial>.mot``.
    settings : RecordSettings
    """
    motions = motion_files(motion / files[0].parent.name, files)
    facts = {
        "trials": [[file.name, hashes[source_name(file)]] for file in files],
        "motion": [[path.name, motion_hash(path)] for path in motions],
        "settings": settings.config(),
        "scaled": settings.scaled,
        "placements": [
            [p.sensor, p.segment, list(map(float, p.offset)), p.mounting.as_quat().tolist()]
            for p in settings.placements
        ],
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def source_name(file: Path) -> str:
    """Name of a trial file among the sources of a corpus."""
    return f"{file.parent.name}/{file.name}"


def part_of(folder: Path, file: Path, fingerprint: str) -> Path:
    """Place of the part of one trial file."""
    return folder / (hashlib.sha256(f"{fingerprint} {source_name(file)}".encode()).hexdigest()[:40] + ".h5")


def save_part(part: Path, row: dict, trial: CorpusTrial | None) -> None:
    """Store what came of one trial file; the part has its name only when it is whole.

    Raises
    ------
    CorpusMismatch
        The trial does not fit a corpus, or the disk is full.
    """
    plain = [[key, value.item() if isinstance(value, np.generic) else value] for key, value in row.items()]
    own = part.with_name(f"{os.getpid()}-{part.name}")  # a dying worker of a killed run may still write the same part
    with CorpusWriter(own, config={"row": plain}) as writer:
        if trial is not None:
            writer.append(trial)
    own.replace(part)


def load_part(part: Path) -> Made | None:
    """What `save_part` stored; None if there is no such part, or a damaged one."""
    try:
        corpus = Corpus(part)
        row = dict(corpus.provenance.config["row"])
        keys = corpus.trials()
        return row, corpus.read(*keys[0], clean=True) if keys else None
    except (CorpusMismatch, KeyError, ValueError, TypeError):
        return None
