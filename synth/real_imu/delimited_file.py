"""Delimited file: inertial readings in CSV columns, by APDM, by others, or by a mapping that the user gives.

APDM writes two headers (as OpenSim's APDMDataReader reads them): ``Test Name:``, ``Sample Rate:, 128, Hz``, a line of
labels ``sensor/Acceleration/X`` and one of units; or ``Format=7`` with the sensors in the first line, the kinds in the
second, the axes in the third and no unit. Anything else is read by its column names, and what was guessed is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.stretch import stretches
from mocap_import.trial import Treatment
from opensim_models.exchange.frame_rate import frame_rate, printed_resolution
from opensim_models.model_mismatch import ModelMismatch
from synth.real_imu.column_name import ACCELERATION, ANGULAR_VELOCITY, ORIENTATION, channel_of, unit_of
from synth.real_imu.convention import RecordingRefused, canonical_unit
from synth.real_imu.number_table import file_text, is_row_of_numbers, numbers
from synth.real_imu.sensor_session import FileReadings

_WIDTH = {ACCELERATION: 3, ANGULAR_VELOCITY: 3, ORIENTATION: 4}
_TIME = ("time", "timestamp", "t", "seconds", "times", "datetime")
_TICKS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_KNOWN_UNITS = (*_TICKS, "m/s2", "g", "mg", "rad/s", "deg/s", "ut", "µt", "gauss", "pa", "kpa", "c", "°c", "a.u.", "-")
_RATE = re.compile(r"(?:sampl\w*|update|data|output)[ _-]*(?:rate|frequency)[^0-9\n]{0,12}([0-9]+(?:\.[0-9]+)?)", re.I)
_SPARSEST = 20
"""Samples by the times for each row of a file; beyond, a time is misprinted."""
_RATES = (5.0, 10_000.0)
"""Hz that a sensor of a person's movement may have; times that say otherwise are in another unit than seconds."""
_LASTING, _FEWEST_STEPS, _OTHER_STEP = 1.0, 10, 1.4
"""Seconds and rows after which steps that many times as long, or as short, are another rate and no lost packets."""


@dataclass(frozen=True)
class _Header:
    """Labels of a file's columns, and what its header states."""

    labels: list[str]
    rows: list[str]
    mark: str
    units: list[str]
    rate: float | None


def read_delimited(
    path: Path,
    *,
    columns: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    rate: float | None = None,
) -> FileReadings:
    """Read a CSV (comma, semicolon, tab or blanks).

    Parameters
    ----------
    path : Path
    columns : mapping, optional
        Sensor → ``"acceleration"``, ``"angular_velocity"`` (three columns each), ``"orientation"`` (four, scalar
        first); ``"time"`` → ``"column"``. Without it columns are told by their names.
    rate : float, optional
        Hz, for a file without a time column; where there is one, they must agree.

    Returns
    -------
    FileReadings

    Raises
    ------
    RecordingRefused
        Empty, no columns of a sensor, units that contradict each other, times that repeat or go back.
    """
    path = Path(path)
    header = _header(path)
    values = numbers(header.rows, header.mark, len(header.labels), path)
    notes: list[Treatment] = []
    mapping = _given(columns, header, path) if columns else _guessed(header, path, notes)
    kinds = {kind for channels in mapping.values() for kind in channels}
    if not kinds & {ACCELERATION, ANGULAR_VELOCITY}:
        raise RecordingRefused(
            f"{path}: no column of an accelerometer or gyroscope among {', '.join(header.labels[:8])}; expected names "
            "like acc_x or gyro_x, or a mapping ([columns.<sensor>] in the sensor table)."
        )
    values, hertz, start = _on_clock(values, header, columns, rate, path, notes)
    stated = _stated(mapping, header, path)
    shape = (len(values), len(mapping))
    blocks = {kind: np.full((*shape, width), np.nan) for kind, width in _WIDTH.items()}
    for k, channels in enumerate(mapping.values()):
        for kind, places in channels.items():
            blocks[kind][:, k] = values[:, places]
    return FileReadings(
        name=path.stem,
        sensors=tuple(mapping),
        acceleration=blocks[ACCELERATION],
        angular_velocity=blocks[ANGULAR_VELOCITY],
        quaternions=_unit_length(blocks[ORIENTATION]) if ORIENTATION in kinds else None,
        rate=hertz,
        start_time=start,
        source=(path,),
        stated=stated,
        treatments=tuple(notes),
    )


