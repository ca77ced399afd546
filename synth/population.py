"""A population of virtual persons: sex, stature and body mass as they go together."""

from __future__ import annotations

import numpy as np

from mocap_import.subject import Subject

# Stature (m) and body-mass index (kg/m²), mean and SD of healthy young adults (WHO reference ranges, rounded).
_STATURE = {"female": (1.65, 0.060), "male": (1.78, 0.065)}
_BODY_MASS_INDEX = (23.0, 1.8)
_AGE = (20.0, 45.0)


def draw_subjects(n_subjects: int, rng: np.random.Generator) -> list[Subject]:
    """Draw virtual persons, women and men in turn.

    Parameters
    ----------
    n_subjects : int
    rng : Generator

    Returns
    -------
    list of Subject
        Codes ``S01``, ``S02``, …; stature within two standard deviations, mass from stature and body-mass index.
    """
    subjects = []
    for i in range(n_subjects):
        sex = ("female", "male")[i % 2]
        mean, spread = _STATURE[sex]
        height = mean + spread * float(np.clip(rng.normal(), -2.0, 2.0))
        index = _BODY_MASS_INDEX[0] + _BODY_MASS_INDEX[1] * float(np.clip(rng.normal(), -2.0, 2.0))
        age = float(np.round(rng.uniform(*_AGE)))
        subjects.append(Subject(f"S{i + 1:02d}", round(index * height**2, 1), round(height, 3), sex, age))
    return subjects
