"""Marker geometry: what the places and the motion of markers say of their meaning, whatever their labels.

Heights are taken as shares of the pelvis' height: in standing and in the mean over a walk they hardly depend on the
person (Drillis & Contini 1966; Winter, Biomechanics and Motor Control of Human Movement: ankle 0.039, knee 0.285, hip
0.530 of the stature).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

_FRAMES = 60
HEIGHTS = {
    "asis": (0.88, 1.12),
    "psis": (0.88, 1.15),
    "sacrum": (0.86, 1.16),
    "iliac_crest": (0.95, 1.25),
    "trochanter": (0.78, 1.02),
    "knee_lateral": (0.40, 0.64),
    "knee_medial": (0.40, 0.64),
    "tibial_tuberosity": (0.34, 0.60),
    "ankle_lateral": (0.03, 0.27),
    "ankle_medial": (0.03, 0.27),
    "heel": (-0.02, 0.27),
    "toe": (-0.02, 0.22),
    "metatarsal_1": (-0.02, 0.22),
    "metatarsal_5": (-0.02, 0.22),
    "acromion": (1.25, 1.75),
    "c7": (1.3, 1.8),
    "t10": (1.05, 1.5),
    "clavicle": (1.22, 1.7),
    "sternum": (1.08, 1.6),
    "femur": (0.42, 1.02),
    "tibia": (0.06, 0.62),
    "calcn": (-0.03, 0.3),
    "pelvis": (0.8, 1.25),
    "torso": (1.0, 1.85),
}
"""Landmark or segment → lowest and highest height as a share of the pelvis' height."""
_TEMPLATE = {
    # height (share of the pelvis' height), lateral, forward (m of an adult with a pelvis at 0.95 m).
    "asis": (1.0, 0.125, 0.09),
    "psis": (1.02, 0.045, -0.11),
    "knee_lateral": (0.51, 0.14, 0.0),
    "ankle_lateral": (0.10, 0.13, -0.03),
    "heel": (0.06, 0.10, -0.10),
    "toe": (0.05, 0.11, 0.10),
    "acromion": (1.47, 0.19, -0.03),
    "femur": (0.74, 0.17, 0.03),
    "tibia": (0.29, 0.14, 0.02),
    "upper_body": (1.15, 0.28, 0.05),
    "head": (1.72, 0.08, 0.05),
}
_TEMPLATE_MIDDLE = {"sacrum": (1.03, 0.0, -0.13), "c7": (1.55, 0.0, -0.08), "clavicle": (1.43, 0.0, 0.08)}
_WIDE = {"femur": 4, "tibia": 4, "upper_body": 6, "head": 2}
"""Parts that take several markers, wherever they sit on them."""
_SPREAD = np.array([0.05, 0.05, 0.07])
"""How far a marker may lie from its place in the template (share, m, m), one standard deviation."""
_RIGID = 0.012
"""Markers of one segment keep their distance within this (m, standard deviation, skin and all)."""

_AGREE = 2
"""Markers off the joints that must keep their distance before a marker is taken for one of their segment."""


def body_places(positions: np.ndarray, forward: np.ndarray | None = None) -> np.ndarray:
    """Median place of every marker in the body's frame: forward of, above the ground, right of the middle of all.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, ground frame, NaN = occluded.
    forward : ndarray, shape (3,), optional
        Horizontal unit vector the body faces; the way it travels, else +X, if not given.

    Returns
    -------
    ndarray, shape (n_markers, 3)
        NaN for a marker that is never seen.
    """
    sample = sampled(positions)
    with np.errstate(invalid="ignore"):
        middle = _nanmedian(sample, axis=1)
    if forward is None:
        path = (middle[-1] - middle[0]) * [1.0, 0.0, 1.0] if len(middle) > 1 else np.zeros(3)
        length = np.linalg.norm(path)
        forward = path / length if length > 0.5 else np.array([1.0, 0.0, 0.0])
    right = np.array([-forward[2], 0.0, forward[0]])
    apart = sample - middle[:, None]
    return np.stack([_nanmedian(apart @ forward, 0), _nanmedian(sample[:, :, 1], 0), _nanmedian(apart @ right, 0)], 1)


def sampled(positions: np.ndarray) -> np.ndarray:
    """Some frames over the trial in which at least half of the markers are seen."""
    seen = np.isfinite(positions[:, :, 0]).mean(axis=1)
    frames = np.flatnonzero(seen >= 0.5 * seen.max())
    return positions[frames[np.unique(np.linspace(0, len(frames) - 1, min(_FRAMES, len(frames))).astype(int))]]


