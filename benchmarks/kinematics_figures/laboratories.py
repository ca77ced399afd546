"""Three laboratories end to end: archive → trials → scaling → inverse kinematics → inverse dynamics, one command each.

What comes out is held against numbers that nobody of us computed: the Plug-in Gait angles and moments stored in the
McGill files, the published mean cycles of two runners, and two reference solutions of OpenCap's subject 4. Model-based
angles differ from them by definition (hip centre by Harrington, hinged knees, ankle axis along the malleoli, sole level
in the static trial); `clinical_angles` shows with the same markers what of it is definition.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.archive.run import convert_archive
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.trial import MarkerTrial
from mocap_import.trial_store import load_trial
from opensim_models.archive.subject_motion import MotionSettings, solve_archive_motion
from opensim_models.clinical.joint_moment import JointMoments, joint_moments, leg_segments
from opensim_models.clinical.stored_outputs import stored_angles, stored_moments
from opensim_models.exchange.marker_file import read_markers
from opensim_models.exchange.storage import read_generalized_forces, read_motion
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.marker_map import match_markers, renamed_markers

ARCHIVES = ("mcgill_walk_youth", "rbds_running", "clinical_labs_anz")
JOINTS = {"hip_flexion": "hip_flexion", "knee_angle": "knee_flexion", "ankle_angle": "ankle_dorsiflexion"}
RAW, REMOVED, MOMENT, RUN_REMOVED = 4.0, 2.5, 0.12, 3.0


def figures(data: Path) -> dict[str, dict]:
    """Residuals of every trial, and errors against stored, published and other solutions."""
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        for archive in ARCHIVES:
            trials, motion = Path(folder) / archive / "trials", Path(folder) / archive / "motion"
            convert_archive(data / archive, trials, codes="keep", n_workers=0)
            found |= _end_to_end(archive, trials, motion)
            if archive == "mcgill_walk_youth":
                found |= _against_plug_in_gait(trials, motion)
            if archive == "rbds_running":
                found |= _against_published_cycles(data, trials, motion)
        found |= _against_opencap(data, Path(folder))
    return found


def _end_to_end(archive: str, trials: Path, motion: Path) -> dict[str, dict]:
    """One command over an archive: its table, and how many trials end solved."""
    solve_archive_motion(trials, motion)  # compiles, reads, writes once
    for path in motion.glob("*/*.json"):
        path.unlink()  # so that it all is done again and timed
    began = time.process_time()
    table = solve_archive_motion(trials, motion)
    spent = time.process_time() - began
    shown = {
        "marker_error_mm": "markers mm",
        "worst_marker": "worst",
        "residual_force_percent": "%BW",
        "residual_moment_percent": "%BWh",
        "masked_percent": "masked %",
    }
    columns = ["subject", "trial", "status", "n_frames", *shown, "dynamics"]
    n_frames = int(table.n_frames.sum())
    print(f"\n{archive}: marker RMS, residual at the root by trial; {spent:.1f} s CPU for {n_frames} frames")
    print(table[columns].rename(columns=shown).round(2).to_string(index=False))
    for reason in [
        r for r in (*table.reason, *table.dynamics_reason) if isinstance(r, str) and ("left out" in r or "exch" in r)
    ]:
        print(f"   {reason}")
    solved = float((table.status == "solved").mean())
    forces = float((table.dynamics == "solved").mean())
    return {
        f"{archive}: trials solved by kinematics (part)": _at_least(solved, 1.0),
        f"{archive}: trials with joint moments (part)": _at_least(forces, 1.0),
        f"{archive}: marker RMS, mean of trials (mm)": _figure(table.marker_error_mm.mean(), 15.0),
        f"{archive}: residual force, median of trials (%BW)": _figure(table.residual_force_percent.median(), None),
        f"{archive}: CPU time per trial (s)": _figure(spent / len(table), None),
    }


def _against_plug_in_gait(trials: Path, motion: Path) -> dict[str, dict]:
    """Flexion angles and moments of the model against those stored in the files, mean over persons."""
    errors: dict[tuple[str, str], dict[str, list[float]]] = {}
    print(f"\n{'model against stored Plug-in Gait':34}" + "".join(f"{name:>28}" for name in JOINTS))
    print(f"{'':34}" + f"{'raw  -mean deg   N·m/kg':>28}" * 3)
    for path in sorted(trials.glob("*/*.trial.h5")):
        trial = load_trial(path)
        solved = motion / path.parent.name / f"{trial.name}.mot"
        if trial.task == "static" or not solved.is_file():
            continue
        ours, angles = read_motion(solved), stored_angles(trial)
        forces = solved.with_name(f"{trial.name}_forces.sto")
        moments = read_generalized_forces(forces) if forces.is_file() else None
        try:
            stored = stored_moments(trial)
        except ModelMismatch:
            stored = None
        alike = _moments_alike(trial, solved)
        cells = []
        for joint, theirs in JOINTS.items():
            row = {"raw": [], "removed": [], "moment": [], "alike": []}
            for side in "rl":
                apart = np.degrees(ours.of(f"{joint}_{side}") - angles.of(f"{theirs}_{side}"))
                row["raw"].append(_rms(apart))
                row["removed"].append(_rms(apart - np.nanmean(apart)))
                if moments is not None and stored is not None and f"{theirs}_{side}" in stored.names:
                    # internal moments here, external ones there: the knee's generalized force counts flexion
                    apart = (-moments.of(f"{joint}_{side}") - stored.of(f"{theirs}_{side}")) / trial.subject.mass
                    row["moment"].append(_rms(apart))
                if alike is not None and stored is not None and f"{theirs}_{side}" in stored.names:
                    apart = (alike.of(f"{theirs}_{side}") - stored.of(f"{theirs}_{side}")) / trial.subject.mass
                    row["alike"].append(_rms(apart))
            for metric, values in row.items():
                known = [v for v in values if np.isfinite(v)]
                errors.setdefault((joint, metric), {}).setdefault(path.parent.name, []).extend(known)
                if metric != "alike":
                    cells.append(float(np.mean(known)) if known else float("nan"))
        text = "".join(f"{cells[k]:14.2f}{cells[k + 1]:7.2f}{cells[k + 2]:7.3f}" for k in (0, 3, 6))
        print(f"{path.parent.name + ' ' + trial.name:34}{text}")
    found = {}
    units = {"raw": (RAW, "deg"), "removed": (REMOVED, "deg, mean removed"), "moment": (MOMENT, "N·m/kg")}
    units["alike"] = (MOMENT, "N·m/kg, about the stored axes, unfiltered")
    for (joint, metric), by_person in errors.items():
        goal, unit = units[metric]
        score = float(np.mean([np.mean(values) for values in by_person.values() if values]))
        found[f"{joint} vs stored Plug-in Gait, model-based ({unit})"] = _figure(score, goal)
    return _printed(found)


def _moments_alike(trial: MarkerTrial, solved: Path) -> JointMoments | None:
    """Moments of the model's motion as Vicon states them: external, in the distal segment's axes, unfiltered."""
    skeleton = load_skeleton(solved.with_name("skeleton.json"))
    motions = {n: m for n, m in segment_motions(skeleton, read_motion(solved)).items() if n != "torso"}
    try:
        segments = leg_segments(trial.subject, motions)
        mass = trial.subject.mass
        return joint_moments(motions, foot_reactions(trial), segments, mass, kind="external", cutoff=None)
    except ModelMismatch:
        return None


def _against_published_cycles(data: Path, trials: Path, motion: Path) -> dict[str, dict]:
    """Mean running cycles against those of BioMAC: half a cycle from strike to strike, leading and trailing leg.

    Its strikes are a few milliseconds earlier than ours; both are laid over each other by the vertical force alone.
    """
    found = {}
    print("\nmean half cycles at 3.5 m/s against reference_cycles (deg raw / mean removed)")
    for runner in ("RBDS001", "RBDS002"):
        table = pd.read_csv(data / "biomac_fau" / "reference_cycles" / f"{runner}runT35_mean.csv")
        trial = load_trial(trials / runner / "runT35.trial.h5")
        ours = read_motion(motion / runner / "runT35.mot")
        time_ = np.arange(len(ours.values)) / ours.rate
        shift = _shift(trial, (table["GRF.GRF_y_r"] + table["GRF.GRF_y_l"]).to_numpy())
        for joint, sign in (("hip_flexion", 1.0), ("knee_angle", -1.0), ("ankle_angle", 1.0)):
            reference = sign * np.degrees(np.r_[table[f"angle.{joint}_r"], table[f"angle.{joint}_l"]])
            legs = {foot: np.degrees(ours.of(f"{joint}_{foot[0]}")) for foot in FEET}
            apart = _half_cycles(trial, time_, legs, shift) - reference
            by_angle = min(_rms(_half_cycles(trial, time_, legs, k / 200) - reference) for k in range(-10, 11))
            name = f"{joint} {runner} at 3.5 m/s vs published cycle"
            print(
                f"{runner} {joint:12} {_rms(apart):.2f}/{_rms(apart - apart.mean()):.2f}; "
                f"laid over by the angle itself instead: {by_angle:.2f}"
            )
            found[f"{name} (deg)"] = _figure(_rms(apart), RAW)
            found[f"{name} (deg, mean removed)"] = _figure(_rms(apart - apart.mean()), RUN_REMOVED)
        print(f"   shift by the vertical force: {100 * shift:.1f} % of the half cycle")
    return _printed(found)


FEET = ("right", "left")
OTHER = {"right": "left", "left": "right"}


def _shift(trial: MarkerTrial, reference: np.ndarray) -> float:
    """Part of the half cycle by which our strikes come later than the reference's, by the vertical force alone."""
    plate = max(trial.ground_reactions, key=lambda r: np.nanmax(r.force[:, 1]))
    time_ = np.arange(len(plate.force)) / plate.rate
    vertical = np.nan_to_num(plate.force[:, 1]) / trial.subject.body_weight
    candidates = np.arange(-0.05, 0.0501, 0.0025)
    same = dict.fromkeys(FEET, vertical)
    errors = [_rms(_half_cycles(trial, time_, same, c)[:50] - reference) for c in candidates]
    return float(candidates[int(np.argmin(errors))])


