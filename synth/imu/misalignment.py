"""Sensor misalignment: the rotation between where a sensor is thought to point and where it points.

The augmentation of Rapp, Shin et al. 2021 (J Biomech) is a signed angle N(0, 13.5°) about a uniformly random axis.
Their released code builds the quaternion from cos(phi), sin(phi) instead of the half angle and so applied *twice* the
angle, 27°; here the root-mean-square geodesic angle of the draws equals the requested SD.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.recording import ImuRecording


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
