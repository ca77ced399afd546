"""Pinhole camera: places in the ground frame to pixels.

Pixels count to the right (u) and down (v) from the upper left corner; the camera's axis meets the middle of the image.
No lens distortion: detectors' coordinates are taken as corrected for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UP = np.array([0.0, 1.0, 0.0])
LARGEST_OBLIQUE = 20.0
"""Degrees from the normal of the sagittal plane to which planar gaits are shown."""
BANDS = ((0.0, LARGEST_OBLIQUE), (20.0, 45.0), (45.0, 70.0))
"""Of views (degrees, from ahead or from behind) in which gaits in space are shown."""


@dataclass(frozen=True)
class PinholeCamera:
    """A camera on a tripod.

    Attributes
    ----------
    position, target : tuple of 3 float
        Where it stands and what it looks at (m), ground frame.
    focal : float
        Focal length in pixels.
    size : tuple of int
        Width and height of the image (pixels).
    rate : float
        Frames per second (Hz).
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    focal: float = 1000.0
    size: tuple[int, int] = (1280, 720)
    rate: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a camera that looks nowhere, or straight up or down."""
        away = np.subtract(self.target, self.position)
        if not np.linalg.norm(np.cross(away, UP)) > 1e-9:
            raise ValueError(f"camera at {self.position}: expected a target beside it, got {self.target}")
        if not (self.focal > 0.0 and self.rate > 0.0 and min(self.size) > 0):
            raise ValueError(f"camera: expected a focal length, rate and size above 0, got {self}")

    @property
    def axes(self) -> np.ndarray:
        """Rows (3, 3): right, down and forward of the camera in the ground frame."""
        forward = np.subtract(self.target, self.position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, UP)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels of points.

        Parameters
        ----------
        points : ndarray, shape (..., 3)
            m, ground frame.

        Returns
        -------
        ndarray, shape (..., 2)
            NaN at and behind the camera; points outside the image keep their pixels.
        """
        seen = self._seen(points)
        depth = np.where(seen[..., 2] > 1e-6, seen[..., 2], np.nan)
        return self.focal * seen[..., :2] / depth[..., None] + np.asarray(self.size) / 2.0

    def depth(self, points: np.ndarray) -> np.ndarray:
        """How far points (..., 3) are ahead along the camera's axis (m), shape (...); below 0 behind it."""
        return self._seen(points)[..., 2]

    def _seen(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in the camera's axes, from where it stands (m)."""
        return (np.asarray(points, float) - np.asarray(self.position)) @ self.axes.T

    def is_inside(self, pixels: np.ndarray) -> np.ndarray:
        """Whether pixels (..., 2) lie in the image, shape (...)."""
        return ((pixels >= 0.0) & (pixels < np.asarray(self.size))).all(axis=-1)


def camera_beside(
    target: tuple[float, float, float],
    distance: float,
    *,
    height: float,
    oblique: float = 0.0,
    side: str = "r",
    **view: float,
) -> PinholeCamera:
    """A camera that sees somebody who walks along X from the side.

    Parameters
    ----------
    target : tuple of 3 float
        The middle of what it sees (m).
    distance : float
        On the level (m).
    height : float
        Of the camera over the floor (m).
    oblique : float
        Degrees from the normal of the sagittal plane; positive: from ahead.
    side : str
        ``"r"``: the person's right side is the near one, ``"l"``.
    **view
        Focal length, size, rate.
    """
    turn, sign = np.radians(oblique), 1.0 if side == "r" else -1.0
    x, z = target[0] + distance * np.sin(turn), target[2] + sign * distance * np.cos(turn)
    return PinholeCamera((float(x), float(height), float(z)), target, **view)
