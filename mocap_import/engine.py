"""An engine: where the tasks of a command run, in processes of this machine or on a Dask cluster.

The tasks, their limits and what comes of them are the same on both, and so are the products, which commands write in
the order of names whatever the order in which tasks end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mocap_import.batch import run_tasks
from mocap_import.batch_task import Outcome, Task

ENGINES = ("local", "dask")
ATTEMPTS = 2
"""How often commands try a task that crashes or takes too long, before they quarantine it."""


class EngineFailed(Exception):  # noqa: N818  (says what happened, as the other exceptions of this project do)
    """An engine cannot run tasks, or cannot any more; what was finished is kept."""


class Engine(Protocol):
    """Runs tasks somewhere."""

    @property
    def n_workers(self) -> int:
        """Tasks at the same time."""

    def run(
        self,
        tasks: Iterable[Task],
        *,
        timeout: float | None = None,
        memory_limit: int | None = None,
        ledger: Path | None = None,
        progress: Callable[[Outcome], object] | None = None,
        attempts: int = 1,
        retry: bool = False,
        **recycle: Any,
    ) -> Iterator[Outcome]:
        """Outcomes of tasks in the order of completion; parameters as of `mocap_import.batch.run_tasks`."""

    def check_shared(self, written: Path, *read: Path) -> None:
        """Raise `EngineFailed` where a worker does not see the folder that tasks write in, or what they read."""

    def check_shared_files(self, *read: Path) -> None:
        """Raise `EngineFailed` where a worker does not see what tasks read."""


class LocalEngine:
    """Worker processes of this machine."""

    def __init__(self, n_workers: int = 1) -> None:
        self._n_workers = n_workers

    @property
    def n_workers(self) -> int:
        """Processes at the same time."""
        return self._n_workers

    def run(self, tasks: Iterable[Task], **limits: Any) -> Iterator[Outcome]:
        """Outcomes of tasks in the order of completion; keyword arguments of `mocap_import.batch.run_tasks`."""
        return run_tasks(tasks, n_workers=self._n_workers, **limits)

    def check_shared(self, written: Path, *read: Path) -> None:
        """Processes of this machine see what the caller sees."""

    def check_shared_files(self, *read: Path) -> None:
        """Processes of this machine see what the caller sees."""


@contextmanager
def open_engine(word: str = "local", *, n_workers: int = 1, scheduler: str = "") -> Iterator[Engine]:
    """The engine that a command was asked for.

    Parameters
    ----------
    word : str
        ``"local"`` or ``"dask"``.
    n_workers : int
        Processes of the local engine, or of a Dask cluster on this machine where no scheduler is given.
    scheduler : str
        Of a Dask cluster: its address (``"tcp://node1:8786"``) or its scheduler file (``.json``).

    Raises
    ------
    EngineFailed
        The word is neither, a scheduler was given to the local engine, Dask is not installed, nobody answers at the
        address, or the cluster's workers have other versions than this process.
    """
    if word not in ENGINES:
        raise EngineFailed(f"--engine {word}: expected one of {', '.join(ENGINES)}.")
    if word == "local":
        if scheduler:
            raise EngineFailed(f"--scheduler {scheduler} belongs to --engine dask; add it, or leave the address out.")
        yield LocalEngine(n_workers)
        return
    from mocap_import.dask_engine import dask_engine

    with dask_engine(scheduler, n_workers=n_workers) as engine:
        yield engine
