"""A recording of virtual sensors as files: a table of numbers, and the one that says where the sensors sit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

UNITS = ('acceleration_unit = "m/s2"', 'angular_velocity_unit = "rad/s"')


def write_sensor_files(
    folder: Path, rate: float, channels: Mapping[str, np.ndarray], offsets: Mapping[str, np.ndarray]
) -> Path:
    """Write walk.csv and sensors.toml: six channels (n, 6) and the place (m) of the sensor on each segment."""
    n = len(next(iter(channels.values())))
    columns, table = {"time": np.arange(n) / rate}, ["[convention]", *UNITS, "[sensors]"]
    for segment, (x, y, z) in offsets.items():
        named = zip(("ax", "ay", "az", "gx", "gy", "gz"), channels[segment].T, strict=True)
        columns |= {f"{segment}_{name}": values for name, values in named}
        table.append(f'{segment} = {{segment = "{segment}", offset = [{x}, {y}, {z}], mounting = [1, 0, 0, 0]}}')
    for segment in offsets:
        table += [f"[columns.{segment}]", f"acceleration = {[f'{segment}_a{axis}' for axis in 'xyz']}"]
        table += [f"angular_velocity = {[f'{segment}_g{axis}' for axis in 'xyz']}"]
    values = np.stack(list(columns.values()), axis=1)
    np.savetxt(folder / "walk.csv", values, delimiter=",", header=",".join(columns), comments="")
    (folder / "sensors.toml").write_text("\n".join(table))
    return folder
