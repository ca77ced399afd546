"""How the strength of a muscle follows from a person's size and age."""

from __future__ import annotations

import math

from mocap_import.subject import Subject
from opensim_models.model_mismatch import ModelMismatch

STRENGTH_LAWS = ("published", "mass_two_thirds", "muscle_volume")
PUBLISHED_MASS = 75.16
"""kg, of gait2392."""
PUBLISHED_STATURE = 1.70
"""m; see `muscle_geometry.STATURE`."""
AGE_OF_FULL_STRENGTH, OLD_AGE, OLD_STRENGTH = 30.0, 70.0, 0.7
"""D. G. Thelen, J Biomech Eng 125:70, 2003, takes 30 % from the isometric forces of young adults for old ones (about 70
years); linear in between and beyond is ours."""


def strength_ratio(law: str, subject: Subject, lengthened: float = 1.0) -> float:
    """Maximum isometric force of a person's muscle over that of the published model.

    Parameters
    ----------
    law : str
        ``"published"``: the forces of the table, whoever. ``"mass_two_thirds"``: (mass over 75.16 kg)^2/3, an area.
        ``"muscle_volume"``: force = volume / fibre length, with the volume of leg muscle proportional to mass × height.
        G. G. Handsfield et al., J Biomech 47:631, 2014, explain it by that product and a constant: 47 cm³ per kg·m plus
        1285 cm³ (their regression as public programs have it), which is 18 % at 75 kg and 1.70 m. The constant is left
        out, because it was found on grown persons and would be more than half of the muscle of a child of 20 kg. So
        we are below their line for the small (10 % at 50 kg, 1.55 m) and above it for the large (6 % at 100 kg,
        1.90 m). All but the first lose strength with age, if the age is known: see
        `OLD_STRENGTH`.
    subject : Subject
        With mass, height and, if known, age.
    lengthened : float
        The muscle's optimal fibre length over the published one.

    Raises
    ------
    ModelMismatch
        The law is unknown.
    """
    if law not in STRENGTH_LAWS:
        raise ModelMismatch(f"strength law {law!r} is unknown; choose one of {', '.join(STRENGTH_LAWS)}.")
    if law == "published":
        return 1.0
    mass = subject.mass / PUBLISHED_MASS
    size = mass ** (2 / 3) if law == "mass_two_thirds" else mass * subject.height / PUBLISHED_STATURE / lengthened
    return size * _of_age(subject.age)


def _of_age(age: float) -> float:
    """Part of the strength that is left at an age (years; NaN: all of it)."""
    if math.isnan(age) or age <= AGE_OF_FULL_STRENGTH:
        return 1.0
    loss = (1.0 - OLD_STRENGTH) * (age - AGE_OF_FULL_STRENGTH) / (OLD_AGE - AGE_OF_FULL_STRENGTH)
    return max(1.0 - loss, 0.4)
