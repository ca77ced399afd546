"""Tracking run: from a model and the files of a trial to a folder with the movement that satisfies the equations.

The folder holds the solution, the files that OpenSim plays, pictures and a report. While it is solved the last iterate
stands there too, from which the same run goes on after a kill.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.command.movement_folder import FolderContent, MovementResult, Start, best_climb, write_folder
from synth.optimal_control.movement.climb import Rung, start_values
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.solution import make_solution
from synth.optimal_control.prediction.objective_share import objective_shares
from synth.optimal_control.prediction.prediction import roughness
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.recording.followed_markers import check_place
from synth.optimal_control.recording.model_preparation import PreparedModel, prepare_model
from synth.optimal_control.recording.node_reference import Recording, node_reference
from synth.optimal_control.recording.recorded_cycle import RecordedCycle, recorded_cycle
from synth.optimal_control.recording.recorded_motion import RecordedMotion, motion_at
from synth.optimal_control.recording.recorded_tracking import start_arrays, tracking_rungs
from synth.optimal_control.recording.sphere_calibration import calibrate_spheres
from synth.optimal_control.recording.start_spread import spread_arrays
from synth.optimal_control.recording.tracking_settings import TrackingSettings
from synth.optimal_control.recording.trial_samples import MotionFiles, read_trial_samples

WALKERS = 8.0, 300.0
"""kg: from a child's first steps (the lightest one-year-olds, WHO growth standards) to the heaviest who still walk."""
FASTEST = 12.5
"""m/s: a little above the fastest sprinter measured, 12.4 m/s (Graubner and Nixdorf, New Stud Athl 26:19, 2011)."""
N_SAMPLES = 101
"""Of the recording over the movement, to which meshes are laid."""


@dataclass(frozen=True)
class TrackingWish:
    """What is to be tracked, and how.

    Attributes
    ----------
    model : Path
        An .osim.
    files : MotionFiles
    settings : TrackingSettings
    hold : dict of str to (float or None)
        Coordinate → value (rad or m), or None for the model's default.
    window : (float, float), optional
        From when to when (s); default: the stride that the forces show, else the whole file.
    cutoff, force_cutoff : float, optional
        Low-pass (Hz) of coordinates and of forces.
    calibrate : bool
        Whether contact spheres are moved to meet the recorded forces before.
    residual : float
        N·m or N of an actuator at the root of the skeleton, where nothing holds a person, that counts as one deviation.
    jerk : float
        rad/s³ or m/s³ of a coordinate that counts as one deviation; infinite: none is priced. Trapezoids leave
        accelerations free to ring from node to node where torques are cheap.
    emg_of : dict of str to str
        Muscle → EMG column, where their names differ; for pictures.
    seed : int
        Of disturbed starts.
    pictures : tuple of str
        Endings of the pictures to draw.
    """

    model: Path
    files: MotionFiles
    settings: TrackingSettings = field(default_factory=TrackingSettings)
    hold: Mapping[str, float | None] = field(default_factory=dict)
    window: tuple[float, float] | None = None
    cutoff: float | None = 6.0
    force_cutoff: float | None = 20.0
    calibrate: bool = True
    residual: float = 30.0
    jerk: float = np.inf
    emg_of: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    pictures: tuple[str, ...] = (".html",)


def track_files(
    wish: TrackingWish,
    out: Path,
    *,
    prepare: Prepare | None = compile_if_possible,
    say: Callable[[str], None] = lambda text: None,
) -> MovementResult:
    """Track a trial and write the folder.

    Parameters
    ----------
    wish : TrackingWish
    out : Path
        Made if it is not there; what an earlier run wrote is replaced.
    prepare : callable, optional
        As of `movement.problem.movement_program`.
    say : callable
        Takes a line for each step.

    Raises
    ------
    ModelMismatch, ProgramMismatch
        Model, files or bounds cannot be used.
    OSError
        The folder cannot be written.
    SolveInterrupted
        Ctrl-C; the same run goes on from there.
    """
    check_speed(wish.settings.speed)
    say(f"model: {wish.model}")
    prepared, recording = prepared_trial(wish, say)
    settings = _with_markers(_with_residuals(wish, prepared.skeleton), prepared.skeleton, recording)
    wish = replace(wish, settings=_with_moments(settings, recording))
    rungs = tracking_rungs(prepared.skeleton, recording, wish.settings)
    if np.isfinite(wish.jerk):
        rungs = [_without_ringing(rung, prepared.skeleton, recording, wish.jerk) for rung in rungs]
    starts = _starts(prepared.skeleton, recording, wish)
    best, resumed = best_climb(rungs, starts, out, prepare=prepare, say=say)
    solution = make_solution(best, prepared.skeleton)
    shares = objective_shares(best.movement, best.data, best.iterate.values) if best.converged else {}
    report = write_folder(out, solution, _content(wish, prepared, recording, shares), best)
    return MovementResult(solution, report, resumed)


