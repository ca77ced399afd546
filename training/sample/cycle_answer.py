"""A cycle answer: a convolutional network over one gait cycle that gives a few numbers a cycle, logits or estimates."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from training.networks.cycle import CycleNetwork


class CycleAnswer(nn.Module):
    """Takes raw records (n, n_samples, n_channels): it knows the mean and SD of each entry of who taught it.

    Parameters
    ----------
    mean, sd : ndarray, shape (n_samples, n_channels)
    n_outputs : int
    width : int
        Channels of `training.networks.cycle.CycleNetwork`.
    dropout : float
    """

    def __init__(self, mean: np.ndarray, sd: np.ndarray, n_outputs: int, width: int = 24, dropout: float = 0.1) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("sd", torch.as_tensor(sd, dtype=torch.float32))
        self.cycle = CycleNetwork(mean.shape[1], n_outputs, width, dropout, n_constant=n_outputs)

    def forward(self, records: torch.Tensor) -> torch.Tensor:
        """Answers (n, n_outputs)."""
        return self.cycle((records - self.mean) / self.sd)[:, 0]
