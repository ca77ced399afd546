"""Rigid board: virtual sensor from optical pose against the real one (BROAD, Laidig et al., Data 6:72, 2021).

A sensor on a board in the hand, 285.7 Hz, no soft tissue: what is left is the error of sensor, optics and
differentiation. Lag, mounting, lever arm and biases are fitted to each trial below `FIT_CUTOFF`; the smoothing of the
virtual side (cut-off and order, for gyroscope and accelerometer apart) is chosen on one undisturbed trial, by the
residual against the unfiltered real sensor, and scored on the others. Two scores, RMS over the moving samples as a
share of the SD of the real signal, three axes together:

* in band: real and virtual passed by the same zero-lag low-pass, which is what optics can tell of a sensor;
* as it is: the real signal unfiltered; it holds what no marker sees (a jerk of the hand above the band, noise).

Samples within 0.15 s of a gap of the optics are left out. The tapping trial is shown apart: its impacts last
milliseconds.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers.paired_sensors import BoardTrial, board_trials
from mocap_import.low_pass import low_pass
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.real_imu.alignment import SensorAlignment, align_sensor
from synth.real_imu.mounting_fit import over_time, residual_share

FIT_CUTOFF = 15.0
CUTOFFS = (8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0)
ORDERS = (4, 8)
NEAR_GAP = 0.15
"""s; splines and filters know little there."""
GOALS = {"gyroscope": 0.05, "accelerometer": 0.10}
APART = "tapping"

Smoothing = tuple[float, int]


@dataclass(frozen=True)
class Board:
    """Real and unsmoothed virtual signals of one trial on the real clock, and the samples to score."""

    name: str
    alignment: SensorAlignment
    rate: float
    real: dict[str, np.ndarray]
    virtual: dict[str, np.ndarray]
    scored: np.ndarray


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    boards = [_board(trial) for trial in board_trials(data)]
    for board in boards:
        _print_alignment(board)
    undisturbed = [board for board in boards if APART not in board.name]
    found: dict[str, dict] = {}
    worst: dict[tuple[str, str], float] = {}
    print(f"\n{'smoothing chosen on':38}{'scored on':38}{'sensor':16}{'low-pass':>16}{'in band':>10}{'as it is':>10}")
    for chooser in undisturbed:
        for sensor in GOALS:
            chosen = choose(chooser, sensor)
            for board in boards:
                if board is chooser:
                    continue
                inside, whole = score(board, sensor, chosen)
                said = f"{chosen[0]:g} Hz, order {chosen[1]}"
                print(f"{chooser.name:38}{board.name:38}{sensor:16}{said:>16}{100 * inside:9.2f}%{100 * whole:9.2f}%")
                if board not in undisturbed:
                    found[f"rigid board: {sensor}, {board.name} (chosen on {chooser.name[:2]}), in band"] = _reported(
                        inside
                    )
                    continue
                for kind, value in (("in band", inside), ("as it is", whole)):
                    worst[sensor, kind] = max(worst.get((sensor, kind), 0.0), value)
    for (sensor, kind), value in worst.items():
        goal = GOALS[sensor]
        found[f"rigid board: {sensor}, worst undisturbed trial, {kind} (share of SD)"] = {
            "ours": round(value, 4),
            "peer": None,
            "ratio": None,
            "goal": f"<= {goal:g}",
            "met": bool(value <= goal),
        }
    return found


def _board(trial: BoardTrial) -> Board:
    found = align_sensor(trial.real, trial.motion, lags=(-0.05, 0.05), cutoff=FIT_CUTOFF, use=trial.moving)
    placement = SensorPlacement("board", "board", found.offset, found.mounting)
    virtual = simulate_imu(trial.motion, placement, method="spline")
    rate = trial.real.rate
    time = np.arange(len(trial.moving)) / rate - found.lag
    signals = {
        "gyroscope": over_time(virtual.angular_velocity + found.gyroscope_bias, rate)(time),
        "accelerometer": over_time(virtual.specific_force + found.accelerometer_bias, rate)(time),
    }
    known = np.isfinite(signals["gyroscope"] + signals["accelerometer"]).all(axis=1)
    reach = round(NEAR_GAP * rate)
    near = np.convolve(~known, np.ones(2 * reach + 1), mode="same") > 0.5
    real = {"gyroscope": trial.real.angular_velocity, "accelerometer": trial.real.specific_force}
    return Board(trial.name, found, rate, real, signals, trial.moving & ~near)


def choose(board: Board, sensor: str) -> Smoothing:
    """Cut-off and order with the smallest residual against the unfiltered real sensor."""
    candidates = [(cutoff, order) for cutoff in CUTOFFS for order in ORDERS]
    return min(candidates, key=lambda smoothing: score(board, sensor, smoothing)[1])


def score(board: Board, sensor: str, smoothing: Smoothing) -> tuple[float, float]:
    """Residual as a share of the real signal's SD: in band, and against the signal as it is."""
    cutoff, order = smoothing
    virtual = low_pass(board.virtual[sensor], board.rate, cutoff, order)[board.scored]
    real = board.real[sensor]
    band = low_pass(real, board.rate, cutoff, order)[board.scored]
    real = real[board.scored]
    return residual_share(band - virtual, band), residual_share(real - virtual, real)


def _print_alignment(board: Board) -> None:
    found = board.alignment
    print(
        f"{board.name}: lag {1e3 * found.lag:.2f} ± {1e3 * found.lag_se:.2f} ms, turned by "
        f"{np.degrees(found.mounting.magnitude()):.2f} deg (± {np.degrees(found.mounting_se.max()):.2f}), lever arm "
        f"{_row(1e3 * found.offset, 1)} mm (± {1e3 * found.offset_se.max():.1f}), bias {_row(found.gyroscope_bias, 4)} "
        f"rad/s, {_row(found.accelerometer_bias, 3)} m/s²; scored {100 * board.scored.mean():.0f} % of the samples"
    )


def _row(values: np.ndarray, digits: int) -> str:
    return "(" + ", ".join(f"{value:.{digits}f}" for value in values) + ")"


def _reported(value: float) -> dict:
    return {"ours": round(value, 4), "peer": None, "ratio": None, "goal": "reported", "met": True}


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    print(json.dumps({"figures": figures(Path(folder))}))
