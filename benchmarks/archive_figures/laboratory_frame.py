"""Laboratory frame: 24 orientations × 3 units of real trials are recovered or declared ambiguous, never wrong silently.

Truth of a file as recorded, known apart from what is measured here: the documentation of the data sets states the
vertical axis and unit (RBDS: Y up, running towards +X; McGill and the four clinical laboratories: Z up; all mm), the
direction follows by hand from the coordinates of two markers that everybody can look up in the file: the front of the
body (ASIS against PSIS or sacrum, or heel against toe) in the first third of the trial, see `FRONT`. BMClab, Sample02
and pyorerun carry no statement of their own; their plates lie in the plane Z = 0 and every marker is above it.

Each trial is turned and scaled in memory: points, and corners and origins of the plates; plate channels stay, they are
in plate axes. Each time the file states its unit and screen right, not at all, or wrong. Thresholds were chosen on the
analytic walker, RBDS and McGill, and on static trials of all laboratories laid on their back in memory (which is no
figure here); the other laboratories are reported apart.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.c3d.reader import read_c3d
from mocap_import.frame.lab_frame import find_lab_frame
from mocap_import.frame.signed_axis import AXIS_NAMES, SIGNED_AXES, axes_name, axis_name, rotation_to_ground
from mocap_import.marker.marker_set import recognise_marker_set
from mocap_import.trial import TrialRefused

CHOSEN_ON = ("rbds_running", "mcgill_walk_youth")
SCORED = (
    *("clinical_labs_anz", "c3d_import_cases/bmclab", "c3d_import_cases/pyorerun", "opensim_core/c3d"),
    "c3d_import_cases/Sample02/pc_real.c3d",
)
HARDER = ("plates", "marker set", "both")
UP = {"rbds_running": "+Y"}
"""Vertical axis as documented; +Z everywhere else."""
FRONT = {
    "rbds_running": (("R.PSIS", "R.ASIS"), ("L.PSIS", "L.ASIS")),
    "clinical_labs_anz/AUC": (("SACR", "RASI"), ("SACR", "LASI"), ("RPSI", "RASI"), ("LPSI", "LASI")),
    "bmclab": (("VSAC", "RASI"), ("VSAC", "LASI")),
    "pyorerun": (("RBackAsis", "RASIS"), ("LBackAsis", "LASIS")),
    "Sample02": (("RSK2", "RFT1"), ("LSK2", "LFT1")),
    "": (("RPSI", "RASI"), ("LPSI", "LASI"), ("SACR", "RASI"), ("SACR", "LASI")),
}
"""Folder → markers behind and before."""
WAY = {"Sample02": "+Y"}
"""Folder → axis along which the markers' middle moves metres (its set has no pair of markers behind and before)."""
UNITS = {"mm": 1.0, "cm": 0.1, "m": 0.001}
WRONG = {"mm": "m", "cm": "mm", "m": "cm"}
ORIENTATIONS = [
    matrix
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
    if np.linalg.det(matrix := np.array([sign * np.eye(3)[k] for sign, k in zip(signs, order, strict=True)])) > 0
]


