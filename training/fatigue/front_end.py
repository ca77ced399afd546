"""A front end: the recent activity of all channels, by its principal components (a singular value decomposition)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_LAGS = 6
"""Frames that are looked at together."""


@dataclass(frozen=True)
class FrontEnd:
    """Principal components of lagged channels, of those who taught it.

    Attributes
    ----------
    mean : ndarray, shape (N_LAGS * n_channels,)
    components : ndarray, shape (n_components, N_LAGS * n_channels)
        Each over the SD of its score.
    explained : float
        Share of the variance.
    """

    mean: np.ndarray
    components: np.ndarray
    explained: float

    def __call__(self, channels: np.ndarray) -> np.ndarray:
        """Scores (n, n_frames, n_components) of channels (n, n_frames, n_channels)."""
        return (lagged(channels) - self.mean) @ self.components.T


def lagged(channels: np.ndarray) -> np.ndarray:
    """Each frame with those before it (n, n_frames, N_LAGS * n_channels); before the first frame it is the first."""
    padded = np.concatenate([np.repeat(channels[:, :1], N_LAGS - 1, axis=1), channels], axis=1)
    n_frames = channels.shape[1]
    return np.concatenate([padded[:, i : i + n_frames] for i in range(N_LAGS)], axis=2)


def fit_front_end(channels: np.ndarray, n_components: int) -> FrontEnd:
    """Front end from the channels (n, n_frames, n_channels) of people who teach."""
    rows = lagged(channels).reshape(-1, N_LAGS * channels.shape[2])
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    order = np.argsort(values)[::-1][:n_components]
    components = vectors[:, order].T / np.sqrt(values[order])[:, None]
    return FrontEnd(mean, components, float(values[order].sum() / values.sum()))
