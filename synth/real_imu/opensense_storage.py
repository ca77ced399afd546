"""OpenSense storage: orientations of sensors in a .sto file, with the accelerations and turning rates beside it.

OpenSim's readers of Xsens and APDM data, and its virtual IMUs, write one table a file: ``X_orientations.sto``
(DataType=Quaternion, scalar first), ``X_linear_accelerations.sto`` and ``X_angular_velocity.sto`` (Vec3). In
orientations for OpenSense the world is the sensor system's, mostly with Z up, before OpenSim turns it to Y up.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment
from opensim_models.exchange.storage import read_orientations
from opensim_models.exchange.storage_table import StorageTable, read_table
from opensim_models.model_mismatch import ModelMismatch
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.sensor_session import FileReadings

_KIND = re.compile(r"_?(orientations?|linear_accelerations?|angular_velocit(y|ies))$", re.IGNORECASE)
_FORCE, _TURN, _ORIENTATION = "linear_accelerations", "angular_velocity", "orientations"


def read_opensense(path: Path) -> FileReadings:
    """Read an orientations file, or any one of the three; the others are taken from beside it where they exist.

    Parameters
    ----------
    path : Path

    Returns
    -------
    FileReadings
        Accelerations and angular velocities are NaN if only orientations exist.

    Raises
    ------
    RecordingRefused
        No file of sensors, or files that differ in sensors, rate or rows.
    """
    path = Path(path)
    files = _beside(path)
    tables = {kind: _vectors(file) for kind, file in files.items() if kind != _ORIENTATION}
    quaternions, labels, rate, start, notes = None, None, None, 0.0, []
    if _ORIENTATION in files:
        quaternions, labels, rate, start, notes = _orientations(files[_ORIENTATION])
    for kind, table in tables.items():
        labels, rate, start = (labels, rate, start) if labels else (table.labels, table.rate, table.start_time)
        rows = len(table.values) if quaternions is None else len(quaternions)
        _agree(table, files[kind], labels, rate, rows)
    shape = (*(next(iter(tables.values())).values if quaternions is None else quaternions).shape[:2], 3)
    empty = np.full(shape, np.nan)
    stated = {"acceleration_unit": "m/s2", "angular_velocity_unit": "rad/s"}
    return FileReadings(
        name=_KIND.sub("", path.stem),
        sensors=tuple(_plain(label) for label in labels),
        acceleration=tables[_FORCE].values if _FORCE in tables else empty,
        angular_velocity=tables[_TURN].values if _TURN in tables else empty,
        quaternions=quaternions,
        rate=rate,
        start_time=start,
        source=tuple(files.values()),
        stated=stated,
        assumed=tuple(stated),
        treatments=tuple(notes),
    )


def _plain(label: str) -> str:
    """Name of a sensor: an IMU reporter writes the path of its frame (``/bodyset/tibia_r/tibia_r_imu|gyro``)."""
    return label.split("|")[0].rstrip("/").split("/")[-1]


def _beside(path: Path) -> dict[str, Path]:
    """Files of one recording by what they hold."""
    if not path.exists():
        raise RecordingRefused(f"{path}: no such file; expected orientations of sensors (.sto).")
    kind = _KIND.search(path.stem)
    if kind is None:
        return {_ORIENTATION: path}
    base = path.stem[: kind.start()]
    found = {}
    for name in sorted(p for p in path.parent.glob(f"{base}*{path.suffix}")):
        other = _KIND.search(name.stem)
        if other and name.stem[: other.start()] == base:
            word = other.group(1).lower()
            found[_ORIENTATION if word[0] == "o" else _FORCE if word[0] == "l" else _TURN] = name
    return found


def _orientations(path: Path) -> tuple[np.ndarray, tuple[str, ...], float, float, list[Treatment]]:
    try:
        rotations, known, rate = read_orientations(path)
        start = read_table(path).start_time
    except ModelMismatch as mismatch:
        raise RecordingRefused(f"{mismatch} A recording of sensors was expected.") from mismatch
    values = np.stack([r.as_quat(scalar_first=True) for r in rotations.values()], axis=1)
    notes = []
    if not known.all():
        notes.append(
            Treatment("orientations_missing", f"{path.name}: {int((~known).sum())} cells are no quaternion: NaN")
        )
    return np.where(known[..., None], values, np.nan), tuple(rotations), rate, start, notes


def _vectors(path: Path) -> StorageTable:
    try:
        table = read_table(path)
    except ModelMismatch as mismatch:
        raise RecordingRefused(str(mismatch)) from mismatch
    if table.values.ndim != 3 or table.values.shape[2] != 3:
        raise RecordingRefused(
            f"{path}: expected DataType=Vec3 with x,y,z in every cell, got {table.data_type}; write it with OpenSim's "
            "STOFileAdapterVec3."
        )
    return table


def _agree(table: StorageTable, path: Path, labels: tuple[str, ...], rate: float, rows: int) -> None:
    if tuple(map(_plain, table.labels)) != tuple(map(_plain, labels)):
        raise RecordingRefused(f"{path}: its sensors are not those of the files beside it; export them together.")
    if table.rate != rate:
        raise RecordingRefused(
            f"{path}: {table.rate:g} Hz, but the file beside it has {rate:g} Hz; expected one rate. Resample one."
        )
    if len(table.values) != rows:
        raise RecordingRefused(
            f"{path}: {len(table.values)} rows, but the file beside it has {rows}; cut both to the same stretch."
        )
