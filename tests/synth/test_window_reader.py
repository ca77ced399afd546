"""Random windows: cut where they say, drawn evenly, the same for every reader, from one map of the whole file."""

import pickle
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, ImuErrors
from synth.corpus.window_index import index_windows
from synth.corpus.window_reader import WindowReader
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording

LENGTHS = {("S01", "a"): 90, ("S01", "b"): 40, ("S02", "a"): 60, ("S02", "short"): 10, ("S03", "a"): 30}


def make_trial(code, name, n, rate=100.0, sensors=SEVEN_SENSORS):
    rng = np.random.default_rng([*code.encode(), *name.encode()])
    records = tuple(ImuRecording(p, *rng.standard_normal((2, n, 3)), rate) for p in sensors)
    return CorpusTrial(name, Subject(code, 70.0, 1.8), rate, records, ImuErrors(seed=5))


def write(path, trials):
    with CorpusWriter(path) as corpus:
        for trial in trials:
            corpus.append(trial)
    return path


@pytest.fixture
def corpus(tmp_path):
    return write(tmp_path / "c.h5", [make_trial(*key, n) for key, n in LENGTHS.items()])


def channels(trial):
    return np.concatenate([np.hstack([r.specific_force, r.angular_velocity]) for r in trial.recordings], axis=1)


def maps_of(path):
    return sum(str(path) in line for line in Path("/proc/self/maps").read_text().splitlines())


@pytest.mark.parametrize("portable", [False, True])
def test_a_window_holds_the_records_of_its_place(corpus, portable):
    reader = WindowReader(corpus, 20, seed=3, portable=portable)
    made = reader.batch(0, 0, 50)
    assert made.records.shape == (50, 20, 42) and made.records.dtype == np.float32
    for window, t, start in zip(made.records, made.trial, made.start, strict=True):
        whole = channels(Corpus(corpus).read(*reader.trials[t], clean=True))
        np.testing.assert_array_equal(window, whole[start : start + 20].astype(np.float32))
    assert reader.left_out == (("S02", "short", "10 frames, a window has 20"),)
    assert reader.sensors == tuple(p.sensor for p in SEVEN_SENSORS) and reader.rate == 100.0


def test_each_window_is_equally_likely(corpus):
    reader = WindowReader(corpus, 20)
    assert len(reader) == (90 - 19) + (40 - 19) + (60 - 19) + (30 - 19)
    made = [reader.draw(epoch, 0, 1000) for epoch in range(40)]
    trial, start = (np.concatenate([pair[i] for pair in made]) for i in (0, 1))
    seen = np.bincount(trial * 1000 + start)
    seen = seen[seen > 0]
    assert len(seen) == len(reader)
    expected = 40_000 / len(reader)
    chi_squared = ((seen - expected) ** 2 / expected).sum()
    assert chi_squared < len(reader) + 5 * np.sqrt(2 * len(reader))


def test_a_batch_depends_on_seed_epoch_and_number_alone(corpus):
    first, again = WindowReader(corpus, 20, seed=3), pickle.loads(pickle.dumps(WindowReader(corpus, 20, seed=3)))  # noqa: S301
    in_order = [made.records for made in first.stream(1, 3, 4)]
    for number in (2, 0, 1):
        np.testing.assert_array_equal(again.batch(1, number, 4).records, in_order[number])
        np.testing.assert_array_equal(
            WindowReader(corpus, 20, seed=3, portable=True).batch(1, number, 4).records, in_order[number]
        )
    others = [first.batch(2, 0, 4), first.batch(1, 3, 4), WindowReader(corpus, 20, seed=4).batch(1, 0, 4)]
    assert not any(np.array_equal(other.records, in_order[0]) for other in others)


@pytest.mark.parametrize("kept", [1 << 28, 0])
def test_errors_are_those_of_the_recipe_whatever_is_kept(corpus, kept):
    reader = WindowReader(corpus, 20, errors="stored", kept_bytes=kept)
    other = WindowReader(corpus, 20, errors=ImuErrors(0.3, 5.0, seed=9), kept_bytes=kept)
    made, changed = reader.batch(0, 0, 12), other.batch(0, 0, 12)
    for window, t, start in zip(made.records, made.trial, made.start, strict=True):
        worn = channels(Corpus(corpus).read(*reader.trials[t]))
        np.testing.assert_array_equal(window, worn[start : start + 20].astype(np.float32))
    assert not np.allclose(made.records, changed.records)
    np.testing.assert_array_equal(made.start, changed.start)


def test_fresh_errors_change_with_the_epoch_and_start_as_stored(corpus):
    stored = WindowReader(corpus, 20, errors="stored")
    fresh = WindowReader(corpus, 20, errors="stored", fresh_errors=True)
    np.testing.assert_array_equal(fresh.batch(0, 0, 8).records, stored.batch(0, 0, 8).records)
    one, two = fresh.batch(1, 0, 8).records, fresh.batch(1, 0, 8).records
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, stored.batch(1, 0, 8).records)


def test_subjects_are_chosen_and_strangers_named(corpus):
    reader = WindowReader(corpus, 20, subjects=["S03", "S02"])
    assert reader.trials == (("S02", "a"), ("S03", "a"))
    with pytest.raises(CorpusMismatch, match="subject 'S9' is not in it; there are S01, S02, S03"):
        WindowReader(corpus, 20, subjects=["S9"])


