"""All figures of optimal control: seconds, objectives and errors beside OpenSim Moco, baselines and published systems.

Each figure is a module of ``optimal_control_figures``; this file runs them one after the other, each in a process of
its own and on one thread. CPU seconds are compared. Where Moco is the peer it solves the same problem in the same run
(``moco_walking_2d.py``, ``moco_torque_walking_3d.py``: minutes); what cannot be repeated here is quoted and marked as
published.
Run: python benchmarks/optimal_control.py [NAME ...]. The data folder is KINESYNTH_TEST_DATA or ../shared/data beside
the repository. The last line is the JSON of all figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers.figure_run import run_figures

if __name__ == "__main__":
    run_figures(Path(__file__).resolve().parent / "optimal_control_figures", sys.argv[1:])
