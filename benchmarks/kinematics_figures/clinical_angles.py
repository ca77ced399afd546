"""Clinical angles and moments against those that Vicon's Plug-in Gait stored in the McGill files.

Three ways from the same raw markers, none of which knows the stored numbers or was tuned on a person:
  same definitions    Plug-in Gait as published, frame by frame (`plug_in_gait`): does our arithmetic agree?
  clusters            anatomical frames of the static trial carried by marker clusters, hips by Harrington
  clusters, Vicon hip the same with Vicon's regression of the hip centre: what of the difference is the hip centre's
The stored moments are external, unfiltered, in the distal segment's axes; ours are taken the same way. Table: RMSE raw
and mean-removed by person (both legs, straight walks and turns), then the mean over persons, which is what is scored.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from mocap_import.marker.marker_set import MarkerSet, load_marker_set
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.clinical_motion import calibrate_static, clinical_motion
from opensim_models.clinical.joint_angle import joint_angles
from opensim_models.clinical.joint_moment import joint_moments, leg_segments
from opensim_models.clinical.plug_in_gait import calibrate_plug_in_gait, plug_in_gait_motions
from opensim_models.clinical.stored_outputs import read_body_measures, stored_angles, stored_moments
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

JOINTS = ("hip_flexion", "knee_flexion", "ankle_dorsiflexion")
WAYS = ("same definitions", "clusters", "clusters, Vicon hip")
RAW, REMOVED, MOMENT = 4.0, 2.5, 0.12
ALL_ANGLES = "every stored angle (pelvis in turns left out), same definitions"


def figures(data: Path) -> dict[str, dict]:
    """RMSE of angles (deg) and moments (N·m/kg) by way and joint, mean over persons."""
    errors: dict[tuple, dict[str, list[float]]] = {}
    shifts: list[np.ndarray] = []
    meaning = load_marker_set("plug_in_gait")
    print(f"{'person, trial, way':44}" + "".join(f"{joint:>28}" for joint in JOINTS))
    print(f"{'':44}" + f"{'raw  -mean deg   N·m/kg':>28}" * 3)
    for person in sorted(p for p in (data / "mcgill_walk_youth").iterdir() if p.is_dir()):
        static = read_trial(next((person / "Static").glob("*.c3d")))
        for path in sorted([*(person / "Straight").glob("*.c3d"), *(person / "Turn").glob("*.c3d")]):
            try:
                trial = read_trial(path)
                motions, said = _motions(trial, static, path, meaning)
            except (TrialRefused, ModelMismatch) as refusal:
                print(f"{path.name}: refused: {refusal}")
                continue
            shifts.append(_hip_shift(motions))
            for way in WAYS:
                _compare(person.name, path.stem, way, trial, motions[way], errors)
            for note in said:
                print(f"   {note}")
    return _scores(errors) | _shift_figures(shifts)


def _motions(trial: MarkerTrial, static: MarkerTrial, path: Path, meaning: MarkerSet) -> tuple[dict, list[str]]:
    """Segment motions of each way, and what the cluster way left out."""
    measures = read_body_measures(path)
    model = calibrate_plug_in_gait(static, measures)
    ours, vicon = (
        clinical_motion(trial, calibrate_static(static, meaning, hip_method=method, measures=measures))
        for method in ("harrington", "plug_in_gait")
    )
    found = {WAYS[0]: plug_in_gait_motions(trial, model), WAYS[1]: ours.motions, WAYS[2]: vicon.motions}
    return found, [note for note in ours.notes if "fit" in note]


def _compare(person: str, trial_name: str, way: str, trial: MarkerTrial, motions: dict, errors: dict) -> None:
    """Print one line and add it to the person's errors."""
    convention = "plug_in_gait" if way == WAYS[0] else "grood_suntay"
    ours, stored = joint_angles(motions, convention=convention), stored_angles(trial)
    try:
        # the stored moments are unfiltered, so are these
        segments = leg_segments(trial.subject, motions)
        reactions = foot_reactions(trial)
        moments = joint_moments(motions, reactions, segments, trial.subject.mass, kind="external", cutoff=None)
        stored_m = stored_moments(trial)
    except ModelMismatch as refusal:
        print(f"   {trial_name}: no moments: {refusal}")
        moments = stored_m = None
    cells = []
    for joint in JOINTS:
        row = []
        for side in "rl":
            name = f"{joint}_{side}"
            apart = np.degrees(ours.of(name) - stored.of(name)) if name in ours.names else np.full(1, np.nan)
            row += [("raw", _rms(apart)), ("removed", _rms(apart - _mean(apart)))]
            if moments is not None and name in moments.names and name in stored_m.names:
                row.append(("moment", _rms((moments.of(name) - stored_m.of(name)) / trial.subject.mass)))
        for metric in ("raw", "removed", "moment"):
            values = [v for m, v in row if m == metric and np.isfinite(v)]
            errors.setdefault((way, joint, metric), {}).setdefault(person, []).extend(values)
            cells.append(float(np.mean(values)) if values else float("nan"))
    if way == WAYS[0]:
        # Vicon measures the pelvis from the laboratory's axis of travel, which a person who turns has two of
        names = [n for n in stored.names if not (trial.task == "turn" and n.startswith("pelvis"))]
        everything = [_rms(np.degrees(ours.of(n) - stored.of(n))) for n in names if np.isfinite(stored.of(n)).any()]
        errors.setdefault((ALL_ANGLES, "", "raw"), {}).setdefault(person, []).extend(everything)
    text = "".join(f"{cells[k]:14.2f}{cells[k + 1]:7.2f}{cells[k + 2]:7.3f}" for k in (0, 3, 6))
    print(f"{trial_name + ', ' + way:44}{text}")


