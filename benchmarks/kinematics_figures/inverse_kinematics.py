"""Inverse kinematics: speed, cost and angles against OpenSim's InverseKinematicsTool, and the way there and back.

Both sides solve the same problem in one run: the same markers and weights, bounds where the model clamps, no pull
towards a reference, nothing held that the model does not lock. CPU seconds of the tool alone (model loaded, file read
included) against those of our whole call. Costs of both are computed from OpenSim's marker positions.

No shared model has 39 coordinates; the largest that comes with markers has 37 (Hamner), the one with couplers, which
cost OpenSim most, 33 (Rajagopal). None has 23: Hamner's model is gait2392 with arms, so with its arms locked and its
feet unlocked it moves in gait2392's 23 coordinates. Our own lower body, exported, has 21 and no muscles.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.kinematics import InverseKinematicsSolution, solve_inverse_kinematics
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from opensim_models.osim import client

WALK = "opensim_core/rajagopal_walk"
TRIALS = {
    "Rajagopal": (f"{WALK}/subject_walk_scaled.osim", f"{WALK}/markers_walk.trc"),
    "Lai-Uhlrich": ("opencap_lab_subject4/Models/manually_scaled.osim", "opencap_lab_subject4/MarkerData/walking1.trc"),
    "Hamner": ("hamner_running/final.osim", "hamner_running/run200.trc"),
}
ARMLESS = "Hamner, arms locked, 23 free"
ARMS = ("arm_", "elbow_", "pro_sup_", "wrist_")
SMALL = (ARMLESS, "our lower body")
SAME_PROBLEM = {"limits": "clamped", "prior_spread": 1e6, "observable_within": np.inf}
LEGS = ("hip", "knee", "ankle")
CONVERGED_FRAMES = 60
"""OpenSim takes a third of a second a frame at the strictest accuracy."""


@dataclass(frozen=True)
class Compared:
    """A model, its trial, and what both sides made of it."""

    path: Path
    skeleton: Skeleton
    labels: tuple[str, ...]
    positions: np.ndarray
    rate: float


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        trials = {name: _shared(data / model, data / trc) for name, (model, trc) in TRIALS.items()}
        trials[ARMLESS] = _armless(trials["Hamner"], Path(folder) / "armless.osim")
        trials["our lower body"] = _own(Path(folder) / "lower_body.osim")
        for name, trial in trials.items():
            found |= _speed_and_cost(name, trial)
        for name in ("Rajagopal", "Hamner"):
            found |= _angles(name, trials[name])
        for name in ("Rajagopal", "our lower body"):
            found |= _round_trip(name, trials[name])
    return found


def read_markers(path: Path) -> tuple[tuple[str, ...], np.ndarray, float]:
    """Labels, positions (m) and rate of a .trc file, forgiving about its header."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[2].split()
    factor = {"mm": 1000.0, "m": 1.0}[next(word for word in header if word in ("mm", "m"))]
    labels = tuple(word for word in lines[3].split("\t")[2:] if word.strip())
    rows = [line.split("\t")[2 : 2 + 3 * len(labels)] for line in lines[5:] if line.strip()]
    cells = [[float(c) if c.strip() else np.nan for c in row + [""] * (3 * len(labels) - len(row))] for row in rows]
    return labels, np.array(cells).reshape(len(rows), len(labels), 3) / factor, float(header[0])


def _shared(model: Path, trc: Path) -> Compared:
    return Compared(model, read_osim(model), *read_markers(trc))


def _armless(whole: Compared, path: Path) -> Compared:
    """The model with its arms locked, everything else unlocked, and the trial without the markers of the arms."""
    document = ElementTree.parse(whole.path)
    for coordinate in document.iter("Coordinate"):
        coordinate.find("locked").text = str(coordinate.get("name").startswith(ARMS)).lower()
    document.write(path)
    skeleton = read_osim(path)
    trunk_and_legs = [m for m in skeleton.markers if not m.segment.startswith(("humerus", "ulna", "radius", "hand"))]
    kept = [k for k, label in enumerate(whole.labels) if label in {m.name for m in trunk_and_legs}]
    labels = tuple(whole.labels[k] for k in kept)
    return Compared(path, skeleton, labels, whole.positions[:, kept], whole.rate)


def _own(path: Path) -> Compared:
    """Our spatial skeleton as an .osim file, walking on the spot for 10 s: markers misplaced by 5 mm, jitter 0.5 mm."""
    generic = lower_body_skeleton(Subject("S01", 72.0, 1.76, "female", 30.0))
    client.build_model(generic, path)
    skeleton = read_osim(path)
    rng = np.random.default_rng(4)
    size = len(skeleton.coordinates)
    phase = np.linspace(0.0, 20.0 * np.pi, 1000)[:, None]
    values = rng.uniform(0.05, 0.3, size) * np.sin(phase + rng.uniform(0.0, 6.0, size))
    for side in "rl":
        values[:, skeleton.coordinate_index(f"knee_angle_{side}")] += 0.5
    values[:, skeleton.coordinate_index("pelvis_ty")] += 0.9
    places = marker_positions(skeleton, Kinematics(skeleton.coordinate_names, values, 100.0))
    noisy = places + rng.normal(scale=0.005, size=places.shape[1:]) + rng.normal(scale=0.0005, size=places.shape)
    return Compared(path, skeleton, tuple(m.name for m in skeleton.markers), noisy, 100.0)


