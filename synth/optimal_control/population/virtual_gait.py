"""Virtual gait: the problem of one virtual person's gait at one speed, in one style, as numbers of one structure.

Tracking stays near normative walking or running in the person's own style; prediction knows a speed, effort,
smoothness, soft treads and an upright trunk only.
All gaits share one structure, so that it is compiled once, and every solution may start another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.gait_mode import MODES, WALK, GaitMode
from synth.optimal_control.gait.normative_gait import GaitStyle, draw_style
from synth.optimal_control.gait.periodic_curve import low_pass_periodic, periodic_derivatives
from synth.optimal_control.movement.climb import start_values
from synth.optimal_control.movement.data import MovementData, person_data
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.population.virtual_skeleton import virtual_skeleton
from synth.optimal_control.program.collocation import Mesh
from synth.virtual_people import VirtualPerson, draw_person

TASKS = ("track", "predict")
_ANGLE_SD, _TRUNK_SD = np.radians(4.0), np.radians(2.0)
_FORWARD_SD, _VERTICAL_SD = 0.03, 0.05
_EXCITATION_SHARE = 0.1
_LUMBAR = 1.0
_DEPTH = 0.004
_FINE = 200


@dataclass(frozen=True)
class GaitPrices:
    """What a gait costs beside what it follows.

    Attributes
    ----------
    effort : float
        Of the squared activations.
    roughness : float
        Of changes of the accelerations: without it, those of the trapezoidal scheme ring from node to node.
    load : float
        Of the square of the vertical force of a foot (body weights) at comfortable speed; it grows with the square of
        the speed, as what it works against does. Without it, effort alone lets the heel hammer at twice the body
        weight.
    upright : float
        rad; of the trunk and the pelvis around upright, the only posture that a prediction knows. A runner without
        arms whose trunk is free nods by 40 degrees to swing the legs.
    """

    effort: float
    roughness: float
    load: float = 0.0
    upright: float = float("inf")


PRICES = {
    ("walk", "track"): GaitPrices(4.0, 1e-2),
    ("walk", "predict"): GaitPrices(30.0, 1e-1, 45.0, float(np.radians(15.0))),
    ("run", "track"): GaitPrices(10.0, 1e-1),
    ("run", "predict"): GaitPrices(20.0, 1.0, 3.0, float(np.radians(5.0))),
}
"""By mode and task; those of running chosen by us on 16 people of seed 11, for stance,
peaks and knees of people."""


@dataclass(frozen=True)
class VirtualGait:
    """One gait to be solved.

    Attributes
    ----------
    person : VirtualPerson
    number : int
        Of the person's gaits.
    task : str
        ``"track"`` or ``"predict"``.
    speed : float
        m/s.
    style : GaitStyle
        The person's own manner; predictions have none.
    mode : str
        ``"walk"`` or ``"run"``.
    """

    person: VirtualPerson
    number: int
    task: str
    speed: float
    style: GaitStyle
    mode: str = WALK.name

    @property
    def way(self) -> GaitMode:
        """Normative curves, speeds and limits of its mode."""
        return MODES[self.mode]

    @property
    def prices(self) -> GaitPrices:
        """Of its mode and task."""
        return PRICES[self.mode, self.task]

    @property
    def manner(self) -> np.ndarray:
        """Beside size, strength and speed, what makes a gait unlike another as a start, in spreads of a population."""
        return np.zeros(0)

    def skeleton(self, template: Skeleton) -> Skeleton:
        """The person's planar model."""
        return virtual_skeleton(self.person, template)

    def data(self, structure: MovementStructure, skeleton: Skeleton) -> MovementData:
        """Numbers of the gait's problem."""
        return gait_data(structure, self, skeleton)

    def unlike(self, solution: MovementSolution) -> str:
        """Why a solution is not the gait that was meant; empty if it is."""
        return ""


def draw_gait(
    seed: int,
    person: int,
    number: int = 0,
    *,
    task: str = "track",
    speeds: tuple[float, float] | None = None,
    spread: float = 1.0,
    mode: str = WALK.name,
) -> VirtualGait:
    """Draw a gait of a virtual person: a pure function of its arguments.

    Parameters
    ----------
    seed, person, number : int
        The person's number, and which of their gaits.
    task : str
    speeds : tuple of float, optional
        Lowest and highest speed (m/s); uniform in between; those of the mode if absent.
    spread : float
        How far styles are from the normative one, see `normative_gait.draw_style`.
    mode : str
        ``"walk"`` or ``"run"``.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is none of {', '.join(TASKS)}")
    own = np.random.default_rng([seed, person, 1])
    style = draw_style(own, spread)
    speed = float(np.random.default_rng([seed, person, 2, number]).uniform(*(speeds or MODES[mode].speeds)))
    return VirtualGait(draw_person(seed, person), number, task, round(speed, 3), style, mode)


def gait_structure(
    template: Skeleton,
    n_intervals: int = 25,
    scheme: str = "trapezoidal",
    *,
    period: str = "half_cycle",
    contact: str = "spheres",
    **options: object,
) -> MovementStructure:
    """Structure of all virtual gaits: muscles, contact, an actuator at the lumbar joint; `options` as of structures."""
    options.setdefault("smooth", ("accelerations",))
    mesh = Mesh(n_intervals, scheme, period)
    return movement_structure(template, mesh, torques=("lumbar_extension",), muscles=True, contact=contact, **options)


def _halves(structure: MovementStructure) -> float:
    """Half cycles in the structure's period."""
    return 1.0 if structure.mesh.period == "half_cycle" else 2.0


