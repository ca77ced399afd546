"""All figures of the archive import: reading, axes, labels, gaps, plates, events, quality, exports, the run itself.

Each figure is a module of ``archive_figures`` that measures us and the peer in one run on the real recordings; this
file runs them one after the other, each in a process of its own so that memory and threads of one do not touch another.
Run: python benchmarks/archive.py [NAME ...]. The data folder is KINESYNTH_TEST_DATA or ../shared/data beside the
repository. The last line is the JSON of all figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FIGURES = Path(__file__).resolve().parent / "archive_figures"
REPOSITORY = FIGURES.parents[1]


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
    return json.loads(lines[-1])["figures"]


def _shown(value: object) -> str:
    """A cell of the table: four digits of a number, ``-`` for none."""
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def main(names: list[str]) -> None:
    """Measure the named modules, or all."""
    modules = [path for path in sorted(FIGURES.glob("*.py")) if not names or path.stem in names]
    if not modules:
        known = ", ".join(sorted(path.stem for path in FIGURES.glob("*.py")))
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
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main(sys.argv[1:])
