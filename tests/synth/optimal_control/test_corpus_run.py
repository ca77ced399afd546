"""A corpus run: the same bytes on every engine; what is made is not made again, and what crashes is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.engine import LocalEngine, open_engine
from mocap_import.subject import Subject
from synth.corpus import CorpusTrial, CorpusWriter
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.optimal_control.corpus_run import run_corpus, write_part


@pytest.fixture
def records(tmp_path):
    """An IMU corpus of two people, and beside it their walks as solved before."""
    return write_records(tmp_path, range(3, 6))


def write_records(folder, numbers):
    rng = np.random.default_rng(3)
    path, solved = folder / "imu.h5", folder / "solved"
    solved.mkdir(exist_ok=True)
    with CorpusWriter(path) as writer:
        for code in ("S1", "S2"):
            for number in numbers:
                placement = SensorPlacement("pelvis", "pelvis", np.zeros(3), Rotation.identity())
                sensor = ImuRecording(placement, rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), 100.0)
                trial = CorpusTrial(f"walk_{number:02d}", Subject(code, 70.0, 1.8), 100.0, (sensor,), task="walk")
                writer.append(trial)
                write_part(solved / f"{code}_{trial.name}.h5", trial, "reference")
    return path


def build(records, out, place, engine=None, **wishes):
    place.mkdir(exist_ok=True)
    given = {"function": "cluster_tasks:copied_trial", "arguments": lambda _s, _n: {"place": str(place)}}
    engine = LocalEngine(2) if engine is None else engine
    return run_corpus(records, out, role="reference", config={"a": 1}, engine=engine, **given, **wishes)


def tries(place):
    """How often each trial was tried."""
    return {path.name: len(path.read_text()) for path in place.iterdir() if path.name != "mended"}


def test_a_killed_worker_changes_no_byte_and_a_second_run_does_nothing(records, tmp_path, dask_scheduler, dask_killer):
    rows = build(records, tmp_path / "local.h5", tmp_path / "l")
    killed = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def __call__(self, _outcome):
            if not killed:
                killed.append(dask_killer())

    with open_engine("dask", scheduler=dask_scheduler) as engine:
        found = build(records, tmp_path / "dask.h5", tmp_path / "d", engine, progress=lambda _total, _words: Bar())
        before = tries(tmp_path / "d")
        again = build(records, tmp_path / "dask.h5", tmp_path / "d", engine)
    assert len(killed) == 1
    assert (tmp_path / "dask.h5").read_bytes() == (tmp_path / "local.h5").read_bytes()
    assert found.equals(rows)
    assert again.equals(rows)
    assert tries(tmp_path / "d") == before
    assert not (tmp_path / "dask.h5.parts").exists()


def test_a_corpus_is_made_again_when_it_or_an_input_has_changed(records, tmp_path, cluster_tasks):
    out, place, skeleton = tmp_path / "out.h5", tmp_path / "p", tmp_path / "skeleton.json"
    skeleton.write_text("1")
    wishes = {"inputs": lambda _subject, _name: [skeleton]}
    build(records, out, place, **wishes)
    whole = out.read_bytes()
    build(records, out, place, **wishes)
    assert set(tries(place).values()) == {1}
    out.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    build(records, out, place, **wishes)
    assert set(tries(place).values()) == {2}
    assert out.read_bytes() == whole
    skeleton.write_text("2")
    build(records, out, place, **wishes)
    assert set(tries(place).values()) == {3}


def test_what_crashes_is_tried_twice_and_then_only_on_request(tmp_path, cluster_tasks):
    records = write_records(tmp_path, (1, 2, 4))
    out, place = tmp_path / "out.h5", tmp_path / "p"
    rows = build(records, out, place).set_index(["subject", "trial"])
    assert "SIGABRT" in rows.reason["S1", "walk_01"]
    assert rows.reason["S2", "walk_02"] == "ValueError: no such walk"
    first, tried = out.read_bytes(), tries(place)
    assert (tried["S1_walk_01"], tried["S2_walk_02"], tried["S1_walk_04"]) == (2, 1, 1)
    build(records, out, place)
    assert out.read_bytes() == first
    tried = tries(place)
    assert (tried["S1_walk_01"], tried["S2_walk_02"], tried["S1_walk_04"]) == (2, 2, 1)
    (place / "mended").touch()
    rows = build(records, out, place, retry=True).set_index(["subject", "trial"])
    assert rows.reason["S1", "walk_01"] == ""
    assert tries(place)["S1_walk_04"] == 1
