"""Marker file: a .trc of any program, read with care, and what had to be put right.

`mocap_import.export.trc` writes ours; foreign ones state the wrong unit, fill hidden markers with zeros, round their
times, repeat or exchange rows, or name the markers without the two empty fields between. What can be repaired is put
right and said; what cannot be told apart is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment
from opensim_models.exchange.frame_rate import frame_rate, printed_resolution
from opensim_models.model_mismatch import ModelMismatch

_UNITS = {"m": 1.0, "meters": 1.0, "metres": 1.0, "cm": 0.01, "mm": 0.001, "millimeters": 0.001, "millimetres": 0.001}
_BODY = (0.25, 4.0)
"""Distance (m) between the two markers farthest apart on a person, from a child's leg to arms stretched upwards."""

_SPARSEST = 20
"""Frames by their numbers for each row of a file; beyond, a frame number is misprinted."""


@dataclass(frozen=True)
class MarkerTable:
    """Markers of one .trc file.

    Attributes
    ----------
    labels : tuple of str
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, in the file's axes; NaN = not seen.
    rate : float
        Hz.
    start_time : float
        Time (s) of the first frame.
    treatments : tuple of Treatment
        What was put right: ``"unit_corrected"``, ``"zeros_are_gaps"``, ``"rows_sorted"``, ``"frames_missing"``,
        ``"header_wrong"``, ``"one_frame"`` (nothing to put right: a pose, no movement).
    """

    labels: tuple[str, ...]
    positions: np.ndarray
    rate: float
    start_time: float
    treatments: tuple[Treatment, ...] = ()


def read_markers(path: Path, *, rate: float | None = None, unit: str | None = None) -> MarkerTable:
    """Read a .trc file.

    Parameters
    ----------
    path : Path
    rate : float, optional
        Hz, where header and times contradict each other.
    unit : str, optional
        ``"m"``, ``"cm"`` or ``"mm"``, whatever the header says.

    Returns
    -------
    MarkerTable

    Raises
    ------
    ModelMismatch
        The file is missing or no .trc, is cut off, repeats frames, or its unit or rate cannot be told.
    """
    path = Path(path)
    notes: list[Treatment] = []
    header, labels, rows = _split(path)
    numbers, times, positions = _parsed(rows, len(labels), path)
    order = np.argsort(numbers, kind="stable")
    if (np.diff(order) != 1).any():
        notes.append(
            Treatment("rows_sorted", f"{int((np.diff(order) != 1).sum())} places where rows were out of order")
        )
        numbers, positions = numbers[order], positions[order]
        times = [times[k] for k in order]
    numbers, times, positions = _without_copies(numbers, times, positions, path, notes)
    stated = rate if rate is not None else _number(header.get("datarate", ""))
    seconds = np.array([_number(text) for text in times])
    numbers, seconds, positions = _with_missing_frames(numbers, seconds, positions, path, notes)
    hertz = rate if rate is not None else _rate(numbers, seconds, times, stated, path)
    promised = _number(header.get("numframes", ""))
    if math.isfinite(promised) and int(promised) != len(rows):
        notes.append(Treatment("header_wrong", f"the header promises {int(promised)} frames, the file has {len(rows)}"))
    if len(positions) == 1:
        notes.append(Treatment("one_frame", "the file has one frame: a pose, no movement"))
    zeros = (positions == 0.0).all(axis=2)
    if zeros.any():
        positions = np.where(zeros[..., None], np.nan, positions)
        named = [labels[k] for k in np.flatnonzero(zeros.any(axis=0))]
        notes.append(
            Treatment("zeros_are_gaps", f"{int(zeros.sum())} samples at exactly 0, 0, 0 are gaps: {', '.join(named)}")
        )
    positions = positions * _metres(positions, unit or header.get("units", ""), unit is not None, path, notes)
    return MarkerTable(labels, positions, hertz, float(seconds[0]), tuple(notes))


