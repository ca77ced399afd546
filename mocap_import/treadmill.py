"""Treadmill: whether a trial was recorded on one, and the speed of its belt if the file does not say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap_import.low_pass import low_pass

_FEET = ("toe_r", "toe_l", "heel_r", "heel_l")
WALKING_IN_PLACE = 0.3
"""Mean pelvis speed (m/s) below which moving feet mean a treadmill."""
MOVING_FEET = 0.25
"""Fore-aft range (m) of a foot relative to the pelvis from which on a trial counts as gait."""


def pelvis_position(landmarks: Mapping[str, np.ndarray], segments: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Middle of the pelvis (n_frames, 3): of its landmarks, else of its markers; None if neither is there."""
    for group in (("asis_r", "asis_l", "psis_r", "psis_l"), ("asis_r", "asis_l", "sacrum"), ("asis_r", "asis_l")):
        if all(name in landmarks and np.isfinite(landmarks[name]).any() for name in group):
            return np.mean([landmarks[name] for name in group], axis=0)
    return segments.get("pelvis")


def feet_range(landmarks: Mapping[str, np.ndarray], pelvis: np.ndarray) -> float:
    """Largest fore-aft range (m) of a foot relative to the pelvis, robust against single frames."""
    ranges = []
    for name in _FEET:
        if name in landmarks:
            relative = (landmarks[name] - pelvis)[:, 0]
            relative = relative[np.isfinite(relative)]
            if len(relative):
                ranges.append(float(np.subtract(*np.percentile(relative, [98, 2]))))
    return max(ranges, default=0.0)


def is_on_treadmill(landmarks: Mapping[str, np.ndarray], pelvis: np.ndarray, rate: float) -> bool:
    """True if the feet stride while the pelvis stays.

    A treadmill trial lasts several strides; the pelvis of somebody who walks overground has travelled metres by then.
    """
    seen = np.flatnonzero(np.isfinite(pelvis[:, 0]))
    if len(seen) < rate or feet_range(landmarks, pelvis) < MOVING_FEET:
        return False
    travelled = pelvis[seen[-1], [0, 2]] - pelvis[seen[0], [0, 2]]
    extent = np.ptp(pelvis[seen][:, [0, 2]], axis=0).max()
    speed = np.linalg.norm(travelled) / ((seen[-1] - seen[0]) / rate)
    return bool(speed < WALKING_IN_PLACE and extent < 1.5)


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
        if name not in landmarks:
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
