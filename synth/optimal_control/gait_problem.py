"""Gait problem: variables, parameters and equations of one period of planar gait, built once per structure.

A `GaitStructure` says which equations there are (mesh, muscles, contact, what is followed). `gait_program` builds and
caches its program. A `GaitData` holds everything else as numbers: the person, the trial, weights, bounds. So one
process builds a structure once and solves any number of trials with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from opensim_models.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.collocation import (
    BlockUse,
    Mesh,
    Program,
    assemble,
    defect_block,
    displaced_defect_block,
)
from synth.optimal_control.ground_contact import (
    CONTACT_MODELS,
    PENETRATION_DAMPING,
    PENETRATION_STIFFNESS,
    POINT_ROUNDING,
    SPHERE_DISSIPATION,
    SPHERE_MODULUS,
    SPHERE_ROUNDING,
)
from synth.optimal_control.muscle import MUSCLE_SETS
from synth.optimal_control.objective import N_MARKER_MOMENTS

WIDE = 20.0
"""Bound (solver units) of variables that are not meant to be bounded: far from any gait, yet finite."""


@dataclass(frozen=True)
class GaitStructure:
    """Which equations a gait problem has.

    Attributes
    ----------
    mesh : Mesh
    muscles : str
        Name of a muscle set, or ``""`` for joint torques without muscles.
    contact : str
        Name of a contact model, or ``""`` where ground forces follow data alone.
    markers, imu : bool
        Whether markers or inertial sensors are followed.
    """

    mesh: Mesh
    muscles: str = ""
    contact: str = ""
    markers: bool = False
    imu: bool = False


@dataclass(frozen=True)
class Layout:
    """Named arrays within one flat vector.

    Attributes
    ----------
    shapes : dict of str to tuple of int
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        return int(sum(np.prod(s) for s in self.shapes.values()))

    def index(self, name: str) -> np.ndarray:
        """Entries of the flat vector, in the array's shape."""
        first = 0
        for key, shape in self.shapes.items():
            size = int(np.prod(shape))
            if key == name:
                return np.arange(first, first + size).reshape(shape)
            first += size
        raise KeyError(f"no array {name!r} among {', '.join(self.shapes)}")

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """All named arrays of a flat vector."""
        return {name: vector[self.index(name)] for name in self.shapes}

    def join(self, arrays: Mapping[str, np.ndarray], default: float = 0.0) -> np.ndarray:
        """Flat vector from named arrays (broadcast to their shapes); absent ones take the default."""
        vector = np.full(self.size, default)
        for name, value in arrays.items():
            vector[self.index(name)] = value
        return vector


@dataclass(frozen=True)
class GaitProgram:
    """A structure with its program and the names of its vectors' entries.

    Attributes
    ----------
    structure : GaitStructure
    program : Program
    variables, parameters : Layout
    """

    structure: GaitStructure
    program: Program
    variables: Layout
    parameters: Layout


def variable_layout(structure: GaitStructure) -> Layout:
    """Arrays of the solver's variables; rows are nodes."""
    n = structure.mesh.n_nodes
    shapes: dict[str, tuple[int, ...]] = {
        "coordinates": (n, nodes.N_Q),
        "speeds": (n, nodes.N_Q),
        "accelerations": (n, nodes.N_Q),
        "torques": (n, nodes.N_Q),
        "forces": (n, 6),
    }
    if structure.muscles:
        count = 2 * len(MUSCLE_SETS[structure.muscles].muscles)
        shapes |= {"activations": (n, count), "excitations": (n, count), "reserves": (n, 6)}
    if structure.contact:
        shapes["slack"] = (n, 6)
    shapes |= {"duration": (1,), "speed": (1,)}
    if structure.contact:
        shapes["contact"] = (2 * len(CONTACT_MODELS[structure.contact].points),)
    if structure.imu:
        shapes["mounting"] = (len(nodes.SENSOR_SEGMENTS),)
    return Layout(shapes)