def check_speed(bounds: tuple[float, float]) -> None:
    """Refuse bounds of the forward speed (m/s) between which nobody moves.

    Raises
    ------
    ModelMismatch
    """
    if bounds[0] > FASTEST or bounds[1] < -FASTEST:
        raise ModelMismatch(
            f"a speed of {bounds[0]:g} m/s is beyond what anyone reaches ({FASTEST:g} m/s); give it in m/s."
        )


def check_person(mass: float, who: str) -> None:
    """Refuse a mass (kg) that nobody has who walks.

    Raises
    ------
    ModelMismatch
    """
    if not WALKERS[0] <= mass <= WALKERS[1]:
        raise ModelMismatch(
            f"{who} weighs {mass:.4g} kg; people who walk have {WALKERS[0]:g} to {WALKERS[1]:g} kg. Check the unit, or "
            "scale the model to the person (`kinesynth model scale`)."
        )


def prepared_trial(wish: TrackingWish, say: Callable[[str], None]) -> tuple[PreparedModel, Recording]:
    """Prepare the model as the problem needs it, and read the recording for it; errors as of `track_files`."""
    settings = wish.settings
    law = settings.ground == "law"
    prepared = prepare_model(wish.model, hold=wish.hold, muscles=settings.muscles, contact=law)
    if settings.muscles and not prepared.skeleton.muscles:
        raise ModelMismatch(f"{wish.model}: the model has no muscles; give one that has, or ask for --torques.")
    check_person(prepared.skeleton.mass, f"the model {prepared.skeleton.name}")
    if not law and wish.files.loads is None:
        raise ModelMismatch(
            f"{wish.files.coordinates}: without contact the ground reaction must be given: add --loads with the "
            "ExternalLoads .xml, or ask for --contact."
        )
    recording = _recording(wish, prepared)
    motion = motion_of(recording)
    say(f"recording: {motion.time[0]:.3f} to {motion.time[-1]:.3f} s of {wish.files.coordinates}")
    _check_emg(wish, prepared.skeleton, motion)
    if law and wish.calibrate and motion.wrenches:
        calibrated = calibrate_spheres(prepared.skeleton, motion)
        prepared = replace(prepared, skeleton=calibrated.skeleton, notes=(*prepared.notes, *calibrated.notes))
    return prepared, recording


def _check_emg(wish: TrackingWish, skeleton: Skeleton, motion: RecordedMotion) -> None:
    """Refuse names of muscles and EMG that are not there, before anything is solved."""
    muscles = [muscle.name for muscle in skeleton.muscles]
    for muscle, column in wish.emg_of.items():
        if muscle not in muscles or column not in motion.muscles:
            raise ModelMismatch(
                f"--emg-of {muscle}={column}: expected MUSCLE=COLUMN; muscles are {', '.join(muscles) or 'none'}, "
                f"columns of the EMG {', '.join(motion.muscles) or 'none'}."
            )


def _with_residuals(wish: TrackingWish, skeleton: Skeleton) -> TrackingSettings:
    """Settings in which actuators between body and ground have their own price, and accelerations one of changing."""
    root = {e.coordinate for s in skeleton.segments if s.parent < 0 for e in s.elements if e.coordinate >= 0}
    off, options = wish.settings.deviations, dict(wish.settings.options)
    if np.isfinite(wish.jerk):
        options["smooth"] = ("accelerations",)
    own = {skeleton.coordinate_names[j]: wish.residual for j in sorted(root)}
    return replace(wish.settings, deviations=replace(off, torques={**own, **off.torques}), options=options)


def _with_markers(settings: TrackingSettings, skeleton: Skeleton, recording: Recording) -> TrackingSettings:
    """Settings that follow the markers of the recording, if it has any and they are on this body."""
    motion = motion_of(recording)
    if not motion.labels:
        return replace(settings, deviations=replace(settings.deviations, marker=None))
    if settings.deviations.marker is None:
        raise ModelMismatch("markers need a standard deviation: give --marker in metres, or leave --markers out.")
    check_place(skeleton, motion.labels, motion.markers, motion.values, "--markers")
    return replace(settings, markers=motion.labels)


