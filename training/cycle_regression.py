"""Cycle regression: angles, moments and ground reactions of a whole gait cycle by a convolutional network.

After Dorschky et al. 2020 (Front Bioeng Biotechnol 8:604): a cycle of all sensors, time-normalised to 100 samples, in;
the waveforms of the cycle out; trained on measured cycles, on simulated ones, or on both. Each kind of target and each
source weighs the same. What a source has no label for, it does not teach.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.augmentation import augment, channel_covariances
from training.gait_cycles import N_SAMPLES, GaitCycles, cut_cycles, place_cycles
from training.loss import supervised_loss
from training.mirror import can_mirror, mirror_trial
from training.networks.cycle import CycleNetwork
from training.normalisation import Normalisation, fit_normalisation
from training.record_summary import summarise
from training.target import Target, available_targets, write_targets
from training.window import Windows, sensor_names


@dataclass(frozen=True)
class CycleSettings:
    """How a cycle network is trained.

    The values were fixed before any person was scored; they are those of the windowed networks where both have them.

    Attributes
    ----------
    width, steps, batch : int
    dropout, learning_rate, weight_decay : float
    misalignment_deg, noise_share : float
        Sensor errors drawn afresh for every batch, as for windows (`training.augmentation`).
    seed : int
    """

    width: int = 48
    steps: int = 250
    batch: int = 32
    dropout: float = 0.1
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    misalignment_deg: float = 6.0
    noise_share: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class CycleModel:
    """A trained cycle network.

    Attributes
    ----------
    network : CycleNetwork
    normalisation : Normalisation
    sensors : tuple of str
    targets : tuple of Target
    duration_mean, duration_sd : float
        Of the logarithm of a cycle's seconds, the last input.
    subjects : tuple of str
        Who taught it.
    n_trials, n_frames : int
        Labels used.
    seconds : float
        CPU time of the training.
    """

    network: CycleNetwork
    normalisation: Normalisation
    sensors: tuple[str, ...]
    targets: tuple[Target, ...]
    duration_mean: float
    duration_sd: float
    subjects: tuple[str, ...]
    n_trials: int
    n_frames: int
    seconds: float


def shared_sensors(sources: Sequence[Sequence[CorpusTrial]]) -> tuple[str, ...]:
    """Sensors that all trials of all sources have, in the order of the first.

    Raises
    ------
    CorpusMismatch
        There is none.
    """
    sets = [set(sensor_names(trial)) for trials in sources for trial in trials if trial.recordings]
    first = next(sensor_names(trial) for trial in sources[0] if trial.recordings)
    shared = tuple(s for s in first if all(s in names for names in sets))
    if not shared:
        raise CorpusMismatch(f"no sensor is in all trials; the first has {', '.join(first)}. Name sensors alike.")
    return shared


def train_cycles(
    sources: Sequence[Sequence[CorpusTrial]], sensors: Sequence[str], kinds: Sequence[str], settings: CycleSettings
) -> CycleModel:
    """Train a cycle network on one or several sources of trials.

    Parameters
    ----------
    sources : sequence of sequence of CorpusTrial
        E.g. measured and simulated; read clean. Every batch takes as many cycles of each.
    sensors : sequence of str
    kinds : sequence of str
        Kinds of target.
    settings : CycleSettings

    Returns
    -------
    CycleModel

    Raises
    ------
    CorpusMismatch
        A source has no labelled cycle.
    """
    began = time.process_time()
    targets = available_targets([t for trials in sources for t in trials], kinds)
    targets = tuple(sorted(targets, key=lambda t: t.kind == "speed"))
    cut = [_labelled_cycles(trials, sensors, targets) for trials in sources]
    records = [c.record for cycles in cut for c in cycles]
    scale = fit_normalisation([summarise(record) for record in records])
    durations = np.log(np.concatenate([c.durations for cycles in cut for c in cycles]))
    spread = float(durations.std()) or 1.0
    columns = {
        kind: [i for i, t in enumerate(targets) if t.kind == kind] for kind in dict.fromkeys(t.kind for t in targets)
    }
    n_threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    try:
        network = CycleNetwork(
            6 * len(sensors) + 1, len(targets), settings.width, settings.dropout, len(columns.get("speed", []))
        )
        optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total_steps=settings.steps)
        rng = np.random.default_rng(settings.seed)
        covariances = [channel_covariances([summarise(c.record) for c in cycles]) for cycles in cut]
        network.train()
        for _ in range(settings.steps):
            drawn = [
                _draw(c, v, settings.batch // len(cut), settings, rng) for c, v in zip(cut, covariances, strict=True)
            ]
            inputs, labels, seconds = (np.concatenate(x) for x in zip(*drawn, strict=True))
            outputs = network(_inputs(inputs, seconds, scale, float(durations.mean()), spread))
            wanted = torch.from_numpy((labels - scale.target_mean) / scale.target_sd)
            loss, _ = supervised_loss(outputs, wanted, columns)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    finally:
        torch.set_num_threads(n_threads)
        torch.random.set_rng_state(state)
    own = [c.record for cycles in cut for c in cycles if not c.is_mirrored]
    return CycleModel(
        network.eval(), scale, tuple(sensors), targets, float(durations.mean()), spread,
        tuple(sorted({r.subject for r in records})), len(own), sum(len(r.labelled_frames) for r in own),
        time.process_time() - began,
    )  # fmt: skip


def estimate_cycles(model: CycleModel, trial: CorpusTrial, source: str) -> CorpusTrial:
    """Estimate every cycle of a trial; NaN outside the cycles that its shank's gyroscope shows.

    Raises
    ------
    CorpusMismatch
        The person taught the network, or the record shows no cycle.
    """
    if trial.subject.code in model.subjects:
        raise CorpusMismatch(f"subject {trial.subject.code!r} taught this network; use one that left this person out.")
    began = time.process_time()
    cycles = cut_cycles(trial, model.sensors, ())
    if not len(cycles.times):
        raise CorpusMismatch(
            f"trial {trial.name!r} of {trial.subject.code!r}: no cycle in the right shank's gyroscope."
        )
    with torch.inference_mode():
        inputs = _inputs(cycles.inputs, cycles.durations, model.normalisation, model.duration_mean, model.duration_sd)
        outputs = model.network(inputs).numpy() * model.normalisation.target_sd + model.normalisation.target_mean
    values = place_cycles(outputs.astype(float), cycles.times, trial.rate, trial.n_frames)
    return write_targets(trial, model.targets, values, time.process_time() - began, source)


def _labelled_cycles(
    trials: Sequence[CorpusTrial], sensors: Sequence[str], targets: Sequence[Target]
) -> list[GaitCycles]:
    """Cycles with a label, of every trial and its mirror image."""
    found = []
    for trial in trials:
        if not trial.recordings:
            continue
        both = [trial, mirror_trial(trial)] if can_mirror(trial) else [trial]
        for number, one in enumerate(both):
            cycles = cut_cycles(one, sensors, targets, own_events=True)
            has = np.isfinite(cycles.labels).any(axis=(1, 2))
            if has.any():
                kept = (cycles.times[has], cycles.inputs[has], cycles.labels[has])
                found.append(GaitCycles(cycles.record, *kept, is_mirrored=number > 0))
    if not found:
        raise CorpusMismatch("expected labelled gait cycles to learn from, found none; check events and labels.")
    return found


def _draw(
    cycles: Sequence[GaitCycles], covariances: np.ndarray, n: int, settings: CycleSettings, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random cycles with fresh sensor errors: inputs, labels, seconds. Records weigh the same."""
    which = rng.integers(len(cycles), size=n)
    number = np.array([rng.integers(len(cycles[k].times)) for k in which])
    inputs = np.stack([cycles[k].inputs[i] for k, i in zip(which, number, strict=True)])
    labels = np.stack([cycles[k].labels[i] for k, i in zip(which, number, strict=True)])
    seconds = np.array([cycles[k].durations[i] for k, i in zip(which, number, strict=True)])
    windows = Windows(inputs, labels, which, np.zeros(n, dtype=int))
    noisy = augment(windows, covariances, settings.misalignment_deg, settings.noise_share, rng)
    return noisy, labels, seconds


def _inputs(values: np.ndarray, seconds: np.ndarray, scale: Normalisation, mean: float, sd: float) -> torch.Tensor:
    """Normalised channels and the cycle's duration, (B, 100, n + 1)."""
    own = (values - scale.input_mean) / scale.input_sd
    length = np.repeat(((np.log(seconds) - mean) / sd)[:, None, None], N_SAMPLES, axis=1)
    return torch.from_numpy(np.concatenate([own, length], axis=2).astype(np.float32))
