"""Planar motion: where the points of a body are, how fast they move and what accelerates them, in three products.

Source: differentiation of the positions of `training.physics.body`; with C = cos φ, S = sin φ of the segments' absolute
angles, C' = -S ω, S' = C ω, C'' = -S α - C ω², S'' = C α - S ω².
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.physics.body import PlanarBody, chosen


@dataclass(frozen=True)
class PlanarMotion:
    """Turning of all segments and translation of the root; all of shape (..., T, ·).

    Attributes
    ----------
    directions, first, second : Tensor, shape (..., T, 2 n_segments)
        Cosines then sines of the segments' angles, and their derivatives in time.
    angles, rates, angular_accelerations : Tensor, shape (..., T, n_segments)
        Absolute (rad, rad/s, rad/s²).
    root, root_velocity, root_acceleration : Tensor, shape (..., T, 2)
        m, m/s, m/s², ground frame.
    """

    directions: Tensor
    first: Tensor
    second: Tensor
    angles: Tensor
    rates: Tensor
    angular_accelerations: Tensor
    root: Tensor
    root_velocity: Tensor
    root_acceleration: Tensor

    @property
    def cosines(self) -> Tensor:
        """Cosine of φ (..., T, n_segments)."""
        return self.directions[..., : self.angles.shape[-1]]

    @property
    def sines(self) -> Tensor:
        """Sine of φ (..., T, n_segments)."""
        return self.directions[..., self.angles.shape[-1] :]


def planar_motion(body: PlanarBody, q: Tensor, speeds: Tensor, accelerations: Tensor) -> PlanarMotion:
    """Motion of a body.

    Parameters
    ----------
    body : PlanarBody
    q, speeds, accelerations : Tensor, shape (..., T, n_q)
        Coordinates (rad, m) and their derivatives; they need not be each other's.
    """
    angles, rates, accelerated = q @ body.turning, speeds @ body.turning, accelerations @ body.turning
    c, s = torch.cos(angles), torch.sin(angles)
    squares = rates * rates
    pick = chosen(len(body.coordinates), (body.travel, body.height), q.dtype, q.device)
    return PlanarMotion(
        torch.cat([c, s], -1),
        torch.cat([-s * rates, c * rates], -1),
        torch.cat([-s * accelerated - c * squares, c * accelerated - s * squares], -1),
        angles,
        rates,
        accelerated,
        q @ pick,
        speeds @ pick,
        accelerations @ pick,
    )


def lever_product(levers: Tensor) -> Tensor:
    """Matrix (..., 2 n_segments, 2 n_points) that takes cosines and sines to the x, then the y of all points."""
    a, b = levers[..., 0].transpose(-1, -2), levers[..., 1].transpose(-1, -2)
    return torch.cat([torch.cat([a, b], -1), torch.cat([-b, a], -1)], -2)


def of_points(directions: Tensor, root: Tensor, product: Tensor) -> tuple[Tensor, Tensor]:
    """Places (x, y), (..., T, n_points) of points: positions, velocities or accelerations by what is given.

    Parameters
    ----------
    directions : Tensor, shape (..., T, 2 n_segments)
        `PlanarMotion.directions`, `first` or `second`.
    root : Tensor, shape (..., T, 2)
        Root, its velocity or its acceleration.
    product : Tensor
        From `lever_product`.
    """
    both = directions @ product
    n = both.shape[-1] // 2
    return both[..., :n] + root[..., :1], both[..., n:] + root[..., 1:]