def parameter_layout(structure: GaitStructure) -> Layout:
    """Arrays of the solver's parameters."""
    n = structure.mesh.n_nodes
    variables = variable_layout(structure)
    shapes: dict[str, tuple[int, ...]] = {
        "skeleton": (nodes.N_SKELETON,),
        "hip_offset": (n, 4),
        "weight": (1,),
        "height": (1,),
        "share": (1,),
        "one": (1,),
        "zero": (1,),
        "total_force": (n, 4),
        "pressure": (n, 2, 2),
        "stiffness": (1,),
        "rounding": (1,),
        "damping": (1,),
    }
    if structure.muscles:
        count = len(MUSCLE_SETS[structure.muscles].muscles)
        shapes |= {"strength": (2, count), "muscle_size": (1,), "activation_time": (1,)}
    if structure.markers:
        shapes["markers"] = (n, N_MARKER_MOMENTS * len(nodes.SEGMENTS))
    if structure.imu:
        count = len(nodes.SENSOR_SEGMENTS)
        shapes |= {"sensor_offset": (2 * count,), "imu": (n, 3 * count), "imu_weight": (n, 3 * count)}
    for name, shape in variables.shapes.items():
        shapes |= {f"target {name}": shape, f"precision {name}": shape}
        if len(shape) == 2:
            shapes[f"roughness {name}"] = (1, shape[1])
    return Layout(shapes)


def mirror_columns(name: str, count: int) -> np.ndarray:
    """Columns of a node array after right and left change places."""
    if name in ("coordinates", "speeds", "accelerations", "torques"):
        other = {"_r": "_l", "_l": "_r"}
        names = [c[:-2] + other[c[-2:]] if c[-2:] in other else c for c in nodes.COORDINATES]
        return np.array([nodes.COORDINATES.index(c) for c in names])
    half = count // 2
    return np.r_[half:count, 0:half]


def _interval_entries(structure: GaitStructure, variables: Layout, name: str) -> np.ndarray:
    """Entries (nodes of an interval, n_intervals, n_columns) of a node array, wrapped by the mesh's period."""
    index = variables.index(name)
    if structure.mesh.period == "cycle":
        index = np.vstack([index, index[:1]])
    elif structure.mesh.period == "half_cycle":
        index = np.vstack([index, index[:1, mirror_columns(name, index.shape[1])]])
    return index[structure.mesh.interval_nodes()]


def _flat(entries: np.ndarray) -> np.ndarray:
    """(nodes, intervals, columns) → (nodes, intervals x columns)."""
    return entries.reshape(len(entries), -1)


def _same(index: np.ndarray, count: int) -> np.ndarray:
    """Repeat global entries for every column of a use."""
    return np.repeat(np.ravel(index)[:, None], count, axis=1)


@lru_cache(maxsize=16)
def gait_program(structure: GaitStructure) -> GaitProgram:
    """Build the program of a structure, or return the one built before in this process."""
    variables, parameters = variable_layout(structure), parameter_layout(structure)
    uses = [*_defect_uses(structure, variables, parameters), *_mechanics_uses(structure, variables, parameters)]
    uses += _tracking_uses(structure, variables, parameters)
    uses += _weighting_uses(structure, variables, parameters)
    return GaitProgram(structure, assemble(uses, variables.size, parameters.size), variables, parameters)


