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

_CONTACTS = 8
"""Contacts of a plate, spread over the trial, that are enough to see a displaced centre of pressure."""


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
    extent = _extent(trial) if trial.marker_set != "unknown" else math.nan
    if extent < 0.3 or extent > 2.4:
        found.append(
            Treatment("size_implausible", f"markers reach over {extent:.2f} m of height; expected 0.3 to 2.4 m")
        )
    found += check_weight(trial, marker_set)
    if marker_set is not None and trial.task != "static":
        found += _check_pressure(trial, marker_set)
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
