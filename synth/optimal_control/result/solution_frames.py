"""Solution frames: a movement solution at a constant rate, its cycle closed, as files of motion want it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.solution import MovementSolution

TRAVELLING = "pelvis_tx"
_EVEN = 1e-6
"""Share of a step by which steps may differ and still count as even."""


@dataclass(frozen=True)
class SolutionFrames:
    """A movement at a constant rate.

    Attributes
    ----------
    rate : float
        Hz.
    time : ndarray, shape (n_frames,)
        s from the start; a cycle ends with its first frame again, moved on by the stride.
    coordinates, speeds, accelerations, moments : ndarray, shape (n_frames, n_q)
        As of a `MovementSolution`.
    activations : ndarray, shape (n_frames, n_muscles)
    loads : ndarray, shape (n_frames, n_feet, 6)
        Force (N) on each foot and moment (N·m) about the ground's origin.
    """

    rate: float
    time: np.ndarray
    coordinates: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    moments: np.ndarray
    activations: np.ndarray
    loads: np.ndarray


def solution_frames(solution: MovementSolution, rate: float | None = None) -> SolutionFrames:
    """Sample a solution at a constant rate.

    Parameters
    ----------
    solution : MovementSolution
    rate : float, optional
        Wished rate (Hz); the one nearest to it that divides the movement into equal steps is taken. Default: the nodes
        themselves; as many frames as nodes where these are not even (Radau's points).

    Returns
    -------
    SolutionFrames
        Exactly the nodes where they are even and no rate is wished. Else coordinates come from cubic Hermite
        polynomials through values and speeds, all other arrays from monotone ones through their values.

    Raises
    ------
    ModelMismatch
        The rate is not above zero, or the solution holds numbers that are not finite.
    """
    if rate is not None and not 0.0 < rate < np.inf:
        raise ModelMismatch(f"a rate of {rate} Hz; expected a number above zero.")
    time, arrays = _closed(solution)
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise ModelMismatch(f"{solution.skeleton.name}: {bad[0]} of this solution hold numbers that are not finite.")
    steps = np.diff(time)
    n_steps = len(steps) if rate is None else max(round(time[-1] * rate), 1)
    even = np.linspace(0.0, time[-1], n_steps + 1)
    if rate is not None or np.ptp(steps) > _EVEN * steps.mean():
        path = CubicHermiteSpline(time, arrays["coordinates"], arrays["speeds"])
        sampled = {name: PchipInterpolator(time, array)(even) for name, array in arrays.items()}
        arrays = sampled | {"coordinates": path(even), "speeds": path(even, 1)}
    return SolutionFrames(rate=n_steps / time[-1], time=even, **arrays)


def _closed(solution: MovementSolution) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times and arrays of all nodes, and of the end of a cycle."""
    n = len(solution.time)
    arrays = {name: getattr(solution, name) for name in ("coordinates", "speeds", "accelerations", "moments")}
    arrays["activations"] = solution.arrays.get("activations", np.empty((n, 0)))
    arrays["loads"] = solution.loads if len(solution.loads) else np.empty((n, 0, 6))
    if solution.period != "cycle":
        return solution.time - solution.time[0], arrays
    arrays = {name: np.concatenate([array, array[:1]]) for name, array in arrays.items()}
    way = solution.speed * solution.duration
    if TRAVELLING in solution.skeleton.coordinate_names:
        arrays["coordinates"][-1, solution.skeleton.coordinate_index(TRAVELLING)] += way
    arrays["loads"][-1, :, 3:] += np.cross([way, 0.0, 0.0], arrays["loads"][-1, :, :3])
    return np.r_[solution.time, solution.duration], arrays
