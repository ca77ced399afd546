"""Impairments of gait: what is wrong with a virtual person, how much, and how it changes from visit to visit.

An impairment is a kind and a severity from 0 (nothing) to 1 (as much as still walks). What it does to muscles, tissue
and manner of a simulated gait is told where gaits are solved (`synth.optimal_control.population.impaired_gait`). In a
corpus it stands among the facts of a trial's origin (``impairment``, ``severity``, ``stride_variation``), the visit in
the trial's session (``visit_2``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from synth.corpus.array_origin import ArrayOrigin
from synth.corpus.trial import CorpusTrial

HEALTHY = "none"
KINDS: dict[str, str] = {
    HEALTHY: "nothing is wrong",
    "weak_plantarflexors": "calf muscles without strength",
    "equinus": "stiff ankles that do not flex upwards",
    "crouch": "knees and hips that stay flexed",
    "short_steps": "hips of little range, short quick steps",
    "asymmetric_strength": "one weak leg",
    "unsteady": "slow, uneven strides",
}
"""Kind → what it is."""
HEALTHY_SHARE = 0.3
STEADY, UNSTEADY = 0.015, 0.07
"""Coefficient of variation of stride time of healthy adults and of the most unsteady: 1 to 2 % and 6 to 8 % (J. M.
Hausdorff, J NeuroEng Rehabil 2:19, 2005; rounded, from memory)."""


@dataclass(frozen=True)
class Impairment:
    """What is wrong at one visit.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    severity : float
        0 to 1; 0 for ``"none"``.
    side : str
        The weaker leg of ``asymmetric_strength``: ``"r"`` or ``"l"``; else ``""``.
    """

    kind: str = HEALTHY
    severity: float = 0.0
    side: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no impairment."""
        known_kinds((self.kind,))
        if not 0.0 <= self.severity <= 1.0:
            raise ValueError(f"severity of {self.kind}: expected 0 to 1, got {self.severity}")

    @property
    def stride_variation(self) -> float:
        """Coefficient of variation of stride time."""
        return STEADY + (UNSTEADY - STEADY) * self.severity * (self.kind == "unsteady")

    @property
    def facts(self) -> dict[str, str | float]:
        """As they stand in a corpus."""
        side = {"weak_side": self.side} if self.side else {}
        return {
            "impairment": self.kind,
            "severity": self.severity,
            "stride_variation": round(self.stride_variation, 4),
            **side,
        }


def known_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The same kinds, all of which there are.

    Raises
    ------
    ValueError
        One is unknown.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        ill = ", ".join(kind for kind in KINDS if kind != HEALTHY)
        raise ValueError(f"impairment {unknown[0]!r} is none of {ill} and {HEALTHY!r}")
    return kinds


NOTHING = Impairment()
"""Nothing is wrong."""


def draw_impairment(
    seed: int, person: int, visit: int, kinds: tuple[str, ...], healthy_share: float = HEALTHY_SHARE
) -> Impairment:
    """Draw what is wrong with a person at a visit: a pure function of its arguments.

    Parameters
    ----------
    seed, person, visit : int
        Visits from 0. The kind and the pace belong to the person.
    kinds : tuple of str
        Those that occur beside ``"none"``.
    healthy_share : float
        Of the people with whom nothing is wrong at any visit.

    Returns
    -------
    Impairment
        Severity begins between 0.05 and 0.85 and changes by the person's own pace, -0.15 to 0.3 a visit, within 0 to 1.
    """
    rng = np.random.default_rng([seed, person, 4])
    healthy, which, begin, pace, side = rng.random(), rng.random(), rng.uniform(0.05, 0.85), rng.uniform(-0.15, 0.3), 0
    side = int(rng.integers(2))
    ill = tuple(k for k in kinds if k != HEALTHY)
    if healthy < healthy_share or not ill:
        return NOTHING
    kind = ill[int(which * len(ill))]
    severity = float(np.clip(begin + pace * visit, 0.0, 1.0))
    return Impairment(kind, round(severity, 4), "rl"[side] if kind == "asymmetric_strength" else "")


def impairment_of(trial: CorpusTrial) -> Impairment | None:
    """What a corpus says is wrong in a trial; None where it says nothing."""
    return impairment_in(trial.origins)


def impairment_in(origins: Iterable[ArrayOrigin]) -> Impairment | None:
    """The same from the origins of a trial alone (`Corpus.origins`), without its arrays."""
    for origin in origins:
        if "impairment" in origin.found:
            facts = origin.found
            return Impairment(str(facts["impairment"]), float(facts["severity"]), str(facts.get("weak_side", "")))
    return None


def visit_of(trial: CorpusTrial) -> int:
    """Number of the visit from 0; 0 where the session is no visit."""
    word, _, number = trial.session.rpartition("_")
    return int(number) - 1 if word == "visit" and number.isdigit() else 0
