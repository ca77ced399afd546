"""Inverse kinematics: the coordinates of a skeleton that best explain a trial's markers, all frames in one call.

Per frame, weighted least squares between model and measured markers, with a weak pull of every coordinate towards its
reference (Lu & O'Connor, J Biomech 32:129, 1999), inside the coordinates' limits. `kernel.trial_fit` solves it;
`marker_least_squares` states it and holds the readable second path.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from opensim_models.inverse.held_coordinate import movers, observed, with_held
from opensim_models.inverse.marker_least_squares import (
    ROOT_PRIOR,
    MarkerProblem,
    fit_arrays,
    model_markers,
    root_coordinates,
    seen_markers,
    towards_markers,
)
from opensim_models.inverse.whole_turn import without_leaps
from opensim_models.kernel.trial_fit import fit_trial
from opensim_models.model.skeleton import Skeleton, SkeletonMarker
from opensim_models.model.skeleton_memory import remember_of_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics

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
        Coordinates that were not solved for: they stay at their prior or default, or follow the function of time that
        the model prescribes.
    converged : ndarray of bool, shape (n_frames,)
    held_reasons : mapping
        Held coordinate → why, as a sentence.
    uncertainty : mapping
        Solved coordinate → standard deviation (rad or m) that the markers alone leave it if each is off by the marker
        spread: the median over sampled frames.
    """

    kinematics: Kinematics
    markers: tuple[str, ...]
    marker_error: np.ndarray
    held: tuple[str, ...]
    converged: np.ndarray
    held_reasons: Mapping[str, str] = field(default_factory=dict)
    uncertainty: Mapping[str, float] = field(default_factory=dict)

    @property
    def rms_error(self) -> float:
        """Root mean square marker error over the trial (m)."""
        return float(np.sqrt(np.nanmean(self.marker_error**2))) if np.isfinite(self.marker_error).any() else math.nan

    @property
    def marker_rms(self) -> dict[str, float]:
        """Root mean square error of each marker over the trial (m); NaN for a marker that is never seen."""
        return dict(zip(self.markers, _root_mean_square(self.marker_error, 0).tolist(), strict=True))

    @property
    def frame_rms(self) -> np.ndarray:
        """Root mean square error of each frame (n_frames,) over its markers (m); NaN where it was not solved."""
        return _root_mean_square(self.marker_error, 1)


