"""Joint models that are kept: trained on most people, measured on the others, applied to strangers, told in a card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import STANDARD_GRAVITY, Subject
from opensim_models.motion import SegmentMotion
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.joint_trial import joint_rotation, read_joint_trials
from training.checkpoint import load_checkpoint
from training.joint.curve_run import errors_by_size
from training.joint.elsewhere import at_rate
from training.joint.estimate import estimate_joint
from training.joint.joint_estimates import estimate_corpus
from training.joint.joint_model import for_strangers, learn_joint_model, learnt_angles, people_facts
from training.joint.network_difference import paired_networks
from training.joint.network_run import MEAN_ANGLE, NETWORKS, make_network_table
from training.joint.recipe import joint_config
from training.joint.thinning import thin
from training.model_card import model_card
from training.network_command import network_app
from training.stored_card import read_card

RATE = 100.0
TINY = {"steps": 4, "batch": 2, "width": 4, "depth": 1}


def swinging_knee(n: int) -> CorpusTrial:
    """A right knee that bends as a hinge; sensors read gravity and their gyroscopes."""
    t = np.arange(260) / RATE
    hip = 0.4 * np.sin(2 * np.pi * 0.9 * t + n)
    knee = 0.5 + 0.4 * np.sin(2 * np.pi * 0.9 * t + n + 0.7) + 0.02 * n
    still = np.zeros_like(t)
    thigh = Rotation.from_rotvec(hip[:, None] * [0.0, 0.0, 1.0])
    shank = thigh * joint_rotation("knee", np.column_stack([knee, still, still]))
    segments, records = [], []
    for name, pose in (("femur_r", thigh), ("tibia_r", shank)):
        turn = np.vstack([np.zeros((1, 3)), (pose[:-1].inv() * pose[1:]).as_rotvec() * RATE])
        force = pose.apply([0.0, STANDARD_GRAVITY, 0.0], inverse=True)
        segments.append(SegmentMotion(name, np.zeros((len(t), 3)), pose, RATE))
        records.append(ImuRecording(SensorPlacement(name, name), force, turn, RATE))
    person = Subject(f"V{n:05d}", 60.0 + n, 1.6 + 0.02 * n, ("female", "male")[n % 2], 30.0)
    facts = {"spatiotemporal": {"speed": 1.0 + 0.05 * n}, "task": "walk"}
    return CorpusTrial(
        name="walk", subject=person, rate=RATE, recordings=tuple(records), segments=tuple(segments), **facts
    )


def write_knees(path: Path, seed: int, people: int = 6, errors: int = 7) -> Path:
    """Virtual people drawn by `seed`; the file's own seed is that of its sensor errors, as `kinesynth imu` has it."""
    config = {"population": {"subjects": people, "seed": seed}}
    with CorpusWriter(path, role="reference", config=config, seed=errors) as writer:
        for n in range(people):
            writer.append(swinging_knee(n))
    return path


@pytest.fixture(scope="module")
def knees(tmp_path_factory) -> Path:
    return write_knees(tmp_path_factory.mktemp("knees") / "knees.h5", seed=8)


