"""Solved paths of severity: at 0 they are the healthy prediction, mirrored legs walk mirrored, equations hold."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from synth.corpus import Corpus
from synth.impairment import NOTHING, Impairment, impairment_of, visit_of
from synth.life_span import draw_person_of_any_age
from synth.optimal_control.gait.gait_feature import gait_features, step_time_asymmetry
from synth.optimal_control.population import severity_path
from synth.optimal_control.population.planar_chunk import write_template
from synth.optimal_control.population.predicted_chunk import PredictedRequest, shared_programs
from synth.optimal_control.population.predicted_impairment import draw_predicted_impairment
from synth.optimal_control.population.severity_path import solve_predicted

pytestmark = pytest.mark.slow
_PERSON = draw_person_of_any_age(7, 4)
_LEAST = 1e-6
"""Severity that changes nothing, and yet goes the way of all impairments."""


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    shared = shared_programs(str(write_template(tmp_path_factory.mktemp("shared"))))
    kept = {}

    def solve(kind="none", severity=0.0, side=""):
        if (kind, severity, side) not in kept:
            wrong = Impairment(kind, severity, side) if severity else NOTHING
            own = replace(draw_predicted_impairment(7, _PERSON, 0, wrong), speed=1.1)
            kept[kind, severity, side] = solve_predicted(*shared[:2], own, shared[2])
        return kept[kind, severity, side]

    return solve


def test_at_severity_0_every_kind_is_the_healthy_prediction_of_the_same_person(solved):
    healthy = solved()
    assert healthy.check.accepted
    for kind in ("weak_plantarflexors", "equinus", "crouch", "short_steps"):
        found = solved(kind, _LEAST)
        assert found.solution.duration == pytest.approx(healthy.solution.duration, rel=1e-3)
        assert np.degrees(np.abs(angles(found) - angles(healthy)).max()) < 0.2


def test_a_whole_cycle_at_severity_0_is_half_a_cycle_and_its_mirror_image(solved):
    found = solved("asymmetric_strength", _LEAST, "r")
    assert found.check.accepted
    assert step_time_asymmetry(found.solution) == pytest.approx(0.0, abs=1e-3)
    right, left = (gait_features(found.solution, side) for side in "rl")
    assert right == pytest.approx(left, rel=0.02, abs=0.02)
    assert found.solution.duration == pytest.approx(solved().solution.duration, rel=0.01)


def test_the_weak_left_leg_walks_as_the_mirror_image_of_the_weak_right_one(solved):
    right, left = (solved("asymmetric_strength", 0.5, side).solution for side in "rl")
    assert left.duration == pytest.approx(right.duration, rel=1e-3)
    assert step_time_asymmetry(left) == pytest.approx(-step_time_asymmetry(right), abs=2e-3)
    for side, other in ("rl", "lr"):
        one, mirror = gait_features(right, side), gait_features(left, other)
        assert mirror == pytest.approx(one, rel=0.02, abs=0.02)


def test_a_weak_calf_pushes_off_with_less_and_tissue_keeps_its_joint_from_going_on(solved):
    healthy = gait_features(solved().solution)
    weak = [gait_features(solved("weak_plantarflexors", s).solution) for s in (0.4, 0.8)]
    assert weak[1]["push_off"] < weak[0]["push_off"] < healthy["push_off"]
    stiff = gait_features(solved("equinus", 0.8).solution)
    assert stiff["ankle_most"] < healthy["ankle_most"] - 5.0
    bent = gait_features(solved("crouch", 0.8).solution)
    assert bent["knee_stance_least"] > healthy["knee_stance_least"] + 3.0


def test_equations_hold_and_the_floor_carries_the_body(solved):
    for kind, severity, side in (("none", 0.0, ""), ("equinus", 0.8, ""), ("asymmetric_strength", 0.5, "r")):
        found = solved(kind, severity, side)
        assert found.check.accepted
        assert found.check.figures["residual_share_bw"] <= 0.05
        assert found.check.figures["drift_deg"] <= 0.5
        weight = found.skeleton.mass * float(np.linalg.norm(found.skeleton.gravity))
        vertical = sum(r.force[:, 1] for r in found.solution.ground_reactions)
        assert vertical.mean() / weight == pytest.approx(1.0, abs=0.02)


def test_shorter_steps_of_severity_end_in_the_same_walk(solved, monkeypatch):
    usual = solved("equinus", 0.7)
    monkeypatch.setattr(severity_path, "STEP", 0.1)
    finer = solved("equinus", 0.7 + 1e-9)
    assert np.degrees(np.abs(angles(finer) - angles(usual)).max()) < 1.0


def angles(result):
    """Joint angles (rad) over the cycle at equal shares of it."""
    names = result.skeleton.coordinate_names
    columns = [i for i, n in enumerate(names) if n not in ("pelvis_tx", "pelvis_ty")]
    phase = np.arange(100) / 100
    own = result.solution
    return np.stack([np.interp(phase, own.time / own.duration, own.coordinates[:, i], period=1.0) for i in columns])


def test_a_killed_run_goes_on_and_its_corpus_holds_kind_severity_and_visit(tmp_path):
    out = tmp_path / "predicted.h5"
    words = [sys.executable, "-m", "kinesynth", "gait", "population", str(out), "--subjects", "12", "--gaits", "2"]
    words += ["--seed", "5", "--impairment", "equinus", "--impairment", "crouch", "--predict", "--json"]
    for seconds in (15.0, 40.0):
        run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(seconds)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    said = json.loads(done.stdout)
    assert said["gaits"] == 24
    assert said["accepted"] >= 18
    request, corpus = PredictedRequest(12, seed=5, gaits=2, impairments=("equinus", "crouch")), Corpus(out)
    assert len(corpus.trials()) == 24
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name)
        if trial.status == "refused":
            continue
        drawn = request.gait(int(subject[1:]), visit_of(trial))
        assert trial.status == "predicted"
        assert impairment_of(trial) == drawn.impairment
        assert trial.spatiotemporal["speed"] == pytest.approx(drawn.speed, abs=1e-6)
