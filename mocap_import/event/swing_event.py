"""Swing events: our own marker detector, the speed of the foot against a threshold, corrected for its bias.

The idea is Ghoussayni's (2004, Gait Posture 20:266): a foot that stands has no speed. Three things differ. Speed is
three-dimensional, so that turns and diagonal walks need no direction; place on the foot, threshold and filter
belong to the task; and the mean lead against force plates is taken off. All of them were chosen on runners RBDS001 and
RBDS002 and on the walkers of the laboratories AUC, FMC, Sydney and BMClab, never on what is scored.
"""

from __future__ import annotations

import numpy as np

from mocap_import.event.foot_path import FootPath
from mocap_import.event.marker_event import Times, swings, zeni
from mocap_import.trial import GaitEvent

WALKING_SPEED, RUNNING_SPEED = 0.5, 0.8
"""Threshold (m/s) of the heel in walking, of the middle of the foot (strike) and of the toe (off) in running."""
SLOW_SHARE = 0.12
"""Threshold of slow walkers as a share of the heel's fast speed (its 95th percentile)."""
BIAS = {
    ("walk", "foot_strike"): -0.013,
    ("walk", "foot_off"): 0.009,
    ("run", "foot_strike"): 0.017,
    ("run", "foot_off"): -0.023,
}
"""Median lead or lag (s) against force plates of the tuning data, subtracted from every event."""
ZENI_BIAS = {
    ("walk", "foot_strike"): -0.050,
    ("walk", "foot_off"): 0.013,
    ("run", "foot_strike"): -0.029,
    ("run", "foot_off"): 0.107,
}
"""The same for Zeni's detector, which stands in where a belt's speed is unknown."""


def swing_events(path: FootPath) -> Times:
    """Strikes and offs (s) of one foot, corrected for bias.

    Parameters
    ----------
    path : FootPath

    Returns
    -------
    strikes, offs : ndarray
    """
    task = "run" if path.is_running else "walk"
    if np.isfinite(path.belt_speed):
        strikes, offs = _running(path) if path.is_running else _walking(path)
        bias = BIAS
    else:
        strikes, offs = zeni(path)
        bias = ZENI_BIAS
    end = (len(path.seen) - 1) / path.rate
    corrected = (strikes - bias[task, "foot_strike"], offs - bias[task, "foot_off"])
    return tuple(times[(times >= 0) & (times <= end)] for times in corrected)


def _walking(path: FootPath) -> Times:
    """Strike where the heel comes to rest, off where the foot then rises fastest (O'Connor 2007)."""
    speed = np.linalg.norm(path.velocity(path.heel), axis=1)
    fast = float(np.percentile(speed[path.seen], 95)) if path.seen.any() else 0.0
    starts, strikes = swings(speed, min(WALKING_SPEED, SLOW_SHARE * fast), path)
    upward = np.gradient(path.middle[:, 1], 1.0 / path.rate)
    offs = []
    for start in starts:
        first = int(start * path.rate)
        after = strikes[strikes > start]
        swing = (after[0] - start) if len(after) else 0.5
        window = upward[first : first + max(3, int(0.7 * swing * path.rate))]
        at = int(np.argmax(window))
        if 0 < at < len(window) - 1:
            before, here, next_ = window[at - 1 : at + 2]
            bend = before - 2 * here + next_
            offs.append((first + at + (0.5 * (before - next_) / bend if bend < 0 else 0.0)) / path.rate)
    offs = np.array(offs)
    return strikes, offs[path.is_seen(offs)] if len(offs) else offs


def _running(path: FootPath) -> Times:
    """Strike where the middle of the foot comes to rest, off where the toe leaves it."""
    _, strikes = swings(np.linalg.norm(path.velocity(path.middle), axis=1), RUNNING_SPEED, path)
    offs, _ = swings(np.linalg.norm(path.velocity(path.toe), axis=1), RUNNING_SPEED, path)
    return strikes, offs


def events_of(path: FootPath, times: Times, source: str = "markers") -> list[GaitEvent]:
    """Strikes and offs of one foot as events."""
    return [
        GaitEvent(float(time), path.foot, kind, source)
        for kind, instants in zip(("foot_strike", "foot_off"), times, strict=True)
        for time in instants
    ]
