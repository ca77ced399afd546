"""Population run: thousands of virtual gaits, solved and validated in worker processes, written to one corpus.

People are solved in chunks, one task each, and every chunk is a small corpus that appears under its name only when it
is complete. A run that is killed at any moment goes on where it stopped: a chunk is there whole or not at all, and who
is in it depends on the seed and the number alone. Refused gaits stand in the corpus with their reason, without arrays.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from mocap_import.batch import Outcome, Task
from mocap_import.engine import ATTEMPTS, Engine, LocalEngine
from mocap_import.product import fingerprint, is_made, made_file, remember_made
from mocap_import.subject import Subject
from synth.corpus import Corpus, merge_corpora
from synth.corpus.recipe_source import named_sources
from synth.corpus.solved_recipe import PopulationRecipe
from synth.optimal_control.population.begun_request import claim_parts
from synth.optimal_control.population.gait_trial import refused_trial, trial_name
from synth.optimal_control.population.part import chunks, part_file, part_rows, write_part

SECONDS_PER_GAIT = 120.0
SECONDS_TO_BEGIN = 1800.0
"""Of a process whose equations are compiled while others compile theirs."""
_VERSION = 3


class Population(Protocol):
    """Which people walk how: of `planar_chunk`, `impaired_chunk` or `recorded_chunk`."""

    subjects: int
    seed: int
    gaits: int
    rate: float

    @property
    def mode(self) -> str:
        """``"walk"`` or ``"run"``."""

    @property
    def config(self) -> dict[str, Any]:
        """The recipe, as JSON can hold it."""

    @property
    def people(self) -> dict[str, Any]:
        """Arguments by which the same people are drawn again."""

    @property
    def files(self) -> dict[str, Path]:
        """Place → file that they are drawn from, beside the package's own."""

    @property
    def function(self) -> str:
        """``module:name`` of what solves a chunk: (part, first, last, **arguments) → rows."""

    def arguments(self, folder: Path) -> dict[str, Any]:
        """What every chunk needs beside its people; files that all share are put into a folder first."""

    def speed(self, person: int, number: int) -> float:
        """Of one walk (m/s), NaN where it is found with the walk."""

    def subject(self, person: int) -> Subject:
        """Who has this number."""


def build_population(
    request: Population,
    out: Path,
    *,
    n_workers: int = 1,
    progress: Callable | None = None,
    engine: Engine | None = None,
    retry: bool = False,
) -> pd.DataFrame:
    """Solve a population and write it as one corpus, role ``"prediction"``.

    Parameters
    ----------
    request : Population
    out : Path
        Beside it, ``<out>.parts`` holds what is finished until all is; another call with the same request goes on.
    n_workers : int
    progress : callable, optional
        As `mocap_import.progress.track`; advanced by gaits.
    engine : Engine, optional
        Where the tasks run; default: `n_workers` processes of this machine.
    retry : bool
        Try people again whose task crashed or took too long in every attempt of an earlier run.

    Returns
    -------
    DataFrame
        One row a gait: subject, trial, status, kind of refusal, reason, speed, and figures of the checks.

    Raises
    ------
    CorpusMismatch
        ``<out>.parts`` holds finished parts of another request; they are left there.
    """
    out = Path(out)
    parts = out.with_name(out.name + ".parts")
    recipe = PopulationRecipe(sources=named_sources(request.files), people=request.people)
    config = {**request.config, "version": _VERSION, "recipe": recipe.model_dump(mode="json")}
    mark = fingerprint(config)
    is_untouched = is_made(out, mark) or not made_file(out).exists()
    finished = _finished_before(out, request, config) if is_untouched else None
    if finished is not None:
        shutil.rmtree(parts, ignore_errors=True)
        return finished
    parts.mkdir(parents=True, exist_ok=True)
    claim_parts(parts, config)
    engine = LocalEngine(n_workers) if engine is None else engine
    engine.check_shared(parts)
    tasks = list(_open_tasks(parts, request, mark))
    outcomes = engine.run(tasks, attempts=ATTEMPTS, ledger=parts / "ledger.sqlite", retry=retry)
    sizes = {task.key: (task.arguments["last"] - task.arguments["first"]) * request.gaits for task in tasks}
    failures = _collected(outcomes, sizes, request.subjects * request.gaits, progress)
    files = [_finished(parts, request, chunk, failures) for chunk in chunks(request.subjects)]
    rows = [row for file in files for row in part_rows(file)]
    merge_corpora(files, out, role="prediction", config=config, seed=request.seed)
    remember_made(out, mark)
    if not failures:  # else the same call tries them again
        shutil.rmtree(parts, ignore_errors=True)
    return pd.DataFrame(rows)


