"""Sensor placements: sets of sensors, how they follow the size of a person, and how far from plan they are put on.

Offsets are those typical of planar seven-sensor studies (BioMAC gait2dc and its records), in segment frames whose
origins are the midpoint of the hip centres (pelvis), the hip (femur), the knee (tibia) and the ankle centre (calcn);
X forward, Y up, Z right in standing.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording, SensorPlacement

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


def _some(*sensors: str) -> tuple[SensorPlacement, ...]:
    return tuple(placement for placement in SEVEN_SENSORS if placement.sensor in sensors)


SENSOR_SETS: dict[str, tuple[SensorPlacement, ...]] = {
    "seven": SEVEN_SENSORS,
    "sparse_shank": _some("pelvis", "shank_r", "shank_l"),
    "sparse_foot": _some("pelvis", "foot_r", "foot_l"),
}
"""Sets by name; the sparse ones are those of three-sensor studies (pelvis and shanks, as Sy et al., IEEE Trans Biomed
Eng 2020, or pelvis and feet)."""


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


def check_segments(placements: Sequence[SensorPlacement], segments: Iterable[str], where: str = "placements") -> None:
    """Refuse a mounting on a segment that does not exist.

    Parameters
    ----------
    placements : sequence of SensorPlacement
    segments : iterable of str
        Segments that there are: of a model, or with motion.
    where : str
        File or set, for the message.

    Raises
    ------
    ValueError
        With the segments whose names are nearest.
    """
    known = sorted(segments)
    for placement in placements:
        if placement.segment not in known:
            near = difflib.get_close_matches(placement.segment, known, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known) or 'none'}."
            raise ValueError(
                f"{where}: sensor {placement.sensor!r} is mounted on segment {placement.segment!r}, which does not "
                f"exist; {hint}"
            )


def scatter_placements(
    placements: Sequence[SensorPlacement],
    rng: np.random.Generator,
    *,
    position_sd: float = 0.0,
    misalignment: Rotation | None = None,
) -> tuple[SensorPlacement, ...]:
    """Placements as they are in truth when each sensor is put on beside its plan: errors baked into the motion.

    Parameters
    ----------
    placements : sequence of SensorPlacement
    rng : numpy.random.Generator
    position_sd : float
        SD (m) of the offset along each axis.
    misalignment : Rotation, optional
        One for each placement, true sensor frame → nominal sensor frame (`synth.imu.misalignment`).

    Returns
    -------
    tuple of SensorPlacement
        Give these to `simulate_imu` and keep the nominal ones as what is known.
    """
    if not 0.0 <= position_sd < math.inf:
        raise ValueError(f"position_sd must be metres >= 0; got {position_sd!r}.")
    turns = Rotation.identity(len(placements)) if misalignment is None else misalignment
    if len(turns) != len(placements):
        raise ValueError(f"expected a misalignment for each of {len(placements)} placements; got {len(turns)}.")
    shifts = position_sd * rng.standard_normal((len(placements), 3))
    return tuple(
        replace(placement, offset=placement.offset + shift, mounting=placement.mounting * turn)
        for placement, shift, turn in zip(placements, shifts, turns, strict=True)
    )


def other_side(sensor: str) -> str | None:
    """Name of the same sensor of the other side; None for one without a side."""
    if sensor.endswith("_r"):
        return f"{sensor[:-2]}_l"
    return f"{sensor[:-2]}_r" if sensor.endswith("_l") else None


def swap_sides(recordings: Sequence[ImuRecording], sensors: Iterable[str] | None = None) -> tuple[ImuRecording, ...]:
    """Records of sensors that were put on the wrong leg: each reads what its partner would, and nobody knows.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Of one trial. A sensor whose partner has no record stays as it is.
    sensors : iterable of str, optional
        Sensors whose pair is exchanged (either name); all by default.

    Returns
    -------
    tuple of ImuRecording
        In the same order; `placement` stays the nominal one.
    """
    by_name = {recording.placement.sensor: recording for recording in recordings}
    chosen = set(by_name) if sensors is None else set(sensors)
    swapped = []
    for recording in recordings:
        name = recording.placement.sensor
        partner = by_name.get(other_side(name) or "")
        if partner is not None and (name in chosen or partner.placement.sensor in chosen):
            recording = replace(partner, placement=recording.placement)
        swapped.append(recording)
    return tuple(swapped)