@pytest.fixture(scope="module")
def model(knees, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "knee.safetensors"
    learn_joint_model(knees, "knee", path, joint_config(**TINY), seed=1)
    return path


def test_who_is_scored_did_not_teach_and_the_file_says_both(model, knees):
    card = read_card(model)
    held = card["about"]["held_out"]["codes"]
    assert len(held) == 1 and not set(held) & set(card["subjects"])
    assert set(held) | set(card["subjects"]) == {s.code for s in Corpus(knees).subjects()}
    assert card["about"]["people"]["n"] == 5
    assert {row["sensors"] for row in card["about"]["errors"]} == {"as placed", "misplaced", "mean angle"}
    assert card["about"]["corpus"]["is_virtual"] is True


def test_a_card_tells_what_the_file_carries_and_is_made_again_from_it_word_for_word(model):
    first, again = (model_card(load_checkpoint(model), "knee") for _ in range(2))
    assert first == again
    card = read_card(model)
    for said in (card["about"]["corpus"]["sha256"], card["fingerprint"], "m/s²", "rad/s", "100 frames per second"):
        assert said in first
    row = next(r for r in card["about"]["errors"] if (r["sensors"], r["angle"]) == ("misplaced", "flexion"))
    assert f"{row['mean']:.2f}" in first
    assert "Adduction and rotation of the knee: hardly moved" in first
    assert "speeds than 1 to 1.25 m/s" in first or "speeds than 1.05 to 1.25 m/s" in first


def test_errors_of_one_person_have_no_sd_and_the_card_says_of_whom_they_are(model):
    network = load_checkpoint(model)
    assert all(row["people"] == 1 and row["sd"] is None for row in network.about["errors"])
    assert "of one person" in model_card(network, "knee")
    assert " ± " not in model_card(network, "knee").partition("## How wrong it is")[2].partition("| sensors")[2]


def test_a_hinge_teaches_flexion_alone_and_the_others_stay_empty(model, tmp_path):
    others = write_knees(tmp_path / "others.h5", seed=9)
    assert learnt_angles(load_checkpoint(model)) == ["flexion"]
    made = estimate_corpus(load_checkpoint(model), others)
    assert made.angles["knee_flexion_deg"].notna().all()
    assert made.angles["knee_adduction_deg"].isna().all()
    assert set(made.errors["angle"]) == {"flexion"}
    assert (made.n_estimated, made.summary.loc[0, "people"]) == (6, 6)


def test_virtual_people_of_another_draw_are_strangers_those_of_the_same_are_not(model, knees, tmp_path):
    others = write_knees(tmp_path / "others.h5", seed=9)
    noisier = write_knees(tmp_path / "noisier.h5", seed=8, errors=12)  # the same people, other sensor errors
    network = load_checkpoint(model)
    assert for_strangers(network, knees).subjects == network.subjects
    assert for_strangers(network, noisier).subjects == network.subjects
    assert for_strangers(network, others).subjects == ()
    made = estimate_corpus(network, knees)
    assert made.n_estimated == 1
    assert sum("trained on this subject" in reason for reason in made.refused) == 5


def test_other_rates_units_and_joints_are_refused(model, knees):
    network = replace(load_checkpoint(model), subjects=())
    trial = read_joint_trials(knees, "knee", sides=("r",))[0]
    assert np.isfinite(estimate_joint(network, trial).angles).all()
    with pytest.raises(CorpusMismatch, match="expected 100 Hz as in training, found 120 Hz"):
        estimate_joint(network, replace(trial, rate=120.0))
    with pytest.raises(CorpusMismatch, match="expected a model of the hip"):
        estimate_joint(network, replace(trial, joint="hip"))
    degrees = replace(trial.distal, angular_velocity=np.rad2deg(trial.distal.angular_velocity))
    with pytest.raises(CorpusMismatch, match=r"distal turns at .* in deg/s"):
        estimate_joint(network, replace(trial, distal=degrees))
    shares = replace(trial.proximal, specific_force=trial.proximal.specific_force / STANDARD_GRAVITY)
    with pytest.raises(CorpusMismatch, match=r"proximal reads 1\.00 m/s²"):
        estimate_joint(network, replace(trial, proximal=shares))


def test_records_without_poses_are_estimated_and_not_scored(model, tmp_path):
    path = tmp_path / "worn.h5"
    with CorpusWriter(path, role="motion", config={}, seed=0) as writer:
        writer.append(replace(swinging_knee(3), segments=()))
    with pytest.raises(CorpusMismatch, match="no poses of segments"):
        read_joint_trials(path, "knee")
    made = estimate_corpus(load_checkpoint(model), path)
    assert made.n_estimated == 1
    assert made.angles["knee_flexion_deg"].notna().all()
    assert made.errors.empty


def test_the_commands_train_apply_and_print_a_card(knees, tmp_path):
    run, out = CliRunner(), tmp_path / "knee.safetensors"
    check = ["--check", str(write_knees(tmp_path / "others.h5", seed=9, people=4))]
    done = run.invoke(
        network_app, ["joint", str(knees), str(out), "--steps", "3", "--licence", "CC0", *check, "--json"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.output.splitlines()[-1])["about"]["licence"] == "CC0"
    assert out.with_suffix(".md").read_text(encoding="utf-8") == model_card(load_checkpoint(out), "knee")
    assert "On 4 people of another corpus, `others`" in out.with_suffix(".md").read_text(encoding="utf-8")
    done = run.invoke(network_app, ["apply", str(out), str(knees), str(tmp_path / "angles.csv")])
    assert done.exit_code == 3, done.output  # those who taught are refused
    assert list(pd.read_csv(tmp_path / "angles.csv").columns[:4]) == ["subject", "trial", "side", "time_s"]
    assert len(pd.read_csv(tmp_path / "angles_errors.csv")) == 1
    done = run.invoke(network_app, ["card", "pretrained:elbow"])
    assert done.exit_code == 1
    assert "no network of this name is shipped; there are pretrained:" in done.output


def test_another_rate_gives_the_same_movement_and_no_frame_beside_a_gap(knees):
    fast = read_joint_trials(knees, "knee", sides=("r",))[0]
    slow = at_rate(fast, 80.0)
    at = np.arange(len(slow.angles)) * 1.25
    whole = np.isclose(at, np.round(at))
    np.testing.assert_allclose(slow.angles[whole], fast.angles[np.round(at[whole]).astype(int)], atol=1e-9)
    force = fast.distal.specific_force[np.round(at[whole]).astype(int)]
    np.testing.assert_allclose(slow.distal.specific_force[whole], force, atol=1e-9)
    between = np.column_stack([np.interp(at, np.arange(len(fast.angles)), column) for column in fast.angles.T])
    np.testing.assert_allclose(slow.angles, between, atol=2e-3)
    assert at_rate(fast, 50.0).angles.shape == thin(fast, 2).angles.shape
    force = fast.distal.specific_force.copy()
    force[100] = np.nan
    broken = at_rate(replace(fast, distal=replace(fast.distal, specific_force=force)), 80.0)
    lost = np.flatnonzero(~np.isfinite(broken.distal.specific_force).all(axis=1))
    assert set(lost) == {k for k in range(len(at)) if 99 < at[k] < 101}
    with pytest.raises(CorpusMismatch, match="expected at least 200 Hz"):
        at_rate(fast, 400.0)


def test_the_networks_stand_beside_each_other_and_a_stopped_table_goes_on(tmp_path):
    three = write_knees(tmp_path / "three.h5", seed=8, people=3)
    table = make_network_table(three, tmp_path, steps=2, schemes=("leave one out",))
    assert list(dict.fromkeys(table["network"])) == [MEAN_ANGLE, *NETWORKS]
    assert (table["people"] == 3).all()
    assert (table.loc[table["network"] != MEAN_ANGLE, "steps"] == 2).all()
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()}
    assert len(stamps) == 3 * len(NETWORKS)
    pd.testing.assert_frame_equal(table, make_network_table(three, tmp_path, steps=2))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()} == stamps
    page = (tmp_path / "networks_knee.md").read_text(encoding="utf-8")
    paired = pd.read_csv(tmp_path / "networks_knee_paired.csv")
    assert set(paired["network"]) == set(NETWORKS) - {"temporal"}
    assert list(dict.fromkeys(paired["people"])) == ["all", "without the first fold"]
    own = paired[(paired["people"] == "all") & (paired["sensors"] == "as placed") & (paired["angle"] == "flexion")]
    row = own[(own["network"] == "LSTM as published") & (own["measure"] == "raw")].iloc[0]
    means = table[(table["sensors"] == "as placed") & (table["measure"] == "raw") & (table["angle"] == "flexion")]
    means = means.set_index("network")["mean"]
    assert row["difference"] == pytest.approx(means["LSTM as published"] - means["temporal"], abs=1e-9)
    assert row["subjects"] == 3 and np.isnan(row["p"])  # too few for a test
    assert "3 of 3 folds" in page and "BiLSTM as published" in page and "| mass | 3 |" in page