def _unit_length(quaternions: np.ndarray) -> np.ndarray:
    """NaN where a quaternion is none: its length is off one by more than 1 %."""
    length = np.linalg.norm(quaternions, axis=2, keepdims=True)
    return np.where(np.abs(length - 1.0) < 0.01, quaternions, np.nan)


def _header(path: Path) -> _Header:
    """Split a file into labels, units and rows: the labels stand above the first row of numbers, or above its units."""
    lines = [line for line in file_text(path).splitlines() if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith(("#", "//", "sep="))]
    if not lines:
        raise RecordingRefused(f"{path}: the file is empty; expected a line of column names and rows of numbers.")
    mark = next((m for m in ("\t", ";", ",") if m in lines[-1]), " ")
    top = next((k for k, line in enumerate(lines) if is_row_of_numbers(_cells(line, mark))), None)
    if top is None:
        raise RecordingRefused(
            f"{path}: no row of numbers; expected a line of column names with readings below it (times in seconds, not "
            "as dates)."
        )
    if top == 0:
        raise RecordingRefused(
            f"{path}: the first line holds numbers, expected the names of the columns; write a line of names above."
        )
    if len(lines) - top < 2:
        raise RecordingRefused(f"{path}: one row below the column names; expected a recording.")
    head = [_cells(line, mark) for line in lines[:top]]
    if head[0][0] == "Format=7" and len(head) == 3:
        return _apdm_seven(head, lines[top:], path)
    labels, below = head[-1], [""] * len(head[-1])
    if len(head) > 1 and len(head[-2]) >= len(head[-1]) > 1 and all(_is_unit(cell) for cell in head[-1]):
        labels, below = head[-2], head[-1] + [""] * (len(head[-2]) - len(head[-1]))
    while labels and not labels[-1]:
        labels = labels[:-1]
    repeated = sorted({label for label in labels if label and labels.count(label) > 1})
    if repeated:
        raise RecordingRefused(f"{path}: column {repeated[0]!r} is there twice; rename one.")
    units = [unit_of(label) or other for label, other in zip(labels, below, strict=False)]
    return _Header(labels, lines[top:], mark, units, _preamble_rate(lines[:top]))


def _cells(line: str, mark: str) -> list[str]:
    return [cell.strip().strip('"') for cell in (line.split() if mark == " " else line.split(mark))]


def _is_unit(cell: str) -> bool:
    """Whether a cell below a label is a unit, or empty."""
    plain = canonical_unit(cell.strip("[]() "))
    return not plain or plain in _KNOWN_UNITS


def _preamble_rate(lines: Sequence[str]) -> float | None:
    """Rate (Hz) that a line above the labels states, as APDM's ``Sample Rate:,128,Hz``."""
    found = _RATE.search("\n".join(lines))
    return float(found.group(1)) if found and float(found.group(1)) > 0 else None


