"""Visit chunk: a few people of any age at each of their visits, solved in one process as a small corpus.

How their walks are drawn and solved is said by `impaired_chunk` and `predicted_chunk`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from mocap_import.subject import Subject
from synth.corpus import CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, with_origins
from synth.corpus.solved_recipe import solver_versions
from synth.impairment import HEALTHY, HEALTHY_SHARE, KINDS
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.gait_mode import WALK
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.gait_trial import gait_trial, refused_trial, trial_name
from synth.optimal_control.population.impaired_gait import ImpairedGait
from synth.optimal_control.population.part import part_row, write_part
from synth.optimal_control.population.planar_chunk import write_template
from synth.optimal_control.population.planar_solver import GaitResult

HALF_MESHES, WHOLE_MESHES = (25, 36, 50), (50, 72)
"""Intervals of half a cycle and of a whole one, from coarse to fine."""
LOPSIDED = "asymmetric_strength"
"""The kind whose legs differ: half a cycle does not tell the other half."""
ILL = tuple(kind for kind in KINDS if kind != HEALTHY)


@dataclass(frozen=True)
class VisitRequest(ABC):
    """Which population is wanted: people of any age, with and without impairments, at several visits.

    Attributes
    ----------
    subjects : int
        Number of people.
    seed : int
    gaits : int
        Visits of each person, one walk at each.
    impairments : tuple of str
        Kinds that occur beside ``"none"`` (see `synth.impairment.KINDS`).
    healthy : float
        Share of the people with whom nothing is wrong.
    rate : float
        Samples per second of the corpus (Hz).
    """

    subjects: int
    seed: int = 0
    gaits: int = 1
    impairments: tuple[str, ...] = ILL
    healthy: float = HEALTHY_SHARE
    rate: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from."""
        if self.subjects < 1 or self.gaits < 1 or self.seed < 0:
            raise ValueError(
                f"expected at least 1 subject, 1 visit and a seed of at least 0, got {self.subjects}, {self.gaits} and "
                f"{self.seed}"
            )
        if not (0.0 <= self.healthy <= 1.0 and 10.0 <= self.rate <= 10000.0):
            raise ValueError(
                f"expected a healthy share of 0-1 and a rate of 10-10000 Hz, got {self.healthy}, {self.rate}"
            )

    @classmethod
    def of(cls, people: Mapping[str, Any]) -> Self:
        """Restore a request from its fields as JSON holds them."""
        return cls(**{**people, "impairments": tuple(people["impairments"])})

    @abstractmethod
    def gait(self, person: int, number: int) -> ImpairedGait:
        """The walk of one visit."""

    @property
    @abstractmethod
    def task(self) -> str:
        """By which a recipe knows who is meant."""

    @property
    def mode(self) -> str:
        """They walk."""
        return WALK.name

    @property
    def function(self) -> str:
        """``module:name`` of what solves a chunk: beside each request stands a ``solve_chunk``."""
        return f"{type(self).__module__}:solve_chunk"

    @property
    def is_lopsided(self) -> bool:
        """Whether some have legs that differ."""
        return LOPSIDED in self.impairments

    def subject(self, person: int) -> Subject:
        """Of one person."""
        return draw_person_of_any_age(self.seed, person).subject

    def speed(self, person: int, number: int) -> float:
        """Of one walk (m/s)."""
        return self.gait(person, number).speed

    @property
    def config(self) -> dict:
        """The recipe, as JSON can hold it."""
        return {**self.people, "model": "planar"}

    @property
    def people(self) -> dict:
        """Arguments by which the same people are drawn again."""
        return {**asdict(self), "impairments": list(self.impairments), "task": self.task}

    @property
    def files(self) -> dict[str, Path]:
        """The planar model is the package's own."""
        return {}

    def arguments(self, folder: Path) -> dict:
        """What every chunk needs beside its people."""
        return {"request": asdict(self), "template": str(write_template(folder))}


@dataclass(frozen=True)
class VisitWords:
    """What a corpus says of how its walks were found.

    Attributes
    ----------
    status : str
    method : str
    manner : str
        Before the speed, in the line that tells how a walk is solved again.
    chosen : dict
        Settings beside the seed.
    """

    status: str
    method: str
    manner: str
    chosen: dict[str, Any]


def solve_visits(
    request: VisitRequest,
    part: Path,
    people: range,
    anchors: list[SolvedGait],
    solve: Callable[[ImpairedGait, list[SolvedGait]], GaitResult],
    words: VisitWords,
) -> list[dict]:
    """Solve the walks of some people and write them as a corpus of its own; a row a walk.

    Parameters
    ----------
    request : VisitRequest
    part : Path
        The corpus.
    people : range
    anchors : list of SolvedGait
        What everybody may start from, beside the person's own earlier visits.
    solve : callable
        Gait, solved ones → result.
    words : VisitWords
    """
    trials, rows = [], []
    for person in people:
        known = list(anchors)
        for number in range(request.gaits):
            result = solve(request.gait(person, number), known)
            if result.solved is not None:
                known.append(result.solved)
            trials.append(visit_trial(result, request, words))
            facts = result.gait.impairment.facts
            row = part_row(trials[-1], result, result.gait.speed, solved=result.solution.converged)
            rows.append({**row, "impairment": facts["impairment"], "severity": facts["severity"]})
    write_part(part, trials, rows)
    return rows


def visit_trial(result: GaitResult, request: VisitRequest, words: VisitWords) -> CorpusTrial:
    """One walk as a trial of the visit's session; without arrays and with the reason where it is refused."""
    gait = result.gait
    name, session, subject = trial_name(gait.number), f"visit_{gait.number + 1}", gait.person.subject
    if not result.check.accepted:
        refused = refused_trial(name, subject, request.rate, f"{result.check.kind}: {result.check.reason}")
        return replace(refused, session=session)
    facts = gait.impairment.facts
    recipe = (
        f"seed {request.seed}, person {gait.person.number}, visit {gait.number + 1}, {facts['impairment']} of severity "
        f"{facts['severity']:g}, {words.manner}{gait.speed:g} m/s, {result.iterations} iterations, "
        f"{result.n_intervals} intervals"
    )
    residual = result.check.figures.get("residual_share_bw", float("nan"))
    solved = gait_trial(name, subject, result.solution, request.rate, words.status, recipe, residual=residual)
    found = {"person": gait.person.number, "visit": gait.number + 1, "speed": gait.speed, **gait.facts}
    found["intervals"] = result.n_intervals
    chosen = {"seed": request.seed, **words.chosen, "model": "planar"}
    origin = ArrayOrigin(SOLVED, words.method, chosen, found, software=solver_versions())
    return with_origins(replace(solved, session=session), origin)
