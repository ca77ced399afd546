"""Virtual gait: the problem of one virtual person's walk at one speed, in one style, as numbers of one structure.

Tracking stays near normative walking in the person's own style; prediction knows a speed, effort, smoothness, soft
treads and an upright trunk only.
All gaits share one structure, so that it is compiled once, and every solution may start another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.normative_gait import (
    GaitStyle,
    cycle_duration,
    draw_style,
    normative_coordinates,
    normative_forces,
    relative_speed,
)
from synth.optimal_control.gait.periodic_curve import low_pass_periodic, periodic_derivatives
from synth.optimal_control.movement.climb import start_values
from synth.optimal_control.movement.data import MovementData, person_data
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.virtual_people import VirtualPerson, draw_person

TASKS = ("track", "predict")
SPEEDS = (0.8, 1.8)
"""m/s."""
_ANGLE_SD, _TRUNK_SD = np.radians(4.0), np.radians(2.0)
_FORWARD_SD, _VERTICAL_SD = 0.03, 0.05
_EFFORT = {"track": 4.0, "predict": 30.0}
_EXCITATION_SHARE = 0.1
_ROUGHNESS = {"track": 1e-2, "predict": 1e-1}
"""Price of changes of the accelerations: without it, those of the trapezoidal scheme ring from node to node."""
_LUMBAR = 1.0
_LOAD = 45.0
"""Price of the square of the vertical force of a foot (body weights) at comfortable speed; it grows with the square of
the speed, as what it works against does. Without it, effort alone lets the heel hammer at twice the body weight."""
_UPRIGHT_SD = np.radians(15.0)
"""rad; of the trunk and the pelvis around upright, the only posture that a prediction knows."""
_DEPTH = 0.004
_FINE = 200


@dataclass(frozen=True)
class VirtualGait:
    """One walk to be solved.

    Attributes
    ----------
    person : VirtualPerson
    number : int
        Of the person's walks.
    task : str
        ``"track"`` or ``"predict"``.
    speed : float
        m/s.
    style : GaitStyle
        The person's own manner; predictions have none.
    """

    person: VirtualPerson
    number: int
    task: str
    speed: float
    style: GaitStyle


def draw_gait(
    seed: int,
    person: int,
    number: int = 0,
    *,
    task: str = "track",
    speeds: tuple[float, float] = SPEEDS,
    spread: float = 1.0,
) -> VirtualGait:
    """Draw a walk of a virtual person: a pure function of its arguments.

    Parameters
    ----------
    seed, person, number : int
        The person's number, and which of their walks.
    task : str
    speeds : tuple of float
        Lowest and highest speed (m/s); uniform in between.
    spread : float
        How far styles are from the normative one, see `normative_gait.draw_style`.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is none of {', '.join(TASKS)}")
    own = np.random.default_rng([seed, person, 1])
    style = draw_style(own, spread)
    speed = float(np.random.default_rng([seed, person, 2, number]).uniform(*speeds))
    return VirtualGait(draw_person(seed, person), number, task, round(speed, 3), style)


def gait_structure(template: Skeleton, n_intervals: int = 25, scheme: str = "trapezoidal") -> MovementStructure:
    """Structure of all virtual gaits: half a cycle, muscles, spheres, an actuator at the lumbar joint."""
    mesh = Mesh(n_intervals, scheme, "half_cycle")
    return movement_structure(
        template, mesh, torques=("lumbar_extension",), muscles=True, contact="spheres", smooth=("accelerations",)
    )


def gait_data(structure: MovementStructure, gait: VirtualGait, skeleton: Skeleton) -> MovementData:
    """Numbers of one gait's problem."""
    mesh, height = structure.mesh, gait.person.subject.height
    half = cycle_duration(gait.speed, height, gait.style) / 2.0
    data = person_data(structure, skeleton)
    lower, upper = (np.tile(bound["coordinates"], (mesh.n_nodes, 1)) for bound in (data.lower, data.upper))
    lower[0, structure.travel] = upper[0, structure.travel] = 0.0
    data = data.with_bounds("coordinates", lower, upper).with_bounds("speed", gait.speed, gait.speed)
    if gait.task == "track":
        data = _following_style(data.with_bounds("duration", half, half), structure, gait)
    else:
        data = _comfortable(data.with_bounds("duration", 0.7 * half, 1.4 * half), structure, gait)
    effort, n = _EFFORT[gait.task], mesh.n_nodes
    for name, price in (("activations", effort), ("excitations", _EXCITATION_SHARE * effort)):
        data = data.following(name, np.zeros((n, len(structure.muscles))), price, mesh.quadrature)
    data = data.following("torques", np.zeros((n, len(structure.actuated))), _LUMBAR, mesh.quadrature)
    # squared changes from node to node, summed, fall with the number of nodes: times it they are a jerk on every mesh
    roughness = _ROUGHNESS[gait.task] * mesh.n_nodes / 25.0
    return data.with_parameters({"roughness accelerations": roughness})


