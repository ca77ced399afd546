"""Force plate: from analog channels to the force of the ground on the subject, and back.

Plate axes follow the corners: x from corner 2 to 1, y from corner 4 to 1, z = x × y (down in most laboratories).
Types 1 to 4 of the C3D user guide:

1. Fx Fy Fz Px Py Tz: force, centre of pressure and free moment.
2. Fx Fy Fz Mx My Mz at the transducer origin.
3. Eight Kistler channels fx12 fx34 fy14 fy23 fz1 fz2 fz3 fz4.
4. As 2 after a 6 × 6 calibration matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mocap_import.trial import GroundReaction

FORCE_THRESHOLD = 20.0
"""Vertical force (N) below which centre of pressure and free moment are NaN.

Noise of 1 N·m in a moment moves the centre of pressure by 5 cm there: nearer to zero load the place means nothing.
"""
CHANNEL_COUNT = {1: 6, 2: 6, 3: 8, 4: 6}


@dataclass(frozen=True)
class ForcePlate:
    """Geometry and calibration of one plate, SI units.

    Attributes
    ----------
    kind : int
        C3D type, 1 to 4.
    corners : ndarray, shape (4, 3)
        Corners 1-4 of the working surface (m), ground frame.
    origin : ndarray, shape (3,)
        C3D ORIGIN (m), plate axes. Types 2 and 4: from the transducer origin to the centre of the surface;
        type 3: sensor half-distances a, b and depth; type 1: from the surface's centre to the plate origin.
    calibration : ndarray, shape (6, 6), or None
        Type 4: channels → N and N·m.
    name : str
    saturated : tuple of (int, int)
        Stretches (start, stop) of samples in which a channel stood at its limit.
    polynomial : ndarray, shape (6, 2), or None
        Kistler's correction of the centre of pressure for the bending of the plate (FPCOPPOLY): coefficients P1 to P6
        of x and of y, for places in m.
    """

    kind: int
    corners: np.ndarray
    origin: np.ndarray
    calibration: np.ndarray | None = None
    name: str = "plate 1"
    saturated: tuple[tuple[int, int], ...] = ()
    polynomial: np.ndarray | None = None

    @cached_property
    def centre(self) -> np.ndarray:
        """Centre (3,) of the working surface (m), ground frame."""
        return self.corners.mean(axis=0)

    @cached_property
    def axes(self) -> np.ndarray:
        """Rotation (3, 3) plate → ground; columns are the plate's x, y, z."""
        x = self.corners[0] + self.corners[3] - self.corners[1] - self.corners[2]
        y = self.corners[0] + self.corners[1] - self.corners[2] - self.corners[3]
        x = x / np.sqrt(x @ x)
        z = _cross(x, y)
        z = z / np.sqrt(z @ z)
        return np.stack([x, _cross(z, x), z], axis=1)

    @cached_property
    def half_size(self) -> np.ndarray:
        """Half lengths (2,) of the working surface along the plate's x and y (m)."""
        return 0.5 * np.ptp((self.corners - self.centre) @ self.axes, axis=0)[:2]

    @property
    def surface_offset(self) -> np.ndarray:
        """From the transducer origin to the surface's centre (3,) in plate axes.

        The surface is above the transducer and z points down, so its z is negative; files that write it positive
        mean the opposite vector.
        """
        if self.kind == 1:
            return np.zeros(3)
        if self.kind == 3:
            return np.array([0.0, 0.0, -abs(self.origin[2])])
        return -self.origin if self.origin[2] > 0 else self.origin


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Vector product of two single vectors (3,); ten times the speed of numpy's for arrays."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def ground_reaction(plate: ForcePlate, channels: np.ndarray, rate: float, moment_unit: float) -> GroundReaction:
    """Force of the ground on the subject from a plate's channels, as they are: no baseline is removed.

    Parameters
    ----------
    plate : ForcePlate
    channels : ndarray, shape (n_samples, 6 or 8)
        As in the file: N and N·length for types 1 to 3, raw for type 4.
    rate : float
        Samples per second (Hz).
    moment_unit : float
        N·m per file unit of moment (0.001 for N·mm); for type 1 m per unit of Px, Py.

    Returns
    -------
    GroundReaction
        Up-positive whatever the file's sign convention; foot ``"unknown"``.
    """
    wrench = plate_wrench(plate, channels, moment_unit)
    return reaction_from_wrench(plate, wrench, rate, force_sign(wrench[:, :3] @ plate.axes[1]) or 1)


def plate_wrench(plate: ForcePlate, channels: np.ndarray, moment_unit: float) -> np.ndarray:
    """Force and moment about the centre of the working surface, in plate axes and with the file's sign.

    Parameters
    ----------
    plate, channels, moment_unit
        As for `ground_reaction`.

    Returns
    -------
    ndarray, shape (n_samples, 6)
        Fx Fy Fz (N), Mx My Mz (N·m).
    """
    if plate.kind == 1:
        force = channels[:, :3]
        place = np.nan_to_num(channels[:, 3:5] * moment_unit) + plate.origin[:2]
        moment = np.stack(
            [
                place[:, 1] * force[:, 2],
                -place[:, 0] * force[:, 2],
                place[:, 0] * force[:, 1] - place[:, 1] * force[:, 0] + np.nan_to_num(channels[:, 5]) * moment_unit,
            ],
            axis=1,
        )
        return np.concatenate([force, moment], axis=1)
    if plate.kind == 3:
        wrench = channels @ _kistler_matrix(plate).T
    elif plate.calibration is not None:
        wrench = channels @ plate.calibration.T
    else:
        wrench = channels * np.r_[1.0, 1.0, 1.0, moment_unit, moment_unit, moment_unit]
    # About the surface instead of the transducer: M' = M - d x F, written as one matrix for speed.
    x, y, z = plate.surface_offset
    shift = np.eye(6)
    shift[3:, :3] = [[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]]
    return wrench @ shift.T


