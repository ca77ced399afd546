"""IMU start: sensor angles and posture of the planar baseline, from what `movement.strap_down` finds in closed form."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synth.optimal_control import node_functions as nodes
from synth.optimal_control.movement.strap_down import SagittalRecord, sensor_tilt
from synth.optimal_control.normative_gait import normative_coordinates

_BETWEEN_PEOPLE_SD = np.radians(5.0)


def mounting_guess(
    records: Mapping[str, SagittalRecord], duration: float, speed: float, height: float, mounting_sd: float
) -> np.ndarray:
    """First guess of each sensor's angle on its segment (rad), in the order of `SENSOR_SEGMENTS`.

    The cycle's mean tilt of a sensor is that of its segment plus its mounting; the segment's is close to the normative
    one (SD about 5° between people), the mounting close to 0 (`mounting_sd`): the difference is shared accordingly.
    """
    phase = np.arange(100) / 100.0
    q = normative_coordinates(phase, float(np.clip(speed, 0.6, 2.2)), height).mean(axis=0)
    column = {name: i for i, name in enumerate(nodes.COORDINATES)}
    mean = {"pelvis": q[column["pelvis_tilt"]]}
    for side in "rl":
        mean[f"femur_{side}"] = mean["pelvis"] + q[column[f"hip_flexion_{side}"]]
        mean[f"tibia_{side}"] = mean[f"femur_{side}"] - q[column[f"knee_angle_{side}"]]
        mean[f"calcn_{side}"] = mean[f"tibia_{side}"] + q[column[f"ankle_angle_{side}"]]
    share = mounting_sd**2 / (mounting_sd**2 + _BETWEEN_PEOPLE_SD**2)
    return np.array([share * (sensor_tilt(records[s], duration).mean() - mean[s]) for s in nodes.SENSOR_SEGMENTS])


def segment_pose(
    records: Mapping[str, SagittalRecord], duration: float, mounting: np.ndarray | None = None
) -> np.ndarray:
    """Coordinates (n, 10) for given mounting angles (0 if absent): pelvis place NaN, trunk upright."""
    angles = dict(zip(nodes.SENSOR_SEGMENTS, np.zeros(7) if mounting is None else mounting, strict=True))
    tilt = {segment: sensor_tilt(record, duration) - angles[segment] for segment, record in records.items()}
    n = len(tilt["pelvis"])
    q = np.full((n, nodes.N_Q), np.nan)
    column = {name: i for i, name in enumerate(nodes.COORDINATES)}
    q[:, column["pelvis_tilt"]] = tilt["pelvis"]
    q[:, column["lumbar_extension"]] = -tilt["pelvis"]
    for side in "rl":
        thigh, shank, foot = (tilt[f"{s}_{side}"] for s in ("femur", "tibia", "calcn"))
        q[:, column[f"hip_flexion_{side}"]] = thigh - tilt["pelvis"]
        q[:, column[f"knee_angle_{side}"]] = thigh - shank
        q[:, column[f"ankle_angle_{side}"]] = foot - shank
    return q
