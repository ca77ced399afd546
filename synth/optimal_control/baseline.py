"""Baseline: what optimal control makes of the inertial records that a network sees, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from mocap_import.engine import Engine
from mocap_import.trial import Treatment
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus import Corpus, CorpusTrial
from synth.corpus.array_origin import SOLVED, ArrayOrigin, SourceFile
from synth.corpus.recipe_source import solved_sources
from synth.corpus.solved_recipe import SolvedRecipe, solver_versions
from synth.imu.error_recipe import apply_errors
from synth.imu.recording import ImuRecording
from synth.optimal_control.corpus_run import (
    TURNING,
    place_in_trial,
    run_corpus,
    shifted_events,
    with_solved_origin,
    write_part,
)
from synth.optimal_control.gait.gait_samples import GaitSamples, sample_gait
from synth.optimal_control.gait.gait_solution import spatiotemporal_of
from synth.optimal_control.inertial.imu_cycle import average_cycle, cycle_variances, detect_cycles
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS, ImuWeights
from synth.optimal_control.inertial.imu_tracking import track_imus
from synth.optimal_control.inertial.strap_down import sagittal_records, sensor_tilt
from synth.optimal_control.movement.solution import MovementSolution
from synth.real_imu.cycle_table import MEAN_CYCLE

SENSOR_ANGLE_SD = float(np.radians(13.5) / np.sqrt(3.0))
"""rad, of a sensor's angle in the sagittal plane: 13.5° about a random axis leave 13.5°/√3 in the plane."""
PELVIS_TILT, PELVIS_TILT_SD = float(np.radians(-1.0)), float(np.radians(6.0))
"""Mean tilt of the pelvis over a cycle of walking, and how people differ (rad)."""
WEIGHTS = ImuWeights(mounting_sd=SENSOR_ANGLE_SD)


