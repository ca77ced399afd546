"""What to know about a model before trusting it: size, mass, findings. Runs inside a worker process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opensim_models.model.osim_sanity import refuse_impossible_numbers
from opensim_models.model.report import model_findings
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import loaded_model
from opensim_models.osim.model_description import describe


def check(path: str) -> dict[str, Any]:
    """Count a model's parts, let OpenSim assemble it, and list what looks wrong."""
    description = describe(path)
    refuse_impossible_numbers(description, str(path))
    loaded_model(Path(path))
    if not description["coordinates"]:
        raise ModelMismatch(f"{path}: expected a model that can move; it has no coordinates.")
    findings = [
        f"{part['type']} {part['name']} is not supported: {part['reason']}" for part in description["unsupported"]
    ]
    findings += model_findings(description)
    mass = sum(body["mass"] for body in description["bodies"])
    counts = {part: len(description[part]) for part in ("bodies", "joints", "coordinates", "markers", "muscles")}
    return {"path": str(path), "name": description["name"], "mass": mass, **counts, "findings": findings}
