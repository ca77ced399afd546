"""Gap low rank: markers of a body move together, so a missing one is a linear function of those that are seen.

The coordinates of all markers in a frame that moves with the nearest ones span few dimensions; a missing marker is
reconstructed from the seen ones by the correlations of the frames in which it was seen (Federolf 2013, PLoS ONE
8:e78689; Gløersen & Federolf 2016, PLoS ONE 11:e0152616). Instead of cutting the rank hard, small principal components
are damped smoothly, by the variance that marker jitter has (ridge regression: Hoerl & Kennard 1970, Technometrics
12:55).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JITTER = 3e-4
"""Standard deviation (m) of what is not shared motion: principal components below it are damped.

Of 0.03, 0.1, 0.3, 1, 3 and 10 mm the best on the tuning trials (RBDS runners 1 and 2, FMC walking)."""

TRUST = 0.1
"""Share of the variance of the coefficients that counts: what is left over is skin motion, which repeats itself."""


@dataclass(frozen=True)
class LowRankModel:
    """A marker as a linear function of others; arrays may carry a leading axis of several fits.

    Attributes
    ----------
    mean : ndarray, shape (..., 3)
        Mean of the marker (m), moving frame.
    feature_mean : ndarray, shape (..., n_features)
        Mean coordinates (m) of the others.
    coefficients : ndarray, shape (..., n_features, 3)
    inverse : ndarray, shape (..., n_features, n_features)
        Of the damped sums of squares of the features (1/m²): what the coefficients do not know.
    """

    mean: np.ndarray
    feature_mean: np.ndarray
    coefficients: np.ndarray
    inverse: np.ndarray

    def at(self, fits: int | np.ndarray) -> LowRankModel:
        """One or some of several fits."""
        return LowRankModel(self.mean[fits], self.feature_mean[fits], self.coefficients[fits], self.inverse[fits])

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Positions (..., n_frames, 3) from features (..., n_frames, n_features), both in the moving frame (m)."""
        return self.mean[..., None, :] + (features - self.feature_mean[..., None, :]) @ self.coefficients

    def leverage(self, step: np.ndarray) -> np.ndarray:
        """Variance (..., n_frames) of a predicted step over that of the noise, for steps (..., n_frames, n_features).

        Small where frames like it were learnt from, large for postures that were never seen with the marker.
        """
        return TRUST * np.einsum("...nf,...nf->...n", step @ self.inverse, step)


def fit_low_rank(features: np.ndarray, values: np.ndarray, held_out: np.ndarray) -> LowRankModel:
    """Fit the model several times, each time without some of the frames.

    Parameters
    ----------
    features : ndarray, shape (n_frames, n_features)
        Coordinates (m) of the seen markers in the moving frame.
    values : ndarray, shape (n_frames, 3)
        The marker in the same frame (m).
    held_out : ndarray of bool, shape (n_fits, n_frames)
        Frames that each fit must not see; an empty row fits all.

    Returns
    -------
    LowRankModel
        With a leading axis of n_fits.
    """
    # About a common middle, or the squares of coordinates far from zero would cost the differences their digits.
    x_middle, y_middle = features.mean(axis=0), values.mean(axis=0)
    x, y = features - x_middle, values - y_middle
    n_fits, n_features = len(held_out), x.shape[1]
    gram, cross = np.empty((n_fits, n_features, n_features)), np.empty((n_fits, n_features, 3))
    gram[:], cross[:] = x.T @ x, x.T @ y
    x_sum, y_sum = np.zeros((n_fits, n_features)), np.zeros((n_fits, 3))
    count = np.maximum(len(x) - held_out.sum(axis=1), 1)[:, None]
    for k, out in enumerate(held_out):
        if out.any():
            part, values_out = x[out], y[out]
            gram[k] -= part.T @ part
            cross[k] -= part.T @ values_out
            x_sum[k], y_sum[k] = -part.sum(axis=0), -values_out.sum(axis=0)
    x_mean, y_mean = x_sum / count, y_sum / count
    gram -= count[:, :, None] * x_mean[:, :, None] * x_mean[:, None, :]
    cross -= count[:, :, None] * x_mean[:, :, None] * y_mean[:, None, :]
    diagonal = np.arange(n_features)
    gram[:, diagonal, diagonal] += JITTER**2 * count
    inverse = np.linalg.inv(gram)
    return LowRankModel(y_mean + y_middle, x_mean + x_middle, inverse @ cross, inverse)
