"""Exported label-free network: one frame of the network of `training.physics` as an ONNX graph, with its card.

The graph takes what a `physics_estimator` makes of a frame (sagittal channels, tilts, stature and mass), the levers of
the person's feet and the memory. It returns the targets in inside units, forces and moments already as shares of body
weight; in the place of the speed the pelvis's velocity, which the estimator averages. It is `training.physics.estimate`
for one frame and without what only the losses need; a test holds the two together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.config import ConfigRefused
from training.physics.body import PlanarBody
from training.physics.estimate import (
    ANGLE,
    FORWARD,
    LOAD,
    NEAR_FLOOR,
    ONE,
    PELVIS_SPEED,
    TORQUE,
    USUAL_SPEED,
    angle_columns,
    angles_from_segments,
)
from training.physics.model_file import ANYBODY, PhysicsModel
from training.physics.network import N_FACTS, PhysicsNetwork
from training.physics.prediction import FEET
from training.physics.record import body_of
from training.stream.network_file import CARD_VERSION, PHYSICS
from training.stream.onnx_graph import OnnxGraph
from training.target import ALL_TARGETS

TILT = 0.4
"""rad: unit of the tilts among the inputs of `training.physics.network`."""


def export_physics(model: PhysicsModel, out: Path) -> Path:
    """Write a label-free network for streaming.

    Parameters
    ----------
    model : PhysicsModel
        Of an LSTM.
    out : Path
        The .onnx file; it appears only when it is complete.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ConfigRefused
        For a BiLSTM, which needs later frames.
    """
    network, body = model.network, body_of(ANYBODY)
    if network.recurrent.bidirectional:
        raise ConfigRefused(
            f"network {model.config.network!r} reads both directions, so it cannot speak frame by frame; train one "
            'that is causal (network = "lstm")'
        )
    n_sensors, n_segments = len(model.sensors), len(body.segments)
    n_points, n_seen = len(body.contact_segments), 4 * n_sensors + N_FACTS
    graph = OnnxGraph()
    middle, scale = _normalisation(network, n_sensors)
    seen = graph.node("Sub", ["seen", graph.constant("input_mean", middle)])
    seen = graph.node("Div", [seen, graph.constant("input_sd", scale)])
    said = graph.lstm(network.recurrent, seen)
    matrix, offset = _outputs(network, body, n_sensors)
    raw = graph.node("MatMul", [graph.node("Concat", [said, seen], axis=-1), graph.constant("matrix", matrix)])
    raw = graph.node("Add", [raw, graph.constant("offset", offset)])
    sizes = [len(angle_columns(body)), len(body.joint_columns), n_points, n_points, 1, 1]
    names = ["angles", "torques", "forward", "shares", "load", "velocity"]
    graph.node("Split", [raw, graph.constant("sizes", np.array(sizes, dtype=np.int64))], names, axis=-1)
    forces = _add_forces(graph, body)
    parts = graph.node("Concat", ["angles", "torques", *forces, "velocity"], axis=-1)
    graph.node("Gather", [parts, graph.constant("order", _target_order(body))], ["values"], axis=-1)
    state = [network.recurrent.num_layers, 1, network.recurrent.hidden_size]
    return graph.write(
        out,
        {"seen": [1, 1, n_seen], "levers": [2 * n_segments, n_points]},
        {"values": [1, 1, len(ALL_TARGETS)]},
        state,
        _card(model, state),
    )


def _normalisation(network: PhysicsNetwork, n_sensors: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and unit of what the network reads: channels by their statistics, tilts and facts as `inputs` has them."""
    tilts, facts = np.full(n_sensors, TILT), ([1.7, 75.0], [0.1, 15.0])
    middle = np.concatenate([network.mean.numpy().ravel(), 0.0 * tilts, facts[0]])
    scale = np.concatenate([network.sd.numpy().ravel(), tilts, facts[1]])
    return middle.astype(np.float32), scale.astype(np.float32)


