"""Cut-offs of a trial: the low-pass of each segment before differentiation, and the error it leaves in the records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from opensim_models.motion import SegmentMotion
from synth.imu.cutoff import SegmentCutoff, residual_cutoffs
from synth.imu.derivative_error import ExpectedError, expected_error
from synth.imu.simulation import SMOOTHING

CUTOFFS = {
    "pelvis": 10.0,
    "femur_r": 10.0,
    "femur_l": 10.0,
    "tibia_r": 10.0,
    "tibia_l": 10.0,
    "calcn_r": 15.0,
    "calcn_l": 15.0,
}
"""Low-pass cut-off (Hz) of each segment's motion before differentiation: best for the shank at 10 and for the foot at
15 Hz with 0.5 mm of marker jitter (measured on walking, 12 Hz motion at 100 and 200 Hz)."""

DEFAULT_CUTOFF = 10.0
AUTO, NO_FILTER = "auto", "none"
MOTION_BAND = 8.0
"""Hz up to which expected errors count the motion (an assumption, that of the figures in the documentation)."""
_HIGHEST_SHARE = 0.4  # of the rate: a cut-off nearer to half of it filters nothing and may ring

Cutoff = str | float | None
"""None: the table above; ``"auto"``: residual analysis of each segment; ``"none"``: no low-pass; one for all (Hz)."""


def read_cutoff(word: str | None) -> Cutoff:
    """Read the word of a command line.

    Raises
    ------
    ValueError
        Neither auto, none nor a positive number.
    """
    if word is None or word in (AUTO, NO_FILTER):
        return word
    try:
        hertz = float(word)
    except ValueError:
        hertz = math.nan
    if not (hertz > 0 and math.isfinite(hertz)):
        raise ValueError(f"cut-off {word!r}: expected {AUTO} (each segment by itself), {NO_FILTER}, or a number of Hz.")
    return hertz


def segment_cutoff(segment: str, rate: float) -> float:
    """Cut-off (Hz) for the motion of a segment, never above 0.4 of the rate."""
    return min(CUTOFFS.get(segment, DEFAULT_CUTOFF), _HIGHEST_SHARE * rate)


def trial_cutoffs(motions: Mapping[str, SegmentMotion], cutoff: Cutoff, method: str) -> dict[str, SegmentCutoff]:
    """Cut-off of every segment of a trial, with the jitter of its path.

    Parameters
    ----------
    motions : mapping of segment to SegmentMotion
        Unfiltered.
    cutoff : {None, "auto", "none"} or float
        See `Cutoff`.
    method : str
        One of `simulation.METHODS`.

    Returns
    -------
    dict of segment to SegmentCutoff
        The reason is ``"table"`` or ``"choice of the user"`` where residual analysis was not asked; a cut-off of NaN
        stands for no low-pass.

    Raises
    ------
    ValueError
        A cut-off of half the rate or more, or none for a method that smooths.
    """
    if cutoff == NO_FILTER and method in SMOOTHING:
        raise ValueError(f"method {method!r} smooths, so it needs a cut-off: a number of Hz or {AUTO}.")
    chosen = residual_cutoffs(motions)
    if cutoff == AUTO:
        return chosen
    for segment, found in chosen.items():
        rate = motions[segment].rate
        if cutoff is None:
            chosen[segment] = replace(found, cutoff=segment_cutoff(segment, rate), reason="table")
            continue
        hertz = math.nan if cutoff == NO_FILTER else float(cutoff)
        if hertz >= rate / 2:
            raise ValueError(f"cut-off {hertz:g} Hz: expected less than half the rate of {rate:g} Hz.")
        chosen[segment] = replace(found, cutoff=hertz, reason="choice of the user")
    return chosen


def cutoff_of(cutoffs: Mapping[str, SegmentCutoff], segment: str) -> float | None:
    """Hz, or None for no low-pass."""
    hertz = cutoffs[segment].cutoff
    return None if math.isnan(hertz) else hertz


def expected_errors(cutoffs: Sequence[SegmentCutoff], method: str, rate: float) -> dict[str, ExpectedError]:
    """Expected error of a method on each segment, on motion up to `MOTION_BAND` with the jitter of its path."""
    band = min(MOTION_BAND, rate / 2)
    return {
        found.segment: expected_error(
            method,
            rate,
            band=band,
            cutoff=None if math.isnan(found.cutoff) else found.cutoff,
            jitter=0.0 if math.isnan(found.jitter) else found.jitter,
        )
        for found in cutoffs
    }
