"""The training loop: AdamW with a one-cycle learning rate over augmented windows, repeatable from its seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from synth.corpus.schema import CorpusMismatch
from training.augmentation import augment, channel_covariances
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import TrainingConfig
from training.label_offset import shrink_offsets
from training.loss import supervised_loss
from training.networks.registry import build_network
from training.normalisation import fit_normalisation
from training.window import TrainingSet, draw_windows

Progress = Callable[[int, int, float], None]
"""Called as progress(steps done, steps in all, loss)."""


def train(
    data: TrainingSet,
    config: TrainingConfig,
    *,
    path: Path | None = None,
    fingerprint: str = "",
    progress: Progress | None = None,
) -> Checkpoint:
    """Train one network.

    There is no early stopping and no choice among epochs: nothing but `data` has an influence.

    Parameters
    ----------
    data : TrainingSet
    config : TrainingConfig
    path : Path, optional
        Where the checkpoint is written at the end, and when the training is interrupted.
    fingerprint : str
        Stored with the checkpoint.
    progress : callable, optional

    Returns
    -------
    Checkpoint
        In evaluation mode. The same data, configuration and library versions give the same weights, bit for bit.

    Raises
    ------
    KeyboardInterrupt
        Passed on, after the weights so far were written to `path`.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(config.seed)
    records = data.records
    if config.shrink_offsets:
        records = shrink_offsets(records, data.targets, config.augmentation.misalignment_deg)
    normalisation = fit_normalisation(records)
    covariances = channel_covariances(records)
    length = _window_length(data, config)
    shift, size, target_shift, target_size = (
        torch.from_numpy(getattr(normalisation, key)) for key in ("input_mean", "input_sd", "target_mean", "target_sd")
    )
    columns = {k: [i for i, t in enumerate(data.targets) if t.kind == k] for k in {t.kind: 0 for t in data.targets}}
    checkpoint = Checkpoint(
        network=nn.Identity(),
        config=config,
        normalisation=normalisation,
        sensors=data.sensors,
        targets=data.targets,
        rate=data.rate,
        subjects=tuple(sorted({record.subject for record in data.records})),
        n_labelled_trials=data.n_labelled_trials,
        n_labelled_frames=data.n_labelled_frames,
        n_steps=0,
        seconds=0.0,
        fingerprint=fingerprint,
    )
    n_done = 0
    with _repeatable(config.seed):
        network = build_network(len(shift), len(target_shift), data.rate, config).train()
        optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps + 1)
        try:
            for step in range(1, config.steps + 1):
                windows = draw_windows(records, length, config.batch, rng)
                inputs = torch.from_numpy(augment(windows, covariances, **dict(config.augmentation), rng=rng))
                labels = (torch.from_numpy(windows.labels) - target_shift) / target_size
                loss, _ = supervised_loss(network((inputs - shift) / size), labels, columns)
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), config.gradient_norm)
                optimiser.step()
                schedule.step()
                n_done = step
                if progress is not None:
                    progress(step, config.steps, loss.item())
        finally:
            seconds = time.perf_counter() - began
            checkpoint = replace(checkpoint, network=network.eval(), n_steps=n_done, seconds=seconds)
            if path is not None and n_done:
                save_checkpoint(path, checkpoint)
    return checkpoint


def _window_length(data: TrainingSet, config: TrainingConfig) -> int:
    """Frames per window: as configured, or the shortest trial's length if that is less."""
    if not data.records:
        raise CorpusMismatch("expected at least one labelled training trial, found none; check the reference corpus")
    shortest = min(record.n_frames for record in data.records)
    return max(1, min(round(config.window_seconds * data.rate), shortest))


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """One thread and a seeded generator inside; the caller's torch settings and random state afterwards."""
    n_threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # sums in another order differ in the last bit
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
            torch.use_deterministic_algorithms(deterministic)
