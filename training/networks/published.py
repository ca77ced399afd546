"""The networks of Rapp, Shin et al. 2021 (J Biomech, doi 10.1016/j.jbiomech.2021.110229), with their own heads.

Conv1D: blocks of convolution, ReLU, batch normalisation and dropout, a linear layer of 20 with a sigmoid, a linear
layer to the outputs. LSTM and BiLSTM: recurrent layers with dropout between them, one linear layer. The norms of force
and angular velocity, which the released code gives as channels of their own, are not given: they follow from the rest.
"""

from __future__ import annotations

import torch
from torch import nn

from training.config import TrainingConfig
from training.networks.convolutional import ConvolutionalNetwork

NARROW = 20
"""Units of the sigmoid layer before the outputs."""


class PublishedConvolution(ConvolutionalNetwork):
    """Conv1D as published.

    Parameters
    ----------
    n_inputs, n_outputs : int
    rate : float
        Frames per second (Hz).
    config : TrainingConfig
        `width`, `depth`, `kernel_seconds` and `dropout` are used.
    """

    def __init__(self, n_inputs: int, n_outputs: int, rate: float, config: TrainingConfig) -> None:
        super().__init__(n_inputs, n_outputs, rate, config)
        self.head = nn.Sequential(nn.Linear(config.width, NARROW), nn.Sigmoid(), nn.Linear(NARROW, n_outputs))


class PublishedMemory(nn.Module):
    """LSTM, or BiLSTM if `bidirectional`, as published.

    Parameters
    ----------
    n_inputs, n_outputs : int
    rate : float
        Not used: the memory has no length in seconds.
    config : TrainingConfig
        `width`, `depth`, `bidirectional` and `dropout` are used.
    """

    def __init__(self, n_inputs: int, n_outputs: int, rate: float, config: TrainingConfig) -> None:
        super().__init__()
        between = config.dropout if config.depth > 1 else 0.0
        shape = {"num_layers": config.depth, "bidirectional": config.bidirectional, "dropout": between}
        self.memory = nn.LSTM(n_inputs, config.width, batch_first=True, **shape)
        self.head = nn.Linear(config.width * (2 if config.bidirectional else 1), n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (B, T, n_inputs) to (B, T, n_outputs)."""
        return self.head(self.memory(inputs)[0])
