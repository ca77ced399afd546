"""Progress line: how far a run is, as plain lines for a log, where nobody sees a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY = 10.0
"""Seconds between two lines."""


class ProgressLine:
    """Writes ``motion: 12 of 80, about 3 min left`` every ten seconds; a context manager that is called a step.

    Parameters
    ----------
    total : int
        Steps.
    description : str
    stream : file, optional
        Standard error if None.
    clock : callable, optional
        Seconds, for tests.
    """

    def __init__(
        self,
        total: int,
        description: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.description, self.clock = total, description, clock
        self.stream = stream or sys.stderr
        self.done = 0
        self.first = self.said = clock()

    def __enter__(self) -> ProgressLine:
        self.first = self.said = self.clock()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def __call__(self, _finished: object = None) -> None:
        """One step more."""
        self.done += 1
        now = self.clock()
        if self.done == 1:  # pays for what a machine prepares once, so it says little about the others
            self.first = now
        if now - self.said < EVERY or self.done >= self.total:
            return
        self.said = now
        line = f"{self.description}: {self.done} of {self.total}"
        if self.done > 1:
            left = (now - self.first) / (self.done - 1) * (self.total - self.done)
            line += f", about {_words(left)} left"
        print(line, file=self.stream, flush=True)


def _words(seconds: float) -> str:
    """A time to wait, as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