def _defect_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    scheme, scale = structure.mesh.scheme, nodes.SCALE
    duration, speed = variables.index("duration"), variables.index("speed")
    share, one, zero = (parameters.index(n) for n in ("share", "one", "zero"))
    forward = nodes.COORDINATES.index("pelvis_tx")
    others = [i for i in range(nodes.N_Q) if i != forward]
    q, v, a = (_interval_entries(structure, variables, n) for n in ("coordinates", "speeds", "accelerations"))
    uses = []
    for state, rate, names in ((q[..., others], v[..., others], "cs"), (v, a, "sa")):
        scales = (scale["coordinates"], scale["speeds"]) if names == "cs" else (scale["speeds"], scale["accelerations"])
        count = state[0].size
        entries = np.vstack([_flat(state), _flat(rate), _same(duration, count)])
        uses.append(BlockUse(defect_block(scheme, *scales), entries, _same(share, count)))
    count = q.shape[1]
    entries = np.vstack([q[..., forward], v[..., forward], _same(duration, count), _same(speed, count)])
    wraps = np.repeat(zero, count)
    if structure.mesh.period != "none":
        wraps[-1] = one[0]
    block = displaced_defect_block(scheme, scale["coordinates"], scale["speeds"])
    uses.append(BlockUse(block, entries, np.vstack([_same(share, count), wraps[None, :]])))
    if structure.muscles:
        activation, excitation = (_interval_entries(structure, variables, n) for n in ("activations", "excitations"))
        count = activation[0].size
        entries = np.vstack([_flat(activation), _flat(excitation), _same(duration, count)])
        constants = np.vstack([_same(share, count), _same(parameters.index("activation_time"), count)])
        uses.append(BlockUse(nodes.activation_block(scheme), entries, constants))
    return uses


def _body(parameters: Layout) -> np.ndarray:
    """Entries (n_skeleton, n_nodes) of the skeleton at each node: only the hips' places in the pelvis may vary."""
    hips = parameters.index("hip_offset")
    body = _same(parameters.index("skeleton"), len(hips))
    body[nodes.HIP_NUMBERS] = hips.T
    return body


def _mechanics_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    n = structure.mesh.n_nodes
    q, v, a, torque, force = (
        variables.index(name).T for name in ("coordinates", "speeds", "accelerations", "torques", "forces")
    )
    body = np.vstack([_body(parameters), _same(parameters.index("weight"), n)])
    uses = [BlockUse(nodes.motion_block(), np.vstack([q, v, a, torque, force]), body)]
    for i, side in enumerate("rl"):
        leg, chain = nodes.leg_indices(side), nodes.chain_indices(side)
        if structure.muscles:
            count = len(MUSCLE_SETS[structure.muscles].muscles)
            activation = variables.index("activations").T[i * count : (i + 1) * count]
            reserve = variables.index("reserves").T[3 * i : 3 * i + 3]
            entries = np.vstack([q[leg], v[leg], activation, torque[leg], reserve])
            constants = np.r_[
                parameters.index("strength")[i], parameters.index("muscle_size"), parameters.index("weight")
            ]
            uses.append(BlockUse(nodes.muscle_block(structure.muscles), entries, _same(constants, n)))
        if structure.contact:
            slack = variables.index("slack").T
            correction = _same(variables.index("contact"), n)
            entries = np.vstack([q[chain], v[chain], force[3 * i : 3 * i + 3], slack[3 * i : 3 * i + 3], correction])
            constants = np.vstack([_chain_numbers(parameters, side), _same(_law_numbers(parameters), n)])
            uses.append(BlockUse(nodes.contact_block(structure.contact), entries, constants))
    return uses


def _chain_numbers(parameters: Layout, side: str) -> np.ndarray:
    body = _body(parameters)
    numbers = body.reshape(-1, nodes.NUMBERS_PER_SEGMENT, body.shape[1])
    return numbers[nodes.chain_segments(side)].reshape(-1, body.shape[1])


def _law_numbers(parameters: Layout) -> np.ndarray:
    return np.concatenate([parameters.index(name) for name in ("weight", "height", "stiffness", "rounding", "damping")])