def _half_cycles(trial: MarkerTrial, time_: np.ndarray, legs: dict[str, np.ndarray], shift: float) -> np.ndarray:
    """Mean over all half cycles (100,): the leg that strikes at its beginning, then the one that strikes at its end."""
    strikes = sorted((event.time, event.foot) for event in trial.events if event.kind == "foot_strike")
    part = np.arange(50) / 50 - shift
    halves = [
        np.r_[np.interp(a + (b - a) * part, time_, legs[foot]), np.interp(a + (b - a) * part, time_, legs[OTHER[foot]])]
        for (a, foot), (b, next_foot) in pairwise(strikes)
        if next_foot != foot and 0.2 < b - a < 0.6
    ]
    return np.mean(halves, axis=0)


def _against_opencap(data: Path, folder: Path) -> dict[str, dict]:
    """Our scaling of the generic model and our kinematics against the expert's and AddBiomechanics'."""
    place = data / "opencap_lab_subject4"
    expert = read_osim(place / "Models" / "manually_scaled.osim")
    settings = MotionSettings(
        model=read_osim(place / "Models" / "unscaled_generic.osim"),
        mass=expert.mass,
        static=place / "MarkerData" / "static1.trc",
    )
    angles = [f"{joint}_{side}" for joint in JOINTS for side in "rl"]
    errors: dict[str, list[float]] = {}
    names = (
        "our scaling vs expert",
        "our scaling vs AddBiomechanics",
        "expert's model vs expert",
        "expert vs AddBiomechanics",
    )
    print("\nOpenCap subject 4, hip, knee and ankle flexion, RMSE (deg): " + "; ".join(names))
    for path in sorted((place / "MarkerData").glob("walking*.trc")):
        reference = read_motion(place / "IK" / f"{path.stem}_manual_scaling_ik.mot")
        other = read_motion(place / "IK" / f"{path.stem}_ik.mot")
        solve_archive_motion(path, folder / "opencap", settings=settings)
        ours = read_motion(folder / "opencap" / "MarkerData" / f"{path.stem}.mot")
        markers = read_markers(path)
        model = renamed_markers(expert, match_markers(expert, markers.labels))
        same = solve_inverse_kinematics(model, markers.labels, markers.positions, markers.rate).kinematics
        row = [
            float(np.mean([_apart(a, b, name) for name in angles]))
            for a, b in ((ours, reference), (ours, other), (same, reference), (reference, other))
        ]
        print(f"{path.stem:14}" + "".join(f"{value:8.2f}" for value in row))
        for name, value in zip(names, row, strict=True):
            errors.setdefault(name, []).append(value)
    goals = (RAW, None, 1.5, None)
    found = {
        f"OpenCap subject 4, {name} (deg)": _figure(float(np.mean(errors[name])), goal)
        for name, goal in zip(names, goals, strict=True)
    }
    return _printed(found)


