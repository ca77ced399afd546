"""The Dask engine: tasks on the workers of a Dask cluster, with the limits and the outcomes of local ones.

Dask (`distributed`) is an optional dependency, ``pip install "kinesynth[dask]"``. Workers must see the folders of the
command under the same paths. Messages between caller, scheduler and workers are pickles: a cluster must be one that
only its owner can reach.
"""

from __future__ import annotations

import importlib
import logging
import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mocap_import.batch import run_tasks
from mocap_import.batch_task import Outcome, Task, outcome_of, unsendable
from mocap_import.crew import UNPACKABLE
from mocap_import.dask_worker import SeatSettings, end_run, run_requests, sees_token, worker_facts
from mocap_import.engine import EngineFailed
from mocap_import.worker import Answer, pack_request

CONNECT = 20.0
"""Seconds in which a scheduler must answer."""
PATIENCE = 24 * 3600.0
"""Seconds to wait for the first worker, which a queue of a cluster may hold back."""
AHEAD = 2
"""Bundles of tasks given to the cluster for each of its threads, so that none waits for the caller."""
BUNDLE_SECONDS, MOST_IN_BUNDLE = 1.0, 100
"""Work (s) and number of tasks that travel together: a bundle is what is done again when a worker dies."""
_LOOK_EVERY = 5.0
"""Seconds between looks at how many threads the cluster has now."""


