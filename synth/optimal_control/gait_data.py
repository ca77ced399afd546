"""Gait data: the numbers of one problem, from the person and the trial, in the units of the solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.gait_structure import WIDE, GaitStructure
from synth.optimal_control.ground_contact import (
    CONTACT_MODELS,
    PENETRATION_DAMPING,
    PENETRATION_STIFFNESS,
    POINT_ROUNDING,
    SPHERE_DISSIPATION,
    SPHERE_MODULUS,
    SPHERE_ROUNDING,
)
from synth.optimal_control.muscle_table import MUSCLE_SETS


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
