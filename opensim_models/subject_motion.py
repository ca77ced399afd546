"""The motion of an archive's subjects: scaled skeletons and inverse kinematics, subject by subject.

Reads the folder that `kinesynth import` wrote (``<subject>/<trial>.trial.h5``) and writes, beside one table::

    <out>/<subject>/skeleton.json          scaled 3-D skeleton with the tracking markers
    <out>/<subject>/planar_skeleton.json   scaled sagittal skeleton with the same markers
    <out>/<subject>/static.mot             pose of the 3-D skeleton in the static trial
    <out>/<subject>/<trial>.mot            coordinates of each moving trial
    <out>/motion.csv                       one row a trial: solved or refused, why, errors
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.inverse_kinematics import InverseKinematicsSolution, solve_inverse_kinematics
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling import ScaledSkeleton, scale_skeleton
from opensim_models.skeleton import Skeleton, save_skeleton
from opensim_models.storage import write_motion

PLAUSIBLE_MARKER_ERROR = 0.05
MISPLACED = 0.05
"""A marker sample further (m) than this from the fitted skeleton is mislabelled or a ghost, and is left out."""
STATIC_POSE = "static.mot"


@dataclass(frozen=True)
class SubjectModel:
    """A subject's two scaled skeletons."""

    spatial: ScaledSkeleton
    planar: ScaledSkeleton


def scale_subject(static: MarkerTrial) -> SubjectModel:
    """Scale both generic skeletons to the subject of a static trial."""
    marker_set = load_marker_set(static.marker_set)
    spatial = scale_skeleton(static.subject, static, marker_set, partial(lower_body_skeleton, table="de_leva"))
    planar = scale_skeleton(static.subject, static, marker_set, partial(planar_skeleton, table="de_leva"), planar=True)
    return SubjectModel(spatial, planar)


