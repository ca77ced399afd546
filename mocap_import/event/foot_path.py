"""Foot path: how heel and toe of one foot move relative to the ground and to the pelvis, as event detectors need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.marker.marker_set import MarkerSet, landmark_positions
from mocap_import.plate.step import SIDES
from mocap_import.stretch import stretches
from mocap_import.treadmill import pelvis_position, travel_direction
from mocap_import.trial import MarkerTrial

WALKING_CUTOFF, RUNNING_CUTOFF = 10.0, 15.0
"""Low-pass (Hz) of the feet: best on runners RBDS001 and 002 and on the walkers of four clinical laboratories."""
LONGEST_BRIDGE = 0.1
"""Gap (s) over which a foot counts as seen."""
SHORTEST_RECORD = 8
"""Frames; shorter trials hold no event of the markers."""
_EDGE = 2


@dataclass(frozen=True)
class FootPath:
    """One foot of a trial, low-pass filtered.

    Attributes
    ----------
    foot : str
        ``"right"`` or ``"left"``.
    heel, toe : ndarray, shape (n_frames, 3)
        m, ground frame, gaps bridged by straight lines. A foot with only one of them carries it in both.
    pelvis : ndarray, shape (n_frames, 3), or None
        Middle of the pelvis (m).
    seen : ndarray of bool, shape (n_frames,)
        False in and beside gaps of more than LONGEST_BRIDGE: no event may be found there.
    rate : float
        Frames per second (Hz).
    belt_speed : float
        m/s; NaN if a treadmill's speed is unknown.
    is_running : bool
    """

    foot: str
    heel: np.ndarray
    toe: np.ndarray
    pelvis: np.ndarray | None
    seen: np.ndarray
    rate: float
    belt_speed: float = 0.0
    is_running: bool = False

    @cached_property
    def middle(self) -> np.ndarray:
        """Midpoint (n_frames, 3) of heel and toe (m)."""
        return 0.5 * (self.heel + self.toe)

    @cached_property
    def forward(self) -> np.ndarray:
        """Horizontal unit vector (n_frames, 3) of travel."""
        return travel_direction(self.pelvis, self.rate, self.belt_speed != 0.0, len(self.heel))

    def velocity(self, place: np.ndarray) -> np.ndarray:
        """Velocity (n_frames, 3) of a place relative to the ground it treads on (m/s): a belt's speed is added."""
        found = np.gradient(place, 1.0 / self.rate, axis=0)
        found[:, 0] += self.belt_speed
        return found

    def is_seen(self, times: np.ndarray) -> np.ndarray:
        """Whether the foot is seen at instants (s)."""
        return self.seen[np.clip(np.round(np.asarray(times) * self.rate).astype(int), 0, len(self.seen) - 1)]


def foot_paths(trial: MarkerTrial, marker_set: MarkerSet) -> list[FootPath]:
    """The feet of a trial that carry a heel or a toe; either falls back on metatarsals, ankle and each other."""
    if trial.n_frames < SHORTEST_RECORD:
        return []
    landmarks = landmark_positions(trial, marker_set)
    rate = trial.rate
    pelvis = _pelvis(trial, marker_set, landmarks)
    feet = []
    for foot, side in SIDES:
        heel = _usable(landmarks, f"heel_{side}", f"toe_{side}")
        toe = _usable(landmarks, f"toe_{side}", f"heel_{side}")
        if heel is not None and toe is not None:
            feet.append((foot, heel, toe))
    if not feet:
        return []
    columns = [place for _, heel, toe in feet for place in (heel, toe)] + ([] if pelvis is None else [pelvis])
    raw = np.concatenate(columns, axis=1)
    bridged, seen = _bridged(raw, round(LONGEST_BRIDGE * rate))
    cutoff = RUNNING_CUTOFF if trial.task == "run" else WALKING_CUTOFF
    smooth = low_pass(bridged, rate, min(cutoff, 0.4 * rate))
    middle = None if pelvis is None else smooth[:, -3:]
    return [
        FootPath(
            foot,
            smooth[:, 6 * k : 6 * k + 3],
            smooth[:, 6 * k + 3 : 6 * k + 6],
            middle,
            seen[:, 6 * k : 6 * k + 6].all(axis=1),
            rate,
            trial.belt_speed,
            trial.task == "run",
        )
        for k, (foot, *_) in enumerate(feet)
    ]


def _usable(landmarks: Mapping[str, np.ndarray], *names: str) -> np.ndarray | None:
    """The first of several landmarks that is seen in a third of the frames."""
    for name in names:
        if name in landmarks and np.isfinite(landmarks[name][:, 0]).mean() > 1 / 3:
            return landmarks[name]
    return None


def _pelvis(trial: MarkerTrial, marker_set: MarkerSet, landmarks: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Middle of the pelvis (n_frames, 3), None if it is never seen."""
    marks = [mark for mark in marker_set.segments.get("pelvis", ()) if mark in trial.labels]
    segments = {"pelvis": np.mean([trial.marker(mark) for mark in marks], axis=0)} if marks else {}
    found = pelvis_position(landmarks, segments)
    return None if found is None or not np.isfinite(found[:, 0]).any() else found


def _bridged(columns: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns with gaps bridged by straight lines, and where they are seen or next to it."""
    finite = np.isfinite(columns)
    seen = np.ones_like(finite)
    if finite.all():
        return columns, seen
    whole = columns.copy()
    frames = np.arange(len(columns))
    for k in np.flatnonzero(~finite.all(axis=0)):
        own = finite[:, k]
        if not own.any():
            whole[:, k], seen[:, k] = 0.0, False
            continue
        whole[~own, k] = np.interp(frames[~own], frames[own], columns[own, k])
        starts, stops = stretches(~own)
        for start, stop in zip(starts, stops, strict=True):
            if stop - start > longest or start == 0 or stop == len(own):
                seen[max(start - _EDGE, 0) : stop + _EDGE, k] = False
    return whole, seen
