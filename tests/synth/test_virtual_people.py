"""Virtual people: each a pure function of seed and number, all together distributed as people are."""

import math

import numpy as np
import pytest

from mocap_import.subject import impossible_fact
from opensim_models.generic.generic_model import REFERENCE_PERSON, generic_model
from synth.virtual_people import (
    AGES,
    MASS,
    MASS_WITH_STATURE,
    PROPORTION_SD,
    STATURE,
    THIGH_WITH_SHANK,
    draw_person,
)


def test_a_person_depends_on_seed_and_number_alone():
    alone = draw_person(7, 41)
    among_others = [draw_person(7, n) for n in reversed(range(60))]
    assert among_others[59 - 41] == alone
    assert draw_person(8, 41) != alone
    assert len({p.subject.mass for p in among_others}) > 50
    assert alone.subject.code == "V00041"


@pytest.mark.parametrize(("seed", "number"), [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused(seed, number):
    with pytest.raises(ValueError, match="at least 0"):
        draw_person(seed, number)


@pytest.fixture(scope="module")
def crowd():
    return [draw_person(3, n) for n in range(4000)]


def test_women_and_men_alternate_and_nobody_is_impossible(crowd):
    assert [p.subject.sex for p in crowd[:4]] == ["female", "male", "female", "male"]
    for p in crowd:
        assert impossible_fact(p.subject.mass, p.subject.height, p.subject.age) is None
        assert AGES[0] <= p.subject.age <= AGES[1]


@pytest.mark.parametrize("sex", ["female", "male"])
def test_stature_and_mass_have_their_published_means_spreads_and_correlation(crowd, sex):
    people = [p for p in crowd if p.subject.sex == sex]
    height = np.array([p.subject.height for p in people])
    mass = np.array([p.subject.mass for p in people])
    assert height.mean() == pytest.approx(STATURE[sex][0], abs=0.005)
    assert height.std() == pytest.approx(STATURE[sex][1], rel=0.08)  # the ends beyond 2.5 SD are missing
    assert mass.mean() == pytest.approx(MASS[sex][0], rel=0.015)
    assert mass.std() == pytest.approx(MASS[sex][1], rel=0.08)
    assert np.corrcoef(height, np.log(mass))[0, 1] == pytest.approx(MASS_WITH_STATURE, abs=0.05)


def test_proportions_vary_together_and_leave_the_stature_as_it_is(crowd):
    thigh, shank, foot, trunk = (
        np.array([p.proportions[n] for p in crowd]) for n in ("thigh", "shank", "foot", "trunk")
    )
    assert np.corrcoef(thigh, shank)[0, 1] == pytest.approx(THIGH_WITH_SHANK, abs=0.05)
    assert thigh.std() == pytest.approx(PROPORTION_SD["thigh"], rel=0.08)
    assert foot.std() == pytest.approx(PROPORTION_SD["foot"], rel=0.08)
    legs, height = 0.245 * thigh + 0.246 * shank + 0.039 * foot, 0.470 * trunk
    np.testing.assert_allclose(legs + height, 1.0, atol=1e-12)


def test_strength_is_a_factor_around_one_that_does_not_count_size_or_age_twice(crowd):
    strength = np.array([p.strength for p in crowd])
    height = np.array([p.subject.height for p in crowd])
    age = np.array([p.subject.age for p in crowd])
    assert math.exp(np.log(strength).mean()) == pytest.approx(1.0, abs=0.02)
    female = np.array([p.subject.sex == "female" for p in crowd])
    assert abs(np.corrcoef(strength[female], height[female])[0, 1]) < 0.06
    assert abs(np.corrcoef(strength, age)[0, 1]) < 0.05


def test_the_skeleton_of_a_person_keeps_mass_and_takes_proportions():
    from synth.optimal_control.movement.skeleton_numbers import numbers_for, pattern_of
    from synth.optimal_control.population.virtual_skeleton import template_skeleton, virtual_skeleton

    template = template_skeleton()
    pattern = pattern_of(template)
    for number in range(12):
        person = draw_person(5, number)
        skeleton = virtual_skeleton(person, template)
        numbers_for(pattern, skeleton)  # one compiled problem serves all: another structure would be refused
        assert skeleton.mass == pytest.approx(person.subject.mass)
        shank = skeleton.segments[skeleton.segment_index("calcn_r")].offset
        assert -shank[1] == pytest.approx(0.246 * person.subject.height * person.proportions["shank"])
        right, left = (skeleton.segments[skeleton.segment_index(f"femur_{s}")] for s in "rl")
        assert right.inertia == left.inertia


def test_muscles_stay_at_the_same_places_of_their_curves_and_keep_their_volume():
    from synth.optimal_control.population.virtual_skeleton import template_skeleton, virtual_skeleton

    template = template_skeleton()
    person = draw_person(5, 9)
    skeleton = virtual_skeleton(person, template)
    generic = generic_model("planar", person.subject).skeleton
    for old, own, unscaled in zip(template.muscles, skeleton.muscles, generic.muscles, strict=True):
        size = own.optimal_fibre_length / old.optimal_fibre_length
        assert own.tendon_slack_length / old.tendon_slack_length == pytest.approx(size)
        np.testing.assert_allclose(own.path.coefficients, size * np.array(old.path.coefficients))
        volume = own.max_isometric_force * own.optimal_fibre_length
        wanted = unscaled.max_isometric_force * unscaled.optimal_fibre_length
        assert volume == pytest.approx(person.strength * wanted, rel=1e-6)


def test_the_template_is_the_shipped_model_of_the_reference_person():
    from synth.optimal_control.population.virtual_skeleton import template_skeleton

    template, generic = template_skeleton(), generic_model("planar", REFERENCE_PERSON).skeleton
    assert template.segment_names == generic.segment_names
    np.testing.assert_allclose([s.mass for s in template.segments], [s.mass for s in generic.segments])
    assert [m.name for m in template.muscles] == [m.name for m in generic.muscles]
