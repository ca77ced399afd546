"""Impaired walks: strength, tissue and manner follow the severity, legs may differ, a chunk holds what was drawn."""

import numpy as np
import pytest

from synth.corpus import Corpus
from synth.impairment import HEALTHY, KINDS, Impairment, impairment_of, visit_of
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.normative_gait import draw_style
from synth.optimal_control.population.impaired_chunk import ImpairedRequest
from synth.optimal_control.population.impaired_gait import LAWS, draw_impaired_gait
from synth.optimal_control.population.run import build_population
from synth.optimal_control.population.virtual_gait import gait_structure
from synth.optimal_control.population.virtual_skeleton import template_skeleton

ILL = tuple(k for k in KINDS if k != HEALTHY)
_PERSON = draw_person_of_any_age(7, 2)


def gait(kind: str, severity: float, side: str = "", laws: str = "standard"):
    style = draw_style(np.random.default_rng(0), 0.0)
    return draw_impaired_gait(7, _PERSON, 0, Impairment(kind, severity, side), style, laws)


@pytest.fixture(scope="module")
def template():
    return template_skeleton()


def test_muscles_are_weak_where_the_impairment_weakens_them(template):
    strong = {m.name: m.max_isometric_force for m in gait(HEALTHY, 0.0).skeleton(template).muscles}
    calf = {
        m.name: m.max_isometric_force / strong[m.name]
        for m in gait("weak_plantarflexors", 1.0).skeleton(template).muscles
    }
    assert {n for n, share in calf.items() if share < 0.99} == {"gastroc_r", "gastroc_l", "soleus_r", "soleus_l"}
    assert calf["soleus_r"] == pytest.approx(0.25)
    leg = {
        m.name: m.max_isometric_force / strong[m.name]
        for m in gait("asymmetric_strength", 0.5, "l").skeleton(template).muscles
    }
    assert all(share == pytest.approx(0.7 if name.endswith("_l") else 1.0) for name, share in leg.items())


def test_tissue_stiffens_the_joint_that_it_should(template):
    structure = gait_structure(template, 8, passive=True)

    def tissue(kind):
        own = gait(kind, 1.0 if kind != HEALTHY else 0.0)
        skeleton = own.skeleton(template)
        return np.asarray(own.data(structure, skeleton).parameters["passive"]), skeleton

    healthy, skeleton = tissue(HEALTHY)
    for kind, joint in (("equinus", "ankle_angle"), ("crouch", "knee_angle"), ("short_steps", "hip_flexion")):
        changed = np.flatnonzero((tissue(kind)[0] != healthy).any(axis=1))
        assert changed.tolist() == sorted(skeleton.coordinate_index(f"{joint}_{side}") for side in "rl")


def test_the_more_severe_the_slower_and_the_less_the_ground_is_followed(template):
    structure = gait_structure(template, 8, passive=True)
    for kind in ILL:
        some, much = (gait(kind, s, "r" if kind == "asymmetric_strength" else "") for s in (0.3, 0.9))
        assert much.speed < some.speed
        weights = [np.sum(g.data(structure, g.skeleton(template)).parameters["ground_weight"]) for g in (some, much)]
        assert weights[1] < weights[0]


def test_legs_that_differ_follow_different_curves_over_a_whole_cycle(template):
    structure = gait_structure(template, 16, passive=True, period="cycle")
    own = gait("asymmetric_strength", 1.0, "r")
    target = np.asarray(own.data(structure, own.skeleton(template)).parameters["target coordinates"])
    index = structure.pattern.coordinate_names.index
    right, left = target[:, index("knee_angle_r")], target[:, index("knee_angle_l")]
    assert np.ptp(right) < 0.8 * np.ptp(left)
    even = own.even
    same = np.asarray(even.data(structure, even.skeleton(template)).parameters["target coordinates"])
    assert np.allclose(np.roll(same[:, index("knee_angle_r")], -8), same[:, index("knee_angle_l")], atol=1e-9)


@pytest.mark.parametrize("laws", ["other", "far"])
def test_other_laws_are_other_equations(template, laws):
    own = gait("crouch", 0.5, laws=laws)
    skeleton = own.skeleton(template)
    assert all(c.radius == 0.0 for c in skeleton.contacts)
    usual = gait("crouch", 0.5).skeleton(template)
    ratio = {
        b.max_isometric_force / a.max_isometric_force for a, b in zip(usual.muscles, skeleton.muscles, strict=True)
    }
    assert len({round(r, 9) for r in ratio}) == 1
    assert ratio.pop() != pytest.approx(1.0, abs=1e-3)
    assert LAWS[laws].activation != LAWS["standard"].activation