class DaskEngine:
    """Tasks on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected; it stays open.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def n_workers(self) -> int:
        """Threads of all workers of the cluster, at least 1."""
        return max(1, sum(self._client.nthreads().values()))

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
        recycle_after: int | None = None,
        recycle_memory: int | None = None,
    ) -> Iterator[Outcome]:
        """Outcomes of tasks in the order of completion; parameters as of `mocap_import.batch.run_tasks`."""
        settings = SeatSettings(uuid.uuid4().hex, str(Path.cwd()), memory_limit, recycle_after, recycle_memory)
        wishes = {"timeout": timeout, "ledger": ledger, "progress": progress, "attempts": attempts, "retry": retry}
        return run_tasks(tasks, crew=_DaskCrew(self._client, settings), **wishes)

    def check_shared(self, written: Path, *read: Path) -> None:
        """Raise `EngineFailed` where a worker does not see the folder that tasks write in, or what they read.

        A token, there for a moment, tells that the folder under this path is the same one; in what is only read
        nothing is written.
        """
        token = f".kinesynth-{uuid.uuid4().hex}"
        mark = Path(written).absolute() / token
        mark.touch()
        try:
            self._require_seen(Path(written), token)
        finally:
            mark.unlink(missing_ok=True)
        self.check_shared_files(*read)

    def check_shared_files(self, *read: Path) -> None:
        """Raise `EngineFailed` where a worker does not see what tasks read."""
        for place in read:
            self._require_seen(Path(place), "")

    def _require_seen(self, place: Path, token: str) -> None:
        seen = self._client.run(sees_token, str(place.absolute()), token)
        blind = sum(not sees for sees in seen.values())
        if blind:
            raise EngineFailed(
                f"{place}: {blind} of {len(seen)} Dask workers do not see it under {place.absolute()}; all of them "
                "must share it (a network file system) under the same path: take a shared folder."
            )

    def check_versions(self) -> None:
        """Raise `EngineFailed` where a worker has other versions than this process: its results could differ."""
        ours = worker_facts()
        for address, theirs in self._client.run(worker_facts).items():
            for name, version in ours.items():
                if theirs.get(name) != version:
                    raise EngineFailed(
                        f"the Dask worker {address} has {name} {theirs.get(name)}, this process {version}; results "
                        "would differ: start the workers from the environment of this command."
                    )


@contextmanager
def dask_engine(scheduler: str = "", *, n_workers: int = 1) -> Iterator[DaskEngine]:
    """The engine on a cluster: one that runs already, or one of `n_workers` processes on this machine for now.

    Parameters
    ----------
    scheduler : str
        Address (``"tcp://node1:8786"``) or scheduler file (``.json``); empty for a cluster on this machine.
    n_workers : int
        Of that cluster.

    Raises
    ------
    EngineFailed
        Dask is not installed, nobody answers, no worker comes, or workers have other versions.
    """
    distributed = _distributed()
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it says of a lost scheduler, we say
    if scheduler:
        where = {"scheduler_file": scheduler} if scheduler.endswith(".json") else {"address": scheduler}
        if scheduler.endswith(".json") and not Path(scheduler).is_file():
            raise EngineFailed(f"{scheduler}: no such scheduler file; `dask scheduler --scheduler-file` writes it.")
        try:
            client = distributed.Client(**where, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as problem:
            raise EngineFailed(
                f"no Dask scheduler answers at {scheduler}; start one with `dask scheduler`, or give its address."
            ) from problem
        with client:
            yield _checked(client, scheduler)
        return
    own = {"n_workers": n_workers, "threads_per_worker": 1, "processes": True, "memory_limit": 0}
    own["silence_logs"] = logging.CRITICAL  # a worker that is slow to leave is of no concern
    with (
        distributed.LocalCluster(**own, dashboard_address="127.0.0.1:0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield _checked(client, "this machine")


def _distributed() -> Any:
    """The package `distributed`."""
    try:
        return importlib.import_module("distributed")
    except ImportError as problem:
        raise EngineFailed('--engine dask needs the package distributed: pip install "kinesynth[dask]"') from problem


def _checked(client: Any, scheduler: str) -> DaskEngine:
    """The engine, once the first worker is there and all have our versions."""
    engine = DaskEngine(client)
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except OSError as problem:
        raise EngineFailed(f"no Dask worker has come to {scheduler}; start some with `dask worker`.") from problem
    engine.check_versions()
    return engine


class _DaskCrew:
    """The workers of a cluster as a crew, see `mocap_import.crew.Crew`.

    Short tasks travel in bundles of about `BUNDLE_SECONDS`, for each message to the cluster costs some milliseconds.
    """

    def __init__(self, client: Any, settings: SeatSettings) -> None:
        self._client, self._settings = client, settings
        self._bundle: list[tuple[Task, tuple[str, bytes, float | None]]] = []
        self._running: dict[Any, list[Task]] = {}
        self._arrived: deque[tuple[Task, Answer]] = deque()
        self._completed = _distributed().as_completed([], loop=client.loop, with_results=True, raise_errors=False)
        self._n_submitted, self._n_threads, self._looked = 0, 1, float("-inf")
        self._seconds = BUNDLE_SECONDS

    @property
    def has_room(self) -> bool:
        """Whether the cluster has fewer bundles than would keep all of its threads busy."""
        if time.monotonic() - self._looked > _LOOK_EVERY:
            self._n_threads = max(1, sum(self._client.nthreads().values()))
            self._looked = time.monotonic()
        return len(self._running) < AHEAD * self._n_threads

    @property
    def is_busy(self) -> bool:
        """Whether a task is under way."""
        return bool(self._running or self._bundle or self._arrived)

    def submit(self, task: Task, timeout: float | None) -> Outcome | None:
        """Put a task into a bundle, and send that when it is full."""
        try:
            request = pack_request(task.function, task.arguments)
        except UNPACKABLE as problem:
            return unsendable(task, problem)
        self._bundle.append((task, (task.function, request, timeout)))
        if len(self._bundle) >= min(MOST_IN_BUNDLE, BUNDLE_SECONDS / max(self._seconds, 1e-6)):
            self._send()
        return None

    def next(self) -> tuple[Task, Outcome]:
        """Wait for the first task that ends."""
        if not self._arrived:
            self._send()  # there are no more tasks to fill it
            future, result = next(self._completed)
            self._arrived.extend(self._answers(future, self._running.pop(future), result))
            future.release()
        task, answer = self._arrived.popleft()
        self._seconds += 0.1 * (answer.seconds - self._seconds)
        return task, outcome_of(task, answer)

    def close(self) -> None:
        """Cancel what waits and end the processes of this run on all workers."""
        waiting = list(self._running)
        self._running.clear()
        with suppress(Exception):  # a cluster that is gone has nothing left to end
            if waiting:
                self._client.cancel(waiting, force=True)
            self._client.run(end_run, self._settings.run, on_error="ignore")

    def _send(self) -> None:
        """Give the bundle to the scheduler."""
        if not self._bundle:
            return
        self._n_submitted += 1
        key = f"{self._settings.run}-{self._n_submitted}"
        calls = [call for _, call in self._bundle]
        future = self._client.submit(run_requests, self._settings, calls, key=key, pure=False)
        self._running[future] = [task for task, _ in self._bundle]
        self._bundle = []
        self._completed.add(future)

    @staticmethod
    def _answers(future: Any, tasks: list[Task], result: Any) -> list[tuple[Task, Answer]]:
        """What came of the tasks of a bundle."""
        if future.status == "finished":
            answers = pickle.loads(result)  # noqa: S301  (from our own workers)
            return list(zip(tasks, answers, strict=True))
        if future.status == "error":
            return [(task, _dask_failure(task, future.exception())) for task in tasks]
        raise EngineFailed(
            f"the Dask scheduler is gone ({tasks[0].key} is {future.status}); what was finished is kept: start the "
            "cluster again and run the same command."
        )


def _dask_failure(task: Task, error: BaseException) -> Answer:
    """The answer for a task that Dask could not bring to an end, in our words."""
    if type(error).__name__ == "KilledWorker":
        reason = f"Every Dask worker that ran {task.function} died; only this call is lost."
        return Answer("crashed", reason=reason)
    reason = f"Dask could not run {task.function}: {type(error).__name__}: {error}"
    return Answer("failed", reason=reason, error_type=type(error).__name__, message=str(error))
