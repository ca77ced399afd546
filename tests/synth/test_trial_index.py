"""The index of a corpus says of every trial what the trial says of itself, and nobody reads windows by a wrong one."""

import gzip
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, check_corpus, migrate_corpus
from synth.corpus.node import open_node
from synth.corpus.stored_split import make_splits, store_splits
from synth.corpus.trial_index import index_faults, place_of_trial, stored_index
from synth.corpus.window_index import index_windows
from synth.corpus.window_reader import WindowReader
from synth.corpus.writer import merge_corpora
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording


def trial_of(code, name, n_frames=300, rate=100.0, sensors=SEVEN_SENSORS, seed=0):
    values = np.random.default_rng(seed).standard_normal((2, n_frames, 3)) + 9.0
    return CorpusTrial(name, Subject(code, 70.0, 1.8), rate, tuple(ImuRecording(p, *values, rate) for p in sensors))


@pytest.fixture
def corpus(tmp_path):
    """Written out of order: other lengths, other sensors, one refused, one without a frame."""
    with CorpusWriter(tmp_path / "c.h5") as writer:
        writer.append(trial_of("S02", "walk_2", 250, seed=1))
        writer.append(trial_of("S01", "walk_1", 300, seed=2))
        writer.append(CorpusTrial("run", Subject("S01", 70.0, 1.8), 100.0, status="refused", reason="no data"))
        writer.append(trial_of("S03", "three sensors", 120, 50.0, SEVEN_SENSORS[:3], seed=3))
        writer.append(trial_of("S03", "nothing", 0, seed=4))
    return tmp_path / "c.h5"


def test_it_says_what_every_trial_says_of_itself(corpus):
    with open_node(corpus) as node:
        index = stored_index(node)
        assert index.keys == tuple(sorted(index.keys)) == tuple(Corpus(corpus).trials())
        for number, (code, name) in enumerate(index.keys):
            trial = node.child("subjects").child(code).child("trials").child(name)
            assert index.place(number) == place_of_trial(trial)
        assert index_faults(node) == []
    assert [index.place(number).n_frames for number in range(5)] == [0, 300, 250, 0, 120]
    assert not [finding for finding in check_corpus(corpus) if finding.level == "error"]


@pytest.mark.parametrize("how", ["merged", "split", "copied"])
def test_whoever_writes_a_corpus_anew_keeps_it_true(corpus, tmp_path, how):
    out = tmp_path / "new.h5"
    if how == "merged":
        merge_corpora([corpus], out)
    elif how == "split":
        store_splits(corpus, out, make_splits(Corpus(corpus), "k-fold", k=2))
    else:
        with CorpusWriter(out, resume_from=corpus) as writer:
            writer.append(trial_of("S04", "more"))
    with open_node(out) as node:
        assert stored_index(node) is not None
        assert index_faults(node) == []


def test_windows_are_the_same_with_it_and_without(corpus, tmp_path):
    without = tmp_path / "without.h5"
    without.write_bytes(corpus.read_bytes())
    with h5py.File(without, "r+") as file:
        del file["index"]
    for subjects in (["S01", "S02"], ["S03"]):
        one, other = (index_windows(path, 100, subjects) for path in (corpus, without))
        assert (one.trials, one.sensors, one.rate) == (other.trials, other.sensors, other.rate)
        assert one.left_out == other.left_out
        np.testing.assert_array_equal(one.n_frames, other.n_frames)
        read = [WindowReader(path, 100, subjects=subjects, seed=3).batch(0, 0, 20) for path in (corpus, without)]
        np.testing.assert_array_equal(read[0].records, read[1].records)
    assert [finding.what for finding in check_corpus(without) if finding.level == "error"] == ["index is missing"]


@pytest.mark.parametrize("column", ["offset", "n_frames", "rate", "sensor_set"])
def test_a_wrong_index_is_an_error_of_the_check_and_gives_no_window(corpus, column):
    with h5py.File(corpus, "r+") as file:
        values = file["index"][column][...]
        values[1] = values[1] - 24 if column != "sensor_set" else 1 - values[1]  # of S01/walk_1
        file["index"][column][...] = values
    errors = [finding.what for finding in check_corpus(corpus) if finding.level == "error"]
    assert len(errors) == 1
    assert "of S01/walk_1" in errors[0]
    with pytest.raises(CorpusMismatch, match="elsewhere than the index"):
        WindowReader(corpus, 100, subjects=["S01", "S02"])


def test_an_index_of_other_trials_or_outside_the_file_is_refused_at_once(corpus, tmp_path):
    def broken(column, row, value):
        path = tmp_path / "broken.h5"
        path.write_bytes(corpus.read_bytes())
        with h5py.File(path, "r+") as file:
            values = file["index"][column][...]
            values[row] = value
            file["index"][column][...] = values
        return path

    for column, value, words in (
        ("subject", "S09", "other trials"),
        ("offset", 1 << 40, "outside the file"),
        ("n_frames", 1 << 62, "outside the file"),
        ("sensor_set", 7, "set of sensors"),
    ):
        with pytest.raises(CorpusMismatch, match=words):
            Corpus(broken(column, 1, value))
        assert [finding.level for finding in check_corpus(tmp_path / "broken.h5")] == ["error"]


def test_a_trial_that_another_program_added_or_took_away_is_noticed(corpus):
    with h5py.File(corpus, "r+") as file:
        del file["subjects/S02/trials/walk_2"]
    with pytest.raises(CorpusMismatch, match="lists other trials than the file holds"):
        Corpus(corpus)


def test_a_version_2_file_is_read_without_it_and_migrated_with_it(tmp_path):
    packed = Path(__file__).parent / "golden" / "corpus_version_2_without_index.h5.gz"
    old, new = tmp_path / "old.h5", tmp_path / "new.h5"
    old.write_bytes(gzip.decompress(packed.read_bytes()))
    assert Corpus(old).version == 2
    assert Corpus(old).trials() == [("S01", "walk_01"), ("S02", "run_01")]
    assert not [finding for finding in check_corpus(old) if finding.level == "error"]
    assert migrate_corpus(old, new) == 2
    assert Corpus(new).read("S01", "walk_01", clean=True).start_time == 12.345
    with open_node(new) as node:
        assert stored_index(node).keys == tuple(Corpus(old).trials())
        assert index_faults(node) == []


COST = """
import sys, time
from pathlib import Path
from synth.corpus import Corpus
from synth.corpus.window_reader import WindowReader
start = time.process_time()
Corpus(Path(sys.argv[1])), WindowReader(Path(sys.argv[1]), 2)
print(time.process_time() - start)
"""


@pytest.mark.slow
def test_opening_a_corpus_of_many_trials_opens_few_of_them(tmp_path, repository):
    with CorpusWriter(tmp_path / "many.h5") as writer:
        for number in range(3000):
            writer.append(trial_of(f"S{number % 10}", f"t{number}", 3, sensors=SEVEN_SENSORS[:1]))
    run = [sys.executable, "-c", COST, str(tmp_path / "many.h5")]
    done = subprocess.run(run, cwd=repository, capture_output=True, text=True, check=True, timeout=100)
    assert float(done.stdout) / 3000 < 1e-4  # 0.7 ms a trial without an index
