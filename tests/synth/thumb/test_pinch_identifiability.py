"""What a force can tell: more record never tells less, twins hide each other, and idle muscles leave no trace."""

from __future__ import annotations

import numpy as np
import pytest

from synth.thumb.force_profile import FIRST, N_FRAMES
from synth.thumb.identifiability import _one_person, identifiability_table, information
from synth.thumb.pinch_parameter import ASKED, IN_THE_WAY, asked_values, prior_covariance
from synth.thumb.pinch_people import draw_people

NAMES = [p.name for p in ASKED]


@pytest.fixture(scope="module")
def found():
    return information(draw_people(5, 0, 8))


def test_more_of_the_record_never_tells_less(found):
    peak, profile, vector, held = found
    for some in found:
        assert (some.knowable > -1e-6).all()
        assert (some.knowable < 1).all()
    assert (profile.knowable >= peak.knowable - 1e-6).all()
    assert (vector.knowable >= profile.knowable - 1e-6).all()
    assert (held.knowable >= vector.knowable - 1e-6).all()
    assert (peak.rank <= 1).all(), "one number tells one direction"


def test_a_pinch_that_no_muscle_limits_tells_more_of_those_that_share_it(found):
    """At full force most muscles are not at their limits; which part each takes of less depends on its strength."""
    table = identifiability_table(found).set_index("parameter")
    gained = table.knowable_held - table.knowable_vector
    assert gained["max_force ADPo"] > 0.05
    assert gained["max_force APL"] > 0.05
    assert gained.abs()["limit ulnar"] < 0.02, "how far a nerve can drive its muscles is not asked by a part of it"


def test_the_only_flexor_of_the_tip_is_known_and_idle_muscles_are_not(found):
    table = identifiability_table(found).set_index("parameter")
    assert table.reason["max_force FPL"] == "known"
    assert table.reason["slowness"] == "known"
    assert table.knowable_peak["slowness"] < 0.05, "one force has no course"
    assert table.reason["fibre_length EPL"].startswith("no trace")
    assert table.reason["tendon_slack FPL"].startswith("hidden: most with fibre_length FPL")


def test_twins_hide_each_other():
    """Two parameters that change the record alike: their sum is known, neither of them is."""
    n = len(ASKED) + len(IN_THE_WAY)
    jacobian = np.zeros((N_FRAMES, 3, n))
    jacobian[..., 0] = jacobian[..., 1] = 100.0
    record = np.full((N_FRAMES, 3), 10.0)
    pair = (record, jacobian, np.ones((2, 3)), np.zeros((2, 3, n)))
    shares, trace, companion, correlation, rank = _one_person(pair, np.eye(n), "vector", FIRST)
    np.testing.assert_allclose(shares[:2], 0.5, atol=0.01)
    assert companion[0] == 1
    assert correlation[0] == pytest.approx(-1.0, abs=0.01)
    assert rank == 1
    assert (trace[2:] == 0).all()
    np.testing.assert_allclose(shares[2:], 0.0, atol=1e-9)


def test_the_stated_prior_is_the_one_that_is_drawn():
    people = draw_people(6, 0, 4000)
    values, size = asked_values(people), np.log(people.hand_length)
    known = np.column_stack([np.ones(len(people)), size, people.is_male, np.maximum(people.age - 55, 0), people.age])
    left = values - known @ np.linalg.lstsq(known, values, rcond=None)[0]
    stated = np.sqrt(np.diag(prior_covariance())[: len(ASKED)])
    np.testing.assert_allclose(left.std(axis=0), stated, rtol=0.08)


def test_moving_a_parameter_moves_it_alone():
    people = draw_people(7, 0, 5)
    for parameter in ASKED + IN_THE_WAY:
        moved = parameter.moved(people, 0.01)
        np.testing.assert_allclose(parameter.read(moved) - parameter.read(people), 0.01, atol=1e-9)
        if parameter in ASKED:
            changed = ~np.isclose(asked_values(moved), asked_values(people)).all(axis=0)
            assert changed.sum() == 1
            assert changed[NAMES.index(parameter.name)]
