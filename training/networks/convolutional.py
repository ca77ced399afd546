"""A convolutional network over time: blocks of convolution, ReLU, batch normalisation and dropout.

The block and its order are those of Rapp, Shin et al. 2021 (J Biomech, doi 10.1016/j.jbiomech.2021.110229);
the head here is linear and has as many outputs as the corpus has labels.
"""

from __future__ import annotations

import torch
from torch import nn

from training.config import TrainingConfig


class ConvolutionalNetwork(nn.Module):
    """Conv1D: every output frame sees `depth` kernels' length of context on both sides.

    Parameters
    ----------
    n_inputs, n_outputs : int
    rate : float
        Frames per second (Hz).
    config : TrainingConfig
        `width`, `depth`, `kernel_seconds` and `dropout` are used.
    """

    def __init__(self, n_inputs: int, n_outputs: int, rate: float, config: TrainingConfig) -> None:
        super().__init__()
        # An odd kernel keeps the output centred on its frame.
        kernel = 2 * max(1, round(config.kernel_seconds * rate / 2)) + 1
        blocks: list[nn.Module] = []
        channels = n_inputs
        for _ in range(config.depth):
            blocks += [
                nn.Conv1d(channels, config.width, kernel, padding="same", padding_mode="zeros"),
                nn.ReLU(),
                nn.BatchNorm1d(config.width),
                nn.Dropout(config.dropout),
            ]
            channels = config.width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (B, T, n_inputs) to (B, T, n_outputs)."""
        return self.head(self.blocks(inputs.transpose(1, 2)).transpose(1, 2))
