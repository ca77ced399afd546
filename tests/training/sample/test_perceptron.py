"""Perceptrons on samples learn what is there, rare classes count like common ones, scores are the known ones."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from synth.corpus.schema import CorpusMismatch
from training.sample.class_score import auroc, balanced_accuracy, class_scores
from training.sample.cycle_answer import CycleAnswer
from training.sample.ensemble import member_rows
from training.sample.fit import FitSettings
from training.sample.perceptron import contrast, teach_classes, teach_estimates, untaught
from training.sample.taught_file import read_taught, write_taught

SHORT = FitSettings(epochs=20, batch=64, learning_rate=5e-3)


def test_scores_are_those_of_scikit_learn_and_the_commonest_class_wins_nothing():
    rng = np.random.default_rng(0)
    truth, probabilities = rng.choice(3, 300, p=[0.8, 0.15, 0.05]), rng.dirichlet([1, 1, 1], 300)
    score = np.round(probabilities[:, 1], 1)  # with ties
    assert auroc(truth == 1, score) == pytest.approx(roc_auc_score(truth == 1, score))
    named = probabilities.argmax(axis=1)
    assert balanced_accuracy(truth, named) == pytest.approx(balanced_accuracy_score(truth, named))
    table = class_scores(truth, np.tile([1.0, 0.0, 0.0], (300, 1)), ("a", "b", "c")).set_index("measure")
    assert table.value["balanced accuracy"] == pytest.approx(1 / 3)
    assert table.value["accuracy"] == table.value["prevalence a"]
    assert table.value["AUROC c vs rest"] == 0.5
    assert (table.low <= table.value)[["accuracy", "prevalence b"]].all()


def test_an_ensemble_finds_a_linear_law_in_the_unit_of_the_targets():
    rng = np.random.default_rng(1)
    inputs = rng.normal(50.0, 10.0, (400, 3)).astype(np.float32)
    targets = 1000.0 + inputs @ np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]])
    taught = teach_estimates(inputs[:300], targets[:300], (inputs[300:350], targets[300:350]), SHORT, n_members=2)
    mean, sd = taught.estimates(inputs[350:])
    error = np.sqrt(((mean - targets[350:]) ** 2).mean(axis=0))
    assert (error < 0.1 * targets.std(axis=0)).all()
    assert sd.shape == mean.shape
    far = taught.estimates(inputs[350:] + 200.0)[1]
    assert np.median(far) > 2 * np.median(sd), "members disagree where nobody taught"


def test_balanced_teaching_finds_the_rare_class():
    rng = np.random.default_rng(2)
    classes = (rng.random(900) < 0.05).astype(int)
    inputs = (rng.normal(size=(900, 2)) + 1.5 * classes[:, None]).astype(np.float32)
    held = (inputs[600:700], classes[600:700])
    recall = {}
    for is_balanced in (True, False):
        taught = teach_classes(inputs[:600], classes[:600], held, SHORT, is_balanced=is_balanced, n_members=1)
        probabilities, _ = taught.probabilities(inputs[700:])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
        recall[is_balanced] = np.mean(probabilities[classes[700:] == 1].argmax(axis=1) == 1)
    assert recall[True] > recall[False]
    with pytest.raises(ValueError, match="somebody of each"):
        teach_classes(inputs[:600], 2 * classes[:600], held, SHORT)


def test_a_contrast_is_a_difference_of_logits_and_new_weights_know_nothing():
    import torch

    rng = np.random.default_rng(3)
    inputs, classes = rng.normal(size=(200, 2)).astype(np.float32), np.arange(200) % 2
    taught = teach_classes(inputs, classes, (inputs, classes), FitSettings(epochs=1), n_members=2)
    given = torch.as_tensor(inputs)
    with torch.no_grad():
        logits = torch.stack([n(given) for n in taught.networks]).mean(dim=0)
        np.testing.assert_allclose(contrast(taught.networks, 1, 0)(given), logits[:, 1] - logits[:, 0])
        blank = untaught(taught, 9)
        assert not torch.allclose(blank(given), taught.networks[0](given))
        np.testing.assert_array_equal(blank(given), untaught(taught, 9)(given))


def test_networks_of_a_file_answer_as_those_that_were_written(tmp_path):
    rng = np.random.default_rng(4)
    inputs, targets = rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(60, 2))
    taught = teach_estimates(inputs, targets, (inputs, targets), FitSettings(epochs=2), n_members=2, widths=(8, 6))
    again = read_taught(write_taught(tmp_path / "taught.npz", taught))
    np.testing.assert_array_equal(again.estimates(inputs), taught.estimates(inputs))
    assert again.epochs == taught.epochs
    (tmp_path / "taught.npz").write_bytes(b"no networks")
    for name in ("taught.npz", "missing.npz"):
        with pytest.raises(CorpusMismatch, match=f"{name}: expected networks"):
            read_taught(tmp_path / name)


def test_another_network_is_taught_by_the_same_lesson():
    """Which channel of a cycle is large tells the class, whatever the phase."""
    rng = np.random.default_rng(5)
    classes = np.arange(160) % 2
    records = rng.normal(size=(160, 40, 2)).astype(np.float32)
    records[np.arange(160), rng.integers(40, size=160), classes] += 12.0
    held = (records[120:140], classes[120:140])
    settings = FitSettings(epochs=12, batch=20, learning_rate=1e-2)
    taught = teach_classes(records[:120], classes[:120], held, settings, n_members=1, build=CycleAnswer)
    named = taught.probabilities(records[140:])[0].argmax(axis=1)
    assert (named == classes[140:]).mean() > 0.8
    assert untaught(taught, 3)(taught.networks[0].mean[None]).shape == (1, 2)


def test_a_member_is_taught_by_whole_people():
    people = [f"P{k // 3}" for k in range(30)]
    drawn = member_rows(30, 4, 0, people)
    assert len({tuple(rows) for rows in drawn}) == 4
    for rows in drawn:
        times = np.bincount(rows, minlength=30).reshape(10, 3)
        assert len(rows) == 30
        assert (times == times[:, :1]).all(), "all samples of a person, as often as the person was drawn"
        assert (times[:, 0] == 0).any()
    np.testing.assert_array_equal(member_rows(30, 1, 0, people)[0], np.arange(30))
    assert [len(rows) for rows in member_rows(30, 2, 0)] == [30, 30]
