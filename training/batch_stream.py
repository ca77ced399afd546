"""The stream of a training's batches: windows with fresh sensor errors, the same with any number of loading processes.

Batch k depends on the seed and k alone, so a training that goes on from step k needs nothing but the number.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.augmentation import augment
from training.config import TrainingConfig
from training.memory_set import MemorySource
from training.window_source import WindowSource


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes
    ----------
    inputs : Tensor, shape (n_windows, n_frames, n_channels), float32
        With sensor errors.
    labels : Tensor, shape (n_windows, n_frames, n_targets), float32
        Inside units; NaN = no label.
    """

    inputs: torch.Tensor
    labels: torch.Tensor


class BatchStream(IterableDataset):
    """Batches of a training from one number on.

    Parameters
    ----------
    source : WindowSource or MemorySource
    covariances : ndarray, shape (n_records, n_vectors, 3, 3)
        From `training.augmentation.channel_covariances`.
    shifts : ndarray, shape (n_records, n_targets)
        What is added to the labels, from `training.label_offset.offset_shifts`.
    config : TrainingConfig
    first : int
        Number of the first batch.
    second : WindowSource, optional
        Of the second half of the steps: two stages, short windows first (Rapp et al. 2021).
    """

    def __init__(
        self,
        source: WindowSource | MemorySource,
        covariances: np.ndarray,
        shifts: np.ndarray,
        config: TrainingConfig,
        first: int = 0,
        second: WindowSource | MemorySource | None = None,
    ) -> None:
        super().__init__()
        self.source, self.covariances, self.shifts, self.config = source, covariances, shifts, config
        self.first, self.second = first, second or source

    def batch(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and labels of one batch."""
        rng = np.random.default_rng(np.random.SeedSequence(self.config.seed, spawn_key=(number,)))
        source = self.second if 2 * number >= self.config.steps else self.source
        windows = source.draw(self.config.batch, rng)
        inputs = augment(windows, self.covariances, **dict(self.config.augmentation), rng=rng)
        labels = windows.labels + self.shifts[windows.record][:, None]
        return torch.from_numpy(inputs), torch.from_numpy(labels)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Worker w of W makes the batches first + w, first + w + W, ...; the loader asks its workers in turn."""
        worker = get_worker_info()
        start, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in range(self.first + start, self.config.steps, step):
            yield self.batch(number)


def batches(stream: BatchStream, n_loaders: int = 0) -> Iterator[Batch]:
    """The batches of a stream, read ahead by `n_loaders` processes, or in this one.

    The state of torch's own generator is not touched: it is dropout's.
    """
    loader = DataLoader(
        stream,
        batch_size=None,
        num_workers=n_loaders,
        worker_init_fn=_leave_interruptions,
        generator=torch.Generator(),
    )
    for inputs, labels in loader:
        yield Batch(inputs, labels)


def _leave_interruptions(_worker: int) -> None:
    """Ctrl-C is for the process that trains, which ends its loaders after the step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