def _tracking_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    n = structure.mesh.n_nodes
    q, v, a, force = (variables.index(name).T for name in ("coordinates", "speeds", "accelerations", "forces"))
    skeleton = _body(parameters)
    uses = [BlockUse(nodes.total_force_block(), force[[0, 1, 3, 4]], parameters.index("total_force").T)]
    for i, side in enumerate("rl"):
        entries = np.vstack([q[nodes.chain_indices(side)], force[3 * i : 3 * i + 3]])
        measured = parameters.index("pressure")[:, i].T
        uses.append(BlockUse(nodes.pressure_block(), entries, np.vstack([_chain_numbers(parameters, side), measured])))
    if structure.markers:
        measured = parameters.index("markers").T
        uses.append(BlockUse(nodes.marker_block(), q, np.vstack([skeleton, measured])))
    if structure.imu:
        mounting = _same(variables.index("mounting"), n)
        constants = [skeleton, _same(parameters.index("sensor_offset"), n)]
        constants += [parameters.index("imu").T, parameters.index("imu_weight").T]
        uses.append(BlockUse(nodes.imu_block(), np.vstack([q, v, a, mounting]), np.vstack(constants)))
    return uses


def _weighting_uses(structure: GaitStructure, variables: Layout, parameters: Layout) -> list[BlockUse]:
    """Quadratic costs and smoothness of every variable."""
    targets = np.concatenate([parameters.index(f"target {n}").ravel() for n in variables.shapes])
    precisions = np.concatenate([parameters.index(f"precision {n}").ravel() for n in variables.shapes])
    everything = np.arange(variables.size)[None, :]
    uses = [BlockUse(nodes.quadratic_block(), everything, np.vstack([targets, precisions]))]
    neighbours, weights = [], []
    for name, shape in variables.shapes.items():
        if len(shape) == 2:
            entries = _interval_entries(structure, variables, name)[[0, -1]]
            neighbours.append(_flat(entries))
            weights.append(np.tile(parameters.index(f"roughness {name}")[0], entries.shape[1]))
    return [*uses, BlockUse(nodes.roughness_block(), np.hstack(neighbours), np.concatenate(weights)[None, :])]


# ------------------------------------------------------------------------------------------------------------ data


@dataclass(frozen=True)
class GaitData:
    """Numbers of one problem: the person, the trial, weights and bounds.

    Arrays are in solver units (see `node_functions.SCALE`) and named as in the layouts; absent ones are 0 (parameters)
    or wide open (bounds).

    Attributes
    ----------
    parameters : dict of str to ndarray
    lower, upper : dict of str to ndarray
    """

    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    lower: Mapping[str, np.ndarray] = field(default_factory=dict)
    upper: Mapping[str, np.ndarray] = field(default_factory=dict)

    def with_parameters(self, **changes: np.ndarray | float) -> GaitData:
        """Return a copy with other parameters; a double underscore in a name stands for a space."""
        return replace(self, parameters={**self.parameters, **{k.replace("__", " "): v for k, v in changes.items()}})

    def with_bounds(self, name: str, lower: np.ndarray | float, upper: np.ndarray | float) -> GaitData:
        """Return a copy with other bounds of one variable array."""
        return replace(self, lower={**self.lower, name: lower}, upper={**self.upper, name: upper})

    def tracking(
        self, name: str, target: np.ndarray, precision: np.ndarray | float, quadrature: np.ndarray | None = None
    ) -> GaitData:
        """Return a copy that tracks a variable array.

        Parameters
        ----------
        name : str
        target : ndarray
            Physical units; NaN = not tracked.
        precision : ndarray or float
            Inverse variance in physical units.
        quadrature : ndarray, shape (n_nodes,), optional
            Weight of each node in a time average.
        """
        scale = nodes.SCALE[name]
        target = np.asarray(target, float)
        precision = np.where(np.isfinite(target), precision, 0.0) * scale**2
        if quadrature is not None:
            precision = precision * quadrature[:, None]
        target = np.nan_to_num(target) / scale
        return replace(self, parameters={**self.parameters, f"target {name}": target, f"precision {name}": precision})


