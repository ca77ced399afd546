"""Gait events: plates against the events that laboratories stored, markers against plates, published detectors beside.

Our detector's filter, threshold and bias were chosen on TUNING; what is scored is everybody else. Sign: found -
reference. Where a laboratory stored its events on the grid of its marker frames (McGill: 10 ms, the frame before), a
second row puts the plate's events on that grid as well: raw, a perfect plate would miss such events by 5 ms.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from mocap_import.event.agreement import compare
from mocap_import.event.foot_path import FootPath, foot_paths
from mocap_import.event.force_event import force_contacts, is_smoothed, supported_force_events
from mocap_import.event.gait_cycle import find_gait_cycles
from mocap_import.event.gait_event import GAIT, choose_events, marker_events
from mocap_import.event.marker_event import DETECTORS
from mocap_import.event.swing_event import BIAS, swing_events
from mocap_import.marker.marker_set import MarkerSet, load_marker_set
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial

FOLDERS = ("mcgill_walk_youth", "clinical_labs_anz", "rbds_running", "c3d_import_cases", "opensim_core/c3d")
TUNING = ("RBDS001", "RBDS002", "AUC", "FMC", "Sydney", "bmclab")
KINDS = ("foot_strike", "foot_off")
GOALS = {"plates": (5.0, 20.0), "markers": (15.0, 40.0)}


def figures(data: Path) -> dict[str, dict]:
    """Median and 95th percentile of |difference| (ms), misses and false positives of every source and detector."""
    trials = list(_gait_trials(data))
    found = _plates_against_files(trials)
    found |= _markers_against_plates(trials)
    found |= _usable_and_cost(trials)
    return found


def _gait_trials(data: Path) -> list[tuple[str, MarkerTrial, MarkerSet]]:
    """Every gait trial of the archives whose marker set is known: file, trial, set."""
    for folder in FOLDERS:
        for path in sorted(p for p in (data / folder).rglob("*") if p.suffix.lower() == ".c3d"):
            if path.parent.name == "Sample02" and path.name != "pc_real.c3d":
                continue  # six storages of one recording
            try:
                trial = read_trial(path)
            except TrialRefused:
                continue
            if trial.task in GAIT and trial.marker_set != "unknown":
                yield str(path.relative_to(data)), trial, load_marker_set(trial.marker_set).for_labels(trial.labels)


def _plates_against_files(trials: list) -> dict[str, dict]:
    """Plate crossings minus the stored events, by laboratory."""
    groups: dict[str, list[float]] = {}
    missed: dict[str, int] = {}
    for name, trial, meaning in trials:
        stated = [event for event in trial.events if event.source == "file"]
        if not stated:
            continue
        paths = foot_paths(trial, meaning)
        contacts = force_contacts(trial, paths)
        # Partial steps are left out by the same rule as in use; smoothed forces are shown as a row of their own.
        by_force, _ = supported_force_events(trial, paths, marker_events(paths))
        if is_smoothed(contacts):
            starts = [(c.foot, "foot_strike", c.start) for c in contacts if np.isfinite(c.start)]
            by_force_keys = starts + [(e.foot, e.kind, e.time) for e in by_force if e.kind == "foot_off"]
        else:
            by_force_keys = [(e.foot, e.kind, e.time) for e in by_force]
        lab = name.split("/")[0 if name.startswith("mcgill") else 1]
        group = f"{lab} (forces stored smoothed)" if is_smoothed(contacts) else lab
        frames = np.array([event.time for event in stated]) * trial.rate
        on_grid = bool(np.all(np.abs(frames - np.round(frames)) < 1e-3))
        for foot in ("right", "left"):
            for kind in KINDS:
                own = np.sort([t for f, k, t in by_force_keys if (f, k) == (foot, kind)])
                lab_times = np.array([e.time for e in stated if (e.foot, e.kind) == (foot, kind)])
                for label, times in (
                    (group, own),
                    (f"{group}, both on frames", np.floor(own * trial.rate) / trial.rate),
                ):
                    if label == group or on_grid:
                        apart, lonely, _ = compare(times, lab_times)
                        groups.setdefault(label, []).extend((-1000.0 * apart).tolist())
                        missed[label] = missed.get(label, 0) + lonely
    print("plates against stored events (ms)          n  bias  median   95 %  plate events without a stored one")
    found = {}
    for group, values in groups.items():
        name = f"plate events vs stored, {group}"
        found |= _row(name, np.array(values), "plates", note=f"{missed[group]}")
    return found


def _markers_against_plates(trials: list) -> dict[str, dict]:
    """Every detector against plates, by task and kind, on tuning and scored subjects."""
    detectors = {"ours": swing_events, **DETECTORS}
    errors: dict[tuple, list[float]] = {}
    missed: dict[tuple, int] = {}
    extra: dict[tuple, int] = {}
    raw: dict[tuple, list[float]] = {}
    for name, trial, meaning in trials:
        paths = foot_paths(trial, meaning)
        by_force, notes = supported_force_events(trial, paths, marker_events(paths))
        if any(note.what == "force_smoothed" for note in notes):
            continue
        part = "tuning" if any(word in name for word in TUNING) else "scored"
        task = "run" if trial.task == "run" else "walk"
        for path in paths:
            for label, detector in detectors.items():
                for kind, times in zip(KINDS, detector(path), strict=True):
                    key = (part, task, kind, label)
                    _count(key, by_force, path, kind, np.sort(times), errors, missed, extra)
                    if label == "ours":
                        raw.setdefault(key, [])
                        raw[key] = [e + 1000.0 * BIAS[task, kind] for e in errors.get(key, [])]
    found = {}
    print("\nmarkers against plates (ms)                  n  bias  median   95 %  missed / extra, task kind detector")
    for key in sorted(errors):
        part, task, kind, label = key
        values = np.array(errors[key])
        note = f"{missed[key]} / {extra[key]}"
        row = _row(f"{part} {task} {kind} {label}", values, "markers", note=note)
        if label == "ours":
            row |= _row(f"{part} {task} {kind} ours, uncorrected", np.array(raw[key]), "markers", note=note)
        if part == "scored":
            found |= row
    for task in ("walk", "run"):
        for kind in KINDS:
            mine = _size(errors.get(("scored", task, kind, "ours"), []))
            peers = {k[3]: _size(v) for k, v in errors.items() if k[:3] == ("scored", task, kind) and k[3] != "ours"}
            best = min(peers, key=lambda peer: peers[peer], default="")
            peer = peers.get(best, float("nan"))
            found[f"median |marker - plate| ms, {task} {kind}, ours vs best published ({best})"] = {
                "ours": mine,
                "peer": peer,
                "ratio": mine / peer,
                "goal": "<= 15 ms",
                "met": bool(mine <= 15.0),
            }
    return found


def _count(key: tuple, by_force: list, path: FootPath, kind: str, times: np.ndarray, errors, missed, extra) -> None:
    """Add one foot's events of one detector to the tables."""
    own = [event for event in by_force if event.foot == path.foot]
    reference = np.array([event.time for event in own if event.kind == kind])
    apart, n_missed, n_extra = compare(reference, times, [event.time for event in own])
    errors.setdefault(key, []).extend((1000.0 * apart).tolist())
    missed[key] = missed.get(key, 0) + n_missed
    extra[key] = extra.get(key, 0) + (n_extra if len(own) else 0)


