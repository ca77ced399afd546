"""Gait cycle: from one strike of a foot to its next, and the stance in it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mocap_import.trial import MarkerTrial

SHORTEST_CYCLE, LONGEST_CYCLE = 0.35, 2.5
"""Seconds."""


def find_gait_cycles(trial: MarkerTrial, foot: str) -> list[tuple[float, float]]:
    """Cycles of one foot, from its strike to its next strike.

    Parameters
    ----------
    trial : MarkerTrial
    foot : str
        ``"right"`` or ``"left"``.

    Returns
    -------
    list of (float, float)
        Start and end (s); only cycles of 0.35 to 2.5 s, so that a missed event makes no double cycle of a run.
    """
    if trial.task == "static":
        return []
    strikes = [event.time for event in trial.events if event.foot == foot and event.kind == "foot_strike"]
    cycles = list(pairwise(strikes))
    lengths = [end - start for start, end in cycles if end - start >= SHORTEST_CYCLE]
    usual = float(np.median(lengths)) if lengths else 0.0
    longest = min(LONGEST_CYCLE, 1.6 * usual)
    return [(start, end) for start, end in cycles if SHORTEST_CYCLE <= end - start <= longest]


def stance_phases(trial: MarkerTrial, foot: str) -> list[tuple[float, float]]:
    """Stances of one foot (strike, off) in seconds, within whole cycles."""
    offs = [event.time for event in trial.events if event.foot == foot and event.kind == "foot_off"]
    found = []
    for start, end in find_gait_cycles(trial, foot):
        inside = [time for time in offs if start < time < end]
        if inside:
            found.append((start, inside[0]))
    return found
