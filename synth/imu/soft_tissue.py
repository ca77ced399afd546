"""Soft tissue under a sensor: a damped spring on the mounting, driven by the segment's motion.

The sensor (mass m) sits on skin that is fixed to the bone by springs. Its displacement x in the sensor frame and its
rotation theta obey, with specific force f and angular acceleration a of the rigid mounting,

    x''     + 2 z w x'     + w² x      = -(f - f0)
    theta'' + 2 z v theta' + v² theta  = -a - k n × (f - f0)

w, v: natural angular frequencies; z: damping ratio; n: outward normal of the skin; k = m h / I: the centre of mass
stands h above the skin, I is the moment of inertia about it. f0 is the mean specific force: x and theta are counted
from the mean pose, which is what a calibration finds. A sensor that does not move reads what it read, and a sensor that
moves slowly reads the rigid one turned by the droop of its own weight. Coriolis and centrifugal forces on x do not act
back on the spring (x is about a millimetre); the readings contain them.

Discretised exactly for drives that are linear between samples (first-order hold by the matrix exponential), so stable
at every rate and frequency.

Numbers. Karlsson and Tranberg (Hum Mov Sci 18:627, 1999) measured the tangential stiffness of skin along the leg: 330
N/m (proximal thigh, anterior-posterior) to 1900 N/m (knee, along the leg). A sensor of 16 g on it has its natural
frequency at 23 to 55 Hz. Accelerometers strapped on the shin over-read the bone by 12 % at 15 to 30 Hz (Kim et al., J
Biomech Eng 115:47, 1993), which is a natural frequency near 67 Hz. The damping ratio 0.25, equal rocking and natural
frequencies (a base of uniform stiffness has that) and the box of 47 x 30 x 13 mm behind `ROCKING_ARM` are assumptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm
from scipy.signal import lfilter

from mocap_import.stretch import stretches
from synth.imu.mounting_motion import MountingMotion, move_on_mounting
from synth.imu.recording import ImuRecording, SensorPlacement

SENSOR_MASS = 0.016
"""kg, of a sensor such as the MTw Awinda with its strap's click-in body (assumed)."""
ROCKING_ARM = 0.0065 / ((0.047**2 + 0.013**2) / 12.0)
"""m h / I (1/m) of a box of 47 x 13 mm whose base lies on the skin."""
_FEET = ("calcn", "toes", "talus")


