"""Closed-form motion: free bodies whose inertial readings are known without any derivative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import ellipj, ellipk

from mocap_import.subject import STANDARD_GRAVITY
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton
from synth.imu.recording import SensorPlacement

RATE = 100.0
GRAVITY = np.array([0.0, -STANDARD_GRAVITY, 0.0])


@dataclass(frozen=True)
class Law:
    """A motion of one body whose readings are known in closed form.

    Attributes
    ----------
    name : str
    values, speeds, accelerations : ndarray, shape (n, 6)
        Of a free body: three translations along, then three body-fixed rotations about x, y, z.
    placement : SensorPlacement
    specific_force, angular_velocity : ndarray, shape (n, 3)
        m/s² and rad/s in the sensor's axes.
    """

    name: str
    values: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    placement: SensorPlacement
    specific_force: np.ndarray
    angular_velocity: np.ndarray


def free_body() -> Skeleton:
    """One body that may move anywhere: three translations, then three body-fixed rotations about x, y, z."""
    axes = np.eye(3)
    names = ("x", "y", "z", "turn_x", "turn_y", "turn_z")
    kinds = ("translation",) * 3 + ("rotation",) * 3
    elements = tuple(JointElement(kinds[k], tuple(axes[k % 3]), k) for k in range(6))
    coordinates = tuple(Coordinate(name, kind) for name, kind in zip(names, kinds, strict=True))
    return Skeleton("free body", coordinates, (Segment("body", -1, elements=elements, mass=1.0),))


def laws(rng: np.random.Generator, n: int = 400, rate: float = RATE) -> list[Law]:
    """The motions, sensors mounted at random."""
    time = np.arange(n) / rate
    return [make(rng, time) for make in (_stillness, _arm, _pendulum, _free_fall, _screw)]


def _law(
    rng: np.random.Generator, name: str, states: np.ndarray, offset: np.ndarray, force: np.ndarray, turn: np.ndarray
) -> Law:
    """Readings given in body axes, seen from a sensor mounted at random; states (3, n, 6)."""
    placement = SensorPlacement("s", "body", offset, Rotation.from_rotvec(rng.normal(size=3)))
    seen = [placement.mounting.inv().apply(reading) for reading in (force, turn)]
    return Law(name, *states, placement, *seen)


def _stillness(rng: np.random.Generator, time: np.ndarray) -> Law:
    states = np.zeros((3, len(time), 6))
    states[0] = rng.normal(size=6)
    up = Rotation.from_euler("XYZ", states[0, :, 3:]).inv().apply(-GRAVITY)
    return _law(rng, "stillness", states, rng.normal(size=3), up, np.zeros((len(time), 3)))


def _arm(rng: np.random.Generator, time: np.ndarray) -> Law:
    """Turning about the vertical at 7 rad/s, 0.6 m from the axis."""
    omega, radius = 7.0, 0.6
    states = np.zeros((3, len(time), 6))
    states[0, :, 4], states[1, :, 4] = omega * time, omega
    force = np.tile([-radius * omega**2, STANDARD_GRAVITY, 0.0], (len(time), 1))
    turn = np.tile([0.0, omega, 0.0], (len(time), 1))
    return _law(rng, "rotating arm", states, np.array([radius, 0.0, 0.0]), force, turn)


def _pendulum(rng: np.random.Generator, time: np.ndarray) -> Law:
    """A point mass on a rod of 0.8 m that swings up to 100 degrees: it feels the rod's pull and nothing across it."""
    length, highest = 0.8, np.radians(100.0)
    k, w = np.sin(highest / 2.0), np.sqrt(STANDARD_GRAVITY / length)
    sn, cn = ellipj(w * time + ellipk(k**2), k**2)[:2]
    angle, speed = 2.0 * np.arcsin(k * sn), 2.0 * k * w * cn
    states = np.zeros((3, len(time), 6))
    states[:, :, 5] = angle, speed, -(w**2) * np.sin(angle)
    pull = STANDARD_GRAVITY * np.cos(angle) + length * speed**2
    zero = np.zeros_like(pull)
    force, turn = np.stack([zero, pull, zero], axis=1), np.stack([zero, zero, speed], axis=1)
    return _law(rng, "pendulum", states, np.array([0.0, -length, 0.0]), force, turn)


def _free_fall(rng: np.random.Generator, time: np.ndarray) -> Law:
    """Thrown, and spinning at 5 rad/s about an axis of its own; the sensor sits at the centre."""
    states = np.zeros((3, len(time), 6))
    thrown = np.array([2.0, 5.0, -1.0])
    states[0, :, :3] = np.outer(time, thrown) + 0.5 * np.outer(time**2, GRAVITY)
    states[1, :, :3], states[2, :, :3] = thrown + np.outer(time, GRAVITY), GRAVITY
    states[0, :, 3:] = rng.normal(size=3)
    states[0, :, 5], states[1, :, 5] = 5.0 * time, 5.0
    turn = np.tile([0.0, 0.0, 5.0], (len(time), 1))
    return _law(rng, "free fall", states, np.zeros(3), np.zeros((len(time), 3)), turn)


def _screw(rng: np.random.Generator, time: np.ndarray) -> Law:
    """Turning about the vertical at 4 rad/s while rising at 0.5 m/s."""
    omega, radius = 4.0, 0.3
    states = np.zeros((3, len(time), 6))
    states[0, :, 1], states[1, :, 1] = 0.5 * time, 0.5
    states[0, :, 4], states[1, :, 4] = omega * time, omega
    force = np.tile([0.0, STANDARD_GRAVITY, -radius * omega**2], (len(time), 1))
    turn = np.tile([0.0, omega, 0.0], (len(time), 1))
    return _law(rng, "screw motion", states, np.array([0.0, 0.0, radius]), force, turn)
