"""Plate file: a table of forces beside a recording (.mot, .sto), given to the feet that stood on its plates.

Plates count by number (``ground_force_1_vx``) and know no foot: each contact is that of the foot beneath which its
centre of pressure lies. What a foot bears that stands beside the plates is unknown, never zero.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mocap_import.plate.contact import contacts
from mocap_import.plate.force_plate import FORCE_THRESHOLD
from mocap_import.trial import GroundReaction
from opensim_models.exchange.storage_table import StorageTable, read_table
from synth.camera.keypoint import KEYPOINTS
from synth.corpus.schema import CorpusMismatch

_PLATE = re.compile(r"^ground_force_(\w+)_vy$")
_FARTHEST, _SWINGS = 0.25, 0.6
"""m between the middle of a foot and its centre of pressure; m/s of heel and toe, above which a foot surely swings."""
_FEET = {
    foot: [KEYPOINTS.index(f"{part}_{side}") for part in ("heel", "toe")]
    for foot, side in (("right", "r"), ("left", "l"))
}


def plate_reactions(path: Path, points: np.ndarray, rate: float, start: float = 0.0) -> tuple[GroundReaction, ...]:
    """Ground reaction of each foot at the frames of a recording.

    Parameters
    ----------
    path : Path
        N and m, ground frame; columns ``ground_force_P_v[xyz]`` and ``ground_force_P_p[xyz]`` of each plate P.
    points : ndarray, shape (n, 12, 3)
        Keypoints (m), ground frame.
    rate : float
        Of the keypoints (Hz).
    start : float
        Time (s) of the first frame on the file's clock.

    Returns
    -------
    tuple of GroundReaction
        Right and left; 0 while a foot swings, NaN where the plates do not tell.

    Raises
    ------
    CorpusMismatch
        The file holds no plates, or does not reach over the recording.
    """
    table = read_table(path)
    plates = [match[1] for label in table.labels if (match := _PLATE.match(label))]
    if not plates:
        raise CorpusMismatch(
            f"{path}: expected forces of plates in columns ground_force_1_vx, ..., ground_force_1_px, found "
            f"{', '.join(table.labels[:4])}, ...; name the file with the ground reactions of this recording."
        )
    time = np.arange(len(points)) / rate + start
    own = table.start_time + np.arange(len(table.values)) / table.rate
    if time[0] < own[0] - 0.5 / rate or time[-1] > own[-1] + 1.0 / rate:
        raise CorpusMismatch(
            f"{path}: expected forces over the whole recording ({time[0]:.2f} to {time[-1]:.2f} s), found "
            f"{own[0]:.2f} to {own[-1]:.2f} s. Is it the file of another recording?"
        )
    force = {foot: np.zeros((len(points), 3)) for foot in _FEET}
    lost = np.zeros(len(points), bool)
    for plate in plates:
        loads, centre = (_columns(table, plate, kind, time, own) for kind in "vp")
        for first, last in contacts(loads[:, 1], rate):
            foot = _foot_under(points[first:last], centre[first:last], loads[first:last, 1])
            if foot:
                force[foot][first:last] += loads[first:last]
            else:
                lost[first:last] = True
    found = []
    for foot, places in _FEET.items():
        unknown = lost | ((force[foot][:, 1] < FORCE_THRESHOLD) & ~_swings(points[:, places], rate))
        empty = np.full(len(points), np.nan)
        forces = np.where(unknown[:, None], np.nan, force[foot])
        found.append(GroundReaction(forces, np.full((len(points), 3), np.nan), empty, rate, foot, f"{foot} foot"))
    return tuple(found)


def _columns(table: StorageTable, plate: str, kind: str, time: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Three columns of a plate at some instants (s); NaN where the file has none."""
    names = [f"ground_force_{plate}_{kind}{axis}" for axis in "xyz"]
    values = [table.values[:, table.labels.index(n)] if n in table.labels else np.full(len(own), np.nan) for n in names]
    return np.stack([np.interp(time, own, v) for v in values], axis=1)


def _foot_under(points: np.ndarray, centre: np.ndarray, vertical: np.ndarray) -> str:
    """The foot beneath which a contact's centre of pressure lies, weighted by its force; empty if it is under none."""
    away = {}
    for foot, places in _FEET.items():
        distance = np.linalg.norm((points[:, places].mean(axis=1) - centre)[:, [0, 2]], axis=1)
        known = np.isfinite(distance)
        away[foot] = np.average(distance[known], weights=vertical[known]) if known.any() else np.inf
    nearest = min(away, key=lambda foot: away[foot])
    return nearest if away[nearest] < _FARTHEST else ""


def _swings(places: np.ndarray, rate: float) -> np.ndarray:
    """Whether a foot (n, 2, 3) surely swings: heel and toe both move."""
    speed = np.linalg.norm(np.gradient(places, 1.0 / rate, axis=0), axis=2)
    return np.nan_to_num(speed).min(axis=1) > _SWINGS
