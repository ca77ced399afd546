"""`kinesynth imu` on an archive: killed at any moment the old corpus stands; the next run goes on to the same bytes."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synth.motion_corpus
import synth.motion_part
from mocap_import.engine import LocalEngine
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, ImuErrors
from synth.corpus.provenance import file_hash
from synth.imu_options import recipe_of
from synth.imu_request import make_request
from synth.imu_run import run_archive
from synth.motion_corpus import build_motion_corpus
from synth.record_settings import RecordSettings

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import write_person

FORK = multiprocessing.get_context("fork")  # a child that has imported everything already: kills meet the work
TRIALS = [("S01", "walk_01"), ("S01", "walk_02"), ("S02", "walk_01"), ("S02", "walk_02")]


@pytest.fixture
def archive(tmp_path):
    for code in ("S01", "S02"):
        write_person(tmp_path, code, names=("walk_01", "walk_02"))
    return tmp_path


def build(root, out="c.h5", source="model", method="central_difference", **ways):
    settings = RecordSettings(ImuErrors(seed=7), source, method)
    return build_motion_corpus(root / "trials", root / "motion", root / out, settings, **ways)


def bake(root):
    """Records with their errors, noise of the training set: by way of a clean corpus."""
    request = make_request(root / "trials", root / "c.h5", root / "motion", None, None, None, None, None, force=True)
    request = request.with_choices(recipe_of(), None, None, "model", "training_set", "S01", True)
    return run_archive(request, None)


def counted(monkeypatch):
    """Names of the trials whose records are made from now on."""
    made = []

    def make(trial, *arguments, **options):
        made.append((trial.subject.code, trial.name))
        return original(trial, *arguments, **options)

    original = synth.motion_corpus.make_corpus_trial
    monkeypatch.setattr(synth.motion_corpus, "make_corpus_trial", make)
    return made


def quietly(function, *arguments):
    os.setpgrp()
    function(*arguments)
    os._exit(0)


def kill_at_random_moments(root, work, n_kills):
    """Kill a child at moments spread over a whole run; the next run has the bytes of one that nobody disturbed."""
    started = time.perf_counter()
    work(root)
    duration = time.perf_counter() - started
    whole, table = file_hash(root / "c.h5"), pd.read_csv(root / "c.csv").drop(columns="seconds")
    with CorpusWriter(root / "c.h5") as old:
        old.append(CorpusTrial("old", Corpus(root / "c.h5").subjects()[0], 100.0))
    before = file_hash(root / "c.h5")
    rng, n_survived = np.random.default_rng(0), 0
    for _ in range(n_kills):
        child = FORK.Process(target=quietly, args=(work, root))
        child.start()
        child.join(rng.uniform(0.0, 0.9 * duration))
        if child.exitcode is None:
            os.kill(child.pid, signal.SIGKILL)
            child.join()
            n_survived += 1
        now = file_hash(root / "c.h5")
        assert now in (before, whole), "neither the old corpus nor the new one"
        if now == whole:  # complete before the kill: begin again with the old one
            with CorpusWriter(root / "c.h5") as old:
                old.append(CorpusTrial("old", Corpus(root / "c.h5").subjects()[0], 100.0))
            assert file_hash(root / "c.h5") == before
    assert n_survived > 0
    work(root)
    assert file_hash(root / "c.h5") == whole
    pd.testing.assert_frame_equal(pd.read_csv(root / "c.csv").drop(columns="seconds"), table)
    assert sorted(path.name for path in root.iterdir()) == ["c.csv", "c.h5", "motion", "trials"]


def test_a_killed_run_goes_on_and_leaves_no_litter(archive):
    kill_at_random_moments(archive, build, 5)


@pytest.mark.slow
@pytest.mark.parametrize("work", [build, bake])
def test_fifty_killed_runs_go_on_and_leave_no_litter(archive, work):
    kill_at_random_moments(archive, work, 50)


def test_only_what_is_missing_is_made(archive, monkeypatch):
    build(archive)
    whole = file_hash(archive / "c.h5")
    made = counted(monkeypatch)
    build(archive, keep_parts=True)
    assert made == TRIALS
    parts = sorted((archive / "c.h5.parts").glob("*.h5"))
    lost = next(part for part in parts if Corpus(part).trials() == [("S01", "walk_02")])
    lost.unlink()
    damaged = next(part for part in parts if part != lost and Corpus(part).trials() == [("S02", "walk_01")])
    damaged.write_bytes(damaged.read_bytes()[:3000])
    made.clear()
    rows = build(archive)
    assert made == [("S01", "walk_02"), ("S02", "walk_01")]
    assert rows["status"].value_counts().to_dict() == {"accepted": 4, "static": 2}
    assert file_hash(archive / "c.h5") == whole


@pytest.mark.parametrize("change", ["trial", "motion", "settings"])
def test_parts_of_other_inputs_are_not_used(archive, monkeypatch, change):
    build(archive, keep_parts=True)
    made, options = counted(monkeypatch), {}
    if change == "trial":
        write_person(archive / "new", "S01", names=("walk_02",))
        (archive / "new/trials/S01/walk_02.trial.h5").replace(archive / "trials/S01/walk_02.trial.h5")
        (archive / "new/motion/S01/walk_02.mot").replace(archive / "motion/S01/walk_02.mot")
    elif change == "motion":
        file = archive / "motion/S02/walk_01.mot"
        file.write_text(file.read_text().replace("\t0.1", "\t0.11", 1))
    else:
        options["method"] = "butterworth"
    build(archive, **options)
    expected = {"trial": TRIALS[:2], "motion": TRIALS[2:], "settings": TRIALS}
    assert made == expected[change]


def test_several_processes_give_the_same_bytes_and_go_on(archive):
    build(archive)
    whole = file_hash(archive / "c.h5")
    build(archive, keep_parts=True)
    for part in sorted((archive / "c.h5.parts").glob("*.h5"))[::2]:
        part.unlink()
    build(archive, engine=LocalEngine(2))
    assert file_hash(archive / "c.h5") == whole


def hold(root, begun):
    """Make the corpus slowly, after saying that it has begun."""

    def slow(place, row, trial):
        begun.set()
        time.sleep(60.0)

    synth.motion_corpus.save_part = slow
    quietly(build, root)


def test_two_processes_never_make_one_corpus_at_once(archive):
    begun = FORK.Event()
    first = FORK.Process(target=hold, args=(archive, begun))
    first.start()
    assert begun.wait(30.0)
    with pytest.raises(CorpusMismatch, match=r"c\.h5: another process is writing this corpus"):
        build(archive)
    first.kill()
    first.join()
    assert len(build(archive)) == 6  # the lock ended with its holder


def write_slowly(path, begun, end):
    with CorpusWriter(path) as corpus:
        begun.set()
        end.wait(30.0)
        corpus.append(CorpusTrial("first", synth.motion_corpus.Subject("S01", 70.0), 100.0))


def test_a_second_process_is_refused_and_the_first_ends_well(tmp_path):
    begun, end, path = FORK.Event(), FORK.Event(), tmp_path / "c.h5"
    first = FORK.Process(target=write_slowly, args=(path, begun, end))
    first.start()
    assert begun.wait(30.0)
    with pytest.raises(CorpusMismatch, match="another process is writing this corpus"), CorpusWriter(path):
        pass
    end.set()
    first.join(30.0)
    assert first.exitcode == 0 and Corpus(path).trials() == [("S01", "first")]
    assert [item.name for item in tmp_path.iterdir()] == ["c.h5"]


def test_a_missing_folder_is_said_in_the_words_of_the_system(archive):
    with pytest.raises(CorpusMismatch, match=r"c\.h5 cannot be written \(No such file or directory\)"):
        build(archive, out="nowhere/c.h5")


def fill_disk(path, limit, said):
    """Write under a limit of the file size, as a disk that is full after so many bytes."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    trial = CorpusTrial("walk", synth.motion_corpus.Subject("S01", 70.0), 100.0)
    try:
        with CorpusWriter(path) as corpus:
            for i in range(40):
                corpus.append(synth.motion_part.CorpusTrial(**trial.__dict__ | {"name": f"walk_{i}"}))
        said.send("written")
    except CorpusMismatch as error:
        said.send(str(error))
    os._exit(0)


@pytest.mark.parametrize("limit", [100, 3000, 20_000, 60_000])
def test_a_disk_that_fills_up_anywhere_is_said_in_the_words_of_the_system(tmp_path, limit):
    """Trials without arrays: what fails is the metadata that HDF5 writes when it likes."""
    (tmp_path / "c.h5").write_bytes(b"old")
    ours, theirs = FORK.Pipe()
    child = FORK.Process(target=fill_disk, args=(tmp_path / "c.h5", limit, theirs))
    child.start()
    theirs.close()
    assert ours.poll(30.0)
    said = ours.recv()
    child.join()
    assert "cannot be written (File too large)" in said, said
    assert "H5" not in said and "errno" not in said
    assert (tmp_path / "c.h5").read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["c.h5"]
