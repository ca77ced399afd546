"""Sagittal plane: what a planar model can follow of markers in space.

When the pelvis lists or turns, its markers move in the sagittal projection although nothing flexes, and one hip rises
and goes ahead of the other; a planar knee near extension would pay for 6 mm of leg length with 5 degrees. So segments
with three markers are fitted in space first: their markers are put where they would be without the motion out of the
plane, and each leg's markers are moved with its hip to where the hip is in a pelvis that neither lists nor turns.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.periodic_curve import low_pass_periodic

LEG = ("femur", "tibia", "calcn")

_SMALLEST_SPREAD = 0.015
"""Second singular value (m) of a segment's marker offsets below which they lie on a line."""


MISPLACED = 0.03
"""RMS distance (m) from a rigid fit beyond which a marker does not belong to its segment."""


def into_sagittal_plane(skeleton: Skeleton, markers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project markers into the sagittal plane.

    Parameters
    ----------
    skeleton : Skeleton
        Planar, with hips at their width; marker offsets in space.
    markers : ndarray, shape (n, n_markers, 2 or 3)
        m, evenly over a cycle; NaN = missing.

    Returns
    -------
    ndarray, shape (n, n_markers, 2)
        Sagittal positions (m), those of a leg moved with its hip.
    ndarray, shape (n, 2, 2)
        How far the right and the left leg were from there, x and y (m).
    """
    flat = np.array(markers[..., :2])
    moved = np.zeros((len(markers), 2, 2))
    if markers.shape[2] < 3:
        return flat, moved
    midline = _midline(skeleton)
    for segment in skeleton.segment_names:
        own = [i for i, m in enumerate(skeleton.markers) if m.segment == segment]
        offsets = np.array([skeleton.markers[i].offset for i in own], float).reshape(-1, 3) - midline
        for seen, frames in _patterns(markers[:, own]):
            if seen.sum() < 3 or np.linalg.svd(offsets[seen] - offsets[seen].mean(axis=0))[1][1] < _SMALLEST_SPREAD:
                continue
            turn, origin = rigid_fit(offsets[seen], markers[np.ix_(frames, np.array(own)[seen])])
            # the long axis gives the sagittal angle whatever the rotation about it (sequence Z, X, Y)
            tilt = np.arctan2(-turn[:, 0, 1], turn[:, 1, 1])
            c, s = np.cos(tilt)[:, None], np.sin(tilt)[:, None]
            x, y = offsets[seen, 0], offsets[seen, 1]
            projected = np.stack([origin[:, :1] + c * x - s * y, origin[:, 1:2] + s * x + c * y], axis=-1)
            flat[np.ix_(frames, np.array(own)[seen])] = projected
            if segment == "pelvis":
                moved[frames] = _hip_shifts(skeleton, turn)
    moved = low_pass_periodic(moved, 6)
    for i, marker in enumerate(skeleton.markers):
        part, side = marker.segment.split("_")[0], marker.segment[-1]
        if part in LEG:
            flat[:, i] -= moved[:, "rl".index(side)]
    return flat, moved


def _midline(skeleton: Skeleton) -> np.ndarray:
    """Where the body's midline is in the offsets' z: a planar static pose leaves it at the laboratory's origin."""
    lateral = [m.offset[2] for m in skeleton.markers if m.segment == "pelvis"]
    return np.array([0.0, 0.0, float(np.mean(lateral)) if lateral else 0.0])


def _patterns(markers: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sets of markers (n, k, 3) seen together, with the frames of each."""
    seen = np.isfinite(markers).all(axis=-1)
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    return [(pattern, np.flatnonzero(which.ravel() == i)) for i, pattern in enumerate(patterns)]


def rigid_fit(offsets: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares rotations (n, 3, 3) and origins (n, 3) of a rigid body (Kabsch).

    Parameters
    ----------
    offsets : ndarray, shape (k, 3)
        In the body (m).
    positions : ndarray, shape (n, k, 3)
        In the ground (m).
    """
    centre = offsets.mean(axis=0)
    middle = positions.mean(axis=1)
    covariance = np.einsum("nki,kj->nij", positions - middle[:, None], offsets - centre)
    u, _, vt = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    turn = u @ vt
    return turn, middle - turn @ centre


def _hip_shifts(skeleton: Skeleton, turn: np.ndarray) -> np.ndarray:
    """What the hips' width contributes in the sagittal plane when the pelvis is turned (n, 3, 3), shape (n, 2, 2)."""
    lateral = [skeleton.segments[skeleton.segment_index(f"femur_{side}")].offset[2] for side in "rl"]
    return turn[:, None, :2, 2] * np.array(lateral)[:, None]


def drop_misplaced(skeleton: Skeleton, markers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Blank the markers that do not move with their segment: swapped labels, ghosts, markers put on again elsewhere.

    Parameters
    ----------
    skeleton : Skeleton
    markers : ndarray, shape (n, n_markers, 3)
        m.

    Returns
    -------
    ndarray
        Markers with NaN in the place of the misplaced ones.
    list of str
        Their names.
    """
    kept, dropped = np.array(markers), []
    if markers.shape[2] < 3:
        return kept, dropped
    for segment in skeleton.segment_names:
        own = [i for i, m in enumerate(skeleton.markers) if m.segment == segment]
        own = [i for i in own if np.isfinite(markers[:, i]).all(axis=1).mean() > 0.5]
        offsets = np.array([skeleton.markers[i].offset for i in own], float).reshape(-1, 3)
        best = _consistent(offsets, markers[:, own])
        for k, i in enumerate(own):
            if k not in best:
                kept[:, i] = np.nan
                dropped.append(skeleton.markers[i].name)
    return kept, dropped


def _consistent(offsets: np.ndarray, positions: np.ndarray) -> tuple[int, ...]:
    """Largest subset of at least three markers that one rigid body explains within MISPLACED; all if there is none."""
    everything = tuple(range(len(offsets)))
    frames = positions[np.isfinite(positions).all(axis=(1, 2))][:: max(1, len(positions) // 20)]
    if len(offsets) < 4 or not len(frames):
        return everything
    for size in range(len(offsets), 2, -1):
        errors = {}
        for subset in combinations(everything, size):
            index = list(subset)
            turn, origin = rigid_fit(offsets[index], frames[:, index])
            fitted = np.einsum("nij,kj->nki", turn, offsets[index]) + origin[:, None]
            errors[subset] = float(np.sqrt(((fitted - frames[:, index]) ** 2).sum(axis=-1).mean(axis=0)).max())
        best = min(errors, key=errors.get)
        if errors[best] < MISPLACED:
            return best
    return everything
