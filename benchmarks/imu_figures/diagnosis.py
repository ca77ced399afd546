"""Diagnosis of real recordings: how often a wrong declaration is noticed, and a right one is not.

Sessions: 17 treadmill walks of the CMU set (8 Xsens, no orientations), NeuRA S02 (9 Xsens, with and without the
maker's orientations), three trials of BROAD's board (no orientations given). Each is diagnosed as it is, and after
one thing was made wrong in every sensor: unit of acceleration, unit of turning either way, sign of the gyroscope
(left-hand rule), one reversed axis, two exchanged axes, sign of the accelerometer. A session counts as noticed if at
least one sensor's contradiction would refuse it; the share of single sensors stands beside it. Peer: what a look at
sizes alone tells (|a| at rest; turning above 4000 deg/s). The thresholds of the diagnosis were set on NeuRA, BROAD
and four of the CMU walks, the rule for recordings that are never still on all walks: these are figures of fitness,
not of new laboratories.

Run: PYTHONPATH=. python benchmarks/imu_figures/diagnosis.py [data folder]
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from synth.real_imu.convention import STANDARD_GRAVITY, ImuConvention
from synth.real_imu.diagnosis import SensorDiagnosis, diagnose
from synth.real_imu.sensor_file import read_file
from synth.real_imu.sensor_session import FileReadings

MIRROR = np.array([1.0, 1.0, -1.0])


def _force(change: Callable) -> Callable[[FileReadings], FileReadings]:
    return lambda r: replace(r, acceleration=change(r.acceleration))


def _turn(change: Callable) -> Callable[[FileReadings], FileReadings]:
    return lambda r: replace(r, angular_velocity=change(r.angular_velocity))


WRONGS: dict[str, Callable[[FileReadings], FileReadings]] = {
    "nothing (false alarms)": lambda r: r,
    "g called m/s2": _force(lambda a: a / STANDARD_GRAVITY),
    "deg/s called rad/s": _turn(np.rad2deg),
    "rad/s called deg/s": _turn(np.deg2rad),  # the declaration stays rad/s: the same error seen from there
    "gyroscope reversed": _turn(lambda w: -w),
    "gyroscope z reversed": _turn(lambda w: w * MIRROR),
    "gyroscope x, y exchanged": _turn(lambda w: w[..., [1, 0, 2]]),
    "accelerometer reversed": _force(lambda a: -a),
}


def figures(data: Path) -> dict[str, dict]:
    """Share of sessions noticed by kind of error."""
    start = time.process_time()
    groups = _sessions(data)
    print(
        f"{'sessions refused (single sensors)':34}"
        + "".join(f"{g + ' (' + str(len(s)) + ')':>26}" for g, s in groups.items())
    )
    shares: dict[str, list[float]] = {}
    sized: dict[str, list[float]] = {}
    for wrong, change in WRONGS.items():
        cells = []
        for sessions in groups.values():
            found = [diagnose(change(s), ImuConvention()) for s in sessions]
            noticed = [any(d.contradictions for d in session) for session in found]
            sensors = [bool(d.contradictions) for session in found for d in session]
            shares.setdefault(wrong, []).extend(noticed)
            sized.setdefault(wrong, []).extend(any(_by_size(d) for d in session) for session in found)
            cells.append(f"{sum(noticed)} of {len(noticed)} ({np.mean(sensors):.2f})")
        print(f"{wrong:34}" + "".join(f"{cell:>26}" for cell in cells))
    still = [d.still is not None for s in groups["CMU walks"] for d in diagnose(s, ImuConvention())]
    print(f"CMU sensors with a still second: {np.mean(still):.2f}; {time.process_time() - start:.0f} s CPU")
    units = [w for w in WRONGS if "called" in w]
    signs = ["gyroscope reversed", "gyroscope z reversed", "gyroscope x, y exchanged"]
    return {
        "diagnosis_false_refusals": _figure(shares, sized, ["nothing (false alarms)"], "0", lambda x: x == 0),
        "diagnosis_wrong_unit_refused": _figure(shares, sized, units, ">= 0.9 of sessions", lambda x: x >= 0.9),
        "diagnosis_wrong_gyroscope_axes_refused": _figure(
            shares, sized, signs, ">= 0.9 of sessions", lambda x: x >= 0.9
        ),
        "diagnosis_accelerometer_sign_refused": _figure(
            shares, sized, ["accelerometer reversed"], "only where orientations exist (1 session)", lambda x: x > 0
        ),
    }


def _by_size(found: SensorDiagnosis) -> bool:
    """Whether sizes alone contradict: |a| or an impossible speed."""
    return any("gravity" in sentence or "any gyroscope's range" in sentence for sentence in found.contradictions)


def _figure(shares: dict, sized: dict, wrongs: list[str], goal: str, met: Callable[[float], bool]) -> dict:
    ours = float(np.mean([np.mean(shares[w]) for w in wrongs]))
    peer = float(np.mean([np.mean(sized[w]) for w in wrongs]))
    return {"ours": ours, "peer": peer, "ratio": ours / peer if peer else None, "goal": goal, "met": bool(met(ours))}


def _sessions(data: Path) -> dict[str, list[FileReadings]]:
    """Readings as they are in the files, by group."""
    walks = [read_file(p) for p in sorted((data / "cmu_imu_grf_walk").glob("Sub*/*/*_Accel.trc"))]
    person = read_file(data / "neura_sparse_s02_walk_GPL3" / "rawimu")
    boards = []
    for path in sorted((data / "broad_imu_vs_optical").glob("*.hdf5")):
        with h5py.File(path) as file:
            force, turn = (file[name][:][:, None] for name in ("imu_acc", "imu_gyr"))
            boards.append(FileReadings(path.stem, ("board",), force, turn, float(file.attrs["sampling_rate"]), (path,)))
    return {
        "CMU walks": walks,
        "NeuRA": [person],
        "NeuRA, no orientations": [replace(person, quaternions=None)],
        "BROAD board": boards,
    }


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[3] / "shared" / "data"
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KINESYNTH_TEST_DATA", here))
    print(json.dumps({"figures": figures(chosen)}))
