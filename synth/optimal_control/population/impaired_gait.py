"""Impaired gait: what an impairment does to a virtual walk: to muscles, tissue, manner, speed.

A predictive problem cannot know how a person gets along with a weakness; a person who follows a manner without its
cause is no patient. So both are changed, in proportion to the severity: strength or tissue as the cause, and the manner
that is followed as what clinics see with it. The ground reaction is followed the less the more severe it is, so that it
comes out of the mechanics. All numbers are assumptions, after the pictures that textbooks draw (J. Perry, J. M.
Burnfield, Gait Analysis, 2nd ed. 2010).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from opensim_models.generic.contact_point import NOMINAL_ROUNDING, with_contact_points
from opensim_models.generic.muscle_strength import PUBLISHED_MASS
from opensim_models.model.skeleton import Skeleton
from synth.impairment import HEALTHY, KINDS, NOTHING, Impairment
from synth.life_span import speed_of_age
from synth.optimal_control.gait.gait_check import GaitLimits
from synth.optimal_control.gait.gait_mode import WALK, GaitMode
from synth.optimal_control.gait.normative_gait import (
    COMFORTABLE_SPEED,
    JOINTS,
    REFERENCE_HEIGHT,
    GaitStyle,
)
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.population.body_constants import USUAL, BodyConstants, draw_constants
from synth.optimal_control.population.virtual_gait import GaitPrices, VirtualGait
from synth.optimal_control.population.virtual_skeleton import virtual_skeleton
from synth.virtual_people import VirtualPerson

LIMITS = GaitLimits((0.45, 0.82), (0.8, 1.6))
"""Who shuffles stands long on each foot; see `gait_check`."""
SPEED_LOST = {
    "weak_plantarflexors": 0.25,
    "equinus": 0.2,
    "crouch": 0.25,
    "short_steps": 0.5,
    "asymmetric_strength": 0.2,
    "unsteady": 0.4,
}
"""Share of the speed lost at severity 1."""
STRENGTH_LOST = {"weak_plantarflexors": 0.75, "asymmetric_strength": 0.6}
AMPLITUDE_LOST = {
    "weak_plantarflexors": {"ankle_angle": 0.45, "hip_flexion": 0.12},
    "equinus": {"ankle_angle": 0.35},
    "crouch": {"knee_angle": 0.25},
    "short_steps": {"hip_flexion": 0.5, "knee_angle": 0.35, "ankle_angle": 0.3},
    "unsteady": {"hip_flexion": 0.1},
}
OFFSET = {
    "weak_plantarflexors": {"ankle_angle": 3.0},
    "equinus": {"ankle_angle": -14.0, "knee_angle": 4.0},
    "crouch": {"knee_angle": 26.0, "hip_flexion": 14.0, "ankle_angle": 8.0},
    "short_steps": {"lumbar_extension": -8.0, "pelvis_tilt": -3.0},
}
"""Degrees at severity 1."""
CADENCE_GAINED = {"short_steps": 0.25, "unsteady": -0.12}
WEAK_LEG = {"hip_flexion": 0.25, "knee_angle": 0.3}
"""Amplitude lost by the weak leg alone."""
LATE = 0.05
"""Share of a cycle by which the strong leg's step is early at severity 1: it spares the weak one."""
UNEVEN = 1.0
"""Degrees of the harmonics that come to an unsteady person's manner at severity 1, anew at each visit."""
_PLANTARFLEXORS = ("gastroc", "soleus")
_RELATIVE_SPEEDS, _SLOWEST = (0.65, 1.3), 0.3
_TISSUE_MASS = 75.0
_LESS_FORCE, _EFFORT = 0.8, 4.0


@dataclass(frozen=True)
class Laws:
    """Laws that a population walks by.

    Attributes
    ----------
    contact, activation : str
        As `movement.structure.movement_structure` names them.
    strength_of_mass : bool
        Strength by body mass to the 2/3 instead of muscle volume.
    effort : float
        Price of effort, in those of the standard laws.
    manner : float
        How closely manners are followed, 1 as by the standard laws.
    """

    contact: str = "spheres"
    activation: str = "first_order"
    strength_of_mass: bool = False
    effort: float = 1.0
    manner: float = 1.0


