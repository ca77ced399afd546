"""Two processes learn what one does: the same batches, masks, statistics and losses."""

import json
import os
import subprocess
import sys
import threading
import tomllib

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from typer.testing import CliRunner

from synth.corpus import Corpus
from training.checkpoint import load_checkpoint
from training.cli import train_app
from training.config import OUTPUT_KINDS, ConfigRefused, resolve_config
from training.csv_table import read_csv
from training.device import choose_device
from training.fold import fold_fingerprint
from training.leave_one_out import labelled_subjects
from training.loop import train
from training.loss import count_labels, supervised_loss
from training.networks.shared_batch import SharedBatchNorm, SharedDropout, SharedMemory
from training.ranks import ALONE, Ranks, is_launched
from training.training_set import read_training_set

QUICK = {"width": 8, "steps": 6, "batch": 5}


class Meeting(Ranks):
    """Ranks of threads: they add up as processes would."""

    def __init__(self, rank, desk):
        super().__init__(rank, len(desk["values"]))
        object.__setattr__(self, "desk", desk)

    def total(self, values):
        self.desk["values"][self.rank] = values
        self.desk["barrier"].wait()
        total = sum(self.desk["values"][1:], self.desk["values"][0])
        self.desk["barrier"].wait()
        return total


def in_threads(size, work):
    """Results of work(ranks), one a thread."""
    desk = {"values": [None] * size, "barrier": threading.Barrier(size, timeout=20)}
    results = [None] * size

    def run(rank):
        results[rank] = work(Meeting(rank, desk))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_shares_are_the_whole_batch_in_order_and_too_few_windows_are_refused():
    for n, size in ((16, 2), (5, 2), (7, 3), (4, 4)):
        shares = [Ranks(rank, size).share(n) for rank in range(size)]
        assert [i for share in shares for i in range(n)[share]] == list(range(n))
        assert max(s.stop - s.start for s in shares) - min(s.stop - s.start for s in shares) <= 1
    with pytest.raises(ConfigRefused, match="got 2 for 3 processes"):
        Ranks(0, 3).share(2)
    assert ALONE.total(torch.ones(2)).tolist() == [1, 1]
    assert not is_launched()


@pytest.mark.parametrize("lay", [lambda x: x, lambda x: x.transpose(1, 2), lambda x: x.transpose(0, 1)])
def test_shared_dropout_is_the_dropout_of_the_whole_batch(lay):
    whole = lay(torch.randn(6, 6, 10))
    torch.manual_seed(4)
    expected = functional.dropout(whole, 0.4, training=True)
    after = torch.rand(1)
    shares = []
    for rank in range(2):
        torch.manual_seed(4)
        ranks = Ranks(rank, 2)
        shares.append(SharedDropout(0.4, ranks, 6).train()(whole[ranks.share(6)]))
        assert torch.equal(torch.rand(1), after)  # the generator went on as far as in one process
    assert torch.equal(torch.cat(shares), expected)


def test_shared_batch_normalisation_is_that_of_the_whole_batch():
    whole = torch.randn(5, 3, 20) * torch.tensor([1.0, 30.0, 0.1])[:, None] + torch.tensor([0.0, 100.0, -1.0])[:, None]
    plain = nn.BatchNorm1d(3).train()
    expected = plain(whole)

    def work(ranks):
        layer = SharedBatchNorm(nn.BatchNorm1d(3), ranks).train()
        return layer(whole[ranks.share(5)]), layer

    results = in_threads(2, work)
    torch.testing.assert_close(torch.cat([outputs for outputs, _ in results]), expected, rtol=1e-5, atol=1e-5)
    for _, layer in results:
        assert layer.state_dict().keys() == plain.state_dict().keys()
        for key, value in plain.state_dict().items():
            torch.testing.assert_close(layer.state_dict()[key], value, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(layer.eval()(whole), plain.eval()(whole), rtol=1e-5, atol=1e-5)
        plain.train()


def test_a_memory_of_two_layers_drops_what_one_process_would():
    layer = nn.LSTM(4, 3, num_layers=2, batch_first=True, bidirectional=True, dropout=0.5).train()
    whole = torch.randn(4, 7, 4)
    torch.manual_seed(2)
    expected = layer(whole)[0]
    shares = []
    for rank in range(2):
        torch.manual_seed(2)
        ranks = Ranks(rank, 2)
        shares.append(SharedMemory(layer, ranks, 4).train()(whole[ranks.share(4)])[0])
    torch.testing.assert_close(torch.cat(shares), expected, rtol=1e-5, atol=1e-6)


def test_losses_of_shares_add_up_to_the_loss_of_the_batch():
    outputs, labels = torch.randn(5, 8, 3), torch.randn(5, 8, 3)
    labels[0:2, 3:] = torch.nan
    labels[3, :, 2] = torch.nan
    columns = {"angle": [0, 1], "moment": [2]}
    counts = count_labels(labels.numpy(), columns)
    whole, _ = supervised_loss(outputs, labels, columns)
    shares = [Ranks(rank, 2).share(5) for rank in range(2)]
    parts = [supervised_loss(outputs[own], labels[own], columns, counts)[0] for own in shares]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-6)


