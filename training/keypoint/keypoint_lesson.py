"""Keypoint lesson: an ensemble of keypoint networks, taught on clips of people and stopped by others.

Targets are standardised by those who teach; what is not known of a clip (NaN, kind -1) is not taught.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from synth.camera.keypoint_input import ClipArrays
from synth.camera.keypoint_summary import keypoint_summaries
from training.keypoint.keypoint_calibration import KeypointCalibration
from training.keypoint.keypoint_network import KeypointNetwork
from training.keypoint.progression import ProgressionHead
from training.sample.ensemble import Ensemble
from training.sample.fit import FitSettings, fit, seeded

_KIND_SHARE, _WAVE_SHARE, _SEVERITY_SHARE, _OWN_SHARE = 0.3, 0.7, 3.0, 1.5
"""Of the losses, beside 1 of the gait parameters: of kinds, waves, the severity that is said, and the severity by the
head of the true kind."""
SEVERITY_SD = 0.34
"""Of a population in which three of ten are healthy."""
_FARTHEST = 6.0


class LessonSettings(BaseModel):
    """How keypoint networks are taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(3, ge=1, le=20, description="Networks of the ensemble.")
    epochs: int = Field(16, ge=1, le=1000, description="Passes over the clips, at most.")
    width: int = Field(48, ge=4, le=512, description="Features of a network.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of features left out at random while teaching.")
    share: float = Field(0.9, gt=0, le=1, description="Of the people who teach, drawn for each member.")
    learning_rate: float = Field(3e-3, gt=0, le=1, description="Peak of the one-cycle schedule.")


@dataclass(frozen=True)
class Scales:
    """Mean and SD of what is estimated, over those who teach.

    Attributes
    ----------
    wave_mean, wave_sd : ndarray, shape (26,)
    scalar_mean, scalar_sd : ndarray, shape (4,)
        Gait parameters without dimension.
    summary_mean, summary_sd : ndarray, shape (93,)
        Of summaries of clips, which are inputs.
    """

    wave_mean: np.ndarray
    wave_sd: np.ndarray
    scalar_mean: np.ndarray
    scalar_sd: np.ndarray
    summary_mean: np.ndarray
    summary_sd: np.ndarray

    def summaries(self, inputs: np.ndarray) -> np.ndarray:
        """Standardised summaries (n, 93) of inputs, within what those who teach show and a little beyond."""
        return np.clip((keypoint_summaries(inputs) - self.summary_mean) / self.summary_sd, -_FARTHEST, _FARTHEST)


@dataclass(frozen=True)
class KeypointEstimate:
    """What an ensemble says of some clips.

    Attributes
    ----------
    scalars, scalar_sd : ndarray, shape (n, 5)
        Gait parameters without dimension, then severity; SD over members.
    kinds : ndarray, shape (n, n_kinds)
        Probabilities.
    waves : ndarray, shape (n, 180, 26)
    """

    scalars: np.ndarray
    scalar_sd: np.ndarray
    kinds: np.ndarray
    waves: np.ndarray

    def rows(self, rows: np.ndarray) -> KeypointEstimate:
        """What is said of some of the clips."""
        return KeypointEstimate(**{f: getattr(self, f)[rows] for f in self.__dataclass_fields__})


def joined_estimates(parts: Sequence[KeypointEstimate]) -> KeypointEstimate:
    """What is said of the clips of all parts (one or more), in their order."""
    fields = KeypointEstimate.__dataclass_fields__
    return KeypointEstimate(**{f: np.concatenate([getattr(part, f) for part in parts]) for f in fields})


