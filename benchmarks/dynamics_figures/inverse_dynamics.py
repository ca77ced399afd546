"""Inverse dynamics: speed and agreement with OpenSim's InverseDynamicsTool, and with a published inverse dynamics file.

Both sides get the same coordinates and ground reactions, unfiltered, in one run; CPU seconds of the tool alone (model
loaded, reading and writing its files included) against those of our whole call. Muscles are excluded on both sides.
At joints that splines drive, OpenSim's own acceleration terms differ from the second derivative of its positions:
`generalized_forces` proves whose difference it is. The Hamner model shows the agreement of the rest.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kinematics_figures.inverse_kinematics import read_markers
from mocap_import.trial import GroundReaction
from opensim_models.inverse.dynamics import coordinate_derivatives, solve_inverse_dynamics
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.osim import client

LEGS = ("hip", "knee", "ankle")
SPEED_GOAL = 100.0
AGREEMENT = 0.02
"""N·m RMS."""
STEP = 1e-3
"""s."""
PUBLISHED = 5.0
"""N·m RMS against the inverse dynamics file of the example."""
PUBLISHED_CUTOFF = 6.0
"""Hz; the file looks low-passed: trunk moments agree best so."""


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    walk, run = rajagopal_walk(data), _run(data)
    found = _compare("Rajagopal walk, 1350 frames", *walk) | _compare("Hamner run, 233 frames", *run)
    return found | _whose_difference(*walk) | _published(data, *walk)


def read_table(path: Path) -> tuple[list[str], np.ndarray]:
    """Column names and values of a .sto or .mot file, time first."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if line.strip() == "endheader")
    return lines[end + 1].split(), np.array([line.split() for line in lines[end + 2 :] if line.strip()], dtype=float)


def _reactions(path: Path, sides: dict[str, tuple[str, str, str]], start: float, stop: float) -> list[GroundReaction]:
    """Ground reactions of a .mot file between two times."""
    names, table = read_table(path)
    table = table[(table[:, 0] > start - 1e-6) & (table[:, 0] < stop + 1e-6)]
    rate = 1.0 / np.median(np.diff(table[:, 0]))
    found = []
    for foot, prefixes in sides.items():
        force, point, moment = (table[:, [names.index(f"{prefix}{a}") for a in "xyz"]] for prefix in prefixes)
        found.append(GroundReaction(force, point, moment[:, 1], round(rate), foot, f"{foot} foot"))
    return found


def rajagopal_walk(data: Path) -> tuple[Path, Skeleton, Kinematics, list[GroundReaction]]:
    """The example's reduced-residual coordinates (1 kHz) and plates (2 kHz)."""
    folder = data / "opensim_core" / "rajagopal_walk"
    model = folder / "subject_walk_scaled.osim"
    skeleton = read_osim(model)
    names, table = read_table(folder / "coordinates.sto")
    columns = {name.split("/")[-2]: k for k, name in enumerate(names) if name.endswith("/value")}
    kept = [name for name in columns if name in skeleton.coordinate_names]
    kinematics = Kinematics(tuple(kept), table[:, [columns[name] for name in kept]], 1000.0)
    sides = {
        foot: tuple(f"ground_{kind}" for kind in (f"force_{s}_v", f"force_{s}_p", f"torque_{s}_"))
        for foot, s in (("right", "r"), ("left", "l"))
    }
    return model, skeleton, kinematics, _reactions(folder / "grf_walk.mot", sides, table[0, 0], table[-1, 0])


def _run(data: Path) -> tuple[Path, Skeleton, Kinematics, list[GroundReaction]]:
    """Our inverse kinematics of a run at 2 m/s (100 Hz), without its ground reactions: a model without couplers."""
    folder = data / "hamner_running"
    skeleton = read_osim(folder / "final.osim")
    labels, positions, rate = read_markers(folder / "run200.trc")
    kinematics = solve_inverse_kinematics(skeleton, labels, positions, rate).kinematics
    return folder / "final.osim", skeleton, kinematics, []


def tool_loads(reactions: list[GroundReaction], rate: float) -> list[dict[str, Any]]:
    """What OpenSim's tool gets: the samples at the frames."""
    loads = []
    for reaction in reactions:
        every = round(reaction.rate / rate)
        moment = np.zeros_like(reaction.force)
        moment[:, 1] = reaction.free_moment
        tables = {"force": reaction.force, "point": reaction.centre_of_pressure, "moment": moment}
        loads.append({"body": f"calcn_{reaction.foot[0]}", "rate": rate, **{k: v[::every] for k, v in tables.items()}})
    return loads


def _ours(skeleton: Skeleton, kinematics: Kinematics, reactions: list[GroundReaction]) -> tuple[Kinetics, float]:
    """Solution and CPU seconds of one call, the least of twenty times three."""
    arguments = (skeleton, kinematics, tuple(reactions), None)
    kinetics = solve_inverse_dynamics(*arguments)
    spent = []
    for _ in range(20):
        began = time.process_time()
        for _ in range(3):
            solve_inverse_dynamics(*arguments)
        spent.append((time.process_time() - began) / 3)
    return kinetics, min(spent)


