"""The reader of corpora: lazy, safe on foreign files, and the same records for every reader.

Nothing is kept open: each call opens the file, so a `Corpus` may be copied to other processes (fork, spawn, pickle).
A foreign file is not trusted (see `synth.corpus.node`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import Treatment
from synth.corpus.array_origin import ArrayOrigin
from synth.corpus.array_place import ArrayPlace, place_of
from synth.corpus.decoding import decoded_trial, origins_of_trial, since_version_2, treatments_of_trial
from synth.corpus.drawn_movement import drawn_movement
from synth.corpus.measured_time import MeasuredTime, read_times, run_mark
from synth.corpus.migration import migrated
from synth.corpus.node import CorpusNode, open_node
from synth.corpus.provenance import Provenance
from synth.corpus.schema import (
    READ_VERSIONS,
    SCHEMA_NAME,
    CorpusMismatch,
)
from synth.corpus.subject_split import SubjectSplit
from synth.corpus.trial import CorpusTrial
from synth.corpus.trial_index import stored_index
from synth.imu.error_recipe import apply_errors, errors_of_epoch

_DRAWN = ("motion", "reference")
"""Roles of corpora whose trials other movements are drawn from."""


class Corpus:
    """A corpus on disk, read trial by trial.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    version : int
        Of the schema of the file; trials of an older one are brought up to date as they are read.
    role : str
        ``"motion"``, ``"reference"``, ``"baseline"`` or ``"prediction"``.
    provenance : Provenance
    splits : tuple of SubjectSplit

    Raises
    ------
    CorpusMismatch
        If the file is missing, is no HDF5, no corpus, of an unknown schema version, or holds links out of itself.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with open_node(self.path) as node:
            if node.attribute("schema", "") != SCHEMA_NAME:
                raise CorpusMismatch(
                    f"{self.path} is an HDF5 file but not a corpus: no attribute schema={SCHEMA_NAME!r}."
                )
            version = node.attribute("schema_version", None)
            if version not in READ_VERSIONS:
                raise CorpusMismatch(
                    f"{self.path} has corpus schema version {version}; this kinesynth reads versions "
                    f"{' and '.join(map(str, READ_VERSIONS))}. Use the kinesynth that wrote it, or a newer one."
                )
            self.version = int(version)
            self.role = str(node.attribute("role"))
            made = node.text("provenance")
            self._mark = run_mark(made)
            self._times: dict[tuple[str, str], MeasuredTime] | None = None
            try:
                self.provenance = Provenance.from_json(made)
                self.splits = tuple(SubjectSplit.from_dict(split) for split in json.loads(node.text("splits")))
            except (ValueError, TypeError, KeyError) as error:
                raise CorpusMismatch(
                    f"{self.path}: provenance or splits are not the expected JSON ({error})."
                ) from error
            index = stored_index(node)
            self._trials = _names(node) if index is None else index.keys
            self._known = frozenset(self._trials)

    def trials(self) -> list[tuple[str, str]]:
        """(subject code, trial name) of every trial, sorted."""
        return list(self._trials)

    def subjects(self) -> list[Subject]:
        """Every subject, sorted by code."""
        with open_node(self.path) as node:
            return [_subject(code, person) for code, person in node.child("subjects").children()]

    def read(self, subject: str, name: str, clean: bool = False, epoch: int = 0) -> CorpusTrial:
        """Read one trial.

        Parameters
        ----------
        subject, name : str
            As `trials` gives them.
        clean : bool
            False draws by the stored recipes of movement and errors (identical on each read); True gives what is
            stored.
        epoch : int
            Another one draws anew, from the stored seeds; 0 is what everybody reads.

        Raises
        ------
        CorpusMismatch
            If there is no such trial, or what is stored is not what the schema promises.
        """
        if (subject, name) not in self._known:
            near = ", ".join(trial for code, trial in self._trials if code == subject) or "no such subject"
            raise CorpusMismatch(f"{self.path} holds no trial {subject}/{name}; of that subject: {near}.")
        with open_node(self.path) as node:
            person = node.child("subjects").child(subject)
            stored = person.child("trials").child(name)
            trial = decoded_trial(stored, name, _subject(subject, person))
            if self.version > 1:
                trial = replace(trial, **since_version_2(node, stored, self.version))
        if self.version > 2 and (time := self._measured().get((subject, name))) is not None:
            trial = time.placed_in(trial)
        trial = migrated(trial, self.version)
        if clean:
            return trial
        if trial.movement is not None and self.role in _DRAWN:  # an estimate is one of what was drawn
            trial = drawn_movement(trial, trial.movement, epoch)
        if trial.errors is None:
            return trial
        worn = apply_errors(trial.recordings, errors_of_epoch(trial.errors, epoch), subject=subject, trial=name)
        return replace(trial, recordings=worn)

    def _measured(self) -> dict[tuple[str, str], MeasuredTime]:
        """Times of the run that made the corpus, read when they are first asked for."""
        if self._times is None:
            self._times = read_times(self.path, self._mark)
        return self._times

    def origins(self, subject: str, name: str) -> tuple[ArrayOrigin, ...]:
        """Origins of the arrays of one trial, without reading the arrays; none in a corpus of version 1 or 2."""
        with open_node(self.path) as node:
            return origins_of_trial(node, node.child("subjects").child(subject).child("trials").child(name))

    def treatments(self, subject: str, name: str) -> tuple[Treatment, ...]:
        """What was repaired or assumed in one trial, without reading its arrays."""
        with open_node(self.path) as node:
            return treatments_of_trial(node.child("subjects").child(subject).child("trials").child(name))

    def summary(self) -> list[dict[str, object]]:
        """One plain row a trial (names, rate, frames, task, status, sensors), without reading the arrays."""
        rows = []
        with open_node(self.path) as node:
            for code, name in self._trials:
                trial = node.child("subjects").child(code).child("trials").child(name)
                row = {"subject": code, "trial": name}
                row |= {key: trial.attribute(key) for key in ("task", "rate", "n_frames", "status")}
                row["reason"] = trial.text("reason")
                row["sensors"] = trial.child("imu").texts("sensors") if trial.has("imu") else []
                row["kinematics"], row["kinetics"] = trial.has("kinematics"), trial.has("kinetics")
                rows.append(row)
        return rows

    def map_imu(self, subject: str, name: str) -> np.ndarray:
        """Clean records (n_frames, n_sensors, 6) float32 of a trial as a read-only memory map, for random windows."""
        with open_node(self.path) as node:
            records = node.child("subjects").child(subject).child("trials").child(name).child("imu").dataset("records")
            offset, shape, dtype = records.id.get_offset(), records.shape, records.dtype
        if offset is None:
            return np.empty(shape, dtype)
        return np.memmap(self.path, dtype=dtype, mode="r", offset=offset, shape=shape)

    def value_places(self, subject: str, name: str) -> dict[str, ArrayPlace]:
        """Where the values of a trial lie in the file, for random windows of labels.

        Returns
        -------
        dict of str to ArrayPlace
            ``"kinematics"``, ``"kinetics"`` (generalized forces) and ``"force 0"``, ``"force 1"`` ... (ground
            reactions, in the order of `CorpusTrial.kinetics`), of those that the trial holds.
        """
        with open_node(self.path) as node:
            trial = node.child("subjects").child(subject).child("trials").child(name)
            found = {}
            if trial.has("kinematics"):
                found["kinematics"] = place_of(trial.child("kinematics"), "values")
            if trial.has("kinetics"):
                kinetics = trial.child("kinetics")
                found["kinetics"] = place_of(kinetics, "generalized_forces")
                plates = kinetics.child("ground_reactions").children()
                found |= {f"force {number}": place_of(plate, "force") for number, (_, plate) in enumerate(plates)}
            return found


def _names(node: CorpusNode) -> tuple[tuple[str, str], ...]:
    """Subject and trial of every trial, of a file without an index."""
    return tuple(
        (code, name)
        for code, person in node.child("subjects").children()
        for name, _ in person.child("trials").children()
    )


def _subject(code: str, person: CorpusNode) -> Subject:
    mass, height, age = (float(person.attribute(key)) for key in ("mass", "height", "age"))
    return Subject(code=code, mass=mass, height=height, sex=str(person.attribute("sex")), age=age)
