"""Corpus run: solve every trial of a corpus in worker processes, one small corpus a trial, joined at the end.

A run that was interrupted goes on where it stopped: the parts and a ledger lie beside the target until it is complete.
A corpus that is complete is not made again unless its input, its settings, the versions or its own bytes have changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.batch import Task
from mocap_import.engine import ATTEMPTS, Engine, LocalEngine
from mocap_import.product import fingerprint, is_made, product_hash, remember_made
from mocap_import.trial import GaitEvent, GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, merge_corpora
from synth.corpus.array_origin import ArrayOrigin, with_origins
from synth.corpus.corpus_facts import without_folders
from synth.corpus.provenance import file_hash
from synth.corpus.solved_recipe import SolvedRecipe, solver_versions
from synth.optimal_control.gait.gait_samples import GaitSamples
from synth.optimal_control.gait.gait_solution import gait_events
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.result.solution_fact import solution_facts

SECONDS_PER_TRIAL = 300.0
TURNING = "the task is a turn: a planar model follows straight walking and running only"


def run_corpus(
    imu: Path,
    out: Path,
    *,
    role: str,
    function: str,
    arguments: Callable[[str, str], dict],
    config: Mapping,
    inputs: Callable[[str, str], Sequence[Path]] = lambda _subject, _trial: (),
    n_workers: int = 1,
    progress: Callable | None = None,
    engine: Engine | None = None,
    retry: bool = False,
    recipe: SolvedRecipe | None = None,
) -> pd.DataFrame:
    """Solve every moving trial of an IMU corpus and write one corpus.

    Parameters
    ----------
    imu : Path
        The corpus whose trials are solved.
    out : Path
    role : str
        ``"reference"`` or ``"baseline"``.
    function : str
        ``"module:function"`` (imu, subject, name, part, **arguments) → row; it writes the corpus of one trial.
    arguments : callable
        (subject, trial) → further keyword arguments of the function.
    config : mapping
        Stored in the corpus.
    inputs : callable
        (subject, trial) → files that the function reads beside the corpus.
    n_workers : int
    progress : callable, optional
        As `mocap_import.progress.track`.
    engine : Engine, optional
        Where the trials are solved; default: `n_workers` processes of this machine.
    retry : bool
        Try trials again that crashed or took too long in every attempt of an earlier run.
    recipe : SolvedRecipe, optional
        Of the whole, stored in the corpus.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, status, reason, seconds and figures.
    """
    imu, out = Path(imu), Path(out)
    corpus, digest = Corpus(imu), file_hash(imu)
    parts = out.with_name(out.name + ".parts")
    software = solver_versions()
    keys = moving_trials(corpus)
    tasks = []
    for subject, name in keys:
        part = str(_part(parts, subject, name))
        given = {"imu": str(imu), "subject": subject, "name": name, "part": part, **arguments(subject, name)}
        read = [product_hash([path]) for path in inputs(subject, name)]
        mark = fingerprint(digest, role, dict(config), software, read)
        tasks.append(Task(f"{subject}/{name}", function, given, mark, products=(part,)))
    mark = fingerprint([(task.key, task.fingerprint) for task in tasks])
    if is_made(out, mark):
        made = Corpus(out)
        return pd.DataFrame([_row(made.read(*key, clean=True)) for key in keys])
    parts.mkdir(parents=True, exist_ok=True)
    engine = LocalEngine(n_workers) if engine is None else engine
    engine.check_shared(parts, imu)
    with progress(len(tasks), f"optimal control ({role})") if progress else nullcontext() as bar:
        failures = _collect(tasks, engine, parts / "ledger.sqlite", bar, retry)
    rows = [_row(_finished(imu, parts, subject, name, failures, role)) for subject, name in keys]
    merge_corpora(
        [_part(parts, subject, name) for subject, name in keys],
        out,
        role=role,
        config=dict(config) | ({} if recipe is None else {"recipe": recipe.model_dump(mode="json")}),
        seed=corpus.provenance.seed,
        sources={imu.name: digest},
    )
    if not failures:  # else the same call tries them again, and nothing else
        remember_made(out, mark)
        shutil.rmtree(parts, ignore_errors=True)
    return pd.DataFrame(rows)


def moving_trials(corpus: Corpus) -> list[tuple[str, str]]:
    """(subject, trial) of the trials of a corpus that are solved."""
    return [(str(row["subject"]), str(row["trial"])) for row in corpus.summary() if row["task"] != "static"]


def _part(parts: Path, subject: str, name: str) -> Path:
    return parts / f"{subject}__{name}.h5"


def _collect(tasks: list[Task], engine: Engine, ledger: Path, bar: Callable | None, retry: bool) -> dict[str, str]:
    """Run the tasks; reason by key of those that raised, crashed or took too long."""
    limits = {"timeout": SECONDS_PER_TRIAL, "attempts": ATTEMPTS, "retry": retry}
    outcomes = engine.run(tasks, ledger=ledger, progress=bar, **limits)
    return {outcome.key: outcome.reason for outcome in outcomes if outcome.status not in ("done", "skipped")}


def _finished(imu: Path, parts: Path, subject: str, name: str, failures: Mapping[str, str], role: str) -> CorpusTrial:
    """One trial from its part; one whose task failed becomes a refused one."""
    part, failure = _part(parts, subject, name), failures.get(f"{subject}/{name}")
    if failure is not None or not part.exists():
        trial = Corpus(imu).read(subject, name, clean=True)
        reason = without_folders(failure or "its result is missing: delete the .parts folder and run again")
        refused = replace(trial, kinematics=None, kinetics=None, skeleton=None, status="refused", reason=reason)
        write_part(part, refused, role)
    return Corpus(part).read(subject, name, clean=True)


def _row(trial: CorpusTrial) -> dict:
    """The row of one trial."""
    return {
        "subject": trial.subject.code,
        "trial": trial.name,
        "status": trial.status,
        "reason": trial.reason,
        "seconds": trial.seconds,
        "speed": trial.spatiotemporal.get("speed", np.nan),
    }


def write_part(part: Path, trial: CorpusTrial, role: str) -> None:
    """Write the corpus of one trial."""
    with CorpusWriter(part, role=role) as writer:
        writer.append(trial)


def place_in_trial(
    trial: CorpusTrial,
    pieces: list[tuple[np.ndarray, GaitSamples, MovementSolution]],
    n_frames: int | None = None,
    residuals: Sequence[float] = (),
) -> CorpusTrial:
    """Put sampled gait cycles on the time base of a trial, NaN elsewhere.

    Parameters
    ----------
    trial : CorpusTrial
        Gives records, rate and number of frames.
    pieces : list of (frames, samples, solution)
        Frames of the trial that the samples belong to.
    n_frames : int, optional
        Of a trial without records.
    residuals : sequence of float, optional
        RMS residual between the nodes of the solution of each piece (share of body weight).
    """
    n = trial.n_frames if n_frames is None else n_frames
    first = pieces[0][2]
    names, muscles = first.skeleton.coordinate_names, first.muscles
    values, moments = np.full((n, len(names)), np.nan), np.full((n, len(names)), np.nan)
    force, pressure = np.full((n, 2, 3), np.nan), np.full((n, 2, 3), np.nan)
    activations = np.full((n, len(muscles)), np.nan)
    for frames, samples, _ in pieces:
        values[frames] = samples.coordinates
        moments[frames] = samples.moments
        force[frames], pressure[frames] = samples.forces, samples.pressures
        activations[frames] = samples.activations
    free = np.where(np.isfinite(pressure[..., 0]), 0.0, np.nan)
    reactions = tuple(
        GroundReaction(force[:, i], pressure[:, i], free[:, i], trial.rate, foot, "optimal control")
        for i, foot in enumerate(("right", "left"))
    )
    return replace(
        trial,
        kinematics=Kinematics(names, values, trial.rate),
        kinetics=Kinetics(names, moments, trial.rate, reactions, muscles, activations),
        skeleton=first.skeleton,
        solutions=solution_facts([(frames, solution) for frames, _, solution in pieces], trial.rate, residuals),
    )


def with_solved_origin(trial: CorpusTrial, origin: ArrayOrigin) -> CorpusTrial:
    """A trial whose solution, if it has one, says where it comes from: its files, residuals and refused stretches."""
    if not trial.solutions:  # its events and parameters, if any, are those of the recording
        return trial
    residuals = [float(f"{fact.residual_share:.4g}") for fact in trial.solutions if np.isfinite(fact.residual_share)]
    found = {"iterations": [fact.iterations for fact in trial.solutions], "nodes": trial.solutions[0].n_nodes}
    found |= {"residual_share": residuals} if residuals else {}
    return with_origins(trial, replace(origin, found=found, warnings=(trial.reason,) if trial.reason else ()))


def shifted_events(solution: MovementSolution, start: float, end: float, length: float) -> tuple[GaitEvent, ...]:
    """Events of a solution on the clock of the trial, for a cycle from start to end (s); none outside the trial."""
    factor = (end - start) / solution.duration
    moved = (replace(e, time=start + e.time * factor) for e in gait_events(solution))
    return tuple(e for e in moved if 0.0 <= e.time <= length)
