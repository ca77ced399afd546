"""Damaged C3D files: every one ends as a recording or as one sentence, whatever its bytes."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap_import.batch import WorkerProcess
from mocap_import.c3d.layout import layout_of
from mocap_import.c3d.reader import read_c3d
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial, TrialRefused
from mocap_import.worker import WorkerFailed

CORNERS = np.array([[0.3, 0.0, 0.2], [-0.3, 0.0, 0.2], [-0.3, 0.0, -0.2], [0.3, 0.0, -0.2]])


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of a file of ours: 20 markers, a force plate, an EMG channel, events; 100 frames."""
    path, rng = tmp_path_factory.mktemp("sound") / "walk.c3d", np.random.default_rng(1)
    positions = rng.uniform(0.1, 1.8, (1, 20, 3)) + np.linspace(0, 1.2, 100)[:, None, None] * [1.0, 0.0, 0.0]
    positions[20:25, 3] = np.nan
    load = np.full(1000, 700.0)[:, None] * [0.0, 1.0, 0.0]
    trial = MarkerTrial(
        name="walk",
        subject=Subject("S01", mass=70.0, height=1.75),
        labels=tuple(f"M{k:02d}" for k in range(20)),
        positions=positions,
        rate=100.0,
        ground_reactions=(GroundReaction(load, np.zeros((1000, 3)), np.zeros(1000), 1000.0),),
        events=(GaitEvent(0.2, "left", "foot_strike", "file"), GaitEvent(0.8, "right", "foot_off", "file")),
        analog={"EMG": np.sin(np.arange(1000.0))},
        analog_rate=1000.0,
    )
    write_c3d(path, trial, plates=[ForcePlate(2, CORNERS, np.zeros(3))], first_frame=31)
    return path.read_bytes()


def outcome(path):
    """``"read"``, ``"repaired"`` or ``"refused"``; a refusal is one line that names the file."""
    try:
        raw = read_c3d(path)
    except TrialRefused as problem:
        assert path.name in str(problem)
        assert "\n" not in str(problem)
        return "refused"
    return "repaired" if raw.treatments else "read"


def mutated(whole, rng):
    """One of four kinds of damage, most of them where counts and parameters are."""
    content, kind, end = bytearray(whole), rng.integers(4), min(len(whole), 2600)
    if kind == 0:
        content[rng.integers(512)] = rng.integers(256)
    elif kind == 1:
        for at in rng.integers(512, end, size=rng.integers(1, 4)):
            content[at] = rng.integers(256)
    elif kind == 2:
        at, length = rng.integers(end), rng.integers(1, 64)
        content[at : at + length] = rng.bytes(length)
    else:
        at = rng.integers(end)
        del content[at : at + rng.integers(1, 200)]
    return bytes(content)


def test_a_file_cut_anywhere_is_refused_and_never_read_as_a_shorter_one(sound, tmp_path):
    (tmp_path / "whole.c3d").write_bytes(sound)
    whole = read_c3d(tmp_path / "whole.c3d")
    end = layout_of(sound, "whole.c3d").expected_size
    path = tmp_path / "cut.c3d"
    cuts = np.unique(np.r_[np.linspace(0, len(sound) - 1, 46).astype(int), 511, 512, end - 1, end])
    assert len(cuts) >= 50
    for cut in cuts:
        path.write_bytes(sound[:cut])
        if cut >= end:
            np.testing.assert_array_equal(read_c3d(path).points, whole.points)
        else:
            assert outcome(path) == "refused", cut
    path.write_bytes(sound[: end - 1])
    with pytest.raises(TrialRefused, match="which hold 99 whole frames"):
        read_c3d(path)


def test_150_mutations_end_as_a_recording_or_a_sentence_within_a_second(sound, tmp_path):
    rng, path, seen = np.random.default_rng(3), tmp_path / "mutated.c3d", Counter()
    for _ in range(150):
        path.write_bytes(mutated(sound, rng))
        start = time.perf_counter()
        seen[outcome(path)] += 1
        assert time.perf_counter() - start < 1.0
    assert seen.total() == 150
    assert seen["refused"] > 15
    assert seen["repaired"] > 5


@pytest.mark.slow
def test_500_mutations_in_a_limited_worker_crash_nothing(sound, tmp_path):
    rng, path = np.random.default_rng(4), tmp_path / "mutated.c3d"
    with WorkerProcess(timeout=10.0, memory_limit=600_000_000) as worker:
        pids = set()
        for _ in range(500):
            path.write_bytes(mutated(sound, rng))
            answer = in_worker(worker, path)
            assert answer in ("read", "TrialRefused"), answer
            pids.add(worker.pid)
    assert len(pids) == 1  # the first process lived to the end


def in_worker(worker, path):
    """``"read"``, or the name of what was raised."""
    try:
        worker.call("mocap_import.c3d.reader:read_c3d", {"path": str(path)})
    except WorkerFailed as problem:
        return problem.error_type or problem.status
    return "read"


@given(st.binary(max_size=4000))
@settings(max_examples=150, deadline=None)
def test_bytes_of_any_kind_are_refused(content):
    with pytest.raises(TrialRefused):
        layout_of(content, "any.c3d")


@given(at=st.integers(0, 2000), what=st.binary(min_size=1, max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_file_with_any_bytes_in_header_or_parameters_is_laid_out_within_its_size_or_refused(sound, at, what):
    content = sound[:at] + what + sound[at + len(what) :]
    try:
        layout = layout_of(content, "any.c3d")
    except TrialRefused:
        return
    assert 0 <= layout.expected_size <= len(content)


def test_absurd_counts_are_refused_before_anything_is_allocated(sound, tmp_path):
    path = tmp_path / "absurd.c3d"
    with WorkerProcess(timeout=10.0, memory_limit=600_000_000) as worker:
        # Points, analog words, frames and samples per frame of the header, all at their largest.
        for places in ([2], [4], [8], [18], [2, 4, 8, 18]):
            content = bytearray(sound)
            for place in places:
                content[place : place + 2] = b"\xff\xff"
            for name in (b"USED", b"FRAMES", b"RATE"):
                at = content.index(name, content.index(b"POINT")) + len(name) + 6
                content[at : at + 2] = b"\xff\x7f"
            path.write_bytes(content)
            assert in_worker(worker, path) in ("TrialRefused", "read")


def test_what_is_no_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.c3d").mkdir()
    (tmp_path / "zero.c3d").touch()
    for place in (
        tmp_path / "folder.c3d",
        "folder.c3d",
        "",
        ".",
        "/dev/zero",
        "/dev/null",
        tmp_path / "zero.c3d",
        "a\0b",
    ):
        with pytest.raises(TrialRefused):
            read_c3d(place)


def test_a_file_that_ends_neither_with_its_frames_nor_with_a_block_says_so(sound, tmp_path):
    path = tmp_path / "odd.c3d"
    path.write_bytes(sound + bytes(7))
    assert [note.what for note in read_c3d(path).treatments] == ["length_odd"]
    path.write_bytes(sound + bytes(5000))
    assert "trailing_data" in [note.what for note in read_c3d(path).treatments]