@dataclass(frozen=True)
class KeypointEnsemble:
    """Taught networks.

    Attributes
    ----------
    networks : tuple of KeypointNetwork
    scales : Scales
    epochs : tuple of int
        At which each was best for those who validate.
    calibration : KeypointCalibration or None
        Of the intervals; None where nobody calibrated.
    progression : ProgressionHead or None
        Reads the change from one visit to another; None where too few who validate came twice.
    """

    networks: tuple[KeypointNetwork, ...]
    scales: Scales
    epochs: tuple[int, ...]
    calibration: KeypointCalibration | None = None
    progression: ProgressionHead | None = None

    def estimate(self, inputs: np.ndarray, chunk: int = 512) -> KeypointEstimate:
        """What the members say on average of inputs (n, 180, 36)."""
        parts = [self._part(inputs[i : i + chunk]) for i in range(0, len(inputs), chunk)]
        return KeypointEstimate(*(np.concatenate(own) for own in zip(*parts, strict=True)))

    def _part(self, inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        scales = self.scales
        summaries = scales.summaries(inputs)
        ensemble = Ensemble(tuple(partial(_answer, network, scales, summaries) for network in self.networks))
        mean, spread = ensemble.estimate(inputs)
        n_scalars, n_waves = len(scales.scalar_mean) + 1, inputs.shape[1] * len(scales.wave_mean)
        scalars, kinds, waves = np.split(mean, [n_scalars, mean.shape[1] - n_waves], axis=1)
        waves = waves.reshape(len(inputs), inputs.shape[1], -1)
        return scalars, spread[:, :n_scalars], kinds, waves.astype(np.float32)


def _answer(network: KeypointNetwork, scales: Scales, summaries: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """What one member says, side by side: scalars, severity, probabilities of kinds, waves."""
    with torch.no_grad():
        said = network(torch.as_tensor(inputs), torch.as_tensor(summaries, dtype=torch.float32))
    scalars = said.scalars.numpy() * scales.scalar_sd + scales.scalar_mean
    kinds, curves = torch.softmax(said.kinds, dim=1).numpy(), said.waves.numpy() * scales.wave_sd + scales.wave_mean
    return np.concatenate([scalars, said.severity.numpy()[:, None], kinds, curves.reshape(len(inputs), -1)], axis=1)


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
    """Teach an ensemble, each member on all but some of those who teach, drawn for it.

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
    flat, summaries = teaching.waves.reshape(-1, teaching.waves.shape[2]), keypoint_summaries(teaching.inputs)
    scales = Scales(*_spread(flat), *_spread(teaching.parameters), *_spread(summaries))
    sizes = teaching.inputs.shape[2], summaries.shape[1], flat.shape[1], teaching.parameters.shape[1], n_kinds
    own = FitSettings(
        epochs=settings.epochs, batch=32, learning_rate=settings.learning_rate, schedule="one_cycle", weight_decay=1e-3
    )
    held, all_clips = standardised(validating, scales), standardised(teaching, scales)
    rng, people = np.random.default_rng(seed), np.unique(teaching.person)
    drawn = [rng.permutation(people)[: max(round(settings.share * len(people)), 1)] for _ in range(settings.members)]

    def taught(member: int) -> Taught:
        network = seeded(lambda: KeypointNetwork(*sizes, settings.width, settings.dropout), seed + member)
        rows = np.flatnonzero(np.isin(teaching.person, drawn[member]))
        own_clips = {name: values[rows] for name, values in all_clips.items()}
        done = fit(network, lesson_loss, own_clips, own, seed=seed + member, validation=held)
        return network, done.epoch

    members = range(settings.members)
    done = [taught(m) if kept is None else kept(m, partial(taught, m)) for m in members]
    return KeypointEnsemble(tuple(n for n, _ in done), scales, tuple(epoch for _, epoch in done))


def lesson_loss(network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Squared errors of scalars, severity and waves, and the cross entropy of kinds, each over what is known.

    Severity counts twice: as it is said, and as the head of the true kind has it, so that each head learns from its
    own people however well kinds are told. Both errors are in units of `SEVERITY_SD`.
    """
    said = network(batch["inputs"], batch["summary"])
    scalar = _mean_square(said.scalars - batch["scalars"], batch["scalar_known"])
    wave = _mean_square(said.waves - batch["waves"], batch["wave_known"])
    known, kind = batch["severity_known"], batch["kind"]
    severity = _mean_square((said.severity - batch["severity"]) / SEVERITY_SD, known)
    own = said.severities.gather(1, kind.clamp(min=0)[:, None])[:, 0]
    own_severity = _mean_square((own - batch["severity"]) / SEVERITY_SD, known * (kind > 0))
    told = nn.functional.cross_entropy(said.kinds, kind, ignore_index=-1, reduction="sum") / (kind >= 0).sum().clamp(
        min=1
    )
    return scalar + _WAVE_SHARE * wave + _KIND_SHARE * told + _SEVERITY_SHARE * severity + _OWN_SHARE * own_severity


def _mean_square(errors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Mean of squared errors over what is known, 0 where nothing is."""
    return (known * errors**2).sum() / known.sum().clamp(min=1.0)


def _spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of each column, over what is known; NaN and 1 of a column of which nothing is: it is never told."""
    told = np.isfinite(values).any(axis=0)
    mean, sd = (np.full(len(told), value, values.dtype) for value in (np.nan, 1.0))
    mean[told], own = np.nanmean(values[:, told], axis=0), np.nanstd(values[:, told], axis=0)
    sd[told] = np.where(own > 1e-9, own, 1.0)
    return mean, sd


def standardised(clips: ClipArrays, scales: Scales) -> dict[str, np.ndarray]:
    """Clips as named arrays of a fit, standardised."""
    waves = (clips.waves - scales.wave_mean) / scales.wave_sd
    scalars = (clips.parameters - scales.scalar_mean) / scales.scalar_sd
    return {
        "inputs": clips.inputs,
        "waves": np.nan_to_num(waves).astype(np.float32),
        "wave_known": np.isfinite(waves).astype(np.float32),
        "scalars": np.nan_to_num(scalars),
        "scalar_known": np.isfinite(scalars).astype(np.float32),
        "severity": np.nan_to_num(clips.severity),
        "severity_known": np.isfinite(clips.severity).astype(np.float32),
        "summary": scales.summaries(clips.inputs),
        "kind": clips.kind,
    }
