"""Gait mode: normative running is a run that obeys the mean of Newton's law, and people can be predicted who do."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from synth.corpus import Corpus
from synth.optimal_control.gait.gait_mode import MODES, RUN, WALK
from synth.optimal_control.gait.normative_gait import COORDINATES, GaitStyle, draw_style
from synth.optimal_control.generate import generate_gait
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.virtual_gait import PRICES, TASKS, draw_gait

PHASE = np.arange(400) / 400.0


@pytest.mark.parametrize("speed", [2.0, 3.0, 4.5])
def test_over_a_cycle_normative_forces_carry_the_weight_and_neither_brake_nor_drive(speed):
    forces = RUN.forces(PHASE, speed, 1.75)
    forward, vertical = forces[:, [0, 2]].sum(axis=1), forces[:, [1, 3]].sum(axis=1)
    assert vertical.mean() == pytest.approx(1.0, abs=5e-3)
    assert forward.mean() == pytest.approx(0.0, abs=5e-3)
    assert (vertical == 0.0).any()  # nobody who runs always has a foot on the ground


def test_faster_runners_are_on_the_ground_for_less_of_the_cycle_and_strike_harder():
    slow, fast = (RUN.forces(PHASE, speed, 1.75)[:, 1] for speed in (2.2, 4.5))
    assert (fast > 0.0).mean() < (slow > 0.0).mean() < 0.5
    assert fast.max() > slow.max() > WALK.forces(PHASE, 1.8, 1.75)[:, 1].max()


def test_the_left_leg_runs_as_the_right_one_half_a_cycle_later():
    angles = RUN.coordinates(PHASE, 3.0, 1.75, GaitStyle())
    for name in ("hip_flexion", "knee_angle", "ankle_angle"):
        right, left = (angles[:, COORDINATES.index(f"{name}_{side}")] for side in "rl")
        np.testing.assert_allclose(np.roll(right, 200), left, atol=1e-9)


def test_a_style_moves_the_mean_and_widens_the_swing_of_its_coordinate_only():
    style = GaitStyle(amplitude={"knee_angle": 1.2}, offset={"knee_angle": 0.1})
    plain, own = (RUN.coordinates(PHASE, 3.0, 1.75, s) for s in (GaitStyle(), style))
    knee, others = COORDINATES.index("knee_angle_r"), [COORDINATES.index(n) for n in ("hip_flexion_r", "ankle_angle_r")]
    assert own[:, knee].mean() - plain[:, knee].mean() == pytest.approx(0.1)
    assert np.ptp(own[:, knee]) / np.ptp(plain[:, knee]) == pytest.approx(1.2)
    np.testing.assert_array_equal(own[:, others], plain[:, others])


def test_a_runner_s_cycle_is_shorter_than_a_walker_s_and_quickens_with_speed():
    run = [RUN.duration(speed, 1.75, None) for speed in (2.0, 3.0, 4.0)]
    assert run[0] > run[1] > run[2]
    assert run[0] < WALK.duration(1.8, 1.75, None)
    style = draw_style(np.random.default_rng(3))
    assert RUN.duration(3.0, 1.75, style) == pytest.approx(RUN.duration(3.0, 1.75, None) / style.cadence)


def test_every_mode_and_task_has_its_prices_and_speeds():
    assert set(PRICES) == {(mode, task) for mode in MODES for task in TASKS}
    assert PopulationRequest(1, mode="run").speeds == RUN.speeds
    assert PopulationRequest(1).speeds == WALK.speeds
    assert draw_gait(7, 1, mode="run").way is RUN
    speeds = [draw_gait(7, i, mode="run").speed for i in range(50)]
    assert RUN.speeds[0] <= min(speeds) < max(speeds) <= RUN.speeds[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict", "--task", "swim"], "expected one of walk, run"),
        (["predict", "--task", "run", "--speed", "12"], "outside the running range"),
        (["predict", "--speed", "4"], "outside the walking range"),
        (["population", "--task", "run", "--speeds", "0.8-1.2"], "running speeds of 1.8-5.5"),
    ],
)
def test_what_nobody_can_do_ends_in_one_sentence(tmp_path, words, said):
    from synth.optimal_control.cli import gait_app

    result = CliRunner().invoke(gait_app, [words[0], str(tmp_path / "a.h5"), *words[1:]])
    assert result.exit_code != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("task", ["track", "predict"])
def test_a_person_can_be_predicted_to_run(task):
    gait = generate_gait(Subject("runner", 68.0, 1.76), 3.2, mode="run", task=task)
    assert gait.converged, gait.reason
    movement = gait.movement
    weight = movement.skeleton.mass * 9.80665
    vertical = np.stack([r.force[:, 1] for r in movement.ground_reactions]) / weight
    assert movement.speed == pytest.approx(3.2)
    assert vertical.sum(axis=0).mean() == pytest.approx(1.0, abs=0.02)
    assert (vertical.sum(axis=0) < 0.05).mean() > 0.1  # flight
    assert 1.8 < vertical.max() < 3.8
    knee = np.degrees(movement.coordinates[:, movement.skeleton.coordinate_names.index("knee_angle_r")])
    assert knee.max() > 55.0


@pytest.mark.slow
def test_a_population_runs_and_is_validated(tmp_path):
    from synth.optimal_control.cli import gait_app

    out = tmp_path / "runners.h5"
    words = ["population", str(out), "--task", "run", "--subjects", "12", "--seed", "5", "--workers", "2", "--json"]
    said = json.loads(CliRunner().invoke(gait_app, words).stdout)
    assert said["solved"] >= 11
    assert said["accepted"] >= 9
    corpus = Corpus(out)
    assert all(name == "run_01" for _, name in corpus.trials())
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name)
        assert trial.task == "run"
        if trial.status != "refused":
            assert trial.spatiotemporal["stance_r"] < 0.5