def _apdm_seven(top: list[list[str]], rows: list[str], path: Path) -> _Header:
    """Labels of APDM's Format=7: a sensor's name stands three cells right of its first column."""
    names, kinds, axes = top
    width = max(len(kinds), len(axes))
    names, kinds, axes = ((part + [""] * width)[:width] for part in (names, kinds, axes))
    starts = [k for k, kind in enumerate(kinds) if kind == "Accelerometer"]
    if not starts:
        raise RecordingRefused(f"{path}: no 'Accelerometer' in the second line of an APDM file (Format=7).")
    labels, sensor, kind = [], "", ""
    for k in range(width):
        if k in starts:
            stop = min([s for s in starts if s > k], default=width)
            sensor = next((n for n in names[k + 1 : stop] if n and n[0] not in "["), f"sensor_{starts.index(k) + 1}")
        kind = kinds[k] or kind
        labels.append("Time" if k == 0 else f"{sensor}/{kind}/{axes[k]}")
    return _Header(labels, rows, ",", [""] * width, None)


def _given(columns: Mapping, header: _Header, path: Path) -> dict[str, dict[str, list[int]]]:
    """Places of the columns that a user names."""
    found: dict[str, dict[str, list[int]]] = {}
    for sensor, channels in columns.items():
        if sensor == "time":
            continue
        for kind, names in channels.items():
            if kind not in _WIDTH or len(names) != _WIDTH[kind]:
                raise RecordingRefused(
                    f"{path}: [columns.{sensor}] {kind} = {list(names)}; expected acceleration or angular_velocity "
                    "with three columns, or orientation with four."
                )
            missing = [name for name in names if name not in header.labels]
            if missing:
                raise RecordingRefused(
                    f"{path}: no column {missing[0]!r} for {kind} of {sensor}; the file has {', '.join(header.labels)}."
                )
            found.setdefault(sensor, {})[kind] = [header.labels.index(name) for name in names]
    return found


def _guessed(header: _Header, path: Path, notes: list[Treatment]) -> dict[str, dict[str, list[int]]]:
    """Places of the columns by their names; only whole triples count."""
    places: dict[str, dict[str, dict[int, int]]] = {}
    for k, label in enumerate(header.labels):
        channel = channel_of(label)
        if channel is None:
            continue
        sensor, kind, axis = channel
        taken = places.setdefault(sensor or path.stem, {}).setdefault(kind, {})
        if axis in taken:
            raise RecordingRefused(
                f"{path}: columns {header.labels[taken[axis]]!r} and {label!r} could both be one axis of {kind} of "
                f"{sensor or 'the sensor'}; name the right ones ([columns.<sensor>] in the sensor table)."
            )
        taken[axis] = k
    found = {}
    for sensor, channels in places.items():
        whole = {
            kind: [by_axis[a] for a in sorted(by_axis)]
            for kind, by_axis in channels.items()
            if len(by_axis) == _WIDTH[kind]
        }
        if whole:
            found[sensor] = whole
    used = [f"{s}: {k} from {', '.join(header.labels[p] for p in ps)}" for s, c in found.items() for k, ps in c.items()]
    if used:
        notes.append(Treatment("columns_guessed", "columns told by their names: " + "; ".join(used)))
    return found


def _stated(mapping: dict, header: _Header, path: Path) -> dict[str, str]:
    """Units that the file writes beside its columns."""
    stated = {}
    for kind, entry in ((ACCELERATION, "acceleration_unit"), (ANGULAR_VELOCITY, "angular_velocity_unit")):
        places = [p for channels in mapping.values() for p in channels.get(kind, ())]
        units = {canonical_unit(header.units[p]) for p in places if header.units[p]}
        if len(units) > 1:
            raise RecordingRefused(
                f"{path}: columns of {kind.replace('_', ' ')} in {' and '.join(sorted(units))}; expected one unit. "
                "Convert one of them."
            )
        if units:
            stated[entry] = units.pop()
    return stated


