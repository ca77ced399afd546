"""Body constants: how strong, stiff and careful somebody is beside what size and age say.

Laws that everybody shares teach a network those laws: what muscles and ground of one kind make of an impairment it
takes for the impairment. Where each person has constants of their own, only what shows through all of them can be
learnt (domain randomisation: Tobin et al., IROS 2017:23). The law of contact and that of activation stay what they
are; only their numbers are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.data import MovementData

SPREADS = {
    "effort": np.log(2.0),
    "manner": np.log(1.5),
    "strength": 0.2,
    "tissue": np.log(1.4),
    "stiffness": np.log(2.0),
    "dissipation": np.log(1.5),
    "friction": np.log(1.3),
    "activation": np.log(1.5),
    "sole": np.log(1.25),
}
"""Largest logarithm of each factor, either way: wide, so that other laws may lie within; chosen before any was seen."""
HEEL = 0.006
"""Parts of body height by which the spheres under a foot lie further back or ahead at most (11 mm of 1.80 m)."""
_SEED = 6


@dataclass(frozen=True)
class BodyConstants:
    """Factors on what a person of this size and age would have.

    Attributes
    ----------
    effort, manner : float
        On the price of effort, and on how closely a manner is followed.
    strength : float
        On muscles' largest forces.
    tissue : float
        On the torques of tissue.
    stiffness, dissipation, friction, sole : float
        On those of the contact spheres, and on their radius: the floor stays where it is.
    activation : float
        On the time that a muscle takes to activate.
    heel : float
        By how much the spheres lie ahead of the usual place (parts of body height).
    """

    effort: float = 1.0
    manner: float = 1.0
    strength: float = 1.0
    tissue: float = 1.0
    stiffness: float = 1.0
    dissipation: float = 1.0
    friction: float = 1.0
    sole: float = 1.0
    activation: float = 1.0
    heel: float = 0.0

    def body(self, skeleton: Skeleton, height: float) -> Skeleton:
        """The skeleton with these muscles and soles; `height` is the person's stature (m)."""
        muscles = tuple(replace(m, max_isometric_force=m.max_isometric_force * self.strength) for m in skeleton.muscles)
        return replace(skeleton, muscles=muscles, contacts=tuple(self._sphere(c, height) for c in skeleton.contacts))

    def _sphere(self, sphere: ContactSphere, height: float) -> ContactSphere:
        x, y, z = sphere.offset
        radius = sphere.radius * self.sole
        return replace(
            sphere,
            offset=(x + self.heel * height, y + (radius - sphere.radius), z),
            radius=radius,
            stiffness=sphere.stiffness * self.stiffness,
            dissipation=sphere.dissipation * self.dissipation,
            static_friction=sphere.static_friction * self.friction,
            dynamic_friction=sphere.dynamic_friction * self.friction,
        )

    def problem(self, data: MovementData) -> MovementData:
        """The numbers of a problem with this tissue, these activation times and a manner followed so closely.

        What the tissue of an impairment adds is a factor more, too: it is the same tissue.
        """
        tissue = np.array(data.parameters["passive"], float)
        tissue[:, [0, 2]] *= self.tissue
        times = np.array(data.parameters["activation_times"], float)
        times[:2] *= self.activation
        followed = np.asarray(data.parameters["precision coordinates"]) * self.manner
        return data.with_parameters({"passive": tissue, "activation_times": times, "precision coordinates": followed})


USUAL = BodyConstants()
"""What size and age say."""


def draw_constants(seed: int, person: int) -> BodyConstants:
    """Constants of a person, each factor log-uniform within its spread: a pure function of its arguments."""
    rng = np.random.default_rng([seed, person, _SEED])
    factors = {name: float(np.exp(rng.uniform(-spread, spread))) for name, spread in SPREADS.items()}
    return BodyConstants(**factors, heel=float(rng.uniform(-HEEL, HEEL)))
