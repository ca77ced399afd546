"""Losses, normalisation and the loop: what must not matter has exactly no influence."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from synth.corpus import Corpus
from training.config import OUTPUT_KINDS, resolve_config
from training.loop import train
from training.loss import masked_mse, supervised_loss
from training.networks.registry import build_network, known_networks, register_network
from training.normalisation import fit_normalisation
from training.training_set import read_training_set
from training.window_source import WindowSource

QUICK = {"width": 16, "steps": 25, "batch": 8, "window_seconds": 0.6}


@pytest.fixture(scope="module")
def training_set(walking_corpus):
    return read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS)


def test_masked_frames_have_exactly_zero_gradient():
    outputs = torch.randn(2, 10, 3, requires_grad=True)
    labels = torch.randn(2, 10, 3)
    labels[:, 4:] = torch.nan
    loss, terms = supervised_loss(outputs, labels, {"angle": [0, 1], "moment": [2]})
    loss.backward()
    assert (outputs.grad[:, 4:] == 0).all()
    assert (outputs.grad[:, :4] != 0).all()
    assert loss.item() == pytest.approx(np.mean([term.item() for term in terms.values()]))


def test_the_loss_is_the_mean_square_over_labels_and_zero_without_any():
    outputs, labels = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, torch.nan, 1.0])
    assert masked_mse(outputs, labels).item() == pytest.approx((1 + 4) / 2)
    nothing = torch.full((3,), torch.nan)
    assert masked_mse(outputs.requires_grad_(), nothing).item() == 0.0


def test_kinds_weigh_the_same_however_many_columns_they_have():
    outputs, labels = torch.zeros(1, 5, 4), torch.ones(1, 5, 4)
    labels[..., 3] = 3.0
    loss, terms = supervised_loss(outputs, labels, {"angle": [0, 1, 2], "speed": [3]})
    assert terms["angle"].item() == pytest.approx(1)
    assert loss.item() == pytest.approx((1 + 9) / 2)


def test_normalisation_uses_training_subjects_only(walking_corpus, training_set):
    corpus = Corpus(walking_corpus)
    everybody = read_training_set(corpus, ["S01", "S02", "S03", "S04"], OUTPUT_KINDS)
    of_two = [record for record in everybody.records if record.subject in ("S01", "S02")]
    fitted, expected = (fit_normalisation([r.summary for r in rs]) for rs in (training_set.records, of_two))
    for key, value in vars(fitted).items():
        np.testing.assert_array_equal(value, getattr(expected, key))
    assert {record.subject for record in training_set.records} == {"S01", "S02"}
    assert not np.array_equal(fitted.input_mean, fit_normalisation([r.summary for r in everybody.records]).input_mean)


def test_normalised_labels_have_mean_zero_and_sd_one(training_set):
    scale, source = fit_normalisation([r.summary for r in training_set.records]), WindowSource(training_set, 0.6)
    wholes = [source.whole(number) for number in range(len(training_set.records))]
    by_trial = [(whole.labels - scale.target_mean) / scale.target_sd for whole in wholes]
    np.testing.assert_allclose(np.mean([np.nanmean(t, axis=0) for t in by_trial], axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.mean([np.nanmean(t**2, axis=0) for t in by_trial], axis=0), 1, rtol=1e-3)


@pytest.mark.parametrize("network", ["conv1d", "lstm"])
def test_training_repeats_bit_for_bit_and_leaves_the_global_random_state(training_set, network):
    config = resolve_config(QUICK | {"network": network, "steps": 5})
    before = torch.random.get_rng_state()
    first, again = train(training_set, config), train(training_set, config)
    assert torch.equal(before, torch.random.get_rng_state())
    other = train(training_set, config.model_copy(update={"seed": 1}))
    for key, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key
    assert any(not torch.equal(v, other.network.state_dict()[k]) for k, v in first.network.state_dict().items())


@pytest.mark.parametrize("network", ["conv1d", "lstm"])
def test_a_network_overfits_one_clean_trial(training_set, network):
    errors_off = {"misalignment_deg": 0.0, "noise_share": 0.0}
    config = resolve_config(
        QUICK | {"network": network, "width": 32, "steps": 150, "dropout": 0.0, "augmentation": errors_off}
    )
    one = replace(training_set, records=training_set.records[:1])
    losses = []
    train(one, config, progress=lambda step, n, loss: losses.append(loss))
    assert np.mean(losses[-10:]) < 0.05 * losses[0]


@pytest.mark.parametrize("network", known_networks())
def test_every_network_maps_windows_of_any_length(network):
    built = build_network(42, 5, 100.0, resolve_config({"network": network, "width": 8})).eval()
    for n_frames in (3, 60, 257):
        assert built(torch.zeros(2, n_frames, 42)).shape == (2, n_frames, 5)


def test_another_network_is_registered_under_its_own_name():
    register_network("conv1d", "training.networks.convolutional:ConvolutionalNetwork")
    with pytest.raises(ValueError, match="already"):
        register_network("conv1d", "elsewhere:Network")


def test_an_interrupted_training_keeps_its_last_weights(training_set, tmp_path):
    from training.checkpoint import load_checkpoint

    def stop(step, n, loss):
        if step == 4:
            raise KeyboardInterrupt

    path = tmp_path / "stopped.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(training_set, resolve_config(QUICK), path=path, progress=stop)
    kept = load_checkpoint(path)
    assert kept.n_steps == 4
    assert not kept.is_finished
