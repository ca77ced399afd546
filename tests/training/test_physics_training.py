"""Label-free training: no label is read, a stopped one goes on bit for bit, estimates are an ordinary corpus."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.imu.placement import scaled_placements
from synth.imu.skeleton_imu import simulate_skeleton_imus
from training.checkpoint import load_checkpoint
from training.cli import train_app
from training.config import ConfigRefused
from training.evaluation import evaluate
from training.network_command import network_app
from training.physics.config import resolve_physics
from training.physics.lesson import draw_windows as draw
from training.physics.lesson import fresh_learner, physics_loss, prepare_lesson, take_step
from training.physics.loop import train_by_physics
from training.physics.model_file import load_physics_model, save_physics_model
from training.physics.prediction import estimate_values, predict_by_physics
from training.physics.record import read_physics_data
from training.target import ALL_TARGETS

RATE = 100.0
QUICK = {"steps": 6, "width": 8, "batch": 2, "window_seconds": 1.0, "warm_up_seconds": 0.1}


def walking(subject, name, phase, seconds=3.0):
    """A walker of hinges: coordinates in closed form, sensors by mechanics, labels of zero moment."""
    skeleton = planar_skeleton(subject)
    t = np.arange(round(seconds * RATE)) / RATE
    names = skeleton.coordinate_names
    q = np.zeros((len(t), len(names)))
    w = 2 * np.pi * 0.9
    q[:, names.index("pelvis_tx")] = 1.1 * t
    q[:, names.index("pelvis_ty")] = 0.52 * subject.height
    for side, lag in (("r", 0.0), ("l", np.pi)):
        q[:, names.index(f"hip_flexion_{side}")] = 0.4 * np.sin(w * t + phase + lag)
        q[:, names.index(f"knee_angle_{side}")] = 0.5 + 0.4 * np.sin(w * t + phase + lag + 1.5)
        q[:, names.index(f"ankle_angle_{side}")] = 0.1 * np.sin(2 * w * t + phase + lag)
    kinematics = Kinematics(names, q, RATE)
    records = simulate_skeleton_imus(skeleton, kinematics, scaled_placements(subject.height))
    kinetics = Kinetics(names, 0 * q, RATE, (), (), np.empty((len(t), 0)))
    return CorpusTrial(
        name,
        subject,
        RATE,
        records,
        kinematics=kinematics,
        kinetics=kinetics,
        task="walk",
        spatiotemporal={"speed": 1.1},
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("physics") / "walkers.h5"
    people = (Subject("P1", 70.0, 1.75, "male", 30.0), Subject("P2", 58.0, 1.62, "female", 30.0))
    with CorpusWriter(path, role="motion", seed=1) as writer:
        for k, person in enumerate(people):
            writer.append(walking(person, "walk_01", 0.7 * k))
    return path


def without_labels(corpus, out):
    with CorpusWriter(out, role="motion", seed=1) as writer:
        for key in Corpus(corpus).trials():
            writer.append(
                replace(Corpus(corpus).read(*key, clean=True), kinematics=None, kinetics=None, spatiotemporal={})
            )
    return out


def weights(model):
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def test_the_same_seed_gives_the_same_weights_and_labels_change_nothing(corpus, tmp_path):
    config = resolve_physics(QUICK)
    first = weights(train_by_physics(read_physics_data(Corpus(corpus)), config))
    bare = read_physics_data(Corpus(without_labels(corpus, tmp_path / "bare.h5")))
    again = weights(train_by_physics(bare, config))
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = weights(train_by_physics(bare, resolve_physics(QUICK | {"seed": 1})))
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_stopped_training_ends_with_the_weights_of_one_that_was_not(corpus, tmp_path):
    data, config = read_physics_data(Corpus(corpus)), resolve_physics(QUICK)
    whole = weights(train_by_physics(data, config))
    path = tmp_path / "net.safetensors"

    def stop(step, _total, _loss):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_by_physics(data, config, path=path, progress=stop)
    resumed = train_by_physics(data, config, path=path)
    assert resumed.n_steps == config.steps
    assert all(torch.equal(whole[name], value) for name, value in weights(resumed).items())
    assert list(tmp_path.iterdir()) == [path]
    loaded = weights(load_physics_model(path))
    assert all(torch.equal(whole[name], loaded[name]) for name in whole)


def test_learning_lowers_the_loss_and_every_term_is_named(corpus):
    data, config = read_physics_data(Corpus(corpus)), resolve_physics(QUICK | {"steps": 60, "curriculum": [0.0, 0.01]})
    lesson = prepare_lesson(data, config)
    torch.manual_seed(0)
    learner = fresh_learner(lesson, config)
    windows = draw(lesson, 4, np.random.default_rng(5))
    before, terms = physics_loss(lesson, learner.network, windows, config)
    assert set(terms) == set(type(config.weights).model_fields) & set(terms)
    assert len(terms) == 10
    for _ in range(60):
        take_step(lesson, learner, config)
    assert float(physics_loss(lesson, learner.network, windows, config)[0].detach()) < 0.5 * float(before.detach())


def test_a_share_of_zero_leaves_a_term_out(corpus):
    data = read_physics_data(Corpus(corpus))
    config = resolve_physics(QUICK | {"weights": {"contact": 0.0}})
    lesson = prepare_lesson(data, config)
    learner = fresh_learner(lesson, config)
    _, terms = physics_loss(lesson, learner.network, draw(lesson, 2, np.random.default_rng(0)), config)
    assert "contact" not in terms
    whole, every = physics_loss(
        lesson, learner.network, draw(lesson, 2, np.random.default_rng(0)), resolve_physics(QUICK)
    )
    assert float(whole.detach()) == pytest.approx(sum(map(float, every.values())), rel=1e-5)
    assert set(every) - set(terms) == {"contact"}


def test_the_lstm_reads_forwards_only_and_the_bilstm_both_ways(corpus):
    data = read_physics_data(Corpus(corpus))
    reader = Corpus(corpus)
    trial = reader.read(*reader.trials()[0])
    cut = replace(
        trial,
        recordings=tuple(
            replace(r, specific_force=r.specific_force[:200], angular_velocity=r.angular_velocity[:200])
            for r in trial.recordings
        ),
    )
    for network, looks_ahead in (("lstm", False), ("bilstm", True)):
        model = train_by_physics(data, resolve_physics(QUICK | {"network": network, "turn_to_plane": False}))
        whole, part = estimate_values(model, trial)[0][:200], estimate_values(model, cut)[0]
        assert np.allclose(whole, part, atol=1e-5) is not looks_ahead


def test_the_command_writes_estimates_that_evaluate_scores_and_the_sensors_places(corpus, tmp_path):
    settings = tmp_path / "quick.toml"
    settings.write_text("\n".join(f"{key} = {value}" for key, value in QUICK.items()))
    words = [str(corpus), str(tmp_path / "out"), "--objective", "physics", "--config", str(settings), "--json"]
    done = CliRunner().invoke(train_app, words)
    assert done.exit_code == 0, done.output
    row = json.loads(done.output)["networks"][0]
    assert row["subjects"] == 2
    errors = evaluate(corpus, Path(row["estimates"]), "physics_lstm")
    assert set(errors[errors["metric"] == "labelled_trials"]["value"]) == {0.0}
    assert errors[(errors["metric"] == "angle_rmse")]["value"].notna().all()
    estimated = Corpus(row["estimates"])
    assert estimated.role == "prediction"
    assert len(Path(row["placements"]).read_text().splitlines()) == 1 + 2 * 7
    network = str(tmp_path / "out" / "physics_lstm.safetensors")
    card = CliRunner().invoke(network_app, ["card", network])
    assert card.exit_code == 0, card.output
    said = ("2 people (P1, P2)", "no label", "masses 58 to 70 kg", "forwards only", "Rate: 100 frames", "at rest 9.8")
    assert [words for words in said if words not in card.output] == []
    facts = json.loads(CliRunner().invoke(network_app, ["card", network, "--json"]).output)
    assert facts["labels_used"] == 0
    assert facts["unlabelled_subjects"] == ["P1", "P2"]


def test_learnt_placements_are_taken_for_the_same_person_only_and_the_estimate_says_so(corpus, tmp_path):
    data = read_physics_data(Corpus(corpus))
    model = train_by_physics(data, resolve_physics(QUICK), fingerprint="one corpus", path=tmp_path / "net.safetensors")
    with torch.no_grad():
        model.network.turns.fill_(0.2)
    save_physics_model(tmp_path / "net.safetensors", model)
    model = load_physics_model(tmp_path / "net.safetensors")
    assert model.builds == ((70.0, 1.75), (58.0, 1.62))
    trial = Corpus(corpus).read("P1", "walk_01")

    def as_if(subject, corpus="", model=model):
        made = predict_by_physics(model, replace(trial, subject=subject), corpus)
        return made.kinematics.values, [t.detail for t in made.treatments if t.what == "nominal_placements"]

    def same(one, other):
        return np.allclose(one[0], other[0], atol=2e-3)  # mass is an input, too; sensors are turned by 0.2 rad

    own = as_if(trial.subject)
    assert own[1] == []
    assert same(own, as_if(replace(trial.subject, mass=70.05), "one corpus"))
    other = replace(trial.subject, mass=71.0)
    nominal = as_if(replace(other, code="P9"))
    assert "nobody of the code 'P9'" in nominal[1][0]
    assert same(nominal, as_if(other))
    assert not same(nominal, as_if(replace(other, mass=70.0)))
    assert "of 70 kg and 1.75 m" in as_if(other)[1][0]
    assert "another corpus" in as_if(trial.subject, "another corpus")[1][0]
    assert "train it again" in as_if(trial.subject, model=replace(model, builds=()))[1][0]


def test_a_file_of_another_version_says_so_and_what_to_do(corpus, tmp_path):
    path = tmp_path / "net.safetensors"
    train_by_physics(read_physics_data(Corpus(corpus)), resolve_physics(QUICK), path=path)
    with pytest.raises(CorpusMismatch, match=r"label-free network.*kinesynth stream"):
        load_checkpoint(path)
    for version, words in (("1", "an older version"), ("9", "a newer version")):
        other = tmp_path / f"{version}.safetensors"
        other.write_bytes(path.read_bytes().replace(b"kinesynth-physics 2", b"kinesynth-physics " + version.encode()))
        with pytest.raises(CorpusMismatch, match=rf"{words} of kinesynth \(format {version}, this one reads 2\)"):
            load_physics_model(other)
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(path.read_bytes().replace(b"kinesynth-physics 2", b"kinesynth-synapse 2"))
    for load in (load_physics_model, load_checkpoint):
        with pytest.raises(CorpusMismatch, match="expected a network"):
            load(wrong)


def test_what_cannot_be_used_is_refused_with_its_name(corpus, tmp_path):
    with pytest.raises(ConfigRefused, match="window_seconds"):
        resolve_physics({"window_second": 1.0})
    nobody = tmp_path / "nobody.h5"
    reader = Corpus(corpus)
    trial = reader.read(*reader.trials()[0], clean=True)
    with CorpusWriter(nobody, role="motion", seed=1) as writer:
        writer.append(replace(trial, subject=Subject("X", float("nan"), 1.7)))
    with pytest.raises(CorpusMismatch, match="mass"):
        read_physics_data(Corpus(nobody))
    model = train_by_physics(read_physics_data(reader), resolve_physics(QUICK))
    fewer = replace(trial, recordings=trial.recordings[1:])
    with pytest.raises(CorpusMismatch, match="pelvis"):
        estimate_values(model, fewer)
    with pytest.raises(CorpusMismatch, match="Hz"):
        estimate_values(model, replace(trial, rate=50.0))
    assert estimate_values(model, trial)[0].shape == (300, len(ALL_TARGETS))
