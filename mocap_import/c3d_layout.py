"""C3D layout: header and parameter section read byte by byte, and the size a file must have.

A native parser reads a truncated file as a shorter trial, or crashes on a damaged one. This walk costs
about a millisecond and refuses both first. Reference: The C3D File Format User Guide (Motion Lab Systems, 2021).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.trial import TrialRefused

BLOCK = 512
_INTEL, _DEC, _SGI = 84, 85, 86


@dataclass(frozen=True)
class C3dLayout:
    """Header words and parameters of a C3D file.

    Attributes
    ----------
    rate : float
        Frame rate of the header (Hz); POINT:RATE comes first where it is there.
    n_points, n_frames, first_frame : int
        Trajectories per frame, frames, number of the first frame (from 1).
    analog_words : int
        Analog values per 3-D frame (channels × samples).
    samples_per_frame : int
        Analog samples of each channel per 3-D frame.
    scale : float
        Negative if values are stored as floats.
    data_block : int
        512-byte block (from 1) where data start.
    processor : int
        84 Intel, 85 DEC, 86 SGI/MIPS.
    parameters : dict
        Group → parameter → list of str, ndarray (Fortran order as the guide states) or empty list.
    """

    rate: float
    n_points: int
    n_frames: int
    first_frame: int
    analog_words: int
    samples_per_frame: int
    scale: float
    data_block: int
    processor: int
    parameters: dict[str, dict[str, Any]]

    @property
    def expected_size(self) -> int:
        """Bytes up to the end of the last frame."""
        width = 4 if self.scale < 0 else 2
        return (self.data_block - 1) * BLOCK + self.n_frames * (4 * self.n_points + self.analog_words) * width


def read_layout(path: Path) -> C3dLayout:
    """Read header and parameters; refuse files that are empty, not C3D, or shorter than they state.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    C3dLayout

    Raises
    ------
    TrialRefused
        With the file, what was expected, what was found and what to do.
    """
    if not path.is_file():
        raise TrialRefused(f"{path.name}: expected a C3D file, found no regular file there; check the path.")
    size = path.stat().st_size
    if size == 0:
        raise TrialRefused(f"{path.name}: the file is empty (0 bytes); copy it again from its source.")
    data = path.open("rb").read(BLOCK * 2)
    if size < 2 * BLOCK or data[1] != 0x50:
        raise TrialRefused(
            f"{path.name}: not a C3D file (the second byte must be 0x50 and {2 * BLOCK} bytes or more must follow; "
            f"the file has {size} bytes); export it again as C3D."
        )
    try:
        layout = _parse(path)
    except (struct.error, IndexError, ValueError) as problem:
        raise TrialRefused(
            f"{path.name}: the header or parameter section is damaged ({problem}); copy or export the file again."
        ) from problem
    if size < layout.expected_size:
        raise TrialRefused(
            f"{path.name}: truncated: {layout.n_frames} frames of {layout.n_points} points need "
            f"{layout.expected_size} bytes, the file has {size}; copy it again from its source."
        )
    return layout


def _parse(path: Path) -> C3dLayout:
    """Header words and parameters of a file whose first block is there."""
    with path.open("rb") as file:
        header = file.read(BLOCK)
        start = (header[0] - 1) * BLOCK
        if start < BLOCK:
            raise ValueError(f"parameter block {header[0]} lies in the header")
        file.seek(start)
        section = file.read(4)
        n_blocks, processor = section[2], section[3]
        if processor not in (_INTEL, _DEC, _SGI):
            raise ValueError(f"unknown processor type {processor}, expected 84, 85 or 86")
        order = ">" if processor == _SGI else "<"
        words = struct.unpack(order + "256H", header)
        # Some programs state too few blocks: the section can reach up to where data start.
        section += file.read(max(n_blocks, words[8] - header[0], 1) * BLOCK - 4)
    scale = float(_floats(header[12:16], processor)[0])
    parameters = _walk(section, processor)
    if words[1] and not parameters.get("POINT"):
        raise ValueError("the group POINT is missing")
    first, n_frames = _frames(words, parameters)
    return C3dLayout(
        rate=float(_floats(header[20:24], processor)[0]),
        n_points=words[1],
        n_frames=n_frames,
        first_frame=first,
        analog_words=words[2],
        samples_per_frame=words[9],
        scale=scale,
        data_block=words[8],
        processor=processor,
        parameters=parameters,
    )


def _frames(words: tuple[int, ...], parameters: dict[str, dict[str, Any]]) -> tuple[int, int]:
    """First frame (from 1) and number of frames; 16-bit words overflow at 65,535, the TRIAL group does not."""
    first, last = words[3], words[4]
    trial = parameters.get("TRIAL", {})
    fields = [np.asarray(trial.get(name, [])).ravel() for name in ("ACTUAL_START_FIELD", "ACTUAL_END_FIELD")]
    if all(len(field) == 2 for field in fields):
        start, end = (int(np.uint16(int(f[0]) & 0xFFFF)) + 65536 * (int(f[1]) & 0xFFFF) for f in fields)
        if last == 65535 and end >= start > 0:
            first, last = start, end
    return first, last - first + 1


def _walk(section: bytes, processor: int) -> dict[str, dict[str, Any]]:
    """Groups and parameters by name; record offsets are followed strictly."""
    order = ">" if processor == _SGI else "<"
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Any]] = []
    position = 4
    while position + 2 <= len(section):
        length, group = struct.unpack_from("bb", section, position)
        length = abs(length)
        if length == 0 or group == 0:
            break
        name = section[position + 2 : position + 2 + length].decode("latin-1").strip().upper()
        if not name.isprintable():
            raise ValueError(f"{name!r} is no name of a parameter")
        position += 2 + length
        (offset,) = struct.unpack_from(order + "H", section, position)
        if group < 0:
            groups[-group] = name
        else:
            found.append((group, name, _value(section, position + 2, processor)))
        if offset == 0:
            break
        position += offset
    parameters: dict[str, dict[str, Any]] = {name: {} for name in groups.values()}
    for group, name, value in found:
        parameters.setdefault(groups.get(group, f"GROUP_{group}"), {})[name] = value
    return parameters


def _value(section: bytes, position: int, processor: int) -> Any:
    """One parameter: list of str for characters, ndarray (Fortran order) for numbers."""
    kind, n_dimensions = struct.unpack_from("bb", section, position)
    shape = tuple(section[position + 2 : position + 2 + n_dimensions])
    count = int(np.prod(shape, dtype=int)) if shape else 1
    width = abs(kind)
    start = position + 2 + n_dimensions
    data = section[start : start + count * width]
    if len(data) < count * width:
        raise ValueError("a parameter runs over the end of its section")
    if kind == -1:
        length = shape[0] if shape else 1
        text = data.decode("latin-1")  # one byte a character, so that widths hold
        rows = [text[k : k + length] for k in range(0, len(text), length)] if length else []
        return [row.strip(" \0") for row in rows]
    if kind == 4:
        values = _floats(data, processor)
    else:
        order = ">" if processor == _SGI else "<"
        values = np.frombuffer(data, dtype=np.int8 if kind == 1 else f"{order}i2")
    return values.reshape(shape, order="F") if shape else values


def _floats(data: bytes, processor: int) -> np.ndarray:
    """32-bit floats of the three processor families; DEC stores the two words swapped and four times too large."""
    if processor == _SGI:
        return np.frombuffer(data, dtype=">f4").astype(float)
    if processor == _DEC:
        words = np.frombuffer(data, dtype="<u2").reshape(-1, 2)[:, ::-1]
        return words.copy().view("<f4").ravel().astype(float) / 4.0
    return np.frombuffer(data, dtype="<f4").astype(float)
