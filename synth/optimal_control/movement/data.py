"""Movement data: the numbers of one problem, from the person and the trial, in the units of the solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np

from opensim_models.exchange.sign_convention import positive_directions
from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.law.metabolic_rate import muscle_mass
from synth.optimal_control.law.passive_torque import ExponentialTissue, exponential_tissue
from synth.optimal_control.movement.skeleton_numbers import numbers_for
from synth.optimal_control.movement.structure import SCALE, MovementStructure

WIDE = 50.0
"""Bound (solver units) of variables that are not meant to be bounded: far from any movement, yet finite."""

SPECIFIC_TENSION = 6e5
"""Pa, of the muscles of Rajagopal et al., IEEE Trans Biomed Eng 63:2068, 2016."""

SCUFFING_HEIGHT = 0.02
"""m over the floor, below which a swinging foot costs something where nothing else is said."""

HERTZ_SMOOTHING = 300.0
"""Steepness (1/m) with which OpenSim's spheres fade in."""


@dataclass(frozen=True)
class MovementData:
    """Numbers of one problem: the person, the trial, weights and bounds.

    Arrays are named as in the layouts, in solver units (see `structure.SCALE`); absent parameters are 0, absent bounds
    wide open.

    Attributes
    ----------
    parameters : dict of str to ndarray
    lower, upper : dict of str to ndarray
    """

    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    lower: Mapping[str, np.ndarray] = field(default_factory=dict)
    upper: Mapping[str, np.ndarray] = field(default_factory=dict)

    def with_parameters(self, values: Mapping[str, np.ndarray | float]) -> MovementData:
        """Return a copy with other parameters."""
        return replace(self, parameters={**self.parameters, **values})

    def with_bounds(self, name: str, lower: np.ndarray | float, upper: np.ndarray | float) -> MovementData:
        """Return a copy with other bounds (physical units) of one variable array; infinite ones are wide open."""
        lower, upper = (np.asarray(b, float) / SCALE[name] for b in (lower, upper))
        lower, upper = np.where(np.isneginf(lower), -WIDE, lower), np.where(np.isposinf(upper), WIDE, upper)
        return replace(self, lower={**self.lower, name: lower}, upper={**self.upper, name: upper})

    def following(
        self, name: str, target: np.ndarray, precision: np.ndarray | float, quadrature: np.ndarray | None = None
    ) -> MovementData:
        """Return a copy in which a variable array follows a target.

        Parameters
        ----------
        name : str
        target : ndarray
            Physical units; NaN = not followed.
        precision : ndarray or float
            Weight of the squared error in physical units: an inverse variance.
        quadrature : ndarray, shape (n_nodes,), optional
            Weight of each node in a time average.
        """
        target = np.asarray(target, float)
        precision = np.where(np.isfinite(target), precision, 0.0) * SCALE[name] ** 2
        if quadrature is not None:
            precision = precision * quadrature[:, None]
        target = np.nan_to_num(target) / SCALE[name]
        return self.with_parameters({f"target {name}": target, f"precision {name}": precision})

    def with_metabolic_price(self, price: float, price_of_square: float, quadrature: np.ndarray) -> MovementData:
        """Return a copy that pays for each muscle's energy rate per body mass (W/kg), and for its square."""
        return self.with_parameters({"metabolic_price": quadrature[:, None] * np.array([price, price_of_square])})

    def with_clearance(self, price: float, height: float, quadrature: np.ndarray) -> MovementData:
        """Return a copy that pays for swinging a foot lower than a height (m), see `contact_blocks.scuffing`."""
        values = np.stack([price * quadrature, np.full(len(quadrature), height)], axis=1)
        return self.with_parameters({"clearance": values})

    def following_ground(
        self,
        target: np.ndarray,
        precision: np.ndarray | float,
        quadrature: np.ndarray,
        about: np.ndarray | None = None,
    ) -> MovementData:
        """Return a copy in which the force on each foot, by the contact law or unknown, follows a measured one.

        Parameters
        ----------
        target : ndarray, shape (n_nodes, n_feet, 3 or 6)
            Forces in body weights and moments in body weight × LEVER; NaN = not followed.
        precision : ndarray or float
            Inverse variances.
        quadrature : ndarray, shape (n_nodes,)
        about : ndarray, shape (n_nodes, n_feet, 3), optional
            Points (m) that the moments are about, e.g. the centre of pressure; the ground's origin if absent.
        """
        target = np.asarray(target, float)
        weight = np.where(np.isfinite(target), precision, 0.0) * quadrature[:, None, None]
        values = {"ground": np.nan_to_num(target), "ground_weight": weight}
        return self.with_parameters(values if about is None else {**values, "pressure": about})


