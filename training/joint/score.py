"""Scores of a joint's angles: root mean square errors, raw and after passive pseudo-calibration.

Pseudo-calibration takes each waveform about its own mean (Rapp et al. 2021), estimate and truth alike. It uses the true
mean, which nobody has outside a laboratory; it stands beside the raw error, never for it.
"""

from __future__ import annotations

import numpy as np

from synth.joint_trial import ANGLE_NAMES, JointTrial
from training.metric import rmse, rmse_mean_removed

COLUMNS = ("step", "subject", "trial", "side", "angle", "rmse_deg", "rmse_calibrated_deg", "bias_deg", "frames")


def score_angles(step: str, trial: JointTrial, angles: np.ndarray) -> list[dict[str, object]]:
    """Score one estimate of one trial.

    Parameters
    ----------
    step : str
        Name of the method.
    trial : JointTrial
    angles : ndarray, shape (n_frames, 3)
        rad; NaN = no estimate.

    Returns
    -------
    list of dict
        One row an angle, with `COLUMNS`; errors in degrees.
    """
    rows = []
    for column, name in enumerate(ANGLE_NAMES):
        truth, own = np.rad2deg(trial.angles[:, column]), np.rad2deg(angles[:, column])
        both = np.isfinite(truth) & np.isfinite(own)
        rows.append(
            {
                "step": step,
                "subject": trial.subject.code,
                "trial": trial.trial,
                "side": trial.side,
                "angle": name,
                "rmse_deg": rmse(truth, own),
                "rmse_calibrated_deg": rmse_mean_removed(truth, own),
                "bias_deg": float(np.mean(own[both] - truth[both])) if both.any() else float("nan"),
                "frames": int(both.sum()),
            }
        )
    return rows
