"""Task: what a subject does in a trial, from the motion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.plate.contact import contacts
from mocap_import.treadmill import feet_range, n_passes, travel_direction
from mocap_import.trial import MarkerTrial

FASTEST_WALK = 2.5
"""Speed (m/s) of the pelvis above which a short record overground is running, whatever its heights say."""
STANDING_BOB = 0.15
"""Height (m) by which the pelvis of somebody who stands may move."""
JUMP, JUMP_TIME = 0.2, 0.3
"""Height (m) that the pelvis gains or loses in so many seconds (s) in a jump or a fall: walking and running stay below
0.1 m, stairs below 0.15 m."""


def task_from_motion(
    trial: MarkerTrial,
    landmarks: Mapping[str, np.ndarray],
    pelvis: np.ndarray,
    on_treadmill: bool,
    reach: float | None = None,
) -> str:
    """``static``, ``walk``, ``run``, ``turn`` or ``unknown`` from how feet and pelvis move.

    Standing: neither feet nor pelvis travel, nor does the pelvis sink (a squat) or rise (a jump). Gait: the feet pass
    each other and the pelvis travels, or a belt does. Running: both feet off the ground at times (by the plates on a
    treadmill, else by the heights of heel and toe). Turning: the direction of travel changes by more than 60°. Whoever
    jumps on the way (a lay-up, a hop) does something else, whose events no gait detector knows. `reach` is the
    `feet_range` (m) if it is known already.
    """
    seen = pelvis[np.isfinite(pelvis).all(axis=1)]
    if len(seen) < 5:
        return "unknown"
    extent = np.ptp(seen[:, [0, 2]], axis=0).max()
    if (feet_range(landmarks, pelvis) if reach is None else reach) < 0.12:
        return "static" if extent < 0.3 and np.ptp(seen[:, 1]) < STANDING_BOB else "unknown"
    if (not on_treadmill and extent < 0.5) or _jumps(pelvis[:, 1], trial.rate):
        return "unknown"
    passes = n_passes(landmarks, travel_direction(pelvis, trial.rate, on_treadmill, len(pelvis)))
    if passes is not None and passes < 1:
        return "unknown"
    step = max(1, round(0.1 * trial.rate))
    travel = np.linalg.norm(seen[step:, [0, 2]] - seen[:-step, [0, 2]], axis=1) * trial.rate / step
    is_fast = not on_treadmill and len(travel) > 0 and float(np.median(travel)) > FASTEST_WALK
    if is_fast or _is_running(trial, landmarks, on_treadmill):
        return "run"
    quarter = max(2, len(seen) // 4)
    first, last = seen[quarter] - seen[0], seen[-1] - seen[-quarter]
    lengths = np.hypot(first[0], first[2]) * np.hypot(last[0], last[2])
    if not on_treadmill and lengths > 0.01 and (first[0] * last[0] + first[2] * last[2]) / lengths < 0.5:
        return "turn"
    return "walk"


def _jumps(height: np.ndarray, rate: float) -> bool:
    """Whether the pelvis (n_frames,) in m gains or loses height as only a jump, a landing or a fall does."""
    step = max(1, round(JUMP_TIME * rate))
    change = np.abs(height[step:] - height[:-step])
    return bool((change > JUMP).any())


def _is_running(trial: MarkerTrial, landmarks: Mapping[str, np.ndarray], on_treadmill: bool) -> bool:
    """True if there is flight."""
    if on_treadmill and trial.ground_reactions:
        vertical = np.sum([reaction.force[:, 1] for reaction in trial.ground_reactions], axis=0)
        rate = trial.ground_reactions[0].rate
        loaded = contacts(vertical, rate)
        if len(loaded) >= 3:
            return float(np.median([stop - start for start, stop in loaded])) / rate < 0.5
    sides, heights = [], []
    for name in ("heel_r", "toe_r", "heel_l", "toe_l"):
        if name in landmarks and np.isfinite(landmarks[name]).any():
            sides.append(name[-1])
            heights.append(landmarks[name][:, 1])
    if not heights:
        return False
    height = low_pass(np.stack(heights, axis=1), trial.rate, min(15.0, 0.4 * trial.rate))
    above = height - (np.percentile if np.isfinite(height).all() else np.nanpercentile)(height, 5, axis=0)
    duties = []
    for side in dict.fromkeys(sides):
        lower = np.fmin.reduce(above[:, [other == side for other in sides]], axis=1)
        seen = lower[np.isfinite(lower)]
        if len(seen):
            duties.append(float(np.mean(seen < 0.03)))
    return bool(duties) and float(np.mean(duties)) < 0.42