def test_memory_is_filled_that_was_given(corpus):
    reader, out = WindowReader(corpus, 20), np.empty((4, 20, 42), np.float32)
    assert reader.batch(0, 0, 4, out).records is out
    np.testing.assert_array_equal(out, reader.batch(0, 0, 4).records)
    with pytest.raises(CorpusMismatch, match="expected \\(5, 20, 42\\)"):
        reader.batch(0, 0, 5, out)


def test_one_map_serves_a_hundred_thousand_trials(corpus):
    reader = WindowReader(corpus, 20)
    assert maps_of(corpus) == 0, "nothing is open before the first batch, so nothing is shared by a fork"
    index, many = reader.index, 100_000
    turn = np.arange(many) % len(index.trials)
    keys = tuple(index.trials[i] for i in turn)
    reader.index = replace(index, trials=keys, offsets=index.offsets[turn], n_frames=index.n_frames[turn])
    made = reader.batch(0, 0, 2000)
    assert len(np.unique(made.trial)) > 1900 and maps_of(corpus) == 1
    whole = {key: channels(Corpus(corpus).read(*key, clean=True)).astype(np.float32) for key in index.trials}
    for window, t, start in zip(made.records, made.trial, made.start, strict=True):
        np.testing.assert_array_equal(window, whole[keys[t]][start : start + 20])


def test_a_corpus_that_changed_is_named(corpus):
    reader, copied = WindowReader(corpus, 20), WindowReader(corpus, 20, errors="stored")
    before = reader.batch(0, 0, 4).records.copy()
    write(corpus, [make_trial("S01", "other", 50)])
    np.testing.assert_array_equal(reader.batch(0, 0, 4).records, before)  # an open map stays with its file
    for late in (copied, pickle.loads(pickle.dumps(reader))):  # noqa: S301  (our own object)
        with pytest.raises(CorpusMismatch, match="changed after this reader was made"):
            late.batch(0, 0, 4)


@pytest.mark.parametrize(
    ("trials", "options", "sentence"),
    [
        ([("S01", "a", 40), ("S01", "b", 40, 60.0)], {}, r"same rate \(Hz\) in all trials; S01/a has 100.0, S01/b"),
        ([("S01", "a", 40), ("S01", "b", 40, 100.0, SEVEN_SENSORS[:3])], {}, "same sensors in all trials"),
        ([("S01", "a", 19)], {}, "no trial gives a window of 20 frames. S01/a: 19 frames"),
        ([("S01", "a", 40)], {"errors": "noisy"}, "expected 'clean' or 'stored' or a recipe"),
    ],
)
def test_what_gives_no_windows_is_said(tmp_path, trials, options, sentence):
    with pytest.raises(CorpusMismatch, match=sentence):
        WindowReader(write(tmp_path / "c.h5", [make_trial(*trial) for trial in trials]), 20, **options)


def spoil_link(imu):
    imu["records"] = h5py.ExternalLink("/etc/hostname", "/")


def spoil_soft_link(imu):
    imu["records"] = h5py.SoftLink("/subjects/S01/trials/b/imu/records")


def spoil_chunks(imu):
    imu.create_dataset("records", (90, 7, 6), "f4", chunks=(10, 7, 6))


def spoil_external_storage(imu):
    imu.create_dataset("records", (90, 7, 6), "f4", external=[("/etc/hostname", 0, 15120)])


def spoil_size(imu):
    imu.create_dataset("records", (10**9, 7, 6), "f4")


def spoil_shape(imu):
    imu.create_dataset("records", (90, 6, 6), "f4")


def spoil_type(imu):
    imu.create_dataset("records", (90, 7, 6), "f8")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_link, "records is a ExternalLink to elsewhere"),
        (spoil_soft_link, "records is a SoftLink to elsewhere"),
        (spoil_chunks, "is not stored contiguously in this file"),
        (spoil_external_storage, "is not stored contiguously in this file"),
        (spoil_size, "is not stored contiguously in this file"),
        (spoil_shape, r"expected float32 \(n_frames, 7, 6\), found float32 \(90, 6, 6\)"),
        (spoil_type, "expected float32"),
    ],
)
def test_a_foreign_file_is_not_trusted(corpus, spoil, sentence):
    with h5py.File(corpus, "r+") as file:
        del file["subjects/S01/trials/a/imu/records"]
        spoil(file["subjects/S01/trials/a/imu"])
    with pytest.raises(CorpusMismatch, match=sentence):
        index_windows(corpus, 20)


def test_the_quick_index_is_the_careful_one(corpus, monkeypatch):
    quick = index_windows(corpus, 20)
    monkeypatch.setattr("synth.corpus.window_index._plain_place", lambda trials, name: None)
    careful = index_windows(corpus, 20)
    for field in ("trials", "sensors", "rate", "left_out", "identity"):
        assert getattr(quick, field) == getattr(careful, field)
    np.testing.assert_array_equal(quick.offsets, careful.offsets)
    np.testing.assert_array_equal(quick.n_frames, careful.n_frames)
