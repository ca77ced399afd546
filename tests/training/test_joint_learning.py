"""Laws of the learning curve, of effects of persons, and of the search for hyperparameters."""

from __future__ import annotations

import json

import numpy as np
import optuna
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY, Subject
from synth.corpus.schema import CorpusMismatch
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.joint_trial import JointTrial, joint_angles, joint_rotation
from training.joint.fold import Fold
from training.joint.learning_curve import fit_law, nested_subsets, run_learning_curve, size_effect
from training.joint.person_effect import correlation_interval, effect_rows, person_effects
from training.joint.recipe import joint_config
from training.joint.tuning import suggest, tune


@pytest.fixture
def swinging_legs() -> list[JointTrial]:
    """Five people's knees: angles of three axes, sensors that read gravity and the gyroscope."""
    legs = []
    for n in range(1, 6):
        t = np.arange(250) / 100.0
        phase = 2 * np.pi * 1.4 * t[:, None] + n
        proximal = Rotation.from_euler("ZXY", 0.4 * np.sin(phase + np.array([0.0, 1.0, 2.0])) * [1.0, 0.1, 0.1])
        distal = proximal * joint_rotation(
            "knee", 0.3 + 0.4 * np.sin(phase + np.array([0.5, 1.5, 2.5])) * [1.0, 0.1, 0.2]
        )
        records = []
        for name, pose in (("proximal", proximal), ("distal", distal)):
            gyro = np.vstack([np.zeros((1, 3)), (pose[:-1].inv() * pose[1:]).as_rotvec() * 100.0])
            force = pose.apply([0.0, STANDARD_GRAVITY, 0.0], inverse=True)
            records.append(ImuRecording(SensorPlacement(name, name), force, gyro, 100.0))
        angles = joint_angles("knee", proximal, distal)
        legs.append(JointTrial(Subject(f"s{n}"), "swing", "knee", "r", 100.0, *records, proximal, distal, angles))
    return legs


def curve_of(values: np.ndarray, sizes: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {"subject": f"s{i}", "teachers": size, "repeat": 0, "angle": "flexion", "rmse_deg": values[i, k]}
        for i in range(len(values))
        for k, size in enumerate(sizes)
    )


def test_subsets_are_nested_and_repeat_from_the_seed():
    codes = [f"s{n}" for n in range(20)]
    subsets = nested_subsets(codes, [10, 2, 5], np.random.default_rng(1))
    assert list(subsets) == [2, 5, 10]
    assert set(subsets[2]) < set(subsets[5]) < set(subsets[10]) <= set(codes)
    assert nested_subsets(codes, [2], np.random.default_rng(1))[2] == subsets[2]
    with pytest.raises(CorpusMismatch, match="sizes from 1 to 20 are possible, got"):
        nested_subsets(codes, [21], np.random.default_rng(1))


def test_a_power_law_is_found_with_its_exponent():
    rng, sizes = np.random.default_rng(0), [2, 4, 8, 16, 32]
    person = rng.normal(1.0, 0.1, (12, 1))
    values = 9.0 * person * np.array(sizes) ** -0.2 * rng.normal(1.0, 0.02, (12, 5))
    law = fit_law(curve_of(values, sizes))
    assert law.low < law.exponent < law.high
    assert law.low < 0.2 < law.high
    assert law.first == pytest.approx(9.0, rel=0.1)
    expected = law.first * 32**-law.exponent - 1.0
    assert law.first * law.for_one_degree**-law.exponent == pytest.approx(expected)
    assert fit_law(curve_of(np.ones((4, 5)), sizes)).for_one_degree == np.inf


def test_repeated_measures_agree_with_a_paired_t_test_and_see_no_effect_in_noise():
    rng = np.random.default_rng(3)
    values = rng.normal(5.0, 1.0, (20, 1)) + rng.normal(0.0, 0.3, (20, 4))
    none = size_effect(curve_of(values, [1, 2, 4, 8]))
    some = size_effect(curve_of(values - 0.4 * np.arange(4), [1, 2, 4, 8]))
    assert none.p > 0.05 < none.friedman_p
    assert some.p < 1e-6 > some.friedman_p
    assert 1 / 3 <= none.epsilon <= 1.0
    # with two sizes F is the square of t; three with one exactly between them give the same in the first contrast
    pair = values[:, :2]
    middle = np.column_stack([pair, pair.mean(axis=1)])
    t = stats.ttest_rel(pair[:, 0], pair[:, 1]).statistic
    assert size_effect(curve_of(middle, [1, 2, 3])).f == pytest.approx(t**2)
    with pytest.raises(CorpusMismatch, match="three people and three sizes"):
        size_effect(curve_of(pair, [1, 2]))


