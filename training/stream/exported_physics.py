"""Exported label-free network: one frame of the network of `training.physics` as an ONNX graph, with its card.

The graph takes what a `physics_estimator` makes of a frame (all forces forward, all upward, all angular velocities, all
tilts, stature and mass, what these say of the feet, the pace), the levers of the person's feet and the memory. It
returns the targets in inside units, forces and moments as shares of body weight, and the
pelvis's velocity in the place of the speed. It is `training.physics.estimate` for one frame and without what only the
losses need; a test holds the two together.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

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
    n_segments, n_points = len(body.segments), len(body.contact_segments)
    n_seen = network.recurrent.input_size
    graph = OnnxGraph()
    said = graph.lstm(_reading_raw(network), "seen")
    matrix, offset = _outputs(network, body)
    flow = graph.node("MatMul", [graph.node("Concat", [said, "seen"], axis=-1), graph.constant("matrix", matrix)])
    flow = graph.node("Add", [flow, graph.constant("offset", offset)])
    sizes = graph.constant("sizes", np.array([len(ALL_TARGETS), 2 * n_segments, n_points, 1], dtype=np.int64))
    graph.node("Split", [flow, sizes], ["linear", "directions", "shares", "load"], axis=-1)
    graph.node("Add", ["linear", _add_vertical_forces(graph, body)], ["values"])
    state = [network.recurrent.num_layers, 1, network.recurrent.hidden_size]
    card = _card(model, state) | {"order": list(range(len(ALL_TARGETS)))}
    inputs = {"seen": [1, 1, n_seen], "levers": [2 * n_segments, n_points]}
    return graph.write(out, inputs, {"values": [1, 1, len(ALL_TARGETS)]}, state, card)


def _units(network: PhysicsNetwork) -> tuple[np.ndarray, np.ndarray]:
    """Mean and unit of what the network reads, sensor by sensor: channels by statistics, the rest as its `inputs`."""
    tilts = np.full(len(network.sensed), TILT)
    feet = np.zeros(network.recurrent.input_size - 4 * len(tilts) - N_FACTS - 1)
    middle = [network.mean.double().numpy().ravel(), 0.0 * tilts, [1.7, 75.0], feet, [USUAL_SPEED]]
    unit = [network.sd.double().numpy().ravel(), tilts, [0.1, 15.0], 1.0 + feet, [PELVIS_SPEED]]
    return np.concatenate(middle), np.concatenate(unit)


def _frame_order(network: PhysicsNetwork) -> np.ndarray:
    """Where each thing that the estimator gives is among the network's inputs, which go sensor by sensor."""
    n = len(network.sensed)
    return np.concatenate([np.arange(3 * n).reshape(n, 3).T.ravel(), np.arange(3 * n, network.recurrent.input_size)])


def _segment_turning(network: PhysicsNetwork, body: PlanarBody) -> np.ndarray:
    """Angle of every segment per tilt of every sensor (n_sensors, n_segments), as `foot_motion` has it."""
    tilts = torch.eye(len(network.sensed), dtype=torch.float64)
    return (angles_from_segments(body, network.sensed, tilts) @ body.turning.double()).numpy()


def _reading_raw(network: PhysicsNetwork) -> nn.LSTM:
    """The recurrent layers for readings that nobody has normalised."""
    memory = copy.deepcopy(network.recurrent)
    middle, unit = (torch.from_numpy(values) for values in _units(network))
    with torch.no_grad():
        weight = memory.weight_ih_l0.double() / unit
        memory.bias_ih_l0.copy_(memory.bias_ih_l0.double() - weight @ middle)
        memory.weight_ih_l0.copy_(weight[:, _frame_order(network)])
    return memory


