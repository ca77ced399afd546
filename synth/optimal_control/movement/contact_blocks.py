"""Contact blocks: what the floor does to one foot by its law, and how far that is from a measured ground reaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import casadi as ca
import numpy as np

from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.multibody import SegmentState, point_position, point_velocity, segment_states
from opensim_models.model.vector import Vector, add, cross, minus, plus, subtract, times
from synth.optimal_control.law.point_contact import PointConstants
from synth.optimal_control.law.point_contact import foot_load as point_foot_load
from synth.optimal_control.law.sphere_contact import OPENSIM_SMOOTHING, FootLoad, foot_load
from synth.optimal_control.movement.chain import Chain, generalized_loads
from synth.optimal_control.movement.motion_blocks import items, scales
from synth.optimal_control.movement.skeleton_numbers import with_numbers
from synth.optimal_control.movement.structure import LEVER, N_SPHERE_NUMBERS, Foot
from synth.optimal_control.program.block import Block, make_block


def contact_block(
    chain: Chain, foot: Foot, law: str, planar: bool, clearance: bool = False, sole: bool = False
) -> Block:
    """What the floor does to one foot, taken from the rows of its chain; and the misfit of a measured ground reaction.

    Variables: coordinates and speeds of the chain, x, y (and z) correction of each point (m); with `sole` also how much
    lower all of them stand (m).
    Parameters: the chain's numbers, body weight (N), height of the floor (m), smoothing (see `loads_of_foot`), ten
    numbers of each sphere (`sphere_numbers`), target force (body weights) and moment (body weight × LEVER), their
    weights, the point that the moment is about (m); with `clearance` also the price of `scuffing` and its height (m).
    """
    n, count, n_points, axes = len(chain.coordinates), len(chain.entries), len(foot.points), 2 if planar else 3
    size = 3 if planar else 6

    def function(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        numbers, rest = items(p[:count]), items(p[count:])
        weight, floor, smoothing = rest[:3]
        moved = items(x[2 * n : 2 * n + axes * n_points])
        spheres = spheres_of(foot, rest[3 : 3 + N_SPHERE_NUMBERS * n_points], moved, planar)
        floor = floor + x[2 * n + axes * n_points] if sole else floor
        target = rest[3 + N_SPHERE_NUMBERS * n_points :]
        skeleton = with_numbers(chain.skeleton, numbers)
        states = segment_states(skeleton, items(x[:n]), items(x[n : 2 * n]))
        about = (target[2 * size], target[2 * size + 1], 0.0 if planar else target[2 * size + 2])
        segments, load = loads_of_foot(foot, chain, states, spheres, law, weight, floor, smoothing)
        loads = {
            chain.place(segment): (force, add(moment, cross(states[chain.place(segment)].origin, force)))
            for segment, (force, moment) in zip(segments, load.segments, strict=True)
        }
        rows = [-ca.SX(g) / (weight * LEVER) for g in generalized_loads(skeleton, states, loads)]
        moment = subtract(load.moment, cross(about, load.force))
        cost = _misfit(load.force, moment, target, weight, planar)
        if clearance:
            price, height = target[2 * size + 3 :]
            cost = cost + price * sum(scuffing(states[chain.place(s.segment)], s, floor, height) for s in spheres)
        return cost, rows

    scale = scales(("coordinates", n), ("speeds", n), ("contact", axes * n_points), ("soles", int(sole)))
    n_parameters = count + 3 + N_SPHERE_NUMBERS * n_points + 2 * size + 3 + (2 if clearance else 0)
    return make_block("ground contact", function, scale, n_parameters)


def measured_load_block(planar: bool) -> Block:
    """Misfit of an unknown load on one foot, its moment taken about a point near the foot.

    Seen from the ground's origin, metres away, a force that is a little off would cost as a moment that is far off.
    Variables: force (body weights) and moment about the origin (body weight × LEVER). Parameters: target force and
    moment about the point, their weights, the point (m).
    """
    size = 3 if planar else 6

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        given, target = items(x), items(p)
        force = (given[0], given[1], 0.0 if planar else given[2])
        moment = (0.0, 0.0, given[2]) if planar else tuple(given[3:])
        about = (target[2 * size], target[2 * size + 1], 0.0 if planar else target[2 * size + 2])
        near = subtract(moment, tuple(m / LEVER for m in cross(about, force)))
        values = [force[0], force[1], near[2]] if planar else [*force, *near]
        pairs = zip(values, target[:size], target[size : 2 * size], strict=True)
        return sum((w * minus(v, t) ** 2 for v, t, w in pairs), ca.SX(0)), []

    return make_block("measured load", cost, scales(("wrenches", size)), 2 * size + 3)


def scuffing(state: SegmentState, sphere: ContactSphere, floor: ca.SX, height: ca.SX) -> ca.SX:
    """Squared horizontal speed (m²/s²) of a sphere, counted where it is less than some height over the floor.

    A foot that stands costs nothing, one that swings low does: nobody walks without room for the next pebble. The count
    fades from 1 on the floor to 0 well above the height (m), and its fading length is a quarter of it.
    """
    place, velocity = point_position(state, sphere.offset), point_velocity(state, sphere.offset)
    above = place[1] - sphere.radius - floor
    low = 0.5 - 0.5 * np.tanh((above - height) / (0.25 * height))
    return low * plus(velocity[0] ** 2, times(velocity[2], velocity[2]))


def spheres_of(foot: Foot, numbers: Sequence[ca.SX], corrections: Sequence[ca.SX], planar: bool) -> list[ContactSphere]:
    """Spheres of one foot from their numbers; planar ones lie in the plane."""
    axes = 2 if planar else 3
    spheres = []
    for i, segment in enumerate(foot.points):
        x, y, z, radius, *constants = numbers[N_SPHERE_NUMBERS * i : N_SPHERE_NUMBERS * (i + 1)]
        moved = [a + b for a, b in zip((x, y, z)[:axes], corrections[axes * i : axes * (i + 1)], strict=True)]
        offset = (moved[0], moved[1], 0.0 if planar else moved[2])
        spheres.append(ContactSphere(f"{foot.name} {i}", segment, offset, radius, "floor", *constants))
    return spheres


def loads_of_foot(
    foot: Foot,
    chain: Chain,
    states: Sequence[SegmentState],
    spheres: Sequence[ContactSphere],
    law: str,
    weight: ca.SX,
    floor: ca.SX,
    smoothing: ca.SX,
) -> tuple[list[str], FootLoad]:
    """Names of the foot's segments and what the floor does to each, by the law; moments about the ground's origin.

    `smoothing` is the steepness (1/m) with which spheres fade in, or the length (m) over which the floor under a point
    is rounded. Points take stiffness (N/m), damping and friction from the sphere numbers of the same names.
    """
    segments = list(dict.fromkeys(foot.points))
    gathered = [(states[chain.place(s)], [c for c in spheres if c.segment == s]) for s in segments]
    if law == "spheres":
        return segments, foot_load(gathered, floor=floor, smoothing=replace(OPENSIM_SMOOTHING, hertz=smoothing))
    constants = PointConstants(spheres[0].stiffness, spheres[0].dissipation, spheres[0].dynamic_friction, smoothing)
    points = [(state, [c.offset for c in own]) for state, own in gathered]
    return segments, point_foot_load(points, constants, floor=floor)


def _misfit(force: Vector, moment: Vector, target: Sequence[ca.SX], weight: ca.SX, planar: bool) -> ca.SX:
    """Weighted squares of force (body weights) and moment (body weight × LEVER) less their targets."""
    unit = weight * LEVER
    if planar:
        values = [force[0] / weight, force[1] / weight, moment[2] / unit]
    else:
        values = [*(f / weight for f in force), *(m / unit for m in moment)]
    size = len(values)
    pairs = zip(values, target[:size], target[size : 2 * size], strict=True)
    return sum((w * minus(v, t) ** 2 for v, t, w in pairs), ca.SX(0))
