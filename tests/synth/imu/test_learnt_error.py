"""Drawn errors: seeded, blind to how a sensor sits, symmetric between the sides, and from permissive sets only."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.imu_figures import sim_to_real
from benchmarks.peers import spectral_gap
from benchmarks.peers.paired_sensors import cmu_walk, neura_walk
from opensim_models.motion import SegmentMotion
from synth.imu.learnt_error import MIRROR, LearntErrors, draw_learnt_error, envelope, shipped_errors
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu


def walk(segment="tibia_r", mounting=None, rate=100.0, seconds=20.0, mirror=1.0):
    """Something like walking at one stride a second, for any sensor."""
    time = np.arange(round(seconds * rate)) / rate
    wave = [np.sin(2 * np.pi * k * time[:, None] + np.arange(6)) / k for k in (1, 2, 3)]
    table = (sum(wave) * [3.0, 2.0, 1.0, 0.3, 0.4, 2.0] + 9.81 * np.eye(6)[1]) * mirror
    mounting = mounting or Rotation.identity()
    placement = SensorPlacement("s", segment, np.zeros(3), mounting)
    force, turn = (mounting.inv().apply(part) for part in (table[:, :3], table[:, 3:]))
    return ImuRecording(placement, force, turn, rate)


def drawn(recording, seed=0):
    return draw_learnt_error(recording, rng=np.random.default_rng(seed))


def test_the_shipped_table_is_learnt_from_permissive_sets_only():
    table = shipped_errors()
    sources = " ".join(table.provenance["learnt from"])
    assert "MIT licence" in sources
    assert "CC BY 4.0" in sources
    assert not re.search("NeuRA|GPL", sources)
    assert set(table.segments) == {"pelvis", "thigh", "shank", "foot"}
    for segment in table.segments.values():
        assert (segment.level > 0).all()
        assert ((segment.coherence >= 0) & (segment.coherence <= 1)).all()
        assert ((segment.gain >= 0) & (segment.gain <= 2)).all()


def test_a_table_survives_its_text():
    table = shipped_errors()
    again = LearntErrors.from_json(table.to_json())
    np.testing.assert_array_equal(again.edges, table.edges)
    np.testing.assert_array_equal(again.segments["foot"].correlation, table.segments["foot"].correlation)
    assert again.envelope == table.envelope
    endless = replace(table, envelope=np.inf)
    assert np.isinf(LearntErrors.from_json(endless.to_json()).envelope)
    with pytest.raises(ValueError, match=r"x\.json: expected a table of learnt sensor errors"):
        LearntErrors.from_json('{"edges": [1, 2]}', "x.json")


def test_draws_follow_the_seed_and_leave_the_input_alone():
    recording = walk()
    before = recording.specific_force.copy()
    first, again, other = drawn(recording), drawn(recording), drawn(recording, 1)
    np.testing.assert_array_equal(first.specific_force, again.specific_force)
    assert np.abs(first.angular_velocity - other.angular_velocity).max() > 0.05
    np.testing.assert_array_equal(recording.specific_force, before)
    assert first.placement == recording.placement


def test_errors_do_not_depend_on_how_the_sensor_sits():
    turned = Rotation.from_rotvec([0.5, -1.0, 0.3])
    straight, skew = drawn(walk()), drawn(walk(mounting=turned))
    np.testing.assert_allclose(turned.apply(skew.specific_force), straight.specific_force, atol=1e-9)
    np.testing.assert_allclose(turned.apply(skew.angular_velocity), straight.angular_velocity, atol=1e-9)


def test_a_left_sensor_is_the_mirror_image_of_a_right_one():
    right, left = drawn(walk()), drawn(walk("tibia_l", mirror=MIRROR))
    np.testing.assert_allclose(left.specific_force * MIRROR[:3], right.specific_force, atol=1e-9)
    np.testing.assert_allclose(left.angular_velocity * MIRROR[3:], right.angular_velocity, atol=1e-9)


def test_the_mirror_is_that_of_mechanics():
    """A sensor on the reflected motion reads MIRROR times what the sensor on the motion reads."""
    time = np.arange(300)[:, None] / 100.0
    turn = Rotation.from_rotvec(0.5 * np.sin(2 * np.pi * time * [0.7, 1.1, 0.9] + [0.0, 1.0, 2.0]))
    place = 0.1 * np.sin(2 * np.pi * time * [1.0, 0.8, 1.2] + [2.0, 0.0, 1.0])
    flip = np.diag([1.0, 1.0, -1.0])
    offset = np.array([0.02, -0.2, 0.05])
    sides = [
        simulate_imu(SegmentMotion("tibia_r", place, turn, 100.0), SensorPlacement("s", "tibia_r", offset)),
        simulate_imu(
            SegmentMotion("tibia_l", place @ flip, Rotation.from_matrix(flip @ turn.as_matrix() @ flip), 100.0),
            SensorPlacement("s", "tibia_l", offset @ flip),
        ),
    ]
    right, left = (np.hstack([side.specific_force, side.angular_velocity]) for side in sides)
    np.testing.assert_allclose(left, right * MIRROR, atol=1e-9)


def test_gaps_stay_and_do_not_shift_the_draws():
    whole, gappy = walk(), walk()
    force = gappy.specific_force.copy()
    force[700:705] = np.nan
    found = drawn(replace(gappy, specific_force=force))
    unknown = np.isnan(found.specific_force).all(axis=1)
    assert np.flatnonzero(unknown).tolist() == list(range(700, 705))
    assert np.isnan(found.angular_velocity[700:705]).all()
    # the run before the gap keeps its random numbers: about the same noise
    noise = [drawn(whole).specific_force[100:600, 0], found.specific_force[100:600, 0]]
    assert np.corrcoef(*(n - walk().specific_force[100:600, 0] for n in noise))[0, 1] > 0.9


def test_gravity_stays_and_rest_is_as_quiet_as_a_sensor():
    still = ImuRecording(
        SensorPlacement("s", "pelvis"), np.tile([0.0, 9.81, 0.0], (3000, 1)), np.zeros((3000, 3)), 100.0
    )
    found = drawn(still)
    np.testing.assert_allclose(found.specific_force.mean(axis=0), [0.0, 9.81, 0.0], atol=1e-3)
    expected = shipped_errors().floor * np.sqrt(100.0 / 2)
    np.testing.assert_allclose(found.specific_force.std(axis=0), expected[0], rtol=0.1)
    np.testing.assert_allclose(found.angular_velocity.std(axis=0), expected[1], rtol=0.1)


def test_other_rates_have_the_same_noise_below_fifty_hertz():
    slow, fast = drawn(walk(seconds=60.0)), drawn(walk(rate=200.0, seconds=60.0))

    def power(recording):
        values = recording.angular_velocity[:, 2]
        lines = np.abs(np.fft.rfft(values - values.mean())) ** 2
        frequency = np.fft.rfftfreq(len(values), 1.0 / recording.rate)
        return lines[(frequency > 6.0) & (frequency < 40.0)].sum() / len(values) ** 2

    assert power(fast) == pytest.approx(power(slow), rel=0.2)


def test_the_envelope_keeps_the_mean_square():
    values = np.random.default_rng(0).standard_normal((2000, 6)) * (1.0 + np.arange(2000)[:, None] / 500)
    local = envelope(values, 100.0, 0.2)
    np.testing.assert_allclose(np.mean(local**2, axis=0), 1.0)
    assert local[-200:].mean() > 2.0 * local[:200].mean()


def test_a_segment_that_nobody_learnt_is_refused():
    with pytest.raises(ValueError, match="no errors were learnt of segment 'torso', only of pelvis, femur_r"):
        drawn(walk("torso"))


@pytest.mark.slow
def test_learnt_errors_at_least_halve_the_distance_of_the_fifteen_percent_rule(data_dir, capsys, monkeypatch):
    """Learnt on CMU Sub02, tested on NeuRA S02: another person, laboratory and source of motion."""
    monkeypatch.setattr(spectral_gap, "N_DRAWS", 1)
    table = shipped_errors()
    cutoffs = table.provenance["virtual side"]["cut-off (Hz)"]
    neura = neura_walk(data_dir)
    testing = spectral_gap.walking(neura, neura.pairs(cutoffs, neura.alignments()))
    cmu = cmu_walk(data_dir)
    models = sim_to_real.error_models(table, cmu.pairs(cutoffs, cmu.alignments()))
    rows = {name: spectral_gap.measure(testing, models[name], told=()) for name in ("15 % white", "learnt")}
    assert rows["learnt"].distance.mean() <= 0.5 * rows["15 % white"].distance.mean()
