"""The training loop: AdamW with a one-cycle learning rate over augmented windows, repeatable from its seed.

A training that was killed or interrupted goes on from its last state (`training.training_state`) and ends with the
weights that it would have had, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from training.normalisation import Normalisation, fit_normalisation
from training.step_boundary import interruptions_held
from training.step_record import StepRecord
from training.training_state import (
    Learner,
    capture_state,
    earlier_state,
    restore_state,
    save_state,
    state_path,
    training_mark,
)
from training.window import TrainingSet, TrialRecord, draw_windows

Progress = Callable[[int, int, float], None]
"""Called as progress(steps done, steps in all, loss)."""

SAVE_EVERY = 100
"""Steps between two states on the disk, where the caller says nothing."""


def train(
    data: TrainingSet,
    config: TrainingConfig,
    *,
    path: Path | None = None,
    fingerprint: str = "",
    save_every: int = SAVE_EVERY,
    record: StepRecord | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Train one network.

    There is no early stopping and no choice among epochs: nothing but `data` has an influence.

    Parameters
    ----------
    data : TrainingSet
    config : TrainingConfig
    path : Path, optional
        Where the checkpoint is written at the end, and when the training is interrupted. The state of the training
        lies beside it until it is finished; a training of the same data and configuration goes on from there.
    fingerprint : str
        Stored with the checkpoint.
    save_every : int
        Steps between two states on the disk; 0 = only when interrupted.
    record : StepRecord, optional
        Gets the loss, its terms, the learning rate, the gradient's norm and the seconds of every step.
    progress : callable, optional

    Returns
    -------
    Checkpoint
        In evaluation mode. The same data, configuration and library versions give the same weights, bit for bit,
        however often the training was stopped.

    Raises
    ------
    KeyboardInterrupt
        Passed on between two steps, after weights and state so far were written.
    """
    began = time.perf_counter()
    lesson = _prepare(data, config)
    mark = training_mark(data, config) if path is not None else ""
    with _repeatable(config.seed), interruptions_held() as release:
        learner = _fresh_learner(lesson, config)
        done = 0
        if (state := earlier_state(path, mark)) is not None:
            restore_state(learner, state)
            done, began = state.step, began - state.seconds
        is_whole = True
        if record is not None:
            record.begin(done)

        def keep(seconds: float) -> None:
            if record is not None:
                record.flush()  # before the state: no step of the record is lost, later ones are taken back
            if path is not None and done:
                save_state(state_path(path), capture_state(learner, done, seconds, mark))

        try:
            while done < config.steps:
                is_whole = False
                figures = _take_step(lesson, learner, config)
                is_whole, done = True, done + 1
                if record is not None:
                    figures["seconds"] = time.perf_counter() - began
                    record.write(done, {name: float(value) for name, value in figures.items()})
                if save_every and done % save_every == 0 and done < config.steps:
                    keep(time.perf_counter() - began)
                if progress is not None:
                    progress(done, config.steps, float(figures["loss"]))
                release()
        finally:
            seconds = time.perf_counter() - began
            checkpoint = _checkpoint(data, config, lesson, learner.network.eval(), done, seconds, fingerprint)
            # Half a step (an error, a second Ctrl-C) is nothing to go on from: what was saved before it stays.
            if path is not None and done and is_whole:
                if done < config.steps:
                    keep(seconds)
                save_checkpoint(path, checkpoint)
                if done == config.steps:
                    state_path(path).unlink(missing_ok=True)
            if record is not None:
                record.close()
    return checkpoint


@dataclass(frozen=True)
class _Lesson:
    """What does not change from step to step: records, their scale, the length of a window (frames)."""

    records: tuple[TrialRecord, ...]
    normalisation: Normalisation
    covariances: np.ndarray
    length: int
    rate: float
    columns: dict[str, list[int]]


def _prepare(data: TrainingSet, config: TrainingConfig) -> _Lesson:
    records = data.records
    if config.shrink_offsets:
        records = shrink_offsets(records, data.targets, config.augmentation.misalignment_deg)
    columns = {k: [i for i, t in enumerate(data.targets) if t.kind == k] for k in {t.kind: 0 for t in data.targets}}
    return _Lesson(
        records,
        fit_normalisation(records),
        channel_covariances(records),
        _window_length(data, config),
        data.rate,
        columns,
    )


def _fresh_learner(lesson: _Lesson, config: TrainingConfig) -> Learner:
    """A network with the weights of the seed, its optimiser, its schedule and the generator of its windows."""
    scale = lesson.normalisation
    network = build_network(len(scale.input_mean), len(scale.target_mean), lesson.rate, config).train()
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps + 1)
    return Learner(network, optimiser, schedule, np.random.default_rng(config.seed))


def _take_step(lesson: _Lesson, learner: Learner, config: TrainingConfig) -> dict[str, Any]:
    """Draw a batch, learn from it; returns the figures of the step: numbers, or tensors without a shape."""
    windows = draw_windows(lesson.records, lesson.length, config.batch, learner.rng)
    inputs = augment(windows, lesson.covariances, **dict(config.augmentation), rng=learner.rng)
    shift, size, target_shift, target_size = (
        torch.from_numpy(values) for values in vars(lesson.normalisation).values()
    )
    labels = (torch.from_numpy(windows.labels) - target_shift) / target_size
    outputs = learner.network((torch.from_numpy(inputs) - shift) / size)
    loss, terms = supervised_loss(outputs, labels, lesson.columns)
    learner.optimiser.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(learner.network.parameters(), config.gradient_norm)
    rate = learner.optimiser.param_groups[0]["lr"]
    learner.optimiser.step()
    learner.schedule.step()
    figures = {"loss": loss.detach()} | {f"loss_{kind}": term.detach() for kind, term in terms.items()}
    return figures | {"learning_rate": rate, "gradient_norm": norm}


def _checkpoint(
    data: TrainingSet,
    config: TrainingConfig,
    lesson: _Lesson,
    network: nn.Module,
    n_steps: int,
    seconds: float,
    fingerprint: str,
) -> Checkpoint:
    return Checkpoint(
        network=network,
        config=config,
        normalisation=lesson.normalisation,
        sensors=data.sensors,
        targets=data.targets,
        rate=data.rate,
        subjects=tuple(sorted({record.subject for record in data.records})),
        n_labelled_trials=data.n_labelled_trials,
        n_labelled_frames=data.n_labelled_frames,
        n_steps=n_steps,
        seconds=seconds,
        fingerprint=fingerprint,
    )


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
