"""Task word: what a subject does in a trial, as the names of files and folders say it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = (
    ("static", re.compile(r"static|standing|(?<![a-z])(cal|stand|npose|tpose)(?![a-z])|calib", re.IGNORECASE)),
    ("turn", re.compile(r"turn", re.IGNORECASE)),
    ("run", re.compile(r"run|jog|sprint", re.IGNORECASE)),
    ("walk", re.compile(r"walk|straight|gait|overground", re.IGNORECASE)),
)


def task_from_name(parts: Sequence[str]) -> str | None:
    """Task by the words in a file's name, then in its folders from the inside out; None if no word tells."""
    for part in reversed(parts):
        for task, pattern in _WORDS:
            if pattern.search(part):
                return task
    return None


def is_task_word(text: str) -> bool:
    """True if a folder is named after a task or a kind of trial, so that it is no subject's."""
    kinds = r"(static|dynamic|walk|walking|straight|turn|turning|run|running|gait|cal|calibration|trials?|c3d|data)s?"
    return re.fullmatch(kinds, text, re.IGNORECASE) is not None
