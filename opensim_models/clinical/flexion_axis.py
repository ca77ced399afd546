"""Flexion axis: which way the flexion axis of a standing person's knee points, as far as landmarks tell."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

_TORSION, _TORSION_SPREAD, _THIGH_SPREAD = math.radians(17.0), math.radians(8.5), math.radians(6.0)


def flexion_axis(
    points: Mapping[str, np.ndarray], side: str, rightward: np.ndarray, device: np.ndarray | None = None
) -> np.ndarray:
    """Unit vector to the right along the flexion axis of a knee.

    Along a knee alignment device, else from the medial to the lateral landmark. With neither, the best guess between
    the pelvis, towards which thighs stand with 0 ± 6 degrees of rotation, and the malleoli, whose line is turned
    outward by 17 ± 8.5 degrees against the knee's (18 legs of nine adults that show both).

    Parameters
    ----------
    points : mapping of str to ndarray, shape (..., 3)
        Landmarks (m, ground frame): ``knee_lateral_*``, ``knee_medial_*``, ``ankle_medial_*``, ``ankle_lateral_*``.
    side : str
        ``"r"`` or ``"l"``.
    rightward : ndarray, shape (..., 3)
        Unit vector to the right along the pelvis.
    device : ndarray, shape (..., 3), optional
        Outer end of the axis of a knee alignment device (m).

    Returns
    -------
    ndarray, shape (..., 3)
    """
    sign = 1.0 if side == "r" else -1.0
    lateral, medial = points.get(f"knee_lateral_{side}"), points.get(f"knee_medial_{side}")
    inner, outer = points.get(f"ankle_medial_{side}"), points.get(f"ankle_lateral_{side}")
    axis = rightward
    if device is not None and lateral is not None:
        axis = sign * (device - lateral)
    elif lateral is not None and medial is not None:
        axis = sign * (lateral - medial)
    elif inner is not None and outer is not None:
        between = _heading(sign * (outer - inner)) - _heading(rightward)
        outward = sign * np.arctan2(np.sin(between), np.cos(between))
        trust = _THIGH_SPREAD**2 / (_THIGH_SPREAD**2 + _TORSION_SPREAD**2)
        axis = _turned(rightward, -sign * trust * (outward - _TORSION))
    return axis / np.linalg.norm(axis, axis=-1, keepdims=True)


def _heading(rightward: np.ndarray) -> np.ndarray:
    """Angle (rad) by which a line that points right is turned to the right about the vertical."""
    return np.arctan2(-rightward[..., 0], rightward[..., 2])


def _turned(vector: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """A vector turned about the vertical, to the left."""
    x, y, z = np.moveaxis(vector, -1, 0)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x + sin * z, y + 0.0 * cos, cos * z - sin * x], axis=-1)
