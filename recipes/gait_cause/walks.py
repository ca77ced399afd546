"""Walks as networks see them, one cycle a row, beside what their cause changes in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from mocap_import.durable_file import durable_place

NUMBERS = ("height", "mass", "age", "is_male", "speed")


@dataclass(frozen=True)
class Walks:
    """One row a walk.

    Attributes
    ----------
    code : ndarray of str
        Of the person.
    records : ndarray, shape (n, N_SAMPLES, n_channels), float32
        As the sensors give them, with their errors.
    group : ndarray of int
        What is wrong; 0 = nothing.
    change : ndarray of the records' shape
        Record without errors less that of the twin without the cause; 0 where nothing is wrong, NaN without a twin.
    speed_change : ndarray of the records' shape, or shape (n, 0, 0)
        The same against the twin at the comfortable speed of that height.
    numbers : ndarray, shape (n, len(NUMBERS))
        m, kg, years, 0 or 1, m/s.
    names : ndarray of str
        Of the groups.
    """

    code: np.ndarray
    records: np.ndarray
    group: np.ndarray
    change: np.ndarray
    speed_change: np.ndarray
    numbers: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.code)

    def rows(self, chosen: np.ndarray) -> Walks:
        """Some of them."""
        return Walks(*(getattr(self, f.name)[chosen] for f in fields(self)[:-1]), self.names)

    def of(self, people: Sequence[str]) -> Walks:
        """Those of some persons."""
        return self.rows(np.flatnonzero(np.isin(self.code, list(people))))

    def numbered_anew(self) -> Walks:
        """The same, with the groups alone that somebody is in; 0 stays who is well."""
        return self.numbered_as(self)

    def numbered_as(self, others: Walks) -> Walks:
        """The same, with the groups alone that somebody of these others is in, and without who is in another."""
        there = others._there()
        own = self.rows(np.flatnonzero(np.isin(self.group, there)))
        return replace(own, group=np.searchsorted(there, own.group), names=self.names[there])

    def numbered_otherwise(self, others: Walks) -> Walks:
        """Who is in a group that nobody of these others is in, and so left out by `numbered_as`."""
        return self.rows(np.flatnonzero(~np.isin(self.group, others._there())))

    def content(self) -> str:
        """Hash of everything: of equal walks the same is learnt."""
        digest = hashlib.sha256()
        for f in fields(self):
            array = getattr(self, f.name)
            digest.update(f"{f.name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def _there(self) -> np.ndarray:
        """Groups that somebody is in, and 0."""
        return np.union1d([0], self.group).astype(int)


def write_walks(path: Path, walks: Walks) -> None:
    """Write walks, whole or not at all."""
    with durable_place(path, ending=".npz") as place:
        np.savez(place, **{f.name: getattr(walks, f.name) for f in fields(walks)})


def read_walks(path: Path) -> Walks:
    """Read what `write_walks` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Walks(**{f.name: file[f.name] for f in fields(Walks)})
