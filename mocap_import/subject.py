"""A subject: the person, real or virtual, whose movement was recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass

STANDARD_GRAVITY = 9.80665
"""Standard gravity (m/s²), the default wherever a model does not state its own."""
MASS_LIMITS = (2.0, 400.0)
"""kg, from a newborn to the heaviest; further off it is another unit, or nobody's."""
HEIGHT_LIMITS = (0.4, 2.6)
"""m."""
AGE_LIMITS = (0.0, 120.0)
"""Years."""
BODY_MASS_INDEX_LIMITS = (8.0, 70.0)
"""kg/m²."""


@dataclass(frozen=True)
class Subject:
    """A person, by a code that identifies nobody.

    Attributes
    ----------
    code : str
        Identifier within an archive or corpus, e.g. ``"S03"``.
    mass : float
        Body mass (kg); NaN if unknown.
    height : float
        Stature (m); NaN if unknown.
    sex : str
        ``"female"``, ``"male"`` or ``"unknown"``.
    age : float
        Age (years); NaN if unknown.
    """

    code: str
    mass: float = math.nan
    height: float = math.nan
    sex: str = "unknown"
    age: float = math.nan

    @property
    def body_weight(self) -> float:
        """Body weight (N) under standard gravity."""
        return self.mass * STANDARD_GRAVITY


def impossible_fact(mass: float, height: float, age: float = math.nan) -> tuple[str, str] | None:
    """Find the fact of a person that nobody has.

    Parameters
    ----------
    mass : float
        Body mass (kg); NaN if unknown, which is no fault.
    height : float
        Stature (m); NaN if unknown.
    age : float
        Years; NaN if unknown.

    Returns
    -------
    tuple of (str, str) or None
        ``"mass"``, ``"height"``, ``"age"`` or ``"body mass index"``, and a sentence with the limits and the unit that
        it may be in; None for somebody who may exist.
    """
    checks = (
        ("mass", mass, MASS_LIMITS, "kg", (("g", 1e-3),)),
        ("height", height, HEIGHT_LIMITS, "m", (("cm", 1e-2), ("mm", 1e-3))),
        ("age", age, AGE_LIMITS, "years", ()),
    )
    for fact, value, (low, high), unit, others in checks:
        if math.isnan(value) or low <= value <= high:
            continue
        meant = next((f" Is it in {other}?" for other, factor in others if low <= value * factor <= high), "")
        return fact, f"{fact} {value:.10g} {unit} is nobody's; expected {low:g}-{high:g} {unit}.{meant}"
    index, (low, high) = mass / height**2, BODY_MASS_INDEX_LIMITS
    if math.isnan(index) or low <= index <= high:
        return None
    said = f"{mass:g} kg at {height:g} m is a body mass index of {index:.0f}; expected {low:g}-{high:g}. "
    return "body mass index", f"{said}Check mass (kg) and height (m)."
