"""A label-free network that streams says what it says of a whole trial, once it knows how the sensors are turned."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.imu.sagittal_axis import main_axis_to_z
from training.config import ConfigRefused
from training.evaluation import evaluate
from training.input_check import fit_signature, wearing_of
from training.physics.body import levers, moved_contacts, scaled_bodies, stacked_bodies
from training.physics.config import resolve_physics
from training.physics.loop import train_by_physics
from training.physics.model_file import is_physics_model, load_physics_model, save_physics_model
from training.physics.person import contact_levers, person_skeleton
from training.physics.prediction import estimate_values, predict_by_physics
from training.physics.record import body_of, read_physics_data
from training.physics.speed import CausalMean, causal_mean
from training.physics.tilt import TiltFilter, causal_tilt
from training.stream.estimator import Estimator
from training.stream.exported_physics import export_physics
from training.stream.physics_estimator import CATCH_UP, PhysicsEstimator
from training.stream.replay import estimator_for, figure_frames, replay, trial_frames
from training.stream.stride_turning import StrideTurning
from training.stream_command import stream_app
from training.target import ALL_TARGETS
from training.window import sensor_names

SETTINGS = {"steps": 2, "width": 8, "batch": 2, "window_seconds": 0.5, "trainable_body": True, "seed": 1}


def taught(corpus, **settings):
    """A network that knows S01 to S03, with placements far from nothing so that none can be left out."""
    data = read_physics_data(Corpus(corpus), ["S01", "S02", "S03"])
    model = train_by_physics(data, resolve_physics(SETTINGS | settings))
    rng = np.random.default_rng(2)
    with torch.no_grad():
        for part, size in (("turns", 0.1), ("stretches", 0.1), ("soles", 0.02)):
            values = getattr(model.network, part)
            values.copy_(torch.from_numpy(size * rng.standard_normal(values.shape)))
    return model


@pytest.fixture(scope="module")
def model(walking_corpus):
    return taught(walking_corpus)


@pytest.fixture(scope="module")
def network(model, tmp_path_factory):
    return export_physics(model, tmp_path_factory.mktemp("stream") / "physics.onnx")


@pytest.fixture
def unseen(walking_corpus):
    return Corpus(walking_corpus).read("S04", "walk_01")


def whole_turning(trial):
    """How the whole trial says that its leg sensors are turned."""
    legs = [r for r in trial.recordings if r.placement.segment != "pelvis"]
    return {r.placement.sensor: main_axis_to_z(r.placement.mounting.apply(r.angular_velocity)) for r in legs}


def opened(network, trial, **options):
    mountings = {r.placement.sensor: r.placement.mounting for r in trial.recordings}
    return PhysicsEstimator(network, trial.subject, sensor_names(trial), mountings=mountings, **options)


def steps(estimator, frames):
    return np.array([estimator.step(frame) for frame in frames])


@pytest.mark.parametrize(("subject", "depth"), [("S04", 1), ("S02", 1), ("S04", 2)])
def test_frame_by_frame_equals_the_whole_trial_when_the_turning_is_given(walking_corpus, tmp_path, subject, depth):
    model = taught(walking_corpus, depth=depth)
    trial = Corpus(walking_corpus).read(subject, "walk_01")
    records = [
        replace(r, placement=replace(r.placement, mounting=Rotation.from_rotvec([0.1, -0.2, 0.3])))
        for r in trial.recordings
    ]
    trial = replace(trial, recordings=tuple(records))
    expected, _ = estimate_values(model, trial)
    network = export_physics(model, tmp_path / "physics.onnx")
    streamed = steps(opened(network, trial, turning=whole_turning(trial)), trial_frames(trial))
    # the whole trial shares the vertical force among heel and toe by heights in single precision, over a centimetre
    upward = [target.coordinate.startswith("ground_force_y") for target in ALL_TARGETS]
    np.testing.assert_allclose(streamed[:, upward], expected[:, upward], atol=2e-5)
    rest = np.logical_not(upward)
    np.testing.assert_allclose(streamed[:, rest], expected[:, rest], atol=1e-6)


def test_filters_frame_by_frame_equal_those_of_whole_records():
    rng = np.random.default_rng(0)
    channels = rng.standard_normal((3, 200, 3)) + np.array([0.5, 9.81, 0.3])
    tilt, mean = TiltFilter(3, 100.0), CausalMean(50.0)
    said = np.array([tilt.step(f[:, 0] + 1j * f[:, 1], f[:, 2]).copy() for f in np.moveaxis(channels, 0, 1)])
    np.testing.assert_allclose(said, np.transpose([causal_tilt(c, 100.0) for c in channels]), atol=1e-12)
    values = rng.standard_normal(100)
    np.testing.assert_allclose([mean.step(v) for v in values], causal_mean(values, 50.0), atol=1e-12)


def test_levers_without_torch_are_those_of_the_body():
    person, rng = Subject("X", 62.0, 1.71), np.random.default_rng(3)
    soles, stretches = 0.02 * rng.standard_normal((2, 2)), 0.1 * rng.standard_normal(8)
    body = moved_contacts(stacked_bodies([body_of(person, torch.float64)]), torch.from_numpy(soles)[None])
    body = scaled_bodies(body, 1.0 + torch.from_numpy(stretches)[None])
    along = levers(body, body.contact_segments, body.contacts)[0].numpy()  # (point, segment, 2)
    expected = np.concatenate([along[..., 0].T, along[..., 1].T])
    np.testing.assert_allclose(contact_levers(person_skeleton(person), soles, stretches), expected, atol=1e-12)


def test_nothing_is_said_before_the_turning_is_known_and_then_what_it_would_have_said(network, unseen):
    frames = trial_frames(unseen)
    estimator = opened(network, unseen, turning_seconds=0.3)
    said = steps(estimator, frames)
    silent = np.isnan(said).all(axis=1)
    first = int(np.argmin(silent))
    assert 30 <= first < 200
    assert silent[:first].all()
    assert np.isfinite(said[first:]).all()
    strides = StrideTurning(range(1, 7), 100.0, 0.3)
    axes = np.stack([r.placement.mounting.as_matrix() for r in unseen.recordings])
    n_seen = 0
    while not strides.is_enough:
        frame = frames[n_seen]
        n_seen += 1
        strides.add(np.einsum("nij,nj->ni", axes, frame.reshape(-1, 6)[:, 3:].astype(np.float32)))
    assert first - n_seen <= n_seen / (CATCH_UP - 1) + 2  # worked off at CATCH_UP frames with each new one
    names = sensor_names(unseen)
    turning = {names[leg]: rotation for leg, rotation in strides.rotations().items()}
    told = steps(opened(network, unseen, turning=turning), frames)
    np.testing.assert_allclose(said[first:], told[first:], atol=1e-5)


def test_who_stands_is_not_estimated(network, unseen):
    frames = trial_frames(unseen).reshape(unseen.n_frames, -1, 6)
    frames[:, :, 3:] *= 0.01
    estimator = opened(network, unseen)
    assert np.isnan(steps(estimator, frames.reshape(unseen.n_frames, -1))).all()
    assert not estimator.is_warm


def test_after_a_long_silence_tilts_and_memory_begin_anew_and_the_turning_stays(network, unseen):
    frames, turning = trial_frames(unseen), whole_turning(unseen)
    frames[20:25, 3] = np.nan
    frames[60:120] = np.nan
    said = steps(opened(network, unseen, turning=turning), frames)
    assert np.isfinite(said[:90]).all()
    assert np.isnan(said[90:120]).all()
    np.testing.assert_array_equal(said[120:], steps(opened(network, unseen, turning=turning), frames[120:]))


def test_a_namesake_of_somebody_in_the_training_streams_with_nominal_places(network, walking_corpus):
    trial = Corpus(walking_corpus).read("S02", "walk_01")
    turning, frames = whole_turning(trial), trial_frames(trial)
    person = trial.subject

    def said(subject, corpus=""):
        estimator = opened(network, replace(trial, subject=subject), turning=turning, corpus=corpus)
        return steps(estimator, frames[:40]), [remark.detail for remark in estimator.remarks]

    (own, nothing), (other, why) = said(person), said(replace(person, mass=1.01 * person.mass))
    stranger, nobody = said(replace(person, mass=1.01 * person.mass, code="S99"))
    assert nothing == []
    assert "another person" in why[0]
    assert "nobody" in nobody[0]
    np.testing.assert_array_equal(other, stranger)
    assert np.abs(own - stranger).max() > 0.01


@pytest.mark.parametrize("is_told", [True, False])
def test_lost_frames_are_bridged_in_tilts_and_memory_as_frames_without_values_are(network, unseen, is_told):
    frames, options = trial_frames(unseen), {"turning_seconds": 0.3}
    if is_told:
        options = {"turning": whole_turning(unseen)}
    gap = frames.copy()
    gap[100:120] = np.nan
    kept = [k for k in range(len(frames)) if not 100 <= k < 120]
    expected = steps(opened(network, unseen, **options), gap)[kept]
    estimator = opened(network, unseen, **options)
    said = np.array([estimator.step(frames[k], k / 100) for k in kept])
    assert np.isfinite(said[-1]).all()
    np.testing.assert_array_equal(said, expected)


def test_what_does_not_fit_is_refused(network, unseen, model, walking_corpus, tmp_path):
    with pytest.raises(CorpusMismatch, match="pelvis missing"):
        PhysicsEstimator(network, unseen.subject, sensor_names(unseen)[1:])
    with pytest.raises(CorpusMismatch, match="100 Hz as in training, found 60 Hz"):
        PhysicsEstimator(network, unseen.subject, rate=60.0)
    with pytest.raises(CorpusMismatch, match="mass"):
        PhysicsEstimator(network, replace(unseen.subject, mass=float("nan")))
    with pytest.raises(CorpusMismatch, match="none is given for shank_r"):
        turning = whole_turning(unseen)
        del turning["shank_r"]
        opened(network, unseen, turning=turning)
    with pytest.raises(CorpusMismatch, match="expected a labelled network, found a physics one"):
        Estimator(network)
    frames = trial_frames(unseen).reshape(unseen.n_frames, -1, 6)
    frames[:, :, 3:] *= 573.0
    with pytest.raises(CorpusMismatch, match="deg/s"):
        steps(opened(network, unseen), np.tile(frames.reshape(unseen.n_frames, -1), (2, 1)))
    wrong = replace(
        unseen, recordings=tuple(replace(r, angular_velocity=573.0 * r.angular_velocity) for r in unseen.recordings)
    )
    with pytest.raises(CorpusMismatch, match="deg/s"):
        estimate_values(model, wrong)
    with pytest.raises(ConfigRefused, match="both directions"):
        export_physics(taught(walking_corpus, network="bilstm"), tmp_path / "bilstm.onnx")
    assert not (tmp_path / "bilstm.onnx").exists()


def test_exchanged_sides_are_named_in_whole_trials_and_in_streams(model, walking_corpus, tmp_path, unseen, worn_aslant):
    trials = [Corpus(walking_corpus).read(*key) for key in Corpus(walking_corpus).trials()[:6]]
    sensors = sensor_names(unseen)
    signature = fit_signature([wearing_of(trial_frames(worn_aslant(trial))) for trial in trials], sensors)
    save_physics_model(tmp_path / "physics.safetensors", replace(model, signature=signature))
    assert is_physics_model(tmp_path / "physics.safetensors")
    back = load_physics_model(tmp_path / "physics.safetensors")
    network = export_physics(back, tmp_path / "physics.onnx")
    for is_exchanged in (False, True):
        trial = worn_aslant(unseen, is_exchanged)
        made = predict_by_physics(back, trial)
        assert any("exchanged" in t.detail for t in made.treatments) == is_exchanged
        estimator = opened(network, trial)
        steps(estimator, np.tile(trial_frames(trial), (2, 1)))
        assert any("exchanged" in sentence for sentence in estimator.findings) == is_exchanged


def test_no_torch_is_needed(network):
    code = (
        "import sys; from pathlib import Path; from mocap_import.subject import Subject; "
        "from training.stream.physics_estimator import PhysicsEstimator; "
        f"e = PhysicsEstimator(Path({str(network)!r}), Subject('A', 70.0, 1.7)); e.warm_up(3); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_replay_says_how_long_it_was_silent_and_the_figure_waits(network, unseen):
    records = [
        replace(r, **{kind: np.tile(getattr(r, kind), (3, 1)) for kind in ("specific_force", "angular_velocity")})
        for r in unseen.recordings
    ]
    long = replace(unseen, recordings=tuple(records), kinematics=None, kinetics=None, events=())
    estimator = estimator_for(network, long)
    made, latency = replay(estimator, long)
    note = next(t for t in made.treatments if t.what == "stream_warm_up")
    angles = made.kinematics.values[:, 0]
    silent = int(np.argmax(np.isfinite(angles)))
    assert f"{silent / 100:.2f} s" in note.detail
    assert np.isfinite(angles[silent:]).all()
    assert len(latency.seconds) == long.n_frames
    shown = [points is not None for _, points in figure_frames(estimator, long, planar_skeleton(long.subject))]
    assert shown == list(np.isfinite(angles))


def test_the_command_takes_a_label_free_network_and_refuses_nobody_for_having_been_in_it(
    model, walking_corpus, tmp_path
):
    save_physics_model(tmp_path / "physics.safetensors", model)
    out, export = tmp_path / "streamed.h5", tmp_path / "physics.onnx"
    arguments = [tmp_path / "physics.safetensors", walking_corpus, "--out", out, "--export", export, "--json"]
    done = CliRunner().invoke(stream_app, [str(a) for a in arguments])
    told = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert (told["estimated"], told["refused"]) == (8, 0)
    assert 0 < told["latency_ms"]["median"] <= told["latency_ms"]["p99"]
    assert export.exists()
    assert len(evaluate(walking_corpus, out, "streaming"))
