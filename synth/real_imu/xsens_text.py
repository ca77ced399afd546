"""Xsens text: the exports of MT Manager, one file per sensor, joined by the packet counter they share.

Columns and units as in Xsens' manuals (Awinda Dongle user manual, export table): Acc m/s² with gravity, Gyr rad/s, Quat
scalar first and Mat[row][column] from the sensor to a world whose Z is up; the counter wraps at 65535, SampleTimeFine
counts 0.1 ms in 32 bits. FreeAcc is acceleration without gravity in the world.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import Treatment
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.number_table import file_text, numbers
from synth.real_imu.sensor_session import FileReadings

_COUNTER, _FINE = "PacketCounter", "SampleTimeFine"
_WRAP = 65536
_FINE_WRAP, _FINE_TICKS = 2**32, 10_000.0
_QUATERNION = tuple(f"Quat_q{k}" for k in range(4))
_MATRIX = tuple(f"Mat[{row}][{column}]" for row in (1, 2, 3) for column in (1, 2, 3))
_LONGEST_GAP = 0.5
"""Packets missing in one place, as a part of the counter's range; beyond, the counter has been set back."""


@dataclass(frozen=True)
class XsensFile:
    """One sensor's file with the packets that are missing filled in as NaN.

    Attributes
    ----------
    path : Path
    trial, sensor : str
        ``MT_..-001_00B421EF.txt`` → ``"MT_..-001"``, ``"00B421EF"``.
    rate : float
        Hz.
    first : int
        Counter of the first row; rows follow one packet apart.
    columns : dict of str to ndarray, shape (n_rows,)
    treatments : tuple of Treatment
    """

    path: Path
    trial: str
    sensor: str
    rate: float
    first: int
    columns: dict[str, np.ndarray]
    treatments: tuple[Treatment, ...]

    @property
    def n_rows(self) -> int:
        """Packets from the first to the last, missing ones included."""
        return len(next(iter(self.columns.values())))


def is_xsens_text(head: str) -> bool:
    """Whether the first lines of a file are those of an MT Manager export."""
    return _COUNTER in head or (head.startswith("//") and "Update Rate" in head)


def read_xsens(paths: Sequence[Path], *, rate: float | None = None) -> FileReadings:
    """Read the files of one recording.

    Parameters
    ----------
    paths : sequence of Path
        One file per sensor, of one trial.
    rate : float, optional
        Hz, where the files do not state it.

    Returns
    -------
    FileReadings
        From the first to the last packet that every sensor reached; packets missing in between are NaN.

    Raises
    ------
    RecordingRefused
        Several trials, different rates, no common stretch, or a file that is none.
    """
    files = [read_xsens_file(Path(path), rate=rate) for path in paths]
    first = files[0]
    for other in files[1:]:
        if other.trial != first.trial:
            raise RecordingRefused(
                f"{first.path.parent}: files of {len({f.trial for f in files})} recordings ({first.trial}, "
                f"{other.trial}, ...); expected one. Give the files of one recording, or the beginning of "
                "its names (--trial)."
            )
        if other.rate != first.rate:
            raise RecordingRefused(
                f"{other.path}: {other.rate:g} Hz, but {first.path.name} has {first.rate:g} Hz; sensors of one "
                "recording must have one rate. Export them again at the same rate."
            )
        if other.sensor in {f.sensor for f in files if f is not other}:
            raise RecordingRefused(f"{other.path}: sensor {other.sensor} is there twice; give one file per sensor.")
    starts = [first.first + _near(f.first - first.first) for f in files]
    begin, end = max(starts), min(s + f.n_rows for s, f in zip(starts, files, strict=True))
    if end - begin < 2:
        raise RecordingRefused(
            f"{first.path.parent}: the packet counters of {len(files)} files share no stretch; expected sensors that "
            "recorded together. Are these files of different recordings?"
        )
    notes = [t for f in files for t in f.treatments]
    lost = sum(s + f.n_rows - end + begin - s for s, f in zip(starts, files, strict=True))
    if lost:
        notes.append(
            Treatment(
                "trimmed_to_common",
                f"files of {min(f.n_rows for f in files)} to {max(f.n_rows for f in files)} packets cut to the "
                f"{end - begin} that all sensors share (counters {begin % _WRAP} to {(end - 1) % _WRAP})",
            )
        )
    parts = [(f, slice(begin - s, end - s)) for s, f in zip(starts, files, strict=True)]
    return _joined(parts, notes)


