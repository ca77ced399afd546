"""Decoding: a stored group as a trial; the counterpart of `encoding`, for all versions of the schema."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.array_origin import ArrayOrigin
from synth.corpus.node import CorpusNode
from synth.corpus.schema import (
    SOLUTION_UNITS,
    TIMED_SOLUTION_UNITS,
    CorpusMismatch,
)
from synth.corpus.stored_origin import origins_from
from synth.corpus.stored_segment import stored_segments
from synth.corpus.stored_skeleton import skeleton_of
from synth.corpus.trial import CorpusTrial, MuscleActivity, SolutionFacts
from synth.imu.error_recipe import ImuErrors
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.recording import ImuRecording, SensorPlacement

_HASH = re.compile("[0-9a-f]{64}")


def treatments_of_trial(node: CorpusNode) -> tuple[Treatment, ...]:
    """What was repaired or assumed in a trial, from its group."""
    treatments = node.child("treatments")
    pairs = zip(treatments.texts("what"), treatments.texts("detail"), strict=True)
    return tuple(Treatment(what, detail) for what, detail in pairs)


def decoded_trial(node: CorpusNode, name: str, subject: Subject) -> CorpusTrial:
    """A trial from its group, as far as all versions of the schema tell it."""
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
        treatments=treatments_of_trial(node),
        seconds=float(node.attribute("seconds", np.nan)),  # version 3 keeps it beside the corpus
    )


def since_version_2(root: CorpusNode, node: CorpusNode, version: int) -> dict[str, object]:
    """What a trial holds that version 1 did not, and, since version 3, where it comes from."""
    name = str(node.attribute("skeleton"))
    if name and not _HASH.fullmatch(name):
        raise CorpusMismatch(f"{node.where}: expected the SHA-256 of a skeleton of this file, found {name[:80]!r}.")
    return {
        "start_time": float(node.attribute("start_time")),
        "session": str(node.attribute("session")),
        "skeleton": _skeleton(root.child("skeletons"), name) if name else None,
        "solutions": _solutions(node, version) if node.has("solutions") else (),
        "origins": origins_of_trial(root, node),
        "segments": stored_segments(node.child("segments"), node) if node.has("segments") else (),
        "movement": _movement(node),
    }


def _movement(node: CorpusNode) -> MovementRecipe | None:
    text = node.attribute("movement", None)
    try:
        return None if text is None else MovementRecipe.from_json(str(text))
    except ValueError as error:
        raise CorpusMismatch(f"{node.where}: {error}") from error


def origins_of_trial(root: CorpusNode, node: CorpusNode) -> tuple[ArrayOrigin, ...]:
    """Origins of a trial's arrays; none in a file of an older version."""
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
