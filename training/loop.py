"""The training loop: AdamW with a one-cycle learning rate over augmented windows, repeatable from its seed.

A training that was killed or interrupted goes on from its last state (`training.training_state`) and ends with the
weights that it would have had, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from synth.corpus.schema import CorpusMismatch
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import TrainingConfig
from training.device import choose_device
from training.learning_step import fresh_learner, prepare_lesson, take_step
from training.normalisation import Normalisation
from training.ranks import joined_ranks
from training.step_boundary import interruptions_held
from training.step_record import StepRecord
from training.training_state import (
    capture_state,
    earlier_state,
    restore_state,
    save_state,
    state_path,
    training_mark,
)
from training.window import TrainingSet

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
        however often the training was stopped. Under ``torchrun`` all processes train it together and return it; rank 0
        writes the files.

    Raises
    ------
    KeyboardInterrupt
        Passed on between two steps, after weights and state so far were written.
    """
    began = time.perf_counter()
    device = choose_device(config)
    with joined_ranks(device) as ranks, repeatable(config.seed, device), interruptions_held() as release:
        lesson = prepare_lesson(data, config, _window_length(data, config), device, ranks)
        mark = training_mark(data, config) if path is not None else ""
        learner = fresh_learner(lesson, config)
        done = 0
        if (state := earlier_state(path, mark)) is not None:
            restore_state(learner, state)
            done, began = state.step, began - state.seconds
        ranks.agree(done, "step to go on from")
        if not ranks.is_first:
            path = record = progress = None
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
                figures = take_step(lesson, learner, config)
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
            # Half a step (an error, a second Ctrl-C) is nothing to go on from: what was saved before it stays.
            if done < config.steps and is_whole:
                keep(seconds)
            network = learner.network.eval().cpu()
            checkpoint = _checkpoint(data, config, lesson.normalisation, network, done, seconds, fingerprint)
            if path is not None and done and is_whole:
                save_checkpoint(path, checkpoint)
                if done == config.steps:
                    state_path(path).unlink(missing_ok=True)
            if record is not None:
                record.close()
        ranks.wait()  # nobody looks for the checkpoint before it is written
    return checkpoint


def _checkpoint(
    data: TrainingSet,
    config: TrainingConfig,
    normalisation: Normalisation,
    network: nn.Module,
    n_steps: int,
    seconds: float,
    fingerprint: str,
) -> Checkpoint:
    return Checkpoint(
        network=network,
        config=config,
        normalisation=normalisation,
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
def repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """One thread and a seeded generator inside; the caller's torch settings and random state afterwards."""
    n_threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # sums in another order differ in the last bit
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
            torch.use_deterministic_algorithms(deterministic)
