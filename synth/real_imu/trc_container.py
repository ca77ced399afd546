"""TRC container: inertial readings written as if they were markers, a pair of files ``*_Accel.trc``, ``*_Gyro.trc``.

So are the CMU walking trials kept (Pearl et al., CapacitiveSensingDataset). The header's unit of length is meaningless
and its rows have fewer tabs than columns; `read_markers` reads the table, what it means is said here. A file of real
markers under such a name is told by its numbers: rows of positions differ in length from marker to marker and are no
accelerations.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment
from opensim_models.exchange.marker_file import MarkerTable, read_markers
from opensim_models.model_mismatch import ModelMismatch
from synth.real_imu.convention import STANDARD_GRAVITY, RecordingRefused
from synth.real_imu.sensor_session import FileReadings

_FORCE = re.compile(r"(_?)(accelerations|acceleration|accel|acc)$", re.IGNORECASE)
_TURN = ("Gyro", "gyro", "Gyr", "gyr", "Gyroscope", "gyroscope", "AngularVelocity", "angular_velocity")
_TURN_NAME = re.compile(r"_?(gyroscope|gyro|gyr|angular_?velocity)$", re.IGNORECASE)
_STRAY = 0.7
"""Octaves (log2) that the sensors' median |a| may span. The CMU set spans 0.5 (two of its accelerometers are off),
markers of a standing person 1.0, of a walking one 1.2."""
_ONE_G = (1.0, STANDARD_GRAVITY, 1000.0)


def read_trc_container(path: Path, *, angular_velocity: Path | None = None) -> FileReadings:
    """Read a pair of files.

    Parameters
    ----------
    path : Path
        ``X_Accel.trc``, or ``X_Gyro.trc``; the other is looked for beside it.
    angular_velocity : Path, optional
        The file of the gyroscopes, where it has another name; `path` is then the accelerometers'.

    Returns
    -------
    FileReadings

    Raises
    ------
    RecordingRefused
        A file of markers, a partner that is missing, or partners that differ in sensors, rate or rows.
    """
    force_path, turn_path = _pair(Path(path), angular_velocity)
    force, turn = _table(force_path), _table(turn_path)
    _no_markers(force, force_path)
    if force.labels != turn.labels:
        apart = sorted(set(force.labels) ^ set(turn.labels)) or list(turn.labels)
        raise RecordingRefused(
            f"{turn_path}: its sensors are not those of {force_path.name} ({apart[0]} is not in both, or the order "
            "differs); expected the same. Export both files from one recording."
        )
    if force.rate != turn.rate:
        raise RecordingRefused(
            f"{turn_path}: {turn.rate:g} Hz, but {force_path.name} has {force.rate:g} Hz; the two files of a recording "
            "must have one rate. Resample one of them."
        )
    if len(force.positions) != len(turn.positions) or abs(force.start_time - turn.start_time) > 0.5 / force.rate:
        raise RecordingRefused(
            f"{turn_path}: {len(turn.positions)} rows from {turn.start_time:g} s, but {force_path.name} has "
            f"{len(force.positions)} from {force.start_time:g} s; expected the same stretch. Cut both files alike."
        )
    notes = [
        Treatment(t.what, f"{p.name}: {t.detail}")
        for p, table in ((force_path, force), (turn_path, turn))
        for t in table.treatments
    ]
    notes.append(Treatment("header_unit_ignored", "the unit of length in the header means nothing for these numbers"))
    stated = {"acceleration_unit": "m/s2", "angular_velocity_unit": "rad/s"}
    return FileReadings(
        name=_FORCE.sub("", force_path.stem),
        sensors=force.labels,
        acceleration=force.positions,
        angular_velocity=turn.positions,
        rate=force.rate,
        start_time=force.start_time,
        source=(force_path, turn_path),
        stated=stated,
        assumed=tuple(stated),
        treatments=tuple(notes),
    )


def _pair(path: Path, angular_velocity: Path | None) -> tuple[Path, Path]:
    """Files of accelerations and of angular velocities."""
    if angular_velocity is not None:
        return path, Path(angular_velocity)
    stem = path.stem
    if _FORCE.search(stem):
        base = _FORCE.sub(r"\1", stem)
        for word in _TURN:
            partner = path.with_name(f"{base}{word}{path.suffix}")
            if partner.exists():
                return path, partner
    elif _TURN_NAME.search(stem):
        base = _TURN_NAME.sub("", stem)
        beside = [p for p in sorted(path.parent.glob(f"*{path.suffix}")) if _FORCE.sub("", p.stem) == base]
        beside = [p for p in beside if _FORCE.search(p.stem)]
        if beside:
            return beside[0], path
    else:
        raise RecordingRefused(
            f"{path}: a .trc file is one of markers unless it is called *_Accel.trc or *_Gyro.trc; expected such a "
            "pair. Import markers with `kinesynth import`, or name both files of the sensors."
        )
    raise RecordingRefused(
        f"{path}: expected its partner beside it (*_Accel.trc with *_Gyro.trc), found none; put both into one folder."
    )


def _table(path: Path) -> MarkerTable:
    try:
        return read_markers(path, unit="m")  # factor 1: the numbers as they are
    except ModelMismatch as mismatch:
        raise RecordingRefused(str(mismatch)) from mismatch


def _no_markers(table: MarkerTable, path: Path) -> None:
    """Refuse positions: no unit makes every column's typical length about 1 g."""
    with np.errstate(over="ignore"):
        length = np.linalg.norm(table.positions, axis=2)
    seen = np.isfinite(length).any(axis=0)
    if not seen.any():
        raise RecordingRefused(f"{path}: no number in any row; export the recording again.")
    typical = np.nanmedian(length[:, seen], axis=0)
    still = np.nanmedian(np.abs(np.diff(length[:, seen], axis=0)), axis=0) if len(length) > 1 else np.zeros(1)
    off = [np.abs(np.log2(np.maximum(typical, 1e-12) / g)).max() for g in _ONE_G]
    if min(off) > 1.0 or (len(typical) > 2 and np.ptp(np.log2(typical)) > _STRAY):
        raise RecordingRefused(
            f"{path}: its {len(typical)} columns have typical lengths from {typical.min():.3g} to {typical.max():.3g} "
            f"(moving by {still.max():.2g} a frame); accelerations have about 1, 9.8 or 1000 for every sensor. It "
            "looks like a file of marker positions: import it with `kinesynth import`."
        )
