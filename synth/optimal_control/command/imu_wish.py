"""IMU wish: which sensors of whom are to be explained, their mean cycle, and the folder of what explains them.

The same in the plane (`imu_run`) and in space (`spatial_imu_run`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.subject import Subject
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.command.movement_folder import FolderContent, MovementResult, write_folder
from synth.optimal_control.command.tracking_run import plain_settings
from synth.optimal_control.inertial.imu_attempt import ImuTracking
from synth.optimal_control.inertial.imu_check import check_window
from synth.optimal_control.inertial.imu_cycle import average_cycle, cycle_variances, detect_cycles
from synth.optimal_control.inertial.strap_down import SensorRecord

N_SAMPLES = 100
_ADVICE = (
    "Allow more --starts; check --mass, --height,{} the axes and places of the sensors, and that --window is one cycle."
)
_WHOSE_MODEL = " that the model is this person's,"


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


@dataclass(frozen=True)
class MeanCycle:
    """What the cycles of a recording are on average.

    Attributes
    ----------
    cycles : sequence of (float, float)
        Start and end (s from the first sample).
    recordings : tuple of ImuRecording
        The mean, `N_SAMPLES` over one cycle.
    duration : float
        s.
    variances : dict of str to ndarray, shape (N_SAMPLES, n_channels)
        Between cycles, by segment; empty where there are few.
    """

    cycles: Sequence[tuple[float, float]]
    recordings: tuple[ImuRecording, ...]
    duration: float
    variances: dict[str, np.ndarray]


def kept_sensors(
    recordings: Sequence[ImuRecording], segments: Collection[str], without: Collection[str]
) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Sensors on some segments, and sentences about those that are left out.

    Raises
    ------
    ModelMismatch
        A name that no sensor has.
    """
    names = {r.placement.sensor for r in recordings}
    unknown = [name for name in without if name not in names]
    if unknown:
        raise ModelMismatch(f"no sensor {unknown[0]!r} to leave out; the recording has {', '.join(sorted(names))}.")
    kept = [r for r in recordings if r.placement.segment in segments and r.placement.sensor not in without]
    gone = [r.placement.sensor for r in recordings if not any(r is k for k in kept)]
    return tuple(kept), (f"left out: {', '.join(gone)}",) if gone else ()


def mean_cycle(
    wish: ImuWish, records: Callable[[Sequence[ImuRecording]], dict[str, SensorRecord]], say: Callable[[str], None]
) -> MeanCycle:
    """Average the wished cycle, or all that the records show; `records` as of `imu_cycle.cycle_variances`.

    Raises
    ------
    ModelMismatch
        There is no cycle, or samples of it are missing.
    """
    if wish.window:
        check_window(wish.recordings, wish.window)
    cycles = [wish.window] if wish.window else detect_cycles(wish.recordings)
    if not cycles:
        raise ModelMismatch(
            "the records show no gait cycle (they do not repeat themselves); name one with --window START,END in "
            "seconds from the first sample."
        )
    averaged, duration = average_cycle(wish.recordings, cycles, N_SAMPLES)
    say(f"cycles: {len(cycles)} of {duration:.3f} s on average")
    return MeanCycle(cycles, averaged, duration, cycle_variances(wish.recordings, cycles, N_SAMPLES, records))


def write_tracking(
    out: Path,
    tracked: ImuTracking,
    wish: ImuWish,
    cycle: MeanCycle,
    content: FolderContent,
    estimates: Mapping[str, Any],
    say: Callable[[str], None],
) -> MovementResult:
    """Say what each start led to, and write the folder.

    Parameters
    ----------
    out : Path
        Folder.
    tracked : ImuTracking
    wish : ImuWish
    cycle : MeanCycle
    content : FolderContent
        The model, and what the wish does not know; ``"model"`` is a source where it was the person's own.
    estimates : mapping
        What was estimated besides the movement, for the report.
    say : callable

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    for attempt in tracked.attempts:
        outcome = attempt.reason or "accepted"
        say(f"start {attempt.start}: {attempt.iterations} iterations, {attempt.cpu_seconds:.2f} CPU s: {outcome}")
    chosen = {"subject": asdict(wish.subject), "cycles": cycle.cycles, "speed": wish.speed, "starts": wish.starts}
    found = {
        "misfit": tracked.misfit,
        "misfit_by_channel": {segment: values.tolist() for segment, values in tracked.misfits.items()},
        "mounting_deg": {segment: np.degrees(angle).tolist() for segment, angle in tracked.mounting.items()},
        **estimates,
        "attempts": [asdict(attempt) for attempt in tracked.attempts],
    }
    advice = _ADVICE.format(_WHOSE_MODEL if "model" in content.sources else "")
    whole = replace(
        content,
        sources={**wish.sources, **content.sources},
        settings=plain_settings({**chosen, "muscles": wish.muscles}),
        notes=(*wish.notes, *content.notes),
        further={"advice": "" if tracked.reached.converged else advice, "imu": found},
        pictures=wish.pictures,
    )
    report = write_folder(out, tracked.solution, whole, tracked.reached)
    return MovementResult(tracked.solution, report, tracked.resumed)
