"""A sensor that moves on its mounting: what it reads, from what the rigidly mounted one reads.

With the nominal readings f (specific force) and w (angular velocity), the displacement p(t) of the sensor in the
nominal sensor frame and its rotation R(t) = exp(theta), true sensor frame → nominal sensor frame,

    f' = R^T (f + p'' + 2 w × p' + w' × p + w × (w × p))        w' = R^T w + J(theta) theta'

with J the right Jacobian of the rotation vector (Barfoot, State Estimation for Robotics, 2nd ed. 2024, ch. 8). Nothing
is assumed to be small. The angular acceleration w' is the derivative of a quintic spline through w.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from mocap_import.stretch import stretches
from synth.imu.recording import ImuRecording

_DEGREE = 5
_SMALL_ANGLE = 1e-4


@dataclass(frozen=True)
class MountingMotion:
    """Motion of a sensor against where it is thought to sit, in the nominal sensor frame.

    Attributes
    ----------
    translation, velocity, acceleration : ndarray, shape (n_frames, 3)
        Displacement (m) and its time derivatives.
    rotation, rotation_rate : ndarray, shape (n_frames, 3)
        Rotation vector (rad), true sensor frame → nominal sensor frame, and its time derivative.
    rate : float
        Hz.
    """

    translation: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    rotation: np.ndarray
    rotation_rate: np.ndarray
    rate: float


def in_sensor_frame(motion: MountingMotion, mounting: Rotation) -> MountingMotion:
    """Express a motion given in segment axes in the nominal frame of a sensor (mounting: sensor → segment)."""
    into = mounting.as_matrix()
    fields = ("translation", "velocity", "acceleration", "rotation", "rotation_rate")
    return replace(motion, **{name: getattr(motion, name) @ into for name in fields})


def move_on_mounting(recording: ImuRecording, motion: MountingMotion) -> ImuRecording:
    """Readings of a sensor that moves on its mounting.

    Parameters
    ----------
    recording : ImuRecording
        Of the rigidly mounted sensor; NaN where missing.
    motion : MountingMotion
        Of the same rate and number of frames; NaN leaves NaN.

    Returns
    -------
    ImuRecording
        `placement` stays the nominal one. In unbroken runs of fewer than six frames the angular acceleration is
        unknown, they become NaN.

    Raises
    ------
    ValueError
        If rate or length differ.
    """
    if not np.isclose(recording.rate, motion.rate) or len(recording.specific_force) != len(motion.translation):
        raise ValueError(
            f"sensor {recording.placement.sensor!r}: the motion on its mounting has {len(motion.translation)} frames "
            f"at {motion.rate:g} Hz, the record {len(recording.specific_force)} at {recording.rate:g} Hz. Draw it for "
            "this record."
        )
    omega = recording.angular_velocity
    force = recording.specific_force + motion.acceleration + 2.0 * np.cross(omega, motion.velocity)
    force = force + _lever(recording, motion.translation)
    known = np.isfinite(motion.rotation).all(axis=1)
    turn = Rotation.from_rotvec(np.where(known[:, None], motion.rotation, 0.0))
    relative = _right_jacobian(motion.rotation, motion.rotation_rate)
    return _together(replace(recording, specific_force=turn.apply(force, inverse=True)), turn, relative)


def shift_on_segment(recording: ImuRecording, shift: np.ndarray) -> ImuRecording:
    """Readings of a sensor that sits `shift` (m, shape (3,), nominal sensor frame) beside its placement.

    Only differences of specific force on a rigid segment come in: w' × r + w × (w × r).
    """
    moved = recording.specific_force + _lever(recording, np.asarray(shift, dtype=float))
    return replace(recording, specific_force=moved)


def _together(recording: ImuRecording, turn: Rotation, relative: np.ndarray) -> ImuRecording:
    velocity = turn.apply(recording.angular_velocity, inverse=True) + relative
    velocity = np.where(np.isfinite(recording.specific_force), velocity, np.nan)
    return replace(recording, angular_velocity=velocity)


def _lever(recording: ImuRecording, arm: np.ndarray) -> np.ndarray:
    """Specific force (n, 3) at the end of a lever arm against that at its start."""
    omega = recording.angular_velocity
    alpha = np.full_like(omega, np.nan)
    for start, stop in zip(*stretches(np.isfinite(omega).all(axis=1)), strict=True):
        if stop - start > _DEGREE:
            frames = np.arange(stop - start, dtype=float)
            alpha[start:stop] = make_interp_spline(frames, omega[start:stop], k=_DEGREE)(frames, 1) * recording.rate
    return np.cross(alpha, arm) + np.cross(omega, np.cross(omega, arm))


def _right_jacobian(theta: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Angular velocity (n, 3) in the turned frame of a rotation vector (n, 3) that changes at `rate`."""
    angle = np.linalg.norm(theta, axis=1, keepdims=True)
    small = angle < _SMALL_ANGLE
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 0.5 - angle**2 / 24.0, (1.0 - np.cos(safe)) / safe**2)
    second = np.where(small, 1.0 / 6.0 - angle**2 / 120.0, (safe - np.sin(safe)) / safe**3)
    turned = np.cross(theta, rate)
    return rate - first * turned + second * np.cross(theta, turned)
