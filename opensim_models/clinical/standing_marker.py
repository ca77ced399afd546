"""Standing markers: where the markers of a standing person are on average, and whether the person stood at all."""

from __future__ import annotations

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import MarkerTrial
from opensim_models.model_mismatch import ModelMismatch

STILL = 0.03
"""Spines of a standing person move less than this (m, standard deviation)."""


def mean_position(static: MarkerTrial, label: str) -> np.ndarray | None:
    """Mean position (3,) of a marker over the frames that show it (m, ground frame); None if there is none."""
    if label not in static.labels:
        return None
    position = static.marker(label)
    seen = np.isfinite(position).all(axis=1)
    return position[seen].mean(axis=0) if seen.any() else None


def mean_landmarks(static: MarkerTrial, marker_set: MarkerSet) -> dict[str, np.ndarray]:
    """Mean position (3,) of each landmark of the marker set that the trial shows (m, ground frame)."""
    places = {
        landmark: mean_position(static, label)
        for landmark, label in marker_set.for_labels(static.labels).landmarks.items()
    }
    return {landmark: place for landmark, place in places.items() if place is not None}


def refuse_motion(static: MarkerTrial, marker_set: MarkerSet) -> None:
    """Refuse a "static" trial in which the pelvis moves.

    Raises
    ------
    ModelMismatch
    """
    meaning = marker_set.for_labels(static.labels)
    for landmark in ("asis_r", "asis_l", "sacrum"):
        label = meaning.landmarks.get(landmark)
        if label is None or mean_position(static, label) is None:
            continue
        wander = float(np.nanstd(static.marker(label), axis=0).max())
        if wander > STILL:
            raise ModelMismatch(
                f"{static.source or static.name}: marker {label} moves by {wander * 100:.0f} cm (standard deviation); "
                "a static trial shows a person standing still. Name another trial as static."
            )
