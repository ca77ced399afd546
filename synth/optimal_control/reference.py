"""Reference: labels of every trial of an archive, from optimal control that follows its markers and forces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.engine import Engine
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.model.skeleton import Skeleton, load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus import Corpus, CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, SourceFile
from synth.corpus.recipe_source import solved_sources
from synth.corpus.solved_recipe import SolvedRecipe, solver_versions
from synth.optimal_control.corpus_run import (
    TURNING,
    moving_trials,
    place_in_trial,
    run_corpus,
    shifted_events,
    with_solved_origin,
    write_part,
)
from synth.optimal_control.gait.gait_samples import GaitSamples, sample_gait
from synth.optimal_control.gait.gait_solution import GaitSolution, SolutionNotFound, spatiotemporal_of
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.population.virtual_skeleton import template_skeleton, with_muscles_and_contact
from synth.optimal_control.recording.gait_window import GaitWindow, choose_windows
from synth.optimal_control.recording.marker_problem import TrackingWeights
from synth.optimal_control.recording.marker_tracking import track_markers


def build_reference_corpus(
    trials: Path,
    motion: Path,
    imu: Path,
    out: Path,
    *,
    n_workers: int = 1,
    cycles_per_trial: int | None = None,
    progress: Callable | None = None,
    engine: Engine | None = None,
    retry: bool = False,
) -> pd.DataFrame:
    """Solve the reference of every trial of an IMU corpus.

    Parameters
    ----------
    trials : Path
        Folder written by ``kinesynth import``: ``<subject>/<trial>.trial.h5``.
    motion : Path
        Folder written by ``kinesynth motion``: ``<subject>/planar_skeleton.json``.
    imu : Path
        Corpus written by ``kinesynth imu``; its records and their error recipe are kept.
    out : Path
        The corpus to write, role ``"reference"``.
    n_workers : int
        Worker processes.
    cycles_per_trial : int, optional
        2 on a treadmill and 1 overground if absent.
    progress : callable, optional
        As `mocap_import.progress.track`.
    engine : Engine, optional
        Where the trials are solved; default: `n_workers` processes of this machine.
    retry : bool
        Try trials again that crashed or took too long in every attempt of an earlier run.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, status (``converged`` or ``refused``), reason, seconds, speed.
    """
    trials, motion, imu = Path(trials), Path(motion), Path(imu)
    sources = solved_sources(imu, moving_trials(Corpus(imu)), trials, motion)
    hashes = sources["trials"] | sources["motion"]
    weights = asdict(TrackingWeights())
    recipe = SolvedRecipe(kind="reference", sources=sources, weights=weights, cycles_per_trial=cycles_per_trial)

    def inputs(subject: str, name: str) -> tuple[Path, Path]:
        return trials / subject / f"{name}{SUFFIX}", motion / subject / "planar_skeleton.json"

    def arguments(subject: str, name: str) -> dict:
        trial, skeleton = inputs(subject, name)
        mine = {own: hashes[own] for own in (_named(trial), _named(skeleton)) if own in hashes}
        given = {"trial_file": str(trial), "skeleton_file": str(skeleton), "cycles_per_trial": cycles_per_trial}
        return given | {"hashes": sources["corpus"] | mine}

    return run_corpus(
        imu,
        out,
        role="reference",
        function="synth.optimal_control.reference:solve_reference_trial",
        arguments=arguments,
        config={"weights": weights, "cycles_per_trial": cycles_per_trial},
        inputs=inputs,
        n_workers=n_workers,
        progress=progress,
        engine=engine,
        retry=retry,
        recipe=recipe,
    )


def _named(file: Path) -> str:
    """Name of a subject's file among the sources."""
    return f"{file.parent.name}/{file.name}"


