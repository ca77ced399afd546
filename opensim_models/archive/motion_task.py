"""Motion tasks: what a worker process does for one subject or one trial, and the small files that say it was done.

Every task ends in a JSON file beside its products, written last: row, residuals, and a fingerprint of everything the
products depend on. A run that was killed leaves products without that file, and does them again.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from mocap_import.durable_file import write_durably
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.archive.doubt import joined
from opensim_models.archive.human_bound import without_impossible_moments
from opensim_models.archive.static_person import of_moving_person, refuse_other_person
from opensim_models.archive.trial_motion import file_start, solve_trial_kinematics, solve_trial_kinetics
from opensim_models.archive.trial_row import kinematics_row, kinetics_row, residual_rows
from opensim_models.exchange.storage import read_motion, write_generalized_forces, write_motion
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.report import json_numbers, read_report, write_report
from opensim_models.scaling.scaling_doubt import with_doubts
from opensim_models.scaling.subject_scaling import load_recording, own_generic, scale_other, scale_our_own

SKELETON, PLANAR, STATIC_POSE, SCALING = "skeleton.json", "planar_skeleton.json", "static.mot", "scaling.json"
SCALING_DONE = "scaling.done.json"
SUBJECT_FILES = (SKELETON, PLANAR, STATIC_POSE, SCALING, SCALING_DONE)
STEPS = ("ik", "id")


def done_file(out: Path, trial: str, step: str) -> Path:
    """The file that says that a step (``ik``, ``id``) of a trial was done."""
    return Path(out) / f"{trial}.{step}.json"


def product_file(out: Path, trial: str, step: str) -> Path:
    """What a step of a trial makes: coordinates (``ik``) or generalized forces (``id``)."""
    return Path(out) / (f"{trial}.mot" if step == "ik" else f"{trial}_forces.sto")


def trial_files(out: Path, trial: str) -> tuple[Path, ...]:
    """Every file that the steps of a trial write."""
    return tuple(own for step in STEPS for own in (product_file(out, trial, step), done_file(out, trial, step)))


def discard_step(out: Path, trial: str, step: str) -> None:
    """Remove what a step of a trial made, and with the coordinates the forces that came from them."""
    for each in STEPS[STEPS.index(step) :]:
        product_file(out, trial, each).unlink(missing_ok=True)
        done_file(out, trial, each).unlink(missing_ok=True)


def discard_subject(out: Path) -> list[str]:
    """Remove a subject's skeletons and what was solved with them; returns the names of the trials that had something.

    Only what a record says to be of this programme is removed; the record of the scaling itself stays.
    """
    out = Path(out)
    names = {path.name.removesuffix(f".{step}.json") for step in STEPS for path in out.glob(f"*.{step}.json")}
    for name in names:
        discard_step(out, name, "ik")
    for name in (SKELETON, PLANAR, STATIC_POSE, SCALING):
        (out / name).unlink(missing_ok=True)
    return sorted(names)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, empty if it is missing."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def holds(done: Mapping[str, Any] | None, product: Path) -> bool:
    """Whether what a done file tells of is still there: the very product, or the refusal that has none."""
    if done is None:
        return False
    return done["row"].get("status") == "refused" or done.get("product", "") == file_hash(product) != ""


def write_done(path: Path, content: Mapping[str, Any]) -> None:
    """Write a done file, numbers without a value as null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps(json_numbers(content), indent=1))


def read_done(path: Path) -> dict[str, Any] | None:
    """What a done file says; None if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "fingerprint" in content and "row" in content else None


def scale_task(
    code: str,
    recordings: list[str],
    out: str,
    fingerprint: str,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Scale one subject and write skeletons, standing pose and report; returns what the done file says.

    Parameters
    ----------
    code : str
    recordings : list of str
        All trials of the subject.
    out : str
        The subject's folder.
    fingerprint : str
    settings : dict
        ``model`` (skeleton file or ""), ``method``, ``given``, ``hip_method``, ``mass``, ``height``, ``static`` (file
        or ""), ``move_landmarks``.
    """
    folder = Path(out)
    row: dict[str, Any] = {"subject": code}
    try:
        row |= _scale(code, recordings, folder, settings)
        row["status"] = "scaled"
    except (ModelMismatch, TrialRefused) as error:
        row |= {"status": "refused", "reason": str(error)}
    done = {"fingerprint": fingerprint, "row": row}
    write_done(folder / SCALING_DONE, done)
    return done


