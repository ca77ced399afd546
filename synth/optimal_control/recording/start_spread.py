"""Start spread: disturbed copies of a start, to find out whether other starts lead to better solutions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.structure import MovementStructure

HARMONICS = 3
MOST_ACTIVATION = 0.4


def spread_arrays(
    arrays: Mapping[str, np.ndarray], structure: MovementStructure, rng: np.random.Generator, spread: float
) -> dict[str, np.ndarray]:
    """Disturb a start smoothly.

    Every coordinate gets a random sum of the first three harmonics of the period (for half cycles such that the mirror
    image continues it), with its derivatives in speeds and accelerations; muscles begin at random levels.

    Parameters
    ----------
    arrays : dict of str to ndarray
        In physical units, with coordinates, speeds, accelerations and duration.
    structure : MovementStructure
    rng : numpy.random.Generator
    spread : float
        Standard deviation (rad; m of translations are a tenth of it) at any time.

    Returns
    -------
    dict of str to ndarray
    """
    mesh = structure.mesh
    halves = 2.0 if mesh.period == "half_cycle" else 1.0
    duration = float(arrays["duration"][0]) * halves
    angle = 2.0 * np.pi * mesh.phase / halves
    size = np.array([spread if c.kind == "rotation" else 0.1 * spread for c in structure.pattern.coordinates])
    parts = rng.normal(size=(2, HARMONICS, len(size))) * size / np.sqrt(HARMONICS)
    offset = {name: _harmonics(parts, angle, duration, order) for order, name in enumerate(_NAMES)}
    if mesh.period == "half_cycle":
        later = {name: _harmonics(parts, angle + np.pi, duration, order) for order, name in enumerate(_NAMES)}
        offset = {n: (offset[n] + mirrored_array(structure, n, later[n])) / np.sqrt(2.0) for n in _NAMES}
    disturbed = dict(arrays)
    for name in _NAMES:
        disturbed[name] = arrays[name] + offset[name]
    if structure.muscles:
        level = rng.uniform(0.02, MOST_ACTIVATION, size=(1, len(structure.muscles)))
        disturbed |= {"activations": level, "excitations": level}
    return disturbed


_NAMES = ("coordinates", "speeds", "accelerations")


def _harmonics(parts: np.ndarray, angle: np.ndarray, duration: float, order: int) -> np.ndarray:
    """Sum (n, n_q) of harmonics, or its derivative of an order (per s^order)."""
    total = np.zeros((len(angle), parts.shape[2]))
    for k in range(HARMONICS):
        argument = (k + 1) * angle[:, None] + order * np.pi / 2.0
        rate = (2.0 * np.pi * (k + 1) / duration) ** order
        total += rate * (parts[0, k] * np.cos(argument) + parts[1, k] * np.sin(argument))
    return total
