"""The gait signature: the mean cycle of somebody's hip, knee and ankle, by which two visits may be seen to be one's.

Where a joint's zero lies depends on the markers of the day, so the mean of each angle is removed. A likeness is no
proof: it is a reason to look (a warning), and the docs page says how often it is wrong and how often it stays silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from synth.corpus.trial import CorpusTrial

COORDINATES = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r")
N_PHASES = 101
ALIKE = np.deg2rad(2.0)
"""RMS difference (rad) of two mean cycles below which they may be one person's. Chosen on 20 runners of one laboratory,
whose 190 pairs differ by 2.17° or more, and measured on 20 of another (`benchmarks/corpus_visits.py`)."""
LEAST_CYCLES = 3
_SHORTEST, _LONGEST = 0.4, 2.5  # s, of a cycle


def gait_signature(trial: CorpusTrial) -> np.ndarray | None:
    """Mean cycle of the right leg.

    Parameters
    ----------
    trial : CorpusTrial

    Returns
    -------
    ndarray, shape (N_PHASES, 3) or None
        rad, from foot strike to foot strike, each angle about its mean. None unless the trial was measured and holds
        the three angles over `LEAST_CYCLES` whole cycles between right foot strikes: a computed gait has no visits.
    """
    if trial.status != "measured" or trial.kinematics is None:
        return None
    names = trial.kinematics.coordinates
    if any(name not in names for name in COORDINATES):
        return None
    angles = trial.kinematics.values[:, [names.index(name) for name in COORDINATES]]
    strikes = sorted(e.time for e in trial.events if e.kind == "foot_strike" and e.foot == "right")
    cycles = []
    frames = np.arange(len(angles))
    for start, end in pairwise(strikes):
        if not (_SHORTEST <= end - start <= _LONGEST and start >= 0 and end * trial.rate <= len(angles) - 1):
            continue
        at = np.linspace(start, end, N_PHASES) * trial.rate
        cycles.append(np.column_stack([np.interp(at, frames, column) for column in angles.T]))
    whole = [cycle for cycle in cycles if np.isfinite(cycle).all()]
    return signature_of(whole) if len(whole) >= LEAST_CYCLES else None


def signature_of(cycles: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of cycles (N_PHASES, n), each angle about its mean."""
    mean = np.mean(cycles, axis=0)
    return mean - mean.mean(axis=0)


def alike_gaits(signatures: Mapping[str, Mapping[str, Sequence[np.ndarray]]]) -> dict[tuple[str, str], float]:
    """Pairs of codes whose mean cycles of one task are alike.

    Parameters
    ----------
    signatures : mapping of code to mapping of task to sequence of ndarray
        From `gait_signature`, one a trial.

    Returns
    -------
    dict of (code, code) to float
        RMS difference (rad), the least over the tasks.
    """
    by_task: dict[str, list[tuple[str, np.ndarray]]] = defaultdict(list)
    for code in sorted(signatures):
        for task, found in signatures[code].items():
            by_task[task].append((code, signature_of(found).reshape(-1)))
    alike: dict[tuple[str, str], float] = {}
    for rows in by_task.values():
        table = np.array([row for _, row in rows])
        reach = ALIKE * np.sqrt(table.shape[1])
        for i, j in cKDTree(table).query_pairs(reach):
            pair = (rows[i][0], rows[j][0])
            apart = float(np.sqrt(np.mean((table[i] - table[j]) ** 2)))
            alike[pair] = min(apart, alike.get(pair, np.inf))
    return dict(sorted(alike.items()))
