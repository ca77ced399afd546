"""Our analytic path beside OpenSim's IMU reporter: agreement and speed, on models without couplers.

Both get the same coordinates and seven sensors mounted at random. OpenSim differentiates the coordinates by natural
quintic splines; for the agreement of the mechanics ours takes the same derivatives (`kernel.uniform_spline`). With our
own (not-a-knot ends) the difference over the inner frames stands in the text; so do the errors of both in the first and
last five frames, where the truth of the harmonics is known. CPU seconds: of OpenSim the AnalyzeTool alone (loading and
reading included), of ours the whole call, derivatives included.

Rajagopal's model has couplers and a spline-driven knee, where the reporter differs; fourth-order differences of
OpenSim's own positions along the same motion say whose difference it is.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.dynamics_figures.inverse_dynamics import rajagopal_walk
from benchmarks.imu_figures.laws import seven_placements
from benchmarks.kinematics_figures.inverse_kinematics import read_markers
from benchmarks.peers.smooth_motion import smooth_harmonics
from mocap_import.subject import Subject
from opensim_models.generic.generic_model import generic_model, write_generic_model
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.kernel.uniform_spline import spline_derivatives
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from opensim_models.osim import client
from opensim_models.osim.sensor_client import report_imus
from synth.imu.recording import SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus

FORCE_GOAL, TURN_GOAL, SPEED_GOAL = 1e-3, 1e-6, 50.0
INNER = slice(25, -25)
STEP = 1e-3
"""s, of the differences of OpenSim's positions."""


@dataclass(frozen=True)
class Compared:
    """What both sides get."""

    name: str
    path: Path
    skeleton: Skeleton
    kinematics: Kinematics
    placements: list[SensorPlacement]
    truth: np.ndarray | None = None
    """Specific force (n, k, 3) by exact derivatives."""


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        for compared in (*_smooth_cases(data, Path(folder)), _run(data)):
            found |= compare(compared)
    return found | _coupled(data)


def smooth_case(name: str, path: Path, rng: np.random.Generator, n: int = 1000, rate: float = 100.0) -> Compared:
    """A model with harmonics up to 8 Hz in every coordinate."""
    skeleton = read_osim(path)
    values, speeds, accelerations = smooth_harmonics(skeleton, rng).states(np.arange(n) / rate)
    placements = [p for p in seven_placements(rng) if p.segment in skeleton.segment_names]
    kinematics = Kinematics(skeleton.coordinate_names, values, rate)
    exact = simulate_skeleton_imus(skeleton, kinematics, placements, speeds=speeds, accelerations=accelerations)
    return Compared(name, path, skeleton, kinematics, placements, np.stack([r.specific_force for r in exact], axis=1))


def _smooth_cases(data: Path, folder: Path) -> list[Compared]:
    """Our generic lower body, and the models of others that have no couplers."""
    rng = np.random.default_rng(1)
    own = folder / "lower_body.osim"
    write_generic_model(generic_model("lower_body", Subject("S", 70.0, 1.75, "unknown")), own)
    others = {
        "gait10dof18musc": data / "opensim_core" / "gait10dof18musc_subject01" / "gait10dof18musc_subject01.osim",
        "Hamner (Falisse)": data / "falisse_walk_cycle" / "Hamner_modified_scaled.osim",
    }
    return [smooth_case(name, path, rng) for name, path in {"own lower body": own, **others}.items()]


def _run(data: Path) -> Compared:
    """Our inverse kinematics of a run at 2 m/s (100 Hz)."""
    folder = data / "hamner_running"
    skeleton = read_osim(folder / "final.osim")
    labels, positions, rate = read_markers(folder / "run200.trc")
    kinematics = solve_inverse_kinematics(skeleton, labels, positions, rate).kinematics
    placements = seven_placements(np.random.default_rng(2))
    return Compared("Hamner run", folder / "final.osim", skeleton, kinematics, placements)


def reported(compared: Compared) -> dict:
    """What OpenSim's reporter gives."""
    sensors = [
        {"sensor": f"{p.sensor}_sensor", "segment": p.segment, "offset": p.offset, "mounting": p.mounting}
        for p in compared.placements
    ]
    kinematics = compared.kinematics
    return report_imus(compared.path, kinematics.coordinates, kinematics.values, kinematics.rate, sensors)


def ours(compared: Compared, same_derivatives: bool) -> tuple[np.ndarray, np.ndarray]:
    """Specific force and angular velocity (n, k, 3) of our analytic path."""
    given = {}
    if same_derivatives:
        values = np.ascontiguousarray(compared.kinematics.values)
        given = dict(
            zip(("speeds", "accelerations"), spline_derivatives(values, compared.kinematics.rate), strict=True)
        )
    records = simulate_skeleton_imus(compared.skeleton, compared.kinematics, compared.placements, **given)
    return tuple(
        np.stack([getattr(r, what) for r in records], axis=1) for what in ("specific_force", "angular_velocity")
    )


