"""A run: a sequence of stages, each with a product, remembered so that running again goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer


@dataclass
class Run:
    """One run of the main job: where it writes and what it has done.

    Attributes
    ----------
    folder : Path
        Everything is written below it.
    archive : Path
        The C3D files to convert.
    seed : int
    n_workers : int
    n_subjects : int
        Of the made archive.
    shown : bool
        Whether to print and to draw progress bars.
    is_made : bool
        Whether the archive is the demonstration's own.
    stages : dict
        Stage → fingerprint and seconds, as in ``stages.json``.
    """

    folder: Path
    archive: Path
    seed: int = 7
    n_workers: int = 2
    n_subjects: int = 8
    shown: bool = True
    is_made: bool = False
    stages: dict[str, dict] = field(default_factory=dict)

    def track(self, items: object, description: str) -> object:
        """Draw a progress bar, unless machines read along."""
        from mocap_import.progress import track

        return track(items, description, shown=None if self.shown else False)

    def say(self, text: str) -> None:
        """Print a line for people, on standard error: standard output belongs to machines."""
        if self.shown:
            typer.echo(text, err=True)


def _seconds() -> tuple[float, float]:
    """Wall and CPU seconds so far, of this process and of its finished workers."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _version() -> str:
    try:
        return version("kinesynth")
    except PackageNotFoundError:
        return "not installed"


def run_stage(
    run: Run, name: str, product: Path, depends: tuple[str, ...], work: Callable[[Run], str], inputs: object = None
) -> None:
    """Do a stage, or leave it if its product is there and nothing before it has changed."""
    settings = {"seed": run.seed, "n_subjects": run.n_subjects, "archive": str(run.archive), "version": _version()}
    if inputs is not None:
        settings["inputs"] = inputs
    before = {d: [run.stages[d]["fingerprint"], run.stages[d]["finished"]] for d in depends}
    fingerprint = hashlib.sha256(json.dumps([name, settings, before], sort_keys=True).encode()).hexdigest()[:16]
    done = run.stages.get(name)
    if done and done["fingerprint"] == fingerprint and product.exists():
        run.say(f"{name}: done before ({done['summary']})")
        return
    wall, cpu = _seconds()
    summary = work(run)
    wall, cpu = (now - then for now, then in zip(_seconds(), (wall, cpu), strict=True))
    run.stages[name] = {
        "fingerprint": fingerprint,
        "finished": time.time(),
        "summary": summary,
        "seconds": wall,
        "cpu_seconds": cpu,
    }
    partial = run.folder / "stages.json.tmp"
    partial.write_text(json.dumps(run.stages, indent=1))
    partial.replace(run.folder / "stages.json")
    run.say(f"{name}: {summary} ({wall:.1f} s)")


def read_stages(folder: Path) -> dict[str, dict]:
    """Read what an earlier run of a folder finished; nothing, if its record is missing or damaged."""
    try:
        stages = json.loads((folder / "stages.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stages if isinstance(stages, dict) else {}


def archive_inputs(archive: Path) -> list[list]:
    """Say what an archive holds (path, size, time of change), so that a changed one is converted again."""
    files = [p for p in sorted(archive.rglob("*")) if p.suffix.lower() == ".c3d" or p.name == "participants.csv"]
    return [[str(p.relative_to(archive)), p.stat().st_size, p.stat().st_mtime_ns] for p in files]
