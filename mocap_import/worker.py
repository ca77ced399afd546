"""A worker: a process of our own that runs named functions and may crash, hang or be killed without harm to the caller.

It exists because C++ libraries segfault on bad files, hold Python's lock for seconds, and cannot share a process
(OpenSim and CasADi). `subprocess` starts it, never `multiprocessing`, which would import the caller's script again.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mocap_import.process_end import describe_exit, signal_name
from mocap_import.worker_environment import worker_environment
from mocap_import.worker_process import receive, send

START_LIMIT = 180.0  # s to start Python and import the function's module, before the task's own clock runs
POLL = 0.2  # s between looks at the clock and at the process while waiting
PIPE_SIZE = 1 << 18  # bytes; four times the default halves the time of large arrays, and 100 workers may have it


@dataclass(frozen=True)
class Answer:
    """What came of one call: `status` as in `batch.Outcome`, the value or the reason, and what it cost."""

    status: str
    value: Any = None
    reason: str = ""
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    signal: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0


class WorkerFailed(Exception):  # noqa: N818  (says what happened, as the other exceptions of this project do)
    """A call to a worker that brought no value.

    Attributes
    ----------
    status : str
        ``"failed"`` (the function raised), ``"crashed"`` (the process died) or ``"timed_out"``.
    error_type, message : str
        Type name and text of the exception that the function raised; empty otherwise.
    traceback : str
        Its traceback, or the last output of a process that died: for logs.
    signal : str
        Name of the signal that ended the process, e.g. ``"SIGSEGV"``; empty otherwise.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer
        self.status, self.error_type, self.message = answer.status, answer.error_type, answer.message
        self.traceback, self.signal = answer.traceback, answer.signal

    def __reduce__(self) -> tuple:
        return type(self), (self.answer,)


