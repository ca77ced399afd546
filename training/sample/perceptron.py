"""Perceptrons on samples in memory: ensembles that estimate numbers or tell classes, standardised by who teaches.

Each member starts from its own weights and is taught by its own draw of people, one sample a person.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from training.sample.ensemble import Ensemble, member_rows
from training.sample.fit import FitSettings, fit, seeded

Build = Callable[[np.ndarray, np.ndarray, int], nn.Module]
"""Mean and SD of the inputs who teach, number of answers → a network of raw inputs."""


@dataclass(frozen=True)
class Taught:
    """An ensemble of perceptrons, or of other networks of raw inputs.

    Attributes
    ----------
    networks : tuple of Module
        Raw inputs (n, ...) → standardised estimates, or logits of classes (n, n_outputs).
    target_mean, target_sd : ndarray, shape (n_targets,)
        Back from standardised estimates; empty for classes.
    epochs : tuple of int
        Epoch of each member, chosen by the people who validate.
    """

    networks: tuple[nn.Module, ...]
    target_mean: np.ndarray
    target_sd: np.ndarray
    epochs: tuple[int, ...]

    def estimates(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and SD over members of what is estimated, in the targets' own unit."""
        members = [lambda x, n=n: _answer(n, x) * self.target_sd + self.target_mean for n in self.networks]
        return Ensemble(tuple(members)).estimate(inputs)

    def probabilities(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and SD over members of the probability of each class."""
        members = [lambda x, n=n: _softmax(_answer(n, x)) for n in self.networks]
        return Ensemble(tuple(members)).estimate(inputs)


class Standardised(nn.Module):
    """A perceptron that takes raw inputs: it knows the mean and SD of who taught it, and has a linear way around."""

    def __init__(self, mean: np.ndarray, sd: np.ndarray, widths: Sequence[int], n_outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("sd", torch.as_tensor(sd, dtype=torch.float32))
        sizes, layers = [len(mean), *widths], []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], n_outputs))
        self.straight = nn.Linear(len(mean), n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Estimates (n, n_outputs) of raw inputs (n, n_inputs)."""
        known = (inputs - self.mean) / self.sd
        return self.layers(known) + self.straight(known)


def teach_estimates(
    inputs: np.ndarray,
    targets: np.ndarray,
    held: tuple[np.ndarray, np.ndarray],
    settings: FitSettings,
    *,
    widths: Sequence[int] = (128, 128),
    n_members: int = 3,
    seed: int = 0,
    build: Build | None = None,
    people: Sequence[str] | None = None,
) -> Taught:
    """Teach an ensemble to estimate numbers by their squared standardised error.

    Parameters
    ----------
    inputs : ndarray, shape (n, n_inputs)
    targets : ndarray, shape (n, n_targets)
    held : (ndarray, ndarray)
        Inputs and targets of the people who choose the epoch.
    settings : FitSettings
    widths : sequence of int
        Of the hidden layers.
    n_members, seed : int
    build : callable, optional
        Makes another network than a `Standardised` of these widths.
    people : sequence of str, optional
        Whose each sample is: a member is taught by its own draw of them. None: one sample a person.
    """
    mean, sd = targets.mean(axis=0), targets.std(axis=0) + 1e-12
    held = (held[0], (held[1] - mean) / sd)

    def loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return ((network(batch["inputs"]) - batch["targets"]) ** 2).mean()

    made = build or _perceptron(widths)
    drawn = member_rows(len(inputs), n_members, seed, people)
    networks, epochs = _members(inputs, (targets - mean) / sd, held, loss, settings, made, drawn, seed)
    return Taught(networks, mean, sd, epochs)


def teach_classes(
    inputs: np.ndarray,
    classes: np.ndarray,
    held: tuple[np.ndarray, np.ndarray],
    settings: FitSettings,
    *,
    is_balanced: bool = True,
    widths: Sequence[int] = (128, 64),
    n_members: int = 3,
    seed: int = 0,
    build: Build | None = None,
    people: Sequence[str] | None = None,
) -> Taught:
    """Teach an ensemble to tell classes by their cross-entropy; arguments as `teach_estimates`.

    With `is_balanced`, every class weighs the same however few people it has; stated probabilities are then those of
    equal prevalence.

    Raises
    ------
    ValueError
        A class has nobody among those who teach.
    """
    counts = np.bincount(classes)
    if (counts == 0).any():
        raise ValueError(f"classes: expected somebody of each to teach, found {counts.tolist()}; add people.")
    weight = len(classes) / (len(counts) * counts) if is_balanced else np.ones(len(counts))
    weights = torch.as_tensor(weight, dtype=torch.float32)

    def loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        each = nn.functional.cross_entropy(network(batch["inputs"]), batch["targets"], reduction="none")
        return (each * weights[batch["targets"]]).mean()

    made = build or _perceptron(widths)
    drawn = member_rows(len(inputs), n_members, seed, people)
    networks, epochs = _members(inputs, classes.astype(np.int64), held, loss, settings, made, drawn, seed)
    return Taught(networks, np.zeros(0), np.zeros(0), epochs)


def untaught(taught: Taught, seed: int) -> nn.Module:
    """The first network with weights drawn anew: what an explanation says of a network that knows nothing."""

    def drawn_anew() -> nn.Module:
        network = copy.deepcopy(taught.networks[0])
        for layer in network.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        return network.eval()

    return seeded(drawn_anew, seed)


def _perceptron(widths: Sequence[int]) -> Build:
    return lambda mean, sd, n_outputs: Standardised(mean, sd, widths, n_outputs)


def contrast(networks: Sequence[nn.Module], of: int, against: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The mean over members of one logit less another, one number a sample: what explanations explain."""

    def answer(inputs: torch.Tensor) -> torch.Tensor:
        logits = torch.stack([network(inputs) for network in networks]).mean(dim=0)
        return logits[:, of] - logits[:, against]

    return answer


def mean_estimate(networks: Sequence[nn.Module]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The mean over members of their first standardised estimate, one number a sample."""
    return lambda inputs: torch.stack([network(inputs)[:, 0] for network in networks]).mean(dim=0)


def _members(
    inputs: np.ndarray,
    targets: np.ndarray,
    held: tuple,
    loss: object,
    settings: FitSettings,
    build: Build,
    drawn: Sequence[np.ndarray],
    seed: int,
) -> tuple[tuple[nn.Module, ...], tuple[int, ...]]:
    mean, sd = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    n_outputs = int(targets.max()) + 1 if targets.ndim == 1 else targets.shape[1]
    fits = []
    for k, rows in enumerate(drawn):
        network = seeded(lambda: build(mean, sd, n_outputs), seed + k)
        teaching = {"inputs": inputs[rows], "targets": targets[rows]}
        validation = {"inputs": held[0], "targets": held[1]}
        fits.append(fit(network, loss, teaching, settings, seed=seed + k, validation=validation))
    return tuple(f.network for f in fits), tuple(f.epoch for f in fits)


def _answer(network: nn.Module, inputs: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.as_tensor(np.ascontiguousarray(inputs), dtype=torch.float32)).numpy().astype(float)


def _softmax(logits: np.ndarray) -> np.ndarray:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)
