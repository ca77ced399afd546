"""The boundary between two steps: Ctrl-C waits for it, so that no state is ever half of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptions_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back inside the block.

    Yields
    ------
    callable
        To be called between steps: raises KeyboardInterrupt if Ctrl-C came since. A second Ctrl-C does not wait.
        Outside the main thread, or where somebody else handles Ctrl-C, nothing is held.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    is_held = False

    def hold(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_held
        if is_held:
            raise KeyboardInterrupt
        is_held = True

    def release() -> None:
        if is_held:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, hold)
    try:
        yield release
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
