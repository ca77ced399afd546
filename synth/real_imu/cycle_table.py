"""Cycle table: a mean gait cycle of real sensors with its reference, as the BioMAC toolbox's tables hold it.

One CSV of means (``NAME_mean.csv``, a column a variable) and one of the variables (``NAME_variables.csv``: where each
sensor sits). Sensors are along the axes of their segments already. A cycle is too short for what learns from records,
so it is repeated; nothing new is in the repetitions, and what scores them scores one cycle.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from synth.imu.recording import ImuRecording, SensorPlacement
from synth.real_imu.convention import RecordingRefused

SENSORS = {
    "pelvis": ("pelvis", "pelvis"),
    **{f"{old}_{side}": (f"{new}_{side}", f"{segment}_{side}") for side in "rl" for old, new, segment in
       (("femur", "thigh", "femur"), ("tibia", "shank", "tibia"), ("foot", "foot", "calcn"))},
}  # fmt: skip
"""Name in the table → sensor, segment."""
RATE = 100.0
"""Hz to which a cycle is resampled, so that it has the rate of other corpora."""
REPEATS = 6
MEAN_CYCLE = "mean_cycle_repeated"
"""Treatment of a trial that is one mean cycle again and again: its strides do not differ."""
_FLEXION = {"knee_angle_r": -1.0, "knee_angle_l": -1.0}
"""The toolbox counts all angles and moments counter-clockwise, so that its knee flexes to the negative."""


@dataclass(frozen=True)
class RepeatedCycle:
    """A mean cycle, repeated and resampled.

    Attributes
    ----------
    subject, trial : str
        From the file's name, ``P03_normwalking_mean.csv``.
    recordings : tuple of ImuRecording
    angles, moments : dict of str to ndarray, shape (n_frames,)
        By coordinate (rad, N·m), flexion positive.
    forces : dict of str to ndarray, shape (n_frames, 2)
        By foot: forward and up (body weights).
    speed : float
        m/s; NaN if the table has none.
    duration : float
        Of a cycle (s); it begins with a strike of the right foot.
    """

    subject: str
    trial: str
    recordings: tuple[ImuRecording, ...]
    angles: dict[str, np.ndarray]
    moments: dict[str, np.ndarray]
    forces: dict[str, np.ndarray]
    speed: float
    duration: float


def read_cycle(path: Path, *, rate: float = RATE, repeats: int = REPEATS) -> RepeatedCycle:
    """Read ``SUBJECT_TRIAL_mean.csv`` and its table of variables.

    Raises
    ------
    RecordingRefused
        A file or a column is missing.
    """
    columns = _columns(path)
    variables = path.with_name(path.name.replace("_mean.csv", "_variables.csv"))
    if "dur.dur" not in columns or not variables.is_file():
        raise RecordingRefused(
            f"{path}: expected a mean cycle with its duration (dur.dur) and {variables.name} beside it, as the BioMAC "
            "toolbox's tables are converted."
        )
    duration = float(columns["dur.dur"][0])
    phase = (np.arange(round(repeats * duration * rate)) / rate / duration) % 1.0
    with variables.open(encoding="utf-8") as file:
        places = {row["column"]: [row[f"position_{i}"] for i in (1, 2, 3)] for row in csv.DictReader(file)}

    def along(name: str) -> np.ndarray:
        """A variable at every frame: a periodic cubic through the cycle's samples."""
        values = columns[name]
        knots = np.linspace(0.0, 1.0, len(values) + 1)
        return CubicSpline(knots, np.append(values, values[0]), bc_type="periodic")(phase)

    recordings = []
    for name, (sensor, segment) in SENSORS.items():
        if f"acc.{name}_x" not in columns:
            raise RecordingRefused(f"{path}: no sensor {name!r}; expected {', '.join(SENSORS)}.")
        force, turn = (np.column_stack([along(f"{kind}.{name}_{a}") for a in "xyz"]) for kind in ("acc", "gyro"))
        placement = SensorPlacement(sensor, segment, np.array(places[f"acc.{name}_x"], dtype=float))
        recordings.append(ImuRecording(placement, force, turn, rate))
    angles, moments = (
        {n.split(".", 1)[1]: along(n) * _FLEXION.get(n.split(".", 1)[1], 1.0) for n in columns if n.startswith(kind)}
        for kind in ("angle.", "moment.")
    )
    forces = {
        foot: np.column_stack([along(f"GRF.GRF_{a}_{foot[0]}") for a in "xy"])
        for foot in ("right", "left")
        if f"GRF.GRF_y_{foot[0]}" in columns
    }
    speed = float(columns["speed.speed"][0]) if "speed.speed" in columns else float("nan")
    subject, _, trial = path.name.removesuffix("_mean.csv").partition("_")
    return RepeatedCycle(subject, trial or "cycle", tuple(recordings), angles, moments, forces, speed, duration)


def _columns(path: Path) -> dict[str, np.ndarray]:
    """Columns of a table; shorter ones without their empty cells."""
    try:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: np.array([float(r[name]) for r in rows if r[name]]) for name in rows[0]}
    except (OSError, ValueError, IndexError) as error:
        raise RecordingRefused(f"{path}: expected a table of numbers (CSV), but {error}.") from error
