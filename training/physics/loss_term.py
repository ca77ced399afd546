"""The physics losses: each a pure function of an estimate that returns a number, in units of its tolerance squared.

These are the definitions. A training computes the same numbers and their gradient by `training.physics.adjoint_batch`;
only `placement_loss` is called from here. Tests hold the two together: whoever changes one must change the other.

Source of the set: Gambietz et al., SSPINNpose, arXiv 2506.11786, 2025 (equations of motion, temporal consistency, IMU
reconstruction, effort, ground reaction, sliding), written anew; the contact law is that of the optimal control here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.physics.body import PlanarBody, chosen
from training.physics.contact import contact_force
from training.physics.dynamics import demanded_forces, dynamics_residual
from training.physics.estimate import NEAR_FLOOR, Estimate, angle_columns
from training.physics.load_share import FEET
from training.physics.term_table import temporal_price
from training.physics.weight import LossWeights

BEND = 3.0
"""Tolerances beyond which a deviation costs by its size, no longer by its square: what is far off must not rule."""


def dynamics_loss(body: PlanarBody, estimate: Estimate, weights: LossWeights) -> Tensor:
    """Generalized forces that nobody supplies."""
    demanded = demanded_forces(body, estimate.motion, estimate.forward, estimate.upward)
    left = dynamics_residual(demanded, estimate.torques, body)
    weight = body.weight[..., None]
    unit = (weights.moment_sd * weight * body.height_of_body[..., None]).repeat(*[1] * body.weight.ndim, left.shape[-1])
    unit[..., [body.travel, body.height]] = weights.force_sd * weight
    return _mean_square(left / unit.unsqueeze(-2))


def temporal_loss(body: PlanarBody, estimate: Estimate, rate: float, weights: LossWeights) -> Tensor:
    """Coordinates against speeds, and speeds against accelerations, by the trapezoidal rule at `rate` (Hz)."""
    price = temporal_price(body, weights, estimate.q.dtype)
    first = _slope_error(estimate.q, estimate.speeds, rate).square().flatten(0, -2).mean(0)
    second = _slope_error(estimate.speeds, estimate.accelerations, rate).square().flatten(0, -2).mean(0)
    return (price[0] * first + price[1] * second).sum()


def imu_loss(readings: Tensor, expected: Tensor, sd: Tensor, weights: LossWeights) -> Tensor:
    """Sensors' channels (..., T, n_sensors, 3) against what the movement would make them read; `sd` of each channel."""
    return _square((readings - expected) / (weights.imu_share * sd))


def contact_loss(body: PlanarBody, estimate: Estimate, rounding: float, weights: LossWeights) -> Tensor:
    """Forces of the floor against its law; the floor is rounded over a length (m)."""
    forward, upward = contact_force(body, *estimate.points, rounding)
    unit = weights.contact_sd * body.weight[..., None, None]
    return _mean_square((estimate.forward - forward) / unit) + _mean_square((estimate.upward - upward) / unit)


def effort_loss(body: PlanarBody, estimate: Estimate) -> Tensor:
    """Squared torques, in units of 5 % of body weight × height."""
    unit = 0.05 * body.weight * body.height_of_body
    return ((estimate.torques / unit[..., None, None]) ** 2).mean()


def limit_loss(body: PlanarBody, estimate: Estimate, weights: LossWeights) -> Tensor:
    """Angles beyond the range that the skeleton gives them."""
    columns = angle_columns(body)
    q = estimate.q @ chosen(len(body.coordinates), tuple(columns), estimate.q.dtype, estimate.q.device)
    lower, upper = body.limits[columns].unbind(-1)
    return ((torch.relu(q - upper) + torch.relu(lower - q)) / weights.limit_sd).square().mean()


def sliding_loss(body: PlanarBody, estimate: Estimate, weights: LossWeights) -> Tensor:
    """Forward speed of contact points, counted by the load that they carry near the floor."""
    height = torch.relu(estimate.points[0].detach()) / NEAR_FLOOR
    load = estimate.upward.detach() / body.weight[..., None, None] * torch.exp(-0.5 * height**2)
    return (load * _huber(estimate.points[1] / weights.slip_sd)).mean()


def transfer_loss(body: PlanarBody, estimate: Estimate, share: Tensor, weights: LossWeights) -> Tensor:
    """Load of the right foot against its told `share` (..., T) of the whole, which is more than 0; NaN is not told.

    A small load counts by its size: below the body's weight by its share of it.
    """
    right = [body.segments[s] == FEET[0] for s in body.contact_segments]
    weight = body.weight[..., None]
    total = estimate.upward.sum(-1)
    found = (estimate.upward @ torch.tensor(right, dtype=share.dtype)) / total
    known = share.isfinite() * (total.detach() / weight).clamp(0.0, 1.0)
    return _mean_square((found - share.nan_to_num()) * known / weights.transfer_sd)


def posture_loss(body: PlanarBody, estimate: Estimate, sensed: Sequence[int], weights: LossWeights) -> Tensor:
    """Lean of the segments without a sensor: upright is the best guess."""
    unseen = tuple(i for i in range(len(body.segments)) if i not in set(sensed))
    if not unseen:
        return estimate.q.new_zeros(())
    angles = estimate.motion.angles
    return (angles @ chosen(len(body.segments), unseen, angles.dtype, angles.device) / weights.trunk_sd).square().mean()


def placement_loss(turns: Tensor, shifts: Tensor, stretches: Tensor, soles: Tensor, weights: LossWeights) -> Tensor:
    """Belief in angles (rad) and places (m) of sensors, lengths of segments (shares beyond 1), contact points (m)."""
    believed = ((turns / weights.turn_sd) ** 2).mean() + ((shifts / weights.place_sd) ** 2).mean()
    believed = believed + ((stretches / weights.length_sd) ** 2).mean()
    return believed + ((soles / weights.contact_place_sd) ** 2).mean()


def _slope_error(values: Tensor, slopes: Tensor, rate: float) -> Tensor:
    return (values[..., 1:, :] - values[..., :-1, :]) * rate - 0.5 * (slopes[..., 1:, :] + slopes[..., :-1, :])


def _square(x: Tensor) -> Tensor:
    return x.square().mean()


def _mean_square(x: Tensor) -> Tensor:
    """Mean square, straight beyond the bend (Huber's function, doubled)."""
    return _huber(x).mean()


def _huber(x: Tensor) -> Tensor:
    return 2.0 * torch.nn.functional.huber_loss(x, torch.zeros_like(x), delta=BEND, reduction="none")
