"""Pair picture: a real sensor beside its virtual one over time and over frequency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synth.real_imu.comparison import SensorComparison
from synth.real_imu.sensor_pair import channels

COLOURS = ("#b5232f", "#0b7a4b", "#2b5fa8")
"""Of the segment's X, Y and Z axis."""
SECONDS = 6.0
_GREY = "#777777"
_TRIADS = (("gyroscope", "rad/s", slice(3, 6)), ("accelerometer", "m/s²", slice(0, 3)))


def pair_picture(comparisons: Sequence[SensorComparison]) -> Figure:
    """Draw sensors, one a row: both signals over the liveliest seconds, and the spectra of what they read.

    Parameters
    ----------
    comparisons : sequence of SensorComparison

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(16.0, 3.0 * len(comparisons)), layout="constrained")
    grid = figure.subplots(len(comparisons), 4, squeeze=False)
    for row, comparison in zip(grid, comparisons, strict=True):
        for column, (word, unit, triad) in enumerate(_TRIADS):
            draw_time_courses(row[column], comparison, triad, f"{comparison.sensor}: {word} ({unit})")
            draw_spectra(row[2 + column], comparison, triad, f"{comparison.sensor}: {word}", f"({unit})²/Hz")
    grid[0, 0].legend(loc="upper right", fontsize=7)
    grid[0, 2].legend(loc="upper right", fontsize=7)
    return figure


def draw_time_courses(axes: Axes, comparison: SensorComparison, triad: slice, title: str) -> None:
    """Real (strong) and virtual (pale, broad) channels in segment axes."""
    real, virtual = (channels(record)[:, triad] for record in (comparison.pair.real, comparison.pair.virtual))
    rate = comparison.pair.real.rate
    chosen = liveliest(real, virtual, round(SECONDS * rate))
    time = np.arange(len(real))[chosen] / rate
    for axis, (name, colour) in enumerate(zip("XYZ", COLOURS, strict=True)):
        axes.plot(time, virtual[chosen, axis], color=colour, alpha=0.3, linewidth=3.0, label=f"{name} virtual")
        axes.plot(time, real[chosen, axis], color=colour, linewidth=0.8, label=f"{name} real")
    found = comparison.pair.alignment
    share = found.gyroscope_share if triad.start == 3 else found.accelerometer_share
    axes.set_title(f"{title}, residual {100 * share:.0f} % of SD, lag {1000 * comparison.lag:.0f} ms", fontsize=8)
    axes.set_xlabel("s", fontsize=7)
    axes.tick_params(labelsize=7)


def draw_spectra(axes: Axes, comparison: SensorComparison, triad: slice, title: str, unit: str) -> None:
    """Power spectral densities of real, virtual and residual, the three axes together."""
    spectrum = comparison.spectrum
    for values, colour, label in (
        (spectrum.real, "#222222", "real"),
        (spectrum.virtual, COLOURS[2], "virtual"),
        (spectrum.residual, COLOURS[0], "residual"),
    ):
        total = np.maximum(values[:, triad].sum(axis=1), np.finfo(float).tiny)
        axes.loglog(spectrum.frequency, total, color=colour, linewidth=1.0, label=label)
    highest = float(spectrum.real[:, triad].sum(axis=1).max())
    axes.set_ylim(highest * 1e-7, highest * 3.0)
    low, whole = (d[triad].mean() for d in (comparison.low_distance, comparison.distance))
    axes.set_title(f"{title}, distance {low:.1f} dB to 12 Hz, {whole:.1f} in all", fontsize=8)
    axes.set_ylabel(unit, fontsize=7)
    axes.set_xlabel("Hz", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.grid(color=_GREY, alpha=0.2)


def liveliest(real: np.ndarray, virtual: np.ndarray, length: int) -> slice:
    """The stretch of `length` samples with the most movement where both are known; all of a shorter record."""
    known = np.isfinite(np.hstack([real, virtual])).all(axis=1)
    if len(real) <= length or not known.any():
        return slice(0, len(real))
    moving = np.where(known, np.square(real - np.nanmean(real, axis=0)).sum(axis=1), 0.0)
    sums = np.concatenate([[0.0], np.cumsum(np.minimum(moving, 9.0 * np.median(moving[known])))])
    start = int(np.argmax(sums[length:] - sums[:-length]))
    return slice(start, start + length)
