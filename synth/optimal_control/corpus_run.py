"""Corpus run: solve every trial of a corpus in worker processes, one small corpus a trial, joined at the end.

A run that was interrupted goes on where it stopped: the parts and a ledger lie beside the target until it is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.batch import Task, run_tasks
from mocap_import.trial import GaitEvent, GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, merge_corpora
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
    n_workers: int = 1,
    progress: Callable | None = None,
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
    n_workers : int
    progress : callable, optional
        As `mocap_import.progress.track`.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, status, reason, seconds and figures.
    """
    imu, out = Path(imu), Path(out)
    corpus = Corpus(imu)
    parts = out.with_name(out.name + ".parts")
    parts.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(imu.read_bytes()).hexdigest()
    fingerprint = hashlib.sha256(json.dumps([digest, role, dict(config)], sort_keys=True).encode()).hexdigest()
    keys = [(s, n) for s, n in corpus.trials() if corpus.read(s, n, clean=True).task != "static"]
    tasks = []
    for subject, name in keys:
        part = _part(parts, subject, name)
        given = {"imu": str(imu), "subject": subject, "name": name, "part": str(part), **arguments(subject, name)}
        tasks.append(Task(f"{subject}/{name}", function, given, fingerprint))
    with progress(len(tasks), f"optimal control ({role})") if progress else nullcontext() as bar:
        failures = _collect(tasks, parts, n_workers, bar)
    rows = [_row(imu, parts, subject, name, failures.get(f"{subject}/{name}"), role) for subject, name in keys]
    merge_corpora(
        [_part(parts, subject, name) for subject, name in keys],
        out,
        role=role,
        config=dict(config),
        seed=corpus.provenance.seed,
        sources={imu.name: digest},
    )
    shutil.rmtree(parts, ignore_errors=True)
    return pd.DataFrame(rows)


def _part(parts: Path, subject: str, name: str) -> Path:
    return parts / f"{subject}__{name}.h5"


def _collect(tasks: list[Task], parts: Path, n_workers: int, bar: Callable | None) -> dict[str, str]:
    """Run the tasks; reason by key of those that raised, crashed or took too long."""
    failures = {}
    outcomes = run_tasks(
        tasks, n_workers=n_workers, timeout=SECONDS_PER_TRIAL, ledger=parts / "ledger.sqlite", progress=bar
    )
    for outcome in outcomes:
        if outcome.status not in ("done", "skipped"):
            failures[outcome.key] = outcome.reason
    return failures


def _row(imu: Path, parts: Path, subject: str, name: str, failure: str | None, role: str) -> dict:
    """The row of one trial, from its part; a trial whose task failed becomes a refused one."""
    part = _part(parts, subject, name)
    if failure is not None or not part.exists():
        trial = Corpus(imu).read(subject, name, clean=True)
        reason = failure or "its result is missing: delete the .parts folder and run again"
        refused = replace(trial, kinematics=None, kinetics=None, skeleton=None, status="refused", reason=reason)
        write_part(part, refused, role)
    trial = Corpus(part).read(subject, name, clean=True)
    return {
        "subject": subject,
        "trial": name,
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


def shifted_events(solution: MovementSolution, start: float, end: float, length: float) -> tuple[GaitEvent, ...]:
    """Events of a solution on the clock of the trial, for a cycle from start to end (s); none outside the trial."""
    factor = (end - start) / solution.duration
    moved = (replace(e, time=start + e.time * factor) for e in gait_events(solution))
    return tuple(e for e in moved if 0.0 <= e.time <= length)
