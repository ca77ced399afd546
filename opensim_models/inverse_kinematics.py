"""Inverse kinematics: the coordinates of a skeleton that best explain a trial's markers, all frames in one call.

Per frame, weighted least squares between model and measured markers, with a weak pull of every coordinate towards its
reference (Lu & O'Connor, J Biomech 32:129, 1999), solved by Levenberg-Marquardt with the geometric Jacobian; all frames
advance together as array operations and stop one by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.multibody import SegmentState, point_position, segment_states
from opensim_models.skeleton import Skeleton
from opensim_models.vector import over_frames

FRAMES_AT_ONCE = 512
MINIMUM_MARKERS = 4


@dataclass(frozen=True)
class InverseKinematicsSolution:
    """Coordinates and how well they explain the markers.

    Attributes
    ----------
    kinematics : Kinematics
        NaN in frames with too few markers, and for a coordinate in frames where no marker beyond its joint is seen.
    markers : tuple of str
        The markers used.
    marker_error : ndarray, shape (n_frames, n_markers)
        Distance model - measured (m); NaN where occluded.
    held : tuple of str
        Coordinates that no marker of the trial observes; they stay at their reference.
    converged : ndarray of bool, shape (n_frames,)
    """

    kinematics: Kinematics
    markers: tuple[str, ...]
    marker_error: np.ndarray
    held: tuple[str, ...]
    converged: np.ndarray

    @property
    def rms_error(self) -> float:
        """Root mean square marker error over the trial (m)."""
        return float(np.sqrt(np.nanmean(self.marker_error**2))) if np.isfinite(self.marker_error).any() else math.nan


@dataclass(frozen=True)
class _Problem:
    """What stays the same from frame to frame."""

    skeleton: Skeleton
    segments: tuple[int, ...]
    offsets: np.ndarray
    weights: np.ndarray
    reference: np.ndarray
    prior: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    ancestors: tuple[tuple[int, ...], ...]


def solve_inverse_kinematics(
    skeleton: Skeleton,
    labels: tuple[str, ...],
    positions: np.ndarray,
    rate: float,
    *,
    weights: Mapping[str, float] | None = None,
    axis_weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    prior_spread: float = math.radians(180.0),
    marker_spread: float = 0.01,
    tolerance: float = 1e-6,
    max_iterations: int = 60,
) -> InverseKinematicsSolution:
    """Fit a skeleton to markers.

    Parameters
    ----------
    skeleton : Skeleton
        With markers; those whose name is among `labels` are used.
    labels : tuple of str
        Marker labels, length n_markers.
    positions : ndarray, shape (n_frames, n_markers, 3)
        Ground frame (m); NaN = occluded.
    rate : float
        Hz, passed on.
    weights : mapping, optional
        Marker name → weight, 1 where absent.
    axis_weights : tuple of 3 floats
        Weight of the ground axes: (1, 1, 0) fits a planar skeleton to the sagittal projection.
    prior_spread : float
        Standard deviation (rad) of the pull of rotations towards their default; translations are free.
    marker_spread : float
        Standard deviation (m) of a marker of weight 1, to which the pull is compared.
    tolerance : float
        A frame has converged when no coordinate moves by more (rad or m).
    max_iterations : int

    Returns
    -------
    InverseKinematicsSolution

    Raises
    ------
    ModelMismatch
        Fewer than four of the skeleton's markers are in the trial.
    """
    used = [m for m in skeleton.markers if m.name in labels]
    if len(used) < MINIMUM_MARKERS:
        wanted = ", ".join(m.name for m in skeleton.markers[:12])
        raise ModelMismatch(
            f"{skeleton.name}: inverse kinematics needs at least {MINIMUM_MARKERS} of the model's markers "
            f"({wanted}, …), the trial has {len(used)}: check the marker set."
        )
    columns = [labels.index(m.name) for m in used]
    measured = np.asarray(positions, dtype=float)[:, columns]
    problem = _problem(skeleton, used, weights or {}, axis_weights, prior_spread, marker_spread)
    n_frames, n_q = len(measured), len(skeleton.coordinates)
    values = np.full((n_frames, n_q), np.nan)
    error = np.full(measured.shape[:2], np.nan)
    converged = np.zeros(n_frames, dtype=bool)
    enough = np.isfinite(measured).all(axis=2).sum(axis=1) >= MINIMUM_MARKERS
    frames = np.flatnonzero(enough)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        chunk = frames[first : first + FRAMES_AT_ONCE]
        q, done = _solve(problem, measured[chunk], tolerance, max_iterations)
        difference = _model_markers(problem, q)[0] - measured[chunk]
        error[chunk] = np.linalg.norm(difference * (np.array(axis_weights) > 0), axis=2)
        values[chunk] = q
        converged[chunk] = done
    held = _held(problem, measured, values)
    return InverseKinematicsSolution(
        Kinematics(skeleton.coordinate_names, values, rate), tuple(m.name for m in used), error, held, converged
    )


def _problem(
    skeleton: Skeleton,
    used: list,
    weights: Mapping[str, float],
    axis_weights: tuple[float, float, float],
    prior_spread: float,
    marker_spread: float,
) -> _Problem:
    """Gather indices, weights and bounds once."""
    segments = tuple(skeleton.segment_index(m.segment) for m in used)
    rotation = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    root = _root_coordinates(skeleton)
    ancestors = []
    for i, segment in enumerate(skeleton.segments):
        ancestors.append((*(ancestors[segment.parent] if segment.parent >= 0 else ()), i))
    return _Problem(
        skeleton,
        segments,
        np.array([m.offset for m in used]),
        np.array([[weights.get(m.name, 1.0)] for m in used]) * np.array(axis_weights) / marker_spread**2,
        np.array([c.default for c in skeleton.coordinates]),
        np.where(rotation & ~root, 1.0 / prior_spread**2, 1e-6),
        np.array([c.lower for c in skeleton.coordinates]),
        np.array([c.upper for c in skeleton.coordinates]),
        tuple(ancestors),
    )


def _root_coordinates(skeleton: Skeleton) -> np.ndarray:
    """Mark the coordinates that place the whole skeleton in the ground."""
    mask = np.zeros(len(skeleton.coordinates), dtype=bool)
    for segment in skeleton.segments:
        if segment.parent < 0:
            mask[[e.coordinate for e in segment.elements if e.coordinate >= 0]] = True
    return mask


def _model_markers(problem: _Problem, q: np.ndarray) -> tuple[np.ndarray, tuple[SegmentState, ...]]:
    """Marker positions (n, m, 3) and the segment states behind them."""
    states = segment_states(problem.skeleton, list(q.T))
    points = [
        over_frames(point_position(states[s], tuple(map(float, offset))), len(q))
        for s, offset in zip(problem.segments, problem.offsets, strict=True)
    ]
    return np.stack(points, axis=1), states


def _jacobian(problem: _Problem, states: tuple[SegmentState, ...], points: np.ndarray) -> np.ndarray:
    """Differentiate the marker positions (n, m, 3, n_q): slope × axis, or slope × axis × lever arm."""
    n_frames, n_markers = points.shape[:2]
    jacobian = np.zeros((n_frames, n_markers, 3, len(problem.skeleton.coordinates)))
    markers_of = {}
    for k, s in enumerate(problem.segments):
        for ancestor in problem.ancestors[s]:
            markers_of.setdefault(ancestor, []).append(k)
    for segment, markers in markers_of.items():
        for passed in states[segment].joint:
            j = passed.element.coordinate
            if j < 0:
                continue
            axis = over_frames(passed.axis, n_frames) * np.broadcast_to(passed.slope, (n_frames,))[:, None]
            column = jacobian[..., j]
            if passed.element.kind == "translation":
                column[:, markers] += axis[:, None]
            else:
                arm = points[:, markers] - over_frames(passed.point, n_frames)[:, None]
                column[:, markers] += np.cross(axis[:, None], arm)
    return jacobian


def _start(problem: _Problem, measured: np.ndarray) -> np.ndarray:
    """Place the skeleton in its default pose where the root segment's markers are (rigid fit), legs slightly bent."""
    n_frames = len(measured)
    q = np.tile(problem.reference, (n_frames, 1))
    skeleton = problem.skeleton
    names = skeleton.coordinate_names
    for side in "rl":
        if f"knee_angle_{side}" in names:
            q[:, names.index(f"knee_angle_{side}")] += 0.2
    points, _ = _model_markers(problem, q[:1])
    root = next(i for i, s in enumerate(skeleton.segments) if s.parent < 0)
    own = [k for k, s in enumerate(problem.segments) if s == root]
    model = points[0, own] if len(own) >= 3 else points[0]
    seen = measured[:, own] if len(own) >= 3 else measured
    visible = np.isfinite(seen).all(axis=2)
    weight = visible[..., None] / np.maximum(visible.sum(axis=1), 1)[:, None, None]
    target = np.nan_to_num(seen)
    centre, own_centre = (target * weight).sum(axis=1), (model * weight).sum(axis=1)
    spread = np.einsum("nmi,nmj->nij", (target - centre[:, None]) * weight, model[None] - own_centre[:, None])
    u, _, vt = np.linalg.svd(spread)
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    turn = u @ vt
    rotational = [e for e in skeleton.segments[root].elements if e.kind == "rotation" and e.coordinate >= 0]
    if len(rotational) == 3:
        angles = Rotation.from_matrix(turn).as_euler("ZXY")
        for element, angle in zip(rotational, angles.T, strict=True):
            q[:, element.coordinate] = angle
    elif len(rotational) == 1:
        q[:, rotational[0].coordinate] = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
    points, _ = _model_markers(problem, q)
    now = (points[:, own] if len(own) >= 3 else points) * weight
    shift = centre - now.sum(axis=1)
    for element in skeleton.segments[root].elements:
        if element.kind == "translation" and element.coordinate >= 0:
            q[:, element.coordinate] += shift @ np.array(element.axis)
    return q


