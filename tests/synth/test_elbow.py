"""The elbow pulls as published, compartments neither make nor lose units, and who cannot hold a torque loses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from mocap_import.subject import Subject
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import CorpusTrial, CorpusWriter, check_corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import MuscleActivity
from synth.elbow.elbow import FLEXORS, MUSCLES, NAMES, moment_arms, path_length, torque_share
from synth.elbow.factorial import N_CASES, factorial_cases
from synth.elbow.flexion_corpus import CHANNELS, COORDINATE, FEATURES, read_flexion_corpus, write_flexion_corpus
from synth.elbow.flexion_recording import SIMULATED, RecordingNoise, record
from synth.elbow.load_sharing import least_squares_activations
from synth.elbow.motor_unit_pool import firing, motor_unit_pool, tired
from synth.elbow.second_laboratory import draw_case, sustain_otherwise
from synth.elbow.sustained_flexion import FlexionCase, sustain, torque_of_drives
from synth.elbow.three_compartment import (
    ELBOW_ENDURANCE,
    ELBOW_RATES,
    FLEXOR_RATES,
    REST_RECOVERY,
    Compartments,
    endurance_time,
    rested,
    step,
)


def case(levels, co_contraction=0.0) -> FlexionCase:
    one = np.ones(len(levels))
    rates = (ELBOW_RATES[0] * one, ELBOW_RATES[1] * one)
    angle = np.radians(80.0) * one
    return FlexionCase(one, 1.70 * one, angle, np.asarray(levels), *rates, 0.0 * one, co_contraction * one)


def test_moment_arms_are_the_slopes_and_near_the_published_ones():
    angle = np.radians(np.arange(25.0, 126.0, 5.0))
    arms = dict(zip(NAMES, moment_arms(angle).T, strict=True))
    lengths = path_length(MUSCLES[2], np.radians([70.0, 70.1]))
    assert np.isclose(
        -np.diff(lengths)[0] / np.radians(0.1), np.interp(np.radians(70.05), angle, arms["brachialis"]), 0.02
    )
    assert 0.044 < arms["biceps_long"].max() < 0.052  # Murray et al. 2000: 4.7 cm
    assert abs(arms["brachioradialis"].max() - 0.077) < 5e-4
    assert abs(np.degrees(angle[arms["brachioradialis"].argmax()]) - 110.0) <= 5.0
    assert all((arms[name] < -0.015).all() and (arms[name] > -0.027).all() for name in NAMES if "triceps" in name)


def test_paths_wrap_smoothly():
    angle = np.radians(np.linspace(20.0, 130.0, 2000))
    for muscle in MUSCLES:
        assert np.abs(np.diff(path_length(muscle, angle), 2)).max() < 2e-6, muscle.name


def test_torque_is_in_the_range_of_men_and_grows_with_size():
    torque = torque_share(np.radians([80.0]))[0]
    assert 60.0 < torque[FLEXORS].sum() < 95.0
    assert np.isclose(torque_share(np.radians([80.0]), 1.87)[0].sum() / torque.sum(), 1.1)
    with pytest.raises(ValueError, match="5 to 5 degrees"):
        torque_share(np.radians([5.0]))


@pytest.mark.parametrize("target", [0.0, 0.3, 0.8, 1.0])
def test_units_are_conserved(target):
    state = rested((4,))
    rng = np.random.default_rng(1)
    for _ in range(2000):
        wanted = np.clip(target + 0.2 * rng.normal(size=4), 0.0, 1.0)
        state = step(state, wanted, 0.02, 0.002, 0.05)
    assert np.allclose(state.active + state.fatigued + state.resting, 1.0, atol=1e-12)
    assert min(state.active.min(), state.fatigued.min(), state.resting.min()) >= -1e-12


@pytest.mark.parametrize(("share", "seconds"), [(0.2, 566.0), (0.3, 293.0), (0.5, 116.0), (0.7, 48.1), (0.9, 12.3)])
def test_endurance_of_the_published_elbow(share, seconds):
    """Closed form of the held load, -ln(1 - R (1 - T) / (F T)) / R, and so the published fit's endurance times."""
    fatigue, recovery = ELBOW_RATES
    exact = -np.log(1.0 - recovery * (1.0 - share) / (fatigue * share)) / recovery
    assert np.isclose(endurance_time(share, fatigue, recovery), exact, rtol=0.02)
    assert np.isclose(exact, seconds, rtol=0.01)


def test_endurance_of_men_follows_the_experiments():
    """Rates of men's flexors against the intensity-endurance curve of the elbow, where both are said to hold."""
    b0, b1 = ELBOW_ENDURANCE
    for share in (0.3, 0.4, 0.5, 0.6, 0.7):
        assert abs(endurance_time(share, *FLEXOR_RATES["male"]) / (b0 * share**b1) - 1.0) < 0.16


