"""Corpora for joint networks: strides that become running, marker clusters against a model, tables against markers.

"Peer" is the other way to do the same: strides laid end to end without the frame between them; the time between foot
strikes of heel markers (belt: forward to backward); labels as the file has them; angles of inverse kinematics with
hinged knees have no figure of their own, they are what ours is compared with.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial import MarkerTrial
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.clinical_motion import calibrate_static, clinical_motion
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.scaling.skeleton_scaling import scale_skeleton
from synth.cluster_trial import cluster_trial
from synth.corpus import Corpus, CorpusTrial
from synth.joint_trial import JOINTS, joint_angles, joint_trial, segment_poses
from synth.strides.runner_body import RIGHT_LEG, draw_body
from synth.strides.stride_corpus import build_stride_corpus
from synth.strides.stride_quality import stride_faults
from synth.strides.stride_table import read_runners, read_strides, stride_files, table_rotation
from synth.strides.upright_leg import upright_pelvis

SAME_RUNNERS = {"g01s01": "RBDS001", "g01s02": "RBDS002"}
"""Of one age, height, mass and speed in both data sets."""
WALKERS = {"HC002D": ("02", "06"), "HC030A": ("01", "05"), "HC033A": ("01", "10"), "HC036A": ("01", "10")}
WALKERS |= {"HC039A": ("01", "17")}
HINGES = {"hip": "hip_flexion", "knee": "knee_angle", "ankle": "ankle_angle"}


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    return _strides(data) | _same_runners(data) | _walkers(data)


def _strides(data: Path) -> dict[str, dict]:
    with tempfile.TemporaryDirectory() as folder:
        out, began = Path(folder) / "running.h5", time.process_time()
        table = build_stride_corpus(data / "bmc_ric_running", out, seed=7)
        seconds = time.process_time() - began
        turned = _gyroscope_misfit(Corpus(out))
    print(
        f"strides: {len(table)} runners, {table.strides.sum()} strides, {table.rejected.sum()} rejected, "
        f"{table.short.sum()} alone, {table.trials.sum()} trials, {table.seconds.sum() / 60:.1f} min; durations "
        f"{table.stride_duration.min():.3f} to {table.stride_duration.max():.3f} s, standard error at most "
        f"{100 * (table.duration_error / table.stride_duration).max():.2f} %"
    )
    return {
        "strides: corpus of 40 runners, compiled (CPU s)": _at_most(seconds, 180.0),
        "strides: runners used": _row(float((table.status == "accepted").sum()), None, "40", len(table) == 40),
        "strides: median misfit at a seam; peer: jump end to end (deg)": _at_most(
            float(table.seam_misfit_deg.median()), 0.1, _plain_jump(data)
        ),
        "strides: gyroscope against the turn of its segment, worst frame (deg)": _at_most(turned, 0.1),
    }


def _plain_jump(data: Path) -> float:
    """Median jump (deg) between the last row of a good stride and the first of the next, the largest of nine angles."""
    runners, jumps = read_runners(data / "bmc_ric_running"), []
    for file in stride_files(data / "bmc_ric_running"):
        strides = read_strides(file, runners)
        good = np.array([not fault for fault in stride_faults(strides.angles, 0.72)])
        jump = np.abs(strides.angles[1:, 0] - strides.angles[:-1, -1]).max(axis=1)
        jumps.append(jump[good[1:] & good[:-1]])
    return float(np.degrees(np.median(np.concatenate(jumps))))


def _gyroscope_misfit(corpus: Corpus) -> float:
    worst = 0.0
    for key in corpus.trials():
        trial = corpus.read(*key, clean=True)
        for record, motion in zip(trial.recordings, trial.segments, strict=True):
            rate = (record.angular_velocity[1:] + record.angular_velocity[:-1]) / 2 / trial.rate
            turned = (motion.orientation[:-1] * Rotation.from_rotvec(rate)).inv() * motion.orientation[1:]
            worst = max(worst, float(np.degrees(turned.magnitude().max())))
    return worst


def _same_runners(data: Path) -> dict[str, dict]:
    """Two runners of whom there are stride tables and, in another data set, markers."""
    folder = data / "bmc_ric_running"
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as place:
        table = build_stride_corpus(folder, Path(place) / "running.h5").set_index("subject")
        drawn = Corpus(Path(place) / "running.h5")
        records = {key[0]: drawn.read(*key, clean=True) for key in drawn.trials() if key[0] in SAME_RUNNERS}
    for code, name in SAME_RUNNERS.items():
        static, run = (read_trial(data / "rbds_running" / name / f"{name}{task}.c3d") for task in ("static", "runT25"))
        calibration = calibrate_static(static, load_marker_set(static.marker_set))
        trial, facts = cluster_trial(run, calibration)
        heel = run.marker("R.Heel.Bottom")[:, 0]
        back = heel < np.nanmean(heel)
        turns = np.flatnonzero(back[1:] & ~back[:-1])
        marked = float(np.diff(turns).mean() / run.rate)
        ours = float(table.stride_duration[code])
        found[f"strides: duration of {code} by its seams; peer: {name} by heel markers (s)"] = _row(
            ours, marked, "1 %", abs(ours / marked - 1) < 0.01
        )
        alike = _table_against_markers(read_strides(folder / f"{code}.tsv", read_runners(folder)).angles, trial, marked)
        print(f"{code} against {name}, correlation over the stride: {alike}")
        print(f"{code} against {name}, SD of specific force x y z: {_spread_of_forces(records[code], trial)}")
        print(f"{name}, list and rotation of the pelvis by the leg's plane: {_pelvis_by_the_leg(trial, marked)}")
        if facts["repairs"]:
            plain = clinical_motion(run, calibration).poses["calcn_r"].motion.orientation
            own = next(motion for motion in trial.segments if motion.segment == "calcn_r").orientation
            away = float(np.degrees(np.median((plain.inv() * own).magnitude())))
            print(f"{name}: {facts['repairs']}; as labelled the robust fit turns the foot by {away:.0f} deg")
    return found


def _spread_of_forces(drawn: CorpusTrial, measured: CorpusTrial) -> str:
    words = []
    for record in drawn.recordings:
        other = next(r for r in measured.recordings if r.placement.sensor == record.placement.sensor)
        own, seen = (" ".join(f"{sd:.0f}" for sd in np.nanstd(r.specific_force, axis=0)) for r in (record, other))
        words.append(f"{record.placement.sensor} {own}, by markers {seen} m/s²")
    return "; ".join(words)


def _pelvis_by_the_leg(trial: CorpusTrial, duration: float) -> str:
    """Correlation, over the stride, of what `upright_pelvis` finds from joint angles with what markers show."""
    poses = segment_poses(trial)
    chain = [poses[name].orientation for name in RIGHT_LEG]
    joints = [upper.inv() * lower for upper, lower in pairwise(chain)]
    angles = np.hstack([rotation.as_euler("YXZ")[:, ::-1] for rotation in joints])
    pelvis = chain[0].as_euler("ZXY")
    time_ = np.arange(trial.n_frames) / trial.rate
    strikes = [e.time for e in trial.events if (e.kind, e.foot) == ("foot_strike", "right")]
    inside = [s + np.arange(101) / 100 * duration for s in strikes if s + duration < time_[-1]]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.median([[np.interp(at, time_, column) for column in values.T] for at in inside], axis=0).T

    body = draw_body(trial.subject.height if trial.subject.height > 0 else 1.75, np.random.default_rng(0))
    found = upright_pelvis(body, mean(angles)[None], float(pelvis[:, 0].mean()))
    phase = 2 * np.pi * np.arange(101)[:, None] / 100 * np.arange(1, found.shape[1] + 1)
    waves = (found[:, None, :] * np.exp(-1j * phase)).real.sum(axis=2)
    shown = mean(pelvis)
    return " and ".join(f"{np.corrcoef(waves[i], shown[:, i + 1])[0, 1]:.2f}" for i in range(2))


def _table_against_markers(strides: np.ndarray, trial: CorpusTrial, duration: float) -> str:
    strikes = [e.time for e in trial.events if (e.kind, e.foot) == ("foot_strike", "right")]
    time_, poses, words = np.arange(trial.n_frames) / trial.rate, segment_poses(trial), []
    table, still = np.median(strides, axis=0), Rotation.identity(101)
    for k, joint in enumerate(JOINTS):
        angles = joint_trial(trial, poses, joint, "r").angles
        inside = [s + np.arange(101) / 100 * duration for s in strikes if s + duration < time_[-1]]
        mean = np.median([[np.interp(at, time_, column) for column in angles.T] for at in inside], axis=0)
        told = joint_angles(joint, still, table_rotation(table[:, 3 * k : 3 * k + 3]))
        alike = [np.corrcoef(mean[i], told[:, i])[0, 1] for i in range(3)]
        spread = np.degrees(np.std(mean.T - told, axis=0))
        words.append(
            f"{joint} {' / '.join(f'{r:.2f}' for r in alike)} (SD {' / '.join(f'{d:.1f}' for d in spread)} deg)"
        )
    return ", ".join(words)


def _walkers(data: Path) -> dict[str, dict]:
    rows = []
    for name, (standing, straight) in WALKERS.items():
        place = data / "mcgill_walk_youth" / name
        static = read_trial(place / "Static" / f"{name}{standing}.c3d")
        walk = read_trial(place / "Straight" / f"{name}{straight}.c3d")
        rows += [{"walker": name} | row for row in _against_model(static, walk)]
    table = pd.DataFrame(rows)
    print(table.groupby("joint")[["sd_deg", "correlation"]].agg(["median", "min", "max"]).to_string())
    found = {}
    for joint, own in table.groupby("joint", sort=False):
        title = f"clusters against a fitted skeleton, {joint} flexion of ten legs walking, SD of the difference, worst"
        found[f"{title} (deg)"] = _at_most(float(own.sd_deg.max()), 3.0)
    return found


def _against_model(static: MarkerTrial, walk: MarkerTrial) -> list[dict]:
    meaning = load_marker_set(static.marker_set)
    trial, _ = cluster_trial(replace(walk, task="walk"), calibrate_static(static, meaning))
    scaled = scale_skeleton(walk.subject, static, meaning, lower_body_skeleton).skeleton
    fitted = solve_inverse_kinematics(scaled, walk.labels, walk.positions, walk.rate).kinematics
    poses, rows = segment_poses(trial), []
    for joint, coordinate in HINGES.items():
        for side in "rl":
            own, other = joint_trial(trial, poses, joint, side).angles[:, 0], fitted.of(f"{coordinate}_{side}")
            known = np.isfinite(own) & np.isfinite(other)
            sd = float(np.degrees(np.std(own[known] - other[known])))
            rows.append({"joint": joint, "sd_deg": sd, "correlation": np.corrcoef(own[known], other[known])[0, 1]})
    return rows


def _row(ours: float, peer: float | None, goal: str, met: bool) -> dict:
    return {"ours": ours, "peer": peer, "ratio": ours / peer if peer else None, "goal": goal, "met": bool(met)}


def _at_most(ours: float, goal: float, peer: float | None = None) -> dict:
    return _row(ours, peer, f"<= {goal:g}", ours <= goal)


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA")
    data_folder = Path(folder) if folder else Path(__file__).resolve().parents[3] / "shared" / "data"
    print(json.dumps({"figures": figures(data_folder)}))
