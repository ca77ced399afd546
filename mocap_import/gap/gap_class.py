"""Gap class: where markers are missing, for how long, and what was seen meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.stretch import stretches


@dataclass(frozen=True)
class Gap:
    """Frames start ≤ k < stop in which marker number `marker` was not seen."""

    marker: int
    start: int
    stop: int


@dataclass(frozen=True)
class GapClass:
    """What decides how a gap can be filled.

    Attributes
    ----------
    gap : Gap
    seconds : float
        Its length (s).
    at_edge : bool
        It begins with the first frame or ends with the last.
    seen_share : float
        Share of the trial's frames in which the marker was seen.
    segment_seen, segment_size : int
        Other markers of its segment seen throughout the gap, and how many there are.
    others_seen : int
        Other markers of the body seen throughout the gap.
    """

    gap: Gap
    seconds: float
    at_edge: bool
    seen_share: float
    segment_seen: int
    segment_size: int
    others_seen: int

    @property
    def kind(self) -> str:
        """``"edge"`` or ``"inside"``, and who is missing: ``"marker"``, ``"segment"`` or ``"body"``."""
        who = "body" if self.others_seen == 0 else "marker"
        if self.segment_size and not self.segment_seen and self.others_seen:
            who = "segment"
        return f"{'edge' if self.at_edge else 'inside'} {who}"


def find_gaps(positions: np.ndarray) -> list[Gap]:
    """All gaps of positions (n_frames, n_markers, 3), those at the beginning and end included, marker by marker."""
    return gaps_of(np.isfinite(positions).all(axis=2))


def gaps_of(seen: np.ndarray) -> list[Gap]:
    """All gaps of a mask (n_frames, n_markers) of seen samples."""
    found = []
    for k in np.flatnonzero(~seen.all(axis=0)):
        starts, stops = stretches(~seen[:, k])
        found += [Gap(int(k), int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
    return found


def segment_mates(labels: Sequence[str], segments: Mapping[str, Sequence[str]]) -> dict[int, tuple[int, ...]]:
    """Marker number → numbers of the other markers of its segment."""
    column = {label: k for k, label in enumerate(labels)}
    groups = [[column[label] for label in group if label in column] for group in segments.values()]
    return {k: tuple(other for other in group if other != k) for group in groups for k in group}


def classify_gaps(
    gaps: Sequence[Gap], seen: np.ndarray, mates: Mapping[int, Sequence[int]], rate: float
) -> list[GapClass]:
    """Classify gaps.

    Parameters
    ----------
    gaps : sequence of Gap
    seen : ndarray of bool, shape (n_frames, n_markers)
    mates : mapping
        Marker → other markers of its segment, see `segment_mates`.
    rate : float
        Frames per second (Hz).
    """
    share = seen.mean(axis=0)
    found = []
    for gap in gaps:
        throughout = seen[gap.start : gap.stop].all(axis=0)
        own = mates.get(gap.marker, ())
        found.append(
            GapClass(
                gap=gap,
                seconds=(gap.stop - gap.start) / rate,
                at_edge=gap.start == 0 or gap.stop == len(seen),
                seen_share=float(share[gap.marker]),
                segment_seen=sum(bool(throughout[k]) for k in own),
                segment_size=len(own),
                others_seen=int(throughout.sum()),
            )
        )
    return found
