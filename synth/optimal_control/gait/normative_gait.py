"""Normative gait: what healthy walking looks like, as short Fourier series, and how people differ from it.

Sagittal angles of level walking at a comfortable speed, one series a coordinate over a gait cycle from foot strike to
foot strike of the same foot, drawn by us after the shapes that every textbook shows (e.g. Winter, Biomechanics and
Motor Control of Human Gait, 1991). They start solvers and pull predicted gaits towards the human ones; nothing is
ever evaluated against them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton

COORDINATES = planar_skeleton(Subject("planar", 70.0, 1.75)).coordinate_names
"""The ten coordinates of every planar skeleton of ours, in order."""

COMFORTABLE_SPEED = 1.3
"""Speed (m/s) at which the series hold, for a person of REFERENCE_HEIGHT."""
REFERENCE_HEIGHT = 1.75
_CYCLE_AT_COMFORTABLE = 1.08

# Degrees: mean, then cosine and sine of the 1st, 2nd … harmonic of the gait cycle.
_SERIES = {
    "hip_flexion": (10.11, 17.10, -3.62, -2.82, -2.23, -0.20, 1.16, -0.05, -0.17, -0.10, 0.13, 0.02, 0.03),
    "knee_angle": (23.05, -3.12, -19.56, -13.82, 7.29, -0.92, 4.31, -0.36, 0.46, -0.09, 0.45, 0.06, 0.04),
    "ankle_angle": (0.33, -1.09, 5.80, 0.72, -7.02, -3.15, 1.17, 2.38, -0.53, -0.48, -1.04, 0.34, 0.47),
    "pelvis_tilt": (-1.0, 0.0, 0.0, 0.6, 0.4),
    "lumbar_extension": (-3.0, 0.0, 0.0, -0.6, -0.5),
}
# How the oscillating part of each coordinate grows with speed: relative change per relative change of speed.
_GROWTH = {"hip_flexion": 0.45, "knee_angle": 0.15, "ankle_angle": 0.25, "pelvis_tilt": 0.3, "lumbar_extension": 0.3}
_EARLY = 0.012  # forces are drawn from a threshold on; the sole feels the floor a little sooner
_LONGER = 1.03
JOINTS = ("hip_flexion", "knee_angle", "ankle_angle")

# Ground reaction of one foot in body weights against per cent of its gait cycle (walking).
_VERTICAL_PHASE = (0, 2, 5, 8, 12, 15, 20, 25, 30, 35, 40, 45, 49, 53, 56, 59, 62, 100)
_VERTICAL = (0.0, 0.30, 0.72, 0.98, 1.12, 1.09, 0.93, 0.80, 0.76, 0.81, 0.94, 1.07, 1.11, 0.97, 0.63, 0.25, 0.0, 0.0)
_FORWARD_PHASE = (0, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 53, 57, 62, 100)
_FORWARD = (0.0, 0.02, -0.09, -0.18, -0.15, -0.09, -0.05, -0.015, 0.02, 0.08, 0.15, 0.205, 0.195, 0.09, 0.0, 0.0)


@dataclass(frozen=True)
class GaitStyle:
    """How one person's walking differs from the normative one.

    Attributes
    ----------
    amplitude : dict of str to float
        Factor on the oscillating part of a coordinate.
    offset : dict of str to float
        Added to a coordinate (rad).
    harmonics : dict of str to ndarray, shape (4,)
        Added cosine and sine of the first two harmonics (rad).
    cadence : float
        Factor on the normative cadence.
    strength : float
        Factor on the muscles' strength.
    """

    amplitude: dict[str, float] = field(default_factory=dict)
    offset: dict[str, float] = field(default_factory=dict)
    harmonics: dict[str, np.ndarray] = field(default_factory=dict)
    cadence: float = 1.0
    strength: float = 1.0


def draw_style(rng: np.random.Generator, spread: float = 1.0) -> GaitStyle:
    """Draw a person's style; `spread` scales how far it is from the normative one, 0 is none.

    The gaits that optimal control finds differ less than the styles that they are drawn to.
    """
    names = tuple(_SERIES)
    degrees = {"hip_flexion": 3.0, "knee_angle": 2.0, "ankle_angle": 2.0, "pelvis_tilt": 2.5, "lumbar_extension": 3.0}
    return GaitStyle(
        amplitude={n: float(1.0 + 0.06 * spread * rng.standard_normal()) for n in names},
        offset={n: math.radians(spread * degrees[n] * rng.standard_normal()) for n in names},
        harmonics={n: np.radians(0.8 * spread * rng.standard_normal(4)) for n in JOINTS},
        cadence=float(np.clip(1.0 + 0.03 * spread * rng.standard_normal(), 0.9, 1.1)),
        strength=float(np.clip(1.0 + 0.12 * spread * rng.standard_normal(), 0.7, 1.4)),
    )


def relative_speed(speed: float, height: float) -> float:
    """Speed over the comfortable one of a person of that height (equal Froude numbers)."""
    return speed / (COMFORTABLE_SPEED * math.sqrt(height / REFERENCE_HEIGHT))


def cycle_duration(speed: float, height: float, style: GaitStyle | None = None) -> float:
    """Duration (s) of a gait cycle: faster walking takes longer and quicker steps alike (Grieve and Gear, 1966)."""
    natural = _CYCLE_AT_COMFORTABLE * math.sqrt(height / REFERENCE_HEIGHT)
    return natural / math.sqrt(relative_speed(speed, height)) / (style.cadence if style else 1.0)


def normative_coordinates(phase: np.ndarray, speed: float, height: float, style: GaitStyle | None = None) -> np.ndarray:
    """Coordinates of normative walking, right foot strike at phase 0.

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
    relative = relative_speed(speed, height)
    return both_sides(phase, _SERIES, lambda name, at: _series(name, at, relative, style or GaitStyle()))


