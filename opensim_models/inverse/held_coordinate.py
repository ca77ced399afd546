"""Held coordinates: which coordinates a fit to markers does not solve for, why, and what it takes in their place.

The model locks or prescribes a coordinate, the caller does, or the markers do not show it. Of coordinates that the
markers show only together, as two turns about one axis, as few are held as let the others be seen.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from opensim_models.inverse.marker_least_squares import MarkerProblem
from opensim_models.inverse.whole_turn import boundless
from opensim_models.kernel.trial_fit import coordinate_uncertainty
from opensim_models.model.scalar_function import is_constant, value_and_derivatives
from opensim_models.model.skeleton import Coordinate, Skeleton
from opensim_models.model.skeleton_memory import remember_of_skeleton
from opensim_models.model_mismatch import ModelMismatch

SAMPLED_FRAMES = 9
"""Frames at which it is asked how well the markers observe each coordinate."""
LIMITS = ("range", "clamped", "none")
AS_UNSURE = 0.9
"""Coordinates whose uncertainty is at least this share of the largest are as unsure as that one."""


@remember_of_skeleton
def movers(skeleton: Skeleton) -> np.ndarray:
    """Which coordinate moves which marker of a skeleton (n_q, m)."""
    moved = np.zeros((len(skeleton.coordinates), len(skeleton.markers)), dtype=bool)
    for k, marker in enumerate(skeleton.markers):
        i = skeleton.segment_index(marker.segment)
        while i >= 0:
            moved[[e.coordinate for e in skeleton.segments[i].elements if e.coordinate >= 0], k] = True
            i = skeleton.segments[i].parent
    return moved


def with_held(
    problem: MarkerProblem,
    limits: str,
    priors: Mapping[str, tuple[float, float]],
    locked: Collection[str],
    time: np.ndarray,
) -> tuple[MarkerProblem, dict[str, str]]:
    """Apply limits, priors, locks and what the model prescribes at times (n_frames,); say what is held and why."""
    skeleton = problem.skeleton
    if limits not in LIMITS:
        raise ModelMismatch(f"limits must be one of {', '.join(LIMITS)}, got {limits!r}.")
    reference, prior = problem.reference.copy(), problem.prior.copy()
    reasons: dict[str, str] = {}
    courses: dict[int, np.ndarray] = {}
    for name in locked:
        skeleton.coordinate_index(name)
    for j, c in enumerate(skeleton.coordinates):
        follows = c.prescribed is not None and c.name not in priors
        if c.locked:  # at its default: "Locking takes precedence", OpenSim's Coordinate::extendInitStateFromProperties
            reasons[c.name] = "locked in the model"
        elif follows and is_constant(c.prescribed):
            reference[j] = value_and_derivatives(c.prescribed, 0.0)[0]
            reasons[c.name] = "the model prescribes its value"
        elif follows and c.name not in locked:
            courses[j] = np.asarray(value_and_derivatives(c.prescribed, time)[0]) * np.ones(len(time))
            reasons[c.name] = f"follows the function of time that the model prescribes, {_span(time)}"
        if c.name in locked and not c.locked:
            reasons[c.name] = "locked by the caller"
    for name, (value, spread) in priors.items():
        j = skeleton.coordinate_index(name)
        if not (math.isfinite(value) and spread >= 0):
            raise ModelMismatch(f"the prior of {name} is {value} ± {spread}; expected a number and 0 or more.")
        reference[j], prior[j] = value, 1.0 / spread**2 if spread > 0 else math.inf
        if spread == 0:
            reasons.setdefault(name, "its prior has no spread")
    for j, moves in enumerate(movers(skeleton)):
        if not moves.any():
            reasons.setdefault(skeleton.coordinate_names[j], "no marker of the trial lies beyond its joint")
    free = np.array([name not in reasons for name in skeleton.coordinate_names])
    clamped = np.array([c.clamped for c in skeleton.coordinates], dtype=bool)
    bounded = {"range": ~boundless(skeleton), "clamped": clamped, "none": np.zeros_like(clamped)}[limits]
    lower = np.where(bounded, [c.lower for c in skeleton.coordinates], -np.inf)
    upper = np.where(bounded, [c.upper for c in skeleton.coordinates], np.inf)
    changed = {"reference": reference, "prior": np.where(free, prior, 1.0), "free": free, "courses": courses}
    return replace(problem, lower=lower, upper=upper, **changed), reasons


def observed(
    problem: MarkerProblem, measured: np.ndarray, values: np.ndarray, solvable: np.ndarray, within: float
) -> tuple[MarkerProblem, np.ndarray, dict[str, str]]:
    """Hold as few coordinates as it takes for the markers to show all others.

    The least certain one is held, then the others are asked again. Of equally uncertain ones, of which the markers show
    the sum, that one is held which moves the fewest markers: the outermost joint's.

    Parameters
    ----------
    problem : MarkerProblem
    measured, values : ndarrays, shapes (n_frames, m, 3) and (n_frames, n_q)
        Markers (m), and the coordinates that were found with this problem.
    solvable : ndarray of bool, shape (n_frames,)
    within : float
        Largest standard deviation (rad or m) of a coordinate that is not held.

    Returns
    -------
    problem, uncertainty, reasons
        The problem with them held; the standard deviation (n_q,) of the others, NaN for held ones; why each is held.
    """
    uncertainty = _uncertainty(problem, measured, values, solvable)
    reasons: dict[str, str] = {}
    reach = movers(problem.skeleton).sum(axis=1)
    while np.nanmax(uncertainty, initial=0.0) > within:
        unsure = np.flatnonzero(uncertainty > max(within, AS_UNSURE * np.nanmax(uncertainty)))
        j = int(unsure[np.lexsort((-unsure, reach[unsure]))[0]])
        free = problem.free.copy()
        free[j] = False
        problem = replace(problem, free=free)
        before, uncertainty = uncertainty, _uncertainty(problem, measured, values, solvable)
        gained = [
            c.name
            for c, a, b in zip(problem.skeleton.coordinates, before, uncertainty, strict=True)
            if a > within and b <= within
        ]
        reasons[problem.skeleton.coordinate_names[j]] = _unseen(problem.skeleton.coordinates[j], before[j], gained)
    return problem, uncertainty, reasons


def _uncertainty(problem: MarkerProblem, measured: np.ndarray, values: np.ndarray, solvable: np.ndarray) -> np.ndarray:
    """Median standard deviation (n_q,) of each coordinate over sampled frames; NaN where held."""
    frames = np.flatnonzero(solvable)
    if not len(frames) or not problem.free.any():
        return np.full(values.shape[1], np.nan)
    some = frames[np.linspace(0, len(frames) - 1, min(SAMPLED_FRAMES, len(frames))).astype(int)]
    return np.median(coordinate_uncertainty(problem, measured[some], values[some]), axis=0)


def _unseen(coordinate: Coordinate, spread: float, gained: list[str]) -> str:
    """Why a coordinate is held that the markers do not show."""
    if coordinate.kind == "rotation":
        size = f"{math.degrees(spread):.0f}°" if spread < 2.0 * math.pi else "more than a turn"
    else:
        size = f"{spread:.2f} m" if spread < 10.0 else "more than 10 m"
    rest = f"; the markers show it only together with {', '.join(gained)}, which they show with it held"
    return f"the markers leave it uncertain by {size}{rest if gained else ''}"


def _span(time: np.ndarray) -> str:
    return f"{time[0]:g} to {time[-1]:g} s" if len(time) else "no frames"
