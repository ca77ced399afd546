"""Vertical axis: which of a file's six signed axes points up, from independent pieces of evidence.

Weights are counted in votes. An axis is taken as certain from `CERTAIN` votes on, `MARGIN` ahead of the next, so that
no single piece is enough: a standing body is a lying body in another laboratory, and what a file states of its screen
is often wrong. One case is beyond all evidence: a body that lies still with its feet at the laboratory's zero, without
plates and without a statement, is taken for a standing one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.c3d.raw_c3d import RawPlate
from mocap_import.frame.body_place import BodyPlaces, mean_seen
from mocap_import.frame.signed_axis import AXIS_NAMES, SIGNED_AXES, axis_number

CERTAIN = 2.75
MARGIN = 1.5
BODY, PLATE, ABOVE_PLATE, CORNER_ORDER, FLOOR, WALK, SCREEN, LONGEST = 2.0, 2.0, 1.0, 0.5, 1.0, 1.0, 1.5, 1.0
FLOOR_HEIGHT = (-0.04, 0.15)
"""Height (m) of the lowest markers over a floor at zero."""


@dataclass(frozen=True)
class Evidence:
    """What one observation says: votes (6,) for the `SIGNED_AXES`, and in words."""

    votes: np.ndarray
    words: str


@dataclass(frozen=True)
class VerticalAxis:
    """The axis decided on.

    Attributes
    ----------
    up : ndarray, shape (3,)
        Signed axis of the file.
    confidence : float
        0 to 1; 0.75 and more if the axis is certain, 1 if it is twice `MARGIN` ahead.
    rivals : tuple of int
        Rows of `SIGNED_AXES` that are possible too; empty if the axis is certain.
    words : str
    """

    up: np.ndarray
    confidence: float
    rivals: tuple[int, ...]
    words: str


def find_vertical_axis(
    sample: np.ndarray, travel: np.ndarray, places: BodyPlaces, plates: Sequence[RawPlate], screen: str
) -> VerticalAxis:
    """The axis that points up.

    Parameters
    ----------
    sample : ndarray, shape (n_frames, n_markers, 3)
        m, file axes, NaN = occluded.
    travel : ndarray, shape (3,)
        Displacement (m) of a body that travels, else zero.
    places : BodyPlaces
    plates : sequence of RawPlate
        Plausible ones, corners in m.
    screen : str
        POINT:Y_SCREEN.
    """
    found = [
        *_body_evidence(sample, travel, places),
        *_plate_evidence(sample, plates),
        *_floor_evidence(sample, places),
        *_stated_evidence(screen),
    ]
    if not places.feet:
        found += _shape_evidence(sample)
    votes = np.sum([evidence.votes for evidence in found], axis=0) if found else np.zeros(6)
    order = np.argsort(-votes, kind="stable")
    best, second = votes[order[0]], votes[order[1]]
    certain = best >= CERTAIN and best - second >= MARGIN
    rivals = () if certain else tuple(int(k) for k in order[1:] if votes[k] > 0 and best - votes[k] < 2 * MARGIN)
    if not certain and not rivals:
        rivals = tuple(int(k) for k in order[1:])
    said = [evidence.words for evidence in found if evidence.votes[order[0]] == evidence.votes.max()]
    against = [evidence.words for evidence in found if evidence.votes[order[0]] <= 0]
    words = ", ".join(said) or "nothing tells"
    if against:
        words += f"; against it: {', '.join(against)}"
    confidence = min(1.0, best / CERTAIN) * min(1.0, 0.5 + 0.25 * (best - second) / MARGIN)
    if not certain:
        confidence = min(confidence, 0.6)
    return VerticalAxis(SIGNED_AXES[order[0]], float(confidence), rivals, words)


def _body_evidence(sample: np.ndarray, travel: np.ndarray, places: BodyPlaces) -> list[Evidence]:
    """Feet below pelvis or trunk; a body that travels across its long axis walks upright."""
    higher = places.pelvis or places.trunk
    if not places.feet or not higher:
        return []
    vectors = mean_seen(sample, higher) - mean_seen(sample, places.feet)
    vectors = vectors[np.isfinite(vectors[:, 0])]
    if not len(vectors):
        return []
    direction = vectors.mean(axis=0)
    length = np.linalg.norm(direction)
    if length < 1e-9:
        return []
    direction /= length
    votes = BODY * np.maximum(SIGNED_AXES @ direction, 0.0)
    part = "pelvis" if places.pelvis else "head or trunk"
    found = [Evidence(votes, f"feet below {part}")]
    distance = np.linalg.norm(travel)
    if distance > 0 and abs(travel @ direction) < 0.35 * distance:
        best = np.arange(6) == np.argmax(votes)
        found.append(Evidence(WALK * best, "walks upright"))
    return found


def _plate_evidence(sample: np.ndarray, plates: Sequence[RawPlate]) -> list[Evidence]:
    """Corners lie in the floor, the body is above it, and numbered as the C3D guide asks they say where down is."""
    if not plates:
        return []
    votes = np.array([SIGNED_AXES @ plate_normal(plate) for plate in plates])
    down = votes.mean(axis=0)
    number = int(np.argmax(np.abs(down[:3])))
    if abs(down[number]) < 0.9:
        return []
    level = float(np.mean([plate.corners[:, number].mean() for plate in plates]))
    along = (np.arange(6) % 3 == number).astype(float)
    found = [Evidence(PLATE * along, f"force plates lie across {AXIS_NAMES[number][1]}")]
    found.append(Evidence(CORNER_ORDER * along * (SIGNED_AXES @ np.eye(3)[number] * down[number] < 0), "corner order"))
    heights = sample[:, :, number]
    heights = heights[np.isfinite(heights)] - level
    if len(heights):
        low, high = np.percentile(heights, [3, 97])
        for sign, reach in ((1.0, low), (-1.0, -high)):
            # On one side of the floor only: a thin slab about it would be on both.
            if reach > -0.1 and max(-low, high) > 0.15:
                found.append(Evidence(ABOVE_PLATE * along * (SIGNED_AXES[:, number] == sign), "body above the plates"))
    return found


def plate_normal(plate: RawPlate) -> np.ndarray:
    """Unit normal (3,) of a plate's surface, plate x × plate y: down for corners numbered as the C3D guide asks."""
    first, second, third, fourth = plate.corners
    normal = np.cross(first + fourth - second - third, first + second - third - fourth)
    return normal / np.linalg.norm(normal)


