"""Pinch parameters: what is asked of a force profile, and what nobody asks but does vary, each as one number a person.

Parameters are logarithms, so that an error of 0.1 is ten per cent. What is known without any force is their prior,
given sex, age and hand length: the spread with which `pinch_people` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from synth.thumb.muscle_table import NERVES, THUMB
from synth.thumb.pinch_people import LIMIT_RANGE, POSTURE_SD, SD, PinchPeople


@dataclass(frozen=True)
class Parameter:
    """One number of a person.

    Attributes
    ----------
    name, unit : str
        ``max_force FPL``; the unit of the number itself, before its logarithm.
    field : str
        Of `PinchPeople`.
    column : int or None
        Of that field.
    prior_sd : float
        Of the logarithm (of the number, for `is_plain`), given the demographics and the person's strength.
    is_asked : bool
        Whether it is an answer, or only in the way.
    is_plain : bool
        Whether it is taken as it is, without a logarithm.
    """

    name: str
    unit: str
    field: str
    column: int | None
    prior_sd: float
    is_asked: bool = True
    is_plain: bool = False

    @property
    def group(self) -> str:
        """What kind of number it is: the first word of its name."""
        return self.name.split()[0]

    def read(self, people: PinchPeople) -> np.ndarray:
        """Its value in each person, shape (n,)."""
        values = getattr(people, self.field)
        values = values if self.column is None else values[:, self.column]
        return values.copy() if self.is_plain else np.log(values)

    def moved(self, people: PinchPeople, step: float) -> PinchPeople:
        """The same people with this value changed by a step."""
        values = getattr(people, self.field).copy()
        chosen = slice(None) if self.column is None else (slice(None), self.column)
        values[chosen] = values[chosen] + step if self.is_plain else values[chosen] * np.exp(step)
        return replace(people, **{self.field: values})


def _limit_sd() -> float:
    low, high = LIMIT_RANGE
    return float((high - low) / np.sqrt(12) / (0.5 * (low + high)))


def _by_muscle(name: str, unit: str, field: str, sd: float, is_asked: bool = True) -> tuple[Parameter, ...]:
    return tuple(Parameter(f"{name} {m}", unit, field, k, sd, is_asked) for k, m in enumerate(THUMB))


ASKED = (
    *_by_muscle("max_force", "N", "max_force", SD["muscle"]),
    *(Parameter(f"limit {nerve}", "1", "limit", k, _limit_sd()) for k, nerve in enumerate(NERVES)),
    *_by_muscle("fibre_length", "m", "fibre_length", SD["fibre"]),
    *_by_muscle("tendon_slack", "m", "tendon_slack", SD["tendon"]),
    Parameter("wrist_strength", "1", "wrist_strength", None, SD["wrist"]),
    Parameter("slowness", "1", "slowness", None, SD["slowness"]),
)
"""What is estimated, in the order of every array."""
IN_THE_WAY = (
    *_by_muscle("arm", "1", "arm_factor", SD["arm"], is_asked=False),
    *(
        Parameter(f"posture {joint}", "rad", "posture", k, POSTURE_SD[k], False, is_plain=True)
        for k, joint in enumerate(("CMC", "MCP", "IP"))
    ),
    Parameter("rise", "s", "rise", None, 0.3, is_asked=False),
    Parameter("fade", "1/s", "fade", None, 0.015, is_asked=False, is_plain=True),
    Parameter("wrist_share", "1", "wrist_share", None, 0.3 / np.sqrt(12), is_asked=False, is_plain=True),
)
"""What varies between people, is not asked, and hides some of what is."""


def asked_values(people: PinchPeople) -> np.ndarray:
    """Logarithms of all that is asked, shape (n, len(ASKED))."""
    return np.column_stack([p.read(people) for p in ASKED])


def prior_covariance() -> np.ndarray:
    """Covariance of `ASKED` and `IN_THE_WAY` given the demographics: muscles of one person are strong together."""
    every = ASKED + IN_THE_WAY
    covariance = np.diag([p.prior_sd**2 for p in every])
    together = np.array([p.group in ("max_force", "wrist_strength") for p in every], dtype=float)
    return covariance + SD["person"] ** 2 * np.outer(together, together)
