"""C3D parameter: the parameter section read record by record, every byte of it accounted for.

Each record states where the next one begins. What lies between is checked: a value that runs over its record, or bytes
that no record explains, are damage, and named. Reference: The C3D File Format User Guide (Motion Lab Systems, 2021).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

INTEL, DEC, SGI = 84, 85, 86
BLOCK = 512
Parameters = dict[str, dict[str, Any]]
"""Group → parameter → list of str, ndarray (Fortran order, as the guide states) or empty list."""

_SLACK = 4
"""Bytes between two records that real writers leave for values they declare empty."""
_MOST_DIMENSIONS = 7
_WIDTHS = {-1: 1, 1: 1, 2: 2, 4: 4}


def joined(parameters: Parameters, group: str, name: str) -> list[str]:
    """Strings of a parameter and of its continuations NAME2, NAME3, ... (more than 255 entries)."""
    return [text for part in _parts(parameters, group, name) if isinstance(part, list) for text in part]


def numbers(parameters: Parameters, group: str, name: str) -> np.ndarray:
    """Numbers of a parameter and of its continuations NAME2, NAME3, ..., one-dimensional."""
    parts = [part.ravel(order="F") for part in _parts(parameters, group, name) if isinstance(part, np.ndarray)]
    return np.concatenate(parts).astype(float) if parts else np.zeros(0)


def number(parameters: Parameters, group: str, name: str) -> float:
    """First value of a numeric parameter, NaN if it is missing, empty or text."""
    value = parameters.get(group, {}).get(name)
    if isinstance(value, np.ndarray) and value.size:
        return float(value.flat[0])
    return float("nan")


def count(parameters: Parameters, group: str, name: str) -> int:
    """First value of a parameter that counts something, -1 if there is none; 16-bit counts are unsigned."""
    value = number(parameters, group, name)
    if not np.isfinite(value):
        return -1
    whole = int(value)
    return whole + 65536 if -32768 <= whole < 0 else whole


def floats(data: bytes, processor: int) -> np.ndarray:
    """32-bit floats of the three processor families; DEC stores the two words swapped and four times too large."""
    if processor == DEC:
        words = np.frombuffer(data, dtype="<u2").reshape(-1, 2)[:, ::-1]
        with np.errstate(invalid="ignore"):
            return words.copy().view("<f4").ravel() / np.float32(4.0)
    return np.frombuffer(data, dtype=">f4" if processor == SGI else "<f4")


def read_sections(content: bytes) -> tuple[int, tuple[int, ...], Parameters, list[str]]:
    """Processor, the header's 256 words, parameters and damage of a file whose first block is there.

    Raises
    ------
    ValueError
        Header or parameter section are none.
    """
    start = (content[0] - 1) * BLOCK
    if start < BLOCK:
        raise ValueError(f"parameter block {content[0]} lies in the header")
    if start + 4 > len(content):
        raise ValueError(f"parameter block {content[0]} lies behind the end of the file")
    n_blocks, processor = content[start + 2], content[start + 3]
    if processor not in (INTEL, DEC, SGI):
        raise ValueError(f"unknown processor type {processor}, expected {INTEL}, {DEC} or {SGI}")
    words = struct.unpack((">" if processor == SGI else "<") + "256H", content[:BLOCK])
    # The section reaches up to where data start; some programs state too few blocks, some too many.
    lengths = sorted({max(n, 1) for n in (n_blocks, words[8] - content[0])}, reverse=True)
    for length in lengths:
        try:
            return processor, words, *read_parameters(content[start : start + length * BLOCK], processor)
        except ValueError:
            if length == lengths[-1]:
                raise
    raise AssertionError("there is one length at least")


def stated_parameters(path: Path) -> Parameters:
    """Parameters of a file whose data are not read, however large they are.

    Raises
    ------
    ValueError
        Header or parameter section are damaged or none.
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(2 * BLOCK)
        start = (content[0] - 1) * BLOCK if content else 0
        content += file.read(max(0, start + 4 - len(content)))  # the parameter section need not follow the header
        if len(content) < max(start + 4, BLOCK) or content[1] != 0x50:
            raise ValueError(f"{path.name}: no C3D file")
        order = "big" if content[start + 3] == SGI else "little"
        blocks = max(content[0] - 1 + content[start + 2], int.from_bytes(content[16:18], order) - 1)
        content += file.read(max(0, blocks * BLOCK - len(content)))
    try:
        return read_sections(content)[2]
    except (struct.error, IndexError) as problem:
        raise ValueError(f"{path.name}: damaged parameter section ({problem})") from problem


