"""Task: what a subject does in a trial, from the words of a file name or from the motion."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.plate.contact import contacts
from mocap_import.treadmill import feet_range, n_passes, travel_direction
from mocap_import.trial import MarkerTrial

FASTEST_WALK = 2.5
"""Speed (m/s) of the pelvis above which a short record overground is running, whatever its heights say."""
STANDING_BOB = 0.15
"""Height (m) by which the pelvis of somebody who stands may move."""
_WORDS = (
    ("static", re.compile(r"static|standing|(?<![a-z])(cal|stand|npose|tpose)(?![a-z])|calib", re.IGNORECASE)),
    ("turn", re.compile(r"turn", re.IGNORECASE)),
    ("run", re.compile(r"run|jog|sprint", re.IGNORECASE)),
    ("walk", re.compile(r"walk|straight|gait|overground", re.IGNORECASE)),
)


def task_from_name(parts: Sequence[str]) -> str | None:
    """Task by the words in a file's name, then in its folders from the inside out; None if no word tells."""
    for part in reversed(parts):
        for task, pattern in _WORDS:
            if pattern.search(part):
                return task
    return None


def is_task_word(text: str) -> bool:
    """True if a folder is named after a task or a kind of trial, so that it is no subject's."""
    kinds = r"(static|dynamic|walk|walking|straight|turn|turning|run|running|gait|cal|calibration|trials?|c3d|data)s?"
    return re.fullmatch(kinds, text, re.IGNORECASE) is not None


def task_from_motion(
    trial: MarkerTrial, landmarks: Mapping[str, np.ndarray], pelvis: np.ndarray, on_treadmill: bool
) -> str:
    """``static``, ``walk``, ``run``, ``turn`` or ``unknown`` from how feet and pelvis move.

    Standing: neither feet nor pelvis travel, nor does the pelvis sink (a squat) or rise (a jump). Gait: the feet pass
    each other and the pelvis travels, or a belt does. Running: both feet off the ground at times (by the plates on a
    treadmill, else by the heights of heel and toe). Turning: the direction of travel changes by more than 60°.
    """
    seen = pelvis[np.isfinite(pelvis).all(axis=1)]
    if len(seen) < 5:
        return "unknown"
    extent = np.ptp(seen[:, [0, 2]], axis=0).max()
    if feet_range(landmarks, pelvis) < 0.12:
        return "static" if extent < 0.3 and np.ptp(seen[:, 1]) < STANDING_BOB else "unknown"
    if not on_treadmill and extent < 0.5:
        return "unknown"
    passes = n_passes(landmarks, travel_direction(pelvis, trial.rate, on_treadmill, len(pelvis)))
    if passes is not None and passes < 1:
        return "unknown"
    step = max(1, round(0.1 * trial.rate))
    travel = np.linalg.norm(seen[step:, [0, 2]] - seen[:-step, [0, 2]], axis=1) * trial.rate / step
    is_fast = not on_treadmill and len(travel) > 0 and float(np.median(travel)) > FASTEST_WALK
    if is_fast or _is_running(trial, landmarks, on_treadmill):
        return "run"
    third = max(2, len(seen) // 4)
    first, last = seen[third] - seen[0], seen[-1] - seen[-third]
    lengths = np.hypot(first[0], first[2]) * np.hypot(last[0], last[2])
    if not on_treadmill and lengths > 0.01 and (first[0] * last[0] + first[2] * last[2]) / lengths < 0.5:
        return "turn"
    return "walk"


def _is_running(trial: MarkerTrial, landmarks: Mapping[str, np.ndarray], on_treadmill: bool) -> bool:
    """True if there is flight."""
    if on_treadmill and trial.ground_reactions:
        vertical = np.sum([reaction.force[:, 1] for reaction in trial.ground_reactions], axis=0)
        rate = trial.ground_reactions[0].rate
        loaded = contacts(vertical, rate)
        if len(loaded) >= 3:
            return float(np.median([stop - start for start, stop in loaded])) / rate < 0.5
    duties = []
    for side in ("r", "l"):
        above = np.full(trial.n_frames, np.nan)
        for name in (f"heel_{side}", f"toe_{side}"):
            if name in landmarks and np.isfinite(landmarks[name]).any():
                height = low_pass(landmarks[name][:, 1], trial.rate, min(15.0, 0.4 * trial.rate))
                above = np.fmin(above, height - np.nanpercentile(height, 5))
        seen = above[np.isfinite(above)]
        if len(seen):
            duties.append(float(np.mean(seen < 0.03)))
    return bool(duties) and float(np.mean(duties)) < 0.42