def _rms(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _hip_shift(motions: dict[str, dict[str, SegmentMotion]]) -> np.ndarray:
    """Harrington's hip centre less Vicon's (mm), forward, up and outward in the pelvis, mean of both sides."""
    both = []
    for side, sign in (("r", 1.0), ("l", -1.0)):
        clusters, vicon = motions[WAYS[1]], motions[WAYS[0]]
        into = vicon["pelvis"].orientation.inv()
        away = into.apply(np.nan_to_num(clusters[f"femur_{side}"].origin - vicon[f"femur_{side}"].origin))
        known = np.isfinite(clusters[f"femur_{side}"].origin + vicon[f"femur_{side}"].origin).all(axis=1)
        both.append(1000.0 * np.median(away[known], axis=0) * (1.0, 1.0, sign))
    return np.mean(both, axis=0)


def _scores(errors: dict[tuple, dict[str, list[float]]]) -> dict[str, dict]:
    """Mean over persons of each error; the clusters' losing rows too."""
    units = {"raw": (RAW, "deg"), "removed": (REMOVED, "deg, mean removed"), "moment": (MOMENT, "N·m/kg")}
    found = {}
    print(f"\n{'mean over persons (worst leg of all)':58} goal")
    for way in WAYS:
        for metric, (goal, unit) in units.items():
            for joint in JOINTS:
                by_person = [np.mean(v) for v in errors[way, joint, metric].values() if v]
                worst = max(v for values in errors[way, joint, metric].values() for v in values)
                score = float(np.mean(by_person))
                name = f"{joint} vs stored Plug-in Gait, {way} ({unit})"
                print(f"{name:76} {score:7.3f} ({worst:.3f})  <= {goal}  {'' if score <= goal else 'MISSED'}")
                found[name] = _figure(score, goal)
    everything = max(v for values in errors[ALL_ANGLES, "", "raw"].values() for v in values)
    print(f"{ALL_ANGLES}: worst RMSE {everything:.4f} deg")
    return found | {f"{ALL_ANGLES}, worst RMSE (deg)": _figure(everything, 0.1)}


def _shift_figures(shifts: list[np.ndarray]) -> dict[str, dict]:
    """How far apart the two hip centres are: the reason for raw offsets between the two cluster ways."""
    forward, up, outward = np.mean(shifts, axis=0)
    print(
        f"Harrington's hip centre lies {forward:+.0f} mm forward, {up:+.0f} mm up and {outward:+.0f} mm outward of "
        f"Vicon's on average (single trials {np.min(shifts, axis=0).round().tolist()} to "
        f"{np.max(shifts, axis=0).round().tolist()})"
    )
    distance = float(np.mean(np.linalg.norm(shifts, axis=1)))
    return {"distance of Harrington's and Vicon's hip centre (mm)": _figure(distance, None)}


def _figure(ours: float, goal: float | None) -> dict:
    met = goal is None or ours <= goal
    return {"ours": round(ours, 4), "peer": None, "ratio": None, "goal": goal and f"<= {goal:g}", "met": bool(met)}


if __name__ == "__main__":
    repository = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("KINESYNTH_TEST_DATA") or repository.parent / "shared" / "data")
    print(json.dumps({"figures": figures(Path(sys.argv[1]) if len(sys.argv) > 1 else folder)}))