def person_data(
    structure: GaitStructure, skeleton: Skeleton, height: float, *, strength: float = 1.0, rounding: float | None = None
) -> GaitData:
    """Data of a person: skeleton, strength, contact stiffness, and the bounds that every gait has.

    Parameters
    ----------
    structure : GaitStructure
    skeleton : Skeleton
        Planar.
    height : float
        Body height (m).
    strength : float
        Factor on the muscles' strength.
    rounding : float, optional
        Length (m) over which contact fades in; the law's own if absent.
    """
    numbers = nodes.skeleton_numbers(skeleton)
    mass, weight = skeleton.mass, -skeleton.mass * skeleton.gravity[1]
    parameters: dict[str, np.ndarray | float] = {
        "skeleton": numbers,
        "hip_offset": np.tile(numbers[nodes.HIP_NUMBERS], (structure.mesh.n_nodes, 1)),
        "weight": weight,
        "height": height,
        "share": 1.0 / structure.mesh.n_intervals,
        "one": 1.0,
    }
    if structure.contact:
        spheres = CONTACT_MODELS[structure.contact].law == "hunt_crossley"
        parameters["stiffness"] = SPHERE_MODULUS if spheres else PENETRATION_STIFFNESS * weight
        parameters["damping"] = SPHERE_DISSIPATION if spheres else PENETRATION_DAMPING
        parameters["rounding"] = rounding or (SPHERE_ROUNDING if spheres else POINT_ROUNDING)
    data = GaitData()
    if structure.muscles:
        table = MUSCLE_SETS[structure.muscles]
        parameters |= {
            "strength": np.tile(table.strength_of(mass, strength), (2, 1)),
            "muscle_size": height / table.body_height,
            "activation_time": table.activation_time,
        }
        data = data.with_bounds("activations", 0.001, 1.0).with_bounds("excitations", 0.001, 1.0)
        data = data.with_bounds("reserves", 0.0, 0.0)
    torque = np.full(nodes.N_Q, WIDE)
    torque[:3] = 0.0  # nothing but the ground holds the pelvis
    data = data.with_bounds("torques", -torque, torque)
    limits = [(c.lower, c.upper) for c in nodes.TEMPLATE.coordinates]
    lower = np.array([max(a, -WIDE) for a, _ in limits])
    upper = np.array([min(b, WIDE) for _, b in limits])
    data = data.with_bounds("coordinates", lower, upper)
    if structure.contact:
        data = data.with_bounds("contact", 0.0, 0.0).with_bounds("slack", 0.0, 0.0)
    return replace(data, parameters=parameters)


def start_at_origin(data: GaitData, n_nodes: int) -> GaitData:
    """Pin the pelvis of the first node to x = 0, which no cost would otherwise decide."""
    forward = nodes.COORDINATES.index("pelvis_tx")
    lower = np.tile(np.asarray(data.lower["coordinates"], float), (n_nodes, 1))
    upper = np.tile(np.asarray(data.upper["coordinates"], float), (n_nodes, 1))
    lower[0, forward] = upper[0, forward] = 0.0
    return data.with_bounds("coordinates", lower, upper)


def smooth(data: GaitData, gait: GaitProgram, weight: float) -> GaitData:
    """Add a cost of weight × time average of squared jerk in (50 rad/s²) per 1/100 of the mesh."""
    n = gait.structure.mesh.n_nodes
    roughness = np.full((1, nodes.N_Q), weight * n)
    for name in ("pelvis_tx", "pelvis_ty"):
        roughness[0, nodes.COORDINATES.index(name)] *= 25.0  # m against rad: accelerations are smaller numbers
    return data.with_parameters(roughness__accelerations=roughness)


def loosen_contact(data: GaitData, gait: GaitProgram, deviation: float) -> GaitData:
    """Let the ground forces differ from the contact law by that standard deviation (body weights), on the way only."""
    mesh = gait.structure.mesh
    return data.with_bounds("slack", -50.0, 50.0).tracking(
        "slack", np.zeros((mesh.n_nodes, 6)), deviation**-2.0, mesh.quadrature
    )
