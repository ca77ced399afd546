"""Quality: whether a trial can be a person under gravity; doubts are recorded, never repaired here."""

from __future__ import annotations

import math

import numpy as np

from mocap_import.marker.marker_set import MarkerSet, landmark_positions
from mocap_import.plate.contact import contacts, foot_distances
from mocap_import.quality.body_weight import check_weight
from mocap_import.trial import MarkerTrial, Treatment

PRESSURE_TOLERANCE = 0.1
"""Distance (m) from centre of pressure to foot that is reported."""
PSIS = frozenset({"psis_r", "psis_l"})
LOWER_LIMB_LANDMARKS = tuple(f"{joint}_lateral_{side}" for joint in ("knee", "ankle") for side in ("r", "l"))
"""Without them thigh and shank keep the length of a generic person."""
_CONTACTS = 8
"""Contacts of a plate, spread over the trial, that are enough to see a displaced centre of pressure."""


def check_quality(trial: MarkerTrial, marker_set: MarkerSet | None, whole: MarkerSet | None = None) -> list[Treatment]:
    """Doubts about size, landmarks, forces and centre of pressure.

    Parameters
    ----------
    trial : MarkerTrial
    marker_set : MarkerSet or None
        Reduced to the trial's labels.
    whole : MarkerSet, optional
        The same with all its labels; without it the landmarks of a moving trial are not judged.

    Returns
    -------
    list of Treatment
        ``size_implausible``, ``pelvis_incomplete``, ``lower_limb_incomplete``, ``weight_differs``,
        ``pressure_off_foot``.
    """
    found = []
    extent = _extent(trial) if trial.marker_set != "unknown" else math.nan
    if extent < 0.3 or extent > 2.4:
        found.append(
            Treatment("size_implausible", f"markers reach over {extent:.2f} m of height; expected 0.3 to 2.4 m")
        )
    found += _check_landmarks(trial, marker_set, whole)
    found += check_weight(trial, marker_set)
    if marker_set is not None and trial.task != "static":
        found += _check_pressure(trial, marker_set)
    return found


def _check_landmarks(trial: MarkerTrial, marker_set: MarkerSet | None, whole: MarkerSet | None) -> list[Treatment]:
    """What the scaling of a skeleton (`opensim_models.clinical.joint_centre`) will miss.

    A standing trial must hold the landmarks; a moving one only be of a set that names them, as it is tracked by the
    markers that the standing trial attached to its segments.
    """
    own = marker_set if trial.task == "static" else whole
    if marker_set is None or own is None:
        return []
    named = own.landmarks.keys()
    where = "the standing trial lacks" if trial.task == "static" else f"marker set {own.name} names no"
    pelvis = [mark for mark in ("asis_r", "asis_l") if mark not in named]
    if not (named >= PSIS or "sacrum" in named):
        pelvis.append("psis_r and psis_l, or sacrum")
    limb = [mark for mark in LOWER_LIMB_LANDMARKS if mark not in named]
    found = []
    if pelvis:
        detail = f"{where} {', '.join(pelvis)}: `kinesynth motion` can scale no skeleton to it"
        found.append(Treatment("pelvis_incomplete", detail))
    if limb:
        detail = f"{where} {', '.join(limb)}: `kinesynth motion` cannot fit thigh and shank, which stay generic there"
        found.append(Treatment("lower_limb_incomplete", detail))
    return found


def _extent(trial: MarkerTrial) -> float:
    """Median height (m) over which the markers of a frame reach, NaN if no frame shows two."""
    heights = trial.positions[:: max(1, trial.n_frames // 100), :, 1]
    seen = heights[np.isfinite(heights).sum(axis=1) > 1]
    return float(np.median(np.fmax.reduce(seen, axis=1) - np.fmin.reduce(seen, axis=1))) if len(seen) else math.nan


def _check_pressure(trial: MarkerTrial, marker_set: MarkerSet) -> list[Treatment]:
    """Centre of pressure against the foot that is said to load the plate."""
    found = []
    landmarks = landmark_positions(trial, marker_set)
    for reaction in trial.ground_reactions:
        distances = []
        loaded = contacts(reaction.force[:, 1], reaction.rate)
        for start, stop in loaded[:: max(1, -(-len(loaded) // _CONTACTS))]:
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
