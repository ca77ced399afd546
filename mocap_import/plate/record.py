"""Plate record: what each force plate of a file measured, as ground reactions in the ground frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d, RawPlate
from mocap_import.frame.lab_frame import LabFrame
from mocap_import.plate.baseline import find_baseline
from mocap_import.plate.check import channel_scale, plate_problem
from mocap_import.plate.corner import right_corners
from mocap_import.plate.force_plate import CHANNEL_COUNT, ForcePlate, force_sign, plate_wrench, reaction_from_wrench
from mocap_import.plate.saturation import saturated_stretches
from mocap_import.trial import GroundReaction, Treatment

_LOAD = 50.0
"""Force (N) above which a plate is loaded, whatever its baseline."""


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
        Ground frame, SI, baseline removed; feet not yet named.
    plates : list of ForcePlate
        Their geometry, in the same order.
    treatments : list of Treatment
        ``no_plates``, ``plate_refused``, ``plate_sign``, ``plate_moment_unit``, ``plate_corners``,
        ``plate_baseline``, ``plate_drift``, ``plate_saturated`` and others of `find_baseline`.
    """
    if not raw.plates:
        return [], [], [Treatment("no_plates", "the file declares no force plate")]
    notes: list[Treatment] = []
    plates, wrenches, zeros = [], [], []
    for number, declared in enumerate(raw.plates, start=1):
        name = f"plate {number}"
        problem = plate_problem(declared, raw, factor)
        if problem:
            notes.append(Treatment("plate_refused", f"{name}: {problem}; markers are kept"))
            continue
        plate, wrench, plate_notes = measured_wrench(declared, raw, frame.rotation, factor, name)
        notes += plate_notes
        if abs(plate.axes[1, 2]) < 0.5:
            notes.append(Treatment("plate_refused", f"{name}: stands upright, it is no floor; markers are kept"))
            continue
        plates.append(plate)
        wrenches.append(wrench)
        zeros.append(_zero_samples(declared, raw))
    signs = _signs(plates, wrenches, raw.analog_rate)
    reactions = []
    for k, (wrench, zero, sign) in enumerate(zip(wrenches, zeros, signs, strict=True)):
        vertical = sign * (wrench[:, :3] @ plates[k].axes[1])
        baseline, base_notes = find_baseline(wrench, vertical, raw.analog_rate, zero, plates[k].name)
        notes += base_notes
        if baseline is not None:
            wrench = wrench - baseline.over(len(wrench), raw.analog_rate)
        reaction = reaction_from_wrench(plates[k], wrench, raw.analog_rate, sign)
        plates[k], corner_notes = right_corners(plates[k], reaction, raw, frame.rotation, factor)
        if corner_notes:
            notes += corner_notes
            signs[k] = force_sign(wrench[:, :3] @ plates[k].axes[1]) or sign
            reaction = reaction_from_wrench(plates[k], wrench, raw.analog_rate, signs[k])
        reactions.append(reaction)
    return reactions, plates, [*notes, *_sign_note(plates, signs)]


def _sign_note(plates: list[ForcePlate], signs: list[int]) -> list[Treatment]:
    """Which plates were turned round."""
    turned = ", ".join(plate.name for plate, sign in zip(plates, signs, strict=True) if sign < 0)
    detail = f"{turned}: the file holds the force on the plate; turned into the force on the subject"
    return [Treatment("plate_sign", detail)] if turned else []


