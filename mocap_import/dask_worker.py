"""The far end of the Dask engine: what runs in a Dask worker, one process of our own for each of its threads.

The task itself runs in a `WorkerProcess`, as it does without Dask: its memory and time limits are the same, what kills
it does not kill the Dask worker, libraries that cannot share a process never meet, and it dies with the Dask worker.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import platform
import queue
import signal
import threading
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from mocap_import.worker import Answer, WorkerProcess, next_answer

PACKAGES = ("mocap_import", "opensim_models", "synth", "training")
LIBRARIES = ("numpy", "scipy", "h5py", "pandas", "numba", "casadi", "opensim", "torch")
"""Whose versions must be those of the caller, for the results to be the same."""
_SEATS = threading.local()
_LOCK = threading.Lock()
_RUNS: dict[str, set[WorkerProcess]] = {}
_ENDED: set[str] = set()


@dataclass(frozen=True)
class SeatSettings:
    """How the process of one thread is set up; another run or other settings start another process.

    Attributes
    ----------
    run : str
        Which run it belongs to.
    folder : str
        Working folder, so that relative paths mean what they mean to the caller.
    memory_limit : int, optional
        Bytes of address space.
    recycle_after, recycle_memory : int, optional
        As of `mocap_import.batch.run_tasks`.
    """

    run: str
    folder: str
    memory_limit: int | None = None
    recycle_after: int | None = None
    recycle_memory: int | None = None


class _Seat:
    """The process of one thread of a Dask worker, and how many tasks it has done."""

    def __init__(self, settings: SeatSettings) -> None:
        self.settings = settings
        self.worker = WorkerProcess(memory_limit=settings.memory_limit, folder=settings.folder)
        self.served = 0


def run_requests(settings: SeatSettings, calls: list[tuple[str, bytes, float | None]]) -> bytes:
    """Run packed calls (function, request, timeout) one after another in this thread's process.

    Returns
    -------
    bytes
        A pickle of one `Answer` a call, whatever comes of it; Dask carries bytes as they are.
    """
    return pickle.dumps([_answer(settings, *call) for call in calls], protocol=5)


def _answer(settings: SeatSettings, function: str, request: bytes, timeout: float | None) -> Answer:
    """Run one packed call."""
    with _LOCK:
        if settings.run in _ENDED:
            return Answer("crashed", reason=f"{function} was not begun: its run was ended.")
        seat = _seat(settings)
        answers: queue.Queue = queue.Queue()
        try:
            seat.worker.submit(function, request, answers, timeout)
        except OSError as problem:
            reason = f"no process for {function} could be started in {settings.folder} on a worker: {problem}"
            return Answer("crashed", reason=reason)
    _, answer = next_answer([seat.worker], answers)
    seat.served += 1
    most, memory = settings.recycle_after, settings.recycle_memory
    if (most is not None and seat.served >= most) or (memory is not None and answer.peak_memory > memory):
        seat.worker.kill()  # the next task starts another
        seat.served = 0
    return answer


def end_run(run: str) -> None:
    """End the processes of a run at once, also those in the middle of a task."""
    with _LOCK:
        _ENDED.add(run)
        for worker in _RUNS.pop(run, ()):
            if not worker.busy:
                worker.kill()
            elif worker.pid is not None:  # its own thread sees the death and tidies up
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)


def worker_facts() -> dict[str, str]:
    """Versions of Python and of the libraries that shape results, and a hash of our own source files."""
    found = {"Python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "not installed"
    return found | {"Kinesynth's source": source_hash()}


@cache
def source_hash() -> str:
    """SHA-256 (16 digits) of the Python files and data files of our packages."""
    root = Path(__file__).resolve().parents[1]
    found = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".toml", ".json", ".csv", ".osim"):
                found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def sees_token(folder: str, token: str) -> bool:
    """Whether a folder is here and holds a file of this name; without a name, whether it is here."""
    return (Path(folder) / token).exists()


def _seat(settings: SeatSettings) -> _Seat:
    """Process of the current thread, set up as asked for."""
    seat: _Seat | None = getattr(_SEATS, "seat", None)
    if seat is None or seat.settings != settings:
        if seat is not None:
            seat.worker.kill()
            _RUNS.get(seat.settings.run, set()).discard(seat.worker)
        seat = _SEATS.seat = _Seat(settings)
        _RUNS.setdefault(settings.run, set()).add(seat.worker)
    return seat
