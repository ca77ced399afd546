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
from scipy.linalg import lapack

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
    both = np.concatenate([features - x_middle, values - y_middle], axis=1)
    n_fits, n_features = len(held_out), features.shape[1]
    everything = both.T @ both
    squares, means = np.empty((n_fits, *everything.shape)), np.zeros((n_fits, both.shape[1]))
    count = np.maximum(len(both) - held_out.sum(axis=1), 1)[:, None]
    for k, out in enumerate(held_out):
        part = both[out]
        means[k] = -part.sum(axis=0) / count[k]
        # One product takes the frames and the new mean out of the sums of squares.
        part = np.concatenate([part, np.sqrt(count[k]) * means[k : k + 1]])
        np.subtract(everything, part.T @ part, out=squares[k])
    gram, cross = squares[:, :n_features, :n_features], squares[:, :n_features, n_features:]
    diagonal = np.arange(n_features)
    gram[:, diagonal, diagonal] += JITTER**2 * count
    inverse = np.stack([_inverse(each) for each in gram])
    x_mean, y_mean = means[:, :n_features] + x_middle, means[:, n_features:] + y_middle
    return LowRankModel(y_mean, x_mean, inverse @ cross, inverse)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a symmetric positive definite matrix, in half of the time of a general one."""
    factor, problem = lapack.dpotrf(matrix, clean=1)
    if problem:
        return np.linalg.inv(matrix)
    upper, _ = lapack.dpotri(factor, overwrite_c=1)
    inverse = upper + upper.T
    np.fill_diagonal(inverse, upper.diagonal())
    return inverse
