"""Keypoint table: keypoints of videos in one plain CSV, a row a frame.

Columns ``person, trial``, ``time`` (s) or ``frame`` (a number; the frame rate is told beside), then ``shoulder_r_x,
shoulder_r_y, ..., toe_l_y`` in pixels, right and down, empty where nothing was found. Optional: ``<keypoint>_score``,
``stature`` (m), ``treadmill`` (yes or no), and what another system measured of the trial: ``speed`` (m/s),
``step_length`` (m), ``cadence`` (steps/s), ``step_time_asymmetry``; each the same in all rows of a trial.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opensim_models.exchange.frame_rate import frame_rate, printed_resolution
from opensim_models.model_mismatch import ModelMismatch
from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint import KEYPOINTS
from synth.corpus.schema import CorpusMismatch

PIXELS = tuple(f"{name}_{axis}" for name in KEYPOINTS for axis in "xy")
SCORES = tuple(f"{name}_score" for name in KEYPOINTS)
TOLD = ("stature", "treadmill", *PARAMETERS)
"""Columns that say one thing of a whole trial."""
_KEYS, _CLOCKS = ("person", "trial"), ("time", "frame")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")
_EMPTY = ("", "nan", "na", "n/a")
"""What tables write where there is nothing, in small letters."""
_EVEN, _GAP, _LIKE = 0.1, 2.5, 0.1
"""Of a frame: how far from its place one may lie, how far apart two may be between which places are read; of a rate:
how far another one may be from it that means the same."""
_MOST_FRAMES = 1_000_000
_LIKELY = {
    "speed": ("in m/s", 0.05, 12.0, "metres a minute? Divide by 60"),
    "step_length": ("in m", 0.05, 3.0, "centimetres? Divide by 100"),
    "cadence": ("in steps/s", 0.2, 6.0, "steps a minute? Divide by 60"),
    "step_time_asymmetry": ("as a share", -1.0, 1.0, "per cent? Divide by 100"),
}
"""Unit, range of people who walk or run, and what a larger number may be."""
_AGREE = 0.3
"""Share by which a speed may differ from step length times cadence."""


def read_rows(path: Path) -> pd.DataFrame:
    """Rows of a CSV of keypoints as text, without spaces around them.

    Raises
    ------
    CorpusMismatch
        It is no such table.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except IsADirectoryError:
        raise CorpusMismatch(f"{path}: expected a CSV, found a folder. Name the file in it.") from None
    except OSError as error:
        raise CorpusMismatch(f"{path}: expected a CSV, but {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CorpusMismatch(f"{path}: expected a CSV, but it is not UTF-8. Save it as CSV UTF-8.") from None
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = [
            [cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)
        ]
    except csv.Error as error:
        raise CorpusMismatch(f"{path}: expected a CSV of keypoints, but {error}.") from None
    if len(rows) < 2:
        raise CorpusMismatch(f"{path}: expected a header and a row a frame, found {len(rows)} rows.")
    head = [name.lower() for name in rows[0]]
    twice = sorted({name for name in head if head.count(name) > 1})
    if twice:
        raise CorpusMismatch(f"{path}: column {twice[0]!r} stands there twice. Keep one.")
    uneven = next((i for i, row in enumerate(rows[1:], 2) if len(row) != len(head)), None)
    if uneven:
        raise CorpusMismatch(
            f"{path}, row {uneven}: expected {len(head)} cells as in the header, found {len(rows[uneven - 1])}."
        )
    return pd.DataFrame(rows[1:], columns=head, dtype=str)


def refuse_unlike_columns(table: pd.DataFrame, path: Path) -> None:
    """Refuse a table whose columns are not those of keypoints.

    Raises
    ------
    CorpusMismatch
    """
    known = {*_KEYS, *_CLOCKS, *PIXELS, *SCORES, *TOLD}
    missing = [name for name in (*_KEYS, *PIXELS) if name not in table.columns]
    strange = [name for name in table.columns if name not in known]
    if missing:
        near = difflib.get_close_matches(missing[0], strange, 1, 0.6)
        raise CorpusMismatch(
            f"{path}: column {missing[0]!r} is missing{f' (is {near[0]!r} meant?)' if near else ''}; expected person, "
            f"trial, time or frame, and x and y of {', '.join(KEYPOINTS)}. Leave cells empty where nothing was found; "
            "heel and toe of one foot are needed in half of the frames, knees and ankles of both legs, too."
        )
    if strange:
        near = difflib.get_close_matches(strange[0], sorted(known), 1, 0.6)
        raise CorpusMismatch(
            f"{path}: column {strange[0]!r} is not known{f' (is {near[0]!r} meant?)' if near else ''}; optional ones "
            f"are {', '.join(TOLD)} and scores as {SCORES[0]}. Take it out."
        )
    if sum(name in table.columns for name in _CLOCKS) != 1:
        raise CorpusMismatch(f"{path}: expected a column time (s) or a column frame, one of the two.")


def number_column(table: pd.DataFrame, name: str, path: Path) -> np.ndarray:
    """A column as numbers, NaN where a cell is empty (or NA).

    Raises
    ------
    CorpusMismatch
        A cell is no number.
    """
    text = table[name].str.replace(",", ".", regex=False)
    empty = text.str.lower().isin(_EMPTY)
    values = pd.to_numeric(text.where(~empty, ""), errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(np.isnan(values) & ~empty.to_numpy() | np.isinf(values))
    if len(wrong):
        row = int(table.index[wrong[0]]) + 2
        raise CorpusMismatch(f"{path}, row {row}: expected a number in {name}, got {table[name].iloc[wrong[0]]!r}.")
    return values


def told_of(table: pd.DataFrame, path: Path) -> dict[str, Any]:
    """What the rows of one trial say of it: some of `TOLD`; absent where nothing is said.

    Raises
    ------
    CorpusMismatch
        Rows differ, a treadmill is neither yes nor no, or something is not in SI.
    """
    told: dict[str, Any] = {}
    where = f"{path}: {table.person.iloc[0]}, {table.trial.iloc[0]}"
    for name in [name for name in TOLD if name in table.columns]:
        said = [text for text in dict.fromkeys(table[name]) if text.lower() not in _EMPTY]
        if name == "treadmill":
            strange = [text for text in said if text.lower() not in (*_YES, *_NO)]
            if strange:
                raise CorpusMismatch(f"{where}: expected yes or no in treadmill, got {strange[0]!r}.")
            values = {text.lower() in _YES for text in said}
        else:
            values = set(number_column(table, name, path)[table[name].isin(said)].tolist())
        if len(values) > 1:
            texts = " and ".join(map(str, sorted(values)[:2]))
            raise CorpusMismatch(f"{where}: {name} is {texts}; expected one for the whole trial.")
        if values:
            told[name] = values.pop()
    refuse_unlikely(told, where)
    return told


def refuse_unlikely(told: Mapping[str, Any], where: str) -> None:
    """Refuse what was measured of a trial where it cannot be SI.

    Raises
    ------
    CorpusMismatch
        A value is none of somebody who walks, or speed is not about step length times cadence.
    """
    for name, (unit, low, high, other) in _LIKELY.items():
        if name in told and not low <= told[name] <= high:
            hint = f" {other}." if abs(told[name]) > high else " Leave it empty if it was not measured."
            raise CorpusMismatch(f"{where}: expected {name} {unit}, {low:g} to {high:g}, got {told[name]:g}.{hint}")
    if all(name in told for name in ("speed", "step_length", "cadence")):
        product = told["step_length"] * told["cadence"]
        if abs(told["speed"] / product - 1.0) > _AGREE:
            raise CorpusMismatch(
                f"{where}: speed is {told['speed']:g} m/s, but step length times cadence give {product:.3g}. Is speed "
                "in km/h (divide by 3.6), cadence in strides (times 2) or length that of a stride (divide by 2)?"
            )


def frame_places(table: pd.DataFrame, rate: float | None, path: Path) -> tuple[np.ndarray, float]:
    """Place of each row on an even clock, in frames from 0, and the clock's rate (Hz).

    Parameters
    ----------
    table : DataFrame
        Rows of one trial.
    rate : float or None
        Hz; needed where rows have frames and no time.
    path : Path

    Raises
    ------
    CorpusMismatch
        Time stands still or goes back, or nobody tells the rate.
    """
    where = f"{path}: {table.person.iloc[0]}, {table.trial.iloc[0]}"
    name = "time" if "time" in table.columns else "frame"
    clock = number_column(table, name, path)
    if len(clock) < 2 or np.isnan(clock).any():
        raise CorpusMismatch(f"{where}: expected {name} in every row and two rows or more, found {len(clock)} rows.")
    steps = np.diff(clock)
    if steps.min() <= 0.0:
        row = int(table.index[int(steps.argmin()) + 1]) + 2
        raise CorpusMismatch(f"{where}, row {row}: expected {name} to grow from row to row. Sort rows; one a frame.")
    if name == "frame" and rate is None:
        raise CorpusMismatch(f"{where}: rows have frames and no time; give the rate (frames a second of the video).")
    places, own = _numbered(clock, float(rate or 0.0)) if name == "frame" else _timed(table.time, clock, where)
    if name == "time" and rate is not None and abs(rate / own - 1.0) > _LIKE:
        raise CorpusMismatch(f"{where}: its time says {own:.4g} frames a second, the rate given is {rate:g}.")
    if places[-1] > _MOST_FRAMES:
        raise CorpusMismatch(f"{where}: {places[-1]:.3g} frames from first to last; is {name} in seconds or frames?")
    return places, own


def _numbered(clock: np.ndarray, rate: float) -> tuple[np.ndarray, float]:
    """Places of numbered frames, and their rate (Hz): where only every third has a row, a third of the video's."""
    places = clock - clock[0]
    whole = (places == np.round(places)).all() and places[-1] <= _MOST_FRAMES
    step = math.gcd(*places.astype(int).tolist()) if whole else 1
    return places / step, rate / step


def _timed(texts: pd.Series, clock: np.ndarray, where: str) -> tuple[np.ndarray, float]:
    """Places of times (s) on an even clock, and its rate (Hz); times may be rounded, miss frames or be uneven."""
    try:
        rate = frame_rate(clock, printed_resolution([t.replace(",", ".") for t in texts]), where)
        return np.arange(len(clock), dtype=float), rate
    except ModelMismatch:  # a frame is missing, or a phone filmed it
        steps = np.diff(clock)
        rate = 1.0 / float(np.median(steps))
        if np.abs(steps * rate - np.round(steps * rate)).max() < _EVEN:
            rate = float(np.round(steps * rate).sum() / (clock[-1] - clock[0]))
        return (clock - clock[0]) * rate, rate


def on_even_clock(values: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, bool]:
    """Values (n, ...) at whole frames, and whether they had to be read between those that were filmed.

    Frames that are missing are NaN. Phones film at uneven times: there values are read between neighbours.
    """
    whole = np.round(places).astype(int)
    flat = values.reshape(len(values), -1)
    out = np.full((whole[-1] + 1, flat.shape[1]), np.nan)
    if np.abs(places - whole).max() < _EVEN and len(set(whole)) == len(whole):
        out[whole] = flat
        return out.reshape(-1, *values.shape[1:]), False
    at = np.arange(len(out), dtype=float)
    after = np.clip(np.searchsorted(places, at), 1, len(places) - 1)
    span = places[after] - places[after - 1]
    share = ((at - places[after - 1]) / span)[:, None]
    out = np.where((span < _GAP)[:, None], (1.0 - share) * flat[after - 1] + share * flat[after], np.nan)
    return out.reshape(-1, *values.shape[1:]), True
