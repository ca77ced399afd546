"""A virtual person's posture: curves of the spine as they go with sex and age, drawn by number.

A person is a pure function of (seed, number), so that a population can be made in pieces and is the same.

Kyphosis and lordosis follow M. Lang-Tapia et al. (J Appl Biomech 27:143, 2011: 297 women and 362 men measured on the
skin): lordosis 29.6 +- 11.3 and 17.3 +- 9.3 deg, kyphosis 40.4 +- 9.5 and 42.8 +- 8.8 deg; kyphosis of those over fifty
5 deg above that of those below thirty. What else is not cited is an **assumption** that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.virtual_people import STATURE

_D = np.pi / 180.0
LORDOSIS = {"female": (29.6 * _D, 11.3 * _D), "male": (17.3 * _D, 9.3 * _D)}
"""Mean and SD (rad)."""
KYPHOSIS = {"female": (40.4 * _D, 9.5 * _D), "male": (42.8 * _D, 8.8 * _D)}
"""Mean and SD (rad) at 38 years, about the mean age of the source."""
KYPHOSIS_PER_YEAR = 0.15 * _D
"""rad; 5 deg from 25 to 57 years in the source."""
LORDOSIS_WITH_KYPHOSIS = 0.3
"""Correlation. Assumption: a deeper hollow goes with a rounder back."""
AGES = (18.0, 75.0)
"""Years, uniform. Assumption."""
KINDS = {"balanced": 0.70, "round": 0.12, "flat": 0.10, "lateral": 0.08}
"""Kind of posture → share of people. Assumption; a lateral curve of more than 10 deg has some 8 % of adults."""
_SHIFT = {"round": (14 * _D, 4 * _D), "flat": (-12 * _D, -9 * _D)}
"""Kind → what is added to kyphosis and lordosis. Assumption."""
TRAITS: dict[str, tuple[float, float]] = {
    "kyphosis": (0.0, 0.0),
    "lordosis": (0.0, 0.0),
    "lean": (1.0 * _D, 2.0 * _D),
    "apex": (0.62, 0.05),
    "width": (0.17, 0.025),
    "thoracic_curve": (0.0, 0.004),
    "lumbar_curve": (0.0, 0.003),
    "obliquity": (0.0, 1.3 * _D),
    "frontal_lean": (0.0, 0.9 * _D),
    "coupling": (1.0, 0.35),
    "pelvic_turn": (0.0, 2.0 * _D),
    "twist": (0.0, 2.5 * _D),
}
"""Trait → mean and SD over people; the first two come from the tables above. Assumptions of the size that surface
topography reports: lateral deviations of some 4 mm, turns of some 2 deg. Lean is that of the line from the pelvis to T1
(rad); apex and width of the kyphosis are shares of the trunk; curves are amplitudes (m) of one and of two half waves;
coupling tells how far a lateral curve turns its vertebrae."""
LATERAL_FACTOR = 3.5
"""Lateral curves of the kind so called, over those of others. Assumption."""
WITHIN_SHARE = 0.3
"""SD of a trait from one standing to the next over that between people. Assumption, from intraclass correlations of
about 0.9 that repeated surface topography is reported to have."""


@dataclass(frozen=True)
class SpinePerson:
    """One virtual person.

    Attributes
    ----------
    code : str
        ``P00042``.
    sex : str
    age : float
        Years.
    height : float
        m.
    kind : str
        One of `KINDS`.
    traits : dict of str to float
        `TRAITS`, in rad, m or shares.
    wandering : ndarray, shape (18, 3)
        How this person's links differ from what the traits say (rad), smooth along the spine.
    """

    code: str
    sex: str
    age: float
    height: float
    kind: str
    traits: dict[str, float]
    wandering: np.ndarray


def draw_spine_person(seed: int, number: int, *, severity: float = 1.0) -> SpinePerson:
    """Draw a person.

    Parameters
    ----------
    seed, number : int
        Even numbers are women, odd ones men.
    severity : float
        Factor on the lateral curves of everybody: 1 is the population, more lies outside it.
    """
    rng = np.random.default_rng([seed, number, 54])
    sex = ("female", "male")[number % 2]
    age = float(rng.uniform(*AGES))
    mean, sd = STATURE[sex]
    height = mean + sd * float(np.clip(rng.standard_normal(), -2.5, 2.5))
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    traits = {name: m + s * float(rng.standard_normal()) for name, (m, s) in TRAITS.items()}
    first, second = rng.standard_normal(2)
    second = LORDOSIS_WITH_KYPHOSIS * first + np.sqrt(1.0 - LORDOSIS_WITH_KYPHOSIS**2) * second
    rounder, hollower = _SHIFT.get(kind, (0.0, 0.0))
    kyphosis = KYPHOSIS[sex][0] + KYPHOSIS_PER_YEAR * (age - 38.0) + KYPHOSIS[sex][1] * first + rounder
    traits["kyphosis"] = max(float(kyphosis), 8 * _D)
    traits["lordosis"] = max(float(LORDOSIS[sex][0] + LORDOSIS[sex][1] * second + hollower), 0.0)
    traits["width"] = max(traits["width"], 0.08)
    factor = severity * (LATERAL_FACTOR if kind == "lateral" else 1.0)
    traits |= {name: traits[name] * factor for name in ("thoracic_curve", "lumbar_curve")}
    return SpinePerson(f"P{number:05d}", sex, age, height, kind, traits, smooth_field(rng))


SMOOTH_OVER = 2.2
"""Levels over which deviations of a link are alike. Assumption."""
WANDERING_SD = np.array([1.8, 1.0, 1.3]) * _D
"""Of the deviations in each plane (rad). Assumption."""


def smooth_field(rng: np.random.Generator) -> np.ndarray:
    """A random deviation (18, 3) in rad, smooth along the spine."""
    levels = np.arange(18)
    covariance = np.exp(-0.5 * ((levels[:, None] - levels) / SMOOTH_OVER) ** 2) + 1e-9 * np.eye(18)
    return np.linalg.cholesky(covariance) @ rng.standard_normal((18, 3)) * WANDERING_SD


def standing_traits(person: SpinePerson, rng: np.random.Generator) -> dict[str, float]:
    """Traits of one standing of a person: `WITHIN_SHARE` of the SD between people is added."""
    spread = {name: sd for name, (_, sd) in TRAITS.items()}
    spread |= {"kyphosis": KYPHOSIS[person.sex][1], "lordosis": LORDOSIS[person.sex][1]}
    return {n: value + WITHIN_SHARE * spread[n] * float(rng.standard_normal()) for n, value in person.traits.items()}
