"""Windows stay within trials and labels within their cycles."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training.config import OUTPUT_KINDS
from training.record_gap import bridge_gaps
from training.target import ALL_TARGETS, available_targets, has_waveform, read_targets, write_targets
from training.window import TrialRecord, draw_windows, read_training_set, sensor_names, trial_record


@pytest.fixture(scope="module")
def training_set(walking_corpus):
    return read_training_set(Corpus(walking_corpus), ["S01", "S02", "S03"], OUTPUT_KINDS)


def marked_record(number: int, n_frames: int) -> TrialRecord:
    """A trial whose every sample says where it comes from."""
    frames = np.arange(n_frames)
    inputs = np.column_stack([np.full(n_frames, number), frames]).astype(np.float32)
    labels = np.full((n_frames, 1), np.nan, dtype=np.float32)
    labels[n_frames // 3 : n_frames // 2, 0] = frames[n_frames // 3 : n_frames // 2]
    return TrialRecord(f"S{number}", "walk", 100.0, inputs, np.zeros(n_frames, dtype=bool), labels)


def test_a_window_never_crosses_trials_and_always_holds_a_label():
    records = [marked_record(i, 60 + 17 * i) for i in range(5)]
    windows = draw_windows(records, 50, 500, np.random.default_rng(0))
    assert windows.inputs.shape == (500, 50, 2)
    assert (np.ptp(windows.inputs[..., 0], axis=1) == 0).all()
    assert (np.diff(windows.inputs[..., 1], axis=1) == 1).all()
    assert np.isfinite(windows.labels).any(axis=(1, 2)).all()
    known = np.isfinite(windows.labels[..., 0])
    np.testing.assert_array_equal(windows.labels[..., 0][known], windows.inputs[..., 1][known])
    assert set(windows.record) == set(range(5))


def test_channels_are_the_sensors_records_in_order(walking_corpus):
    trial = Corpus(walking_corpus).read("S01", "walk_01", clean=True)
    sensors = sensor_names(trial)
    record = trial_record(trial, sensors[::-1], ())
    assert record.inputs.shape == (trial.n_frames, 42)
    np.testing.assert_allclose(record.inputs[:, :3], trial.recordings[-1].specific_force, rtol=1e-6)
    np.testing.assert_allclose(record.inputs[:, 39:], trial.recordings[0].angular_velocity, rtol=1e-6, atol=1e-7)


def test_labels_exist_in_solved_cycles_only(training_set, walking_corpus):
    assert len(training_set.records) == 6
    for record in training_set.records:
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
