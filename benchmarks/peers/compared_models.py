"""The models that are compared with OpenSim, and random states of them: shared recordings' models and built ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap_import.batch import WorkerProcess
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

UNLIMITED = {"rotation": np.pi, "translation": 2.0}
"""rad and m: where a coordinate has no range."""


def compared_models(data: Path, folder: Path) -> tuple[dict[str, tuple[Path, Skeleton]], dict[str, str]]:
    """Every .osim under the data folder and every model that OpenSim builds for us.

    Returns
    -------
    dict, dict
        Name → (file, skeleton) of those that become a skeleton, and name → sentence of those refused.
    """
    with WorkerProcess() as worker:
        built = worker.call("benchmarks.peers.opensim_built_models:build_all", {"folder": str(folder)})
    paths = {str(p.relative_to(data)): p for p in sorted(data.rglob("*.osim"))}
    paths |= {f"built: {name}": Path(path) for name, path in built.items()}
    models, refused = {}, {}
    for name, path in paths.items():
        try:
            models[name] = (path, read_osim(path))
        except ModelMismatch as refusal:
            refused[name] = str(refusal)
    return models, refused


def random_states(skeleton: Skeleton, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates within their whole range, speeds of 2 and accelerations of 10 (rad or m, s; standard deviations)."""
    limits = [
        (
            c.lower if np.isfinite(c.lower) else -UNLIMITED[c.kind],
            c.upper if np.isfinite(c.upper) else UNLIMITED[c.kind],
        )
        for c in skeleton.coordinates
    ]
    low, high = np.array(limits).T
    q = rng.uniform(low, high, (n, len(low)))
    return q, rng.normal(scale=2.0, size=q.shape), rng.normal(scale=10.0, size=q.shape)
