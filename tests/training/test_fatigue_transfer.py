"""Torque is a product of modules, what is frozen does not move, an anchor holds what simulations were sure of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synth.elbow.flexion_corpus import FlexionTrials
from training.config import ConfigRefused
from training.fatigue.arm import ARMS, DIRECT, TRANSFER, chosen_arms
from training.fatigue.baseline import BASELINES
from training.fatigue.flexion_arrays import flexion_arrays
from training.fatigue.front_end import N_LAGS, fit_front_end, lagged
from training.fatigue.teaching import (
    Lessons,
    arrays_of,
    estimates,
    learn_from_people,
    learn_from_simulations,
    simulated_arrays,
    simulated_from,
    simulated_network,
)
from training.fatigue.torque_network import JoinedTorque, ModularTorque, torque_loss
from training.fatigue.transfer import anchor_at, anchored_loss, fisher_information, freeze

LESSONS = Lessons(1, 2.0, 8, 3, 5, 5, 0, 0.03, 4)
BY_NAME = {arm.name: arm for arm in ARMS}


def made_trials(n: int = 12, seed: int = 0) -> FlexionTrials:
    """Torque = 0.9 strength x mean flexor activity x a falling state: what the modules can say exactly."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.3, 0.9, size=(n, 1, 1))
    channels = np.broadcast_to(level, (n, 20, 4)) * (1.0 + 0.05 * rng.normal(size=(n, 20, 4)))
    strength = rng.uniform(40.0, 90.0, size=n)
    fresh = np.exp(-0.008 * 2.0 * level[..., 0] * np.arange(20))
    torque = 0.9 * strength[:, None] * channels[..., :3].mean(axis=2) * fresh
    torque[0, 15:] = np.nan
    features = np.stack(
        [np.full(n, 70.0), np.full(n, 1.7), np.zeros(n), np.full(n, np.nan), np.full(n, 1.4), strength], 1
    )
    return FlexionTrials(tuple(f"P{i // 2}" for i in range(n)), ("a", "b") * (n // 2), channels, torque, features, 0.5)


def batch_of(arrays):
    return {name: torch.as_tensor(np.array(a), dtype=torch.float32) for name, a in arrays.items()}


def test_arrays_know_what_is_unknown():
    arrays = flexion_arrays(made_trials())
    assert arrays["known"][0, 14:17].tolist() == [1.0, 0.0, 0.0]
    assert np.isfinite(arrays["features"]).all()
    unscaled = flexion_arrays(made_trials(), strength_known=False)
    assert np.ptp(unscaled["scale"]) == 0.0
    assert np.ptp(unscaled["features"][:, 5]) == 0.0


def test_torque_is_the_product_of_modules_and_freshness_only_falls():
    torch.manual_seed(0)
    network = ModularTorque(4, 4, 6, 8, 2.0)
    torch.nn.init.normal_(network.freshness.rate.weight)
    batch = batch_of(flexion_arrays(made_trials()))
    parts = network.parts(batch)
    assert torch.allclose(network(batch), parts["capacity"][:, None] * parts["drive"] * parts["freshness"])
    assert torch.all(parts["freshness"][:, 0] == 1.0)
    assert torch.all(torch.diff(parts["freshness"]) < 0.0)
    batch["channels"] = torch.cat([torch.ones(12, 20, 3), torch.zeros(12, 20, 1)], dim=2)
    assert torch.allclose(network.parts(batch)["drive"], torch.ones(12, 20)), "full activity is the whole capacity"


def test_unknown_frames_teach_nothing():
    network = JoinedTorque(4, 4, 6, 8, 2.0)
    batch = batch_of(flexion_arrays(made_trials()))
    before = torque_loss(network, batch)
    batch["torque"][0, 15:] = 1e6
    assert torch.equal(torque_loss(network, batch), before)


@pytest.mark.parametrize("kind", [ModularTorque, JoinedTorque])
def test_what_is_frozen_does_not_move(kind):
    batch = batch_of(flexion_arrays(made_trials()))
    moved = {}
    for schedule in ("none", "recurrent", "all_but_head"):
        torch.manual_seed(1)
        network = freeze(kind(4, 4, 6, 8, 2.0), schedule)
        torque_loss(network, batch).backward()
        moved[schedule] = {name for name, p in network.named_parameters() if p.grad is not None}
    everything = {name for name, _ in network.named_parameters()}
    assert moved["none"] == everything
    assert moved["recurrent"] == {n for n in everything if not n.startswith(kind.recurrent)} < everything
    assert moved["all_but_head"] == {n for n in everything if n.startswith(kind.head)} < moved["recurrent"]


def test_the_anchor_is_zero_at_home_and_weighs_by_information():
    torch.manual_seed(2)
    network = ModularTorque(4, 4, 6, 8, 2.0)
    arrays = flexion_arrays(made_trials())
    information = fisher_information(network, arrays, 8, 0)
    assert set(information) == {name for name, _ in network.named_parameters()}
    anchor = anchor_at(network, "covariance", 2.0, information)
    assert anchor.penalty(network).item() == 0.0
    with torch.no_grad():
        network.drive.opposed += 0.5
    assert np.isclose(anchor.penalty(network).item(), 2.0 * 0.25 * float(information["drive.opposed"]), rtol=1e-4)
    plain = anchor_at(network, "plain", 2.0, information)
    assert all(torch.all(w == 1.0) for w in plain.weight.values())
    off = anchor_at(network, "off", 2.0, information)
    network.train()
    batch = batch_of(arrays)
    assert torch.equal(anchored_loss(off)(network, batch), torque_loss(network, batch))
    assert anchored_loss(anchor)(network, batch).item() > torque_loss(network, batch).item()
    network.eval()
    assert torch.equal(anchored_loss(anchor)(network, batch), torque_loss(network, batch)), "validation is not anchored"


def test_the_front_end_is_whitened_and_sees_only_the_past():
    channels = made_trials(40).channels
    front = fit_front_end(channels, 4)
    scores = front(channels)
    assert np.allclose(np.cov(scores.reshape(-1, 4), rowvar=False), np.eye(4), atol=1e-6)
    assert 0.5 < front.explained <= 1.0
    later = channels.copy()
    later[:, 10:] += 1.0
    assert np.allclose(front(later)[:, :10], scores[:, :10])
    assert lagged(channels).shape[2] == 4 * N_LAGS


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_baselines_learn_a_simple_law_and_use_no_truth_of_the_scored(name):
    teaching, scored = (flexion_arrays(made_trials(40, seed)) for seed in (1, 2))
    estimate = BASELINES[name](teaching, scored)
    assert np.array_equal(estimate, BASELINES[name](teaching, scored | {"torque": 0.0 * scored["torque"]}))
    constant = np.sum(teaching["known"] * teaching["torque"]) / teaching["known"].sum()
    errors = [np.sqrt(np.mean(scored["known"] * (e - scored["torque"]) ** 2)) for e in (estimate, constant)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("name", ["ridge by frame", "principal components, ridge"])
def test_the_penalty_is_chosen_by_people_left_out_not_by_more_records_of_the_same(name):
    """Everybody has a share of strength of his own that nothing tells: nobody can know more than the mean."""

    def people(n, seed):
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(n), 4)
        channels = np.clip(
            0.5 + 0.1 * rng.normal(size=(n, 1, 4))[person] + 0.02 * rng.normal(size=(4 * n, 20, 4)), 0, 1
        )
        size = rng.normal(size=(n, 4))[person]
        strength = np.full(4 * n, 60.0)
        features = np.column_stack([75 + 15 * size[:, 0], 1.7 + 0.1 * size[:, 1], size[:, 2] > 0, 45 + 15 * size[:, 3],
                                    np.full(4 * n, 1.4), strength])  # fmt: skip
        torque = strength[:, None] * (
            0.6 + 0.2 * rng.normal(size=n)[person][:, None] + 0.01 * rng.normal(size=(4 * n, 20))
        )
        trials = FlexionTrials(
            tuple(f"P{p}" for p in person), ("a", "b", "c", "d") * n, channels, torque, features, 0.5
        )
        return flexion_arrays(trials)

    teaching, scored = people(6, 3), people(60, 4)
    estimate = BASELINES[name](teaching, scored)
    errors = [np.sqrt(np.mean((e - scored["torque"]) ** 2)) for e in (estimate, teaching["torque"].mean())]
    assert errors[0] < 1.1 * errors[1]


def test_one_person_chooses_no_penalty():
    arrays = flexion_arrays(made_trials(2))
    with pytest.raises(ValueError, match="2 or more people who teach, got 1"):
        BASELINES["ridge by frame"](arrays, arrays)


def test_simulations_teach_are_stored_and_go_on_with_people():
    trials = made_trials(24)
    people = sorted(set(trials.persons))
    roles = {"teach": people[:8], "validate": people[8:10], "score": people[10:]}
    for arm in (BY_NAME[TRANSFER], BY_NAME["transfer, PCA front end"]):
        simulated = learn_from_simulations(arm, trials, roles, LESSONS, 0)
        again = simulated_from(simulated_arrays(simulated))
        networks = [simulated_network(arm, s, LESSONS) for s in (simulated, again)]
        arrays = arrays_of(trials, arm, again.front_end)
        first, second = (estimates(network, arrays)["torque"] for network in networks)
        assert np.array_equal(first, second)
        tuned, front_end = learn_from_people(arm, again, trials.of(people[:3]), trials.of(people[3:4]), LESSONS, 5)
        assert front_end is again.front_end
        assert not np.array_equal(estimates(tuned, arrays)["torque"], first)
    fresh, _ = learn_from_people(BY_NAME[DIRECT], None, trials.of(people[:3]), trials.of(people[3:4]), LESSONS, 5)
    assert {"torque", "capacity", "drive", "freshness"} == set(estimates(fresh, flexion_arrays(trials)))


def test_unknown_arms_are_refused_and_the_compared_ones_stay():
    assert {arm.name for arm in chosen_arms(("transfer, plain anchor",))} == {
        TRANSFER,
        DIRECT,
        "transfer, plain anchor",
    }
    with pytest.raises(ConfigRefused, match="no such arm"):
        chosen_arms(("no such arm",))
