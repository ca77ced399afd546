"""A mirrored walk is a walk; offsets that turned sensors cannot show are not learnt."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from synth.corpus import Corpus, CorpusWriter
from training.config import OUTPUT_KINDS
from training.label_offset import learnable_shares, offset_shifts
from training.mirror import can_mirror, mirror_trial, other_side
from training.target import ALL_TARGETS, read_targets
from training.training_set import read_training_set
from training.window import sensor_names, trial_record
from training.window_source import WindowSource


@pytest.fixture(scope="module")
def trial(walking_corpus):
    """A trial whose sensors are mounted at odd angles."""
    plain = Corpus(walking_corpus).read("S01", "walk_01", clean=True)
    mountings = Rotation.random(len(plain.recordings), rng=np.random.default_rng(0))
    turned = []
    for recording, mounting in zip(plain.recordings, mountings, strict=True):
        turned.append(
            replace(
                recording,
                placement=replace(recording.placement, mounting=mounting),
                specific_force=mounting.inv().apply(recording.specific_force),
                angular_velocity=mounting.inv().apply(recording.angular_velocity),
            )
        )
    return replace(plain, recordings=tuple(turned))


def test_mirroring_twice_gives_the_trial_back(trial):
    again = mirror_trial(mirror_trial(trial))
    for mine, theirs in zip(again.recordings, trial.recordings, strict=True):
        np.testing.assert_allclose(mine.specific_force, theirs.specific_force, atol=1e-9)
        np.testing.assert_allclose(mine.angular_velocity, theirs.angular_velocity, atol=1e-9)
    np.testing.assert_array_equal(read_targets(again, ALL_TARGETS), read_targets(trial, ALL_TARGETS))
    assert again.events == trial.events


def test_a_mirrored_planar_walk_is_the_other_legs_walk(trial):
    """In the plane nothing but the side changes: pitch rates and sagittal forces of the segments are exchanged."""
    mirrored = mirror_trial(trial)
    for index, sensor in enumerate(sensor_names(trial)):
        partner = trial.recordings[sensor_names(trial).index(other_side(sensor))]
        own = mirrored.recordings[index]
        for vectors in ("specific_force", "angular_velocity"):
            mine = own.placement.mounting.apply(getattr(own, vectors))
            theirs = partner.placement.mounting.apply(getattr(partner, vectors))
            np.testing.assert_allclose(mine, theirs, atol=1e-9)
    names = [target.coordinate for target in ALL_TARGETS]
    values, other = read_targets(mirrored, ALL_TARGETS), read_targets(trial, ALL_TARGETS)
    np.testing.assert_array_equal(values[:, names.index("knee_angle_r")], other[:, names.index("knee_angle_l")])
    np.testing.assert_array_equal(values[:, names.index("ground_force_y_l")], other[:, names.index("ground_force_y_r")])


def test_lateral_acceleration_and_roll_change_sign(walking_corpus):
    trial = Corpus(walking_corpus).read("S01", "walk_01", clean=True)
    pelvis = replace(
        trial.recordings[0],
        specific_force=np.tile([1.0, 2.0, 3.0], (trial.n_frames, 1)),
        angular_velocity=np.tile([1.0, 2.0, 3.0], (trial.n_frames, 1)),
    )
    mirrored = mirror_trial(replace(trial, recordings=(pelvis, *trial.recordings[1:]))).recordings[0]
    np.testing.assert_allclose(mirrored.specific_force[0], [1.0, 2.0, -3.0])
    np.testing.assert_allclose(mirrored.angular_velocity[0], [-1.0, -2.0, 3.0])


def test_a_one_sided_sensor_set_is_not_mirrored(trial, walking_corpus):
    assert can_mirror(trial)
    assert not can_mirror(replace(trial, recordings=trial.recordings[:3]))
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS, mirror=True)
    assert (len(data.records), data.n_labelled_trials) == (8, 4)
    plain = read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS)
    assert data.n_labelled_frames == plain.n_labelled_frames


def test_a_window_of_the_mirror_image_is_one_of_the_mirrored_trial(trial, tmp_path):
    """Second path: the whole trial mirrored vector by vector, through rotations, then laid out."""
    with CorpusWriter(tmp_path / "turned.h5", role="reference") as writer:
        writer.append(trial)
    corpus = Corpus(tmp_path / "turned.h5")
    data = read_training_set(corpus, ["S01"], OUTPUT_KINDS, mirror=True)
    assert [record.is_mirrored for record in data.records] == [False, True]
    source = WindowSource(data, 0.4)
    image = mirror_trial(corpus.read("S01", "walk_01", clean=True))
    for number, expected in enumerate((corpus.read("S01", "walk_01", clean=True), image)):
        record, whole = trial_record(expected, data.sensors, data.targets), source.whole(number)
        np.testing.assert_allclose(whole.inputs, record.inputs, rtol=1e-5, atol=2e-5)
        np.testing.assert_array_equal(whole.labels, record.labels)
        windows = source.windows(np.array([number, number]), np.array([3, 150]))
        np.testing.assert_array_equal(windows.inputs[1], whole.inputs[150:190])
        np.testing.assert_array_equal(windows.labels[1], whole.labels[150:190])


def test_offsets_shrink_by_the_ratio_of_variances_and_shapes_stay(walking_corpus):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02", "S03"], OUTPUT_KINDS)
    source, summaries = WindowSource(data, 0.5), [record.summary for record in data.records]
    shares = learnable_shares(summaries, data.targets, 13.5)
    means = np.stack([np.nanmean(source.whole(number).labels, axis=0) for number in range(len(data.records))])
    shrunk = means + offset_shifts(summaries, data.targets, 13.5)
    for column, target in enumerate(data.targets):
        between = np.var(means[:, column], ddof=1)
        expected = 1.0
        if target.kind == "angle":
            n_sensors = 1 if target.coordinate == "pelvis_tilt" else 2
            expected = between / (between + n_sensors * np.deg2rad(13.5) ** 2 / 3)
        assert shares[column] == pytest.approx(expected, rel=1e-4)
        assert np.var(shrunk[:, column], ddof=1) == pytest.approx(expected**2 * between, rel=1e-2, abs=1e-9)
    np.testing.assert_allclose(shrunk.mean(axis=0), means.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_aligned_sensors_keep_every_offset(walking_corpus):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS)
    assert not offset_shifts([record.summary for record in data.records], data.targets, 0.0).any()
