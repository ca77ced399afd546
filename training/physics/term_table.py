"""Tables of the physics losses: what does not change while a network learns, made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.physics.body import PlanarBody
from training.physics.config import PhysicsConfig
from training.physics.estimate import (
    ACCELERATION,
    ANGLE,
    HEIGHT,
    PELVIS_ACCELERATION,
    PELVIS_SPEED,
    SPEED,
    angle_columns,
    angles_from_segments,
)
from training.physics.load_share import FEET
from training.physics.weight import LossWeights


@dataclass(frozen=True)
class TermTable:
    """A tree of segments, its sensors and the tolerances; n coordinates, S segments, C contact points, K sensors.

    Attributes
    ----------
    sizes : tuple of int
        Raw outputs: angles and height, speeds and accelerations, torques, forward and upward forces.
    root : tuple of int
        Rows of the root's forward and upward place.
    gravity, rate, rounding : float
        m/s², Hz, m.
    n_contacts, n_angles, n_unseen : int
    turning : Tensor, shape (n, S)
    place : Tensor, shape (n, J)
        Coordinates of the torques.
    onto : Tensor, shape (n, n - 1)
        Raw angles and height to coordinates.
    units : Tensor, shape (2 n, 1)
        Of raw speeds and accelerations.
    from_tilts : Tensor, shape (K, n)
    sensed : Tensor of int, shape (K,)
        Segment of each sensor.
    sharpness : Tensor, shape (3, K, 1)
        One over the tolerance of each channel.
    price : Tensor, shape (2, n, 1)
        Of the temporal term.
    lower, upper : Tensor, shape (n, 1)
    unseen : Tensor, shape (S, 1)
        1 for segments without a sensor.
    right : Tensor, shape (C, 1)
        1 for contact points of the right foot.
    weights : LossWeights
    """

    sizes: tuple[int, ...]
    root: tuple[int, int]
    gravity: float
    rate: float
    rounding: float
    n_contacts: int
    n_angles: int
    n_unseen: int
    turning: Tensor
    place: Tensor
    onto: Tensor
    units: Tensor
    from_tilts: Tensor
    sensed: Tensor
    sharpness: Tensor
    price: Tensor
    lower: Tensor
    upper: Tensor
    unseen: Tensor
    right: Tensor
    weights: LossWeights


def term_table(body: PlanarBody, sensed: Sequence[int], sd: Tensor, rate: float, config: PhysicsConfig) -> TermTable:
    """Tables of any person's body.

    Parameters
    ----------
    body : PlanarBody
    sensed : sequence of int
        Segment of each sensor.
    sd : Tensor, shape (K, 3)
        Of the channels.
    rate : float
        Hz.
    config : PhysicsConfig
    """
    n, points, columns = len(body.coordinates), len(body.contact_segments), angle_columns(body)
    root, dtype, weights = (body.travel, body.height), sd.dtype, config.weights
    units = torch.tensor([[SPEED], [ACCELERATION]], dtype=dtype).repeat(1, n)
    units[0, list(root)], units[1, list(root)] = PELVIS_SPEED, PELVIS_ACCELERATION
    scale = torch.tensor([ANGLE] * len(columns) + [HEIGHT], dtype=dtype)
    unseen = torch.ones(len(body.segments), 1, dtype=dtype)
    unseen[list(sensed)] = 0.0
    right = [[float(body.segments[s] == FEET[0])] for s in body.contact_segments]
    return TermTable(
        sizes=(n - 1, 2 * n, len(body.joint_columns), points, points),
        root=root,
        gravity=body.gravity,
        rate=rate,
        rounding=config.rounding,
        n_contacts=points,
        n_angles=len(columns),
        n_unseen=max(1, int(unseen.sum())),
        turning=body.turning.to(dtype),
        place=torch.eye(n, dtype=dtype)[:, body.joint_columns],
        onto=torch.eye(n, dtype=dtype)[:, [*columns, body.height]] * scale,
        units=units.reshape(-1, 1),
        from_tilts=angles_from_segments(body, sensed, torch.eye(len(sensed), dtype=dtype)),
        sensed=torch.tensor(list(sensed)),
        sharpness=(1.0 / (weights.imu_share * sd)).T.unsqueeze(-1),
        price=temporal_price(body, weights, dtype).unsqueeze(-1),
        lower=body.limits[:, :1].to(dtype),
        upper=body.limits[:, 1:].to(dtype),
        unseen=unseen,
        right=torch.tensor(right, dtype=dtype),
        weights=weights,
    )


def temporal_price(body: PlanarBody, weights: LossWeights, dtype: torch.dtype) -> Tensor:
    """Price (2, n_q) of squared slope errors of coordinates and of speeds; each group of coordinates counts once."""
    columns = angle_columns(body)
    price = torch.zeros(2, len(body.coordinates), dtype=dtype)
    price[0, columns] = weights.angle_rate_sd**-2 / len(columns)
    price[1, columns] = weights.angle_jerk_sd**-2 / len(columns)
    price[0, body.height] = weights.height_rate_sd**-2
    price[1, [body.travel, body.height]] = weights.pelvis_jerk_sd**-2 / 2
    return price
