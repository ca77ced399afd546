"""Sensor table: which sensor sat on which segment, from a TOML file of the user, or for two kinds of names by default.

::

    [convention]                      # only what differs from, or is not stated by, the file
    acceleration_unit = "g"

    [sensors]                         # name in the file -> segment, or a table with more
    "00B40B91" = "pelvis"
    "00B40BA5" = {sensor = "shank_l", segment = "tibia_l", offset = [0.0, -0.2, 0.03], mounting = [1, 0, 0, 0]}

    [columns.shank_r]                 # generic CSV: columns by sensor
    acceleration = ["ax", "ay", "az"]
    angular_velocity = ["gx", "gy", "gz"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import SensorPlacement
from synth.real_imu.convention import RecordingRefused

# Serial numbers of shared recordings: NeuRA S02 (its README; Sy et al. 2020) and OpenSim's OpenSense example
# (myIMUMappings.xml). LowLeg sits above the ankle, LowLeg2 on the shank.
_SERIALS = {
    "00B40B91": ("pelvis", "pelvis"),
    "00B40C45": ("thigh_l", "femur_l"),
    "00B40C3C": ("thigh_r", "femur_r"),
    "00B40C44": ("ankle_l", "tibia_l"),
    "00B40C47": ("ankle_r", "tibia_r"),
    "00B40BA5": ("shank_l", "tibia_l"),
    "00B40C35": ("shank_r", "tibia_r"),
    "00B40C55": ("foot_l", "calcn_l"),
    "00B40C48": ("foot_r", "calcn_r"),
    "00B42268": ("torso", "torso"),
    "00B42279": ("pelvis", "pelvis"),
    "00B4227C": ("thigh_r", "femur_r"),
    "00B4227D": ("shank_r", "tibia_r"),
    "00B421EE": ("thigh_l", "femur_l"),
    "00B421ED": ("shank_l", "tibia_l"),
    "00B421EF": ("foot_r", "calcn_r"),
    "00B421E6": ("foot_l", "calcn_l"),
}
_WORDS = {
    "pelvis": "pelvis",
    "sacrum": "pelvis",
    "lumbar": "pelvis",
    "torso": "torso",
    "sternum": "torso",
    "chest": "torso",
    "trunk": "torso",
    "femur": "femur",
    "thigh": "femur",
    "upleg": "femur",
    "tibia": "tibia",
    "shank": "tibia",
    "lowleg": "tibia",
    "calcn": "calcn",
    "foot": "calcn",
    "toes": "toes",
}
_MIDDLE = ("pelvis", "torso")


@dataclass(frozen=True)
class SensorTable:
    """What a user says of a recording.

    Attributes
    ----------
    placements : Mapping of str to SensorPlacement
        By the sensor's name in the file.
    convention : Mapping of str to object
        Entries of an `ImuConvention` that the user gives.
    columns : Mapping of str to Mapping of str to tuple of str
        Generic CSV: sensor → ``"acceleration"``, ``"angular_velocity"``, ``"orientation"`` → columns; the entry
        ``"time"`` → ``"column"`` names the time.
    """

    placements: Mapping[str, SensorPlacement] = field(default_factory=dict)
    convention: Mapping[str, object] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


def read_sensor_table(path: Path) -> SensorTable:
    """Read a sensor table (TOML, see the head of this module).

    Raises
    ------
    RecordingRefused
        The file is missing, is no TOML, or holds something else.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecordingRefused(f"{path}: expected a sensor table (TOML), but {error}.") from error
    return sensor_table_of(content, path)


def sensor_table_of(content: Mapping[str, Any], path: Path | str) -> SensorTable:
    """A sensor table from what its file holds; `path` is for the refusal.

    Raises
    ------
    RecordingRefused
        An unknown section, or a sensor that is described otherwise.
    """
    strange = sorted(set(content) - {"convention", "sensors", "columns"})
    if strange:
        raise RecordingRefused(
            f"{path}: [{strange[0]}] is unknown; expected [convention], [sensors] and [columns.<sensor>]."
        )
    placements = {name: _placement(name, entry, path) for name, entry in content.get("sensors", {}).items()}
    columns = {
        sensor: {kind: tuple(names) if isinstance(names, list) else (names,) for kind, names in entry.items()}
        for sensor, entry in content.get("columns", {}).items()
    }
    return SensorTable(placements, content.get("convention", {}), columns)


def _placement(name: str, entry: object, path: Path | str) -> SensorPlacement:
    if isinstance(entry, str):
        entry = {"segment": entry}
    known = {"sensor", "segment", "offset", "mounting"}
    if not isinstance(entry, dict) or not set(entry) <= known or "segment" not in entry:
        raise RecordingRefused(
            f"{path}: sensor {name!r} is {entry!r}; expected the name of a segment, or a table with segment and "
            "perhaps sensor, offset (m) and mounting (quaternion, scalar first)."
        )
    offset = np.array(entry.get("offset", (0.0, 0.0, 0.0)), dtype=float)
    turned = np.array(entry.get("mounting", (1.0, 0.0, 0.0, 0.0)), dtype=float)
    if offset.shape != (3,) or turned.shape != (4,) or not np.linalg.norm(turned) > 0:
        raise RecordingRefused(
            f"{path}: sensor {name!r} needs an offset of three numbers (m) and a mounting of four (w, x, y, z)."
        )
    mounting = Rotation.from_quat(turned, scalar_first=True)
    return SensorPlacement(entry.get("sensor", name), entry["segment"], offset, mounting)


def placement_of(name: str, table: SensorTable | None = None) -> tuple[SensorPlacement, bool]:
    """Where a sensor sits, and whether that is a guess from its name.

    Parameters
    ----------
    name : str
        As in the file: a serial number, ``"tibia_r_imu_offset_imu"``, ``"L_UpLeg"``, ...
    table : SensorTable, optional
        What the user says; it wins.

    Returns
    -------
    placement : SensorPlacement
        Its segment is empty if nothing is known.
    guessed : bool
    """
    if table is not None and name in table.placements:
        return table.placements[name], False
    if name.upper() in _SERIALS:
        sensor, segment = _SERIALS[name.upper()]
        return SensorPlacement(sensor, segment), True
    plain = re.sub(r"(_imu|_offset)+$", "", name.strip().lower())
    parts = [part for part in re.split(r"[^a-z0-9]+", plain) if part]
    word = next((segment for part in parts for key, segment in _WORDS.items() if part.startswith(key)), "")
    side = next((part[0] for part in parts if part in ("r", "l", "right", "left")), "")
    segment = word if word in _MIDDLE or not word else f"{word}_{side}" if side else ""
    return SensorPlacement(re.sub(r"(_imu|_offset)+$", "", name.strip(), flags=re.IGNORECASE), segment), True
