"""A batch: many independent tasks in worker processes, each with its limits, resumable. Interface version 1.

It knows nothing of biomechanics. The interface that the packages above rely on, frozen as version 1:

* a `Task` names a function as ``"module:function"`` and gives it keyword arguments of plain data and arrays;
* `run_tasks` yields one `Outcome` a task in the order of completion; nothing that a task does (raise, segfault, hang,
  be killed, eat memory) ends the run or touches another task;
* with a ledger, tasks done before with the same fingerprint come back as ``"skipped"``; a task counts as done once the
  caller asks for the next outcome, so that what the caller stores of its value is never behind the ledger;
* Ctrl-C ends the workers at once and raises KeyboardInterrupt; what is in the ledger stays;
* `WorkerProcess.call` is the same for a single worker that lives on between calls, `WorkerFailed` what it raises;
* `ExitCode` and `exit_code` give the exit status of every command.

Later versions may add keyword arguments and fields, never change these. Added since: `Task.products` (files that must
be the ones that were written), ``attempts`` and ``retry`` (what crashes or takes too long is tried again, then
quarantined in the ledger), ``crew`` (the tasks run elsewhere, see `engine`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from mocap_import.batch_task import TRIED_AGAIN, Outcome, Task
from mocap_import.crew import Crew, LocalCrew
from mocap_import.ledger import Ledger
from mocap_import.product import product_hash
from mocap_import.worker import WorkerFailed, WorkerProcess

__all__ = ["ExitCode", "Outcome", "Task", "WorkerFailed", "WorkerProcess", "exit_code", "run_tasks"]

INTERFACE_VERSION = 1


class ExitCode(IntEnum):
    """Exit status of the commands that treat many inputs."""

    ALL = 0
    ERROR = 1
    USAGE = 2
    SOME = 3
    NONE = 4
    INTERRUPTED = 130


def exit_code(n_done: int, n_failed: int) -> ExitCode:
    """Exit status from how many inputs were done (or done before) and how many were not."""
    if n_done == 0:
        return ExitCode.NONE
    return ExitCode.ALL if n_failed == 0 else ExitCode.SOME


def run_tasks(
    tasks: Iterable[Task],
    *,
    n_workers: int = 1,
    timeout: float | None = None,
    memory_limit: int | None = None,
    ledger: Path | None = None,
    progress: Callable[[Outcome], object] | None = None,
    recycle_after: int | None = None,
    recycle_memory: int | None = None,
    workers: Sequence[WorkerProcess] | None = None,
    attempts: int = 1,
    retry: bool = False,
    crew: Crew | None = None,
) -> Iterator[Outcome]:
    """Run tasks in worker processes and yield their outcomes as they complete.

    Parameters
    ----------
    tasks : iterable of Task
        Taken one by one as workers become free, so their arguments need not be in memory together.
    n_workers : int
        Processes at the same time.
    timeout : float, optional
        Seconds a task may take, counted from when its function has been imported.
    memory_limit : int, optional
        Bytes of address space of a worker.
    ledger : Path, optional
        SQLite file that lets an interrupted run go on.
    progress : callable, optional
        Called with every outcome, e.g. the bar of `mocap_import.progress.track`.
    recycle_after : int, optional
        Tasks after which a worker is replaced by a fresh process.
    recycle_memory : int, optional
        Peak of resident memory (bytes) of a task after which its worker is replaced.
    workers : sequence of WorkerProcess, optional
        Processes that do the work in place of `n_workers` new ones and live on for another run.
    attempts : int
        How often a task is tried that crashes or takes too long; one that raises is not tried again. With more than
        one and a ledger, what fails every time is quarantined there: later runs do not try it.
    retry : bool
        Try what is quarantined once more.
    crew : Crew, optional
        Does the tasks in place of workers of this machine; it is closed at the end.

    Raises
    ------
    ValueError
        Two tasks have one key, or `n_workers` or `attempts` is below 1.
    OSError
        The ledger cannot be used.
    """
    for name, number in (("n_workers", n_workers), ("attempts", attempts)):
        if number < 1:
            what = "worker" if name == "n_workers" else "attempt a task"
            raise ValueError(f"A batch needs at least 1 {what}; got {name}={number}.")
    record = None if ledger is None else Ledger(ledger)
    if crew is None:
        own = [WorkerProcess(memory_limit=memory_limit) for _ in range(n_workers)] if workers is None else workers
        limits = {"recycle_after": recycle_after, "recycle_memory": recycle_memory}
        crew = LocalCrew(own, lives_on=workers is not None, **limits)
    try:
        for task, outcome in _outcomes(_unique(tasks), crew, timeout, attempts, _Memory(record, retry)):
            if progress is not None:
                progress(outcome)
            yield outcome
            if record is not None and outcome.status not in ("skipped", "quarantined"):
                gives_up = attempts > 1 and outcome.status in TRIED_AGAIN
                status = "quarantined" if gives_up else outcome.status
                made = product_hash(task.products) if outcome.status == "done" else ""
                record.record(task.key, task.fingerprint, status, outcome.reason, outcome.seconds, made)
    finally:
        crew.close()
        if record is not None:
            record.close()


@dataclass(frozen=True)
class _Memory:
    """What earlier runs know of tasks."""

    ledger: Ledger | None
    retry: bool

    def outcome(self, task: Task) -> Outcome | None:
        """Of a task that need not be tried; None of one that is to be done."""
        found = None if self.ledger is None else self.ledger.find(task.key, task.fingerprint)
        if found is None:
            return None
        if found.status == "done" and (not task.products or found.product == product_hash(task.products) != ""):
            return Outcome(task.key, "skipped", reason="done in an earlier run")
        if found.status == "quarantined" and not self.retry:
            return Outcome(task.key, "quarantined", reason=found.reason, attempts=0)
        return None


def _outcomes(
    tasks: Iterator[Task], crew: Crew, timeout: float | None, attempts: int, memory: _Memory
) -> Iterator[tuple[Task, Outcome]]:
    """Hand tasks to the crew while it has room and yield what comes back."""
    again: deque[Task] = deque()
    tried: Counter[str] = Counter()
    exhausted = False
    done: list[tuple[Task, Outcome]] = []
    while True:
        while (again or not exhausted) and crew.has_room:
            task = again.popleft() if again else next(tasks, None)
            if task is None:
                exhausted = True
                continue
            known = None if task.key in tried else memory.outcome(task)
            if known is None:
                known = crew.submit(task, timeout if task.timeout is None else task.timeout)
            if known is not None:
                yield task, known
        # Told only now, so that no worker waits for what the caller does with an outcome.
        yield from done
        if not crew.is_busy:
            return
        task, outcome = crew.next()
        tried[task.key] += 1
        if outcome.status in TRIED_AGAIN and tried[task.key] < attempts:
            again.append(task)
            done = []
        else:
            done = [(task, replace(outcome, attempts=tried.pop(task.key)))]


def _unique(tasks: Iterable[Task]) -> Iterator[Task]:
    """Refuse a second task of the same key."""
    seen: set[str] = set()
    for task in tasks:
        if task.key in seen:
            raise ValueError(f"Two tasks of this batch have the key {task.key!r}; keys must be unique.")
        seen.add(task.key)
        yield task
