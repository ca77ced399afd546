"""Marker noise: the jitter of single markers and the rigidity of their segments, estimated on a few hundred frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb

import numpy as np

_ORDER = 6
"""Order of the difference that takes the movement out of the jitter."""
_BLOCKS, _BLOCK_FRAMES = 3, 48
_CLUSTER_FRAMES = 12


def contiguous_sample(positions: np.ndarray, filled: np.ndarray | None = None) -> np.ndarray:
    """A few stretches of successive frames (n_blocks, n_frames, n_markers, 3); filled samples are NaN in them."""
    length = min(_BLOCK_FRAMES, len(positions))
    starts = np.unique(np.linspace(0, len(positions) - length, _BLOCKS).astype(int))
    frames = starts[:, None] + np.arange(length)
    sample = positions[frames]
    if filled is not None:
        sample[filled[frames]] = np.nan
    return sample


def marker_jitter(blocks: np.ndarray) -> np.ndarray:
    """Noise of each marker.

    Parameters
    ----------
    blocks : ndarray, shape (n_blocks, n_frames, n_markers, 3)
        m; stretches of successive frames, NaN = not measured.

    Returns
    -------
    ndarray, shape (n_markers,)
        mm RMS of one coordinate, NaN with fewer than 10 differences.

    Notes
    -----
    The sixth difference of white noise of variance s² has the variance 924 s² (sum of the squared binomial
    coefficients, Hamming 1973, ch. 10); of a movement of 6 Hz it leaves 0.5 % at 50 Hz and 0.01 % at 100 Hz. The median
    of its absolute value, divided by 0.6745, is robust against impacts. Noise that a laboratory has filtered away is
    not seen.
    """
    if blocks.shape[1] <= _ORDER or not blocks.size:
        return np.full(blocks.shape[2], np.nan)
    change = np.abs(np.diff(blocks, _ORDER, axis=1))
    values = np.sort(np.moveaxis(change, 2, 0).reshape(blocks.shape[2], -1), axis=1)  # NaN sorts to the end
    count = np.isfinite(values).sum(axis=1)
    middle = values[np.arange(len(values)), np.maximum(count // 2, 0).clip(max=values.shape[1] - 1)]
    noise = 1000.0 * middle / 0.6745 / np.sqrt(comb(2 * _ORDER, _ORDER))
    return np.where(count >= 10, noise, np.nan)


def cluster_residual(positions: np.ndarray, segments: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """How far the markers of each segment are from a rigid body.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m; NaN = missing.
    segments : mapping
        Segment → columns of its markers, three or more.

    Returns
    -------
    dict
        Segment → RMS distance (mm) between markers and a rigid mean shape fitted to each frame (Kabsch 1976, Acta
        Cryst A32:922); NaN if three of its markers are never seen together.

    Notes
    -----
    12 frames spread over the trial; all segments and frames are fitted in one batch. The template is a frame with the
    most markers, replaced once by the mean of the fitted shapes.
    """
    if not segments or not len(positions):
        return {}
    frames = np.unique(np.linspace(0, len(positions) - 1, _CLUSTER_FRAMES).astype(int))
    width = max(len(columns) for columns in segments.values())
    index = np.zeros((len(segments), width), dtype=int)
    member = np.zeros((len(segments), width), dtype=bool)
    for row, columns in enumerate(segments.values()):
        index[row, : len(columns)] = columns
        member[row, : len(columns)] = True
    cluster = positions[frames][:, index].swapaxes(0, 1)  # segment, frame, marker, axis
    weight = np.isfinite(cluster).all(axis=3) & member[:, None]
    cluster = np.where(weight[..., None], cluster, 0.0)
    best = weight.sum(axis=2).argmax(axis=1)
    rows = np.arange(len(segments))
    template, known = cluster[rows, best][:, None], weight[rows, best][:, None]
    for _ in range(2):
        used = (weight & known).astype(float)
        fitted, distance = _fit(cluster, template, used)
        total = used.sum(axis=1)[..., None]
        template = ((fitted * used[..., None]).sum(axis=1) / np.maximum(total, 1.0))[:, None]
    enough = used.sum(axis=2) >= 3
    squares = (distance**2 * used * enough[..., None]).sum(axis=(1, 2))
    count = (used * enough[..., None]).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        values = 1000.0 * np.sqrt(squares / np.where(count > 0, count, np.nan))
    return dict(zip(segments, values.tolist(), strict=True))


def _fit(cluster: np.ndarray, template: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters moved onto the template (same shape), and the distance of each marker from it."""
    total = np.maximum(used.sum(axis=2), 1.0)[..., None, None]
    mass = used[..., None]
    centre = (cluster * mass).sum(axis=2, keepdims=True) / total
    middle = (template * mass).sum(axis=2, keepdims=True) / total
    covariance = np.swapaxes((cluster - centre) * mass, 2, 3) @ (template - middle)
    u, _, vt = np.linalg.svd(covariance)
    u[..., 2] *= np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)[..., None]
    fitted = (cluster - centre) @ (u @ vt) + middle
    return fitted, np.linalg.norm(fitted - template, axis=3)
