"""Following blocks: costs of one node, each a squared misfit or a price, from small pure functions.

All weights are inverse variances or prices, given as parameters; a missing sample has weight 0. A new cost is one
function here and one line in `problem`.
"""

from __future__ import annotations

from collections.abc import Sequence

import casadi as ca
import numpy as np

from opensim_models.model.multibody import SegmentState, segment_states, specific_force
from opensim_models.model.vector import Vector, dot, rotate, scale, transpose
from synth.optimal_control.movement.chain import Chain
from synth.optimal_control.movement.motion_blocks import items, scales
from synth.optimal_control.movement.skeleton_numbers import with_numbers
from synth.optimal_control.program.block import Block, make_block

N_MARKER_SUMS = 17


def marker_block(chain: Chain, segment: str) -> Block:
    """Misfit of all markers of one segment.

    Variables: the chain's coordinates. Parameters: the chain's numbers, the sums of `marker_sums`.
    """
    n, count = len(chain.coordinates), len(chain.entries)

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        skeleton = with_numbers(chain.skeleton, items(p[:count]))
        state = segment_states(skeleton, items(x))[chain.place(segment)]
        return marker_misfit(state, items(p[count:])), []

    return make_block("markers", cost, scales(("coordinates", n)), count + N_MARKER_SUMS)


def marker_misfit(state: SegmentState, sums: Sequence[ca.SX]) -> ca.SX:
    """Σ w |o + R p - m|² of all markers of a segment, from their sums (see `marker_sums.marker_sums`)."""
    total, square = sums[0], sums[16]
    offsets, places = tuple(sums[1:4]), tuple(sums[4:7])
    products = [tuple(sums[7 + 3 * i : 10 + 3 * i]) for i in range(3)]
    o, r = state.origin, state.rotation
    turned = rotate(r, offsets)
    between = sum(dot(r[i], products[i]) for i in range(3))
    return total * dot(o, o) + 2.0 * (dot(o, turned) - dot(o, places) - between) + square


def sensor_block(chain: Chain, segment: str, planar: bool, placing: bool = False) -> Block:
    """Misfit of one inertial sensor.

    Variables: coordinates, speeds, accelerations of the chain, mounting: its small rotation vector on the segment
    (planar: the angle about Z; rad); with `placing` also how far it sits from its offset (m, segment axes; planar: x
    and y). Parameters: the chain's numbers, offset (m), measured channels in nominal sensor axes along the segment's,
    their weights.
    """
    n, count = len(chain.coordinates), len(chain.entries)
    channels, angles, axes = (3, 1, 2) if planar else (6, 3, 3)

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        skeleton = with_numbers(chain.skeleton, items(p[:count]))
        q, v, a = (items(x[i * n : (i + 1) * n]) for i in range(3))
        state = segment_states(skeleton, q, v, a)[chain.place(segment)]
        offset = (p[count], p[count + 1], 0.0 if planar else p[count + 2])
        if placing:
            moved = items(x[3 * n + angles :])
            offset = tuple(o + d for o, d in zip(offset, moved + [0.0] * (3 - axes), strict=True))
        values = sensor_values(state, offset, items(x[3 * n : 3 * n + angles]))
        measured, weight = items(p[count + 3 : count + 3 + channels]), items(p[count + 3 + channels :])
        return sum(w * (s - m) ** 2 for s, m, w in zip(values, measured, weight, strict=True)), []

    scale_of = scales(("coordinates", n), ("speeds", n), ("accelerations", n), ("mounting", angles))
    scale_of = np.r_[scale_of, scales(("places", axes))] if placing else scale_of
    return make_block("inertial sensor", cost, scale_of, count + 3 + 2 * channels)


def sensor_values(state: SegmentState, offset: Vector, mounting: Sequence[ca.SX]) -> list[ca.SX]:
    """What a sensor reads: specific force (m/s²) and angular velocity (rad/s) in its own axes.

    Parameters
    ----------
    state : SegmentState
        With speeds and accelerations.
    offset : vector
        m, segment frame.
    mounting : sequence of 1 or 3 scalars
        Angle about Z, or rotation vector sensor → segment (rad).

    Returns
    -------
    list of scalars
        Planar: force x, y and velocity z; else three and three.
    """
    force, spin = specific_force(state, offset), state.angular_velocity
    if len(mounting) == 1:
        c, s = np.cos(mounting[0]), np.sin(mounting[0])
        return [c * force[0] + s * force[1], c * force[1] - s * force[0], spin[2]]
    back = transpose(rotation_of(mounting))
    return [*rotate(back, force), *rotate(back, spin)]


def rotation_of(vector: Sequence[ca.SX]) -> tuple[Vector, Vector, Vector]:
    """Rotation of a vector (rad) by Cayley's form of half angles: smooth at 0, exact rotation everywhere.

    It turns about the vector by 2 atan(|v| / 2), which is |v| to 0.1° below 15°.
    """
    g = scale(tuple(vector), 0.5)
    square = dot(g, g)
    factor = 1.0 / (1.0 + square)
    x, y, z = g
    outer = ((x * x, x * y, x * z), (x * y, y * y, y * z), (x * z, y * z, z * z))
    skew = ((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0))
    rows = []
    for i in range(3):
        row = tuple(factor * ((1.0 - square) * float(i == j) + 2.0 * outer[i][j] + 2.0 * skew[i][j]) for j in range(3))
        rows.append(row)
    return tuple(rows)


def squared_block() -> Block:
    """Weight × (variable - target)². Parameters: target, weight, in solver units."""
    return make_block("following", lambda x, p: (p[1] * (x[0] - p[0]) ** 2, []), scales(("torques", 1)), 2)


def roughness_block() -> Block:
    """Weight × squared change of a variable between two nodes. Parameter: weight."""

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        return p[0] * (x[1] - x[0]) ** 2, []

    return make_block("smoothness", cost, scales(("torques", 2)), 1)


def effort_block(power: int) -> Block:
    """Weight × excitation^power. Parameter: weight."""
    return make_block("effort", lambda x, p: (p[0] * x[0] ** power, []), scales(("excitations", 1)), 1)


def mean_block(name: str) -> Block:
    """A midpoint's control is the mean of its neighbours'. Variables: the control at start, middle and end."""

    def rows(x: ca.SX, _: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        return ca.SX(0), [x[1] - 0.5 * (x[0] + x[2])]

    return make_block("linear controls", rows, scales((name, 3)), 0)