class WorkerProcess:
    """One long-lived worker, started at the first call and again after it has died. Safe to use from many threads.

    Parameters
    ----------
    timeout : float, optional
        Seconds that a call may take; None for ever.
    memory_limit : int, optional
        Bytes of address space, where the system has such a limit (not Windows).
    preload : str, optional
        Module that the process imports as it starts, before its first call.
    folder : str, optional
        Working folder of the process; the caller's if not given.
    """

    def __init__(
        self,
        *,
        timeout: float | None = None,
        memory_limit: int | None = None,
        preload: str | None = None,
        folder: str | None = None,
    ) -> None:
        self.timeout, self.memory_limit, self.preload, self.folder = timeout, memory_limit, preload, folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._log: BinaryIO | None = None
        self._lifeline = -1
        self._owner = os.getpid()
        self._requests: queue.SimpleQueue = queue.SimpleQueue()
        self._job, self._function = 0, ""
        self._limit: float | None = None
        self._sent = 0.0
        self._deadline: float | None = None
        self._dead_since = float("inf")
        _ALIVE.add(self)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._owner == os.getpid():
            self.kill()

    @property
    def pid(self) -> int | None:
        """Process id, None where none is running."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._deadline is not None

    def call(self, function: str, arguments: dict[str, Any] | None = None, timeout: float | None = None) -> Any:
        """Run ``"module:function"`` with keyword arguments in the worker and return its value.

        Raises
        ------
        WorkerFailed
            The function raised, the process died, or the time ran out; the next call works in every case.
        """
        if self._owner != os.getpid():
            self._forget_parents_worker()
        request = pack_request(function, arguments or {})
        with self._lock:
            answers: queue.Queue = queue.Queue()
            try:
                self.submit(function, request, answers, self.timeout if timeout is None else timeout)
                _, answer = next_answer([self], answers)
            except BaseException:
                self.kill()  # an interrupted call must not leave its answer for the next one
                raise
        if answer.status != "done":
            raise WorkerFailed(answer)
        return answer.value

    def start(self) -> None:
        """Start the process if none is running, without waiting for it; the first call does so too."""
        if self.pid is None:
            self._start()

    def submit(self, function: str, request: bytes, answers: queue.Queue, timeout: float | None) -> None:
        """Send a packed call without waiting; `next_answer` on the same queue gives what came of it."""
        self.start()
        if self._log is not None:
            self._log.seek(0)
            self._log.truncate()
        self._job += 1
        self._function, self._limit, self._sent = function, timeout, time.monotonic()
        self._deadline, self._dead_since = self._sent + START_LIMIT, float("inf")
        self._requests.put((self._job, request, answers))

    def kill(self) -> None:
        """End the process at once; the next call starts another."""
        self._deadline = None
        self._requests.put(None)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._close_descriptors()

    def close(self) -> None:
        """End the process, once the call of another thread that may be under way has its answer."""
        with self._lock:
            self.kill()

    def _start(self) -> None:
        """Start the process and the thread that talks to it."""
        self._requests.put(None)  # the thread of a process that has died
        self._close_descriptors()
        try:
            self._log = tempfile.TemporaryFile(prefix="kinesynth-worker-")  # noqa: SIM115  (lives with the process)
        except OSError:
            self._log = None  # no place for temporary files: the worker's last words are lost, nothing else
        command = [sys.executable, "-P", "-m", "mocap_import.worker_process"]
        inherited: tuple[int, ...] = ()
        if os.name == "posix":
            end, self._lifeline = os.pipe()
            command.append(str(end))
            inherited = (end,)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log if self._log is not None else subprocess.DEVNULL,
            env=worker_environment(),
            cwd=self.folder,
            pass_fds=inherited,
            pipesize=PIPE_SIZE,
        )
        for descriptor in inherited:
            os.close(descriptor)
        self._requests = queue.SimpleQueue()
        path = [p or str(Path.cwd()) for p in sys.path]
        setup = {"path": path, "memory_limit": self.memory_limit, "preload": self.preload}
        threading.Thread(target=_talk, args=(self._process, setup, self._requests), daemon=True).start()

    def _take(self, job: int, content: bytes | None) -> Answer | None:
        """Turn what arrived for `job` into an answer; None if it is stale or only says that the task has started."""
        if job != self._job or not self.busy:
            return None
        if content is None:
            return self._died()
        try:
            message = pickle.loads(content)  # noqa: S301  (from the process that we started)
        except Exception as error:  # noqa: BLE001  (the border: a class that this process cannot rebuild)
            message = {"kind": "failed", "error_type": type(error).__name__, "message": f"unreadable value: {error}"}
        kind = message.pop("kind")
        if kind == "started":
            self._sent = time.monotonic()
            self._deadline = float("inf") if self._limit is None else self._sent + self._limit
            return None
        self._deadline = None
        if kind == "failed":
            message["reason"] = ": ".join(part for part in (message["error_type"], message["message"]) if part)
        return Answer(status=kind, **message)

    def _overdue(self) -> Answer | None:
        """Give up a call whose time is over, or whose process is dead while a child of it holds the channel open."""
        if not self.busy:
            return None
        now = time.monotonic()
        if self._process.poll() is not None:
            self._dead_since = min(self._dead_since, now)
            return self._died() if now - self._dead_since > 2 * POLL else None
        if now > self._deadline:
            last_words = self._last_words()
            self.kill()
            limit = START_LIMIT if self._limit is None else self._limit
            reason = f"{self._function} took longer than the {limit:g} s it may take; its process was stopped."
            return Answer("timed_out", reason=reason, traceback=last_words, seconds=now - self._sent)
        return None

    def _died(self) -> Answer:
        """Describe the death of the process during a call."""
        seconds = time.monotonic() - self._sent
        try:
            code = self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        last_words = self._last_words()
        self.kill()
        reason = f"The process that ran {self._function} {describe_exit(code)}; only this call is lost."
        ended_by = signal_name(code)
        return Answer("crashed", reason=reason, traceback=last_words, signal=ended_by, seconds=seconds)

    def _last_words(self) -> str:
        """Tail of what the process wrote to its standard error."""
        if self._log is None:
            return ""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 4000))
        return self._log.read().decode(errors="replace")

    def _forget_parents_worker(self) -> None:
        """After `os.fork` the worker belongs to the other process: drop it here without touching it."""
        self._owner, self._lock, self._process = os.getpid(), threading.Lock(), None
        self._deadline, self._requests = None, queue.SimpleQueue()
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        """Close the log and the lifeline."""
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


def next_answer(workers: list[WorkerProcess], answers: queue.Queue) -> tuple[WorkerProcess, Answer]:
    """Wait for the first of several busy workers that answers, dies or runs out of time."""
    while True:
        try:
            deadline = min((w._deadline for w in workers if w.busy), default=0.0)
            process_id, job, content = answers.get(timeout=min(POLL, max(0.001, deadline - time.monotonic())))
        except queue.Empty:
            process_id = job = content = None
        for worker in workers:
            if process_id is not None and worker._process is not None and worker._process.pid == process_id:
                answer = worker._take(job, content)
                if answer is not None:
                    return worker, answer
        for worker in workers:
            answer = worker._overdue()
            if answer is not None:
                return worker, answer


def pack_request(function: str, arguments: dict[str, Any]) -> bytes:
    """Pickle a call; raises what `pickle` raises where an argument is not plain data."""
    return pickle.dumps((function, arguments), protocol=5)


def _talk(process: subprocess.Popen, setup: dict, requests: queue.SimpleQueue) -> None:
    """Carry requests to a process and its messages back; runs in a thread of its own until the process is gone."""
    job, answers = 0, None
    try:
        send(process.stdin, setup)
        while True:
            item = requests.get()
            if item is None:
                break
            job, request, answers = item
            send(process.stdin, request)
            while True:
                content = receive(process.stdout)
                answers.put((process.pid, job, content))
                if content != _STARTED:
                    break
    except (EOFError, OSError, ValueError):
        if answers is None:
            item = requests.get()
            job, answers = (item[0], item[2]) if item is not None else (0, None)
        if answers is not None:
            answers.put((process.pid, job, None))
    finally:
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what could not be written any more
                stream.close()


_STARTED = pickle.dumps({"kind": "started"}, protocol=5)
_ALIVE: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()


@atexit.register
def _end_workers() -> None:
    """End the workers of this process with it."""
    for worker in list(_ALIVE):
        if worker._owner == os.getpid():
            worker.kill()