LAWS = {
    "standard": Laws(),
    "other": Laws("points", "smooth", strength_of_mass=True),
    "far": Laws("points", "smooth", strength_of_mass=True, effort=3.0, manner=0.5),
    "drawn": Laws(),
}
"""``"other"``: other laws of contact, activation and strength; ``"far"``: also other wishes, dear effort and manners
followed half as closely, so that the same severity shows less; ``"drawn"``: the standard equations, with constants of
everybody's own (`body_constants`)."""
DRAWN = "drawn"


@dataclass(frozen=True)
class ImpairedGait(VirtualGait):
    """A walk of a person with an impairment.

    Attributes
    ----------
    impairment : Impairment
    laws : str
        One of `LAWS`.
    constants : BodyConstants
        The person's own.
    """

    impairment: Impairment = NOTHING
    laws: str = "standard"
    constants: BodyConstants = USUAL

    @property
    def way(self) -> GaitMode:
        """Walking, with the limits of impaired walking."""
        return replace(WALK, limits=LIMITS)

    @property
    def prices(self) -> GaitPrices:
        """Of following a manner, by the price that the laws give effort."""
        return GaitPrices(_EFFORT * LAWS[self.laws].effort * self.constants.effort, 1e-2)

    @property
    def manner(self) -> np.ndarray:
        """Severity of each kind."""
        return np.array([2.0 * self.impairment.severity * (self.impairment.kind == k) for k in KINDS if k != HEALTHY])

    @property
    def is_lopsided(self) -> bool:
        """Whether right and left differ, so that half a cycle is no whole one."""
        return self.impairment.kind == "asymmetric_strength" and self.impairment.severity > 0.0

    @property
    def facts(self) -> dict[str, str | float]:
        """What is wrong with the person, and constants that are not the usual ones: for the origin of a trial."""
        return self.impairment.facts | ({} if self.constants == USUAL else asdict(self.constants))

    @property
    def even(self) -> ImpairedGait:
        """The same walk of a person whose legs are alike."""
        return replace(self, impairment=NOTHING)

    def skeleton(self, template: Skeleton) -> Skeleton:
        """The person's planar model, weak where the impairment weakens it, on the laws' contact."""
        whole = virtual_skeleton(self.person, template)
        subject, laws = self.person.subject, LAWS[self.laws]
        size = (subject.mass / PUBLISHED_MASS) ** (-1.0 / 3.0) if laws.strength_of_mass else 1.0
        muscles = tuple(
            replace(m, max_isometric_force=m.max_isometric_force * size * self._strength(m.name)) for m in whole.muscles
        )
        whole = self.constants.body(replace(whole, muscles=muscles), subject.height)
        return with_contact_points(whole, subject.height) if laws.contact == "points" else whole

    def _strength(self, muscle: str) -> float:
        lost = STRENGTH_LOST.get(self.impairment.kind, 0.0) * self.impairment.severity
        name, side = muscle[:-2], muscle[-1]
        hit = name in _PLANTARFLEXORS if self.impairment.kind == "weak_plantarflexors" else side == self.impairment.side
        return 1.0 - lost if hit else 1.0

    def data(self, structure: MovementStructure, skeleton: Skeleton) -> MovementData:
        """Numbers of the gait's problem: those of any walk, with tissue and what is followed as the impairment asks."""
        data, severity = super().data(structure, skeleton), self.impairment.severity
        changed: dict[str, np.ndarray | float | list] = {
            "passive": self._tissue(np.array(data.parameters["passive"], float), skeleton),
            "ground_weight": np.asarray(data.parameters["ground_weight"]) * (1.0 - _LESS_FORCE * severity),
        }
        laws = LAWS[self.laws]
        if laws.contact == "points":
            changed["floor"] = [0.0, NOMINAL_ROUNDING]
        if laws.manner != 1.0:
            changed["precision coordinates"] = np.asarray(data.parameters["precision coordinates"]) * laws.manner
        if self.is_lopsided and structure.mesh.period == "cycle":
            changed |= self._lopsided(structure)
        return self.constants.problem(data.with_parameters(changed))

    def _tissue(self, rows: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Constants of the tissue, in the order of `law.passive_torque.ExponentialTissue`."""
        kind, severity = self.impairment.kind, self.impairment.severity
        rows[:, [0, 2]] *= self.person.subject.mass / _TISSUE_MASS
        for side in "rl":
            hip, knee, ankle = (skeleton.coordinate_index(f"{joint}_{side}") for joint in JOINTS)
            if kind == "equinus":
                rows[ankle, 0] -= 8.0 * severity * self.person.subject.mass / _TISSUE_MASS
                rows[ankle, 1] -= 28.0 * severity
                rows[ankle, 5] -= 0.75 * severity
            elif kind == "crouch":
                rows[knee, 5] -= 0.5 * severity
            elif kind == "short_steps":
                rows[hip, 4] += 0.6 * severity
        return rows

    def _lopsided(self, structure: MovementStructure) -> dict[str, np.ndarray]:
        """What each leg follows: the weak one moves less, and the strong one's step comes early."""
        severity, height, names = (
            self.impairment.severity,
            self.person.subject.height,
            structure.pattern.coordinate_names,
        )
        weak = dict(self.style.amplitude)
        for joint, lost in WEAK_LEG.items():
            weak[joint] = weak.get(joint, 1.0) * (1.0 - lost * severity)
        phase, late = structure.mesh.phase, LATE * severity
        shifts = {side: (late / 2.0 if side == self.impairment.side else -late / 2.0) for side in "rl"}
        target = np.nan_to_num(self.way.coordinates(phase, self.speed, height, self.style))
        for side in "rl":
            style = replace(self.style, amplitude=weak) if side == self.impairment.side else self.style
            own = self.way.coordinates(phase - shifts[side], self.speed, height, style)
            columns = [names.index(f"{joint}_{side}") for joint in JOINTS]
            target[:, columns] = own[:, columns]
        ground = np.zeros((len(phase), 2, 3))
        for foot, side in enumerate("rl"):
            own = self.way.forces(phase - shifts[side], self.speed, height)
            ground[:, foot, :2] = own[:, 2 * foot : 2 * foot + 2]
        return {"target coordinates": target, "ground": ground}

    def unlike(self, solution: MovementSolution) -> str:
        """Why a solution does not show the impairment that was meant; empty if it does, or where it shows little."""
        kind, severity = self.impairment.kind, self.impairment.severity
        knee, ankle, hip = (
            np.degrees(solution.of(f"{joint}_r")) for joint in ("knee_angle", "ankle_angle", "hip_flexion")
        )
        if kind == "crouch" and knee.min() < 18.0 * severity - 12.0:
            return f"the knee straightens to {knee.min():.0f}° with a crouch of severity {severity:.2f}"
        if kind == "equinus" and ankle.max() > 25.0 - 20.0 * severity:
            return f"the ankle flexes upwards to {ankle.max():.0f}° with an equinus of severity {severity:.2f}"
        if kind == "short_steps" and np.ptp(hip) > 58.0 - 26.0 * severity:
            return f"the hip moves by {np.ptp(hip):.0f}° with short steps of severity {severity:.2f}"
        return ""


def draw_impaired_gait(
    seed: int, person: VirtualPerson, visit: int, impairment: Impairment, style: GaitStyle, laws: str = "standard"
) -> ImpairedGait:
    """Draw one walk of a person: a pure function of its arguments.

    Parameters
    ----------
    seed : int
    person : VirtualPerson
    visit : int
        Each has a speed of its own.
    impairment : Impairment
        At this visit.
    style : GaitStyle
        The person's own, without the impairment.
    laws : str
    """
    rng = np.random.default_rng([seed, person.number, 5, visit])
    subject, kind, severity = person.subject, impairment.kind, impairment.severity
    comfortable = COMFORTABLE_SPEED * np.sqrt(subject.height / REFERENCE_HEIGHT) * speed_of_age(subject.age)
    share = max(rng.uniform(*_RELATIVE_SPEEDS) * (1.0 - SPEED_LOST.get(kind, 0.0) * severity), _SLOWEST)
    lost = AMPLITUDE_LOST.get(kind, {})
    amplitude = {n: a * (1.0 - lost.get(n, 0.0) * severity) for n, a in style.amplitude.items()}
    offset = {n: o + np.radians(OFFSET.get(kind, {}).get(n, 0.0)) * severity for n, o in style.offset.items()}
    uneven = np.radians(UNEVEN) * severity * (kind == "unsteady")
    harmonics = {n: h + uneven * rng.standard_normal(4) for n, h in style.harmonics.items()}
    cadence = style.cadence * (1.0 + CADENCE_GAINED.get(kind, 0.0) * severity)
    own = GaitStyle(amplitude, offset, harmonics, cadence, style.strength)
    speed = round(float(comfortable * share), 3)
    constants = draw_constants(seed, person.number) if laws == DRAWN else USUAL
    return ImpairedGait(person, visit, "track", speed, own, impairment=impairment, laws=laws, constants=constants)
