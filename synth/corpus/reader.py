"""The reader of corpora: lazy, safe on foreign files, and the same records for every reader.

Nothing is kept open: each call opens the file, so a `Corpus` may be copied to other processes (fork, spawn, pickle).
A foreign file is not trusted (see `synth.corpus.node`).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.migration import migrated
from synth.corpus.node import CorpusNode, open_node
from synth.corpus.provenance import Provenance
from synth.corpus.schema import READ_VERSIONS, SCHEMA_NAME, SOLUTION_UNITS, CorpusMismatch
from synth.corpus.stored_segment import stored_segments
from synth.corpus.stored_skeleton import skeleton_of
from synth.corpus.subject_split import SubjectSplit
from synth.corpus.trial import CorpusTrial, MuscleActivity, SolutionFacts
from synth.imu.error_recipe import ImuErrors, apply_errors
from synth.imu.recording import ImuRecording, SensorPlacement

_HASH = re.compile("[0-9a-f]{64}")


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
            try:
                self.provenance = Provenance.from_json(node.text("provenance"))
                self.splits = tuple(SubjectSplit.from_dict(split) for split in json.loads(node.text("splits")))
            except (ValueError, TypeError, KeyError) as error:
                raise CorpusMismatch(
                    f"{self.path}: provenance or splits are not the expected JSON ({error})."
                ) from error
            self._trials = tuple(
                (code, name)
                for code, person in node.child("subjects").children()
                for name, _ in person.child("trials").children()
            )
            self._known = frozenset(self._trials)

    def trials(self) -> list[tuple[str, str]]:
        """(subject code, trial name) of every trial, sorted."""
        return list(self._trials)

    def subjects(self) -> list[Subject]:
        """Every subject, sorted by code."""
        with open_node(self.path) as node:
            return [_subject(code, person) for code, person in node.child("subjects").children()]

    def read(self, subject: str, name: str, clean: bool = False) -> CorpusTrial:
        """Read one trial.

        Parameters
        ----------
        subject, name : str
            As `trials` gives them.
        clean : bool
            False applies the stored error recipe (identical on each read); True gives the records as stored.

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
            trial = _trial(stored, name, _subject(subject, person))
            if self.version > 1:
                trial = replace(trial, **_since_version_2(node, stored))
        trial = migrated(trial, self.version)
        if clean or trial.errors is None:
            return trial
        worn = apply_errors(trial.recordings, trial.errors, subject=subject, trial=name)
        return replace(trial, recordings=worn)

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


def _subject(code: str, person: CorpusNode) -> Subject:
    mass, height, age = (float(person.attribute(key)) for key in ("mass", "height", "age"))
    return Subject(code=code, mass=mass, height=height, sex=str(person.attribute("sex")), age=age)


def _trial(node: CorpusNode, name: str, subject: Subject) -> CorpusTrial:
    rate, n_frames = float(node.attribute("rate")), int(node.attribute("n_frames"))
    recordings, errors = (), None
    if node.has("imu"):
        imu = node.child("imu")
        recordings = _recordings(imu, rate, n_frames)
        recipe = imu.attribute("errors", None)
        try:
            errors = ImuErrors.from_json(recipe) if recipe is not None else None
        except ValueError as error:
            raise CorpusMismatch(f"{imu.where}: {error}") from error
    treatments = node.child("treatments")
    pairs = zip(treatments.texts("what"), treatments.texts("detail"), strict=True)
    return CorpusTrial(
        name=name,
        subject=subject,
        rate=rate,
        recordings=recordings,
        errors=errors,
        kinematics=_kinematics(node.child("kinematics"), rate, n_frames) if node.has("kinematics") else None,
        kinetics=_kinetics(node.child("kinetics"), rate, n_frames) if node.has("kinetics") else None,
        activity=_activity(node.child("emg"), rate, n_frames) if node.has("emg") else None,
        events=_events(node.child("events")),
        task=str(node.attribute("task")),
        belt_speed=float(node.attribute("belt_speed")),
        spatiotemporal=_spatiotemporal(node),
        status=str(node.attribute("status")),
        reason=node.text("reason"),
        source=str(node.attribute("source")),
        source_hash=str(node.attribute("source_hash")),
        treatments=tuple(Treatment(what, detail) for what, detail in pairs),
        seconds=float(node.attribute("seconds")),
    )


def _since_version_2(root: CorpusNode, node: CorpusNode) -> dict[str, object]:
    """What a trial holds that version 1 did not."""
    name = str(node.attribute("skeleton"))
    if name and not _HASH.fullmatch(name):
        raise CorpusMismatch(f"{node.where}: expected the SHA-256 of a skeleton of this file, found {name[:80]!r}.")
    return {
        "start_time": float(node.attribute("start_time")),
        "session": str(node.attribute("session")),
        "skeleton": _skeleton(root.child("skeletons"), name) if name else None,
        "solutions": _solutions(node) if node.has("solutions") else (),
        "segments": stored_segments(node.child("segments"), node) if node.has("segments") else (),
    }


