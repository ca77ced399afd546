"""A taught file: an ensemble of perceptrons as arrays, so that a later stage asks it without teaching it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mocap_import.durable_file import durable_place
from synth.corpus.schema import CorpusMismatch
from training.sample.perceptron import Standardised, Taught


def write_taught(path: Path, taught: Taught) -> Path:
    """Write an ensemble of `Standardised` perceptrons (.npz), whole or not at all."""
    arrays = {"target_mean": taught.target_mean, "target_sd": taught.target_sd, "epochs": np.array(taught.epochs)}
    for k, network in enumerate(taught.networks):
        arrays |= {f"{k}/{name}": values.numpy() for name, values in network.state_dict().items()}
    with durable_place(path, ending=".npz") as place:
        np.savez(place, **arrays)
    return path


def read_taught(path: Path) -> Taught:
    """Read what `write_taught` wrote; networks answer bit for bit as before.

    Raises
    ------
    CorpusMismatch
        The file is missing or no such ensemble.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        networks = tuple(_network(arrays, k) for k in range(len(arrays["epochs"])))
        return Taught(networks, arrays["target_mean"], arrays["target_sd"], tuple(arrays["epochs"].tolist()))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise CorpusMismatch(
            f"{path}: expected networks of an earlier stage, {error}. Remove stages.json beside it and run again."
        ) from None


def _network(arrays: dict[str, np.ndarray], k: int) -> Standardised:
    state = {name.partition("/")[2]: torch.as_tensor(v) for name, v in arrays.items() if name.startswith(f"{k}/")}
    layers = [value.shape[0] for name, value in state.items() if name.startswith("layers.") and value.ndim == 2]
    network = Standardised(state["mean"].numpy(), state["sd"].numpy(), layers[:-1], layers[-1])
    network.load_state_dict(state)
    return network.eval()
