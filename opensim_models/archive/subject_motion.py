"""The motion of an archive's subjects: scaled skeletons, inverse kinematics and inverse dynamics, trial by trial.

Reads the folder that `kinesynth import` wrote (``<subject>/<trial>.trial.h5``) and writes, beside tables::

    <out>/<subject>/skeleton.json          scaled 3-D skeleton with the tracking markers
    <out>/<subject>/planar_skeleton.json   scaled sagittal skeleton with the same markers
    <out>/<subject>/static.mot             pose of the 3-D skeleton in the static trial
    <out>/<subject>/scaling.json           scale factors, the lengths behind them, residuals
    <out>/<subject>/<trial>.mot            coordinates of each moving trial
    <out>/<subject>/<trial>_forces.sto     generalized forces of each trial with force plates
    <out>/motion.csv, residuals.csv, scaling.csv

Runs in parallel, goes on where it was interrupted, and does again what depends on something that changed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pandas as pd

from mocap_import.durable_file import sweep_temporary
from mocap_import.engine import Engine, LocalEngine
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import SUFFIX
from opensim_models.archive.motion_run import MotionRun, MotionSettings, task_of
from opensim_models.archive.motion_table import write_tables
from opensim_models.archive.motion_task import STATIC_POSE, STEPS
from opensim_models.archive.run_folder import refuse_foreign_folder, run_lock
from opensim_models.archive.task_work import LEDGER, TaskWork
from opensim_models.clinical.joint_centre import HIP_METHODS
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.marker_map import read_marker_map
from opensim_models.scaling.subject_scaling import SubjectModel, scale_subject

__all__ = ["STATIC_POSE", "MotionSettings", "SubjectModel", "scale_subject", "solve_archive_motion", "trial_paths"]

METHODS = ("static", "automatic", "stature", "as_is")
Progress = Callable[[int, str], AbstractContextManager[Callable[[object], object]]]


def trial_paths(trials: Path) -> dict[str, list[Path]]:
    """List the converted trials of each subject below a folder; of one trial, it and its subject's static trials.

    Raises
    ------
    TrialRefused
        There is none.
    """
    trials = Path(trials)
    if trials.is_file():
        if task_of(trials) == "static":
            raise TrialRefused(f"{trials}: a static trial scales its subject and is not solved; give a moving trial.")
        others = trials.parent.glob(f"*{SUFFIX}") if trials.name.endswith(SUFFIX) else ()
        statics = [p for p in sorted(others) if p != trials and task_of(p) == "static"]
        return {trials.resolve().parent.name: [*statics, trials]}
    found: dict[str, list[Path]] = {}
    for path in sorted(trials.glob(f"*/*{SUFFIX}")):
        found.setdefault(path.parent.name, []).append(path)
    if not found:
        raise TrialRefused(
            f"{trials}: expected converted trials (<subject>/<trial>{SUFFIX}), found none. "
            "Convert an archive first: kinesynth import ARCHIVE --out TRIALS"
        )
    return found


def solve_archive_motion(
    trials: Path,
    out: Path,
    *,
    settings: MotionSettings | None = None,
    steps: tuple[str, ...] = STEPS,
    n_workers: int = 0,
    progress: Progress | None = None,
    engine: Engine | None = None,
    retry: bool = False,
) -> pd.DataFrame:
    """Scale every subject and solve every moving trial.

    A subject without a usable static trial is refused with the reason, and so is one without a moving trial; the others
    go on.

    Parameters
    ----------
    trials : Path
        Folder of converted trials, or one trial (.trial.h5, .trc, .c3d).
    out : Path
        Folder to write.
    settings : MotionSettings, optional
    steps : tuple of str
        ``"ik"`` scales and solves inverse kinematics, ``"id"`` inverse dynamics of what was solved.
    n_workers : int
        Worker processes; 0 works in this one.
    progress : callable, optional
        Makes a bar from a number of steps and a description, as `mocap_import.progress.track`.
    engine : Engine, optional
        Where the work is done, in the place of `n_workers` processes of this machine.
    retry : bool
        Try again what crashed or took too long in every attempt of an earlier run.

    Returns
    -------
    DataFrame
        One row a moving trial, and one a subject that has none; columns as `motion_table.COLUMNS`. Also in
        ``motion.csv``.

    Raises
    ------
    TrialRefused, ModelMismatch
        No trials, unknown settings, an output folder in which another run is writing, or one that is not a run's own.
    OSError
        The output cannot be written; what was written before is intact.
    """
    settings = settings or MotionSettings()
    _check(settings, steps)
    subjects = trial_paths(trials)
    out = Path(out)
    refuse_foreign_folder(trials, out)
    out.mkdir(parents=True, exist_ok=True)
    with run_lock(out):
        sweep_temporary(out)
        if engine is None and n_workers > 0:
            engine = LocalEngine(n_workers)
        if engine is not None:
            engine.check_shared(out, trials)
        run = MotionRun(out, subjects, settings, steps, TaskWork(engine, out / LEDGER, retry))
        n = sum(map(len, subjects.values()))
        with progress(n + len(subjects), "motion") if progress else nullcontext(_nothing) as bar:
            try:
                run.scale(bar)
                run.solve(bar)
            except BaseException:  # what was not reached keeps the rows of earlier runs
                write_tables(out, run.scalings, run.rows(), keep=True)
                raise
            return write_tables(out, run.scalings, run.rows(), keep=Path(trials).is_file())


def _nothing(_finished: object = None) -> None:
    """No bar."""


def _check(settings: MotionSettings, steps: tuple[str, ...]) -> None:
    """Refuse settings that mean nothing."""
    for what, value, known in (
        ("scale", settings.scale, METHODS),
        ("hip method", settings.hip_method, HIP_METHODS),
        *(("step", step, STEPS) for step in steps),
    ):
        if value not in known:
            raise ModelMismatch(f"{what} {value!r} is unknown; choose one of {', '.join(known)}.")
    if settings.cutoff is not None and not 0 <= settings.cutoff < float("inf"):
        raise ModelMismatch(f"expected a cut-off above 0 Hz, or 0 for no filter, got {settings.cutoff:g}.")
    for what, number, unit in (("mass", settings.mass, "kg"), ("height", settings.height, "m")):
        if number is not None and not 0 < number < float("inf"):
            raise ModelMismatch(f"expected a {what} above 0 {unit}, got {number:g}.")
    if settings.scale == "as_is" and settings.model is None:
        raise ModelMismatch("a model to be used as it is must be given: --model FILE.")
    if settings.static is not None and settings.scale != "static":
        raise ModelMismatch(
            f"{settings.static}: a static trial is used by --scale static only, and {settings.scale.replace('_', '-')} "
            "would not look at it; leave one of the two out (mass and height may be given: --mass, --height)."
        )


def marker_map_of(path: Path | None) -> dict[str, str]:
    """The marker map of a file, empty without one."""
    return {} if path is None else read_marker_map(path)
