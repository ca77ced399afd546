"""Baselines of few people: their mean waveform by the phase of the gait, and a ridge on what is about each frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.linear_model import Ridge

Arrays = Mapping[str, np.ndarray]
"""``inputs`` (n, T, C), ``labels`` (n, T, K; NaN unknown) and ``phase`` (n, T; NaN unknown) of windows."""
BINS = 50
_LAGS = (-20, -10, -5, 0, 5, 10, 20)
"""Frames at which a ridge looks."""
_PENALTY = 300.0
_MOST_FRAMES = 20_000


def mean_waveform(taught: Arrays, asked: Arrays) -> np.ndarray:
    """Mean of the labels at each phase, told by the shank's gyroscope; their plain mean where no phase is seen.

    Parameters
    ----------
    taught, asked : mapping

    Returns
    -------
    ndarray, shape (n, T, K)
        NaN where nobody has a label.
    """
    labels, phase = taught["labels"].reshape(-1, taught["labels"].shape[-1]), taught["phase"].ravel()
    known = np.isfinite(phase) & np.isfinite(labels).any(axis=1)
    whole = np.full(labels.shape[1], np.nan)
    learnt = np.isfinite(labels).any(axis=0)
    whole[learnt] = np.nanmean(labels[:, learnt], axis=0)
    curve = np.tile(whole, (BINS, 1))
    bins = (phase[known] * BINS).astype(int) % BINS
    for column in np.flatnonzero(learnt):
        values = labels[known, column]
        has = np.isfinite(values)
        count = np.bincount(bins[has], minlength=BINS)
        sums = np.bincount(bins[has], values[has], minlength=BINS)
        curve[count > 0, column] = sums[count > 0] / count[count > 0]
    at = asked["phase"].ravel()
    centres = (np.arange(BINS) + 0.5) / BINS
    said = np.stack([np.interp(np.nan_to_num(at), centres, c, period=1.0) for c in curve.T], axis=1)
    said[~np.isfinite(at)] = whole
    return said.reshape(asked["labels"].shape)


def ridge(taught: Arrays, asked: Arrays) -> np.ndarray:
    """Linear in all channels at seven frames about each; shapes as `mean_waveform`."""
    labels = taught["labels"].reshape(-1, taught["labels"].shape[-1])
    columns = np.flatnonzero(np.isfinite(labels).any(axis=0))
    rows = np.flatnonzero(np.isfinite(labels[:, columns]).all(axis=1))
    rows = rows[:: -(-len(rows) // _MOST_FRAMES)]
    model = Ridge(_PENALTY).fit(_around(taught["inputs"])[rows], labels[rows][:, columns])
    said = np.full((asked["inputs"].shape[0] * asked["inputs"].shape[1], labels.shape[1]), np.nan)
    said[:, columns] = model.predict(_around(asked["inputs"])).reshape(len(said), -1)
    return said.reshape(asked["labels"].shape)


def _around(inputs: np.ndarray) -> np.ndarray:
    """Channels at `_LAGS` about each frame, (n T, 7 C); beyond a window its ends."""
    frames = np.arange(inputs.shape[1])
    parts = [inputs[:, np.clip(frames + lag, 0, len(frames) - 1)] for lag in _LAGS]
    return np.concatenate(parts, axis=2).reshape(-1, len(_LAGS) * inputs.shape[2])


BASELINES: dict[str, Callable[[Arrays, Arrays], np.ndarray]] = {"mean waveform": mean_waveform, "ridge": ridge}
"""Name → method of (who teaches, who is asked)."""