def _outputs(network: PhysicsNetwork, body: PlanarBody) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset from memory and raw readings to all that is linear, in its units.

    First the targets in their order (angles, moments, fore-aft forces, velocity; vertical forces, which are not linear,
    are 0); then the segments' angles, for their sines, and the same with a quarter turn, for their cosines; what each
    contact point gets of the load, and the load.
    """
    n, columns = len(body.coordinates), angle_columns(body)
    points, joints = len(body.contact_segments), body.joint_columns
    first = 3 * n - 1  # after angles and height, speeds, accelerations
    with torch.no_grad():
        raw = torch.cat([network.head.weight, network.direct.weight], 1).double().numpy()
        raw = np.column_stack([raw, network.head.bias.double().numpy()])
        base = angles_from_segments(body, network.sensed, torch.eye(len(network.sensed), dtype=torch.float64)).numpy()
    angles, n_said = ANGLE * raw[: len(columns)], network.head.in_features
    tilts = slice(n_said + 3 * len(network.sensed), n_said + 4 * len(network.sensed))
    angles[:, tilts] += TILT * base[:, columns].T  # what is read of tilts is tilts by TILT
    torques, forward, upward = np.split(
        raw[first : first + len(joints) + 2 * points], [len(joints), len(joints) + points]
    )
    segments = body.turning[columns].double().numpy().T @ angles
    quarter = segments.copy()
    quarter[:, -1] += np.pi / 2.0
    velocity, load = PELVIS_SPEED * raw[[n - 1 + body.travel]], upward.mean(0, keepdims=True)
    velocity[0, -1] += USUAL_SPEED
    velocity[0, -2] += PELVIS_SPEED  # the pelvis begins at the pace, the last that is read
    load[0, -1] += ONE
    of_foot = _of_foot(body)
    names = [("angle", body.coordinates[c]) for c in columns] + [("moment", body.coordinates[c]) for c in joints]
    names += [("ground_reaction", f"ground_force_x_{side}") for side in FEET] + [("speed", "speed")]
    linear = [angles, TORQUE * torques, FORWARD * (of_foot.T @ forward), velocity]
    found = dict(zip(names, np.concatenate(linear), strict=True))
    targets = np.array([found.get((t.kind, t.coordinate), np.zeros(raw.shape[1])) for t in ALL_TARGETS])
    rows = [targets, segments, quarter, LOAD * upward, load]
    matrix, (middle, unit) = np.concatenate(rows).T, _units(network)
    matrix[n_said:-1] /= unit[:, None]
    offset = matrix[-1] - middle @ matrix[n_said:-1]
    matrix[n_said:-1] = matrix[n_said:-1][_frame_order(network)]
    return matrix[:-1].astype(np.float32), offset.astype(np.float32)


def _add_vertical_forces(graph: OnnxGraph, body: PlanarBody) -> str:
    """Vertical forces (body weights) among the targets, else 0: a load, shared by the lowest points unless told."""
    height = graph.node("MatMul", [graph.node("Sin", ["directions"]), "levers"])
    parts = graph.node("Softmax", [graph.node("Sub", ["shares", height])], axis=-1)
    upward = [("ground_reaction", f"ground_force_y_{side}") for side in FEET]
    onto = np.array([[(t.kind, t.coordinate) == foot for t in ALL_TARGETS] for foot in upward], dtype=float)
    by_foot = graph.node("MatMul", [parts, graph.constant("feet", (_of_foot(body) @ onto).astype(np.float32))])
    return graph.node("Mul", [by_foot, graph.node("Softplus", ["load"])])


def _of_foot(body: PlanarBody) -> np.ndarray:
    """Which contact points are of which foot, (n_points, 2)."""
    return np.array([[float(body.segments[s] == foot) for foot in FEET.values()] for s in body.contact_segments])


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
            | {"build": model.build_of(code) if model.builds else None}
            for code, ((turns, _, stretches), soles) in worn.items()
        },
        "turn_to_plane": model.config.turn_to_plane,
        "near_floor": NEAR_FLOOR,
        "turning": _segment_turning(network, body_of(ANYBODY)).tolist(),
        "usual_speed": USUAL_SPEED,
        "has_feet": bool(set(FEET.values()) & set(model.segments)),
        "fingerprint": model.fingerprint,
        "signature": model.signature and model.signature.plain(),
    }
