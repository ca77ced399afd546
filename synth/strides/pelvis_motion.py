"""Pelvis motion of a runner, drawn at random: what tables of joint angles do not hold.

Each of the six coordinates is a mean and harmonics of the stride: x = m + sum_k A_k cos(2 pi k phase - p_k). Right and
left steps are alike, so rise, fore-aft sway and tilt go twice a stride, and side sway, list and rotation once and three
times; a little of the other harmonics makes both steps differ. Each amplitude drifts from stride to stride.

The mean tilt comes from the angles: it is the one that lays the foot flat on the ground in mid-stance
(`runner_body.foot_flat_tilt`), give or take `TILT_SCATTER`. Frames of these tables stand level in standing, so it is
small, where an anatomical pelvis is tilted by some 18 deg.

List and rotation come from the angles as well, as far as they tell: their harmonics are those that keep the leg in its
plane (`upright_leg`), give or take `UPRIGHT_SCATTER`; their means are drawn.

Every other number is an **assumption**. The middle of amplitudes and phases is what the harmonics of the pelvis of the
one runner of Hamner and Delp (J Biomech 46:780, 2013) at 2 and 3 m/s are in the inverse kinematics published with it:
list 1.2 to 1.5 and rotation 2 to 5.5 deg once a stride; rise 46, fore-aft 10 to 13 and side 4 to 9 mm; lowest 18 %
after foot strike. The width is set by us so that runners differ clearly from each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

COORDINATES = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz")
"""OpenSim's: rotations about Z, X and Y in this order (rad), then the origin (m)."""
HARMONICS = 4
_D = np.pi / 180.0
# coordinate: mean from, to; then a harmonic: amplitude from, to, middle of its phase (deg; None: any)
_RANGES: dict[str, tuple[tuple[float, float], dict[int, tuple[float, float, float | None]]]] = {
    "pelvis_tilt": (
        (0.0, 0.0),
        {1: (0.0, 1.5 * _D, None), 2: (0.5 * _D, 3.0 * _D, 130.0), 4: (0.0, 0.5 * _D, None)},
    ),
    "pelvis_list": (
        (-2 * _D, 2 * _D),
        {1: (1.0 * _D, 4.5 * _D, -80.0), 2: (0.0, 0.7 * _D, None), 3: (0.2 * _D, 1.2 * _D, 0.0)},
    ),
    "pelvis_rotation": (
        (-4 * _D, 4 * _D),
        {1: (1.5 * _D, 7.0 * _D, -165.0), 2: (0.0, 0.7 * _D, None), 3: (0.0, 1.0 * _D, 30.0)},
    ),
    "pelvis_tx": ((0.0, 0.0), {1: (0.0, 0.003, None), 2: (0.006, 0.018, -30.0), 4: (0.0, 0.002, None)}),
    "pelvis_ty": ((0.0, 0.0), {1: (0.0, 0.007, None), 2: (0.032, 0.055, -65.0), 4: (0.0, 0.003, None)}),
    "pelvis_tz": ((-0.02, 0.02), {1: (0.003, 0.014, 60.0), 2: (0.0, 0.002, None), 3: (0.0, 0.001, None)}),
}
TILT_SCATTER = 2.0 * _D
"""SD (rad) of the mean tilt about the one that lays the foot flat."""
UPRIGHT_SCATTER = np.array([0.8, 1.2]) * _D
"""SD (rad) of cosine and sine of the first harmonic of list and rotation about those that keep the leg in its plane; of
harmonic k a k-th of it."""
PHASE_WIDTH = np.radians(25.0)
"""Half width of the phases that have a middle."""
DRIFT = 0.08
"""SD of an amplitude from stride to stride, as a share of it."""
WANDER = {"pelvis_tilt": 0.7 * _D, "pelvis_list": 0.5 * _D, "pelvis_rotation": 0.8 * _D}
"""SD (rad) of a mean from stride to stride; the origin wanders by `WANDER_OF_ORIGIN`."""
WANDER_OF_ORIGIN = 0.004
"""m."""


@dataclass(frozen=True)
class PelvisPattern:
    """How the pelvis of one runner moves; rows are `COORDINATES`.

    Attributes
    ----------
    mean : ndarray, shape (6,)
        rad and m; the height of the origin is added by the body.
    amplitude, phase : ndarray, shape (6, 4)
        Of the harmonics 1 to 4 of the stride; rad and m, rad.
    """

    mean: np.ndarray
    amplitude: np.ndarray
    phase: np.ndarray


def draw_pelvis(rng: np.random.Generator, tilt: float = 0.0, upright: np.ndarray | None = None) -> PelvisPattern:
    """Draw the pelvis of a runner.

    Parameters
    ----------
    rng : numpy.random.Generator
    tilt : float
        Mean tilt (rad) that lays the foot flat.
    upright : ndarray, shape (2, 3), complex, optional
        Harmonics of list and rotation that keep the leg in its plane (`upright_leg.upright_pelvis`); without them
        amplitudes and phases are drawn from ranges.
    """
    mean, amplitude, phase = np.zeros(6), np.zeros((6, HARMONICS)), np.zeros((6, HARMONICS))
    for row, name in enumerate(COORDINATES):
        between, harmonics = _RANGES[name]
        mean[row] = rng.uniform(*between)
        for k, (low, high, middle) in harmonics.items():
            amplitude[row, k - 1] = rng.uniform(low, high)
            around = rng.uniform(-PHASE_WIDTH, PHASE_WIDTH)
            phase[row, k - 1] = rng.uniform(-np.pi, np.pi) if middle is None else np.radians(middle) + around
    if upright is not None:
        noise = rng.standard_normal((*upright.shape, 2)) @ np.array([1.0, 1.0j])
        drawn = upright + UPRIGHT_SCATTER[:, None] / np.arange(1, upright.shape[1] + 1) * noise
        amplitude[1:3, : upright.shape[1]], phase[1:3, : upright.shape[1]] = np.abs(drawn), np.angle(drawn)
    mean[0] = tilt + TILT_SCATTER * rng.standard_normal()
    return PelvisPattern(mean, amplitude, phase)


def pelvis_coordinates(pattern: PelvisPattern, strides: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coordinates of the pelvis over time.

    Parameters
    ----------
    pattern : PelvisPattern
    strides : ndarray, shape (n,)
        Strides since the first foot strike, a share of one included; ascending.
    rng : numpy.random.Generator
        For what differs from stride to stride.

    Returns
    -------
    ndarray, shape (n, 6)
        `COORDINATES`, rad and m.
    """
    knots = np.arange(np.floor(strides[0]) - 1.0, np.ceil(strides[-1]) + 2.0)
    wander = np.array([WANDER.get(name, WANDER_OF_ORIGIN) for name in COORDINATES])
    means = CubicSpline(knots, pattern.mean + wander * rng.standard_normal((len(knots), 6)))(strides)
    growth = 1.0 + DRIFT * rng.standard_normal((len(knots), 6, HARMONICS))
    amplitudes = pattern.amplitude * CubicSpline(knots, growth)(strides)
    angle = 2.0 * np.pi * np.arange(1, HARMONICS + 1) * strides[:, None, None] - pattern.phase
    return means + (amplitudes * np.cos(angle)).sum(axis=2)
