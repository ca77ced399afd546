"""Stored labels: where the targets of a trial lie in the file of a corpus, so that windows of them are read alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.corpus.array_place import ArrayPlace
from synth.corpus.trial import CorpusTrial
from training.mirror import SIGN_CHANGES, other_side
from training.target import ALL_TARGETS, FEET, Target

SPEED = ALL_TARGETS.index(Target("speed", "speed"))
"""Place of the only target that is one number a trial; all others exist in solved cycles only, and stand before it."""


@dataclass(frozen=True)
class LabelArray:
    """One stored array and the targets that are columns of it.

    Attributes
    ----------
    place : ArrayPlace
    columns : tuple of int
    targets : tuple of int
        Places in `ALL_TARGETS`, one a column.
    divisor : float
        From the stored unit to the inside one.
    """

    place: ArrayPlace
    columns: tuple[int, ...]
    targets: tuple[int, ...]
    divisor: float


@dataclass(frozen=True)
class StoredLabels:
    """The labels of one trial.

    Attributes
    ----------
    arrays : tuple of LabelArray
    speed : float
        m/s; NaN = unknown.
    """

    arrays: tuple[LabelArray, ...]
    speed: float

    def read(self, file_bytes: np.ndarray, start: int, length: int, *, mirrored: bool = False) -> np.ndarray:
        """Labels of a stretch, of all targets.

        Parameters
        ----------
        file_bytes : ndarray of uint8
            The whole file of the corpus.
        start, length : int
            Frames.
        mirrored : bool
            Exchange right and left.

        Returns
        -------
        ndarray, shape (length, len(ALL_TARGETS))
            Inside units, as `training.target.read_targets`; NaN = no label. All are NaN outside the solved cycles.
        """
        values = np.full((length, len(ALL_TARGETS)), np.nan)
        for array in self.arrays:
            rows = array.place.rows(file_bytes, start, length)
            values[:, array.targets] = rows[:, array.columns] / array.divisor
        values[:, SPEED] = self.speed
        if mirrored:
            values = values[:, _SOURCES] * _SIGNS
        values[~np.isfinite(values[:, :SPEED]).any(axis=1)] = np.nan
        return values


def stored_labels(trial: CorpusTrial, places: dict[str, ArrayPlace]) -> StoredLabels:
    """Find the targets of a trial.

    Parameters
    ----------
    trial : CorpusTrial
    places : dict
        From `Corpus.value_places`.
    """
    arrays = []
    weight, height = trial.subject.body_weight, trial.subject.height
    if trial.kinematics is not None:
        names = [target.coordinate if target.kind == "angle" else "" for target in ALL_TARGETS]
        arrays.append(_array(places["kinematics"], trial.kinematics.coordinates, names, 1.0))
    if trial.kinetics is not None:
        names = [target.coordinate if target.kind == "moment" else "" for target in ALL_TARGETS]
        arrays.append(_array(places["kinetics"], trial.kinetics.coordinates, names, weight * height))
        seen: set[str] = set()
        for number, reaction in enumerate(trial.kinetics.ground_reactions):
            side = FEET.get(reaction.foot)
            if side is not None and side not in seen:
                seen.add(side)
                parts = tuple(f"ground_force_{axis}_{side}" for axis in "xyz")
                names = [target.coordinate if target.kind == "ground_reaction" else "" for target in ALL_TARGETS]
                arrays.append(_array(places[f"force {number}"], parts, names, weight))
    kept = tuple(array for array in arrays if array.columns and array.place.offset >= 0)
    return StoredLabels(kept, trial.spatiotemporal.get("speed", float("nan")))


def _array(place: ArrayPlace, names: tuple[str, ...], wanted: list[str], divisor: float) -> LabelArray:
    found = [(names.index(name), target) for target, name in enumerate(wanted) if name in names]
    return LabelArray(place, tuple(c for c, _ in found), tuple(t for _, t in found), float(divisor))


def _mirror_of(target: Target) -> int:
    return ALL_TARGETS.index(Target(target.kind, other_side(target.coordinate)))


_SOURCES = np.array([_mirror_of(target) for target in ALL_TARGETS])
_SIGNS = np.array([-1.0 if target.coordinate in SIGN_CHANGES else 1.0 for target in ALL_TARGETS])
