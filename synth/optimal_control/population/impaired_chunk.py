"""Impaired chunk: a few people of any age, at each of their visits, solved in one process as a small corpus."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.contact_point import with_contact_points
from opensim_models.generic.generic_model import REFERENCE_PERSON
from opensim_models.model.skeleton import load_skeleton
from synth.corpus import CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, with_origins
from synth.corpus.solved_recipe import solver_versions
from synth.impairment import HEALTHY, HEALTHY_SHARE, KINDS, Impairment, draw_impairment
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.gait_mode import WALK
from synth.optimal_control.gait.normative_gait import COMFORTABLE_SPEED, draw_style
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.gait_trial import gait_trial, refused_trial, trial_name
from synth.optimal_control.population.impaired_gait import LAWS, ImpairedGait, draw_impaired_gait
from synth.optimal_control.population.part import alone, part_row, write_part
from synth.optimal_control.population.planar_chunk import write_template
from synth.optimal_control.population.planar_solver import (
    ANCHOR_SEED,
    GaitResult,
    PopulationProgram,
    population_program,
    solve_only,
)
from synth.optimal_control.population.whole_cycle import solve_impaired

_HALF_MESHES, _WHOLE_MESHES = (25, 36, 50), (50, 72)
_ANCHOR_PERSON = 2
_ANCHOR_SPEEDS = (1.0, 1.25, 0.8, 0.6, 0.45)
_ANCHOR_SEVERITIES = (0.35, 0.7, 1.0)


@dataclass(frozen=True)
class ImpairedRequest:
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
    laws : str
        One of `impaired_gait.LAWS`.
    spread : float
        How far manners are from the normative one.
    rate : float
        Samples per second of the corpus (Hz).
    """

    subjects: int
    seed: int = 0
    gaits: int = 1
    impairments: tuple[str, ...] = tuple(k for k in KINDS if k != HEALTHY)
    healthy: float = HEALTHY_SHARE
    laws: str = "standard"
    spread: float = 1.0
    rate: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from."""
        if self.subjects < 1 or self.gaits < 1 or self.seed < 0:
            raise ValueError(
                f"expected at least 1 subject, 1 visit and a seed of at least 0, got {self.subjects}, {self.gaits} and "
                f"{self.seed}"
            )
        unknown = [k for k in self.impairments if k not in KINDS]
        if unknown:
            raise ValueError(f"impairment {unknown[0]!r} is none of {', '.join(KINDS)}")
        if self.laws not in LAWS:
            raise ValueError(f"laws {self.laws!r} are none of {', '.join(LAWS)}")
        if not (0.0 <= self.healthy <= 1.0 and 0.0 <= self.spread < np.inf and 10.0 <= self.rate <= 10000.0):
            raise ValueError(
                f"expected a healthy share of 0-1, a spread of at least 0 and a rate of 10-10000 Hz, got "
                f"{self.healthy}, {self.spread}, {self.rate}"
            )

    @property
    def mode(self) -> str:
        """They walk."""
        return WALK.name

    def subject(self, person: int) -> Subject:
        """Of one person."""
        return draw_person_of_any_age(self.seed, person).subject

    def gait(self, person: int, number: int) -> ImpairedGait:
        """The walk of one visit."""
        whose = draw_person_of_any_age(self.seed, person)
        wrong = draw_impairment(self.seed, person, number, self.impairments, self.healthy)
        style = draw_style(np.random.default_rng([self.seed, person, 1]), self.spread)
        return draw_impaired_gait(self.seed, whose, number, wrong, style, self.laws)

    def speed(self, person: int, number: int) -> float:
        """Of one walk (m/s)."""
        return self.gait(person, number).speed

    @property
    def config(self) -> dict:
        """The recipe, as JSON can hold it; laws that are not the standard ones also by what they are."""
        own = {**asdict(self), "impairments": list(self.impairments), "model": "planar", "task": "impaired"}
        return own if self.laws == "standard" else {**own, "laws_defined": asdict(LAWS[self.laws])}

    @property
    def people(self) -> dict:
        """Arguments by which the same people are drawn again."""
        return {**asdict(self), "impairments": list(self.impairments), "task": "impaired"}

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
    wanted = ImpairedRequest(**{**request, "impairments": tuple(request["impairments"])})
    lopsided = "asymmetric_strength" in wanted.impairments
    halves, wholes, anchors = _shared(template, wanted.laws, wanted.impairments, lopsided)
    trials, rows = [], []
    for person in range(first, last):
        known = list(anchors)
        for number in range(wanted.gaits):
            result = solve_impaired(halves, wholes, wanted.gait(person, number), known)
            if result.solved is not None:
                known.append(result.solved)
            trials.append(_trial(result, wanted))
            facts = result.gait.impairment.facts
            row = part_row(trials[-1], result, result.gait.speed, solved=result.solution.converged)
            rows.append({**row, "impairment": facts["impairment"], "severity": facts["severity"]})
    write_part(Path(part), trials, rows)
    return rows


@lru_cache(maxsize=2)
def _shared(
    template: str, laws: str, kinds: tuple[str, ...], lopsided: bool
) -> tuple[PopulationProgram, PopulationProgram, list[SolvedGait]]:
    """Programs of half and whole cycles, and anchors, built once a process; anchors are kept in a file."""
    pattern = load_skeleton(Path(template))
    if LAWS[laws].contact == "points":
        pattern = with_contact_points(pattern, REFERENCE_PERSON.height)
    options = {"contact": LAWS[laws].contact, "activation": LAWS[laws].activation, "passive": True}
    halves = population_program(pattern, _HALF_MESHES, **options)
    wholes = population_program(pattern, _WHOLE_MESHES, period="cycle", **options) if lopsided else halves
    file = Path(template).with_name(f"anchors_impaired_{laws}.npz")
    with alone(file.with_suffix(".lock")):  # the others wait for them rather than solve them, too
        if file.exists():
            return halves, wholes, _restored(halves, laws, file)
        anchors = _anchors(halves, laws, kinds)
        facts = [(a.gait.impairment.kind, a.gait.impairment.severity, a.gait.speed) for a in anchors]
        working = file.with_name(f"{file.stem}.{os.getpid()}.npz")
        kind, severity, speed = (np.array(column) for column in zip(*facts, strict=True))
        np.savez(working, values=np.array([a.values for a in anchors]), kind=kind, severity=severity, speed=speed)
        working.replace(file)
    return halves, wholes, anchors


def _anchor(laws: str, kind: str, severity: float, speed: float) -> ImpairedGait:
    person = draw_person_of_any_age(ANCHOR_SEED, _ANCHOR_PERSON)
    style = draw_style(np.random.default_rng(0), 0.0)
    gait = draw_impaired_gait(ANCHOR_SEED, person, 0, Impairment(kind, severity), style, laws)
    return replace(gait, speed=speed)


def _anchors(halves: PopulationProgram, laws: str, kinds: tuple[str, ...]) -> list[SolvedGait]:
    """One person's walks at some speeds and, kind by kind, ever more impaired: what all others may start from."""
    known: list[SolvedGait] = []
    wanted = [_anchor(laws, HEALTHY, 0.0, speed) for speed in _ANCHOR_SPEEDS]
    for kind in kinds:
        if kind not in (HEALTHY, "asymmetric_strength"):
            wanted += [
                _anchor(laws, kind, s, round(0.85 * COMFORTABLE_SPEED * (1.0 - 0.45 * s), 3))
                for s in _ANCHOR_SEVERITIES
            ]
    for gait in wanted:
        solved = solve_only(halves, gait, known)
        if solved is not None:
            known.append(solved)
    return known