def _following_style(data: MovementData, structure: MovementStructure, gait: VirtualGait) -> MovementData:
    """Near normative walking in the own style."""
    mesh, height = structure.mesh, gait.person.subject.height
    phase, names = mesh.phase / 2.0, structure.pattern.coordinate_names
    precision = np.full(len(names), _ANGLE_SD**-2.0)
    precision[[names.index(name) for name in ("pelvis_tilt", "lumbar_extension")]] = _TRUNK_SD**-2.0
    wanted = normative_coordinates(phase, gait.speed, height, gait.style)
    forces = np.full((mesh.n_nodes, 2, 3), np.nan)
    normative = normative_forces(phase, gait.speed, height)
    forces[:, 0, :2], forces[:, 1, :2] = normative[:, :2], normative[:, 2:]
    spread = np.array([_FORWARD_SD, _VERTICAL_SD, 1.0])
    data = data.following("coordinates", wanted, precision, mesh.quadrature)
    return data.following_ground(forces, spread**-2.0, mesh.quadrature)


def _comfortable(data: MovementData, structure: MovementStructure, gait: VirtualGait) -> MovementData:
    """Upright, and treading softly: what people want of a gait beside little effort."""
    mesh, names = structure.mesh, structure.pattern.coordinate_names
    upright = np.full((mesh.n_nodes, len(names)), np.nan)
    upright[:, [names.index(name) for name in ("pelvis_tilt", "lumbar_extension")]] = 0.0
    data = data.following("coordinates", upright, _UPRIGHT_SD**-2.0, mesh.quadrature)
    price = _LOAD * relative_speed(gait.speed, gait.person.subject.height) ** 2
    return data.following_ground(np.zeros((mesh.n_nodes, 2, 3)), np.array([0.0, price, 0.0]), mesh.quadrature)


def gait_start(movement: MovementProgram, gait: VirtualGait, skeleton: Skeleton) -> np.ndarray:
    """Solver variables of normative walking in the own style, feet on the floor: where a first solution starts."""
    height, mesh = gait.person.subject.height, movement.structure.mesh
    duration = cycle_duration(gait.speed, height, gait.style)
    forward, up = (skeleton.coordinate_index(name) for name in ("pelvis_tx", "pelvis_ty"))
    fine = np.arange(_FINE) / _FINE
    q = normative_coordinates(fine, gait.speed, height, gait.style)
    q[:, [forward, up]] = 0.0
    q[:, up] = low_pass_periodic(-lowest_point(skeleton, q) - _DEPTH, 4)
    v, a = periodic_derivatives(q, duration)
    phase = mesh.phase / 2.0
    arrays = {}
    for name, array in (("coordinates", q), ("speeds", v), ("accelerations", a)):
        arrays[name] = np.stack([np.interp(phase, fine, c, period=1.0) for c in array.T], axis=1)
    arrays["coordinates"][:, forward] = gait.speed * duration * phase
    arrays["speeds"][:, forward] = gait.speed
    arrays |= {"duration": np.array([duration / 2.0]), "speed": np.array([gait.speed])}
    return start_values(movement, arrays)


def lowest_point(skeleton: Skeleton, coordinates: np.ndarray) -> np.ndarray:
    """Height (n,) of the lowest point of all spheres over the floor (m)."""
    states = segment_states(skeleton, list(coordinates.T))
    heights = [
        point_position(states[skeleton.segment_index(c.segment)], c.offset)[1] - c.radius for c in skeleton.contacts
    ]
    return np.min(heights, axis=0)
