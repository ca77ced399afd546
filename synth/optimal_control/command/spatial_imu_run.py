"""Spatial IMU run: from a recording of inertial sensors and a person's model to a folder with the movement in space."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording
from synth.optimal_control.command.imu_wish import ImuWish, kept_sensors, mean_cycle, write_tracking
from synth.optimal_control.command.movement_folder import FolderContent, MovementResult
from synth.optimal_control.command.tracking_run import check_person
from synth.optimal_control.inertial.spatial_imu_tracking import NEEDED, check_sensors, track_spatial_imus
from synth.optimal_control.inertial.spatial_strap_down import FEET, segment_records
from synth.optimal_control.movement.problem import Prepare
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.recording.model_preparation import PreparedModel, prepare_model

_TRUNK = "lumbar"
_MASS_SHARE = 0.15


def sensors_in_space(
    recordings: Sequence[ImuRecording], without: Collection[str] = ()
) -> tuple[tuple[ImuRecording, ...], tuple[str, ...]]:
    """Sensors of pelvis, legs and trunk, and sentences about those that are left out.

    Raises
    ------
    ModelMismatch
        A name that no sensor has, or a segment without its one sensor.
    """
    used = {*NEEDED, "torso", *(f"{foot}_{side}" for foot in FEET for side in "rl")}
    kept, notes = kept_sensors(recordings, used, without)
    check_sensors(kept)
    return kept, notes


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
        Torques only.
    model : Path
        The person's .osim, scaled to this mass and height.
    out : Path
        Folder; meanwhile it holds the last iterates, from which the same run goes on after a kill.
    prepare : callable, optional
        See `problem.movement_program`.
    say : callable

    Raises
    ------
    ModelMismatch
        Sensors or samples are missing, there is no cycle, or the model is not this person's.
    OSError
        The folder cannot be written.
    SolveInterrupted
        Ctrl-C; the same run goes on from there.
    """
    if wish.muscles:
        raise ModelMismatch("sensors in space are explained by joint torques; leave --muscles away, or --model.")
    check_person(wish.subject.mass, "the subject")
    check_sensors(wish.recordings)
    cycle = mean_cycle(wish, segment_records, say)
    prepared = seen_model(model, [r.placement.segment for r in wish.recordings])
    skeleton = prepared.skeleton
    if abs(skeleton.mass / wish.subject.mass - 1.0) > _MASS_SHARE:
        raise ModelMismatch(
            f"{model} weighs {skeleton.mass:.1f} kg, but --mass is {wish.subject.mass:g} kg: expected this person's "
            "model. Scale it first, e.g. with `kinesynth motion` or OpenSim."
        )
    say(f"{len(skeleton.coordinates)} coordinates move")
    tracked = track_spatial_imus(
        cycle.recordings,
        skeleton,
        cycle.duration,
        wish.subject.height,
        variances=cycle.variances,
        speed=wish.speed,
        n_starts=wish.starts,
        prepare=prepare,
        keep_in=out,
    )
    heights = {name: float(moved[1]) for name, moved in tracked.contact_moves.items()}
    content = FolderContent(model, {"model": model}, held=prepared.held, notes=prepared.notes)
    return write_tracking(out, tracked, wish, cycle, content, {"sole_heights_m": heights}, say)


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
