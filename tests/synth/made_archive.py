"""A small archive, converted and solved, whose markers follow exactly from its skeletons."""

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, MarkerTrial
from mocap_import.trial_store import write_trial
from opensim_models.exchange.storage import write_motion
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.model.skeleton import SkeletonMarker, save_skeleton
from opensim_models.motion import Kinematics

CORNERS = ((0.06, 0.0, 0.0), (-0.05, 0.04, 0.02), (0.0, -0.06, 0.05), (0.02, 0.03, -0.06))
RATE = 100.0


def make_person(code, n_foot_markers=4):
    subject = Subject(code, 70.0, 1.8, "male")
    skeleton = lower_body_skeleton(subject, table="de_leva")
    markers = tuple(
        SkeletonMarker(f"{segment.name}{i}", segment.name, corner)
        for segment in skeleton.segments
        for i, corner in enumerate(CORNERS[:n_foot_markers] if "calcn" in segment.name else CORNERS)
    )
    return subject, skeleton.with_markers(markers)


def make_motion(skeleton, n=150, seed=0):
    """A smooth motion whose marker trajectories follow from the skeleton."""
    rng = np.random.default_rng(seed)
    time = np.arange(n) / RATE
    values = np.stack(
        [0.15 * np.sin(2 * np.pi * rng.uniform(0.5, 2.0) * time + rng.uniform(0, 6)) for _ in skeleton.coordinates],
        axis=1,
    )
    return Kinematics(skeleton.coordinate_names, values, RATE)


def make_trial(subject, skeleton, kinematics, name="walk_01", task="walk"):
    labels = tuple(marker.name for marker in skeleton.markers)
    events = (GaitEvent(0.2, "right", "foot_strike", "markers"),)
    positions = marker_positions(skeleton, kinematics)
    return MarkerTrial(name, subject, labels, positions, RATE, task, events=events, source=f"{name}.c3d")


def write_person(root, code, n_foot_markers=4, names=("walk_01",)):
    subject, skeleton = make_person(code, n_foot_markers)
    (root / "trials" / code).mkdir(parents=True)
    (root / "motion" / code).mkdir(parents=True)
    save_skeleton(skeleton, root / "motion" / code / "skeleton.json")
    for seed, name in enumerate(names):
        kinematics = make_motion(skeleton, seed=[seed, *code.encode()])
        write_trial(root / "trials" / code / f"{name}.trial.h5", make_trial(subject, skeleton, kinematics, name))
        write_motion(root / "motion" / code / f"{name}.mot", kinematics)
    static = make_trial(subject, skeleton, make_motion(skeleton, n=5), "static", task="static")
    write_trial(root / "trials" / code / "static.trial.h5", static)
    return subject, skeleton
