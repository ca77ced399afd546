"""Baseline: what optimal control makes of the inertial records that a network sees, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.trial import Treatment
from synth.corpus import Corpus, CorpusTrial
from synth.optimal_control.corpus_run import (
    TURNING,
    place_in_trial,
    run_corpus,
    shifted_events,
    spatiotemporal_of,
    write_part,
)
from synth.optimal_control.gait_samples import GaitSamples, sample_gait
from synth.optimal_control.imu_cycle import average_cycle, detect_cycles
from synth.optimal_control.imu_tracking import ImuWeights, track_imu
from synth.optimal_control.solution import GaitSolution, SolutionNotFound


def build_baseline_corpus(
    imu: Path, out: Path, *, n_workers: int = 1, progress: Callable | None = None
) -> pd.DataFrame:
    """Solve the baseline of every trial of an IMU corpus.

    Every trial is read with the errors of the stored recipe, as a network reads it. Its gait cycles, found in the
    records alone, are averaged; the periodic solution of the mean cycle is laid
    on each of them again and continued to the ends of the record.

    Parameters
    ----------
    imu : Path
        Corpus written by ``kinesynth imu``.
    out : Path
        The corpus to write, role ``"baseline"``.
    n_workers : int
        Worker processes.
    progress : callable, optional
        As `mocap_import.progress.track`.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, status (``converged`` or ``refused``), reason, seconds, speed.
    """
    return run_corpus(
        imu,
        out,
        role="baseline",
        function="synth.optimal_control.baseline:solve_baseline_trial",
        arguments=lambda _subject, _name: {},
        config={"weights": asdict(ImuWeights())},
        n_workers=n_workers,
        progress=progress,
    )


def solve_baseline_trial(imu: str, subject: str, name: str, part: str) -> str:
    """Solve the baseline of one trial and write it as a corpus of its own; returns its status."""
    corpus = Corpus(Path(imu))
    seen = corpus.read(subject, name)
    clean = corpus.read(subject, name, clean=True)
    # nothing of the motion behind the records may reach the baseline
    blind = replace(clean, kinematics=None, kinetics=None, events=(), spatiotemporal={}, status="refused")
    result = _solve(seen, blind)
    write_part(Path(part), result, "baseline")
    return result.status


def _solve(seen: CorpusTrial, blind: CorpusTrial) -> CorpusTrial:
    if seen.task == "turn":
        return replace(blind, reason=TURNING)
    cycles = detect_cycles(seen.recordings)
    if not cycles:
        return replace(blind, reason="no gait cycle found in the shank and foot records")
    recordings, duration = average_cycle(seen.recordings, cycles)
    try:
        solution = track_imu(recordings, seen.subject, duration)
    except SolutionNotFound as problem:
        return replace(blind, reason=str(problem))
    if not solution.converged:
        return replace(blind, reason=solution.reason, seconds=solution.cpu_seconds)
    length = blind.n_frames / blind.rate
    whole = _whole_record(cycles, duration, length)
    result = place_in_trial(blind, [_piece(blind, solution, start, end) for start, end in whole])
    degrees = ", ".join(f"{d:.0f}" for d in np.degrees(solution.parameters["mounting"]))
    detail = f"mean of {len(cycles)} cycles; sensor angles {degrees} deg; objective {solution.objective:.1f}"
    return replace(
        result,
        events=tuple(e for start, end in whole for e in shifted_events(solution, start, end, length)),
        spatiotemporal=spatiotemporal_of([solution]),
        status="converged",
        treatments=(*blind.treatments, Treatment("optimal_control_baseline", detail)),
        seconds=solution.cpu_seconds,
    )


def _whole_record(cycles: list[tuple[float, float]], duration: float, length: float) -> list[tuple[float, float]]:
    """The cycles, gaps between them closed and both ends continued periodically to the ends of the record (s)."""
    whole = [cycles[0]]
    for start, end in cycles[1:]:
        gap = start - whole[-1][1]
        missed = round(gap / duration)
        for _ in range(missed):
            whole.append((whole[-1][1], whole[-1][1] + gap / missed))
        whole.append((start, end))
    while whole[0][0] > 0.0:
        whole.insert(0, (whole[0][0] - duration, whole[0][0]))
    while whole[-1][1] < length:
        whole.append((whole[-1][1], whole[-1][1] + duration))
    return whole


def _piece(
    trial: CorpusTrial, solution: GaitSolution, start: float, end: float
) -> tuple[np.ndarray, GaitSamples, GaitSolution]:
    """Samples of the periodic solution at the frames of one cycle, its time stretched to the cycle's duration."""
    time = np.arange(trial.n_frames) / trial.rate
    frames = np.flatnonzero((time >= start - 1e-9) & (time < end - 1e-9))
    phase = (time[frames] - start) / (end - start)
    return frames, sample_gait(solution, phase * solution.duration), solution