def _with_moments(settings: TrackingSettings, recording: Recording) -> TrackingSettings:
    """Settings that follow the joint moments of the recording, if it has any."""
    motion = motion_of(recording)
    if not motion.moments.size:
        return replace(settings, deviations=replace(settings.deviations, joint_moment=None))
    if settings.deviations.joint_moment is None:
        raise ModelMismatch(
            "moments need a standard deviation: give --moment-deviation in N·m, or leave --moments out."
        )
    known = np.isfinite(motion.moments).any(axis=0)
    return replace(
        settings, moments=tuple(name for name, is_known in zip(motion.coordinates, known, strict=True) if is_known)
    )


def _without_ringing(rung: Rung, skeleton: Skeleton, recording: Recording, jerk: float) -> Rung:
    """The rung with a price of changes of acceleration between neighbouring nodes."""

    def data(movement: MovementProgram) -> MovementData:
        reference = node_reference(movement.structure, skeleton, recording)
        price = roughness(movement.structure, reference, jerk)
        return rung.data(movement).with_parameters({"roughness accelerations": price})

    return replace(rung, data=data)


def motion_of(recording: Recording) -> RecordedMotion:
    """The motion of a stride or of a stretch."""
    return recording.motion if isinstance(recording, RecordedCycle) else recording


def _recording(wish: TrackingWish, prepared: PreparedModel) -> Recording:
    """The stride or the window of the trial."""
    skeleton, held = prepared.skeleton, prepared.held
    filters = {"cutoff": wish.cutoff, "force_cutoff": wish.force_cutoff}
    period = wish.settings.meshes[0].period
    if wish.window is None and period != "none":
        if wish.files.loads is None:
            raise ModelMismatch(
                f"{wish.files.coordinates}: nothing says when a stride begins and ends; add --loads with the forces, "
                "--window START,END in seconds, or --period none."
            )
        return recorded_cycle(wish.files, skeleton, N_SAMPLES, held=held, **filters)
    samples = read_trial_samples(wish.files, skeleton, held=held)
    start, end = wish.window or (samples.start, samples.end)
    if not end > start:
        raise ModelMismatch(f"the window from {start:g} to {end:g} s ends before it begins; give START,END in seconds.")
    return motion_at(samples, np.linspace(start, end, N_SAMPLES), **filters)


def _starts(skeleton: Skeleton, recording: Recording, wish: TrackingWish) -> list[Start]:
    """The recording, and disturbed copies of it, one random generator each."""

    def start_of(number: int) -> Start:
        def start(movement: MovementProgram) -> np.ndarray:
            reference = node_reference(movement.structure, skeleton, recording)
            arrays = start_arrays(movement.structure, skeleton, reference)
            if number:
                rng = np.random.default_rng([wish.seed, number])
                arrays = spread_arrays(arrays, movement.structure, rng, wish.settings.spread)
            return start_values(movement, arrays)

        return start

    return [start_of(number) for number in range(wish.settings.starts)]


def _content(
    wish: TrackingWish, prepared: PreparedModel, recording: Recording, shares: Mapping[str, float]
) -> FolderContent:
    """What the folder says besides the solution."""
    motion = motion_of(recording)
    half = wish.settings.meshes[0].period == "half_cycle" and not isinstance(recording, RecordedCycle)
    chosen = {"window": wish.window, "belt": wish.files.belt, "cutoff": wish.cutoff, "force_cutoff": wish.force_cutoff}
    chosen |= {
        "hold": dict(prepared.held),
        "calibrate": wish.calibrate,
        "seed": wish.seed,
        "jerk": wish.jerk,
        "residual": wish.residual,
    }
    return FolderContent(
        wish.model,
        sources_of(wish.model, wish.files),
        plain_settings({**chosen, "tracking": asdict(wish.settings)}),
        prepared.held,
        (*prepared.notes, *motion.notes),
        motion,
        float(motion.time[-1] - motion.time[0]) * (2.0 if half else 1.0),
        _band(wish.settings, prepared.skeleton),
        wish.emg_of,
        further={"objective_shares": shares},
        pictures=wish.pictures,
    )


def sources_of(model: Path, files: MotionFiles) -> dict[str, Path]:
    """Files that a run reads, by word."""
    read = {word: path for word, path in asdict(files).items() if isinstance(path, Path)}
    return {"model": Path(model), **read}


def plain_settings(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was chosen, as JSON can hold it; what is infinite is nothing there."""
    return json.loads(json.dumps(chosen, default=str), parse_constant=lambda _: None)


def _band(settings: TrackingSettings, skeleton: Skeleton) -> dict[str, float]:
    """One standard deviation of each coordinate, as the objective has it."""
    off = settings.deviations
    usual = {"rotation": off.angle, "translation": off.place}
    return {c.name: off.coordinates.get(c.name, usual[c.kind]) for c in skeleton.coordinates}