def _solve(
    problem: _Problem, measured: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt on a chunk of frames; returns coordinates and convergence."""
    q = _start(problem, measured)
    n_frames, n_q = q.shape
    visible = np.isfinite(measured).all(axis=2)
    target = np.where(visible[..., None], measured, 0.0)
    weight = problem.weights[None] * visible[..., None]
    damping = np.full(n_frames, 1e-3)
    cost = np.full(n_frames, np.inf)
    active = np.arange(n_frames)
    done = np.zeros(n_frames, dtype=bool)

    def evaluate(q: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
        points, states = _model_markers(problem, q)
        residual = points - target[frames]
        pull = ((q - problem.reference) ** 2 * problem.prior).sum(axis=1)
        return (residual**2 * weight[frames]).sum(axis=(1, 2)) + pull, residual, (states, points)

    for _ in range(max_iterations):
        now, residual, (states, points) = evaluate(q[active], active)
        cost[active] = now
        jacobian = _jacobian(problem, states, points).reshape(len(active), -1, n_q)
        weighted = jacobian * weight[active].reshape(len(active), -1, 1)
        gradient = np.einsum("nk,nkj->nj", residual.reshape(len(active), -1), weighted)
        gradient += (q[active] - problem.reference) * problem.prior
        hessian = weighted.transpose(0, 2, 1) @ jacobian
        diagonal = np.einsum("njj->nj", hessian)
        diagonal += problem.prior
        lifted = hessian + (damping[active, None] * np.maximum(diagonal, 1e-9))[:, :, None] * np.eye(n_q)
        step = -np.linalg.solve(lifted, gradient[..., None])[..., 0]
        trial = np.clip(q[active] + np.clip(step, -0.6, 0.6), problem.lower, problem.upper)
        better = evaluate(trial, active)[0] <= now * (1 + 1e-12)
        moved = np.abs(trial - q[active]).max(axis=1)
        q[active] = np.where(better[:, None], trial, q[active])
        damping[active] = np.where(better, np.maximum(damping[active] * 0.1, 1e-12), damping[active] * 10.0)
        finished = (moved < tolerance) | (damping[active] > 1e8)
        done[active[better & (moved < tolerance)]] = True
        active = active[~finished]
        if not len(active):
            break
    return q, done


def _held(problem: _Problem, measured: np.ndarray, values: np.ndarray) -> tuple[str, ...]:
    """Blank coordinates in frames that do not observe them; name those that no frame observes."""
    visible = np.isfinite(measured).all(axis=2)
    held = []
    for j, coordinate in enumerate(problem.skeleton.coordinates):
        beyond = [
            k
            for k, s in enumerate(problem.segments)
            if any(e.coordinate == j for a in problem.ancestors[s] for e in problem.skeleton.segments[a].elements)
        ]
        observed = visible[:, beyond].any(axis=1)
        values[~observed, j] = np.nan
        if not observed.any():
            values[np.isfinite(values).any(axis=1), j] = coordinate.default
            held.append(coordinate.name)
    return tuple(held)
