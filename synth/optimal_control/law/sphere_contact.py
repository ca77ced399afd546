"""Contact of spheres with a level floor: OpenSim's smooth Hunt-Crossley law, for planar and 3-D skeletons.

Ground frame: X forward, Y up, Z right; the floor is the plane Y = `floor`. Everything is scalar arithmetic
(`opensim_models.model.vector`), so a component that is exactly the float 0.0 stays so: a planar skeleton has planar
forces, and the constants of a sphere may be symbols. Smooth in every argument.

Sources: Serrancolí et al., IEEE Trans Neural Syst Rehabil Eng 27:1597, 2019; Sherman, Seth, Delp, Procedia IUTAM
2:241, 2011 (where the force acts). The law is that of Simbody's SmoothSphereHalfSpaceForce, which OpenSim wraps; the
tests hold it to OpenSim's values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opensim_models.model.contact_sphere import ContactPlane, ContactSphere
from opensim_models.model.multibody import SegmentState, point_position, point_velocity
from opensim_models.model.skeleton import ORIGIN
from opensim_models.model.vector import Scalar, Vector, add, cross, minus, plus, rotate, subtract, times
from opensim_models.model_mismatch import ModelMismatch


@dataclass(frozen=True)
class SphereSmoothing:
    """What makes the law smooth; the defaults are OpenSim's.

    Attributes
    ----------
    constant_force : scalar
        OpenSim's ``constant_contact_force``. It is no force: it is added to the square of the depth (m²) and to the
        square of the slip speed (m²/s²), so that their roots have a slope at zero.
    hertz : scalar
        Per metre: steepness with which the force fades in at the surface.
    hunt_crossley : scalar
        s/m: steepness with which it fades out where the sphere leaves faster than the floor would follow.
    kink : scalar
        Part of the transition velocity over which the corner of min(slip / transition, 1) is rounded. OpenSim has a
        corner (0); at most half of this is the relative difference of the friction, which the default keeps below
        5e-11, with every derivative finite.
    """

    constant_force: Scalar = 1e-5
    hertz: Scalar = 300.0
    hunt_crossley: Scalar = 50.0
    kink: Scalar = 1e-10


OPENSIM_SMOOTHING = SphereSmoothing()


@dataclass(frozen=True)
class FootLoad:
    """Force of the floor on one foot, ground frame.

    Attributes
    ----------
    force : vector
        N, sum over all spheres.
    moment : vector
        N·m about the point that was asked for.
    segments : tuple of (force, moment)
        Per segment, the moment about its origin: the loads of `opensim_models.model.multibody.inverse_dynamics`.
    """

    force: Vector
    moment: Vector
    segments: tuple[tuple[Vector, Vector], ...]


def sphere_force(
    sphere: ContactSphere,
    centre: Vector,
    velocity: Vector,
    angular_velocity: Vector,
    floor: Scalar = 0.0,
    smoothing: SphereSmoothing = OPENSIM_SMOOTHING,
) -> tuple[Vector, Vector]:
    """Force of the floor on a sphere, and the point where it acts.

    Parameters
    ----------
    sphere : ContactSphere
        Radius and constants, numbers or symbols; its place and the class of its force do not matter here.
    centre, velocity : vector
        Position (m) and velocity (m/s) of the centre, ground frame.
    angular_velocity : vector
        Of the segment, ground frame (rad/s).
    floor : scalar
        Height of the floor (m).
    smoothing : SphereSmoothing

    Returns
    -------
    force : vector
        N, ground frame.
    point : vector
        m, ground frame: midway between the lowest point of the sphere and the floor, as if both were equally stiff.
        The slip is that of the material point of the segment that is there.

    Raises
    ------
    ModelMismatch
        The transition velocity is not positive.
    """
    depth = minus(sphere.radius, minus(centre[1], floor))
    drop = minus(sphere.radius, times(0.5, depth))  # from the centre down to where the force acts
    arm = (0.0, minus(0.0, drop), 0.0)
    at_point = add(velocity, cross(angular_velocity, arm))
    normal = normal_force(sphere, depth, minus(0.0, velocity[1]), smoothing)
    squared_slip = plus(times(at_point[0], at_point[0]), times(at_point[2], at_point[2]))
    resistance = times(normal, friction_per_slip(sphere, squared_slip, smoothing))
    forward, right = (minus(0.0, times(resistance, at_point[axis])) for axis in (0, 2))
    return (forward, normal, right), add(centre, arm)


def normal_force(
    sphere: ContactSphere, depth: Scalar, rate: Scalar, smoothing: SphereSmoothing = OPENSIM_SMOOTHING
) -> Scalar:
    """Force (N) that pushes a sphere out of the floor.

    Parameters
    ----------
    sphere : ContactSphere
    depth : scalar
        Penetration (m), negative above the floor.
    rate : scalar
        Speed of penetration (m/s).
    smoothing : SphereSmoothing
    """
    modulus = 0.5 * sphere.stiffness ** (2.0 / 3.0)
    # two roots cost less than a power, and so do their derivatives: x^(3/4) = x^(1/2) x^(1/4)
    root = np.sqrt(plus(times(depth, depth), smoothing.constant_force))
    hertz = 4.0 / 3.0 * modulus * np.sqrt(sphere.radius * modulus) * (root * np.sqrt(root))
    hertz = hertz * (0.5 + 0.5 * np.tanh(smoothing.hertz * depth))
    if _is_zero(sphere.dissipation):
        return hertz  # it never leaves faster than the floor follows
    damping = plus(1.0, times(1.5 * sphere.dissipation, rate))
    leaving = plus(rate, 2.0 / (3.0 * sphere.dissipation))
    return hertz * damping * (0.5 + 0.5 * np.tanh(smoothing.hunt_crossley * leaving))


def friction_per_slip(
    sphere: ContactSphere, squared_slip: Scalar, smoothing: SphereSmoothing = OPENSIM_SMOOTHING
) -> Scalar:
    """Friction over normal force and slip speed (s/m), from the square of the slip speed (m²/s²).

    Below the transition velocity it rises with the slip to the coefficient of friction; above, it falls from the
    static coefficient to the dynamic one, and viscous friction is added throughout.
    """
    transition = sphere.transition_velocity
    if isinstance(transition, int | float) and not transition > 0.0:
        raise ModelMismatch(
            f"Contact {sphere.name}: expected a transition velocity above 0 m/s, got {transition}. OpenSim's default "
            "is 0.01; gait models use 0.2."
        )
    speed = np.sqrt(plus(squared_slip, smoothing.constant_force))
    ratio = speed / transition
    below = 0.5 * (ratio + 1.0 - np.sqrt((ratio - 1.0) ** 2 + smoothing.kink**2))  # min(ratio, 1), its corner rounded
    more = times(2.0, minus(sphere.static_friction, sphere.dynamic_friction))
    coefficient = sphere.dynamic_friction if _is_zero(more) else sphere.dynamic_friction + more / (1.0 + ratio * ratio)
    return plus(below * coefficient / speed, sphere.viscous_friction)


def foot_load(
    foot: Sequence[tuple[SegmentState, Sequence[ContactSphere]]],
    about: Vector = ORIGIN,
    floor: Scalar = 0.0,
    smoothing: SphereSmoothing = OPENSIM_SMOOTHING,
) -> FootLoad:
    """Sum the forces of all spheres of a foot.

    Parameters
    ----------
    foot : sequence of (SegmentState, spheres)
        The segments of the foot with their velocities, and the spheres of each, offsets in that segment's frame.
        Spheres that the model disables are left out.
    about : vector
        Point (m), ground frame, that the total moment is about.
    floor : scalar
        Height of the floor (m).
    smoothing : SphereSmoothing
    """
    acting = []
    for state, spheres in foot:
        spin = rotate(state.rotation, state.angular_velocity)
        acting.append(
            [
                sphere_force(
                    sphere,
                    point_position(state, sphere.offset),
                    point_velocity(state, sphere.offset),
                    spin,
                    floor,
                    smoothing,
                )
                for sphere in spheres
                if sphere.enabled
            ]
        )
    return gathered_load([state.origin for state, _ in foot], acting, about)


def gathered_load(
    origins: Sequence[Vector], acting: Sequence[Sequence[tuple[Vector, Vector]]], about: Vector
) -> FootLoad:
    """Sum forces that act on the segments of a foot.

    Parameters
    ----------
    origins : sequence of vectors
        Segment origins (m), ground frame.
    acting : sequence of sequences of (force, point)
        Per segment: N and m, ground frame.
    about : vector
        Point (m), ground frame, of the total moment.
    """
    force, moment, segments = ORIGIN, ORIGIN, []
    for origin, forces in zip(origins, acting, strict=True):
        own_force, own_moment = ORIGIN, ORIGIN
        for one, point in forces:
            own_force = add(own_force, one)
            own_moment = add(own_moment, cross(subtract(point, origin), one))
        segments.append((own_force, own_moment))
        force = add(force, own_force)
        moment = add(moment, add(own_moment, cross(subtract(origin, about), own_force)))
    return FootLoad(force, moment, tuple(segments))


def floor_height(plane: ContactPlane) -> float:
    """Height (m) of a level floor.

    Raises
    ------
    ModelMismatch
        The plane is not fixed in the ground or not level: the laws of this room know floors only.
    """
    tilt = max(abs(plane.normal[0]), abs(plane.normal[2]), abs(plane.normal[1] - 1.0))
    if plane.segment != "ground" or tilt > 1e-9:
        raise ModelMismatch(
            f"Contact plane {plane.name}: expected a level floor, fixed in the ground with its normal up; got one in "
            f"{plane.segment} with normal {plane.normal}. Turn gravity for a slope, and level the plane."
        )
    return plane.offset[1]


def _is_zero(x: Scalar) -> bool:
    """Whether a scalar is known, as a plain number, to be zero."""
    return isinstance(x, int | float) and x == 0.0