def both_sides(phase: np.ndarray, names: Collection[str], curve: Callable[[str, np.ndarray], np.ndarray]) -> np.ndarray:
    """Coordinates (n, 10) of a symmetric gait: the left leg does half a cycle later what the right one does.

    Parameters
    ----------
    phase : ndarray, shape (n,)
    names : collection of str
        Coordinates, without their sides, that have a curve; others are NaN.
    curve : callable
        (name, phase) → values (rad).
    """
    values = np.full((len(phase), len(COORDINATES)), np.nan)
    for i, coordinate in enumerate(COORDINATES):
        name = coordinate[:-2] if coordinate[-2:] in ("_r", "_l") else coordinate
        if name in names:
            values[:, i] = curve(name, phase + 0.5 if coordinate.endswith("_l") else phase)
    return values


def _series(name: str, phase: np.ndarray, relative: float, style: GaitStyle) -> np.ndarray:
    mean, *harmonics = np.radians(_SERIES[name])
    amplitude = (1.0 + _GROWTH[name] * (relative - 1.0)) * style.amplitude.get(name, 1.0)
    total = np.array(harmonics) * amplitude
    own = style.harmonics.get(name)
    if own is not None:
        total[:4] += own
    values = np.full(len(phase), mean + style.offset.get(name, 0.0))
    for k in range(len(total) // 2):
        angle = 2.0 * np.pi * (k + 1) * phase
        values += total[2 * k] * np.cos(angle) + total[2 * k + 1] * np.sin(angle)
    return values


def normative_forces(phase: np.ndarray, speed: float, height: float) -> np.ndarray:
    """Ground reaction of normative walking in body weights, shape (n, 4): forward and vertical, right then left."""
    relative = relative_speed(speed, height)
    vertical, forward = PchipInterpolator(_VERTICAL_PHASE, _VERTICAL), PchipInterpolator(_FORWARD_PHASE, _FORWARD)
    grid = np.arange(200) / 2.0
    # the double hump grows with speed; the mean force over a cycle is half the body weight whatever the speed
    plateau = 0.95 * np.sin(np.pi * np.clip(grid / 62.0, 0.0, 1.0)) ** 0.35
    shape = np.where(grid < 62.0, plateau + relative * (vertical(grid) - plateau), 0.0)
    mean_vertical, mean_forward = shape.mean(), forward(grid).mean()
    columns = []
    for shift in (0.0, 0.5):
        percent = 100.0 * np.mod(phase + shift + _EARLY, 1.0) / _LONGER
        columns.append(relative * (forward(percent) - np.where(percent < 62.0, mean_forward / 0.62, 0.0)))
        columns.append(0.5 / mean_vertical * np.interp(percent, grid, shape, period=100.0))
    return np.stack(columns, axis=1)
