"""Exports and quality: markers and forces of exported files against the trial, and the verdicts of all real files.

The exported text is read back by pandas, a second path beside our own reader; C3D is read back by our importer's
reader, which is compared with a second reader elsewhere. No peer writes these files from a trial, so `peer` is None.
The thresholds of the verdict come from the literature, not from these files; the split of the body weight's into 2 and
10 % was made after seeing static trials of `SEEN`, whose files are counted apart.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.c3d.reader import read_c3d
from mocap_import.export.clean_c3d import whole_plates, write_clean_c3d
from mocap_import.export.external_load import write_external_loads
from mocap_import.export.trc import write_trc
from mocap_import.export.trial_table import write_trial_tables
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.quality.doubt import check_quality
from mocap_import.quality.trial_quality import verdict
from mocap_import.quality.verdict import LEVELS
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial

SEEN = ("mcgill_walk_youth", "clinical_labs_anz/FMC", "clinical_labs_anz/QCMAS")
EXPORTED = (
    "mcgill_walk_youth/HC002D/Straight/HC002D06.c3d",
    "mcgill_walk_youth/HC040A/Straight/HC040A14.c3d",
    "clinical_labs_anz/AUC/dynamic/CB_Dynamic0003.c3d",
    "clinical_labs_anz/FMC/dynamic/MH0222_BP06.c3d",
    "clinical_labs_anz/QCMAS/dynamic/QCMAS.dynamic.c3d",
    "clinical_labs_anz/Sydney/dynamic/S4-AMGait04.c3d",
    "c3d_import_cases/bmclab/Gait.c3d",
    "opensim_core/c3d/walking2.c3d",
    "rbds_running/RBDS001/RBDS001runT35.c3d",
)
LARGEST = 40_000_000
"""Bytes; larger files are left to the reading figures."""


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    errors = _round_trips(data)
    found: dict[str, dict] = {}
    for name, unit, goal in (
        ("trc_markers", "mm", 1e-5),
        ("csv_markers", "mm", 1e-5),
        ("c3d_markers", "mm", 1e-3),
        ("mot_force", "N", 1e-4),
        ("csv_force", "N", 1e-4),
        ("c3d_force", "N", 1e-2),
        ("mot_pressure", "mm", 1e-4),
        ("c3d_pressure_over_100_N", "mm", 0.05),
        ("trc_time", "s", 0.0),
        ("gaps_that_differ", "samples", 0),
    ):
        found[f"export: largest error of {name} ({unit})"] = _figure(errors[name], goal)
    found |= _verdicts(data)
    return found


def _figure(ours: Any, goal: Any, met: bool | None = None) -> dict[str, Any]:
    met = bool(ours <= goal) if met is None else met
    return {"ours": ours, "peer": None, "ratio": None, "goal": goal, "met": met}


def _round_trips(data: Path) -> dict[str, float]:
    """Largest error of each kind over the exported trials."""
    worst: Counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for file in EXPORTED:
            trial = read_trial(data / file)
            own = _errors(trial, Path(folder))
            print(f"{file:60}", "  ".join(f"{key} {value:.1e}" for key, value in own.items() if value))
            for key, value in own.items():
                worst[key] = max(worst[key], float(value))
    return worst


def _errors(trial: MarkerTrial, folder: Path) -> dict[str, float]:
    """Errors of one trial, in mm, N and s."""
    write_trc(folder / "t.trc", trial)
    table = pd.read_csv(folder / "t.trc", sep="\t", skiprows=5, header=None)
    table = table.to_numpy()[:, : 2 + 3 * len(trial.labels)]
    back = table[:, 2:].reshape(trial.positions.shape)
    seen = np.isfinite(trial.positions).all(axis=2)
    found = {
        "trc_markers": np.abs(back - 1000 * trial.positions)[seen].max(),
        "trc_time": np.abs(table[:, 1] - trial.time).max(),
        "gaps_that_differ": int((np.isfinite(back).all(axis=2) != seen).sum()),
    }
    tables = {path.stem.split("_")[-1]: path for path in write_trial_tables(folder / "t", trial)}
    back = pd.read_csv(tables["markers"], usecols=["x_m", "y_m", "z_m"]).to_numpy().reshape(trial.positions.shape)
    found["csv_markers"] = 1000 * np.abs(back - trial.positions)[seen].max()
    if trial.ground_reactions:
        rows = pd.read_csv(tables["forces"])[[f"force_{axis}_N" for axis in "xyz"]].to_numpy()
        found["csv_force"] = _largest(rows - np.concatenate([r.force for r in trial.ground_reactions]))
    found |= _load_errors(trial, folder) | _c3d_errors(trial, folder, seen)
    return found


def _load_errors(trial: MarkerTrial, folder: Path) -> dict[str, float]:
    """Forces and points of the .mot file."""
    try:
        write_external_loads(folder / "t.mot", trial)
    except TrialRefused:
        return {}
    lines = (folder / "t.mot").read_text().split("\n")
    table = pd.read_csv(folder / "t.mot", sep="\t", skiprows=lines.index("endheader") + 1)
    force, place = 0.0, 0.0
    for foot, reaction in foot_reactions(trial).items():
        columns = [f"ground_force_{foot[0]}_{kind}{axis}" for kind in "vp" for axis in "xyz"]
        values = table[columns].to_numpy()
        force = max(force, _largest(values[:, :3] - reaction.force))
        place = max(place, 1000 * _largest(values[:, 3:] - reaction.centre_of_pressure))
    return {"mot_force": force, "mot_pressure": place}


def _c3d_errors(trial: MarkerTrial, folder: Path, seen: np.ndarray) -> dict[str, float]:
    """Markers and plates of the C3D file, as it is read again."""
    notes = write_clean_c3d(folder / "t.c3d", trial)
    raw = read_c3d(folder / "t.c3d")
    found = {"c3d_markers": np.abs(raw.points - 1000 * trial.positions)[seen].max()}
    plates = whole_plates(trial.ground_reactions)
    if not plates or any(note.what == "plates_not_exported" for note in notes):
        return found
    back = read_trial(folder / "t.c3d")
    reactions = whole_plates(back.ground_reactions)
    force, place = 0.0, 0.0
    for mine, its in zip(plates, reactions, strict=True):
        force = max(force, _largest(np.nan_to_num(mine.force) - its.force))
        loaded = mine.force[:, 1] > 100
        if loaded.any():  # a plate that nobody stepped on has no centre of pressure
            place = max(place, 1000 * _largest((mine.centre_of_pressure - its.centre_of_pressure)[loaded]))
    return found | {"c3d_force": force, "c3d_pressure_over_100_N": place}


def _largest(difference: np.ndarray) -> float:
    """Largest absolute value, NaN left out."""
    known = np.abs(difference[np.isfinite(difference)])
    return float(known.max()) if known.size else np.inf  # nothing to compare is no success


def _verdicts(data: Path) -> dict[str, dict]:
    """Verdict of every real file that becomes a trial, the reasons, and what judging costs."""
    counts: dict[bool, Counter] = {True: Counter(), False: Counter()}
    reasons: Counter = Counter()
    spent, slowest, refused = 0.0, 0.0, 0
    for path in sorted(data.rglob("*")):
        if path.suffix.lower() != ".c3d" or not path.is_file() or path.stat().st_size > LARGEST:
            continue
        try:
            trial = read_trial(path)
            known = trial.marker_set != "unknown"
            meaning = load_marker_set(trial.marker_set).for_labels(trial.labels) if known else None
        except TrialRefused:
            refused += 1
            continue
        took = []
        for _ in range(3):
            began = time.process_time()
            level, why = verdict(trial, meaning)
            check_quality(trial, meaning)
            took.append(time.process_time() - began)
        spent, slowest = spent + min(took), max(slowest, min(took))
        counts[any(part in path.as_posix() for part in SEEN)][level] += 1
        reasons.update(why)
        print(f"  {level:9} {path.relative_to(data).as_posix():75} {', '.join(why)}")
    print("reasons:", dict(reasons.most_common()))
    found = {}
    for chosen, words in ((False, "other files"), (True, "files seen before the weight threshold was split")):
        total = sum(counts[chosen].values())
        text = ", ".join(f"{counts[chosen][level]} {level}" for level in LEVELS)
        found[f"quality: verdicts of {total} {words}"] = _figure(text, "reported", True)
    n_trials = max(1, sum(sum(each.values()) for each in counts.values()))
    found["quality: files refused by the importer before a verdict"] = _figure(refused, "reported", True)
    found["quality: check_quality and verdict, mean of all trials (ms)"] = _figure(1000 * spent / n_trials, 3.0)
    found["quality: check_quality and verdict, slowest trial (ms)"] = _figure(1000 * slowest, "reported", True)
    return found


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(folder))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
