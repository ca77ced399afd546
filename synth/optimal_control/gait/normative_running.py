"""Normative running: what healthy running looks like, as curves through a few points of the gait cycle.

Sagittal angles and ground reaction of heel-strike running at 3 m/s, a few points a curve, drawn by us after the shapes
that every textbook shows (e.g. T. F. Novacheck, Gait Posture 7:77, 1998). They start solvers and pull running that
tracks towards the human one; nothing is ever evaluated against them.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.interpolate import PchipInterpolator

from synth.optimal_control.gait.normative_gait import JOINTS, REFERENCE_HEIGHT, GaitStyle, both_sides
from synth.optimal_control.gait.periodic_curve import low_pass_periodic

COMFORTABLE_SPEED = 3.0
"""Speed (m/s) at which the curves hold, for a person of REFERENCE_HEIGHT."""
_CYCLE_AT_COMFORTABLE = 0.72

# Degrees against per cent of the gait cycle, foot strike to foot strike of the same foot.
_CURVES = {
    "hip_flexion": (
        (0, 10, 20, 30, 38, 43, 50, 60, 70, 80, 90),
        (35, 31, 19, 4, -6, -6, 2, 23, 41, 48, 43),
    ),
    "knee_angle": (
        (0, 8, 15, 20, 30, 37, 42, 50, 60, 66, 72, 80, 90, 95),
        (15, 30, 40, 41, 29, 21, 25, 50, 82, 88, 82, 58, 23, 14),
    ),
    "ankle_angle": (
        (0, 5, 12, 19, 27, 33, 39, 43, 50, 60, 70, 80, 90),
        (5, 6, 15, 20, 10, -8, -20, -20, -10, -2, 2, 4, 6),
    ),
    "pelvis_tilt": ((0, 12, 25, 37), (-6, -5, -6, -7)),
    "lumbar_extension": ((0, 12, 25, 37), (-5, -7, -5, -4)),
}
_GROWTH = {"hip_flexion": 0.4, "knee_angle": 0.25, "ankle_angle": 0.2, "pelvis_tilt": 0.2, "lumbar_extension": 0.2}
_HARMONICS = 8
_STANCE = 0.36
_FINE = np.arange(200) / 200.0


def running_speed(speed: float, height: float) -> float:
    """Speed over the comfortable one of a person of that height (equal Froude numbers)."""
    return speed / (COMFORTABLE_SPEED * math.sqrt(height / REFERENCE_HEIGHT))


def running_duration(speed: float, height: float, style: GaitStyle | None = None) -> float:
    """Duration (s) of a running cycle: up to 5 m/s speed comes from longer steps, hardly from quicker ones."""
    natural = _CYCLE_AT_COMFORTABLE * math.sqrt(height / REFERENCE_HEIGHT)
    return natural / running_speed(speed, height) ** 0.2 / (style.cadence if style else 1.0)


def running_coordinates(phase: np.ndarray, speed: float, height: float, style: GaitStyle | None = None) -> np.ndarray:
    """Coordinates of normative running, right foot strike at phase 0.

    Parameters
    ----------
    phase : ndarray, shape (n,)
        Share of the gait cycle.
    speed, height : float
        m/s, m.
    style : GaitStyle, optional

    Returns
    -------
    ndarray, shape (n, 10)
        rad; the pelvis translations are NaN.
    """
    relative = running_speed(speed, height)
    return both_sides(phase, _CURVES, lambda name, at: _curve(name, at, relative, style or GaitStyle()))


def _curve(name: str, phase: np.ndarray, relative: float, style: GaitStyle) -> np.ndarray:
    percent, degrees = (np.array(v, float) for v in _CURVES[name])
    if name not in JOINTS:  # the trunk sways twice a cycle
        percent, degrees = np.r_[percent, percent + 50.0], np.r_[degrees, degrees]
    around = (np.r_[percent - 100.0, percent, percent + 100.0] / 100.0, np.tile(np.radians(degrees), 3))
    fine = low_pass_periodic(PchipInterpolator(*around)(_FINE), _HARMONICS)
    mean = fine.mean()
    amplitude = (1.0 + _GROWTH[name] * (relative - 1.0)) * style.amplitude.get(name, 1.0)
    fine = mean + style.offset.get(name, 0.0) + amplitude * (fine - mean)
    own = style.harmonics.get(name)
    if own is not None:
        for k in range(2):
            angle = 2.0 * np.pi * (k + 1) * _FINE
            fine += own[2 * k] * np.cos(angle) + own[2 * k + 1] * np.sin(angle)
    return np.interp(np.mod(phase, 1.0), _FINE, fine, period=1.0)


def running_forces(phase: np.ndarray, speed: float, height: float) -> np.ndarray:
    """Ground reaction of normative running in body weights, shape (n, 4): forward and vertical, right then left.

    One hump, its mean over the cycle half the body weight; braking, then as much driving.
    """
    relative = running_speed(speed, height)
    stance = _STANCE / relative**0.4
    peak = 0.25 * relative
    columns = []
    for shift in (0.0, 0.5):
        share = np.mod(phase + shift, 1.0) / stance
        down = share < 1.0
        columns.append(np.where(down, -peak * np.sin(2.0 * np.pi * share), 0.0))
        columns.append(np.where(down, np.pi / 4.0 / stance * np.sin(np.pi * np.minimum(share, 1.0)), 0.0))
    return np.stack(columns, axis=1)
