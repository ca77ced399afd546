"""The state of a training between two steps: with it a killed training goes on and ends with the same weights.

One safetensors file beside the checkpoint: weights, moments of the optimiser and the state of torch's generator as
tensors, all the rest (step, schedule, NumPy's generator where there is one) as JSON in its header. No pickle. Windows
and sensor errors of labelled data come from the seed and the number of the step, so they need no generator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import save as encode_tensors
from torch import nn

from mocap_import.durable_file import write_durably
from synth.corpus.schema import CorpusMismatch
from training.config import TrainingConfig
from training.training_set import TrainingSet

FORMAT_VERSION = 2
ENDING = ".state"
"""Of the file's name, which is the checkpoint's otherwise."""

_SCHEDULED = ("lr", "betas", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")
"""What a schedule may write into the optimiser's groups."""


@dataclass
class Learner:
    """What changes from step to step, in the hands of the loop.

    Attributes
    ----------
    network : torch.nn.Module
    optimiser : torch.optim.Optimizer
    schedule : torch.optim.lr_scheduler.LRScheduler
    estimate : callable
        Windows → outputs: the network itself, or what passes its gradients on to other processes.
    rng : numpy.random.Generator or None
        Draws windows where their draws do not follow from the number of the step.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    estimate: Callable[[torch.Tensor], torch.Tensor] | None = None
    rng: np.random.Generator | None = None

    def __post_init__(self) -> None:
        self.estimate = self.estimate or self.network


@dataclass(frozen=True)
class TrainingState:
    """A learner after a whole step.

    Attributes
    ----------
    tensors : dict of str to Tensor
    card : dict
        Plain data: ``step``, ``seconds`` (s, wall, of all sittings), ``mark`` and schedule.
    """

    tensors: dict[str, torch.Tensor]
    card: dict[str, Any]

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.card["step"])

    @property
    def seconds(self) -> float:
        """Training time so far (s, wall)."""
        return float(self.card["seconds"])

    @property
    def mark(self) -> str:
        """Identity of the training, `training_mark`."""
        return str(self.card["mark"])


def state_path(checkpoint: Path) -> Path:
    """Where the state of the training lies that will end in a checkpoint."""
    return checkpoint.with_name(checkpoint.name + ENDING)


def training_mark(data: TrainingSet, config: TrainingConfig) -> str:
    """SHA-256 of all that decides the weights: data, configuration, versions of torch and NumPy."""
    facts = [config.model_dump(mode="json"), data.sensors, [(t.kind, t.coordinate) for t in data.targets], data.rate]
    facts += [data.digest, [record.is_mirrored for record in data.records], torch.__version__, np.__version__]
    return hashlib.sha256(json.dumps([FORMAT_VERSION, *facts]).encode()).hexdigest()


def capture_state(learner: Learner, step: int, seconds: float, mark: str) -> TrainingState:
    """Take the state of a learner between two steps; later steps change nothing in it once it is saved."""
    tensors = {f"network.{key}": value for key, value in learner.network.state_dict().items()}
    optimiser = learner.optimiser.state_dict()
    for parameter, moments in optimiser["state"].items():
        tensors |= {f"optimiser.{parameter}.{key}": torch.as_tensor(value) for key, value in moments.items()}
    tensors["generator.cpu"] = torch.get_rng_state()
    device = next(learner.network.parameters()).device
    if device.type == "cuda":
        tensors["generator.cuda"] = torch.cuda.get_rng_state(device)
    card = {
        "format_version": FORMAT_VERSION,
        "step": step,
        "seconds": seconds,
        "mark": mark,
        "schedule": {k: v for k, v in learner.schedule.state_dict().items() if isinstance(v, int | float | list)},
        "groups": [{key: group[key] for key in _SCHEDULED if key in group} for group in optimiser["param_groups"]],
        "generator": None if learner.rng is None else learner.rng.bit_generator.state,
    }
    return TrainingState({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, card)


def restore_state(learner: Learner, state: TrainingState) -> None:
    """Bring a fresh learner of the same training, and torch's generators, to where the state was taken."""
    parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "optimiser": {}, "generator": {}}
    for key, value in state.tensors.items():
        part, _, name = key.partition(".")
        parts[part][name] = value
    learner.network.load_state_dict(parts["network"])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in parts["optimiser"].items():
        parameter, _, name = key.partition(".")
        moments.setdefault(int(parameter), {})[name] = value
    groups = learner.optimiser.state_dict()["param_groups"]
    for group, scheduled in zip(groups, state.card["groups"], strict=True):
        group |= {key: tuple(value) if isinstance(value, list) else value for key, value in scheduled.items()}
    learner.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    learner.schedule.load_state_dict(state.card["schedule"])
    if learner.rng is not None:
        learner.rng.bit_generator.state = state.card["generator"]
    torch.set_rng_state(parts["generator"]["cpu"])
    if "cuda" in parts["generator"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(parts["generator"]["cuda"], next(learner.network.parameters()).device)


def save_state(path: Path, state: TrainingState) -> None:
    """Write a state durably; a process killed while it writes leaves the earlier state.

    Raises
    ------
    OSError
        The disk is full or the folder read-only; the earlier state is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, encode_tensors(state.tensors, metadata={"kinesynth": json.dumps(state.card)}))


def load_state(path: Path) -> TrainingState:
    """Read a state.

    Raises
    ------
    CorpusMismatch
        If the file is no state of this version.
    """
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            card = json.loads((file.metadata() or {})["kinesynth"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
        found = card["format_version"]
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise CorpusMismatch(
            f"{path}: expected the state of a stopped training, {error}. Delete it to train from the beginning."
        ) from None
    if found != FORMAT_VERSION:
        raise CorpusMismatch(
            f"{path}: expected a training state of version {FORMAT_VERSION}, found {found}. "
            "Use the version of kinesynth that wrote it, or delete it to train from the beginning."
        )
    return TrainingState(tensors, card)


def earlier_state(checkpoint: Path | None, mark: str) -> TrainingState | None:
    """The state that a stopped training of the same mark left beside its checkpoint.

    A state of another training, or a damaged one, is none: training starts from the beginning and replaces it.
    """
    if checkpoint is None or not state_path(checkpoint).is_file():
        return None
    try:
        state = load_state(state_path(checkpoint))
    except CorpusMismatch:
        return None
    return state if state.mark == mark else None
