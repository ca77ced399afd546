"""A convolutional network over one periodic cycle: dilated convolutions that close on themselves.

The field's network of this kind (Dorschky et al. 2020, Front Bioeng Biotechnol 8:604) sees a time-normalised cycle as a
whole; its sizes could not be verified, and these are our own. Dilations 1 to 16 let every sample see the whole cycle.
"""

from __future__ import annotations

import torch
from torch import nn

DILATIONS = (1, 2, 4, 8, 16)
KERNEL = 5


class CycleNetwork(nn.Module):
    """Map cycles (B, 100, n_inputs) to (B, 100, n_outputs); the last output column is one number a cycle (its mean).

    Parameters
    ----------
    n_inputs, n_outputs : int
    width : int
        Channels.
    dropout : float
    n_constant : int
        Last outputs that do not change over a cycle (speed).
    """

    def __init__(self, n_inputs: int, n_outputs: int, width: int, dropout: float, n_constant: int = 0) -> None:
        super().__init__()
        self.n_constant = n_constant
        self.first = nn.Conv1d(n_inputs, width, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, KERNEL, padding=d * (KERNEL // 2), dilation=d, padding_mode="circular"),
                nn.BatchNorm1d(width),
                nn.ReLU(),
                nn.Dropout(dropout),
            )
            for d in DILATIONS
        )
        self.head = nn.Conv1d(width, n_outputs, 1)

    def forward(self, cycles: torch.Tensor) -> torch.Tensor:
        """See the class."""
        hidden = self.first(cycles.transpose(1, 2))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        outputs = self.head(hidden)
        if self.n_constant:
            constant = outputs[:, -self.n_constant :].mean(dim=2, keepdim=True).expand(-1, -1, outputs.shape[2])
            outputs = torch.cat([outputs[:, : -self.n_constant], constant], dim=1)
        return outputs.transpose(1, 2)
