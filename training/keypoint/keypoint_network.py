"""Keypoint network: a temporal convolutional network from a clip of keypoints to everything that is asked of it.

Dilated convolutions with residual paths over 2.4 s of keypoints; waveforms are read off every instant, all else from
the mean and the largest of the features over the instants at which anything was found.
"""

from __future__ import annotations

import torch
from torch import nn

DILATIONS = (1, 2, 4, 8, 16)
_KERNEL = 5


class KeypointNetwork(nn.Module):
    """Clips to waveforms, scalars and kinds.

    Parameters
    ----------
    n_channels : int
        Of the input; its last third says what was found.
    n_waves, n_scalars, n_kinds : int
        Of the outputs.
    width : int
        Features.
    dropout : float
    """

    def __init__(
        self, n_channels: int, n_waves: int, n_scalars: int, n_kinds: int, width: int = 48, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.sizes = {
            "n_channels": n_channels,
            "n_waves": n_waves,
            "n_scalars": n_scalars,
            "n_kinds": n_kinds,
            "width": width,
            "dropout": dropout,
        }
        self.n_found = n_channels // 3
        self.enter = nn.Conv1d(n_channels, width, 1)
        self.blocks = nn.ModuleList(_Block(width, d, dropout) for d in DILATIONS)
        self.waves = nn.Conv1d(width, n_waves, 1)
        self.scalars = nn.Sequential(nn.Linear(2 * width, 64), nn.GELU(), nn.Linear(64, n_scalars))
        self.kinds = nn.Sequential(nn.Linear(2 * width, 64), nn.GELU(), nn.Linear(64, n_kinds))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Estimate everything.

        Parameters
        ----------
        inputs : Tensor, shape (n, n_frames, n_channels)

        Returns
        -------
        waves : Tensor, shape (n, n_frames, n_waves)
        scalars : Tensor, shape (n, n_scalars)
        kinds : Tensor, shape (n, n_kinds)
            Logits.
        """
        features = self.enter(inputs.transpose(1, 2))
        for block in self.blocks:
            features = block(features)
        seen = (inputs[:, :, -self.n_found :].sum(dim=2) > 0).to(features.dtype)[:, None]
        mean = (features * seen).sum(dim=2) / seen.sum(dim=2).clamp(min=1.0)
        largest = (features * seen - 1e4 * (1.0 - seen)).amax(dim=2).clamp(min=-1e3)
        pooled = torch.cat([mean, largest], dim=1)
        return self.waves(features).transpose(1, 2), self.scalars(pooled), self.kinds(pooled)


class _Block(nn.Module):
    """A dilated convolution, a mixing of features, and the way around them."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv1d(width, width, _KERNEL, padding=dilation * (_KERNEL // 2), dilation=dilation),
            nn.BatchNorm1d(width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features (n, width, n_frames), changed."""
        return features + self.inner(features)
