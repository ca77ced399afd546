"""Impairments and ages: each a pure function of seed, person and visit, within what people are."""

import numpy as np
import pytest

from mocap_import.subject import Subject, impossible_fact
from synth.corpus import CorpusTrial
from synth.corpus.array_origin import ArrayOrigin
from synth.impairment import HEALTHY, KINDS, NOTHING, Impairment, draw_impairment, impairment_of, visit_of
from synth.life_span import CHILD_SHARE, GROWN, draw_person_of_any_age, speed_of_age

ILL = tuple(k for k in KINDS if k != HEALTHY)


def test_kind_and_pace_belong_to_the_person_and_severity_to_the_visit():
    for person in range(60):
        visits = [draw_impairment(7, person, v, ILL) for v in range(4)]
        assert visits == [draw_impairment(7, person, v, ILL) for v in range(4)]
        assert len({v.kind for v in visits}) == 1
        severity = np.array([v.severity for v in visits])
        inside = (severity > 0.0) & (severity < 1.0)
        steps = np.diff(severity)[inside[1:] & inside[:-1]]
        assert np.ptp(steps) < 2e-4 if len(steps) else True, "a steady pace while it is within 0 and 1"


def test_shares_and_kinds_are_those_that_were_asked_for():
    drawn = [draw_impairment(3, p, 0, ("crouch", "equinus"), 0.25) for p in range(2000)]
    share = np.mean([d.kind == HEALTHY for d in drawn])
    assert share == pytest.approx(0.25, abs=0.03)
    assert {d.kind for d in drawn} == {HEALTHY, "crouch", "equinus"}
    assert all(d.severity == 0.0 for d in drawn if d.kind == HEALTHY)
    assert draw_impairment(3, 5, 0, ()) == NOTHING


def test_only_the_weak_leg_has_a_side_and_only_the_unsteady_vary():
    drawn = [draw_impairment(1, p, 0, ILL) for p in range(300)]
    assert all((d.side in ("r", "l")) == (d.kind == "asymmetric_strength") for d in drawn)
    assert {d.side for d in drawn} == {"", "r", "l"}
    assert Impairment("unsteady", 1.0).stride_variation > 3 * Impairment("crouch", 1.0).stride_variation


@pytest.mark.parametrize(("kind", "severity"), [("limp", 0.5), ("crouch", 1.5), ("crouch", float("nan"))])
def test_what_is_no_impairment_is_refused(kind, severity):
    with pytest.raises(ValueError, match=r"none of|expected 0 to 1"):
        Impairment(kind, severity)


def test_a_corpus_tells_what_is_wrong_and_when():
    facts = Impairment("asymmetric_strength", 0.4, "l").facts
    trial = CorpusTrial(
        "walk_02", Subject("V1"), 100.0, session="visit_2", origins=(ArrayOrigin(("events",), "x", found=facts),)
    )
    assert impairment_of(trial) == Impairment("asymmetric_strength", 0.4, "l")
    assert visit_of(trial) == 1
    assert impairment_of(CorpusTrial("walk_01", Subject("V1"), 100.0, session="Monday")) is None
    assert visit_of(CorpusTrial("walk_01", Subject("V1"), 100.0, session="Monday")) == 0


def test_people_of_any_age_exist_and_grow_and_shrink():
    crowd = [draw_person_of_any_age(3, n) for n in range(3000)]
    assert crowd[41] == draw_person_of_any_age(3, 41)
    assert not any(impossible_fact(p.subject.mass, p.subject.height, p.subject.age) for p in crowd)
    ages, height = (np.array([getattr(p.subject, f) for p in crowd]) for f in ("age", "height"))
    assert (ages < GROWN).mean() == pytest.approx(CHILD_SHARE, abs=0.03)
    assert ages.min() <= 6.0
    assert ages.max() >= 84.0
    means = [height[(ages >= a) & (ages < b)].mean() for a, b in ((5, 8), (8, 12), (12, 16), (20, 40))]
    assert (np.diff(means) > 0.05).all()
    assert height[ages > 75].mean() < means[-1] - 0.02
    assert np.mean([p.strength for p in crowd if p.subject.age < 8]) < 0.95
    assert speed_of_age(50.0) == 1.0
    assert speed_of_age(85.0) == pytest.approx(0.825)
