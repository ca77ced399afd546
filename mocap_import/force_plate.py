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

import numpy as np

from mocap_import.trial import GroundReaction

FORCE_THRESHOLD = 20.0
"""Vertical force (N) below which centre of pressure and free moment are NaN."""
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
    """

    kind: int
    corners: np.ndarray
    origin: np.ndarray
    calibration: np.ndarray | None = None
    name: str = "plate 1"

    @property
    def centre(self) -> np.ndarray:
        """Centre (3,) of the working surface (m), ground frame."""
        return self.corners.mean(axis=0)

    @property
    def axes(self) -> np.ndarray:
        """Rotation (3, 3) plate → ground; columns are the plate's x, y, z."""
        x = self.corners[0] + self.corners[3] - self.corners[1] - self.corners[2]
        y = self.corners[0] + self.corners[1] - self.corners[2] - self.corners[3]
        x = x / np.linalg.norm(x)
        z = np.cross(x, y)
        z = z / np.linalg.norm(z)
        return np.stack([x, np.cross(z, x), z], axis=1)

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


def ground_reaction(plate: ForcePlate, channels: np.ndarray, rate: float, moment_unit: float) -> GroundReaction:
    """Force of the ground on the subject from a plate's channels.

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
    force, moment = _wrench_at_surface(plate, channels, moment_unit)
    rotation = plate.axes
    ground_force = force @ rotation.T
    # Some files hold the force on the plate: the ground pushes up, so the loaded samples tell.
    vertical = ground_force[:, 1]
    loaded = np.abs(vertical) > max(FORCE_THRESHOLD, 0.3 * np.nanpercentile(np.abs(vertical), 99, method="nearest"))
    sign = -1.0 if loaded.any() and np.nanmedian(vertical[loaded]) < 0 else 1.0
    force, moment, ground_force = sign * force, sign * moment, sign * ground_force
    contact = ground_force[:, 1] > FORCE_THRESHOLD
    with np.errstate(divide="ignore", invalid="ignore"):
        x = -moment[:, 1] / force[:, 2]
        y = moment[:, 0] / force[:, 2]
        free = moment[:, 2] - x * force[:, 1] + y * force[:, 0]
        pressure = plate.centre + np.stack([x, y, np.zeros_like(x)], axis=1) @ rotation.T
    pressure[~contact] = np.nan
    # The couple lies along the plate's z; its vertical component on the subject is what the ground frame wants.
    free = np.where(contact, free * rotation[1, 2], np.nan)
    return GroundReaction(ground_force, pressure, free, rate, name=plate.name)


def _wrench_at_surface(plate: ForcePlate, channels: np.ndarray, moment_unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Force (n, 3) in N and moment (n, 3) in N·m about the centre of the surface, plate axes."""
    if plate.kind == 1:
        force = channels[:, :3]
        offset = channels[:, 3:5] * moment_unit + plate.origin[:2]
        place = np.concatenate([offset, np.zeros((len(force), 1))], axis=1)
        couple = np.zeros_like(force)
        couple[:, 2] = channels[:, 5] * moment_unit
        return force, np.cross(place, force) + couple
    if plate.kind == 3:
        wrench = channels @ _kistler_matrix(plate).T
        force, moment = wrench[:, :3], wrench[:, 3:]
    else:
        wrench = channels if plate.calibration is None else channels @ plate.calibration.T
        scale = moment_unit if plate.calibration is None else 1.0
        force, moment = wrench[:, :3], wrench[:, 3:] * scale
    return force, moment - np.cross(plate.surface_offset, force)


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
