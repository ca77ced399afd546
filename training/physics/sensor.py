"""What inertial sensors on a planar body read: specific force in the plane and angular velocity, differentiable.

A sensor sits at a place of its segment and is turned against it; both may be trained. Channels: specific force along
the sensor's x and y (m/s²), angular velocity about Z (rad/s).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.physics.body import PlanarBody, chosen, levers
from training.physics.motion import PlanarMotion, lever_product, of_points


def expected_readings(
    body: PlanarBody, motion: PlanarMotion, segments: Sequence[int], places: Tensor, turns: Tensor
) -> Tensor:
    """Readings of sensors on a moving body.

    Parameters
    ----------
    body : PlanarBody
    motion : PlanarMotion
    segments : sequence of int
        Segment of each sensor.
    places : Tensor, shape (..., n_sensors, 2)
        Segment frames (m).
    turns : Tensor, shape (..., n_sensors)
        Angle of the sensor's x axis over the segment's (rad).

    Returns
    -------
    Tensor, shape (..., T, n_sensors, 3)
    """
    product = lever_product(levers(body, segments, places))
    ax, ay = of_points(motion.second, motion.root_acceleration, product)
    up = ay + body.gravity
    pick = chosen(len(body.segments), tuple(segments), ax.dtype, ax.device)
    angle = motion.angles @ pick + turns.unsqueeze(-2)
    c, s = torch.cos(angle), torch.sin(angle)
    return torch.stack([c * ax + s * up, c * up - s * ax, motion.rates @ pick], -1)
