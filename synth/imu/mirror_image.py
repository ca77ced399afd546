"""Mirror image: the same movement with right and left exchanged, as good a movement as the recorded one.

Reflection in the sagittal plane, S = diag(1, 1, -1). Polar vectors (position, acceleration, force) become S v; axial
ones (angular velocity, moment) det(S) S v = -S v. A rotation R becomes S R S, and the frame of a right segment that of
the left one, because OpenSim's segment frames are mirror images of each other. A sensor at r with the mounting M has
its image at S r with the mounting S M S on the other side, and its axes are reflected as well: it reads S f and -S w.
Gravity must lie in the plane, as it does in the ground frame (Y up).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu.placement import other_side
from synth.imu.recording import ImuRecording, SensorPlacement

POLAR = np.array([1.0, 1.0, -1.0])
"""Signs of the components of a position, velocity, acceleration or force."""
AXIAL = -POLAR
"""Signs of the components of an angular velocity, rotation vector or moment."""
MIDLINE_SIGNS: Mapping[str, float] = {
    "pelvis_tilt": 1.0,
    "pelvis_list": -1.0,
    "pelvis_rotation": -1.0,
    "pelvis_tx": 1.0,
    "pelvis_ty": 1.0,
    "pelvis_tz": -1.0,
    "lumbar_extension": 1.0,
    "lumbar_bending": -1.0,
    "lumbar_rotation": -1.0,
}
"""What mirroring multiplies coordinates without a side by. Those with a side keep theirs: OpenSim counts flexion,
adduction and internal rotation alike on both sides."""
SAME_PLACE = 1e-3
"""Two offsets (m) that differ by less are one place."""


def mirrored_name(name: str) -> str:
    """Name of the same thing on the other side: ``"tibia_r"`` → ``"tibia_l"``; names without a side stay."""
    return other_side(name) or name


def mirror_rotation(rotation: Rotation) -> Rotation:
    """S R S: the rotation vector is axial."""
    return Rotation.from_quat(rotation.as_quat() * np.append(AXIAL, 1.0))


def mirror_motion(motion: SegmentMotion) -> SegmentMotion:
    """Motion of the segment of the other side in the mirrored movement."""
    return replace(
        motion,
        segment=mirrored_name(motion.segment),
        origin=motion.origin * POLAR,
        orientation=mirror_rotation(motion.orientation),
    )


def mirror_placement(placement: SensorPlacement) -> SensorPlacement:
    """Image of a placement: the other side's sensor and segment, offset and mounting reflected."""
    return SensorPlacement(
        mirrored_name(placement.sensor),
        mirrored_name(placement.segment),
        placement.offset * POLAR,
        mirror_rotation(placement.mounting),
    )


def mirror_recording(recording: ImuRecording) -> ImuRecording:
    """What the image of the sensor reads in the mirrored movement: mirroring twice gives the recording back."""
    return replace(
        recording,
        placement=mirror_placement(recording.placement),
        specific_force=recording.specific_force * POLAR,
        angular_velocity=recording.angular_velocity * AXIAL,
    )


def mirror_recordings(
    recordings: Sequence[ImuRecording], placements: Sequence[SensorPlacement] | None = None
) -> tuple[ImuRecording, ...]:
    """Mirror all sensors of a person; each name then holds the image of its counterpart.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Every sensor with a side together with its counterpart.
    placements : sequence of SensorPlacement, optional
        How the mirrored person is to wear the sensors, one a recording in any order: readings are turned into these
        mountings. By default the images of those of the recordings.

    Returns
    -------
    tuple of ImuRecording
        In the order of the sensors of `recordings`.

    Raises
    ------
    ValueError
        A counterpart is missing, or a placement lies elsewhere than the image: what is read in another place cannot be
        told from a recording.
    """
    images = {}
    for recording in recordings:
        image = mirror_recording(recording)
        images[image.placement.sensor] = image
    worn = {placement.sensor: placement for placement in placements or ()}
    result = []
    for recording in recordings:
        sensor = recording.placement.sensor
        if sensor not in images:
            raise ValueError(
                f"no sensor {mirrored_name(sensor)!r} beside {sensor!r}: a mirrored set needs both sides. Mirror the "
                "motion instead, or leave the sensor out."
            )
        result.append(_worn(images[sensor], worn[sensor]) if sensor in worn else images[sensor])
    return tuple(result)


def _worn(image: ImuRecording, placement: SensorPlacement) -> ImuRecording:
    """The image as a sensor at the same place reads it in another mounting."""
    apart = float(np.linalg.norm(image.placement.offset - placement.offset))
    if image.placement.segment != placement.segment or apart > SAME_PLACE:
        raise ValueError(
            f"the mirror image of {mirrored_name(placement.sensor)!r} lies {1000 * apart:.0f} mm from "
            f"{placement.sensor!r} ({image.placement.segment}, expected {placement.segment} within "
            f"{1000 * SAME_PLACE:.0f} mm): its reading there is unknown. Mirror the motion and simulate the sensor."
        )
    turn = (placement.mounting.inv() * image.placement.mounting).as_matrix().T
    return replace(
        image,
        placement=placement,
        specific_force=image.specific_force @ turn,
        angular_velocity=image.angular_velocity @ turn,
    )


def mirror_kinematics(kinematics: Kinematics, midline_signs: Mapping[str, float] = MIDLINE_SIGNS) -> Kinematics:
    """Coordinates of the mirrored movement.

    Parameters
    ----------
    kinematics : Kinematics
        OpenSim's names, sides ``_r`` and ``_l``.
    midline_signs : mapping of str to float
        1 or -1 for every coordinate without a side.

    Returns
    -------
    Kinematics
        The same columns; NaN where the counterpart is not among them.

    Raises
    ------
    ValueError
        For a coordinate without a side and without a sign.
    """
    values = np.full_like(kinematics.values, np.nan, dtype=float)
    for column, name in enumerate(kinematics.coordinates):
        counterpart = mirrored_name(name)
        if counterpart == name and name not in midline_signs:
            raise ValueError(
                f"coordinate {name!r} has no side (_r, _l) and no known sign in a mirror; expected one of "
                f"{', '.join(midline_signs)}. Pass midline_signs with 1 or -1 for it."
            )
        if counterpart in kinematics.coordinates:
            values[:, column] = midline_signs.get(name, 1.0) * kinematics.of(counterpart)
    return replace(kinematics, values=values)
