"""The check of a layout: whether a group of a file holds what the table of `synth.corpus.layout` says, and no more.

It reads what no reader needs: units, frames and masks, names that the schema does not know, links out of the file.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import h5py
import numpy as np

from synth.corpus.layout import BY_COORDINATE, BY_FORCE, BY_NAME, Entry, layout_of
from synth.corpus.node import CorpusNode
from synth.corpus.schema import (
    GROUND_FRAME,
    MISSING,
    SCHEMA_NAME,
    CorpusMismatch,
    coordinate_unit,
    force_unit,
    spatiotemporal_unit,
)

_FIXED = {"schema": SCHEMA_NAME, "ground_frame": GROUND_FRAME, "missing": MISSING}
"""Attributes of the root that say the same in every corpus."""
_UNIT_OF = {
    BY_COORDINATE: ("coordinates", coordinate_unit),
    BY_FORCE: ("coordinates", force_unit),
    BY_NAME: ("names", spatiotemporal_unit),
}
_FLOATS = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8"), "i8": np.dtype("<i8"), "bool": np.dtype(bool)}
_PYTHON = {"f8": (float, int), "integer": (int,), "text": (str,)}


@cache
def _children(version: int) -> dict[str, dict[str, Entry]]:
    """Path of a group → name (``<>`` for any) → entry of a version, attributes with ``@`` before their name."""
    found: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in layout_of(version):
        name = "<>" if entry.name.startswith("<") else entry.name
        found[entry.parent][f"@{name}" if entry.is_attribute else name] = entry
    return dict(found)


def layout_faults(node: CorpusNode, pattern: str, version: int, *, depth: int = 9) -> list[str]:
    """Compare a group with its place in the layout; return a sentence for each fault.

    Parameters
    ----------
    node : CorpusNode
    pattern : str
        Path of the group in the layout, e.g. `layout.TRIAL`.
    version : int
        Schema version of the file; what came later is not asked for.
    depth : int
        How many groups deep.
    """
    faults: list[str] = []
    length = {"n_frames": node.attribute("n_frames", -1)} if "@n_frames" in _children(version)[pattern] else {}
    _check_group(node, pattern, "", length, version, depth, faults)
    return faults


def _check_group(
    node: CorpusNode, pattern: str, inner: str, lengths: dict, version: int, depth: int, faults: list[str]
) -> None:
    children = _children(version).get(pattern, {})
    _check_attributes(node, children, inner, faults)
    lengths = dict(lengths)  # n_coordinates of kinematics and kinetics are not the same
    names = list(node.group)
    masks = {f"{name}_mask" for name, entry in children.items() if entry.mask}
    for name in names:
        if name in masks:
            continue
        entry = children.get(name) or children.get("<>")
        where = f"{inner}{name}"
        if entry is None:
            faults.append(f"{where} is unknown to the schema")
            continue
        try:
            if entry.dtype == "group":
                child = node.child(name)
                if depth > 1:
                    _check_group(child, entry.path, f"{where}/", lengths, version, depth - 1, faults)
            else:
                _check_array(node, name, entry, where, lengths, faults)
        except CorpusMismatch as error:
            faults.append(str(error))
    for name, entry in children.items():
        if entry.required and name[0] not in "@<" and name not in names:
            faults.append(f"{inner}{name} is missing")


def _check_attributes(node: CorpusNode, children: dict[str, Entry], inner: str, faults: list[str]) -> None:
    expected = {}
    for key, entry in children.items():
        if entry.is_attribute:
            expected[key[1:]] = entry
            if entry.units:
                expected[f"{key[1:]}_unit"] = entry
    present = set(node.group.attrs)
    at = inner.rstrip("/") or "it"
    faults += [f"{at} has the attribute {name}, which is unknown to the schema" for name in present - set(expected)]
    for name, entry in expected.items():
        if name not in present:
            if entry.required:
                faults.append(f"{at} lacks the attribute {name}")
            continue
        value = node.attribute(name)
        if name == f"{entry.name}_unit":
            if value != entry.units:
                faults.append(f"{at}: {entry.name} is in {value!r}, expected {entry.units}")
        elif not isinstance(value, _PYTHON[entry.dtype]):
            faults.append(f"{at}: attribute {name} is {value!r}, expected {entry.dtype}")
        elif not inner and name in _FIXED and value != _FIXED[name]:
            faults.append(f"attribute {name} says {value!r}, expected {_FIXED[name]!r}")


def _check_array(node: CorpusNode, name: str, entry: Entry, where: str, lengths: dict, faults: list[str]) -> None:
    array = node.dataset(name)
    is_text = h5py.check_string_dtype(array.dtype) is not None
    if is_text != (entry.dtype == "text") or (not is_text and array.dtype != _FLOATS[entry.dtype]):
        faults.append(f"{where} holds {'text' if is_text else array.dtype}, expected {entry.dtype}")
        return
    shape = tuple(int(n) if n.isdigit() else lengths.setdefault(n, got) for n, got in zip(entry.shape, array.shape))  # noqa: B905  (the count is compared below)
    if array.shape != shape or len(shape) != len(entry.shape):
        faults.append(f"{where} has shape {array.shape}, expected ({', '.join(entry.shape)}) = {shape}")
        return
    if not is_text:
        _check_description(node, array, entry, where, faults)
    if entry.mask:
        _check_mask(node, array, entry, where, faults)


def _check_description(node: CorpusNode, array: h5py.Dataset, entry: Entry, where: str, faults: list[str]) -> None:
    """Units, frame and whatever else an array says of itself."""
    said = CorpusNode(array, where, node.file_bytes)
    expected: dict[str, object] = dict(entry.attributes)
    if entry.units in _UNIT_OF:
        names, unit_of = _UNIT_OF[entry.units]
        columns = said.words(names) if names in entry.attributes else node.texts(names)
        expected["units"] = tuple(map(unit_of, columns))
    else:
        expected["units"] = entry.units
    if entry.frame:
        expected["frame"] = entry.frame
    present = set(array.attrs)
    faults += [f"{where} has the attribute {name}, which is unknown to the schema" for name in present - set(expected)]
    for name, wanted in expected.items():
        if name not in present:
            faults.append(f"{where} lacks the attribute {name}")
        elif wanted is not None:
            found = said.words(name) if isinstance(wanted, tuple) else said.attribute(name)
            if found != wanted:
                faults.append(f"{where}: {name} says {_short(found)}, expected {_short(wanted)}")


def _check_mask(node: CorpusNode, array: h5py.Dataset, entry: Entry, where: str, faults: list[str]) -> None:
    name = f"{entry.name}_mask"
    if not node.has(name):
        faults.append(f"{where} lacks its mask {name}")
        return
    stored = node.dataset(name)
    present = np.isfinite(array[...])
    if entry.mask != entry.shape:  # records: one flag for three channels
        present = present.reshape(*present.shape[:2], 2, 3).all(axis=-1)
    if stored.dtype != bool or stored.shape != present.shape or (stored[...] != present).any():
        faults.append(f"{where}_mask disagrees with the missing values of {where}")


def _short(words: object) -> str:
    text = ", ".join(words) if isinstance(words, tuple) else str(words)
    return repr(text if len(text) <= 120 else text[:117] + "...")
