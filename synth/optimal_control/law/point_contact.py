"""Contact of points with a level floor: a penetration law, cheaper and softer than spheres, for 2-D and 3-D.

Ground frame: X forward, Y up, Z right; the floor is the plane Y = `floor`. Scalar arithmetic as in
`synth.optimal_control.law.sphere_contact`: exact zeros stay, constants may be symbols. Smooth in every argument.

Source: the gait models of biosym, whose contact the body-weight constants below are; they are planar, and the friction
is carried over to two directions here by the length of the slip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opensim_models.model.multibody import SegmentState, point_position, point_velocity
from opensim_models.model.skeleton import ORIGIN
from opensim_models.model.vector import Scalar, Vector, minus, plus, times
from synth.optimal_control.law.sphere_contact import FootLoad, gathered_load

BODY_WEIGHTS_PER_METRE = 100.0
"""Stiffness of a point of biosym's models: times the body weight (N) it is `PointConstants.stiffness`."""


@dataclass(frozen=True)
class PointConstants:
    """Constants of the penetration law; the defaults are biosym's, but for `attraction`.

    Attributes
    ----------
    stiffness : scalar
        N/m: `BODY_WEIGHTS_PER_METRE` times the body weight.
    damping : scalar
        s/m. A point that leaves faster than 1 / damping (1.3 m/s) is held back.
    friction : scalar
        Coefficient.
    rounding : scalar
        Length (m) over which the surface is rounded: at zero height the depth is half of it, and far above the
        floor it falls with the inverse of the height.
    slip_speed : scalar
        m/s: slip at which friction reaches 0.71 of its full size.
    attraction : scalar
        N/m, pulls towards the surface so that a foot in the air has a slope to follow. biosym has 1; 0 here, as a
        foot of a finished gait must not feel it.
    """

    stiffness: Scalar
    damping: Scalar = 0.75
    friction: Scalar = 1.0
    rounding: Scalar = 1e-3
    slip_speed: Scalar = 0.1
    attraction: Scalar = 0.0


def point_force(
    constants: PointConstants, point: Vector, velocity: Vector, floor: Scalar = 0.0
) -> tuple[Vector, Vector]:
    """Force of the floor on a point, and where it acts: at the point itself.

    Parameters
    ----------
    constants : PointConstants
    point, velocity : vector
        m and m/s, ground frame.
    floor : scalar
        Height of the floor (m).

    Returns
    -------
    force : vector
        N, ground frame.
    point : vector
        As given.
    """
    height = minus(point[1], floor)
    root = np.sqrt(plus(times(height, height), times(constants.rounding, constants.rounding)))
    depth = 0.5 * (root - height)
    normal = times(constants.stiffness * depth, minus(1.0, times(constants.damping, velocity[1])))
    normal = minus(normal, times(constants.attraction, height))
    squared_slip = plus(times(velocity[0], velocity[0]), times(velocity[2], velocity[2]))
    speed = np.sqrt(plus(squared_slip, times(constants.slip_speed, constants.slip_speed)))
    resistance = times(constants.friction, normal) / speed
    forward, right = (minus(0.0, times(resistance, velocity[axis])) for axis in (0, 2))
    return (forward, normal, right), point


def foot_load(
    foot: Sequence[tuple[SegmentState, Sequence[Vector]]],
    constants: PointConstants,
    about: Vector = ORIGIN,
    floor: Scalar = 0.0,
) -> FootLoad:
    """Sum the forces of all points of a foot.

    Parameters
    ----------
    foot : sequence of (SegmentState, offsets)
        The segments of the foot with their velocities, and the points (m) of each in its frame.
    constants : PointConstants
    about : vector
        Point (m), ground frame, that the total moment is about.
    floor : scalar
        Height of the floor (m).
    """
    acting = [
        [point_force(constants, point_position(state, p), point_velocity(state, p), floor) for p in offsets]
        for state, offsets in foot
    ]
    return gathered_load([state.origin for state, _ in foot], acting, about)
