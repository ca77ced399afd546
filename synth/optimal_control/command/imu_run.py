"""IMU run: from a recording of seven inertial sensors to a folder with the sagittal movement that explains it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.subject import Subject
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import build_model
from synth.imu.recording import ImuRecording
from synth.optimal_control.command.movement_folder import FolderContent, MovementResult, write_folder
from synth.optimal_control.command.tracking_run import check_person, plain_settings
from synth.optimal_control.inertial.imu_check import check_records, check_window
from synth.optimal_control.inertial.imu_cycle import average_cycle, cycle_variances, detect_cycles
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.optimal_control.inertial.imu_tracking import ImuTracking, track_imus
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.program.compiled_blocks import compile_if_possible

MODEL = "model.osim"
N_SAMPLES = 100
_ADVICE = (
    "Allow more --starts; check --mass, --height, the axes and places of the sensors, and that --window is one cycle."
)


@dataclass(frozen=True)
class ImuWish:
    """What is to be explained.

    Attributes
    ----------
    recordings : tuple of ImuRecording
        With offsets and mountings of the sensors.
    subject : Subject
    sources : dict of str to Path
        Files that were read.
    window : (float, float), optional
        One cycle (s from the first sample); default: all cycles that the records show, averaged.
    speed : float, optional
        m/s.
    starts : int
        At most.
    muscles : bool
        End with muscles; else with joint torques.
    notes : tuple of str
    pictures : tuple of str
    """

    recordings: tuple[ImuRecording, ...]
    subject: Subject
    sources: Mapping[str, Path] = field(default_factory=dict)
    window: tuple[float, float] | None = None
    speed: float | None = None
    starts: int = 4
    muscles: bool = False
    notes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = (".html",)


def seven_sensors(
    recordings: Sequence[ImuRecording], without: Collection[str] = ()
) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Sensors of pelvis and legs, and sentences about those that are left out.

    Raises
    ------
    ModelMismatch
        A name that no sensor has, a segment without its one sensor, or nothing says where the sensors are.
    """
    names = {r.placement.sensor for r in recordings}
    unknown = [name for name in without if name not in names]
    if unknown:
        raise ModelMismatch(f"no sensor {unknown[0]!r} to leave out; the recording has {', '.join(sorted(names))}.")
    kept = [r for r in recordings if r.placement.segment in SENSOR_SEGMENTS and r.placement.sensor not in without]
    found = [r.placement.segment for r in kept]
    wrong = [s for s in SENSOR_SEGMENTS if found.count(s) != 1]
    if wrong:
        listed = ", ".join(f"{r.placement.sensor} on {r.placement.segment}" for r in kept) or "none"
        count = "no" if wrong[0] not in found else f"{found.count(wrong[0])}"
        raise ModelMismatch(
            f"one sensor is needed on each of {', '.join(SENSOR_SEGMENTS)}; the recording has {count} sensor on "
            f"{wrong[0]} (it has {listed}). Give --table for other names, --without NAME for one too many."
        )
    gone = [r.placement.sensor for r in recordings if not any(r is k for k in kept)]
    if kept and not any(np.any(r.placement.offset) or r.placement.mounting.magnitude() > 1e-9 for r in kept):
        raise ModelMismatch(
            "nothing says where the sensors sit on their segments; give --table with an offset (m) and a mounting "
            "(quaternion w x y z, sensor to segment) for each."
        )
    return tuple(kept), (f"left out: {', '.join(gone)}",) if gone else ()


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
    if wish.window:
        check_window(wish.recordings, wish.window)
    cycles = [wish.window] if wish.window else detect_cycles(wish.recordings)
    if not cycles:
        raise ModelMismatch(
            "the records show no gait cycle (they do not repeat themselves); name one with --window START,END in "
            "seconds from the first sample."
        )
    averaged, duration = average_cycle(wish.recordings, cycles, N_SAMPLES)
    check_records(averaged, duration, wish.speed)
    say(f"cycles: {len(cycles)} of {duration:.3f} s on average")
    tracked = track_imus(
        averaged,
        wish.subject,
        duration,
        variances=cycle_variances(wish.recordings, cycles, N_SAMPLES),
        speed=wish.speed,
        n_starts=wish.starts,
        muscles=wish.muscles,
        prepare=prepare,
        keep_in=out,
    )
    for attempt in tracked.attempts:
        outcome = attempt.reason or "accepted"
        say(f"start {attempt.start}: {attempt.iterations} iterations, {attempt.cpu_seconds:.2f} CPU s: {outcome}")
    model = _own_model(tracked, out)
    chosen = {"subject": asdict(wish.subject), "cycles": cycles, "speed": wish.speed, "starts": wish.starts}
    chosen["muscles"] = wish.muscles
    content = FolderContent(
        model,
        wish.sources,
        plain_settings(chosen),
        notes=wish.notes,
        further=_estimates(tracked),
        pictures=wish.pictures,
    )
    report = write_folder(out, tracked.solution, content, tracked.reached)
    return MovementResult(tracked.solution, report, tracked.resumed)


def _own_model(tracked: ImuTracking, out: Path) -> Path:
    """The person's model as a file, to which the exported files belong."""
    out.mkdir(parents=True, exist_ok=True)
    build_model(replace(tracked.solution.skeleton, contacts=(), planes=()), out / MODEL)
    return out / MODEL


def _estimates(tracked: ImuTracking) -> dict[str, Any]:
    """What was estimated besides the movement, and what to do if it was not found."""
    return {
        "advice": "" if tracked.reached.converged else _ADVICE,
        "imu": {
            "misfit": tracked.misfit,
            "misfit_by_channel": {segment: values.tolist() for segment, values in tracked.misfits.items()},
            "mounting_deg": {segment: float(np.degrees(angle)) for segment, angle in tracked.mounting.items()},
            "sensor_places_m": {segment: place.tolist() for segment, place in tracked.places.items()},
            "contact_places_m": dict(tracked.contact_places),
            "attempts": [asdict(attempt) for attempt in tracked.attempts],
        },
    }
