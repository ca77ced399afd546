"""All figures of virtual and real inertial sensors: laws, speed, errors, synchronisation, the gap to real sensors.

Each figure is a module of ``imu_figures`` that measures us and the peer in one run; this file runs them one after the
other, each in a process of its own so that memory and threads of one do not touch another.
Run: python benchmarks/virtual_imu.py [NAME ...]. The data folder is KINESYNTH_TEST_DATA or ../shared/data beside the
repository. The last line is the JSON of all figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers.figure_run import run_figures

if __name__ == "__main__":
    run_figures(Path(__file__).resolve().parent / "imu_figures", sys.argv[1:])
