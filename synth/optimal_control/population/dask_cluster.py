"""Population on Dask: the chunks of a population run on the workers of a Dask cluster.

All workers must see the folder of the corpus, for that is where they write their chunks. Dask is an optional
dependency: ``pip install "kinesynth[dask]"``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

from mocap_import.batch import Outcome, Task


def dask_runner(address: str) -> Callable[[list[Task]], Iterator[Outcome]]:
    """What runs tasks on the cluster of a scheduler.

    Parameters
    ----------
    address : str
        Of the scheduler, e.g. ``"tcp://node1:8786"``.

    Returns
    -------
    callable
        Tasks → outcomes in the order of completion; a lost worker's task is tried again by Dask, one that raises comes
        back as ``"failed"``.

    Raises
    ------
    ValueError
        Dask is not installed, or nobody answers at the address.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as problem:
        raise ValueError('--dask needs the package distributed: pip install "kinesynth[dask]"') from problem

    def run(tasks: list[Task]) -> Iterator[Outcome]:
        try:
            client = distributed.Client(address, timeout="20s")
        except OSError as problem:
            raise ValueError(f"no Dask scheduler answers at {address}; start one with `dask scheduler`") from problem
        with client:
            futures = {client.submit(call_named, t.function, t.arguments, key=t.key, pure=False): t for t in tasks}
            try:
                for future in distributed.as_completed(list(futures)):
                    yield _outcome(future, futures[future])
            finally:
                client.cancel(list(futures))

    return run


def call_named(function: str, arguments: dict) -> object:
    """Call ``"module:function"``; what a Dask worker runs."""
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)(**arguments)


def _outcome(future: object, task: Task) -> Outcome:
    if future.status == "finished":
        return Outcome(task.key, "done", future.result())
    error = future.exception() if future.status == "error" else RuntimeError(f"Dask says {future.status}")
    reason = f"{type(error).__name__}: {error}"
    return Outcome(task.key, "failed", reason=reason, error_type=type(error).__name__, message=str(error))
