"""Multibody mechanics, written once: forward kinematics and inverse dynamics of a skeleton.

Every quantity is built from scalars (`opensim_models.model.vector`), so the same lines serve kinetics from motion
capture (NumPy arrays over time), the collocation constraint (CasADi) and a physics loss (torch).

The recursion is Newton-Euler in segment-fixed coordinates (Featherstone, Rigid Body Dynamics Algorithms, 2008, ch. 5),
with gravity carried as an acceleration of the ground: velocities and accelerations go outwards, forces come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opensim_models.model.scalar_function import chain_and_derivatives
from opensim_models.model.skeleton import IDENTITY, ORIGIN, JointElement, Skeleton
from opensim_models.model.vector import (
    Matrix,
    Scalar,
    Vector,
    add,
    axis_rotation,
    compose,
    cross,
    dot,
    is_identity,
    minus,
    plus,
    rotate,
    scale,
    subtract,
    times,
    transpose,
)


@dataclass(frozen=True)
class ElementState:
    """Where a joint element is, for Jacobians and for the way back of the forces.

    Attributes
    ----------
    element : JointElement
    slope : scalar
        Derivative of the element's value with respect to its coordinate.
    rotation : 3×3
        Frame after the element → frame before it.
    shift : vector
        Displacement (m) along the element, in the frame before it.
    axis : vector
        The axis in the ground frame.
    point : vector
        A point of the axis (m), ground frame.
    """

    element: JointElement
    slope: Scalar
    rotation: Matrix
    shift: Vector
    axis: Vector
    point: Vector


@dataclass(frozen=True)
class SegmentState:
    """Motion of one segment.

    Attributes
    ----------
    rotation : 3×3
        Segment → ground.
    origin : vector
        Ground frame (m).
    angular_velocity, angular_acceleration : vector
        Segment frame (rad/s, rad/s²).
    velocity : vector
        Velocity of the origin, segment frame (m/s).
    specific_acceleration : vector
        Acceleration of the origin minus gravity, segment frame (m/s²): what an accelerometer there would read.
    joint : tuple of ElementState
        The joint towards the parent.
    """

    rotation: Matrix
    origin: Vector
    angular_velocity: Vector
    velocity: Vector
    angular_acceleration: Vector
    specific_acceleration: Vector
    joint: tuple[ElementState, ...] = ()


def _shifted(s: SegmentState, r: Vector) -> SegmentState:
    """Move the observed point by a vector fixed in the frame."""
    w, alpha = s.angular_velocity, s.angular_acceleration
    return SegmentState(
        s.rotation,
        add(s.origin, rotate(s.rotation, r)),
        w,
        add(s.velocity, cross(w, r)),
        alpha,
        add(s.specific_acceleration, add(cross(alpha, r), cross(w, cross(w, r)))),
    )


def _turned(s: SegmentState, c: Matrix) -> SegmentState:
    """Express the state in a frame turned by a constant rotation (new → old)."""
    if is_identity(c):
        return s
    back = transpose(c)
    return SegmentState(
        compose(s.rotation, c),
        s.origin,
        *(rotate(back, v) for v in (s.angular_velocity, s.velocity, s.angular_acceleration, s.specific_acceleration)),
    )


def _moved(
    s: SegmentState, element: JointElement, q: Sequence[Scalar], qd: Sequence[Scalar], qdd: Sequence[Scalar]
) -> tuple[SegmentState, ElementState]:
    """Pass one joint element."""
    if element.coordinate < 0:
        value, slope, rate, second = chain_and_derivatives(element.functions, 0.0)[0], 0.0, 0.0, 0.0
    else:
        j = element.coordinate
        value, slope, curvature = chain_and_derivatives(element.functions, q[j])
        rate = times(slope, qd[j])
        second = plus(times(slope, qdd[j]), times(curvature, times(qd[j], qd[j])))
    axis = element.axis
    ground_axis, point = rotate(s.rotation, axis), s.origin
    if element.kind == "translation":
        r, spin = scale(axis, value), scale(axis, rate)
        after = _shifted(s, r)
        after = SegmentState(
            after.rotation,
            after.origin,
            after.angular_velocity,
            add(after.velocity, spin),
            after.angular_acceleration,
            add(after.specific_acceleration, add(scale(cross(s.angular_velocity, spin), 2.0), scale(axis, second))),
        )
        return after, ElementState(element, slope, IDENTITY, r, ground_axis, point)
    c = axis_rotation(axis, value)
    after = _turned(s, c)
    spin = scale(axis, rate)
    after = SegmentState(
        after.rotation,
        after.origin,
        add(after.angular_velocity, spin),
        after.velocity,
        add(after.angular_acceleration, add(cross(after.angular_velocity, spin), scale(axis, second))),
        after.specific_acceleration,
    )
    return after, ElementState(element, slope, c, ORIGIN, ground_axis, point)


def segment_states(
    skeleton: Skeleton, q: Sequence[Scalar], qd: Sequence[Scalar] | None = None, qdd: Sequence[Scalar] | None = None
) -> tuple[SegmentState, ...]:
    """Forward kinematics to second order.

    Parameters
    ----------
    skeleton : Skeleton
    q, qd, qdd : sequences of n_q scalars
        Coordinates (rad, m), speeds and accelerations; missing ones are zero.

    Returns
    -------
    tuple of SegmentState
        One per segment, in the skeleton's order.
    """
    zero = [0.0] * len(skeleton.coordinates)
    qd, qdd = zero if qd is None else qd, zero if qdd is None else qdd
    up = tuple(minus(0.0, g) for g in skeleton.gravity)
    ground = SegmentState(IDENTITY, ORIGIN, ORIGIN, ORIGIN, ORIGIN, up)
    states: list[SegmentState] = []
    for segment in skeleton.segments:
        s = states[segment.parent] if segment.parent >= 0 else ground
        s = _turned(_shifted(s, segment.offset), segment.orientation)
        joint = []
        for element in segment.elements:
            s, passed = _moved(s, element, q, qd, qdd)
            joint.append(passed)
        s = _turned(s, transpose(segment.child_orientation))
        s = _shifted(s, scale(segment.child_offset, -1.0))
        states.append(
            SegmentState(
                s.rotation,
                s.origin,
                s.angular_velocity,
                s.velocity,
                s.angular_acceleration,
                s.specific_acceleration,
                tuple(joint),
            )
        )
    return tuple(states)


def point_position(state: SegmentState, offset: Vector) -> Vector:
    """Position (m), ground frame, of a point fixed in the segment."""
    return add(state.origin, rotate(state.rotation, offset))


def point_velocity(state: SegmentState, offset: Vector) -> Vector:
    """Velocity (m/s), ground frame, of a point fixed in the segment."""
    return rotate(state.rotation, add(state.velocity, cross(state.angular_velocity, offset)))


def specific_force(state: SegmentState, offset: Vector) -> Vector:
    """Acceleration minus gravity (m/s²) of a point fixed in the segment, in segment axes."""
    w = state.angular_velocity
    rotational = add(cross(state.angular_acceleration, offset), cross(w, cross(w, offset)))
    return add(state.specific_acceleration, rotational)


def _inertia_times(inertia: tuple[Scalar, ...], v: Vector) -> Vector:
    xx, yy, zz, xy, xz, yz = inertia
    return dot((xx, xy, xz), v), dot((xy, yy, yz), v), dot((xz, yz, zz), v)


def inverse_dynamics(
    skeleton: Skeleton, states: Sequence[SegmentState], loads: Mapping[int, tuple[Vector, Vector]] | None = None
) -> list[Scalar]:
    """Generalized forces that the motion demands beyond gravity and the given loads.

    Parameters
    ----------
    skeleton : Skeleton
    states : sequence of SegmentState
        From `segment_states` with speeds and accelerations.
    loads : mapping, optional
        Segment index → (force (N), moment about the segment origin (N·m)), ground frame, acting on the segment.

    Returns
    -------
    list of n_q scalars
        N·m for rotations, N for translations, positive in the coordinate's direction.
    """
    loads = loads or {}
    forces: list[Vector] = []
    moments: list[Vector] = []
    for i, (segment, s) in enumerate(zip(skeleton.segments, states, strict=True)):
        w = s.angular_velocity
        force = scale(specific_force(s, segment.centre_of_mass), segment.mass)
        spin = _inertia_times(segment.inertia, w)
        moment = add(_inertia_times(segment.inertia, s.angular_acceleration), cross(w, spin))
        moment = add(moment, cross(segment.centre_of_mass, force))
        if i in loads:
            back = transpose(s.rotation)
            force = subtract(force, rotate(back, loads[i][0]))
            moment = subtract(moment, rotate(back, loads[i][1]))
        forces.append(force)
        moments.append(moment)
    generalized: list[Scalar] = [0.0] * len(skeleton.coordinates)
    for i in reversed(range(len(skeleton.segments))):
        segment = skeleton.segments[i]
        force, moment = forces[i], moments[i]
        # from the segment origin to the joint frame, then back through the joint, then to the parent's origin
        moment = subtract(moment, cross(segment.child_offset, force))
        force, moment = (rotate(transpose(segment.child_orientation), v) for v in (force, moment))
        for passed in reversed(states[i].joint):
            element = passed.element
            force, moment = rotate(passed.rotation, force), rotate(passed.rotation, moment)
            if element.coordinate >= 0:
                along = moment if element.kind == "rotation" else force
                j = element.coordinate
                generalized[j] = plus(generalized[j], times(passed.slope, dot(element.axis, along)))
            moment = add(moment, cross(passed.shift, force))
        force, moment = rotate(segment.orientation, force), rotate(segment.orientation, moment)
        moment = add(moment, cross(segment.offset, force))
        if segment.parent >= 0:
            forces[segment.parent] = add(forces[segment.parent], force)
            moments[segment.parent] = add(moments[segment.parent], moment)
    return generalized