def measured_wrench(
    declared: RawPlate, raw: RawC3d, rotation: np.ndarray, factor: float, name: str = "plate 1"
) -> tuple[ForcePlate, np.ndarray, list[Treatment]]:
    """A plate in SI units and what it measured, nothing subtracted yet.

    Parameters
    ----------
    declared : RawPlate
        One without a `plate_problem`.
    raw : RawC3d
    rotation : ndarray, shape (3, 3)
        File → ground.
    factor : float
        Metres per file unit.
    name : str

    Returns
    -------
    plate : ForcePlate
    wrench : ndarray, shape (n_samples, 6)
        About the centre of the surface, plate axes (N, N·m), with the file's sign.
    treatments : list of Treatment
        ``plate_moment_unit``, ``plate_saturated``.
    """
    notes = []
    channels = raw.analog[:, list(declared.channels[: CHANNEL_COUNT[declared.kind]])].astype(float)
    saturated = saturated_stretches(channels, raw.analog_rate)
    if saturated:
        seconds = sum(stop - start for start, stop in saturated) / raw.analog_rate
        detail = f"{name}: a channel stands at its limit for {seconds:.2f} s in all; the force there is a lower bound"
        notes.append(Treatment("plate_saturated", detail))
    plate = ForcePlate(
        kind=declared.kind,
        corners=(declared.corners * factor) @ rotation.T,
        origin=declared.origin * factor,
        name=name,
        saturated=saturated,
        polynomial=_polynomial(declared, factor),
    )
    force_unit, length_unit, moment_unit = channel_scale(declared, raw, factor)
    if declared.kind == 4 and declared.calibration is not None:
        units = np.r_[[force_unit] * 3, [moment_unit] * 3]
        plate = replace(plate, calibration=declared.calibration * units[:, None])
    elif declared.kind == 1:
        channels *= np.r_[[force_unit] * 3, [length_unit] * 2, moment_unit]
    elif declared.kind == 2:
        channels *= np.r_[[force_unit] * 3, [moment_unit] * 3]
    else:
        channels *= force_unit
    wrench = plate_wrench(plate, channels, 1.0)
    repair = _moment_repair(plate, wrench)
    if repair != 1.0:
        stated = raw.analog_units[declared.channels[5]] if declared.channels[5] < len(raw.analog_units) else ""
        detail = (
            f"{name}: with moments in {stated or 'the point unit'} as the file states, the centre of pressure lies "
            f"{'far outside the plate' if repair < 1 else 'fixed in its middle'}; they are {repair:g} times that"
        )
        notes.append(Treatment("plate_moment_unit", detail))
        plate, channels = _with_moments_times(plate, channels, repair)
    return plate, wrench if repair == 1.0 else plate_wrench(plate, channels, 1.0), notes


def _with_moments_times(plate: ForcePlate, channels: np.ndarray, repair: float) -> tuple[ForcePlate, np.ndarray]:
    """Plate and channels (n_samples, 6) of types 1, 2 and 4 with moments, and the places of type 1, times a factor."""
    scale = np.r_[1.0, 1.0, 1.0, [repair] * 3]
    if plate.kind == 4 and plate.calibration is not None:
        return replace(plate, calibration=plate.calibration * scale[:, None]), channels
    return plate, channels * scale


def _polynomial(declared: RawPlate, factor: float) -> np.ndarray | None:
    """FPCOPPOLY (6, 2) for places in m instead of the file's unit: P1 y⁴ x³ is a length, so P1 is per length⁶."""
    if declared.polynomial is None or not np.any(declared.polynomial):
        return None
    return declared.polynomial * (1.0 / factor) ** np.array([6, 4, 2, 4, 2, 0])[:, None]


def _moment_repair(plate: ForcePlate, wrench: np.ndarray) -> float:
    """Factor by which moments must be multiplied so that the load lies on the plate: 1, 0.001 or 1000."""
    if plate.kind == 3:
        return 1.0
    loaded = np.abs(wrench[:, 2]) > _LOAD
    if not loaded.any():
        return 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.abs(wrench[loaded][:, [4, 3]] / wrench[loaded][:, 2:3]) / plate.half_size
    reach = float(np.median(place.max(axis=1)))
    # A factor of 1000 apart: a load 10 plates away, or one that never leaves the middle by a thousandth.
    if reach > 10.0 and reach * 1e-3 < 1.2:
        return 1e-3
    return 1e3 if 2e-5 < reach < 1e-3 and float(np.percentile(place.max(axis=1), 90)) * 1e3 < 1.2 else 1.0


def _zero_samples(declared: RawPlate, raw: RawC3d) -> tuple[int, int] | None:
    """Samples (start, stop) of the frames that FORCE_PLATFORM:ZERO names; None if it names none."""
    zero = declared.zero
    if not zero or zero[0] < 1 or zero[1] < zero[0]:
        return None
    ratio = raw.analog_rate / raw.rate
    start, stop = round((zero[0] - 1) * ratio), min(round(zero[1] * ratio), len(raw.analog))
    return (start, stop) if stop > start else None


def _signs(plates: list[ForcePlate], wrenches: list[np.ndarray], rate: float) -> list[int]:
    """Sign of each plate; one that is hardly loaded takes the others'."""
    found, sure = [], []
    for plate, wrench in zip(plates, wrenches, strict=True):
        vertical = wrench[:, :3] @ plate.axes[1]
        found.append(force_sign(vertical))
        sure.append(np.count_nonzero(np.abs(vertical) > 2 * _LOAD) > 0.1 * rate)
    habit = sum(sign for sign, certain in zip(found, sure, strict=True) if certain) or sum(found)
    return [
        sign if sign and (certain or not habit) else (1 if habit >= 0 else -1)
        for sign, certain in zip(found, sure, strict=True)
    ]
