"""Population part: what one task of a population leaves behind, a small corpus of a few people and their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from synth.corpus import CorpusTrial, CorpusWriter
from synth.optimal_control.gait.gait_check import GaitCheck

try:
    import fcntl
except ImportError:  # not on every system
    fcntl = None

CHUNK = 10
"""People of one task: what is solved again after a kill."""


class PartResult(Protocol):
    """What solvers of populations say of one walk."""

    check: GaitCheck
    seconds: dict[str, float]
    iterations: int
    n_intervals: int


def chunks(subjects: int) -> list[range]:
    """Numbers of the people of each task."""
    return [range(first, min(first + CHUNK, subjects)) for first in range(0, subjects, CHUNK)]


def part_file(folder: Path, chunk: range) -> Path:
    """Where the corpus of a chunk stands."""
    return folder / f"people_{chunk.start:06d}.h5"


def finished_parts(folder: Path) -> list[Path]:
    """Chunks that are there whole."""
    return sorted(folder.glob("people_*.h5"))


def write_part(part: Path, trials: list[CorpusTrial], rows: list[dict]) -> None:
    """Write a chunk: its rows first, so that whoever sees the corpus finds them."""
    working = part.with_suffix(".json.tmp")
    working.write_text(json.dumps(rows))
    working.replace(part.with_suffix(".json"))
    with CorpusWriter(part, role="prediction") as writer:
        for trial in trials:
            writer.append(trial)


def part_row(trial: CorpusTrial, result: PartResult, speed: float, *, solved: bool) -> dict:
    """What became of one walk, as plain data."""
    return {
        "subject": trial.subject.code,
        "trial": trial.name,
        "status": trial.status,
        "kind": result.check.kind,
        "reason": trial.reason,
        "speed": speed,
        "solved": solved,
        "n_intervals": result.n_intervals,
        "iterations": result.iterations,
        **{f"{name}_seconds": value for name, value in result.seconds.items()},
        **result.check.figures,
    }


def part_rows(part: Path) -> list[dict]:
    """Rows of a chunk that is there."""
    return json.loads(part.with_suffix(".json").read_text())


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """One process at a time; ends with the process, however it ends."""
    with lock.open("a") as held:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks: the work is done twice, which is harmless
                fcntl.flock(held, fcntl.LOCK_EX)
        yield