def solve_reference_trial(
    imu: str,
    subject: str,
    name: str,
    part: str,
    trial_file: str,
    skeleton_file: str,
    cycles_per_trial: int | None = None,
    hashes: Mapping[str, str] | None = None,
) -> str:
    """Solve the reference of one trial and write it as a corpus of its own; returns its status.

    `hashes` are the files that it is solved from, name → SHA-256, for the origins of its arrays.
    """
    record = Corpus(Path(imu)).read(subject, name, clean=True)
    refused = replace(record, kinematics=None, kinetics=None, skeleton=None, status="refused")
    result = refused
    if not Path(skeleton_file).exists():
        result = replace(refused, reason=f"no planar skeleton of {subject}: {_named(Path(skeleton_file))} is missing")
    else:
        trial = load_trial(Path(trial_file))
        result = _solve(record, refused, trial, load_skeleton(Path(skeleton_file)), cycles_per_trial)
    origin = ArrayOrigin(
        SOLVED,
        "optimal control that follows markers and ground reactions",
        {"weights": asdict(TrackingWeights()), "cycles_per_trial": cycles_per_trial},
        sources=tuple(SourceFile(*file) for file in (hashes or {}).items()),
        software=solver_versions(),
    )
    write_part(Path(part), with_solved_origin(result, origin), "reference")
    return result.status


def _solve(
    record: CorpusTrial, refused: CorpusTrial, trial: MarkerTrial, skeleton: Skeleton, count: int | None
) -> CorpusTrial:
    if trial.task == "turn":
        return replace(refused, reason=TURNING)
    if not np.isfinite(trial.belt_speed):
        return replace(
            refused, reason="the treadmill's belt speed is unknown: give it to `kinesynth import --belt-speed`"
        )
    windows = choose_windows(trial, skeleton, count or (2 if trial.belt_speed else 1))
    if not windows:
        return replace(refused, reason="no whole gait cycle: two foot strikes of one foot are needed")
    solved: list[tuple[GaitWindow, GaitSolution]] = []
    reasons, seconds = [], 0.0
    for window in windows:
        solution, reason = _solve_window(window, record.subject)
        seconds += solution.cpu_seconds if solution else 0.0
        if solution is not None and solution.converged:
            solved.append((window, solution))
        else:
            reasons.append(f"cycle at {window.start:.2f} s: {reason}")
    if not solved:
        return replace(refused, reason="; ".join(reasons), seconds=seconds)
    pieces = [_piece(record, trial, window, solution.movement) for window, solution in solved]
    residuals = [solution.checks["residual_share_bw"] for _, solution in solved]
    result = place_in_trial(record, pieces, residuals=residuals)
    solutions = [s for _, s in solved]
    cycles = ", ".join(f"{w.start:.2f}-{w.start + w.duration:.2f} s" for w, _ in solved)
    errors = max(s.checks["marker_rms_m"] for s in solutions)
    residual = max(s.checks["residual_share_bw"] for s in solutions)
    detail = f"cycles {cycles}; markers {1e3 * errors:.0f} mm RMS, residual {residual:.1%} of body weight"
    return replace(
        result,
        events=tuple(
            e
            for w, s in solved
            for e in shifted_events(s.movement, w.start, w.start + w.duration, record.n_frames / record.rate)
        ),
        spatiotemporal=spatiotemporal_of([s.movement for s in solutions]),
        status="converged",
        reason="; ".join(reasons),
        treatments=(*record.treatments, Treatment("optimal_control_reference", detail)),
        seconds=seconds,
    )


def _solve_window(window: GaitWindow, subject: Subject) -> tuple[GaitSolution | None, str]:
    try:
        skeleton = with_muscles_and_contact(window.skeleton, subject, template_skeleton())
        solution = track_markers(
            skeleton, window.markers, window.ground_reactions, window.duration, height=subject.height
        )
    except (ModelMismatch, SolutionNotFound) as problem:
        return None, str(problem)
    return solution, solution.reason


def _piece(
    record: CorpusTrial, trial: MarkerTrial, window: GaitWindow, solution: MovementSolution
) -> tuple[np.ndarray, GaitSamples, MovementSolution]:
    """Samples of a solution at the frames of its cycle, in laboratory coordinates."""
    time = np.arange(record.n_frames) / record.rate
    frames = np.flatnonzero((time >= window.start - 1e-9) & (time < window.start + window.duration - 1e-9))
    samples = sample_gait(solution, time[frames] - window.start)
    way = trial.belt_speed * time[frames]
    samples.coordinates[:, solution.skeleton.coordinate_index("pelvis_tx")] -= way
    samples.pressures[..., 0] -= way[:, None]
    return frames, samples, solution
