"""Keypoint network: a temporal convolutional network from a clip of keypoints to everything that is asked of it.

Dilated convolutions with residual paths over pairs of instants of up to 6 s of keypoints; waveforms are read off every
instant. All else comes from the mean, the largest and the spread of the features over the instants at which anything
was found, and from the clip's summary (`synth.camera.keypoint_summary`). Each kind of impairment has a severity of its
own, read by a head of its own; what is said is their mean by the probabilities of the kinds.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

DILATIONS = (1, 2, 4, 8, 16)
_KERNEL, _PAIR = 5, 2
_HIDDEN = 64


class Answer(NamedTuple):
    """What a network says of clips.

    Attributes
    ----------
    waves : Tensor, shape (n, n_frames, n_waves)
    scalars : Tensor, shape (n, n_scalars)
    kinds : Tensor, shape (n, n_kinds)
        Logits; the first kind is that nothing is wrong.
    severities : Tensor, shape (n, n_kinds)
        If it were that kind, 0 to 1; 0 of the first.
    """

    waves: torch.Tensor
    scalars: torch.Tensor
    kinds: torch.Tensor
    severities: torch.Tensor

    @property
    def severity(self) -> torch.Tensor:
        """Mean severity (n,) by the probabilities of the kinds."""
        return (torch.softmax(self.kinds, dim=1) * self.severities).sum(dim=1)


class KeypointNetwork(nn.Module):
    """Clips to waveforms, scalars, kinds and their severities.

    Parameters
    ----------
    n_channels : int
        Of the input; its last third says what was found.
    n_summary : int
        Numbers of a clip's summary.
    n_waves, n_scalars, n_kinds : int
        Of the outputs.
    width : int
        Features.
    dropout : float
    """

    def __init__(
        self,
        n_channels: int,
        n_summary: int,
        n_waves: int,
        n_scalars: int,
        n_kinds: int,
        width: int = 48,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.sizes = {
            "n_channels": n_channels,
            "n_summary": n_summary,
            "n_waves": n_waves,
            "n_scalars": n_scalars,
            "n_kinds": n_kinds,
            "width": width,
            "dropout": dropout,
        }
        self.n_found = n_channels // 3
        self.enter = nn.Conv1d(n_channels, width, 2 * _PAIR, stride=_PAIR, padding=_PAIR // 2)
        self.blocks = nn.ModuleList(_Block(width, d, dropout) for d in DILATIONS)
        self.waves = nn.Conv1d(width, _PAIR * n_waves, 1)
        self.summary = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_summary, _HIDDEN), nn.GELU())
        pooled = 3 * width + _HIDDEN
        self.scalars, self.kinds, self.severities = (
            nn.Sequential(nn.Dropout(dropout), nn.Linear(pooled, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, count))
            for count in (n_scalars, n_kinds, n_kinds - 1)
        )

    def forward(self, inputs: torch.Tensor, summary: torch.Tensor) -> Answer:
        """Estimate everything.

        Parameters
        ----------
        inputs : Tensor, shape (n, n_frames, n_channels)
            An even number of frames.
        summary : Tensor, shape (n, n_summary)
        """
        features = self.enter(inputs.transpose(1, 2))
        for block in self.blocks:
            features = block(features)
        found = inputs[:, :, -self.n_found :].sum(dim=2) > 0
        seen = found.unflatten(1, (-1, _PAIR)).any(dim=2).to(features.dtype)[:, None]
        count = seen.sum(dim=2).clamp(min=1.0)
        mean = (features * seen).sum(dim=2) / count
        spread = (((features - mean[:, :, None]) * seen).square().sum(dim=2) / count + 1e-6).sqrt()
        largest = (features * seen - 1e4 * (1.0 - seen)).amax(dim=2).clamp(min=-1e3)
        pooled = torch.cat([mean, spread, largest, self.summary(summary)], dim=1)
        waves = self.waves(features).unflatten(1, (_PAIR, -1)).permute(0, 3, 1, 2).flatten(1, 2)
        severities = nn.functional.pad(torch.sigmoid(self.severities(pooled)), (1, 0))
        return Answer(waves, self.scalars(pooled), self.kinds(pooled), severities)


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
        """Features (n, width, n_steps), changed."""
        return features + self.inner(features)