def _apart(a: object, b: object, name: str) -> float:
    """RMSE (deg) of one coordinate over the frames of both."""
    n = min(len(a.values), len(b.values))
    return _rms(np.degrees(a.of(name)[:n] - b.of(name)[:n]))


def _rms(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


def _printed(found: dict[str, dict]) -> dict[str, dict]:
    """Print each figure with its goal, losing ones marked."""
    for name, figure in found.items():
        print(f"{name:86} {figure['ours']:8.3f}  {figure['goal'] or '':8} {'' if figure['met'] else 'MISSED'}")
    return found


def _at_least(ours: float, goal: float) -> dict:
    return {"ours": round(ours, 4), "peer": None, "ratio": None, "goal": f">= {goal:g}", "met": bool(ours >= goal)}


def _figure(ours: float, goal: float | None) -> dict:
    met = goal is None or ours <= goal
    return {
        "ours": round(float(ours), 4),
        "peer": None,
        "ratio": None,
        "goal": goal and f"<= {goal:g}",
        "met": bool(met),
    }


if __name__ == "__main__":
    repository = Path(__file__).resolve().parents[2]
    shared = Path(os.environ.get("KINESYNTH_TEST_DATA") or repository.parent / "shared" / "data")
    print(json.dumps({"figures": figures(Path(sys.argv[1]) if len(sys.argv) > 1 else shared)}))
