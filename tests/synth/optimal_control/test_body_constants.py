"""Constants of a body: drawn for everybody apart, within their spreads; the usual ones change nothing."""

from dataclasses import asdict

import numpy as np
import pytest

from synth.impairment import Impairment
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.normative_gait import draw_style
from synth.optimal_control.population.body_constants import HEEL, SPREADS, USUAL, BodyConstants, draw_constants
from synth.optimal_control.population.impaired_chunk import ImpairedRequest
from synth.optimal_control.population.impaired_gait import DRAWN, draw_impaired_gait
from synth.optimal_control.population.virtual_gait import gait_structure
from synth.optimal_control.population.virtual_skeleton import template_skeleton

_PERSON = draw_person_of_any_age(7, 2)


@pytest.fixture(scope="module")
def template():
    return template_skeleton()


def gait(laws, visit=0):
    style = draw_style(np.random.default_rng(0), 0.0)
    return draw_impaired_gait(7, _PERSON, visit, Impairment("equinus", 0.5), style, laws)


def lowest(skeleton):
    return [c.offset[1] - c.radius for c in skeleton.contacts]


def test_everybody_has_constants_of_their_own_within_the_spreads():
    drawn = [draw_constants(7, person) for person in range(300)]
    assert drawn[3] == draw_constants(7, 3)
    for name, spread in SPREADS.items():
        logs = np.log([getattr(own, name) for own in drawn])
        assert np.abs(logs).max() <= spread
        assert np.std(logs) == pytest.approx(spread / np.sqrt(3.0), rel=0.15), "uniform in the logarithm"
    assert np.ptp([own.heel for own in drawn]) == pytest.approx(2.0 * HEEL, rel=0.1)


def test_a_person_keeps_them_from_visit_to_visit_and_by_other_laws_has_the_usual_ones():
    assert gait(DRAWN).constants == gait(DRAWN, visit=2).constants != USUAL
    assert {gait(laws).constants for laws in ("standard", "other", "far")} == {USUAL}


def test_the_usual_constants_change_nothing(template):
    """To the last bit: populations of before are made again by the same equations and numbers."""
    own = gait("standard")
    skeleton = own.skeleton(template)
    assert USUAL.body(skeleton, 1.7) == skeleton
    data = own.data(gait_structure(template, 8, passive=True), skeleton)
    same = USUAL.problem(data).parameters
    assert all(np.array_equal(same[name], value) for name, value in data.parameters.items())


def test_each_constant_changes_what_it_is_named_after_and_nothing_else(template):
    own, structure = gait("standard"), gait_structure(template, 8, passive=True)
    usual = own.skeleton(template)
    data = own.data(structure, usual)

    def ratios(name):
        constants = BodyConstants(**{name: 2.0})
        body, problem = constants.body(usual, 1.7), constants.problem(data).parameters
        sphere, before = body.contacts[0], usual.contacts[0]
        return {
            "strength": body.muscles[0].max_isometric_force / usual.muscles[0].max_isometric_force,
            "stiffness": sphere.stiffness / before.stiffness,
            "dissipation": sphere.dissipation / before.dissipation,
            "friction": sphere.dynamic_friction / before.dynamic_friction,
            "sole": sphere.radius / before.radius,
            "tissue": problem["passive"][-1][0] / np.asarray(data.parameters["passive"])[-1][0],
            "activation": problem["activation_times"][0] / data.parameters["activation_times"][0],
            "manner": np.max(problem["precision coordinates"]) / np.max(data.parameters["precision coordinates"]),
        }

    for name in set(SPREADS) - {"effort"}:
        assert {key for key, ratio in ratios(name).items() if ratio != 1.0} == {name}
        assert ratios(name)[name] == pytest.approx(2.0)


def test_whoever_has_thick_soles_further_ahead_stands_on_the_same_floor(template):
    usual = gait("standard").skeleton(template)
    worn = BodyConstants(sole=1.25, heel=0.005).body(usual, 1.8)
    assert np.allclose(lowest(worn), lowest(usual))
    ahead = [after.offset[0] - before.offset[0] for after, before in zip(worn.contacts, usual.contacts, strict=True)]
    assert np.allclose(ahead, 0.009)


def test_effort_is_dear_to_whom_it_is():
    drawn = gait(DRAWN)
    assert drawn.prices.effort / gait("standard").prices.effort == pytest.approx(drawn.constants.effort)


def test_a_walk_says_what_was_drawn_for_it():
    drawn = gait(DRAWN)
    assert {name: drawn.facts[name] for name in asdict(USUAL)} == asdict(drawn.constants)
    assert gait("other").facts == gait("other").impairment.facts
    assert ImpairedRequest(3, laws=DRAWN).config["spreads"] == {**SPREADS, "heel": HEEL}
