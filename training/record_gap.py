"""Gaps of inertial records: short ones are bridged, so that one hidden marker does not silence seven sensors."""

from __future__ import annotations

import numpy as np

from synth.imu.reading_check import LONGEST_GAP
from training.gait_phase import labelled_runs

BRIDGE_SECONDS = LONGEST_GAP
"""Longest gap (s) of a sensor that is bridged: a third of a second of a shank, which the other six sensors see."""


def bridge_gaps(channels: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Bridge short gaps by straight lines.

    Parameters
    ----------
    channels : ndarray, shape (n_frames, n_channels)
        NaN = no value. At the ends of a trial the nearest value holds.
    rate : float
        Hz.

    Returns
    -------
    bridged : ndarray, shape (n_frames, n_channels)
        Without NaN.
    is_missing : ndarray of bool, shape (n_frames,)
        Frames in a gap too long to bridge, in any channel: what stands there in `bridged` is not to be used.
    """
    bridged, is_missing = channels.copy(), np.zeros(len(channels), dtype=bool)
    frames = np.arange(len(channels))
    longest = BRIDGE_SECONDS * rate
    for column in range(channels.shape[1]):
        unknown = ~np.isfinite(channels[:, column])
        if unknown.all():
            bridged[:, column], is_missing[:] = 0.0, True
            continue
        bridged[unknown, column] = np.interp(frames[unknown], frames[~unknown], channels[~unknown, column])
        for gap in labelled_runs(unknown):
            if gap.stop - gap.start > longest:
                is_missing[gap] = True
    return bridged, is_missing
