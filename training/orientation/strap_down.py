"""Strap-down integration: the orientation that a gyroscope alone tells, and the turn between two of its samples.

The optimisation step of Rapp, Shin et al. (J Biomech 2021) looks, frame by frame, for the turn whose angular velocity
is the measured one. That minimum is zero and known: ``R[k] = R[k-1] Exp(omega / rate)``. The network's orientation does
not enter beyond the first frame, so whatever the gyroscope gets wrong adds up.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from training.orientation.turn_kernel import chained

RULES = ("mean", "later")
"""Which samples turn frame k-1 into frame k; see `frame_turns`."""


def frame_turns(angular_velocity: np.ndarray, rate: float, rule: str = "mean") -> np.ndarray:
    """Turn of every frame since the one before.

    Parameters
    ----------
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s, sensor frame = segment frame.
    rate : float
        Hz.
    rule : str
        ``"mean"``: mean of both samples, right to second order for a sensor that reads the angular velocity at its
        instant, as real and simulated sensors do. ``"later"``: the later sample alone, as published: there the angular
        velocity is a backward difference of the orientation, its first sample repeated. On instantaneous readings the
        published rule lags by half a frame.

    Returns
    -------
    ndarray, shape (n_frames, 3)
        rad; the first is zero; NaN where a sample that it needs is NaN.

    Raises
    ------
    ValueError
        Another shape, no frame, an impossible rate, an unknown rule.
    """
    velocity = np.asarray(angular_velocity, dtype=float)
    if velocity.ndim != 2 or velocity.shape[1] != 3 or not len(velocity):
        raise ValueError(f"angular velocity has the shape {velocity.shape}, expected (frames, 3) with a frame or more.")
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"rate must be a positive number of frames per second, got {rate}.")
    if rule not in RULES:
        raise ValueError(f"integration rule {rule!r} is unknown; expected one of {', '.join(RULES)}.")
    turns = np.zeros_like(velocity)
    turns[1:] = velocity[1:] if rule == "later" else 0.5 * (velocity[1:] + velocity[:-1])
    return turns / rate


def integrate_angular_velocity(
    start: Rotation, angular_velocity: np.ndarray, rate: float, *, rule: str = "mean"
) -> Rotation:
    """Integrate a gyroscope from a known first orientation: the closed form of the published step.

    Parameters
    ----------
    start : Rotation
        Segment → ground at the first frame (one rotation).
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s, sensor frame = segment frame.
    rate : float
        Hz.
    rule : str
        See `frame_turns`; ``"later"`` is the published one.

    Returns
    -------
    Rotation, length n_frames
        Segment → ground. The error of a constant bias b grows as b t.

    Raises
    ------
    ValueError
        See `frame_turns`; a frame without a reading (nothing is known after it), a start of several rotations.
    """
    turns = frame_turns(angular_velocity, rate, rule)
    lost = np.flatnonzero(~np.isfinite(turns).all(axis=1))
    if lost.size:
        raise ValueError(
            f"angular velocity of frame {lost[0]} is not a number ({lost.size} turns unknown): integration cannot go "
            "on. Fill the gap, or use smooth_orientation, which bridges it by the prior."
        )
    first = np.asarray(start.as_quat(), dtype=float).reshape(-1, 4)
    if len(first) != 1:
        raise ValueError(f"the start is {len(first)} rotations, expected the one of the first frame.")
    return Rotation.from_quat(chained(first[0], turns))
