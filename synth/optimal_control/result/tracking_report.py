"""Tracking report: how near a movement is to its recording, and how well its problem was solved, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from synth.optimal_control.movement.climb import Climb, bounds_of
from synth.optimal_control.movement.solution import MovementSolution, net_moments
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.program.diagnosis import Diagnosis, diagnose
from synth.optimal_control.recording.followed_markers import marker_distances
from synth.optimal_control.recording.recorded_motion import RecordedMotion
from synth.optimal_control.result.solution_frames import solution_frames

LEG = ("hip_", "knee_", "ankle_")
_AXES = ("forward", "vertical", "sideways")


def tracking_figures(
    solution: MovementSolution, motion: RecordedMotion, duration: float, structure: MovementStructure
) -> dict[str, Any]:
    """Compare a movement with what it followed, at the times of the recording.

    Parameters
    ----------
    solution : MovementSolution
    motion : RecordedMotion
        From the start of the movement on; it may end sooner.
    duration : float
        Of the recorded movement (s): times of both are compared as shares of their durations.
    structure : MovementStructure
        That was solved.

    Returns
    -------
    dict
        ``angles_deg`` (mean of the RMS of all rotations), ``coordinates`` (name → RMS in degrees or m), where markers
        were followed ``markers_mm`` (RMS distance), where joint moments were ``followed_moments`` (name → RMS in N·m)
        and ``followed_moments_mean``, where forces were recorded ``forces_percent`` (foot → axis → RMS in % of body
        weight) and ``leg_moments`` (mean RMS in N·m from the inverse dynamics of the recording).
    """
    frames = solution_frames(solution)
    phase = (motion.time - motion.time[0]) / duration
    known = phase <= 1.0 + 1e-9
    time = np.clip(phase[known] * frames.time[-1], 0.0, frames.time[-1])
    q = CubicHermiteSpline(frames.time, frames.coordinates, frames.speeds)(time)
    skeleton = solution.skeleton
    turning = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    rms = np.sqrt(np.mean((q - motion.values[known]) ** 2, axis=0)) * np.where(turning, 180.0 / np.pi, 1.0)
    figures: dict[str, Any] = {
        "angles_deg": float(rms[turning].mean()) if turning.any() else 0.0,
        "coordinates": dict(zip(skeleton.coordinate_names, rms.tolist(), strict=True)),
    }
    if motion.labels:
        distances = marker_distances(skeleton, motion.labels, motion.markers[known], q)
        figures["markers_mm"] = float(1e3 * np.sqrt(np.nanmean(distances**2)))
    moments = np.stack([np.interp(time, frames.time, column) for column in frames.moments.T], axis=1)
    if motion.moments.size:
        figures |= _moment_figures(skeleton.coordinate_names, moments - motion.moments[known])
    if not motion.wrenches:
        return figures
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    forces: dict[str, dict[str, float]] = {}
    loads = np.zeros((len(time), len(solution.feet), 6))
    for i, reaction in enumerate(solution.ground_reactions):
        if reaction.foot not in motion.wrenches:
            continue
        wrench = motion.wrenches[reaction.foot]
        loads[:, i] = np.hstack([wrench.force, wrench.moment_about(np.zeros(3))])[known]
        own = np.stack([np.interp(time, frames.time, column) for column in frames.loads[:, i, :3].T], axis=1)
        error = 100.0 * np.sqrt(np.nanmean((own - loads[:, i, :3]) ** 2, axis=0)) / weight
        forces[reaction.foot] = dict(zip(_AXES, error.tolist(), strict=True))
    figures["forces_percent"] = forces
    if len(motion.wrenches) == len(solution.feet) and np.isfinite(loads).all():
        arrays = {"coordinates": motion.values, "speeds": motion.speeds, "accelerations": motion.accelerations}
        demand = net_moments(structure, skeleton, {name: array[known] for name, array in arrays.items()}, loads)
        leg = [i for i, name in enumerate(skeleton.coordinate_names) if name.startswith(LEG)]
        figures["leg_moments"] = float(np.sqrt(np.mean((moments - demand)[:, leg] ** 2, axis=0)).mean()) if leg else 0.0
    return figures


def _moment_figures(names: tuple[str, ...], errors: np.ndarray) -> dict[str, Any]:
    """RMS (N·m) of the errors of joint moments; NaN = not followed."""
    followed = np.isfinite(errors).all(axis=0)
    rms = np.sqrt(np.mean(errors[:, followed] ** 2, axis=0))
    own = [name for name, is_followed in zip(names, followed, strict=True) if is_followed]
    return {"followed_moments": dict(zip(own, rms.tolist(), strict=True)), "followed_moments_mean": float(rms.mean())}


def diagnosis_of(reached: Climb) -> Diagnosis:
    """Look at the last problem of a climb, in its own names."""
    movement = reached.movement
    entries = {name: movement.variables.index(name) for name in movement.variables.shapes}
    return diagnose(movement.program, reached.iterate, *bounds_of(movement, reached.data), entries)


def diagnosis_table(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as plain data: sentence, equations with their largest residual, variables at their bounds."""
    return {
        "sentence": diagnosis.text,
        "status": diagnosis.status,
        "equations": [
            {
                "name": group.name,
                "rows": group.n_rows,
                "violated": group.n_violated,
                "largest_residual": group.violation,
                "row": group.row,
                "column": group.column,
                "largest_multiplier": group.multiplier,
            }
            for group in diagnosis.groups
        ],
        "bounds": [
            {
                "name": hit.name,
                "lower": hit.n_lower,
                "upper": hit.n_upper,
                "of": hit.n_free,
                "multiplier": hit.multiplier,
            }
            for hit in diagnosis.bounds
        ],
        "not_finite": list(diagnosis.not_finite),
    }


def solution_figures(solution: MovementSolution) -> dict[str, Any]:
    """What a solution is in a few numbers."""
    root = [i for i, name in enumerate(solution.skeleton.coordinate_names) if name.startswith("pelvis")]
    figures: dict[str, Any] = {
        "duration": solution.duration,
        "speed": solution.speed,
        "objective": solution.objective,
        "iterations": solution.iterations,
        "cpu_seconds": solution.cpu_seconds,
        "largest_root_force": float(np.abs(solution.moments[:, root]).max(initial=0.0)),
    }
    if solution.muscles:
        activations = solution.arrays["activations"]
        figures |= {"mean_activation": float(activations.mean()), "largest_activation": float(activations.max())}
    return figures


def rung_table(solution: MovementSolution) -> list[Mapping[str, Any]]:
    """The problems on the way, one row each."""
    names = ("name", "converged", "iterations", "cpu_seconds", "objective")
    return [dict(zip(names, rung, strict=True)) for rung in solution.rungs]
