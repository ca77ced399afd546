"""A stream refuses or names what is wrong with its readings whenever that comes, and a live view refuses as a replay."""

import json
import time
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from synth.corpus import Corpus, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from training.config import OUTPUT_KINDS, resolve_config
from training.input_check import fit_signature, wearing_of
from training.loop import train
from training.mirror import other_side
from training.stream.estimator import Estimator
from training.stream.exported_network import export_network
from training.stream.frame_guard import FrameGuard
from training.stream.live_server import LiveServer
from training.stream.replay import figure_frames, replay, trial_frames
from training.stream.running_check import CHECKED_SECONDS, ENOUGH_WINDOWS, RunningCheck
from training.stream_command import stream_app
from training.training_set import read_training_set
from training.window import sensor_names

RATE = 100
SENSORS = ("pelvis", "thigh_r", "thigh_l")


def walking(seconds, rng=None, turned_by=1.0):
    """Records of a walk whose thighs turn about x and y in step with z, with opposite signs right and left."""
    rng = rng or np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    columns = []
    for side in (0.0, 1.0, -1.0):
        z = np.sin(2 * np.pi * (t + 0.25 * side)) * rng.uniform(0.8, 1.2)
        turn = turned_by * 3 * np.column_stack([0.3 * side * z, 0.2 * side * z, z])
        force = np.array([0.0, 9.81, 0.0]) + np.column_stack([3 * z, 2 * np.sin(4 * np.pi * t), 0.5 * side * z])
        columns += [force, turn]
    return np.hstack(columns) + 0.05 * rng.standard_normal((len(t), 18))


def standing(seconds):
    """Records of somebody who stands and sways."""
    rows = 0.03 * np.random.default_rng(1).standard_normal((round(seconds * RATE), 18))
    rows[:, 1::6] += 9.81
    return rows


def degrees(rows, sensors=range(3)):
    rows = rows.copy()
    for i in sensors:
        rows[:, 6 * i + 3 : 6 * i + 6] = np.degrees(rows[:, 6 * i + 3 : 6 * i + 6])
    return rows


def exchanged(rows):
    places = [SENSORS.index(other_side(name)) for name in SENSORS]
    return np.hstack([rows[:, 6 * i : 6 * i + 6] for i in places])


def guarded(rows, **options):
    """A guard that has taken the rows one by one."""
    guard = FrameGuard(SENSORS, float(RATE), "network", **options)
    for row in rows:
        guard.take(row)
    return guard


def n_taken(rows):
    """Frames that a guard takes before it refuses."""
    guard = FrameGuard(SENSORS, float(RATE), "network")
    for k, row in enumerate(rows):
        try:
            guard.take(row)
        except CorpusMismatch as error:
            assert "deg/s" in str(error)
            with pytest.raises(CorpusMismatch, match="deg/s"):
                guard.take(row)  # it goes on to refuse
            return k
    return None


@pytest.mark.parametrize("stood", [4.5, 61.0])
def test_walking_in_degrees_is_refused_however_long_standing_came_before(stood):
    rows = degrees(np.vstack([standing(stood), walking(30.0)]))
    assert stood * RATE < n_taken(rows) < (stood + 2 * CHECKED_SECONDS) * RATE


def test_a_sensor_in_degrees_that_is_silent_at_first_is_refused_when_it_speaks():
    rows = degrees(walking(20.0), [1])
    rows[: 6 * RATE, 6:12] = np.nan
    assert 6 * RATE < n_taken(rows) < (6 + 2 * CHECKED_SECONDS) * RATE


def test_a_sensor_that_speaks_now_and_then_is_judged_once_enough_has_come():
    rows = degrees(walking(60.0), [1])
    rows[np.arange(len(rows)) % 10 > 0, 6:12] = np.nan  # bridged, ten times a second
    assert n_taken(rows) is not None


def test_a_recording_shorter_than_a_window_is_judged_at_its_end():
    guard = guarded(degrees(walking(2.5)))
    with pytest.raises(CorpusMismatch, match="deg/s"):
        guard.finish()
    guarded(walking(2.5)).finish()


def test_a_sound_walk_is_left_in_peace_once_every_sensor_has_moved_and_not_before():
    check = RunningCheck(SENSORS, float(RATE))
    strike = walking(CHECKED_SECONDS)
    strike[100:110, 9:12] = 60.0  # a tenth of a second, as of a blow
    for rows in (standing(40.0), walking(ENOUGH_WINDOWS * CHECKED_SECONDS), strike):
        assert [reason for row in rows for reason in check.add(row)] == []
    check.reset()
    assert any("thigh_r turns at" in reason for row in strike for reason in check.add(row))


