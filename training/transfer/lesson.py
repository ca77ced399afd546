"""Lessons: from labels (of virtual or measured people), or from signals alone by telling what was hidden of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from training.sample.fit import Arrays, Fit, FitSettings, LossOf, fit
from training.transfer.gait_window import LENGTH, SENSORS, GaitWindows
from training.transfer.sensor_network import SensorNetwork
from training.transfer.worn_window import SensorChange, worn

SCALES = (0.5, 0.5, *([0.35, 0.4, 0.2] * 2))
"""What an error of one is of each target, about the SD in walking (body weights, rad)."""
_SPAN, _AHEAD = (8, 24), 24
"""Frames of a stretch in which sensors are hidden, and of the end of a window in which all are."""


class LessonSettings(BaseModel):
    """How long and how fast a network learns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1, description="Steps of the optimiser, whoever teaches.")
    learning_rate: float = Field(gt=0, le=1, description="Peak of the one-cycle schedule.")
    batch: int = Field(16, ge=1, description="Windows a step.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="Of AdamW.")

    @property
    def fit(self) -> FitSettings:
        """As many steps of as many windows, however few windows there are."""
        return FitSettings(
            steps=self.steps,
            batch=self.batch,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule="one_cycle",
        )


def label_loss(change: SensorChange) -> LossOf:
    """Mean squared error over `SCALES` where there is a label; sensors are drawn anew while a network learns."""

    def loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        inputs, labels = batch["inputs"], batch["labels"]
        if network.training:
            inputs, labels = worn(inputs, labels, change)
        known = torch.isfinite(labels)
        wrong = (network(inputs) - torch.nan_to_num(labels)) / torch.tensor(SCALES)
        return (wrong.square() * known).sum() / known.sum().clamp(min=1)

    return loss


def hidden_loss(change: SensorChange) -> LossOf:
    """Mean squared error of what was hidden: some sensors for a while, or all of them at the end of the window."""

    def loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        inputs = batch["inputs"]
        if network.training:
            inputs, _ = worn(inputs, batch["labels"], change)
        hidden = draw_hidden(len(inputs))
        shown = inputs * ~hidden
        wrong = (network(shown) - inputs)[..., network.channels]
        counted = hidden.expand_as(inputs)[..., network.channels]
        return (wrong.square() * counted).sum() / counted.sum().clamp(min=1)

    return loss


def draw_hidden(n: int) -> torch.Tensor:
    """Which samples (n, 96, 42) are hidden: three sensors for a while, or (in half of the windows) the last quarter."""
    frames = torch.arange(LENGTH)
    span = torch.randint(_SPAN[0], _SPAN[1] + 1, (n, len(SENSORS), 1))
    begin = (torch.rand(n, len(SENSORS), 1) * (LENGTH - span)).long()
    chosen = torch.rand(n, len(SENSORS)).argsort(dim=1) < 3
    some = (frames >= begin) & (frames < begin + span) & chosen[..., None]
    ahead = (frames >= LENGTH - _AHEAD).expand_as(some)
    own = torch.where((torch.rand(n) < 0.5)[:, None, None], some, ahead)
    return own.transpose(1, 2).repeat_interleave(6, dim=2)


def learn(
    network: SensorNetwork,
    windows: GaitWindows,
    kind: Literal["labels", "signals"],
    columns: Sequence[int],
    settings: LessonSettings,
    change: SensorChange,
    *,
    seed: int,
    validation: GaitWindows | None = None,
) -> Fit:
    """Teach a network, in place.

    Parameters
    ----------
    network : SensorNetwork
    windows : GaitWindows
        Of those who teach.
    kind : {"labels", "signals"}
        ``"signals"`` looks at no label.
    columns : sequence of int
        Of `TARGETS`, for labels.
    settings : LessonSettings
    change : SensorChange
    seed : int
    validation : GaitWindows, optional
        Of others who choose the epoch.

    Returns
    -------
    Fit
    """
    loss = label_loss(change) if kind == "labels" else hidden_loss(change)
    data: list[Arrays | None] = [None if w is None else w.arrays(columns) for w in (windows, validation)]
    return fit(network, loss, data[0], settings.fit, seed=seed, validation=data[1])


def answer(network: SensorNetwork, inputs: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Estimates (n, 96, n_columns) for windows, in evaluation mode."""
    network.eval()
    with torch.no_grad():
        parts = [network(torch.as_tensor(inputs[i : i + 256])).numpy() for i in range(0, len(inputs), 256)]
    return np.concatenate(parts)[..., list(columns)]
