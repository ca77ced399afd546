"""A set of figures: modules run one after the other, each in a process of its own, and their rows as one table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from math import isfinite
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def measure(module: Path) -> dict[str, dict]:
    """Run one module; its last line is the JSON of its figures, what it prints before is passed on."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
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
    modules = [path for path in sorted(folder.glob("*.py")) if not names or path.stem in names]
    if not modules:
        known = ", ".join(sorted(path.stem for path in folder.glob("*.py")))
        raise SystemExit(f"no figure named {', '.join(names)}; known are {known}")
    figures: dict[str, dict] = {}
    for module in modules:
        began = time.perf_counter()
        print(f"== {module.stem}", flush=True)
        figures |= measure(module)
        print(f"   {time.perf_counter() - began:.0f} s", flush=True)
    width = max(len(name) for name in figures)
    print(f"{'figure':{width}}  {'ours':>12}  {'peer':>12}  {'ratio':>8}  goal")
    for name, row in figures.items():
        shown = [_shown(row[key]) for key in ("ours", "peer", "ratio", "goal")]
        verdict = "" if row["goal"] in (None, "reported") else " (met)" if row["met"] else " (MISSED)"
        print(f"{name:{width}}  {shown[0]:>12}  {shown[1]:>12}  {shown[2]:>8}  {shown[3]}{verdict}")
    print(json.dumps({"figures": figures}, allow_nan=False))
