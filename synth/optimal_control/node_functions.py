"""Node functions: what must hold, and what costs, at one node of a planar gait, as blocks for `collocation`.

The dynamics are implicit: coordinates, speeds, accelerations, joint torques and ground forces are all variables of a
node, and rows tie them together (equations of motion, muscles, contact). Every row therefore depends on few variables
and is cheap to differentiate twice. Torques are in units of body weight × 0.1 m, forces in body weights, the moment of
a ground force about the ankle in body weight × 0.1 m: numbers near 1 for every person.

The kinematics and inverse dynamics are those of `opensim_models.model.multibody`, fed with symbols.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import casadi as ca
import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.multibody import SegmentState, inverse_dynamics, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control import objective
from synth.optimal_control.ground_contact import CONTACT_MODELS, foot_load
from synth.optimal_control.muscle import leg_moments
from synth.optimal_control.muscle_table import MUSCLE_SETS
from synth.optimal_control.program.block import Block, make_block
from synth.optimal_control.program.collocation import defect_rows

LEVER = 0.1
"""Lever (m) of the torque unit: torques are in body weight × LEVER."""

TEMPLATE = planar_skeleton(Subject("template", 70.0, 1.75))
"""The structure that every planar skeleton shares; its numbers are parameters."""

COORDINATES = TEMPLATE.coordinate_names
SEGMENTS = TEMPLATE.segment_names
N_Q = len(COORDINATES)
FEET = ("calcn_r", "calcn_l")
SENSOR_SEGMENTS = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")
NUMBERS_PER_SEGMENT = 6
N_SKELETON = NUMBERS_PER_SEGMENT * len(SEGMENTS)
HIP_NUMBERS = np.concatenate([NUMBERS_PER_SEGMENT * SEGMENTS.index(f"femur_{s}") + np.arange(2) for s in "rl"])
"""Where x and y of the right, then the left hip stand among the skeleton's numbers."""

SCALE = {
    "coordinates": 1.0,
    "speeds": 5.0,
    "accelerations": 50.0,
    "torques": 1.0,
    "forces": 1.0,
    "activations": 1.0,
    "excitations": 1.0,
    "reserves": 0.1,
    "slack": 0.1,
    "duration": 1.0,
    "speed": 1.0,
    "mounting": 0.2,
    "contact": 0.01,
}
"""Physical value (rad, rad/s, rad/s², … or the units above) of one unit of each solver variable."""


class SkeletonNotPlanar(ValueError):  # noqa: N818  (states what is wrong, like TrialRefused)
    """A skeleton whose structure is not the one of `planar_skeleton`."""


def skeleton_numbers(skeleton: Skeleton) -> np.ndarray:
    """Parameters (8 segments × 6) of a planar skeleton: offset x, y, mass, mass centre x, y, inertia about Z."""
    if skeleton.coordinate_names != COORDINATES or skeleton.segment_names != SEGMENTS:
        raise SkeletonNotPlanar(
            f"{skeleton.name}: expected the segments and coordinates of a planar skeleton "
            f"({', '.join(COORDINATES)}), found {', '.join(skeleton.coordinate_names)}. Scale `planar_skeleton`."
        )
    rows = [
        (s.offset[0], s.offset[1], s.mass, s.centre_of_mass[0], s.centre_of_mass[1], s.inertia[2])
        for s in skeleton.segments
    ]
    return np.array(rows, float).ravel()


def skeleton_from(p: ca.SX | np.ndarray) -> Skeleton:
    """Skeleton with its planar numbers replaced by the entries of p (n_skeleton,), symbols or floats."""
    segments = []
    for i, segment in enumerate(TEMPLATE.segments):
        x, y, mass, cx, cy, izz = (p[NUMBERS_PER_SEGMENT * i + k] for k in range(NUMBERS_PER_SEGMENT))
        segments.append(
            replace(
                segment,
                offset=(x, y, 0.0) if segment.parent >= 0 else (0.0, 0.0, 0.0),
                mass=mass,
                centre_of_mass=(cx, cy, 0.0),
                inertia=(0.0, 0.0, izz, 0.0, 0.0, 0.0),
            )
        )
    return replace(TEMPLATE, segments=tuple(segments))


def leg_indices(side: str) -> np.ndarray:
    """Indices of hip, knee and ankle of one side among the coordinates."""
    return np.array([COORDINATES.index(f"{j}_{side}") for j in ("hip_flexion", "knee_angle", "ankle_angle")])


def chain_indices(side: str) -> np.ndarray:
    """Indices of the pelvis coordinates and one leg: what moves a foot."""
    return np.r_[0:3, leg_indices(side)]


def chain_segments(side: str) -> np.ndarray:
    """Indices of the segments from the pelvis to one foot."""
    return np.array([SEGMENTS.index(n) for n in ("pelvis", f"femur_{side}", f"tibia_{side}", f"calcn_{side}")])


