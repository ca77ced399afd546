"""Predicted chunk: a few people's walks at their visits, predicted from speed, effort and the impairment's cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from opensim_models.model.skeleton import load_skeleton
from synth.impairment import NOTHING, draw_impairment
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.normative_gait import GaitStyle
from synth.optimal_control.population.anchor import kept_anchors
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.impaired_gait import draw_impaired_gait
from synth.optimal_control.population.planar_solver import (
    ANCHOR_SEED,
    PopulationProgram,
    population_program,
    solve_only,
)
from synth.optimal_control.population.predicted_impairment import (
    CAUSES,
    PredictedImpairment,
    draw_predicted_impairment,
    predictable,
)
from synth.optimal_control.population.severity_path import solve_predicted
from synth.optimal_control.population.visit_chunk import (
    HALF_MESHES,
    WHOLE_MESHES,
    VisitRequest,
    VisitWords,
    solve_visits,
)

TASK = "predicted impairment"
_ANCHOR_PERSON = 2
_ANCHOR_SPEEDS = (1.0, 1.25, 1.5, 0.8, 0.6, 0.45)
WORDS = VisitWords(
    status="predicted",
    method="optimal control of a virtual person with or without an impairment, by speed and effort alone",
    manner="predicted at ",
    chosen={"laws": "standard"},
)
Shared = tuple[PopulationProgram, PopulationProgram, list[SolvedGait]]


@dataclass(frozen=True)
class PredictedRequest(VisitRequest):
    """People who walk in nobody's manner; each impairment must have a cause (`predicted_impairment.CAUSES`)."""

    impairments: tuple[str, ...] = tuple(CAUSES)

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from, and what has no cause."""
        super().__post_init__()
        predictable(self.impairments)

    def gait(self, person: int, number: int) -> PredictedImpairment:
        """The walk of one visit."""
        wrong = draw_impairment(self.seed, person, number, self.impairments, self.healthy)
        return draw_predicted_impairment(self.seed, draw_person_of_any_age(self.seed, person), number, wrong)

    @property
    def task(self) -> str:
        """By which a recipe knows who is meant."""
        return TASK


def solve_chunk(part: str, first: int, last: int, request: Mapping, template: str) -> list[dict]:
    """Solve the walks of some people and write them as a corpus of its own; a row a walk."""
    wanted = PredictedRequest.of(request)
    halves, wholes, anchors = shared_programs(template, lopsided=wanted.is_lopsided)
    return solve_visits(
        wanted,
        Path(part),
        range(first, last),
        anchors,
        lambda gait, known: solve_predicted(halves, wholes, gait, known),
        WORDS,
    )


@lru_cache(maxsize=2)
def shared_programs(template: str, *, lopsided: bool = True) -> Shared:
    """Programs of half and whole cycles, and anchors, built once a process; anchors are kept in a file.

    Parameters
    ----------
    template : str
        File of the planar skeleton; the anchors are kept beside it.
    lopsided : bool
        Whether whole cycles are needed, for legs that differ.
    """
    pattern = load_skeleton(Path(template))
    halves = population_program(pattern, HALF_MESHES, passive=True)
    wholes = population_program(pattern, WHOLE_MESHES, period="cycle", passive=True) if lopsided else halves
    anchors = kept_anchors(
        Path(template).with_name("anchors_predicted_impairment.npz"),
        halves.template,
        lambda: _anchors(halves),
        lambda gait: {"speed": gait.speed},
        _anchor,
    )
    return halves, wholes, anchors


def _anchor(speed: float) -> PredictedImpairment:
    person = draw_person_of_any_age(ANCHOR_SEED, _ANCHOR_PERSON)
    return replace(draw_predicted_impairment(ANCHOR_SEED, person, 0, NOTHING), speed=speed)


def _anchors(halves: PopulationProgram) -> list[SolvedGait]:
    """One healthy person's predictions at some speeds, the first from a walk that follows the normative manner."""
    first = _ANCHOR_SPEEDS[0]
    person = draw_person_of_any_age(ANCHOR_SEED, _ANCHOR_PERSON)
    followed = replace(draw_impaired_gait(ANCHOR_SEED, person, 0, NOTHING, GaitStyle()), speed=first)
    start = solve_only(halves, followed, [])
    known = [start] if start is not None else []
    anchors: list[SolvedGait] = []
    for speed in _ANCHOR_SPEEDS:
        solved = solve_only(halves, _anchor(speed), anchors or known)
        if solved is not None:
            anchors.append(solved)
    return anchors
