"""Load share: which foot carries the body at every frame of a record, told by the gyroscopes of the feet.

A foot turns fastest about its toes when it leaves the floor, and it comes down where its turning changes sign: between
the last zero of the swing and the trough of its slap (foot-mounted gyroscopes: Sabatini et al. 2005, IEEE Trans Biomed
Eng 52:486; Mariani et al. 2013, Gait Posture 37:229). Between one foot's strike and the other's off the load goes over
steadily (Ren et al. 2008, J Biomech 41:2750, with other curves). It looks ahead, so it teaches and does not stream.
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
STEADY = 0.3
"""s of standing on one foot before the first transfer and after the last."""
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
    transfers = _transfers({1.0: foot_events(right, rate), 0.0: foot_events(left, rate)})
    times, share = np.arange(len(right)) / rate, np.full(len(right), np.nan)
    for k, (begin, end, side) in enumerate(transfers):
        following = transfers[k + 1] if k + 1 < len(transfers) else (end + STEADY, 0.0, 1.0 - side)
        if following[2] != side and 0.0 < following[0] - end < LONGEST_SWING:
            share[(times >= end) & (times <= following[0])] = side
        if k == 0:
            share[(times >= begin - STEADY) & (times <= begin)] = 1.0 - side
        going = (times > begin) & (times < end)
        gone = (times[going] - begin) / (end - begin)
        share[going] = gone if side == 1.0 else 1.0 - gone
    return share


def _transfers(events: dict[float, tuple[np.ndarray, np.ndarray]]) -> list[tuple[float, float, float]]:
    """Begin, end (s) and receiving side of every transfer, in time: a strike with the nearest off of the other foot."""
    found = []
    for side, (strikes, _) in events.items():
        offs = events[1.0 - side][1]
        for strike in strikes:
            off = offs[np.abs(offs - strike).argmin()] if len(offs) else np.inf
            if abs(off - strike) < LONGEST_TRANSFER:
                found.append((min(strike, off), max(strike, off), side))
    return sorted(found)