def _items(x: ca.SX) -> list[ca.SX]:
    return [x[i] for i in range(x.shape[0])]


def _foot_state(q: ca.SX, v: ca.SX | None, p: ca.SX) -> SegmentState:
    """State of a foot from the six coordinates that move it and the 24 numbers of its four segments."""
    numbers = ca.vertcat(p, ca.SX.zeros(N_SKELETON - p.shape[0]))
    # the right leg follows the pelvis in the template, so its numbers are the first of the vector
    skeleton = skeleton_from(numbers)
    skeleton = replace(skeleton, segments=skeleton.segments[:4])
    zero = [0.0] * (N_Q - 6)
    speeds = None if v is None else [*_items(v), *zero]
    return segment_states(skeleton, [*_items(q), *zero], speeds)[3]


@lru_cache
def motion_block() -> Block:
    """Equations of motion: inverse dynamics = torques.

    Variables: coordinates, speeds, accelerations, torques (10 each), forces (right x, y, moment, left …).
    Parameters: skeleton, body weight (N).
    """

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        q, v, acceleration, torque = (x[i * N_Q : (i + 1) * N_Q] for i in range(4))
        force = x[4 * N_Q :]
        weight = p[N_SKELETON]
        residual = equations_of_motion(q, v, acceleration, force, p[:N_SKELETON], weight)
        return ca.SX(0), [r - torque[i] for i, r in enumerate(residual)]

    names = ("coordinates", "speeds", "accelerations", "torques")
    scale = np.r_[np.concatenate([np.full(N_Q, SCALE[n]) for n in names]), np.full(6, SCALE["forces"])]
    return make_block("equations of motion", rows, scale, N_SKELETON + 1)


def equations_of_motion(
    q: ca.SX, v: ca.SX, acceleration: ca.SX, force: ca.SX, numbers: ca.SX, weight: ca.SX
) -> list[ca.SX]:
    """Generalized forces that the motion demands, in units of body weight × LEVER."""
    skeleton = skeleton_from(numbers)
    states = segment_states(skeleton, _items(q), _items(v), _items(acceleration))
    loads = {}
    for i, foot in enumerate(FEET):
        fx, fy, m = (force[3 * i + k] for k in range(3))
        loads[SEGMENTS.index(foot)] = ((fx * weight, fy * weight, 0.0), (0.0, 0.0, m * weight * LEVER))
    return [g / (weight * LEVER) for g in inverse_dynamics(skeleton, states, loads)]


@lru_cache
def muscle_block(muscles: str) -> Block:
    """Joint torques of one leg = muscles + passive tissue + reserve.

    Variables: 3 angles, 3 speeds, activations, 3 torques, 3 reserves. Parameters: strength (N) of each muscle, size
    relative to the muscle table's person, body weight (N).
    """
    table = MUSCLE_SETS[muscles]
    n = len(table.muscles)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        angles, speeds, activations = _items(x[:3]), _items(x[3:6]), _items(x[6 : 6 + n])
        torque, reserve = x[6 + n : 9 + n], x[9 + n : 12 + n]
        moments = leg_moments(table, angles, speeds, activations, _items(p[:n]), p[n])
        unit = p[n + 1] * LEVER
        return ca.SX(0), [torque[i] - m / unit - reserve[i] for i, m in enumerate(moments)]

    scale = np.r_[
        np.full(3, SCALE["coordinates"]), np.full(3, SCALE["speeds"]), np.full(n, SCALE["activations"]),
        np.full(3, SCALE["torques"]), np.full(3, SCALE["reserves"]),
    ]  # fmt: skip
    return make_block("muscle moments", rows, scale, n + 2)


@lru_cache
def contact_block(contact: str) -> Block:
    """Ground force of one foot = contact law + slack.

    Variables: 6 coordinates and 6 speeds of the foot's chain, force x, y, moment, three slacks in the units of the
    forces (0 in every solution; paid for on the way to it), then an x and a y correction (m) of each contact point.
    Parameters: 24 numbers of the chain's segments, body weight (N), body height (m), stiffness (in the law's unit),
    rounding (m), damping (s/m).
    """
    model = CONTACT_MODELS[contact]
    n = len(model.points)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        q, v, force, slack, correction = x[:6], x[6:12], x[12:15], x[15:18], x[18:]
        weight, height, stiffness, rounding, damping = (p[24 + i] for i in range(5))
        foot = _foot_state(q, v, p[:24])
        positions = [
            (height * point.position[0] + correction[2 * i], height * point.position[1] + correction[2 * i + 1])
            for i, point in enumerate(model.points)
        ]
        radii = [height * point.radius for point in model.points]
        fx, fy, m = foot_load(model, foot, positions, radii, 0.0, stiffness, rounding, damping)
        return ca.SX(0), [
            force[0] - fx / weight - slack[0],
            force[1] - fy / weight - slack[1],
            force[2] - m / (weight * LEVER) - slack[2],
        ]

    scale = np.r_[
        np.full(6, SCALE["coordinates"]), np.full(6, SCALE["speeds"]), np.full(3, SCALE["forces"]),
        np.full(3, SCALE["slack"]),
        np.full(2 * n, SCALE["contact"]),
    ]  # fmt: skip
    return make_block("ground contact", rows, scale, 29)


