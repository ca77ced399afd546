"""Keypoint lesson: an ensemble of keypoint networks, taught on clips of people and stopped by others.

Targets are standardised by those who teach; what is not known of a clip (NaN, kind -1) is not taught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from synth.camera.keypoint_input import ClipArrays
from training.keypoint.keypoint_network import KeypointNetwork
from training.sample.ensemble import Ensemble, drawn_people, rows_of
from training.sample.fit import FitSettings, fit, seeded

_KIND_SHARE, _WAVE_SHARE = 0.3, 0.7


class LessonSettings(BaseModel):
    """How keypoint networks are taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(3, ge=1, le=20, description="Networks of the ensemble.")
    epochs: int = Field(16, ge=1, le=1000, description="Passes over the clips, at most.")
    width: int = Field(48, ge=4, le=512, description="Features of a network.")
    learning_rate: float = Field(3e-3, gt=0, le=1, description="Peak of the one-cycle schedule.")


@dataclass(frozen=True)
class Scales:
    """Mean and SD of what is estimated, over those who teach.

    Attributes
    ----------
    wave_mean, wave_sd : ndarray, shape (26,)
    scalar_mean, scalar_sd : ndarray, shape (5,)
        Gait parameters without dimension, then severity.
    """

    wave_mean: np.ndarray
    wave_sd: np.ndarray
    scalar_mean: np.ndarray
    scalar_sd: np.ndarray


@dataclass(frozen=True)
class KeypointEstimate:
    """What an ensemble says of some clips.

    Attributes
    ----------
    scalars, scalar_sd : ndarray, shape (n, 5)
        Gait parameters without dimension, then severity; SD over members.
    kinds : ndarray, shape (n, n_kinds)
        Probabilities.
    waves : ndarray, shape (n, 72, 26)
    """

    scalars: np.ndarray
    scalar_sd: np.ndarray
    kinds: np.ndarray
    waves: np.ndarray


@dataclass(frozen=True)
class KeypointEnsemble:
    """Taught networks.

    Attributes
    ----------
    networks : tuple of KeypointNetwork
    scales : Scales
    epochs : tuple of int
        At which each was best for those who validate.
    """

    networks: tuple[KeypointNetwork, ...]
    scales: Scales
    epochs: tuple[int, ...]

    def estimate(self, inputs: np.ndarray, chunk: int = 512) -> KeypointEstimate:
        """What the members say on average of inputs (n, 72, 36)."""
        parts = [self._part(inputs[i : i + chunk]) for i in range(0, len(inputs), chunk)]
        return KeypointEstimate(*(np.concatenate(own) for own in zip(*parts, strict=True)))

    def _part(self, inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        scales = self.scales
        ensemble = Ensemble(tuple(partial(_answer, network, scales) for network in self.networks))
        mean, spread = ensemble.estimate(inputs)
        n_scalars, n_waves = len(scales.scalar_mean), inputs.shape[1] * len(scales.wave_mean)
        scalars, kinds, waves = np.split(mean, [n_scalars, mean.shape[1] - n_waves], axis=1)
        waves = waves.reshape(len(inputs), inputs.shape[1], -1)
        return scalars, spread[:, :n_scalars], kinds, waves.astype(np.float32)


def _answer(network: KeypointNetwork, scales: Scales, inputs: np.ndarray) -> np.ndarray:
    """What one member says, side by side: scalars, probabilities of kinds, waves."""
    with torch.no_grad():
        waves, scalars, kinds = network(torch.as_tensor(inputs))
    said = scalars.numpy() * scales.scalar_sd + scales.scalar_mean, torch.softmax(kinds, dim=1).numpy()
    curves = waves.numpy() * scales.wave_sd + scales.wave_mean
    return np.concatenate([*said, curves.reshape(len(inputs), -1)], axis=1)


def scalars_of(clips: ClipArrays) -> np.ndarray:
    """Truth (n, 5) of the scalars; NaN where unknown."""
    return np.column_stack([clips.parameters, clips.severity])


Taught = tuple[KeypointNetwork, int]
"""A member and its best epoch."""


def teach(
    teaching: ClipArrays,
    validating: ClipArrays,
    n_kinds: int,
    settings: LessonSettings,
    seed: int,
    kept: Callable[[int, Callable[[], Taught]], Taught] | None = None,
) -> KeypointEnsemble:
    """Teach an ensemble, each member on people drawn with replacement from those who teach.

    Parameters
    ----------
    teaching, validating : ClipArrays
        Of different people.
    n_kinds : int
    settings : LessonSettings
    seed : int
    kept : callable, optional
        ``kept(member, teach_it)`` returns the member, taught before or now: see `keypoint_file.kept_in`.
    """
    truth = scalars_of(teaching)
    flat = teaching.waves.reshape(-1, teaching.waves.shape[2]).astype(float)
    scales = Scales(*_spread(flat), *_spread(truth))
    own = FitSettings(
        epochs=settings.epochs, batch=64, learning_rate=settings.learning_rate, schedule="one_cycle", weight_decay=1e-3
    )
    held, drawn = standardised(validating, scales), drawn_people(teaching.person, settings.members, seed)

    def taught(member: int) -> Taught:
        network = seeded(
            lambda: KeypointNetwork(teaching.inputs.shape[2], flat.shape[1], truth.shape[1], n_kinds, settings.width),
            seed + member,
        )
        own_clips = standardised(teaching.rows(rows_of(teaching.person, drawn[member])), scales)
        done = fit(network, lesson_loss, own_clips, own, seed=seed + member, validation=held)
        return network, done.epoch

    members = range(settings.members)
    done = [taught(m) if kept is None else kept(m, partial(taught, m)) for m in members]
    return KeypointEnsemble(tuple(n for n, _ in done), scales, tuple(epoch for _, epoch in done))


def lesson_loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Squared errors of scalars and waves, and the cross entropy of kinds, each over what is known."""
    waves, scalars, kinds = network(batch["inputs"])
    scalar = (batch["scalar_known"] * (scalars - batch["scalars"]) ** 2).sum() / batch["scalar_known"].sum().clamp(
        min=1.0
    )
    wave = (batch["wave_known"] * (waves - batch["waves"]) ** 2).sum() / batch["wave_known"].sum().clamp(min=1.0)
    kind = nn.functional.cross_entropy(kinds, batch["kind"], ignore_index=-1, reduction="sum")
    return scalar + _WAVE_SHARE * wave + _KIND_SHARE * kind / (batch["kind"] >= 0).sum().clamp(min=1)


def _spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of each column, over what is known."""
    sd = np.nanstd(values, axis=0)
    return np.nanmean(values, axis=0), np.where(sd > 1e-9, sd, 1.0)


def standardised(clips: ClipArrays, scales: Scales) -> dict[str, np.ndarray]:
    """Clips as named arrays of a fit, standardised."""
    waves = (clips.waves - scales.wave_mean) / scales.wave_sd
    scalars = (scalars_of(clips) - scales.scalar_mean) / scales.scalar_sd
    return {
        "inputs": clips.inputs,
        "waves": np.nan_to_num(waves).astype(np.float32),
        "wave_known": np.isfinite(waves).astype(np.float32),
        "scalars": np.nan_to_num(scalars),
        "scalar_known": np.isfinite(scalars).astype(np.float32),
        "kind": clips.kind,
    }
