"""The permutation field is spm1d's; a shifted stretch is a cluster, chance rarely is; classifiers find what differs."""

from __future__ import annotations

import numpy as np
import pytest

from training.generative.permutation_field import fold_fields, permutation_field
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
    same = two_sample_test([[(reshaped(60, 1), reshaped(60, 2))]], classifier, 0)
    other = two_sample_test([[(reshaped(60, 1), reshaped(60, 2) + 1.5)]], classifier, 0)
    assert same.low <= 0.5 <= same.high + 0.1
    assert other.low > 0.65
    with pytest.raises(ValueError, match="equal numbers"):
        two_sample_test([[(reshaped(60, 1), reshaped(50, 2))]], classifier, 0)


def test_less_variance_with_the_same_mean_is_found_by_the_logistic_one():
    test = two_sample_test([[(reshaped(150, 1), 0.4 * reshaped(150, 2))]], "logistic", 0)
    assert test.low > 0.6


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_classifier_of_eight_people_a_fold_answers_by_chance_where_nothing_is_and_finds_what_is(classifier):
    same = [
        two_sample_test([[(reshaped(8, 10 * r + k), reshaped(8, 10 * r + k + 5)) for k in range(5)]], classifier, 0)
        for r in range(3)
    ]
    assert np.mean([test.accuracy for test in same]) == pytest.approx(0.5, abs=0.1)  # 240 answers: SE 0.03
    other = [(reshaped(8, k), reshaped(8, k + 5) + 1.5) for k in range(5)]
    assert two_sample_test([other], classifier, 0).low > 0.55


def folds_of_a_generator(seed, make, n=100):
    """People of five folds, each with samples that `make` made from the others."""
    everybody, rng = reshaped(n, seed), np.random.default_rng([seed, 1])
    parts = np.array_split(np.arange(n), 5)
    return [(everybody[part], make(np.delete(everybody, part, axis=0), len(part), rng)) for part in parts]


def copies(teaching, n, rng):
    return teaching[rng.permutation(len(teaching))[:n]] + 0.05 * rng.normal(size=(n, *teaching.shape[1:]))


def test_copies_of_the_teaching_people_are_not_told_less_often_than_by_chance():
    folds = [folds_of_a_generator(seed, copies) for seed in range(4)]
    apart = np.mean([two_sample_test([pairs], "kNN", 0).accuracy for pairs in folds])
    thrown_together = [[tuple(np.concatenate(group) for group in zip(*pairs, strict=True))] for pairs in folds]
    pooled = np.mean([two_sample_test([pair], "kNN", 0).accuracy for pair in thrown_together])
    assert pooled < 0.46  # what it was: the copy of a measured person beside it says "made"
    assert apart == pytest.approx(0.5, abs=0.05)


def gaussian(teaching, n, rng):
    flat = teaching.reshape(len(teaching), -1)
    made = rng.multivariate_normal(flat.mean(axis=0), np.cov(flat, rowvar=False), size=n)
    return made.reshape(n, *teaching.shape[1:])


def test_a_true_generator_has_a_cluster_in_any_fold_once_in_twenty_and_a_fitted_one_no_less_often():
    def alarms(pairs_of):
        found = 0
        for seed in range(120):
            pairs = [(a[:, :, 0], b[:, :, 0]) for a, b in pairs_of(seed)]
            found += any(test.clusters for test in fold_fields(pairs, seed=seed, n_permutations=400))
        return found

    assert 1 <= alarms(lambda seed: folds_of_a_generator(seed, lambda t, n, rng: reshaped(n, rng))) <= 12
    assert 1 <= alarms(lambda seed: folds_of_a_generator(seed, gaussian)) <= 20
