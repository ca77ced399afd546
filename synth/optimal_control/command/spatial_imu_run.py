"""Spatial IMU run: from a recording of inertial sensors and a person's model to a folder with the movement in space."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.command.imu_run import N_SAMPLES, ImuWish
from synth.optimal_control.command.movement_folder import FolderContent, MovementResult, write_folder
from synth.optimal_control.command.tracking_run import check_person, plain_settings
from synth.optimal_control.inertial.imu_check import check_window
from synth.optimal_control.inertial.imu_cycle import FEWEST_CYCLES, average_cycle, detect_cycles
from synth.optimal_control.inertial.spatial_imu_tracking import (
    FEET,
    NEEDED,
    SpatialImuTracking,
    check_sensors,
    track_spatial_imus,
)
from synth.optimal_control.inertial.spatial_strap_down import segment_channels
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.recording.model_preparation import PreparedModel, prepare_model

_TRUNK = "lumbar"
_STARTS = 3
_MASS_SHARE = 0.15
_ADVICE = (
    "Allow more --starts; check --mass, --height, that the model is this person's, the axes and places of the sensors, "
    "and that --window is one cycle."
)


def sensors_in_space(
    recordings: Sequence[ImuRecording], without: Collection[str] = ()
) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Sensors of pelvis, legs and trunk, and sentences about those that are left out.

    Raises
    ------
    ModelMismatch
        A name that no sensor has, or a segment without its one sensor.
    """
    names = {r.placement.sensor for r in recordings}
    unknown = [name for name in without if name not in names]
    if unknown:
        raise ModelMismatch(f"no sensor {unknown[0]!r} to leave out; the recording has {', '.join(sorted(names))}.")
    used = {*NEEDED, "torso", *(f"{foot}_{side}" for foot in FEET for side in "rl")}
    kept = [r for r in recordings if r.placement.segment in used and r.placement.sensor not in without]
    check_sensors(kept)
    gone = [r.placement.sensor for r in recordings if not any(r is k for k in kept)]
    return tuple(kept), (f"left out: {', '.join(gone)}",) if gone else ()


def explain_in_space(
    wish: ImuWish,
    model: Path,
    out: Path,
    *,
    prepare: Prepare | None = compile_if_possible,
    say: Callable[[str], None] = lambda text: None,
) -> MovementResult:
    """Find the movement in space that explains the records of a cycle and write the folder.

    Parameters
    ----------
    wish : ImuWish
        As for `imu_run.explain_records`; torques only.
    model : Path
        The person's .osim, scaled to this mass and height.
    out : Path
        Folder.
    prepare : callable, optional
        See `problem.movement_program`.
    say : callable

    Raises
    ------
    ModelMismatch
        Sensors or samples are missing, there is no cycle, or the model is not this person's.
    OSError
        The folder cannot be written.
    """
    if wish.muscles:
        raise ModelMismatch("sensors in space are explained by joint torques; leave --muscles away, or --model.")
    check_person(wish.subject.mass, "the subject")
    check_sensors(wish.recordings)
    cycles = _cycles(wish)
    prepared = seen_model(model, [r.placement.segment for r in wish.recordings])
    skeleton = prepared.skeleton
    if abs(skeleton.mass / wish.subject.mass - 1.0) > _MASS_SHARE:
        raise ModelMismatch(
            f"{model} weighs {skeleton.mass:.1f} kg, but --mass is {wish.subject.mass:g} kg: expected this person's "
            "model. Scale it first, e.g. with `kinesynth motion` or OpenSim."
        )
    averaged, duration = average_cycle(wish.recordings, cycles, N_SAMPLES)
    say(f"cycles: {len(cycles)} of {duration:.3f} s on average; {len(skeleton.coordinates)} coordinates move")
    tracked = track_spatial_imus(
        averaged,
        skeleton,
        duration,
        wish.subject.height,
        variances=_variances(wish.recordings, cycles),
        speed=wish.speed,
        n_starts=min(wish.starts, _STARTS),
        prepare=prepare,
    )
    for attempt in tracked.attempts:
        outcome = attempt.reason or "accepted"
        say(f"start {attempt.start}: {attempt.iterations} iterations, {attempt.cpu_seconds:.2f} CPU s: {outcome}")
    return _written(tracked, wish, model, prepared, cycles, out)


def _cycles(wish: ImuWish) -> list[tuple[float, float]]:
    """Start and end (s) of the cycles that are averaged."""
    if wish.window:
        check_window(wish.recordings, wish.window)
        return [wish.window]
    cycles = detect_cycles(wish.recordings)
    if not cycles:
        raise ModelMismatch(
            "the records show no gait cycle (they do not repeat themselves); name one with --window START,END in "
            "seconds from the first sample."
        )
    return cycles


def seen_model(model: Path, segments: Sequence[str]) -> PreparedModel:
    """The model with what no sensor sees held at its default, but for the trunk, without muscles."""
    source: Skeleton = read_osim(Path(model))
    seen: set[int] = set()
    for name in segments:
        i = source.segment_index(name)
        while i >= 0:
            seen |= {e.coordinate for e in source.segments[i].elements}
            i = source.segments[i].parent
    unseen = [c.name for j, c in enumerate(source.coordinates) if j not in seen and not c.name.startswith(_TRUNK)]
    return prepare_model(model, hold=unseen, muscles=False)


def _variances(recordings: Sequence[ImuRecording], cycles: Sequence[tuple[float, float]]) -> dict[str, np.ndarray]:
    """Variance (n, 6) of the channels between cycles, by segment; empty where there are few."""
    if len(cycles) < FEWEST_CYCLES:
        return {}
    each = [average_cycle(recordings, [cycle], N_SAMPLES)[0] for cycle in cycles]
    channels = [np.stack([segment_channels(one[i]) for one in each]) for i in range(len(recordings))]
    return {r.placement.segment: c.var(axis=0, ddof=1) for r, c in zip(recordings, channels, strict=True)}


def _written(
    tracked: SpatialImuTracking,
    wish: ImuWish,
    model: Path,
    prepared: PreparedModel,
    cycles: Sequence[tuple[float, float]],
    out: Path,
) -> MovementResult:
    """The folder of one movement."""
    chosen = {"subject": asdict(wish.subject), "cycles": cycles, "speed": wish.speed, "starts": wish.starts}
    estimates = {
        "advice": "" if tracked.reached.converged else _ADVICE,
        "imu": {
            "misfit": tracked.misfit,
            "misfit_by_channel": {segment: values.tolist() for segment, values in tracked.misfits.items()},
            "mounting_deg": {segment: np.degrees(v).tolist() for segment, v in tracked.mounting.items()},
            "sole_heights_m": dict(tracked.sole_heights),
            "attempts": [asdict(attempt) for attempt in tracked.attempts],
        },
    }
    content = FolderContent(
        model,
        {**wish.sources, "model": model},
        plain_settings(chosen),
        held=prepared.held,
        notes=(*wish.notes, *prepared.notes),
        further=estimates,
        pictures=wish.pictures,
    )
    report = write_folder(out, tracked.solution, content, tracked.reached)
    return MovementResult(tracked.solution, report)
