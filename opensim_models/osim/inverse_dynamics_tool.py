"""OpenSim's InverseDynamicsTool on temporary copies: the peer of our own inverse dynamics. Runs inside a worker."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.inverse_kinematics_tool import table_of, timed_run
from opensim_models.osim.library import osim, read_model


def demand_forces(
    path: str,
    coordinates: list[str],
    values: np.ndarray,
    rate: float,
    loads: list[dict[str, Any]],
    cutoff: float,
) -> dict[str, Any]:
    """Run the tool; see `opensim_models.osim.client.demand_forces`."""
    model = read_model(Path(path))
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder) / "q.mot", coordinates, values, rate)
        tool = osim.InverseDynamicsTool()
        tool.setModel(model)
        tool.setCoordinatesFileName(f"{folder}/q.mot")
        tool.setLowpassCutoffFrequency(cutoff)
        tool.setStartTime(0.0)
        tool.setEndTime((len(values) - 1) / rate)
        excluded = osim.ArrayStr()
        excluded.append("Muscles")
        tool.setExcludedForces(excluded)
        tool.setResultsDir(folder)
        tool.setOutputGenForceFileName("id.sto")
        if loads:
            write_loads(Path(folder) / "loads.xml", loads)
            tool.setExternalLoadsFileName(f"{folder}/loads.xml")
        succeeded, spent = timed_run(tool, path)
        result = Path(folder) / "id.sto"
        if not succeeded or not result.exists():
            raise ModelMismatch(f"{path}: OpenSim's inverse dynamics tool gave no forces for this motion.")
        names, forces = table_of(result)
    plain = [name.removesuffix("_moment").removesuffix("_force") for name in names]
    return {"coordinates": plain, "forces": forces, "cpu_seconds": spent}


def write_table(path: Path, names: list[str], values: np.ndarray, rate: float) -> None:
    """A storage file in radians and metres."""
    header = ["Coordinates", "version=1", f"nRows={len(values)}", f"nColumns={len(names) + 1}", "inDegrees=no"]
    lines = [*header, "endheader", "\t".join(["time", *names])]
    lines += ["\t".join(map(repr, [k / rate, *row])) for k, row in enumerate(values.tolist())]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def write_loads(path: Path, loads: list[dict[str, Any]]) -> None:
    """An ExternalLoads document and its table; all loads at one rate."""
    document = ElementTree.Element("OpenSimDocument", Version="40000")
    members = ElementTree.SubElement(ElementTree.SubElement(document, "ExternalLoads", name="loads"), "objects")
    names, columns = [], []
    for k, load in enumerate(loads):
        force = ElementTree.SubElement(members, "ExternalForce", name=f"load_{k}")
        for key, value in (
            ("applied_to_body", load["body"]),
            ("force_expressed_in_body", "ground"),
            ("point_expressed_in_body", "ground"),
            ("force_identifier", f"load_{k}_v"),
            ("point_identifier", f"load_{k}_p"),
            ("torque_identifier", f"load_{k}_m"),
        ):
            ElementTree.SubElement(force, key).text = value
        for kind, key in (("v", "force"), ("p", "point"), ("m", "moment")):
            names += [f"load_{k}_{kind}{axis}" for axis in "xyz"]
            columns.append(load[key])
    table = path.with_suffix(".mot")
    write_table(table, names, np.hstack(columns), loads[0]["rate"])
    ElementTree.SubElement(document.find("ExternalLoads"), "datafile").text = str(table)
    path.write_text(ElementTree.tostring(document, encoding="unicode"), encoding="utf-8")
