"""Quality: whether a trial can be a person under gravity; doubts are recorded, never repaired here."""

from __future__ import annotations

import numpy as np

from mocap_import.gait_cycle import find_gait_cycles
from mocap_import.marker_set import MarkerSet, landmark_positions
from mocap_import.plate_contact import contacts, foot_distances
from mocap_import.subject import STANDARD_GRAVITY
from mocap_import.trial import MarkerTrial, Treatment

WEIGHT_TOLERANCE = 0.1
"""Relative deviation of the mean vertical force from body weight that is reported."""
PRESSURE_TOLERANCE = 0.1
"""Distance (m) from centre of pressure to foot that is reported."""


def check_quality(trial: MarkerTrial, marker_set: MarkerSet | None) -> list[Treatment]:
    """Doubts about size, forces and centre of pressure.

    Parameters
    ----------
    trial : MarkerTrial
    marker_set : MarkerSet or None

    Returns
    -------
    list of Treatment
        ``size_implausible``, ``weight_differs``, ``pressure_off_foot``.
    """
    found = []
    heights = trial.positions[:, :, 1]
    seen = heights[:: max(1, trial.n_frames // 100)]
    spans = [np.ptp(row[np.isfinite(row)]) for row in seen if np.isfinite(row).sum() > 1]
    extent = float(np.median(spans)) if spans else 0.0
    if trial.marker_set != "unknown" and not 0.3 < extent < 2.4:
        found.append(
            Treatment("size_implausible", f"markers reach over {extent:.2f} m of height; expected 0.3 to 2.4 m")
        )
    found += _check_weight(trial)
    if marker_set is not None and trial.task != "static":
        found += _check_pressure(trial, marker_set)
    return found


def mean_vertical_force(trial: MarkerTrial) -> float:
    """Mean vertical force (N) of all plates where it must be body weight: standing still, or whole cycles on a belt.

    NaN where the plates cannot have carried the whole body all the time.
    """
    if not trial.ground_reactions or len({len(r.force) for r in trial.ground_reactions}) != 1:
        return float("nan")
    vertical = np.sum([reaction.force[:, 1] for reaction in trial.ground_reactions], axis=0)
    rate = trial.ground_reactions[0].rate
    if trial.task == "static":
        return float(np.mean(vertical)) if np.min(vertical) > 0.5 * np.max(vertical) > 25.0 else float("nan")
    cycles = find_gait_cycles(trial, "right") or find_gait_cycles(trial, "left")
    if trial.belt_speed == 0.0 or len(cycles) < 3:
        return float("nan")
    return float(np.mean(vertical[int(cycles[0][0] * rate) : int(cycles[-1][1] * rate)]))


def standing_mass(trial: MarkerTrial) -> float:
    """Body mass (kg) from a static trial on plates, NaN if its forces are not those of quiet standing."""
    force = mean_vertical_force(trial) if trial.task == "static" else float("nan")
    if not force > 0:
        return float("nan")
    vertical = np.sum([reaction.force[:, 1] for reaction in trial.ground_reactions], axis=0)
    mass = force / STANDARD_GRAVITY
    return mass if vertical.std() < 0.05 * force and 5.0 < mass < 300.0 else float("nan")


def _check_weight(trial: MarkerTrial) -> list[Treatment]:
    """Mean force against body weight."""
    force, weight = mean_vertical_force(trial), trial.subject.body_weight
    if not force > 0 or not weight > 0 or abs(force / weight - 1.0) < WEIGHT_TOLERANCE:
        return []
    detail = f"mean vertical force {force:.0f} N is {100 * force / weight:.0f} % of the body weight {weight:.0f} N"
    return [Treatment("weight_differs", f"{detail}; check the subject's mass and the plates' calibration")]


def _check_pressure(trial: MarkerTrial, marker_set: MarkerSet) -> list[Treatment]:
    """Centre of pressure against the foot that is said to load the plate."""
    found = []
    landmarks = landmark_positions(trial, marker_set)
    for reaction in trial.ground_reactions:
        distances = []
        for start, stop in contacts(reaction.force[:, 1], reaction.rate)[:20]:
            by_foot = foot_distances(landmarks, reaction, start, stop, trial.rate)
            if reaction.foot in by_foot:
                distances.append(by_foot[reaction.foot])
            elif len(by_foot) == 2 and reaction.foot == "both":
                distances.append(np.fmin(by_foot["right"], by_foot["left"]))
        values = np.concatenate(distances) if distances else np.zeros(0)
        values = values[np.isfinite(values)]
        # On a belt in double support the centre of pressure lies between the feet.
        limit = PRESSURE_TOLERANCE * (2.5 if reaction.foot == "both" else 1.0)
        if len(values) and np.median(values) > limit:
            detail = (
                f"{reaction.name}: centre of pressure {100 * np.median(values):.0f} cm from the {reaction.foot} foot"
            )
            found.append(Treatment("pressure_off_foot", f"{detail} (median); check corners, origin and channels"))
    return found