def _compare(
    name: str, model: Path, skeleton: Skeleton, kinematics: Kinematics, reactions: list[GroundReaction]
) -> dict[str, dict]:
    """Speed and difference per coordinate."""
    n = len(kinematics.values)
    kinetics, ours = _ours(skeleton, kinematics, reactions)
    loads = tool_loads(reactions, kinematics.rate)
    runs = [
        client.demand_forces(model, kinematics.coordinates, kinematics.values, kinematics.rate, loads) for _ in range(5)
    ]
    peer = min(run["cpu_seconds"] for run in runs)
    away = {}
    for j, coordinate in enumerate(skeleton.coordinates):
        theirs = runs[0]["forces"][:, runs[0]["coordinates"].index(coordinate.name)]
        away[coordinate.name] = float(np.sqrt(np.mean((kinetics.generalized_forces[:, j] - theirs) ** 2)))
    print(f"{name}: ours {n / ours:.0f} frames/s, OpenSim {n / peer:.0f}, {peer / ours:.0f} x")
    print("  RMS difference:", ", ".join(f"{key} {value:.4f}" for key, value in away.items() if value > 1e-4) or "none")
    turning = {c.name for c in skeleton.coordinates if c.kind == "rotation"}
    worst = max(value for key, value in away.items() if key in turning)
    legs = max(value for key, value in away.items() if key.split("_")[0] in LEGS)
    return {
        f"inverse dynamics: frames per CPU second, {name}": {
            "ours": n / ours,
            "peer": n / peer,
            "ratio": peer / ours,
            "goal": f">= {SPEED_GOAL:g} x",
            "met": bool(peer / ours >= SPEED_GOAL),
        },
        f"inverse dynamics: largest RMS difference of a moment to the tool, unfiltered (N·m), {name}": _figure(
            worst, AGREEMENT
        ),
        f"inverse dynamics: largest RMS difference of a leg moment to the tool (N·m), {name}": _figure(legs, AGREEMENT),
    }


def _whose_difference(
    model: Path, skeleton: Skeleton, kinematics: Kinematics, _reactions: list[GroundReaction]
) -> dict[str, dict]:
    """Newton's law decides: the net force is mass × second difference of OpenSim's own centre of mass.

    Without plates the force at the pelvis is that of the whole body. At every fifth frame OpenSim is asked for
    positions along the parabola that the coordinates' speeds and accelerations give, 1 ms apart (fourth order).
    """
    frames = np.arange(0, len(kinematics.values), 5)
    q, qd, qdd = (table[frames] for table in coordinate_derivatives(kinematics.values, kinematics.rate, None))
    stencil = np.array([-1.0, 16.0, -30.0, 16.0, -1.0]) / 12.0 / STEP**2
    masses = np.array([s.mass for s in skeleton.segments])
    acceleration = np.zeros((len(frames), 3))
    for weight, k in zip(stencil, range(-2, 3), strict=True):
        at = q + qd * (k * STEP) + 0.5 * qdd * (k * STEP) ** 2
        poses = client.body_poses(model, kinematics.coordinates, at)
        centres = [poses[s.name][0] + poses[s.name][1] @ np.array(s.centre_of_mass) for s in skeleton.segments]
        acceleration += weight * np.einsum("s,sfi->fi", masses, np.stack(centres)) / masses.sum()
    demanded = masses.sum() * (acceleration - np.array(skeleton.gravity))
    ours = solve_inverse_dynamics(skeleton, kinematics, (), None).residual.force[frames]
    run = client.demand_forces(model, kinematics.coordinates, kinematics.values, kinematics.rate)
    columns = [run["coordinates"].index(f"pelvis_t{axis}") for axis in "xyz"]
    theirs = run["forces"][frames][:, columns]
    apart = [float(np.sqrt(np.mean(np.square(force - demanded)))) for force in (ours, theirs)]
    print(f"force at the pelvis against mass x second difference of OpenSim's positions: ours {apart[0]:.2g} N RMS, ")
    print(f"  OpenSim's tool {apart[1]:.4f} N RMS")
    return {
        "inverse dynamics: force at the pelvis against second differences of OpenSim's positions (N RMS), Rajagopal": {
            "ours": apart[0],
            "peer": apart[1],
            "ratio": apart[1] / apart[0],
            "goal": "<= OpenSim's",
            "met": bool(apart[0] <= apart[1]),
        }
    }


def _published(
    data: Path, _model: Path, skeleton: Skeleton, kinematics: Kinematics, reactions: list[GroundReaction]
) -> dict[str, dict]:
    """Against id_walk.sto of the example."""
    names, table = read_table(data / "opensim_core" / "rajagopal_walk" / "id_walk.sto")
    found = {}
    for cutoff in (None, PUBLISHED_CUTOFF):
        kinetics = solve_inverse_dynamics(skeleton, kinematics, tuple(reactions), cutoff)
        away = {}
        for coordinate in skeleton.coordinates:
            column = f"{coordinate.name}_moment"
            if column in names and coordinate.kind == "rotation":
                difference = kinetics.of(coordinate.name) - table[:, names.index(column)]
                away[coordinate.name] = float(np.sqrt(np.mean(difference**2)))
        joints = {key: value for key, value in away.items() if not key.startswith("pelvis")}
        how = "unfiltered" if cutoff is None else f"low-passed at {cutoff:g} Hz"
        print(f"id_walk.sto, {how}:", ", ".join(f"{key} {value:.2f}" for key, value in away.items()))
        residual = np.nanmedian(kinetics.residual.force_percent)
        print(f"  residual force at the pelvis {residual:.2f} %BW (median)")
        title = f"inverse dynamics: largest RMS difference of a joint moment to id_walk.sto (N·m), {how}"
        found[title] = _figure(max(joints.values()), PUBLISHED)
    return found


def _figure(ours: float, goal: float) -> dict:
    return {"ours": ours, "peer": None, "ratio": None, "goal": goal, "met": bool(ours <= goal)}


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.6g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
