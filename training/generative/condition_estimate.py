"""Estimate of a condition (age, speed) from a sample: an ensemble of networks, each taught by its own people."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from training.generative.autoencoder import dense_layers
from training.sample.ensemble import Ensemble, drawn_people, rows_of
from training.sample.fit import FitSettings, fit, seeded

HIDDEN = (64, 32)
SETTINGS = FitSettings(epochs=200, batch=64, learning_rate=1e-3, weight_decay=0.01, patience=15)


def condition_ensemble(
    teaching: tuple[np.ndarray, np.ndarray],
    people: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    *,
    n_members: int,
    seed: int,
    settings: FitSettings = SETTINGS,
) -> Ensemble:
    """Teach an ensemble.

    Parameters
    ----------
    teaching, validation : (ndarray, ndarray)
        Standardised samples (n, d) and conditions (n,), of different people.
    people : ndarray of str, shape (n,)
        Of the samples that teach; each member learns from as many people, drawn with replacement.
    n_members, seed : int
    settings : FitSettings

    Returns
    -------
    Ensemble
        Samples (n, d) → standardised conditions (n,).
    """
    members = []
    codes = people.tolist()
    held = {"x": validation[0], "y": validation[1]}
    for k, drawn in enumerate(drawn_people(codes, n_members, seed)):
        rows = rows_of(codes, drawn.tolist())
        network = seeded(lambda: dense_layers([teaching[0].shape[1], *HIDDEN, 1]), seed + k)
        fit(
            network,
            _squared,
            {"x": teaching[0][rows], "y": teaching[1][rows]},
            settings,
            seed=seed + k,
            validation=held,
        )
        members.append(lambda x, network=network: _answer(network, x))
    return Ensemble(tuple(members))


def _answer(network: nn.Module, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.as_tensor(inputs, dtype=torch.float32))[:, 0].numpy()


def _squared(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return ((network(batch["x"])[:, 0] - batch["y"]) ** 2).mean()
