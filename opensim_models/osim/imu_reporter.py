"""OpenSim's IMUDataReporter on temporary copies: the peer of our own virtual sensors. Runs inside a worker."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.inverse_dynamics_tool import write_table
from opensim_models.osim.inverse_kinematics_tool import timed_run
from opensim_models.osim.library import osim, read_model, require_names


def report_imus(
    path: str, coordinates: list[str], values: np.ndarray, rate: float, sensors: list[dict[str, Any]]
) -> dict[str, Any]:
    """Run the reporter through the AnalyzeTool; see `opensim_models.osim.sensor_client.report_imus`.

    `compute_accelerations_without_forces` is what makes it kinematics: without, the accelerations are those of a model
    that nothing holds, near free fall.
    """
    model = read_model(Path(path))
    for components in (model.updForceSet(), model.updControllerSet(), model.updProbeSet()):
        components.clearAndDestroy()
    coordinates_of_model = model.updCoordinateSet()
    for i in range(coordinates_of_model.getSize()):  # a lock and the motion would hold a coordinate twice
        coordinates_of_model.get(i).set_locked(False)
        coordinates_of_model.get(i).set_prescribed(False)
        coordinates_of_model.get(i).set_clamped(False)
    bodies = model.getBodySet()
    known = [bodies.get(i).getName() for i in range(bodies.getSize())]
    require_names(Path(path), "body", sorted({sensor["segment"] for sensor in sensors}), known)
    for sensor in sensors:
        _add_sensor(model, sensor)
    model.finalizeConnections()
    with tempfile.TemporaryDirectory() as folder:
        model.printToXML(f"{folder}/sensed.osim")
        write_table(Path(folder) / "q.sto", coordinates, values, rate)
        _write_setup(Path(folder), (len(values) - 1) / rate)
        succeeded, spent = timed_run(osim.AnalyzeTool(f"{folder}/setup.xml"), path)
        tables = [Path(folder) / f"run_{what}.sto" for what in ("linear_accelerations", "angular_velocity")]
        if not succeeded or not all(table.exists() for table in tables):
            raise ModelMismatch(f"{path}: OpenSim's IMU reporter gave no signals for this motion.")
        force, turn = (_vectors(table, [sensor["sensor"] for sensor in sensors]) for table in tables)
    return {"specific_force": force, "angular_velocity": turn, "cpu_seconds": spent}


def _add_sensor(model: Any, sensor: dict[str, Any]) -> None:
    """Put an IMU on an offset frame of a body; the model owns both."""
    body = model.updBodySet().get(sensor["segment"])
    frame = osim.PhysicalOffsetFrame()
    frame.setName(f"{sensor['sensor']}_frame")
    frame.setParentFrame(body)
    frame.set_translation(osim.Vec3(*sensor["offset"]))
    frame.set_orientation(osim.Vec3(*sensor["angles"]))
    body.addComponent(frame)
    imu = osim.IMU()
    imu.setName(sensor["sensor"])
    imu.connectSocket_frame(frame)
    model.addComponent(imu)


def _write_setup(folder: Path, last: float) -> None:
    """Setup of an AnalyzeTool with the reporter as its only analysis."""
    reporter = osim.IMUDataReporter()
    reporter.setName("imu")
    reporter.set_compute_accelerations_without_forces(True)
    reporter.set_report_orientations(False)
    reporter.setInDegrees(False)
    tool = osim.AnalyzeTool()
    tool.setName("run")
    tool.setModelFilename(f"{folder}/sensed.osim")
    tool.setCoordinatesFileName(f"{folder}/q.sto")
    tool.setLowpassCutoffFrequency(-1.0)
    tool.setInitialTime(0.0)
    tool.setFinalTime(last)
    tool.setResultsDir(str(folder))
    tool.updAnalysisSet().cloneAndAppend(reporter)
    tool.printToXML(f"{folder}/setup.xml")


def _vectors(path: Path, sensors: list[str]) -> np.ndarray:
    """Vectors (n_frames, n_sensors, 3) of a table whose cells are x,y,z."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if line.strip() == "endheader")
    names = lines[end + 1].split()[1:]
    rows = [line.split()[1:] for line in lines[end + 2 :] if line.strip()]
    return np.array([[rows_k[names.index(s)].split(",") for s in sensors] for rows_k in rows], dtype=float)