def _outputs(network: PhysicsNetwork, body: PlanarBody, n_sensors: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset from memory and inputs to angles, torques, forward forces, shares, load and velocity.

    All that is linear in one product: head and direct path, the angles that the tilts give, the mean of the upward
    outputs (what the whole load is made of) beside what each point gets of it.
    """
    n, columns = len(body.coordinates), angle_columns(body)
    points, joints = len(body.contact_segments), len(body.joint_columns)
    first = 3 * n - 1  # after angles and height, speeds, accelerations
    with torch.no_grad():
        raw = torch.cat([network.head.weight, network.direct.weight], 1).double().numpy()
        raw = np.column_stack([raw, network.head.bias.double().numpy()])
        base = angles_from_segments(body, network.sensed, torch.eye(n_sensors, dtype=torch.float64)).numpy()
    torques, forward, upward = np.split(raw[first : first + joints + 2 * points], [joints, joints + points])
    rows = [
        ANGLE * raw[: len(columns)],
        TORQUE * torques,
        FORWARD * forward,
        LOAD * upward,
        upward.mean(0, keepdims=True),
        PELVIS_SPEED * raw[[n - 1 + body.travel]],
    ]
    matrix = np.concatenate(rows).T
    start = network.head.in_features + 3 * n_sensors
    matrix[start : start + n_sensors, : len(columns)] += TILT * base[:, columns]  # inputs are tilts by TILT
    matrix[-1, -2:] += [ONE, USUAL_SPEED]
    return matrix[:-1].astype(np.float32), matrix[-1].astype(np.float32)


def _add_forces(graph: OnnxGraph, body: PlanarBody) -> tuple[str, str]:
    """Fore-aft and vertical force by foot (body weights): a load, shared by the lowest points unless told otherwise."""
    turning = body.turning[angle_columns(body)].numpy()
    angles = graph.node("MatMul", ["angles", graph.constant("turning", turning)])
    directions = graph.node("Concat", [graph.node("Sin", [angles]), graph.node("Cos", [angles])], axis=-1)
    height = graph.node("MatMul", [directions, "levers"])
    parts = graph.node("Softmax", [graph.node("Sub", ["shares", height])], axis=-1)
    of_foot = np.array(
        [[float(body.segments[s] == foot) for foot in FEET.values()] for s in body.contact_segments], np.float32
    )
    feet = graph.constant("feet", of_foot)
    vertical = graph.node("Mul", [graph.node("MatMul", [parts, feet]), graph.node("Softplus", ["load"])])
    return graph.node("MatMul", ["forward", feet]), vertical


def _target_order(body: PlanarBody) -> np.ndarray:
    """Where each of `ALL_TARGETS` is among angles, torques, fore-aft and vertical forces, velocity."""
    sides = tuple(FEET)
    words = [("angle", body.coordinates[c]) for c in angle_columns(body)]
    words += [("moment", body.coordinates[c]) for c in body.joint_columns]
    words += [("ground_reaction", f"ground_force_{axis}_{side}") for axis in "xy" for side in sides]
    words += [("speed", "speed")]
    return np.array([words.index((t.kind, t.coordinate)) for t in ALL_TARGETS], dtype=np.int64)


def _card(model: PhysicsModel, state: list[int]) -> dict[str, Any]:
    network = model.network
    like = torch.zeros(1, 1, len(model.sensors), 3)
    people = {code: torch.tensor([i]) for i, code in enumerate(model.people)}
    with torch.no_grad():
        worn = {"": (network.worn(None, like), network.soles_of(None))}
        worn |= {code: (network.worn(person, like), network.soles_of(person)) for code, person in people.items()}
    return {
        "version": CARD_VERSION,
        "kind": PHYSICS,
        "network": model.config.network,
        "sensors": model.sensors,
        "segments": model.segments,
        "channels": ["specific force x, y, z (m/s2), angular velocity x, y, z (rad/s) of each sensor"],
        "rate": model.rate,
        "targets": [[target.kind, target.coordinate] for target in ALL_TARGETS],
        "state": state,
        "subjects": [],  # nobody's labels were used
        "people": {
            code: {"turns": turns[0].tolist(), "stretches": stretches[0].tolist(), "soles": soles[0].tolist()}
            for code, ((turns, _, stretches), soles) in worn.items()
        },
        "turn_to_plane": model.config.turn_to_plane,
        "near_floor": NEAR_FLOOR,
        "fingerprint": model.fingerprint,
        "signature": model.signature and model.signature.plain(),
    }
