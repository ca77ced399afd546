"""Predicted impairments: nothing but the cause is known, paths of severity go on or say where they end."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.batch import Outcome
from synth.corpus import Corpus
from synth.corpus.solved_recipe import PopulationRecipe
from synth.impairment import NOTHING, Impairment
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.cli import gait_app
from synth.optimal_control.gait.gait_check import GaitCheck
from synth.optimal_control.law.passive_torque import ExponentialTissue, passive_torque
from synth.optimal_control.population import planar_chunk, predicted_chunk, severity_path
from synth.optimal_control.population.impaired_gait import draw_impaired_gait
from synth.optimal_control.population.part import CHUNK, write_part
from synth.optimal_control.population.predicted_chunk import PredictedRequest
from synth.optimal_control.population.predicted_impairment import CAUSES, draw_predicted_impairment, predictable
from synth.optimal_control.population.run import build_population
from synth.optimal_control.population.severity_path import solve_predicted
from synth.optimal_control.population.virtual_gait import gait_structure
from synth.optimal_control.population.virtual_skeleton import template_skeleton
from synth.optimal_control.population.visit_chunk import visit_trial
from synth.optimal_control.recipe_build import population_of

_PERSON = draw_person_of_any_age(7, 2)
_MORE_THAN_A_JOINT_CARRIES = 200.0
"""N m."""


def gait(kind="none", severity=0.0, side=""):
    wrong = Impairment(kind, severity, side) if severity else NOTHING
    drawn = draw_predicted_impairment(7, _PERSON, 0, wrong)
    return replace(drawn, speed=1.0)


def problem(own, period="half_cycle"):
    """Parameters and bounds of a walk's problem, as flat arrays by name."""
    structure = gait_structure(template_skeleton(), 8, passive=True, period=period)
    data = own.data(structure, own.skeleton(template_skeleton()))
    kinds = {"": data.parameters, "lower ": data.lower, "upper ": data.upper}
    return {word + k: np.ravel(np.asarray(v, float)) for word, d in kinds.items() for k, v in d.items()}


def differing(one, other):
    assert one.keys() == other.keys()
    return {name for name in one if not np.array_equal(one[name], other[name])}


def test_only_the_cause_differs_from_the_healthy_prediction():
    """No manner, no ground reaction, no price, no cadence: muscles or tissue, and nothing else."""
    healthy = problem(gait())
    muscles = template_skeleton().muscles
    calf = {f"muscle {i}" for i, m in enumerate(muscles) if m.name[:-2] in ("gastroc", "soleus")}
    right = {f"muscle {i}" for i, m in enumerate(muscles) if m.name.endswith("_r")}
    wanted = {"weak_plantarflexors": calf, "equinus": {"passive"}, "crouch": {"passive"}, "short_steps": {"passive"}}
    for kind, names in wanted.items():
        assert differing(healthy, problem(gait(kind, 0.8))) == names
    whole, lopsided = (problem(g, "cycle") for g in (gait(), gait("asymmetric_strength", 0.8, "r")))
    assert differing(whole, lopsided) == right
    assert set(wanted) | {"asymmetric_strength"} == set(CAUSES)


def test_at_severity_0_the_problem_is_the_healthy_prediction_number_for_number():
    healthy = problem(gait())
    for kind in CAUSES:
        own = gait(kind, 0.8, "r" if kind == "asymmetric_strength" else "")
        assert differing(healthy, problem(own.at(0.0))) == set()
        assert own.even.impairment == NOTHING
        assert not own.even.is_lopsided
        assert own.at(0.3).impairment == replace(own.impairment, severity=0.3)


def test_a_walk_is_predicted_at_the_speed_of_the_walk_that_follows_a_manner():
    wrong = Impairment("equinus", 0.6)
    followed = draw_impaired_gait(7, _PERSON, 1, wrong, gait().style)
    predicted = draw_predicted_impairment(7, _PERSON, 1, wrong)
    assert (predicted.speed, predicted.task) == (followed.speed, "predict")
    assert not predicted.style.amplitude
    assert not predicted.style.offset


