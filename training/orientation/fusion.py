"""Fusion of two estimates of joint angles: the network's own (alpha) and that of the two orientations (beta).

Rapp et al. (J Biomech 2021): theta = w alpha + (1 - w) beta, w on a grid from 0 to 1 in steps of 0.01 by the error on
training subjects. In the published code beta is prepared first: components of the rotation vector between the segments
(`joint_angle.rotation_vector_angles`), without their mean, times a ratio of standard deviations per angle, on alpha's
mean. Alpha's mean being in both, w weighs nothing but shapes there.

Our variant keeps beta as it is (true joint angles of the smoothed orientations) and weighs mean and shape apart, since
what tells the one well (an absolute estimate) need not tell the other (a gyroscope): two weights per angle. The
published form without preparation is the case of equal weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class AngleFusion:
    """How alpha and beta are put together, by angle.

    Attributes
    ----------
    shape_weight : ndarray, shape (n_angles,)
        Weight of alpha about its mean; beta has the rest.
    mean_weight : ndarray, shape (n_angles,)
        Weight of alpha's mean; one for the published variant.
    scale : ndarray, shape (n_angles,)
        What beta is multiplied by about its mean; one for ours.
    """

    shape_weight: np.ndarray
    mean_weight: np.ndarray
    scale: np.ndarray

    def fuse(self, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Fused angles (n_frames, n_angles), in the unit of alpha and beta."""
        means, shapes = zip(*(_parts(series) for series in (alpha, beta)), strict=True)
        mean = self.mean_weight * means[0] + (1.0 - self.mean_weight) * means[1]
        return mean + self.shape_weight * shapes[0] + (1.0 - self.shape_weight) * self.scale * shapes[1]


@dataclass(frozen=True)
class FusionTrial:
    """One training trial.

    Attributes
    ----------
    subject : str
        Subject code.
    alpha, beta, true : ndarray, shape (n_frames, n_angles)
        Angles by the network, by the orientations, and true; one unit. Of networks that did not see this subject.
    """

    subject: str
    alpha: np.ndarray
    beta: np.ndarray
    true: np.ndarray


def fit_fusion(trials: Sequence[FusionTrial], *, published: bool = False, shared: bool = False) -> AngleFusion:
    """Fit the weights on training subjects.

    Parameters
    ----------
    trials : sequence of FusionTrial
        Of training subjects; every subject weighs the same.
    published : bool
        The published preparation of beta: its scale is the ratio of the standard deviations of true angle and beta over
        the training trials, its mean alpha's.
    shared : bool
        One weight for all angles, by the mean squared error over all. Whether the published weight is one or one per
        angle is not said; per angle is assumed.

    Returns
    -------
    AngleFusion

    Raises
    ------
    ValueError
        No trial, or series of different shapes.
    """
    if not trials:
        raise ValueError("fusion weights are fitted on training trials; there is none.")
    for trial in trials:
        shapes = {np.shape(series) for series in (trial.alpha, trial.beta, trial.true)}
        if len(shapes) != 1 or len(shapes.pop()) != 2:
            raise ValueError(f"a trial of {trial.subject} has alpha, beta and truth of different shapes.")
    share = _subject_share(trials)
    parts = [[_parts(series) for series in (trial.alpha, trial.beta, trial.true)] for trial in trials]
    scale = np.ones(trials[0].true.shape[1])
    if published:
        spread = [sum(s * np.var(p[k][1], axis=0) for s, p in zip(share, parts, strict=True)) for k in (1, 2)]
        scale = np.sqrt(spread[1] / spread[0])
    shape_loss, mean_loss = np.zeros((2, len(GRID), len(scale)))
    for weight, (alpha, beta, true) in zip(share, parts, strict=True):
        difference, rest = alpha[1] - scale * beta[1], true[1] - scale * beta[1]
        # mean over frames of (rest - w difference)^2, at every w
        square, mixed, constant = (
            (a * b).mean(axis=0) for a, b in ((difference, difference), (difference, rest), (rest, rest))
        )
        shape_loss += weight * (constant - 2.0 * GRID[:, None] * mixed + GRID[:, None] ** 2 * square)
        mean_loss += weight * (true[0] - beta[0] - GRID[:, None] * (alpha[0] - beta[0])) ** 2
    ones = np.ones_like(scale)
    mean_weight = ones if published else _best(mean_loss, shared)
    return AngleFusion(_best(shape_loss, shared), mean_weight, scale)


def _best(loss: np.ndarray, shared: bool) -> np.ndarray:
    """Weight of the least loss (n_weights, n_angles), by angle or for all."""
    if shared:
        loss = np.repeat(loss.sum(axis=1, keepdims=True), loss.shape[1], axis=1)
    return GRID[np.argmin(loss, axis=0)]


def _parts(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over time and what is left."""
    mean = np.mean(series, axis=0)
    return mean, series - mean


def _subject_share(trials: Sequence[FusionTrial]) -> list[float]:
    """Weight of every trial: each subject the same, its trials alike."""
    codes = [trial.subject for trial in trials]
    return [1.0 / (len(set(codes)) * codes.count(code)) for code in codes]
