"""Fitting a skeleton to markers as weighted least squares: the problem, where it starts, and its readable solution.

Per frame, weighted squared distances between model and measured markers, with a weak pull of every coordinate towards
its reference (Lu & O'Connor, J Biomech 32:129, 1999). `fit_arrays` solves it by Levenberg-Marquardt with the geometric
Jacobian; all frames advance together as array operations and stop one by one. `kernel.trial_fit` solves the same
problem hundreds of times faster, and this is its test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.model.multibody import SegmentState, point_position, segment_states
from opensim_models.model.skeleton import Segment, Skeleton, SkeletonMarker
from opensim_models.model.vector import axis_rotation, over_frames

FRAMES_AT_ONCE = 512
ROOT_PRIOR = 1e-6
"""Inverse variance (1/rad² or 1/m²) of the coordinates that are practically free."""
SLIGHT_BEND = 0.2
"""Knee flexion (rad) of the first pose: a straight leg lets the solver bend it either way."""


@dataclass(frozen=True)
class MarkerProblem:
    """What stays the same from frame to frame.

    Attributes
    ----------
    skeleton : Skeleton
        Only the segments that carry a marker of the trial, or carry such segments.
    markers : tuple of SkeletonMarker
        Length m.
    segments : tuple of int
        Segment of each marker.
    offsets : ndarray, shape (m, 3)
        In the segment frame (m).
    weights : ndarray, shape (m, 3)
        Inverse variances along the ground axes (1/m²).
    reference, prior, lower, upper : ndarrays, shape (n_q,)
        Value that a coordinate is pulled to or held at, inverse variance of the pull, bounds.
    free : ndarray of bool, shape (n_q,)
        Coordinates to be solved for; the others stay at their reference.
    courses : mapping of int to ndarray, shape (n_frames,)
        Values over time of those that are not solved for and do not stay.
    """

    skeleton: Skeleton
    markers: tuple[SkeletonMarker, ...]
    segments: tuple[int, ...]
    offsets: np.ndarray
    weights: np.ndarray
    reference: np.ndarray
    prior: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    free: np.ndarray
    courses: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def ancestors(self) -> tuple[tuple[int, ...], ...]:
        """Segments from the ground to each segment, itself included."""
        chains: list[tuple[int, ...]] = []
        for i, segment in enumerate(self.skeleton.segments):
            chains.append((*(chains[segment.parent] if segment.parent >= 0 else ()), i))
        return tuple(chains)


def towards_markers(skeleton: Skeleton, markers: tuple[SkeletonMarker, ...]) -> Skeleton:
    """Leave out the segments that carry none of these markers, neither themselves nor further out."""
    needed: set[int] = set()
    for marker in markers:
        i = skeleton.segment_index(marker.segment)
        while i >= 0:
            needed.add(i)
            i = skeleton.segments[i].parent
    kept = sorted(needed)
    index = {old: new for new, old in enumerate(kept)} | {-1: -1}
    segments = tuple(replace(skeleton.segments[i], parent=index[skeleton.segments[i].parent]) for i in kept)
    return replace(skeleton, segments=segments, markers=markers)


def seen_markers(measured: np.ndarray) -> np.ndarray:
    """Which samples (n_frames, m) of markers (n_frames, m, 3) are numbers on all three axes."""
    return np.isfinite(measured[..., 0] + measured[..., 1] + measured[..., 2])


def root_segment(skeleton: Skeleton) -> int:
    """Index of the first segment that coordinates move."""
    return next(i for i, s in enumerate(skeleton.segments) if any(e.coordinate >= 0 for e in s.elements))


def root_coordinates(skeleton: Skeleton) -> np.ndarray:
    """Mark the coordinates (n_q,) that place the whole skeleton in the ground."""
    mask = np.zeros(len(skeleton.coordinates), dtype=bool)
    for segment in skeleton.segments:
        if segment.parent < 0:
            mask[[e.coordinate for e in segment.elements if e.coordinate >= 0]] = True
    return mask


def start_pose(
    problem: MarkerProblem, measured: np.ndarray, place: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Place the skeleton in its reference pose where the root segment's markers are (rigid fit), legs slightly bent.

    Parameters
    ----------
    problem : MarkerProblem
    measured : ndarray, shape (n_frames, m, 3)
        m, ground frame; NaN = occluded.
    place : callable, optional
        Gives the marker positions of coordinates; `model_markers` if absent.

    Returns
    -------
    ndarray, shape (n_frames, n_q)
    """
    place = place or (lambda q: model_markers(problem, q)[0])
    q = np.tile(_bent(problem), (len(measured), 1))
    points = place(q[:1])
    root = root_segment(problem.skeleton)
    own = [k for k, s in enumerate(problem.segments) if s == root]
    own = own if len(own) >= 3 else list(range(len(problem.segments)))
    visible = seen_markers(measured[:, own])
    poor = visible.sum(axis=1) < 3
    if poor.any():  # the root's own markers are hidden: the whole body is the next best
        own = list(range(len(problem.segments)))
        visible = seen_markers(measured)
    weight = visible[..., None] / np.maximum(visible.sum(axis=1), 1)[:, None, None]
    target = np.nan_to_num(measured[:, own])
    model = points[0, own]
    centre, own_centre = (target * weight).sum(axis=1), (model * weight).sum(axis=1)
    spread = np.einsum("nmi,nmj->nij", (target - centre[:, None]) * weight, model[None] - own_centre[:, None])
    u, _, vt = np.linalg.svd(spread)
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    _turn_root(problem.skeleton.segments[root], u @ vt, q)
    shift = centre - (place(q)[:, own] * weight).sum(axis=1)
    into = np.array(problem.skeleton.segments[root].orientation)
    for element in problem.skeleton.segments[root].elements:
        if element.kind == "translation" and element.coordinate >= 0 and problem.free[element.coordinate]:
            q[:, element.coordinate] += shift @ into @ np.array(element.axis)
    return np.where(problem.free, np.clip(q, problem.lower, problem.upper), problem.reference)


