"""Ground contact: the force of the floor on points and spheres fixed in a foot, in the sagittal plane.

Two laws, on purpose different: Hunt and Crossley's sphere on a half space, smoothed (it generates gaits and follows
laboratory data), and a penetration law of points (the baseline that sees inertial sensors only).

The ground frame has X forward and Y up; the floor is at a height that may be a parameter. Functions work on floats,
NumPy arrays and CasADi SX, and stay finite and differentiable for any argument.

References: Serrancolí et al., IEEE Trans Neural Syst Rehabil Eng 27:1550, 2019 (OpenSim calls it
SmoothSphereHalfSpaceForce);
the penetration law of the biosym gait models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from opensim_models.model.multibody import SegmentState, point_velocity
from opensim_models.model.vector import rotate

Scalar = Any


@dataclass(frozen=True)
class ContactPoint:
    """A contact sphere, or a point if the radius is 0, fixed in a foot segment whose origin is the ankle.

    Attributes
    ----------
    name : str
    position : tuple of float
        Centre (x, y) as parts of body height, segment frame.
    radius : float
        Radius as a part of body height.
    """

    name: str
    position: tuple[float, float]
    radius: float = 0.0


@dataclass(frozen=True)
class ContactModel:
    """The contact points of a foot and the law they follow.

    Attributes
    ----------
    name : str
    law : str
        ``"hunt_crossley"`` or ``"penetration"``.
    points : tuple of ContactPoint
    """

    name: str
    law: str
    points: tuple[ContactPoint, ...]


# Spheres of OpenSim's example2DWalking (Apache-2.0), moved into a frame at the ankle of our foot (the sole is
# 0.039 H below it) and set a little further apart, since our foot has no toe joint.
SPHERES = ContactModel(
    "spheres",
    "hunt_crossley",
    (
        ContactPoint("heel", (-0.022, -0.0195), 0.0195),
        ContactPoint("ball", (0.072, -0.0305), 0.0085),
        ContactPoint("toe", (0.103, -0.0300), 0.0085),
    ),
)
# The four points of gait2dc (heel and toe of each foot), as parts of its 1.80 m.
POINTS = ContactModel(
    "points", "penetration", (ContactPoint("heel", (-0.0333, -0.0390)), ContactPoint("toe", (0.0909, -0.0390)))
)
CONTACT_MODELS = {m.name: m for m in (SPHERES, POINTS)}

SPHERE_MODULUS = 3.06778e6
"""Plane-strain modulus (N/m²) of the spheres, OpenSim's example2DWalking."""

SPHERE_DISSIPATION = 2.0
"""Dissipation (s/m) of the spheres, OpenSim's example2DWalking."""
_STATIC, _DYNAMIC, _VISCOUS, _TRANSITION = 0.8, 0.8, 0.5, 0.2
_SMALL_FORCE, _RATE_SLOPE = 1e-5, 50.0
SPHERE_ROUNDING = 1.0 / 300.0
"""Depth (m) over which a sphere's contact fades in; the published law's."""


def hunt_crossley_normal(
    depth: Scalar,
    rate: Scalar,
    radius: Scalar,
    modulus: Scalar,
    rounding: Scalar = SPHERE_ROUNDING,
    dissipation: Scalar = SPHERE_DISSIPATION,
) -> Scalar:
    """Normal force (N) of a smoothed Hunt-Crossley sphere on a half space.

    Parameters
    ----------
    depth : scalar
        Penetration (m), negative above the floor.
    rate : scalar
        Penetration speed (m/s).
    radius : scalar
        m.
    modulus : scalar
        Plane-strain modulus (N/m²).
    rounding : scalar
        Depth (m) over which contact fades in; larger reaches further above the floor.
    dissipation : scalar
        s/m.
    """
    stiffness = 0.5 * modulus ** (2.0 / 3.0)
    hertz = 4.0 / 3.0 * stiffness * np.sqrt(radius * stiffness) * (depth * depth + _SMALL_FORCE) ** 0.75
    hertz = hertz * (0.5 + 0.5 * np.tanh(depth / rounding))
    damping = 1.0 + 1.5 * dissipation * rate
    gate = 0.5 + 0.5 * np.tanh(_RATE_SLOPE * (rate + 2.0 / (3.0 * dissipation)))
    return hertz * damping * gate