def trial_paths(trials: Path) -> dict[str, list[Path]]:
    """List the converted trials of each subject below a folder.

    Raises
    ------
    TrialRefused
        The folder holds none.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(Path(trials).glob(f"*/*{SUFFIX}")):
        found.setdefault(path.parent.name, []).append(path)
    if not found:
        raise TrialRefused(
            f"{trials}: expected converted trials (<subject>/<trial>{SUFFIX}), found none. "
            "Convert an archive first: kinesynth import ARCHIVE --out TRIALS"
        )
    return found


def solve_archive_motion(
    trials: Path, out: Path, *, progress: Callable[[Iterable, str], Iterable] | None = None
) -> pd.DataFrame:
    """Scale every subject and solve every moving trial.

    A subject without a usable static trial is refused with the reason; the others go on.

    Parameters
    ----------
    trials : Path
        Folder of converted trials.
    out : Path
        Folder to write.
    progress : callable, optional
        Wraps the iteration over subjects, with a description.

    Returns
    -------
    DataFrame
        Columns subject, trial, status (``solved`` or ``refused``), reason, n_frames, marker_error_mm,
        landmark_error_mm, held, seconds.
    """
    subjects = trial_paths(trials)
    out = Path(out)
    rows: list[dict] = []
    for code in progress(list(subjects), "inverse kinematics") if progress else subjects:
        rows += _solve_subject(code, subjects[code], out / code)
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    partial_path = out / "motion.csv.tmp"
    table.to_csv(partial_path, index=False)
    partial_path.replace(out / "motion.csv")
    return table


def _refused(code: str, name: str, reason: str) -> dict:
    return {"subject": code, "trial": name, "status": "refused", "reason": reason}


def _solve_subject(code: str, paths: list[Path], out: Path) -> list[dict]:
    """Scale one subject and solve its moving trials; every failure is a row."""
    loaded = [load_trial(path) for path in paths]
    moving = [t for t in loaded if t.task != "static"]
    static = [t for t in loaded if t.task == "static"]
    names = [t.name for t in moving] or [""]
    if not static:
        reason = (
            f"{code}: no static trial, so the skeleton cannot be scaled. Add a recording of the subject standing, "
            "with 'static' or 'cal' in its file name."
        )
        return [_refused(code, name, reason) for name in names]
    try:
        model = scale_subject(static[0])
    except (ModelMismatch, TrialRefused) as error:
        return [_refused(code, name, str(error)) for name in names]
    save_skeleton(model.spatial.skeleton, out / "skeleton.json")
    save_skeleton(model.planar.skeleton, out / "planar_skeleton.json")
    write_motion(out / STATIC_POSE, model.spatial.static_pose)
    return [_solve_trial(trial, model, out) for trial in moving]


def _solve_robustly(skeleton: Skeleton, trial: MarkerTrial) -> tuple[InverseKinematicsSolution, dict[str, int]]:
    """Solve, leave out the samples that fit no pose (swapped labels, ghosts), and solve again.

    Returns the solution and, per marker, how many samples were left out.
    """
    positions = trial.positions
    left_out = np.zeros(positions.shape[:2], dtype=bool)
    for _ in range(3):
        solution = solve_inverse_kinematics(
            skeleton, trial.labels, positions, trial.rate, prior_spread=math.radians(90.0), tolerance=1e-5
        )
        columns = [trial.labels.index(name) for name in solution.markers]
        misplaced = np.zeros_like(left_out)
        misplaced[:, columns] = solution.marker_error > MISPLACED
        if not misplaced.any():
            break
        left_out |= misplaced
        positions = np.where(left_out[..., None], np.nan, positions)
    counts = {trial.labels[k]: int(n) for k, n in enumerate(left_out.sum(axis=0)) if n}
    return solution, counts


def _solve_trial(trial: MarkerTrial, model: SubjectModel, out: Path) -> dict:
    """Solve one moving trial and write its motion file."""
    skeleton: Skeleton = model.spatial.skeleton
    started = time.perf_counter()
    try:
        solution, left_out = _solve_robustly(skeleton, trial)
    except ModelMismatch as error:
        return _refused(trial.subject.code, trial.name, f"{trial.source or trial.name}: {error}")
    solved = np.isfinite(solution.kinematics.values).any(axis=1)
    if not solved.any() or solution.rms_error > PLAUSIBLE_MARKER_ERROR:
        reason = (
            f"{trial.source or trial.name}: inverse kinematics leaves {solution.rms_error * 1000:.0f} mm RMS at the "
            f"markers, expected below {PLAUSIBLE_MARKER_ERROR * 1000:.0f} mm. Check labels and the static trial."
        )
        return _refused(trial.subject.code, trial.name, reason)
    write_motion(out / f"{trial.name}.mot", solution.kinematics)
    return {
        "subject": trial.subject.code,
        "trial": trial.name,
        "status": "solved",
        "reason": _remarks(solved, solution.converged, left_out),
        "n_frames": trial.n_frames,
        "marker_error_mm": solution.rms_error * 1000,
        "landmark_error_mm": model.spatial.rms_residual * 1000,
        "held": " ".join(solution.held),
        "seconds": time.perf_counter() - started,
    }


def _remarks(solved: np.ndarray, converged: np.ndarray, left_out: dict[str, int]) -> str:
    """Say what a solved trial lacks."""
    remarks = []
    if not solved.all():
        remarks.append(f"{int((~solved).sum())} frames show too few markers")
    if (solved & ~converged).any():
        remarks.append(f"{int((solved & ~converged).sum())} frames did not converge")
    if left_out:
        worst = sorted(left_out, key=left_out.get, reverse=True)
        share = ", ".join(f"{name} ({100 * left_out[name] / len(solved):.0f} %)" for name in worst[:6])
        more = f" and {len(worst) - 6} more" if len(worst) > 6 else ""
        remarks.append(f"samples more than {MISPLACED * 1000:.0f} mm from the skeleton left out: {share}{more}")
    return "; ".join(remarks)
