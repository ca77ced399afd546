"""C3D layout: where every number of a file lies, decided by the size that a file must have.

Header and parameters state the same counts twice, and in real files they disagree. The size equation - start of the
data plus frames × words per frame is the file's size, but for the padding of the last block - tells which of them is
right, and refuses truncated and damaged files before anything is allocated or a native parser sees them.
Reference: The C3D File Format User Guide (Motion Lab Systems, 2021).
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mocap_import.c3d.parameter import BLOCK, Parameters, count, floats, number, read_sections
from mocap_import.trial import Treatment, TrialRefused

PADDING = 1024
"""Bytes after the last frame are fewer than this: the padding of the last block, and one empty block."""
_SATURATED = 65535


@dataclass(frozen=True)
class C3dLayout:
    """Counts, places and parameters of a C3D file.

    Attributes
    ----------
    rate : float
        Frames per second (Hz), not positive if neither header nor parameters state one.
    n_points, n_frames, first_frame : int
        Trajectories per frame, frames, number of the first frame (from 1).
    n_channels, samples_per_frame : int
        Analog channels, and samples of each per 3-D frame.
    scale : float
        Point unit per count of integer storage; negative if values are stored as floats.
    data_start : int
        Byte (from 0) where data start.
    processor : int
        84 Intel, 85 DEC, 86 SGI/MIPS.
    parameters : dict
        Group → parameter → list of str, ndarray (Fortran order) or empty list.
    n_rotations, rotation_ratio, rotation_start : int
        Rotations per sample, samples of them per 3-D frame, byte where they start; 0 without rotations.
    treatments : tuple of Treatment
        What had to be decided or repaired.
    """

    rate: float
    n_points: int
    n_frames: int
    first_frame: int
    n_channels: int
    samples_per_frame: int
    scale: float
    data_start: int
    processor: int
    parameters: Parameters
    n_rotations: int = 0
    rotation_ratio: int = 0
    rotation_start: int = 0
    treatments: tuple[Treatment, ...] = ()

    @property
    def words_per_frame(self) -> int:
        """Values of one 3-D frame: four per point, and the analog samples."""
        return 4 * self.n_points + self.n_channels * self.samples_per_frame

    @property
    def width(self) -> int:
        """Bytes of one value."""
        return 4 if self.scale < 0 else 2

    @property
    def expected_size(self) -> int:
        """Bytes up to the end of the last frame, and of the last rotation."""
        end = self.data_start + self.n_frames * self.words_per_frame * self.width
        rotations = self.n_frames * self.n_rotations * self.rotation_ratio * ROTATION_WORDS * 4
        return max(end, self.rotation_start + rotations)


ROTATION_WORDS = 17
"""Floats per rotation: a 4 × 4 matrix, column by column, and its reliability."""


def read_layout(path: Path) -> C3dLayout:
    """Header and parameters of a file; see `layout_of`."""
    return layout_of(read_bytes(path), path.name)


def read_bytes(path: Path) -> bytes:
    """Content of a regular file; anything else, and what cannot be read, is refused."""
    name = path.name or str(path)
    if not path.is_file():
        raise TrialRefused(f"{name}: expected a C3D file, found no regular file there; check the path.")
    try:
        return path.read_bytes()
    except OSError as problem:
        raise TrialRefused(f"{name}: cannot be read ({problem.strerror}); check the disk and the rights.") from problem


def layout_of(content: bytes, name: str) -> C3dLayout:
    """Read header and parameters; refuse what is empty, no C3D, damaged, or shorter than it states.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        Of the file, for messages.

    Returns
    -------
    C3dLayout

    Raises
    ------
    TrialRefused
        With the file, what was expected, what was found and what to do.
    """
    if not content:
        raise TrialRefused(f"{name}: the file is empty (0 bytes); copy it again from its source.")
    if len(content) < 2 * BLOCK or content[1] != 0x50:
        raise TrialRefused(
            f"{name}: not a C3D file (the second byte must be 0x50 and {2 * BLOCK} bytes or more must follow; "
            f"the file has {len(content)} bytes); export it again as C3D."
        )
    try:
        processor, words, parameters, damage = read_sections(content)
    except (struct.error, IndexError, ValueError) as problem:
        raise TrialRefused(
            f"{name}: the header or parameter section is damaged ({problem}); copy or export the file again."
        ) from problem
    notes = [Treatment("parameters_damaged", "; ".join(damage))] if damage else []
    if words[1] and not parameters.get("POINT"):
        detail = "the group POINT is missing: counts are the header's, markers have no labels and no unit"
        notes.append(Treatment("point_group_missing", detail))
    layout, more = _decided(content, name, processor, words, parameters)
    notes += more
    return replace(layout, treatments=tuple(notes))


def _decided(
    content: bytes, name: str, processor: int, words: tuple[int, ...], parameters: Parameters
) -> tuple[C3dLayout, list[Treatment]]:
    """The layout by the first choice that fits the file's size, the header's before the parameters'."""
    size = len(content)
    header_scale, header_rate = (float(floats(content[k : k + 4], processor)[0]) for k in (12, 20))
    rate = number(parameters, "POINT", "RATE")
    rate = rate if rate > 0 and np.isfinite(rate) else header_rate
    rate = rate if np.isfinite(rate) else 0.0
    analog, stated_analog = _analog_counts(words, parameters, rate)
    choices = {
        "data start": _data_starts(words, parameters),
        "storage": _scales(header_scale, number(parameters, "POINT", "SCALE")),
        "points": _distinct(words[1], count(parameters, "POINT", "USED")),
        "analog": analog,
        "frames": _frame_counts(words, parameters),
    }
    rotations = _rotations(parameters, size)
    ranks = itertools.product(*(range(len(values)) for values in choices.values()))
    notes = []
    for rank in sorted(ranks, key=lambda rank: (sum(rank), rank)):
        picked = {what: values[k] for (what, values), k in zip(choices.items(), rank, strict=True)}
        layout = _assembled(picked, words, parameters, processor, rate, rotations)
        if 0 <= size - layout.expected_size < PADDING:
            break
    else:
        picked = {what: values[0] for what, values in choices.items()}
        layout = _assembled(picked, words, parameters, processor, rate, rotations)
        statements = {**choices, "analog": stated_analog}
        _refuse_if_short(layout, size, name, [what for what, values in statements.items() if len(values) > 1])
        extra = f"{size - layout.expected_size} bytes follow the last frame; they were left alone"
        notes.append(Treatment("trailing_data", extra))
    left = size - layout.expected_size
    if 0 < left < PADDING and size % BLOCK:
        # True of none of 117 sound files of 20 programs: they end with the last frame or with a block.
        detail = f"the file ends {left} bytes after the last frame, not with it nor with a block; bytes may be missing"
        notes.append(Treatment("length_odd", f"{detail} or added: compare it with its source"))
    rates = (header_rate, number(parameters, "POINT", "RATE"))
    return layout, notes + _disagreements(choices, picked, stated_analog, rates)


