"""No record is dropped silently: what a training or an estimate cannot use is refused or named, by every command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from training.cli import train_app
from training.config import resolve_config
from training.input_check import exchange_doubts, exchanged_sides, fit_signature, is_exchanged, side_score
from training.loop import train
from training.network_command import network_app
from training.physics.config import resolve_physics
from training.physics.loop import train_by_physics
from training.physics.record import read_physics_data
from training.prediction import predict_trial
from training.training_set import read_training_set

QUICK = "width = 8\nsteps = 2\nbatch = 2\n"
PHYSICS = {"steps": 2, "width": 8, "batch": 2, "window_seconds": 0.5}
SILENT, BROKEN = ("S01", "walk_01"), ("S02", "walk_01")
"""A trial whose right thigh sensor holds no value, and one with 0.6 s without any."""


def without_values(trial, frames):
    """The trial with no value of the right thigh sensor in some frames."""
    records = []
    for record in trial.recordings:
        force, turn = record.specific_force.copy(), record.angular_velocity.copy()
        if record.placement.sensor == "thigh_r":
            force[frames] = turn[frames] = np.nan
        records.append(replace(record, specific_force=force, angular_velocity=turn))
    return replace(trial, recordings=tuple(records))


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, make_walking_trial):
    """Five walkers with two trials each, two of the ten damaged."""
    path, rng = tmp_path_factory.mktemp("damaged") / "damaged.h5", np.random.default_rng(3)
    with CorpusWriter(path, role="reference", seed=1) as writer:
        for code in ("S01", "S02", "S03", "S04", "S05"):
            person = Subject(code, 70.0, 1.75)
            for name in ("walk_01", "walk_02"):
                trial = make_walking_trial(person, rng.uniform(1.0, 1.5), name, rng)
                spans = {SILENT: slice(None), BROKEN: slice(200, 260)}
                writer.append(without_values(trial, spans[code, name]) if (code, name) in spans else trial)
    return path


def call(app, *words):
    return CliRunner().invoke(app, [str(word) for word in words])


def told_of(sentences):
    """Which of the two damaged trials some sentences tell of, and how."""
    return {
        "silent": any("S01/walk_01" in s and "thigh_r holds no value" in s for s in sentences),
        "broken": any("S02/walk_01" in s and "thigh_r has no value for 0.6 s" in s for s in sentences),
    }


BOTH = {"silent": True, "broken": True}


def test_labelled_training_leaves_a_silent_trial_out_and_names_a_long_gap(damaged):
    data = read_training_set(Corpus(damaged), ["S01", "S02", "S03"], ["angle"], mirror=True)
    assert [row[:2] for row in data.left_out] == [SILENT]
    assert told_of(["/".join(row[:2]) + row[2] for row in data.left_out] + list(data.doubts)) == BOTH
    assert len(data.doubts) == 1  # the mirror image is not told again
    about = train(data, resolve_config({"width": 8, "steps": 1, "batch": 2})).about
    assert told_of(about["left_out"] + about["doubts"]) == BOTH


@pytest.mark.parametrize("scheme", ["--all", "--leave-one-out"])
def test_the_command_of_labelled_training_tells_it_on_the_screen_in_json_and_in_the_log(damaged, tmp_path, scheme):
    (tmp_path / "t.toml").write_text(QUICK, encoding="utf-8")
    words = (damaged, tmp_path / "out", "--network", "conv1d", "--config", tmp_path / "t.toml", scheme)
    shown = call(train_app, *words)
    assert shown.exit_code in (0, 3), shown.output
    lines = shown.stderr.splitlines()
    assert told_of(lines) == BOTH
    assert len([line for line in lines if "S02/walk_01" in line and "0.6 s" in line]) == 1  # once, not once a fold
    assert told_of((tmp_path / "out" / "log.txt").read_text(encoding="utf-8").splitlines()) == BOTH
    found = json.loads(call(train_app, *words, "--json").stdout)  # folds of the run before tell it again
    found = found if scheme == "--leave-one-out" else found["networks"][0]
    assert told_of(found["left_out"] + found["doubts"]) == BOTH


def test_label_free_training_leaves_a_silent_trial_out_and_names_a_long_gap(damaged, tmp_path):
    data = read_physics_data(Corpus(damaged), ["S01", "S02", "S03"])
    assert [row[:2] for row in data.left_out] == [SILENT]
    assert SILENT not in [(r.subject.code, r.name) for r in data.records]
    (tmp_path / "t.toml").write_text("steps = 1\nwidth = 8\nbatch = 2\nwindow_seconds = 0.5\n", encoding="utf-8")
    words = (damaged, tmp_path / "out", "--objective", "physics", "--config", tmp_path / "t.toml")
    shown = call(train_app, *words)
    assert shown.exit_code == 0, shown.output
    assert told_of(shown.stderr.splitlines()) == BOTH
    assert told_of((tmp_path / "out" / "log.txt").read_text(encoding="utf-8").splitlines()) == BOTH
    row = json.loads(call(train_app, *words, "--json").stdout)["networks"][0]
    assert told_of(row["left_out"] + row["doubts"]) == BOTH


def test_a_corpus_of_silent_trials_teaches_nobody_and_says_why(tmp_path, make_walking_trial):
    path = tmp_path / "silent.h5"
    with CorpusWriter(path, role="reference", seed=1) as writer:
        trial = make_walking_trial(Subject("S01", 70.0, 1.75), 1.2, "walk_01", np.random.default_rng(0))
        writer.append(without_values(trial, slice(None)))
    with pytest.raises(CorpusMismatch, match="thigh_r holds no value"):
        read_training_set(Corpus(path), ["S01"], ["angle"])
    with pytest.raises(CorpusMismatch, match="thigh_r holds no value"):
        read_physics_data(Corpus(path))


def test_an_estimate_of_a_silent_trial_is_refused_and_a_gap_is_named(damaged):
    reader = Corpus(damaged)
    data = read_training_set(reader, ["S03", "S04", "S05"], ["angle"])
    checkpoint = train(data, resolve_config({"width": 8, "steps": 1, "batch": 2}))
    with pytest.raises(CorpusMismatch, match=r"S01.*thigh_r holds no value"):
        predict_trial(checkpoint, reader.read(*SILENT))
    details = [t.detail for t in predict_trial(checkpoint, reader.read(*BROKEN)).treatments]
    assert (
        [d for d in details if "no value" in d] == [d for d in details if "thigh_r has no value for 0.6 s" in d] != []
    )


def test_the_command_applies_a_label_free_network_and_counts_silent_trials_as_refused(damaged, tmp_path):
    for network in ("lstm", "bilstm"):
        file, out = tmp_path / f"{network}.safetensors", tmp_path / f"{network}.h5"
        data = read_physics_data(Corpus(damaged), ["S03", "S04", "S05"])
        train_by_physics(data, resolve_physics(PHYSICS | {"network": network}), path=file)
        done = call(network_app, "apply", file, damaged, out, "--json")
        assert done.exit_code == 3, done.output
        told = json.loads(done.stdout)
        assert (told["estimated"], told["refused"]) == (9, 1)
        assert "thigh_r holds no value" in told["reasons"][0]
        made = Corpus(out)
        assert made.read(*BROKEN).status == "predicted" and made.read(*SILENT).status == "refused"
        assert any("0.6 s" in t.detail for t in made.read(*BROKEN).treatments)


@pytest.mark.parametrize(
    "words",
    ["--device cpu", "--precision bf16", "--split fold", "--leave-one-out", "--workers 2", "--all", "--loaders 1"],
)
def test_label_free_training_refuses_options_that_it_does_not_use(damaged, tmp_path, words):
    done = call(train_app, damaged, tmp_path / "out", "--objective", "physics", *words.split())
    assert done.exit_code != 0
    assert words.split()[0] in done.output and "--objective physics" in done.output
    assert not (tmp_path / "out").exists()


def test_label_free_training_names_the_trial_with_exchanged_sides(tmp_path, make_walking_trial, worn_aslant):
    for exchanged in (None, "S03"):
        path, rng = tmp_path / f"{exchanged}.h5", np.random.default_rng(4)
        with CorpusWriter(path, role="motion", seed=1) as writer:
            for code in ("S01", "S02", "S03", "S04", "S05"):
                trial = make_walking_trial(Subject(code, 70.0, 1.75), 1.2, "walk", rng)
                writer.append(worn_aslant(trial, code == exchanged))
        doubts = read_physics_data(Corpus(path)).doubts
        assert [d.split(":")[0] for d in doubts if "exchanged" in d] == ([f"{exchanged}/walk"] if exchanged else [])


def test_exchanges_are_those_of_a_signature_of_everybody_else():
    """The quick sums over all people say what leaving each person out and learning anew says."""
    rng, sensors = np.random.default_rng(5), ("pelvis", "thigh_r", "thigh_l")
    base = rng.normal(size=(3, 18))
    trials = [(f"S{k % 6}", f"w{k}", base + 0.3 * rng.normal(size=(3, 18))) for k in range(18)]
    for k in (4, 11):
        trials[k] = (*trials[k][:2], trials[k][2][[0, 2, 1]])
    slow = {}
    for code, name, wearing in trials:
        signature = fit_signature([w for other, _, w in trials if other != code], sensors)
        if is_exchanged(signature, score := side_score(signature, wearing, sensors)):
            slow[code, name] = score
    found = exchanged_sides(trials, sensors)
    assert found == pytest.approx(slow) and {("S4", "w4"), ("S5", "w11")} <= set(found)
    assert len(exchange_doubts(trials, sensors)) == len(found)
