"""Foot lag: how late the sensors are against each plate of a trial, and whether that foot may be used at all.

The lag is that of foot strikes by the shank's gyroscope against those of the plate, never one that makes a prediction
look better. What is used and what is left out is decided by the numbers below, written down before anything was scored:
a foot counts if at least `LEAST_MET` of its strikes are met by one of the gyroscope, `LEAST_STRIKES` in all, if these
scatter by at most `LARGEST_SPREAD`, if no other lag explains nearly as many, and if the clocks do not run apart by more
than `LARGEST_DRIFT` over the trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.trial import GroundReaction
from synth.imu.recording import ImuRecording
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.foot_force import contact_times
from synth.real_imu.shank_event import shank_events
from synth.real_imu.synchronisation import Lag, event_lag

LEAST_MET, LEAST_STRIKES, LEAST_RATIO = 0.9, 10, 1.1
LARGEST_SPREAD, LARGEST_DRIFT = 0.030, 0.040
"""s: of matched strikes; and between the two ends of the trial."""
LONGEST = 2.0
"""s: how far a lag is looked for."""
RULE = (
    f"used if >= {LEAST_MET:.0%} of the plate's strikes are met, >= {LEAST_STRIKES} of them, spread <= "
    f"{1e3 * LARGEST_SPREAD:.0f} ms, ratio to the next lag >= {LEAST_RATIO:g}, drift over the trial <= "
    f"{1e3 * LARGEST_DRIFT:.0f} ms"
)
COLUMNS = (
    "subject", "trial", "foot", "lag_ms", "off_lag_ms", "spread_ms", "met", "strikes", "ratio",
    "next_ms", "drift_ppm", "used", "reason",
)  # fmt: skip
"""Columns of the audit; `lag_ms` is what was undone, `off_lag_ms` a second witness of another definition."""


@dataclass(frozen=True)
class FootLag:
    """The audit of one foot in one trial.

    Attributes
    ----------
    foot : str
        ``"right"`` or ``"left"``.
    strike : Lag
        Of foot strikes.
    off_seconds : float
        Lag of foot offs (s); NaN if there are too few.
    reason : str
        Why the foot is left out; empty if it is used.
    """

    foot: str
    strike: Lag
    off_seconds: float
    reason: str

    @property
    def seconds(self) -> float:
        """How late the sensors' clock is (s), by foot strikes."""
        return self.strike.seconds

    def row(self, subject: str, trial: str) -> dict[str, str | float | bool | int]:
        """One row of the audit, see `COLUMNS`."""
        s = self.strike
        values = (
            subject, trial, self.foot, 1e3 * self.seconds, 1e3 * self.off_seconds, 1e3 * s.spread,
            s.agreement, s.count, s.peak_ratio, 1e3 * s.next_seconds, 1e6 * s.drift, not self.reason, self.reason,
        )  # fmt: skip
        return {
            k: round(v, 3) if isinstance(v, float) and np.isfinite(v) else v
            for k, v in zip(COLUMNS, values, strict=True)
        }


def foot_lags(recordings: Sequence[ImuRecording], reactions: Mapping[str, GroundReaction]) -> dict[str, FootLag]:
    """Audit both feet of a trial whose sensors and plates began together, or nearly.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Of both shanks at least, in any sensor frame.
    reactions : mapping of str to GroundReaction
        ``"right"`` and ``"left"``.

    Returns
    -------
    dict of str to FootLag
        By foot.

    Raises
    ------
    RecordingRefused
        A shank has no sensor, or there are fewer than three strikes on either side.
    """
    by_segment = {r.placement.segment: r for r in recordings}
    found = {}
    for foot, reaction in reactions.items():
        shank = by_segment.get(f"tibia_{foot[0]}")
        if shank is None:
            raise RecordingRefused(f"the lag of the {foot} foot needs a sensor on its shank; there is none.")
        seen = shank_events(shank.angular_velocity, shank.rate)
        strikes, offs = contact_times(reaction.force[:, 1], reaction.rate)
        strike = event_lag(seen.strikes, strikes, longest=LONGEST, sensor=f"shank {foot}", reference_name="plate")
        try:
            off = event_lag(seen.offs, offs, longest=LONGEST).seconds
        except RecordingRefused:
            off = float("nan")
        found[foot] = FootLag(foot, strike, off, why_left_out(strike, len(reaction.force) / reaction.rate))
    return found


def why_left_out(lag: Lag, seconds: float) -> str:
    """Why a foot with this lag is not used, by the rule of this module; empty if it is."""
    if lag.agreement < LEAST_MET:
        return f"{lag.agreement:.0%} of the plate's strikes are met, expected {LEAST_MET:.0%}"
    if lag.count < LEAST_STRIKES:
        return f"{lag.count} strikes are met, expected {LEAST_STRIKES}"
    if lag.spread > LARGEST_SPREAD:
        return f"strikes scatter by {1e3 * lag.spread:.0f} ms, expected {1e3 * LARGEST_SPREAD:.0f}"
    if lag.peak_ratio < LEAST_RATIO:
        return f"a lag of {1e3 * lag.next_seconds:.0f} ms explains nearly as many strikes"
    if lag.drifts and abs(lag.drift) * seconds > LARGEST_DRIFT:
        return f"the clocks run apart by {1e3 * abs(lag.drift) * seconds:.0f} ms over the trial"
    return ""
