"""Pace: a walking speed from tilts and gyroscopes alone, frame by frame without a look ahead.

Of two feet that walk the one that stands moves backwards faster against the pelvis, at the speed of walking. It is the
start from which a network corrects: on virtual teaching persons its mean is 0.03 m/s off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from training.physics.body import PlanarBody
from training.physics.estimate import USUAL_SPEED, foot_motion
from training.physics.speed import causal_mean


def walking_pace(
    body: PlanarBody, sensed: Sequence[int], tilts: np.ndarray, rates: np.ndarray, rate: float
) -> np.ndarray:
    """Speed of the pelvis over the foot that stands.

    Parameters
    ----------
    body : PlanarBody
        One person, with contact points in the order of `with_contact_points`.
    sensed : sequence of int
        Segments with a sensor; others are taken as upright.
    tilts, rates : ndarray, shape (n_frames, n_sensors)
        rad, rad/s.
    rate : float
        Hz.

    Returns
    -------
    ndarray, shape (n_frames,)
        m/s, a mean over the last strides; the usual speed where no leg has a sensor.
    """
    if not {body.segments[s] for s in sensed} & {body.segments[s] for s in body.contact_segments}:
        return np.full(len(tilts), USUAL_SPEED)
    dtype = body.mass.dtype
    with torch.no_grad():
        feet = foot_motion(body, sensed, torch.as_tensor(tilts, dtype=dtype), torch.as_tensor(rates, dtype=dtype))
    backwards = -feet[:, len(body.contact_segments) :].numpy().astype(float)
    of_each = backwards.reshape(len(tilts), 2, -1).mean(-1)
    return causal_mean(of_each.max(1), rate)
