"""Gait range: between which angles the joints move in walking and running, and what of it a model's coordinates allow.

The ranges are our choice, not a published table: wide enough for walking and running of most persons and habits of
models, so that no fit extrapolates, and rounded to five degrees. What public recordings reach (12 trials of five
models: walks, three of them with altered gait, and runs at 2 and 3 m/s; 2026-11-21), in degrees:

=================  ===========  ==========
coordinate         walking      running
=================  ===========  ==========
hip_flexion        -24 to 41    1 to 60
hip_adduction      -13 to 14    -14 to 14
hip_rotation       -15 to 17    -13 to 15
knee_angle         0 to 73      10 to 104
ankle_angle        -30 to 22    -14 to 29
subtalar_angle     -32 to 14    locked
mtp_angle          5 to 7       locked
lumbar_extension   -11 to -2    0 to 12
lumbar_bending     -25 to 12    -3 to 9
lumbar_rotation    -13 to 12    -5 to 16
=================  ===========  ==========

Two leave the range: the subtalar angle of a walk with the toes turned out, and the bending of a walk with a swaying
trunk. Whoever uses the fits is told of angles beyond them (`muscle_path.beyond_range`).
"""

from __future__ import annotations

import math

from opensim_models.exchange.sign_convention import positive_directions
from opensim_models.model.skeleton import Coordinate, Skeleton

# Coordinate without side → word that counts positive, smallest and largest angle (deg) in that direction.
GAIT_RANGE_DEG: dict[str, tuple[str, float, float]] = {
    "hip_flexion": ("flexion", -30.0, 75.0),
    "hip_adduction": ("adduction", -20.0, 20.0),
    "hip_rotation": ("internal", -25.0, 25.0),
    "knee_angle": ("flexion", -5.0, 125.0),
    "ankle_angle": ("dorsiflexion", -35.0, 30.0),
    "subtalar_angle": ("inversion", -20.0, 20.0),
    "mtp_angle": ("toes up", -10.0, 45.0),
    "lumbar_extension": ("extension", -35.0, 20.0),
    "lumbar": ("extension", -35.0, 20.0),
    "lumbar_bending": ("to the right", -20.0, 20.0),
    "lumbar_rotation": ("right side forward", -20.0, 20.0),
}
OTHER_RANGE = {"rotation": math.radians(60.0), "translation": 0.1}
"""About the default (rad, m), for coordinates that gait analysis does not name."""


def gait_ranges(skeleton: Skeleton) -> dict[str, tuple[float, float]]:
    """Range of every coordinate in walking and running, in the model's own sign, within the model's own limits.

    Parameters
    ----------
    skeleton : Skeleton

    Returns
    -------
    dict
        Coordinate → (lower, upper) in rad or m.
    """
    directions = positive_directions(skeleton)
    return {c.name: _range(c, directions.get(c.name, "")) for c in skeleton.coordinates}


def base_name(coordinate: str) -> str:
    """Name of a coordinate without its side."""
    return coordinate[:-2] if coordinate.endswith(("_r", "_l")) else coordinate


def _range(coordinate: Coordinate, direction: str) -> tuple[float, float]:
    """Range of one coordinate; the model's limits where they leave nothing of it."""
    half = OTHER_RANGE[coordinate.kind]
    lower, upper = coordinate.default - half, coordinate.default + half
    known = GAIT_RANGE_DEG.get(base_name(coordinate.name))
    if known is not None and coordinate.kind == "rotation":
        word, low, high = known
        if direction in ("", "oblique", word):
            lower, upper = math.radians(low), math.radians(high)
        else:
            lower, upper = math.radians(-high), math.radians(-low)
    inside = max(lower, coordinate.lower), min(upper, coordinate.upper)
    if inside[1] - inside[0] > 1e-3:
        return inside
    if coordinate.upper - coordinate.lower > 1e-3 and math.isfinite(coordinate.upper - coordinate.lower):
        return coordinate.lower, coordinate.upper
    return lower, upper
