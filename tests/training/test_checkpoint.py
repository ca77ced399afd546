"""A checkpoint comes back bit for bit, without pickle, and is refused where it does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from synth.corpus import Corpus, CorpusMismatch
from training.checkpoint import load_checkpoint, save_checkpoint
from training.config import OUTPUT_KINDS, resolve_config
from training.loop import train
from training.prediction import apply_checkpoint, predict_trial
from training.stored_card import read_card
from training.training_set import read_training_set


@pytest.fixture(scope="module", params=["conv1d", "lstm"])
def checkpoint(request, walking_corpus):
    config = resolve_config({"network": request.param, "width": 8, "steps": 3, "batch": 4, "seed": 11})
    return train(read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS), config, fingerprint="abc")


def test_round_trip_is_bit_identical(checkpoint, walking_corpus, tmp_path):
    path = tmp_path / "deep" / "network.safetensors"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    for key, value in checkpoint.network.state_dict().items():
        assert torch.equal(value, loaded.network.state_dict()[key])
    for key in ("config", "sensors", "targets", "rate", "subjects", "n_labelled_frames", "seconds", "fingerprint"):
        assert getattr(loaded, key) == getattr(checkpoint, key)
    trial = Corpus(walking_corpus).read("S03", "walk_01")
    first, again = predict_trial(checkpoint, trial), predict_trial(loaded, trial)
    np.testing.assert_array_equal(first.kinematics.values, again.kinematics.values)
    save_checkpoint(tmp_path / "again.safetensors", loaded)
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    assert not list(tmp_path.rglob("*.tmp*"))


def test_the_card_holds_configuration_and_subjects(checkpoint, tmp_path):
    save_checkpoint(tmp_path / "network.safetensors", checkpoint)
    card = read_card(tmp_path / "network.safetensors")
    assert card["config"]["seed"] == 11
    assert card["config"]["augmentation"] == {"misalignment_deg": 13.5, "noise_share": 0.15}
    assert card["subjects"] == ["S01", "S02"]


def test_foreign_and_truncated_files_are_refused(checkpoint, tmp_path):
    path = tmp_path / "network.safetensors"
    save_checkpoint(path, checkpoint)
    whole = path.read_bytes()
    for content in (b"", b"not a network", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(CorpusMismatch, match=r"network\.safetensors"):
            load_checkpoint(path)
    with pytest.raises(CorpusMismatch, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere.safetensors")


def test_an_estimate_keeps_the_time_base_and_says_its_time(checkpoint, walking_corpus, tmp_path):
    trial = Corpus(walking_corpus).read("S03", "walk_02")
    estimate = predict_trial(checkpoint, trial)
    assert (estimate.n_frames, estimate.rate, estimate.name) == (trial.n_frames, trial.rate, trial.name)
    assert np.isfinite(estimate.kinematics.values).all()
    assert 0 < estimate.seconds < 5
    assert estimate.spatiotemporal.keys() == {"speed"}


def test_an_estimate_is_missing_where_a_sensor_is_for_long(checkpoint, walking_corpus):
    trial = Corpus(walking_corpus).read("S03", "walk_02")
    rates = trial.recordings[0].angular_velocity.copy()
    rates[40:80] = np.nan
    rates[200:215] = np.nan  # short: bridged
    damaged = replace(trial, recordings=(replace(trial.recordings[0], angular_velocity=rates), *trial.recordings[1:]))
    values = predict_trial(checkpoint, damaged).kinematics.values
    expected = np.zeros(trial.n_frames, dtype=bool)
    expected[40:80] = True
    np.testing.assert_array_equal(np.isnan(values).all(axis=1), expected)


def test_training_subjects_other_rates_and_lacking_sensors_are_refused(checkpoint, walking_corpus):
    corpus = Corpus(walking_corpus)
    with pytest.raises(CorpusMismatch, match="trained on this subject"):
        predict_trial(checkpoint, corpus.read("S01", "walk_01"))
    trial = corpus.read("S03", "walk_01")
    with pytest.raises(CorpusMismatch, match="expected 100 Hz"):
        predict_trial(checkpoint, replace(trial, rate=120.0))
    with pytest.raises(CorpusMismatch, match="pelvis missing"):
        predict_trial(checkpoint, replace(trial, recordings=trial.recordings[1:]))


def test_a_corpus_of_estimates_counts_what_it_refuses(checkpoint, walking_corpus, tmp_path):
    out = apply_checkpoint(checkpoint, walking_corpus, tmp_path / "estimates.h5")
    corpus = Corpus(out)
    assert corpus.role == "prediction"
    assert corpus.trials() == Corpus(walking_corpus).trials()
    status = {row["subject"]: row["status"] for row in corpus.summary()}
    assert status == {"S01": "refused", "S02": "refused", "S03": "predicted", "S04": "predicted"}
    assert corpus.provenance.config["labels_used"]["S03"] == {
        "trials": 4,
        "frames": checkpoint.n_labelled_frames,
    }