def _ours(trial: Compared, positions: np.ndarray, **settings: Any) -> tuple[InverseKinematicsSolution, float]:
    """Solution and the least CPU seconds of five calls, the first of all, which may compile, left out."""
    arguments = (trial.skeleton, trial.labels, positions, trial.rate)
    solution = solve_inverse_kinematics(*arguments, **settings)
    spent = []
    for _ in range(5):
        began = time.process_time()
        solution = solve_inverse_kinematics(*arguments, **settings)
        spent.append(time.process_time() - began)
    return solution, min(spent)


def _costs(trial: Compared, positions: np.ndarray, names: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    """Sum of squared marker distances (m²) of each frame, by OpenSim's own marker positions."""
    known = {m.name for m in trial.skeleton.markers}
    used = [label for label in trial.labels if label in known]
    placed = client.marker_positions(trial.path, names, values, used)
    away = [placed[label] - positions[:, trial.labels.index(label)] for label in used]
    return np.nansum(np.square(away), axis=(0, 2))


def _speed_and_cost(name: str, trial: Compared) -> dict[str, dict]:
    """Frames per CPU second at OpenSim's default accuracy, and the share of frames with the lower cost."""
    n = len(trial.positions)
    solution, ours = _ours(trial, trial.positions, **SAME_PROBLEM)
    _, at_defaults = _ours(trial, trial.positions)
    peer = client.track_markers(trial.path, trial.labels, trial.positions, trial.rate)
    names = solution.kinematics.coordinates
    share = _costs(trial, trial.positions, names, solution.kinematics.values) / _costs(
        trial, trial.positions, tuple(peer["coordinates"]), peer["values"]
    )
    ratio = peer["cpu_seconds"] / ours
    print(
        f"{name}: {n} frames, {len(peer['coordinates'])} coordinates ({len(names)} independent), "
        f"{len(solution.markers)} markers, ours {n / ours:.0f} frames/s ({n / at_defaults:.0f} with our defaults), "
        f"OpenSim {n / peer['cpu_seconds']:.1f}, cost ours / OpenSim {share.min():.6f} to {share.max():.9f}, "
        f"error {1000 * solution.rms_error:.1f} mm, converged {solution.converged.mean():.3f}"
    )
    goal = 100.0 if name in SMALL else 300.0
    title = f"{name}, {len(peer['coordinates'])} coordinates"
    return {
        f"inverse kinematics: frames per CPU second, {title}": {
            "ours": n / ours,
            "peer": n / peer["cpu_seconds"],
            "ratio": ratio,
            "goal": f">= {goal:g} x",
            "met": bool(ratio >= goal),
        },
        f"inverse kinematics: largest cost of a frame / OpenSim's at 1e-5, {title}": {
            "ours": float(share.max()),
            "peer": 1.0,
            "ratio": float(share.max()),
            "goal": "<= 1",
            "met": bool(share.max() <= 1.0),
        },
    }


def _angles(name: str, trial: Compared) -> dict[str, dict]:
    """Leg angles against OpenSim at 1e-8, and at 1e-10, which tells whose difference it is."""
    positions = trial.positions[:CONVERGED_FRAMES]
    solution, _ = _ours(trial, positions, **SAME_PROBLEM)
    legs = [c for c in solution.kinematics.coordinates if c.split("_")[0] in LEGS]
    mine = np.stack([solution.kinematics.of(c) for c in legs], axis=1)
    found = {}
    for accuracy, goal in ((1e-8, 0.01), (1e-10, 0.01)):
        peer = client.track_markers(trial.path, trial.labels, positions, trial.rate, accuracy=accuracy)
        theirs = peer["values"][:, [peer["coordinates"].index(c) for c in legs]]
        away = np.degrees(np.abs(mine - theirs))
        cost = _costs(trial, positions, solution.kinematics.coordinates, solution.kinematics.values) / _costs(
            trial, positions, tuple(peer["coordinates"]), peer["values"]
        )
        over = int((away.max(axis=1) > goal).sum())
        print(
            f"{name} at {accuracy:g}: leg angles differ by {np.sqrt((away**2).mean()):.6f} deg RMS, {away.max():.6f} "
            f"at most, {over} of {len(away)} frames over {goal} deg; cost ours / OpenSim at most {cost.max():.10f}"
        )
        found[f"inverse kinematics: leg angles, largest difference to OpenSim at {accuracy:g} (deg), {name}"] = {
            "ours": float(away.max()),
            "peer": None,
            "ratio": None,
            "goal": goal,
            "met": bool(away.max() <= goal),
        }
    return found


def _round_trip(name: str, trial: Compared) -> dict[str, dict]:
    """Coordinates → OpenSim's marker positions → coordinates."""
    truth, _ = _ours(trial, trial.positions, limits="clamped")
    names, values = truth.kinematics.coordinates, truth.kinematics.values
    known = [m.name for m in trial.skeleton.markers]
    placed = client.marker_positions(trial.path, names, values, known)
    exact = Compared(trial.path, trial.skeleton, tuple(known), trial.positions, trial.rate)
    back, _ = _ours(exact, np.stack([placed[label] for label in known], axis=1), tolerance=1e-9, **SAME_PROBLEM)
    turning = [c.kind == "rotation" for c in trial.skeleton.coordinates]
    away = np.degrees(np.abs(back.kinematics.values - values)[:, turning]).max(axis=0)
    worst = [n for n, t in zip(names, turning, strict=True) if t][int(away.argmax())]
    print(f"{name}: there and back {away.max():.2e} deg at most ({worst})")
    return {
        f"inverse kinematics: coordinates to markers to coordinates, largest error (deg), {name}": {
            "ours": float(away.max()),
            "peer": None,
            "ratio": None,
            "goal": 1e-6,
            "met": bool(away.max() <= 1e-6),
        }
    }


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.6g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
