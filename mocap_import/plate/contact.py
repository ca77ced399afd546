"""Plate contact: when a plate is loaded, and by which foot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap_import.plate.force_plate import ForcePlate
from mocap_import.plate.step import SIDES, PlateContact, only, plate_steps
from mocap_import.stretch import stretches
from mocap_import.trial import GroundReaction, PlateStep, Treatment

CONTACT_ON, CONTACT_OFF = 50.0, 20.0
"""Vertical force (N) that a contact must pass, and the force at which it begins and ends.

20 N is above the noise of every real plate here once its baseline is gone (1 to 10 N on belts) and is passed within
5 ms of foot strike; 50 N keeps the ringing of a neighbouring plate out and lets a child of 10 kg in.
"""
SHORTEST_CONTACT = 0.06
"""Seconds; shorter contacts are noise."""
STANDING_FOOT = 0.4
"""Speed (m/s) of the middle of a foot below which it stands."""
_NUMBERS = {2: "two", 3: "three", 4: "four"}
FARTHEST_FOOT = 0.3
"""Distance (m) from centre of pressure to foot beyond which no foot is named."""


def contacts(vertical: np.ndarray, rate: float) -> list[tuple[int, int]]:
    """Stretches (start, stop) of samples in which a plate is loaded, with hysteresis.

    A contact begins and ends where the force passes `CONTACT_OFF`, and counts if it passes `CONTACT_ON` between.
    """
    force = np.nan_to_num(vertical)
    starts, stops = stretches(force > CONTACT_OFF)
    if not len(starts):
        return []
    peaks = np.maximum.reduceat(force, starts)
    kept = (peaks > CONTACT_ON) & (stops - starts >= SHORTEST_CONTACT * rate)
    return list(zip(starts[kept].tolist(), stops[kept].tolist(), strict=True))


def foot_distances(
    landmarks: Mapping[str, np.ndarray], reaction: GroundReaction, start: int, stop: int, marker_rate: float
) -> dict[str, np.ndarray]:
    """Horizontal distance (m) from the centre of pressure to each foot's heel-toe line.

    Parameters
    ----------
    landmarks : mapping
        Landmark → (n_frames, 3) m; needs ``heel_*`` and ``toe_*``.
    reaction : GroundReaction
    start, stop : int
        Samples of the plate.
    marker_rate : float
        Frames per second (Hz).

    Returns
    -------
    dict
        ``"right"``, ``"left"`` → distances at the marker frames inside, NaN where either is unknown.
    """
    found = {}
    ratio = reaction.rate / marker_rate
    frames = np.arange(int(np.ceil(start / ratio)), int(np.ceil(stop / ratio)))
    for foot, side in SIDES:
        if f"heel_{side}" not in landmarks or f"toe_{side}" not in landmarks:
            continue
        inside = frames[frames < len(landmarks[f"heel_{side}"])]
        samples = np.minimum(np.round(inside * ratio).astype(int), len(reaction.force) - 1)
        place = reaction.centre_of_pressure[samples][:, [0, 2]]
        heel = landmarks[f"heel_{side}"][inside][:, [0, 2]]
        along = landmarks[f"toe_{side}"][inside][:, [0, 2]] - heel
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.clip(((place - heel) * along).sum(axis=1) / (along**2).sum(axis=1), 0.0, 1.0)
        found[foot] = np.linalg.norm(place - heel - share[:, None] * along, axis=1)
    return found


def nearest_foot(
    landmarks: Mapping[str, np.ndarray], reaction: GroundReaction, start: int, stop: int, marker_rate: float
) -> str:
    """The foot nearest to the centre of pressure of one contact, ``"unknown"`` without one within 0.3 m."""
    medians = {
        foot: float(np.nanmedian(values))
        for foot, values in foot_distances(landmarks, reaction, start, stop, marker_rate).items()
        if np.isfinite(values).any()
    }
    foot = min(medians, key=lambda name: medians[name], default="unknown")
    return foot if medians.get(foot, np.inf) < FARTHEST_FOOT else "unknown"


def assign_feet(
    reactions: Sequence[GroundReaction],
    plates: Sequence[ForcePlate],
    landmarks: Mapping[str, np.ndarray],
    marker_rate: float,
    on_treadmill: bool,
    *,
    body_weight: float = float("nan"),
) -> tuple[list[GroundReaction], list[PlateStep], list[Treatment]]:
    """Say of each contact with a plate whose foot made it, and whether it can be used.

    Parameters
    ----------
    reactions, plates : sequences of equal length
    landmarks : mapping
        Landmark → (n_frames, 3) m.
    marker_rate : float
        Frames per second (Hz).
    on_treadmill : bool
        One belt that both feet load in turn stays one record of ``"both"``; of two belts each is the record of the
        foot that makes most of its contacts, and contacts of the other foot (crossing over) become a record apart.
    body_weight : float, optional
        N; a step that never reaches half of it is not usable.

    Returns
    -------
    reactions : list of GroundReaction
        With feet. An overground plate stepped on by one foot after the other becomes two records, each zero outside
        its foot's contacts.
    steps : list of PlateStep
        All contacts in order of time.
    treatments : list of Treatment
        ``plate_split``, ``belt_crossed``, ``plate_silent``, ``plate_shared``.
    """
    named, found, treatments, silent = [], [], [], []
    two_belts = on_treadmill and len(plates) > 1
    for number, (reaction, plate) in enumerate(zip(reactions, plates, strict=True)):
        mine = _contact_feet(number, reaction, plate, landmarks, marker_rate, on_treadmill)
        found += mine
        if not mine:
            silent.append(plate.name)
        counts = Counter(contact.foot for contact in mine)
        if two_belts and counts:
            counts, mine = _belt_side(counts, mine)
        if len(counts) <= 1:
            named.append(replace(reaction, foot=next(iter(counts), "unknown")))
        elif on_treadmill and not two_belts:
            known = set(counts) - {"unknown"}
            named.append(replace(reaction, foot=known.pop() if len(known) == 1 else "both"))
        else:
            words = ", ".join(f"{count} by {foot}" for foot, count in sorted(counts.items()))
            detail = f"{plate.name}: contacts {words}; {_NUMBERS[len(counts)]} records"
            treatments.append(Treatment("belt_crossed" if two_belts else "plate_split", detail))
            named += [only(reaction, foot, [c for c in mine if c.foot == foot]) for foot in sorted(counts)]
    steps = plate_steps(found, reactions, plates, landmarks, marker_rate, on_treadmill, body_weight)
    return named, steps, [*treatments, *_use_notes(silent, steps)]


def _use_notes(silent: Sequence[str], steps: Sequence[PlateStep]) -> list[Treatment]:
    """Plates that nobody stepped on, and steps on two at once."""
    notes = []
    if silent:
        notes.append(Treatment("plate_silent", f"no contact in this recording: {', '.join(silent)}"))
    shared = [step.plate for step in steps if " + " in step.plate]
    if shared:
        notes.append(Treatment("plate_shared", f"one foot on two plates at once: {', '.join(shared)}; joined"))
    return notes


def _belt_side(counts: Counter[str], mine: list[PlateContact]) -> tuple[Counter[str], list[PlateContact]]:
    """Contacts of one belt of two: those of no known foot belong to the foot that makes most of the others."""
    foot = max((name for name in counts if name != "unknown"), key=lambda name: counts[name], default="unknown")
    mine = [replace(contact, foot=foot) if contact.foot == "unknown" else contact for contact in mine]
    return Counter(contact.foot for contact in mine), mine


def _contact_feet(
    number: int,
    reaction: GroundReaction,
    plate: ForcePlate,
    landmarks: Mapping[str, np.ndarray],
    marker_rate: float,
    on_treadmill: bool,
) -> list[PlateContact]:
    """The contacts of one plate with their feet: the foot nearest to the centre of pressure, weighted by the load."""
    loaded = contacts(reaction.force[:, 1], reaction.rate)
    if not loaded:
        return []
    ratio = reaction.rate / marker_rate
    edges = np.ceil(np.array(loaded) / ratio).astype(int)
    distances = foot_distances(landmarks, reaction, 0, len(reaction.force), marker_rate)
    n_frames = min((len(values) for values in distances.values()), default=0)
    samples = np.minimum(np.round(np.arange(n_frames) * ratio).astype(int), len(reaction.force) - 1)
    load = np.maximum(np.nan_to_num(reaction.force[samples, 1]), 0.0)
    edges = np.minimum(edges, n_frames)
    means = {foot: _weighted_mean(values[:n_frames], load, edges) for foot, values in distances.items()}
    share = np.full(len(loaded), np.nan)
    if on_treadmill and len(distances) == 2:
        right, left = distances["right"][:n_frames], distances["left"][:n_frames]
        nearer = np.where(np.isfinite(right) & np.isfinite(left), (right < left).astype(float), np.nan)
        share = _weighted_mean(nearer, np.ones(n_frames), edges)
    found = []
    for k, (start, stop) in enumerate(loaded):
        known = {foot: float(values[k]) for foot, values in means.items() if np.isfinite(values[k])}
        foot = min(known, key=lambda name: known[name], default="unknown")
        distance = known.get(foot, float("nan"))
        if not distance < FARTHEST_FOOT:
            foot = "unknown"
        elif on_treadmill:
            foot = "both" if 0.15 < share[k] < 0.85 else foot
        elif _shared(landmarks, plate, reaction, start, stop, marker_rate):
            foot = "both"
        found.append(PlateContact(number, start, stop, foot, distance))
    return found


def _weighted_mean(values: np.ndarray, weights: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean (n,) of values (n_frames,) by weight within the frames [edges[k, 0], edges[k, 1]); NaN where none is known.

    Parameters
    ----------
    edges : ndarray of int, shape (n, 2)
    """
    known = np.isfinite(values)
    weights = np.where(known, weights, 0.0)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0) * weights)])
    total = np.concatenate([[0.0], np.cumsum(weights)])
    part = total[edges[:, 1]] - total[edges[:, 0]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(part > 0, (sums[edges[:, 1]] - sums[edges[:, 0]]) / part, np.nan)


def _shared(
    landmarks: Mapping[str, np.ndarray],
    plate: ForcePlate,
    reaction: GroundReaction,
    start: int,
    stop: int,
    marker_rate: float,
) -> bool:
    """True if both feet stand on the plate for more than a quarter of a contact."""
    ratio = reaction.rate / marker_rate
    frames = slice(int(start / ratio), int(np.ceil(stop / ratio)))
    half = 0.5 * np.ptp((plate.corners - plate.centre) @ plate.axes, axis=0)[:2]
    standing = []
    for _, side in SIDES:
        if f"heel_{side}" not in landmarks or f"toe_{side}" not in landmarks:
            return False
        # The middle of the foot: a toe that leaves the plate before does not share it, a swinging foot moves.
        middle = 0.5 * (landmarks[f"heel_{side}"][frames] + landmarks[f"toe_{side}"][frames])
        if len(middle) < 3:
            return False
        speed = np.linalg.norm(np.gradient(middle[:, [0, 2]], 1.0 / marker_rate, axis=0), axis=1)
        inside = (np.abs(((middle - plate.centre) @ plate.axes)[:, :2]) < half).all(axis=1)
        standing.append(inside & (speed < STANDING_FOOT))
    return bool(np.mean(standing[0] & standing[1]) > 0.25)
