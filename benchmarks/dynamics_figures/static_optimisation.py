"""Static optimisation: ours against OpenSim's StaticOptimization and an independent solver, on the example's walk.

Both sides get the same coordinates and ground reactions, unfiltered, squared activations, no force-length-velocity, and
reserves of 1 N·m. OpenSim weighs a wrapping muscle by moment arms that are not the derivative of its length (10 mm off
at the knee for the lateral gastrocnemius), so ours is compared twice: with the fitted paths, and with OpenSim's arms.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from benchmarks.dynamics_figures.inverse_dynamics import rajagopal_walk, tool_loads
from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.inverse.segment_motion import coordinate_columns
from opensim_models.kernel.least_activation import least_activations
from opensim_models.model.muscle_path import lengths_and_arms
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.muscle.path_fit import fit_muscle_paths, with_muscle_paths
from opensim_models.muscle.static_optimisation import solve_muscle_forces
from opensim_models.osim import muscle_client

LEAST = 0.01
"""OpenSim's lower bound of activations, the muscles' own."""
EVERY, STRETCH = 30, slice(600, 700)
SAME, CLOSE, SOLVER = 0.005, 0.03, 1e-8
SPEED_GOAL = 100.0


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    model, skeleton, kinematics, reactions = rajagopal_walk(Path(data))
    skeleton = with_muscle_paths(skeleton, fit_muscle_paths(model))
    kinetics = solve_inverse_dynamics(skeleton, kinematics, tuple(reactions), None)
    ours = solve_muscle_forces(skeleton, kinematics, kinetics, least_activation=LEAST)
    names, balanced, rate = kinematics.coordinates, ours.coordinates, kinematics.rate
    loads = tool_loads(reactions, rate)
    peer = muscle_client.share_forces(model, names, kinematics.values, rate, balanced, loads, every=EVERY)
    frames = peer["frames"]
    away = ours.activations[frames] - peer["activations"]
    worst = np.sqrt(np.mean(away**2, axis=0))
    print(f"{len(frames)} of {len(kinematics.values)} frames; RMS difference of activations from OpenSim's by muscle:")
    print("  " + ", ".join(f"{ours.muscles[i]} {worst[i]:.3f}" for i in np.argsort(-worst)[:6]))
    costs = [float(np.mean(np.sum(a**2, axis=1))) for a in (ours.activations[frames], peer["activations"])]
    print(f"  sum of squared activations: ours {costs[0]:.3f}, OpenSim {costs[1]:.3f}")
    print(f"  largest reserve: {np.abs(ours.reserves).max():.3f} N·m")
    same = _with_their_arms(model, skeleton, kinematics, kinetics, balanced, frames) - peer["activations"]
    title = "static optimisation, Rajagopal walk:"
    return {
        f"{title} activations against OpenSim, its own moment arms (RMS)": _figure(_rms(same), SAME),
        f"{title} activations against OpenSim, fitted paths (RMS)": _figure(_rms(away), CLOSE),
        f"{title} activations against bounded least squares by SciPy (largest)": _figure(
            _independent(skeleton, kinematics, kinetics, balanced, frames), SOLVER
        ),
        **_speed(model, skeleton, kinematics, kinetics, balanced, loads, title),
    }


def _gains(skeleton: Skeleton, arms: np.ndarray) -> np.ndarray:
    """Moments (N·m) of full activations."""
    strength = np.array([m.max_isometric_force for m in skeleton.muscles])
    return np.ascontiguousarray(arms * strength[:, None])


def _demand(kinetics: Kinetics, balanced: tuple[str, ...], frames: np.ndarray) -> np.ndarray:
    """Moments (n, k) to be balanced."""
    return np.stack([kinetics.of(name) for name in balanced], axis=1)[frames]


def _with_their_arms(
    model: Path,
    skeleton: Skeleton,
    kinematics: Kinematics,
    kinetics: Kinetics,
    balanced: tuple[str, ...],
    frames: np.ndarray,
) -> np.ndarray:
    """Our optimiser with the arms of OpenSim's moment arm solver."""
    arms = muscle_client.muscle_moment_arms(model, kinematics.coordinates, kinematics.values[frames], balanced)
    return least_activations(_gains(skeleton, arms), _demand(kinetics, balanced, frames), 1.0, LEAST)[0]


def _independent(
    skeleton: Skeleton, kinematics: Kinematics, kinetics: Kinetics, balanced: tuple[str, ...], frames: np.ndarray
) -> float:
    """Largest difference from SciPy's bounded least squares."""
    values = coordinate_columns(skeleton, kinematics)[frames]
    arms = lengths_and_arms([m.path for m in skeleton.muscles], skeleton.coordinate_names, values)[1]
    gains = _gains(skeleton, arms[:, :, [skeleton.coordinate_index(name) for name in balanced]])
    demand = _demand(kinetics, balanced, frames)
    ours, worst = least_activations(gains, demand, 1.0, LEAST)[0], 0.0
    for gain, moment, found in zip(gains, demand, ours, strict=True):
        rows = np.vstack([np.eye(len(gain)), gain.T])
        side = np.concatenate([np.zeros(len(gain)), moment])
        other = lsq_linear(rows, side, bounds=(LEAST, 1.0), method="bvls", tol=1e-14).x
        worst = max(worst, float(np.abs(found - other).max()))
    return worst


def _speed(
    model: Path,
    skeleton: Skeleton,
    kinematics: Kinematics,
    kinetics: Kinetics,
    balanced: tuple[str, ...],
    loads: list[dict],
    title: str,
) -> dict[str, dict]:
    """Frames per CPU second: our whole call with lengths and arms, and OpenSim's tool on successive frames."""
    spent = []
    for _ in range(5):
        began = time.process_time()
        solve_muscle_forces(skeleton, kinematics, kinetics)
        spent.append(time.process_time() - began)
    ours = len(kinematics.values) / min(spent)
    part = [{**load, **{key: load[key][STRETCH] for key in ("force", "point", "moment")}} for load in loads]
    run = muscle_client.share_forces(
        model, kinematics.coordinates, kinematics.values[STRETCH], kinematics.rate, balanced, part
    )
    peer = len(run["frames"]) / run["cpu_seconds"]
    print(f"  frames per CPU second: ours {ours:.0f}, OpenSim {peer:.1f}, {ours / peer:.0f} x")
    met = bool(ours / peer >= SPEED_GOAL)
    row = {"ours": ours, "peer": peer, "ratio": ours / peer, "goal": f">= {SPEED_GOAL:g} x", "met": met}
    return {f"{title} frames per CPU second": row}


def _rms(away: np.ndarray) -> float:
    return float(np.sqrt(np.mean(away**2)))


def _figure(ours: float, goal: float) -> dict:
    return {"ours": ours, "peer": None, "ratio": None, "goal": goal, "met": bool(ours <= goal)}


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.4g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
