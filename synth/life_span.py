"""Life span: virtual people from 5 to 85 years, their stature, mass and strength as age and sex have them.

Children: medians of the growth charts of the United States (R. J. Kuczmarski et al., Vital Health Stat 11(246), 2002),
rounded and quoted from memory: take them as assumptions. Adults: `synth.virtual_people`, who shrink from 40 years on as
J. D. Sorkin et al. found (Am J Epidemiol 150:969, 1999: 3 cm of men and 5 cm of women between 30 and 70; we take a
square that reaches it). Strength after 30 years falls as `opensim_models.generic.muscle_strength` has it; that of
children for their muscle volume rises from 0.85 at 5 to 1 at 15 years (assumption: they recruit less of it).
Comfortable speed falls by 0.7 % a year from 60 years on (assumption, near R. W. Bohannon, A. W. Andrews, Physiotherapy
97:182, 2011: about 1.3 m/s at 60 and 1.0 m/s at 85).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.subject import BODY_MASS_INDEX_LIMITS, Subject
from synth.virtual_people import MASS, STATURE, VirtualPerson, draw_person

AGES = (5.0, 85.0)
GROWN = 20.0
"""Years, from which stature and mass are those of adults."""
CHILD_SHARE = 0.3
"""Of the people who are younger than `GROWN`."""
CHILDREN = {
    "female": {
        5: (1.08, 18.0),
        7: (1.22, 22.7),
        9: (1.33, 29.0),
        11: (1.45, 37.2),
        13: (1.57, 45.8),
        15: (1.62, 52.1),
        17: (1.63, 55.2),
        20: (1.63, 58.2),
    },
    "male": {
        5: (1.09, 18.4),
        7: (1.22, 23.1),
        9: (1.34, 28.6),
        11: (1.44, 35.9),
        13: (1.56, 45.8),
        15: (1.70, 56.5),
        17: (1.755, 64.5),
        20: (1.77, 70.6),
    },
}
"""Years → median stature (m) and mass (kg)."""
SHRINKING = {"female": 0.05, "male": 0.03}
"""m lost at 70 years, from 40 on, with the square of the years."""
SLOWING = 0.007
"""Share of comfortable speed lost a year after 60."""


def draw_person_of_any_age(seed: int, number: int) -> VirtualPerson:
    """Draw a virtual person between 5 and 85 years: a pure function of the seed and the number.

    Parameters
    ----------
    seed, number : int
        Not negative; even numbers are women, odd ones men.

    Returns
    -------
    VirtualPerson
        Its z-scores of stature, mass, proportions and strength are those of `draw_person` with the same arguments.
    """
    adult = draw_person(seed, number)
    rng = np.random.default_rng([seed, number, 3])
    sex = adult.subject.sex
    young = rng.random() < CHILD_SHARE
    age = float(np.round(rng.uniform(AGES[0], GROWN) if young else rng.uniform(GROWN, AGES[1])))
    tall, heavy = adult.subject.height / STATURE[sex][0], adult.subject.mass / MASS[sex][0]
    if age < GROWN:
        years = sorted(CHILDREN[sex])
        stature, mass = (np.interp(age, years, [CHILDREN[sex][y][i] for y in years]) for i in range(2))
        height, mass, strong = stature * tall, mass * heavy, float(np.interp(age, (5.0, 15.0), (0.85, 1.0)))
    else:
        lost = SHRINKING[sex] * max(age - 40.0, 0.0) ** 2 / 30.0**2
        height, mass, strong = adult.subject.height - lost, adult.subject.mass, 1.0
    height = round(float(height), 3)
    least, most = (limit * height**2 for limit in BODY_MASS_INDEX_LIMITS)
    subject = Subject(adult.subject.code, float(np.clip(round(float(mass), 1), least, most)), height, sex, age)
    return replace(adult, subject=subject, strength=adult.strength * strong)


def speed_of_age(age: float) -> float:
    """Comfortable speed at an age (years) as a share of that of a young adult of the same stature."""
    return float(1.0 - SLOWING * max(age - 60.0, 0.0))