def _restored(halves: PopulationProgram, laws: str, file: Path) -> list[SolvedGait]:
    """Anchors from their file."""
    with np.load(file) as kept:
        rows = zip(kept["values"], kept["kind"], kept["severity"], kept["speed"], strict=True)
        anchors = []
        for values, kind, severity, speed in rows:
            gait = _anchor(laws, str(kind), float(severity), float(speed))
            anchors.append(SolvedGait(gait, gait.skeleton(halves.template), values))
    return anchors


def _trial(result: GaitResult, request: ImpairedRequest) -> CorpusTrial:
    gait = result.gait
    name, session, subject = trial_name(gait.number), f"visit_{gait.number + 1}", gait.person.subject
    if not result.check.accepted:
        refused = refused_trial(name, subject, request.rate, f"{result.check.kind}: {result.check.reason}")
        return replace(refused, session=session)
    facts = gait.impairment.facts
    recipe = (
        f"seed {request.seed}, person {gait.person.number}, visit {gait.number + 1}, {facts['impairment']} of severity "
        f"{facts['severity']:g}, {gait.speed:g} m/s, {result.solution.iterations} iterations, "
        f"{result.n_intervals} intervals"
    )
    residual = result.check.figures.get("residual_share_bw", float("nan"))
    solved = gait_trial(name, subject, result.solution, request.rate, "converged", recipe, residual=residual)
    chosen = {"seed": request.seed, "laws": request.laws, "spread": request.spread, "model": "planar"}
    method = "optimal control of a virtual person with or without an impairment"
    found = {"person": gait.person.number, "visit": gait.number + 1, "speed": gait.speed, **facts}
    found["intervals"] = result.n_intervals
    origin = ArrayOrigin(SOLVED, method, chosen, found, software=solver_versions())
    return with_origins(replace(solved, session=session), origin)
