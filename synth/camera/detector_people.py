"""Detector people: who is followed where a detector found several people in a video.

Found people are joined from frame to frame by where they are. The one who is followed is the largest for the longest;
where somebody else is about as large in half of the same frames, nobody can tell who is meant, and that is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from synth.corpus.schema import CorpusMismatch

_REACH, _PATIENCE = 0.6, 0.5
"""Sizes that somebody may go from one frame to the next in which they are found; s for which they may be missing."""
_RIVAL, _BESIDE, _ALIKE = 0.8, 0.5, 0.7
"""Of the followed person: size of a rival, share of frames beside each other, size of the same one who comes back."""


class _Track:
    """One person over time."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.points: list[np.ndarray] = []
        self.sizes: list[float] = []
        self.place = np.zeros(2)

    def add(self, frame: int, points: np.ndarray, place: np.ndarray, size: float) -> None:
        self.frames.append(frame)
        self.points.append(points)
        self.sizes.append(size)
        self.place = place

    @property
    def size(self) -> float:
        return float(np.median(self.sizes))


def followed_person(frames: Sequence[Sequence[np.ndarray]], rate: float, where: str) -> tuple[np.ndarray, list[str]]:
    """Keypoints of the one person who is meant.

    Parameters
    ----------
    frames : sequence of sequences of ndarray, shape (12, 2)
        Everybody found in each frame, in any order; NaN where a keypoint was not seen.
    rate : float
        Hz.
    where : str
        The file, for what is said.

    Returns
    -------
    ndarray, shape (n_frames, 12, 2)
        NaN where the person was not found.
    list of str
        What is to be known of the others.

    Raises
    ------
    CorpusMismatch
        Nobody was found, or two people are about as large.
    """
    tracks = _tracks(frames, _PATIENCE * rate)
    if not tracks:
        raise CorpusMismatch(
            f"{where}: nobody was found in {len(frames)} frames. A lower least score may help; else film again, with "
            "all of the person in the picture."
        )
    tracks.sort(key=lambda t: sum(t.sizes), reverse=True)
    main, notes = tracks[0], []
    own = set(main.frames)
    for other in tracks[1:]:
        beside = len(own.intersection(other.frames))
        if other.size > _RIVAL * main.size and beside > _BESIDE * len(own):
            raise CorpusMismatch(
                f"{where}: two people are about as large ({main.size:.0f} and {other.size:.0f} pixels) in {beside} of "
                f"{len(own)} frames; who is meant? Cut the picture to one person, or give a CSV of the one."
            )
    out = np.full((len(frames), 12, 2), np.nan)
    joined = 0
    for track in tracks:
        back = track is main or (not own.intersection(track.frames) and _ALIKE < track.size / main.size < 1.0 / _ALIKE)
        if back:
            out[track.frames] = track.points
            own.update(track.frames)
            joined += 1
    if joined > 1:
        notes.append(f"the person is lost and found again {joined - 1} times; taken as one")
    several = sum(len(people) > 1 for people in frames)
    if several:
        notes.append(f"several people in {several} of {len(frames)} frames; the largest one is followed")
    return out, notes


def _tracks(frames: Sequence[Sequence[np.ndarray]], patience: float) -> list[_Track]:
    """Everybody over time."""
    alive: list[_Track] = []
    done: list[_Track] = []
    for number, people in enumerate(frames):
        done += [t for t in alive if number - t.frames[-1] > patience]
        alive = [t for t in alive if number - t.frames[-1] <= patience]
        found = [(points, *_place_and_size(points)) for points in people if np.isfinite(points).any()]
        taken: set[int] = set()
        if alive and found:
            away = np.array(
                [[np.linalg.norm(t.place - place) / max(t.size, 1.0) for _, place, _ in found] for t in alive]
            )
            for i, j in zip(*linear_sum_assignment(away), strict=True):
                if away[i, j] < _REACH:
                    alive[i].add(number, *found[j])
                    taken.add(int(j))
        for j, own in enumerate(found):
            if j not in taken:
                alive.append(_Track())
                alive[-1].add(number, *own)
    return done + alive


def _place_and_size(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Middle of what was seen of a person, and the diagonal of the box around it (pixels)."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return np.nanmedian(points, axis=0), float(np.hypot(*(high - low)))
