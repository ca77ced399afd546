"""The known networks, by name; each is imported only when it is built, so that asking for names costs no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from training.config import TrainingConfig

_NETWORKS = {
    "conv1d": "training.networks.convolutional:ConvolutionalNetwork",
    "lstm": "training.networks.recurrent:RecurrentNetwork",
    "temporal": "training.networks.temporal:TemporalNetwork",
    "published_conv1d": "training.networks.published:PublishedConvolution",
    "published_lstm": "training.networks.published:PublishedMemory",
}

_DEFAULTS: dict[str, dict[str, Any]] = {
    # One recurrent layer learns slowly at first and bears a higher rate (development data: docs/training.md).
    "lstm": {"depth": 1, "steps": 500, "learning_rate": 0.01},
    # Width, layers, context of about a stride at 100-200 Hz; chosen on training runners (docs/networks_supervised.md).
    "temporal": {"width": 64, "depth": 5},
    # The released defaults of Rapp et al. 2021 (facts of their repository): width 70, 3 layers, 41 frames at 200 Hz.
    "published_conv1d": {"width": 70, "depth": 3, "kernel_seconds": 0.205, "learning_rate": 1.5e-3},
    "published_lstm": {"width": 70, "depth": 3, "learning_rate": 1.5e-3},
}


def known_networks() -> tuple[str, ...]:
    """Names that `TrainingConfig.network` accepts."""
    return tuple(_NETWORKS)


def network_defaults(name: str) -> dict[str, Any]:
    """Settings in which a network differs from the defaults of `TrainingConfig`, where a configuration is silent."""
    return dict(_DEFAULTS.get(name, {}))


def register_network(name: str, target: str, defaults: Mapping[str, Any] | None = None) -> None:
    """Make another network known.

    Parameters
    ----------
    name : str
        What `TrainingConfig.network` says.
    target : str
        ``"module:Class"``; the class is a ``torch.nn.Module`` built as ``Class(n_inputs, n_outputs, rate, config)``
        that maps (B windows, T frames, n_inputs) to (B, T, n_outputs).
    defaults : mapping, optional
        Settings in which it differs from the defaults of `TrainingConfig`.
    """
    if name in _NETWORKS and _NETWORKS[name] != target:
        raise ValueError(f"the network {name!r} is already {_NETWORKS[name]}; choose another name")
    _NETWORKS[name] = target
    _DEFAULTS[name] = dict(defaults or _DEFAULTS.get(name, {}))


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
