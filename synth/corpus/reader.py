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
from synth.corpus.array_origin import ArrayOrigin
from synth.corpus.array_place import ArrayPlace, place_of
from synth.corpus.drawn_movement import drawn_movement
from synth.corpus.measured_time import MeasuredTime, read_times, run_mark
from synth.corpus.migration import migrated
from synth.corpus.node import CorpusNode, open_node
from synth.corpus.provenance import Provenance
from synth.corpus.schema import (
    READ_VERSIONS,
    SCHEMA_NAME,
    SOLUTION_UNITS,
    TIMED_SOLUTION_UNITS,
    CorpusMismatch,
)
from synth.corpus.stored_origin import origins_from
from synth.corpus.stored_segment import stored_segments
from synth.corpus.stored_skeleton import skeleton_of
from synth.corpus.subject_split import SubjectSplit
from synth.corpus.trial import CorpusTrial, MuscleActivity, SolutionFacts
from synth.corpus.trial_index import stored_index
from synth.imu.error_recipe import ImuErrors, apply_errors, errors_of_epoch
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.recording import ImuRecording, SensorPlacement

_HASH = re.compile("[0-9a-f]{64}")
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
            trial = _trial(stored, name, _subject(subject, person))
            if self.version > 1:
                trial = replace(trial, **_since_version_2(node, stored, self.version))
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
            return _origins(node, node.child("subjects").child(subject).child("trials").child(name))

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
        seconds=float(node.attribute("seconds", np.nan)),  # version 3 keeps it beside the corpus
    )


def _since_version_2(root: CorpusNode, node: CorpusNode, version: int) -> dict[str, object]:
    """What a trial holds that version 1 did not, and, since version 3, where it comes from."""
    name = str(node.attribute("skeleton"))
    if name and not _HASH.fullmatch(name):
        raise CorpusMismatch(f"{node.where}: expected the SHA-256 of a skeleton of this file, found {name[:80]!r}.")
    return {
        "start_time": float(node.attribute("start_time")),
        "session": str(node.attribute("session")),
        "skeleton": _skeleton(root.child("skeletons"), name) if name else None,
        "solutions": _solutions(node, version) if node.has("solutions") else (),
        "origins": _origins(root, node),
        "segments": stored_segments(node.child("segments"), node) if node.has("segments") else (),
        "movement": _movement(node),
    }


def _movement(node: CorpusNode) -> MovementRecipe | None:
    text = node.attribute("movement", None)
    try:
        return None if text is None else MovementRecipe.from_json(str(text))
    except ValueError as error:
        raise CorpusMismatch(f"{node.where}: {error}") from error


def _origins(root: CorpusNode, node: CorpusNode) -> tuple[ArrayOrigin, ...]:
    name = str(node.attribute("origins", ""))
    if not name:
        return ()
    if not _HASH.fullmatch(name):
        raise CorpusMismatch(f"{node.where}: expected the SHA-256 of origins of this file, found {name[:80]!r}.")
    shared = root.child("origins").text(name)
    return origins_from(name, shared, str(node.attribute("origin_facts")), node.where)


def _skeleton(skeletons: CorpusNode, name: str) -> Skeleton:
    return skeleton_of(name, skeletons.text(name), f"{skeletons.where}/{name[:12]}")


def _solutions(node: CorpusNode, version: int) -> tuple[SolutionFacts, ...]:
    names = list(SOLUTION_UNITS if version > 2 else TIMED_SOLUTION_UNITS)
    rows = node.array("solutions", (-1, len(names)))
    if not np.isfinite(rows[:, [names.index(key) for key in ("iterations", "n_nodes")]]).all():
        raise CorpusMismatch(f"{node.where}/solutions: expected counts of iterations and nodes, found NaN.")
    facts = [SolutionFacts(**dict(zip(names, map(float, row), strict=True))) for row in rows]
    counts = ("iterations", "n_nodes")
    return tuple(
        replace(fact, converged=fact.converged == 1.0, **{key: int(getattr(fact, key)) for key in counts})
        for fact in facts
    )


def _recordings(imu: CorpusNode, rate: float, n_frames: int) -> tuple[ImuRecording, ...]:
    sensors, segments = imu.texts("sensors"), imu.texts("segments")
    n = len(sensors)
    records = imu.numbers("records", (n_frames, n, 6))
    offsets, mountings = imu.array("offsets", (n, 3)), imu.array("mountings", (n, 4))
    if len(segments) != n or not np.allclose(np.linalg.norm(mountings, axis=1), 1.0, atol=1e-6):
        raise CorpusMismatch(f"{imu.where}: expected a segment and a unit quaternion for each of {n} sensors.")
    recordings = []
    for i, (sensor, segment) in enumerate(zip(sensors, segments, strict=True)):
        mounting = Rotation(mountings[i, [1, 2, 3, 0]], normalize=False)  # to the last bit: rebuilding is exact
        placement = SensorPlacement(sensor, segment, offsets[i], mounting)
        # Sensor by sensor: one array of all in float64 costs ten times as much, in pages of new memory.
        force, turn = (records[:, i, part].astype(np.float64, order="C") for part in (slice(3), slice(3, 6)))
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
