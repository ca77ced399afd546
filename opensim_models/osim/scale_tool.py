"""OpenSim's ScaleTool on temporary copies: a generic model becomes a subject's. Runs inside a worker.

The tool writes files beside its setup, converts old ones in place, reads relative paths from the working folder and
drops markers that a trial lacks; here it sees copies with absolute paths, is given the factors, and places no markers:
those come from the caller, and every marker of the model stays.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.durable_file import write_durably
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import osim, read_model, require_names


def scale_model(
    path: str,
    factors: dict[str, list[float]],
    mass: float,
    markers: dict[str, list[float]],
    added: dict[str, list],
    name: str,
    out: str,
) -> dict[str, Any]:
    """Scale a model file; see `opensim_models.osim.client.scale_model`."""
    model = read_model(Path(path))
    bodies = model.getBodySet()
    present = [bodies.get(i).getName() for i in range(bodies.getSize())]
    require_names(Path(path), "body", list(factors), present)
    marker_set = model.getMarkerSet()
    known = [marker_set.get(i).getName() for i in range(marker_set.getSize())]
    require_names(Path(path), "marker", list(markers), known)
    require_names(Path(path), "body", list(dict.fromkeys(body for body, _ in added.values())), present)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "generic.osim"
        shutil.copyfile(path, copy)
        result = Path(folder) / "scaled.osim"
        if not _scaler(copy, factors, mass, result).processModel(osim.Model(str(copy)), folder, mass):
            raise ModelMismatch(f"{path}: OpenSim's ScaleTool refuses to scale this model.")
        if not result.exists():
            raise ModelMismatch(f"{path}: OpenSim's ScaleTool wrote no model.")
        scaled = osim.Model(str(result))
        if name:
            scaled.setName(name)
        placed = scaled.updMarkerSet()
        for marker, offset in markers.items():
            placed.get(marker).set_location(osim.Vec3(*[float(x) for x in offset]))
        for marker, (body, offset) in added.items():
            made = osim.Marker(marker, scaled.getBodySet().get(body), osim.Vec3(*[float(x) for x in offset]))
            scaled.addMarker(made)
            _KEPT.append(made)
        scaled.finalizeConnections()
        final = Path(folder) / "final.osim"
        if not scaled.printToXML(str(final)):
            raise OSError(f"{out}: OpenSim could not write the model file. Is the disk full?")
        parts = [scaled.getBodySet().get(i) for i in range(scaled.getBodySet().getSize())]
        masses = {part.getName(): part.getMass() for part in parts}
        total = float(np.sum(list(masses.values())))
        if not abs(total - mass) <= 1e-6 * mass:  # the tool reports success whatever came of it
            raise ModelMismatch(f"{path}: the scaled model weighs {total:g} kg, asked for were {mass:g} kg.")
        target = Path(out)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durably(target, final.read_bytes())
    return {"mass": total, "masses": masses}


def _scaler(copy: Path, factors: dict[str, list[float]], mass: float, result: Path) -> Any:
    """The tool's scaling step: factors given, distribution of the masses kept."""
    tool = osim.ScaleTool()
    tool.setSubjectMass(mass)
    scaler = tool.getModelScaler()
    scaler.setApply(True)
    order = osim.ArrayStr()
    order.append("manualScale")
    scaler.setScalingOrder(order)
    scaler.setPreserveMassDist(True)
    scales = scaler.getScaleSet()
    for body, own in factors.items():
        scale = osim.Scale()
        scale.setSegmentName(body)
        scale.setScaleFactors(osim.Vec3(*[float(f) for f in own]))
        scale.setApply(True)
        scales.cloneAndAppend(scale)
    scaler.setOutputModelFileName(str(result))
    _KEPT.append(tool)
    return scaler


_KEPT: list = []  # the tool owns what its scaler points to
