"""A fixed classifier that tells real from virtual sensors by band powers of two-second windows.

Logistic regression (L2 penalty 1 on standardised features, scipy's L-BFGS) on log10 of the power of six channels in six
bands; every window is there twice, real and virtual. Five contiguous blocks, each tested by a classifier trained on the
other four; windows overlap by half, but none reaches over the border of a block. 0.5 means that it cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from synth.imu.frequency_band import band_power

WINDOW = 2.0
BANDS = np.array([0.5, 1.5, 3.0, 6.0, 12.0, 24.0, 45.0])
N_BLOCKS = 5
PENALTY = 1.0


def accuracy(pairs: Sequence[tuple[np.ndarray, np.ndarray]], rate: float) -> float:
    """Share of windows that are told right.

    Parameters
    ----------
    pairs : sequence of (real, virtual)
        Channels (n, 6) of the sensors of one segment, in segment axes; windows with gaps are left out.
    rate : float
        Hz.
    """
    features: list[list[np.ndarray]] = [[] for _ in range(N_BLOCKS)]
    labels: list[list[int]] = [[] for _ in range(N_BLOCKS)]
    for real, virtual in pairs:
        for block, samples in enumerate(np.array_split(np.arange(len(real)), N_BLOCKS)):
            for start, stop in _windows(samples, round(WINDOW * rate)):
                if np.isfinite(real[start:stop] + virtual[start:stop]).all():
                    for label, values in ((1, real), (0, virtual)):
                        power = band_power(values[start:stop], rate, BANDS)
                        features[block].append(np.log10(np.maximum(power, 1e-12)).ravel())
                        labels[block].append(label)
    right = total = 0
    for tested in range(N_BLOCKS):
        x = np.array([f for block in range(N_BLOCKS) if block != tested for f in features[block]])
        y = np.array([k for block in range(N_BLOCKS) if block != tested for k in labels[block]])
        mean, sd = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
        weights = _fit((x - mean) / sd, y)
        said = _score((np.array(features[tested]) - mean) / sd, weights) > 0.0
        right += int(np.sum(said == (np.array(labels[tested]) == 1)))
        total += len(said)
    return right / total


def _windows(samples: np.ndarray, length: int) -> list[tuple[int, int]]:
    first, last = int(samples[0]), int(samples[-1]) + 1
    return [(start, start + length) for start in range(first, last - length + 1, length // 2)]


def _score(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return x @ weights[1:] + weights[0]


def _fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (1 + n_features,) that minimise the summed log loss + penalty / 2 |w|²."""
    sign = 2.0 * y - 1.0

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * _score(x, weights)
        pull = -sign / (1.0 + np.exp(np.clip(margin, -500.0, 500.0)))
        gradient = np.concatenate([[pull.sum()], x.T @ pull + PENALTY * weights[1:]])
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * PENALTY * weights[1:] @ weights[1:]), gradient

    return minimize(cost, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