def test_networks_are_held_against_the_first_one_on_the_same_people():
    rng, rows = np.random.default_rng(0), []
    for n in range(20):
        base = rng.normal(5.0, 2.0)  # people differ far more than networks do
        for name, worse in (("first", 0.0), ("worse", 0.5), ("alike", 0.0)):
            value = base + worse + 0.1 * rng.normal()
            row = {"network": name, "step": "as placed", "subject": f"p{n}", "fold": f"fold{n // 10 + 1}"}
            rows.append(row | {"angle": "flexion", "rmse_deg": value, "rmse_calibrated_deg": value})
    found = paired_networks(pd.DataFrame(rows), "first", seed=1)
    own = found[(found["people"] == "all") & (found["measure"] == "raw")].set_index("network")
    assert own.loc["worse", "low"] > 0 and own.loc["worse", "p_holm"] < 0.001 < own.loc["alike", "p_holm"]
    assert own.loc["worse", "p_holm"] == pytest.approx(2 * own.loc["worse", "p"])
    later = found[found["people"] == "without the first fold"]
    assert set(later["subjects"]) == {10}


def test_every_person_weighs_the_same_in_a_learning_curve():
    rows = [("a", 1.0, n) for n in range(5)] + [("b", 3.0, 0)]
    curve = pd.DataFrame(
        {"subject": s, "trial": n, "teachers": 2, "angle": angle, "rmse_deg": error}
        for s, error, n in rows
        for angle in ("flexion", "adduction", "rotation")
    )
    row = errors_by_size(curve, 0).iloc[0]
    assert (row["mean"], row["flexion"]) == (2.0, 2.0)


def test_people_are_counted_once():
    facts = people_facts([Subject("a", 60.0, 1.7, "male"), Subject("a", 60.0, 1.7, "male"), Subject("b", 70.0)])
    assert (facts["n"], facts["sex"]) == (2, {"male": 1, "unknown": 1})
    assert (facts["mass"]["least"], facts["height"]["n"]) == (60.0, 1)
