"""Sensor misalignment: the rotation between where a sensor is thought to point and where it points.

The augmentation of Rapp, Shin et al. 2021 (J Biomech) is a signed angle N(0, 13.5°) about a uniformly random axis.
Their released code (`draw_quaternions` in nn_models/utils/data_utils.py of github.com/CMU-MBL/JointAnglePrediction_JOB)
builds the quaternion from cos(phi), sin(phi) instead of the half angle and so applied *twice* the angle, 27°; here the
root-mean-square geodesic angle of the draws equals the requested SD.

Two other laws: a cone (one axis of the sensor, such as that along the limb, tilts to any side; the sensor does not spin
about it) and uniform on SO(3) (nobody knows how the sensor was put on; RMS geodesic angle sqrt(pi²/3 + 2) = 131.8°).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording

MISALIGNMENT_LAWS = ("signed_angle", "cone_uniform", "cone_half_normal", "uniform")
"""Laws that `draw_by_law` knows."""


def draw_misalignment(rng: np.random.Generator, sd_deg: float = 13.5, n: int | None = None) -> Rotation:
    """Draw misalignments: a signed angle N(0, sd_deg) about an axis uniform on the sphere.

    Parameters
    ----------
    rng : numpy.random.Generator
    sd_deg : float
        SD (deg) of the signed angle, which is also the RMS geodesic angle (as long as it is far below 180°).
    n : int, optional
        How many; None gives a single rotation.

    Returns
    -------
    Rotation
        True sensor frame → nominal sensor frame.
    """
    count = 1 if n is None else n
    axes = rng.standard_normal((count, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.deg2rad(sd_deg) * rng.standard_normal((count, 1))
    rotations = Rotation.from_rotvec(angles * axes)
    return rotations[0] if n is None else rotations


def draw_cone(
    rng: np.random.Generator,
    angle_deg: float,
    axis: tuple[float, float, float] | np.ndarray = (0.0, 1.0, 0.0),
    *,
    law: str = "half_normal",
    n: int | None = None,
) -> Rotation:
    """Draw tilts of one axis of the sensor, to any side alike.

    Parameters
    ----------
    rng : numpy.random.Generator
    angle_deg : float
        ``"half_normal"``: the angle is |N(0, angle_deg)|, RMS geodesic angle `angle_deg`; ``"uniform"``: the angle is
        uniform from 0 to `angle_deg`, RMS geodesic angle `angle_deg` / sqrt(3).
    axis : array of 3
        Axis of the cone, nominal sensor frame; Y lies along the limb for the sensors of `synth.imu.placement`.
    law : {"half_normal", "uniform"}
    n : int, optional
        How many; None gives a single rotation.

    Returns
    -------
    Rotation
        True sensor frame → nominal sensor frame, about an axis perpendicular to `axis`.
    """
    if law not in ("half_normal", "uniform"):
        raise ValueError(f"the law of a cone must be 'half_normal' or 'uniform'; got {law!r}.")
    length = float(np.linalg.norm(axis))
    if not (np.isfinite(length) and length > 0):
        raise ValueError(f"the axis of a cone must be a direction in the sensor frame; got {axis!r}.")
    count = 1 if n is None else n
    along = np.asarray(axis, dtype=float) / length
    side = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    side /= np.linalg.norm(side)
    bearing = rng.uniform(0.0, 2.0 * np.pi, (count, 1))
    drawn = np.abs(rng.standard_normal((count, 1))) if law == "half_normal" else rng.uniform(0.0, 1.0, (count, 1))
    about = np.cos(bearing) * side + np.sin(bearing) * np.cross(along, side)
    rotations = Rotation.from_rotvec(np.deg2rad(angle_deg) * drawn * about)
    return rotations[0] if n is None else rotations


def draw_orientation(rng: np.random.Generator, n: int | None = None) -> Rotation:
    """Draw rotations uniform on SO(3): four normal numbers made a unit quaternion (Muller 1959)."""
    count = 1 if n is None else n
    rotations = Rotation.from_quat(rng.standard_normal((count, 4)))
    return rotations[0] if n is None else rotations


def draw_by_law(
    law: str,
    rng: np.random.Generator,
    angle_deg: float,
    axis: tuple[float, float, float] | np.ndarray = (0.0, 1.0, 0.0),
    n: int | None = None,
) -> Rotation:
    """Draw misalignments by the name of a law.

    Parameters
    ----------
    law : str
        One of `MISALIGNMENT_LAWS`.
    rng : numpy.random.Generator
    angle_deg : float
        SD or largest angle (deg); ``"uniform"`` does not use it.
    axis : array of 3
        Axis of a cone.
    n : int, optional

    Returns
    -------
    Rotation
        True sensor frame → nominal sensor frame.

    Raises
    ------
    ValueError
        If there is no such law.
    """
    if law == "signed_angle":
        return draw_misalignment(rng, angle_deg, n)
    if law in ("cone_uniform", "cone_half_normal"):
        return draw_cone(rng, angle_deg, axis, law=law.removeprefix("cone_"), n=n)
    if law == "uniform":
        return draw_orientation(rng, n)
    raise ValueError(f"misalignment law {law!r} is unknown; expected one of {', '.join(MISALIGNMENT_LAWS)}.")


def misalign(recording: ImuRecording, rotation: Rotation) -> ImuRecording:
    """Turn a sensor on its mounting: what it reads then.

    Parameters
    ----------
    recording : ImuRecording
    rotation : Rotation
        Single rotation, true sensor frame → nominal sensor frame: the true mounting is ``mounting * rotation``.

    Returns
    -------
    ImuRecording
        Readings in the true sensor frame; norms are unchanged, and `placement` stays the nominal one.
    """
    into_true = rotation.inv().as_matrix().T
    return replace(
        recording,
        specific_force=recording.specific_force @ into_true,
        angular_velocity=recording.angular_velocity @ into_true,
    )