def build_baseline_corpus(
    imu: Path,
    out: Path,
    *,
    n_workers: int = 1,
    progress: Callable | None = None,
    engine: Engine | None = None,
    retry: bool = False,
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
    engine : Engine, optional
        Where the trials are solved; default: `n_workers` processes of this machine.
    retry : bool
        Try trials again that crashed or took too long in every attempt of an earlier run.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, status (``converged`` or ``refused``), reason, seconds, speed.
    """
    sources, weights = solved_sources(Corpus(imu).path), asdict(WEIGHTS)
    return run_corpus(
        imu,
        out,
        role="baseline",
        function="synth.optimal_control.baseline:solve_baseline_trial",
        arguments=lambda _subject, _name: {"hashes": sources["corpus"]},
        config={"weights": weights},
        recipe=SolvedRecipe(kind="baseline", sources=sources, weights=weights),
        n_workers=n_workers,
        progress=progress,
        engine=engine,
        retry=retry,
    )


def solve_baseline_trial(imu: str, subject: str, name: str, part: str, hashes: Mapping[str, str] | None = None) -> str:
    """Solve the baseline of one trial and write it as a corpus of its own; returns its status.

    `hashes` are the files that it is solved from, name → SHA-256, for the origins of its arrays.
    """
    corpus = Corpus(Path(imu))
    clean = replace(corpus.read(subject, name, clean=True), movement=None)  # solved as it was recorded
    worn = apply_errors(clean.recordings, clean.errors, subject=subject, trial=name)
    seen = replace(clean, recordings=worn)
    # nothing of the motion behind the records may reach the baseline
    nothing = {"kinematics": None, "kinetics": None, "skeleton": None, "solutions": ()}
    blind = replace(clean, **nothing, events=(), spatiotemporal={}, status="refused")
    result = _solve(seen, blind)
    origin = ArrayOrigin(
        SOLVED,
        "optimal control of a generic person that explains the inertial records",
        {"weights": asdict(WEIGHTS), "errors": "as the stored recipe draws them"},
        sources=tuple(SourceFile(*file) for file in (hashes or {}).items()),
        software=solver_versions(),
    )
    write_part(Path(part), with_solved_origin(result, origin), "baseline")
    return result.status


def _solve(seen: CorpusTrial, blind: CorpusTrial) -> CorpusTrial:
    if seen.task == "turn":
        return replace(blind, reason=TURNING)
    own, others = used_sensors(seen.recordings)
    seen = replace(seen, recordings=own)
    cycles = detect_cycles(seen.recordings)
    if not cycles:
        return replace(blind, reason="no gait cycle found in the shank and foot records")
    recordings, duration = average_cycle(seen.recordings, cycles)
    recordings = with_level_pelvis(recordings, duration)
    variances = between_cycles(seen, cycles)
    try:
        tracked = track_imus(recordings, seen.subject, duration, variances=variances, weights=WEIGHTS, muscles=True)
    except ModelMismatch as problem:
        return replace(blind, reason=str(problem))
    solution, seconds = tracked.solution, sum(a.cpu_seconds for a in tracked.attempts)
    if not solution.converged:
        return replace(blind, reason=solution.reason, seconds=seconds)
    length = blind.n_frames / blind.rate
    whole = _whole_record(cycles, duration, length)
    result = place_in_trial(blind, [_piece(blind, solution, start, end) for start, end in whole])
    degrees = ", ".join(f"{np.degrees(angle):.0f}" for angle in tracked.mounting.values())
    detail = f"mean of {len(cycles)} cycles; sensor angles {degrees} deg; misfit {tracked.misfit:.2f}"
    detail += f"; not used: {', '.join(others)}" if others else ""
    return replace(
        result,
        events=tuple(e for start, end in whole for e in shifted_events(solution, start, end, length)),
        spatiotemporal=spatiotemporal_of([solution]),
        status="converged",
        treatments=(*blind.treatments, Treatment("optimal_control_baseline", detail)),
        seconds=seconds,
    )


def used_sensors(recordings: Sequence[ImuRecording]) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Records of pelvis and legs, which the planar model explains, and the names of all other sensors."""
    own = tuple(r for r in recordings if r.placement.segment in SENSOR_SEGMENTS)
    return own, tuple(r.placement.sensor for r in recordings if r.placement.segment not in SENSOR_SEGMENTS)


def between_cycles(trial: CorpusTrial, cycles: Sequence[tuple[float, float]]) -> dict[str, np.ndarray]:
    """Variance of the channels between the cycles (s) of a trial, by segment, as `cycle_variances`.

    Empty where the cycles are copies of one mean cycle: that these do not differ says nothing of a person's strides.
    """
    is_copied = any(treatment.what == MEAN_CYCLE for treatment in trial.treatments)
    return {} if is_copied else cycle_variances(trial.recordings, cycles)


def with_level_pelvis(recordings: Sequence[ImuRecording], duration: float) -> tuple[ImuRecording, ...]:
    """Records with the pelvis sensor turned by the likeliest part of its mean tilt.

    No record of one cycle tells the sensor's angle on the pelvis from a tilt of the pelvis: what its mean tilt is
    beyond that of people is shared between the two as they vary.
    """
    tilt = sensor_tilt(sagittal_records(recordings)["pelvis"], duration).mean()
    share = SENSOR_ANGLE_SD**2 / (SENSOR_ANGLE_SD**2 + PELVIS_TILT_SD**2)
    back = Rotation.from_euler("z", share * (tilt - PELVIS_TILT))
    return tuple(
        replace(r, placement=replace(r.placement, mounting=back * r.placement.mounting))
        if r.placement.segment == "pelvis"
        else r
        for r in recordings
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
    trial: CorpusTrial, solution: MovementSolution, start: float, end: float
) -> tuple[np.ndarray, GaitSamples, MovementSolution]:
    """Samples of the periodic solution at the frames of one cycle, its time stretched to the cycle's duration."""
    time = np.arange(trial.n_frames) / trial.rate
    frames = np.flatnonzero((time >= start - 1e-9) & (time < end - 1e-9))
    phase = (time[frames] - start) / (end - start)
    return frames, sample_gait(solution, phase * solution.duration), solution
