"""The same batches reach the training loop however many processes make them, and however those are started."""

import hashlib

import numpy as np
import pytest
from torch.utils.data import DataLoader

from mocap_import.subject import Subject
from synth.corpus import CorpusTrial, CorpusWriter, ImuErrors
from synth.corpus.window_reader import WindowReader
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording
from training.window_stream import WindowStream


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("windows") / "c.h5"
    rng = np.random.default_rng(0)
    with CorpusWriter(path) as writer:
        for i in range(4):
            records = tuple(ImuRecording(p, *rng.standard_normal((2, 300, 3)), 100.0) for p in SEVEN_SENSORS)
            writer.append(CorpusTrial(f"t{i}", Subject(f"S{i % 2}", 70.0, 1.8), 100.0, records, ImuErrors(seed=2)))
    return path


def digest(loader):
    found = hashlib.sha256()
    for batch in loader:
        for tensor in batch:
            found.update(tensor.numpy().tobytes())
    return found.hexdigest()


def assert_same_batches(corpus, n_workers, start, errors="clean", portable=False):
    stream = WindowStream(WindowReader(corpus, 50, seed=1, errors=errors, portable=portable), 11, 8)
    alone = {}
    for epoch in (0, 1):
        stream.set_epoch(epoch)
        alone[epoch] = digest(DataLoader(stream, batch_size=None))
    assert alone[0] != alone[1]
    loader = DataLoader(
        stream, batch_size=None, num_workers=n_workers, multiprocessing_context=start, persistent_workers=True
    )
    for epoch in (0, 1):
        stream.set_epoch(epoch)
        assert digest(loader) == alone[epoch]


@pytest.mark.parametrize("n_workers", [2, 4])
@pytest.mark.parametrize("errors", ["clean", "stored"])
def test_forked_workers_give_the_same_batches(corpus, n_workers, errors):
    """The reader has its file open already when the loader forks."""
    assert_same_batches(corpus, n_workers, "fork", errors)


def test_forked_workers_give_the_same_batches_through_hdf5(corpus):
    assert_same_batches(corpus, 2, "fork", portable=True)


def test_spawned_workers_give_the_same_batches(corpus):
    assert_same_batches(corpus, 2, "spawn")


@pytest.mark.slow
def test_four_spawned_workers_give_the_same_batches(corpus):
    assert_same_batches(corpus, 4, "spawn", "stored")
