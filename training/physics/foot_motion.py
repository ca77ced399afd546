"""Foot motion: what tilts and gyroscopes say of the feet, frame by frame. No torch: streaming uses it.

The same as `training.physics.estimate.foot_motion` and `training.physics.pace.walking_pace` for one frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HEIGHT_UNIT = 0.1
"""m: unit of the heights among a network's inputs."""


@dataclass(frozen=True)
class FeetSeen:
    """The feet in one frame.

    Attributes
    ----------
    inputs : ndarray, shape (2 n_points,)
        Height of each contact point over the lowest one (`HEIGHT_UNIT`), then forward velocity against the root (m/s).
    pace : float
        Backward velocity (m/s) of the foot that moves backwards faster: of the one that stands, in walking.
    """

    inputs: np.ndarray
    pace: float


class FootMotion:
    """How a person's feet move by the sensors.

    Parameters
    ----------
    turning : ndarray, shape (n_sensors, n_segments)
        Angle of every segment per tilt of every sensor.
    levers : ndarray, shape (2 n_segments, n_points)
        Of `training.physics.person.contact_levers`; points of one foot, then those of the other.
    """

    def __init__(self, turning: np.ndarray, levers: np.ndarray) -> None:
        self._turning, self._levers = turning, levers

    def of(self, tilts: np.ndarray, rates: np.ndarray) -> FeetSeen:
        """The feet by tilts (n_sensors,) (rad) and angular velocities (rad/s) about Z."""
        angles, speeds = np.stack([tilts, rates]) @ self._turning
        both = np.concatenate([np.sin(angles), np.cos(angles)]).reshape(2, -1)
        height, backward = np.stack([both.ravel(), (both * speeds).ravel()]) @ self._levers
        feet = backward.reshape(2, -1).mean(axis=1)
        return FeetSeen(np.concatenate([(height - height.min()) / HEIGHT_UNIT, -backward]), float(feet.max()))
