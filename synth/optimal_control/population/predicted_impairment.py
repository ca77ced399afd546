"""Predicted impairment: a walk of which nothing is known but its speed, and what is wrong with muscles or tissue.

The cause of an impairment is in the mechanics as in the walks that follow a manner (`impaired_gait`): weak muscles, or
tissue that resists. Nothing else of the impairment is: no joint angles, no ground reaction, no cadence. Effort,
smoothness, soft treads and an upright trunk are paid for as in every prediction (`virtual_gait.PRICES`, of healthy
people), so that the gait is what comes out. An impairment without such a cause cannot be predicted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.impairment import HEALTHY, Impairment, known_kinds
from synth.optimal_control.gait.normative_gait import GaitStyle
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.population.impaired_gait import ImpairedGait, draw_impaired_gait
from synth.optimal_control.population.virtual_gait import PRICES, GaitPrices, gait_data
from synth.virtual_people import VirtualPerson

CAUSES: dict[str, str] = {
    "weak_plantarflexors": "gastrocnemius and soleus lose strength",
    "equinus": "tissue resists dorsiflexion",
    "crouch": "tissue resists knee extension",
    "short_steps": "tissue resists hip extension",
    "asymmetric_strength": "all muscles of one leg lose strength",
}
"""Kind → what is changed in muscles or tissue; nothing is changed in what is wanted."""

DURATIONS = (0.5, 2.0)
"""Shortest and longest cycle over that of normative walking at the same speed: wider than for healthy predictions, so
that the cadence, too, is what comes out."""


@dataclass(frozen=True)
class PredictedImpairment(ImpairedGait):
    """A walk by speed, effort and what is wrong alone."""

    @property
    def prices(self) -> GaitPrices:
        """Those of any predicted walk."""
        return PRICES[self.mode, "predict"]

    @property
    def even(self) -> PredictedImpairment:
        """The prediction of the same person at the same speed with whom nothing is wrong."""
        return self.at(0.0)

    def at(self, severity: float) -> PredictedImpairment:
        """The same walk with the same impairment at another severity; at 0 nothing is wrong."""
        wrong = replace(self.impairment, severity=severity) if severity > 0.0 else Impairment()
        return replace(self, impairment=wrong)

    def data(self, structure: MovementStructure, skeleton: Skeleton) -> MovementData:
        """Numbers of the gait's problem: those of any prediction, and the tissue."""
        data = gait_data(structure, self, skeleton)
        period = self.way.duration(self.speed, self.person.subject.height, self.style)
        shortest, longest = (
            share * period / (2.0 if structure.mesh.period == "half_cycle" else 1.0) for share in DURATIONS
        )
        data = data.with_bounds("duration", shortest, longest)
        return data.with_parameters({"passive": self._tissue(np.array(data.parameters["passive"], float), skeleton)})

    def unlike(self, solution: MovementSolution) -> str:
        """Nothing: whatever comes out is what the cause makes."""
        return ""


def predictable(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The same kinds, all of which have a cause.

    Raises
    ------
    ValueError
        One has none, or is unknown.
    """
    for kind in known_kinds(kinds):
        if kind != HEALTHY and kind not in CAUSES:
            raise ValueError(
                f"impairment {kind!r} has no cause in muscles or tissue here, so that there is nothing to predict it "
                f"from; with --predict take {', '.join(CAUSES)}, or leave --predict out"
            )
    return kinds


def draw_predicted_impairment(
    seed: int, person: VirtualPerson, visit: int, impairment: Impairment
) -> PredictedImpairment:
    """Draw one walk of a person: a pure function of its arguments.

    The speed is that of the walk which follows a manner (`draw_impaired_gait` of the same arguments), so that both
    stand side by side; the manner is nobody's.
    """
    followed = draw_impaired_gait(seed, person, visit, impairment, GaitStyle())
    return PredictedImpairment(person, visit, "predict", followed.speed, GaitStyle(), impairment=impairment)
