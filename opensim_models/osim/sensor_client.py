"""OpenSim's virtual inertial sensors for every other process; see `opensim_models.osim.client`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.osim import client

PATIENCE_PER_FRAME = 0.5  # s; with couplers a frame of seven sensors took 0.03


def report_imus(
    path: Path | str,
    coordinates: Sequence[str],
    values: np.ndarray,
    rate: float,
    sensors: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Virtual sensors by OpenSim's IMUDataReporter in its AnalyzeTool, on copies in a temporary folder.

    Forces, controllers and probes of the model are left out. The reporter differentiates the coordinates by natural
    quintic splines (`kernel.uniform_spline` is the same), so its first and last frames are inexact.

    Parameters
    ----------
    path : Path
    coordinates : sequence of str
        Names of the columns of `values`.
    values : (n_frames, n_coordinates) array
        rad or m, no NaN.
    rate : float
        Hz.
    sensors : sequence of mappings
        ``sensor`` (a name the model does not have), ``segment`` (body), ``offset`` (m) and ``mounting`` (`Rotation`
        sensor → segment).

    Returns
    -------
    dict
        ``specific_force`` (m/s²) and ``angular_velocity`` (rad/s), both (n_frames, n_sensors, 3) in the sensors' axes,
        and ``cpu_seconds`` of the tool alone.

    Raises
    ------
    ModelMismatch
        No such model or body, or OpenSim refuses.
    """
    plain = [
        {
            "sensor": str(sensor["sensor"]),
            "segment": str(sensor["segment"]),
            "offset": [float(x) for x in sensor["offset"]],
            "angles": _body_fixed_angles(sensor["mounting"]),
        }
        for sensor in sensors
    ]
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "rate": float(rate)}
    patience = PATIENCE_PER_FRAME * len(arguments["values"])
    path = client._text(path)
    return client._call("imu_reporter:report_imus", patience, path=path, **arguments, sensors=plain)


def _body_fixed_angles(mounting: Rotation) -> list[float]:
    """Angles (rad) about x, y and z, body-fixed one after the other: how OpenSim writes an orientation."""
    return [float(angle) for angle in mounting.as_euler("XYZ")]
