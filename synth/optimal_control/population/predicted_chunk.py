"""Predicted chunk: the freely predicted walks of a few people with and without impairments, as a small corpus."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.model.skeleton import load_skeleton
from synth.corpus import CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, with_origins
from synth.corpus.solved_recipe import solver_versions
from synth.impairment import HEALTHY_SHARE, NOTHING, draw_impairment
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.gait_mode import WALK
from synth.optimal_control.gait.normative_gait import GaitStyle
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.gait_trial import gait_trial, refused_trial, trial_name
from synth.optimal_control.population.impaired_gait import draw_impaired_gait
from synth.optimal_control.population.part import alone, part_row, write_part
from synth.optimal_control.population.planar_chunk import write_template
from synth.optimal_control.population.planar_solver import (
    ANCHOR_SEED,
    GaitResult,
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

HALF_MESHES, WHOLE_MESHES = (25, 36, 50), (50, 72)
TASK = "predicted impairment"
_ANCHOR_PERSON = 2
_ANCHOR_SPEEDS = (1.0, 1.25, 1.5, 0.8, 0.6, 0.45)
_LAWS = "standard"
Shared = tuple[PopulationProgram, PopulationProgram, list[SolvedGait]]


@dataclass(frozen=True)
class PredictedRequest:
    """Which population is wanted: people of any age, with and without impairments, predicted at each of their visits.

    Attributes
    ----------
    subjects : int
        Number of people.
    seed : int
    gaits : int
        Visits of each person, one walk at each.
    impairments : tuple of str
        Kinds that occur beside ``"none"``; each must have a cause (`predicted_impairment.CAUSES`).
    healthy : float
        Share of the people with whom nothing is wrong.
    rate : float
        Samples per second of the corpus (Hz).
    """

    subjects: int
    seed: int = 0
    gaits: int = 1
    impairments: tuple[str, ...] = tuple(CAUSES)
    healthy: float = HEALTHY_SHARE
    rate: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from, and what has no cause."""
        if self.subjects < 1 or self.gaits < 1 or self.seed < 0:
            raise ValueError(
                f"expected at least 1 subject, 1 visit and a seed of at least 0, got {self.subjects}, {self.gaits} and "
                f"{self.seed}"
            )
        if not (0.0 <= self.healthy <= 1.0 and 10.0 <= self.rate <= 10000.0):
            raise ValueError(
                f"expected a healthy share of 0-1 and a rate of 10-10000 Hz, got {self.healthy}, {self.rate}"
            )
        predictable(self.impairments)

    @property
    def mode(self) -> str:
        """They walk."""
        return WALK.name

    def subject(self, person: int) -> Subject:
        """Of one person."""
        return draw_person_of_any_age(self.seed, person).subject

    def gait(self, person: int, number: int) -> PredictedImpairment:
        """The walk of one visit."""
        wrong = draw_impairment(self.seed, person, number, self.impairments, self.healthy)
        return draw_predicted_impairment(self.seed, draw_person_of_any_age(self.seed, person), number, wrong)

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
        return {**asdict(self), "impairments": list(self.impairments), "task": TASK}

    @property
    def files(self) -> dict[str, Path]:
        """The planar model is the package's own."""
        return {}

    @property
    def function(self) -> str:
        """``module:name`` of what solves a chunk."""
        return f"{solve_chunk.__module__}:{solve_chunk.__name__}"

    def arguments(self, folder: Path) -> dict:
        """What every chunk needs beside its people."""
        return {"request": asdict(self), "template": str(write_template(folder))}


def solve_chunk(part: str, first: int, last: int, request: Mapping, template: str) -> list[dict]:
    """Solve the walks of some people and write them as a corpus of its own; a row a walk."""
    wanted = PredictedRequest(**{**request, "impairments": tuple(request["impairments"])})
    halves, wholes, anchors = shared_programs(template, lopsided="asymmetric_strength" in wanted.impairments)
    trials, rows = [], []
    for person in range(first, last):
        known = list(anchors)
        for number in range(wanted.gaits):
            result = solve_predicted(halves, wholes, wanted.gait(person, number), known)
            if result.solved is not None:
                known.append(result.solved)
            trials.append(_trial(result, wanted))
            facts = result.gait.impairment.facts
            row = part_row(trials[-1], result, result.gait.speed, solved=result.solution.converged)
            rows.append({**row, "impairment": facts["impairment"], "severity": facts["severity"]})
    write_part(Path(part), trials, rows)
    return rows


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
    file = Path(template).with_name("anchors_predicted_impairment.npz")
    with alone(file.with_suffix(".lock")):  # the others wait for them rather than solve them, too
        if not file.exists():
            anchors = _anchors(halves)
            working = file.with_name(f"{file.stem}.{os.getpid()}.npz")
            np.savez(working, values=[a.values for a in anchors], speed=[a.gait.speed for a in anchors])
            working.replace(file)
        with np.load(file) as kept:
            gaits = [_anchor(float(speed)) for speed in kept["speed"]]
            skeletons = [g.skeleton(pattern) for g in gaits]
            anchors = [SolvedGait(*row) for row in zip(gaits, skeletons, kept["values"], strict=True)]
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


def _trial(result: GaitResult, request: PredictedRequest) -> CorpusTrial:
    gait = result.gait
    name, session, subject = trial_name(gait.number), f"visit_{gait.number + 1}", gait.person.subject
    if not result.check.accepted:
        refused = refused_trial(name, subject, request.rate, f"{result.check.kind}: {result.check.reason}")
        return replace(refused, session=session)
    facts = gait.impairment.facts
    recipe = (
        f"seed {request.seed}, person {gait.person.number}, visit {gait.number + 1}, {facts['impairment']} of severity "
        f"{facts['severity']:g}, predicted at {gait.speed:g} m/s, {result.iterations} iterations, "
        f"{result.n_intervals} intervals"
    )
    residual = result.check.figures.get("residual_share_bw", float("nan"))
    solved = gait_trial(name, subject, result.solution, request.rate, "predicted", recipe, residual=residual)
    chosen = {"seed": request.seed, "laws": _LAWS, "model": "planar"}
    method = "optimal control of a virtual person with or without an impairment, by speed and effort alone"
    found = {"person": gait.person.number, "visit": gait.number + 1, "speed": gait.speed, **facts}
    found["intervals"] = result.n_intervals
    origin = ArrayOrigin(SOLVED, method, chosen, found, software=solver_versions())
    return with_origins(replace(solved, session=session), origin)