def test_what_a_muscle_cannot_fail_at_is_held_for_ever():
    fatigue, recovery = FLEXOR_RATES["female"]
    assert endurance_time(0.9 * recovery / (fatigue + recovery), fatigue, recovery, longest=1200.0) == np.inf


def test_rest_recovers_faster_and_steps_are_short():
    tired_muscle = Compartments(np.array(0.0), np.array(0.5), np.array(0.5))
    resting = step(tired_muscle, np.array(0.0), 0.01, 0.001, 0.05).fatigued
    working = step(tired_muscle, np.array(0.2), 0.01, 0.001, 0.05).fatigued
    assert np.isclose((0.5 - resting) / (0.5 - working), REST_RECOVERY)
    with pytest.raises(ValueError, match="step"):
        step(tired_muscle, np.array(0.0), 0.01, 0.001, 0.2)


def test_load_sharing_is_the_least_sum_of_squares():
    rng = np.random.default_rng(3)
    capacities = rng.uniform(3.0, 30.0, size=(5, 4))
    torque = capacities.sum(axis=1) * np.array([0.1, 0.4, 0.7, 0.95, 1.2])
    found = least_squares_activations(capacities, torque)
    assert np.allclose((capacities * found).sum(axis=1)[:4], torque[:4], rtol=1e-6)
    assert np.allclose(found[4], 1.0)
    for c, t, a in zip(capacities[:4], torque[:4], found[:4], strict=True):
        held = {"type": "eq", "fun": lambda x, c=c, t=t: c @ x - t}
        best = minimize(lambda x: x @ x, np.full(4, 0.5), bounds=[(0, 1)] * 4, constraints=held, method="SLSQP")
        assert a @ a <= best.fun + 1e-5


def test_torque_is_held_then_falls_as_the_drive_saturates():
    made = sustain(case([0.3, 0.6, 1.0]), 120.0, 2.0)
    held = made.torque[0, 4:] / made.capacity[0]
    assert np.allclose(held, 0.3, atol=0.004), "an easy torque is held"
    biceps = made.drives[0, :, 0]
    assert biceps[-1] > 1.3 * biceps[0], "by more and more drive"
    late = made.torque[1] < 0.97 * 0.6 * made.capacity[1]
    assert late[-1]
    assert np.allclose(made.drives[1, late][-10:, FLEXORS], 1.0)
    assert (np.diff(made.torque[2, 2:]) < 0.0).all()
    parts = (torque_share(np.radians([80.0]))[0] * made.drives[2])[:, FLEXORS].sum(axis=1) * made.freshness[2]
    assert np.allclose(made.torque[2, 4:], parts[4:], rtol=0.03), "torque = capacity x drive x freshness"


def test_co_contraction_costs_endurance():
    alone, braced = (sustain(case([0.6], c), 120.0, 2.0) for c in (0.0, 0.3))
    assert braced.freshness[0, -1] < alone.freshness[0, -1]
    assert braced.drives[0, 0, 4] > 0.0


def test_the_models_own_drives_give_its_torque():
    made = sustain(case([0.7]), 60.0, 2.0)
    full = torque_share(np.radians([80.0]))
    from synth.elbow.sustained_flexion import FATIGUE_BY_FIBRES, SLOW_FIBRES, TYPICAL_SLOW

    fatigue = ELBOW_RATES[0] * (1.0 + FATIGUE_BY_FIBRES * (TYPICAL_SLOW - SLOW_FIBRES))
    assert np.allclose(
        torque_of_drives(made.drives, full, fatigue, np.array(ELBOW_RATES[1]), 2.0), made.torque, atol=1e-6
    )


def test_the_factorial_is_complete_and_drawn_by_number():
    assert N_CASES == 1701
    cases, subjects = factorial_cases(7)
    part, some = factorial_cases(7, every=7)
    assert len(subjects) == N_CASES
    assert len(some) == 243
    shown = np.stack([cases.angle, cases.level, cases.fatigue, cases.slow_fibres, cases.co_contraction], axis=1)
    assert len(np.unique(shown, axis=0)) == 3 * 7 * 3 * 3 * 3
    assert {s.code: s for s in some}.items() <= {s.code: s for s in subjects}.items()
    assert len(part.rows(slice(0, 5)).level) == 5


def test_units_of_the_pool_fire_in_order_and_tire_by_size():
    pool = motor_unit_pool()
    assert np.isclose(pool.share.sum(), 1.0)
    active = firing(pool, np.linspace(0.0, 1.0, 50))
    assert (np.diff(active, axis=0) >= 0.0).all()
    assert (np.diff(active, axis=1) <= 1e-12).all(), "no large unit before a small one"
    left = np.ones((1, len(pool.share)))
    for _ in range(200):
        left = tired(pool, left, np.ones_like(left), np.ones(1), 0.5)
    assert (np.diff(left[0]) < 0.0).all()
    assert left.min() > 0.2
    silent = tired(pool, left, np.zeros_like(left), np.ones(1), 0.5)
    assert (silent > left).all()


