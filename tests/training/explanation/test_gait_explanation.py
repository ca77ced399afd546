"""Of a network whose ways are known, the explanation names the sensor and the phase that it reads, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import kinesynth
from mocap_import.subject import Subject
from synth.corpus.schema import CorpusMismatch
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import resolve_config
from training.explanation.gait_explanation import explain_trial, is_adjacent, sensor_concordance
from training.networks.registry import build_network
from training.normalisation import Normalisation
from training.target import Target
from training.window import CHANNELS_PER_SENSOR, sensor_names

KNEE = Target("angle", "knee_angle_r")


class Reader(nn.Module):
    """Takes the gyroscope (z) of one sensor for the angle."""

    def __init__(self, sensor: int) -> None:
        super().__init__()
        self.channel = CHANNELS_PER_SENSOR * sensor + 5

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[..., [self.channel]]


@pytest.fixture(scope="module")
def trial(make_walking_trial):
    return make_walking_trial(Subject("S01", mass=70.0, height=1.75), 1.3, "walk", np.random.default_rng(0))


def checkpoint_of(network: nn.Module, trial, config=None, targets=(KNEE,)) -> Checkpoint:
    sensors = sensor_names(trial)
    channels, n = np.zeros(6 * len(sensors), dtype=np.float32), len(targets)
    scale = Normalisation(channels, channels + 1, np.zeros(n, dtype=np.float32), np.ones(n, dtype=np.float32))
    return Checkpoint(network, config, scale, sensors, targets, trial.rate, ("S99",), 1, 1, 1, 0.0)


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_the_sensor_that_is_read_has_all_the_importance(trial, method):
    sensor = "shank_r"
    checkpoint = checkpoint_of(Reader(sensor_names(trial).index(sensor)), trial)
    table = explain_trial(checkpoint, trial, [KNEE], method)
    by_sensor = table.groupby("sensor").importance.sum()
    assert by_sensor[sensor] > 0
    assert (by_sensor.drop(sensor) < 1e-6).all()
    assert table.groupby("sensor").is_adjacent.first()[["thigh_r", "shank_r"]].all()
    assert not table.groupby("sensor").is_adjacent.first()["foot_l"]


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_the_phase_with_the_movement_has_the_importance(trial, method):
    """Only the right foot's sensor moves, and it only in a fifth of the cycle: no other part may matter."""
    from dataclasses import replace

    from training.gait_phase import cycle_phase

    phase = cycle_phase(trial, np.ones(trial.n_frames, dtype=bool), "right", timing="truth")
    inside = ((phase >= 0.4) & (phase < 0.6))[:, None]
    recordings = tuple(
        replace(
            r,
            angular_velocity=np.where(inside & (r.placement.sensor == "foot_r"), r.angular_velocity, 1e-3 * inside),
            specific_force=r.specific_force,
        )
        for r in trial.recordings
    )
    still = replace(trial, recordings=recordings)
    checkpoint = checkpoint_of(Reader(sensor_names(trial).index("foot_r")), still)
    importance = explain_trial(checkpoint, still, [KNEE], method).set_index(["sensor", "phase"]).importance
    assert importance.idxmax() == ("foot_r", "40-60")
    assert importance["foot_r", "40-60"] > 0.95 * importance.sum()


def test_concordance_tells_the_joints_own_sensors_from_others(trial, make_walking_trial):
    rng = np.random.default_rng(1)
    trials = [make_walking_trial(Subject(f"S{k:02d}", mass=70.0, height=1.7), 1.2, "w", rng) for k in range(4)]
    for sensor, right in (("shank_r", True), ("foot_l", False)):
        checkpoint = checkpoint_of(Reader(sensor_names(trial).index(sensor)), trial)
        table = pd.concat([explain_trial(checkpoint, t, [KNEE]) for t in trials])
        found = sensor_concordance(table).set_index(["method", "measure"])
        assert bool(found.value["occlusion", "rank correlation"] > 0.3) is right
        assert found.n_subjects["occlusion", "rank correlation"] == 4


@pytest.mark.parametrize(
    ("target", "segment", "known"),
    [
        (KNEE, "femur_r", True),
        (KNEE, "femur_l", False),
        (Target("moment", "ankle_angle_l"), "calcn_l", True),
        (Target("angle", "hip_flexion_r"), "pelvis", True),
        (Target("speed", "speed"), "pelvis", None),
        (Target("angle", "pelvis_tilt"), "pelvis", None),
    ],
)
def test_which_sensors_sit_beside_a_joint(target, segment, known):
    assert is_adjacent(target, segment) is known


def test_who_taught_is_not_explained_and_phases_need_foot_strikes(trial):
    from dataclasses import replace

    checkpoint = checkpoint_of(Reader(0), trial)
    with pytest.raises(CorpusMismatch, match="trained on this subject"):
        explain_trial(replace(checkpoint, subjects=("S01",)), trial, [KNEE])
    with pytest.raises(CorpusMismatch, match="foot strikes"):
        explain_trial(checkpoint, replace(trial, events=()), [KNEE])


def test_the_command_explains_a_stored_network(tmp_path, trial, make_walking_corpus, capsys):
    corpus = make_walking_corpus(tmp_path / "walking.h5", n_subjects=3, n_trials=1)
    config = resolve_config({"network": "temporal", "steps": 1})
    targets = (KNEE, Target("angle", "hip_flexion_l"))
    made = checkpoint_of(build_network(6 * len(sensor_names(trial)), 2, trial.rate, config), trial, config, targets)
    save_checkpoint(tmp_path / "some.safetensors", made)
    out = tmp_path / "why.csv"
    call = ["explain", str(tmp_path / "some.safetensors"), str(corpus), "--out", str(out), "--json"]
    assert kinesynth.main([*call, "--coordinate", "knee_angle_r", "--phases", "4"]) == 0
    told = json.loads(capsys.readouterr().out)
    table = pd.read_csv(out)
    assert told["n_rows"] == len(table) == 3 * 7 * 4
    assert {row["method"] for row in told["concordance"]} == {"occlusion", "random"}
    assert len(pd.read_csv(tmp_path / "why_concordance.csv")) == 4
    assert kinesynth.main([*call, "--coordinate", "elbow"]) == 1
    assert "does not estimate it" in capsys.readouterr().out
    assert kinesynth.main([*call, "--method", "guessing"]) == 1