def force_sign(vertical: np.ndarray) -> int:
    """Whether a file holds the force of the ground on the subject (1) or its opposite (-1): the ground pushes up.

    Parameters
    ----------
    vertical : ndarray, shape (n_samples,)
        Vertical force as written, up-positive (N).

    Returns
    -------
    int
        0 if the plate is never loaded.
    """
    size = np.abs(vertical)
    loaded = size > max(2 * FORCE_THRESHOLD, 0.3 * np.nanpercentile(size, 99, method="nearest"))
    return (1 if np.median(vertical[loaded]) > 0 else -1) if loaded.any() else 0


def reaction_from_wrench(plate: ForcePlate, wrench: np.ndarray, rate: float, sign: int) -> GroundReaction:
    """Ground reaction from the wrench about the surface's centre.

    Parameters
    ----------
    plate : ForcePlate
    wrench : ndarray, shape (n_samples, 6)
        As from `plate_wrench`.
    rate : float
        Samples per second (Hz).
    sign : int
        1 if the wrench acts on the subject, -1 if on the plate.
    """
    rotation = plate.axes
    ground_force = wrench[:, :3] @ (sign * rotation.T)
    pressure = np.full_like(ground_force, np.nan)
    free_moment = np.full(len(ground_force), np.nan)
    contact = np.flatnonzero(ground_force[:, 1] > FORCE_THRESHOLD)
    fx, fy, fz, mx, my, mz = wrench[contact].T
    # Centre of pressure: the point of the surface about which only the couple along z remains.
    x, y = -my / fz, mx / fz
    if plate.polynomial is not None:
        x, y = _unbent(plate.polynomial, x, y)
    pressure[contact] = plate.centre + x[:, None] * rotation[:, 0] + y[:, None] * rotation[:, 1]
    # The couple lies along the plate's z; its vertical component on the subject is what the ground frame wants.
    free_moment[contact] = (mz - x * fy + y * fx) * (sign * rotation[1, 2])
    return GroundReaction(ground_force, pressure, free_moment, rate, name=plate.name, corners=plate.corners)


def _unbent(polynomial: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre of pressure corrected for bending: x - (P1 y⁴ + P2 y² + P3) x³ - (P4 y⁴ + P5 y² + P6) x, y alike.

    Source: Kistler force plate formulae; Schmiedmayer & Kastner 1999, J Biomech 32:1237.
    """
    squares = x**2, y**2
    corrected = []
    for own, square, other, p in ((x, squares[0], squares[1], polynomial[:, 0]), (y, *squares[::-1], polynomial[:, 1])):
        cubic, linear = (p[0] * other + p[1]) * other + p[2], (p[3] * other + p[4]) * other + p[5]
        corrected.append(own - own * (cubic * square + linear))
    return corrected[0], corrected[1]


def _kistler_matrix(plate: ForcePlate) -> np.ndarray:
    """Matrix (6, 8) from Kistler channels to force and moment about the transducer origin; sensors at (±a, ±b)."""
    a, b = np.abs(plate.origin[:2])
    return np.array(
        [
            [1, 1, 0, 0, 0, 0, 0, 0],
            [0, 0, 1, 1, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, 1, 1, 1],
            [0, 0, 0, 0, b, b, -b, -b],
            [0, 0, 0, 0, -a, a, a, -a],
            [-b, b, a, -a, 0, 0, 0, 0],
        ],
        dtype=float,
    )


def plate_channels(plate: ForcePlate, reaction: GroundReaction, *, length_unit: float = 0.001) -> np.ndarray:
    """Analog channels (n_samples, 6 or 8) that a plate would record for a ground reaction.

    Parameters
    ----------
    plate : ForcePlate
    reaction : GroundReaction
        NaN counts as no load.
    length_unit : float, default 0.001
        Metres per length unit of the file; moments are in N times it.
    """
    rotation = plate.axes
    force = np.nan_to_num(reaction.force) @ rotation
    place = np.nan_to_num((reaction.centre_of_pressure - plate.centre) @ rotation)
    couple = np.zeros_like(force)
    couple[:, 2] = np.nan_to_num(reaction.free_moment) * rotation[1, 2]
    if plate.kind == 1:
        local = (place[:, :2] - plate.origin[:2]) / length_unit
        return np.concatenate([force, local, couple[:, 2:] / length_unit], axis=1)
    moment = np.cross(place + plate.surface_offset, force) + couple
    wrench = np.concatenate([force, moment], axis=1)
    if plate.kind == 3:
        return wrench @ np.linalg.pinv(_kistler_matrix(plate)).T
    if plate.calibration is not None:
        return wrench @ np.linalg.inv(plate.calibration).T
    wrench[:, 3:] /= length_unit
    return wrench
