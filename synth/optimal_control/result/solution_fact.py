"""Facts of solutions that a corpus keeps beside the motion: whether, how well and at what cost it was solved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synth.corpus.trial import SolutionFacts
from synth.optimal_control.movement.solution import MovementSolution


def solution_facts(
    pieces: Sequence[tuple[np.ndarray, MovementSolution]], rate: float, residuals: Sequence[float] = ()
) -> tuple[SolutionFacts, ...]:
    """Facts of the solutions in a trial.

    Parameters
    ----------
    pieces : sequence of (frames, solution)
        Frames of the trial that show the solution; a periodic one may be shown several times and counts once.
    rate : float
        Frames per second (Hz).
    residuals : sequence of float, optional
        RMS residual between the nodes of the solution of each piece (share of body weight); NaN if not given.

    Returns
    -------
    tuple of SolutionFacts
        In the order in which the solutions first appear.
    """
    facts: dict[int, SolutionFacts] = {}
    for i, (frames, solution) in enumerate(pieces):
        start, end = (float(frames[0]) / rate, float(frames[-1] + 1) / rate) if len(frames) else (math.inf, -math.inf)
        known = facts.get(id(solution))
        if known is not None:
            facts[id(solution)] = replace(known, start=min(known.start, start), end=max(known.end, end))
            continue
        facts[id(solution)] = SolutionFacts(
            start=start,
            end=end,
            converged=solution.converged,
            objective=float(solution.objective),
            iterations=int(solution.iterations),
            cpu_seconds=float(solution.cpu_seconds),
            n_nodes=len(solution.time),
            residual_share=float(residuals[i]) if len(residuals) else math.nan,
        )
    return tuple(fact for fact in facts.values() if fact.start <= fact.end)