def _bent(problem: MarkerProblem) -> np.ndarray:
    """The reference pose with slightly bent knees."""
    q = problem.reference.copy()
    names = problem.skeleton.coordinate_names
    for side in "rl":
        if f"knee_angle_{side}" in names:
            j = names.index(f"knee_angle_{side}")
            flexes = problem.upper[j] >= -problem.lower[j]  # knee flexion is negative in some models
            q[j] += SLIGHT_BEND if flexes else -SLIGHT_BEND
    return q


def _turn_root(segment: Segment, turn: np.ndarray, q: np.ndarray) -> None:
    """Write the angles that turn the root segment by `turn` (n, 3, 3) away from where `q` has it."""
    rotational = [e for e in segment.elements if e.kind == "rotation" and e.coordinate >= 0]
    axes = np.array([e.axis for e in rotational])
    into = np.array(segment.orientation)
    if len(rotational) == 1:
        axis = into @ axes[0]
        q[:, rotational[0].coordinate] += Rotation.from_matrix(turn).as_rotvec() @ axis
    elif len(rotational) == 3:
        joint = np.eye(3)
        for element, axis in zip(rotational, axes, strict=True):
            joint = joint @ np.array(axis_rotation(tuple(axis), float(q[0, element.coordinate])))
        angles = _angles_about(axes, into.T @ turn @ into @ joint)
        for element, angle in zip(rotational, angles, strict=True):
            q[:, element.coordinate] = angle


def _angles_about(axes: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, ...]:
    """Angles about three axes, one after the other in the turning frame, that make rotations (n, 3, 3).

    For axes at right angles; zero where they are not, which is a start like any other.
    """
    if np.abs(axes @ axes.T - np.eye(3)).max() > 1e-6:
        return tuple(np.zeros((3, len(rotations))))
    m = axes @ rotations @ axes.T
    sign = np.sign(np.linalg.det(axes))  # in a left-handed frame of axes every angle counts backwards
    first = np.arctan2(-m[:, 1, 2], m[:, 2, 2])
    second = np.arcsin(np.clip(m[:, 0, 2], -1.0, 1.0))
    third = np.arctan2(-m[:, 0, 1], m[:, 0, 0])
    return sign * first, sign * second, sign * third