def _refuse_if_short(layout: C3dLayout, size: int, name: str, disputed: list[str]) -> None:
    """Refuse a file that no reading of its counts explains."""
    if layout.n_frames in (_SATURATED, _SATURATED - layout.first_frame + 1) and size > layout.expected_size:
        raise TrialRefused(
            f"{name}: holds more than 65,535 frames and does not state how many (TRIAL:ACTUAL_END_FIELD or "
            "POINT:LONG_FRAMES); export it again with a program that does."
        )
    if size < layout.expected_size:
        frame = layout.words_per_frame * layout.width
        whole = max(0, size - layout.data_start) // frame if frame else 0
        raise TrialRefused(
            f"{name}: truncated: {layout.n_frames} frames of {layout.n_points} points need {layout.expected_size} "
            f"bytes, the file has {size}, which hold {whole} whole frames; copy it again from its source."
        )
    if disputed:
        raise TrialRefused(
            f"{name}: header and parameters disagree about {', '.join(disputed)}, and the size of the file ({size} "
            f"bytes) fits neither; export it again."
        )


def _assembled(
    picked: dict, words: tuple[int, ...], parameters: Parameters, processor: int, rate: float, rotations: tuple
) -> C3dLayout:
    """The layout by one choice of the counts."""
    n_channels, samples = picked["analog"]
    n_frames, first = picked["frames"]
    n_rotations, ratio, start = rotations
    return C3dLayout(
        rate=rate,
        n_points=picked["points"],
        n_frames=n_frames,
        first_frame=max(first, 1),
        n_channels=n_channels,
        samples_per_frame=samples if n_channels else 0,
        scale=picked["storage"],
        data_start=(picked["data start"] - 1) * BLOCK,
        processor=processor,
        parameters=parameters,
        n_rotations=n_rotations,
        rotation_ratio=ratio,
        rotation_start=start,
    )


def _distinct(*values: int) -> list[int]:
    """Values that are counts, each once, in this order."""
    return list(dict.fromkeys(value for value in values if value >= 0))


def _data_starts(words: tuple[int, ...], parameters: Parameters) -> list[int]:
    """Blocks (from 1) where data may start; the first two hold header and parameters."""
    starts = [value for value in _distinct(words[8], count(parameters, "POINT", "DATA_START")) if value > 2]
    return starts or [max(words[8], 3)]


