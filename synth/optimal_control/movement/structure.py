"""Movement structure: which equations a problem has, for any skeleton, and where its variables and parameters stand.

People, trials, weights and bounds are numbers of a problem and not part of its structure, so a structure is built and
compiled once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.mirror import mirror_signs, partners
from synth.optimal_control.movement.skeleton_numbers import count_numbers, is_planar, pattern_of
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.layout import Layout

LEVER = 0.1
"""Lever (m) of the unit of generalized forces: they are in body weight × LEVER, forces in body weights."""

SCALE = {
    "coordinates": 1.0,
    "speeds": 5.0,
    "accelerations": 50.0,
    "torques": 1.0,
    "joint_moments": 1.0,
    "wrenches": 1.0,
    "activations": 1.0,
    "excitations": 1.0,
    "tendon_forces": 1.0,
    "tendon_rates": 10.0,
    "duration": 1.0,
    "speed": 1.0,
    "contact": 0.01,
    "mounting": 0.2,
    "places": 0.03,
    "soles": 0.01,
}
"""Physical value (rad, rad/s, rad/s², … or the units above) of one unit of each solver variable."""

N_MUSCLE_NUMBERS = 7
N_SPHERE_NUMBERS = 10
N_PASSIVE_NUMBERS = 9


@dataclass(frozen=True)
class MusclePattern:
    """What the equations of a muscle depend on.

    Attributes
    ----------
    name : str
    coordinates : tuple of int
        Which it crosses.
    exponents : tuple of tuple of int
        Terms of the polynomial of its length.
    """

    name: str
    coordinates: tuple[int, ...]
    exponents: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Foot:
    """One foot: what the ground can push.

    Attributes
    ----------
    name : str
        ``"right"`` or ``"left"``.
    segment : str
        The segment on which a measured ground reaction acts.
    points : tuple of str
        The segment of each contact sphere or point.
    """

    name: str
    segment: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class MovementStructure:
    """Which equations a problem has.

    Attributes
    ----------
    pattern : Skeleton
        See `skeleton_numbers.pattern_of`.
    mesh : Mesh
    feet : tuple of Foot
    actuated : tuple of int
        Coordinates with an ideal actuator: torque, reserve or residual, by its weight alone.
    moments : tuple of int
        Coordinates whose net joint moment (of muscles, actuator and tissue together) is a variable of its own, so that
        it can be followed. Half cycles need those of both sides.
    muscles : tuple of MusclePattern
    tendon : str
        ``"rigid"`` or ``"compliant"``.
    activation : str
        ``"first_order"`` or ``"smooth"`` (De Groote's, as OpenSim has it).
    contact : str
        ``"spheres"``, ``"points"`` or ``""``: the law between feet and floor.
    wrenches : bool
        Whether the load on each foot is a variable: the ground reaction itself where there is no law, or what a
        solution on the way may need beyond the law.
    soles : bool
        Whether each foot's points may stand lower or higher than the rigid foot has them, at every node: what pads,
        arches, a pelvis that lists and wrong lengths do to the height of a foot.
    passive : bool
        Whether tissue gives torques at the ends of the ranges.
    clearance : bool
        Whether a foot that swings low over the floor costs something.
    metabolic : bool
        Whether the energy that muscles turn over has a price.
    markers, sensors : tuple of str
        Segments that carry markers, inertial sensors.
    placing : bool
        Whether the places of the sensors on their segments are unknowns, as their angles are.
    smooth : tuple of str
        Arrays whose change from node to node has a price.
    effort_power : int
        Power of the excitations in their own cost; 2 needs no term of its own.
    linear_controls : bool
        Whether midpoints have the mean excitation and torque of their neighbours (Hermite-Simpson of other tools).
    travel : int
        The coordinate that moves on every period; -1 for none.
    signs : tuple of float
        Sign of each coordinate's partner in the mirror image; for half cycles only.
    """

    pattern: Skeleton
    mesh: Mesh
    feet: tuple[Foot, ...] = ()
    actuated: tuple[int, ...] = ()
    moments: tuple[int, ...] = ()
    muscles: tuple[MusclePattern, ...] = ()
    tendon: str = "rigid"
    activation: str = "first_order"
    contact: str = ""
    wrenches: bool = False
    soles: bool = False
    passive: bool = False
    clearance: bool = False
    metabolic: bool = False
    markers: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    placing: bool = False
    smooth: tuple[str, ...] = ()
    effort_power: int = 2
    linear_controls: bool = False
    travel: int = -1
    signs: tuple[float, ...] = ()

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates."""
        return len(self.pattern.coordinates)

    @property
    def planar(self) -> bool:
        """Whether nothing leaves the sagittal plane."""
        return is_planar(self.pattern)

    @property
    def wrench_size(self) -> int:
        """Numbers of a load: force x, y and moment z of planar skeletons, else three and three."""
        return 3 if self.planar else 6

    @property
    def n_points(self) -> int:
        """Contact spheres or points of all feet."""
        return sum(len(f.points) for f in self.feet)


def movement_structure(
    skeleton: Skeleton,
    mesh: Mesh,
    *,
    torques: Sequence[str] = (),
    moments: Sequence[str] = (),
    muscles: bool = False,
    feet: Sequence[str] = ("calcn_r", "calcn_l"),
    contact: str = "",
    **options: object,
) -> MovementStructure:
    """Structure of a problem for a skeleton.

    Parameters
    ----------
    skeleton : Skeleton
        Polynomials only; with muscle paths where muscles are wanted, with contact spheres where contact is.
    mesh : Mesh
    torques : sequence of str
        Coordinates with an ideal actuator.
    moments : sequence of str
        Coordinates whose net joint moment can be followed.
    muscles : bool
    feet : sequence of str
        Segments of the right and left foot on which the ground acts.
    contact : str
        See `MovementStructure`.
    **options
        Further attributes of `MovementStructure`.

    Raises
    ------
    ModelMismatch
        A muscle without a path, contact without spheres, a name that the skeleton does not have, moments of one side
        in half a cycle.
    """
    index = skeleton.coordinate_index
    patterns = []
    for muscle in skeleton.muscles if muscles else ():
        if muscle.path is None:
            raise ModelMismatch(f"{skeleton.name}: muscle {muscle.name} has no fitted path. Fit the paths first.")
        crossed = tuple(index(c) for c in muscle.path.coordinates)
        patterns.append(MusclePattern(muscle.name, crossed, muscle.path.exponents))
    if muscles and not patterns:
        raise ModelMismatch(f"{skeleton.name}: expected muscles with fitted paths, found none.")
    if contact and not skeleton.contacts:
        raise ModelMismatch(f"{skeleton.name}: expected contact spheres, found none. Add them, or use wrenches.")
    if mesh.period == "half_cycle":
        options.setdefault("signs", tuple(mirror_signs(skeleton).tolist()))
        _check_both_sides(moments, skeleton.coordinate_names)
    options.setdefault("travel", skeleton.coordinate_names.index("pelvis_tx") if mesh.period != "none" else -1)
    return MovementStructure(
        pattern_of(skeleton),
        mesh,
        feet=tuple(_foot(skeleton, name, contact) for name in feet),
        actuated=tuple(index(name) for name in torques),
        moments=tuple(index(name) for name in moments),
        muscles=tuple(patterns),
        contact=contact,
        **options,
    )


def _check_both_sides(moments: Sequence[str], names: Sequence[str]) -> None:
    """Refuse moments of one side alone where each side is the other's second half."""
    others = partners(names)
    for name in moments:
        other = names[others[names.index(name)]]
        if other not in moments:
            raise ModelMismatch(
                f"the moment of {name} is followed and that of {other} is not: in half a cycle each is the other's "
                "second half. Give both, or solve a whole cycle."
            )


def _foot(skeleton: Skeleton, segment: str, contact: str) -> Foot:
    """A foot with the spheres of its own side."""
    skeleton.segment_index(segment)
    side = segment[-2:]
    points = tuple(c.segment for c in skeleton.contacts if c.segment[-2:] == side) if contact else ()
    return Foot({"_r": "right", "_l": "left"}.get(side, segment), segment, points)


def variable_layout(structure: MovementStructure) -> Layout:
    """Arrays of the solver's variables; rows are nodes."""
    n, n_q, n_muscles = structure.mesh.n_nodes, structure.n_coordinates, len(structure.muscles)
    shapes: dict[str, tuple[int, ...]] = {name: (n, n_q) for name in ("coordinates", "speeds", "accelerations")}
    if structure.actuated:
        shapes["torques"] = (n, len(structure.actuated))
    if structure.moments:
        shapes["joint_moments"] = (n, len(structure.moments))
    if structure.wrenches:
        shapes["wrenches"] = (n, len(structure.feet) * structure.wrench_size)
    if structure.soles:
        shapes["soles"] = (n, len(structure.feet))
    if n_muscles:
        shapes |= {"activations": (n, n_muscles), "excitations": (n, n_muscles)}
        if structure.tendon == "compliant":
            shapes |= {"tendon_forces": (n, n_muscles), "tendon_rates": (n, n_muscles)}
    shapes |= {"duration": (1,), "speed": (1,)}
    if structure.contact:
        shapes["contact"] = (structure.n_points * (2 if structure.planar else 3),)
    if structure.sensors:
        shapes["mounting"] = (len(structure.sensors) * (1 if structure.planar else 3),)
        if structure.placing:
            shapes["places"] = (len(structure.sensors) * (2 if structure.planar else 3),)
    return Layout(shapes)


def parameter_layout(structure: MovementStructure) -> Layout:
    """Arrays of the solver's parameters."""
    n, n_feet = structure.mesh.n_nodes, len(structure.feet)
    shapes: dict[str, tuple[int, ...]] = {
        "numbers": (count_numbers(structure.pattern),),
        "weight": (1,),
        "share": (1,),
        "one": (1,),
        "zero": (1,),
    }
    for i, muscle in enumerate(structure.muscles):
        size = N_MUSCLE_NUMBERS + 2 * len(muscle.coordinates) + len(muscle.exponents)
        shapes[f"muscle {i}"] = (size,)
    if structure.muscles:
        shapes["activation_times"] = (3,)
    if structure.metabolic:
        shapes |= {"metabolic": (len(structure.muscles), 2), "metabolic_price": (n, 2)}
    if structure.contact:
        shapes |= {"spheres": (structure.n_points, N_SPHERE_NUMBERS), "floor": (2,)}
        if structure.clearance:
            shapes["clearance"] = (n, 2)
    if structure.contact or structure.wrenches:
        size = structure.wrench_size
        shapes |= {"ground": (n, n_feet, size), "ground_weight": (n, n_feet, size), "pressure": (n, n_feet, 3)}
    if structure.passive:
        shapes["passive"] = (structure.n_coordinates, N_PASSIVE_NUMBERS)
    if structure.markers:
        shapes["markers"] = (n, len(structure.markers), 17)
    if structure.sensors:
        channels = 3 if structure.planar else 6
        shapes["sensor_offset"] = (len(structure.sensors), 3)
        shapes |= {name: (n, len(structure.sensors), channels) for name in ("imu", "imu_weight")}
    if structure.effort_power != 2:
        shapes["effort"] = (n, len(structure.muscles))
    for name, shape in variable_layout(structure).shapes.items():
        shapes |= {f"target {name}": shape, f"precision {name}": shape}
        if name in structure.smooth:
            shapes[f"roughness {name}"] = (1, shape[1])
    return Layout(shapes)
