"""Walking prices: what a person pays for a step, so that the cheapest walk in space is a human one.

Effort alone lets a model of 80 muscles walk with stiff knees and hard strikes. Published predictions are human by a
recipe (Falisse et al., J R Soc Interface 16:20190402, 2019): squared energy rates and activations of muscles, squared
accelerations, squared torques of the arms, tendons that give, tissue at the ends of the ranges. Measured here, without
the price of accelerations knees stay at 26 degrees and strikes reach 1.8 body weights, without that of energy the feet
strike flat; rigid tendons change little. The weights are the published ones (500, 2000, 50,000, 1e6, as means over 92
muscles, 21 coordinates, 8 arm coordinates and over the distance), rounded, each as the size of one quantity whose
square costs 1. No price knows how anybody walks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.structure import LEVER, MovementStructure

ACCELERATIONS: dict[str, float] = {
    "pelvis_tilt": 4.0,
    "pelvis_list": 4.5,
    "pelvis_rotation": 5.5,
    "pelvis_tx": 1.4,
    "pelvis_ty": 1.4,
    "pelvis_tz": 0.6,
    "hip_flexion": 14.0,
    "hip_adduction": 9.0,
    "hip_rotation": 7.0,
    "knee_angle": 42.0,
    "ankle_angle": 38.0,
    "subtalar_angle": 38.0,
    "mtp_angle": 38.0,
    "lumbar": 5.6,
}
"""rad/s² or m/s². The source divides an acceleration by its largest in a recording plus three times its range there:
600 rad/s² at a knee that walks, 200 at a hip. Those of the stride of opensim-core's ``rajagopal_walk`` are behind these
numbers; subtalar and toe joints, which do not move there, have those of the ankle, an assumption. Arms have none."""
TORQUES: dict[str, float] = {"lumbar": 15.0}
"""N·m: an assumption in the place of trunk muscles."""
STRUCTURE: dict[str, object] = {"tendon": "compliant", "metabolic": True, "passive": True}
"""Equations that belong to the prices. An elastic Achilles tendon spares the calf work that a rigid one leaves it."""


@dataclass(frozen=True)
class WalkingPrices:
    """Sizes whose square costs 1, as a mean over time and a sum over muscles or coordinates.

    Attributes
    ----------
    activation, excitation : float
        Of one muscle.
    energy_rate : float
        W per kg of the body, of one muscle.
    tendon_rate : float
        Rate of one tendon's force (maximum isometric forces per second), so that it does not ring.
    torque : float
        N·m of an ideal actuator that `torques` does not name.
    torques, accelerations : dict of str to float
        Coordinate, or how its name begins → N·m; rad/s² or m/s². The longest beginning counts; other accelerations are
        free.
    """

    activation: float = 0.7
    excitation: float = 2.2
    energy_rate: float = 0.15
    tendon_rate: float = 100.0
    torque: float = 1.5
    torques: Mapping[str, float] = field(default_factory=lambda: dict(TORQUES))
    accelerations: Mapping[str, float] = field(default_factory=lambda: dict(ACCELERATIONS))

    def __post_init__(self) -> None:
        """Refuse sizes that are none."""
        sizes = {n: getattr(self, n) for n in ("activation", "excitation", "energy_rate", "tendon_rate", "torque")}
        for word in ("torques", "accelerations"):
            sizes |= {f"{word} of {name}": size for name, size in getattr(self, word).items()}
        wrong = [f"{name} {size}" for name, size in sizes.items() if not size > 0.0]
        if wrong:
            raise ValueError(f"prices are sizes above zero whose square costs 1, got {', '.join(wrong)}")


def size_of(name: str, sizes: Mapping[str, float], usual: float) -> float:
    """Size of a coordinate: its own, that of the longest beginning of its name, else the usual one."""
    known = [beginning for beginning in sizes if name.startswith(beginning)]
    return sizes[max(known, key=len)] if known else usual


def with_walking_prices(
    data: MovementData, structure: MovementStructure, person: Skeleton, prices: WalkingPrices
) -> MovementData:
    """Return a copy of a problem's numbers in which effort, energy, accelerations and torques have their prices.

    Parameters
    ----------
    data : MovementData
    structure : MovementStructure
        With the attributes of `STRUCTURE`; without a compliant tendon its rate costs nothing.
    person : Skeleton
    prices : WalkingPrices
    """
    quadrature, names = structure.mesh.quadrature, person.coordinate_names
    n, n_muscles = len(quadrature), len(structure.muscles)
    muscles = np.zeros((n, n_muscles))
    data = data.following("activations", muscles, prices.activation**-2, quadrature)
    data = data.following("excitations", muscles, prices.excitation**-2, quadrature)
    if structure.tendon == "compliant":
        data = data.following("tendon_rates", muscles, prices.tendon_rate**-2, quadrature)
    if structure.metabolic:
        data = data.with_metabolic_price(0.0, prices.energy_rate**-2, quadrature)
    if structure.actuated:
        unit = person.mass * float(np.linalg.norm(person.gravity)) * LEVER
        sizes = np.array([size_of(names[j], prices.torques, prices.torque) for j in structure.actuated])
        data = data.following("torques", np.zeros((n, len(sizes))), (unit / sizes) ** 2, quadrature)
    sizes = np.array([size_of(name, prices.accelerations, np.inf) for name in names])
    return data.following("accelerations", np.zeros((n, len(names))), sizes**-2, quadrature)
