"""Plate record: what each force plate of a file measured, as ground reactions in the ground frame."""

from __future__ import annotations

import numpy as np

from mocap_import.force_plate import CHANNEL_COUNT, ForcePlate, ground_reaction
from mocap_import.lab_frame import METRES, LabFrame
from mocap_import.raw_c3d import RawC3d, RawPlate
from mocap_import.trial import GroundReaction, Treatment


def plate_records(
    raw: RawC3d, frame: LabFrame, factor: float
) -> tuple[list[GroundReaction], list[ForcePlate], list[Treatment]]:
    """Ground reactions of all plates that can be understood; the others are refused by name.

    Parameters
    ----------
    raw : RawC3d
    frame : LabFrame
        File → ground frame.
    factor : float
        Metres per file unit.

    Returns
    -------
    reactions : list of GroundReaction
        Ground frame, SI; feet not yet named.
    plates : list of ForcePlate
        Their geometry, in the same order.
    treatments : list of Treatment
        ``no_plates`` and ``plate_refused``.
    """
    reactions, plates, notes = [], [], []
    if not raw.plates:
        return [], [], [Treatment("no_plates", "the file declares no force plate")]
    for number, plate in enumerate(raw.plates, start=1):
        name = f"plate {number}"
        problem = _plate_problem(plate, raw)
        if problem:
            notes.append(Treatment("plate_refused", f"{name}: {problem}; markers are kept"))
            continue
        channels = raw.analog[:, list(plate.channels[: CHANNEL_COUNT[plate.kind]])]
        moment_unit = _moment_unit(raw, plate, factor)
        calibration = None
        if plate.kind == 4 and plate.calibration is not None:
            calibration = plate.calibration * np.r_[1, 1, 1, moment_unit, moment_unit, moment_unit][:, None]
        geometry = ForcePlate(
            kind=plate.kind,
            corners=(plate.corners * factor) @ frame.rotation.T,
            origin=plate.origin * factor,
            calibration=calibration,
            name=name,
        )
        reactions.append(ground_reaction(geometry, channels, raw.analog_rate, moment_unit))
        plates.append(geometry)
    return reactions, plates, notes


def _plate_problem(plate: RawPlate, raw: RawC3d) -> str:
    """Why a plate cannot be used, empty if it can."""
    if plate.kind not in CHANNEL_COUNT:
        return f"type {plate.kind} is not supported (types 1 to 4 are)"
    if raw.analog.size == 0:
        return "declared, but the file holds no analog channels"
    needed = CHANNEL_COUNT[plate.kind]
    if len(plate.channels) < needed or max(plate.channels[:needed]) >= raw.analog.shape[1]:
        return f"type {plate.kind} needs {needed} channels, {len(plate.channels)} of them are in the file"
    sides = np.linalg.norm(plate.corners - np.roll(plate.corners, 1, axis=0), axis=1)
    if not np.isfinite(plate.corners).all() or sides.min() <= 0:
        return "its corners are missing or coincide"
    if plate.kind == 4 and (plate.calibration is None or abs(np.linalg.det(plate.calibration)) == 0):
        return "type 4 needs a 6 x 6 CAL_MATRIX, none or a singular one is in the file"
    if not np.isfinite(raw.analog[:, list(plate.channels[:needed])]).all():
        return "its channels hold values that are not numbers"
    return ""


def _moment_unit(raw: RawC3d, plate: RawPlate, factor: float) -> float:
    """N·m per unit of moment: as the channel states (Nmm, Nm), else the point unit."""
    text = raw.analog_units[plate.channels[5]].lower().replace(".", "").replace("*", "").replace(" ", "")
    if plate.kind in (2, 4) and text.startswith("n") and text[1:] in METRES:
        return METRES[text[1:]]
    return factor