@dataclass(frozen=True)
class SoftTissue:
    """Spring and damper between a segment and a sensor.

    Attributes
    ----------
    natural_frequency : float
        Of the displacement (Hz).
    damping_ratio : float
        Of displacement and rotation; 1 is critical.
    rocking_frequency : float
        Natural frequency (Hz) of the rotation.
    rocking_arm : float
        k = m h / I (1/m); 0: the sensor's weight does not tilt it.
    """

    natural_frequency: float = 35.0
    damping_ratio: float = 0.25
    rocking_frequency: float = 35.0
    rocking_arm: float = ROCKING_ARM

    def __post_init__(self) -> None:
        """Refuse what is no spring."""
        for name in ("natural_frequency", "rocking_frequency", "damping_ratio"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ValueError(f"{name} of soft tissue must be > 0 (frequencies in Hz); got {value!r}.")
        if not 0.0 <= self.rocking_arm < math.inf:
            raise ValueError(f"rocking_arm of soft tissue must be 1/m, >= 0; got {self.rocking_arm!r}.")


def natural_frequency(stiffness: float, mass: float = SENSOR_MASS) -> float:
    """Natural frequency (Hz) of a mass (kg) on a stiffness (N/m)."""
    return math.sqrt(stiffness / mass) / (2.0 * math.pi)


def _of_stiffness(stiffness: float) -> SoftTissue:
    frequency = natural_frequency(stiffness)
    return SoftTissue(natural_frequency=frequency, rocking_frequency=frequency)


TISSUES: dict[str, SoftTissue] = {
    "femur": _of_stiffness(330.0),
    "pelvis": _of_stiffness(800.0),  # assumed: the geometric mean of the range
    "tibia": _of_stiffness(1900.0),
    "calcn": _of_stiffness(1900.0),  # assumed: a shoe is no softer than the shin
}
"""Soft tissue under a sensor of 16 g by segment (OpenSim name without side)."""


def tissue_of(segment: str) -> SoftTissue:
    """Soft tissue of a segment; that of the pelvis where the literature says nothing."""
    return TISSUES.get(segment.removesuffix("_r").removesuffix("_l"), TISSUES["pelvis"])


def skin_normal(placement: SensorPlacement) -> np.ndarray:
    """Outward normal (3,) of the skin under a sensor, sensor frame.

    Away from the segment's long axis (Y); a sensor on that axis is taken to sit in front (X). On a foot, which lies
    along X, sensors are taken to sit on the instep (Y).
    """
    outward = placement.offset * np.array([1.0, 0.0, 1.0])
    length = float(np.linalg.norm(outward))
    outward = outward / length if length > 1e-9 else np.array([1.0, 0.0, 0.0])
    if placement.segment.startswith(_FEET):
        outward = np.array([0.0, 1.0, 0.0])
    return placement.mounting.apply(outward, inverse=True)


def tissue_motion(recording: ImuRecording, tissue: SoftTissue, normal: np.ndarray | None = None) -> MountingMotion:
    """Motion of a sensor on soft tissue.

    Parameters
    ----------
    recording : ImuRecording
        Of the rigidly mounted sensor.
    tissue : SoftTissue
    normal : ndarray, shape (3,), optional
        Outward normal of the skin, sensor frame; by default `skin_normal` of the placement.

    Returns
    -------
    MountingMotion
        Each unbroken stretch starts in equilibrium; NaN where the record is missing.
    """
    force, omega, rate = recording.specific_force, recording.angular_velocity, recording.rate
    normal = skin_normal(recording.placement) if normal is None else np.asarray(normal, dtype=float)
    shape = force.shape
    position, velocity, acceleration, angle, angle_rate = (np.full(shape, np.nan) for _ in range(5))
    present = np.isfinite(force).all(axis=1) & np.isfinite(omega).all(axis=1)
    if present.any():
        mean = force[present].mean(axis=0)
        drive = mean - force
        droop = -tissue.rocking_arm * np.cross(normal, force - mean)
        stiffness = (2.0 * np.pi * tissue.natural_frequency) ** 2
        damping = 4.0 * np.pi * tissue.damping_ratio * tissue.natural_frequency
        for start, stop in zip(*stretches(present), strict=True):
            run = slice(start, stop)
            position[run], velocity[run] = _sprung(drive[run], rate, tissue.natural_frequency, tissue.damping_ratio)
            acceleration[run] = drive[run] - damping * velocity[run] - stiffness * position[run]
            angle[run], angle_rate[run] = _sprung(
                droop[run], rate, tissue.rocking_frequency, tissue.damping_ratio, omega[run]
            )
    return MountingMotion(position, velocity, acceleration, angle, angle_rate, rate)


def add_soft_tissue(
    recording: ImuRecording, tissue: SoftTissue | None = None, normal: np.ndarray | None = None
) -> ImuRecording:
    """Readings of a sensor on soft tissue (that of its segment by default); see `tissue_motion`."""
    tissue = tissue_of(recording.placement.segment) if tissue is None else tissue
    return move_on_mounting(recording, tissue_motion(recording, tissue, normal))


def _sprung(
    drive: np.ndarray, rate: float, frequency: float, damping_ratio: float, base_rate: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Deflection and its rate (n, 3) of damped springs under `drive`, on a base that turns at `base_rate`.

    The state is (deflection q, absolute rate r = q' + base_rate), so no derivative of the base's rate is needed:
    q' = r - base, r' = drive - w² q - 2 z w (r - base). The first sample is in equilibrium.
    """
    w = 2.0 * np.pi * frequency
    base = np.zeros_like(drive) if base_rate is None else base_rate
    system = np.array([[0.0, 1.0], [-(w**2), -2.0 * damping_ratio * w]])
    inputs = np.array([[0.0, -1.0], [1.0, 2.0 * damping_ratio * w]])
    step, hold, slope = _first_order_hold(system, inputs, 1.0 / rate)
    u = np.stack([drive, base])  # (2, n, 3)
    # x[k+1] = step x[k] + (hold - slope) u[k] + slope u[k+1]; both states obey the characteristic recursion of step.
    push = np.einsum("ij,jnk->ink", hold - slope, u[:, :-1]) + np.einsum("ij,jnk->ink", slope, u[:, 1:])
    trace, determinant = float(np.trace(step)), float(np.linalg.det(step))
    state = np.empty_like(u)
    state[:, 0] = np.stack([drive[0] / w**2, base[0]])
    if len(drive) > 1:
        state[:, 1] = step @ state[:, 0] + push[:, 0]
    if len(drive) > 2:
        # By Cayley-Hamilton x[k+2] - tr x[k+1] + det x[k] = push[k+1] + (step - tr) push[k].
        forced = push[:, 1:] + np.einsum("ij,jnk->ink", step - trace * np.eye(2), push[:, :-1])
        before, now = state[:, 0], state[:, 1]
        initial = np.stack([trace * now - determinant * before, -determinant * now], axis=1)  # (2, 2, 3)
        state[:, 2:] = lfilter([1.0], [1.0, -trace, determinant], forced, axis=1, zi=initial)[0]
    return state[0], state[1] - base


def _first_order_hold(
    system: np.ndarray, inputs: np.ndarray, interval: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact step matrices for inputs linear over an interval (Franklin, Powell and Workman, Digital Control, 1998)."""
    n, m = inputs.shape
    block = np.zeros((n + 2 * m, n + 2 * m))
    block[:n, :n], block[:n, n : n + m] = system * interval, inputs * interval
    block[n : n + m, n + m :] = np.eye(m)
    power = expm(block)
    return power[:n, :n], power[:n, n : n + m], power[:n, n + m :]