def _usable_and_cost(trials: list) -> dict[str, dict]:
    """Share of gait trials with a whole cycle, and what choosing the events costs."""
    whole, spent = 0, []
    for name, trial, meaning in trials:
        has_cycle = bool(find_gait_cycles(trial, "right") or find_gait_cycles(trial, "left"))
        whole += has_cycle
        if not has_cycle:
            length = trial.n_frames / trial.rate
            print(f"no whole cycle: {name}, {length:.2f} s, {len(trial.events)} events")
        started = time.process_time()
        choose_events(trial, meaning)
        spent.append(1000.0 * (time.process_time() - started))
    share = 100.0 * whole / max(len(trials), 1)
    cost = float(np.median([ms for ms, (_, trial, _) in zip(spent, trials, strict=True) if trial.n_frames < 1000]))
    long = float(np.median([ms for ms, (_, trial, _) in zip(spent, trials, strict=True) if trial.n_frames >= 1000]))
    print(f"\n{whole} of {len(trials)} gait trials hold a whole cycle")
    print(f"events cost {cost:.1f} ms a short trial, {long:.1f} ms a long one")
    return {
        "gait trials with a whole cycle (%)": _figure(share, None, ">= 95", share >= 95.0),
        "choosing events, short trials (ms CPU)": _figure(cost, None, "< 3", cost < 3.0),
        "choosing events, trials of >= 1000 frames (ms CPU)": _figure(long, None, None, True),
    }


def _row(name: str, values: np.ndarray, goal: str, note: str) -> dict[str, dict]:
    """One printed line, and the two figures of it."""
    median_goal, tail_goal = GOALS[goal]
    if not len(values):
        print(f"{name:58s}  none; {note}")
        return {}
    median, tail = float(np.median(np.abs(values))), float(np.percentile(np.abs(values), 95))
    print(f"{name:58s} {len(values):4d} {np.median(values):6.1f} {median:6.1f} {tail:6.1f}  {note}")
    return {
        f"{name}: median |dt| ms": _figure(median, None, f"<= {median_goal:g}", median <= median_goal),
        f"{name}: 95 % |dt| ms": _figure(tail, None, f"<= {tail_goal:g}", tail <= tail_goal),
    }


def _figure(ours: float, peer: float | None, goal: str | None, met: bool) -> dict:
    return {"ours": ours, "peer": peer, "ratio": ours / peer if peer else None, "goal": goal, "met": bool(met)}


def _size(values: list[float]) -> float:
    return float(np.median(np.abs(values))) if len(values) else float("nan")


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    sys.stdout.write(json.dumps({"figures": figures(Path(folder))}) + "\n")
