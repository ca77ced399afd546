"""The virtual inertial measurement unit: what a sensor on a moving segment reads.

Specific force is R_sensor^T (a - g): +9.81 m/s² along up at rest, 0 in free fall. Angular velocity is the segment's,
in the sensor frame. Sign and direction are those of OpenSim's ``IMU`` and of real sensors.

Four ways to differentiate the sensor's position and orientation (`differentiation` has the equations,
`derivative_error` what each costs):

``central_difference``
    The literature's (Rapp, Shin et al. 2021; IMUSim): second central difference of the sensor position; the mean of
    the two neighbouring rotation increments through the SO(3) logarithm. Errors fall with the square of the rate.
``butterworth``
    The same after a zero-lag low-pass of position and orientation.
``smoothing_spline``
    Quintic smoothing splines of position and unit quaternion.
``spline``
    Quintic spline through the sensor position, spline on the rotations through its orientation. On motion band-limited
    to 8 Hz at 100 Hz its acceleration error is hundreds of times smaller than that of differences.

Missing samples: a frame is missing where the origin is not finite. Differences leave NaN in that frame and its two
neighbours, and in the first and last frame of a record. Splines leave NaN in that frame; each unbroken run is a spline
of its own (runs of fewer than six frames have no value), so near a gap it is as inexact as near a record's end.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from mocap_import.subject import STANDARD_GRAVITY
from opensim_models.motion import SegmentMotion
from synth.imu.cutoff import residual_cutoff
from synth.imu.differentiation import (
    METHODS,
    SMOOTHING,
    second_difference,
    smoothed_derivatives,
    spline_derivatives,
)
from synth.imu.orientation_spline import angular_velocity as spline_angular_velocity
from synth.imu.quaternion_row import logarithm, relative, sign_continuous, turned_back, unit
from synth.imu.recording import ImuRecording, SensorPlacement

__all__ = ["METHODS", "SMOOTHING", "simulate_imu"]


def simulate_imu(
    motion: SegmentMotion,
    placement: SensorPlacement,
    *,
    method: str = "central_difference",
    gravity: tuple[float, float, float] = (0.0, -STANDARD_GRAVITY, 0.0),
    cutoff: float | None = None,
) -> ImuRecording:
    """Simulate the sensor of one placement on the motion of its segment.

    Parameters
    ----------
    motion : SegmentMotion
        Whatever computed it: marker cluster, fitted model, optimal control.
    placement : SensorPlacement
        On the same segment.
    method : {"central_difference", "butterworth", "smoothing_spline", "spline"}
    gravity : tuple
        Acceleration of gravity (m/s²), ground frame.
    cutoff : float, optional
        Cut-off (Hz). ``butterworth`` and ``smoothing_spline`` choose theirs by residual analysis of the segment's
        origin (`cutoff.residual_cutoff`) where none is given; the other two then smooth nothing. Given, the other two
        low-pass position and orientation before they differentiate. The cut-off, not the scheme, sets the error on
        measured markers.

    Returns
    -------
    ImuRecording
        At the motion's rate; NaN where a sample depends on missing frames.

    Raises
    ------
    ValueError
        If the placement belongs to another segment, the method is unknown or the cut-off is half the rate or more.
    """
    if placement.segment != motion.segment:
        raise ValueError(
            f"sensor {placement.sensor!r} is mounted on {placement.segment!r}, but the motion is that of "
            f"{motion.segment!r}. Pass the motion of the segment that carries the sensor."
        )
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)}.")
    if cutoff is None and method in SMOOTHING:
        cutoff = residual_cutoff(motion).cutoff
    position, quaternion = _sensor_pose(motion, placement)
    if method == "smoothing_spline":
        derivatives = _by_smoothing_spline(position, quaternion, motion.rate, cutoff)
    else:
        if cutoff is not None:
            position = low_pass(position, motion.rate, cutoff)
            quaternion = unit(low_pass(quaternion, motion.rate, cutoff))
        by_scheme = _by_spline if method == "spline" else _by_central_difference
        derivatives = by_scheme(position, quaternion, motion.rate)
    quaternion, acceleration, angular_velocity = derivatives
    specific_force = turned_back(quaternion, acceleration - np.asarray(gravity, dtype=float))
    specific_force[np.isnan(angular_velocity).any(axis=1)] = np.nan
    angular_velocity[np.isnan(specific_force).any(axis=1)] = np.nan
    return ImuRecording(placement, specific_force, angular_velocity, motion.rate)


def _sensor_pose(motion: SegmentMotion, placement: SensorPlacement) -> tuple[np.ndarray, np.ndarray]:
    """Position (n, 3) in ground and quaternion (n, 4; x y z w, sign-continuous) sensor → ground; NaN where missing."""
    origin = np.asarray(motion.origin, dtype=float)
    segment = motion.orientation.as_quat()
    missing = ~(np.isfinite(origin).all(axis=1) & np.isfinite(segment).all(axis=1))
    orientation = Rotation.from_quat(np.where(missing[:, None], [0.0, 0.0, 0.0, 1.0], segment))
    position = origin + orientation.apply(placement.offset)
    quaternion = (orientation * placement.mounting).as_quat()
    position[missing] = np.nan
    quaternion[missing] = np.nan
    return position, sign_continuous(quaternion)


_Derivatives = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Quaternion that the readings are turned by (n, 4), acceleration in ground and angular velocity in the sensor."""


def _by_central_difference(position: np.ndarray, quaternion: np.ndarray, rate: float) -> _Derivatives:
    angular_velocity = np.full_like(position, np.nan)
    # The log of R_k^T R_k+1 lies on the axis of rotation, so it reads the same in either frame.
    increments = logarithm(relative(quaternion[:-1], quaternion[1:]))
    angular_velocity[1:-1] = 0.5 * (increments[:-1] + increments[1:]) * rate
    return quaternion, second_difference(position, rate), angular_velocity


def _by_spline(position: np.ndarray, quaternion: np.ndarray, rate: float) -> _Derivatives:
    present = np.isfinite(quaternion).all(axis=1)
    orientation = Rotation.from_quat(np.where(present[:, None], quaternion, [0.0, 0.0, 0.0, 1.0]))
    acceleration = spline_derivatives(position, rate)[1]
    return quaternion, acceleration, spline_angular_velocity(orientation, rate, present)


def _by_smoothing_spline(position: np.ndarray, quaternion: np.ndarray, rate: float, cutoff: float) -> _Derivatives:
    acceleration = smoothed_derivatives(position, rate, cutoff)[2]
    smooth, slope, _ = smoothed_derivatives(quaternion, rate, cutoff)
    size = np.linalg.norm(smooth, axis=1, keepdims=True)
    # The derivative of q / |q|: what changes the length is along q and falls out of the vector part.
    angular_velocity = 2.0 * relative(smooth, slope)[:, :3] / size**2
    return smooth / size, acceleration, angular_velocity
