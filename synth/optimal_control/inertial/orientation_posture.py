"""Orientation posture: coordinates of a skeleton whose segments are turned as sensors say (inverse kinematics).

Least squares of the rotations between model and measurement, as OpenSim's IMU inverse kinematics (OpenSense) does
frame by frame; positions are unknown to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.chain import chain_to

_STEP = 1e-5
_LARGEST_STEP = 0.5
_ENOUGH = 1e-5


def segment_orientations(skeleton: Skeleton, coordinates: np.ndarray, segments: list[str]) -> dict[str, Rotation]:
    """Orientation (n) segment → ground of some segments, from coordinates (n, n_q)."""
    states = segment_states(skeleton, list(coordinates.T))
    found = {}
    for name in segments:
        rows = states[skeleton.segment_index(name)].rotation
        matrix = np.stack([np.stack([np.broadcast_to(x, len(coordinates)) for x in row], axis=-1) for row in rows], -2)
        found[name] = Rotation.from_matrix(matrix)
    return found


def orientation_posture(
    skeleton: Skeleton,
    orientations: Mapping[str, Rotation],
    start: np.ndarray,
    *,
    prior_sd: float | np.ndarray = 3.0,
    error_sd: float = 0.03,
    iterations: int = 12,
) -> np.ndarray:
    """Coordinates whose segments are turned as measured, each frame by itself.

    Parameters
    ----------
    skeleton : Skeleton
    orientations : mapping of str to Rotation
        Segment → (n) segment → ground.
    start : ndarray, shape (n, n_q)
        Where the search begins; what no orientation sees stays there.
    prior_sd : float or ndarray, shape (n_q,)
        SD (rad) around the start: large, it only keeps what the orientations leave open.
    error_sd : float
        Of a measured orientation (rad).
    iterations : int
        Of Gauss and Newton.

    Returns
    -------
    ndarray, shape (n, n_q)
    """
    names = list(orientations)
    chain = chain_to(skeleton, names)
    own = list(chain.coordinates)
    free = [k for k, j in enumerate(own) if skeleton.coordinates[j].kind == "rotation"]
    first = np.array(start, float)
    q = first[:, own]
    spread = np.broadcast_to(prior_sd, first.shape[1])[own][free]
    for _ in range(iterations):
        rest = _misfit(chain.skeleton, q, orientations, names) / error_sd
        columns = []
        for j in free:
            moved = q.copy()
            moved[:, j] += _STEP
            columns.append((_misfit(chain.skeleton, moved, orientations, names) / error_sd - rest) / _STEP)
        slope = np.stack(columns, axis=2)
        normal = np.einsum("nki,nkj->nij", slope, slope) + np.diag(spread**-2.0)
        down = np.einsum("nki,nk->ni", slope, rest) + (q - first[:, own])[:, free] * spread**-2.0
        step = np.clip(np.linalg.solve(normal, down[..., None])[..., 0], -_LARGEST_STEP, _LARGEST_STEP)
        q[:, free] -= step
        if np.abs(step).max() < _ENOUGH:
            break
    first[:, own] = q
    return first


def _misfit(skeleton: Skeleton, q: np.ndarray, orientations: Mapping[str, Rotation], names: list[str]) -> np.ndarray:
    """Rotation vectors (n, 3 n_segments) from measured to modelled orientation (rad)."""
    modelled = segment_orientations(skeleton, q, names)
    return np.hstack([(orientations[s].inv() * modelled[s]).as_rotvec() for s in names])
