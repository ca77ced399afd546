"""What to know about a model before trusting it: size, mass, findings. Runs inside a worker process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import loaded_model
from opensim_models.osim.model_description import describe

PLAUSIBLE_MASS = (20.0, 250.0)  # kg, of a person


def check(path: str) -> dict[str, Any]:
    """Count a model's parts, assemble it, and list what looks wrong."""
    description = describe(path)
    loaded_model(Path(path))
    findings = [
        f"{part['type']} {part['name']} is not supported: {part['reason']}" for part in description["unsupported"]
    ]
    mass = sum(body["mass"] for body in description["bodies"])
    if not PLAUSIBLE_MASS[0] <= mass <= PLAUSIBLE_MASS[1]:
        findings.append(f"total mass {mass:.1f} kg is not that of a person (expected 20-250 kg)")
    for body in description["bodies"]:
        findings.extend(_inertia_findings(body))
    driven = {axis["coordinate"] for joint in description["joints"] for axis in joint["axes"] or ()}
    for coordinate in description["coordinates"]:
        if coordinate["name"] not in driven and not description["unsupported"]:
            findings.append(f"coordinate {coordinate['name']} moves nothing")
        if coordinate["range_min"] > coordinate["range_max"]:
            findings.append(f"coordinate {coordinate['name']} has its range upside down")
    if not description["markers"]:
        findings.append("no markers: it cannot be scaled or tracked")
    if not description["coordinates"]:
        raise ModelMismatch(f"{path}: expected a model that can move; it has no coordinates.")
    counts = {part: len(description[part]) for part in ("bodies", "joints", "coordinates", "markers", "muscles")}
    return {"path": str(path), "name": description["name"], "mass": mass, **counts, "findings": findings}


def _inertia_findings(body: dict[str, Any]) -> list[str]:
    """Moments of inertia that no rigid body can have; OpenSim accepts them without a word."""
    xx, yy, zz = body["inertia"][:3]
    if body["mass"] < 0:
        return [f"body {body['name']} has the mass {body['mass']:g} kg"]
    if body["mass"] == 0:
        return []
    largest = max(xx, yy, zz)
    if min(xx, yy, zz) < 0 or 2 * largest > (xx + yy + zz) * (1 + 1e-6):
        return [f"body {body['name']} has moments of inertia {xx:.3g}, {yy:.3g}, {zz:.3g} kg·m² that no body can have"]
    return []
