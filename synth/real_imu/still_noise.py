"""Still noise: Allan deviation and noise terms of real sensors that lie still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.imu.allan_deviation import AllanCurve, AllanTerms, allan_deviation, fit_terms
from synth.real_imu.convention import STANDARD_GRAVITY, RecordingRefused
from synth.real_imu.sensor_session import SensorSession

_CHANNELS = (("gyroscope", "angular_velocity"), ("accelerometer", "specific_force"))
_STILL = 0.02
"""SD of the specific force, as a share of 1 g, above which a sensor moved; people who stand stay below 0.01."""

Curves = dict[tuple[str, str], tuple[AllanCurve, tuple[AllanTerms, ...]]]
"""By sensor and kind (gyroscope, accelerometer): the curve and the terms of its three channels."""


def noise_curves(session: SensorSession) -> Curves:
    """Allan deviation of every channel that has numbers, and the terms fitted to it.

    Raises
    ------
    RecordingRefused
        No channel has numbers.
    """
    found: Curves = {}
    for recording in session.recordings:
        for kind, name in _CHANNELS:
            values = getattr(recording, name)
            if np.isfinite(values).any():
                curve = allan_deviation(values, recording.rate)
                found[recording.placement.sensor, kind] = (curve, tuple(fit_terms(curve, axis) for axis in range(3)))
    if not found:
        raise RecordingRefused(
            f"{session.name}: neither accelerations nor angular velocities; an Allan deviation needs one."
        )
    return found


def noise_rows(curves: Curves) -> list[dict[str, str | float]]:
    """Terms of every channel: densities per sqrt(Hz), floor, walk; m/s² and rad/s."""
    rows: list[dict[str, str | float]] = []
    for (sensor, kind), (_, terms) in curves.items():
        for axis, term in zip("xyz", terms, strict=True):
            rows.append({"sensor": sensor, "channel": f"{kind} {axis}", **vars(term)})
    return rows


def movement_warnings(session: SensorSession) -> Sequence[str]:
    """One sentence for every sensor that was not still: its curve shows the movement, not the sensor."""
    found = []
    for recording in session.recordings:
        known = recording.specific_force[np.isfinite(recording.specific_force).all(axis=1)]
        spread = float(np.sqrt(known.var(axis=0).sum())) if len(known) else 0.0
        if spread > _STILL * STANDARD_GRAVITY:
            found.append(
                f"{recording.placement.sensor} moved (specific force varies by {spread:.2g} m/s²): its curve shows the "
                "movement, not the sensor."
            )
    return found
