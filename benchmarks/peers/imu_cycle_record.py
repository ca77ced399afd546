"""IMU cycle record: a mean cycle of seven real sensors with an optical reference, as the BioMAC toolbox stores it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.imu.recording import ImuRecording, SensorPlacement

JOINTS = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r")
KNEE_SIGN = np.array([1.0, -1.0, 1.0])
"""The toolbox counts all angles and moments counter-clockwise, so that its knee flexes to the negative."""
_SEGMENTS = {"pelvis": "pelvis"} | {f"{a}_{s}": f"{b}_{s}" for s in "rl" for a, b in
                                    (("femur", "femur"), ("tibia", "tibia"), ("foot", "calcn"))}  # fmt: skip


@dataclass(frozen=True)
class CycleReference:
    """What another measurement says of the right leg over the cycle.

    Attributes
    ----------
    angles : ndarray, shape (n, 3)
        Hip, knee, ankle (degrees), flexion positive.
    moments : ndarray, shape (n, 3) or None
        N·m, flexion positive.
    forces : ndarray, shape (n, 2)
        Ground reaction forward and up (body weights).
    speed : float
        m/s.
    """

    angles: np.ndarray
    moments: np.ndarray | None
    forces: np.ndarray
    speed: float


def read_imu_cycle(stem: Path) -> tuple[tuple[ImuRecording, ...], dict[str, np.ndarray], float]:
    """Recordings, variances (n, 3) of the sagittal channels by segment, and duration (s) of a cycle."""
    mean, variance = (_columns(stem.with_name(f"{stem.name}_{what}.csv")) for what in ("mean", "var"))
    with stem.with_name(f"{stem.name}_variables.csv").open(encoding="utf-8") as file:
        places = {row["column"]: [row[f"position_{i}"] for i in (1, 2, 3)] for row in csv.DictReader(file)}
    duration = float(mean["dur.dur"][0])
    recordings, variances = [], {}
    for name, segment in _SEGMENTS.items():
        force, turn = (np.column_stack([mean[f"{kind}.{name}_{axis}"] for axis in "xyz"]) for kind in ("acc", "gyro"))
        offset = np.array(places[f"acc.{name}_x"], float)
        recordings.append(ImuRecording(SensorPlacement(name, segment, offset), force, turn, len(force) / duration))
        channels = (f"acc.{name}_x", f"acc.{name}_y", f"gyro.{name}_z")
        variances[segment] = np.column_stack([variance[c] for c in channels])
    return tuple(recordings), variances, duration


def read_reference(stem: Path, n_samples: int = 100) -> CycleReference:
    """The optical reference of a cycle, sampled evenly over it."""
    mean = _columns(stem.with_name(f"{stem.name}_mean.csv"))

    def table(names: list[str]) -> np.ndarray:
        values = np.column_stack([mean[n] for n in names])
        phase = np.arange(n_samples) / n_samples
        return np.stack([np.interp(phase, np.arange(len(c)) / len(c), c, period=1.0) for c in values.T], axis=1)

    angles = np.degrees(table([f"angle.{j}" for j in JOINTS])) * KNEE_SIGN
    moments = table([f"moment.{j}" for j in JOINTS]) * KNEE_SIGN if f"moment.{JOINTS[0]}" in mean else None
    return CycleReference(angles, moments, table(["GRF.GRF_x_r", "GRF.GRF_y_r"]), float(mean["speed.speed"][0]))


def _columns(path: Path) -> dict[str, np.ndarray]:
    """Columns of a table; shorter ones without their empty cells."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(r[name]) for r in rows if r[name]]) for name in rows[0]}
