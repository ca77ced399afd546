"""Frame rate of a file whose times are printed numbers: rebuilt from the frame count, never from single steps.

Motion files carry times rounded to milliseconds or microseconds; differentiating such stamps at 60 Hz puts several m/s²
of error on a shank's acceleration. The whole column, though, tells the rate to a part in ten thousand, and the rate
that was meant is the round number inside that margin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from opensim_models.model_mismatch import ModelMismatch

# Video's fractions of 1000 / 1001, which are no round numbers.
_VIDEO = tuple(k * 30.0 * 1000.0 / 1001.0 for k in (1, 2, 4, 8))
_JITTER = 0.02
"""Part of a step by which a time may be off a regular grid, beside the rounding of its digits."""


def printed_resolution(texts: Sequence[str]) -> float:
    """Unit of the last digit of printed times: the coarsest that explains them all, 1e-9 s at best."""
    decimals = 0
    for text in texts:
        mantissa, _, exponent = text.strip().lower().partition("e")
        _, _, fraction = mantissa.partition(".")
        if not exponent or exponent.lstrip("+-").isdecimal():  # what is no number is `frame_rate`'s to refuse
            decimals = max(decimals, len(fraction.rstrip("0")) - int(exponent or 0))
    return 10.0 ** -min(max(decimals, 0), 9)


def frame_rate(times: np.ndarray, resolution: float, where: str, stated: float | None = None) -> float:
    """Frames per second of a time column.

    Parameters
    ----------
    times : ndarray, shape (n_frames,)
        s, as read.
    resolution : float
        Unit of their last printed digit (s), see `printed_resolution`.
    where : str
        The file, for refusals.
    stated : float, optional
        Rate (Hz) that the header states.

    Returns
    -------
    float
        The stated rate if the times agree with it; else the round number (whole Hz, half Hz, video rates) within what
        rounding leaves open; else the mean rate.

    Raises
    ------
    ModelMismatch
        Times that are not numbers, do not increase, are irregular, or contradict the stated rate.
    """
    if not np.isfinite(times).all():
        row = int(np.flatnonzero(~np.isfinite(times))[0])
        raise ModelMismatch(f"{where}: the time of data row {row + 1} is no number; repair or cut the file.")
    if len(times) < 2:
        if stated is not None and stated > 0:
            return float(stated)
        raise ModelMismatch(f"{where}: one row and no stated rate; a motion needs two frames or a line 'rate='.")
    steps = np.diff(times)
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0])
        what = "repeats" if steps[row] == 0 else "goes back"
        raise ModelMismatch(
            f"{where}: time {what} from {times[row]:g} s to {times[row + 1]:g} s at data row {row + 2}; expected "
            "increasing times. Two recordings in one file, or rows out of order: split or sort it."
        )
    count, span = len(times) - 1, float(times[-1] - times[0])
    mean = count / span
    frames = np.arange(len(times))
    slope, start = np.polyfit(frames, times, 1)
    off = np.abs(times - (start + slope * frames))
    if off.max() > 0.5 * resolution + _JITTER / mean:
        row = int(off.argmax())
        raise ModelMismatch(
            f"{where}: times are irregular (steps from {steps.min():g} to {steps.max():g} s, data row {row + 1} is off "
            f"by {off[row]:.3g} s); resample the file to a constant rate first."
        )
    low, high = count / (span + resolution), count / max(span - resolution, 1e-12)
    if stated is not None and stated > 0:
        if low * (1 - 1e-6) <= stated <= high * (1 + 1e-6):
            return float(stated)
        raise ModelMismatch(
            f"{where}: the header states {stated:g} Hz, the times say {mean:.6g} Hz; correct the one that is wrong."
        )
    rounds = [round(mean), round(2 * mean) / 2, *_VIDEO]
    fitting = [r for r in rounds if low * (1 - 1e-9) <= r <= high * (1 + 1e-9) and r > 0]
    return float(fitting[0]) if fitting else mean
