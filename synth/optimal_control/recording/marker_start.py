"""Marker start: posture, speed and phase of the gait cycle straight from markers, where the solver begins."""

from __future__ import annotations

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.normative_gait import normative_coordinates
from synth.optimal_control.gait.periodic_curve import low_pass_periodic, periodic_derivatives

_HARMONICS = 10
_DEPTH = 0.004
"""m, of the feet in the floor where no marker tells the height of the pelvis."""


def mean_speed(skeleton: Skeleton, markers: np.ndarray, duration: float) -> float:
    """Forward speed (m/s) from the pelvis markers: slope, corrected by what the cycle's end would add."""
    pelvis = [i for i, m in enumerate(skeleton.markers) if m.segment == "pelvis"]
    x = np.nanmean(markers[:, pelvis, 0], axis=1)
    time = np.arange(len(x)) * duration / len(x)
    known = np.isfinite(x)
    return float(np.polyfit(time[known], x[known], 1)[0])


def start_motion(
    skeleton: Skeleton, markers: np.ndarray, duration: float, height: float, speed: float
) -> dict[str, np.ndarray]:
    """Coordinates, speeds and accelerations (n, n_q) of a cycle that markers suggest.

    Well-marked segments are as they were seen; the others walk normatively, in the right phase.

    Parameters
    ----------
    skeleton : Skeleton
        Planar, with contact spheres.
    markers : ndarray, shape (n, n_markers, 2)
        Evenly over the cycle (m).
    duration, height, speed : float
        s, m, m/s.
    """
    n = len(markers)
    phase = np.arange(n) / n
    seen = marker_pose(skeleton, markers)
    walking = max(speed, 0.6)
    shift = _phase_shift(skeleton, seen, phase, walking, height)
    q = np.nan_to_num(normative_coordinates(phase + shift, walking, height))
    forward, up = (skeleton.coordinate_index(name) for name in ("pelvis_tx", "pelvis_ty"))
    way = speed * duration * phase
    seen[:, forward] -= way
    known = np.isfinite(seen)
    if not known[:, up].any():
        q[:, up] = -foot_heights(skeleton, q).min(axis=1) - _DEPTH
    for column in np.flatnonzero(known.any(axis=0)):
        # what is missing of a coordinate keeps the normative shape, laid on what was seen of it
        level = np.mean(seen[known[:, column], column] - q[known[:, column], column])
        q[:, column] = np.where(known[:, column], seen[:, column], q[:, column] + level)
    q = low_pass_periodic(q, _HARMONICS)
    speeds, accelerations = periodic_derivatives(q, duration)
    q[:, forward] += way
    speeds[:, forward] += speed
    return {"coordinates": q, "speeds": speeds, "accelerations": accelerations}


def foot_heights(skeleton: Skeleton, q: np.ndarray) -> np.ndarray:
    """Height (n, 2) of the lowest sphere of the right and of the left foot (m)."""
    states = segment_states(skeleton, list(q.T))
    heights = []
    for side in "rl":
        own = [c for c in skeleton.contacts if c.segment.endswith(f"_{side}")]
        places = [point_position(states[skeleton.segment_index(c.segment)], c.offset)[1] - c.radius for c in own]
        heights.append(np.min(places, axis=0))
    return np.stack(heights, axis=1)


def _phase_shift(skeleton: Skeleton, pose: np.ndarray, phase: np.ndarray, speed: float, height: float) -> float:
    """Phase of the gait cycle at the first sample, by the best match of hips and knees with normative walking."""
    columns = [skeleton.coordinate_index(f"{j}_{s}") for j in ("hip_flexion", "knee_angle") for s in "rl"]
    measured = pose[:, columns]
    if np.isfinite(measured).mean() < 0.5:
        return 0.0
    shifts = np.arange(50) / 50.0
    misfit = []
    for shift in shifts:
        difference = measured - normative_coordinates(phase + shift, speed, height)[:, columns]
        misfit.append(np.nanmean((difference - np.nanmean(difference, axis=0)) ** 2))
    return float(shifts[int(np.argmin(misfit))])


def marker_pose(skeleton: Skeleton, markers: np.ndarray) -> np.ndarray:
    """Coordinates (n, n_q) from a rigid fit of each segment to its markers (n, n_markers, 2); NaN where impossible."""
    n = len(markers)
    angle = {name: np.full(n, np.nan) for name in skeleton.segment_names}
    origin = np.full((n, 2), np.nan)
    for name in skeleton.segment_names:
        own = [k for k, m in enumerate(skeleton.markers) if m.segment == name]
        offsets = np.array([skeleton.markers[k].offset[:2] for k in own]).reshape(-1, 2)
        if len(own) < 2 or np.ptp(offsets, axis=0).max() < 0.03:
            continue
        m = markers[:, own]
        p = offsets - offsets.mean(axis=0)
        d = m - m.mean(axis=1, keepdims=True)
        across = (p[:, 0] * d[..., 1] - p[:, 1] * d[..., 0]).sum(axis=1)
        along = (p * d).sum(axis=(1, 2))
        angle[name] = np.arctan2(across, along)
        if name == "pelvis":
            c, s = np.cos(angle[name]), np.sin(angle[name])
            x, y = offsets.mean(axis=0)
            origin = m.mean(axis=1) - np.stack([c * x - s * y, s * x + c * y], axis=1)
    q = np.full((n, len(skeleton.coordinates)), np.nan)
    column = {name: i for i, name in enumerate(skeleton.coordinate_names)}
    q[:, column["pelvis_tilt"]] = angle["pelvis"]
    q[:, [column["pelvis_tx"], column["pelvis_ty"]]] = origin
    q[:, column["lumbar_extension"]] = _between(angle["torso"], angle["pelvis"])
    for side in "rl":
        thigh, shank, foot = (angle[f"{s}_{side}"] for s in ("femur", "tibia", "calcn"))
        q[:, column[f"hip_flexion_{side}"]] = _between(thigh, angle["pelvis"])
        q[:, column[f"knee_angle_{side}"]] = -_between(shank, thigh)
        q[:, column[f"ankle_angle_{side}"]] = _between(foot, shank)
    return q


def _between(distal: np.ndarray, proximal: np.ndarray) -> np.ndarray:
    return np.mod(distal - proximal + np.pi, 2.0 * np.pi) - np.pi
