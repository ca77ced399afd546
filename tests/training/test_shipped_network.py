"""Networks that come with the package: known by name, told by their cards, right on walkers that they never saw."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mocap_import.subject import STANDARD_GRAVITY, Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics
from synth.corpus import CorpusTrial, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import read_joint_trials
from synth.optimal_control.gait.normative_gait import COORDINATES, cycle_duration, normative_coordinates
from training.checkpoint import load_checkpoint
from training.joint.estimate import estimate_joint
from training.joint.joint_model import joint_of, learnt_angles
from training.model_card import model_card
from training.network_command import network_app
from training.shipped_network import SHIPPED, network_file, shipped_networks
from training.stored_card import read_card

NAMES = ("ankle", "ankle_spatial", "hip", "hip_spatial", "knee", "knee_spatial")
RATE = 100.0


@pytest.fixture(scope="module")
def walkers(tmp_path_factory) -> Path:
    """Three people who walk as normal people do on average, without records: nobody of a population."""
    path = tmp_path_factory.mktemp("walkers") / "walkers.h5"
    with CorpusWriter(path, role="reference", config={}, seed=0) as writer:
        for n, (height, speed) in enumerate(((1.60, 1.0), (1.72, 1.3), (1.85, 1.5))):
            person, t = Subject(f"N{n}", 70.0, height), np.arange(300) / RATE
            values = normative_coordinates((t / cycle_duration(speed, height)) % 1.0, speed, height)
            values[:, COORDINATES.index("pelvis_tx")] = speed * t
            values[:, COORDINATES.index("pelvis_ty")] = 0.55 * height
            motion = Kinematics(COORDINATES, values, RATE)
            skeleton = planar_skeleton(person)
            writer.append(
                CorpusTrial(name="walk", subject=person, rate=RATE, skeleton=skeleton, kinematics=motion, task="walk")
            )
    return path


def test_the_shipped_networks_are_small_and_known_by_name():
    assert tuple(shipped_networks()) == NAMES
    assert max(path.stat().st_size for path in SHIPPED.iterdir()) < 1_000_000
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 2_000_000
    assert network_file("pretrained:knee") == SHIPPED / "knee.safetensors"
    assert network_file("elsewhere/knee.safetensors") == Path("elsewhere/knee.safetensors")
    with pytest.raises(CorpusMismatch, match=r"there are pretrained:ankle, .*pretrained:knee_spatial"):
        network_file("pretrained:elbow")


def test_networks_are_listed_without_what_runs_them(repository):
    """`kinesynth network list` reads headers: nothing that computes is loaded to print names."""
    heavy = "any(name in sys.modules for name in ('torch', 'scipy', 'pandas', 'h5py'))"
    code = f"import sys, kinesynth; kinesynth.main(['network', 'list']); sys.exit({heavy})"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"pretrained:{name}" in done.stdout for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_beside_a_network_is_the_one_that_its_file_tells(name):
    path = network_file(f"pretrained:{name}")
    checkpoint, card = load_checkpoint(path), read_card(path)
    assert path.with_suffix(".md").read_text(encoding="utf-8") == model_card(checkpoint, name)
    assert joint_of(checkpoint) == name.removesuffix("_spatial")
    assert checkpoint.is_finished
    assert card["about"]["corpus"]["is_virtual"] is True
    assert card["about"]["licence"] == "Apache-2.0"
    assert not set(card["subjects"]) & set(card["about"]["held_out"]["codes"])


@pytest.mark.parametrize(("name", "limit"), [("knee", 5.0), ("hip", 6.0), ("ankle", 5.0)])
def test_a_shipped_network_follows_walkers_whom_it_never_saw(name, limit, walkers):
    network = load_checkpoint(network_file(f"pretrained:{name}"))
    for trial in read_joint_trials(walkers, name):
        error = np.rad2deg(estimate_joint(network, trial).angles[:, 0] - trial.angles[:, 0])
        swing = np.rad2deg(trial.angles[:, 0].std())
        assert np.sqrt(np.mean(error**2)) < limit
        assert error.std() < 0.5 * swing


@pytest.mark.parametrize("joint", ["knee", "hip", "ankle"])
def test_a_spatial_network_says_three_angles_that_are_nearer_than_the_mean_on_virtual_people_held_out(joint):
    network = load_checkpoint(network_file(f"pretrained:{joint}_spatial"))
    about = network.about
    assert learnt_angles(network) == ["flexion", "adduction", "rotation"]
    error = {(r["sensors"], r["measure"], r["angle"]): r["mean"] for r in about["errors"]}
    for angle in learnt_angles(network):
        for measure in ("raw", "pseudo-calibrated"):
            assert error["as placed", measure, angle] < error["mean angle", measure, angle]
    assert {row["corpus"] for row in about["elsewhere"]} == {"mcgill_walk_youth", "rbds_running"}
    card = model_card(network, joint)
    assert "drawn curves taught them" in card and "drawn for each person around published ones" in card


def test_a_shipped_network_refuses_other_rates_sensors_and_units(walkers, tmp_path):
    network = load_checkpoint(network_file("pretrained:knee"))
    trial = read_joint_trials(walkers, "knee", sides=("r",))[0]
    with pytest.raises(CorpusMismatch, match="expected 100 Hz"):
        estimate_joint(network, replace(trial, rate=90.0))
    with pytest.raises(CorpusMismatch, match="expected a model of the ankle"):
        estimate_joint(network, read_joint_trials(walkers, "ankle", sides=("r",))[0])
    degrees = replace(trial.distal, angular_velocity=np.rad2deg(trial.distal.angular_velocity))
    with pytest.raises(CorpusMismatch, match="in deg/s"):
        estimate_joint(network, replace(trial, distal=degrees))
    shares = replace(trial.distal, specific_force=trial.distal.specific_force / STANDARD_GRAVITY)
    with pytest.raises(CorpusMismatch, match="in units of g"):
        estimate_joint(network, replace(trial, distal=shares))


def test_the_commands_take_a_shipped_network_by_its_name(walkers, tmp_path):
    out = tmp_path / "knee.csv"
    done = CliRunner().invoke(network_app, ["apply", "pretrained:knee", str(walkers), str(out), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output.splitlines()[-1])
    assert (said["estimated"], said["refused"], said["rows"][0]["people"]) == (6, 0, 3)
    table = pd.read_csv(out)
    assert len(table) == 6 * 300
    assert table["knee_adduction_deg"].isna().all()
    done = CliRunner().invoke(network_app, ["card", "pretrained:knee"])
    assert done.output.startswith("# Model card: knee")
    listed = json.loads(CliRunner().invoke(network_app, ["list", "--json"]).output)["networks"]
    assert [row["name"] for row in listed] == [f"pretrained:{name}" for name in NAMES]
    moving = {row["name"]: set(row["errors_deg"]) for row in listed}
    assert moving["pretrained:knee"] == {"flexion"}, "planar walkers' other angles never move: no error to boast of"
    assert moving["pretrained:knee_spatial"] == {"flexion", "adduction", "rotation"}