def test_effects_of_persons_are_found_corrected_and_not_tested_where_unknown():
    rng = np.random.default_rng(0)
    people = {f"s{n}": Subject(f"s{n}", mass=50.0 + n, height=rng.normal(1.75, 0.08)) for n in range(20)}
    errors = pd.DataFrame(
        {"subject": code, "rmse_deg": 0.05 * p.mass + rng.normal(0, 0.05)} for code, p in people.items()
    )
    table = person_effects(errors, people).set_index("fact")
    assert table.at["mass", "p_holm"] < 0.001 < table.at["height", "p_holm"]
    assert table.at["mass", "p_holm"] == pytest.approx(2 * table.at["mass", "p"])
    assert np.isnan(table.at["sex", "p"])
    assert table.at["sex", "note"] == "not tested: 0 women, 0 men known"
    sexed = {c: Subject(c, mass=70.0, sex="male" if int(c[1:]) % 2 else "female") for c in people}
    found = person_effects(errors, sexed).set_index("fact")
    assert found.at["sex", "subjects"] == 20
    assert found.at["mass", "note"] == "not tested: the same for all"
    assert found.at["sex", "low"] < found.at["sex", "effect"] < found.at["sex", "high"]
    rho = table.at["height", "effect"]
    assert (table.at["height", "low"], table.at["height", "high"]) == correlation_interval(rho, 20)
    assert f"{table.at['height', 'low']:.2f} to" in effect_rows(table.reset_index())
    older = table.reset_index().drop(columns=["low", "high"])  # a file that kept no interval
    assert effect_rows(older) == effect_rows(table.reset_index())


def test_the_interval_of_a_correlation_holds_the_true_one_in_95_of_100_draws():
    rng = np.random.default_rng(5)
    true = 6.0 / np.pi * np.arcsin(0.5 / 2.0)  # Spearman's of a bivariate normal with r = 0.5
    held = 0
    for _ in range(400):
        x = rng.normal(size=40)
        y = 0.5 * x + np.sqrt(0.75) * rng.normal(size=40)
        low, high = correlation_interval(stats.spearmanr(x, y).statistic, 40)
        held += low < true < high
    assert 0.92 < held / 400 < 0.98
    assert np.isnan(correlation_interval(0.3, 3)[0])
    assert correlation_interval(1.0, 9) == (1.0, 1.0)


def test_a_learning_curve_goes_on_from_what_is_there(tmp_path, swinging_legs):
    fold = Fold("5-fold", "fold1", ("s1", "s2", "s3"), ("s4", "s5"))
    config = joint_config(steps=3, batch=2, width=4, depth=1)
    curve = run_learning_curve(swinging_legs, fold, [1, 3], config, tmp_path, repeats=2, mark="x")
    assert len(curve) == 2 * 2 * 2 * 3
    assert set(curve["subject"]) == {"s4", "s5"}
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = run_learning_curve(swinging_legs, fold, [1, 3], config, tmp_path, repeats=2, mark="x")
    pd.testing.assert_frame_equal(curve, again)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stamps


def test_a_search_goes_on_and_refuses_another_one_in_its_folder(tmp_path, swinging_legs):
    small = {"steps": 2, "batch": 2, "width": 4, "depth": 1}
    teachers, validation = swinging_legs[:3], swinging_legs[3:]
    first = tune(teachers, validation, tmp_path, candidates=2, limits=small)
    assert first.candidates == 2
    seen: list[int] = []
    options = {"limits": small, "progress": lambda done, total, best: seen.append(done)}
    second = tune(teachers, validation, tmp_path, candidates=3, **options)
    assert (second.candidates, seen) == (3, [3])
    assert second.error_deg <= first.error_deg
    card = json.loads((tmp_path / "tuned.json").read_text())
    assert joint_config("temporal", **card["settings"]).steps == 2
    with pytest.raises(CorpusMismatch, match="another folder"):
        tune(teachers, validation, tmp_path, candidates=3, seed=1, limits=small)
    with pytest.raises(CorpusMismatch, match="s3 would teach and validate"):
        tune(teachers, teachers[2:], tmp_path / "other", candidates=1)


@pytest.mark.parametrize("network", ["temporal", "published_conv1d", "published_lstm"])
def test_every_candidate_of_the_space_is_a_configuration(network):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        config = joint_config(network, **suggest(study.ask(), network))
        assert 0.0 <= config.dropout <= 0.3
        if network == "published_conv1d":
            assert 11 / 200 <= config.kernel_seconds <= 51 / 200
            assert (config.steps in (500, 1000, 5000), 10 <= config.width <= 70, 1 <= config.depth <= 3) == (True,) * 3
