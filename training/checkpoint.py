"""A checkpoint: a trained network with everything needed to use it again, in one file without pickle.

The file is safetensors: weights and normalisation as tensors, all the rest as JSON in its header.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import save as encode_tensors
from torch import nn

from training.config import TrainingConfig, resolve_config
from training.input_check import WearingSignature
from training.networks.registry import build_network
from training.normalisation import Normalisation
from training.stored_card import FORMAT_VERSION, read_card
from training.target import Target


@dataclass(frozen=True)
class Checkpoint:
    """A network and its circumstances.

    Attributes
    ----------
    network : torch.nn.Module
        Maps normalised channels (B, T, C) to normalised targets (B, T, n_targets).
    config : TrainingConfig
        Fully resolved.
    normalisation : Normalisation
    sensors : tuple of str
        Order of the channels, six a sensor.
    targets : tuple of Target
    rate : float
        Frames per second (Hz) of the corpus it was trained on.
    subjects : tuple of str
        The training subjects: whoever is in here must not be tested on.
    n_labelled_trials, n_labelled_frames : int
        What the training used up in labels.
    n_steps : int
        Optimiser steps done; fewer than `config.steps` if the training was stopped.
    seconds : float
        Training time (s, wall).
    fingerprint : str
        Identifies the corpus and configuration it came from.
    signature : WearingSignature or None
        How the sensors of the training were worn: tells exchanged ones; None of few trials or an older file.
    about : mapping
        What its model card says beyond all this, as JSON can hold it (`training.model_card`): the corpus, the people,
        errors on held-out people, licence; empty in an older file.
    """

    network: nn.Module
    config: TrainingConfig
    normalisation: Normalisation
    sensors: tuple[str, ...]
    targets: tuple[Target, ...]
    rate: float
    subjects: tuple[str, ...]
    n_labelled_trials: int
    n_labelled_frames: int
    n_steps: int
    seconds: float
    fingerprint: str = ""
    signature: WearingSignature | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        """Whether all steps of the configuration were done."""
        return self.n_steps >= self.config.steps


_FACTS = ("rate", "subjects", "sensors", "n_labelled_trials", "n_labelled_frames", "n_steps", "seconds", "fingerprint")
_STATISTICS = ("input_mean", "input_sd", "target_mean", "target_sd")


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an interrupted write leaves an earlier file intact."""
    tensors = {f"network.{key}": value.contiguous() for key, value in checkpoint.network.state_dict().items()}
    for key in _STATISTICS:
        tensors[f"normalisation.{key}"] = torch.from_numpy(getattr(checkpoint.normalisation, key))
    card = {key: getattr(checkpoint, key) for key in _FACTS} | {
        "format_version": FORMAT_VERSION,
        "config": checkpoint.config.model_dump(mode="json"),
        "targets": [[target.kind, target.coordinate] for target in checkpoint.targets],
        "signature": None if checkpoint.signature is None else checkpoint.signature.plain(),
        "about": dict(checkpoint.about),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    data = encode_tensors(tensors, metadata={"kinesynth": json.dumps(card, sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; the network comes back in evaluation mode, bit for bit as it was saved.

    Raises
    ------
    CorpusMismatch
        If the file is no checkpoint of this version.
    """
    card = read_card(path)
    with safetensors.safe_open(str(path), framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
    config = resolve_config(card["config"], where=str(path))
    targets = tuple(Target(kind, coordinate) for kind, coordinate in card["targets"])
    normalisation = Normalisation(*(tensors.pop(f"normalisation.{key}").numpy() for key in _STATISTICS))
    with torch.random.fork_rng():  # building draws weights, which are replaced: the caller's random state stays
        network = build_network(len(normalisation.input_mean), len(targets), card["rate"], config)
    network.load_state_dict({key.removeprefix("network."): value for key, value in tensors.items()})
    network.eval()
    facts = {key: tuple(card[key]) if isinstance(card[key], list) else card[key] for key in _FACTS}
    signature = card.get("signature")  # none in older files
    facts["signature"] = signature and WearingSignature.from_plain(signature)
    facts["about"] = card.get("about", {})
    return Checkpoint(network=network, config=config, normalisation=normalisation, targets=targets, **facts)