def _scales(header: float, stated: float) -> list[float]:
    """Scale factors; integer storage takes the parameter's, which the guide calls the right one."""
    valid = [value for value in (header, stated) if np.isfinite(value) and value != 0]
    if len(valid) < 2 or (valid[0] > 0) == (valid[1] > 0):
        return [valid[-1]] if valid else [-1.0]
    return valid


def _analog_counts(
    words: tuple[int, ...], parameters: Parameters, rate: float
) -> tuple[list[tuple[int, int]], set[tuple[int, int]]]:
    """Channels and samples per frame that are possible, and those that header and parameters state.

    Header word 3 is their product; some programs write the channels alone.
    """
    in_frame, samples = words[2], max(words[9], 1)
    used = count(parameters, "ANALOG", "USED")
    analog_rate = number(parameters, "ANALOG", "RATE")
    ratio = round(analog_rate / rate) if rate > 0 and 0 < analog_rate < 1e9 else 0
    stated = []
    if in_frame % samples == 0:
        stated.append((in_frame // samples, samples if in_frame else 1))
    if used == 0 or (used > 0 and ratio):
        stated.append((used, ratio if used else 1))
    possible = list(stated)
    if used > 0 and in_frame and in_frame % used == 0:
        possible.append((used, in_frame // used))
    if used > 0:
        possible.append((used, samples))
    if in_frame or not possible:
        possible.append((in_frame, samples))
    if in_frame % samples:
        stated.append((in_frame // samples, samples))  # no way to fill a frame, but what the header says
    return list(dict.fromkeys(possible)), set(stated)


def _frame_counts(words: tuple[int, ...], parameters: Parameters) -> list[tuple[int, int]]:
    """Number of frames and of the first one. 16-bit words end at 65,535; the TRIAL group and LONG_FRAMES go on."""
    first, last = words[3], words[4]
    frames = count(parameters, "POINT", "FRAMES")
    span = [np.asarray(parameters.get("TRIAL", {}).get(f"ACTUAL_{end}_FIELD", [])).ravel() for end in ("START", "END")]
    trial = (-1, first)
    if all(len(field) == 2 and field.dtype.kind in "if" for field in span):
        start, end = ((int(f[0]) & 0xFFFF) + 65536 * (int(f[1]) & 0xFFFF) for f in span)
        trial = (end - start + 1, start)
    header = (last - first + 1, first)
    longer = [trial, (count(parameters, "POINT", "LONG_FRAMES"), first)]
    if last == _SATURATED or first == _SATURATED or frames == _SATURATED:
        order = [*longer, (frames, first), header]
    else:
        order = [header, (frames, first), *longer]
    found: dict[int, int] = {}
    for n_frames, start in order:
        if n_frames > 0:
            found.setdefault(n_frames, start)
    return list(found.items()) or [(0, first)]


def _rotations(parameters: Parameters, size: int) -> tuple[int, int, int]:
    """Rotations per sample, samples per frame and first byte; zeros where the file has none."""
    used, start = count(parameters, "ROTATION", "USED"), count(parameters, "ROTATION", "DATA_START")
    ratio = max(count(parameters, "ROTATION", "RATIO"), 1)
    if used <= 0 or start <= 2 or (start - 1) * BLOCK >= size:
        return 0, 0, 0
    return used, ratio, (start - 1) * BLOCK


def _disagreements(
    choices: dict, picked: dict, stated_analog: set[tuple[int, int]], rates: tuple[float, float]
) -> list[Treatment]:
    """What header and parameters state differently, and which was taken."""
    said = []
    for what, values in choices.items():
        taken = picked[what]
        others = stated_analog - {taken} if what == "analog" else [v for v in values if v != taken]
        if others:
            said.append(f"{what} {_shown(what, taken)}, not {' or '.join(_shown(what, v) for v in sorted(others))}")
    header_rate, stated_rate = rates
    if header_rate > 0 and stated_rate > 0 and abs(header_rate - stated_rate) > 1e-3 * stated_rate:
        said.append(f"rate {stated_rate:g} Hz by the parameters, not {header_rate:g} Hz")
    notes = []
    if said:
        detail = f"header and parameters disagree; the size of the file decides: {'; '.join(said)}"
        notes.append(Treatment("header_disagrees", detail))
    if not stated_rate > 0 and header_rate > 0:
        detail = f"POINT:RATE is missing or zero; the header states {header_rate:g} Hz"
        notes.append(Treatment("rate_from_header", detail))
    return notes


def _shown(what: str, value: object) -> str:
    """A choice in words."""
    if what == "analog":
        return f"{value[0]} channels × {value[1]} samples"
    if what == "storage":
        return "as floats" if value < 0 else "as integers"
    if what == "frames":
        return str(value[0])
    return f"in block {value}" if what == "data start" else str(value)
