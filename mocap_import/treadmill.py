"""Treadmill: whether a trial was recorded on one, and how fast its belt runs: stated, or seen at the stance feet."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.trial import Treatment

_FEET = ("toe_r", "toe_l", "heel_r", "heel_l")
WALKING_IN_PLACE = 0.3
"""Mean pelvis speed (m/s) below which moving feet mean a treadmill."""
MOVING_FEET = 0.25
"""Range (m) of a foot relative to the pelvis from which on a trial counts as gait."""
LEAST_LEAD = 0.05
"""Distance (m) by which one foot must be ahead of the other to have passed it."""
SLOWEST_BELT = 0.15
"""Speed (m/s) of the standing foot from which on it is the belt that moves it."""
_MOSTLY = 0.8
"""Share of the frames in which a better pelvis must be seen to be preferred."""


def pelvis_position(landmarks: Mapping[str, np.ndarray], segments: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Middle of the pelvis (n_frames, 3): of its landmarks, else of its markers; None if neither is there.

    Of the four spines, else of the front ones and the sacrum, else of the front ones alone: the first of these that is
    seen in most of the frames in which any of them is.
    """
    found: list[tuple[float, np.ndarray]] = []
    for group in (("asis_r", "asis_l", "psis_r", "psis_l"), ("asis_r", "asis_l", "sacrum"), ("asis_r", "asis_l")):
        if all(name in landmarks and np.isfinite(landmarks[name]).any() for name in group):
            middle = np.mean([landmarks[name] for name in group], axis=0)
            share = float(np.isfinite(middle[:, 0]).mean())
            if share > _MOSTLY:
                return middle
            found.append((share, middle))
    most = max((share for share, _ in found), default=0.0)
    if most == 0.0:
        return segments.get("pelvis")
    return next(middle for share, middle in found if share >= _MOSTLY * most)


def travel_direction(pelvis: np.ndarray | None, rate: float, on_treadmill: bool, n_frames: int) -> np.ndarray:
    """Horizontal unit vector (n_frames, 3) of travel: X on a treadmill, the pelvis' smoothed velocity overground."""
    forward = np.tile([1.0, 0.0, 0.0], (n_frames, 1))
    if pelvis is None or on_treadmill or n_frames < 8:
        return forward
    seen = np.isfinite(pelvis).all(axis=1)
    if seen.sum() < 4:
        return forward
    frames = np.arange(n_frames)
    whole = pelvis if seen.all() else np.stack([np.interp(frames, frames[seen], pelvis[seen, k]) for k in range(3)], 1)
    velocity = np.gradient(low_pass(whole, rate, min(1.0, 0.2 * rate)), 1.0 / rate, axis=0)
    velocity[:, 1] = 0.0
    speed = np.linalg.norm(velocity, axis=1, keepdims=True)
    return np.where(speed > 0.2, velocity / np.maximum(speed, 1e-9), forward)


def feet_range(landmarks: Mapping[str, np.ndarray], pelvis: np.ndarray) -> float:
    """Largest horizontal range (m) of a foot relative to the pelvis, in any direction, robust against single frames."""
    ranges = []
    for name in _FEET:
        if name in landmarks:
            relative = landmarks[name][:, ::2] - pelvis[:, ::2]
            relative = relative[np.isfinite(relative[:, 0])]
            if len(relative) > 1:
                relative = relative - relative.mean(axis=0)
                _, axes = np.linalg.eigh(relative.T @ relative)
                ranges.append(float(np.subtract(*np.percentile(relative @ axes[:, 1], [98, 2]))))
    return max(ranges, default=0.0)


def n_passes(landmarks: Mapping[str, np.ndarray], forward: np.ndarray) -> int | None:
    """How often one foot passes the other by more than 5 cm, fore and aft; None if only one foot is there.

    A gait cycle holds two. Squats, jumps and reaches hold none: the feet stay beside each other or one stays ahead.
    """
    for right, left in (("heel_r", "heel_l"), ("toe_r", "toe_l")):
        if right in landmarks and left in landmarks:
            lead = ((landmarks[right] - landmarks[left]) * forward).sum(axis=1)
            ahead = np.sign(lead[np.abs(lead) > LEAST_LEAD])
            return int(np.count_nonzero(np.diff(ahead)))
    return None


def ground_speed(landmarks: Mapping[str, np.ndarray], rate: float) -> float:
    """Median over time of the speed (m/s) of the slower foot: near 0 overground, the belt's speed on a treadmill."""
    speeds = []
    for name in _FEET:
        if name in landmarks and len(landmarks[name]) > 4:
            step = max(1, round(0.04 * rate))
            place = landmarks[name][:, [0, 2]]
            speeds.append(np.linalg.norm(place[step:] - place[:-step], axis=1) * rate / step)
    slower = np.fmin.reduce(speeds) if speeds else np.zeros(0)
    return float(np.nanmedian(slower)) if np.isfinite(slower).any() else float("nan")


