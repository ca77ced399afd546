"""Progress: a bar with the time left on standard error, silent where nobody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any


class ProgressBar:
    """A bar over a known or unknown number of steps; a context manager.

    Calling it advances it by one step, whatever the argument: it may be given as `progress` to `run_tasks`.
    """

    def __init__(self, total: int | None, description: str, *, shown: bool | None = None) -> None:
        self.total, self.description = total, description
        self.shown = sys.stderr.isatty() if shown is None else shown
        self._display: Any = None
        self._line: Any = None

    def __enter__(self) -> ProgressBar:
        if self.shown:
            from rich import progress
            from rich.console import Console

            self._display = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                progress.TextColumn("left"),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._display.start()
            self._line = self._display.add_task(self.description, total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None

    def __call__(self, _finished: object = None) -> None:
        """Advance by one."""
        self.advance()

    def advance(self, steps: float = 1, description: str | None = None) -> None:
        """Advance by `steps`, and say what is being done now where `description` is given."""
        if self._display is not None:
            self._display.update(self._line, advance=steps, description=description or self.description)


class _TrackedItems(ProgressBar):
    """A bar that walks over items itself."""

    def __init__(self, items: Iterable, description: str, shown: bool | None) -> None:
        total = len(items) if hasattr(items, "__len__") else None
        super().__init__(total, description, shown=shown)
        self._items = items

    def __iter__(self) -> Iterator:
        with self:
            for item in self._items:
                yield item
                self.advance()


def track(iterable_or_total: Iterable | int | None, description: str, *, shown: bool | None = None) -> ProgressBar:
    """Make a progress bar.

    Parameters
    ----------
    iterable_or_total : iterable or int or None
        Items to walk over (``for trial in track(trials, "Reading"):``), or a number of steps for a bar that is advanced
        by hand (``with track(12, "Solving") as bar: bar.advance()``); None where the number is unknown.
    description : str
    shown : bool, optional
        Default: only where standard error is a terminal. Commands give False under ``--json``.
    """
    if iterable_or_total is None or isinstance(iterable_or_total, int):
        return ProgressBar(iterable_or_total, description, shown=shown)
    return _TrackedItems(iterable_or_total, description, shown)
