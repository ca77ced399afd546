"""Spatiotemporal parameters: speed, cadence, step length and width, stance, support and symmetry, by side.

On a treadmill all distances are overground-equivalent: the belt's way, speed times time, is added. If the belt's speed
is unknown (NaN), so is every length and speed; times and shares remain.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from mocap_import.event.gait_cycle import find_gait_cycles, stance_phases
from mocap_import.event.gait_event import GAIT
from mocap_import.marker.marker_set import MarkerSet, landmark_positions, load_marker_set
from mocap_import.plate.contact import SIDES
from mocap_import.spreadsheet import csv_text
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
UNITS = {
    "speed": "speed_m_per_s",
    "cadence": "cadence_steps_per_min",
    "stride_time": "stride_time_s",
    "stride_length": "stride_length_m",
    "step_time": "step_time_s",
    "step_length": "step_length_m",
    "step_width": "step_width_m",
    "stance_percent": "stance_percent",
    "swing_percent": "swing_percent",
    "double_support_percent": "double_support_percent",
    "flight_percent": "flight_percent",
}
"""Parameter of one cycle → its column in the table, unit in the name."""
SYMMETRY = ("step_time", "step_length", "stance_percent")
"""Parameters whose symmetry index the table holds."""


def spatiotemporal(trial: MarkerTrial, marker_set: MarkerSet | None = None) -> pd.DataFrame:
    """Means over the whole cycles of a trial.

    Parameters
    ----------
    trial : MarkerTrial
        With events; see `mocap_import.event.gait_event`.
    marker_set : MarkerSet, optional
        Loaded by the trial's own name if not given.

    Returns
    -------
    pandas.DataFrame
        Index ``right``, ``left``; columns n_cycles, speed (m/s), cadence (steps/min), stride_time (s),
        stride_length (m), step_length (m), step_width (m), stance_percent (%). NaN where nothing is known.
    """
    by_cycle = cycle_parameters(trial, marker_set)
    table = pd.DataFrame(np.nan, index=[foot for foot, _ in SIDES], columns=list(COLUMNS))
    for foot, _ in SIDES:
        mine = by_cycle[by_cycle.side == foot]
        table.loc[foot, "n_cycles"] = len(mine)
        if len(mine):
            means = _means(mine)
            table.loc[foot, list(COLUMNS[1:])] = [means[name] for name in COLUMNS[1:]]
    return table


def cycle_parameters(trial: MarkerTrial, marker_set: MarkerSet | None = None) -> pd.DataFrame:
    """One row for every gait cycle of a trial: side, start (s), end (s) and the parameters of `UNITS`.

    Notes
    -----
    A right step ends with a right strike. Its length is how far the right heel then is ahead of where the left heel
    struck before, along the line between two strikes of the right heel; its width is the distance across that line.
    Double support and flight are the shares of a cycle in which both feet or neither stand, from events of both feet;
    they need an off and a strike of the other foot within the cycle, and no event missing between its others there.
    """
    if marker_set is None and trial.marker_set != "unknown":
        marker_set = load_marker_set(trial.marker_set)
    landmarks = landmark_positions(trial, marker_set) if marker_set else {}
    rows = []
    for foot, side in SIDES:
        cycles = find_gait_cycles(trial, foot)
        if not cycles:
            continue
        offs = dict(stance_phases(trial, foot))
        other = "l" if side == "r" else "r"
        heels = [landmarks.get(f"heel_{side}"), landmarks.get(f"heel_{other}")]
        strikes, lifts = (_instants(trial, "left" if foot == "right" else "right", kind) for kind in _KINDS)
        for start, end in cycles:
            time = end - start
            between = strikes[(strikes > start) & (strikes < end)]
            row = {"side": foot, "start": start, "end": end, "stride_time": time, "cadence": 120.0 / time}
            row["step_time"] = end - between[-1] if len(between) else np.nan
            row |= dict(zip(_LENGTHS, _distances(trial, heels, start, end, between), strict=True))
            row["speed"] = row["stride_length"] / time
            if start in offs:
                row["stance_percent"] = 100.0 * (offs[start] - start) / time
                row["swing_percent"] = 100.0 - row["stance_percent"]
                row |= _support(start, offs[start], end, strikes, lifts)
            rows.append(row)
    return pd.DataFrame(rows, columns=["side", "start", "end", *UNITS])


def symmetry_index(right: float, left: float) -> float:
    """Symmetry index (%): 100 (right - left) / (0.5 (right + left)); 0 = symmetric, positive = right is larger.

    Source: Robinson, Herzog & Nigg 1987, J Manipulative Physiol Ther 10:172.
    """
    mean = 0.5 * (right + left)
    return float(100.0 * (right - left) / mean) if mean else float("nan")


def spatiotemporal_table(trials: Iterable[MarkerTrial] | str | Path) -> pd.DataFrame:
    """Spatiotemporal parameters of many trials, a row per gait trial and side.

    Parameters
    ----------
    trials : iterable of MarkerTrial, str or Path
        Trials, or a folder that holds ``*.trial.h5`` at any depth; read one at a time.

    Returns
    -------
    pandas.DataFrame
        subject, session, trial, task, side, belt_speed_m_per_s, n_cycles; the mean of every parameter over the cycles
        (`UNITS`) and its sample standard deviation (the same name with ``_sd`` before the unit, NaN of one cycle); a
        trial's symmetry indices, the same in both rows. Trials that are no gait have no row; a gait trial without a
        whole cycle has n_cycles = 0.
    """
    rows = []
    for trial in _loaded(trials) if isinstance(trials, str | Path) else trials:
        if trial.task not in GAIT:
            continue
        by_cycle = cycle_parameters(trial)
        means = {foot: _means(by_cycle[by_cycle.side == foot]) for foot, _ in SIDES}
        symmetry = {
            f"symmetry_index_{name.removesuffix('_percent')}_percent": symmetry_index(
                means["right"][name], means["left"][name]
            )
            for name in SYMMETRY
        }
        for foot, _ in SIDES:
            mine = by_cycle[by_cycle.side == foot]
            row = {"subject": trial.subject.code, "session": trial.session, "trial": trial.name, "task": trial.task}
            row |= {"side": foot, "belt_speed_m_per_s": trial.belt_speed, "n_cycles": len(mine)}
            for name, column in UNITS.items():
                row[column] = means[foot][name]
                row[column.replace(name, f"{name}_sd")] = float(mine[name].std(ddof=1)) if len(mine) > 1 else np.nan
            rows.append(row | symmetry)
    return pd.DataFrame(rows, columns=_table_columns())


def write_spatiotemporal_table(trials: Iterable[MarkerTrial] | str | Path, path: str | Path) -> pd.DataFrame:
    """Write `spatiotemporal_table` as CSV (six significant digits) and return it."""
    table = spatiotemporal_table(trials)
    write_durably(Path(path), csv_text(table, digits=6))
    return table


_KINDS = ("foot_strike", "foot_off")
_LENGTHS = ("stride_length", "step_length", "step_width")


def _table_columns() -> list[str]:
    """Columns of `spatiotemporal_table`, so that an empty one has them too."""
    found = ["subject", "session", "trial", "task", "side", "belt_speed_m_per_s", "n_cycles"]
    for name, column in UNITS.items():
        found += [column, column.replace(name, f"{name}_sd")]
    return [*found, *(f"symmetry_index_{name.removesuffix('_percent')}_percent" for name in SYMMETRY)]


def _loaded(folder: str | Path) -> Iterable[MarkerTrial]:
    """The trials of a folder, one at a time."""
    from mocap_import.trial_store import load_trial

    for path in sorted(Path(folder).rglob("*.trial.h5")):
        yield load_trial(path)


def _means(cycles: pd.DataFrame) -> dict[str, float]:
    """Mean of every parameter over cycles; cadence is that of the mean stride time, speed way over time."""
    values = cycles[list(UNITS)].to_numpy(dtype=float)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    mean = np.where(count > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    found = dict(zip(UNITS, mean.tolist(), strict=True))
    found["cadence"] = 120.0 / found["stride_time"]
    paced = cycles.stride_time[cycles.stride_length.notna()]
    found["speed"] = found["stride_length"] / float(paced.mean()) if len(paced) else np.nan
    return found


def _instants(trial: MarkerTrial, foot: str, kind: str) -> np.ndarray:
    """Times (s) of one kind of event of one foot."""
    return np.array([event.time for event in trial.events if event.foot == foot and event.kind == kind])


def _support(start: float, off: float, end: float, strikes: np.ndarray, lifts: np.ndarray) -> dict[str, float]:
    """Shares (%) of a cycle with both feet and with neither on the ground."""
    within = (strikes > start) & (strikes < end)
    if not within.any() or not ((lifts > start) & (lifts < end)).any():
        # In running the other foot may leave before and strike after the own stance, never outside the cycle.
        return {}
    moments = sorted([*((time, "strike") for time in strikes), *((time, "off") for time in lifts)])
    if any(kind == other and after > start and before < end for (before, kind), (after, other) in pairwise(moments)):
        return {}  # an event of the other foot is missing: nobody knows how long it stood
    begins, ends = [], []
    for strike in strikes:
        after = lifts[lifts > strike]
        begins.append(strike)
        ends.append(after[0] if len(after) else np.inf)
    first = lifts.min()
    if not len(strikes) or first < strikes.min():
        begins.append(-np.inf)
        ends.append(first)
    both = sum(max(0.0, min(b, off) - max(a, start)) for a, b in zip(begins, ends, strict=True))
    other = sum(max(0.0, min(b, end) - max(a, start)) for a, b in zip(begins, ends, strict=True))
    flight = (end - start) - (off - start) - (other - both)
    time = end - start
    return {"double_support_percent": 100.0 * both / time, "flight_percent": 100.0 * max(flight, 0.0) / time}


def _distances(
    trial: MarkerTrial, heels: list[np.ndarray | None], start: float, end: float, between: np.ndarray
) -> tuple[float, float, float]:
    """Stride length, step length and step width (m) of one cycle, overground-equivalent."""
    own, other = heels
    if own is None:
        return np.nan, np.nan, np.nan
    second = _place(trial, own, end)
    stride = second - _place(trial, own, start)
    length = float(np.hypot(*stride))
    if other is None or not len(between) or not length > 0.05:
        return length, np.nan, np.nan
    along = stride / length
    step = second - _place(trial, other, between[-1])
    return length, float(step @ along), float(abs(step[0] * along[1] - step[1] * along[0]))


def _place(trial: MarkerTrial, position: np.ndarray, time: float) -> np.ndarray:
    """Horizontal place (x, z) of a marker at an instant, the belt's way added; NaN a frame outside the record."""
    at = time * trial.rate
    if not -1.0 <= at <= trial.n_frames or not trial.n_frames:
        return np.full(2, np.nan)
    at = min(max(at, 0.0), trial.n_frames - 1.0)
    frame = min(int(at), max(trial.n_frames - 2, 0))
    share = at - frame
    place = position[frame, [0, 2]]
    if share > 0:
        place = (1.0 - share) * place + share * position[frame + 1, [0, 2]]
    return place + np.array([trial.belt_speed * time, 0.0])