def _floor_evidence(sample: np.ndarray, places: BodyPlaces) -> list[Evidence]:
    """The lowest markers, those of the feet if they are known, are at about zero."""
    values = sample[:, list(places.feet)] if places.feet else sample
    values = values[np.isfinite(values[:, :, 0])]
    if len(values) < 3:
        return []
    low, middle, high = np.percentile(values, [2, 50, 98], axis=0)
    lowest, middle = np.concatenate([low, -high]), np.concatenate([middle, -middle])
    near = (lowest > FLOOR_HEIGHT[0]) & (lowest < FLOOR_HEIGHT[1]) & (middle > 0)
    return [Evidence(FLOOR * near, "floor at zero")] if near.any() else []


def _stated_evidence(screen: str) -> list[Evidence]:
    """What the file states of its screen; many laboratories never set it."""
    number = axis_number(screen)
    return [] if number is None else [Evidence(SCREEN * (np.arange(6) == number), f"the file states {screen.upper()}")]


def _shape_evidence(sample: np.ndarray) -> list[Evidence]:
    """The longest side of a body that keeps its length; steps of the feet would not keep it."""
    seen = sample[np.isfinite(sample[:, :, 0]).sum(axis=1) >= 4]
    if len(seen) == 0:
        return []
    extents = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)
    middle = np.median(extents, axis=0)
    number = int(np.argmax(middle))
    others = np.delete(middle, number)
    if middle[number] < 0.5 or middle[number] < 1.3 * others.max():
        return []
    if np.subtract(*np.percentile(extents[:, number], [75, 25])) > 0.1 * middle[number]:
        return []
    return [Evidence(LONGEST * (np.arange(6) % 3 == number), "longest side of the body")]
