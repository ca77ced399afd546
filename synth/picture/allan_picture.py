"""Allan picture: the Allan deviation of still sensors, with the terms fitted to it and those of a datasheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from synth.imu.allan_deviation import AllanCurve, AllanTerms
from synth.imu.recording import ImuRecording
from synth.imu.sensor_error import SensorModel, TriadErrors
from synth.picture.pair_picture import COLOURS

KINDS = (("gyroscope", "angular_velocity", "rad/s"), ("accelerometer", "specific_force", "m/s²"))
Curves = Mapping[tuple[str, str], tuple[AllanCurve, Sequence[AllanTerms]]]
"""By sensor and kind: the curve and the terms of its three channels."""


def allan_picture(recordings: Sequence[ImuRecording], curves: Curves, preset: SensorModel | None = None) -> Figure:
    """Draw one row a sensor: gyroscope and accelerometer, each axis with its fit.

    Parameters
    ----------
    recordings : sequence of ImuRecording
    curves : mapping
    preset : SensorModel, optional
        Drawn in black.
    """
    figure = Figure(figsize=(11.0, 3.6 * len(recordings)), layout="constrained")
    grid = figure.subplots(len(recordings), 2, squeeze=False)
    for row, recording in zip(grid, recordings, strict=True):
        name = recording.placement.sensor
        for axes, (kind, _, unit) in zip(row, KINDS, strict=True):
            axes.set_title(f"{name}: Allan deviation of the {kind} ({unit})", fontsize=8)
            axes.set_xlabel("averaging time (s)", fontsize=7)
            axes.tick_params(labelsize=7)
            axes.grid(color="#777777", alpha=0.2, which="both")
            if (name, kind) not in curves:
                continue
            curve, terms = curves[name, kind]
            for axis, colour in enumerate(COLOURS):
                axes.loglog(curve.tau, curve.deviation[:, axis], ".", color=colour, markersize=4, label="xyz"[axis])
                axes.loglog(curve.tau, terms[axis].deviation(curve.tau), color=colour, linewidth=0.8)
            if preset is not None:
                sheet = sheet_terms(getattr(preset, kind)).deviation(curve.tau)
                axes.loglog(curve.tau, np.maximum(sheet, np.finfo(float).tiny), color="black", label=preset.name)
            axes.legend(fontsize=7)
    return figure


def sheet_terms(triad: TriadErrors) -> AllanTerms:
    """Noise terms of a datasheet."""
    return AllanTerms(triad.noise_density, triad.bias_instability, triad.random_walk)
