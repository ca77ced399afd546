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

Later versions may add keyword arguments and fields, never change these.
"""

from __future__ import annotations

import pickle
import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from pathlib import Path
from typing import Any

from mocap_import.ledger import Ledger
from mocap_import.worker import Answer, WorkerFailed, WorkerProcess, next_answer, pack_request

__all__ = ["ExitCode", "Outcome", "Task", "WorkerFailed", "WorkerProcess", "exit_code", "run_tasks"]

INTERFACE_VERSION = 1


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Attributes
    ----------
    key : str
        Its name, unique in a run and stable between runs.
    function : str
        ``"module:function"``, importable in a fresh process.
    arguments : dict
        Keyword arguments: plain data and arrays.
    fingerprint : str
        What the result depends on, e.g. a hash of the source file and the settings: another one makes it run again.
    timeout : float, optional
        Seconds that this task may take, in place of those of the run.
    """

    key: str
    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    timeout: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes
    ----------
    key : str
    status : str
        ``"done"``, ``"failed"`` (the function raised), ``"crashed"`` (its process died), ``"timed_out"`` or
        ``"skipped"`` (done in an earlier run).
    value : object
        What the function returned; None unless done.
    reason : str
        One sentence for everything but done; for a failed task type name and message of the exception.
    seconds, cpu_seconds : float
        Wall and CPU time of the task alone (s).
    peak_memory : int
        Peak resident memory of its process meanwhile (bytes).
    error_type, message, traceback : str
        Of the exception, the message without the type name; `traceback` holds the last output of a process that died.
    """

    key: str
    status: str
    value: Any = None
    reason: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    error_type: str = ""
    message: str = ""
    traceback: str = ""


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

    Raises
    ------
    ValueError
        Two tasks have one key, or `n_workers` is below 1.
    OSError
        The ledger cannot be used.
    """
    if n_workers < 1:
        raise ValueError(f"A batch needs at least 1 worker; got n_workers={n_workers}.")
    record = None if ledger is None else Ledger(ledger)
    crew = [WorkerProcess(memory_limit=memory_limit) for _ in range(n_workers)] if workers is None else list(workers)
    try:
        for task, outcome in _outcomes(_unique(tasks), crew, timeout, record, (recycle_after, recycle_memory)):
            if progress is not None:
                progress(outcome)
            yield outcome
            if record is not None and outcome.status != "skipped":
                record.record(task.key, task.fingerprint, outcome.status, outcome.reason, outcome.seconds)
    finally:
        for worker in crew:
            if workers is None or worker.busy:
                worker.kill()
        if record is not None:
            record.close()


def _outcomes(
    tasks: Iterator[Task],
    workers: list[WorkerProcess],
    timeout: float | None,
    ledger: Ledger | None,
    recycle: tuple[int | None, int | None],
) -> Iterator[tuple[Task, Outcome]]:
    """Hand tasks to idle workers and yield what comes back."""
    answers: queue.Queue = queue.Queue()
    running: dict[WorkerProcess, Task] = {}
    served = dict.fromkeys(workers, 0)
    tasks = chain(tasks)
    exhausted = False
    done: list[tuple[Task, Outcome]] = []
    while True:
        while not exhausted and len(running) < len(workers):
            task = next(tasks, None)
            if task is None:
                exhausted = True
            elif ledger is not None and ledger.is_done(task.key, task.fingerprint):
                yield task, Outcome(task.key, "skipped", reason="done in an earlier run")
            else:
                worker = next(w for w in workers if w not in running)
                refusal = _submit(worker, task, answers, timeout if task.timeout is None else task.timeout)
                if refusal is None:
                    running[worker] = task
                else:
                    yield task, refusal
        # Told only now, so that no worker waits for what the caller does with an outcome.
        yield from done
        if not running:
            return
        worker, answer = next_answer(list(running), answers)
        task = running.pop(worker)
        served[worker] += 1
        most, memory = recycle
        if (most is not None and served[worker] >= most) or (memory is not None and answer.peak_memory > memory):
            worker.kill()  # the next task starts another
            served[worker] = 0
        done = [(task, _outcome(task, answer))]


def _submit(worker: WorkerProcess, task: Task, answers: queue.Queue, timeout: float | None) -> Outcome | None:
    """Send a task to a worker; the outcome of one whose arguments cannot be sent."""
    try:
        request = pack_request(task.function, task.arguments)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        reason = f"The arguments of {task.function} are not plain data: {error}"
        return Outcome(task.key, "failed", reason=reason, error_type=type(error).__name__, message=str(error))
    worker.submit(task.function, request, answers, timeout)
    return None


def _outcome(task: Task, answer: Answer) -> Outcome:
    """The outcome of a task from its worker's answer."""
    return Outcome(
        task.key,
        answer.status,
        answer.value,
        answer.reason,
        answer.seconds,
        answer.cpu_seconds,
        answer.peak_memory,
        answer.error_type,
        answer.message,
        answer.traceback,
    )


def _unique(tasks: Iterable[Task]) -> Iterator[Task]:
    """Refuse a second task of the same key."""
    seen: set[str] = set()
    for task in tasks:
        if task.key in seen:
            raise ValueError(f"Two tasks of this batch have the key {task.key!r}; keys must be unique.")
        seen.add(task.key)
        yield task
