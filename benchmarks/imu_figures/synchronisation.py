"""Synchronisation audit of real recordings: by how much each sensor's clock is off its reference, before any number.

CMU treadmill walks: foot strikes and foot offs of the shank's gyroscope against those of the force plates, by trial
and foot. The lag holds the offset between both definitions of an event (10 ms late at strike, Aminian et al. 2002),
about the same for all trials; what differs from trial to trial or foot to foot is synchronisation. An independent
witness: the sum of both plates' vertical forces is steadiest when the plates are in step, whatever any sensor says; the
shift of the right plate that makes it so must be the difference between right and left lag. No prediction enters.
NeuRA: the shanks' gyroscopes against the angular speed of the shank's axis from markers. BROAD: the board's gyroscope
against its optical orientation. Losing row: the norm of the shank's gyroscope against the foot's unloading, which has
another shape, so that its peaks are neither sharp nor unique.

Run: PYTHONPATH=. python benchmarks/imu_figures/synchronisation.py [data folder]
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from opensim_models.exchange.storage_table import read_table
from synth.real_imu.lag_audit import lag_table
from synth.real_imu.sensor_file import read_sensors
from synth.real_imu.shank_event import shank_events
from synth.real_imu.synchronisation import Lag, event_lag, signal_lag

ON, OFF = 30.0, 20.0
"""N, as the force events of an import."""
SHANKS = {"shank_l": ("LKNE", "LANK"), "shank_r": ("RKNE", "RANK")}


def figures(data: Path) -> dict[str, dict]:
    """Audit of every trial; see the head of this file."""
    start = time.process_time()
    rows, signals, witness, seconds = _cmu(data / "cmu_imu_grf_walk")
    markers = _neura(data / "neura_sparse_s02_walk_GPL3")
    board = _broad(data / "broad_imu_vs_optical")
    spent = time.process_time() - start
    strikes = [lag for _, _, lag, _ in rows]
    differences = np.array([(sides["r"] - sides["l"], shift) for sides, shift in witness.values()])
    apart = np.sqrt(np.mean((differences[:, 0] - differences[:, 1]) ** 2))
    guess = np.sqrt(np.mean(differences[:, 1] ** 2))  # the peer: no audit, every lag 0
    known = 1e3 * np.array([lag.seconds for lag in strikes])
    print(
        f"\nCMU strikes: {known.min():.0f} to {known.max():.0f} ms, median {np.median(known):.0f} ms; sure: "
        f"{sum(lag.sure for lag in strikes)} of {len(strikes)} by events, {sum(lag.sure for lag in signals)} of "
        f"{len(signals)} by the norm against unloading (the losing row)"
    )
    print(
        f"right against left, gyroscopes against plates alone: {1e3 * apart:.0f} ms RMS apart; without an audit "
        f"{1e3 * guess:.0f} ms"
    )
    print(f"{spent:.1f} s CPU for {seconds:.0f} s of recordings of 8 sensors")
    found = [1e3 * lag.seconds for lag in markers]
    late = 1e3 * np.array([lag.seconds for lag in board])
    print(
        f"BROAD's gyroscope is {late.mean():.2f} ms late (a sample takes 3.50) in all trials, ± {np.ptp(late) / 2:.2f}"
    )
    return {
        "sync_right_left_rms_ms": _figure(1e3 * apart, 1e3 * guess, "<= 15 ms (peer: no audit)", 1e3 * apart <= 15),
        "sync_feet_with_a_sure_lag": _figure(
            sum(lag.sure for lag in strikes) / len(strikes),
            sum(lag.sure for lag in signals) / len(signals),
            "every foot of every trial (peer: norm against unloading)",
            all(lag.sure for lag in strikes),
        ),
        "sync_events_matched": _figure(
            min(lag.agreement for lag in strikes),
            None,
            ">= 0.95 in the worst trial",
            min(s.agreement for s in strikes) >= 0.95,
        ),
        "sync_neura_lag_ms": _figure(
            float(np.median(found)), 25.0, "20 to 30 (the set's README)", all(15 <= lag <= 35 for lag in found)
        ),
        "sync_board_lag_range_ms": _figure(
            float(np.ptp(late)), None, "<= 1 ms between trials of one set-up", np.ptp(late) <= 1.0
        ),
    }


def _figure(ours: float, peer: float | None, goal: str, met: bool) -> dict:
    return {"ours": ours, "peer": peer, "ratio": ours / peer if peer else None, "goal": goal, "met": bool(met)}


def _cmu(folder: Path) -> tuple[list[tuple[str, str, Lag, Lag]], list[Lag], dict, float]:
    """Lags of strikes and offs by trial and foot, those of the norms, and right against left by two witnesses."""
    print("CMU: shank gyroscope against force plate (positive: the sensor is late; lags in ms)")
    print(
        f"{'trial':22}{'foot':5}{'strike':>8}{'spread':>8}{'steps':>7}{'met':>6}{'ratio':>7}{'next':>7}"
        f"{'drift ppm':>14}{'off':>8}{'spread':>8}{'norm':>9}{'ratio':>7}"
    )
    rows, signals, witness, seconds = [], [], {}, 0.0
    for path in sorted(folder.glob("Sub*/*/*_Accel.trc")):
        session, force = read_sensors(path), read_table(next(path.parent.glob("*_GRF.mot")))
        name = f"{path.parent.parent.name} {path.parent.name}"
        seconds += session.n_frames / session.rate
        sides = {}
        for side in "rl":
            turning = session.of(f"tibia_{side}").angular_velocity
            vertical = force.values[:, force.labels.index(f"{side}Fy")]
            reference_on, reference_off = force_events(vertical, force.rate)
            events = shank_events(turning, session.rate)
            strike = event_lag(events.strikes, reference_on, longest=2.0, sensor=f"tibia_{side}")
            off = event_lag(events.offs, reference_off, longest=2.0, sensor=f"tibia_{side}")
            unloaded = 1.0 - np.minimum(vertical, 200.0) / 200.0
            norm = signal_lag(
                np.linalg.norm(turning, axis=1), unloaded, session.rate, reference_rate=force.rate, longest=2.0
            )
            sides[side] = strike.seconds
            rows.append((name, side, strike, off))
            signals.append(norm)
            drift = f"{1e6 * strike.drift:.0f} ± {1e6 * strike.drift_error:.0f}"
            print(
                f"{name:22}{side:5}{1e3 * strike.seconds:8.0f}{1e3 * strike.spread:8.1f}{strike.count:7}"
                f"{strike.agreement:6.2f}{strike.peak_ratio:7.2f}{1e3 * strike.next_seconds:7.0f}{drift:>14}"
                f"{1e3 * off.seconds:8.0f}{1e3 * off.spread:8.1f}{1e3 * norm.seconds:9.0f}{norm.peak_ratio:7.2f}"
            )
        witness[name] = (sides, plates_out_of_step(force))
    print("\nright plate late against the left (ms): by gyroscopes (left lag - right lag), by the plates' sum alone")
    for name, (sides, shift) in witness.items():
        told = "   <- the plates are out of step" if abs(shift) > 0.03 else ""
        print(f"{name:22}{1e3 * (sides['l'] - sides['r']):8.0f}{-1e3 * shift:8.0f}{told}")
    return rows, signals, witness, seconds


def force_events(vertical: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Strikes and offs (s) of a plate's vertical force (N): threshold with hysteresis, line between samples."""
    loaded = np.zeros(len(vertical), dtype=bool)
    state = vertical[0] > ON
    for k, force in enumerate(vertical):
        state = force > (OFF if state else ON)
        loaded[k] = state
    edges = np.flatnonzero(np.diff(loaded.astype(int)))
    level = np.where(loaded[edges], OFF, ON)
    times = (edges + (level - vertical[edges]) / (vertical[edges + 1] - vertical[edges])) / rate
    return times[~loaded[edges]], times[loaded[edges]]


