"""Task work: the tasks of a motion run done on an engine or in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap_import.batch import Task
from mocap_import.engine import ATTEMPTS, Engine
from opensim_models.kernel.preparation import prepare_kernels

TIMEOUT = 600.0
CANNOT_WRITE = ("OSError", "PermissionError", "FileNotFoundError")
"""Errors that end a run: the next trial could not be written either."""
LEDGER = "motion.ledger"


@dataclass(frozen=True)
class TaskWork:
    """Where the tasks of a run are done.

    Attributes
    ----------
    engine : Engine, optional
        None does them in this process, without limits.
    ledger : Path, optional
        Remembers what crashed or took too long in every attempt.
    retry : bool
        Try that again.
    """

    engine: Engine | None = None
    ledger: Path | None = None
    retry: bool = False

    def outcomes(self, tasks: list[Task], function: Callable[..., Any]) -> Iterator[tuple[str, Any, str]]:
        """Key, value and reason of each task; `function` is the one that all of them name.

        Raises
        ------
        OSError
            A product cannot be written.
        """
        if self.engine is None:
            yield from _done_here(tasks, function)
            return
        if not tasks:
            return
        prepare_kernels()
        limits = {"timeout": TIMEOUT, "attempts": ATTEMPTS, "ledger": self.ledger, "retry": self.retry}
        for outcome in self.engine.run(tasks, **limits):
            if outcome.error_type in CANNOT_WRITE:
                raise OSError(outcome.message)
            yield outcome.key, outcome.value, outcome.reason


def _done_here(tasks: list[Task], function: Callable[..., Any]) -> Iterator[tuple[str, Any, str]]:
    """Key, value and reason of each task, done in this process."""
    for task in tasks:
        try:
            value, reason = function(**task.arguments), ""
        except Exception as error:  # the border: one trial must not end the run
            if type(error).__name__ in CANNOT_WRITE:
                raise
            value, reason = None, ": ".join(part for part in (type(error).__name__, str(error)) if part)
        yield task.key, value, reason