def person_data(structure: MovementStructure, skeleton: Skeleton, *, strength: float = 1.0) -> MovementData:
    """Data of a person: skeleton, muscles, contact, tissue, and the bounds that every movement has.

    Parameters
    ----------
    structure : MovementStructure
    skeleton : Skeleton
        Of the structure's pattern, with the muscles and contact spheres of the structure.
    strength : float
        Factor on the muscles' maximum isometric forces.
    """
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    parameters: dict[str, np.ndarray | float] = {
        "numbers": numbers_for(structure.pattern, skeleton),
        "weight": weight,
        "share": 1.0 / structure.mesh.n_intervals,
        "one": 1.0,
    }
    if structure.muscles:
        for i, muscle in enumerate(skeleton.muscles):
            parameters[f"muscle {i}"] = muscle_numbers(muscle, strength)
        parameters["activation_times"] = activation_times(structure.activation)
    if structure.metabolic:
        parameters["metabolic"] = metabolic_numbers(skeleton)
    if structure.contact:
        spheres = [c for foot in structure.feet for c in _spheres_of_side(skeleton.contacts, foot.points)]
        parameters |= {"spheres": np.array([sphere_numbers(c) for c in spheres]), "floor": [0.0, HERTZ_SMOOTHING]}
        if structure.clearance:  # without a price, but with a height: the law divides by it
            parameters["clearance"] = [0.0, SCUFFING_HEIGHT]
    if structure.passive:
        parameters["passive"] = passive_numbers(skeleton)
    data = MovementData(parameters)
    lower, upper = (np.array([getattr(c, s) for c in skeleton.coordinates]) for s in ("lower", "upper"))
    data = data.with_bounds("coordinates", np.nan_to_num(lower, neginf=-WIDE), np.nan_to_num(upper, posinf=WIDE))
    if structure.muscles:
        data = data.with_bounds("activations", 0.01, 1.0).with_bounds("excitations", 0.01, 1.0)
        if structure.tendon == "compliant":
            data = data.with_bounds("tendon_forces", 0.0, 5.0)
    if structure.contact:
        data = data.with_bounds("contact", 0.0, 0.0)
    if structure.sensors:
        data = data.with_bounds("mounting", 0.0, 0.0)
        data = data.with_bounds("places", 0.0, 0.0) if structure.placing else data
    return data.with_bounds("duration", 0.05, 20.0)


def metabolic_numbers(
    skeleton: Skeleton, specific_tension: float = SPECIFIC_TENSION, slow_share: float = 0.5
) -> np.ndarray:
    """Mass (kg) and share of slow fibres of each muscle, shape (n_muscles, 2).

    The specific tension (Pa) belongs to the model's strengths: 6e5 to Rajagopal's, 2.5e5 is OpenSim's default. One
    share for all muscles is an assumption.
    """
    masses = [muscle_mass(m.max_isometric_force, m.optimal_fibre_length, specific_tension) for m in skeleton.muscles]
    return np.stack([masses, np.full(len(masses), slow_share)], axis=1)


def _spheres_of_side(contacts: Sequence[ContactSphere], segments: Sequence[str]) -> list[ContactSphere]:
    return [c for c in contacts if c.segment in segments]


def muscle_numbers(muscle: MuscleTendon, strength: float = 1.0) -> np.ndarray:
    """Numbers of a muscle in the order of `muscle_blocks.SymbolicMuscle`, then of its path."""
    ranges = np.array(muscle.path.ranges).reshape(-1, 2)
    own = [
        muscle.max_isometric_force * strength,
        muscle.optimal_fibre_length,
        muscle.tendon_slack_length,
        muscle.pennation,
        muscle.max_contraction_velocity,
        muscle.passive_strain or 0.6,
        muscle.fibre_damping,
    ]
    return np.r_[own, ranges.mean(axis=1), (ranges[:, 1] - ranges[:, 0]) / 2.0, muscle.path.coefficients]


def activation_times(law: str) -> np.ndarray:
    """Activation and deactivation time (s) and steepness of the law; one time of 0.035 s where it is linear."""
    return np.array([0.015, 0.06, 10.0] if law == "smooth" else [0.035, 0.035, 0.0])


def sphere_numbers(sphere: ContactSphere) -> list[float]:
    """The ten numbers of a contact sphere: centre (m), radius (m), constants of its force."""
    return [
        *sphere.offset,
        sphere.radius,
        sphere.stiffness,
        sphere.dissipation,
        sphere.static_friction,
        sphere.dynamic_friction,
        sphere.viscous_friction,
        sphere.transition_velocity,
    ]


def passive_numbers(skeleton: Skeleton) -> np.ndarray:
    """Tissue of every coordinate (n_q, 9), in the order of `ExponentialTissue`; no torque where none is known."""
    nothing = ExponentialTissue(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, damping=0.0)
    rows = []
    directions = positive_directions(skeleton)
    for coordinate in skeleton.coordinates:
        direction = directions.get(coordinate.name)
        tissue = exponential_tissue(coordinate.name, direction) if direction else None
        rows.append(astuple(tissue or nothing))
    return np.array(rows, float)
