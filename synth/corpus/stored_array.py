"""Arrays, texts and attributes in HDF5 by its low-level calls: the same bytes as h5py's own, at half of its cost.

A trial is some twenty arrays and thirty attributes, most of them short; types, spaces and property lists that h5py
makes anew for each of them are made once here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import h5py
import numpy as np

TEXT = h5py.string_dtype()
_TEXT_TYPE = h5py.h5t.py_create(TEXT, logical=True)
_SCALAR = h5py.h5s.create(h5py.h5s.SCALAR)
_PROPERTIES = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
_PROPERTIES.set_obj_track_times(False)
_PROPERTIES.set_fill_time(h5py.h5d.FILL_TIME_IFSET)


def new_array(group: h5py.Group, name: str, shape: tuple[int, ...], kind: np.dtype | type) -> h5py.h5d.DatasetID:
    """An array of numbers or flags that is filled later; its bytes are those of one that is stored whole."""
    return _new(group, name, shape, h5py.h5t.py_create(np.dtype(kind), logical=True))


def fill(array: h5py.h5d.DatasetID, start: int, values: np.ndarray) -> None:
    """Write rows of an array, from `start`."""
    if not values.size:
        return
    place = array.get_space()
    place.select_hyperslab((start,) + (0,) * (values.ndim - 1), values.shape)
    array.write(h5py.h5s.create_simple(values.shape), place, np.ascontiguousarray(values))


def store_array(
    group: h5py.Group, name: str, values: np.ndarray, attributes: Mapping[str, object] | None = None
) -> None:
    """Store numbers or flags, contiguous, with attributes."""
    values = np.ascontiguousarray(values)
    stored = _new(group, name, values.shape, h5py.h5t.py_create(values.dtype, logical=True))
    if values.size:
        stored.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    describe(stored, attributes or {})


def store_text(group: h5py.Group, name: str, text: str | Sequence[str]) -> None:
    """Store a text, or a list of texts."""
    values = _texts(text)
    stored = _new(group, name, values.shape, _TEXT_TYPE)
    if values.size:
        stored.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def describe(item: h5py.h5d.DatasetID | h5py.h5g.GroupID, attributes: Mapping[str, object]) -> None:
    """Give a new group or array attributes: texts, lists of texts, or numbers."""
    for key, value in attributes.items():
        is_text = isinstance(value, str) or (
            isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)
        )
        if is_text:
            data, kind = _texts(value), _TEXT_TYPE
        else:
            data = np.asarray(value)
            kind = h5py.h5t.py_create(data.dtype, logical=True)
        space = _SCALAR if data.shape == () else h5py.h5s.create_simple(data.shape)
        h5py.h5a.create(item, key.encode(), kind, space).write(data)


def _new(group: h5py.Group, name: str, shape: tuple[int, ...], kind: h5py.h5t.TypeID) -> h5py.h5d.DatasetID:
    space = _SCALAR if shape == () else h5py.h5s.create_simple(shape)
    return h5py.h5d.create(group.id, name.encode(), kind, space, _PROPERTIES)


def _texts(text: str | Sequence[str]) -> np.ndarray:
    """Text with the mark by which h5py knows Python text from references."""
    return np.array(text if isinstance(text, str) else list(text), dtype=TEXT)
