"""The environment variables that a worker process starts with."""

from __future__ import annotations

import os
from pathlib import Path

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
LIBRARY_PATHS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def worker_environment() -> dict[str, str]:
    """Environment of a worker: one thread per numerical library, our packages importable, OpenSim's libraries out.

    ``import opensim`` puts its own folder first in PATH and copies PATH into LD_LIBRARY_PATH; a child that inherits
    this cannot import CasADi.
    """
    environment = dict(os.environ)
    for variable in ONE_THREAD:
        environment[variable] = "1"
    for variable in LIBRARY_PATHS:
        entries = environment.get(variable, "").split(os.pathsep)
        kept = [entry for entry in entries if not _is_opensim_folder(entry)]
        if len(kept) < len(entries):
            environment[variable] = os.pathsep.join(kept)
            if variable != "PATH" and environment[variable] == environment.get("PATH"):
                del environment[variable]  # nothing but OpenSim's copy of PATH
    packages = str(Path(__file__).resolve().parents[1])
    inherited = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = packages + (os.pathsep + inherited if inherited else "")
    return environment


def _is_opensim_folder(entry: str) -> bool:
    """Whether a search path entry is the folder of the opensim package."""
    folder = Path(entry)
    return folder.name == "opensim" and (folder / "simbody.py").exists()