def distance_changes(positions: np.ndarray) -> np.ndarray:
    """Standard deviation over the trial of the distance of every pair of markers (n_markers, n_markers), m."""
    sample = sampled(positions)
    apart = np.linalg.norm(sample[:, :, None] - sample[:, None], axis=3)
    seen = np.isfinite(apart)
    count = np.maximum(seen.sum(axis=0), 1)
    apart = np.where(seen, apart, 0.0)
    mean = apart.sum(axis=0) / count
    spread = np.sqrt((np.where(seen, apart - mean, 0.0) ** 2).sum(axis=0) / count)
    return np.where(seen.sum(axis=0) >= 10, spread, np.nan)


def moves(changes: np.ndarray) -> bool:
    """True if the body moves enough for rigid clusters to show: some pairs change their distance much."""
    return bool(np.nanpercentile(changes, 90) > 2 * _RIGID) if np.isfinite(changes).any() else False


def segment_by_cluster(
    changes: np.ndarray, marker: int, segments: Mapping[str, Sequence[int]], joints: frozenset[int] = frozenset()
) -> tuple[str, float, int]:
    """Segment whose markers keep their distance to one marker best.

    A marker at a joint keeps its distance to both segments that meet there and says nothing; one distance alone can
    stay the same by the motion that was made, so at least two others must.

    Parameters
    ----------
    changes : ndarray, shape (n_markers, n_markers)
        As `distance_changes` gives them.
    marker : int
    segments : mapping
        Segment → its columns.
    joints : frozenset of int
        Columns of markers at joint lines.

    Returns
    -------
    segment : str
        ``""`` if none does.
    change : float
        Median change (m) of the distances to its markers, NaN if it has too few.
    count : int
        Markers that it keeps its distance to.
    """
    firm, loose = {}, {}
    for body, columns in segments.items():
        others = [column for column in columns if column != marker]
        sure = changes[marker, [column for column in others if column not in joints]]
        sure = sure[np.isfinite(sure)]
        every = changes[marker, others]
        every = every[np.isfinite(every)]
        if len(sure) >= _AGREE:
            firm[body] = (float(np.median(sure)), int((sure < _RIGID).sum()))
        if len(every):
            loose[body] = float(np.median(every))
    if not firm:
        return "", np.nan, 0
    best = min(firm, key=lambda body: firm[body][0])
    change, count = firm[best]
    second = min((score for body, score in loose.items() if body != best), default=np.inf)
    return (best if change < _RIGID and count >= _AGREE and change < 0.6 * second else ""), change, count


def fit_template(places: np.ndarray) -> tuple[dict[int, str], float]:
    """Meaning of markers from their places alone, by the best assignment to a template of the standing body.

    Parameters
    ----------
    places : ndarray, shape (n_markers, 3)
        As `body_places` gives them.

    Returns
    -------
    meaning : dict
        Column → landmark (``"asis_r"``) or segment (``"femur_l"``) it lies nearest to; only what lies near.
    height : float
        Height of the pelvis (m) that fits best.
    """
    seen = np.flatnonzero(np.isfinite(places).all(axis=1))
    entries = [
        (f"{word}_{side}", (up, sign * out, ahead))
        for side, sign in (("r", 1), ("l", -1))
        for word, (up, out, ahead) in _TEMPLATE.items()
        for _ in range(_WIDE.get(word, 1))
    ] + list(_TEMPLATE_MIDDLE.items())
    names = [name for name, _ in entries]
    table = np.array([place for _, place in entries])
    spread = np.array([_SPREAD * ([2.2, 1.2, 1.2] if name[:-2] in _WIDE else 1.0) for name in names])
    best: tuple[float, dict[int, str], float] = (np.inf, {}, np.nan)
    for height in np.linspace(0.45, 1.25, 41):
        scale = height / 0.95
        have = np.stack([places[seen, 1] / height, places[seen, 2] / scale, places[seen, 0] / scale], axis=1)
        cost = (((have[:, None] - table[None]) / spread[None]) ** 2).sum(axis=2)
        rows, columns = linear_sum_assignment(np.minimum(cost, 9.0))
        # What the template leaves open costs as much as what the body leaves open.
        total = np.minimum(cost, 9.0)[rows, columns].sum() + 9.0 * (len(seen) - len(rows))
        if total < best[0]:
            near = {int(seen[i]): names[j] for i, j in zip(rows, columns, strict=True) if cost[i, j] < 9.0}
            best = (float(total), near, float(height))
    return best[1], best[2]


def _nanmedian(values: np.ndarray, axis: int) -> np.ndarray:
    """Median of what is seen, NaN without a warning where nothing is."""
    seen = np.isfinite(values)
    order = np.sort(np.where(seen, values, np.inf), axis=axis)
    count = np.expand_dims(seen.sum(axis=axis), axis)
    low = np.take_along_axis(order, np.maximum((count - 1) // 2, 0), axis)
    high = np.take_along_axis(order, np.maximum(count // 2, 0).clip(max=values.shape[axis] - 1), axis)
    both = 0.5 * (low + high)
    return np.squeeze(np.where(np.isfinite(both), both, np.nan), axis)
