"""A training that is killed or interrupted at any moment ends with the weights that it would have had."""

import os
import signal
import time
from unittest.mock import patch

import numpy as np
import pytest
import torch

import training.learning_step
from synth.corpus import Corpus, CorpusMismatch
from training.checkpoint import load_checkpoint
from training.config import OUTPUT_KINDS, resolve_config
from training.loop import train
from training.training_set import read_training_set
from training.training_state import earlier_state, load_state, state_path

QUICK = {"width": 8, "steps": 30, "batch": 4, "window_seconds": 0.4, "depth": 2}


@pytest.fixture(scope="module")
def data(walking_corpus):
    return read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS)


@pytest.fixture(scope="module", params=["conv1d", "lstm"])
def config(request):
    return resolve_config(QUICK | {"network": request.param, "seed": 3})


@pytest.fixture(scope="module")
def uninterrupted(data, config):
    return train(data, config)


def assert_same_weights(first, second):
    one, other = first.network.state_dict(), second.network.state_dict()
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def train_until_killed(data, config, path, seconds):
    """Train in a process that is killed some seconds after a state was left behind; whether it ended before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train(data, config, path=path, save_every=2)
            code = 0
        finally:
            os._exit(code)
    deadline = None
    while deadline is None or time.monotonic() < deadline:
        if deadline is None and state_path(path).exists():
            deadline = time.monotonic() + seconds
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return path.exists()  # it had ended a moment before: the checkpoint is its last act but one


def kill_at_random(data, config, path, n_kills, longest):
    rng = np.random.default_rng(11)
    steps = []
    for kill in range(n_kills):
        if train_until_killed(data, config, path, rng.uniform(0.02, longest) if kill else 0.0):
            break
        if state_path(path).exists():
            steps.append(load_state(state_path(path)).step)
    return steps


def test_killed_at_random_moments_it_ends_with_the_same_weights(data, config, uninterrupted, tmp_path):
    path = tmp_path / "fold.safetensors"
    steps = kill_at_random(data, config, path, 4, 0.3 + 0.3 * uninterrupted.seconds)
    assert steps, "no kill left a state behind"
    assert steps == sorted(steps)
    resumed = train(data, config, path=path, save_every=2)
    assert_same_weights(resumed, uninterrupted)
    assert_same_weights(load_checkpoint(path), uninterrupted)
    assert not state_path(path).exists()


@pytest.mark.slow
def test_killed_fifty_times_it_ends_with_the_same_weights(data, config, tmp_path):
    longer = config.model_copy(update={"steps": 300})
    whole = train(data, longer)
    path = tmp_path / "fold.safetensors"
    steps = kill_at_random(data, longer, path, 50, 0.1 * whole.seconds)
    assert len(set(steps)) > 5
    assert_same_weights(train(data, longer, path=path), whole)


def test_interrupted_between_steps_it_goes_on(data, config, uninterrupted, tmp_path):
    path, seen = tmp_path / "fold.safetensors", []

    def stop(step, n, loss):
        if step in (7, 19):
            os.kill(os.getpid(), signal.SIGINT)

    for expected in (7, 19):
        with pytest.raises(KeyboardInterrupt):
            train(data, config, path=path, save_every=0, progress=stop)
        assert load_state(state_path(path)).step == expected
        assert load_checkpoint(path).n_steps == expected
    resumed = train(data, config, path=path, progress=lambda step, *_: seen.append(step))
    assert seen == list(range(20, 31))
    assert_same_weights(resumed, uninterrupted)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end_and_a_second_does_not(data, config, uninterrupted, tmp_path):
    path, calls = tmp_path / "fold.safetensors", []
    loss_of = training.learning_step.supervised_loss

    def interrupted_loss(*arguments):
        calls.append(0)
        for _ in range({5: 1, 8: 2}.get(len(calls), 0)):
            os.kill(os.getpid(), signal.SIGINT)
        return loss_of(*arguments)

    with patch.object(training.learning_step, "supervised_loss", interrupted_loss):
        with pytest.raises(KeyboardInterrupt):
            train(data, config, path=path, save_every=0)
        assert load_state(state_path(path)).step == 5
        with pytest.raises(KeyboardInterrupt):
            train(data, config, path=path, save_every=0)
        assert load_state(state_path(path)).step == 5  # step 8 was torn: nothing of it is kept
    assert_same_weights(train(data, config, path=path), uninterrupted)


def test_the_state_of_another_training_is_not_gone_on_from(data, config, uninterrupted, tmp_path):
    path = tmp_path / "fold.safetensors"

    def stop(step, n, loss):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, config.model_copy(update={"seed": 9}), path=path, progress=stop)
    assert load_state(state_path(path)).step == 4
    assert_same_weights(train(data, config, path=path), uninterrupted)


def test_a_damaged_state_is_refused_and_training_begins_anew(data, config, uninterrupted, tmp_path):
    path = tmp_path / "fold.safetensors"
    state_path(path).write_bytes(b"half a state")
    with pytest.raises(CorpusMismatch, match="Delete it"):
        load_state(state_path(path))
    assert earlier_state(path, "mark") is None
    assert_same_weights(train(data, config, path=path), uninterrupted)


def test_a_failed_write_of_the_state_leaves_the_earlier_one(data, config, tmp_path):
    path = tmp_path / "fold.safetensors"

    def stop(step, n, loss):
        if step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, config, path=path, save_every=3, progress=stop)
    before = state_path(path).read_bytes()
    with patch("os.fsync", side_effect=OSError(28, "No space left on device")), pytest.raises(OSError, match="space"):
        train(data, config, path=path, save_every=3)
    assert state_path(path).read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fold.safetensors", "fold.safetensors.state"]
