"""A made archive for tests: persons whose skeleton, motion and labels are known, as converted trials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial, PlateStep
from mocap_import.trial_store import write_trial
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.model.skeleton import Skeleton, SkeletonMarker
from opensim_models.motion import Kinematics
from opensim_models.scaling.scale_factor import scaled_skeleton

PERSON = Subject("P01", 68.0, 1.72, "female", 30.0)
LENGTHS = {"femur": 1.06, "tibia": 0.95}
RATE = 100.0
_CLUSTERS = {
    "THI": ("femur", (0.05, -0.2, 0.06)),
    "THAP": ("femur", (0.07, -0.12, 0.03)),
    "TIB": ("tibia", (0.04, -0.2, 0.05)),
    "SHN": ("tibia", (0.05, -0.12, 0.0)),
}


def true_skeleton(person: Subject = PERSON, lengths: dict[str, float] = LENGTHS) -> Skeleton:
    """The person: longer thighs and shorter shanks than the generic one, under Plug-in Gait's labels."""
    factors = {f"{name}_{side}": (1.0, f, 1.0) for name, f in lengths.items() for side in "rl"}
    made = scaled_skeleton(lower_body_skeleton(person), factors)
    labels = load_marker_set("plug_in_gait").landmarks
    markers = [replace(m, name=labels[m.name]) for m in made.markers if m.name in labels]
    for word, (segment, (x, y, z)) in _CLUSTERS.items():
        for side, sign in (("r", 1.0), ("l", -1.0)):
            markers.append(SkeletonMarker(side.upper() + word, f"{segment}_{side}", (x, y, sign * z)))
    return made.with_markers(tuple(markers))


def walk(skeleton: Skeleton, n_frames: int, person: Subject = PERSON) -> Kinematics:
    """Angles like those of a gait, root moving at 1.2 m/s."""
    names = skeleton.coordinate_names
    time = np.arange(n_frames) / RATE
    values = np.zeros((n_frames, len(names)))
    values[:, names.index("pelvis_tx")] = 1.2 * time
    values[:, names.index("pelvis_ty")] = 0.53 * person.height
    values[:, names.index("pelvis_tilt")] = np.radians(-8.0)
    values[:, names.index("pelvis_rotation")] = np.radians(6 * np.sin(2 * np.pi * time))
    for side, lag in (("r", 0.0), ("l", np.pi)):
        phase = 2 * np.pi * time + lag
        values[:, names.index(f"hip_flexion_{side}")] = np.radians(12 + 24 * np.cos(phase))
        values[:, names.index(f"hip_adduction_{side}")] = np.radians(6 * np.sin(phase))
        values[:, names.index(f"hip_rotation_{side}")] = np.radians(5 * np.cos(2 * phase))
        values[:, names.index(f"knee_angle_{side}")] = np.radians(32 - 28 * np.cos(phase - 1.2))
        values[:, names.index(f"ankle_angle_{side}")] = np.radians(12 * np.sin(phase + 0.4))
    return Kinematics(names, values, RATE)


def trial_of(
    skeleton: Skeleton, motion: Kinematics, name: str, person: Subject = PERSON, noise: float = 0.0, seed: int = 0
) -> MarkerTrial:
    """What cameras see of a motion."""
    positions = marker_positions(skeleton, motion)
    positions = positions + noise * np.random.default_rng(seed).standard_normal(positions.shape)
    task = "static" if name == "static" else "walk"
    labels = tuple(m.name for m in skeleton.markers)
    return MarkerTrial(name, person, labels, positions, RATE, task, "plug_in_gait", source=f"{name}.c3d")


def static_of(skeleton: Skeleton, person: Subject = PERSON, **settings: float) -> MarkerTrial:
    """The person standing with level soles."""
    motion = walk(skeleton, 20, person)
    values = np.zeros_like(motion.values)
    values[:, motion.coordinates.index("pelvis_ty")] = 0.53 * person.height
    return trial_of(skeleton, replace(motion, values=values), "static", person, **settings)


def with_plates(trial: MarkerTrial) -> MarkerTrial:
    """A trial with a plate under each foot, loaded one after the other, and the events that go with it."""
    n = trial.n_frames
    weight = trial.subject.body_weight
    reactions, events, steps = [], [], []
    for foot, start, stop in (("right", 0.2, 0.8), ("left", 0.7, 1.3)):
        time = np.arange(n) / RATE
        loaded = (time >= start) & (time < stop)
        force = np.zeros((n, 3))
        force[loaded, 1] = weight * np.sin(np.pi * (time[loaded] - start) / (stop - start))
        pressure = np.full((n, 3), np.nan)
        pressure[loaded] = (0.5, 0.0, 0.1 if foot == "right" else -0.1)
        moment = np.where(loaded, 0.0, np.nan)
        reactions.append(GroundReaction(force, pressure, moment, RATE, foot, f"plate {foot}"))
        events += [GaitEvent(start, foot, "foot_strike", "force"), GaitEvent(stop, foot, "foot_off", "force")]
        steps.append(PlateStep(f"plate {foot}", foot, start, stop, True))
    events = tuple(sorted(events, key=lambda e: e.time))
    return replace(trial, ground_reactions=tuple(reactions), events=events, steps=tuple(steps))


def write_archive(folder: Path, persons: tuple[Subject, ...] = (PERSON,), n_frames: int = 150) -> Path:
    """Converted trials of some persons: one static and one walk each."""
    for person in persons:
        skeleton = true_skeleton(person)
        own = folder / person.code
        own.mkdir(parents=True)
        write_trial(own / "static.trial.h5", static_of(skeleton, person))
        walked = trial_of(skeleton, walk(skeleton, n_frames, person), "walk_01", person, noise=0.0005)
        write_trial(own / "walk_01.trial.h5", with_plates(walked))
    return folder
