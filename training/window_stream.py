"""A stream of random windows for a torch ``DataLoader``: the same batches with any number of worker processes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import IterableDataset, get_worker_info

from synth.corpus.window_reader import WindowReader


class WindowStream(IterableDataset):
    """Batches of a `WindowReader` as tensors; give it to ``DataLoader(stream, batch_size=None, num_workers=...)``.

    Worker w of W makes the batches w, w + W, ...; the loader asks its workers in turn, so the order is that of the
    numbers whether the workers are forked, spawned or none.

    Parameters
    ----------
    reader : WindowReader
    n_batches : int
        Batches of an epoch.
    n_windows : int
        Windows of a batch.
    """

    def __init__(self, reader: WindowReader, n_batches: int, n_windows: int) -> None:
        super().__init__()
        self.reader, self.n_batches, self.n_windows = reader, n_batches, n_windows
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # persistent workers see it change

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.n_batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next pass over the loader draws."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Records (n_windows, length, n_channels), place of the trial and first frame of each window."""
        worker, epoch = get_worker_info(), int(self._epoch)
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in range(first, self.n_batches, step):
            made = self.reader.batch(epoch, number, self.n_windows)
            yield tuple(torch.from_numpy(array) for array in (made.records, made.trial, made.start))
