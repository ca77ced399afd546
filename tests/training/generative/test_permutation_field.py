"""The permutation field is spm1d's; a shifted stretch is a cluster, chance rarely is; classifiers find what differs."""

from __future__ import annotations

import numpy as np
import pytest

from training.generative.permutation_field import permutation_field
from training.generative.two_sample_test import CLASSIFIERS, two_sample_test


def curves(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    smooth = np.exp(-0.5 * ((np.arange(40)[:, None] - np.arange(40)) / 4.0) ** 2)
    made = rng.normal(size=(n, 40)) @ smooth / np.sqrt((smooth**2).sum(axis=0))
    made[:, 10:20] += shift
    return made


def test_t_and_threshold_agree_with_spm1d():
    import spm1d

    first, second = curves(15, 1, 1.2), curves(18, 2)
    own = permutation_field(first, second, seed=3, n_permutations=4000)
    peer = spm1d.stats.nonparam.ttest2(first, second)
    np.random.seed(0)  # noqa: NPY002 - its generator
    found = peer.inference(0.05, two_tailed=True, iterations=4000)
    assert np.allclose(own.t, peer.z, rtol=1e-6)
    assert own.threshold == pytest.approx(float(np.max(found.zstar)), rel=0.05)
    assert len(own.clusters) == len(found.clusters)
    ours, theirs = own.clusters[0], found.clusters[0].endpoints
    assert abs(ours.start - theirs[0]) <= 1
    assert abs(ours.stop - 1 - theirs[1]) <= 1


def test_chance_makes_a_cluster_once_in_twenty():
    found = [
        bool(permutation_field(curves(12, 2 * k), curves(12, 2 * k + 1), seed=k, n_permutations=200).clusters)
        for k in range(60)
    ]
    assert 0 <= sum(found) <= 8


def test_runs_of_both_signs_are_clusters_of_their_own():
    first = curves(30, 5, 2.0)
    first[:, 25:35] -= 2.0
    found = permutation_field(first, curves(30, 6), seed=1, n_permutations=500)
    assert [np.sign(found.t[c.start]) for c in found.clusters] == [1.0, -1.0]
    assert all(c.p <= 0.05 for c in found.clusters)


def test_curves_of_unlike_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        permutation_field(np.zeros((4, 5)), np.zeros((4, 6)), seed=0)


def reshaped(n, seed):
    return curves(n, seed)[:, :20].reshape(n, 10, 2)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_classifier_finds_a_shift_and_nothing_where_nothing_is(classifier):
    same = two_sample_test(reshaped(60, 1), reshaped(60, 2), classifier, 0)
    other = two_sample_test(reshaped(60, 1), reshaped(60, 2) + 1.5, classifier, 0)
    assert same.low <= 0.5 <= same.high + 0.1
    assert other.accuracy > 0.8
    with pytest.raises(ValueError, match="equal numbers"):
        two_sample_test(reshaped(60, 1), reshaped(50, 2), classifier, 0)


def test_less_variance_with_the_same_mean_is_found_by_the_logistic_one():
    test = two_sample_test(reshaped(150, 1), 0.4 * reshaped(150, 2), "logistic", 0)
    assert test.low > 0.6
