"""Placement files: any sensor anywhere on any segment, written by the user in TOML or JSON.

A file holds a list ``sensor`` of tables with the keys

    name      name of the sensor, once only
    segment   OpenSim body that carries it
    offset    [x, y, z] in m, segment frame; default [0, 0, 0]
    and at most one orientation, sensor → segment (default: axes parallel to the segment's):
    rotation_vector_deg   [x, y, z], axis times angle in degrees
    quaternion            [w, x, y, z]
    axes                  [[..], [..], [..]], the sensor's x, y and z axis in segment coordinates, right-handed

In TOML each sensor begins with ``[[sensor]]``; JSON is ``{"sensor": [{...}, ...]}``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.placement import check_segments
from synth.imu.recording import SensorPlacement

_ORIENTATIONS = ("rotation_vector_deg", "quaternion", "axes")
_KEYS = ("name", "segment", "offset", *_ORIENTATIONS)
FARTHEST = 1.0
"""An offset beyond this (m) is taken for millimetres."""


def read_placements(path: Path | str, segments: Iterable[str] | None = None) -> tuple[SensorPlacement, ...]:
    """Read a placement file.

    Parameters
    ----------
    path : Path
        ``.toml`` or ``.json``.
    segments : iterable of str, optional
        Segments that there are; a mounting on another is refused.

    Returns
    -------
    tuple of SensorPlacement
        In the order of the file.

    Raises
    ------
    ValueError
        In one sentence: what is wrong with which sensor, and what was expected.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: expected a placement file in TOML or JSON; {reason}.") from error
    rows = content.get("sensor") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows or set(content) != {"sensor"}:
        raise ValueError(f"{path}: expected nothing but a list of sensors ([[sensor]] in TOML, 'sensor' in JSON).")
    placements = tuple(_placement(row, f"{path}, sensor {number}") for number, row in enumerate(rows, 1))
    names = [placement.sensor for placement in placements]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: the sensor name {twice[0]!r} is used more than once.")
    if segments is not None:
        check_segments(placements, segments, str(path))
    return placements


def write_placements(path: Path | str, placements: Sequence[SensorPlacement]) -> None:
    """Write a placement file (JSON), which `read_placements` reads back to the last bit but one."""
    rows = [
        {
            "name": placement.sensor,
            "segment": placement.segment,
            "offset": np.asarray(placement.offset, dtype=float).tolist(),
            "quaternion": np.roll(placement.mounting.as_quat(), 1).tolist(),
        }
        for placement in placements
    ]
    Path(path).write_text(json.dumps({"sensor": rows}, indent=1) + "\n", encoding="utf-8")


def _placement(row: object, where: str) -> SensorPlacement:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) and row[key] for key in ("name", "segment")):
        raise ValueError(f"{where}: expected a table with the texts 'name' and 'segment'; found {str(row)[:80]}.")
    where = f"{where} ({row['name']})"
    unknown = sorted(set(row) - set(_KEYS))
    if unknown:
        raise ValueError(f"{where}: the key {unknown[0]!r} is unknown; expected {', '.join(_KEYS)}.")
    offset = _numbers(row.get("offset", [0.0, 0.0, 0.0]), (3,), f"{where}: offset")
    if np.linalg.norm(offset) > FARTHEST:
        raise ValueError(f"{where}: offset must be in metres, at most {FARTHEST:g} m; got {offset.tolist()}.")
    given = [key for key in _ORIENTATIONS if key in row]
    if len(given) > 1:
        raise ValueError(f"{where}: expected one orientation; found {' and '.join(given)}.")
    mounting = _rotation(given[0], row[given[0]], where) if given else Rotation.identity()
    return SensorPlacement(row["name"], row["segment"], offset, mounting)


def _rotation(key: str, value: object, where: str) -> Rotation:
    if key == "rotation_vector_deg":
        return Rotation.from_rotvec(np.deg2rad(_numbers(value, (3,), f"{where}: {key}")))
    if key == "quaternion":
        quaternion = _numbers(value, (4,), f"{where}: {key}")
        if abs(np.linalg.norm(quaternion) - 1.0) > 1e-3:
            raise ValueError(f"{where}: quaternion must have the length 1 (w, x, y, z); got {quaternion.tolist()}.")
        return Rotation.from_quat(np.roll(quaternion, -1))
    axes = _numbers(value, (3, 3), f"{where}: {key}")
    if not np.allclose(axes @ axes.T, np.eye(3), atol=1e-3):
        raise ValueError(f"{where}: axes must be of unit length and perpendicular; got {axes.tolist()}.")
    if np.linalg.det(axes) < 0:
        raise ValueError(f"{where}: axes are left-handed; reverse one of x, y and z.")
    return Rotation.from_matrix(axes.T)


def _numbers(value: object, shape: tuple[int, ...], where: str) -> np.ndarray:
    try:
        numbers = np.array(value, dtype=float)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(f"{where} must be {' x '.join(map(str, shape))} finite numbers; got {str(value)[:60]}.")
    return numbers