def gait_data(structure: MovementStructure, gait: VirtualGait, skeleton: Skeleton) -> MovementData:
    """Numbers of one gait's problem."""
    mesh, height = structure.mesh, gait.person.subject.height
    half = _halves(structure) * gait.way.duration(gait.speed, height, gait.style) / 2.0
    data = person_data(structure, skeleton)
    lower, upper = (np.tile(bound["coordinates"], (mesh.n_nodes, 1)) for bound in (data.lower, data.upper))
    lower[0, structure.travel] = upper[0, structure.travel] = 0.0
    data = data.with_bounds("coordinates", lower, upper).with_bounds("speed", gait.speed, gait.speed)
    if gait.task == "track":
        data = _following_style(data.with_bounds("duration", half, half), structure, gait)
    else:
        data = _comfortable(data.with_bounds("duration", 0.7 * half, 1.4 * half), structure, gait)
    effort, n = gait.prices.effort, mesh.n_nodes
    for name, price in (("activations", effort), ("excitations", _EXCITATION_SHARE * effort)):
        data = data.following(name, np.zeros((n, len(structure.muscles))), price, mesh.quadrature)
    data = data.following("torques", np.zeros((n, len(structure.actuated))), _LUMBAR, mesh.quadrature)
    # squared changes from node to node, summed, fall with the number of nodes: times it they are a jerk on every mesh
    roughness = gait.prices.roughness * mesh.n_nodes / 25.0 / _halves(structure) ** 2
    return data.with_parameters({"roughness accelerations": roughness})


def _following_style(data: MovementData, structure: MovementStructure, gait: VirtualGait) -> MovementData:
    """Near the normative gait in the own style."""
    mesh, height = structure.mesh, gait.person.subject.height
    phase, names = mesh.phase * _halves(structure) / 2.0, structure.pattern.coordinate_names
    precision = np.full(len(names), _ANGLE_SD**-2.0)
    precision[[names.index(name) for name in ("pelvis_tilt", "lumbar_extension")]] = _TRUNK_SD**-2.0
    wanted = gait.way.coordinates(phase, gait.speed, height, gait.style)
    forces = np.full((mesh.n_nodes, 2, 3), np.nan)
    normative = gait.way.forces(phase, gait.speed, height)
    forces[:, 0, :2], forces[:, 1, :2] = normative[:, :2], normative[:, 2:]
    spread = np.array([_FORWARD_SD, _VERTICAL_SD, 1.0])
    data = data.following("coordinates", wanted, precision, mesh.quadrature)
    return data.following_ground(forces, spread**-2.0, mesh.quadrature)


def _comfortable(data: MovementData, structure: MovementStructure, gait: VirtualGait) -> MovementData:
    """Upright, and treading softly: what people want of a gait beside little effort."""
    mesh, names = structure.mesh, structure.pattern.coordinate_names
    upright = np.full((mesh.n_nodes, len(names)), np.nan)
    upright[:, [names.index(name) for name in ("pelvis_tilt", "lumbar_extension")]] = 0.0
    data = data.following("coordinates", upright, gait.prices.upright**-2.0, mesh.quadrature)
    price = gait.prices.load * gait.way.relative_speed(gait.speed, gait.person.subject.height) ** 2
    return data.following_ground(np.zeros((mesh.n_nodes, 2, 3)), np.array([0.0, price, 0.0]), mesh.quadrature)


def gait_start(movement: MovementProgram, gait: VirtualGait, skeleton: Skeleton) -> np.ndarray:
    """Solver variables of the normative gait in the own style, feet on the floor: where a first solution starts."""
    height, mesh = gait.person.subject.height, movement.structure.mesh
    duration = gait.way.duration(gait.speed, height, gait.style)
    forward, up = (skeleton.coordinate_index(name) for name in ("pelvis_tx", "pelvis_ty"))
    fine = np.arange(_FINE) / _FINE
    q = gait.way.coordinates(fine, gait.speed, height, gait.style)
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