def _skeleton(skeletons: CorpusNode, name: str) -> Skeleton:
    return skeleton_of(name, skeletons.text(name), f"{skeletons.where}/{name[:12]}")


def _solutions(node: CorpusNode) -> tuple[SolutionFacts, ...]:
    rows = node.array("solutions", (-1, len(SOLUTION_UNITS)))
    if not np.isfinite(rows[:, [list(SOLUTION_UNITS).index(key) for key in ("iterations", "n_nodes")]]).all():
        raise CorpusMismatch(f"{node.where}/solutions: expected counts of iterations and nodes, found NaN.")
    facts = [SolutionFacts(**dict(zip(SOLUTION_UNITS, map(float, row), strict=True))) for row in rows]
    counts = ("iterations", "n_nodes")
    return tuple(
        replace(fact, converged=fact.converged == 1.0, **{key: int(getattr(fact, key)) for key in counts})
        for fact in facts
    )


def _recordings(imu: CorpusNode, rate: float, n_frames: int) -> tuple[ImuRecording, ...]:
    sensors, segments = imu.texts("sensors"), imu.texts("segments")
    n = len(sensors)
    records = imu.array("records", (n_frames, n, 6))
    offsets, mountings = imu.array("offsets", (n, 3)), imu.array("mountings", (n, 4))
    if len(segments) != n or not np.allclose(np.linalg.norm(mountings, axis=1), 1.0, atol=1e-6):
        raise CorpusMismatch(f"{imu.where}: expected a segment and a unit quaternion for each of {n} sensors.")
    recordings = []
    for i, (sensor, segment) in enumerate(zip(sensors, segments, strict=True)):
        mounting = Rotation(mountings[i, [1, 2, 3, 0]], normalize=False)  # to the last bit: rebuilding is exact
        placement = SensorPlacement(sensor, segment, offsets[i], mounting)
        force, turn = np.ascontiguousarray(records[:, i, :3]), np.ascontiguousarray(records[:, i, 3:])
        recordings.append(ImuRecording(placement, force, turn, rate))
    return tuple(recordings)


def _kinematics(node: CorpusNode, rate: float, n_frames: int) -> Kinematics:
    coordinates = tuple(node.texts("coordinates"))
    return Kinematics(coordinates, node.array("values", (n_frames, len(coordinates))), rate)


def _kinetics(node: CorpusNode, rate: float, n_frames: int) -> Kinetics:
    coordinates = tuple(node.texts("coordinates"))
    muscles = tuple(node.texts("muscles")) if node.has("muscles") else ()
    activations = node.array("activations", (n_frames, len(muscles))) if muscles else np.empty((0, 0))
    return Kinetics(
        coordinates=coordinates,
        generalized_forces=node.array("generalized_forces", (n_frames, len(coordinates))),
        rate=rate,
        ground_reactions=tuple(
            GroundReaction(
                force=plate.array("force", (n_frames, 3)),
                centre_of_pressure=plate.array("centre_of_pressure", (n_frames, 3)),
                free_moment=plate.array("free_moment", (n_frames,)),
                rate=rate,
                foot=str(plate.attribute("foot")),
                name=str(plate.attribute("name")),
            )
            for _, plate in node.child("ground_reactions").children()
        ),
        muscles=muscles,
        activations=activations,
    )


def _activity(node: CorpusNode, rate: float, n_frames: int) -> MuscleActivity:
    channels, muscles, sides = (tuple(node.texts(name)) for name in ("channels", "muscles", "sides"))
    envelopes = node.array("envelopes", (n_frames, len(channels)))
    return MuscleActivity(channels, muscles, sides, envelopes, rate, str(node.attribute("recipe")))


def _events(node: CorpusNode) -> tuple[GaitEvent, ...]:
    times = node.array("time", (-1,))
    words = [node.texts(word) for word in ("foot", "kind", "source")]
    if any(len(column) != len(times) for column in words):
        raise CorpusMismatch(f"{node.where}: foot, kind and source must have one word for each of {len(times)} times.")
    return tuple(GaitEvent(float(t), *row) for t, *row in zip(times, *words, strict=True))


def _spatiotemporal(node: CorpusNode) -> dict[str, float]:
    values = node.array("spatiotemporal", (-1,))
    names = np.atleast_1d(node.dataset("spatiotemporal").attrs.get("names", []))
    if len(names) != len(values):
        raise CorpusMismatch(f"{node.where}/spatiotemporal: {len(values)} values with {len(names)} names.")
    return {str(name): float(value) for name, value in zip(names, values, strict=True)}
