"""Six numbers of an orientation: the first two columns of its matrix, which a network can learn without jumps.

Zhou, Barnes, Lu, Yang and Li 2019 (CVPR, "On the continuity of rotation representations in neural networks", their
Gram-Schmidt map): any two vectors that are not parallel become a rotation.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def to_six(orientation: Rotation) -> np.ndarray:
    """Lay an orientation out as six numbers.

    Parameters
    ----------
    orientation : Rotation, length n_frames

    Returns
    -------
    ndarray, shape (n_frames, 6)
        Axis X of the segment in the ground frame, then axis Y.
    """
    matrix = orientation.as_matrix()
    return np.concatenate([matrix[..., 0], matrix[..., 1]], axis=-1)


def from_six(numbers: np.ndarray) -> Rotation:
    """Make a rotation of any six numbers by Gram and Schmidt.

    Parameters
    ----------
    numbers : ndarray, shape (n_frames, 6)
        Two vectors a frame, of any length.

    Returns
    -------
    Rotation, length n_frames

    Raises
    ------
    ValueError
        If the two vectors of a frame are parallel, zero or not finite.
    """
    first, second = np.asarray(numbers, dtype=float)[..., :3], np.asarray(numbers, dtype=float)[..., 3:]
    with np.errstate(invalid="ignore", divide="ignore"):  # said in words below
        x = first / np.linalg.norm(first, axis=-1, keepdims=True)
        across = second - (x * second).sum(axis=-1, keepdims=True) * x
        y = across / np.linalg.norm(across, axis=-1, keepdims=True)
    if not np.isfinite(y).all():
        frame = int(np.flatnonzero(~np.isfinite(y).all(axis=-1))[0])
        raise ValueError(
            f"frame {frame}: expected two directions that differ, got {np.array2string(np.asarray(numbers)[frame])}; "
            "is the network trained?"
        )
    return Rotation.from_matrix(np.stack([x, y, np.cross(x, y)], axis=-1))