@pytest.mark.parametrize(
    ("kind", "joint", "way"),
    [("equinus", "ankle_angle", 1.0), ("crouch", "knee_angle", -1.0), ("short_steps", "hip_flexion", -1.0)],
)
def test_tissue_only_resists_and_the_more_the_further_and_the_more_severe(kind, joint, way):
    """What comes to the torque never drives the joint the way that it should resist, and gives no energy."""
    own = gait(kind, 1.0)
    skeleton = own.skeleton(template_skeleton())
    place = skeleton.coordinate_index(f"{joint}_r")
    angle = np.radians(np.linspace(-25.0, 25.0, 101)) + (np.radians(25.0) if joint == "knee_angle" else 0.0)

    def torque(severity, speed=0.0):
        row = problem(own.at(severity))["passive"].reshape(len(skeleton.coordinates), -1)[place]
        return passive_torque(ExponentialTissue(*row), angle, speed)

    levels = [torque(s) for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for less, more in itertools.pairwise(levels):
        possible = np.abs(less) < _MORE_THAN_A_JOINT_CARRIES
        assert (way * (more - less) <= 1e-9)[possible].all()
    added = way * (levels[-1] - levels[0])
    assert (np.diff(added) * way <= 1e-9).all()  # further into it: more of it
    assert added.min() < -10.0
    assert (torque(1.0, 2.0) < torque(1.0, 0.0)).all()  # damping, too, is against the movement


def test_the_weak_left_leg_is_the_mirror_image_of_the_weak_right_one():
    right, left = ({m.name: m for m in gait("asymmetric_strength", 0.7, s).skeleton(template_skeleton()).muscles}
                   for s in "rl")  # fmt: skip
    for name, muscle in right.items():
        other = left[name[:-1] + ("l" if name.endswith("r") else "r")]
        assert muscle.max_isometric_force == pytest.approx(other.max_isometric_force, rel=1e-12)
    assert right["soleus_r"].max_isometric_force == pytest.approx(0.58 * right["soleus_l"].max_isometric_force)


def test_what_has_no_cause_is_refused(tmp_path):
    assert predictable(("none", "crouch")) == ("none", "crouch")
    with pytest.raises(ValueError, match="no cause in muscles or tissue"):
        PredictedRequest(3, impairments=("crouch", "unsteady"))
    with pytest.raises(ValueError, match="none of weak_plantarflexors"):
        PredictedRequest(3, impairments=("limp",))
    for given, words in (
        (["unsteady"], "no cause in muscles"),
        (["crouch", "--laws", "other"], "standard --laws"),
        (["crouch", "--spread", "0.5"], "no --spread"),
        (["crouch", "--speeds", "1.0"], "speeds of their own"),
    ):
        done = CliRunner().invoke(
            gait_app, ["population", str(tmp_path / "p.h5"), "--predict", "--subjects", "1", "--impairment", *given]
        )
        assert done.exit_code == 2
        assert words in done.output + done.stderr
    assert not list(tmp_path.iterdir())


def test_the_recipe_draws_the_same_people():
    request = PredictedRequest(3, seed=5, gaits=2, impairments=("crouch",), healthy=0.1)
    assert population_of(PopulationRecipe(sources={}, people=request.people), {}) == request
    drawn = PredictedRequest(60, seed=5, gaits=2)
    kinds = {drawn.gait(i, 0).impairment.kind for i in range(60)}
    assert kinds == {"none", *CAUSES}


def _path(monkeypatch, works, wanted=0.8):
    """Severities that a path tries when a step converges where `works` says so; and the path."""
    tried = []

    def step(_movement, _template, own, values, _settings):
        tried.append(own.impairment.severity)
        good = works(own.impairment.severity, float(values[0]))
        return SimpleNamespace(converged=good, values=np.array([own.impairment.severity]), iterations=7)

    monkeypatch.setattr(severity_path, "_step", step)
    return tried, severity_path.walked_path(None, None, gait("crouch", wanted), np.zeros(1))


def test_a_path_goes_from_step_to_step_and_ends_at_the_severity(monkeypatch):
    tried, path = _path(monkeypatch, lambda *_: True)
    assert tried == pytest.approx([0.25, 0.5, 0.75, 0.8])
    assert (path.severity, path.iterations, path.n_steps) == (0.8, 28, 4)


def test_steps_that_fail_are_shorter_next_time(monkeypatch):
    tried, path = _path(monkeypatch, lambda aim, start: aim - start < 0.15)
    assert path.severity == 0.8
    assert max(np.diff([0.0, *tried])) == pytest.approx(0.25)
    assert tried[:3] == pytest.approx([0.25, 0.125, 0.25])


def test_a_path_that_ends_on_the_way_says_where(monkeypatch):
    _, path = _path(monkeypatch, lambda aim, _: aim < 0.55)
    assert not path.iterate.converged
    assert 0.4 < path.severity < 0.55
    assert path.values[0] == path.severity


def test_without_a_healthy_walk_nothing_is_predicted(monkeypatch):
    """A walk that is found elsewhere must not be taken for the impaired one."""
    found = severity_path.GaitResult(gait(), None, SimpleNamespace(converged=True), GaitCheck("", "accepted"), "start")
    monkeypatch.setattr(severity_path, "solve_only", lambda *_: None)
    monkeypatch.setattr(severity_path, "solve_gait", lambda *_: found)
    own = gait("asymmetric_strength", 0.8, "l")
    result = solve_predicted(SimpleNamespace(coarse=None), SimpleNamespace(coarse=None), own, [])
    assert (result.check.accepted, result.check.kind, result.solved, result.gait) == (False, "unsolved", None, own)
    assert solve_predicted(None, None, gait(), []).check.accepted


def test_refused_walks_stand_in_the_corpus_with_visit_and_reason_and_a_cut_run_goes_on(monkeypatch, tmp_path):
    monkeypatch.setattr(planar_chunk, "save_skeleton", lambda _skeleton, place: place.write_text("{}"))
    request, out, seen = PredictedRequest(3 * CHUNK, seed=5, gaits=2, healthy=0.15), tmp_path / "people.h5", []

    def done(task):
        own = PredictedRequest.of(task.arguments["request"])
        trials, rows = [], []
        for person in range(task.arguments["first"], task.arguments["last"]):
            for number in range(own.gaits):
                walk = own.gait(person, number)
                check = GaitCheck("the path ends at severity 0.30 of 0.80", "unsolved")
                result = SimpleNamespace(gait=walk, check=check)
                trials.append(visit_trial(result, own, predicted_chunk.WORDS))
                facts = {"subject": trials[-1].subject.code, "trial": trials[-1].name, "status": "refused"}
                rows.append({**facts, "kind": "unsolved", "reason": "", "speed": walk.speed, "solved": False})
        write_part(tmp_path / task.arguments["part"], trials, rows)
        return Outcome(task.key, "done", rows)

    def engine(function):
        return SimpleNamespace(n_workers=1, run=lambda tasks, **_: function(tasks), check_shared=lambda *_: None)

    def interrupted(tasks):
        yield done(tasks[0])
        raise KeyboardInterrupt

    def rest(tasks):
        seen.extend(task.key for task in tasks)
        yield from map(done, tasks)

    with pytest.raises(KeyboardInterrupt):
        build_population(request, out, engine=engine(interrupted))
    rows = build_population(request, out, engine=engine(rest))
    assert seen == [f"people {CHUNK}-{2 * CHUNK - 1}", f"people {2 * CHUNK}-{3 * CHUNK - 1}"]
    assert len(rows) == 60
    trial = Corpus(out).read("V00001", "walk_02")
    assert (trial.session, trial.status, trial.kinematics) == ("visit_2", "refused", None)
    assert trial.reason == "unsolved: the path ends at severity 0.30 of 0.80"