def test_exchanged_sides_are_named_of_moving_frames_only():
    rng = np.random.default_rng(3)
    signature = fit_signature([wearing_of(walking(8.0, rng)) for _ in range(6)], SENSORS)
    still = standing(9.0)
    assert guarded(np.vstack([still, walking(20.0, rng)]), signature=signature).findings == ()
    guard = guarded(np.vstack([still, exchanged(walking(2.0, rng))]), signature=signature)
    assert guard.findings == ()
    for row in exchanged(walking(12.0, rng)):
        guard.take(row)
    assert ["exchanged" in sentence for sentence in guard.findings] == [True]


def test_a_long_silence_is_named_by_sensor_with_its_beginning_and_length_wherever_it_is():
    rows = walking(30.0)
    rows[1000:1500, 6:12] = np.nan
    rows[2000:2020, :6] = np.nan  # bridged
    guard = guarded(rows[:1300])
    assert guard.findings == (
        "thigh_r: no value for 3.0 s, from 10.0 s after the first frame on and to the last; nothing is estimated there",
    )
    for row in rows[1300:]:
        guard.take(row)
    assert guard.findings == (
        "thigh_r: no value for 5.0 s, from 10.0 s after the first frame on; nothing is estimated there",
    )
    rows[2500:2600, 6:] = np.nan
    several = guarded(rows).findings
    assert any(s.startswith("thigh_r: no value 2 times, 6.0 s in all, 5.0 s at longest, from 10.0 s") for s in several)
    assert any(s.startswith("thigh_l: no value for 1.0 s, from 25.0 s") for s in several)
    guard.reset()
    assert guard.findings == ()


def test_every_frame_without_an_estimate_is_named():
    """Sensors that are silent in turn, each for less than is bridged, and frames lost between time stamps."""
    rows = walking(20.0)
    rows[1000:1025, :6], rows[1025:1050, 6:12] = np.nan, np.nan
    assert guarded(rows).findings == (
        "the sensors in turn: no value for 0.5 s, from 10.0 s after the first frame on; nothing is estimated there",
    )
    guard = FrameGuard(SENSORS, float(RATE), "network")
    for k in [*range(500), *range(700, 1500)]:
        guard.take(walking(20.0)[k], 7.0 + k / RATE) if k < 3 else guard.take(rows[k % 900], 7.0 + k / RATE)
    assert guard.findings == (
        "pelvis, thigh_r, thigh_l: no value for 2.0 s, from 5.0 s after the first frame on; nothing is estimated there",
    )


def test_the_guard_costs_little_a_frame():
    """p50 of a whole frame is to stay within 0.05 ms: the guard takes a small part of that, standing or walking."""
    guard, rows = FrameGuard(SENSORS, float(RATE), "network"), np.vstack([standing(10.0), walking(20.0)])
    seconds = []
    for row in rows.astype(np.float32):
        began = time.thread_time()
        guard.take(row)
        seconds.append(time.thread_time() - began)
    assert np.median(seconds) < 2e-5


@pytest.fixture(scope="module")
def network(walking_corpus, tmp_path_factory):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02", "S03"], OUTPUT_KINDS)
    settings = {"network": "lstm", "bidirectional": False, "width": 8, "depth": 1, "steps": 2, "batch": 4, "seed": 1}
    checkpoint = train(data, resolve_config(settings | {"window_seconds": 0.5}))
    return export_network(checkpoint, tmp_path_factory.mktemp("stream") / "lstm.onnx")


@pytest.fixture
def stood_first(make_walking_trial):
    """Somebody unseen who stands for 4.5 s, then walks."""
    trial = make_walking_trial(Subject("S09", 70.0, 1.7), 1.2, "walk_01", np.random.default_rng(2), seconds=13.0)
    records = []
    for r in trial.recordings:
        force, turn = r.specific_force.copy(), r.angular_velocity.copy()
        force[:450], turn[:450] = (0.0, 9.81, 0.0), 0.01
        records.append(replace(r, specific_force=force, angular_velocity=turn))
    return replace(trial, recordings=tuple(records))


def changed(trial, change):
    """The trial with other angular velocities."""
    return replace(
        trial, recordings=tuple(replace(r, angular_velocity=change(r.angular_velocity)) for r in trial.recordings)
    )


def written(path, *trials):
    with CorpusWriter(path, role="reference", seed=1) as writer:
        for trial in trials:
            writer.append(trial)
    return path


def streamed(*arguments):
    return CliRunner().invoke(stream_app, [str(argument) for argument in arguments])


