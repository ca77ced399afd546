"""Cut-off of a segment: the low-pass frequency that its own motion and marker jitter ask for, never one for all.

Residual analysis (Winter 1990, Biomechanics and Motor Control of Human Movement, 2nd ed., p. 41-43): the residual
between a segment's raw and filtered path, as a function of the cut-off, ends in a straight line where only noise is
removed. Carried back to 0 Hz, that line is the jitter; the cut-off is where the residual equals it, as much motion lost
as jitter kept. Two changes make it fit for a choice without eyes: the line is drawn through *squared* residuals,
because a filter takes from white noise a known share of its power while the residual itself is bent (Winter's line
carries 12 % too much back), and the three axes count together, so that the choice does not depend on how the
laboratory's axes lie.

An accelerometer would bear a somewhat higher cut-off than a position does, but an estimate of its error from the same
spectrum weighs the noise by the fourth power of the frequency and was much worse (tried on the Rajagopal walk of
opensim-core with jitter of 0.2 to 2 mm: Winter's choice 6 % above the least error on average, the other 38 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.fft import dst, prev_fast_len

from mocap_import.stretch import stretches
from opensim_models.motion import SegmentMotion

LOWEST, HIGHEST = 4.0, 25.0
"""Bounds (Hz), an assumption: below lies the step frequency and its first harmonics, and a path that asks for more than
the upper one has no white jitter to judge by (filtered or simulated markers). A choice that meets a bound says so."""
HIGHEST_SHARE = 0.4
"""Of the rate: a cut-off nearer to half of it filters nothing and may ring."""
FALLBACK = 10.0
SHORTEST_RECORD = 64
"""Frames in a row that residual analysis needs: two dozen frequencies above the motion's."""
_NOISE_FROM = 0.6
"""Share of the Nyquist frequency above which a path holds jitter only, as in `mocap_import.cut_off`."""
_STEPS = 60


@dataclass(frozen=True)
class SegmentCutoff:
    """The cut-off of one segment and what it was chosen from.

    Attributes
    ----------
    segment : str
    cutoff : float
        Hz.
    jitter : float
        Root mean square (m) per axis of the noise in the segment's path; NaN where it could not be judged.
    reason : str
        ``"residual analysis"``, ``"lower bound"``, ``"upper bound"`` or ``"fallback"``.
    """

    segment: str
    cutoff: float
    jitter: float
    reason: str

    def sentence(self) -> str:
        """One line for people."""
        jitter = "jitter not judged" if math.isnan(self.jitter) else f"jitter {1000 * self.jitter:.2f} mm"
        return f"{self.segment}: cut-off {self.cutoff:.1f} Hz by {self.reason} ({jitter})"


def residual_cutoff(
    motion: SegmentMotion, *, lowest: float = LOWEST, highest: float = HIGHEST, fallback: float = FALLBACK
) -> SegmentCutoff:
    """Choose the cut-off of a segment's motion by residual analysis of its origin.

    Parameters
    ----------
    motion : SegmentMotion
        Unfiltered, the whole trial. Of a path with gaps the longest stretch without counts.
    lowest, highest : float
        Bounds (Hz); never above 0.4 of the rate.
    fallback : float
        Hz, for paths with fewer than 64 frames in a row; within the bounds.

    Raises
    ------
    ValueError
        The bounds are not in order.
    """
    highest = min(highest, HIGHEST_SHARE * motion.rate)
    lowest = min(lowest, highest)
    if not 0 < lowest <= highest:
        raise ValueError(f"bounds of a cut-off: expected 0 < lowest <= highest, got {lowest:g} and {highest:g} Hz.")
    path = _longest_stretch(np.asarray(motion.origin, dtype=float))
    if len(path) < SHORTEST_RECORD:
        return SegmentCutoff(motion.segment, float(np.clip(fallback, lowest, highest)), math.nan, "fallback")
    frequency, power = _spectrum(path, motion.rate)
    noise = _jitter_power(frequency, power, motion.rate)
    ladder = np.geomspace(lowest, highest, _STEPS)
    residual = (1.0 - filter_gain(frequency, ladder[:, None], motion.rate)) ** 2 @ power
    below = residual <= noise * len(frequency)
    chosen = int(np.argmax(below)) if below.any() else _STEPS - 1
    reason = {0: "lower bound", _STEPS - 1: "upper bound"}.get(chosen, "residual analysis")
    return SegmentCutoff(motion.segment, float(ladder[chosen]), math.sqrt(noise * len(frequency) / 3.0), reason)


def residual_cutoffs(motions: Mapping[str, SegmentMotion], **settings: float) -> dict[str, SegmentCutoff]:
    """Choose the cut-off of every segment by itself; settings as of `residual_cutoff`."""
    return {segment: residual_cutoff(motion, **settings) for segment, motion in motions.items()}


def filter_gain(frequency: np.ndarray, cutoff: np.ndarray | float, rate: float) -> np.ndarray:
    """Gain of `mocap_import.low_pass` (zero lag, order 4) at frequencies (Hz).

    1 / (1 + (tan(pi f / rate) / w)⁴), w the tangent of the cut-off corrected for two passes.
    """
    corrected = np.tan(np.pi * np.asarray(cutoff) / rate) / (math.sqrt(2.0) - 1.0) ** 0.25
    return 1.0 / (1.0 + (np.tan(np.pi * np.asarray(frequency) / rate) / corrected) ** 4)


def _jitter_power(frequency: np.ndarray, power: np.ndarray, rate: float) -> float:
    """Power of the jitter per frequency bin, all axes together: the line through squared residuals."""
    ladder = np.linspace(_NOISE_FROM, 0.95, 10) * rate / 2.0
    taken = (1.0 - filter_gain(frequency, ladder[:, None], rate)) ** 2
    share = taken.sum(axis=1)
    return float((taken @ power) @ share / (share @ share))


def _longest_stretch(path: np.ndarray) -> np.ndarray:
    """Longest run of complete rows."""
    starts, stops = stretches(np.isfinite(path).all(axis=1))
    if not len(starts):
        return path[:0]
    longest = int(np.argmax(stops - starts))
    return path[starts[longest] : stops[longest]]


def _spectrum(path: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (Hz) and the power of a path (n, 3), all axes together; the sum is its mean square.

    The line through both ends is taken away and the rest continued by point reflection (what a sine transform assumes):
    no step at the ends spreads over the spectrum.
    """
    n = prev_fast_len(len(path) - 1, real=True) + 1
    share = np.linspace(0.0, 1.0, n)[:, None]
    flat = path[:n] - path[:1] - share * (path[n - 1 : n] - path[:1])
    power = (dst(flat[1:-1], type=1, axis=0, norm="ortho") ** 2).sum(axis=1) / n
    return np.arange(1, n - 1) * rate / (2.0 * (n - 1)), power
