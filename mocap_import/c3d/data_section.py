"""C3D data: the numbers of a file, decoded straight from the bytes that its layout names.

Points are four words each (x, y, z and a word whose sign tells occlusion), analog samples follow them frame by frame,
and rotations have a section of their own. Integers are scaled; floats are not. Views into the file's bytes are
converted once, so that nothing larger than a few times the file is ever allocated.
Reference: The C3D File Format User Guide (Motion Lab Systems, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mocap_import.c3d.layout import ROTATION_WORDS, C3dLayout
from mocap_import.c3d.parameter import DEC, SGI, floats, joined, number, numbers
from mocap_import.trial import Treatment

_ODD_OFFSET = 8192
"""Counts, a quarter of a signed 16-bit converter: no two channels of one converter have zeros so far apart."""


@dataclass(frozen=True)
class C3dData:
    """The numbers of a C3D file, in the file's units and axes.

    Attributes
    ----------
    samples : ndarray, shape (n_frames, n_points, 4)
        Coordinates and the fourth word; occlusion is not applied yet (`mocap_import.c3d.occlusion`).
    analog : ndarray, shape (n_samples, n_channels)
        Offsets and scales applied.
    rotations : ndarray, shape (n_rotation_samples, n_rotations, 4, 4)
        Homogeneous transforms; NaN where the system saw nothing.
    treatments : tuple of Treatment
    """

    samples: np.ndarray
    analog: np.ndarray
    rotations: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 4, 4)))
    treatments: tuple[Treatment, ...] = ()


def decode(content: bytes, layout: C3dLayout) -> C3dData:
    """Numbers of a file whose layout fits its size.

    Parameters
    ----------
    content : bytes
        The whole file.
    layout : C3dLayout

    Returns
    -------
    C3dData
    """
    shape = (layout.n_frames, layout.words_per_frame)
    values = _values(content, layout.data_start, shape, layout)
    samples = values[:, : 4 * layout.n_points].reshape(layout.n_frames, layout.n_points, 4)
    if layout.scale > 0:
        samples = samples * np.array([layout.scale] * 3 + [1.0])
    analog, notes = _scaled_analog(values[:, 4 * layout.n_points :], layout)
    return C3dData(samples, analog, decode_rotations(content, layout), tuple(notes))


def decode_rotations(content: bytes, layout: C3dLayout) -> np.ndarray:
    """Rotations (n_samples, n_rotations, 4, 4); they are stored column by column, always as floats."""
    n_samples = layout.n_frames * layout.rotation_ratio
    n_words = n_samples * layout.n_rotations * ROTATION_WORDS
    if not n_words:
        return np.zeros((0, 0, 4, 4))
    data = content[layout.rotation_start : layout.rotation_start + 4 * n_words]
    words = floats(data, layout.processor).reshape(n_samples, layout.n_rotations, ROTATION_WORDS)
    with np.errstate(invalid="ignore"):
        return words[:, :, :16].reshape(n_samples, layout.n_rotations, 4, 4).swapaxes(2, 3).astype(float)


def _values(content: bytes, start: int, shape: tuple[int, int], layout: C3dLayout) -> np.ndarray:
    """All values of the data section (n_frames, words), as stored; a view of the bytes where the processor allows."""
    if 0 in shape:
        return np.zeros(shape, dtype=np.float32)
    order = ">" if layout.processor == SGI else "<"
    if layout.width == 2:
        return np.ndarray(shape, dtype=f"{order}i2", buffer=content, offset=start)
    if layout.processor == DEC:
        return floats(content[start : start + 4 * shape[0] * shape[1]], DEC).reshape(shape)
    return np.ndarray(shape, dtype=f"{order}f4", buffer=content, offset=start)


def _scaled_analog(stored: np.ndarray, layout: C3dLayout) -> tuple[np.ndarray, list[Treatment]]:
    """Analog values (n_samples, n_channels) = (stored - offset) × scale × general scale."""
    n_channels = layout.n_channels
    if not n_channels or not layout.n_frames:
        return np.zeros((0, 0)), []
    parameters = layout.parameters
    unsigned = "".join(joined(parameters, "ANALOG", "FORMAT")[:1]).upper() == "UNSIGNED"
    if unsigned and layout.width == 2:
        stored = stored.view(stored.dtype.str.replace("i", "u"))
    notes = []
    offset = numbers(parameters, "ANALOG", "OFFSET")[:n_channels]
    if unsigned:
        offset = np.where(offset < 0, offset + 65536.0, offset)
    if len(offset) > 3 and (np.abs(offset - np.median(offset)) > _ODD_OFFSET).any():
        odd = np.flatnonzero(np.abs(offset - np.median(offset)) > _ODD_OFFSET)
        detail = ", ".join(f"{offset[k]:g} of channel {k + 1}" for k in odd[:20])
        notes.append(Treatment("analog_offset_odd", f"ANALOG:OFFSET {detail}; the others have {np.median(offset):g}"))
    scale = numbers(parameters, "ANALOG", "SCALE")[:n_channels]
    if len(scale) < n_channels:
        without = f"{n_channels - len(scale)} of {n_channels} analog channels have no ANALOG:SCALE"
        notes.append(Treatment("analog_scale_missing", f"{without}; their values are as stored"))
    general = number(parameters, "ANALOG", "GEN_SCALE")
    factor = np.r_[scale, np.ones(n_channels - len(scale))] * (general if np.isfinite(general) else 1.0)
    shift = np.r_[offset, np.zeros(n_channels - len(offset))]
    with np.errstate(invalid="ignore", over="ignore"):
        values = stored.astype(float).reshape(-1, n_channels)
        if shift.any():
            values -= shift
        if (factor != 1.0).any():
            values *= factor
    return values, notes
