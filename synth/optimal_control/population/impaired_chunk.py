"""Impaired chunk: a few people's walks at their visits, each in a manner of their own that the impairment alters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from opensim_models.generic.contact_point import with_contact_points
from opensim_models.generic.generic_model import REFERENCE_PERSON
from opensim_models.model.skeleton import load_skeleton
from synth.impairment import HEALTHY, Impairment, draw_impairment, known_kinds
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.normative_gait import COMFORTABLE_SPEED, draw_style
from synth.optimal_control.population.anchor import kept_anchors
from synth.optimal_control.population.body_constants import HEEL, SPREADS, USUAL
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.impaired_gait import DRAWN, LAWS, ImpairedGait, draw_impaired_gait
from synth.optimal_control.population.planar_solver import (
    ANCHOR_SEED,
    PopulationProgram,
    population_program,
    solve_only,
)
from synth.optimal_control.population.visit_chunk import (
    HALF_MESHES,
    LOPSIDED,
    WHOLE_MESHES,
    VisitRequest,
    VisitWords,
    solve_visits,
)
from synth.optimal_control.population.whole_cycle import solve_impaired

_ANCHOR_PERSON = 2
_ANCHOR_SPEEDS = (1.0, 1.25, 0.8, 0.6, 0.45)
_ANCHOR_SEVERITIES = (0.35, 0.7, 1.0)
TASK = "impaired"
_METHOD = "optimal control of a virtual person with or without an impairment"


@dataclass(frozen=True)
class ImpairedRequest(VisitRequest):
    """People who walk near the normative gait, each in a style of their own, as far as their impairment lets them.

    Attributes
    ----------
    laws : str
        One of `impaired_gait.LAWS`.
    spread : float
        How far manners are from the normative one.
    """

    laws: str = "standard"
    spread: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from."""
        super().__post_init__()
        known_kinds(self.impairments)
        if self.laws not in LAWS:
            raise ValueError(f"laws {self.laws!r} are none of {', '.join(LAWS)}")
        if not 0.0 <= self.spread < np.inf:
            raise ValueError(f"expected a spread of at least 0, got {self.spread}")

    def gait(self, person: int, number: int) -> ImpairedGait:
        """The walk of one visit."""
        whose = draw_person_of_any_age(self.seed, person)
        wrong = draw_impairment(self.seed, person, number, self.impairments, self.healthy)
        style = draw_style(np.random.default_rng([self.seed, person, 1]), self.spread)
        return draw_impaired_gait(self.seed, whose, number, wrong, style, self.laws)

    @property
    def task(self) -> str:
        """By which a recipe knows who is meant."""
        return TASK

    @property
    def config(self) -> dict:
        """The recipe, as JSON can hold it; laws that are not the standard ones also by what they are."""
        own = super().config
        if self.laws == "standard":
            return own
        spreads = {"spreads": {**SPREADS, "heel": HEEL}} if self.laws == DRAWN else {}
        return {**own, "laws_defined": asdict(LAWS[self.laws]), **spreads}


def solve_chunk(part: str, first: int, last: int, request: Mapping, template: str) -> list[dict]:
    """Solve the walks of some people and write them as a corpus of its own; a row a walk."""
    wanted = ImpairedRequest.of(request)
    halves, wholes, anchors = _shared(template, wanted.laws, wanted.impairments, wanted.is_lopsided)
    words = VisitWords("converged", _METHOD, "", {"laws": wanted.laws, "spread": wanted.spread})
    return solve_visits(
        wanted,
        Path(part),
        range(first, last),
        anchors,
        lambda gait, known: solve_impaired(halves, wholes, gait, known),
        words,
    )


@lru_cache(maxsize=2)
def _shared(
    template: str, laws: str, kinds: tuple[str, ...], lopsided: bool
) -> tuple[PopulationProgram, PopulationProgram, list[SolvedGait]]:
    """Programs of half and whole cycles, and anchors, built once a process; anchors are kept in a file."""
    pattern = load_skeleton(Path(template))
    if LAWS[laws].contact == "points":
        pattern = with_contact_points(pattern, REFERENCE_PERSON.height)
    options = {"contact": LAWS[laws].contact, "activation": LAWS[laws].activation, "passive": True}
    halves = population_program(pattern, HALF_MESHES, **options)
    wholes = population_program(pattern, WHOLE_MESHES, period="cycle", **options) if lopsided else halves
    anchors = kept_anchors(
        Path(template).with_name(f"anchors_impaired_{laws}.npz"),
        halves.template,
        lambda: _anchors(halves, laws, kinds),
        lambda gait: {"kind": gait.impairment.kind, "severity": gait.impairment.severity, "speed": gait.speed},
        lambda kind, severity, speed: _anchor(laws, kind, severity, speed),
    )
    return halves, wholes, anchors


def _anchor(laws: str, kind: str, severity: float, speed: float) -> ImpairedGait:
    person = draw_person_of_any_age(ANCHOR_SEED, _ANCHOR_PERSON)
    style = draw_style(np.random.default_rng(0), 0.0)
    gait = draw_impaired_gait(ANCHOR_SEED, person, 0, Impairment(kind, severity), style, laws)
    return replace(gait, speed=speed, constants=USUAL)


def _anchors(halves: PopulationProgram, laws: str, kinds: tuple[str, ...]) -> list[SolvedGait]:
    """One person's walks at some speeds and, kind by kind, ever more impaired: what all others may start from."""
    known: list[SolvedGait] = []
    wanted = [_anchor(laws, HEALTHY, 0.0, speed) for speed in _ANCHOR_SPEEDS]
    for kind in kinds:
        if kind not in (HEALTHY, LOPSIDED):
            wanted += [
                _anchor(laws, kind, s, round(0.85 * COMFORTABLE_SPEED * (1.0 - 0.45 * s), 3))
                for s in _ANCHOR_SEVERITIES
            ]
    for gait in wanted:
        solved = solve_only(halves, gait, known)
        if solved is not None:
            known.append(solved)
    return known
