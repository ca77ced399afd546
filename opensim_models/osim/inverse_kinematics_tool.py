"""OpenSim's InverseKinematicsTool on temporary copies: the peer of our own inverse kinematics. Runs inside a worker."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.export.trc import write_trc
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import osim, read_model

ROTATION = 1


def track_markers(
    path: str, labels: list[str], positions: np.ndarray, rate: float, weights: dict[str, float], accuracy: float
) -> dict[str, Any]:
    """Run the tool; see `opensim_models.osim.client.track_markers`."""
    model = read_model(Path(path))
    present = model.getMarkerSet()
    names = {present.get(i).getName() for i in range(present.getSize())}
    used = [label for label in labels if label in names and weights.get(label, 1.0) > 0]
    if not used:
        raise ModelMismatch(f"{path}: none of the trial's {len(labels)} markers is in the model.")
    columns = [labels.index(label) for label in used]
    unknown = Subject("", float("nan"), float("nan"), "", float("nan"))
    trial = MarkerTrial("trial", unknown, tuple(used), positions[:, columns], rate)
    with tempfile.TemporaryDirectory() as folder:
        write_trc(Path(folder) / "trial.trc", trial)
        tool = osim.InverseKinematicsTool()
        tasks = tool.getIKTaskSet()
        for label in used:
            task = osim.IKMarkerTask()
            task.setName(label)
            task.setApply(True)
            task.setWeight(weights.get(label, 1.0))
            tasks.cloneAndAppend(task)
        model.initSystem()
        tool.setModel(model)
        tool.setMarkerDataFileName(f"{folder}/trial.trc")
        tool.setStartTime(0.0)
        tool.setEndTime((len(positions) - 1) / rate)
        tool.set_accuracy(accuracy)
        tool.set_report_errors(False)
        tool.setResultsDir(folder)
        tool.setOutputMotionFileName(f"{folder}/ik.mot")
        succeeded, spent = timed_run(tool, path)
        result = Path(folder) / "ik.mot"
        if not succeeded or not result.exists():
            raise ModelMismatch(f"{path}: OpenSim's inverse kinematics tool gave no motion for this trial.")
        found, values = table_of(result)
    coordinates = model.getCoordinateSet()
    order = [coordinates.get(i).getName() for i in range(coordinates.getSize())]
    turning = [coordinates.get(i).getMotionType() == ROTATION for i in range(coordinates.getSize())]
    values = values[:, [found.index(name) for name in order]]
    # Coupled coordinates stand in radians even in a file in degrees
    return {"coordinates": order, "values": np.where(turning, np.radians(values), values), "cpu_seconds": spent}


def timed_run(tool: Any, path: str) -> tuple[bool, float]:
    """Run a tool of OpenSim; whether it says that it succeeded, and its CPU seconds."""
    began = time.process_time()
    try:
        succeeded = tool.run()
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelMismatch(f"{path}: OpenSim's {tool.getConcreteClassName()} refused this trial: {reason}") from error
    return bool(succeeded), time.process_time() - began


def table_of(path: Path) -> tuple[list[str], np.ndarray]:
    """Column names and values of a motion or storage file that OpenSim has written, without the time column."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if line.strip() == "endheader")
    names = lines[end + 1].split("\t")[1:]
    rows = [line.split()[1:] for line in lines[end + 2 :] if line.strip()]
    return [name.strip() for name in names], np.array(rows, dtype=float).reshape(len(rows), len(names))
