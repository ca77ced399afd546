"""Exported network: a causal recurrent network as an ONNX graph of one frame, with its card, for use without PyTorch.

The graph takes raw channels (SI units) and the memory, and returns values in inside units and the new memory:
normalisation before and after is part of it. What it needs to be used rightly (sensors, rate, targets, who taught it)
lies in the file as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from mocap_import.durable_file import write_durably
from training.checkpoint import Checkpoint
from training.config import ConfigRefused
from training.stream.estimator import CARD, CARD_VERSION

_OPSET, _IR_VERSION = 17, 8
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
    graph = _Graph()
    scale = checkpoint.normalisation
    flow = graph.node("Sub", ["frame", graph.constant("input_mean", scale.input_mean)])
    flow = graph.node("Div", [flow, graph.constant("input_sd", scale.input_sd)])
    flow = _add_memory(graph, memory, flow)
    for layer in head if isinstance(head, nn.Sequential) else [head]:
        flow = _add_layer(graph, layer, flow)
    flow = graph.node("Mul", [flow, graph.constant("target_sd", scale.target_sd)])
    graph.node("Add", [flow, graph.constant("target_mean", scale.target_mean)], ["values"])
    state = [memory.num_layers, 1, memory.hidden_size]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "kinesynth",
            [_tensor("frame", [1, 1, memory.input_size]), _tensor("hidden", state), _tensor("cell", state)],
            [
                _tensor("values", [1, 1, len(checkpoint.targets)]),
                _tensor("next_hidden", state),
                _tensor("next_cell", state),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="kinesynth",
    )
    helper.set_model_props(model, {CARD: json.dumps(_card(checkpoint, state), sort_keys=True)})
    onnx.checker.check_model(model, full_check=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_durably(out, model.SerializeToString())
    return out


class _Graph:
    """Nodes and constants of a graph while it grows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        """Keep numbers; returns their name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], outputs: Sequence[str] = (), **options: Any) -> str:
        """Append an operation; returns the name of its first output."""
        outputs = list(outputs) or [f"{kind.lower()}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, **options))
        return outputs[0]


def _add_memory(graph: _Graph, memory: nn.LSTM, flow: str) -> str:
    """Append the recurrent layers; PyTorch orders gates i, f, g, o and ONNX i, o, f, g."""
    hidden, cells = [], []
    width = memory.hidden_size
    for layer in range(memory.num_layers):

        def gates(name: str, layer: int = layer) -> np.ndarray:
            i, f, g, o = np.split(getattr(memory, f"{name}_l{layer}").detach().numpy(), 4)
            return np.concatenate([i, o, f, g])

        place = graph.constant(f"layer_{layer}", np.array([layer], dtype=np.int64))
        start = [graph.node("Gather", [name, place], axis=0) for name in ("hidden", "cell")]
        weights = graph.constant(f"weights_{layer}", gates("weight_ih")[None])
        recurrence = graph.constant(f"recurrence_{layer}", gates("weight_hh")[None])
        bias = graph.constant(f"bias_{layer}", np.concatenate([gates("bias_ih"), gates("bias_hh")])[None])
        names = [f"said_{layer}", f"hidden_{layer}", f"cell_{layer}"]
        graph.node("LSTM", [flow, weights, recurrence, bias, "", *start], names, hidden_size=width)
        shape = graph.constant(f"shape_{layer}", np.array([1, 1, width], dtype=np.int64))
        flow = graph.node("Reshape", [names[0], shape])
        hidden.append(names[1])
        cells.append(names[2])
    graph.node("Concat", hidden, ["next_hidden"], axis=0)
    graph.node("Concat", cells, ["next_cell"], axis=0)
    return flow


def _add_layer(graph: _Graph, layer: nn.Module, flow: str) -> str:
    if isinstance(layer, nn.Dropout):  # does nothing in use
        return flow
    if isinstance(layer, nn.Linear):
        n = len(graph.nodes)
        flow = graph.node("MatMul", [flow, graph.constant(f"matrix_{n}", layer.weight.detach().numpy().T)])
        return graph.node("Add", [flow, graph.constant(f"offset_{n}", layer.bias.detach().numpy())])
    if type(layer) in _ACTIVATIONS:
        return graph.node(_ACTIVATIONS[type(layer)], [flow])
    raise ConfigRefused(f"a head with a {type(layer).__name__} cannot be exported; use linear layers and activations")


def _tensor(name: str, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _card(checkpoint: Checkpoint, state: list[int]) -> dict[str, Any]:
    return {
        "version": CARD_VERSION,
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
