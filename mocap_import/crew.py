"""A crew: who does the tasks of a batch, processes of this machine here, those of a cluster in `dask_engine`."""

from __future__ import annotations

import pickle
import queue
from collections.abc import Sequence
from typing import Protocol

from mocap_import.batch_task import Outcome, Task, outcome_of, unsendable
from mocap_import.worker import WorkerProcess, next_answer, pack_request

UNPACKABLE = (pickle.PicklingError, TypeError, AttributeError)
"""What `pack_request` raises for arguments that are no plain data."""


class Crew(Protocol):
    """Takes tasks one at a time while it has room, and gives back what came of them."""

    @property
    def has_room(self) -> bool:
        """Whether it takes another task now."""

    @property
    def is_busy(self) -> bool:
        """Whether a task is under way."""

    def submit(self, task: Task, timeout: float | None) -> Outcome | None:
        """Take a task; the outcome of one whose arguments cannot be sent."""

    def next(self) -> tuple[Task, Outcome]:
        """Wait for the first task that ends."""

    def close(self) -> None:
        """End what is still under way, at once."""


class LocalCrew:
    """Worker processes of this machine.

    Parameters
    ----------
    workers : sequence of WorkerProcess
    lives_on : bool
        Leave idle processes running when the crew is closed.
    recycle_after, recycle_memory : int, optional
        Tasks, or peak of resident memory (bytes) of a task, after which a worker is replaced by a fresh process.
    """

    def __init__(
        self,
        workers: Sequence[WorkerProcess],
        *,
        lives_on: bool = False,
        recycle_after: int | None = None,
        recycle_memory: int | None = None,
    ) -> None:
        self._workers, self._lives_on = list(workers), lives_on
        self._recycle_after, self._recycle_memory = recycle_after, recycle_memory
        self._answers: queue.Queue = queue.Queue()
        self._running: dict[WorkerProcess, Task] = {}
        self._served = dict.fromkeys(self._workers, 0)

    @property
    def has_room(self) -> bool:
        """Whether a worker is idle."""
        return len(self._running) < len(self._workers)

    @property
    def is_busy(self) -> bool:
        """Whether a worker is at work."""
        return bool(self._running)

    def submit(self, task: Task, timeout: float | None) -> Outcome | None:
        """Send a task to an idle worker."""
        worker = next(w for w in self._workers if w not in self._running)
        try:
            request = pack_request(task.function, task.arguments)
        except UNPACKABLE as problem:
            return unsendable(task, problem)
        worker.submit(task.function, request, self._answers, timeout)
        self._running[worker] = task
        return None

    def next(self) -> tuple[Task, Outcome]:
        """Wait for the first worker that answers, dies or runs out of time."""
        worker, answer = next_answer(list(self._running), self._answers)
        task = self._running.pop(worker)
        self._served[worker] += 1
        most, memory = self._recycle_after, self._recycle_memory
        if (most is not None and self._served[worker] >= most) or (memory is not None and answer.peak_memory > memory):
            worker.kill()  # the next task starts another
            self._served[worker] = 0
        return task, outcome_of(task, answer)

    def close(self) -> None:
        """End the workers; of those that live on only the busy ones."""
        for worker in self._workers:
            if not self._lives_on or worker.busy:
                worker.kill()
