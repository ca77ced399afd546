"""Plate saturation: channels that stand at the limit of their amplifier while the load goes on growing."""

from __future__ import annotations

import numpy as np

from mocap_import.stretch import stretches

_LONGEST_PEAK = 0.02
"""Seconds that a natural peak may stay at one value of the converter."""
_STEEP, _STEPS = 0.02, 6.0
"""Share of a channel's range, and steps of its converter, by which it must change within 10 ms before or after: a
clipped peak has corners. A round peak that rests 20 ms within one step has left it by no more than four after 10 ms."""


def saturated_stretches(channels: np.ndarray, rate: float) -> tuple[tuple[int, int], ...]:
    """Stretches of samples in which a channel is cut off at one of its extremes.

    A channel is cut off where it holds its extreme value, to the last bit, for longer than a peak can, far from where
    it lies most of the time, and comes to it steeply. Forces that a program has set to zero below a threshold lie at
    the unloaded end and are no saturation; the steady load of a standing subject has no steep side.

    Parameters
    ----------
    channels : ndarray, shape (n_samples, n_channels)
        As in the file.
    rate : float
        Samples per second (Hz).

    Returns
    -------
    tuple of (start, stop)
    """
    need = max(5, int(np.ceil(_LONGEST_PEAK * rate)))
    reach = max(1, int(0.01 * rate))
    low, high = channels.min(axis=0), channels.max(axis=0)
    found = []
    for k in np.flatnonzero(high > low):
        values = channels[:, k]
        for extreme, other in ((high[k], low[k]), (low[k], high[k])):
            at = values == extreme
            if np.count_nonzero(at) < need:
                continue
            # The end at which the channel rests is the unloaded one.
            if abs(float(np.median(values)) - extreme) < 0.3 * abs(other - extreme):
                continue
            steps = np.diff(np.unique(values))
            least = max(_STEEP * abs(other - extreme), _STEPS * float(steps[steps > 1e-9 * (high[k] - low[k])].min()))
            starts, stops = stretches(at)
            for start, stop in zip(starts, stops, strict=True):
                before, after = values[max(0, start - reach)], values[min(len(values) - 1, stop - 1 + reach)]
                rise = max(abs(before - extreme), abs(after - extreme))
                if stop - start >= need and rise > least and _is_measured(values, at):
                    found.append((int(start), int(stop)))
    return tuple(sorted(set(found)))


def _is_measured(values: np.ndarray, at: np.ndarray) -> bool:
    """False for a channel that a program drew: straight from corner to corner, without curvature or noise."""
    moving = ~at & (values != np.median(values))
    bends = np.abs(np.diff(values, 2))[moving[1:-1]]
    return len(bends) > 0 and np.mean(bends > 1e-6 * np.ptp(values)) > 0.1
