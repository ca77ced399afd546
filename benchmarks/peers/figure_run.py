"""A set of figures: modules run one after the other, each in a process of its own, and their rows as one table."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STOPPED = 130
"""Exit code of a run that Ctrl-C ended, as shells have it."""


def data_folder(given: Path | None = None) -> Path:
    """Folder of real recordings: the one given, KINESYNTH_TEST_DATA, or ../shared/data beside the repository."""
    here = REPOSITORY.parent / "shared" / "data"
    return Path(given or os.environ.get("KINESYNTH_TEST_DATA") or here).resolve()


def read_lines(data: Path, folders: Sequence[str]) -> list[str]:
    """What stands in the folders that a module reads, a line each; a missing one is said to be missing."""
    lines = []
    for name in folders:
        files = [path for path in (data / name).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        found = f"{len(files)} files, {size / 1e6:.1f} MB" if files else f"MISSING in {data}"
        lines.append(f"   reads {name}: {found}")
    return lines or ["   reads no recording"]


def measure(module: Path, data: Path | None = None) -> dict[str, dict]:
    """Run one module; its last line is the JSON of its figures, what it prints before is passed on."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment |= {} if data is None else {"KINESYNTH_TEST_DATA": str(data)}
    environment["PYTHONPATH"] = str(REPOSITORY)
    done = subprocess.run([sys.executable, str(module)], stdout=subprocess.PIPE, text=True, env=environment)
    lines = done.stdout.rstrip().splitlines()
    print("\n".join(lines[:-1]), flush=True)
    if done.returncode != 0 or not lines:
        print(f"{module.name} ended with exit code {done.returncode}; its output is above", flush=True)
        return {module.stem: {"ours": None, "peer": None, "ratio": None, "goal": "runs", "met": False}}
    return {name: _json_row(row) for name, row in json.loads(lines[-1])["figures"].items()}


def _json_row(row: dict) -> dict:
    """A row with null in the place of numbers that JSON has no word for: a peer that gives none."""
    return {key: None if isinstance(value, float) and not isfinite(value) else value for key, value in row.items()}


def _shown(value: object) -> str:
    """A cell of the table: four digits of a number, ``-`` for none."""
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def run_figures(folder: Path, names: list[str]) -> None:
    """Measure the named modules of a folder, or all; the last line printed is the JSON of all figures."""
    figures, stopped = measured_figures(folder, names)
    print_figures(figures)
    end_run(figures, stopped)


def end_run(figures: Mapping[str, dict], stopped: str = "") -> None:
    """Print the JSON of all figures; of a run that was stopped it names the module, and the exit code is 130."""
    print(json.dumps({"figures": figures} | ({"stopped": stopped} if stopped else {}), allow_nan=False), flush=True)
    if stopped:
        raise SystemExit(STOPPED)


def measured_figures(
    folder: Path, names: Sequence[str], data: Path | None = None, reads: Mapping[str, Sequence[str]] | None = None
) -> tuple[dict[str, dict], str]:
    """Measure the named modules of a folder, or all, in the order of their names; wall and CPU time of each are told.

    Ctrl-C ends the run with what was measured before.

    Parameters
    ----------
    folder : Path
    names : sequence of str
    data : Path, optional
        Folder of recordings, handed on to the modules.
    reads : mapping of str to sequence of str, optional
        Module → folders of `data` that it reads, named before it runs.

    Returns
    -------
    figures : dict
        Name → row.
    stopped : str
        The module in which Ctrl-C came, empty if none did.
    """
    known = {path.stem: path for path in sorted(folder.glob("*.py"))}
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        raise SystemExit(f"no figure named {', '.join(unknown)}; known are {', '.join(known)}")
    figures: dict[str, dict] = {}
    for module in [path for name, path in known.items() if not names or name in names]:
        began, used = time.perf_counter(), _children_seconds()
        print(f"== {module.stem}", flush=True)
        if reads is not None and data is not None:
            print("\n".join(read_lines(data, reads.get(module.stem, ()))), flush=True)
        try:
            figures |= measure(module, data)
        except KeyboardInterrupt:
            print(f"   stopped in {module.stem}: it and what comes after it are not measured", flush=True)
            return figures, module.stem
        print(f"   {time.perf_counter() - began:.0f} s, {_children_seconds() - used:.0f} CPU s", flush=True)
    return figures, ""


def _children_seconds() -> float:
    """CPU seconds of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def print_figures(figures: Mapping[str, dict]) -> None:
    """The table of all figures."""
    width = max((len(name) for name in figures), default=0)
    print(f"{'figure':{width}}  {'ours':>12}  {'peer':>12}  {'ratio':>8}  goal")
    for name, row in figures.items():
        shown = [_shown(row[key]) for key in ("ours", "peer", "ratio", "goal")]
        verdict = "" if row["goal"] in (None, "reported") else " (met)" if row["met"] else " (MISSED)"
        print(f"{name:{width}}  {shown[0]:>12}  {shown[1]:>12}  {shown[2]:>8}  {shown[3]}{verdict}")