def _split(path: Path) -> tuple[dict[str, str], tuple[str, ...], list[list[str]]]:
    """Header, labels and the fields of every data row."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="strict").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelMismatch(f"{path}: expected a marker file (.trc), but {error}.") from error
    if len(lines) < 6 or not lines[0].lstrip().startswith("PathFileType"):
        raise ModelMismatch(f"{path}: expected a .trc file that begins with 'PathFileType'; export it again.")
    keys, values = lines[1].split(), [v for v in lines[2].split("\t") if v.strip()]
    header = {key.lower(): value.strip() for key, value in zip(keys, values, strict=False)}
    labels = tuple(cell.strip() for cell in lines[3].split("\t")[2:] if cell.strip())
    if not labels:  # written with blanks
        labels = tuple(lines[3].split()[2:])
    promised = _number(header.get("nummarkers", ""))
    if math.isfinite(promised) and int(promised) != len(labels):
        raise ModelMismatch(
            f"{path}: the header promises {int(promised)} markers, the line of labels names {len(labels)}; labels with "
            "tabs inside, or a cut line. Export the file again."
        )
    repeated = {label for label in labels if labels.count(label) > 1}
    if repeated:
        raise ModelMismatch(f"{path}: marker {sorted(repeated)[0]!r} is there twice; rename one.")
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines[5:] if line.strip()]
    if not rows:
        raise ModelMismatch(f"{path}: no frames below the header; export it again.")
    return header, labels, rows


def _parsed(rows: list[list[str]], n_markers: int, path: Path) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Frame numbers, times as printed and positions in the file's unit."""
    width = 2 + 3 * n_markers
    numbers, times, cells = [], [], []
    for k, row in enumerate(rows, start=1):
        fields = [cell.strip() for cell in row]
        # editors strip trailing tabs, and with them whole hidden markers; half a marker was cut off
        if len(fields) < 5 or any(fields[width:]) or (len(fields) < width and (width - len(fields)) % 3):
            raise ModelMismatch(
                f"{path}: data row {k} has {len(fields)} fields, expected {width} (frame, time, {n_markers} markers); "
                "the file is cut off or a cell holds a blank."
            )
        fields = (fields + [""] * width)[:width]
        try:
            number = float(fields[0])
            numbers.append(int(number))
            cells.append([float(cell) if cell else math.nan for cell in fields[2:]])
        except (ValueError, OverflowError) as error:
            raise ModelMismatch(f"{path}: data row {k}: {error}; expected numbers or empty fields.") from error
        if number != numbers[-1]:
            raise ModelMismatch(f"{path}: data row {k} has the frame number {fields[0]}; expected a whole number.")
        times.append(fields[1])
    return np.array(numbers), times, np.array(cells).reshape(len(rows), n_markers, 3)


def _without_copies(
    numbers: np.ndarray, times: list[str], positions: np.ndarray, path: Path, notes: list[Treatment]
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Drop rows that repeat the one before word for word; two different rows of one frame are refused."""
    again = np.flatnonzero(np.diff(numbers) == 0) + 1
    for k in again:
        if not np.array_equal(positions[k], positions[k - 1], equal_nan=True):
            raise ModelMismatch(f"{path}: frame {numbers[k]} is there twice with different positions; remove one.")
    if len(again):
        notes.append(Treatment("rows_sorted", f"{len(again)} rows repeated the row before and were left out"))
        keep = np.setdiff1d(np.arange(len(numbers)), again)
        return numbers[keep], [times[k] for k in keep], positions[keep]
    return numbers, times, positions


def _with_missing_frames(
    numbers: np.ndarray, seconds: np.ndarray, positions: np.ndarray, path: Path, notes: list[Treatment]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Insert empty frames where the frame numbers have holes."""
    span = int(numbers[-1]) - int(numbers[0]) + 1
    if span > _SPARSEST * len(numbers):
        raise ModelMismatch(
            f"{path}: {len(numbers)} rows have frame numbers from {numbers[0]} to {numbers[-1]}; a number is "
            "misprinted, or most of the recording is missing. Correct the first column."
        )
    whole = np.arange(numbers[0], numbers[-1] + 1)
    if len(whole) == len(numbers):
        return numbers, seconds, positions
    at = numbers - numbers[0]
    wide = np.full((len(whole), *positions.shape[1:]), np.nan)
    wide[at] = positions
    notes.append(Treatment("frames_missing", f"{len(whole) - len(numbers)} frames are not in the file: left empty"))
    return whole, np.interp(whole, numbers, seconds), wide


def _rate(numbers: np.ndarray, seconds: np.ndarray, times: list[str], stated: float, path: Path) -> float:
    known = stated if math.isfinite(stated) and stated > 0 else None
    try:
        return frame_rate(seconds, printed_resolution(times), str(path), known)
    except ModelMismatch as problem:
        raise ModelMismatch(f"{problem} Or give the rate by hand (rate=).") from problem


def _metres(positions: np.ndarray, stated: str, sure: bool, path: Path, notes: list[Treatment]) -> float:
    """Factor to metres; a stated unit that makes the person absurd is corrected where exactly one other fits."""
    name = stated.strip().lower()
    if sure and name not in _UNITS:
        raise ModelMismatch(f"{path}: unit {stated!r} is unknown; give m, cm or mm.")
    seen = np.isfinite(positions).all(axis=2)
    sizes = [np.ptp(p[s], axis=0).max() for p, s in zip(positions, seen, strict=True) if s.sum() >= 2]
    size = float(np.median(sizes)) if sizes else math.nan
    if sure or (name in _UNITS and (not math.isfinite(size) or _BODY[0] <= size * _UNITS[name] <= _BODY[1])):
        return _UNITS[name]
    fitting = [unit for unit in ("m", "cm", "mm") if _BODY[0] <= size * _UNITS[unit] <= _BODY[1]]
    if len(fitting) != 1:
        raise ModelMismatch(
            f"{path}: the unit is {stated or 'not stated'} and the markers span {size:g} of it, which is no person "
            f"({_BODY[0]}-{_BODY[1]} m); give the unit by hand (unit=)."
        )
    notes.append(
        Treatment("unit_corrected", f"header says {stated or 'nothing'}, markers span {size:g}: read as {fitting[0]}")
    )
    return _UNITS[fitting[0]]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