def _near(distance: int) -> int:
    """Distance of two counters on their ring, -32768 to 32767."""
    return (distance + _WRAP // 2) % _WRAP - _WRAP // 2


def _joined(parts: list[tuple[XsensFile, slice]], notes: list[Treatment]) -> FileReadings:
    """Readings of sensors side by side."""
    free = [f.path.name for f, _ in parts if "Acc_X" not in f.columns and _has(f, _names("FreeAcc"))]
    if free and len(free) != len(parts):
        raise RecordingRefused(
            f"{parts[0][0].path.parent}: {free[0]} has FreeAcc only, others have Acc; export the same columns of every "
            "sensor."
        )
    force = np.stack([_triple(f, "FreeAcc" if free else "Acc")[s] for f, s in parts], axis=1)
    turn = np.stack([_triple(f, "Gyr")[s] for f, s in parts], axis=1)
    quaternions = np.stack([_quaternions(f)[s] for f, s in parts], axis=1)
    stated = {"acceleration_unit": "m/s2", "angular_velocity_unit": "rad/s", "vertical": "z"}
    stated |= {"gravity": "removed", "frame": "world"} if free else {"gravity": "included", "frame": "sensor"}
    first = parts[0][0]
    return FileReadings(
        name=first.trial,
        sensors=tuple(f.sensor for f, _ in parts),
        acceleration=force,
        angular_velocity=turn,
        quaternions=quaternions if np.isfinite(quaternions).any() else None,
        rate=first.rate,
        source=tuple(f.path for f, _ in parts),
        stated=stated,
        assumed=tuple(stated),
        treatments=tuple(notes),
    )


def _names(kind: str) -> tuple[str, ...]:
    return tuple(f"{kind}_{axis}" for axis in ("ENU" if kind == "FreeAcc" else "XYZ"))


def _has(file: XsensFile, names: Sequence[str]) -> bool:
    return all(name in file.columns for name in names)


def _triple(file: XsensFile, kind: str) -> np.ndarray:
    """Three columns, NaN if the export left them out."""
    if not _has(file, _names(kind)):
        return np.full((file.n_rows, 3), np.nan)
    return np.stack([file.columns[name] for name in _names(kind)], axis=1)


def _quaternions(file: XsensFile) -> np.ndarray:
    """Sensor → world, from quaternions or matrices; NaN where there are none."""
    if _has(file, _QUATERNION):
        found = np.stack([file.columns[name] for name in _QUATERNION], axis=1)
        return np.where(np.abs(np.linalg.norm(found, axis=1) - 1.0)[:, None] < 0.01, found, np.nan)
    result = np.full((file.n_rows, 4), np.nan)
    if _has(file, _MATRIX):
        matrices = np.stack([file.columns[name] for name in _MATRIX], axis=1).reshape(-1, 3, 3)
        known = np.isfinite(matrices).all(axis=(1, 2))
        result[known] = Rotation.from_matrix(matrices[known]).as_quat(scalar_first=True)
    return result


def read_xsens_file(path: Path, *, rate: float | None = None) -> XsensFile:
    """Read one sensor's file; missing packets become rows of NaN.

    Raises
    ------
    RecordingRefused
        No such file, no columns of a sensor, a counter that repeats or goes back, or an unknown rate.
    """
    lines = file_text(path).splitlines()
    comments = [line for line in lines if line.startswith("//")]
    rows = [line for line in lines if line.strip() and not line.startswith(("//", "sep="))]
    if len(rows) < 3:
        raise RecordingRefused(f"{path}: expected an Xsens text export with packets, got {len(rows)} lines of them.")
    mark = next((m for m in ("\t", ";", ",") if m in rows[0]), " ")
    labels = [label.strip() for label in rows[0].strip().strip(mark).split(mark)]
    if not any(label.startswith(("Acc_", "Gyr_", "FreeAcc_", "Quat_", "Mat[")) for label in labels):
        hint = " Increments (VelInc, OriInc) are not read." if any("Inc" in label for label in labels) else ""
        raise RecordingRefused(
            f"{path}: expected columns Acc_X, Gyr_X or Quat_q0 of MT Manager, got {', '.join(labels[:6])}; export "
            f"them.{hint}"
        )
    values = numbers(rows[1:], mark, len(labels), path)
    columns = dict(zip(labels, values.T, strict=True))
    hertz = rate if rate is not None else _stated_rate(comments, path)
    notes: list[Treatment] = []
    at = _packets(columns, hertz, path)
    at, columns = _without_copies(at, columns, path, notes)
    filled = _with_missing(at, columns, path, notes)
    trial, _, sensor = path.stem.rpartition("_")
    kept = {name: column for name, column in filled.items() if np.isfinite(column).any()}
    if not kept:
        raise RecordingRefused(f"{path}: no number in any packet; export the recording again.")
    return XsensFile(path, trial, sensor, hertz, int(at[0]), kept, tuple(notes))


def _stated_rate(comments: list[str], path: Path) -> float:
    found = re.search(r"Update Rate:\s*([0-9.]+)\s*Hz", "\n".join(comments))
    if not found:
        raise RecordingRefused(f"{path}: no line '// Update Rate: ... Hz'; state the Hz (--rate).")
    return float(found.group(1))


def _packets(columns: dict[str, np.ndarray], rate: float, path: Path) -> np.ndarray:
    """Number of each row's packet, counted on over the counter's end."""
    for name, wrap in ((_COUNTER, _WRAP), (_FINE, _FINE_WRAP)):
        count = columns.get(name)
        if count is None or not np.isfinite(count).any():
            continue
        if not np.isfinite(count).all():
            row = int(np.flatnonzero(~np.isfinite(count))[0])
            raise RecordingRefused(f"{path}: packet {row + 1} has no {name}; repair or cut the file.")
        if name == _COUNTER and (count < 0).any() | (count >= wrap).any():
            wrap = _FINE_WRAP  # newer devices count in 32 bits
        steps = np.mod(np.diff(count), wrap)
        back = np.flatnonzero(steps > _LONGEST_GAP * wrap)
        if len(back):
            row = int(back[0])
            raise RecordingRefused(
                f"{path}: {name} goes back from {count[row]:.0f} to {count[row + 1]:.0f} at packet {row + 2}; expected "
                "it to grow. Two recordings in one file, or rows out of order: split or sort it."
            )
        ticks = np.concatenate([[0.0], np.cumsum(steps)])
        if name == _FINE:
            return np.rint(ticks / _FINE_TICKS * rate).astype(int)
        return (count[0] + ticks).astype(int)
    raise RecordingRefused(
        f"{path}: neither {_COUNTER} nor {_FINE} is in the file, so missing packets cannot be told; export one of them."
    )


def _without_copies(
    at: np.ndarray, columns: dict[str, np.ndarray], path: Path, notes: list[Treatment]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Leave out packets that repeat the one before word for word; two that differ are refused."""
    again = np.flatnonzero(np.diff(at) == 0) + 1
    if not len(again):
        return at, columns
    for name, column in columns.items():
        differ = again[~((column[again] == column[again - 1]) | np.isnan(column[again]) & np.isnan(column[again - 1]))]
        if len(differ):
            row = int(differ[0])
            raise RecordingRefused(
                f"{path}: packet {at[row] % _WRAP} is there twice with different {name} (rows {row} and {row + 1}); "
                "expected each once. Remove one."
            )
    notes.append(Treatment("packets_repeated", f"{path.name}: {len(again)} packets repeated word for word left out"))
    keep = np.setdiff1d(np.arange(len(at)), again)
    return at[keep], {name: column[keep] for name, column in columns.items()}


def _with_missing(
    at: np.ndarray, columns: dict[str, np.ndarray], path: Path, notes: list[Treatment]
) -> dict[str, np.ndarray]:
    """Columns one packet apart, NaN where a packet is missing."""
    span = int(at[-1] - at[0]) + 1
    if span == len(at):
        return columns
    if span > 20 * len(at):
        raise RecordingRefused(
            f"{path}: {len(at)} packets have counters over a span of {span}; most of the recording is missing, or a "
            "counter is misprinted. Correct it."
        )
    holes = int((np.diff(at) > 1).sum())
    notes.append(
        Treatment("packets_missing", f"{path.name}: {span - len(at)} packets missing in {holes} places, left NaN")
    )
    wide = {}
    for name, column in columns.items():
        wide[name] = np.full(span, np.nan)
        wide[name][at - at[0]] = column
    return wide
