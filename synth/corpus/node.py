"""A node of an HDF5 file that is not trusted: every way into it is checked before it is taken.

h5py follows external links, external storage and virtual datasets to any file of the machine, and a small file may
claim arrays of many gigabytes. Here only hard links to groups and to contiguous arrays inside the file are followed,
so the file's own size bounds what a read can cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from synth.corpus.schema import SCHEMA_VERSION, CorpusMismatch

_ATTRIBUTE_BYTES = 1 << 20
_DAMAGE = (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError, MemoryError)  # as h5py reports it


@contextmanager
def open_node(path: Path) -> Iterator[CorpusNode]:
    """Open a file for reading; whatever HDF5 finds damaged inside the ``with`` block becomes a `CorpusMismatch`."""
    if not path.is_file():
        raise CorpusMismatch(f"{path} is not a file; expected a corpus (.h5). Check the path.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise CorpusMismatch(f"{path} is not a readable HDF5 file ({error}). Rebuild it or copy it again.") from error
    with file:
        try:
            yield CorpusNode(file, f"{path}:", path.stat().st_size)
        except _DAMAGE as error:
            raise CorpusMismatch(f"{path} is damaged ({error}). Rebuild it or copy it again.") from error


def is_plain_array(dataset: h5py.Dataset, file_bytes: int) -> bool:
    """Whether a dataset lies contiguously in its own file, so that reading it costs no more than the file's size."""
    layout = dataset.id.get_create_plist().get_layout()
    size = math.prod(dataset.shape or (1,)) * dataset.dtype.itemsize
    return layout == h5py.h5d.CONTIGUOUS and not dataset.external and size <= file_bytes


class CorpusNode:
    """A group of a foreign file; only the methods below lead further into it."""

    def __init__(self, group: h5py.Group, where: str, file_bytes: int) -> None:
        self.group, self.where, self.file_bytes = group, where, file_bytes

    def has(self, name: str) -> bool:
        """Whether the group has a member of this name, of whatever kind."""
        return "/" not in name and self.group.id.links.exists(name.encode())  # a path would lead through links

    def child(self, name: str) -> CorpusNode:
        """Return a group inside this one."""
        return CorpusNode(self._member(name, h5py.Group), f"{self.where}/{name}", self.file_bytes)

    def children(self) -> list[tuple[str, CorpusNode]]:
        """List (name, group) of all groups inside this one, sorted by name."""
        return [(name, self.child(name)) for name in sorted(self.group.keys())]

    def _member(self, name: str, kind: type) -> h5py.Group | h5py.Dataset:
        if not self.has(name):
            raise CorpusMismatch(f"{self.where} lacks {name!r}, which schema version {SCHEMA_VERSION} requires.")
        if self.group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            link = self.group.get(name, getlink=True)
            raise CorpusMismatch(
                f"{self.where}/{name} is a {type(link).__name__} to elsewhere; a corpus holds its own data."
            )
        member = self.group[name]
        if not isinstance(member, kind):
            raise CorpusMismatch(f"{self.where}/{name} is a {type(member).__name__}, expected a {kind.__name__}.")
        return member

    def dataset(self, name: str) -> h5py.Dataset:
        """Return an array inside this group, not yet read."""
        found = self._member(name, h5py.Dataset)
        if not is_plain_array(found, self.file_bytes):
            raise CorpusMismatch(
                f"{self.where}/{name} (shape {found.shape}) is not stored contiguously in this file of "
                f"{self.file_bytes} bytes, as the schema requires."
            )
        return found

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers as float64; -1 in `shape` is any length."""
        return self.numbers(name, shape).astype(np.float64, copy=False)

    def numbers(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers as they are stored; -1 in `shape` is any length."""
        found = self.dataset(name)
        if found.dtype.kind not in "fiu" or len(found.shape) != len(shape):
            raise CorpusMismatch(
                f"{self.where}/{name}: expected numbers of shape {shape}, found {found.dtype} {found.shape}."
            )
        if any(want not in (-1, got) for want, got in zip(shape, found.shape, strict=True)):
            raise CorpusMismatch(f"{self.where}/{name}: expected shape {shape}, found {found.shape}.")
        return found[...]

    def texts(self, name: str) -> list[str]:
        """Read a list of texts."""
        found = self.dataset(name)
        if h5py.check_string_dtype(found.dtype) is None:
            raise CorpusMismatch(f"{self.where}/{name}: expected text, found {found.dtype}.")
        return [str(text) for text in np.atleast_1d(found.asstr()[...])]

    def text(self, name: str) -> str:
        """Read one text."""
        return "".join(self.texts(name))

    def words(self, name: str) -> tuple[str, ...]:
        """Read an attribute that holds a list of texts."""
        found = self.attribute(name)
        return tuple(map(str, found)) if isinstance(found, np.ndarray) else (str(found),)

    def attribute(self, name: str, *default: object) -> object:
        """Read an attribute; a second argument is what a missing one means."""
        attributes = self.group.attrs
        if name not in attributes:
            if default:
                return default[0]
            raise CorpusMismatch(f"{self.where} lacks the attribute {name!r}. Rebuild the corpus.")
        found = attributes.get_id(name)
        if math.prod(found.shape) * max(found.dtype.itemsize, 1) > _ATTRIBUTE_BYTES:
            raise CorpusMismatch(f"{self.where}: attribute {name!r} claims shape {found.shape}; that is no corpus.")
        value = attributes[name]
        return value.item() if isinstance(value, np.generic) else value
