"""Every laboratory's folder through the archive run: each file accounted for, and the share of usable gait trials.

A gait trial (walk, run or turn) is usable if at least one gait cycle has the markers of pelvis or hip, knee, ankle,
heel and toe of both sides, as far as its marker set has them, in every frame after filling. Left out of the share, and
printed: mutated copies (folders named ``fuzz``), and copies or re-encodings of a recording that is counted already (the
same frames, labels and positions within 5 mm). Files whose motion no rule of ours calls gait are printed too.
The verdict asks for more: markers that place every segment as a rigid body; its share is a row of its own.
Run alone: python benchmarks/archive_figures/laboratories.py
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = {
    "pelvis or hip": ("asis", "psis", "iliac_crest", "trochanter"),
    "knee": ("knee_lateral", "knee_medial"),
    "ankle": ("ankle_lateral", "ankle_medial"),
    "heel": ("heel",),
    "toe": ("toe", "metatarsal_1", "metatarsal_5"),
}
"""Places of one side; one landmark of each is enough."""


def figures(data: Path) -> dict[str, dict]:
    """Accounting and usable gait trials; `data` is the folder of the real recordings."""
    from mocap_import.archive.run import convert_archive

    n_found, n_rows, refused, statuses = 0, 0, [], Counter()
    trials = []
    with tempfile.TemporaryDirectory(prefix="laboratories_") as place:
        for folder in sorted(path for path in data.iterdir() if path.is_dir()):
            files = [path for path in folder.rglob("*") if path.name.lower().endswith(".c3d")]
            if not files:
                continue
            table = convert_archive(folder, Path(place) / folder.name, n_workers=2, codes="keep")
            n_found, n_rows = n_found + len(files), n_rows + len(table)
            counts = Counter(table.status)
            statuses += counts
            print(f"{folder.name:28} {len(table):3} files: {', '.join(f'{n} {s}' for s, n in sorted(counts.items()))}")
            for row in table.itertuples():
                if row.status == "refused":
                    refused.append((f"{folder.name}/{row.file}", row.reason))
                else:
                    trials.append((f"{folder.name}/{row.file}", Path(place) / folder.name / row.output, row))
        for name, reason in refused:
            print(f"refused {name}: {reason}")
        gait, usable, judged = _judge(trials)
    said = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
    accounted = n_rows == n_found and all(len(reason) > 20 for _, reason in refused)
    share, better = usable / max(gait, 1), judged / max(gait, 1)
    return {
        "files of all laboratories accounted for": _row(f"{n_rows} ({said})", n_found, accounted, n_rows / n_found),
        "gait trials of all laboratories usable": _row(f"{usable} of {gait}", ">= 0.95", share >= 0.95, share),
        "gait trials of all laboratories judged better than unusable": _row(
            f"{judged} of {gait}", ">= 0.95", better >= 0.95, better
        ),
    }


def _row(ours: str, goal: object, met: bool, ratio: float) -> dict:
    return {"ours": ours, "peer": None, "ratio": round(ratio, 4), "goal": goal, "met": bool(met)}


def _judge(trials: list) -> tuple[int, int, int]:
    """Gait trials, usable ones and those that the verdict does not call unusable, of (name, trial file, row)."""
    from mocap_import.event.gait_event import GAIT
    from mocap_import.trial_store import load_trial

    counted: dict[tuple, list] = {}
    gait, usable, judged = 0, 0, 0
    for name, path, row in trials:
        if "/fuzz/" in name:
            print(f"left out, mutated: {name}")
            continue
        if row.task not in GAIT:
            if row.task != "static":
                print(f"no gait by name or motion: {name} ({row.n_markers:.0f} markers, set {row.marker_set})")
            continue
        trial = load_trial(path)
        twins = counted.setdefault((trial.n_frames, trial.labels), [])
        twin = next((other for other, positions in twins if _is_same(positions, trial.positions)), None)
        if twin is not None:
            print(f"left out, the same as {twin}: {name}")
            continue
        twins.append((name, trial.positions))
        why = _fault(trial)
        gait, usable, judged = gait + 1, usable + (not why), judged + (row.verdict != "unusable")
        if not why and row.verdict == "unusable":
            print(f"usable, but not by its verdict: {name}: {row.verdict_reasons}")
        if why:
            print(f"not usable: {name} ({row.task}, {trial.n_frames / trial.rate:.1f} s): {why}")
    print(f"{usable} of {gait} gait trials usable")
    return gait, usable, judged


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """The same recording, stored otherwise."""
    return bool(np.nanmax(np.abs(one - other), initial=0.0) < 5e-3)


def _fault(trial) -> str:
    """Why no gait cycle of a trial can be used, ``""`` if one can."""
    from mocap_import.event.gait_cycle import find_gait_cycles
    from mocap_import.marker.marker_set import landmark_positions, load_marker_set

    if trial.marker_set == "unknown":
        return f"no marker set explains {', '.join(trial.labels[:8])} ..."
    cycles = [cycle for foot in ("right", "left") for cycle in find_gait_cycles(trial, foot)]
    if not cycles:
        return f"no gait cycle was recorded: {len(trial.events)} events"
    places = landmark_positions(trial, load_marker_set(trial.marker_set))
    missing = set()
    for start, stop in cycles:
        frames = slice(round(start * trial.rate), round(stop * trial.rate) + 1)
        lost = _lost(places, frames)
        if not lost:
            return ""
        missing |= lost
    return f"in each of {len(cycles)} cycles something is missing: {', '.join(sorted(missing))}"


def _lost(places: dict[str, np.ndarray], frames: slice) -> set[str]:
    """Parts of the lower limbs that the set has and some frame of a cycle lacks."""
    lost = set()
    for part, names in PARTS.items():
        for side in "rl":
            marks = [places[f"{name}_{side}"][frames] for name in names if f"{name}_{side}" in places]
            if marks and not np.any([np.isfinite(mark[:, 0]) for mark in marks], axis=0).all():
                lost.add(f"{part} ({'right' if side == 'r' else 'left'})")
    return lost


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    folder = os.environ.get("KINESYNTH_TEST_DATA") or REPOSITORY.parent / "shared" / "data"
    print(json.dumps({"figures": figures(Path(folder))}))
