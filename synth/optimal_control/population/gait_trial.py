"""Gait trial: a validated movement solution as a trial of a corpus, sampled over one cycle."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import Treatment
from synth.corpus.trial import CorpusTrial
from synth.optimal_control.corpus_run import place_in_trial
from synth.optimal_control.gait.gait_samples import sample_gait
from synth.optimal_control.gait.gait_solution import gait_events, spatiotemporal_of
from synth.optimal_control.movement.solution import MovementSolution

SOURCE = "optimal control"


def trial_name(number: int, mode: str = "walk") -> str:
    """Name of one of a person's gaits."""
    return f"{mode}_{number + 1:02d}"


def refused_trial(name: str, subject: Subject, rate: float, reason: str, mode: str = "walk") -> CorpusTrial:
    """A trial without arrays that says why it has none."""
    return CorpusTrial(name, subject, rate, task=mode, status="refused", reason=reason, source=SOURCE)


def gait_trial(
    name: str,
    subject: Subject,
    solution: MovementSolution,
    rate: float,
    status: str,
    recipe: str,
    mode: str = "walk",
    residual: float = math.nan,
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
    mode : str
        ``"walk"`` or ``"run"``.
    residual : float
        Between the nodes (share of body weight).
    """
    frames = np.arange(int(np.ceil(solution.duration * rate - 1e-9)))
    samples = sample_gait(solution, frames / rate)
    empty = CorpusTrial(name, subject, rate, task=mode, status=status, source=SOURCE)
    placed = place_in_trial(empty, [(frames, samples, solution)], n_frames=len(frames), residuals=[residual])
    return replace(
        placed,
        solutions=tuple(replace(fact, cpu_seconds=math.nan) for fact in placed.solutions),  # the same bytes each time
        events=gait_events(solution),
        spatiotemporal=spatiotemporal_of([solution]),
        treatments=(Treatment("optimal_control", recipe),),
    )
