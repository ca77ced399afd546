"""Spatiotemporal parameters: speed, cadence, step length and width, stance, by side.

On a treadmill all distances are overground-equivalent: the belt's way, speed times time, is added.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mocap_import.gait_cycle import find_gait_cycles, stance_phases
from mocap_import.marker_set import MarkerSet, landmark_positions, load_marker_set
from mocap_import.plate_contact import SIDES
from mocap_import.trial import MarkerTrial

COLUMNS = (
    "n_cycles",
    "speed",
    "cadence",
    "stride_time",
    "stride_length",
    "step_length",
    "step_width",
    "stance_percent",
)


def spatiotemporal(trial: MarkerTrial, marker_set: MarkerSet | None = None) -> pd.DataFrame:
    """Means over the whole cycles of a trial.

    Parameters
    ----------
    trial : MarkerTrial
        With events; see `mocap_import.gait_cycle`.
    marker_set : MarkerSet, optional
        Loaded by the trial's own name if not given.

    Returns
    -------
    pandas.DataFrame
        Index ``right``, ``left``; columns n_cycles, speed (m/s), cadence (steps/min), stride_time (s),
        stride_length (m), step_length (m), step_width (m), stance_percent (%). NaN where nothing is known.

    Notes
    -----
    A right step ends with a right strike. Its length is how far the right heel then is ahead of where the left heel
    struck before, along the line between two strikes of the right heel; its width is the distance across that line.
    """
    if marker_set is None and trial.marker_set != "unknown":
        marker_set = load_marker_set(trial.marker_set)
    landmarks = landmark_positions(trial, marker_set) if marker_set else {}
    table = pd.DataFrame(np.nan, index=[foot for foot, _ in SIDES], columns=list(COLUMNS))
    for foot, side in SIDES:
        cycles = find_gait_cycles(trial, foot)
        table.loc[foot, "n_cycles"] = len(cycles)
        if not cycles:
            continue
        durations = np.array([end - start for start, end in cycles])
        table.loc[foot, "stride_time"] = durations.mean()
        table.loc[foot, "cadence"] = 120.0 / durations.mean()
        stances = stance_phases(trial, foot)
        if stances:
            by_start = {start: end - start for start, end in cycles}
            table.loc[foot, "stance_percent"] = 100 * np.mean(
                [(off - start) / by_start[start] for start, off in stances]
            )
        other = "l" if side == "r" else "r"
        if f"heel_{side}" in landmarks and f"heel_{other}" in landmarks:
            lengths = _distances(trial, landmarks, foot, side, other, cycles)
            for name, values in zip(("stride_length", "step_length", "step_width"), lengths.T, strict=True):
                if np.isfinite(values).any():
                    table.loc[foot, name] = np.nanmean(values)
            table.loc[foot, "speed"] = table.loc[foot, "stride_length"] / table.loc[foot, "stride_time"]
    return table


def _distances(
    trial: MarkerTrial,
    landmarks: dict[str, np.ndarray],
    foot: str,
    side: str,
    other: str,
    cycles: list[tuple[float, float]],
) -> np.ndarray:
    """Stride length, step length and step width (n_cycles, 3) in m, overground-equivalent."""
    opposite = "left" if foot == "right" else "right"
    strikes = np.array([e.time for e in trial.events if e.foot == opposite and e.kind == "foot_strike"])
    found = np.full((len(cycles), 3), np.nan)
    for row, (start, end) in enumerate(cycles):
        first, second = (_place(trial, landmarks[f"heel_{side}"], time) for time in (start, end))
        stride = second - first
        length = np.linalg.norm(stride)
        found[row, 0] = length
        between = strikes[(strikes > start) & (strikes < end)]
        if not len(between) or not length > 0.05:
            continue
        along = stride / length
        step = second - _place(trial, landmarks[f"heel_{other}"], between[-1])
        found[row, 1] = step @ along
        found[row, 2] = abs(step[0] * along[1] - step[1] * along[0])
    return found


def _place(trial: MarkerTrial, position: np.ndarray, time: float) -> np.ndarray:
    """Horizontal place (x, z) of a marker at a time, with the belt's way added."""
    frame = min(round(time * trial.rate), trial.n_frames - 1)
    way = trial.belt_speed * time if np.isfinite(trial.belt_speed) else np.nan
    return position[frame, [0, 2]] + np.array([way, 0.0])
