"""Population chunk: the gaits of a few virtual people, solved in one process and written as a small corpus.

What a process needs to begin (programs, compiled code, the first solutions that all others start from) it gets once,
for all chunks that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from synth.corpus import CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, with_origins
from synth.corpus.solved_recipe import solver_versions
from synth.optimal_control.gait.gait_mode import MODES, WALK
from synth.optimal_control.gait.normative_gait import GaitStyle
from synth.optimal_control.population.anchor import kept_anchors
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.gait_trial import gait_trial, refused_trial, trial_name
from synth.optimal_control.population.part import part_row, write_part
from synth.optimal_control.population.planar_solver import (
    ANCHOR_SEED,
    GaitResult,
    PopulationProgram,
    anchor_gaits,
    population_program,
    solve_gait,
)
from synth.optimal_control.population.virtual_gait import TASKS, VirtualGait, draw_gait
from synth.optimal_control.population.virtual_skeleton import template_skeleton
from synth.virtual_people import draw_person

_SPEEDS = {"walk": (0.4, 2.4), "run": (1.8, 5.5)}
"""m/s, of people of any stature."""


@dataclass(frozen=True)
class PopulationRequest:
    """Which population is wanted; with the versions of the programs, the recipe of the corpus.

    Attributes
    ----------
    subjects : int
        Number of people.
    seed : int
    gaits : int
        Gaits of each, at speeds of their own.
    speeds : (float, float)
        m/s; those of the mode if absent.
    task : str
        ``"track"``: near the normative gait in each person's own style; ``"predict"``: speed and effort alone.
    spread : float
        How far styles are from the normative one.
    rate : float
        Samples per second of the corpus (Hz).
    mode : str
        ``"walk"`` or ``"run"``.
    """

    subjects: int
    seed: int = 0
    gaits: int = 1
    speeds: tuple[float, float] | None = None
    task: str = "track"
    spread: float = 1.0
    rate: float = 100.0
    mode: str = WALK.name

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from."""
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is none of {', '.join(MODES)}")
        if self.speeds is None:
            object.__setattr__(self, "speeds", MODES[self.mode].speeds)
        low, high = self.speeds
        slowest, fastest = _SPEEDS[self.mode]
        if self.subjects < 1 or self.gaits < 1 or self.seed < 0:
            raise ValueError(
                f"expected at least 1 subject, 1 gait and a seed of at least 0, got {self.subjects}, {self.gaits} and "
                f"{self.seed}"
            )
        if not slowest <= low <= high <= fastest:
            word = {"walk": "walking", "run": "running"}[self.mode]
            raise ValueError(
                f"expected {word} speeds of {slowest}-{fastest} m/s, lower then higher, got {low} and {high} m/s"
            )
        if self.task not in TASKS:
            raise ValueError(f"task {self.task!r} is none of {', '.join(TASKS)}")
        if not (np.isfinite(self.spread) and self.spread >= 0.0 and 10.0 <= self.rate <= 10000.0):
            raise ValueError(
                f"expected a spread of at least 0 and a rate of 10-10000 Hz, got {self.spread}, {self.rate}"
            )

    def gait(self, person: int, number: int) -> VirtualGait:
        """One walk of this population."""
        wish = {"task": self.task, "speeds": self.speeds, "spread": self.spread, "mode": self.mode}
        return draw_gait(self.seed, person, number, **wish)

    def speed(self, person: int, number: int) -> float:
        """Of one walk (m/s)."""
        return self.gait(person, number).speed

    def subject(self, person: int) -> Subject:
        """Of one person."""
        return draw_person(self.seed, person).subject

    @property
    def config(self) -> dict:
        """The recipe, as JSON can hold it."""
        return {**asdict(self), "speeds": list(self.speeds), "model": "planar"}

    @property
    def people(self) -> dict:
        """Arguments by which the same people are drawn again."""
        return {**asdict(self), "speeds": list(self.speeds)}

    @property
    def files(self) -> dict[str, Path]:
        """The planar model is the package's own."""
        return {}

    @property
    def function(self) -> str:
        """``module:name`` of what solves a chunk."""
        return f"{solve_chunk.__module__}:{solve_chunk.__name__}"

    def arguments(self, folder: Path) -> dict:
        """What every chunk needs beside its people; files that all share are put into a folder first."""
        return {"request": asdict(self), "template": str(write_template(folder))}


def write_template(folder: Path) -> Path:
    """The planar skeleton that all chunks of a run share, written once."""
    template = folder / "template.json"
    if not template.exists():
        save_skeleton(template_skeleton(), template.with_suffix(".tmp"))
        template.with_suffix(".tmp").replace(template)
    return template


def solve_chunk(part: str, first: int, last: int, request: Mapping, template: str) -> list[dict]:
    """Solve the gaits of some people and write them as a corpus of its own; a row a gait."""
    wanted = PopulationRequest(**{**request, "speeds": tuple(request["speeds"])})
    programs, anchors = _shared(template, wanted.task, wanted.speeds, wanted.mode)
    known, trials, rows = list(anchors), [], []
    for person in range(first, last):
        for number in range(wanted.gaits):
            result = solve_gait(programs, wanted.gait(person, number), known)
            if result.solved is not None:
                known.append(result.solved)
            trials.append(_trial(result, wanted))
            rows.append(part_row(trials[-1], result, result.gait.speed, solved=result.solved is not None))
    write_part(Path(part), trials, rows)
    return rows


@lru_cache(maxsize=2)
def _shared(
    template: str, task: str, speeds: tuple[float, float], mode: str
) -> tuple[PopulationProgram, list[SolvedGait]]:
    """Programs and anchors of a worker process: built once; the anchors are solved once a run and kept in a file."""
    programs = population_program(load_skeleton(Path(template)), MODES[mode].meshes)
    anchors = kept_anchors(
        Path(template).with_name(f"anchors_{mode}_{task}.npz"),
        programs.template,
        lambda: anchor_gaits(programs, task, speeds, mode),
        lambda gait: {"person": gait.person.number, "speed": gait.speed},
        lambda person, speed: VirtualGait(draw_person(ANCHOR_SEED, person), 0, task, speed, GaitStyle(), mode),
    )
    return programs, anchors


def _trial(result: GaitResult, request: PopulationRequest) -> CorpusTrial:
    gait = result.gait
    name = trial_name(gait.number, gait.mode)
    if not result.check.accepted:
        reason = f"{result.check.kind}: {result.check.reason}"
        return refused_trial(name, gait.person.subject, request.rate, reason, gait.mode)
    recipe = (
        f"seed {request.seed}, person {gait.person.number}, gait {gait.number}, {gait.mode}, task {gait.task}, "
        f"{gait.speed:g} m/s, "
        f"{result.solution.iterations} iterations, {result.n_intervals} intervals of half a cycle"
    )
    status = "predicted" if gait.task == "predict" else "converged"
    residual = result.check.figures.get("residual_share_bw", float("nan"))
    solved = gait_trial(name, gait.person.subject, result.solution, request.rate, status, recipe, gait.mode, residual)
    chosen = {"seed": request.seed, "task": gait.task, "mode": gait.mode, "spread": request.spread, "model": "planar"}
    method = "optimal control of a virtual person, near a normative gait"
    if gait.task == "predict":
        method = "optimal control of a virtual person, by speed and effort alone"
    found = {"person": gait.person.number, "gait": gait.number, "speed": gait.speed, "intervals": result.n_intervals}
    return with_origins(solved, ArrayOrigin(SOLVED, method, chosen, found, software=solver_versions()))
