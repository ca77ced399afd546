"""Laboratory frame: which of the 24 axis orientations and which length unit a file uses.

The ground frame is X forward, Y up, Z right. What a file states of its axes and unit is often missing or wrong, so the
body, the floor and the force plates decide (`vertical_axis`, `forward_axis`, `length_unit`), and where they leave more
than one answer the frame says so and names the others. The sign of plate forces is no evidence: files hold either the
force on the plate or the reaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d, RawPlate
from mocap_import.frame.body_place import BodyPlaces, body_places
from mocap_import.frame.forward_axis import DIAGONAL, ForwardAxis, body_path, find_forward_axis, travel_of
from mocap_import.frame.length_unit import METRES, UNITS, LengthUnit, find_length_unit
from mocap_import.frame.signed_axis import SIGNED_AXES, axes_name, parse_axes, rotation_to_ground
from mocap_import.frame.vertical_axis import VerticalAxis, find_vertical_axis
from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import Treatment

__all__ = ["METRES", "LabFrame", "find_lab_frame"]
_SAMPLE = 100
"""Frames that are enough to infer unit and axes."""


@dataclass(frozen=True)
class LabFrame:
    """How to turn a file's axes and unit into the ground frame and metres.

    Attributes
    ----------
    rotation : ndarray, shape (3, 3)
        File → ground, a right-handed signed permutation.
    metres_per_unit : float
    confidence : float
        0 to 1: the smaller one of how undisputed the vertical is and the cosine between the direction of walking or
        facing and its axis.
    is_ambiguous : bool
        More than one orientation or unit is possible; what was taken may be wrong.
    detail : str
        The evidence in words.
    alternatives : tuple of str
        What else is possible, as the overrides write it: orientations such as ``"+Y+Z"``, units such as ``"cm"``.
    """

    rotation: np.ndarray
    metres_per_unit: float = 1.0
    confidence: float = 1.0
    is_ambiguous: bool = False
    detail: str = ""
    alternatives: tuple[str, ...] = ()

    @property
    def axes(self) -> str:
        """The file's forward and up axis, e.g. ``"+Y+Z"``."""
        return axes_name(self.rotation)

    @property
    def unit(self) -> str:
        """``"m"``, ``"cm"`` or ``"mm"``."""
        return next(unit for unit, metres in UNITS.items() if metres == self.metres_per_unit)

    @property
    def is_ground(self) -> bool:
        """True if the file is in the ground frame already."""
        return bool(np.allclose(self.rotation, np.eye(3)))

    def to_ground(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in the file's axes and unit → ground frame (m).

        Every ground axis is one of the file's, so each coordinate is one product, without rounding of a sum.
        """
        ground = np.empty(points.shape)
        for axis, row in enumerate(self.rotation):
            source = int(np.abs(row).argmax())
            np.multiply(points[..., source], row[source] * self.metres_per_unit, out=ground[..., axis])
        return ground


def find_lab_frame(
    raw: RawC3d, meaning: MarkerSet | None, *, unit: str | None = None, axes: str | None = None, source: str = ""
) -> tuple[LabFrame, list[Treatment]]:
    """Find a file's axes and length unit.

    Parameters
    ----------
    raw : RawC3d
        Points in file unit and axes, possibly of no markers, with its plates and statements.
    meaning : MarkerSet or None
        What the labels mean; without it the words in the labels are read.
    unit : str, optional
        Override: ``"m"``, ``"cm"`` or ``"mm"``, whatever the file states.
    axes : str, optional
        Override: the file's forward and up axes, e.g. ``"+Y+Z"``.
    source : str, optional
        File name for messages.

    Returns
    -------
    frame : LabFrame
        Right, or `is_ambiguous` with alternatives.
    treatments : list of Treatment
        ``unit_inferred``, ``unit_ambiguous``, ``size_implausible``, ``axes_inferred``, ``axes_ambiguous``,
        ``axes_given``, ``mirrored_suspected``, ``walks_diagonally``, ``walks_backwards``.

    Raises
    ------
    TrialRefused
        An override that names no unit or orientation; no unit stated and no unit makes the sizes those of a person.
    """
    given = None if axes is None else parse_axes(axes, source)
    sample, duration = _sample(raw)
    places = body_places(raw.labels, meaning) if sample.size else BodyPlaces()
    plates = [plate for plate in raw.plates if _is_rectangle(plate)]
    length = find_length_unit(sample, places, plates, raw.unit, unit, source)
    if given is None and not sample.size and not plates:
        rotation, words = np.eye(3), "neither markers nor force plates: nothing to turn"
        return LabFrame(rotation, length.metres_per_unit, 1.0, False, words), []
    sample = sample * length.metres_per_unit
    plates = [replace(plate, corners=plate.corners * length.metres_per_unit) for plate in plates]
    path = body_path(sample, places) if len(sample) > 1 and sample.size else np.zeros((1, 3))
    travel = travel_of(path, duration)
    if given is not None:
        return _given_frame(given, length, find_forward_axis(sample, path, travel, places, given[1], ""))
    return _inferred_frame(sample, path, travel, places, plates, raw.screen, length)


def _inferred_frame(
    sample: np.ndarray,
    path: np.ndarray,
    travel: np.ndarray,
    places: BodyPlaces,
    plates: Sequence[RawPlate],
    screen: tuple[str, str],
    length: LengthUnit,
) -> tuple[LabFrame, list[Treatment]]:
    """The frame that the evidence speaks for; each vertical axis in doubt brings its own forward axis."""
    vertical = find_vertical_axis(sample, travel, places, plates, screen[1])
    forward = find_forward_axis(sample, path, travel, places, vertical.up, screen[0])
    rotation = rotation_to_ground(forward.forward, vertical.up)
    others = _other_orientations(vertical, forward, rotation)
    for number in vertical.rivals:
        up = SIGNED_AXES[number]
        rival = find_forward_axis(sample, path, travel, places, up, screen[0])
        fronts = (rival.forward, *(SIGNED_AXES[k] for k in rival.rivals))
        others += [axes_name(rotation_to_ground(front, up)) for front in fronts]
    confidence = max(0.0, min(vertical.confidence, forward.confidence))
    detail = (
        f"{axes_name(rotation)[:2]} forward ({forward.words}), {axes_name(rotation)[2:]} up ({vertical.words}), "
        f"confidence {confidence:.2f}"
    )
    alternatives = (*dict.fromkeys(others), *length.rivals)
    frame = LabFrame(rotation, length.metres_per_unit, confidence, bool(alternatives), detail, alternatives)
    return frame, [*length.treatments, *_axes_treatments(frame, others), *_motion_treatments(frame, forward)]


def _sample(raw: RawC3d) -> tuple[np.ndarray, float]:
    """Evenly spaced frames (n, n_markers, 3) in which something is seen, and the seconds from first to last."""
    points = raw.points
    if not points.size:
        return points[:0], 0.0
    occupied = np.flatnonzero(np.isfinite(points[:, :, 0]).any(axis=1))
    if not len(occupied):
        return points[:0, :0], 0.0
    chosen = occupied[np.linspace(0, len(occupied) - 1, min(_SAMPLE, len(occupied))).astype(int)]
    return points[chosen], float(chosen[-1] - chosen[0]) / raw.rate


def _is_rectangle(plate: RawPlate) -> bool:
    """True if the corners can be those of a plate: files carry plates of zeros and of random numbers."""
    if not np.isfinite(plate.corners).all():
        return False
    sides = plate.corners - np.roll(plate.corners, 1, axis=0)
    lengths = np.linalg.norm(sides, axis=1)
    if lengths.min() <= 0 or lengths.max() > 10 * lengths.min():
        return False
    opposite = np.abs(lengths[:2] - lengths[2:]).max() < 0.05 * lengths.max()
    return bool(opposite and abs(sides[0] @ sides[1]) < 0.1 * lengths[0] * lengths[1])


def _other_orientations(vertical: VerticalAxis, forward: ForwardAxis, rotation: np.ndarray) -> list[str]:
    """Orientations with the same vertical that are possible too; a mirrored file may also be upside down."""
    others = [axes_name(rotation_to_ground(SIGNED_AXES[number], vertical.up)) for number in forward.rivals]
    if forward.is_mirrored:
        others.append(axes_name(rotation_to_ground(rotation[0], -vertical.up)))
    return others


def _axes_treatments(frame: LabFrame, others: Sequence[str]) -> list[Treatment]:
    """What was done about the axes; a choice that may be wrong gets a key of its own and tells the override."""
    if others:
        named = ", ".join(dict.fromkeys(others))
        override = f"look at the trial and give the right one, for example --axes={frame.axes}"
        return [Treatment("axes_ambiguous", f"{frame.detail}; possible too: {named}; {override}")]
    return [] if frame.is_ground else [Treatment("axes_inferred", frame.detail)]


def _motion_treatments(frame: LabFrame, forward: ForwardAxis) -> list[Treatment]:
    """Mirrored, diagonal and backward bodies."""
    notes = []
    if forward.is_mirrored:
        detail = (
            "left and right markers contradict front and back: labels of the sides are exchanged, or the file's axes "
            "are left-handed"
        )
        notes.append(Treatment("mirrored_suspected", detail))
    if forward.travels and forward.angle > DIAGONAL:
        detail = f"{forward.angle:.0f} degrees off the laboratory's {frame.axes[:2]}, which stays the ground's X"
        notes.append(Treatment("walks_diagonally", detail))
    if forward.walks_backwards:
        notes.append(Treatment("walks_backwards", "travels against the way pelvis and feet face"))
    return notes


def _given_frame(rotation: np.ndarray, length: LengthUnit, forward: ForwardAxis) -> tuple[LabFrame, list[Treatment]]:
    """The frame of an override, with a note if the body faces another axis."""
    name = axes_name(rotation)
    detail = f"{name[:2]} forward, {name[2:]} up, as given"
    if forward.confidence > 0 and not np.allclose(forward.forward, rotation[0]):
        seen = axes_name(rotation_to_ground(forward.forward, rotation[1]))[:2]
        detail += f"; the body: {seen} forward ({forward.words})"
    frame = LabFrame(rotation, length.metres_per_unit, 1.0, bool(length.rivals), detail, length.rivals)
    return frame, [*length.treatments, Treatment("axes_given", detail)]
