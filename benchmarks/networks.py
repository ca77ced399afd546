"""All figures of networks: orientation, joint models, physics, comparison, streaming, devices, beside published ones.

Each figure is a module of ``network_figures`` that measures us and the peer in one run; this file runs them one after
the other, each in a process of its own and on one thread. CPU seconds are compared, wall seconds are shown; what cannot
be repeated here is quoted and marked as published. Before a module runs, the folders that it reads are named with the
number and size of their files, or as missing; at the end every figure that was promised (`peers.network_goals`) is
listed as met, missed or not measured in this run.
Run: python benchmarks/networks.py [NAME ...] [--data FOLDER], NAME one of orientation, joint_models, physics,
sensor_places, body_scales, population_intervals, comparison, streaming, devices; all of them take some forty CPU
minutes. The data folder is that of --data, KINESYNTH_TEST_DATA, or ../shared/data beside the repository. The last line
is the JSON of all figures; after Ctrl-C it says in which module the run was ``stopped``, and the exit code is 130.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.peers.figure_run import data_folder, end_run, measured_figures, print_figures
from benchmarks.peers.network_goals import PROMISES, READS, promise_lines

FOLDER = Path(__file__).resolve().parent / "network_figures"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="modules to run; default: all")
    parser.add_argument("--data", type=Path, help="folder of recordings")
    given = parser.parse_args()
    data = data_folder(given.data)
    figures, stopped = measured_figures(FOLDER, given.names, data=data, reads=READS)
    print_figures(figures)
    print("\n".join(promise_lines(figures, PROMISES)))
    end_run(figures, stopped)
