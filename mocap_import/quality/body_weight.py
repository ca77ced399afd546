"""Body weight: what the plates weigh, where they carry the whole body, and whether it is the stated mass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap_import.event.gait_cycle import find_gait_cycles
from mocap_import.marker.marker_set import MarkerSet, landmark_positions
from mocap_import.plate.contact import CONTACT_ON
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.plate.step import beyond_edges
from mocap_import.subject import STANDARD_GRAVITY
from mocap_import.trial import MarkerTrial, Treatment

WEIGHT_TOLERANCE = 0.02
"""Relative deviation of the mean vertical force from body weight that is reported.

A clinical scale reads to 0.1 kg and a plate to about 0.5 % of its load; a meal, shoes and clothes are 1 to 2 %.
"""
STEADY = 0.05
"""Relative SD of the vertical force up to which a subject stands still."""
RESTLESS = 0.01
"""Relative SD of the vertical force from which on somebody who stands moves so much that it may matter."""
TOES = 0.05
"""Length (m) by which the toes reach beyond the toe marker."""
_BESIDE = 0.01
_STATED_IN = {"pounds": 0.45359, "newtons": 1.0 / STANDARD_GRAVITY}
PEAKS = {"walk": (0.8, 1.8), "turn": (0.8, 2.0), "run": (1.2, 5.0)}
"""Peak vertical force of a whole step as shares of body weight: slow walking 1.0, brisk 1.5; running 1.5 to 3.5
(Keller et al. 1996, Clin Biomech 11:253), with room for the mass being a few per cent off."""


def mean_vertical_force(trial: MarkerTrial) -> float:
    """Mean vertical force (N) of all plates where it must be body weight: standing still, or whole cycles on a belt.

    NaN where the plates cannot have carried the whole body all the time. Plates that carry nothing are left out:
    what is left of their offset is no weight.
    """
    loaded = [r.force[:, 1] for r in trial.ground_reactions if np.nanmax(r.force[:, 1], initial=0.0) > CONTACT_ON]
    if not loaded or len({len(vertical) for vertical in loaded}) != 1:
        return float("nan")
    vertical = np.sum(loaded, axis=0)
    rate = trial.ground_reactions[0].rate
    if trial.task == "static":
        return float(np.mean(vertical)) if np.min(vertical) > 0.5 * np.max(vertical) else float("nan")
    if trial.belt_speed == 0.0:
        return float("nan")
    cycles = find_gait_cycles(trial, "right") or find_gait_cycles(trial, "left")
    if len(cycles) < 3:
        return float("nan")
    return float(np.mean(vertical[int(cycles[0][0] * rate) : int(cycles[-1][1] * rate)]))


def standing_mass(trial: MarkerTrial) -> float:
    """Body mass (kg) from a static trial on plates, NaN if its forces are not those of quiet standing."""
    force = mean_vertical_force(trial) if trial.task == "static" else float("nan")
    if not force > 0:
        return float("nan")
    vertical = np.sum([reaction.force[:, 1] for reaction in trial.ground_reactions], axis=0)
    mass = force / STANDARD_GRAVITY
    return mass if vertical.std() < STEADY * force and 5.0 < mass < 300.0 else float("nan")


def step_peaks(trial: MarkerTrial) -> np.ndarray:
    """Highest vertical force (N) of each usable step on one plate."""
    vertical = {}
    for reaction in trial.ground_reactions:
        # A plate that was split into records of two feet has one name with the foot behind it.
        name = reaction.name.split(" (")[0]
        vertical[name] = vertical.get(name, 0.0) + reaction.force[:, 1]
    rate = trial.ground_reactions[0].rate if trial.ground_reactions else 1.0
    peaks = [
        np.nanmax(vertical[step.plate][round(step.start * rate) : round(step.stop * rate)])
        for step in trial.steps
        if step.usable and step.plate in vertical
    ]
    return np.array(peaks, dtype=float)


def check_weight(trial: MarkerTrial, marker_set: MarkerSet | None = None) -> list[Treatment]:
    """Whether the plates weigh the stated mass, and whether single steps are what such a body can make.

    Parameters
    ----------
    trial : MarkerTrial
    marker_set : MarkerSet, optional
        Tells where the feet stand.

    Returns
    -------
    list of Treatment
        ``weight_differs`` (standing, or whole cycles on a belt), with the likely cause, and ``peak_implausible`` (steps
        on single plates).
    """
    weight = trial.subject.body_weight
    if not weight > 0:
        return []
    found = []
    force = mean_vertical_force(trial)
    if force > 0 and abs(force / weight - 1.0) > WEIGHT_TOLERANCE:
        detail = f"mean vertical force {force:.0f} N is {100 * force / weight:.0f} % of the body weight {weight:.0f} N"
        cause = weight_cause(trial, force, landmark_positions(trial, marker_set) if marker_set else {})
        found.append(Treatment("weight_differs", f"{detail}: {cause}"))
    peaks = step_peaks(trial)
    if len(peaks) and trial.task in PEAKS:
        low, high = PEAKS[trial.task]
        share = float(np.median(peaks)) / weight
        if not low < share < high:
            detail = f"steps reach {share:.2f} body weights (median), expected {low:g} to {high:g}"
            found.append(Treatment("peak_implausible", f"{detail}; check the subject's mass and the plates"))
    return found


def weight_cause(trial: MarkerTrial, force: float, landmarks: Mapping[str, np.ndarray]) -> str:
    """Why the plates may weigh something else than the stated mass, and what to do, as far as one trial can tell.

    Parameters
    ----------
    trial : MarkerTrial
        With a stated mass.
    force : float
        Mean vertical force (N).
    landmarks : mapping
        Landmark → (n_frames, 3) m; empty if unknown.
    """
    weighed, stated = force / STANDARD_GRAVITY, trial.subject.mass
    for unit, factor in _STATED_IN.items():
        if abs(weighed / (stated * factor) - 1.0) < 0.05:
            return f"{stated:.0f} looks like {unit}, not kg; state the mass in kg"
    remarks = [f"{weighed:.1f} kg are weighed, {stated:.1f} kg stated"]
    vertical = _loaded_vertical(trial)
    if trial.task == "static":
        beside = _beside_plates(trial, landmarks) if weighed < stated else ""
        if beside:
            remarks.append(f"{beside} and may carry some of the weight")
        if vertical.std() > RESTLESS * force:
            remarks.append(f"the subject moves (SD {100 * vertical.std() / force:.1f} %)")
    offset = f"an offset of {force - trial.subject.body_weight:+.0f} N"
    if np.percentile(vertical, 5) > CONTACT_ON:
        remarks.append(f"no unloaded sample shows whether the plates have {offset}: look at the session's other trials")
    else:
        remarks.append("the plates read zero between steps, so it is no offset")
    return "; ".join([*remarks, "if other subjects differ by the same share, the plates' gain, else the stated mass"])


def _loaded_vertical(trial: MarkerTrial) -> np.ndarray:
    """Vertical force (n_samples,) in N of all plates that carry something."""
    return np.sum([r.force[:, 1] for r in trial.ground_reactions if np.nanmax(r.force[:, 1]) > CONTACT_ON], axis=0)


def _beside_plates(trial: MarkerTrial, landmarks: Mapping[str, np.ndarray]) -> str:
    """Which end of which foot stands beside all plates and by how much, ``""`` if none does or nothing tells."""
    surfaces = [ForcePlate(2, r.corners, np.zeros(3)) for r in trial.ground_reactions if r.corners is not None]
    found = []
    for foot, side in (("right", "r"), ("left", "l")):
        ends = [np.nanmedian(landmarks[name], axis=0) for name in (f"heel_{side}", f"toe_{side}") if name in landmarks]
        if len(ends) < 2 or not surfaces or not np.isfinite(ends).all():
            continue
        along = (ends[1] - ends[0]) * [1.0, 0.0, 1.0]
        tip = ends[1] + TOES * along / max(np.linalg.norm(along), 1e-6)
        for verb, place in (("heel stands", ends[0]), ("toes stand", tip)):
            beyond = min(float(beyond_edges(surface, place[None])[0]) for surface in surfaces)
            if beyond > _BESIDE:
                found.append(f"the {foot} {verb} {100 * beyond:.0f} cm beside the plates")
    return " and ".join(found)
