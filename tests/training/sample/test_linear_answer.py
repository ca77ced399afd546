"""Members of a linear ensemble differ also where a class is rare, and every one of them knows every class."""

from __future__ import annotations

import numpy as np
import pytest

from training.sample.ensemble import member_rows
from training.sample.linear_answer import linear_classes

N_MEMBERS = 12


@pytest.mark.parametrize("rare", [(1,), (2,), (1, 1, 2)])
def test_every_member_has_its_own_draw_and_every_class(rare):
    classes = np.concatenate([np.zeros(20, dtype=int), *(np.full(n, k + 1) for k, n in enumerate(rare))])
    drawn = member_rows(len(classes), N_MEMBERS, 0, classes=classes)
    assert len({tuple(np.sort(rows)) for rows in drawn}) == N_MEMBERS
    assert all(set(classes[rows]) == set(classes) for rows in drawn)
    assert any(set(classes[rows]) != set(classes) for rows in member_rows(len(classes), N_MEMBERS, 0)), "by chance"
    inputs = np.random.default_rng(1).normal(size=(len(classes), 4, 2)) + classes[:, None, None]
    taught = linear_classes(inputs, classes, (inputs, classes), 0, n_members=N_MEMBERS)
    assert len({network.weights.numpy().tobytes() for network in taught.networks}) == N_MEMBERS


def test_a_rare_class_is_drawn_by_whole_people():
    """Two samples a person, one of P09's of the rare class: it teaches everybody, always with both samples."""
    people = [f"P{k // 2:02d}" for k in range(20)]
    classes = np.zeros(20, dtype=int)
    classes[-1] = 1
    drawn = member_rows(20, N_MEMBERS, 0, people, classes=classes)
    assert len({tuple(np.sort(rows)) for rows in drawn}) == N_MEMBERS
    for rows in drawn:
        times = np.bincount(rows, minlength=20).reshape(10, 2)
        assert (times[:, 0] == times[:, 1]).all()
        assert times[-1, 0] > 0
        assert len(rows) == 20


def test_a_draw_that_has_every_class_stays_as_it_is():
    classes = np.arange(40) % 2
    for with_classes, plain in zip(member_rows(40, 3, 5, classes=classes), member_rows(40, 3, 5), strict=True):
        np.testing.assert_array_equal(with_classes, plain)
