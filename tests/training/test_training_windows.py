"""A training reads its windows from the file: the same whoever reads them, and no more memory for longer trials."""

import pickle
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training.batch_stream import batches
from training.config import OUTPUT_KINDS, resolve_config
from training.learning_step import prepare_lesson
from training.loop import train
from training.ranks import ALONE
from training.training_set import read_training_set
from training.window import trial_record
from training.window_source import WindowSource

QUICK = {"width": 8, "steps": 9, "batch": 4, "window_seconds": 0.4}


@pytest.fixture(scope="module")
def data(walking_corpus):
    return read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS, mirror=True)


def stream_of(data, first=0):
    stream = prepare_lesson(data, resolve_config(QUICK), torch.device("cpu"), ALONE).stream
    stream.first = first
    return stream


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4")
@pytest.mark.parametrize("n_loaders", [2, 4])
def test_loading_processes_give_the_same_batches_and_leave_dropouts_generator(data, n_loaders):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    alone = list(batches(stream_of(data)))
    ahead = list(batches(stream_of(data), n_loaders))
    assert torch.equal(torch.get_rng_state(), state)
    assert len(alone) == len(ahead) == 9
    for one, other in zip(alone, ahead, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert one.labels.numpy().tobytes() == other.labels.numpy().tobytes()
    assert not torch.equal(alone[0].inputs, alone[1].inputs)


def test_a_stream_that_begins_later_goes_on_with_the_same_batches(data):
    later = list(batches(stream_of(data, first=6)))
    for one, other in zip(list(batches(stream_of(data)))[6:], later, strict=True):
        assert torch.equal(one.inputs, other.inputs)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4")
def test_a_training_with_loading_processes_ends_with_the_same_weights(data, tmp_path):
    config = resolve_config(QUICK | {"dropout": 0.3})

    def stop(step, n, loss):
        if step == 4:
            raise KeyboardInterrupt

    alone = train(data, config)
    with pytest.raises(KeyboardInterrupt):
        train(data, config, path=tmp_path / "x.safetensors", n_loaders=2, progress=stop)
    resumed = train(data, config, path=tmp_path / "x.safetensors", n_loaders=4)
    for key, value in alone.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_source_goes_to_another_process_without_what_it_had_open(data):
    source = WindowSource(data, 0.4)
    before = source.draw(6, np.random.default_rng(2))
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301  (made here)
    for one, other in zip(vars(before).values(), vars(copy.draw(6, np.random.default_rng(2))).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(pickle.dumps(source)) < 100_000


def test_gaps_are_bridged_in_windows_as_in_the_whole_trial(walking_corpus, tmp_path):
    corpus = Corpus(walking_corpus)
    trial = corpus.read("S01", "walk_01", clean=True)
    force = trial.recordings[2].specific_force.copy()
    labelled = np.flatnonzero(np.isfinite(trial.kinematics.values).any(axis=1))
    short, long = slice(labelled[5], labelled[15]), slice(labelled[30], labelled[75])
    force[short] = force[long] = np.nan
    holed = replace(
        trial,
        recordings=(*trial.recordings[:2], replace(trial.recordings[2], specific_force=force), *trial.recordings[3:]),
    )
    with CorpusWriter(tmp_path / "holed.h5", role="reference") as writer:
        writer.append(holed)
        writer.append(corpus.read("S02", "walk_01", clean=True))
    data = read_training_set(Corpus(tmp_path / "holed.h5"), ["S01", "S02"], OUTPUT_KINDS)
    assert [record.has_gaps for record in data.records] == [True, False]
    expected = trial_record(
        Corpus(tmp_path / "holed.h5").read("S01", "walk_01", clean=True), data.sensors, data.targets
    )
    source = WindowSource(data, 0.3, kept_bytes=1)
    windows = source.windows(np.array([0, 0]), np.array([short.start - 4, long.start - 4]))
    for row, start in enumerate((short.start - 4, long.start - 4)):
        np.testing.assert_array_equal(windows.inputs[row], expected.inputs[start : start + 30])
        np.testing.assert_array_equal(windows.labels[row], expected.labels[start : start + 30])
    assert np.isfinite(windows.inputs).all()
    assert np.isnan(windows.labels[1, 4:]).all()
    assert np.isfinite(windows.labels[0, 4:14]).any()


def test_another_file_in_its_place_is_refused(walking_corpus, tmp_path):
    path = tmp_path / "c.h5"
    path.write_bytes(walking_corpus.read_bytes())
    source = WindowSource(read_training_set(Corpus(path), ["S01"], OUTPUT_KINDS), 0.4)
    path.unlink()
    path.write_bytes(walking_corpus.read_bytes())
    with pytest.raises(CorpusMismatch, match="changed after this reader was made"):
        source.draw(2, np.random.default_rng(0))


MEMORY = """
import sys
from resource import RUSAGE_SELF, getrusage
from pathlib import Path
import numpy as np, torch
from synth.corpus import Corpus
from training.config import OUTPUT_KINDS, resolve_config
from training.loop import train
from training.training_set import read_training_set
config = resolve_config({"width": 4, "steps": 2, "batch": 4})
small, large = (Path(word) for word in sys.argv[1:])
def peak(path):
    data = read_training_set(Corpus(path), ["S01", "S02"], OUTPUT_KINDS, mirror=True)
    train(data, config)
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024
before = peak(small)
print(peak(large) - before)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(make_walking_trial, walking_corpus, repository, tmp_path):
    """A file of more than 100 MB costs the memory of one trial, and pages of a few windows."""
    corpus = Corpus(walking_corpus)
    trial = corpus.read("S01", "walk_01", clean=True)
    many = 50
    repeated = lambda values: np.tile(values, (25, *[1] * (np.ndim(values) - 1)))  # noqa: E731
    longer = replace(
        trial,
        recordings=tuple(
            replace(r, specific_force=repeated(r.specific_force), angular_velocity=repeated(r.angular_velocity))
            for r in trial.recordings
        ),
        kinematics=replace(trial.kinematics, values=repeated(trial.kinematics.values)),
        kinetics=None,
    )
    with CorpusWriter(tmp_path / "large.h5", role="reference") as writer:
        for number in range(many):
            code = ("S01", "S02")[number % 2]
            writer.append(replace(longer, name=f"walk_{number}", subject=replace(trial.subject, code=code)))
    assert (tmp_path / "large.h5").stat().st_size > 100e6
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(walking_corpus), str(tmp_path / "large.h5")],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert float(run.stdout) < 60
