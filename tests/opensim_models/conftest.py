"""What the tests of models share: models that OpenSim builds, and a cache apart from the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from mocap_import.batch import WorkerProcess


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Descriptions of models stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINESYNTH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def built_models(tmp_path_factory) -> dict[str, Path]:
    """Models that OpenSim builds: every joint, every function, couplers, what a skeleton cannot hold."""
    with WorkerProcess() as worker:
        folder = str(tmp_path_factory.mktemp("built"))
        paths = worker.call("benchmarks.peers.opensim_built_models:build_all", {"folder": folder})
    return {name: Path(path) for name, path in paths.items()}
