"""Keypoint record: what somebody's detector made of one video of one person, and the clips that a network reads.

A network reads some seconds of somebody who faces one way. A longer record gives several clips, one after the other;
one in which the person turns round is cut there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap_import.stretch import stretches
from synth.camera.filmed_gait import PARAMETERS, WAVES
from synth.camera.keypoint_input import CHANNELS, FRAMES, ClipArrays, instants, keypoint_input, units_of
from synth.camera.keypoint_stretch import PLACES, unreadable
from synth.corpus.schema import CorpusMismatch

SHORTEST = 1.2
"""s; of a clip. Shorter ones taught no network."""
STATURES = (0.5, 2.6)
"""m; what a stature can be."""
_UNSEEN, _TURNED = 0.5, 0.4
"""s without hips, after which a clip ends; s for which somebody faces the other way when they have turned."""
_SMALLEST, _LARGEST = 20.0, 1e5
"""Pixels from shoulders to ankles, and in any picture."""


@dataclass(frozen=True)
class KeypointRecord:
    """Keypoints of one person in one video.

    Attributes
    ----------
    person, trial : str
    pixels : ndarray, shape (n, 12, 2)
        Of `keypoint.KEYPOINTS`, right and down; NaN where nothing was found.
    rate : float
        Hz.
    stature : float
        m.
    treadmill : bool
    measured : mapping of str to float
        Some of `filmed_gait.PARAMETERS` (SI) as another system measured them.
    notes : tuple of str
        What is to be known of how it was read.
    source : str
        Where from.
    """

    person: str
    trial: str
    pixels: np.ndarray
    rate: float
    stature: float
    treadmill: bool = False
    measured: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be keypoints of somebody who walks."""
        where = f"{self.source or 'keypoints'}: {self.person}, {self.trial}"
        low, high = STATURES
        if not low <= self.stature <= high:
            raise CorpusMismatch(f"{where}: expected a stature of {low:g} to {high:g} m, got {self.stature:g}.")
        if not (np.isfinite(self.rate) and 5.0 <= self.rate <= 1000.0):
            raise CorpusMismatch(f"{where}: expected 5 to 1000 frames a second, got {self.rate:g}. Check time or rate.")
        if (np.abs(np.nan_to_num(self.pixels, posinf=np.inf)) > _LARGEST).any():
            raise CorpusMismatch(
                f"{where}: expected pixels, found a number beyond {_LARGEST:g}. Leave cells empty instead."
            )
        upper, lower = (_mean(self.pixels[:, PLACES[part], 1]) for part in ("shoulder", "ankle"))
        if not np.isfinite(upper + lower):
            raise CorpusMismatch(
                f"{where}: shoulders or ankles were never found. The picture must show all of the person; a lower "
                "least score may help."
            )
        if abs(lower - upper) < _SMALLEST:
            raise CorpusMismatch(
                f"{where}: shoulders and ankles are {abs(lower - upper):.3g} apart, expected {_SMALLEST:g} pixels or "
                "more. Give pixels, not coordinates from 0 to 1, of a person who fills more of the picture."
            )
        if lower < upper:
            raise CorpusMismatch(
                f"{where}: ankles lie above shoulders; expected pixels that count down from above. Turn y round."
            )

    @property
    def seconds(self) -> float:
        """How long it is (s)."""
        return len(self.pixels) / self.rate


