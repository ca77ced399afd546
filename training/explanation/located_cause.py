"""A located cause: which sensor and which phase of the cycle a cause changes, and whether an explanation finds them.

Parts are sensors times phases. The truth is how much each part changes if the cause is removed from the same person.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from training.explanation.concordance import concordance

NEAR = 0.8
"""A sensor (phase) is right if it changes at least by this share of what the one changes that changes most."""
CHANGED = 0.1
"""A part counts as changed from this share of the largest change on."""
MEASURES = ("top sensor is right", "top phase is right", "AUC of changed parts", "rank correlation")


def agreement(attributions: np.ndarray, truth: np.ndarray, n_phases: int) -> dict[str, np.ndarray]:
    """Each of `MEASURES`, one value a person; NaN where the truth ranks nothing above anything.

    Parameters
    ----------
    attributions : ndarray, shape (n, n_sensors * n_phases)
        Signs are not looked at.
    truth : ndarray, shape (n, n_sensors * n_phases)
        Not negative.
    n_phases : int
    """
    own = np.abs(attributions)
    by_part = (own.reshape(len(own), -1, n_phases), truth.reshape(len(own), -1, n_phases))
    (sensor, true_sensor), (phase, true_phase) = (tuple(x.sum(axis=axis) for x in by_part) for axis in (2, 1))
    values = (
        _right(sensor, true_sensor),
        _right(phase, true_phase),
        _area(own, truth > CHANGED * truth.max(axis=1, keepdims=True)),
        concordance(own, truth).rank_correlation,
    )
    return dict(zip(MEASURES, values, strict=True))


def _right(own: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether the largest of each row is among those that are right; a row without a largest is half a chance each."""
    is_right = truth >= NEAR * truth.max(axis=1, keepdims=True)
    is_top = own >= own.max(axis=1, keepdims=True)
    return (is_right & is_top).sum(axis=1) / is_top.sum(axis=1)


def _area(own: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Area under the curve (n,): how often a changed part ranks above another, ties counting half."""
    ranks = np.apply_along_axis(rankdata, 1, own)
    n_yes = changed.sum(axis=1)
    n_no = changed.shape[1] - n_yes
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((ranks * changed).sum(axis=1) - n_yes * (n_yes + 1) / 2.0) / (n_yes * n_no)
