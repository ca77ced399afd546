"""Inertial recordings and where their sensors sit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class SensorPlacement:
    """Where a sensor sits on its segment.

    Attributes
    ----------
    sensor : str
        Name of the sensor, e.g. ``"shank_r"``.
    segment : str
        OpenSim body that carries it, e.g. ``"tibia_r"``.
    offset : ndarray, shape (3,)
        Position (m) in the segment frame.
    mounting : Rotation
        Sensor → segment.
    """

    sensor: str
    segment: str
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    mounting: Rotation = field(default_factory=Rotation.identity)


@dataclass(frozen=True)
class ImuRecording:
    """What one inertial sensor reads, in its own frame.

    Attributes
    ----------
    placement : SensorPlacement
    specific_force : ndarray, shape (n_frames, 3)
        R^T (a - g) (m/s²): +9.81 along up at rest.
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s, sensor frame.
    rate : float
        Samples per second (Hz).
    """

    placement: SensorPlacement
    specific_force: np.ndarray
    angular_velocity: np.ndarray
    rate: float
