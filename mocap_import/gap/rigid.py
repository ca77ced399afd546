"""Gap rigid cluster: the markers that keep their distance to a missing one, and the frame that moves with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CLUSTER_SIZE = 5
"""Markers of which a cluster is built at most: 3 to 6 filled equally well on the tuning trials."""
_RIGID = 0.012
"""Spread of the distance (m) up to which a companion belongs to a rigid cluster."""
_FLAT = 0.1
"""Second over first extent of a cluster below which it counts as a line, whose turn about itself nobody sees."""
_SAMPLE = 60
_SHARED = 0.6
"""Share of a marker's frames that its company leaves: one that is rarely seen would cost the frames to learn from."""


def rank_companions(
    positions: np.ndarray, seen: np.ndarray, marker: int, segment: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Other markers, the most rigidly coupled to `marker` first.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m.
    seen : ndarray of bool, shape (n_frames, n_markers)
    marker : int
    segment : sequence of int
        Markers of the same segment; empty if the marker set is unknown. Their spread counts half.

    Returns
    -------
    order : ndarray of int
        By the spread; markers that were hardly seen together with this one are left out.
    spread : ndarray, shape (n_markers,)
        Standard deviation of the distance (m) over frames in which both were seen.
    """
    frames = np.flatnonzero(seen[:, marker])
    frames = frames[:: max(1, len(frames) // _SAMPLE)]
    together = seen[frames]
    offset = positions[frames] - positions[frames, marker][:, None]
    distance = np.where(together, np.sqrt(np.einsum("nmi,nmi->nm", offset, offset)), 0.0)
    count = together.sum(axis=0)
    mean = distance.sum(axis=0) / np.maximum(count, 1)
    spread = np.sqrt((np.where(together, distance - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count, 1))
    spread[list(segment)] *= 0.5
    spread[count < max(3, 0.2 * len(frames))] = np.inf
    spread[marker] = np.inf
    order = np.argsort(spread, kind="stable")
    return order[np.isfinite(spread[order])], spread


def agree_on_company(seen: np.ndarray, marker: int, candidates: Sequence[int], most: int) -> tuple[int, ...]:
    """Companions that were seen together with the marker in enough frames, at most `most`.

    Parameters
    ----------
    seen : ndarray of bool, shape (n_frames, n_markers)
    marker : int
    candidates : sequence of int
        The most rigid first; the first three if no better three are found.
    most : int
    """
    frames = np.flatnonzero(seen[:, marker])
    together = seen[frames[:: max(1, len(frames) // (4 * _SAMPLE))]]
    joint = np.ones(len(together), dtype=bool)
    chosen: list[int] = []
    for candidate in candidates:
        both = joint & together[:, candidate]
        if both.sum() >= _SHARED * len(both):
            chosen.append(int(candidate))
            joint = both
        if len(chosen) == most:
            break
    return tuple(chosen if len(chosen) >= 3 else candidates[:3])


def choose_cluster(template: np.ndarray, companions: Sequence[int], spread: np.ndarray) -> list[int]:
    """Markers whose frame a missing one is described in.

    The few most rigid ones, if three of them span a plane. Otherwise all companions: the frame of a whole body never
    tips over, as that of a straightening leg would.

    Parameters
    ----------
    template : ndarray, shape (n_markers, 3)
        Positions (m) in a frame in which every companion was seen.
    companions : sequence of int
        The most rigid first.
    spread : ndarray, shape (n_markers,)
        See `rank_companions`.
    """
    rigid = [k for k in companions if spread[k] <= _RIGID]
    for size in range(3, len(rigid) + 1):
        if _spans_plane(template[rigid[:size]]):
            return rigid[: max(size, CLUSTER_SIZE)]
    return list(companions) if _spans_plane(template[list(companions)]) else list(companions[:2])


def _spans_plane(points: np.ndarray) -> bool:
    """Whether points (n, 3) clearly span a plane."""
    if len(points) < 3:
        return False
    extent = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(extent[1] > _FLAT * extent[0])


def cluster_frame(points: np.ndarray, template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame that moves with a cluster.

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_points, 3)
        m, nothing missing.
    template : ndarray, shape (n_points, 3)
        The cluster where the frame is parallel to the ground's.

    Returns
    -------
    rotation : ndarray, shape (n_frames, 3, 3)
        Cluster → ground: least squares for three points and more (Kabsch 1976, Acta Cryst A32:922), for two the
        shortest turn that carries their axis, identity for one.
    origin : ndarray, shape (n_frames, 3)
        Middle of the points (m).
    """
    origin = points.mean(axis=1)
    if template.shape[0] == 1:
        return np.broadcast_to(np.eye(3), (len(points), 3, 3)), origin
    if template.shape[0] == 2:
        return _shortest_turn(template[1] - template[0], points[:, 1] - points[:, 0]), origin
    covariance = (points - origin[:, None]).transpose(0, 2, 1) @ (template - template.mean(axis=0))
    return _nearest_rotation(covariance), origin


def _nearest_rotation(matrices: np.ndarray) -> np.ndarray:
    """Rotations (n, 3, 3) nearest to matrices (n, 3, 3) of rank two or three, in the sense of least squares.

    The polar factor by Newton's iteration (Higham 1986, SIAM J Sci Stat Comput 7:1160), ten times faster here than a
    singular value decomposition of each. Adding the cofactors first leaves the factor of a proper matrix as it is and
    lifts the missing third singular value of a flat cluster, with the sign that makes it a rotation.
    """
    x = np.ascontiguousarray(matrices.transpose(1, 2, 0))
    x = x / np.sqrt((x**2).sum(axis=(0, 1)))
    x = x + _cofactors(x)
    for _ in range(20):
        cofactors = _cofactors(x)
        determinant = (x[0] * cofactors[0]).sum(axis=0)
        scale = np.cbrt(1.0 / determinant)
        step = 0.5 * (scale * x + cofactors / (determinant * scale))
        change = np.abs(step - x).max(initial=0.0)
        x = step
        if change < 1e-12:
            break
    rotations = x.transpose(2, 0, 1)
    mirrored = np.linalg.det(rotations) < 0
    if mirrored.any():
        u, _, vt = np.linalg.svd(matrices[mirrored])
        u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]
        rotations[mirrored] = u @ vt
    return rotations


def _cofactors(x: np.ndarray) -> np.ndarray:
    """Cofactors of matrices (3, 3, n)."""
    result = np.empty_like(x)
    for k in range(3):
        a, b = x[(k + 1) % 3], x[(k + 2) % 3]
        for m in range(3):
            p, q = (m + 1) % 3, (m + 2) % 3
            result[k, m] = a[p] * b[q] - a[q] * b[p]
    return result


def _shortest_turn(start: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Rotations (n, 3, 3) of least angle that carry the direction of `start` (3,) to those of `ends` (n, 3)."""
    a = start / np.linalg.norm(start)
    b = ends / np.linalg.norm(ends, axis=1, keepdims=True)
    axis = np.cross(a, b)
    cosine = b @ a
    skew = np.zeros((len(b), 3, 3))
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    skew -= np.swapaxes(skew, 1, 2)
    # An axis that turns right round has no shortest turn; the tiny floor keeps the result finite there.
    return np.eye(3) + skew + skew @ skew / np.maximum(1.0 + cosine, 1e-9)[:, None, None]
