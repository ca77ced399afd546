"""Poses: body positions and orientations of our skeletons against OpenSim, 50 random poses of every model.

The models are all .osim files of the shared recordings and those that OpenSim builds (every joint type, every function
class, couplers, reversed and free joints, nested frames). Coordinates are drawn from their whole range.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.peers.compared_models import compared_models, random_states
from opensim_models.model.multibody import segment_states
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from opensim_models.osim import client

N_POSES = 50
GOAL = 1e-9
"""m and rad."""
READ_GOAL = 20.0
"""ms, for a model whose description is in the cache."""


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KINESYNTH_CACHE"] = folder  # the descriptions of this run, made by this OpenSim
        models, refused = compared_models(data, Path(folder))
        print(f"{'model':100} {'position m':>11} {'rotation rad':>13} {'read again ms':>14}")
        worst = {"shared": [0.0, 0.0], "built": [0.0, 0.0]}
        slowest = 0.0
        for name, (path, skeleton) in models.items():
            apart = deviations(skeleton, path)
            again = _seconds_to_read(path)
            slowest = max(slowest, again)
            group = worst["built" if name.startswith("built") else "shared"]
            group[:] = [max(group[0], apart[0]), max(group[1], apart[1])]
            print(f"{name:100} {apart[0]:11.1e} {apart[1]:13.1e} {1000 * again:14.1f}")
    for name, sentence in refused.items():
        print(f"{name:100} refused: {sentence.split(': ', 1)[-1]}")
    for group, (position, rotation) in worst.items():
        n = sum(name.startswith("built") == (group == "built") for name in models)
        for what, value in (("positions (m)", position), ("orientations (rad)", rotation)):
            found[f"poses: body {what}, {N_POSES} random poses of {n} {group} models"] = _figure(value, GOAL)
    found["poses: shared models that become no skeleton"] = _figure(sum(not n.startswith("built") for n in refused), 0)
    found["poses: built models refused by name (Ellipsoid, Scapulothoracic)"] = _figure(len(refused), 2)
    found["poses: reading a known model again, slowest (ms)"] = _figure(round(1000 * slowest, 1), READ_GOAL)
    return found


def deviations(skeleton: Skeleton, path: Path) -> tuple[float, float]:
    """Largest differences of body origins (m) and orientations (angle, rad) between OpenSim and us."""
    q = random_states(skeleton, N_POSES, np.random.default_rng(0))[0]
    states = segment_states(skeleton, list(q.T))
    theirs = client.body_poses(path, skeleton.coordinate_names, q)
    position, rotation = 0.0, 0.0
    for segment, state in zip(skeleton.segments, states, strict=True):
        origins, matrices = theirs[segment.name]
        ours = np.stack([over_frames(row, N_POSES) for row in state.rotation], axis=1)
        position = max(position, float(np.linalg.norm(over_frames(state.origin, N_POSES) - origins, axis=1).max()))
        # for small angles the distance of two rotation matrices (Frobenius) is the angle times the root of two
        apart = np.linalg.norm(ours - matrices, axis=(1, 2)) / np.sqrt(2.0)
        rotation = max(rotation, float(apart.max()))
    return position, rotation


def _seconds_to_read(path: Path) -> float:
    """Fastest of three readings of a model that is in the cache, CPU time."""
    took = []
    for _ in range(3):
        began = time.process_time()
        read_osim(path)
        took.append(time.process_time() - began)
    return min(took)


def _figure(ours: float, goal: float) -> dict:
    return {"ours": ours, "peer": None, "ratio": None, "goal": goal, "met": bool(ours <= goal)}


if __name__ == "__main__":
    folder = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(folder))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
