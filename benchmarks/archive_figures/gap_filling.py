"""Gap filling: gaps opened on purpose in real trials, filled by us, by a straight line and by a cubic spline.

The parameters of the methods were chosen on RBDS runners 1 and 2 and the walks of the FMC laboratory; every other
subject is scored. Single markers and whole segments are opened, in markers seen on both sides; all methods fill the
same gaps.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline

from mocap_import.gap.filling import FILL_METHODS, fill_gaps
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial_reader import read_trial

TUNING = ("rbds_running/RBDS001", "rbds_running/RBDS002", "clinical_labs_anz/FMC")
SCORED = (
    *("rbds_running/RBDS010", "rbds_running/RBDS013", "rbds_running/RBDS019", "mcgill_walk_youth"),
    *("clinical_labs_anz/AUC", "clinical_labs_anz/QCMAS", "clinical_labs_anz/Sydney", "c3d_import_cases/pyorerun"),
)
LENGTHS_MS = (50, 100, 250, 500)
CLASSES = {"pelvis": "pelvis", "femur": "thigh", "tibia": "shank", "calcn": "foot"}
SUPPORT = 0.1
"""Seconds that are seen on both sides of an opened gap."""
ROUNDS = {"marker": 9, "segment": 3}


@dataclass(frozen=True)
class Recording:
    """Positions (m) with their real gaps, and what the markers belong to."""

    name: str
    positions: np.ndarray
    labels: tuple[str, ...]
    segments: dict[str, tuple[str, ...]]
    rate: float


def recordings(data: Path, folders: tuple[str, ...]) -> list[Recording]:
    """Moving trials of some folders, as measured."""
    found = []
    for path in sorted(path for folder in folders for path in (data / folder).rglob("*.c3d")):
        if "static" in str(path).lower() or " cal " in path.name.lower():
            continue
        trial = read_trial(path)
        positions = trial.positions.copy()
        positions[trial.filled] = np.nan
        segments = {}
        if trial.marker_set != "unknown":
            segments = load_marker_set(trial.marker_set).for_labels(trial.labels).segments
        found.append(Recording(str(path.relative_to(data)), positions, trial.labels, segments, trial.rate))
    return found


def open_gaps(
    recording: Recording, length: int, whole_segment: bool, rng: np.random.Generator
) -> list[tuple[int, int, list[int]]]:
    """Random gaps (start, stop, markers) one after another, far enough apart that each is filled for itself."""
    seen = np.isfinite(recording.positions).all(axis=2)
    beside = max(4, round(SUPPORT * recording.rate))
    column = {label: k for k, label in enumerate(recording.labels)}
    groups = [[column[label] for label in group] for group in recording.segments.values()]
    choices = [group for group in groups if len(group) > 1] if whole_segment else [[k] for k in range(seen.shape[1])]
    gaps = []
    start = beside + int(rng.integers(0, length + beside))
    while choices and start + length + beside <= len(seen):
        markers = choices[int(rng.integers(len(choices)))]
        markers = [k for k in markers if seen[start - beside : start + length + beside, k].all()]
        if markers:
            gaps.append((start, start + length, markers))
        start += length + 2 * beside + int(rng.integers(0, max(beside, len(seen) // 12)))
    return gaps


def baselines(path: np.ndarray, start: int, stop: int, beside: int) -> tuple[np.ndarray, np.ndarray]:
    """Straight line and cubic spline through the samples on both sides."""
    known = np.r_[start - beside : start, stop : stop + beside]
    missing = np.arange(start, stop)
    share = ((missing - start + 1) / (stop - start + 1))[:, None]
    line = (1 - share) * path[start - 1] + share * path[stop]
    return line, CubicSpline(known, path[known])(missing)


def measure(trials: list[Recording], seed: int = 3) -> tuple[pd.DataFrame, np.ndarray, float]:
    """Errors of every opened gap.

    Returns
    -------
    gaps : DataFrame
        One row per marker and gap: mean square error (m²) of each method over the frames that ours filled.
    scaled : ndarray, shape (n, 2)
        Number of the method and error over stated uncertainty of every filled coordinate.
    seconds : float
        CPU time of filling.
    """
    rng = np.random.default_rng(seed)
    rows, scaled, spent = [], [], 0.0
    for trial in trials:
        kind = {label: body for body, group in trial.segments.items() for label in group}
        beside = max(4, round(SUPPORT * trial.rate))
        for scenario, rounds in ROUNDS.items():
            for milliseconds in LENGTHS_MS:
                length = max(1, round(milliseconds / 1000 * trial.rate))
                long = len(trial.positions) > 2000
                for _ in range(max(1, rounds // 3) if long else rounds):
                    gaps = open_gaps(trial, length, scenario == "segment", rng)
                    holed = trial.positions.copy()
                    for start, stop, markers in gaps:
                        holed[start:stop, markers] = np.nan
                    begun = time.process_time()
                    filling = fill_gaps(holed, trial.labels, trial.segments, trial.rate)
                    spent += time.process_time() - begun
                    for start, stop, markers in gaps:
                        for k in markers:
                            true = trial.positions[start:stop, k]
                            done = filling.filled[start:stop, k]
                            estimates = (
                                filling.positions[start:stop, k],
                                *baselines(trial.positions[:, k], start, stop, beside),
                            )
                            squares = [
                                ((values - true)[done] ** 2).sum(axis=1).mean() if done.any() else np.nan
                                for values in estimates
                            ]
                            method = filling.method[start:stop, k].max()
                            sigma = filling.uncertainty[start:stop, k][done, None]
                            if done.any():
                                ratio = ((filling.positions[start:stop, k] - true)[done] / sigma).ravel()
                                scaled.append(np.stack([np.full(len(ratio), method), ratio], axis=1))
                            body = kind.get(trial.labels[k], "").split("_")[0]
                            rows.append(
                                (
                                    trial.name,
                                    scenario,
                                    milliseconds,
                                    CLASSES.get(body, "upper body or other"),
                                    FILL_METHODS[method],
                                    *squares,
                                    done.mean(),
                                )
                            )
    names = ["trial", "scenario", "ms", "class", "method", "ours", "linear", "spline", "share"]
    return pd.DataFrame(rows, columns=names), np.concatenate(scaled), spent


def root_mean(squares: pd.Series) -> float:
    """RMSE (mm)."""
    return 1000 * float(np.sqrt(squares.mean()))


def summary(gaps: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """RMSE (mm) of the three methods over the gaps that ours filled, and the share that it filled."""
    done = gaps[gaps.ours.notna()]
    table = done.groupby(by)[["ours", "linear", "spline"]].agg(root_mean)
    table["gaps"] = gaps.groupby(by).size()
    table["filled"] = gaps.groupby(by).share.mean()
    return table


def figures(data: Path) -> dict[str, dict]:
    """RMSE per gap length against the better baseline, calibration of the uncertainty, and CPU time."""
    gaps, scaled, seconds = measure(recordings(data, SCORED))
    print("RMSE (mm, distance) on the same gaps\n")
    print(summary(gaps, ["scenario", "ms"]).round(3).to_string())
    print("\nper marker class\n")
    print(summary(gaps, ["class", "ms"]).round(3).to_string())
    print("\nmethods\n")
    print(gaps.groupby(["ms", "method"]).size().unstack(fill_value=0).to_string())
    for number in np.unique(scaled[:, 0]):
        part = np.abs(scaled[scaled[:, 0] == number, 1])
        inside = [round(float((part <= k).mean()), 3) for k in (1, 2, 3)]
        print(f"{FILL_METHODS[int(number)]}: {len(part)} coordinates, within 1, 2, 3 sigma: {inside}")
    found: dict[str, dict] = {}
    for (scenario, milliseconds), row in summary(gaps, ["scenario", "ms"]).iterrows():
        peer = min(row.linear, row.spline)
        found[f"gap RMSE, {scenario}, {milliseconds} ms (mm)"] = _row(
            row.ours, peer, "below linear and spline", row.ours < peer
        )
    classes = summary(gaps, ["class", "ms"])
    worse = int((classes.ours >= classes[["linear", "spline"]].min(axis=1)).sum())
    found["marker classes and lengths not below both baselines"] = _row(worse, None, 0, worse == 0)
    within = float((np.abs(scaled[:, 1]) <= 2).mean())
    found["errors within 2 sigma (share)"] = _row(within, 0.954, "0.90 to 0.99", 0.90 <= within <= 0.99)
    cost = 1000 * seconds / len(gaps)
    found["CPU seconds per 1,000 gaps"] = _row(cost, None, None, True)
    for name, row in found.items():
        print(name, row)
    return found


def _row(ours: float, peer: float | None, goal: object, met: bool) -> dict:
    """One figure."""
    ratio = None if peer is None else round(float(ours) / float(peer), 3)
    return {
        "ours": round(float(ours), 3),
        "peer": None if peer is None else round(float(peer), 3),
        "ratio": ratio,
        "goal": goal,
        "met": bool(met),
    }


if __name__ == "__main__":
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    figures(Path(os.environ.get("KINESYNTH_TEST_DATA", beside)))
