"""The virtual inertial measurement unit: what a sensor on a moving segment reads.

Specific force is R_sensor^T (a - g): +9.81 m/s² along up at rest, 0 in free fall. Angular velocity is the segment's,
in the sensor frame. Sign and direction are those of OpenSim's ``IMU`` and of real sensors.

Two ways to differentiate:

``central_difference``
    The literature's (Rapp, Shin et al. 2021; IMUSim): second central difference of the sensor position; the mean of
    the two neighbouring rotation increments through the SO(3) logarithm. Errors fall with the square of the rate.
``spline``
    Quintic splines through the sensor position and the unit quaternion. On motion band-limited to 8 Hz at 100 Hz its
    acceleration error is hundreds of times smaller.

Missing samples: a frame is missing where the origin is not finite. Central differences leave NaN in that frame and its
two neighbours, and in the first and last frame of a record. Splines leave NaN in that frame; each unbroken run is a
spline of its own (runs of fewer than six frames have no value), so near a gap it is as inexact as near a record's end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from mocap_import.subject import STANDARD_GRAVITY
from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement

METHODS = ("central_difference", "spline")
_DEGREE = 5


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
    method : {"central_difference", "spline"}
    gravity : tuple
        Acceleration of gravity (m/s²), ground frame.
    cutoff : float, optional
        Cut-off (Hz) of a zero-lag low-pass of sensor position and orientation before differentiation. The filter, not
        the scheme, sets the error on measured markers; choose it per segment (about 10 Hz, foot 15 Hz).

    Returns
    -------
    ImuRecording
        At the motion's rate; NaN where a sample depends on missing frames.

    Raises
    ------
    ValueError
        If the placement belongs to another segment, or the method is unknown.
    """
    if placement.segment != motion.segment:
        raise ValueError(
            f"sensor {placement.sensor!r} is mounted on {placement.segment!r}, but the motion is that of "
            f"{motion.segment!r}. Pass the motion of the segment that carries the sensor."
        )
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)}.")
    position, quaternion = _sensor_pose(motion, placement)
    if cutoff is not None:
        position = low_pass(position, motion.rate, cutoff)
        quaternion = _unit(low_pass(quaternion, motion.rate, cutoff))
    differentiate = _central_difference if method == "central_difference" else _spline
    acceleration, angular_velocity = differentiate(position, quaternion, motion.rate)
    specific_force = _into_sensor(quaternion, acceleration - np.asarray(gravity, dtype=float))
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
    present = np.flatnonzero(~missing)
    turned = np.einsum("ij,ij->i", quaternion[present[1:]], quaternion[present[:-1]]) < 0
    quaternion[present[1:]] *= np.where(np.cumsum(turned) % 2, -1.0, 1.0)[:, None]
    return position, quaternion


def _unit(quaternion: np.ndarray) -> np.ndarray:
    return quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)


def _into_sensor(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Express ground vectors (n, 3) in the sensor frame: R^T v, by v + 2 w (v × u) + 2 (v × u) × u with u = q_xyz."""
    axis, scalar = quaternion[:, :3], quaternion[:, 3:]
    turned = np.cross(vector, axis)
    return vector + 2.0 * (scalar * turned + np.cross(turned, axis))


def _relative(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Quaternion product conj(first) * second, row by row."""
    v1, s1, v2, s2 = first[:, :3], first[:, 3:], second[:, :3], second[:, 3:]
    vector = s1 * v2 - s2 * v1 - np.cross(v1, v2)
    return np.hstack([vector, s1 * s2 + np.einsum("ij,ij->i", v1, v2)[:, None]])


def _logarithm(quaternion: np.ndarray) -> np.ndarray:
    """Rotation vectors (n, 3) of unit quaternions, |angle| <= pi."""
    sine = np.linalg.norm(quaternion[:, :3], axis=1, keepdims=True)
    cosine = np.abs(quaternion[:, 3:])
    half = np.arctan2(sine, cosine)
    scale = np.where(sine > 1e-12, half / np.where(sine > 1e-12, sine, 1.0), 1.0)
    return 2.0 * scale * np.copysign(1.0, quaternion[:, 3:]) * quaternion[:, :3]


def _central_difference(position: np.ndarray, quaternion: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    acceleration, angular_velocity = np.full_like(position, np.nan), np.full_like(position, np.nan)
    acceleration[1:-1] = (position[2:] - 2.0 * position[1:-1] + position[:-2]) * rate**2
    # The log of R_k^T R_k+1 lies on the axis of rotation, so it reads the same in either frame.
    increments = _logarithm(_relative(quaternion[:-1], quaternion[1:]))
    angular_velocity[1:-1] = 0.5 * (increments[:-1] + increments[1:]) * rate
    return acceleration, angular_velocity


def _spline(position: np.ndarray, quaternion: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    acceleration, angular_velocity = np.full_like(position, np.nan), np.full_like(position, np.nan)
    for run in _runs(np.isfinite(position[:, 0])):
        time = np.arange(run.stop - run.start) / rate
        acceleration[run] = make_interp_spline(time, position[run], k=_DEGREE)(time, 2)
        slope = make_interp_spline(time, quaternion[run], k=_DEGREE)(time, 1)
        angular_velocity[run] = 2.0 * _relative(quaternion[run], slope)[:, :3]  # at a knot the quaternion is unit
    return acceleration, angular_velocity


def _runs(present: np.ndarray) -> Iterator[slice]:
    """Unbroken runs long enough for a spline."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start > _DEGREE:
            yield slice(int(start), int(stop))
