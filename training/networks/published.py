"""The networks of Rapp, Shin et al. 2021 (J Biomech, doi 10.1016/j.jbiomech.2021.110229), with their own heads.

Conv1D: blocks of convolution, ReLU, batch normalisation and dropout, a linear layer of 20 with a sigmoid, a linear
layer to the outputs. LSTM and BiLSTM: recurrent layers with dropout between them, one linear layer. The norms of force
and angular velocity, which the released code gives as channels of their own, are not given: they follow from the rest.
"""

from __future__ import annotations

from torch import nn

from training.config import TrainingConfig
from training.networks.convolutional import ConvolutionalNetwork
from training.networks.recurrent import RecurrentNetwork

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


class PublishedMemory(RecurrentNetwork):
    """LSTM, or BiLSTM if `bidirectional`, as published: no dropout before the linear layer.

    Parameters
    ----------
    n_inputs, n_outputs, rate, config
        See `RecurrentNetwork`.
    """

    def __init__(self, n_inputs: int, n_outputs: int, rate: float, config: TrainingConfig) -> None:
        super().__init__(n_inputs, n_outputs, rate, config)
        self.dropout = nn.Identity()
