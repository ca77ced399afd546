"""Generalized forces: our inverse dynamics against OpenSim's solver, and both against OpenSim's own positions.

Where a CustomJoint turns about three axes as functions of one coordinate (the knees of the Rajagopal family), OpenSim's
solver and we differ in the term of the squared speed. Which is right is settled by neither: the motion
q(t) = q + q' t + q'' t² / 2 is laid through every state, OpenSim gives the positions and orientations of its bodies
along it and beside it, and differences of those (sixth order) give accelerations and Jacobians, hence forces by the
principle of virtual power, without a line of our mechanics and without OpenSim's velocity terms.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers.compared_models import compared_models, random_states
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from opensim_models.osim import client

KINKED = ("built: every function",)
"""Piecewise linear and constant functions have no second differences where a step crosses a knot."""
N_STATES = 50
N_PROVED = 6
GOAL, GOAL_OF_TERM, GOAL_OF_PROOF = 1e-6, 5e-3, 1e-5
"""Relative to the largest force of the same coordinate over the states."""
FIRST = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60.0
SECOND = np.array([2, -27, 270, -490, 270, -27, 2]) / 180.0
STEP = 2e-3
"""s along the motion, rad or m beside it."""


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    found: dict[str, dict] = {}
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        models, _ = compared_models(data, Path(folder))
        print(f"{'model':100} {'to solver':>10} {'to positions':>13} {'solver to positions':>20}")
        for name, (path, skeleton) in models.items():
            q, qd, qdd = random_states(skeleton, N_STATES, np.random.default_rng(1))
            ours = our_forces(skeleton, q, qd, qdd)
            theirs = client.inverse_dynamics(path, skeleton.coordinate_names, q, qd, qdd)
            scale = np.abs(theirs).max(axis=0)
            few = slice(0, N_PROVED)
            proof = forces_of_positions(skeleton, path, q[few], qd[few], qdd[few])
            row = [
                float((np.abs(a - b).max(axis=0) / scale).max())
                for a, b in ((ours, theirs), (ours[few], proof), (theirs[few], proof))
            ]
            rows[name] = row
            print(f"{name:100} {row[0]:10.1e} {row[1]:13.1e} {row[2]:20.1e}")
    same = {name: row for name, row in rows.items() if row[0] <= GOAL}
    other = {name: row for name, row in rows.items() if row[0] > GOAL}
    title = f"forces: relative to InverseDynamicsSolver, {N_STATES} random states of {len(same)} models"
    found[title] = _figure(max(row[0] for row in same.values()), GOAL)
    if other:
        which = ", ".join(Path(name).name for name in other)
        found[f"forces: the same of {len(other)} models where OpenSim's own term differs ({which})"] = _figure(
            max(row[0] for row in other.values()), GOAL_OF_TERM
        )
        found["forces: ours against differences of OpenSim's positions, those models"] = _figure(
            max(row[1] for row in other.values()), GOAL_OF_PROOF
        )
        solver = max(row[2] for row in other.values())
        found["forces: OpenSim's solver against the same differences (not ours to meet)"] = _figure(solver, None)
    smooth = [row[1] for name, row in same.items() if name not in KINKED]
    found["forces: ours against differences of OpenSim's positions, the others but every function"] = _figure(
        max(smooth), GOAL_OF_PROOF
    )
    return found


def our_forces(skeleton: Skeleton, q: np.ndarray, qd: np.ndarray, qdd: np.ndarray) -> np.ndarray:
    """Generalized forces (n, n_q) by our recursion."""
    return over_frames(inverse_dynamics(skeleton, segment_states(skeleton, list(q.T), list(qd.T), list(qdd.T))), len(q))


def forces_of_positions(skeleton: Skeleton, path: Path, q: np.ndarray, qd: np.ndarray, qdd: np.ndarray) -> np.ndarray:
    """Generalized forces (n, n_q) from nothing but OpenSim's positions of its bodies, their masses and inertias."""
    steps = np.arange(-3, 4) * STEP
    n, n_q = q.shape
    forces = np.zeros((n, n_q))
    for frame in range(n):
        t = steps[:, None]
        along = q[frame] + qd[frame] * t + 0.5 * qdd[frame] * t**2
        beside = (q[frame] + np.eye(n_q)[:, None, :] * t).reshape(-1, n_q)
        poses = client.body_poses(path, skeleton.coordinate_names, np.concatenate([along, beside]))
        for segment in skeleton.segments:
            origin, rotation = poses[segment.name]
            forces[frame] += _power(segment, origin + rotation @ np.array(segment.centre_of_mass), rotation, skeleton)
    return forces


def _power(segment: object, centre: np.ndarray, rotation: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """What one body demands of every coordinate: force and moment times its Jacobian."""
    n_q = len(skeleton.coordinates)
    along, beside = rotation[:7], rotation[7:].reshape(n_q, 7, 3, 3)
    now = along[3]
    xx, yy, zz, xy, xz, yz = segment.inertia
    inertia = now @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ now.T
    spin = _vector(np.tensordot(FIRST, along, 1) / STEP @ now.T)
    turning = _vector(np.tensordot(SECOND, along, 1) / STEP**2 @ now.T)
    force = segment.mass * (SECOND @ centre[:7] / STEP**2 - np.array(skeleton.gravity))
    moment = inertia @ turning + np.cross(spin, inertia @ spin)
    shifts = np.einsum("k,jkx->jx", FIRST, centre[7:].reshape(n_q, 7, 3)) / STEP
    turns = np.einsum("k,jkxy->jxy", FIRST, beside) / STEP @ now.T
    return shifts @ force + np.array([_vector(turn) for turn in turns]) @ moment


def _vector(matrix: np.ndarray) -> np.ndarray:
    """The vector of a matrix's skew part."""
    skew = (matrix - matrix.T) / 2
    return np.array([skew[2, 1], skew[0, 2], skew[1, 0]])


def _figure(ours: float, goal: float | None) -> dict:
    met = goal is None or bool(ours <= goal)
    return {"ours": ours, "peer": None, "ratio": None, "goal": "reported" if goal is None else goal, "met": met}


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(folder))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
