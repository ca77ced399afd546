"""A virtual laboratory: its labels, units, axes, marker habits and force plates.

Two laboratories with the habits of real ones. The *overground* one is Z-up, in millimetres, with Plug-in-Gait-like
labels and two type-2 plates at 1000 Hz. The *treadmill* one is Y-up, in metres, with rigid marker clusters, one type-4
plate under the belt and the belt's speed in the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import landmark_markers
from opensim_models.model.skeleton import SkeletonMarker

PLATE_SIZE = (0.60, 0.50)
"""Length along and width across the walkway (m) of an overground plate."""
PLATE_DISTANCE = 0.66
BELT_SIZE = (1.80, 0.80)


@dataclass(frozen=True)
class Laboratory:
    """How a laboratory records.

    Attributes
    ----------
    name : str
    marker_set : str
    labels : tuple of str
        Markers it sticks on a person; those that the marker set counts to no segment are for the static trial only.
    unit : str
        Of its files.
    axes : tuple
        Rotation ground → file axes, row by row.
    rate, force_rate : float
        Hz.
    treadmill : bool
    soft_tissue : float
        RMS (m) of the slow marker movement on the skin, per axis.
    misplacement : float
        SD (m) of a marker's position on its landmark, per axis.
    gaps : int
        Occlusions per trial.
    """

    name: str
    marker_set: str
    labels: tuple[str, ...]
    unit: str
    axes: tuple[tuple[float, ...], ...]
    rate: float
    force_rate: float
    treadmill: bool
    soft_tissue: float = 0.0015
    misplacement: float = 0.001
    gaps: int = 6


def _both_sides(*labels: str) -> tuple[str, ...]:
    return tuple(side + label for label in labels for side in "RL")


OVERGROUND = Laboratory(
    "overground_laboratory",
    "plug_in_gait",
    (
        *_both_sides("ASI", "PSI", "THI", "THAP", "KNE", "KNM", "TIB", "TUB", "ANK", "MMA", "HEE", "TOE", "D5M"),
        *("C7", "T10", "CLAV", "STRN"),
    ),
    "mm",
    ((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    100.0,
    1000.0,
    treadmill=False,
)
TREADMILL = Laboratory(
    "treadmill_laboratory",
    "segment_clusters",
    (
        *_both_sides(
            "ASIS", "PSIS", "KNL", "KNM", "ANL", "ANM", "TH1", "TH2", "TH3", "TH4", "SK1", "SK2", "SK3", "SK4"
        ),
        *_both_sides("FT1", "FT2", "FT3"),
        *("C7", "CLAV", "PEL1", "PEL2", "PEL3", "PEL4", "TRK1", "TRK2", "TRK3"),
    ),
    "m",
    ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
    100.0,
    1000.0,
    treadmill=True,
)


def person_markers(laboratory: Laboratory, subject: Subject, rng: np.random.Generator) -> tuple[SkeletonMarker, ...]:
    """Stick a laboratory's markers on a person.

    A label that the marker set ties to a landmark sits there; any other label of a segment is a technical marker and
    sits on a ring around it.

    Parameters
    ----------
    laboratory : Laboratory
    subject : Subject
    rng : Generator
        Draws the misplacement.

    Returns
    -------
    tuple of SkeletonMarker
        Named by the labels of the marker set.
    """
    marker_set = load_marker_set(laboratory.marker_set).for_labels(laboratory.labels)
    landmarks = {m.name: m for m in landmark_markers(subject.height)}
    landmark_of = {label: name for name, label in marker_set.landmarks.items()}
    markers = {}
    for landmark, label in marker_set.landmarks.items():
        if landmark in landmarks:
            markers[label] = replace(landmarks[landmark], name=label)
    for segment, labels in marker_set.segments.items():
        technical = [label for label in labels if label not in landmark_of]
        for k, label in enumerate(technical):
            markers[label] = SkeletonMarker(label, segment, _ring(segment, k, len(technical), subject.height))
    return tuple(
        replace(
            m, offset=tuple(float(x) for x in np.array(m.offset) + rng.normal(scale=laboratory.misplacement, size=3))
        )
        for m in markers.values()
    )


def _ring(segment: str, k: int, count: int, height: float) -> tuple[float, float, float]:
    """Place the k-th of so many technical markers on a segment: staggered over its outer side."""
    outward = -1.0 if segment.endswith("_l") else 1.0
    angle = math.pi * (k + 0.5) / max(count, 1) - math.pi / 2
    along = {"pelvis": 0.05, "torso": 0.15}.get(segment, -0.03 if segment.startswith("calcn") else -0.12)
    radius = {"pelvis": 0.07, "torso": 0.07}.get(segment, 0.03 if segment.startswith("calcn") else 0.055)
    forward = 0.03 if segment.startswith("calcn") else 0.0
    stagger = 0.03 * (-1) ** k if not segment.startswith("calcn") else 0.01 * (-1) ** k
    back = -1.0 if segment in ("pelvis", "torso") else 1.0
    x = forward + radius * math.sin(angle) if back > 0 else -radius * math.cos(angle)
    z = outward * radius * math.cos(angle) if back > 0 else radius * math.sin(angle)
    return x * height, (along + stagger) * height, z * height


def _plate(number: int, place: float, size: tuple[float, float], kind: int) -> ForcePlate:
    """Lay a plate into the walkway: its x along the walk, its y to the right, its z down."""
    along, across = size[0] / 2, size[1] / 2
    signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    corners = np.array([(place + a * along, 0.0, b * across) for a, b in signs])
    calibration = np.diag([500.0, 500.0, 1000.0, 800.0, 400.0, 400.0]) if kind == 4 else None
    return ForcePlate(kind, corners, np.array([0.0, 0.0, -0.04]), calibration, f"plate {number}")


def plates_of(laboratory: Laboratory) -> tuple[ForcePlate, ...]:
    """Force plates of a laboratory, ground frame."""
    if laboratory.treadmill:
        return (_plate(1, 0.0, BELT_SIZE, 4),)
    return tuple(_plate(k + 1, place, PLATE_SIZE, 2) for k, place in enumerate((0.0, PLATE_DISTANCE)))