def test_replay_and_live_view_refuse_and_name_alike(network, stood_first):
    skeleton = planar_skeleton(stood_first.subject)
    estimator = Estimator(network, sensor_names(stood_first))

    def both(trial):
        yield lambda: replay(estimator, trial)
        yield lambda: list(figure_frames(estimator, trial, skeleton))

    someone = replace(stood_first, subject=replace(stood_first.subject, code="S01"))
    at_60 = replace(stood_first, rate=60.0, recordings=tuple(replace(r, rate=60.0) for r in stood_first.recordings))
    cases = {"trained on this subject": someone, "100 Hz as in training, found 60": at_60}
    cases |= {"no inertial records": replace(stood_first, recordings=()), "deg/s": changed(stood_first, np.degrees)}
    for words, trial in cases.items():
        for way in both(trial):
            with pytest.raises(CorpusMismatch, match=words):
                way()

    def silent(turn):
        return np.where((np.arange(len(turn)) // 100 == 10)[:, None], np.nan, turn)

    for way in both(changed(stood_first, silent)):
        way()
        assert ["from 10.0 s" in sentence for sentence in estimator.findings] == [True]
    made, _ = replay(estimator, changed(stood_first, silent))
    assert any(t.what == "records_doubtful" and "no value for 1.0 s" in t.detail for t in made.treatments)


def test_the_live_command_refuses_before_it_serves(network, walking_corpus):
    done = streamed(network, walking_corpus, "--trial", "S01/walk_01", "--live", "--no-browser")
    assert done.exit_code == 1
    assert "trained on this subject" in done.stderr
    assert "http" not in done.stdout


def test_the_live_command_ends_with_a_sentence_when_a_frame_is_refused(network, stood_first, tmp_path, monkeypatch):
    corpus = written(tmp_path / "degrees.h5", changed(stood_first, np.degrees))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    got = []

    def visit(address):
        got.append(urllib.request.urlopen(address + "frames", timeout=20).read().decode())

    monkeypatch.setattr("webbrowser.open", visit)
    done = streamed(network, corpus, "--live")
    assert done.exit_code == 1
    assert "error: readings up to" in done.stderr
    assert "deg/s" in done.stderr
    assert "Traceback" not in done.stderr
    assert got[0].endswith("event: end\ndata: {}\n\n")


def test_the_live_command_tells_what_is_doubtful(network, stood_first, tmp_path, monkeypatch):
    def silent(turn):
        return np.where((np.arange(len(turn)) // 100 == 10)[:, None], np.nan, turn)

    corpus = written(tmp_path / "gap.h5", changed(stood_first, silent))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("webbrowser.open", lambda address: urllib.request.urlopen(address + "frames").read())
    done = streamed(network, corpus, "--live")
    assert done.exit_code == 0
    assert "no value for 1.0 s, from 10.0 s" in done.stderr


def test_whatever_stops_the_frames_is_kept_for_who_waits():
    def frames():
        yield 0, [0.0]
        raise ZeroDivisionError("of a frame")

    with LiveServer(b"", frames, 100.0) as server:
        text = urllib.request.urlopen(server.address + "frames", timeout=5).read().decode()
        assert server.finished.wait(5)
    assert text.endswith("event: end\ndata: {}\n\n")
    assert isinstance(server.failure, ZeroDivisionError)


def test_a_network_that_is_not_there_is_refused_and_an_exported_one_is_copied(network, walking_corpus, tmp_path):
    out = tmp_path / "other.onnx"
    for name in ("nowhere.onnx", "nowhere.safetensors"):
        for more in (["--export", out], [walking_corpus]):
            done = streamed(tmp_path / name, *more)
            assert done.exit_code == 1
            assert f"{name}: no such network" in done.stderr
    (tmp_path / "text.onnx").write_text("no network")
    done = streamed(tmp_path / "text.onnx", "--export", out)
    assert done.exit_code == 1
    assert "expected a network" in done.stderr
    assert not out.exists()
    done = streamed(network, "--export", out, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"network": str(out)})
    assert out.read_bytes() == network.read_bytes()
    assert streamed(out, "--export", out).exit_code == 0


def test_options_that_would_do_nothing_are_refused(network, walking_corpus, tmp_path):
    for words in (
        [network, "--export", tmp_path / "a.onnx", "--out", tmp_path / "a.h5"],
        [network, walking_corpus, "--live", "--out", tmp_path / "a.h5"],
    ):
        done = streamed(*words)
        assert done.exit_code == 1
        assert "--out" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sound_stream_says_what_it_said_before(network, stood_first):
    estimator = Estimator(network, sensor_names(stood_first))
    made, _ = replay(estimator, stood_first)
    assert estimator.findings == ()
    assert made.n_frames == len(trial_frames(stood_first))