@lru_cache
def pressure_block() -> Block:
    """Cost of the moment about the measured centre of pressure of one foot.

    Variables: 6 coordinates of the chain, force x, y, moment. Parameters: 24 numbers of the chain, measured x (m),
    weight.
    """

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        foot = _foot_state(x[:6], None, p[:24])
        ankle = (foot.origin[0], foot.origin[1])
        moment = x[8] * LEVER
        return objective.track_centre_of_pressure(ankle, (x[6], x[7]), moment, p[24], p[25]), []

    scale = np.r_[np.full(6, SCALE["coordinates"]), np.full(3, SCALE["forces"])]
    return make_block("centre of pressure", cost, scale, 26)


@lru_cache
def marker_block() -> Block:
    """Cost of all markers. Variables: coordinates. Parameters: skeleton, eight marker moments of each segment."""

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        states = segment_states(skeleton_from(p[:N_SKELETON]), _items(x))
        n = objective.N_MARKER_MOMENTS
        total = ca.SX(0)
        for i, state in enumerate(states):
            first = N_SKELETON + n * i
            total = total + objective.track_markers_of_segment(state, _items(p[first : first + n]))
        return total, []

    n_parameters = N_SKELETON + objective.N_MARKER_MOMENTS * len(SEGMENTS)
    return make_block("markers", cost, np.full(N_Q, SCALE["coordinates"]), n_parameters)


@lru_cache
def imu_block() -> Block:
    """Cost of seven inertial sensors.

    Variables: coordinates, speeds, accelerations, mounting angle of each sensor. Parameters: skeleton, sensor offsets
    x, y (7 × 2), measured channels (7 × 3) and their weights (7 × 3).
    """
    n = len(SENSOR_SEGMENTS)

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        states = _sensor_states(x, p)
        total = ca.SX(0)
        for i, state in enumerate(states):
            first = N_SKELETON + 2 * n + 3 * i
            reading = objective.sagittal_imu(state, (p[N_SKELETON + 2 * i], p[N_SKELETON + 2 * i + 1]), x[3 * N_Q + i])
            measured, weight = p[first : first + 3], p[first + 3 * n : first + 3 * n + 3]
            total = total + objective.track_imu(reading, _items(measured), _items(weight))
        return total, []

    scale = np.r_[
        np.full(N_Q, SCALE["coordinates"]), np.full(N_Q, SCALE["speeds"]), np.full(N_Q, SCALE["accelerations"]),
        np.full(n, SCALE["mounting"]),
    ]  # fmt: skip
    return make_block("inertial sensors", cost, scale, N_SKELETON + 8 * n)


def _sensor_states(x: ca.SX, p: ca.SX) -> list[SegmentState]:
    q, v, acceleration = (_items(x[i * N_Q : (i + 1) * N_Q]) for i in range(3))
    states = segment_states(skeleton_from(p[:N_SKELETON]), q, v, acceleration)
    return [states[SEGMENTS.index(name)] for name in SENSOR_SEGMENTS]


@lru_cache
def quadratic_block() -> Block:
    """Squared error of one solver variable. Parameters: target, weight (both in solver units)."""

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        return objective.squared_error(x[0], p[0], p[1]), []

    return make_block("tracking", cost, np.ones(1), 2)


@lru_cache
def roughness_block() -> Block:
    """Squared change of one solver variable between two nodes. Parameter: weight."""

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        return objective.roughness(x[0], x[1], p[0]), []

    return make_block("smoothness", cost, np.ones(2), 1)


@lru_cache
def total_force_block() -> Block:
    """Misfit of the force of both feet. Variables: right x, y, left x, y. Parameters: target x, y, weight x, y."""

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        return objective.track_total_force(_items(x), _items(p[:2]), _items(p[2:])), []

    return make_block("total force", cost, np.full(4, SCALE["forces"]), 4)


@lru_cache
def activation_block(scheme: str) -> Block:
    """Linear first-order activation dynamics da/dt = (e - a) / T of one muscle over one interval.

    Variables: activation at the interval's nodes, excitation at the same nodes, duration (s). Parameters: interval
    length as a share of the duration, time constant (s).
    """
    n = 3 if scheme == "hermite_simpson" else 2

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        a, e, h = x[:n], x[n : 2 * n], p[0] * x[2 * n]
        rate = (e - a) / p[1]
        return ca.SX(0), defect_rows(scheme, a, rate, h)

    return make_block("activation dynamics", rows, np.ones(2 * n + 1), 2)
