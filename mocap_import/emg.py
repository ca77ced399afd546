"""EMG envelope: band-pass, rectify, low-pass, normalise, without phase lag and without crossing a gap.

References
----------
De Luca, Gilmore, Kuznetsov & Roy 2010, J Biomech 43:1573 (high-pass corner of 20 Hz, at least 12 dB/octave);
Merletti & Di Torino 1999, Standards for reporting EMG data, J Electromyogr Kinesiol 9(1); Hermens et al. 2000 (SENIAM),
J Electromyogr Kinesiol 10:361 (10-20 Hz to about 500 Hz); Winter 2009, section 10 (linear envelope);
Burden 2010, J Electromyogr Kinesiol 20:1023 (normalisation to the peak or mean of the task).
"""

from __future__ import annotations

import numpy as np

from mocap_import.analog_channel import analog_channels
from mocap_import.low_pass import low_pass
from mocap_import.trial import MarkerTrial, Treatment

BAND = (20.0, 450.0)
"""Edges (Hz) of the band-pass."""
SMOOTHING = 6.0
"""Cut-off (Hz) of the low-pass of the rectified signal."""
ORDER = 4
"""Order of each edge and of the low-pass after both passes: 24 dB/octave."""
HIGHEST_SHARE = 0.95
"""Largest upper edge of the band as a share of half the rate."""
NORMALISATIONS = ("peak", "mean", "none")
RECIPE = (
    f"band-pass {BAND[0]:g}-{BAND[1]:g} Hz, rectified, low-pass {SMOOTHING:g} Hz, Butterworth of order {ORDER} without "
    "lag, 1 = peak of the trial"
)
"""What the default envelopes are, in words."""


def emg_band(rate: float, band: tuple[float, float] = BAND) -> tuple[tuple[float, float], list[Treatment]]:
    """The band that a rate allows.

    Returns
    -------
    band : tuple of float
        Edges (Hz); the upper one at most `HIGHEST_SHARE` of half the rate.
    treatments : list of Treatment
        ``emg_band_limited`` if the upper edge had to come down.

    Raises
    ------
    ValueError
        The edges are out of order, or the rate leaves less than one octave above the lower edge.
    """
    low, high = band
    if not 0 < low < high:
        raise ValueError(f"the band must rise from above 0 Hz, got {low:g} to {high:g} Hz")
    limit = HIGHEST_SHARE * rate / 2
    if limit < 2 * low:
        raise ValueError(
            f"EMG sampled at {rate:g} Hz holds nothing above {rate / 2:g} Hz; a band from {low:g} Hz needs at least "
            f"{4 * low / HIGHEST_SHARE:.0f} Hz. It is an envelope already, or no EMG."
        )
    if high <= limit:
        return (low, high), []
    detail = f"upper edge {high:g} Hz lowered to {limit:g} Hz: the rate is {rate:g} Hz"
    return (low, limit), [Treatment("emg_band_limited", detail)]


def emg_envelope(
    values: np.ndarray,
    rate: float,
    *,
    band: tuple[float, float] = BAND,
    low: float = SMOOTHING,
    normalise: str = "peak",
    order: int = ORDER,
) -> np.ndarray:
    """Linear envelope of raw EMG.

    Parameters
    ----------
    values : ndarray, shape (n_samples,) or (n_samples, n_channels)
        Raw EMG in any unit; an offset is removed by the band-pass. NaN = missing: stays NaN, and each stretch between
        gaps is treated by itself.
    rate : float
        Samples per second (Hz).
    band : tuple of float, default (20, 450)
        Edges (Hz) at which the amplitude is 1/√2; the upper one is limited by the rate (see `emg_band`).
    low : float, default 6.0
        Cut-off (Hz) of the low-pass after rectification.
    normalise : str, default "peak"
        ``"peak"``: the largest value of each channel becomes 1; ``"mean"``: its mean does; ``"none"``: unit of the
        signal. A silent channel stays zero.
    order : int, default 4
        Of each edge, after both passes; even.

    Returns
    -------
    ndarray
        Same shape, ≥ 0.

    Notes
    -----
    Zero-phase Butterworth filters. Run in both directions, the high-pass is exactly the signal less its low-pass, with
    the cut-off moved so that the amplitude at the lower edge is 1/√2.
    """
    if normalise not in NORMALISATIONS:
        raise ValueError(f"normalise must be one of {', '.join(NORMALISATIONS)}, got {normalise!r}")
    (lower, upper), _ = emg_band(rate, band)
    signal = np.asarray(values, dtype=float)
    complement = np.arctan(np.tan(np.pi * lower / rate) * (np.sqrt(2.0) - 1.0) ** (2.0 / order)) * rate / np.pi
    banded = low_pass(signal - low_pass(signal, rate, complement, order), rate, upper, order)
    # The low-pass of a rectified signal may undershoot zero beside a burst.
    envelope = np.maximum(low_pass(np.abs(banded), rate, low, order), 0.0)
    if normalise == "none" or not np.isfinite(envelope).any():
        return envelope
    seen = np.where(np.isfinite(envelope), envelope, 0.0)
    count = np.maximum(np.isfinite(envelope).sum(axis=0), 1)
    scale = seen.max(axis=0) if normalise == "peak" else seen.sum(axis=0) / count
    return envelope / np.where(scale > 0, scale, 1.0)


def trial_envelopes(
    trial: MarkerTrial,
    *,
    band: tuple[float, float] = BAND,
    low: float = SMOOTHING,
    normalise: str = "peak",
    at_frames: bool = False,
) -> tuple[dict[str, np.ndarray], list[Treatment]]:
    """Envelopes of the EMG channels of a trial; the trial keeps its raw channels.

    Parameters
    ----------
    trial : MarkerTrial
    band, low, normalise
        As in `emg_envelope`.
    at_frames : bool, default False
        Give the envelopes at the marker frames (n_frames,) instead of at `analog_rate`. A signal below 6 Hz loses
        nothing by that at 25 Hz and more.

    Returns
    -------
    envelopes : dict
        Label → array, in the order of the trial; empty without EMG.
    treatments : list of Treatment
        ``emg_band_limited``, ``emg_not_enveloped`` (the rate is too low), ``emg_silent`` (a channel without signal).
    """
    labels = [channel.label for channel in analog_channels(trial) if channel.kind == "emg"]
    if not labels:
        return {}, []
    try:
        _, notes = emg_band(trial.analog_rate, band)
    except ValueError as problem:
        return {}, [Treatment("emg_not_enveloped", f"{', '.join(labels)}: {problem}")]
    raw = np.stack([np.asarray(trial.analog[label], dtype=float) for label in labels], axis=1)
    silent = [label for label, column in zip(labels, raw.T, strict=True) if _is_silent(column)]
    if silent:
        notes.append(Treatment("emg_silent", f"channels that never change: {', '.join(silent)}"))
    envelopes = emg_envelope(raw, trial.analog_rate, band=band, low=low, normalise=normalise)
    if at_frames:
        samples = np.arange(len(envelopes)) / trial.analog_rate
        envelopes = np.stack([np.interp(trial.time, samples, column) for column in envelopes.T], axis=1)
    return {label: envelopes[:, k] for k, label in enumerate(labels)}, notes


def _is_silent(values: np.ndarray) -> bool:
    """Whether a channel (n_samples,) never changes, or holds no number."""
    seen = values[np.isfinite(values)]
    return len(seen) == 0 or bool(seen.min() == seen.max())
