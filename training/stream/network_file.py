"""Network file: an exported network as ONNX Runtime runs it on one thread, and the card that lies in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime

from synth.corpus.schema import CorpusMismatch

CARD = "kinesynth"
"""Key of the JSON among the model's metadata."""
CARD_VERSION = 1
LABELLED, PHYSICS = "labelled", "physics"
"""Kinds of network: taught by labels, and label-free by physics."""


def open_network(path: Path) -> tuple[onnxruntime.InferenceSession, dict[str, Any]]:
    """Open a network of `kinesynth stream`.

    Returns
    -------
    session : InferenceSession
        On one CPU thread.
    card : dict
        With the network's kind as ``"kind"``.

    Raises
    ------
    CorpusMismatch
        The file is none, or of another version.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        card = json.loads(session.get_modelmeta().custom_metadata_map[CARD])
        if card["version"] != CARD_VERSION:
            raise ValueError(f"card of version {card['version']}, this kinesynth reads {CARD_VERSION}")
    except Exception as error:  # noqa: BLE001  (the library has an exception class of its own for every fault)
        raise CorpusMismatch(
            f"{path}: expected a network of `kinesynth stream` (.onnx): {' '.join(str(error).split())[:200]}. "
            "Export it again from its checkpoint (`kinesynth stream CHECKPOINT --export FILE`)."
        ) from None
    return session, {"kind": LABELLED, **card}  # files before there were two kinds are of the first


def network_kind(path: Path) -> str:
    """`LABELLED` or `PHYSICS`."""
    return open_network(path)[1]["kind"]


def refuse_kind(path: Path, card: dict[str, Any], kind: str) -> None:
    """Refuse a network of another kind.

    Raises
    ------
    CorpusMismatch
    """
    if card["kind"] != kind:
        how = {LABELLED: "estimator.Estimator", PHYSICS: "physics_estimator.PhysicsEstimator"}
        raise CorpusMismatch(
            f"{path}: expected a {kind} network, found a {card['kind']} one. Open it with "
            f"`training.stream.{how[card['kind']]}`."
        )
