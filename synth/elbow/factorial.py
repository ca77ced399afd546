"""A factorial of contractions: every combination of six factors, each done by a virtual person of its own.

Five factors of three levels and one of seven: 3^5 x 7 = 1,701, the number of simulations of Kearney et al. 2024 (IEEE
TNSRE 32:3669). Which factors theirs were is not published in what we could read; these are ours.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.muscle_strength import strength_ratio
from synth.elbow.sustained_flexion import FlexionCase
from synth.elbow.three_compartment import ELBOW_RATES, FLEXOR_RATES
from synth.virtual_people import VirtualPerson, draw_person

ARM_STRENGTH_OF_SEX = {"female": 0.75, "male": 1.10}
"""Strength of the arm over that of the generic elbow, at the same mass and stature. Assumption: men have about half as
much again at equal size."""
STRENGTH = (0.7, 1.0, 1.4)
"""Over what is expected of the person's size, sex and age."""
ANGLE = tuple(np.radians((60.0, 80.0, 100.0)))
"""rad."""
RATES = (ELBOW_RATES, FLEXOR_RATES["female"], FLEXOR_RATES["male"])
"""F and R (1/s) as published for the elbow, and for the flexors of women and men; here of anybody."""
SLOW_FIBRES = (-0.12, 0.0, 0.12)
"""Added to the share of slow fibres of each muscle."""
CO_CONTRACTION = (0.0, 0.15, 0.30)
"""Drive of the triceps over that of the flexors."""
LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)
"""Torque to be held over the maximum."""
N_CASES = 3**5 * len(LEVELS)


def factorial_cases(seed: int, every: int = 1) -> tuple[FlexionCase, tuple[Subject, ...]]:
    """Cases of the factorial and who does each; sizes and ages are drawn by seed and number.

    Parameters
    ----------
    seed : int
    every : int
        Of all cases in a shuffled order, which part: 1 all 1,701, 7 a seventh of them.

    Returns
    -------
    FlexionCase
    tuple of Subject
        One a case, codes ``V00000`` and on.
    """
    grid = np.array(list(product(range(3), range(3), range(3), range(3), range(3), range(len(LEVELS)))))
    numbers = np.sort(np.random.default_rng([seed, 1]).permutation(N_CASES)[: -(-N_CASES // every)])
    chosen = grid[numbers]
    people = [draw_person(seed, int(number)) for number in numbers]
    rates = np.array(RATES)[chosen[:, 2]]
    case = FlexionCase(
        strength=np.array(STRENGTH)[chosen[:, 0]] * np.array([expected_strength(p) for p in people]),
        height=np.array([p.subject.height for p in people]),
        angle=np.array(ANGLE)[chosen[:, 1]],
        level=np.array(LEVELS)[chosen[:, 5]],
        fatigue=rates[:, 0],
        recovery=rates[:, 1],
        slow_fibres=np.array(SLOW_FIBRES)[chosen[:, 3]],
        co_contraction=np.array(CO_CONTRACTION)[chosen[:, 4]],
    )
    return case, tuple(p.subject for p in people)


def expected_strength(person: VirtualPerson) -> float:
    """Factor on the generic elbow's forces that goes with a person's size, sex, age and chance."""
    subject = person.subject
    size = strength_ratio("muscle_volume", subject, subject.height / 1.70)
    chance = person.strength / {"female": 0.97, "male": 1.03}.get(subject.sex, 1.0)
    return size * ARM_STRENGTH_OF_SEX[subject.sex] * chance
