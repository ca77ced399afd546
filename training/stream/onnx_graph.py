"""ONNX graph: nodes and constants while a network is written down for use without PyTorch, and the file at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from mocap_import.durable_file import write_durably
from training.stream.network_file import CARD

_OPSET, _IR_VERSION = 17, 8


class OnnxGraph:
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

    def lstm(self, memory: nn.LSTM, flow: str) -> str:
        """Append the layers of an ``nn.LSTM`` of one direction, its state in and out by the names of `state_tensors`.

        PyTorch orders gates i, f, g, o and ONNX i, o, f, g.
        """
        hidden, cells = [], []
        width, only = memory.hidden_size, memory.num_layers == 1
        for layer in range(memory.num_layers):

            def gates(name: str, layer: int = layer) -> np.ndarray:
                i, f, g, o = np.split(getattr(memory, f"{name}_l{layer}").detach().numpy(), 4)
                return np.concatenate([i, o, f, g])

            start = ["hidden", "cell"]
            if not only:
                place = self.constant(f"layer_{layer}", np.array([layer], dtype=np.int64))
                start = [self.node("Gather", [name, place], axis=0) for name in start]
            weights = self.constant(f"weights_{layer}", gates("weight_ih")[None])
            recurrence = self.constant(f"recurrence_{layer}", gates("weight_hh")[None])
            bias = self.constant(f"bias_{layer}", np.concatenate([gates("bias_ih"), gates("bias_hh")])[None])
            after = ["next_hidden", "next_cell"] if only else [f"hidden_{layer}", f"cell_{layer}"]
            names = [f"said_{layer}", *after]
            self.node("LSTM", [flow, weights, recurrence, bias, "", *start], names, hidden_size=width)
            shape = self.constant(f"shape_{layer}", np.array([1, 1, width], dtype=np.int64))
            flow = self.node("Reshape", [names[0], shape])
            hidden.append(names[1])
            cells.append(names[2])
        if not only:
            self.node("Concat", hidden, ["next_hidden"], axis=0)
            self.node("Concat", cells, ["next_cell"], axis=0)
        return flow

    def write(
        self,
        out: Path,
        inputs: Mapping[str, Sequence[int]],
        outputs: Mapping[str, Sequence[int]],
        state: Sequence[int],
        card: Mapping[str, Any],
    ) -> Path:
        """Check the graph and write it with its card; the file appears only when it is complete.

        Parameters
        ----------
        out : Path
        inputs, outputs : mapping of str to sequence of int
            Shapes by name, besides those of the memory.
        state : sequence of int
            Shape of the memory's two tensors.
        card : mapping
            What the network must be fed, as JSON can hold it.
        """
        before, after = ({f"{step}{name}": state for name in ("hidden", "cell")} for step in ("", "next_"))
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                "kinesynth",
                [_tensor(name, shape) for name, shape in {**inputs, **before}.items()],
                [_tensor(name, shape) for name, shape in {**outputs, **after}.items()],
                self.constants,
            ),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="kinesynth",
        )
        helper.set_model_props(model, {CARD: json.dumps(dict(card), sort_keys=True)})
        onnx.checker.check_model(model, full_check=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_durably(out, model.SerializeToString())
        return out


def _tensor(name: str, shape: Sequence[int]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
