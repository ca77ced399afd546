"""Followed moments: net joint moments of a trial from a file of inverse dynamics, at the times of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opensim_models.exchange.storage import read_generalized_forces
from opensim_models.exchange.storage_table import read_table
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

SMALLEST, LARGEST = 0.1, 20.0
"""N·m per kg of the body, between which the largest moment of a leg is taken to lie. Legs that walk reach 1 to 2; a
file in N·m/kg or N·mm is far outside. Both are assumptions."""
LEG = ("hip_", "knee_", "ankle_")


@dataclass(frozen=True)
class FollowedMoments:
    """Net joint moments of a trial.

    Attributes
    ----------
    coordinates : tuple of str
        Rotations of the joints that the file has, in the skeleton's order.
    columns : tuple of int
        Their columns in the arrays of the skeleton.
    values : ndarray, shape (n, n_coordinates)
        N·m; NaN = missing.
    rate, start : float
        Hz, and the time (s) of the first row.
    where : Path
    note : str
        What is followed, and which columns are not.
    """

    coordinates: tuple[str, ...]
    columns: tuple[int, ...]
    values: np.ndarray
    rate: float
    start: float
    where: Path
    note: str = ""

    def at(self, time: np.ndarray, n_coordinates: int) -> np.ndarray:
        """Moments (n_times, n_coordinates) of all coordinates of the skeleton; NaN = not followed.

        They are linear between the file's rows, and pass no low-pass.

        Raises
        ------
        ModelMismatch
            Times outside the file, or missing values among them (which coordinate, when).
        """
        tick = 1e-6 + 0.01 / self.rate
        own = self.start + np.arange(len(self.values)) / self.rate
        if time[0] < own[0] - tick or time[-1] > own[-1] + tick:
            raise ModelMismatch(
                f"{self.where}: moments reach from {own[0]:g} to {own[-1]:g} s, but {time[0]:g} to {time[-1]:g} s are "
                "wanted; give those of the same trial, on the clock of its coordinates, or choose another --window."
            )
        inside = np.clip(time, own[0], own[-1])
        first = int(np.searchsorted(own, inside[0] + 1e-9, "right")) - 1
        stop = int(np.searchsorted(own, inside[-1] - 1e-9, "left")) + 1
        lost = np.argwhere(~np.isfinite(self.values[first:stop]))
        if len(lost):
            row, column = lost[0]
            raise ModelMismatch(
                f"{self.where}: the moment of {self.coordinates[column]} has no number at {own[first + row]:.4g} s "
                f"({int((lost[:, 1] == column).sum())} rows of the window); fill the gap, remove the column or choose "
                "another --window."
            )
        found = np.full((len(time), n_coordinates), np.nan)
        for column, values in zip(self.columns, self.values.T, strict=True):
            found[:, column] = np.interp(inside, own, values)
        return found


def read_followed_moments(path: Path, skeleton: Skeleton, held: Sequence[str] = ()) -> FollowedMoments:
    """Read the moments of a file of inverse dynamics that a movement can follow.

    What acts between body and ground is left over there and not followed, nor are coordinates that are held, move with
    others, or are lengths.

    Parameters
    ----------
    path : Path
        .sto as OpenSim's inverse dynamics writes it: ``hip_flexion_r_moment``, N·m.
    skeleton : Skeleton
    held : sequence of str
        Coordinates of the model that the skeleton does not move.

    Raises
    ------
    ModelMismatch
        No such file, a column of a coordinate that the model does not have, none that can be followed, or numbers that
        are no moments of this body in N·m.
    """
    path = Path(path)
    kinetics, start = read_generalized_forces(path), read_table(path).start_time
    names = skeleton.coordinate_names
    known = {*names, *held, *(c.name for c in skeleton.coupled)}
    strange = [name for name in kinetics.coordinates if name not in known]
    if strange:
        raise ModelMismatch(
            f"{path}: has a moment of {strange[0]}, which {skeleton.name} does not have; it has {', '.join(names)}. "
            "Give the inverse dynamics of this model, or remove the column."
        )
    root = {e.coordinate for s in skeleton.segments if s.parent < 0 for e in s.elements}
    joints = [j for j, c in enumerate(skeleton.coordinates) if c.kind == "rotation" and j not in root]
    columns = tuple(j for j in joints if names[j] in kinetics.coordinates)
    if not columns:
        raise ModelMismatch(
            f"{path}: holds no moment of a joint of {skeleton.name} ({', '.join(names[j] for j in joints)}); give the "
            "inverse dynamics of the trial."
        )
    followed = tuple(names[j] for j in columns)
    values = kinetics.generalized_forces[:, [kinetics.coordinates.index(name) for name in followed]]
    _check_unit(path, followed, values, skeleton.mass)
    left_out = [name for name in kinetics.coordinates if name not in followed]
    note = f"moments of {len(followed)} joints of {path.name} are followed"
    note += f"; not followed: {', '.join(left_out)}" if left_out else ""
    return FollowedMoments(followed, columns, values, kinetics.rate, start, path, note)


def _check_unit(path: Path, names: Sequence[str], values: np.ndarray, mass: float) -> None:
    """Refuse moments that nobody of this mass (kg) has."""
    if not np.isfinite(values).any():
        return  # there is no unit to check: the gap is named with its time
    peaks = np.where(np.isfinite(values), np.abs(values), 0.0).max(axis=0) / mass
    legs = [i for i, name in enumerate(names) if name.startswith(LEG)]
    top = int(np.argmax(peaks))
    if peaks[top] <= LARGEST and (not legs or peaks[legs].max() >= SMALLEST):
        return
    if peaks[top] <= LARGEST:
        top = legs[int(np.argmax(peaks[legs]))]
    raise ModelMismatch(
        f"{path}: the largest moment of {names[top]} is {peaks[top] * mass:.4g} N·m, or {peaks[top]:.3g} N·m per kg of "
        f"a body of {mass:.4g} kg; expected {SMALLEST:g} to {LARGEST:g}. Give moments of this person in N·m, not in "
        "N·m/kg or N·mm."
    )
