"""Plate step: one contact with a plate, whose foot made it, and whether its forces are those of that foot alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.plate.force_plate import ForcePlate
from mocap_import.trial import GroundReaction, PlateStep

SIDES = (("right", "r"), ("left", "l"))
FARTHEST_STEP = 0.10
"""Distance (m) from centre of pressure to the heel-toe line beyond which a step is not usable: half a shoe's width
is 5 cm, and the toes reach 5 cm past the toe marker."""
EDGE = 0.02
"""Distance (m) by which a marker or the load may lie outside the plate."""
HEEL_EDGE = 0.04
"""The same for a heel marker: it stands 1 to 2 cm behind the heel, whose round end meets the floor 2 cm further in."""
LEAST_PEAK = 0.5
"""Share of body weight that a whole step reaches; a foot that shares its load with another surface does not."""
OTHER_FOOT = 0.10
"""Share of a contact during which the other foot may rest on the plate."""
CUT = ("begins before the recording", "ends after the recording", "is loaded through the whole recording")
"""Reasons that cut a step short and leave its forces what they are."""
_PLACES = ("heel", "toe", "metatarsal_1", "metatarsal_5")
_STILL, _LIFTED = 0.3, 0.03


@dataclass(frozen=True)
class PlateContact:
    """A stretch of samples in which a plate is loaded.

    Attributes
    ----------
    plate : int
        Index of the plate.
    start, stop : int
        Samples.
    foot : str
        ``"right"``, ``"left"``, ``"both"`` or ``"unknown"``.
    distance : float
        Load-weighted mean distance (m) from centre of pressure to the nearest foot, NaN without foot markers.
    """

    plate: int
    start: int
    stop: int
    foot: str = "unknown"
    distance: float = float("nan")


def plate_steps(
    found: Sequence[PlateContact],
    reactions: Sequence[GroundReaction],
    plates: Sequence[ForcePlate],
    landmarks: Mapping[str, np.ndarray],
    marker_rate: float,
    on_treadmill: bool,
    body_weight: float,
) -> list[PlateStep]:
    """Every contact as a step, with the reasons where it is not usable.

    Parameters
    ----------
    found : sequence of PlateContact
    reactions : sequence of GroundReaction
        One per plate, before any was split.
    plates : sequence of ForcePlate
    landmarks : mapping
        Landmark → (n_frames, 3) m.
    marker_rate : float
        Hz.
    on_treadmill : bool
    body_weight : float
        N, NaN if unknown.

    Returns
    -------
    list of PlateStep
        In order of time; one foot on two plates at once is one step of ``"plate 1 + plate 2"``.
    """
    outlines = {
        (k, foot): _outline(plate, landmarks, side)
        for k, plate in enumerate(plates)
        for foot, side in SIDES
        if any(contact.plate == k for contact in found)
    }
    rests = {foot: _resting(landmarks, side, marker_rate) for foot, side in SIDES} if not on_treadmill else {}
    beyond = {k: _pressure_beyond(reactions[k], plates[k]) for k in {contact.plate for contact in found}}
    steps = []
    for group in _joined(found, on_treadmill):
        reasons: list[str] = []
        for contact in group:
            reasons += _contact_reasons(contact, reactions[contact.plate], plates[contact.plate], beyond[contact.plate])
        foot = group[0].foot
        if foot in ("right", "left"):
            frames = _middle_frames(group, reactions, marker_rate)
            reasons += _outside([outlines[contact.plate, foot] for contact in group], frames)
            if rests:
                reasons += _other_foot(group, reactions, plates, rests[_opposite(foot)], marker_rate)
        reasons += _light(group, reactions, body_weight)
        steps.append(_step(group, reactions, plates, reasons))
    return sorted(steps, key=lambda step: step.start)


def _step(
    group: Sequence[PlateContact],
    reactions: Sequence[GroundReaction],
    plates: Sequence[ForcePlate],
    reasons: Sequence[str],
) -> PlateStep:
    """The contacts of one foot as one step, usable if nothing speaks against it."""
    return PlateStep(
        plate=" + ".join(plates[contact.plate].name for contact in group),
        foot=group[0].foot,
        start=min(contact.start / reactions[contact.plate].rate for contact in group),
        stop=max(contact.stop / reactions[contact.plate].rate for contact in group),
        usable=not reasons,
        reason="; ".join(dict.fromkeys(reasons)),
    )


def _light(group: Sequence[PlateContact], reactions: Sequence[GroundReaction], body_weight: float) -> list[str]:
    """Whether a step carries too little of a known body weight (N) to be a whole one."""
    if not body_weight > 0 or _endless(group, reactions):
        return []
    peak = _peak(group, reactions)
    return [f"peak force {peak:.0f} N is below half of body weight"] if peak < LEAST_PEAK * body_weight else []


def holds_whole_force(step: PlateStep) -> bool:
    """True if the plate shows the force of this foot and of nothing else, though perhaps not from strike to off."""
    return step.usable or all(reason in CUT for reason in step.reason.split("; "))


def _joined(found: Sequence[PlateContact], on_treadmill: bool) -> list[list[PlateContact]]:
    """Contacts of one foot on several plates at the same time, together."""
    if on_treadmill or len({contact.plate for contact in found}) < 2:
        return [[contact] for contact in found]
    groups: list[list[PlateContact]] = []
    for contact in found:
        for group in groups:
            first = group[0]
            common = min(contact.stop, first.stop) - max(contact.start, first.start)
            if (
                contact.foot == first.foot
                and contact.foot in ("right", "left")
                and all(other.plate != contact.plate for other in group)
                and common > 0.5 * min(contact.stop - contact.start, first.stop - first.start)
            ):
                group.append(contact)
                break
        else:
            groups.append([contact])
    return groups


def beyond_edges(plate: ForcePlate, place: np.ndarray) -> np.ndarray:
    """How far (m) places (n, 3) lie beyond the nearest edge of a plate, seen from above; negative inside."""
    # Axis by axis: a product with one vector reads a marker's column in place, thrice as fast as with a matrix.
    along, across = (
        np.abs(place @ axis - plate.centre @ axis) - half
        for axis, half in zip(plate.axes.T[:2], plate.half_size, strict=True)
    )
    return np.maximum(along, across)


def _pressure_beyond(reaction: GroundReaction, plate: ForcePlate) -> np.ndarray:
    """Running counts (n_samples + 1, 2) of well loaded samples and of those with the load outside the plate."""
    heavy = reaction.force[:, 1] > 100.0
    outside = heavy & (beyond_edges(plate, reaction.centre_of_pressure) > EDGE)
    return np.concatenate([np.zeros((1, 2), dtype=int), np.stack([heavy, outside], axis=1).cumsum(axis=0)])


def _contact_reasons(
    contact: PlateContact, reaction: GroundReaction, plate: ForcePlate, beyond: np.ndarray
) -> list[str]:
    """What one contact tells against itself."""
    reasons = []
    begins, ends = contact.start <= 1, contact.stop >= len(reaction.force) - 1
    if begins or ends:
        reasons.append(CUT[2] if begins and ends else CUT[0] if begins else CUT[1])
    if contact.foot == "both":
        reasons.append("both feet load the plate")
    elif contact.foot == "unknown":
        near = f"no foot within reach ({100 * contact.distance:.0f} cm)"
        reasons.append(near if contact.distance == contact.distance else "no heel and toe markers to tell the foot")
    elif contact.distance > FARTHEST_STEP:
        reasons.append(f"centre of pressure {100 * contact.distance:.0f} cm from the foot")
    heavy, outside = beyond[contact.stop] - beyond[contact.start]
    if outside > 0.05 * heavy:
        reasons.append(f"centre of pressure outside the plate for {100 * outside / heavy:.0f} % of the contact")
    if any(start < contact.stop and stop > contact.start for start, stop in plate.saturated):
        reasons.append("a channel of the plate is saturated")
    return reasons


def _outline(plate: ForcePlate, landmarks: Mapping[str, np.ndarray], side: str) -> dict[str, np.ndarray]:
    """How far (m) each mark of a foot lies outside a plate in each frame (n_frames,), negative inside."""
    outside = {}
    for place in _PLACES:
        name = f"{place}_{side}"
        if name in landmarks:
            outside[place] = beyond_edges(plate, landmarks[name])
    return outside


def _middle_frames(
    group: Sequence[PlateContact], reactions: Sequence[GroundReaction], marker_rate: float
) -> tuple[int, int]:
    """Marker frames (start, stop) from 20 to 50 % of a contact, in which the foot is flat."""
    rate = reactions[group[0].plate].rate
    start, stop = min(contact.start for contact in group), max(contact.stop for contact in group)
    first = int((start + 0.2 * (stop - start)) * marker_rate / rate)
    return first, max(first + 1, int((start + 0.5 * (stop - start)) * marker_rate / rate))


def _outside(outlines: Sequence[Mapping[str, np.ndarray]], frames: tuple[int, int]) -> list[str]:
    """Marks of the foot beside all plates of the step."""
    for place, path in outlines[0].items():
        beyond = path[slice(*frames)]
        for outline in outlines[1:]:
            beyond = np.minimum(beyond, outline[place][slice(*frames)])
        if len(beyond) == 0:
            continue
        far = float(np.add.reduce(beyond)) / len(beyond)
        if far > (HEEL_EDGE if place == "heel" else EDGE):
            return [f"{place.replace('_', ' ')} {100 * far:.0f} cm beside the plate"]
    return []


def _resting(landmarks: Mapping[str, np.ndarray], side: str, marker_rate: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Marks of a foot, each with the frames in which it rests on the floor: (n_frames, 3), (n_frames,) bool."""
    found = []
    for place in ("heel", "toe"):
        path = landmarks.get(f"{place}_{side}")
        if path is None or len(path) < 3 or not np.isfinite(path).any():
            continue
        speed = np.linalg.norm(np.gradient(path, 1.0 / marker_rate, axis=0), axis=1)
        with np.errstate(invalid="ignore"):
            low = path[:, 1] < np.nanpercentile(path[:, 1], 10) + _LIFTED
            found.append((path, low & (speed < _STILL)))
    return found


