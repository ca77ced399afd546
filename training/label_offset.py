"""Label offsets: how much of a trial's own mean angle is worth learning when sensors are turned at random.

A sensor turned by N(0, s) about a random axis reads a sagittal angle that is off by an SD of s/√3, a joint angle
between two such sensors by s·√(2/3): 11° for s = 13.5°. The means of persons differ by 2 to 5°. What a network learns
about single trials' means is therefore mostly memory of the few training trials, and the best linear guess keeps the
share between²/(between² + turned²) of a trial's deviation from the mean of all. The labels are shrunk by that share,
from training data alone; estimates are scored on the labels as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.record_summary import RecordSummary
from training.target import MOMENT_COORDINATES, Target


def learnable_shares(
    summaries: Sequence[RecordSummary], targets: Sequence[Target], misalignment_deg: float
) -> np.ndarray:
    """Share of each target's trial offset that turned sensors can show.

    Parameters
    ----------
    summaries : sequence of RecordSummary
    targets : sequence of Target
    misalignment_deg : float
        SD of the signed rotation angle of each sensor (deg).

    Returns
    -------
    ndarray, shape (n_targets,)
        1 for everything that is not an angle, and for all if sensors are not turned.
    """
    means = _trial_means(summaries)
    shares = np.ones(len(targets))
    turned = np.deg2rad(misalignment_deg) ** 2 / 3.0
    for column, target in enumerate(targets):
        known = means[np.isfinite(means[:, column]), column]
        if target.kind == "angle" and misalignment_deg > 0 and len(known) > 1:
            n_sensors = 2 if target.coordinate in MOMENT_COORDINATES else 1
            between = np.var(known, ddof=1)
            shares[column] = between / (between + n_sensors * turned)
    return shares


def offset_shifts(summaries: Sequence[RecordSummary], targets: Sequence[Target], misalignment_deg: float) -> np.ndarray:
    """What pulls every trial's mean angles towards the mean of all trials, by what `learnable_shares` says.

    Returns
    -------
    ndarray, shape (n_records, n_targets), float32
        Added to the labels of a record; waveforms about their mean are unchanged.
    """
    means = _trial_means(summaries)
    known = np.isfinite(means)
    overall = np.where(known, means, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    lost = 1.0 - learnable_shares(summaries, targets, misalignment_deg)
    return np.where(known, lost * (overall - means), 0.0).astype(np.float32)


def _trial_means(summaries: Sequence[RecordSummary]) -> np.ndarray:
    """Mean of every label over its frames, (n_records, n_targets); NaN where a trial has none."""
    return np.stack([summary.label_mean for summary in summaries]).astype(float)
