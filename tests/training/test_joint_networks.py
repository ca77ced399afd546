"""The networks of joint models: shapes, reach, published heads, two stages of windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from kinesynth import app
from synth.joint_trial import ANGLE_NAMES
from training.config import ConfigRefused, resolve_config
from training.device import available_devices, resolve_device
from training.joint.network_run import network_page
from training.joint.recipe import joint_config
from training.learning_step import prepare_lesson
from training.memory_set import memory_training_set
from training.networks.registry import build_network, known_networks
from training.ranks import joined_ranks
from training.target import Target
from training.window import TrialRecord

JOINT_NETWORKS = ("temporal", "published_conv1d", "published_lstm")


@pytest.mark.parametrize("name", JOINT_NETWORKS)
def test_a_network_maps_any_channels_to_any_outputs_frame_by_frame(name):
    assert name in known_networks()
    network = build_network(12, 15, 100.0, resolve_config({"network": name, "width": 8})).eval()
    assert network(torch.zeros(2, 50, 12)).shape == (2, 50, 15)
    other = build_network(42, 19, 100.0, resolve_config({"network": name, "width": 8})).eval()
    assert other(torch.zeros(1, 30, 42)).shape == (1, 30, 19)


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_an_output_of_the_temporal_network_sees_as_far_as_its_taps_and_no_further(depth):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # a draw of weights may cut an output off from its last tap
        network = build_network(4, 2, 100.0, resolve_config({"network": "temporal", "width": 8, "depth": depth})).eval()
    inputs = torch.randn(1, 101, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    network(inputs)[0, 50].sum().backward()
    touched = inputs.grad[0].abs().sum(dim=1).nonzero().flatten()
    reach = 2**depth - 1
    assert (touched.min().item(), touched.max().item()) == (50 - reach, 50 + reach)


def test_the_temporal_blocks_are_dilated_convolutions():
    block = build_network(4, 2, 100.0, resolve_config({"network": "temporal", "width": 6, "depth": 3})).eval().blocks[2]
    values = torch.randn(2, 40, 6, generator=torch.Generator().manual_seed(1))
    kernel = block.taps.weight.reshape(6, 3, 6).permute(0, 2, 1)
    convolved = torch.nn.functional.conv1d(
        values.transpose(1, 2), kernel, block.taps.bias, padding=block.dilation, dilation=block.dilation
    )
    expected = values + torch.relu(block.normalisation(convolved)).transpose(1, 2)
    assert torch.allclose(block(values), expected, atol=1e-5)


def test_the_published_heads_are_those_of_the_paper():
    conv = build_network(12, 3, 200.0, joint_config("published_conv1d"))
    assert [type(layer).__name__ for layer in conv.blocks[:4]] == ["Conv1d", "ReLU", "BatchNorm1d", "Dropout"]
    assert conv.blocks[0].kernel_size == (41,)
    assert (len(conv.blocks), conv.blocks[0].out_channels) == (12, 70)
    assert [type(layer).__name__ for layer in conv.head] == ["Linear", "Sigmoid", "Linear"]
    assert conv.head[0].out_features == 20
    both = build_network(12, 3, 200.0, joint_config("published_lstm"))
    assert (both.memory.num_layers, both.memory.hidden_size, both.head.in_features) == (3, 70, 140)
    one_way = build_network(12, 3, 200.0, joint_config("published_lstm", bidirectional=False)).eval()
    inputs = torch.randn(1, 30, 12)
    later = inputs.clone()
    later[:, 20:] += 1.0
    assert torch.equal(one_way(inputs)[:, :20], one_way(later)[:, :20])  # causal


def test_windows_are_short_first_and_long_then():
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((400, 12)), rng.standard_normal((400, 1))
    record = TrialRecord("S01", "run", 100.0, inputs.astype("f4"), np.zeros(400, dtype=bool), labels.astype("f4"))
    data = memory_training_set([record], ("proximal", "distal"), (Target("angle", "knee_angle"),), 100.0)

    def lengths(**changes):
        config = resolve_config({"steps": 10, "batch": 2, "outputs": ["angle"]} | changes)
        with joined_ranks(torch.device("cpu")) as ranks:
            stream = prepare_lesson(data, config, torch.device("cpu"), ranks).stream
        return [stream.batch(step)[0].shape[1] for step in (0, 4, 5, 9)]

    assert lengths(second_window_seconds=2.0) == [100, 100, 200, 200]
    assert lengths() == [100] * 4


def test_a_recipe_says_what_it_is_and_refuses_unknown_outputs():
    plain, turned = joint_config(augmented=False), joint_config(augmented=True)
    assert (plain.augmentation.misalignment_deg, turned.augmentation.misalignment_deg) == (0.0, 13.5)
    assert plain.augmentation.noise_share == turned.augmentation.noise_share == 0.15
    assert turned.outputs == ("angle", "orientation")
    assert joint_config("published_conv1d").steps == 10_000
    with pytest.raises(ConfigRefused, match="did you mean 'orientation'"):
        resolve_config({"outputs": ["orientations"]})


def test_a_device_that_is_not_the_cpu_is_a_column_of_the_page():
    row = {"sensors": "as placed", "measure": "raw", "mean": 1.0, "sd": 0.1, "low": 0.9, "high": 1.1, "people": 3}
    row |= {"network": "temporal", "steps": 10, "parameters": 5, "cpu_seconds": 2.0}
    by_cpu, by_gpu = (
        network_page(pd.DataFrame([{**row, "trained_on": name, "angle": a} for a in ANGLE_NAMES]), "knee", "5-fold")
        for name in ("cpu", "NVIDIA H100")
    )
    assert "trained on" not in by_cpu
    assert "| network | parameters | steps | CPU s | trained on | sensors |" in by_gpu
    assert "| temporal | 5 | 10 | 2 | NVIDIA H100 | as placed |" in by_gpu


def test_a_table_without_a_graphics_card_is_refused_before_anything_is_read(tmp_path):
    if "cuda" in available_devices():
        assert resolve_device("auto") == "cuda"
        return
    told = CliRunner().invoke(
        app, ["evaluate", "--table", "rapp", str(tmp_path / "no.h5"), "--out", str(tmp_path), "--device", "cuda"]
    )
    assert told.exit_code == 1
    assert "expected a GPU that this PyTorch can use, found none" in " ".join(told.output.split())
