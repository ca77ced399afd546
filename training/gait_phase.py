"""Gait phase: where in its cycle every labelled frame of a trial stands, 0 at foot strike, 1 at the next one."""

from __future__ import annotations

import numpy as np

from synth.corpus.trial import CorpusTrial

N_PHASES = 101
"""Points of a time-normalised cycle, 0, 1, ... 100 %."""


STRIKE_TOLERANCE = 0.1
"""A labelled stretch begins with a right foot strike if one is this near (share of a cycle)."""


def labelled_runs(has_label: np.ndarray) -> list[slice]:
    """Unbroken stretches of True.

    Parameters
    ----------
    has_label : ndarray of bool, shape (n_frames,)

    Returns
    -------
    list of slice
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], has_label, [False]]).astype(int)))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def cycle_phase(trial: CorpusTrial, has_label: np.ndarray, foot: str = "right", timing: str = "measured") -> np.ndarray:
    """Phase of every labelled frame.

    A labelled stretch begins where the laboratory saw a right foot strike, and that is phase 0 of the right foot. The
    strikes in a reference's events come from its solved contact, which is part of the truth to be estimated: they
    give the rate at which the phase runs and how far the left foot lags, not where it begins.

    Parameters
    ----------
    trial : CorpusTrial
        Its foot strikes of `foot` divide the labelled stretches.
    has_label : ndarray of bool, shape (n_frames,)
        Frames of the solved cycles.
    foot : str
        ``"right"`` or ``"left"``.
    timing : str
        ``"measured"`` as above; ``"truth"`` begins cycles at the strikes of the solved contact instead.

    Returns
    -------
    ndarray, shape (n_frames,)
        0 ≤ phase < 1; NaN outside the labelled stretches. Before the first and after the last strike the nearest
        cycle's duration holds; a stretch with one strike is taken as one cycle long, one with none as one
        cycle that begins with it.
    """
    time = np.arange(trial.n_frames) / trial.rate
    phase = np.full(trial.n_frames, np.nan)
    for run in labelled_runs(has_label):
        right = _phase_from_strikes(trial, time[run], "right")
        start = (right[0] + 0.5) % 1.0 - 0.5
        begins_with_strike = timing == "measured" and abs(start) < STRIKE_TOLERANCE
        own = right if foot == "right" else _phase_from_strikes(trial, time[run], foot)
        phase[run] = own - start if begins_with_strike else own
    phase %= 1.0
    phase[phase >= 1.0] = 0.0  # -1e-17 % 1 is 1
    return phase


def _phase_from_strikes(trial: CorpusTrial, time: np.ndarray, foot: str) -> np.ndarray:
    """Phase (n,) of one stretch from the strikes within it, before wrapping to one cycle."""
    strikes = np.array(sorted(e.time for e in trial.events if e.foot == foot and e.kind == "foot_strike"))
    # An event may fall between two frames, so a stretch owns the strikes up to two frames beyond its ends.
    margin = 2.0 / trial.rate
    within = strikes[(strikes >= time[0] - margin) & (strikes <= time[-1] + margin)]
    if not len(within):
        return (time - time[0]) * trial.rate / len(time)
    stride = _stride_time(trial, foot, within, len(time) / trial.rate)
    # A strike at the seam of two solved cycles may be there twice or not at all: whole strides are counted by time.
    # From strike to strike, so that strides that grow longer over minutes do not add up to a stride too many.
    strides = np.round(np.diff(within) / stride)
    count = np.concatenate([[0.0], np.cumsum(strides)])
    first = np.concatenate([[True], strides > 0])
    count, within = count[first], within[first]
    number = np.interp(time, within, count)
    before, after = time < within[0], time > within[-1]
    number[before] = (time[before] - within[0]) / stride
    number[after] = count[-1] + (time[after] - within[-1]) / stride
    return number


def _stride_time(trial: CorpusTrial, foot: str, strikes: np.ndarray, length: float) -> float:
    """Duration (s) of a cycle: as the trial states it, else between its strikes, else the whole stretch."""
    stated = trial.spatiotemporal.get(f"stride_time_{foot[0]}", float("nan"))
    if np.isfinite(stated) and stated > 0:
        return float(stated)
    return float(np.median(np.diff(strikes))) if len(strikes) > 1 else length


def time_normalise(values: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Average waveforms over cycles at 0, 1, ... 100 % of the cycle.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n)
    phase : ndarray, shape (n_frames,)
        From `cycle_phase`.

    Returns
    -------
    ndarray, shape (101, n)
        Periodic (the last point repeats the first); a column without a value in at least four frames is NaN.
    """
    grid = np.linspace(0.0, 1.0, N_PHASES)
    waveforms = np.full((N_PHASES, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = np.isfinite(values[:, column]) & np.isfinite(phase)
        if known.sum() < 4:
            continue
        order = np.argsort(phase[known], kind="stable")
        at, value = phase[known][order], values[known, column][order]
        # Several cycles interleave here: average what falls into the same hundredth before interpolating.
        box = np.floor(at * (N_PHASES - 1)).astype(int)
        n_in_box = np.bincount(box, minlength=N_PHASES - 1)
        full = n_in_box > 0
        centre = np.bincount(box, at, N_PHASES - 1)[full] / n_in_box[full]
        mean = np.bincount(box, value, N_PHASES - 1)[full] / n_in_box[full]
        waveforms[:, column] = np.interp(grid, centre, mean, period=1.0)
    return waveforms


def place_waveform(waveforms: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Read time-normalised waveforms (101, n) at given phases: (n_frames, n), NaN where the phase is NaN."""
    grid = np.linspace(0.0, 1.0, N_PHASES)
    placed = np.full((len(phase), waveforms.shape[1]), np.nan)
    known = np.isfinite(phase)
    for column in range(waveforms.shape[1]):
        placed[known, column] = np.interp(phase[known], grid, waveforms[:, column])
    return placed