def _mean(values: np.ndarray) -> float:
    """Mean of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def facing(pixels: np.ndarray, rate: float) -> np.ndarray:
    """To which side of the picture somebody faces in each frame (n,): 1 right, -1 left, by the feet over 1 s."""
    ahead = (pixels[:, PLACES["toe"], 0] - pixels[:, PLACES["heel"], 0]).reshape(len(pixels), -1)
    own = np.sign(np.where(np.isfinite(ahead), ahead, 0.0).sum(axis=1))
    window = np.ones(2 * max(round(0.5 * rate), 1) + 1)
    side = np.sign(np.convolve(own, window, mode="full")[len(window) // 2 : len(window) // 2 + len(own)])
    known = np.flatnonzero(side)
    if not len(known):
        return np.ones(len(own))
    return side[known[np.maximum(np.searchsorted(known, np.arange(len(side)), side="right") - 1, 0)]]


def clip_bounds(record: KeypointRecord) -> list[tuple[int, int]]:
    """First frame and the one after the last of each clip of a record, in time.

    A clip ends where hips are not seen for half a second, where the person turns round for longer than a moment, and
    after what a network reads. What is left is cut into clips of equal length (`_equal_parts`).
    """
    n, rate = len(record.pixels), record.rate
    hips = np.isfinite(record.pixels[:, PLACES["hip"]]).all(axis=2).any(axis=1)
    seen = np.zeros(n, bool)
    frames = np.flatnonzero(hips)
    if not len(frames):
        return []
    reach = _UNSEEN * rate
    edges = np.r_[0 if frames[0] < reach else frames[0], frames[1:][np.diff(frames) > reach]]
    ends = np.r_[frames[:-1][np.diff(frames) > reach], n - 1 if n - 1 - frames[-1] < reach else frames[-1]]
    for first, last in zip(edges, ends, strict=True):
        seen[first : last + 1] = True
    side = facing(record.pixels, rate)
    side = _settled(side, _TURNED * rate)
    found = []
    for way in (1.0, -1.0):
        for first, last in zip(*stretches(seen & (side == way)), strict=True):
            found += _equal_parts(int(first), int(last), rate, float(instants(record.stature)[-1]))
    return sorted(found)


def _settled(side: np.ndarray, shortest: float) -> np.ndarray:
    """Sides (n,) without turns that last less than so many frames."""
    own = side.copy()
    for way in (1.0, -1.0):
        for first, last in zip(*stretches(own == way), strict=True):
            if last - first < shortest and first > 0:
                own[first:last] = own[first - 1]
    return own


def _equal_parts(first: int, last: int, rate: float, longest: float) -> list[tuple[int, int]]:
    """Frames from first to last cut into equal parts, none longer than what a network reads.

    Where whole ones leave less than `SHORTEST`, that is left at both ends: one long clip tells more than two halves.
    """
    most = int(longest * rate + 1e-9) + 1
    whole, rest = divmod(last - first, most)
    if whole and rest < SHORTEST * rate:
        first, last, rest = first + rest // 2, first + rest // 2 + whole * most, 0
    count = whole + (rest > 0)
    cuts = np.linspace(first, last, count + 1).round().astype(int)
    return [(a, b) for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True) if b - a >= SHORTEST * rate]


@dataclass(frozen=True)
class RecordClips:
    """Clips of records as a network reads them.

    Attributes
    ----------
    arrays : ClipArrays
        Waves, severity and kind unknown.
    start, seconds : ndarray, shape (n,)
        When each begins in its record, and how long it is (s).
    treadmill : ndarray of bool, shape (n,)
    left_out : tuple of str
        Sentences about what gave no clip.
    """

    arrays: ClipArrays
    start: np.ndarray
    seconds: np.ndarray
    treadmill: np.ndarray
    left_out: tuple[str, ...]

    def rows(self, rows: np.ndarray) -> ClipArrays:
        """Arrays of some clips."""
        return self.arrays.rows(rows)


def record_clips(records: Sequence[KeypointRecord]) -> RecordClips:
    """Clips of all records, in their order; records that give none are named in `RecordClips.left_out`."""
    inputs, owners, bounds, left_out = [], [], [], []
    for record in records:
        found = clip_bounds(record)
        for first, last in found:
            own = record.pixels[first:last]
            reason = unreadable(own)
            if reason:
                left_out.append(
                    f"{record.person}, {record.trial}: {first / record.rate:.2f} to {last / record.rate:.2f} s left "
                    f"out, {reason}."
                )
                continue
            inputs.append(keypoint_input(own, record.rate, record.stature))
            owners.append(record)
            bounds.append((first / record.rate, (last - first) / record.rate))
        if not found:
            left_out.append(
                f"{record.person}, {record.trial}: no stretch of {SHORTEST:g} s or more in which the person is seen "
                f"and faces one way, in {record.seconds:.2f} s. Film somebody who walks past from the side."
            )
    start, seconds = np.array(bounds, float).reshape(-1, 2).T
    return RecordClips(
        _arrays(inputs, owners), start, seconds, np.array([o.treadmill for o in owners], bool), tuple(left_out)
    )


def _arrays(inputs: Sequence[np.ndarray], owners: Sequence[KeypointRecord]) -> ClipArrays:
    """Inputs with what was measured of their records."""
    n = len(inputs)
    unknown = np.full(n, np.nan)
    stature = np.array([o.stature for o in owners], float)
    measured = np.array([[o.measured.get(name, np.nan) for name in PARAMETERS] for o in owners], float)
    return ClipArrays(
        np.array(inputs, np.float32).reshape(-1, FRAMES, CHANNELS),
        np.full((n, FRAMES, len(WAVES)), np.nan, np.float32),
        measured.reshape(-1, len(PARAMETERS)) / units_of(stature),
        unknown,
        np.full(n, -1),
        stature,
        np.array([o.person for o in owners], str),
        np.array([o.trial for o in owners], str),
        np.zeros(n, int),
        unknown,
    )