def sliding_friction(normal: Scalar, slip: Scalar) -> Scalar:
    """Friction force (N) against a slip speed (m/s): Coulomb below, viscous above a transition of 0.2 m/s."""
    speed = np.sqrt(slip * slip + 1e-5)
    ratio = speed / _TRANSITION
    below = 0.5 * (ratio + 1.0 - np.sqrt((ratio - 1.0) ** 2 + 1e-12))  # min(ratio, 1) without its kink
    share = below * (_DYNAMIC + 2.0 * (_STATIC - _DYNAMIC) / (1.0 + ratio * ratio)) + _VISCOUS * speed
    return -normal * share * slip / speed


PENETRATION_STIFFNESS, PENETRATION_DAMPING, PENETRATION_FRICTION = 100.0, 0.75, 1.0
"""Defaults of the penetration law: body weights per metre, s/m, 1."""
POINT_ROUNDING = 1e-3
"""Length (m) over which the floor under a point is rounded."""
_SLIP_SPEED = 0.1


def penetration_force(
    height: Scalar,
    vx: Scalar,
    vy: Scalar,
    stiffness: Scalar,
    rounding: Scalar = POINT_ROUNDING,
    damping: Scalar = PENETRATION_DAMPING,
) -> tuple[Scalar, Scalar]:
    """Force on a point by its height over the floor and velocity, in the unit of `stiffness` times metres.

    Parameters
    ----------
    height, vx, vy : scalar
        m, m/s.
    stiffness : scalar
        Force per metre.
    rounding : scalar
        Length (m) over which the floor is rounded; larger is softer.
    damping : scalar
        s/m.

    Returns
    -------
    tuple of scalar
        (forward, vertical) force.
    """
    depth = 0.5 * (np.sqrt(height * height + rounding * rounding) - height)
    vertical = stiffness * depth * (1.0 - damping * vy)
    forward = -PENETRATION_FRICTION * vertical * vx / np.sqrt(vx * vx + _SLIP_SPEED * _SLIP_SPEED)
    return forward, vertical


def foot_load(
    model: ContactModel,
    foot: SegmentState,
    positions: Sequence[tuple[Scalar, Scalar]],
    radii: Sequence[Scalar],
    floor: Scalar,
    stiffness: Scalar,
    rounding: Scalar,
    damping: Scalar,
) -> tuple[Scalar, Scalar, Scalar]:
    """Force of the floor on one foot and its moment about the foot's origin.

    Parameters
    ----------
    model : ContactModel
    foot : SegmentState
        With velocities.
    positions : sequence of (x, y)
        Centres of the contact points (m), segment frame.
    radii : sequence of scalars
        m; unused by the penetration law.
    floor : scalar
        Height of the floor (m).
    stiffness : scalar
        Modulus (N/m²) of spheres, or force per metre (N/m) of points.
    rounding : scalar
        Length (m) over which contact fades in.
    damping : scalar
        Dissipation of spheres, damping of points (s/m).

    Returns
    -------
    tuple of scalar
        Forward force (N), vertical force (N), moment about Z through the origin (N·m).
    """
    total_x = total_y = total_m = 0.0
    for (x, y), radius in zip(positions, radii, strict=True):
        arm = rotate(foot.rotation, (x, y, 0.0))
        velocity = point_velocity(foot, (x, y, 0.0))
        height = foot.origin[1] + arm[1] - floor
        if model.law == "hunt_crossley":
            depth = radius - height
            vertical = hunt_crossley_normal(depth, -velocity[1], radius, stiffness, rounding, damping)
            drop = radius - 0.5 * depth  # from the centre to where the force acts
            slip = velocity[0] + foot.angular_velocity[2] * drop
            forward = sliding_friction(vertical, slip)
        else:
            drop = 0.0
            forward, vertical = penetration_force(height, velocity[0], velocity[1], stiffness, rounding, damping)
        total_x = total_x + forward
        total_y = total_y + vertical
        total_m = total_m + arm[0] * vertical - (arm[1] - drop) * forward
    return total_x, total_y, total_m
