"""All figures of networks: the optimisation step, cost, latency and errors, ours beside the published systems.

Each figure is a module of ``network_figures`` that measures us and the peer in one run; this file runs them one after
the other, each in a process of its own and on one thread. CPU seconds are compared, wall seconds are shown; what cannot
be repeated here is quoted and marked as published.
Run: python benchmarks/networks.py [NAME ...]. The data folder is KINESYNTH_TEST_DATA or ../shared/data beside the
repository. The last line is the JSON of all figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers.figure_run import run_figures

if __name__ == "__main__":
    run_figures(Path(__file__).resolve().parent / "network_figures", sys.argv[1:])
