"""The numbers of the steps after the network, fitted on training subjects that the network which is used did not see.

A network's errors on its own pupils are too small to weigh it by. So the training subjects of a fold are parted once
more: an inner network learns from most of them, its errors on the rest give all weights, and the fold's network, which
learns from all, uses them. No subject that is scored has a part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from synth.joint_trial import JointTrial, joint_angles
from training.joint.estimate import JointEstimate
from training.joint.heading import without_heading
from training.joint.optimisation import (
    SmootherDeviations,
    levelled_segments,
    published_angles,
    smoothed_segments,
)
from training.orientation.fusion import AngleFusion, FusionTrial, fit_fusion

LAWS = ((1.0, 0.05), (0.5, 0.05), (0.25, 0.05), (0.5, 0.02), (0.5, 0.15))
"""What is tried: factor on the deviation of the network's orientations, time constant (s) of their error."""


@dataclass(frozen=True)
class StepWeights:
    """All that the steps after the network need.

    Attributes
    ----------
    published : AngleFusion
        One weight an angle, as in the paper.
    deviations : SmootherDeviations
    smoothed : AngleFusion
        Means and courses weighed apart.
    """

    published: AngleFusion
    deviations: SmootherDeviations
    smoothed: AngleFusion

    def card(self) -> dict[str, Any]:
        """As plain data, for a file that people read."""
        return {
            "published_weight": self.published.shape_weight.tolist(),
            "prior_deviation": self.deviations.prior.tolist(),
            "gyroscope_deviation": self.deviations.gyroscope.tolist(),
            "prior_correlation": self.deviations.correlation,
            "is_levelled": self.deviations.is_levelled,
            "mean_weight": self.smoothed.mean_weight.tolist(),
            "shape_weight": self.smoothed.shape_weight.tolist(),
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
        Law of the network's error and levelling are those with the least mean RMSE of the three angles.
    """
    truths = [trial.angles for trial in trials]
    betas = [published_angles(trial, estimate) for trial, estimate in zip(trials, estimates, strict=True)]
    published = fit_fusion(_fusion_trials(trials, estimates, betas), published=True)
    prior, gyroscope = _prior_deviation(trials, estimates), _gyroscope_deviation(trials, noise_share)
    best: tuple[float, SmootherDeviations, list[np.ndarray]] | None = None
    pairs = list(zip(trials, estimates, strict=True))
    for factor, correlation in LAWS:
        deviations = SmootherDeviations(factor * prior, gyroscope, correlation, is_levelled=False)
        plain = [smoothed_segments(trial, estimate, deviations) for trial, estimate in pairs]
        for is_levelled in (False, True):
            found = [
                joint_angles(t.joint, *(levelled_segments(t, e, segments) if is_levelled else segments))
                for (t, e), segments in zip(pairs, plain, strict=True)
            ]
            error = _mean_rmse(truths, found)
            if best is None or error < best[0]:
                best = (error, replace(deviations, is_levelled=is_levelled), found)
    return StepWeights(published, best[1], fit_fusion(_fusion_trials(trials, estimates, best[2])))


def _fusion_trials(
    trials: Sequence[JointTrial], estimates: Sequence[JointEstimate], betas: Sequence[np.ndarray]
) -> list[FusionTrial]:
    """The frames in which truth and both estimates have values."""
    found = []
    for trial, estimate, beta in zip(trials, estimates, betas, strict=True):
        known = np.isfinite(np.hstack([trial.angles, estimate.angles, beta])).all(axis=1)
        found.append(FusionTrial(trial.subject.code, estimate.angles[known], beta[known], trial.angles[known]))
    return found


def _mean_rmse(truths: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    return float(np.mean([np.sqrt(np.nanmean((a - b) ** 2, axis=0)) for a, b in zip(truths, found, strict=True)]))


def _prior_deviation(trials: Sequence[JointTrial], estimates: Sequence[JointEstimate]) -> np.ndarray:
    """SD of the error of orientations about its mean over the trial (2, 3) in rad, root mean square over trials."""
    squares = []
    for trial, estimate in zip(trials, estimates, strict=True):
        known = estimate.known & np.isfinite(trial.angles).all(axis=1)
        truth = without_heading(trial.proximal_orientation, trial.distal_orientation, known)
        squares.append(
            [_error(p, t, known).var(axis=0) for p, t in zip((estimate.proximal, estimate.distal), truth, strict=True)]
        )
    return np.sqrt(np.mean(squares, axis=0))


def _error(estimate: Rotation, truth: Rotation, known: np.ndarray) -> np.ndarray:
    """Rotation vectors (n_known, 3) from an estimate to the truth, segment axes, rad."""
    return (estimate[known].inv() * truth[known]).as_rotvec()


def _gyroscope_deviation(trials: Sequence[JointTrial], noise_share: float) -> np.ndarray:
    """Noise of a sample (2, 3) in rad/s, mean over trials."""
    records = [[np.nanstd(r.angular_velocity, axis=0) for r in (t.proximal, t.distal)] for t in trials]
    return noise_share * np.mean(records, axis=0)
