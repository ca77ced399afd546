"""A run: a sequence of stages, each with a product, remembered so that running again goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from mocap_import.durable_file import write_durably
from training.config import ConfigRefused

RECORD, RECIPE_KEY = "stages.json", "recipe"
"""Record of a run beside its products, and under which word it names the recipe."""


@dataclass
class Run:
    """One run of a recipe: where it writes, what was chosen and what it has done.

    Attributes
    ----------
    folder : Path
        Everything is written below it.
    settings : BaseModel
        Everything that decides the products; while a stage works, those that it names (`Stage.reads`).
    n_workers : int
    shown : bool
        Whether to print and to draw progress bars.
    stages : dict
        Stage → fingerprint and seconds, as in ``stages.json``.
    recipe : str
        Whose stages these are: another recipe has no place in the folder. Empty: nobody asks.
    """

    folder: Path
    settings: Any
    n_workers: int = 2
    shown: bool = True
    stages: dict[str, dict] = field(default_factory=dict)
    recipe: str = ""

    def track(self, items: object, description: str) -> Any:
        """Draw a progress bar, unless machines read along."""
        from mocap_import.progress import track

        return track(items, description, shown=None if self.shown else False)

    def say(self, text: str) -> None:
        """Print a line for people, on standard error: standard output belongs to machines."""
        if self.shown:
            typer.echo(text, err=True)


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes
    ----------
    name : str
    product : str
        File or folder below the run's folder, there when the stage is done; written whole (temporary file, rename).
    depends : tuple of str
        Earlier stages; if one of them was done anew, so is this one.
    work : callable
        ``work(run)`` writes the product and returns one line for people. What it finished before a kill it finds
        again by itself.
    inputs : callable, optional
        ``inputs(run)`` describes what the stage reads from outside the run's folder (JSON); a change makes it anew.
        It sees all settings.
    reads : tuple of str, optional
        Settings that the stage reads: a change of another one leaves it as it is, and reading another one is refused.
        None: all of them.
    """

    name: str
    product: str
    depends: tuple[str, ...]
    work: Callable[[Run], str]
    inputs: Callable[[Run], object] | None = None
    reads: tuple[str, ...] | None = None


class SettingNotNamed(RuntimeError):  # noqa: N818  (what happened, as TrialRefused)
    """A stage reads a setting that it does not name, whose change would not make it anew."""


class NamedSettings:
    """The settings that a stage names; all others are refused.

    Parameters
    ----------
    settings : BaseModel
    stage : str
    reads : tuple of str

    Raises
    ------
    SettingNotNamed
        At once, if a name is no setting; later, if another one is read.
    """

    def __init__(self, settings: BaseModel, stage: str, reads: tuple[str, ...]) -> None:
        unknown = sorted(set(reads) - set(type(settings).model_fields))
        if unknown:
            raise SettingNotNamed(f"stage {stage}: names {unknown[0]} in its `reads`, which is no setting.")
        self._stage, self._values = stage, {name: getattr(settings, name) for name in reads}

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        if name.startswith("__"):
            raise AttributeError(name)
        raise SettingNotNamed(f"stage {self.__dict__.get('_stage')}: reads {name}; add it to the stage's `reads`.")


def run_stages(run: Run, stages: Sequence[Stage]) -> None:
    """Do every stage that has not been done.

    Raises
    ------
    ConfigRefused
        The folder is that of another recipe. One of an earlier version, which says nothing, is taken.
    """
    owner = _record(run.folder).get(RECIPE_KEY, "")
    if run.recipe and owner not in ("", run.recipe):
        raise ConfigRefused(
            f"{run.folder} holds a run of recipe {owner}; {run.recipe} would replace its table, people and stages. "
            "Name another folder (--out)."
        )
    run.folder.mkdir(parents=True, exist_ok=True)
    run.stages.update(read_stages(run.folder))
    for stage in stages:
        run_stage(run, stage)


def run_stage(run: Run, stage: Stage) -> None:
    """Do a stage, or leave it if its product is there and nothing before it has changed."""
    settings: BaseModel = run.settings
    plain = settings.model_dump(mode="json")
    seen = run if stage.reads is None else replace(run, settings=NamedSettings(settings, stage.name, stage.reads))
    chosen = {name: value for name, value in plain.items() if stage.reads is None or name in stage.reads}
    decided: dict[str, object] = {"settings": chosen, "version": kinesynth_version()}
    if stage.inputs is not None:
        decided["inputs"] = stage.inputs(run)
    before = {d: [run.stages[d]["fingerprint"], run.stages[d]["finished"]] for d in stage.depends}
    fingerprint = hashlib.sha256(json.dumps([stage.name, decided, before], sort_keys=True).encode()).hexdigest()[:16]
    if run.recipe and RECIPE_KEY not in _record(run.folder):  # not before what the stage reads was looked at
        _write_record(run)
    done = run.stages.get(stage.name)
    if done and done["fingerprint"] == fingerprint and (run.folder / stage.product).exists():
        run.say(f"{stage.name}: done before ({done['summary']})")
        return
    wall, cpu = _seconds()
    summary = stage.work(seen)
    wall, cpu = (now - then for now, then in zip(_seconds(), (wall, cpu), strict=True))
    run.stages[stage.name] = {
        "fingerprint": fingerprint,
        "finished": time.time(),
        "summary": summary,
        "seconds": wall,
        "cpu_seconds": cpu,
    }
    _write_record(run)
    run.say(f"{stage.name}: {summary} ({wall:.1f} s)")


def read_stages(folder: Path) -> dict[str, dict]:
    """Read what an earlier run of a folder finished; nothing, if its record is missing or damaged."""
    return {name: stage for name, stage in _record(folder).items() if isinstance(stage, dict)}


def _record(folder: Path) -> dict[str, Any]:
    """The record of a folder; nothing, if it is missing or damaged."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(run: Run) -> None:
    """Write what has been done, and by which recipe."""
    owner = {RECIPE_KEY: run.recipe} if run.recipe else {}
    write_durably(run.folder / RECORD, json.dumps(owner | run.stages, indent=1))


def _seconds() -> tuple[float, float]:
    """Wall and CPU seconds so far, of this process and of its finished workers."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def kinesynth_version() -> str:
    """Version that is installed: part of every key of what a run finds again, so that an upgrade finds nothing old."""
    try:
        return version("kinesynth")
    except PackageNotFoundError:
        return "not installed"