def _scale(code: str, recordings: list[str], folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Scale by the method asked for; returns columns of the table."""
    known = _known(settings)
    trials, unread = _readable(recordings, known)
    statics = [t for t in trials if t.task == "static"]
    moving = [t for t in trials if t.task != "static"]
    if settings["static"]:
        statics = [_given_static(load_recording(Path(settings["static"]), known), moving, code)]
    if not statics and not moving:
        raise ModelMismatch(f"{code}: none of its recordings can be read: {unread[0]}")
    method = settings["method"]
    if method == "static" and not statics:
        raise ModelMismatch(
            f"{code}: no static trial, so the skeleton cannot be scaled. Add a recording of the subject standing, "
            "with 'static' or 'cal' in its file name, or scale by movement: --scale automatic."
        )
    if method == "automatic" and not moving:
        raise ModelMismatch(f"{code}: no moving trial to scale by.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (PLANAR, STATIC_POSE):  # not every way of scaling makes them, and those of another way are outdated
        (folder / name).unlink(missing_ok=True)
    if not settings["model"] and method == "static":
        spatial, planar, scaled, remark = scale_our_own(statics, settings["hip_method"], settings["given"])
        save_skeleton(planar, folder / PLANAR)
        report, pose = scaled.report, scaled.static_pose
    else:
        own = own_generic((statics + moving)[0].subject) if not settings["model"] else None
        generic = own or load_skeleton(Path(settings["model"]))
        one = scale_other(
            generic,
            statics,
            moving,
            settings["given"],
            method,
            settings["hip_method"],
            settings.get("move_landmarks", False),
        )
        spatial, report, pose, remark = one.skeleton, one.report, one.static_pose, ""
    report = with_doubts(report, spatial, own=not settings["model"] and method == "static")
    save_skeleton(spatial, folder / SKELETON)
    if pose is not None:
        write_motion(folder / STATIC_POSE, pose, skeleton=spatial)
    write_report(folder / SCALING, report)
    return {
        "landmark_error_mm": 1000 * report.rms_residual,
        "reason": remark,
        "doubts": joined(report.doubts),
        "sentence": report.sentence,
        "report": report.rows(),
    }


def _given_static(given: MarkerTrial, moving: list[MarkerTrial], code: str) -> MarkerTrial:
    """The static trial that a user names, with the facts of the first moving trial that it fits.

    Each trial is asked again when it is solved, and refused by itself; here only if it fits none.
    """
    refusals = []
    for each in moving:
        try:
            refuse_other_person(given, each)
        except ModelMismatch as error:
            refusals.append(error)
            continue
        given = of_moving_person(given, each)
        break
    if moving and len(refusals) == len(moving):
        raise refusals[0]
    return replace(given, subject=replace(given.subject, code=code))


def _readable(recordings: list[str], known: Subject) -> tuple[list[MarkerTrial], list[str]]:
    """Load recordings; one that cannot be read is refused when it is to be solved, and does not stop the others."""
    trials, reasons = [], []
    for path in recordings:
        try:
            trials.append(load_recording(Path(path), known))
        except (TrialRefused, ModelMismatch) as error:
            reasons.append(_named(str(error), Path(path)))
    return trials, reasons


def trial_task(
    path: str,
    code: str,
    name: str,
    out: str,
    steps: list[str],
    fingerprints: dict[str, str],
    sources: dict[str, str],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Solve the steps of one trial that are asked for; returns step → what its done file says.

    Parameters
    ----------
    path, code, name : str
        The trial's file, its subject, its name.
    out : str
        The subject's folder.
    steps : list of str
        ``"ik"``, ``"id"``.
    fingerprints : dict
        Step → fingerprint.
    sources : dict
        Hashes of what it is solved from: ``trial``, ``skeleton``, and ``ik``, the fingerprint of the coordinates.
    settings : dict
        ``given``, ``matched`` (whether scaling has found the partners of those), ``cutoff``, ``mass``, ``height``,
        ``static`` (the file that the user names, or "").
    """
    folder, known = Path(out), _known(settings)
    done: dict[str, Any] = {}
    for step in steps:
        began = time.perf_counter()
        solve = _kinematics if step == "ik" else _kinetics
        if step == "ik":  # forces of earlier coordinates would stand beside the new ones
            discard_step(folder, name, "id")
        try:
            trial = load_recording(Path(path), known)
            content = {"row": {"status": "solved"} | solve(trial, name, folder, settings)}
        except (ModelMismatch, TrialRefused) as error:
            discard_step(folder, name, step)  # of an earlier run
            content = {"row": {"status": "refused", "reason": _named(str(error), Path(path))}}
        residuals = content["row"].pop("residuals", [])
        content["row"]["seconds"] = time.perf_counter() - began
        content |= {"fingerprint": fingerprints[step], "residuals": residuals, "sources": sources}
        content |= {"product": file_hash(product_file(folder, name, step))}
        content |= {"known": {each: settings.get(each) for each in ("mass", "height")}, "software": _software()}
        write_done(done_file(folder, name, step), content)
        done[step] = content
    return done


def _software() -> dict[str, str]:
    """Versions that shape a motion, for whoever asks where it comes from."""
    found = {"python": python_version()}
    return found | {name: metadata.version(name) for name in ("kinesynth", "numpy", "scipy")}


def _known(settings: Mapping[str, Any]) -> Subject:
    """What the user says of all subjects."""
    return Subject("", settings.get("mass") or math.nan, settings.get("height") or math.nan)


def _named(reason: str, path: Path) -> str:
    """A reason that names the file."""
    return reason if path.stem.split(".")[0] in reason or ".c3d" in reason else f"{path.name}: {reason}"


def _kinematics(trial: MarkerTrial, name: str, folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Inverse kinematics of a trial to its .mot file."""
    skeleton = load_skeleton(folder / SKELETON)
    remark = ""
    if settings.get("static"):
        remark = refuse_other_person(load_recording(Path(settings["static"]), _known(settings)), trial)
    given = settings["given"]
    if settings.get("matched"):  # markers may have the names of their partners since
        given = {mark: given[mark] for mark in given if mark in {m.name for m in skeleton.markers}}
    found = solve_trial_kinematics(skeleton, trial, given)
    write_motion(
        product_file(folder, name, "ik"), found.solution.kinematics, skeleton=skeleton, start_time=file_start(trial)
    )
    row = kinematics_row(skeleton, found)
    if not trial.source.lower().endswith(".c3d"):  # what an import did stands in its own table
        row["reason"] = "; ".join(filter(None, [row["reason"], *(each.detail for each in trial.treatments)]))
    row["reason"] = "; ".join(filter(None, [row["reason"], remark]))
    return row | {"residuals": residual_rows(found), "markers": found.markers.sentence}


def _kinetics(trial: MarkerTrial, name: str, folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Inverse dynamics of a trial from its .mot file to its forces."""
    motion = product_file(folder, name, "ik")
    if not motion.is_file():
        raise ModelMismatch(f"{trial.source or name}: no coordinates ({motion.name}), so there are no forces.")
    skeleton = load_skeleton(folder / SKELETON)
    if not skeleton.mass > 0:
        raise ModelMismatch(f"{skeleton.name}: the model has no mass; inverse dynamics needs the subject's.")
    kinematics = read_motion(motion, skeleton=skeleton)
    if not math.isfinite(trial.subject.height) and (folder / SCALING).is_file():  # that of the legs
        height = read_report(folder / SCALING).height
        trial = replace(trial, subject=replace(trial.subject, height=height))
    kinetics = solve_trial_kinetics(skeleton, kinematics, trial, settings.get("cutoff"))
    kinetics, impossible = without_impossible_moments(skeleton, kinetics)
    write_generalized_forces(product_file(folder, name, "id"), kinetics, start_time=file_start(trial))
    return kinetics_row(kinetics, trial.task, impossible) | {"reason": "; ".join(kinetics.mask_reasons)}