def _other_foot(
    group: Sequence[PlateContact],
    reactions: Sequence[GroundReaction],
    plates: Sequence[ForcePlate],
    resting: Sequence[tuple[np.ndarray, np.ndarray]],
    marker_rate: float,
) -> list[str]:
    """Whether the other foot rests on the plate as well for a part of the contact."""
    for contact in group:
        plate = plates[contact.plate]
        ratio = marker_rate / reactions[contact.plate].rate
        frames = slice(int(contact.start * ratio), int(np.ceil(contact.stop * ratio)))
        there = None
        for path, still in resting:
            local = np.abs((path[frames] - plate.centre) @ plate.axes[:, :2])
            inside = (local < plate.half_size - EDGE).all(axis=1) & still[frames]
            there = inside if there is None else there | inside
        if there is not None and len(there) and there.mean() > OTHER_FOOT:
            return [f"the other foot rests on the plate for {100 * there.mean():.0f} % of the contact"]
    return []


def _peak(group: Sequence[PlateContact], reactions: Sequence[GroundReaction]) -> float:
    """Highest vertical force (N) of a step, all plates together."""
    start, stop = min(contact.start for contact in group), max(contact.stop for contact in group)
    total = sum(reactions[contact.plate].force[start:stop, 1] for contact in group)
    return float(np.nanmax(total))


def _endless(group: Sequence[PlateContact], reactions: Sequence[GroundReaction]) -> bool:
    """True if the contact fills the recording: standing, whose peak says nothing."""
    return all(c.start <= 1 and c.stop >= len(reactions[c.plate].force) - 1 for c in group)


def _opposite(foot: str) -> str:
    return "left" if foot == "right" else "right"


def only(reaction: GroundReaction, foot: str, mine: Sequence[PlateContact]) -> GroundReaction:
    """The record of one foot: no load outside its contacts."""
    inside = np.zeros(len(reaction.force), dtype=bool)
    for contact in mine:
        inside[contact.start : contact.stop] = True
    return replace(
        reaction,
        force=np.where(inside[:, None], reaction.force, 0.0),
        centre_of_pressure=np.where(inside[:, None], reaction.centre_of_pressure, np.nan),
        free_moment=np.where(inside, reaction.free_moment, np.nan),
        foot=foot,
        name=f"{reaction.name} ({foot})",
    )
