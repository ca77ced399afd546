"""Recorded chunk: a few virtual people who walk as somebody was recorded, solved in one process, as a small corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from mocap_import.durable_file import durable_place
from mocap_import.subject import Subject
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from synth.corpus import CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, SourceFile, with_origins
from synth.corpus.provenance import file_hash
from synth.corpus.solved_recipe import solver_versions
from synth.optimal_control.population.gait_trial import gait_trial, refused_trial, trial_name
from synth.optimal_control.population.part import alone, part_row, write_part
from synth.optimal_control.population.recorded_people import (
    MESHES,
    RecordedResult,
    RecordedWalk,
    recorded_walk,
    solve_first,
    solve_person,
    tracking_of,
)
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.recording.muscle_neighbour import MuscleNeighbour, restored_neighbour
from synth.virtual_people import VirtualPerson, draw_person

_FIRST, _SOLES = "first.npz", "first_skeleton.json"
_FILES = ("model", "coordinates", "loads")


@dataclass(frozen=True)
class RecordedRequest:
    """Which people walk like a recording; with the versions of the programs, the recipe of the corpus.

    Attributes
    ----------
    subjects : int
        Number of people.
    model, coordinates, loads : str
        Files: .osim; .mot or .sto; ExternalLoads .xml.
    hold : tuple of str
        Coordinates that do not move.
    seed : int
    gaits : int
        Walks of each, each in a manner of its own.
    spread : float
        Of the manners; 0: as recorded.
    rate : float
        Samples per second of the corpus (Hz).
    hashes : dict of str to str
        Of the files' contents, filled in: other contents are another population.
    """

    subjects: int
    model: str
    coordinates: str
    loads: str
    hold: tuple[str, ...] = ()
    seed: int = 0
    gaits: int = 1
    spread: float = 1.0
    rate: float = 100.0
    hashes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what nobody can be drawn from, and remember the files."""
        if self.subjects < 1 or self.gaits < 1 or self.seed < 0:
            raise ValueError(
                f"expected at least 1 subject, 1 gait and a seed of at least 0, got {self.subjects}, {self.gaits} and "
                f"{self.seed}"
            )
        if not (np.isfinite(self.spread) and 0.0 <= self.spread <= 3.0 and 10.0 <= self.rate <= 10000.0):
            raise ValueError(
                f"expected a spread of 0-3 manners and a rate of 10-10000 Hz, got {self.spread} and {self.rate}"
            )
        found = {path: file_hash(path) for path in (self.model, self.coordinates, self.loads)}
        if self.hashes and dict(self.hashes) != found:
            raise ValueError("model or recording have changed since the population was begun. Begin a new corpus.")
        object.__setattr__(self, "hashes", found)

    @property
    def mode(self) -> str:
        """Recorded gaits are walks: nothing else is accepted."""
        return "walk"

    @property
    def config(self) -> dict:
        """What it is, as JSON can hold it: files by name, their contents by hash."""
        named = {Path(path).name: digest for path, digest in self.hashes.items()}
        files = {place: Path(getattr(self, place)).name for place in _FILES}
        return {**asdict(self), **files, "hashes": named, "hold": list(self.hold), "task": "recorded"}

    @property
    def people(self) -> dict:
        """Arguments by which the same people are drawn again; the files are named by place."""
        plain = {key: value for key, value in asdict(self).items() if key not in (*_FILES, "hashes")}
        return {**plain, "hold": list(self.hold), "task": "recorded"}

    @property
    def files(self) -> dict[str, Path]:
        """Model and recording."""
        return {"model": Path(self.model), "guide": Path(self.coordinates), "loads": Path(self.loads)}

    @property
    def function(self) -> str:
        """``module:name`` of what solves a chunk."""
        return f"{solve_recorded_chunk.__module__}:{solve_recorded_chunk.__name__}"

    def arguments(self, folder: Path) -> dict:
        """What every chunk needs beside its people."""
        return {"request": {**asdict(self), "hold": list(self.hold)}, "folder": str(folder)}

    def subject(self, person: int) -> Subject:
        """Of one person."""
        return draw_person(self.seed, person).subject

    def speed(self, person: int, number: int) -> float:
        """Of one walk: it is found with the walk."""
        return float("nan")

    def rng(self, person: int, number: int) -> np.random.Generator:
        """Draws the manner of one walk."""
        return np.random.default_rng([self.seed, person, 3, number])


def solve_recorded_chunk(part: str, first: int, last: int, request: Mapping, folder: str) -> list[dict]:
    """Solve the walks of some people and write them as a corpus of its own; a row a walk."""
    wanted = RecordedRequest(**{**request, "hold": tuple(request["hold"])})
    walk, neighbour = _shared(json.dumps(request, sort_keys=True), folder)
    trials, rows = [], []
    for number in range(first, last):
        person = draw_person(wanted.seed, number)
        for gait in range(wanted.gaits):
            result = solve_person(walk, neighbour, person, wanted.rng(number, gait), wanted.spread)
            trials.append(_trial(result, person, gait, wanted))
            rows.append(part_row(trials[-1], result, result.solution.speed, solved=result.solved))
    write_part(Path(part), trials, rows)
    return rows


@lru_cache(maxsize=1)
def _shared(request: str, folder: str) -> tuple[RecordedWalk, MuscleNeighbour]:
    """Recording and first solution of a worker process; the first is solved once a run and kept in files."""
    wanted = json.loads(request)
    hold = dict.fromkeys(wanted["hold"])
    file, soles = Path(folder) / _FIRST, Path(folder) / _SOLES
    with alone(file.with_suffix(".lock")):  # compiling and solving is done once; the others wait for it
        walk = recorded_walk(*(Path(wanted[name]) for name in ("model", "coordinates", "loads")), hold)
        if file.exists() and soles.exists():
            with np.load(file) as kept:
                arrays = dict(kept)
            settings = tracking_of(MESHES[0])
            return walk, restored_neighbour(
                arrays, load_skeleton(soles), walk.skeleton, walk.cycle, settings, compile_if_possible
            )
        first = solve_first(walk)
        with durable_place(soles) as place:
            save_skeleton(first.skeleton, place)
        with durable_place(file, ending=".npz") as place:
            np.savez(place, **first.arrays)
    return walk, first


def _trial(result: RecordedResult, person: VirtualPerson, number: int, request: RecordedRequest) -> CorpusTrial:
    name = trial_name(number)
    if not result.check.accepted:
        return refused_trial(name, person.subject, request.rate, f"{result.check.kind}: {result.check.reason}")
    recipe = (
        f"seed {request.seed}, person {person.number}, gait {number}, recorded walk {Path(request.coordinates).name}, "
        f"model {Path(request.model).name}, {result.solution.iterations} iterations, {result.n_intervals} intervals of "
        "half a cycle"
    )
    residual = result.check.figures.get("residual_share_bw", float("nan"))
    solved = gait_trial(name, person.subject, result.solution, request.rate, "converged", recipe, residual=residual)
    method = "optimal control of a virtual person who walks as it was recorded"
    chosen = {"seed": request.seed, "spread": request.spread, "hold": list(request.hold)}
    found = {"person": person.number, "gait": number, "intervals": result.n_intervals}
    files = tuple(SourceFile(Path(path).name, digest) for path, digest in request.hashes.items())
    return with_origins(solved, ArrayOrigin(SOLVED, method, chosen, found, files, solver_versions()))
