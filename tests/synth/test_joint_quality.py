"""The published quality control of joint trials: each limit takes its trial, says so, and nothing gets lost."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.joint_quality import ANGLE_CHANGE, FASTEST_TURN, FORCE_CHANGE, pass_quality, trial_fault
from synth.joint_trial import JointTrial


def _calm(rate=200.0, n=200, size=0.3, code="S1"):
    swing = np.sin(2 * np.pi * np.arange(n) / rate)[:, None]
    record = ImuRecording(SensorPlacement("thigh_r", "femur_r"), 9.8 + 0 * swing * np.ones(3), swing * np.ones(3), rate)
    still = Rotation.identity(n)
    return JointTrial(Subject(code), "run", "knee", "r", rate, record, record, still, still, size * swing * np.ones(3))


def _with(trial, what, axis, step):
    values = (trial.angles if what == "angles" else getattr(trial.distal, what)).copy()
    values[100:, axis] += step
    if what == "angles":
        return replace(trial, angles=values)
    return replace(trial, distal=replace(trial.distal, **{what: values}))


@pytest.mark.parametrize("rate", (100.0, 200.0))
@pytest.mark.parametrize("axis", range(3))
def test_each_limit_takes_its_trial_at_any_rate(rate, axis):
    calm = _calm(rate)
    assert trial_fault(calm) == ""
    for what, limit, said in (
        ("angles", ANGLE_CHANGE[axis] / rate, ("flexion", "adduction", "rotation")[axis]),
        ("specific_force", FORCE_CHANGE[axis] / rate, f"distal specific force {'xyz'[axis]}"),
        ("angular_velocity", FASTEST_TURN[axis], f"distal angular velocity {'xyz'[axis]}"),
    ):
        assert trial_fault(_with(calm, what, axis, 0.5 * limit)) == ""
        assert said in trial_fault(_with(calm, what, axis, 1.5 * limit))


def test_unknown_frames_break_no_limit():
    calm = _calm()
    gap = np.where((np.arange(200) // 10 % 2)[:, None] == 1, np.nan, calm.angles)
    assert trial_fault(replace(calm, angles=gap)) == ""


def test_rare_ranges_go_from_a_crowd_only_and_all_add_up():
    crowd = [_calm(size=0.2 + 0.0005 * k, code=f"S{k:03d}") for k in range(400)]
    crowd[7] = _with(crowd[7], "angular_velocity", 0, 20.0)
    kept, table = pass_quality(crowd)
    assert len(kept) + (table.status != "kept").sum() == 400
    assert table.status.value_counts().to_dict() == {"kept": 397, "rare": 2, "limit": 1}
    assert table.subject[table.status == "rare"].tolist() == ["S000", "S399"]
    assert (table.reason[table.status != "kept"] != "").all() and (table.reason[table.status == "kept"] == "").all()
    few, _ = pass_quality(crowd[:100])
    assert len(few) == 99  # the one beyond a limit
