"""Passive pseudo-calibration: a series about its own mean, always beside the raw error.

Rapp et al. (J Biomech 2021) remove the mean of the estimated angle and that of the *true* angle before they take the
error. Nobody has the true mean outside a laboratory. So the two errors are one thing here, and there is no function
that gives the second alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.metric import rmse, rmse_mean_removed


@dataclass(frozen=True)
class PairedError:
    """Errors of some angles over a trial.

    Attributes
    ----------
    raw : ndarray, shape (n_angles,)
        RMSE as it is, in the unit of the angles.
    pseudo_calibrated : ndarray, shape (n_angles,)
        RMSE of both series about their own means: it uses the true mean.
    """

    raw: np.ndarray
    pseudo_calibrated: np.ndarray

    def rows(self) -> dict[str, np.ndarray]:
        """Both rows by name, raw first."""
        return {"raw": self.raw, "pseudo-calibrated (uses the true mean)": self.pseudo_calibrated}


def paired_error(true: np.ndarray, estimate: np.ndarray) -> PairedError:
    """Take both errors of every angle.

    Parameters
    ----------
    true, estimate : ndarray, shape (n_frames, n_angles)
        One unit, continuous over time; frames that are NaN in either are left out.

    Returns
    -------
    PairedError
    """
    true, estimate = np.asarray(true, dtype=float), np.asarray(estimate, dtype=float)
    if true.shape != estimate.shape or true.ndim != 2:
        raise ValueError(f"expected two series of shape (frames, angles), got {true.shape} and {estimate.shape}.")
    pairs = list(zip(true.T, estimate.T, strict=True))
    return PairedError(
        np.array([rmse(*pair) for pair in pairs]), np.array([rmse_mean_removed(*pair) for pair in pairs])
    )


def about_its_mean(series: np.ndarray) -> np.ndarray:
    """Series (n_frames, n_angles) less its own mean over time; what a device shows that was never calibrated."""
    return series - np.nanmean(series, axis=0)
