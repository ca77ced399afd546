"""IMU run: from a recording of seven inertial sensors to a folder with the sagittal movement that explains it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import build_model
from synth.imu.recording import ImuRecording
from synth.optimal_control.command.imu_wish import ImuWish, kept_sensors, mean_cycle, write_tracking
from synth.optimal_control.command.movement_folder import FolderContent, MovementResult
from synth.optimal_control.command.tracking_run import check_person
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.optimal_control.inertial.imu_tracking import track_imus
from synth.optimal_control.inertial.strap_down import sagittal_records
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.program.compiled_blocks import compile_if_possible

MODEL = "model.osim"


def seven_sensors(
    recordings: Sequence[ImuRecording], without: Collection[str] = ()
) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Sensors of pelvis and legs, and sentences about those that are left out.

    Raises
    ------
    ModelMismatch
        A name that no sensor has, a segment without its one sensor, or nothing says where the sensors are.
    """
    kept, notes = kept_sensors(recordings, SENSOR_SEGMENTS, without)
    found = [r.placement.segment for r in kept]
    wrong = [s for s in SENSOR_SEGMENTS if found.count(s) != 1]
    if wrong:
        listed = ", ".join(f"{r.placement.sensor} on {r.placement.segment}" for r in kept) or "none"
        count = "no" if wrong[0] not in found else f"{found.count(wrong[0])}"
        raise ModelMismatch(
            f"one sensor is needed on each of {', '.join(SENSOR_SEGMENTS)}; the recording has {count} sensor on "
            f"{wrong[0]} (it has {listed}). Give --table for other names, --without NAME for one too many."
        )
    if not any(np.any(r.placement.offset) or r.placement.mounting.magnitude() > 1e-9 for r in kept):
        raise ModelMismatch(
            "nothing says where the sensors sit on their segments; give --table with an offset (m) and a mounting "
            "(quaternion w x y z, sensor to segment) for each."
        )
    return kept, notes


def explain_records(
    wish: ImuWish,
    out: Path,
    *,
    prepare: Prepare | None = compile_if_possible,
    say: Callable[[str], None] = lambda text: None,
) -> MovementResult:
    """Find the movement that explains the records of a cycle and write the folder.

    The folder also holds the person's model, to which the exported files belong, and meanwhile the last iterates, from
    which the same run goes on after a kill.

    Raises
    ------
    ModelMismatch
        Sensors or samples are missing, there is no cycle, or nobody has this mass, height or speed.
    OSError
        The folder cannot be written.
    SolveInterrupted
        Ctrl-C; the same run goes on from there.
    """
    check_person(wish.subject.mass, "the subject")
    cycle = mean_cycle(wish, sagittal_records, say)
    tracked = track_imus(
        cycle.recordings,
        wish.subject,
        cycle.duration,
        variances=cycle.variances,
        speed=wish.speed,
        n_starts=wish.starts,
        muscles=wish.muscles,
        prepare=prepare,
        keep_in=out,
    )
    skeleton = tracked.solution.skeleton
    build_model(replace(skeleton, contacts=(), planes=()), out / MODEL)
    contacts = {c.name: c.offset[0] + float(tracked.contact_moves[c.name][0]) for c in skeleton.contacts}
    places = {segment: place.tolist() for segment, place in tracked.places.items()}
    estimates = {"sensor_places_m": places, "contact_places_m": contacts}
    return write_tracking(out, tracked, wish, cycle, FolderContent(out / MODEL), estimates, say)
