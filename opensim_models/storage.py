"""Motion files of OpenSim (.mot): coordinates over time, readable by a person and by every OpenSim tool."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics

# Coordinates that are lengths; everything else in a coordinate file is an angle.
_TRANSLATIONS = ("_tx", "_ty", "_tz")


def write_motion(path: Path, kinematics: Kinematics) -> None:
    """Write coordinates, angles in degrees, time as k/rate (temporary file, then rename)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    factor = np.array([1.0 if c.endswith(_TRANSLATIONS) else 180.0 / np.pi for c in kinematics.coordinates])
    table = np.column_stack([np.arange(len(kinematics.values)) / kinematics.rate, kinematics.values * factor])
    header = [
        "Coordinates",
        "version=1",
        f"nRows={len(table)}",
        f"nColumns={table.shape[1]}",
        "inDegrees=yes",
        f"rate={kinematics.rate!r}",
        "endheader",
        "\t".join(("time", *kinematics.coordinates)),
    ]
    partial = path.with_name(path.name + ".tmp")
    np.savetxt(partial, table, fmt="%.9g", delimiter="\t", header="\n".join(header), comments="")
    partial.replace(path)


def read_motion(path: Path) -> Kinematics:
    """Read a .mot file of coordinates.

    The rate is taken from our own header line; files of other tools lack it, so there it is the inverse of the median
    time step.

    Raises
    ------
    ModelMismatch
        The file is missing or does not have the form of a motion file.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ModelMismatch(
            f"{path}: no such file; `kinesynth motion` writes one for every trial that it can solve, and motion.csv "
            "says why it could not."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelMismatch(f"{path}: expected a motion file (.mot), but {error}.") from error
    end = next((i for i, line in enumerate(lines) if line.strip().lower() == "endheader"), None)
    if end is None or len(lines) < end + 3:
        raise ModelMismatch(f"{path}: expected a motion file with a line 'endheader' and data rows below it.")
    header = dict(line.split("=", 1) for line in lines[:end] if "=" in line)
    names = tuple(lines[end + 1].split())
    try:
        table = np.array([[float(x) for x in line.split()] for line in lines[end + 2 :] if line.strip()])
    except ValueError as error:
        raise ModelMismatch(f"{path}: expected numbers below the column names, but {error}.") from error
    if names[:1] != ("time",) or table.ndim != 2 or table.shape[1] != len(names):
        raise ModelMismatch(f"{path}: expected a first column 'time' and {len(names)} columns in every row.")
    rate = float(header["rate"]) if "rate" in header else float(1.0 / np.median(np.diff(table[:, 0])))
    degrees = header.get("inDegrees", "yes").strip().lower() == "yes"
    factor = np.array([np.pi / 180.0 if degrees and not c.endswith(_TRANSLATIONS) else 1.0 for c in names[1:]])
    return Kinematics(names[1:], table[:, 1:] * factor, rate)
