"""Attributions add up, point at what a network reads, and agree with a cause exactly as far as they do."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from synth.corpus.schema import CorpusMismatch
from training.explanation.attribution import group_sums, integrated_gradients, occlusion
from training.explanation.concordance import concordance, random_concordance, random_explanation
from training.explanation.rated_item import RatedItem, read_ratings, write_items

GROUPS = np.array([0, 0, 1, 1, 2, 2])


def test_integrated_gradients_add_up_to_the_difference_of_the_answers():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    rng = np.random.default_rng(0)
    inputs, baseline = rng.normal(size=(5, 6)), rng.normal(size=6)
    found = integrated_gradients(lambda x: network(x)[:, 0], inputs, baseline, n_steps=64)
    with torch.no_grad():
        ends = [network(torch.as_tensor(x, dtype=torch.float32))[..., 0].numpy() for x in (inputs, baseline)]
    np.testing.assert_allclose(found.sum(axis=1), ends[0] - ends[1], atol=1e-3)


def test_of_a_linear_network_both_methods_say_weight_times_distance():
    weights = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0, 1.0])
    rng = np.random.default_rng(1)
    inputs, baseline = rng.normal(size=(4, 6)), rng.normal(size=6)
    known = group_sums((inputs - baseline) * weights.numpy(), GROUPS)
    found = integrated_gradients(lambda x: x @ weights, inputs, baseline)
    np.testing.assert_allclose(group_sums(found, GROUPS), known, atol=1e-5)
    np.testing.assert_allclose(occlusion(lambda x: x @ weights, inputs, baseline, GROUPS), known, atol=1e-5)


def test_what_is_never_occluded_has_no_group():
    groups = np.array([0, 0, 1, 1, -1, -1])
    found = occlusion(lambda x: x.sum(dim=1), np.ones((2, 6)), np.zeros(6), groups)
    np.testing.assert_allclose(found, 2.0)


def test_concordance_is_one_with_itself_minus_one_with_its_opposite_and_none_by_chance():
    truth = np.abs(np.random.default_rng(2).normal(size=(400, 8)))
    same, opposite = concordance(-3 * truth, truth), concordance(1 / truth, truth)
    np.testing.assert_allclose(same.rank_correlation, 1.0)
    np.testing.assert_allclose(same.overlap, 1.0)
    np.testing.assert_allclose(opposite.rank_correlation, -1.0)
    by_chance = concordance(random_explanation(truth.shape, 0), truth).summary()
    assert by_chance["rank correlation"][1] < 0 < by_chance["rank correlation"][2]
    assert by_chance["top-3 overlap"][0] == pytest.approx(3 / 8, abs=0.03)
    often = random_concordance(truth[:5])
    np.testing.assert_allclose(often.rank_correlation, 0.0, atol=0.15)
    np.testing.assert_allclose(often.overlap, 3 / 8, atol=0.1)


def test_what_nobody_rated_does_not_count_and_wrong_ratings_are_refused():
    truth = np.array([[3.0, 2.0, 1.0, np.nan]])
    assert concordance(np.array([[3.0, 2.0, 1.0, 99.0]]), truth).rank_correlation[0] == pytest.approx(1.0)
    assert np.isnan(concordance(np.ones((1, 3)), np.ones((1, 3))).rank_correlation[0])
    with pytest.raises(ValueError, match="negative"):
        concordance(np.ones((1, 2)), np.array([[-1.0, 2.0]]))
    with pytest.raises(ValueError, match="one shape"):
        concordance(np.ones((1, 2)), np.ones((1, 3)))


def test_experts_ratings_come_back_as_means_over_raters(tmp_path):
    times = np.arange(3) / 10
    items = [RatedItem(n, "What matters?", times, {"force (N)": times}, ("early", "late")) for n in ("a", "b")]
    sheet = json.loads(write_items(tmp_path / "items.json", items).read_text())
    assert [i["item"] for i in sheet["items"]] == ["a", "b"]
    assert sheet["items"][0]["parts"] == ["early", "late"]
    file = tmp_path / "ratings.csv"
    file.write_text("item,rater,part,rating\na,r1,early,4\na,r2,early,2\nb,r1,late,0\n")
    np.testing.assert_array_equal(read_ratings(file, ["a", "b"], ["early", "late"]), [[3.0, np.nan], [np.nan, 0.0]])
    file.write_text("item,rater,part,rating\nc,r1,early,4\n")
    with pytest.raises(CorpusMismatch, match="'c' is not among"):
        read_ratings(file, ["a", "b"], ["early", "late"])
    file.write_text("item,rater,part,rating\na,r1,early,9\n")
    with pytest.raises(CorpusMismatch, match="from 0 to 4"):
        read_ratings(file, ["a", "b"], ["early", "late"])
