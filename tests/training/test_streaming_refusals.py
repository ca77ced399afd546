"""A live view refuses and names what a replay does, and the command ends with a sentence whatever comes."""

import json
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from opensim_models.generic.catalogue import planar_skeleton
from synth.corpus import Corpus, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from training.config import OUTPUT_KINDS, resolve_config
from training.loop import train
from training.stream.estimator import Estimator
from training.stream.exported_network import export_network
from training.stream.live_server import LiveServer
from training.stream.replay import figure_frames, replay
from training.stream_command import stream_app
from training.training_set import read_training_set
from training.window import sensor_names

RATE = 100


@pytest.fixture(scope="module")
def network(walking_corpus, tmp_path_factory):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02", "S03"], OUTPUT_KINDS)
    settings = {"network": "lstm", "bidirectional": False, "width": 8, "depth": 1, "steps": 2, "batch": 4, "seed": 1}
    checkpoint = train(data, resolve_config(settings | {"window_seconds": 0.5}))
    return export_network(checkpoint, tmp_path_factory.mktemp("stream") / "lstm.onnx")


@pytest.fixture
def unseen(walking_corpus):
    """Four seconds of walking."""
    return Corpus(walking_corpus).read("S04", "walk_01")


def changed(trial, change):
    """The trial with other angular velocities."""
    return replace(
        trial, recordings=tuple(replace(r, angular_velocity=change(r.angular_velocity)) for r in trial.recordings)
    )


def silent(turn):
    """Without a value in the third second."""
    return np.where((np.arange(len(turn)) // RATE == 2)[:, None], np.nan, turn)


def written(path, *trials):
    with CorpusWriter(path, role="reference", seed=1) as writer:
        for trial in trials:
            writer.append(trial)
    return path


def streamed(*arguments):
    return CliRunner().invoke(stream_app, [str(argument) for argument in arguments])


def test_replay_and_live_view_refuse_and_name_alike(network, unseen):
    skeleton = planar_skeleton(unseen.subject)
    estimator = Estimator(network, sensor_names(unseen))

    def both(trial):
        yield lambda: replay(estimator, trial)
        yield lambda: list(figure_frames(estimator, trial, skeleton))

    someone = replace(unseen, subject=replace(unseen.subject, code="S01"))
    slower = tuple(replace(r, rate=60.0) for r in unseen.recordings)
    at_60 = replace(unseen, rate=60.0, recordings=slower, kinematics=None, kinetics=None)
    cases = {"trained on this subject": someone, "100 Hz as in training, found 60": at_60}
    cases |= {"no inertial records": replace(unseen, recordings=()), "deg/s": changed(unseen, np.degrees)}
    for words, trial in cases.items():
        for way in both(trial):
            with pytest.raises(CorpusMismatch, match=words):
                way()

    for way in both(changed(unseen, silent)):
        way()
        assert ["from 2.0 s" in sentence for sentence in estimator.findings] == [True]
    made, _ = replay(estimator, changed(unseen, silent))
    assert any(t.what == "records_doubtful" and "no value for 1.0 s" in t.detail for t in made.treatments)


def test_the_live_command_refuses_before_it_serves(network, walking_corpus):
    done = streamed(network, walking_corpus, "--trial", "S01/walk_01", "--live", "--no-browser")
    assert done.exit_code == 1
    assert "trained on this subject" in done.stderr
    assert "http" not in done.stdout


def test_the_live_command_ends_with_a_sentence_when_a_frame_is_refused(network, unseen, tmp_path, monkeypatch):
    corpus = written(tmp_path / "degrees.h5", changed(unseen, np.degrees))
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


def test_the_live_command_tells_what_is_doubtful(network, unseen, tmp_path, monkeypatch):
    corpus = written(tmp_path / "gap.h5", changed(unseen, silent))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(
        "webbrowser.open", lambda address: urllib.request.urlopen(address + "frames", timeout=20).read()
    )
    done = streamed(network, corpus, "--live")
    assert done.exit_code == 0
    assert "no value for 1.0 s, from 2.0 s" in done.stderr


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


def test_a_sound_trial_is_neither_refused_nor_doubted(network, unseen):
    estimator = Estimator(network, sensor_names(unseen))
    made, _ = replay(estimator, unseen)
    assert estimator.findings == ()
    assert not [t for t in made.treatments if t.what == "records_doubtful"]
    assert np.isfinite(made.kinematics.values).any()