def true_axes(name: str, raw: RawC3d) -> str:
    """Forward and up axis of a file as recorded, from documentation and two markers."""
    up = SIGNED_AXES[AXIS_NAMES.index(next((axis for part, axis in UP.items() if part in name), "+Z"))]
    way = next((axis for part, axis in WAY.items() if part in name), "")
    if way:
        return way + axis_name(up)
    pairs = next(pairs for part, pairs in FRONT.items() if part in name)
    column = {label: k for k, label in enumerate(raw.labels)}
    total = np.zeros(3)
    for back, front in pairs:
        if back in column and front in column:
            vectors = raw.points[:, column[front]] - raw.points[:, column[back]]
            seen = vectors[np.isfinite(vectors[:, 0])]
            total += seen[: max(1, len(seen) // 3)].mean(axis=0) if len(seen) else 0.0
    flat = total - (total @ up) * up
    if not flat.any():
        raise ValueError(f"{name}: none of the pairs {pairs} is in the file; name another in FRONT")
    forward = SIGNED_AXES[np.argmax(SIGNED_AXES @ flat)]
    return axes_name(rotation_to_ground(forward, up))


def turned(raw: RawC3d, rotation: np.ndarray, scale: float) -> RawC3d:
    """The file as a laboratory with other axes and another unit would have recorded it."""
    plates = tuple(
        replace(plate, corners=scale * plate.corners @ rotation.T, origin=scale * plate.origin) for plate in raw.plates
    )
    return replace(raw, points=scale * raw.points @ rotation.T, plates=plates)


def stated(raw: RawC3d, how: str, unit: str, axes: str, rotation: np.ndarray, count: int) -> RawC3d:
    """The file with unit and screen stated right, not at all, or wrong (another wrong orientation each time)."""
    if how == "missing":
        return replace(raw, unit="", screen=("", ""))
    if how == "wrong":
        rotation = ORIENTATIONS[(count + 7) % 24] @ rotation
        unit = WRONG[unit]
    names = tuple(axis_name(rotation @ SIGNED_AXES[AXIS_NAMES.index(axes[k : k + 2])]) for k in (0, 2))
    return replace(raw, unit=unit, screen=(names[0], names[1]))


def outcomes(name: str, raw: RawC3d, step: int = 1, without: str = "") -> tuple[Counter, list[str]]:
    """Count of recovered, ambiguous and wrong over orientations, units and statements, and the wrong ones named.

    `without` takes evidence away: ``"plates"``, ``"marker set"``, ``"both"``.
    """
    axes = true_axes(name, raw)
    meaning = None if without in ("marker set", "both") else recognise_marker_set(raw.labels)
    raw = replace(raw, plates=()) if without in ("plates", "both") else raw
    forward, up = (SIGNED_AXES[AXIS_NAMES.index(axes[k : k + 2])] for k in (0, 2))
    every = max(1, len(raw.points) // 20)
    truth_rotation = rotation_to_ground(forward, up)
    truth = (0.001 * raw.points[::every]) @ truth_rotation.T
    count, wrong = Counter(), []
    for number, rotation in list(enumerate(ORIENTATIONS))[::step]:
        for unit, scale in UNITS.items():
            moved = turned(raw, rotation, scale)
            for how in ("right", "missing", "wrong"):
                case = stated(moved, how, unit, axes, rotation, number)
                try:
                    frame, _ = find_lab_frame(case, meaning, source=name)
                except TrialRefused:
                    count[how, "refused"] += 1
                    continue
                found = (moved.points[::every] * frame.metres_per_unit) @ frame.rotation.T
                is_right = np.allclose(found, truth, atol=1e-9, equal_nan=True)
                outcome = "recovered" if is_right else "wrong"
                if frame.is_ambiguous:
                    named = axes_name(truth_rotation @ rotation.T) in (frame.axes, *frame.alternatives)
                    named &= unit in (frame.unit, *frame.alternatives)
                    outcome = "ambiguous" if named else "ambiguous_without_naming_the_truth"
                count[how, outcome] += 1
                if not is_right and not frame.is_ambiguous:
                    wrong.append(f"{name} {how} {number} {unit}: {frame.detail}")
    return count, wrong


def files(data: Path, folders: tuple[str, ...]) -> list[Path]:
    """C3D files of some folders or files."""
    found = []
    for folder in folders:
        place = data / folder
        found += [place] if place.is_file() else sorted(place.rglob("*.c3d"))
    return found


def labelled(raw: RawC3d) -> RawC3d:
    """Without trajectories that are never seen or have no label, as the trial reader leaves them out."""
    keep = np.isfinite(raw.points[:, :, 0]).any(axis=0) & np.array([label[:1] != "*" for label in raw.labels])
    labels = tuple(label for label, kept in zip(raw.labels, keep, strict=True) if kept)
    return replace(raw, labels=labels, points=raw.points[:, keep])


def _row(ours: float, goal: str, is_met: bool) -> dict:
    """A figure; no other tool infers a laboratory's axes and unit, so there is no peer."""
    return {"ours": ours, "peer": None, "ratio": None, "goal": goal, "met": is_met}


def thinned(raw: RawC3d) -> RawC3d:
    """At most 800 evenly spaced frames, which saves time: a hundred frames are looked at."""
    step = max(1, len(raw.points) // 400)
    return replace(raw, points=raw.points[::step], rate=raw.rate / step)


def measure(data: Path, folders: tuple[str, ...], step: int = 1, without: str = "") -> tuple[Counter, int]:
    """Outcomes summed over folders, and the number of files; prints a line for each folder and every wrong case."""
    total, n_files = Counter(), 0
    for folder in folders:
        count: Counter = Counter()
        for path in files(data, (folder,)):
            name = path.relative_to(data).as_posix()
            found, wrong = outcomes(name, thinned(labelled(read_c3d(path))), step, without)
            count += found
            n_files += 1
            print("".join(f"   WRONG {line}\n" for line in wrong[:3]), end="")
        total += count
        shown = ", ".join(f"{how} {what} {number}" for (how, what), number in sorted(count.items()))
        print(f"   {folder}{f' without {without}' if without else ''}: {shown}")
    return total, n_files


def figures(data: Path) -> dict[str, dict]:
    """Measure all laboratories and print a line for each."""
    rows: dict[str, dict] = {}
    everywhere = (*CHOSEN_ON, *SCORED)
    plan = [("chosen_on", CHOSEN_ON, 1, ""), ("scored", SCORED, 1, "")]
    plan += [(f"without_{without.replace(' ', '_')}", everywhere, 7, without) for without in HARDER]
    for group, folders, step, without in plan:
        total, n_files = measure(data, folders, step, without)
        cases = sum(total.values())
        share = Counter()
        for (_, outcome), number in total.items():
            share[outcome] += number
        is_met = share["wrong"] == 0
        rows[f"laboratory_frame_{group}_wrong"] = _row(share["wrong"], f"0 of {cases} silently", is_met)
        rows[f"laboratory_frame_{group}_recovered"] = _row(
            round(share["recovered"] / cases, 4), "reported; the rest says that it is ambiguous", is_met
        )
        print(f"   {group}: {n_files} files, {cases} cases: {dict(share)}")
    return rows


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    print(json.dumps({"figures": figures(Path(folder))}))
