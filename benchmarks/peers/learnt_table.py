"""The table of learnt errors that ships with the package, learnt anew from the permissive sets.

Run: PYTHONPATH=. python benchmarks/peers/learnt_table.py ../shared/data > synth/imu/learnt_errors.json
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from benchmarks.imu_figures.sim_to_real import choose
from benchmarks.peers.paired_sensors import board_trials, cmu_walk, further_persons, resting
from benchmarks.peers.spectral_gap import walking
from synth.imu.learnt_error import LearntErrors
from synth.real_imu.error_learning import band_edges, learn_errors, resting_noise


def learnt_table(data: Path) -> LearntErrors:
    """Learn from CMU Sub02 (levels, gains, coherences, correlations) and BROAD (resting noise)."""
    floor = resting_noise(resting(board_trials(data)))
    walk = cmu_walk(data)
    alignments = walk.alignments()
    with contextlib.redirect_stdout(sys.stderr):
        cutoffs, n_bands = choose(walk, alignments, floor)
    provenance = {
        "learnt from": [
            "CMU CapacitiveSensingDataset and CapacitiveSensingKinematics, Sub02, CSBaseline, 20-65 s (Pearl et al.; "
            "MIT licence, (c) 2024 Owen Douglas Pearl): 6 Xsens sensors, treadmill walking at 0.73 m/s; gain, "
            "coherence, correlation, envelope, level",
            "the same set, Sub01, Sub03-Sub06, Sub08, CSBaseline and EMGBaseline, 20-65 s: level (real sensors only)",
            "BROAD, trials 07, 15 and 24 (Laidig, Caruso, Cereatti, Seel, Data 6:72, 2021; CC BY 4.0): resting noise",
        ],
        "virtual side": {
            "motion": "inverse kinematics on the calibrated model, 100 Hz",
            "cut-off (Hz)": cutoffs,
            "derivatives": "spline",
        },
        "chosen on": "the two halves of the same trial",
        "how": "benchmarks/peers/learnt_table.py, method in docs/imu_errors_learnt.md",
        "persons": {"gain, coherence, correlation, envelope": 1, "level": 7},
    }
    pairs = walking(walk, walk.pairs(cutoffs, alignments))
    further = list(further_persons(data).values())
    return learn_errors(pairs, edges=band_edges(n_bands), floor=floor, further=further, provenance=provenance)


if __name__ == "__main__":
    sys.stdout.write(learnt_table(Path(sys.argv[1])).to_json())
