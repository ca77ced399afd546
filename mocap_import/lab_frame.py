"""Laboratory frame: which of the 24 axis orientations and which length unit a file uses.

The ground frame is X forward (walking direction), Y up, Z right. What a file states of its axes is often missing
or wrong, so the body decides: feet lie below pelvis and trunk, the pelvis faces forward, the toes lie in front of
the heels, the right side lies to the right, and walkers travel the way they face.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from mocap_import.marker_set import MarkerSet
from mocap_import.trial import Treatment, TrialRefused

METRES = {"m": 1.0, "mete": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0, "cm": 0.01, "mm": 0.001}
_AXES = ("X", "Y", "Z")
_LOW_WORDS = re.compile(r"heel|toe|foot|ank|mt[1-5]|calc", re.IGNORECASE)
_HIGH_WORDS = re.compile(r"head|^c7$|shoulder|acrom|clav|neck|sternum", re.IGNORECASE)
TRAVEL = 0.5
"""Displacement (m) from which on the walking direction is taken from the path."""


@dataclass(frozen=True)
class LabFrame:
    """How to turn a file's axes into the ground frame.

    Attributes
    ----------
    rotation : ndarray, shape (3, 3)
        File → ground, a right-handed signed permutation.
    confidence : float
        Smallest of the two cosines between evidence and chosen axis (up, forward), 0 to 1; below 0.7 look twice.
    detail : str
        The evidence in words.
    """

    rotation: np.ndarray
    confidence: float
    detail: str

    @property
    def is_ground(self) -> bool:
        """True if the file is in the ground frame already."""
        return bool(np.allclose(self.rotation, np.eye(3)))


def length_unit(points: np.ndarray, stated: str, source: str) -> tuple[float, list[Treatment]]:
    """Metres per file unit, checked against the size of a person.

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_markers, 3)
        File unit, NaN = occluded.
    stated : str
        POINT:UNITS in lower case, ``""`` if missing.
    source : str
        File name for the message.

    Returns
    -------
    factor : float
    treatments : list of Treatment
        ``unit_inferred`` if the file states none or an impossible one.
    """
    factor = METRES.get(stated)
    # Spread of the markers about their middle in each frame, robust against a few ghosts: person 0.2 to 1 m.
    middle = np.nanmedian(points, axis=1, keepdims=True)
    spread = 2.0 * float(np.nanpercentile(np.linalg.norm(points - middle, axis=2), 90))
    if factor is not None and 0.15 < spread * factor < 3.5:
        return factor, []
    for unit, candidate in (("mm", 0.001), ("m", 1.0), ("cm", 0.01)):
        if 0.4 < spread * candidate < 3.0:
            reason = f"the file states {stated!r}" if stated else "the file states no unit"
            detail = f"{reason}; markers spread over {spread:.3g} units, so the unit is taken as {unit}"
            return candidate, [Treatment("unit_inferred", detail)]
    if factor is not None:
        return factor, [
            Treatment("size_implausible", f"markers spread over {spread * factor:.2g} m in unit {stated!r}")
        ]
    raise TrialRefused(
        f"{source}: no length unit in the file and markers spread over {spread:.3g} units fit neither m, cm nor mm "
        "of a person; write POINT:UNITS into the file."
    )


def infer_lab_frame(
    points: np.ndarray, labels: tuple[str, ...], marker_set: MarkerSet | None, screen: tuple[str, str] = ("", "")
) -> LabFrame:
    """Find the axes of a file from the body in it.

    Parameters
    ----------
    points : ndarray, shape (n_frames, n_markers, 3)
        m, file axes, NaN = occluded.
    labels : tuple of str
    marker_set : MarkerSet or None
        Without it only the shape of the cloud and the file's statements remain, and the confidence says so.
    screen : tuple of str
        POINT:X_SCREEN and Y_SCREEN.

    Returns
    -------
    LabFrame
    """
    places = _body_places(points, labels, marker_set)
    up, up_evidence, up_words = _up(points, places, screen)
    forward_evidence, words = _forward(points, places, up)
    flat = forward_evidence - (forward_evidence @ up) * up
    candidates = [sign * np.eye(3)[k] for k in range(3) for sign in (1.0, -1.0) if abs(up[k]) < 0.5]
    if np.linalg.norm(flat) > 0:
        flat /= np.linalg.norm(flat)
        forward = max(candidates, key=lambda axis: axis @ flat)
        cosine = float(forward @ flat)
    else:
        named = _axis(screen[0])
        forward = named if named is not None and abs(named @ up) < 0.5 else candidates[0]
        cosine = 0.0
    rotation = np.stack([forward, up, np.cross(forward, up)])
    confidence = max(0.0, min(up_evidence, cosine))
    detail = f"{_name(forward)} forward ({words}), {_name(up)} up ({up_words}), confidence {confidence:.2f}"
    return LabFrame(rotation, confidence, detail)


def _body_places(points: np.ndarray, labels: tuple[str, ...], marker_set: MarkerSet | None) -> dict[str, np.ndarray]:
    """Mean position (n_frames, 3) of each segment and landmark that is there."""
    if marker_set is None:
        places = {}
        for name, pattern in (("low", _LOW_WORDS), ("high", _HIGH_WORDS)):
            columns = [k for k, label in enumerate(labels) if pattern.search(label)]
            if columns:
                places[name] = _mean_seen(points[:, columns])
        return {name: place for name, place in places.items() if np.isfinite(place).any()}
    present = marker_set.for_labels(labels)
    column = {label: k for k, label in enumerate(labels)}
    places = {mark: points[:, column[label]] for mark, label in present.landmarks.items()}
    for segment, marks in present.segments.items():
        places[segment] = _mean_seen(points[:, [column[mark] for mark in marks]])
    return {name: place for name, place in places.items() if np.isfinite(place).any()}


def _mean_seen(stack: np.ndarray) -> np.ndarray:
    """Mean (n_frames, 3) of the markers of (n_frames, n, 3) that are seen, NaN where none is."""
    seen = np.isfinite(stack[:, :, 0])
    return np.nansum(stack, axis=1) / np.where(seen.any(axis=1), seen.sum(axis=1), np.nan)[:, None]


def _up(points: np.ndarray, places: dict[str, np.ndarray], screen: tuple[str, str]) -> tuple[np.ndarray, float, str]:
    """Up axis (3,), its confidence and the evidence in words."""
    low = [places[name] for name in ("calcn_r", "calcn_l", "low") if name in places]
    high = [places[name] for name in ("pelvis", "torso", "c7", "high") if name in places]
    if low and high:
        direction = _mean_direction(high[0] - np.mean(low, axis=0))
        axis = _nearest_axis(direction)
        # The mean over a stride leans little; a lying person would show here.
        named = "low" not in places
        return (
            axis,
            float(axis @ direction),
            "feet below pelvis" if named else "labels of the foot below those of the head",
        )
    spans = np.nanmedian(np.nanmax(points, axis=1) - np.nanmin(points, axis=1), axis=0)
    stated = _axis(screen[1])
    number = int(np.argmax(np.abs(stated))) if stated is not None else int(np.nanargmax(spans))
    # A laboratory's floor is near zero and bodies are above it.
    sign = 1.0 if np.nanmedian(points[:, :, number]) >= 0 else -1.0
    words = "as the file states, floor at zero" if stated is not None else "longest side of the body, floor at zero"
    return sign * np.eye(3)[number], 0.6 if stated is not None else 0.5, words


def _forward(points: np.ndarray, places: dict[str, np.ndarray], up: np.ndarray) -> tuple[np.ndarray, str]:
    """Forward direction (3,), zero if nothing tells, and the evidence in words."""
    facing = np.zeros(3)
    pairs = [("psis_r", "asis_r"), ("psis_l", "asis_l"), ("sacrum", "asis_r"), ("sacrum", "asis_l")]
    pairs += [("heel_r", "toe_r"), ("heel_l", "toe_l"), ("heel_r", "metatarsal_5_r"), ("heel_l", "metatarsal_5_l")]
    for back, front in pairs:
        if back in places and front in places:
            facing += _flat_unit(np.nanmean(_at_start(places[front] - places[back]), axis=0), up)
    sides = [("asis_l", "asis_r"), ("femur_l", "femur_r"), ("tibia_l", "tibia_r")]
    for left, right in sides:
        if left in places and right in places:
            facing += np.cross(up, _flat_unit(np.nanmean(_at_start(places[right] - places[left]), axis=0), up))
    body = places.get("pelvis")
    if body is None:
        body = np.nanmedian(points, axis=1)
    seen = body[np.isfinite(body).all(axis=1)]
    path = seen[-1] - seen[0] if len(seen) > 1 else np.zeros(3)
    path = path - (path @ up) * up
    distance = float(np.linalg.norm(path))
    if distance < TRAVEL:
        return _flat_unit(facing, up), "pelvis and feet face it" if facing.any() else "nothing tells, first axis taken"
    if facing.any() and _flat_unit(facing, up) @ path / distance < 0.5:
        # A turn, a sideways or a backward walk: the body's front at the start is what stays meaningful.
        return _flat_unit(facing, up), f"pelvis and feet face it at the start; the path of {distance:.1f} m turns away"
    return path / distance, f"travels {distance:.1f} m"


def _at_start(values: np.ndarray) -> np.ndarray:
    """First third of a trial that is seen: before a turn."""
    seen = values[np.isfinite(values).all(axis=1)]
    return seen[: max(1, len(seen) // 3)] if len(seen) else np.zeros((1, 3))


def _flat_unit(vector: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Horizontal part of a vector, unit length; zero stays zero."""
    flat = vector - (vector @ up) * up
    length = np.linalg.norm(flat)
    return flat / length if length > 1e-9 else np.zeros(3)


def _mean_direction(vectors: np.ndarray) -> np.ndarray:
    """Unit vector (3,) along the mean of vectors (n, 3)."""
    mean = np.nanmean(vectors, axis=0)
    return mean / np.linalg.norm(mean)


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    """Signed unit axis nearest to a direction."""
    number = int(np.argmax(np.abs(direction)))
    return np.sign(direction[number]) * np.eye(3)[number]


def _axis(text: str) -> np.ndarray | None:
    """``"+Z"`` → (0, 0, 1); None if it is no axis."""
    text = text.strip().upper()
    if len(text) != 2 or text[0] not in "+-" or text[1] not in _AXES:
        return None
    return (1.0 if text[0] == "+" else -1.0) * np.eye(3)[_AXES.index(text[1])]


def _name(axis: np.ndarray) -> str:
    """(0, 0, 1) → ``"+Z"``."""
    number = int(np.argmax(np.abs(axis)))
    return f"{'+' if axis[number] > 0 else '-'}{_AXES[number]}"
