"""Exported network: a causal recurrent network as an ONNX graph of one frame, with its card, for use without PyTorch.

The graph takes raw channels (SI units) and the memory, and returns values in inside units and the new memory:
normalisation before and after is part of it. What it needs to be used rightly (sensors, rate, targets, who taught it)
lies in the file as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from training.checkpoint import Checkpoint
from training.config import ConfigRefused
from training.stream.network_file import CARD_VERSION, LABELLED
from training.stream.onnx_graph import OnnxGraph

_ACTIVATIONS = {nn.ReLU: "Relu", nn.Tanh: "Tanh", nn.Sigmoid: "Sigmoid"}


def export_network(checkpoint: Checkpoint, out: Path) -> Path:
    """Write a network for streaming.

    Parameters
    ----------
    checkpoint : Checkpoint
        Of a network with a `memory` (``nn.LSTM``, one direction) and a `head` of linear layers.
    out : Path
        The .onnx file; it appears only when it is complete.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ConfigRefused
        For a network that needs later frames (convolutions, both directions).
    """
    memory, head = (getattr(checkpoint.network, part, None) for part in ("memory", "head"))
    if not isinstance(memory, nn.LSTM) or memory.bidirectional or head is None:
        kind = "both directions" if isinstance(memory, nn.LSTM) else "windows"
        raise ConfigRefused(
            f"network {checkpoint.config.network!r} reads {kind}, so it cannot speak frame by frame; "
            'train one that is causal (network = "lstm", bidirectional = false)'
        )
    graph = OnnxGraph()
    scale = checkpoint.normalisation
    flow = graph.node("Sub", ["frame", graph.constant("input_mean", scale.input_mean)])
    flow = graph.node("Div", [flow, graph.constant("input_sd", scale.input_sd)])
    flow = graph.lstm(memory, flow)
    for layer in head if isinstance(head, nn.Sequential) else [head]:
        flow = _add_layer(graph, layer, flow)
    flow = graph.node("Mul", [flow, graph.constant("target_sd", scale.target_sd)])
    graph.node("Add", [flow, graph.constant("target_mean", scale.target_mean)], ["values"])
    state = [memory.num_layers, 1, memory.hidden_size]
    return graph.write(
        out,
        {"frame": [1, 1, memory.input_size]},
        {"values": [1, 1, len(checkpoint.targets)]},
        state,
        _card(checkpoint, state),
    )


def _add_layer(graph: OnnxGraph, layer: nn.Module, flow: str) -> str:
    if isinstance(layer, nn.Dropout):  # does nothing in use
        return flow
    if isinstance(layer, nn.Linear):
        n = len(graph.nodes)
        flow = graph.node("MatMul", [flow, graph.constant(f"matrix_{n}", layer.weight.detach().numpy().T)])
        return graph.node("Add", [flow, graph.constant(f"offset_{n}", layer.bias.detach().numpy())])
    if type(layer) in _ACTIVATIONS:
        return graph.node(_ACTIVATIONS[type(layer)], [flow])
    raise ConfigRefused(f"a head with a {type(layer).__name__} cannot be exported; use linear layers and activations")


def _card(checkpoint: Checkpoint, state: list[int]) -> dict[str, Any]:
    return {
        "version": CARD_VERSION,
        "kind": LABELLED,
        "network": checkpoint.config.network,
        "sensors": checkpoint.sensors,
        "channels": ["specific force x, y, z (m/s2), angular velocity x, y, z (rad/s) of each sensor"],
        "rate": checkpoint.rate,
        "targets": [[target.kind, target.coordinate] for target in checkpoint.targets],
        "state": state,
        "subjects": checkpoint.subjects,
        "fingerprint": checkpoint.fingerprint,
        "signature": None if checkpoint.signature is None else checkpoint.signature.plain(),
    }
