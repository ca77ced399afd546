"""Virtual people: mass, stature, proportions, strength and age as they go together, each person drawn by number.

A person is a pure function of (seed, number), so that a long run can stop and go on, and be cut among processes, and
still meet the same people.

Stature and mass follow the 2012 anthropometric survey of US Army personnel (C. C. Gordon et al., NATICK/TR-15/007,
2014). Its means and standard deviations are quoted from memory, and so is the correlation of mass and stature, rounded:
take them as assumptions. What else is not in a table is an assumption that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap_import.subject import BODY_MASS_INDEX_LIMITS, Subject

STATURE = {"female": (1.629, 0.064), "male": (1.756, 0.069)}
"""Mean and SD (m)."""
MASS = {"female": (67.8, 11.0), "male": (85.5, 14.2)}
"""Mean and SD (kg); drawn as logarithms, since masses are skewed to the heavy side."""
MASS_WITH_STATURE = 0.5
"""Correlation of mass and stature within a sex."""
AGES = (20.0, 70.0)
"""Years, uniform: the ages for which strength is known (`opensim_models.generic.muscle_strength`)."""
PROPORTION_SD = {"thigh": 0.025, "shank": 0.025, "foot": 0.035}
"""SD of a segment's length at a given stature, as a share of its own. Assumption, from lengths that correlate with
stature by about 0.85 (legs) and 0.7 (feet) and vary by 5 % as stature hardly does (4 %)."""
THIGH_WITH_SHANK = 0.4
"""Correlation of these two, at a given stature. Assumption."""
STRENGTH_SD = 0.15
"""SD of the logarithm of strength at a given mass, stature, sex and age: that of maximum isometric forces in published
virtual populations (12-15 %)."""
STRENGTH_OF_SEX = {"female": 0.97, "male": 1.03}
"""Leg muscle for the same body mass and stature. Assumption, after I. Janssen et al., J Appl Physiol 89:81, 2000, who
found a third more muscle in the lower bodies of men, who were a quarter heavier."""
_WITHIN = 2.5
_LEG_SHARES = {"thigh": 0.245, "shank": 0.246, "foot": 0.039}


@dataclass(frozen=True)
class VirtualPerson:
    """One virtual person.

    Attributes
    ----------
    number : int
    subject : Subject
        Code ``V00042``, mass (kg), stature (m), sex, age (years).
    proportions : dict of str to float
        Length of ``thigh``, ``shank``, ``foot`` and ``trunk`` over that of the generic person of the same stature.
    strength : float
        Factor on the muscle forces of the generic person of the same mass, stature and age.
    """

    number: int
    subject: Subject
    proportions: dict[str, float]
    strength: float


def draw_person(seed: int, number: int) -> VirtualPerson:
    """Draw a virtual person: a pure function of the seed and the number.

    Parameters
    ----------
    seed, number : int
        Not negative; even numbers are women, odd ones men.

    Returns
    -------
    VirtualPerson
        Everything within 2.5 standard deviations.
    """
    if seed < 0 or number < 0:
        raise ValueError(f"a virtual person needs a seed and a number of at least 0, got {seed} and {number}")
    rng = np.random.default_rng([seed, number])
    sex = ("female", "male")[number % 2]
    age = float(np.round(rng.uniform(*AGES)))
    tall, other, strong, foot = (_normal(rng) for _ in range(4))
    heavy = MASS_WITH_STATURE * tall + np.sqrt(1.0 - MASS_WITH_STATURE**2) * other
    thigh, rest = _normal(rng), _normal(rng)
    shank = THIGH_WITH_SHANK * thigh + np.sqrt(1.0 - THIGH_WITH_SHANK**2) * rest
    height = round(STATURE[sex][0] + STATURE[sex][1] * tall, 3)
    mass = round(_skewed(*MASS[sex], heavy), 1)
    least, most = (limit * height**2 for limit in BODY_MASS_INDEX_LIMITS)
    drawn = {"thigh": thigh, "shank": shank, "foot": foot}
    proportions = {name: float(1.0 + PROPORTION_SD[name] * z) for name, z in drawn.items()}
    # stature is given: what the legs have more, trunk and head have less
    legs = sum(share * proportions[name] for name, share in _LEG_SHARES.items())
    proportions["trunk"] = float((1.0 - legs) / (1.0 - sum(_LEG_SHARES.values())))
    strength = float(STRENGTH_OF_SEX[sex] * np.exp(STRENGTH_SD * strong))
    subject = Subject(f"V{number:05d}", float(np.clip(mass, least, most)), height, sex, age)
    return VirtualPerson(number, subject, proportions, strength)


def _normal(rng: np.random.Generator) -> float:
    """A standard normal number within `_WITHIN`, drawn until it is."""
    while True:
        value = float(rng.normal())
        if abs(value) <= _WITHIN:
            return value


def _skewed(mean: float, spread: float, z: float) -> float:
    """A lognormal value of that mean and SD."""
    own = np.sqrt(np.log1p((spread / mean) ** 2))
    return float(mean * np.exp(own * z - own**2 / 2.0))
