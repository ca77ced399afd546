"""A subject: the person, real or virtual, whose movement was recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass

STANDARD_GRAVITY = 9.80665
"""Standard gravity (m/s²), the default wherever a model does not state its own."""


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