def _on_clock(
    values: np.ndarray, header: _Header, columns: Mapping | None, rate: float | None, path: Path, notes: list[Treatment]
) -> tuple[np.ndarray, float, float]:
    """Rows one sample apart (NaN where the times leave one out), the rate and the first time."""
    place = _time_place(header, columns, path)
    stated = rate if rate is not None else header.rate
    if place is None:
        if stated is None:
            raise RecordingRefused(
                f"{path}: no time column and no rate; name the column ([columns.time]) or state the Hz (--rate)."
            )
        return values, float(stated), 0.0
    factor = _TICKS.get(header.units[place].strip("[]() ").lower(), 1.0)
    texts = [(row.split() if header.mark == " " else row.split(header.mark))[place] for row in header.rows]
    seconds = values[:, place] * factor
    if not np.isfinite(seconds).all():
        row = int(np.flatnonzero(~np.isfinite(seconds))[0])
        raise RecordingRefused(f"{path}: the time of data row {row + 1} is no number; repair or cut the file.")
    steps = np.diff(seconds)
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0])
        raise RecordingRefused(
            f"{path}: time {'repeats' if steps[row] == 0 else 'goes back'} from {seconds[row]:g} to "
            f"{seconds[row + 1]:g} s at data row {row + 2}; expected increasing times. Two recordings in one file, or "
            "rows out of order: split or sort it."
        )
    step = float(np.median(steps))
    if not _RATES[0] <= 1.0 / step <= _RATES[1]:
        raise RecordingRefused(
            f"{path}: {header.labels[place]!r} in seconds makes {1.0 / step:.3g} Hz, expected {_RATES[0]:g} to "
            f"{_RATES[1]:g}; write its unit beside the name, as in 'time (ms)'."
        )
    _one_rate(seconds, step, path)
    at = np.concatenate([[0], np.cumsum(np.maximum(np.rint(steps / step), 1))]).astype(int)
    if at[-1] + 1 > _SPARSEST * len(at):
        raise RecordingRefused(
            f"{path}: {len(at)} rows over {seconds[-1] - seconds[0]:.4g} s at {1.0 / step:.4g} Hz; most of the "
            "recording is missing, or a time is misprinted. Split or correct it."
        )
    if at[-1] + 1 > len(at):
        whole = np.full((at[-1] + 1, values.shape[1]), np.nan)
        whole[at] = values
        detail = f"{at[-1] + 1 - len(at)} samples left out in {int((np.diff(at) > 1).sum())} places, left NaN"
        notes.append(Treatment("packets_missing", f"{path.name}: {detail}"))
        values, seconds = whole, np.interp(np.arange(at[-1] + 1), at, seconds)
    resolution = printed_resolution([t.replace(",", ".") for t in texts]) * factor
    try:
        return values, frame_rate(seconds, resolution, str(path), stated), float(seconds[0])
    except ModelMismatch as mismatch:
        raise RecordingRefused(str(mismatch)) from mismatch


def _one_rate(seconds: np.ndarray, step: float, path: Path) -> None:
    """Refuse times that lastingly change their step: the file holds two rates, not lost samples."""
    steps = np.diff(seconds)
    for other in (steps > _OTHER_STEP * step, steps < step / _OTHER_STEP):
        for start, stop in zip(*stretches(other), strict=True):
            if seconds[stop] - seconds[start] >= _LASTING and stop - start >= _FEWEST_STEPS:
                raise RecordingRefused(
                    f"{path}: from {seconds[start]:.4g} to {seconds[stop]:.4g} s its rows come at "
                    f"{1.0 / np.median(steps[start:stop]):.4g} Hz, otherwise at {1.0 / step:.4g} Hz; expected one "
                    "rate. Split the file there, or resample it."
                )


def _time_place(header: _Header, columns: Mapping | None, path: Path) -> int | None:
    named = columns.get("time", {}).get("column") if columns else None
    if named:
        name = named if isinstance(named, str) else named[0]
        if name not in header.labels:
            raise RecordingRefused(f"{path}: no column {name!r} of times; the file has {', '.join(header.labels)}.")
        return header.labels.index(name)
    for k, label in enumerate(header.labels):
        if label.split("(")[0].split("[")[0].strip().lower() in _TIME:
            return k
    return None