def read_parameters(section: bytes, processor: int) -> tuple[Parameters, list[str]]:
    """Groups and parameters by name, and what is damaged.

    Parameters
    ----------
    section : bytes
        From the first parameter block up to the data.
    processor : int
        84 Intel, 85 DEC, 86 SGI/MIPS.

    Returns
    -------
    parameters : dict
    damage : list of str
        In words, group and parameter by name; never a value.

    Raises
    ------
    ValueError
        A record is no record: nothing after it can be trusted.
    """
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Any]] = []
    damage: list[tuple[int, str, str]] = []
    order = struct.Struct(">H" if processor == SGI else "<H")
    position, size = 4, len(section)
    while position + 2 <= size:
        length, group = section[position], section[position + 1]
        length, group = min(length, 256 - length), group - 256 if group > 127 else group
        if length == 0 or group == 0:
            break
        start = position + 2 + length
        name = section[position + 2 : start].decode("latin-1").strip().upper()
        if not name.isascii():
            damage.append((group, name, "is no plain name; it may be damaged"))
        if start + 2 > size:
            damage.append((group, name, "is cut by the end of the parameter section"))
            break
        if not name.isprintable() or not name:
            raise ValueError(f"{name[:20]!r} at byte {position} of the parameter section is no name of a parameter")
        (step,) = order.unpack_from(section, start)
        following = start + step if step else size
        if group < 0:
            groups[-group], end = name, start + 2
        else:
            value, end, problem = _value(section, start + 2, min(following, size), processor, name)
            if problem:
                cut = following > size and step
                damage.append((group, name, "is cut by the end of the parameter section" if cut else problem))
            else:
                found.append((group, name, value))
        end += 1 + section[end] if end < size else 0
        explained = not step or (damage and damage[-1][:2] == (group, name))
        if not explained and end + _SLACK <= following <= size:
            damage.append((group, name, f"is followed by {following - end} bytes that belong to no parameter"))
        if not step or following > size:
            break
        position = following
    said = [f"{groups.get(abs(group), 'group')}:{name[:20]} {problem}" for group, name, problem in damage]
    return _by_name(groups, found), said


def _by_name(groups: dict[int, str], found: list[tuple[int, str, Any]]) -> Parameters:
    """Group → parameter → value; the first of several parameters of one name counts, as in the reference readers."""
    parameters: Parameters = {name: {} for name in groups.values()}
    for group, name, value in found:
        parameters.setdefault(groups.get(group, f"GROUP_{group}"), {}).setdefault(name, value)
    return parameters


def _value(section: bytes, position: int, limit: int, processor: int, name: str) -> tuple[Any, int, str]:
    """One parameter's value, the byte after it, and what is wrong with it."""
    if position + 2 > limit:
        return None, position, "has no room for a value"
    kind, n_dimensions = struct.unpack_from("bb", section, position)
    start = position + 2 + max(n_dimensions, 0)
    if kind not in _WIDTHS or not 0 <= n_dimensions <= _MOST_DIMENSIONS:
        return None, position, f"has an impossible type ({kind}) or number of dimensions ({n_dimensions})"
    shape = tuple(section[position + 2 : start])
    n_values = 1
    for length in shape:
        n_values *= length
    end = start + n_values * _WIDTHS[kind]
    if end > limit:
        return None, position, f"states {n_values} values, more than its record holds"
    if name.startswith("DESCRIPTIONS"):
        return [], end, ""  # long, free text, needed for nothing
    data = section[start:end]
    if kind == -1:
        return _strings(data, shape), end, ""
    if kind == 4:
        with np.errstate(invalid="ignore"):
            values = floats(data, processor).astype(float)
    else:
        values = np.frombuffer(data, dtype=np.int8 if kind == 1 else ">i2" if processor == SGI else "<i2")
    return (values.reshape(shape, order="F") if shape else values), end, ""


def _strings(data: bytes, shape: tuple[int, ...]) -> list[str]:
    """Rows of a character parameter; UTF-8 where it is valid, Latin-1 otherwise."""
    width = shape[0] if shape else 1
    if not width:
        return []
    if data.isascii():
        text = data.decode("ascii")
        return [text[k : k + width].strip(" \0") for k in range(0, len(text), width)]
    return [_decoded(data[k : k + width].strip(b" \0")) for k in range(0, len(data), width)]


def _decoded(row: bytes) -> str:
    try:
        return row.decode("utf-8")
    except UnicodeDecodeError:
        return row.decode("latin-1")


def _parts(parameters: Parameters, group: str, name: str) -> list[Any]:
    """A parameter and its continuations, as they are."""
    entries = parameters.get(group, {})
    if name not in entries:
        return []
    found = [entries[name]]
    for extra in range(2, 260):
        if f"{name}{extra}" not in entries:
            break
        found.append(entries[f"{name}{extra}"])
    return found
