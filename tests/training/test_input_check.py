"""Records that a network cannot have learnt from are refused, doubtful ones are named, sound ones pass."""

import numpy as np
import pytest

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.real_imu.trc_container import read_trc_container
from training.input_check import (
    check_channels,
    exchanged_sides,
    fit_signature,
    refuse_or_name,
    sensor_features,
    side_score,
    wearing_of,
)
from training.joint.sound_trial import EXCHANGED, turning_of
from training.mirror import other_side
from training.stream.replay import trial_frames
from training.training_set import read_training_set
from training.window import sensor_names

SENSORS = ("pelvis", "thigh_r", "thigh_l")
GRAVITY = np.array([0.0, 9.81, 0.0])


def worn(rng, n=400):
    """Records whose thighs turn about x and y in step with z, with opposite signs right and left, as legs do."""
    t = np.arange(n) / 100
    columns = []
    for side in (0.0, 1.0, -1.0):
        z = np.sin(2 * np.pi * (t + 0.25 * side)) * rng.uniform(0.8, 1.2)
        turn = np.column_stack([0.3 * side * z, 0.2 * side * z, z]) * 3
        force = GRAVITY + np.column_stack([3 * z, z, 0.5 * side * z])
        columns += [force, turn]
    return np.hstack(columns) + 0.1 * rng.standard_normal((n, 18))


def exchanged(channels, sensors):
    places = [list(sensors).index(other_side(name)) for name in sensors]
    return np.hstack([channels[:, 6 * i : 6 * i + 6] for i in places])


def sentences(channels, **options):
    return [finding.sentence for finding in check_channels(channels, SENSORS, 100.0, **options)]


def test_sound_records_pass():
    rng = np.random.default_rng(0)
    signature = fit_signature([wearing_of(worn(rng)) for _ in range(6)], SENSORS)
    assert sentences(worn(rng), signature=signature) == []


@pytest.mark.parametrize(
    ("columns", "factor", "word"),
    [(slice(9, 12), np.degrees(1), "deg/s"), (slice(6, 9), 1 / 9.81, "units of g"), (slice(0, 3), 1000 / 9.81, "mg")],
)
def test_other_units_are_refused_and_the_sensor_is_named(columns, factor, word):
    channels = worn(np.random.default_rng(1))
    channels[:, columns] *= factor
    found = check_channels(channels, SENSORS, 100.0)
    assert [finding.is_refusal for finding in found] == [True]
    with pytest.raises(CorpusMismatch, match=word):
        refuse_or_name(found, "trial 'walk'")


def test_silence_is_named_with_its_length():
    channels = worn(np.random.default_rng(2))
    channels[100:250, 6:12] = np.nan
    assert any("thigh_r has no value for 1.5 s" in sentence for sentence in sentences(channels))
    channels[:, 6:12] = np.nan
    assert any("thigh_r holds no value" in sentence for sentence in sentences(channels))


def test_exchanged_sides_are_named_and_the_score_changes_its_sign():
    rng = np.random.default_rng(3)
    signature = fit_signature([wearing_of(worn(rng)) for _ in range(6)], SENSORS)
    channels = worn(rng)
    score = side_score(signature, wearing_of(channels), SENSORS)
    assert score > 0.2
    assert side_score(signature, wearing_of(exchanged(channels, SENSORS)), SENSORS) == pytest.approx(-score)
    assert any("exchanged" in s for s in sentences(exchanged(channels, SENSORS), signature=signature))


def test_in_a_training_the_one_trial_with_exchanged_sides_is_found():
    rng = np.random.default_rng(4)
    channels = [worn(rng) for _ in range(5)]
    trials = [(f"S{k}", "walk", wearing_of(rows)) for k, rows in enumerate(channels)]
    assert exchanged_sides(trials, SENSORS) == {}
    trials[2] = ("S2", "walk", wearing_of(exchanged(channels[2], SENSORS)))
    assert list(exchanged_sides(trials, SENSORS)) == [("S2", "walk")]


def test_a_walk_in_the_plane_has_no_sides_and_raises_no_alarm(walking_corpus):
    corpus = Corpus(walking_corpus)
    trials = [(code, name, corpus.read(code, name)) for code, name in corpus.trials()]
    sensors = sensor_names(trials[0][2])
    channels = [(code, name, trial_frames(trial)) for code, name, trial in trials]
    for worn_as in (lambda rows: rows, lambda rows: exchanged(rows, sensors)):
        assert exchanged_sides([(c, n, wearing_of(worn_as(rows))) for c, n, rows in channels], sensors) == {}


def test_a_sensor_that_does_not_move_has_no_correlations():
    features = sensor_features(np.tile([0, 9.81, 0, 0, 0, 0], (50, 1)))
    np.testing.assert_allclose(features, np.concatenate([[0, 1, 0], np.zeros(15)]), atol=1e-12)


def test_training_refuses_a_trial_in_degrees_and_says_which(make_walking_corpus, make_walking_trial, tmp_path):
    from dataclasses import replace

    from mocap_import.subject import Subject
    from synth.corpus import CorpusWriter

    rng, path = np.random.default_rng(5), tmp_path / "reference.h5"
    with CorpusWriter(path, role="reference", seed=1) as writer:
        for code in ("S01", "S02"):
            trial = make_walking_trial(Subject(code, 70.0, 1.7), 1.2, "walk_01", rng)
            if code == "S02":
                records = [replace(r, angular_velocity=np.degrees(r.angular_velocity)) for r in trial.recordings]
                trial = replace(trial, recordings=tuple(records))
            writer.append(trial)
    with pytest.raises(CorpusMismatch, match=r"S02.*deg/s"):
        read_training_set(Corpus(path), ["S01", "S02"], ["angle"])


def test_on_real_legs_every_walk_is_worn_right_and_every_exchange_is_seen(data_dir):
    """Each person's walks against the other persons': the margin is that of `CLEAR`."""
    trials = []
    for path in sorted((data_dir / "cmu_imu_grf_walk").glob("Sub0[1-6]/CSBaseline/*_Accel.trc")):
        readings = read_trc_container(path)
        sensors = tuple(name.split("_imu")[0].removesuffix("_offset") for name in readings.sensors)
        frames = slice(500, 1000)
        force, turn = readings.acceleration[frames], readings.angular_velocity[frames]
        channels = np.concatenate([force, turn], axis=2).reshape(len(force), -1)
        trials.append((path.parts[-3], path.stem, wearing_of(channels)))
        turning = dict(zip(sensors, (turning_of(turn[:, i]) for i in range(len(sensors))), strict=True))
        for side in "rl":
            legs = [turning[name] for name in ("pelvis", f"femur_{side}", f"tibia_{side}", f"toes_{side}")]
            ratios = np.array(legs[1:]) / legs[:-1]  # distal over proximal
            assert (ratios > 1.0).all() and (1 / ratios[:2] < EXCHANGED).all()
    assert len(trials) >= 5
    assert exchanged_sides(trials, sensors) == {}
    others = [sensors.index(other_side(name)) for name in sensors]
    for k, (code, name, wearing) in enumerate(trials):
        one = [*trials[:k], (code, name, wearing[others]), *trials[k + 1 :]]
        assert (code, name) in exchanged_sides(one, sensors)
