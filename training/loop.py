"""The training loop: AdamW with a one-cycle learning rate over augmented windows, repeatable from its seed.

A training that was killed or interrupted goes on from its last state (`training.training_state`) and ends with the
weights that it would have had, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from training.checkpoint import Checkpoint
from training.config import TrainingConfig
from training.device import choose_device
from training.ranks import joined_ranks
from training.sitting import begin_sitting
from training.step_boundary import interruptions_held
from training.step_record import StepRecord
from training.training_set import TrainingSet

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
    n_loaders: int = 0,
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
    n_loaders : int
        Processes that read batches ahead; 0 reads in this one. The result is the same.
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
    device = choose_device(config)
    with joined_ranks(device) as ranks, repeatable(config.seed, device), interruptions_held() as release:
        sitting = begin_sitting(data, config, device, ranks, path, fingerprint, record)
        if not ranks.is_first:
            progress = None
        try:
            for batch in sitting.batches(n_loaders):
                loss = sitting.learn(batch)
                if save_every and sitting.done % save_every == 0 and not sitting.is_finished:
                    sitting.keep()
                if progress is not None:
                    progress(sitting.done, config.steps, loss)
                release()
        finally:
            checkpoint = sitting.end()
        ranks.wait()  # nobody looks for the checkpoint before it is written
    return checkpoint


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
