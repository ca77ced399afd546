"""The known networks, by name; each is imported only when it is built, so that asking for names costs no torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from training.config import TrainingConfig

_NETWORKS = {
    "conv1d": "training.networks.convolutional:ConvolutionalNetwork",
    "lstm": "training.networks.recurrent:RecurrentNetwork",
}


def known_networks() -> tuple[str, ...]:
    """Names that `TrainingConfig.network` accepts."""
    return tuple(_NETWORKS)


def register_network(name: str, target: str) -> None:
    """Make another network known.

    Parameters
    ----------
    name : str
        What `TrainingConfig.network` says.
    target : str
        ``"module:Class"``; the class is a ``torch.nn.Module`` built as ``Class(n_inputs, n_outputs, rate, config)``
        that maps (B windows, T frames, n_inputs) to (B, T, n_outputs).
    """
    if name in _NETWORKS and _NETWORKS[name] != target:
        raise ValueError(f"the network {name!r} is already {_NETWORKS[name]}; choose another name")
    _NETWORKS[name] = target


def build_network(n_inputs: int, n_outputs: int, rate: float, config: TrainingConfig) -> nn.Module:
    """Build the network that a configuration names, with fresh weights.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Channels in and out.
    rate : float
        Frames per second (Hz): turns lengths in seconds into frames.
    config : TrainingConfig

    Returns
    -------
    torch.nn.Module
        Maps (B, T, n_inputs) to (B, T, n_outputs).
    """
    module, _, name = _NETWORKS[config.network].partition(":")
    return getattr(importlib.import_module(module), name)(n_inputs, n_outputs, rate, config)
