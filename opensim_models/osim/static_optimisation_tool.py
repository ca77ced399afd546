"""OpenSim's StaticOptimization on temporary copies: the peer of our own static optimisation. Runs inside a worker."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.inverse_dynamics_tool import write_loads, write_table
from opensim_models.osim.inverse_kinematics_tool import table_of, timed_run
from opensim_models.osim.library import osim, read_model

STRONG = 1000.0
"""N·m or N: actuators of coordinates that are not balanced by muscles."""
ACTUATOR = "reserve_"


def share_forces(
    path: str,
    coordinates: list[str],
    values: np.ndarray,
    rate: float,
    loads: list[dict[str, Any]],
    balanced: list[str],
    reserve: float,
    every: int,
) -> dict[str, Any]:
    """Run the tool; see `opensim_models.osim.muscle_client.share_forces`."""
    with tempfile.TemporaryDirectory() as folder:
        _write_model(path, f"{folder}/model.osim", balanced, reserve)
        write_table(Path(folder) / "q.mot", coordinates, values, rate)
        analysis = osim.StaticOptimization()
        analysis.setName("so")
        analysis.setUseModelForceSet(True)
        analysis.setUseMusclePhysiology(False)
        analysis.setActivationExponent(2.0)
        analysis.setStepInterval(every)
        analysis.setStartTime(0.0)
        analysis.setEndTime((len(values) - 1) / rate)
        made = osim.AnalyzeTool()
        made.setName("run")
        made.setModelFilename(f"{folder}/model.osim")
        made.setCoordinatesFileName(f"{folder}/q.mot")
        made.setLowpassCutoffFrequency(-1.0)
        made.setInitialTime(0.0)
        made.setFinalTime((len(values) - 1) / rate)
        made.setSolveForEquilibrium(False)
        made.setReplaceForceSet(False)
        made.setResultsDir(folder)
        made.getAnalysisSet().cloneAndAppend(analysis)
        if loads:
            write_loads(Path(folder) / "loads.xml", loads)
            made.setExternalLoadsFileName(f"{folder}/loads.xml")
        made.printToXML(f"{folder}/setup.xml")
        tool = osim.AnalyzeTool(f"{folder}/setup.xml", True)
        succeeded, spent = timed_run(tool, path)
        result = Path(folder) / "run_so_activation.sto"
        if not succeeded or not result.exists():
            raise ModelMismatch(f"{path}: OpenSim's static optimisation gave no activations for this motion.")
        names, table = table_of(result)
        times = _times(result)
    muscles = [name for name in names if not name.startswith(ACTUATOR)]
    reserves = np.stack([reserve * table[:, names.index(f"{ACTUATOR}{name}")] for name in balanced], axis=1)
    return {
        "muscles": muscles,
        "activations": table[:, [names.index(name) for name in muscles]],
        "reserves": reserves,
        "frames": np.round(times * rate).astype(int),
        "cpu_seconds": spent,
    }


def _write_model(path: str, target: str, balanced: list[str], reserve: float) -> None:
    """The model with its muscles and one actuator a coordinate, no other forces."""
    model = read_model(Path(path))
    model.updControllerSet().clearAndDestroy()
    forces = model.updForceSet()
    for i in reversed(range(forces.getSize())):
        if osim.Muscle.safeDownCast(forces.get(i)) is None:
            forces.remove(i)
    followers = {
        osim.CoordinateCouplerConstraint.safeDownCast(c).getDependentCoordinateName() for c in _couplers(model)
    }
    kept = []
    for i in range(model.getCoordinateSet().getSize()):
        name = model.getCoordinateSet().get(i).getName()
        if name in followers:
            continue
        actuator = osim.CoordinateActuator(name)
        actuator.setName(f"{ACTUATOR}{name}")
        actuator.setOptimalForce(reserve if name in balanced else STRONG)
        actuator.setMinControl(-np.inf)
        actuator.setMaxControl(np.inf)
        model.addForce(actuator)
        kept.append(actuator)  # OpenSim owns it; Python must not collect it first
    model.finalizeConnections()
    model.printToXML(target)


def _couplers(model: Any) -> list:
    """Constraints that couple coordinates."""
    constraints = model.getConstraintSet()
    members = [constraints.get(i) for i in range(constraints.getSize())]
    return [c for c in members if osim.CoordinateCouplerConstraint.safeDownCast(c) is not None]


def _times(path: Path) -> np.ndarray:
    """First column of a storage file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() == "endheader") + 2
    return np.array([float(line.split()[0]) for line in lines[start:] if line.strip()])