def test_only_far_laws_wish_otherwise(template):
    """Other laws change bodies; what a walk follows, and what effort costs beside it, the far ones alone change."""

    def wishes(laws):
        structure = gait_structure(template, 8, passive=True, contact="spheres")
        own = gait("crouch", 0.5, laws=laws)
        data = own.data(structure, own.skeleton(template)).parameters
        return [np.asarray(data[name]) for name in ("precision coordinates", "precision activations")]

    standard, other, far = (wishes(laws) for laws in ("standard", "other", "far"))
    assert all(np.array_equal(a, b) for a, b in zip(standard, other, strict=True))
    assert np.allclose(far[0], 0.5 * standard[0])
    assert np.allclose(far[1], 3.0 * standard[1])


@pytest.mark.parametrize(
    "given", [{"impairments": ("limp",)}, {"laws": "none"}, {"healthy": 2.0}, {"gaits": 0}, {"rate": 1.0}]
)
def test_a_wish_that_nobody_can_have_is_refused(given):
    with pytest.raises(ValueError, match=r"none of|expected"):
        ImpairedRequest(3, **given)


def test_the_recipe_draws_the_same_people():
    from synth.corpus.solved_recipe import PopulationRecipe
    from synth.optimal_control.recipe_build import population_of

    request = ImpairedRequest(3, seed=5, gaits=2, impairments=("crouch",), healthy=0.1, laws="other")
    assert population_of(PopulationRecipe(sources={}, people=request.people), {}) == request


@pytest.mark.slow
def test_a_population_holds_kind_severity_and_visit_and_goes_on_after_a_cut(tmp_path):
    request, out = ImpairedRequest(12, seed=5, gaits=2, healthy=0.15), tmp_path / "people.h5"
    rows = build_population(request, out)
    assert (rows.status != "refused").mean() > 0.8
    corpus = Corpus(out)
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name)
        if trial.status == "refused":
            continue
        number = int(subject[1:])
        drawn = request.gait(number, visit_of(trial))
        assert impairment_of(trial) == drawn.impairment
        assert trial.spatiotemporal["speed"] == pytest.approx(drawn.speed, abs=1e-6)
        strikes = {e.foot: e.time for e in trial.events if e.kind == "foot_strike"}
        half = abs(abs(strikes["right"] - strikes["left"]) / trial.spatiotemporal["stride_time_r"] - 0.5)
        assert half < 1e-6 or drawn.is_lopsided
    before = out.read_bytes()
    assert len(build_population(request, out)) == len(rows)
    assert out.read_bytes() == before


def test_a_lopsided_walk_is_never_accepted_from_half_a_cycle(monkeypatch):
    """Where the even walk is not found, a solution on half a cycle would give both legs the weakness of one."""
    from types import SimpleNamespace

    from synth.optimal_control.gait.gait_check import GaitCheck
    from synth.optimal_control.population import whole_cycle
    from synth.optimal_control.population.planar_solver import GaitResult

    def accepted(halves, own, known):
        return GaitResult(own, None, SimpleNamespace(converged=True), GaitCheck("", "accepted"), "start for others")

    monkeypatch.setattr(whole_cycle, "solve_only", lambda *_: None)
    monkeypatch.setattr(whole_cycle, "solve_gait", accepted)
    lopsided = gait("asymmetric_strength", 0.8, "left")
    result = whole_cycle.solve_impaired(None, SimpleNamespace(coarse=None), lopsided, [])
    assert (result.check.accepted, result.check.kind, result.solved, result.gait) == (False, "unsolved", None, lopsided)
    assert whole_cycle.solve_impaired(None, None, gait("crouch", 0.5), []).check.accepted


@pytest.mark.parametrize("given", [["--laws", "other"], ["--healthy", "0.3"]])
def test_options_of_impairments_are_refused_without_one(given, tmp_path):
    from typer.testing import CliRunner

    from synth.optimal_control.cli import gait_app

    done = CliRunner().invoke(gait_app, ["population", str(tmp_path / "p.h5"), "--subjects", "1", *given])
    assert done.exit_code == 2
    assert "belong to an --impairment" in done.output + done.stderr
    assert not list(tmp_path.iterdir())