def test_the_second_laboratory_holds_then_fails_and_knows_other_laws():
    person = np.arange(3)
    full = np.full(3, 70.0)
    drawn = draw_case(np.random.default_rng(2), full, np.full(3, np.radians(85.0)), np.array([0.4, 0.7, 1.0]), person)
    made = sustain_otherwise(drawn, 120.0, 2.0)
    assert np.allclose(made.torque[0, :40], 28.0, atol=1.5)
    assert made.torque[1, -1] < 0.7 * made.torque[1, 0]
    assert made.freshness[2, 150] < 0.65, "a maximal effort has lost a third after 75 s"
    fast = replace(drawn, speed=2.0 * drawn.speed)
    assert (sustain_otherwise(fast, 120.0, 2.0).freshness[:, -1] < made.freshness[:, -1]).all()


def test_recording_noise_is_as_large_as_stated():
    made = sustain(case([0.5] * 300), 20.0, 2.0)
    noise = RecordingNoise(0.2, 0.1, 0.0, 0.0, 0.05, (-0.1, 0.05))
    seen = record(made, noise, np.random.default_rng(5))
    ratio = seen.activations[:, :, 0] / made.drives[:, :, 0]
    assert np.isclose(np.log(ratio).mean(axis=1).std(), 0.2, rtol=0.2)
    assert np.isclose((ratio / ratio.mean(axis=1, keepdims=True)).std(), 0.1, rtol=0.2)
    assert np.isclose((seen.torque / made.torque).std(), 0.05, rtol=0.1)
    assert np.isclose(np.log(seen.strength / made.capacity).mean(), -0.1, atol=0.01)


@pytest.fixture
def written(tmp_path):
    made = sustain(case([0.5, 1.0]), 20.0, 2.0)
    seen = record(made, SIMULATED, np.random.default_rng(0))
    people = [Subject("A", 70.0, 1.7, "female", 30.0), Subject("B", 80.0, 1.8, "male", 40.0)]
    path = tmp_path / "flexion.h5"
    angle = np.radians([80.0, 80.0])
    write_flexion_corpus(path, people, ["hold", "hold"], angle, seen, seed=1, config={}, source="test")
    return path, seen


def test_a_corpus_gives_back_means_over_intervals(written):
    path, seen = written
    assert not [f for f in check_corpus(path) if f.level == "error"]
    trials = read_flexion_corpus(path, 0.5, 24.0)
    assert trials.persons == ("A", "B")
    assert np.allclose(trials.torque[0, 1], seen.torque[0, 4:8].mean())
    assert np.isnan(trials.torque[:, 10:]).all(), "after the end nothing is known"
    assert np.allclose(trials.channels[0, 0, 0], seen.activations[0, :4, :2].mean())
    assert np.allclose(trials.features[1, :4], [80.0, 1.8, 0.5, 40.0])
    assert np.isclose(trials.features[1, FEATURES.index("strength")], seen.strength[1])
    assert trials.of(["B"]).names == ("hold",)


def test_electromyograms_of_a_laboratory_come_in_by_the_same_interface(tmp_path):
    """Envelopes with muscles named as laboratories do, gaps in both, and no age."""
    n = 200
    envelopes = np.full((n, 4), 0.5)
    envelopes[100:120, 1] = np.nan
    muscles = ("biceps_brachii", "brachialis", "brachioradialis", "triceps_brachii")
    trial = CorpusTrial(
        "hold",
        Subject("R1", 70.0, 1.7, "female"),
        10.0,
        kinematics=Kinematics((COORDINATE,), np.full((n, 1), 1.4), 10.0),
        kinetics=Kinetics((COORDINATE,), np.full((n, 1), 30.0), 10.0),
        activity=MuscleActivity(muscles, muscles, ("right",) * 4, envelopes, 10.0, "of a maximal effort"),
        spatiotemporal={"strength": 55.0},
    )
    path = tmp_path / "lab.h5"
    with CorpusWriter(path) as corpus:
        corpus.append(trial)
    trials = read_flexion_corpus(path, 0.5, 20.0)
    assert np.isnan(trials.torque[0, 5])
    assert np.isfinite(trials.torque[0, [0, 4, 6, 9]]).all()
    assert np.isfinite(trials.channels).all()
    assert np.isnan(trials.features[0, FEATURES.index("age")])
    deaf = replace(trial, activity=replace(trial.activity, muscles=("biceps_brachii", "", "", "triceps_brachii")))
    weak = replace(trial, spatiotemporal={})
    for wrong, said in ((deaf, CHANNELS[1]), (weak, "strength"), (replace(trial, kinematics=None), "angle")):
        with CorpusWriter(path) as corpus:
            corpus.append(wrong)
        with pytest.raises(CorpusMismatch, match=said):
            read_flexion_corpus(path, 0.5, 20.0)