def _open_tasks(parts: Path, request: Population, mark: str) -> Iterator[Task]:
    """Tasks of the chunks that are not there."""
    shared = request.arguments(parts)
    for chunk in chunks(request.subjects):
        part = part_file(parts, chunk)
        if part.exists():
            continue
        arguments = {"part": str(part), "first": chunk.start, "last": chunk.stop, **shared}
        limit = SECONDS_PER_GAIT * request.gaits * len(chunk) + SECONDS_TO_BEGIN
        made = (str(part), str(part.with_suffix(".json")))
        yield Task(_key(chunk), request.function, arguments, mark, limit, made)


def _finished_before(out: Path, request: Population, config: Mapping) -> pd.DataFrame | None:
    """Rows of a corpus of this very request that is complete; None where there is none."""
    if not out.exists():
        return None
    corpus = Corpus(out)
    if corpus.provenance.config != config:
        return None
    rows = []
    for subject, name in sorted(corpus.trials()):
        trial = corpus.read(subject, name, clean=True)
        kind, _, _ = trial.reason.partition(":")
        if kind == "failed":
            return None
        speed = request.speed(int(subject[1:]), int(name.rpartition("_")[2]) - 1)
        facts = {"status": trial.status, "kind": kind or "accepted", "reason": trial.reason, "speed": speed}
        rows.append({"subject": subject, "trial": name, **facts, "solved": kind not in ("unsolved", "failed")})
    return pd.DataFrame(rows)


def _key(chunk: range) -> str:
    return f"people {chunk.start}-{chunk.stop - 1}"


def _collected(
    outcomes: Iterator[Outcome], sizes: Mapping[str, int], n_gaits: int, progress: Callable | None
) -> dict[str, str]:
    """Wait for all tasks; reason by key of those that raised, crashed or took too long."""
    n_done = n_gaits - sum(sizes.values())
    failures, refused = {}, 0
    with progress(n_gaits, "virtual gaits") if progress else nullcontext() as bar:
        if bar is not None:
            bar.advance(n_done)
        for outcome in outcomes:
            if outcome.status not in ("done", "skipped"):
                failures[outcome.key] = outcome.reason
            refused += sum(row["status"] == "refused" for row in outcome.value or ())
            if bar is not None:
                bar.advance(sizes[outcome.key], f"virtual gaits ({refused} refused)")
    return failures


def _finished(parts: Path, request: Population, chunk: range, failures: Mapping[str, str]) -> Path:
    """The corpus of a chunk; one of refused gaits where its task failed, which another run would try again."""
    part = part_file(parts, chunk)
    if part.exists():
        return part
    reason = failures.get(_key(chunk), "its part is missing: run again")
    trials, rows = [], []
    for person in chunk:
        subject = request.subject(person)
        for number in range(request.gaits):
            speed = request.speed(person, number)
            name = trial_name(number, request.mode)
            trial = refused_trial(name, subject, request.rate, f"failed: {reason}", request.mode)
            facts = {"subject": subject.code, "trial": trial.name, "status": "refused", "kind": "failed"}
            trials.append(trial)
            rows.append({**facts, "reason": trial.reason, "speed": speed, "solved": False})
    part = part.with_name(f"failed_{part.name}")
    write_part(part, trials, rows)
    return part
