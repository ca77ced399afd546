"""Keypoint file: a taught ensemble on disk, read again without running anything that a file could hide."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from mocap_import.durable_file import durable_place
from training.config import ConfigRefused
from training.keypoint.keypoint_lesson import KeypointEnsemble, Scales
from training.keypoint.keypoint_network import KeypointNetwork

_KIND = "kinesynth keypoint ensemble 1"


def save_keypoint_ensemble(path: Path, ensemble: KeypointEnsemble) -> None:
    """Write an ensemble; an earlier file is replaced when the new one is complete."""
    scales = {name: torch.as_tensor(value) for name, value in asdict(ensemble.scales).items()}
    content = {
        "kind": _KIND,
        "sizes": [n.sizes for n in ensemble.networks],
        "networks": [n.state_dict() for n in ensemble.networks],
        "scales": scales,
        "epochs": list(ensemble.epochs),
    }
    with durable_place(Path(path)) as place:
        torch.save(content, place)


def load_keypoint_ensemble(path: Path) -> KeypointEnsemble:
    """Read what `save_keypoint_ensemble` wrote.

    Raises
    ------
    ConfigRefused
        The file is not there or holds something else.
    """
    try:
        content = torch.load(path, weights_only=True)
    except Exception as problem:  # noqa: BLE001  (torch raises whatever the bytes provoke)
        raise ConfigRefused(f"{path}: expected networks of recipe single-camera, {problem}") from None
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise ConfigRefused(f"{path}: expected networks of recipe single-camera, found something else.")
    networks = []
    for sizes, weights in zip(content["sizes"], content["networks"], strict=True):
        network = KeypointNetwork(**sizes)
        network.load_state_dict(weights)
        networks.append(network.eval())
    scales = Scales(**{name: value.numpy() for name, value in content["scales"].items()})
    return KeypointEnsemble(tuple(networks), scales, tuple(content["epochs"]))
