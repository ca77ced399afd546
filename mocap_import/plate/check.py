"""Plate check: whether what a file declares of a force plate can be one, and in which units its channels are."""

from __future__ import annotations

import re

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d, RawPlate
from mocap_import.plate.force_plate import CHANNEL_COUNT

OTHER_TYPES = {
    5: "one of 8 channels with a 6 x 8 calibration",
    6: "one of 12 channels with a 6 x 12 calibration",
    7: "one of 8 channels with a 6 x 8 calibration",
    8: "a non-standard plate",
    11: "a Kistler split-belt treadmill",
    12: "a Kistler split-belt treadmill",
    21: "an AMTI stairway",
}
"""Types of the C3D registry that are refused, in words."""
_LENGTHS = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "meter": 1.0, "metre": 1.0, "meters": 1.0, "metres": 1.0}
_FORCES = {"n": 1.0, "nt": 1.0, "newton": 1.0, "newtons": 1.0, "kn": 1e3, "lb": 4.4482216, "lbf": 4.4482216}
_SIDES = (0.1, 12.0)
_COMPONENT = re.compile(r"(?:^|[^A-Z])([FM])\s*\d*\s*([XYZ])(?![A-Z])", re.IGNORECASE)


def plate_problem(plate: RawPlate, raw: RawC3d, factor: float) -> str:
    """Why a plate cannot be used, empty if it can.

    Parameters
    ----------
    plate : RawPlate
    raw : RawC3d
    factor : float
        Metres per unit of the plate's corners.
    """
    if plate.kind not in CHANNEL_COUNT:
        words = f"; it is {OTHER_TYPES[plate.kind]}" if plate.kind in OTHER_TYPES else ""
        return f"type {plate.kind} is not supported (types 1 to 4 are{words})"
    if raw.analog.size == 0:
        return "declared, but the file holds no analog channels"
    needed = CHANNEL_COUNT[plate.kind]
    if len(plate.channels) < needed or max(plate.channels[:needed]) >= raw.analog.shape[1]:
        there = sum(channel < raw.analog.shape[1] for channel in plate.channels)
        return f"type {plate.kind} needs {needed} channels, {there} of them are in the file"
    doubt = _wrong_channels(plate, raw)
    if doubt:
        return doubt
    doubt = _corner_problem(plate.corners * factor)
    if doubt:
        return doubt
    if plate.kind == 3 and not (np.abs(plate.origin[:2]) > 0).all():
        return "type 3 needs the distances of its sensors in ORIGIN, they are zero"
    if plate.kind == 4 and (plate.calibration is None or abs(np.linalg.det(plate.calibration)) == 0):
        return "type 4 needs a 6 x 6 CAL_MATRIX, none or a singular one is in the file"
    # Types 1 leave the place undefined without load; everything else must be a number.
    must = plate.channels[:3] if plate.kind == 1 else plate.channels[:needed]
    if not np.isfinite(raw.analog[:, list(must)]).all():
        return "its channels hold values that are not numbers"
    return ""


def _corner_problem(corners: np.ndarray) -> str:
    """Why four corners (4, 3) in m are no plate."""
    if not np.isfinite(corners).all():
        return "its corners are missing"
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    if sides.min() <= 0:
        return "its corners are missing or coincide"
    if sides.min() < _SIDES[0] or sides.max() > _SIDES[1]:
        return f"its corners are {sides.min():.3g} to {sides.max():.3g} m apart, no plate has that size"
    # In a parallelogram both diagonals share their middle; listed crosswise or bent, they do not.
    gap = 0.5 * np.linalg.norm(corners[0] + corners[2] - corners[1] - corners[3])
    if gap > 0.25 * sides.min():
        return f"its corners are listed crosswise or are no rectangle (diagonals meet {100 * gap:.0f} cm apart)"
    return ""


def _wrong_channels(plate: RawPlate, raw: RawC3d) -> str:
    """Why a plate's channels, by their labels, cannot be the six components that its type says."""
    if plate.kind == 3:
        return ""
    labels = [raw.analog_labels[k] if k < len(raw.analog_labels) else "" for k in plate.channels[:6]]
    parts = [_COMPONENT.search(label.rsplit(".", 1)[-1]) for label in labels]
    names = [(part[1] + part[2]).upper() if part else "" for part in parts]
    known = [name for name in names if name]
    # A plate listed before this one with too few channels has shifted all numbers.
    short = any(other.kind in CHANNEL_COUNT and len(other.channels) < CHANNEL_COUNT[other.kind] for other in raw.plates)
    expected = ["FX", "FY", "FZ", "MX", "MY", "MZ"]
    moved = sum(bool(name) and name != right for name, right in zip(names, expected, strict=True))
    if len(known) - len(set(known)) >= 2 or (short and moved >= 3):
        return f"its channels are {', '.join(labels)}, not Fx Fy Fz Mx My Mz of one plate"
    return ""


def channel_scale(plate: RawPlate, raw: RawC3d, factor: float) -> tuple[float, float, float]:
    """N per unit of force, m per unit of place and N·m per unit of moment, as the channels state.

    Parameters
    ----------
    plate : RawPlate
    raw : RawC3d
    factor : float
        Metres per point unit: what a moment is counted in where its channel does not say.
    """
    units = [raw.analog_units[k] if k < len(raw.analog_units) else "" for k in plate.channels[:6]]
    units = [re.sub(r"[\s.*·\-]", "", unit).lower() for unit in units]
    force = next((_FORCES[unit] for unit in units[:3] if unit in _FORCES), 1.0)
    place = next((_LENGTHS[unit] for unit in units[3:5] if plate.kind == 1 and unit in _LENGTHS), factor)
    moment = next((found for unit in units[:2:-1] if (found := _moment(unit)) > 0), force * factor)
    if plate.kind == 3:
        return force, factor, factor
    return force, place, moment


def _moment(unit: str) -> float:
    """N·m per unit of moment, 0 if the text is none: "nmm" → 0.001."""
    for force in sorted(_FORCES, key=len, reverse=True):
        if unit.startswith(force) and unit[len(force) :] in _LENGTHS:
            return _FORCES[force] * _LENGTHS[unit[len(force) :]]
    return 0.0
