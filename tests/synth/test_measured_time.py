"""Times of a run lie beside the corpus: the corpus has the same bytes however long it took, and no time is lost."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, SolutionFacts, merge_corpora
from synth.corpus.measured_time import MeasuredTime, times_file
from synth.corpus.provenance import file_hash


def solved(seconds, name="walk_01"):
    facts = tuple(SolutionFacts(float(i), i + 1.0, True, 2.0, 30, seconds + i, 20) for i in range(2))
    return CorpusTrial(name, Subject("S01"), 100.0, status="converged", seconds=seconds, solutions=facts)


def write(path, *trials, seed=0):
    with CorpusWriter(path, seed=seed) as corpus:
        for trial in trials:
            corpus.append(trial)
    return path


def test_two_runs_of_other_lengths_give_the_same_bytes_and_keep_their_times(tmp_path):
    quick, slow = write(tmp_path / "a.h5", solved(1.25)), write(tmp_path / "b.h5", solved(7.5))
    assert file_hash(quick) == file_hash(slow)
    for path, seconds in ((quick, 1.25), (slow, 7.5)):
        trial = Corpus(path).read("S01", "walk_01")
        assert trial.seconds == seconds and [f.cpu_seconds for f in trial.solutions] == [seconds, seconds + 1]


def test_times_follow_into_a_merged_corpus_and_another_name_has_none(tmp_path):
    parts = [write(tmp_path / f"{name}.h5", solved(2.0, name)) for name in ("walk_01", "walk_02")]
    merge_corpora(parts, tmp_path / "all.h5")
    assert [Corpus(tmp_path / "all.h5").read("S01", n).seconds for n in ("walk_01", "walk_02")] == [2.0, 2.0]
    (tmp_path / "alone.h5").write_bytes((tmp_path / "all.h5").read_bytes())
    trial = Corpus(tmp_path / "alone.h5").read("S01", "walk_01")
    assert math.isnan(trial.seconds) and math.isnan(trial.solutions[0].cpu_seconds)


def test_times_of_an_earlier_corpus_of_that_name_are_nobody_elses(tmp_path):
    path = write(tmp_path / "c.h5", solved(3.0))
    other = write(tmp_path / "other.h5", solved(3.0), seed=5)
    path.write_bytes(other.read_bytes())
    assert math.isnan(Corpus(path).read("S01", "walk_01").seconds)
    write(path, replace(solved(3.0), seconds=math.nan, solutions=()))
    assert not times_file(path).exists()


def test_a_table_that_is_none_is_refused_with_the_remedy(tmp_path):
    path = write(tmp_path / "c.h5", solved(3.0))
    head = times_file(path).read_text().split("\n")[0]
    times_file(path).write_text(f"{head}\nsubject,trial,solution,cpu_seconds\nS01,walk_01,,soon\n")
    with pytest.raises(CorpusMismatch, match="remove it, the corpus is whole without it"):
        Corpus(path).read("S01", "walk_01")
    assert MeasuredTime().is_known is False


def test_what_a_killed_run_left_of_its_times_goes_with_the_next(tmp_path, repository):
    """A kill between the two files leaves a temporary one under the name that every writer clears away."""
    path = tmp_path / "c.h5"
    code = (
        "import os, signal, pathlib, synth.corpus.measured_time as m\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"m.write_times(pathlib.Path({str(path)!r}), 'x', [('S01', 'walk_01', m.MeasuredTime(seconds=1.0))])\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(repository)})
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with CorpusWriter(path):
        assert [item.name for item in tmp_path.glob("*.times*")] == []
        assert list(tmp_path.glob(".*.times.*")) == []