def _root_mean_square(error: np.ndarray, axis: int) -> np.ndarray:
    """Over what is known; NaN where nothing is."""
    known = np.isfinite(error)
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.where(known, error, 0.0).__pow__(2).sum(axis=axis) / known.sum(axis=axis))


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
    coordinate_priors: Mapping[str, tuple[float, float]] | None = None,
    locked: Collection[str] = (),
    limits: str = "range",
    observable_within: float = math.radians(90.0),
    time: np.ndarray | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 60,
    compiled: bool = True,
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
        Marker name → weight, 1 where absent; 0 leaves the marker out.
    axis_weights : tuple of 3 floats
        Weight of the ground axes: (1, 1, 0) fits a planar skeleton to the sagittal projection.
    prior_spread : float
        Standard deviation (rad) of the pull of rotations towards their default; translations are free.
    marker_spread : float
        Standard deviation (m) of a marker of weight 1, to which the pull is compared.
    coordinate_priors : mapping, optional
        Coordinate → (value, standard deviation; rad or m) to pull it to instead; a deviation of 0 holds it there. It
        also goes before a value or a function of time that the model prescribes.
    locked : collection of str
        Coordinates to hold at their prior, prescribed constant or default, beside those that the skeleton locks.
    limits : str
        Which ranges of motion bound the solution: ``"range"`` all but those of a full circle, which leave out no pose
        (a heading beyond 180 degrees goes on), ``"clamped"`` those that the model clamps (as OpenSim does, full circles
        among them), ``"none"``.
    observable_within : float
        Coordinates whose standard deviation (rad or m) by the markers alone exceeds this are held, as few as it takes
        for the others to stay below it; infinite: none. The default lets the forearm turn though a lone wrist marker
        next to its axis leaves it 60 to 70 degrees (Rajagopal's marker set): a misplaced marker shifts the angle of a
        whole trial, but not its course. `InverseKinematicsSolution.uncertainty` says so.
    time : ndarray, shape (n_frames,), optional
        Of each frame (s), for coordinates that the model prescribes as functions of time; from 0 at `rate` if absent.
    tolerance : float
        A frame has converged when no coordinate moves by more (rad or m).
    max_iterations : int
    compiled : bool
        Use the compiled kernel; False solves by array operations, slowly.

    Returns
    -------
    InverseKinematicsSolution

    Raises
    ------
    ModelMismatch
        Fewer than four of the skeleton's markers are in the trial; arguments that name no coordinate of the skeleton,
        or that are out of range; times that are not those of the frames; markers at exactly (0, 0, 0), which is how
        some programs write "not seen".
    """
    used = _used_markers(skeleton, tuple(labels), weights or {})
    measured = _measured(used, tuple(labels), positions, rate)
    problem = _problem(skeleton, used, weights or {}, axis_weights, prior_spread, marker_spread)
    time = _times(time, len(measured), rate)
    problem, reasons = with_held(problem, limits, coordinate_priors or {}, locked, time)
    seen = seen_markers(measured)
    solvable = seen.sum(axis=1) >= MINIMUM_MARKERS
    solver = fit_trial if compiled else _array_trial
    while True:
        values, error, converged = solver(problem, measured, solvable, tolerance, max_iterations)
        problem, uncertainty, unseen = observed(problem, measured, values, solvable, observable_within)
        reasons |= unseen
        if not unseen:
            break
    names = skeleton.coordinate_names
    values = without_leaps(problem, values)
    _blank_unseen(problem, seen, values)
    return InverseKinematicsSolution(
        Kinematics(names, values, rate),
        tuple(m.name for m in used),
        error,
        tuple(name for name in names if name in reasons),
        converged,
        reasons,
        {name: float(sd) for name, sd in zip(names, uncertainty, strict=True) if name not in reasons},
    )


def _used_markers(
    skeleton: Skeleton, labels: tuple[str, ...], weights: Mapping[str, float]
) -> tuple[SkeletonMarker, ...]:
    """Markers of the skeleton that the trial has and that carry weight."""
    bad = [name for name, weight in weights.items() if not (math.isfinite(weight) and weight >= 0)]
    if bad:
        raise ModelMismatch(f"{skeleton.name}: the weight of marker {bad[0]} is {weights[bad[0]]}; expected 0 or more.")
    used = tuple(m for m in skeleton.markers if m.name in labels and weights.get(m.name, 1.0) > 0)
    if len(used) < MINIMUM_MARKERS:
        wanted = ", ".join(m.name for m in skeleton.markers[:12])
        raise ModelMismatch(
            f"{skeleton.name}: inverse kinematics needs at least {MINIMUM_MARKERS} of the model's markers "
            f"({wanted}, …), the trial has {len(used)}: check the marker set."
        )
    counts = Counter(labels)
    twice = [m.name for m in used if counts[m.name] > 1]
    if twice:
        raise ModelMismatch(f"{skeleton.name}: marker {twice[0]} stands twice among the trial's labels; rename one.")
    return used


def _measured(
    used: tuple[SkeletonMarker, ...], labels: tuple[str, ...], positions: np.ndarray, rate: float
) -> np.ndarray:
    """Measured positions (n_frames, m, 3) of the markers used."""
    positions = np.asarray(positions, dtype=float)
    if positions.ndim != 3 or positions.shape[1:] != (len(labels), 3):
        raise ModelMismatch(
            f"expected marker positions of shape (n_frames, {len(labels)} labels, 3), got {positions.shape}."
        )
    if not (math.isfinite(rate) and rate > 0):
        raise ModelMismatch(f"expected a frame rate above 0 Hz, got {rate}.")
    column = {label: k for k, label in enumerate(labels)}
    columns = [column[m.name] for m in used]
    measured = positions if columns == list(range(len(labels))) else positions[:, columns]
    zero = measured[..., 0] == 0.0
    if zero.any():
        zero &= (measured[..., 1] == 0.0) & (measured[..., 2] == 0.0)
    if zero.any():
        frames = zero.sum(axis=0)
        k = int(np.argmax(frames))
        raise ModelMismatch(
            f"marker {used[k].name} is exactly (0, 0, 0) in {frames[k]} of {len(measured)} frames, as programs write "
            "samples that were not seen; inverse kinematics would take them for places. Write NaN there."
        )
    return measured


def _times(time: np.ndarray | None, n_frames: int, rate: float) -> np.ndarray:
    """Time (n_frames,) of the frames (s)."""
    if time is None:
        return np.arange(n_frames) / rate
    time = np.asarray(time, dtype=float)
    if time.shape != (n_frames,) or not np.isfinite(time).all():
        raise ModelMismatch(f"expected the time of each of {n_frames} frames (s), got an array of shape {time.shape}.")
    return time


def _problem(
    skeleton: Skeleton,
    used: tuple[SkeletonMarker, ...],
    weights: Mapping[str, float],
    axis_weights: tuple[float, float, float],
    prior_spread: float,
    marker_spread: float,
) -> MarkerProblem:
    """Gather indices, weights and limits once."""
    towards = _towards(skeleton, tuple(m.name for m in used))
    rotation = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    root = root_coordinates(skeleton)
    return MarkerProblem(
        towards,
        used,
        tuple(towards.segment_index(m.segment) for m in used),
        np.array([m.offset for m in used]),
        np.array([[weights.get(m.name, 1.0)] for m in used]) * np.array(axis_weights) / marker_spread**2,
        np.array([c.default for c in skeleton.coordinates], dtype=float),
        np.where(rotation & ~root, 1.0 / prior_spread**2, ROOT_PRIOR),
        np.full(len(rotation), -np.inf),
        np.full(len(rotation), np.inf),
        np.ones(len(rotation), dtype=bool),
    )


@remember_of_skeleton
def _towards(skeleton: Skeleton, used: tuple[str, ...]) -> Skeleton:
    return towards_markers(skeleton, tuple(m for m in skeleton.markers if m.name in used))


def _array_trial(
    problem: MarkerProblem, measured: np.ndarray, solvable: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`kernel.trial_fit.fit_trial` by array operations."""
    values = np.full((len(measured), len(problem.reference)), np.nan)
    error = np.full(measured.shape[:2], np.nan)
    converged = np.zeros(len(measured), dtype=bool)
    if problem.courses:  # every frame has values of its own for what is held
        for i in np.flatnonzero(solvable):
            reference = problem.reference.copy()
            for j, course in problem.courses.items():
                reference[j] = course[i]
            one = replace(problem, reference=reference)
            values[[i]], converged[[i]] = fit_arrays(one, measured[[i]], tolerance, max_iterations)
    else:
        values[solvable], converged[solvable] = fit_arrays(problem, measured[solvable], tolerance, max_iterations)
    difference = model_markers(problem, values[solvable])[0] - measured[solvable]
    error[solvable] = np.linalg.norm(difference * (problem.weights > 0), axis=2)
    return values, error, converged


def _blank_unseen(problem: MarkerProblem, seen: np.ndarray, values: np.ndarray) -> None:
    """Blank the solved coordinates in frames that show no marker beyond their joint."""
    if seen.all():
        return
    observed = seen @ movers(problem.skeleton).T
    values[~observed & problem.free] = np.nan
