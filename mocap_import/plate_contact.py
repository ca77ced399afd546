"""Plate contact: when a plate is loaded, and by which foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap_import.force_plate import ForcePlate
from mocap_import.trial import GroundReaction, Treatment

SIDES = (("right", "r"), ("left", "l"))
CONTACT_ON, CONTACT_OFF = 50.0, 20.0
"""Vertical force (N) that a contact must pass, and the force at which it begins and ends."""
SHORTEST_CONTACT = 0.06
"""Seconds; shorter contacts are noise."""
STANDING_FOOT = 0.4
"""Speed (m/s) of the middle of a foot below which it stands."""
FARTHEST_FOOT = 0.3
"""Distance (m) from centre of pressure to foot beyond which no foot is named."""


def contacts(vertical: np.ndarray, rate: float) -> list[tuple[int, int]]:
    """Stretches (start, stop) of samples in which a plate is loaded, with hysteresis.

    A contact begins and ends where the force passes `CONTACT_OFF`, and counts if it passes `CONTACT_ON` between.
    """
    force = np.nan_to_num(vertical)
    edges = np.flatnonzero(np.diff(np.r_[0, (force > CONTACT_OFF).astype(np.int8), 0]))
    return [
        (int(start), int(stop))
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
        if force[start:stop].max() > CONTACT_ON and (stop - start) / rate >= SHORTEST_CONTACT
    ]


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
) -> tuple[list[GroundReaction], list[Treatment]]:
    """Say of each plate whose foot loaded it.

    Parameters
    ----------
    reactions, plates : sequences of equal length
    landmarks : mapping
        Landmark → (n_frames, 3) m.
    marker_rate : float
        Frames per second (Hz).
    on_treadmill : bool
        A plate that both feet load in turn stays one record of ``"both"``.

    Returns
    -------
    reactions : list of GroundReaction
        With feet. An overground plate stepped on by one foot after the other becomes two records, each zero outside
        its foot's contacts.
    treatments : list of Treatment
    """
    named, treatments = [], []
    for reaction, plate in zip(reactions, plates, strict=True):
        feet = []
        loaded = contacts(reaction.force[:, 1], reaction.rate)
        for start, stop in loaded:
            foot = nearest_foot(landmarks, reaction, start, stop, marker_rate)
            if on_treadmill:
                shared = _in_turn(landmarks, reaction, start, stop, marker_rate)
            else:
                shared = _shared(landmarks, plate, reaction, start, stop, marker_rate)
            if foot != "unknown" and shared:
                foot = "both"
            feet.append(foot)
        known = sorted(set(feet) - {"unknown"})
        if len(known) <= 1:
            named.append(replace(reaction, foot=known[0] if known else "unknown"))
        elif on_treadmill or "both" in known:
            named.append(replace(reaction, foot="both"))
        else:
            treatments.append(
                Treatment("plate_split", f"{plate.name} was stepped on by both feet in turn: two records")
            )
            named += [_only(reaction, foot, loaded, feet) for foot in known]
    return named, treatments


def _only(
    reaction: GroundReaction, foot: str, loaded: Sequence[tuple[int, int]], feet: Sequence[str]
) -> GroundReaction:
    """The record of one foot: no load outside its contacts."""
    mine = np.zeros(len(reaction.force), dtype=bool)
    for (start, stop), owner in zip(loaded, feet, strict=True):
        mine[start:stop] |= owner == foot
    return replace(
        reaction,
        force=np.where(mine[:, None], reaction.force, 0.0),
        centre_of_pressure=np.where(mine[:, None], reaction.centre_of_pressure, np.nan),
        free_moment=np.where(mine, reaction.free_moment, np.nan),
        foot=foot,
        name=f"{reaction.name} ({foot})",
    )


def _in_turn(
    landmarks: Mapping[str, np.ndarray], reaction: GroundReaction, start: int, stop: int, marker_rate: float
) -> bool:
    """True if one contact holds the steps of both feet: walking on a belt never unloads its plate."""
    distances = foot_distances(landmarks, reaction, start, stop, marker_rate)
    if len(distances) < 2:
        return False
    with np.errstate(invalid="ignore"):
        share = float(np.mean(distances["right"] < distances["left"])) if len(distances["right"]) else 0.0
    return 0.15 < share < 0.85


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
