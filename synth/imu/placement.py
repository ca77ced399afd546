"""Sensor placements: the seven-sensor set, and how it follows the size of a person.

Offsets are those typical of planar seven-sensor studies (BioMAC gait2dc and its records), in segment frames whose
origins are the midpoint of the hip centres (pelvis), the hip (femur), the knee (tibia) and the ankle centre (calcn);
X forward, Y up, Z right in standing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from synth.imu.recording import SensorPlacement

REFERENCE_HEIGHT = 1.80
"""Stature (m) for which the offsets of `SEVEN_SENSORS` are given."""

REFERENCE_LENGTHS = {"femur_r": 0.441, "femur_l": 0.441, "tibia_r": 0.4428, "tibia_l": 0.4428}
"""Segment lengths (m) of that stature: 0.245 and 0.246 of it (Winter's table)."""

SEVEN_SENSORS: tuple[SensorPlacement, ...] = (
    SensorPlacement("pelvis", "pelvis", np.array([-0.10, 0.05, 0.0])),
    SensorPlacement("thigh_r", "femur_r", np.array([0.0, -0.21, 0.07])),
    SensorPlacement("shank_r", "tibia_r", np.array([0.0, -0.20, 0.055])),
    SensorPlacement("foot_r", "calcn_r", np.array([0.12, 0.0, 0.0])),
    SensorPlacement("thigh_l", "femur_l", np.array([0.0, -0.21, -0.07])),
    SensorPlacement("shank_l", "tibia_l", np.array([0.0, -0.20, -0.055])),
    SensorPlacement("foot_l", "calcn_l", np.array([0.12, 0.0, 0.0])),
)
"""Pelvis, thighs, shanks and feet; sensor axes parallel to the segment's."""


def scaled_placements(
    height: float = math.nan,
    lengths: Mapping[str, float] | None = None,
    placements: Sequence[SensorPlacement] = SEVEN_SENSORS,
) -> tuple[SensorPlacement, ...]:
    """Scale placements to a person.

    Parameters
    ----------
    height : float
        Stature (m); NaN leaves offsets as they are (unless a length is known).
    lengths : mapping of str to float, optional
        Segment → length (m) of this person; where given (thigh, shank) it scales the position along the segment
        (Y), while the other axes follow the stature.
    placements : sequence of SensorPlacement
        Given for `REFERENCE_HEIGHT`.

    Returns
    -------
    tuple of SensorPlacement

    Raises
    ------
    ValueError
        For a stature or length that no person has (in cm, for instance).
    """
    if not math.isnan(height) and not 0.3 < height < 2.6:
        raise ValueError(f"height must be in metres, 0.3 to 2.6; got {height}.")
    general = 1.0 if math.isnan(height) else height / REFERENCE_HEIGHT
    scaled = []
    for placement in placements:
        length = (lengths or {}).get(placement.segment, math.nan)
        reference = REFERENCE_LENGTHS.get(placement.segment)
        along = general
        if reference is not None and not math.isnan(length):
            if not 0.05 < length < 1.0:
                raise ValueError(f"length of {placement.segment} must be in metres, 0.05 to 1; got {length}.")
            along = length / reference
        scaled.append(replace(placement, offset=placement.offset * np.array([general, along, general])))
    return tuple(scaled)
