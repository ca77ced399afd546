"""A recurrent network over time: long short-term memory, one or both directions, and a linear head.

After Rapp, Shin et al. 2021 (LSTM and BiLSTM with one linear layer).
"""

from __future__ import annotations

import torch
from torch import nn

from training.config import TrainingConfig


class RecurrentNetwork(nn.Module):
    """LSTM: causal unless `bidirectional`.

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
        self.memory = nn.LSTM(
            n_inputs,
            config.width,
            num_layers=config.depth,
            batch_first=True,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.depth > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width * (2 if config.bidirectional else 1), n_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (B, T, n_inputs) to (B, T, n_outputs)."""
        return self.head(self.dropout(self.memory(inputs)[0]))