def model_markers(problem: MarkerProblem, q: np.ndarray) -> tuple[np.ndarray, tuple[SegmentState, ...]]:
    """Marker positions (n, m, 3) and the segment states behind them."""
    states = segment_states(problem.skeleton, list(q.T))
    points = [
        over_frames(point_position(states[s], tuple(map(float, offset))), len(q))
        for s, offset in zip(problem.segments, problem.offsets, strict=True)
    ]
    return np.stack(points, axis=1), states


def marker_jacobian(problem: MarkerProblem, states: tuple[SegmentState, ...], points: np.ndarray) -> np.ndarray:
    """Differentiate the marker positions (n, m, 3, n_q): slope × axis, or slope × axis × lever arm."""
    n_frames, n_markers = points.shape[:2]
    jacobian = np.zeros((n_frames, n_markers, 3, len(problem.skeleton.coordinates)))
    markers_of: dict[int, list[int]] = {}
    ancestors = problem.ancestors
    for k, s in enumerate(problem.segments):
        for ancestor in ancestors[s]:
            markers_of.setdefault(ancestor, []).append(k)
    for segment, markers in markers_of.items():
        for passed in states[segment].joint:
            j = passed.element.coordinate
            if j < 0 or not problem.free[j]:
                continue
            axis = over_frames(passed.axis, n_frames) * np.broadcast_to(passed.slope, (n_frames,))[:, None]
            column = jacobian[..., j]
            if passed.element.kind == "translation":
                column[:, markers] += axis[:, None]
            else:
                arm = points[:, markers] - over_frames(passed.point, n_frames)[:, None]
                column[:, markers] += np.cross(axis[:, None], arm)
    return jacobian


def fit_arrays(
    problem: MarkerProblem, measured: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt on all frames; returns coordinates (n, n_q) and convergence (n,)."""
    chunks = range(0, len(measured), FRAMES_AT_ONCE)
    solved = [_fit_chunk(problem, measured[i : i + FRAMES_AT_ONCE], tolerance, max_iterations) for i in chunks]
    if not solved:
        return np.empty((0, len(problem.reference))), np.empty(0, dtype=bool)
    return tuple(np.concatenate(parts) for parts in zip(*solved, strict=True))


def _fit_chunk(
    problem: MarkerProblem, measured: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    q = start_pose(problem, measured)
    n_frames, n_q = q.shape
    visible = seen_markers(measured)
    target = np.where(visible[..., None], measured, 0.0)
    weight = problem.weights[None] * visible[..., None]
    damping = np.full(n_frames, 1e-3)
    active = np.arange(n_frames)
    done = np.zeros(n_frames, dtype=bool)
    prior = np.where(problem.free, problem.prior, 1.0)

    def evaluate(q: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
        points, states = model_markers(problem, q)
        residual = points - target[frames]
        pull = ((q - problem.reference) ** 2 * prior).sum(axis=1)
        return (residual**2 * weight[frames]).sum(axis=(1, 2)) + pull, residual, (states, points)

    for _ in range(max_iterations):
        now, residual, (states, points) = evaluate(q[active], active)
        jacobian = marker_jacobian(problem, states, points).reshape(len(active), -1, n_q)
        weighted = jacobian * weight[active].reshape(len(active), -1, 1)
        gradient = np.einsum("nk,nkj->nj", residual.reshape(len(active), -1), weighted)
        gradient += (q[active] - problem.reference) * prior
        hessian = weighted.transpose(0, 2, 1) @ jacobian
        diagonal = np.einsum("njj->nj", hessian)
        diagonal += prior
        lifted = hessian + (damping[active, None] * np.maximum(diagonal, 1e-9))[:, :, None] * np.eye(n_q)
        step = -np.linalg.solve(lifted, gradient[..., None])[..., 0]
        trial = np.clip(q[active] + np.clip(step, -0.6, 0.6), problem.lower, problem.upper)
        trial = np.where(problem.free, trial, problem.reference)
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