@pytest.mark.parametrize("network", ["conv1d", "lstm"])
def test_bfloat16_learns_almost_the_same_and_keeps_float32_weights(network, walking_corpus):
    data = read_training_set(Corpus(walking_corpus), ["S01", "S02"], OUTPUT_KINDS)
    losses = {"float32": [], "bf16": []}
    for precision, told in losses.items():
        settings = {"network": network, "precision": precision, "steps": 12, "learning_rate": 0.004}
        config = resolve_config(QUICK | {"batch": 8} | settings)
        checkpoint = train(data, config, progress=lambda step, n, loss, told=told: told.append(loss))
        assert all(value.dtype in (torch.float32, torch.int64) for value in checkpoint.network.state_dict().values())
    assert losses["bf16"] != losses["float32"]
    assert losses["bf16"] == pytest.approx(losses["float32"], rel=0.02)


def test_precision_and_device_decide_a_fold_only_where_they_are_used():
    plain, half = resolve_config({}), resolve_config({"precision": "bf16"})
    assert fold_fingerprint("x", plain, ["S"]) != fold_fingerprint("x", half, ["S"])
    with pytest.raises(ConfigRefused, match="precision"):
        resolve_config({"precision": "half"})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: nothing to refuse")
def test_a_gpu_that_is_not_there_is_refused(walking_corpus, tmp_path):
    with pytest.raises(ConfigRefused, match="found none"):
        choose_device(resolve_config({"device": "cuda"}))
    words = [str(walking_corpus), str(tmp_path), "--device", "cuda", "--json"]
    result = CliRunner().invoke(train_app, words)
    assert result.exit_code == 1
    assert "--device cpu" in json.loads(result.output)["error"]


def stop_half_way(corpus, config, path):
    """Leave the state of a training in one process after half of its steps."""
    reader = Corpus(corpus)
    data = read_training_set(reader, labelled_subjects(reader), config.outputs, mirror=config.mirror)

    def stop(step, n, loss):
        if step == n // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, config, path=path, progress=stop)


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one(walking_corpus, repository, tmp_path):
    settings = "width = 12\nsteps = 40\nbatch = 7\nwindow_seconds = 0.5\ndepth = 2\ndropout = 0.2\n"
    (tmp_path / "training.toml").write_text(settings, encoding="utf-8")
    words = ["train", str(walking_corpus), "--all", "--network", "conv1d", "--network", "lstm", "--json"]
    words += ["--config", str(tmp_path / "training.toml")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    stop_half_way(walking_corpus, resolve_config(tomllib.loads(settings)), tmp_path / "late" / "conv1d.safetensors")
    for name, how in (("one", ["-m"]), ("two", launcher), ("late", launcher)):
        command = [sys.executable, *how, "kinesynth", *words[:2], str(tmp_path / name), *words[2:]]
        done = subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert len(lines) == 1  # one process speaks
    # What one process left half done, two have gone on from.
    one, late = (read_csv(tmp_path / name / "metrics" / "conv1d" / "all.csv") for name in ("one", "late"))
    assert late["step"].tolist() == list(range(21, 41))
    np.testing.assert_allclose(late["loss"], one["loss"][20:], rtol=1e-3)
    for network in ("conv1d", "lstm"):
        one, two = (read_csv(tmp_path / name / "metrics" / network / "all.csv") for name in ("one", "two"))
        assert two["step"].tolist() == list(range(1, 41))
        np.testing.assert_allclose(two["loss"][:10], one["loss"][:10], rtol=1e-5)
        # Float noise grows with the steps that it passes through.
        np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-3)
        weights = [
            load_checkpoint(tmp_path / n / f"{network}.safetensors").network.state_dict() for n in ("one", "two")
        ]
        assert weights[0].keys() == weights[1].keys()
    assert not list(tmp_path.rglob("*.state"))
