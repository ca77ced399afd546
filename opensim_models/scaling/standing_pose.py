"""Standing pose: the coordinates of a scaled skeleton in its static trial.

What a skeleton of hinges can represent is put where it must be: hip, knee and ankle centres, the flexion axes of the
knees, and feet flat on the ground. Single landmarks, which sit on skin of any thickness, decide nothing about angles
but at pelvis and trunk. The ankle's zero is a sole that is level in the static trial, as in the conventional gait
model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from opensim_models.inverse.kinematics import InverseKinematicsSolution, solve_inverse_kinematics
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.model.skeleton import Skeleton, SkeletonMarker

# Shoulders move on the trunk, so they say little of it.
LOOSE_LANDMARKS = {"acromion_r": 0.05, "acromion_l": 0.05}
_CENTRE, _AXIS, _FOOT = 4.0, 1.0, 1.0
_ARM = 0.1
"""Distance (m) of a point that stands for a direction from its centre."""


@dataclass(frozen=True)
class _Target:
    """A point of the skeleton and where the static trial shows it (m)."""

    marker: SkeletonMarker
    place: np.ndarray
    weight: float


def solve_standing_pose(
    skeleton: Skeleton,
    landmarks: Mapping[str, np.ndarray],
    centres: Mapping[str, np.ndarray],
    axes: Mapping[str, np.ndarray],
    rate: float,
    *,
    planar: bool = False,
) -> InverseKinematicsSolution:
    """Pose a scaled skeleton of `catalogue` as a person stands.

    Parameters
    ----------
    skeleton : Skeleton
        With landmark markers.
    landmarks, centres : mapping of str to ndarray, shape (3,)
        Anatomical landmarks and joint centres of the standing person (m, ground frame).
    axes : mapping of str to ndarray, shape (3,)
        Side → unit vector to the right along the knee's flexion axis.
    rate : float
        Hz, passed on.
    planar : bool
        Fit the sagittal projection only.

    Returns
    -------
    InverseKinematicsSolution
        One frame.
    """
    targets: list[_Target] = []
    legs = [side for side in "rl" if {f"knee_{side}", f"ankle_{side}"} <= set(centres) and side in axes]
    for side in legs:
        targets += _leg(skeleton, centres, axes[side], side)
    covered = {f"{segment}_{side}" for side in legs for segment in ("femur", "tibia", "calcn")}
    for marker in skeleton.markers:
        if marker.name in landmarks and marker.segment not in covered:
            weight = LOOSE_LANDMARKS.get(marker.name, 1.0)
            targets.append(_Target(marker, landmarks[marker.name], weight))
    names = tuple(t.marker.name for t in targets)
    return solve_inverse_kinematics(
        skeleton.with_markers(tuple(t.marker for t in targets)),
        names,
        np.stack([t.place for t in targets])[None],
        rate,
        weights={t.marker.name: t.weight for t in targets},
        axis_weights=(1.0, 1.0, 0.0) if planar else (1.0, 1.0, 1.0),
        prior_spread=math.radians(20.0),
    )


def _leg(skeleton: Skeleton, centres: Mapping[str, np.ndarray], axis: np.ndarray, side: str) -> list[_Target]:
    """Targets of one leg: knee and ankle centre, knee axis, level foot that points where the knee does."""
    knee, ankle = centres[f"knee_{side}"], centres[f"ankle_{side}"]
    at_knee = np.array(skeleton.segments[skeleton.segment_index(f"tibia_{side}")].offset)
    at_ankle = np.array(skeleton.segments[skeleton.segment_index(f"calcn_{side}")].offset)
    long = centres[f"hip_{side}"] - knee
    across = axis - long * (axis @ long) / (long @ long)
    across = across / np.linalg.norm(across)
    up = np.array([0.0, 1.0, 0.0])
    # the ankle's own axis may be turned against the knee's: tibial torsion
    turned = np.array(skeleton.segments[skeleton.segment_index(f"calcn_{side}")].orientation)
    forward = np.cross(up, np.column_stack([np.cross(long, across), long, across]) @ turned[:, 2])
    forward = forward / np.linalg.norm(forward)
    foot = np.column_stack([forward, up, np.cross(forward, up)])
    rightward = np.array([0.0, 0.0, _ARM])

    def target(name: str, segment: str, local: np.ndarray, place: np.ndarray, weight: float) -> _Target:
        marker = SkeletonMarker(f"{name}_{side}", f"{segment}_{side}", tuple(np.asarray(local, dtype=float).tolist()))
        return _Target(marker, place, weight)

    found = [
        target("knee_centre", "femur", at_knee, knee, _CENTRE),
        target("knee_axis_end", "femur", at_knee + rightward, knee + _ARM * across, _AXIS),
        target("knee_axis_start", "femur", at_knee - rightward, knee - _ARM * across, _AXIS),
        target("ankle_centre", "tibia", at_ankle, ankle, _CENTRE),
    ]
    for k, name in enumerate(("foot_forward", "foot_up", "foot_right")):
        local = _ARM * np.eye(3)[k]
        found.append(target(name, "calcn", local, ankle + foot @ local, _FOOT))
    return found


def landmark_residuals(
    skeleton: Skeleton, pose: InverseKinematicsSolution, landmarks: Mapping[str, np.ndarray], planar: bool
) -> dict[str, float]:
    """Distance (m) of each landmark of the static trial from that of the scaled skeleton; in the plane if `planar`."""
    own = tuple(m for m in skeleton.markers if m.name in landmarks and m.name not in LOOSE_LANDMARKS)
    places = marker_positions(replace(skeleton, markers=own), pose.kinematics)[0]
    kept = np.array([1.0, 1.0, 0.0 if planar else 1.0])
    return {
        marker.name: float(np.linalg.norm((place - landmarks[marker.name]) * kept))
        for marker, place in zip(own, places, strict=True)
    }
