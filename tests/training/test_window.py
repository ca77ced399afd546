"""Windows stay within trials and labels within their cycles."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training.config import OUTPUT_KINDS
from training.record_gap import bridge_gaps
from training.target import ALL_TARGETS, available_targets, has_waveform, read_targets, write_targets
from training.training_set import read_training_set
from training.window import sensor_names, trial_record
from training.window_source import WindowSource


@pytest.fixture(scope="module")
def training_set(walking_corpus):
    return read_training_set(Corpus(walking_corpus), ["S01", "S02", "S03"], OUTPUT_KINDS)


@pytest.fixture(scope="module")
def source(training_set):
    return WindowSource(training_set, 0.5)


def test_a_window_never_crosses_trials_and_always_holds_a_label(source):
    windows = source.draw(300, np.random.default_rng(0))
    assert windows.inputs.shape == (300, 50, 42)
    assert set(windows.record) == set(range(6))
    wholes = [source.whole(number) for number in range(6)]
    for inputs, labels, record, start in zip(*vars(windows).values(), strict=True):
        np.testing.assert_array_equal(inputs, wholes[record].inputs[start : start + 50])
        np.testing.assert_array_equal(labels, wholes[record].labels[start : start + 50])
        assert np.isfinite(labels).any()


def test_labelled_frames_are_drawn_evenly_and_fall_anywhere_in_their_window(source):
    windows = source.draw(4000, np.random.default_rng(1))
    assert np.bincount(windows.record) == pytest.approx(4000 / 6, rel=0.15)
    runs = source.records[0].labelled
    own = windows.start[windows.record == 0]
    assert own.min() >= runs[0, 0] - 49
    assert own.max() <= runs[-1, 1] - 1
    # The start is a labelled frame less 0 to 49: the mean is that of both.
    assert own.mean() == pytest.approx(runs.mean() - 24.5, abs=6)


def test_channels_are_the_sensors_records_in_order(walking_corpus):
    trial = Corpus(walking_corpus).read("S01", "walk_01", clean=True)
    sensors = sensor_names(trial)
    record = trial_record(trial, sensors[::-1], ())
    assert record.inputs.shape == (trial.n_frames, 42)
    np.testing.assert_allclose(record.inputs[:, :3], trial.recordings[-1].specific_force, rtol=1e-6)
    np.testing.assert_allclose(record.inputs[:, 39:], trial.recordings[0].angular_velocity, rtol=1e-6, atol=1e-7)


def test_labels_exist_in_solved_cycles_only(training_set, source, walking_corpus):
    assert len(training_set.records) == 6
    for number in range(6):
        record = source.whole(number)
        trial = Corpus(walking_corpus).read(record.subject, record.name)
        np.testing.assert_array_equal(np.isfinite(record.labels).all(axis=1), has_waveform(trial))
        assert 80 < len(record.labelled_frames) < 200


def test_targets_that_no_trial_has_are_left_out(training_set):
    coordinates = [target.coordinate for target in training_set.targets]
    assert "lumbar_extension" not in coordinates
    assert len(coordinates) == 7 + 6 + 4 + 1


def test_a_long_gap_in_a_sensor_is_masked_not_learnt(walking_corpus):
    trial = Corpus(walking_corpus).read("S01", "walk_01", clean=True)
    force = trial.recordings[2].specific_force.copy()
    gap = slice(150, 190)
    force[gap] = np.nan
    damaged = replace(trial, recordings=(*trial.recordings[:2], replace(trial.recordings[2], specific_force=force)))
    record = trial_record(damaged, sensor_names(damaged), available_targets([trial], OUTPUT_KINDS))
    assert record.is_missing[gap].all()
    assert record.is_missing.sum() == 40
    assert np.isfinite(record.inputs).all()
    assert np.isnan(record.labels[gap]).all()


def test_short_gaps_are_bridged_by_straight_lines():
    line = np.linspace(0.0, 1.0, 200)[:, None] * [1.0, -2.0]
    holed = line.copy()
    holed[20:45, 0] = np.nan
    holed[:3, 1] = np.nan
    holed[100:140, 1] = np.nan
    bridged, is_missing = bridge_gaps(holed, 100.0)
    assert np.isfinite(bridged).all()
    np.testing.assert_allclose(bridged[20:45], line[20:45])
    np.testing.assert_allclose(bridged[:3, 1], line[3, 1])
    assert is_missing.tolist() == [100 <= frame < 140 for frame in range(200)]
    assert bridge_gaps(np.full((5, 1), np.nan), 100.0)[1].all()


def test_a_missing_sensor_and_mixed_rates_are_refused(walking_corpus, tmp_path):
    reader = Corpus(walking_corpus)
    trial = reader.read("S01", "walk_01", clean=True)
    with pytest.raises(CorpusMismatch, match="foot_l missing"):
        trial_record(replace(trial, recordings=trial.recordings[:-1]), sensor_names(trial), ())
    other = replace(reader.read("S02", "walk_01", clean=True), rate=50.0, recordings=(), kinetics=None)
    other = replace(other, kinematics=replace(other.kinematics, rate=50.0))
    with CorpusWriter(tmp_path / "mixed.h5", role="reference") as writer:
        writer.append(trial)
        writer.append(other)
    with pytest.raises(CorpusMismatch, match="found 50, 100 Hz"):
        read_training_set(Corpus(tmp_path / "mixed.h5"), ["S01", "S02"], OUTPUT_KINDS)


def test_a_corpus_without_labels_says_what_was_expected(walking_corpus, tmp_path):
    trial = Corpus(walking_corpus).read("S01", "walk_01", clean=True)
    with CorpusWriter(tmp_path / "motion.h5") as writer:
        writer.append(replace(trial, kinematics=None, kinetics=None, spatiotemporal={}))
    with pytest.raises(CorpusMismatch, match="found none"):
        read_training_set(Corpus(tmp_path / "motion.h5"), ["S01"], OUTPUT_KINDS)


def test_writing_targets_is_the_inverse_of_reading_them(walking_corpus):
    trial = Corpus(walking_corpus).read("S02", "walk_02", clean=True)
    targets = available_targets([trial], OUTPUT_KINDS)
    values = read_targets(trial, targets)
    written = write_targets(trial, targets, values, 0.1, "test")
    assert (written.status, written.n_frames, written.rate) == ("predicted", trial.n_frames, trial.rate)
    np.testing.assert_allclose(read_targets(written, targets), values, rtol=1e-12)
    assert np.isnan(read_targets(written, [t for t in ALL_TARGETS if t.coordinate == "lumbar_extension"])).all()


def test_unknown_mass_gives_no_normalised_moment(walking_corpus):
    trial = Corpus(walking_corpus).read("S02", "walk_02", clean=True)
    unknown = read_targets(trial, ALL_TARGETS, Subject("S02"))
    kinds = np.array([target.kind for target in ALL_TARGETS])
    assert np.isnan(unknown[:, np.isin(kinds, ["moment", "ground_reaction"])]).all()
    assert np.isfinite(unknown[:, kinds == "angle"]).any()