def plates_out_of_step(force) -> float:
    """Shift (s) of the right plate's record that makes the sum of both vertical forces steadiest; 0 if in step."""
    left, right = (force.values[:, force.labels.index(f"{side}Fy")] for side in "lr")
    reach = int(0.3 * force.rate)
    inner = slice(reach, -reach)
    spread = np.array([np.var(left[inner] + np.roll(right, k)[inner]) for k in range(-reach, reach + 1)])
    k = int(spread.argmin())
    below, middle, above = spread[k - 1 : k + 2] if 0 < k < 2 * reach else (1.0, 0.0, 1.0)
    return float((k - reach + 0.5 * (below - above) / (below - 2 * middle + above)) / force.rate)


def _neura(folder: Path) -> list[Lag]:
    """Gyroscopes of the shanks against the turning of the line from knee to ankle."""
    session = read_sensors(folder / "rawimu")
    table = pd.read_csv(next((folder / "rawvicon").glob("*_markers.csv")))
    lags = []
    for sensor, (top, bottom) in SHANKS.items():
        points = [low_pass(marker(table, name), session.rate, 8.0) for name in (top, bottom)]
        axis = points[0] - points[1]
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        speed = np.linalg.norm(np.gradient(axis, 1.0 / session.rate, axis=0), axis=1)
        turning = low_pass(np.linalg.norm(session.of(sensor).angular_velocity, axis=1), session.rate, 8.0)
        lags.append(signal_lag(turning, speed, session.rate, sensor=sensor, reference_name="axis from markers"))
    print("\nNeuRA S02 Walk-1: gyroscope against markers")
    print(lag_table(lags))
    return lags


def marker(table: pd.DataFrame, name: str) -> np.ndarray:
    """Position of a marker, shape (n_frames, 3)."""
    columns = [c for c in table.columns if c.upper().startswith(name)]
    return table[columns[:3]].to_numpy(dtype=float)


def _broad(folder: Path) -> list[Lag]:
    """The board's gyroscope against the turning of its optical orientation."""
    lags = []
    for path in sorted(folder.glob("*.hdf5")):
        with h5py.File(path) as file:
            turning, optical = file["imu_gyr"][:], file["opt_quat"][:]
            rate = float(file.attrs["sampling_rate"])
        known = np.isfinite(optical).all(axis=1)
        pose = Rotation.from_quat(np.where(known[:, None], optical, (1.0, 0, 0, 0)), scalar_first=True)
        speed = np.full(len(optical), np.nan)
        both = known[2:] & known[:-2]
        speed[1:-1][both] = (pose[:-2].inv() * pose[2:]).magnitude()[both] * rate / 2
        norm = np.linalg.norm(turning, axis=1)
        lags.append(signal_lag(norm, speed, rate, longest=0.5, sensor=path.stem[:20], reference_name="optical"))
    print("\nBROAD: gyroscope against optical orientation")
    print(lag_table(lags))
    return lags


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[3] / "shared" / "data"
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KINESYNTH_TEST_DATA", here))
    print(json.dumps({"figures": figures(chosen)}))
