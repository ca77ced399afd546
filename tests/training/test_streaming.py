"""A streaming network says, frame by frame and without PyTorch, what the same network says of a whole trial."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

from opensim_models.generic.catalogue import planar_skeleton
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from training.checkpoint import load_checkpoint, save_checkpoint
from training.config import OUTPUT_KINDS, ConfigRefused, resolve_config
from training.evaluation import evaluate
from training.loop import train
from training.network_command import network_app
from training.prediction import predict_trial
from training.report.viewer.scene_page import write_viewer
from training.stream.estimator import Estimator
from training.stream.exported_network import export_network
from training.stream.frame_guard import CHECKED_SECONDS
from training.stream.latency import Latency, timed
from training.stream.live_server import LiveServer
from training.stream.replay import empty_scene, figure_frames, replay, trial_frames
from training.stream_command import stream_app
from training.target import read_targets
from training.training_set import read_training_set
from training.window import sensor_names

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser_page import BrowserPage

SETTINGS = {"network": "lstm", "bidirectional": False, "width": 12, "steps": 20, "batch": 4, "window_seconds": 0.5}


def trained(walking_corpus, depth):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02", "S03"], OUTPUT_KINDS)
    return train(data, resolve_config(SETTINGS | {"depth": depth, "seed": 1}))


@pytest.fixture(scope="module")
def checkpoint(walking_corpus):
    return trained(walking_corpus, 2)


@pytest.fixture
def network(checkpoint, tmp_path):
    return export_network(checkpoint, tmp_path / "lstm.onnx")


@pytest.fixture
def unseen(walking_corpus):
    return Corpus(walking_corpus).read("S04", "walk_01")


@pytest.mark.parametrize("depth", [1, 3])
def test_frame_by_frame_equals_the_whole_trial(walking_corpus, depth, unseen, tmp_path):
    checkpoint = trained(walking_corpus, depth)
    whole = predict_trial(checkpoint, unseen)
    streamed, _ = replay(Estimator(export_network(checkpoint, tmp_path / "lstm.onnx")), unseen)
    assert streamed.status == "predicted"
    targets = checkpoint.targets
    expected = read_targets(whole, targets)
    np.testing.assert_allclose(read_targets(streamed, targets), expected, atol=2e-5 * np.abs(expected).max())


def test_sensors_in_another_order_give_the_same(network, unseen):
    names, frames = sensor_names(unseen), trial_frames(unseen)
    backwards = np.hstack([frames[:, 6 * i : 6 * i + 6] for i in range(len(names))[::-1]])
    one, other = Estimator(network), Estimator(network, names[::-1])
    for first, second in zip(frames[:50], backwards[:50], strict=True):
        np.testing.assert_array_equal(one.step(first), other.step(second))


def test_a_frame_of_another_shape_is_refused_and_changes_nothing(network, unseen):
    names, frames = sensor_names(unseen), trial_frames(unseen)
    estimator, fresh = Estimator(network, names[::-1]), Estimator(network, names[::-1])
    table = frames[0].reshape(len(names), 6)
    for wrong in (table, table.T, np.r_[frames[0], frames[0][:6]], frames[0][:-1], frames[0][0]):
        with pytest.raises(
            CorpusMismatch, match=rf"expected {6 * len(names)} values.*found.*{re.escape(str(wrong.shape))}"
        ):
            estimator.step(wrong)
    np.testing.assert_array_equal(estimator.step(frames[0]), fresh.step(frames[0]))


def test_infinite_readings_of_both_signs_are_bridged_without_a_warning(network, unseen):
    frames, estimator = trial_frames(unseen), Estimator(network)
    estimator.step(frames[0])
    frames[1, :2] = np.inf, -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(estimator.step(frames[1])).all()


def test_no_torch_is_needed(network):
    code = (
        "import sys; from pathlib import Path; from training.stream.estimator import Estimator; "
        f"e = Estimator(Path({str(network)!r})); e.warm_up(3); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_short_silence_is_bridged_a_long_one_is_not_and_the_memory_begins_anew(network, unseen):
    frames = trial_frames(unseen)
    estimator, fresh = Estimator(network), Estimator(network)
    frames[20:25, 3] = np.nan
    frames[60:120] = np.nan
    said = np.array([estimator.step(frame) for frame in frames])
    assert np.isfinite(said[:90]).all()
    assert np.isnan(said[90:120]).all()
    np.testing.assert_array_equal(said[120:], [fresh.step(frame) for frame in frames[120:]])


def test_lost_frames_are_seen_in_the_time_stamps(network, unseen):
    frames, estimator = trial_frames(unseen), Estimator(network)
    for k in range(10):
        estimator.step(frames[k], k / 100)
    fresh = Estimator(network)
    np.testing.assert_array_equal(estimator.step(frames[80], 0.8), fresh.step(frames[80]))
    with pytest.raises(CorpusMismatch, match="time stamps must grow"):
        estimator.step(frames[81], 0.5)


@pytest.mark.parametrize("n_lost", [20, 30, 31])
def test_a_gap_between_time_stamps_is_the_same_as_so_many_frames_without_values(network, unseen, n_lost):
    frames = trial_frames(unseen)
    stamped, silent = Estimator(network), Estimator(network)
    gap = frames.copy()
    gap[40 : 40 + n_lost] = np.nan
    expected = np.array([silent.step(frame) for frame in gap])
    kept = [k for k in range(len(frames)) if not 40 <= k < 40 + n_lost]
    said = np.array([stamped.step(frames[k], k / 100) for k in kept])
    np.testing.assert_array_equal(said, expected[kept])


@pytest.mark.parametrize("found", [50.0, 97.0, 200.0])
def test_time_stamps_of_another_rate_are_refused_and_lost_frames_or_rounded_stamps_are_not(network, unseen, found):
    frames, estimator = np.tile(trial_frames(unseen), (6, 1)), Estimator(network)

    def go(rate, lost=()):
        for k in range(int(5 * rate)):
            if k not in lost:
                estimator.step(frames[k], 7.0 + round(k / rate, 3))

    with pytest.raises(CorpusMismatch, match=f"100 Hz as in training, found {found:.3g} Hz"):
        go(found)
    with pytest.raises(CorpusMismatch, match="as in training"):
        estimator.step(frames[0])
    estimator.reset()
    go(100.7, set(range(50, 90)) | set(range(100, 300, 7)))


def test_what_does_not_fit_is_refused(network, unseen, tmp_path):
    with pytest.raises(CorpusMismatch, match="pelvis missing"):
        Estimator(network, sensor_names(unseen)[1:])
    with pytest.raises(CorpusMismatch, match="100 Hz as in training, found 60 Hz"):
        Estimator(network, rate=60.0)
    (tmp_path / "none.onnx").write_bytes(b"no network")
    with pytest.raises(CorpusMismatch, match=r"none\.onnx: expected a network"):
        Estimator(tmp_path / "none.onnx")
    estimator, frames = Estimator(network), trial_frames(unseen)
    frames[:, 3:6] = np.degrees(frames[:, 3:6]) * 10
    with pytest.raises(CorpusMismatch, match="deg/s"):
        for frame in np.tile(frames, (2, 1))[: int(CHECKED_SECONDS * 100)]:
            estimator.step(frame)
    with pytest.raises(CorpusMismatch, match="deg/s"):
        estimator.step(frames[0])  # it goes on to refuse
    estimator.reset()
    assert np.isfinite(estimator.step(frames[0])).all()


def test_a_subject_of_the_training_is_refused(walking_corpus, network):
    with pytest.raises(CorpusMismatch, match="trained on this subject"):
        replay(Estimator(network), Corpus(walking_corpus).read("S01", "walk_01"))


@pytest.mark.parametrize(("name", "word"), [("conv1d", "windows"), ("lstm", "both directions")])
def test_a_network_that_needs_later_frames_is_refused(walking_corpus, tmp_path, name, word):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02"], ["angle"])
    config = resolve_config(SETTINGS | {"network": name, "bidirectional": True, "steps": 1, "depth": 1})
    with pytest.raises(ConfigRefused, match=word):
        export_network(train(data, config), tmp_path / "network.onnx")
    assert not (tmp_path / "network.onnx").exists()


def test_the_signature_survives_the_checkpoint(checkpoint, tmp_path):
    save_checkpoint(tmp_path / "one.safetensors", checkpoint)
    back = load_checkpoint(tmp_path / "one.safetensors").signature
    assert back.sensors == checkpoint.signature.sensors
    np.testing.assert_array_equal(back.mean, checkpoint.signature.mean)


def test_the_histogram_counts_every_frame():
    latency = Latency(np.array([1e-5, 4e-5, 4e-5, 7e-4, 3e-2]))
    assert sum(count for *_, count in latency.histogram()) == 5
    assert latency.percentile(50) == pytest.approx(0.04)
    values, measured = timed(lambda frame: 2 * frame, np.eye(3))
    np.testing.assert_array_equal(values, 2 * np.eye(3))
    assert (measured.seconds > 0).all()


def test_the_command_writes_a_corpus_that_is_evaluated_like_any_other(checkpoint, walking_corpus, tmp_path):
    save_checkpoint(tmp_path / "lstm.safetensors", checkpoint)
    out, export = tmp_path / "streamed.h5", tmp_path / "lstm.onnx"
    arguments = [tmp_path / "lstm.safetensors", walking_corpus, "--out", out, "--export", export, "--json"]
    done = CliRunner().invoke(stream_app, [str(a) for a in arguments])
    told = json.loads(done.stdout)
    assert done.exit_code == 3  # six trials of the three subjects who taught it are refused
    assert (told["estimated"], told["refused"]) == (2, 6)
    assert 0 < told["latency_ms"]["median"] <= told["latency_ms"]["p99"]
    errors = evaluate(walking_corpus, out, "streaming")
    assert errors[errors["subject"] == "S04"]["value"].notna().any()
    session = onnxruntime.InferenceSession(str(export), providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["kinesynth"])["rate"] == 100.0


def test_applying_a_network_counts_the_trials_that_it_refuses(checkpoint, walking_corpus, tmp_path):
    save_checkpoint(tmp_path / "lstm.safetensors", checkpoint)
    words = ["apply", str(tmp_path / "lstm.safetensors"), str(walking_corpus), str(tmp_path / "made.h5"), "--json"]
    done = CliRunner().invoke(network_app, words)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["estimated"], told["refused"]) == (3, 2, 6)
    assert all("was trained on this subject" in reason for reason in told["reasons"])
    save_checkpoint(tmp_path / "lstm.safetensors", replace(checkpoint, rate=50.0))
    done = CliRunner().invoke(network_app, words[:-1])
    assert done.exit_code == 4
    assert "0 estimated, 8 refused" in done.stdout


def test_the_skeleton_moves_in_the_browser_while_frames_come(network, unseen, tmp_path):
    skeleton = planar_skeleton(unseen.subject)
    estimator = Estimator(network)
    page = write_viewer([empty_scene(unseen, skeleton)], tmp_path / "live.html", live=True).read_bytes()
    last = unseen.n_frames - 1
    expected = dict(figure_frames(Estimator(network), unseen, skeleton))[last]
    frames = partial(figure_frames, estimator, unseen, skeleton)
    with LiveServer(page, frames, 400.0) as server, BrowserPage() as browser:
        browser.open(server.address)
        browser.wait("window.viewer && viewer.state().drawn >= 0")
        assert server.finished.wait(30)
        browser.wait(f"viewer.state().drawn === {last}")
        points = browser.value("viewer.points()")
        assert browser.errors == []
    places = np.array([points[key] for key in sorted(points, key=lambda key: int(key.split()[1])) if "joint" in key])
    np.testing.assert_allclose(places.ravel(), expected, atol=1e-4)


def test_the_page_is_served_on_this_machine_only_and_nothing_else_is():
    with LiveServer(b"<p>page</p>", lambda: iter([(0, None)]), 100.0) as server:
        assert server.address.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(server.address, timeout=5).read() == b"<p>page</p>"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(server.address + "etc/passwd", timeout=5)


def test_frames_come_at_the_rate_of_the_recording():
    with LiveServer(b"", lambda: iter([(k, [0.0]) for k in range(21)]), 100.0) as server:
        began = time.monotonic()
        text = urllib.request.urlopen(server.address + "frames", timeout=10).read().decode()
        assert time.monotonic() - began >= 0.2
    assert text.count('data: {"frame"') == 21