def is_on_treadmill(
    landmarks: Mapping[str, np.ndarray], pelvis: np.ndarray, rate: float, reach: float | None = None
) -> bool:
    """True if the feet stride while the pelvis stays and no foot ever rests.

    A treadmill trial lasts several strides; the pelvis of somebody who walks overground has travelled metres by then,
    and somebody who walks slowly, steps on the spot or squats stands on a foot that does not move. `reach` is the
    `feet_range` (m) if it is known already.
    """
    seen = np.flatnonzero(np.isfinite(pelvis[:, 0]))
    if len(seen) < rate or (feet_range(landmarks, pelvis) if reach is None else reach) < MOVING_FEET:
        return False
    travelled = pelvis[seen[-1], [0, 2]] - pelvis[seen[0], [0, 2]]
    extent = np.ptp(pelvis[seen][:, [0, 2]], axis=0).max()
    speed = np.linalg.norm(travelled) / ((seen[-1] - seen[0]) / rate)
    if not (speed < WALKING_IN_PLACE and extent < 1.5):
        return False
    passes = n_passes(landmarks, np.array([1.0, 0.0, 0.0]))
    return (passes is None or passes >= 2) and ground_speed(landmarks, rate) > SLOWEST_BELT


def belt_speed_from_feet(landmarks: Mapping[str, np.ndarray], rate: float) -> tuple[float, float]:
    """Belt speed from the backward velocity of the forefoot while it lies on the belt.

    Parameters
    ----------
    landmarks : mapping
        Landmark → (n_frames, 3) m, ground frame.
    rate : float
        Frames per second (Hz).

    Returns
    -------
    speed : float
        m/s, NaN if no foot is ever still on the belt.
    spread : float
        Half the interquartile range of the estimate over the frames used (m/s).

    Notes
    -----
    Used are frames in which the marker is low, moves backwards and neither rises, falls nor accelerates: a foot that
    moves with the belt. Their median is the speed.
    """
    samples = []
    for name in ("toe_r", "toe_l"):
        if name not in landmarks or len(landmarks[name]) < 10:
            continue
        place = low_pass(landmarks[name], rate, min(12.0, 0.4 * rate))
        velocity = np.gradient(place, 1.0 / rate, axis=0)
        acceleration = np.gradient(velocity[:, 0], 1.0 / rate)
        height = place[:, 1]
        seen = np.isfinite(velocity).all(axis=1) & np.isfinite(acceleration)
        if seen.sum() < 10:
            continue
        low = height < np.percentile(height[seen], 2) + 0.025
        backwards = velocity[:, 0] < -0.2
        steady = (np.abs(velocity[:, 1]) < 0.08 * np.abs(velocity[:, 0]) + 0.02) & (
            np.abs(acceleration) < 4.0 * np.abs(velocity[:, 0]) + 0.5
        )
        samples.append(-velocity[seen & low & backwards & steady, 0])
    values = np.concatenate(samples) if samples else np.zeros(0)
    if len(values) < 5:
        return float("nan"), float("nan")
    quarter, middle, three = np.percentile(values, [25, 50, 75])
    return float(middle), float(0.5 * (three - quarter))


def known_belt_speed(
    landmarks: Mapping[str, np.ndarray], rate: float, on_treadmill: bool, stated: float
) -> tuple[float, list[Treatment]]:
    """Belt speed of a trial, stated or found, and every doubt about it by name.

    Parameters
    ----------
    landmarks : mapping
        Landmark → (n_frames, 3) m, ground frame.
    rate : float
        Frames per second (Hz).
    on_treadmill : bool
    stated : float
        Speed (m/s) of the file or of ``--belt-speed``, NaN if neither tells; 0 on a treadmill counts as not stated.

    Returns
    -------
    speed : float
        m/s: 0 overground, NaN on a treadmill whose speed is neither stated nor seen. NaN makes every length and speed
        of the trial NaN.
    treatments : list of Treatment
        ``belt_speed_inferred``, ``belt_speed_unknown``, ``belt_speed_differs`` or ``belt_speed_unused``.
    """
    if not on_treadmill:
        if math.isfinite(stated) and stated != 0.0:
            detail = f"a belt speed of {stated:.2f} m/s is stated, but the feet rest on the floor: taken as overground"
            return 0.0, [Treatment("belt_speed_unused", detail)]
        return 0.0, []
    found, spread = belt_speed_from_feet(landmarks, rate)
    if math.isfinite(stated) and stated != 0.0:  # no foot strides on a belt that stands: a field left at zero
        if math.isfinite(found) and abs(found - stated) > max(0.1 * abs(stated), 2.0 * spread, 0.05):
            detail = f"stated {stated:.2f} m/s, the stance feet move at {found:.2f} m/s (quartiles ± {spread:.2f})"
            return stated, [Treatment("belt_speed_differs", f"{detail}: the stated speed is used; check it")]
        return stated, []
    if math.isfinite(found):
        detail = f"taken from the stance feet: {found:.2f} m/s (quartiles ± {spread:.2f})"
        detail = f"treadmill speed is not in the file, {detail}; give it with --belt-speed"
        return found, [Treatment("belt_speed_inferred", detail)]
    detail = "treadmill speed is not in the file and no foot lies still on the belt: lengths and speeds stay unknown"
    return found, [Treatment("belt_speed_unknown", f"{detail}; give it with --belt-speed")]