def compare(compared: Compared) -> dict[str, dict]:
    """Agreement and speed on one model."""
    runs = [reported(compared) for _ in range(3)]
    theirs = runs[0]["specific_force"], runs[0]["angular_velocity"]
    n, k = theirs[0].shape[:2]
    same = [_rms(a - b) for a, b in zip(ours(compared, True), theirs, strict=True)]
    free = ours(compared, False)
    own = [_rms((a - b)[INNER]) for a, b in zip(free, theirs, strict=True)]
    spent = _cpu(lambda: ours(compared, False))
    peer = min(run["cpu_seconds"] for run in runs)
    print(
        f"{compared.name}, {n} frames, {k} sensors: same derivatives {same[0]:.1e} m/s², {same[1]:.1e} rad/s; own, "
        f"inner {own[0]:.1e}, {own[1]:.1e}; {n / spent:.0f} frames/s, OpenSim {n / peer:.0f}, {peer / spent:.0f} x"
    )
    if compared.truth is not None:
        ends = np.r_[0:5, n - 5 : n]
        apart = [_rms((force - compared.truth)[ends]) for force in (free[0], theirs[0])]
        print(f"  error in the first and last five frames: ours {apart[0]:.3f} m/s² RMS, OpenSim {apart[1]:.3f}")
    title = f"OpenSim's IMU reporter, {compared.name}"
    speed = {"ours": n / spent, "peer": n / peer, "ratio": peer / spent}
    return {
        f"{title}: specific force (m/s² RMS)": _figure(same[0], None, FORCE_GOAL),
        f"{title}: angular velocity (rad/s RMS)": _figure(same[1], None, TURN_GOAL),
        f"{title}: frames per CPU second": speed | {"goal": f">= {SPEED_GOAL:g} x", "met": peer / spent >= SPEED_GOAL},
    }


def _coupled(data: Path) -> dict[str, dict]:
    """Rajagopal's model, whose reporter differs: each side beside differences of OpenSim's own positions."""
    path, skeleton, walk, _reactions = rajagopal_walk(data)
    kinematics = Kinematics(walk.coordinates, walk.values[::10], walk.rate / 10.0)
    compared = Compared("Rajagopal walk", path, skeleton, kinematics, seven_placements(np.random.default_rng(3)))
    run = reported(compared)
    mine = ours(compared, True)[0]
    q = np.ascontiguousarray(kinematics.values)
    qd, qdd = spline_derivatives(q, kinematics.rate)
    stencil = np.array([-1.0, 16.0, -30.0, 16.0, -1.0]) / 12.0 / STEP**2
    acceleration = np.zeros_like(mine)
    turns = {}
    for weight, step in zip(stencil, range(-2, 3), strict=True):
        at = q + qd * (step * STEP) + 0.5 * qdd * (step * STEP) ** 2
        poses = client.body_poses(path, kinematics.coordinates, at)
        for k, p in enumerate(compared.placements):
            origin, turn = poses[p.segment]
            acceleration[:, k] += weight * (origin + turn @ p.offset)
            if step == 0:
                turns[k] = turn @ p.mounting.as_matrix()
    judge = np.stack(
        [np.einsum("nij,ni->nj", turns[k], acceleration[:, k] - skeleton.gravity) for k in range(mine.shape[1])], axis=1
    )
    found = {}
    print(
        "Rajagopal walk, specific force (m/s² RMS) against differences of OpenSim's positions: ours, OpenSim's reporter"
    )
    for k, p in enumerate(compared.placements):
        apart = [_rms(force[:, k] - judge[:, k]) for force in (mine, run["specific_force"])]
        print(f"  {p.segment:9} {apart[0]:.2e} {apart[1]:.2e}")
        title = f"OpenSim's own positions, Rajagopal walk: specific force at {p.segment} (m/s² RMS; peer: its reporter)"
        found[title] = _figure(apart[0], apart[1], FORCE_GOAL)
    spent = _cpu(lambda: ours(compared, False))
    speed = {"ours": len(q) / spent, "peer": len(q) / run["cpu_seconds"], "ratio": run["cpu_seconds"] / spent}
    found["OpenSim's IMU reporter, Rajagopal walk (couplers): frames per CPU second"] = speed | {
        "goal": "reported",
        "met": True,
    }
    return found


def _cpu(function: Callable[[], object], least: float = 0.5) -> float:
    """CPU seconds of one call, the least of several rounds."""
    function()
    rounds, began = [], time.process_time()
    while time.process_time() - began < least:
        start = time.process_time()
        for _ in range(3):
            function()
        rounds.append((time.process_time() - start) / 3)
    return min(rounds)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _figure(ours: float, peer: float | None, goal: float) -> dict:
    """A row that must not be above its goal."""
    ratio = None if peer is None or ours == 0 else peer / ours
    return {"ours": ours, "peer": peer, "ratio": ratio, "goal": f"<= {goal:g}", "met": bool(ours <= goal)}


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.4g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
