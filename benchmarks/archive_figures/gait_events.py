"""Gait events: plates against the events that laboratories stored, markers against plates, published detectors beside.

Our detector's filter, threshold and bias were chosen on TUNING; what is scored is everybody else. Sign: found -
reference. FMC and Sydney store the first force sample beyond 20 N, and are met within a sample. McGill stores numbers
of marker frames (10 ms), mostly of the frame before the instant: a perfect instant misses these by 5 ms in the median,
which further rows show beside the raw one.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.event.agreement import TOLERANCE, compare
from mocap_import.event.foot_path import FootPath, foot_paths
from mocap_import.event.force_event import force_contacts, is_smoothed, supported_force_events
from mocap_import.event.gait_cycle import find_gait_cycles
from mocap_import.event.gait_event import GAIT, choose_events, marker_events
from mocap_import.event.marker_event import DETECTORS
from mocap_import.event.swing_event import BIAS, swing_events
from mocap_import.marker.marker_set import MarkerSet, load_marker_set
from mocap_import.trial import GaitEvent, MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial

FOLDERS = ("mcgill_walk_youth", "clinical_labs_anz", "rbds_running", "c3d_import_cases", "opensim_core/c3d")
TUNING = ("RBDS001", "RBDS002", "AUC", "FMC", "Sydney", "bmclab")
KINDS = ("foot_strike", "foot_off")
ROUNDING = {"frame before": np.floor, "nearest frame": np.round, "frame after": np.ceil}
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
    """Plate crossings minus the stored events, by laboratory: raw, and on the grid of frames where these lie on it."""
    pairs, lonely = [], Counter()
    for name, trial, meaning in trials:
        stated = [event for event in trial.events if event.source == "file"]
        if not stated:
            continue
        parts = Path(name).parts
        laboratory, subject = (parts[0] if parts[0].startswith("mcgill") else parts[1]), parts[1]
        frames = np.array([event.time for event in stated]) * trial.rate
        on_grid = bool(np.all(np.abs(frames - np.round(frames)) < 1e-3))
        for group, by_force in _force_groups(trial, meaning, laboratory):
            for foot, kind in itertools.product(("right", "left"), KINDS):
                own = np.sort([event.time for event in by_force if (event.foot, event.kind) == (foot, kind)])
                file = np.array([event.time for event in stated if (event.foot, event.kind) == (foot, kind)])
                lonely[group] += compare(own, file)[1]
                for instant in own:
                    stored = file[np.abs(file - instant) < TOLERANCE]
                    if len(stored):
                        nearest = stored[np.argmin(np.abs(stored - instant))]
                        pairs.append((group, subject, instant * trial.rate, nearest * trial.rate, trial.rate, on_grid))
    table = pd.DataFrame(pairs, columns=["group", "subject", "own", "stored", "rate", "on_grid"])
    print("plates against stored events (ms)          n  bias  median   95 %  plate events without a stored one")
    found = {}
    for group, part in table.groupby("group", sort=False):
        apart = 1000.0 * (part.own - part.stored) / part.rate
        found |= _row(f"plate events vs stored, {group}", apart.to_numpy(), "plates", note=f"{lonely[group]}")
    return found | _on_frames(table[table.on_grid & ~table.group.str.contains("smoothed")])


def _force_groups(trial: MarkerTrial, meaning: MarkerSet, laboratory: str) -> list[tuple[str, list[GaitEvent]]]:
    """Events of the plates by the same rules as in use; the strikes of smoothed forces, unused, as a row of their own.

    Partial steps are left out of all rows.
    """
    paths = foot_paths(trial, meaning)
    used, _ = supported_force_events(trial, paths, marker_events(paths))
    contacts = force_contacts(trial, paths)
    if not is_smoothed(contacts):
        return [(laboratory, used)]
    strikes = [GaitEvent(c.start, c.foot, "foot_strike", "force") for c in contacts if np.isfinite(c.start)]
    smoothed = f"{laboratory} (forces stored smoothed)"
    return [(f"{smoothed}, offs", used), (f"{smoothed}, strikes, which are not used", strikes)]


def _on_frames(table: pd.DataFrame) -> dict[str, dict]:
    """Laboratories that store events as frame numbers: like with like, and what a perfect instant could reach.

    By which rule a laboratory gets from an instant to a frame (the frame before it, the nearest, the one after) is
    decided on all subjects of that laboratory but the one that is scored; one who is alone gets the others' rule.
    """
    found = {}
    for group, part in table.groupby("group", sort=False):
        scored, unbiased, rules = [], [], Counter()
        for subject, mine in part.groupby("subject"):
            others = part[part.subject != subject]
            others = others if len(others) else table[table.group != group]
            misses = {rule: float((turn(others.own) - others.stored).abs().mean()) for rule, turn in ROUNDING.items()}
            best = min(misses, key=misses.get)
            rules[best] += len(mine)
            scored += (1000.0 * (ROUNDING[best](mine.own) - mine.stored) / mine.rate).tolist()
            bias = float((others.own - others.stored).median())
            unbiased += (1000.0 * (mine.own - mine.stored - bias) / mine.rate).tolist()
        words = ", ".join(f"{rule} {count}" for rule, count in rules.items())
        found |= _row(f"plate events vs stored, {group}, on its frames", np.array(scored), "plates", note=words)
        found |= _row(f"plate events vs stored, {group}, less its bias", np.array(unbiased), "plates", note="")
        frame = 1000.0 / float(part.rate.median())
        rng = np.random.default_rng(0)
        instants = rng.uniform(0.0, frame, (20_000, len(part)))
        for rule, apart in (("before", instants), ("nearest", np.abs(instants - 0.5 * frame))):
            medians = np.median(apart, axis=1)
            low, high = np.percentile(medians, [2.5, 97.5])
            name = f"floor of {len(part)} perfect instants, {group}, stored as the frame {rule}: median |dt| ms"
            print(f"{name}: {medians.mean():.1f} (95 % of samples {low:.1f} to {high:.1f})")
            found[name] = _figure(float(medians.mean()), None, None, True)
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
    print(json.dumps({"figures": figures(Path(folder))}))
