"""Worn window: the same window as other sensors, worn by another leg, would have read it; drawn anew for every batch.

Every sensor is turned a little, its scale is off, and coloured noise stands on it in proportion to how much it moves
(soft tissue); right and left are exchanged in half of the windows. A network sees the sagittal channels or all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from synth.imu.mirror_image import AXIAL, POLAR
from synth.imu.placement import other_side
from training.transfer.gait_window import SENSORS, TARGETS

SAGITTAL = tuple(6 * s + c for s in range(len(SENSORS)) for c in (0, 1, 5))
"""Channels in the plane of walking: force forward and up, turning about the medio-lateral axis."""
EVERY = tuple(range(6 * len(SENSORS)))
_COARSE = 5
"""Frames over which coloured noise is smooth: about 5 Hz."""


@dataclass(frozen=True)
class SensorChange:
    """How far what is drawn may be from what was read.

    Attributes
    ----------
    turn : float
        SD of the angle (rad) about a random axis.
    scale : float
        SD of the factor on a triad, about 1.
    noise : float
        SD of noise that is smooth over a tenth of a second, over the SD of its triad in the window; white noise of
        half that SD, drawn apart, comes on top (together 1.12 of it).
    mirror : bool
        Whether legs are exchanged in half of the windows.
    """

    turn: float = np.radians(10.0)
    scale: float = 0.05
    noise: float = 0.2
    mirror: bool = True


def worn(inputs: torch.Tensor, labels: torch.Tensor, change: SensorChange) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a batch anew, by torch's generator.

    Parameters
    ----------
    inputs : Tensor, shape (n, T, 42)
    labels : Tensor, shape (n, T, 8)
    change : SensorChange

    Returns
    -------
    (Tensor, Tensor)
        Of the same shapes.
    """
    if change.mirror:
        inputs, labels = _mirrored(inputs, labels)
    n, n_frames, _ = inputs.shape
    vectors = inputs.view(n, n_frames, len(SENSORS), 2, 3)
    turns = _turns(n * len(SENSORS), change.turn).view(n, len(SENSORS), 3, 3)
    scales = 1.0 + change.scale * torch.randn(n, 1, len(SENSORS), 2, 1)
    # (n, S, T 2, 3) @ (n, S, 3, 3): every vector of a sensor is turned alike.
    flat = vectors.permute(0, 2, 1, 3, 4).reshape(n, len(SENSORS), 2 * n_frames, 3)
    turned = (flat @ turns.mT).view(n, len(SENSORS), n_frames, 2, 3).permute(0, 2, 1, 3, 4) * scales
    spread = turned.var(dim=1, keepdim=True).mean(dim=-1, keepdim=True).sqrt()
    coarse = torch.randn(n, len(SENSORS) * 6, n_frames + _COARSE - 1)
    white = torch.randn(n, len(SENSORS) * 6, n_frames)
    drawn = torch.nn.functional.avg_pool1d(coarse, _COARSE, 1) * _COARSE**0.5 + 0.5 * white
    noise = drawn.transpose(1, 2).reshape(turned.shape)
    return (turned + change.noise * spread * noise).reshape(n, n_frames, -1), labels


def _turns(n: int, sd: float) -> torch.Tensor:
    """Rotation matrices (n, 3, 3), about random axes (Rodrigues)."""
    axes = torch.nn.functional.normalize(torch.randn(n, 3), dim=1)
    angles = (sd * torch.randn(n)).view(n, 1, 1)
    zero = torch.zeros(n)
    x, y, z = axes.unbind(1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(n, 3, 3)
    return torch.eye(3) + torch.sin(angles) * cross + (1.0 - torch.cos(angles)) * (cross @ cross)


def _mirrored(inputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Exchange right and left in half of the windows."""
    chosen = torch.rand(len(inputs)) < 0.5
    source, signs = _mirror_of_channels()
    inputs = torch.where(chosen[:, None, None], inputs[..., source] * signs, inputs)
    return inputs, torch.where(chosen[:, None, None], labels[..., _mirror_of_targets()], labels)


@lru_cache(maxsize=1)
def _mirror_of_channels() -> tuple[torch.Tensor, torch.Tensor]:
    """Of each channel: whose reading it takes, and the sign."""
    partner = [SENSORS.index(other_side(s) or s) for s in SENSORS]
    source = torch.tensor([6 * p + c for p in partner for c in range(6)])
    return source, torch.tensor(np.tile(np.r_[POLAR, AXIAL], len(SENSORS)), dtype=torch.float32)


@lru_cache(maxsize=1)
def _mirror_of_targets() -> torch.Tensor:
    names = [t.coordinate for t in TARGETS]
    return torch.tensor([names.index(other_side(name) or name) for name in names])
