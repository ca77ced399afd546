"""Marker start: posture, speed and phase of the gait cycle straight from markers, where the solver begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.cycle_samples import sample_at, smoothed_at
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.ground_contact import SPHERES
from synth.optimal_control.normative_gait import normative_coordinates
from synth.optimal_control.start import normative_start


def mean_speed(skeleton: Skeleton, markers: np.ndarray, duration: float) -> float:
    """Forward speed (m/s) from the pelvis markers: slope, corrected by what the cycle's end would add."""
    pelvis = [i for i, m in enumerate(skeleton.markers) if m.segment == "pelvis"]
    x = np.nanmean(markers[:, pelvis, 0], axis=1)
    time = np.arange(len(x)) * duration / len(x)
    known = np.isfinite(x)
    return float(np.polyfit(time[known], x[known], 1)[0])


def start_from_markers(
    gait: GaitProgram,
    skeleton: Skeleton,
    markers: np.ndarray,
    reactions: Sequence[GroundReaction],
    duration: float,
    height: float,
    speed: float,
) -> np.ndarray:
    """What the data say directly: angles of well-marked segments and forces; the rest normative, in the right phase."""
    mesh = gait.structure.mesh
    q = marker_pose(skeleton, sample_at(mesh.phase, markers))
    walking = max(speed, 0.6)
    shift = _phase_shift(q, mesh.phase, walking, height)
    start = normative_start(gait, skeleton, height, walking, SPHERES, duration=duration, shift=shift)
    index, forces = gait.variables.index("coordinates"), gait.variables.index("forces")
    start[index] = np.where(np.isfinite(q), q, start[index])
    start[gait.variables.index("speed")] = speed
    jump = np.zeros(nodes.N_Q)
    jump[nodes.COORDINATES.index("pelvis_tx")] = speed * duration
    around = np.vstack([start[index][-1:] - jump, start[index], start[index][:1] + jump])
    velocity = (around[2:] - around[:-2]) / (2.0 * duration / mesh.n_nodes)
    start[gait.variables.index("speeds")] = velocity / nodes.SCALE["speeds"]
    start[gait.variables.index("accelerations")] = 0.0
    weight = -skeleton.mass * skeleton.gravity[1]
    for reaction in reactions:
        if reaction.foot != "both":
            own = forces[:, :2] if reaction.foot == "right" else forces[:, 3:5]
            measured = smoothed_at(mesh, reaction.force[:, :2] / weight)
            start[own] = np.where(np.isfinite(measured), measured, start[own])
    return start


def _phase_shift(pose: np.ndarray, phase: np.ndarray, speed: float, height: float) -> float:
    """Phase of the gait cycle at the first node, by the best match of hips and knees with normative walking."""
    columns = [nodes.COORDINATES.index(f"{j}_{s}") for j in ("hip_flexion", "knee_angle") for s in "rl"]
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
    """Coordinates (n, 10) from a rigid fit of each segment to its markers (n, n_markers, 2); NaN where impossible."""
    n = len(markers)
    angle = {name: np.full(n, np.nan) for name in nodes.SEGMENTS}
    origin = np.full((n, 2), np.nan)
    for name in nodes.SEGMENTS:
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
    q = np.full((n, nodes.N_Q), np.nan)
    column = {name: i for i, name in enumerate(nodes.COORDINATES)}
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
