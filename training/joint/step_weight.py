"""The numbers of the steps after the network, fitted on training subjects that the network which is used did not see.

A network's errors on its own pupils are too small to weigh it by. So the training subjects of a fold are parted once
more: an inner network learns from most of them, its errors on the rest give all weights, and the fold's network, which
learns from all, uses them. No subject that is scored has a part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from synth.joint_trial import JointTrial, joint_angles
from training.joint.estimate import JointEstimate
from training.joint.fusion import FusionWeights, fit_fusion
from training.joint.heading import without_heading
from training.joint.optimisation import (
    SmootherDeviations,
    levelled_segments,
    published_angles,
    smoothed_segments,
)

CORRELATIONS = (0.02, 0.05, 0.15)
"""Time constants (s) of a network's error that are tried."""


@dataclass(frozen=True)
class StepWeights:
    """All that the steps after the network need.

    Attributes
    ----------
    published : FusionWeights
        One weight an angle, as in the paper.
    deviations : SmootherDeviations
    smoothed : FusionWeights
    """

    published: FusionWeights
    deviations: SmootherDeviations
    smoothed: FusionWeights

    def card(self) -> dict[str, Any]:
        """As plain data, for a file that people read."""
        return {
            "published_weight": self.published.course.tolist(),
            "prior_deviation": self.deviations.prior.tolist(),
            "gyroscope_deviation": self.deviations.gyroscope.tolist(),
            "prior_correlation": self.deviations.correlation,
            "is_levelled": self.deviations.is_levelled,
            "mean_weight": self.smoothed.mean.tolist(),
            "course_weight": self.smoothed.course.tolist(),
        }


def fit_steps(trials: Sequence[JointTrial], estimates: Sequence[JointEstimate], noise_share: float) -> StepWeights:
    """Fit on trials of training subjects.

    Parameters
    ----------
    trials : sequence of JointTrial
        As worn: with the noise of a test.
    estimates : sequence of JointEstimate
        Of a network that saw none of these subjects.
    noise_share : float
        Noise of a sensor as a share of its SD: what a laboratory knows of its sensors.

    Returns
    -------
    StepWeights
        Time constant and levelling are those with the least mean RMSE of the three angles.
    """
    truths, alphas = [trial.angles for trial in trials], [estimate.angles for estimate in estimates]
    betas = [published_angles(trial, estimate) for trial, estimate in zip(trials, estimates, strict=True)]
    published = fit_fusion(truths, alphas, betas, single=True)
    prior, gyroscope = _prior_deviation(trials, estimates), _gyroscope_deviation(trials, noise_share)
    best: tuple[float, SmootherDeviations, list[np.ndarray]] | None = None
    for correlation in CORRELATIONS:
        deviations = SmootherDeviations(prior, gyroscope, correlation, is_levelled=False)
        pairs = list(zip(trials, estimates, strict=True))
        plain = [smoothed_segments(trial, estimate, deviations) for trial, estimate in pairs]
        for is_levelled in (False, True):
            found = [
                joint_angles(t.joint, *(levelled_segments(t, e, segments) if is_levelled else segments))
                for (t, e), segments in zip(pairs, plain, strict=True)
            ]
            error = _mean_rmse(truths, found)
            if best is None or error < best[0]:
                best = (error, SmootherDeviations(prior, gyroscope, correlation, is_levelled), found)
    return StepWeights(published, best[1], fit_fusion(truths, alphas, best[2]))


def _mean_rmse(truths: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    return float(np.mean([np.sqrt(np.nanmean((a - b) ** 2, axis=0)) for a, b in zip(truths, found, strict=True)]))


def _prior_deviation(trials: Sequence[JointTrial], estimates: Sequence[JointEstimate]) -> np.ndarray:
    """SD of the error of orientations about its mean over the trial (2, 3) in rad, root mean square over trials."""
    squares = []
    for trial, estimate in zip(trials, estimates, strict=True):
        known = estimate.known & np.isfinite(trial.angles).all(axis=1)
        truth = without_heading(trial.proximal_orientation, trial.distal_orientation, known)
        squares.append([_error(p, t, known).var(axis=0) for p, t in zip((estimate.proximal, estimate.distal), truth, strict=True)])
    return np.sqrt(np.mean(squares, axis=0))


def _error(estimate: Rotation, truth: Rotation, known: np.ndarray) -> np.ndarray:
    """Rotation vectors (n_known, 3) from an estimate to the truth, segment axes, rad."""
    return (estimate[known].inv() * truth[known]).as_rotvec()


def _gyroscope_deviation(trials: Sequence[JointTrial], noise_share: float) -> np.ndarray:
    """Noise of a sample (2, 3) in rad/s, mean over trials."""
    records = [[np.nanstd(r.angular_velocity, axis=0) for r in (t.proximal, t.distal)] for t in trials]
    return noise_share * np.mean(records, axis=0)
