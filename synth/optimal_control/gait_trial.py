"""Gait trial: a validated movement solution as a trial of a corpus, sampled over one cycle."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus_trial import CorpusTrial
from synth.optimal_control.movement.solution import CONTACT_THRESHOLD, MovementSolution

SOURCE = "optimal control"


def trial_name(number: int) -> str:
    """Name of one of a person's walks."""
    return f"walk_{number + 1:02d}"


def refused_trial(name: str, subject: Subject, rate: float, reason: str) -> CorpusTrial:
    """A trial without arrays that says why it has none."""
    return CorpusTrial(name, subject, rate, task="walk", status="refused", reason=reason, source=SOURCE)


def gait_trial(
    name: str, subject: Subject, solution: MovementSolution, rate: float, status: str, recipe: str
) -> CorpusTrial:
    """One cycle of a solution at a constant rate.

    Parameters
    ----------
    name : str
    subject : Subject
    solution : MovementSolution
        A cycle with two feet.
    rate : float
        Hz.
    status : str
        ``"converged"`` or ``"predicted"``.
    recipe : str
        How to make it again, kept with the trial.
    """
    time = np.arange(int(np.ceil(solution.duration * rate - 1e-9))) / rate
    grid = np.r_[solution.time, solution.duration]
    stride = np.zeros(solution.coordinates.shape[1])
    forward = solution.skeleton.coordinate_index("pelvis_tx")
    stride[forward] = solution.speed * solution.duration
    motion = [solution.coordinates, solution.speeds, solution.accelerations]
    closed = [np.vstack([motion[0], motion[0][:1] + stride]), *(np.vstack([m, m[:1]]) for m in motion[1:])]
    values = BPoly.from_derivatives(grid, np.stack(closed, axis=1))(time)
    names = solution.skeleton.coordinate_names
    reactions = tuple(_sampled(r, grid, time, rate, subject.body_weight) for r in solution.ground_reactions)
    kinetics = Kinetics(
        names,
        _monotone(grid, solution.moments, time),
        rate,
        reactions,
        solution.muscles,
        _monotone(grid, solution.arrays["activations"], time) if solution.muscles else np.empty((len(time), 0)),
    )
    return CorpusTrial(
        name,
        subject,
        rate,
        kinematics=Kinematics(names, values, rate),
        kinetics=kinetics,
        events=_events(solution, subject.body_weight),
        task="walk",
        spatiotemporal=_spatiotemporal(solution, subject.body_weight),
        status=status,
        source=SOURCE,
        treatments=(Treatment("optimal_control", recipe),),
    )


def _monotone(grid: np.ndarray, array: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Monotone cubic through the nodes of a cycle, one more on each side."""
    closed = np.vstack([array[-1:], array, array[:2]])
    step = grid[-1] - grid[-2]
    return PchipInterpolator(np.r_[-step, grid, grid[-1] + grid[1]], closed)(time)


def _sampled(
    reaction: GroundReaction, grid: np.ndarray, time: np.ndarray, rate: float, weight: float
) -> GroundReaction:
    """A ground reaction at the samples; its centre of pressure is linear between loaded nodes."""
    force = _monotone(grid, reaction.force, time)
    loaded = force[:, 1] > CONTACT_THRESHOLD * weight
    place = reaction.centre_of_pressure
    pressure = np.full((len(time), 3), np.nan)
    known = np.isfinite(place[:, 0])
    for axis in range(3):
        pressure[loaded, axis] = np.interp(time[loaded], grid[:-1][known], place[known, axis])
    free = np.where(loaded, 0.0, np.nan)
    return GroundReaction(force, pressure, free, rate, reaction.foot, SOURCE)


def _events(solution: MovementSolution, weight: float) -> tuple[GaitEvent, ...]:
    """Crossings of the force threshold, linear between the nodes."""
    events = []
    for reaction in solution.ground_reactions:
        above = reaction.force[:, 1] / weight - CONTACT_THRESHOLD
        after = np.roll(above, -1)
        for i in np.flatnonzero((above > 0) != (after > 0)):
            share = (i + above[i] / (above[i] - after[i])) / len(above)
            kind = "foot_strike" if after[i] > 0 else "foot_off"
            events.append(GaitEvent(float(share % 1.0) * solution.duration, reaction.foot, kind, "force"))
    return tuple(sorted(events, key=lambda e: e.time))


def _spatiotemporal(solution: MovementSolution, weight: float) -> dict[str, float]:
    """Speed, cadence, stride time and length, stance shares; SI."""
    found = {"speed": solution.speed, "cadence": 2.0 / solution.duration}
    for reaction in solution.ground_reactions:
        side = reaction.foot[0]
        found[f"stride_time_{side}"] = solution.duration
        found[f"stride_length_{side}"] = solution.speed * solution.duration
        found[f"stance_{side}"] = float((reaction.force[:, 1] > CONTACT_THRESHOLD * weight).mean())
    return found
