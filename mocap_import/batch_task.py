"""A batch task: one piece of work of a batch, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mocap_import.worker import Answer

TRIED_AGAIN = ("crashed", "timed_out")
"""Statuses after which another attempt may end otherwise; a function that raises will raise again."""


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
    products : tuple of str
        Files that the task writes. With a ledger, one that is gone or is not the one that was written makes the task
        run again.
    """

    key: str
    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    timeout: float | None = None
    products: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes
    ----------
    key : str
    status : str
        ``"done"``, ``"failed"`` (the function raised), ``"crashed"`` (its process died), ``"timed_out"``,
        ``"skipped"`` (done in an earlier run) or ``"quarantined"`` (crashed or timed out in every attempt of an earlier
        run that allowed several).
    value : object
        What the function returned; None unless done.
    reason : str
        One sentence for everything but done; for a failed task type name and message of the exception, for a
        quarantined one what the earlier run said.
    seconds, cpu_seconds : float
        Wall and CPU time of the task alone (s).
    peak_memory : int
        Peak resident memory of its process meanwhile (bytes).
    error_type, message, traceback : str
        Of the exception, the message without the type name; `traceback` holds the last output of a process that died.
    attempts : int
        How often it was tried in this run.
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
    attempts: int = 1


def outcome_of(task: Task, answer: Answer) -> Outcome:
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


def unsendable(task: Task, problem: Exception) -> Outcome:
    """The outcome of a task whose arguments cannot be sent to another process."""
    reason = f"The arguments of {task.function} are not plain data: {problem}"
    return Outcome(task.key, "failed", reason=reason, error_type=type(problem).__name__, message=str(problem))
