"""An estimate of movement and forces, and how the raw outputs of a network become one.

Only what cannot be known from simpler things is left to the network: angles are corrections of the sensors' tilts, and
the pelvis begins at the height of a standing person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.physics.body import PlanarBody, chosen, levers
from training.physics.motion import PlanarMotion, lever_product, of_points, planar_motion

ANGLE, SPEED, ACCELERATION = 0.2, 3.0, 40.0
HEIGHT, PELVIS_SPEED, PELVIS_ACCELERATION = 0.03, 0.3, 4.0
TORQUE, FORWARD = 0.05, 0.1
"""What one unit of a raw output is: rad, rad/s, rad/s²; m, m/s, m/s²; body weight × height, body weights. The sizes of
walking, rounded, so that raw outputs are about one."""
NEAR_FLOOR, LOAD = 0.01, 3.0
"""m over which the lowest contact point is told from the next when a load is shared; raw units that outweigh it."""
ONE = 0.5413
"""Argument at which softplus is 1."""
USUAL_SPEED, BENT = 1.2, 0.03
"""Where the pelvis begins before anything is learnt: a walking speed (m/s), and how much lower than in standing (m)."""


@dataclass(frozen=True)
class Estimate:
    """Movement and forces of a batch, (B, T, ·).

    Attributes
    ----------
    q, speeds, accelerations : Tensor, shape (B, T, n_q)
        The forward place of the pelvis is 0: nothing depends on it.
    torques : Tensor, shape (B, T, n_joints)
        N·m.
    forward, upward : Tensor, shape (B, T, n_points)
        Force of the floor on each contact point (N).
    motion : PlanarMotion
        Of these coordinates and derivatives.
    points : tuple of Tensor
        Height, forward and upward velocity of the contact points, each (B, T, n_points).
    """

    q: Tensor
    speeds: Tensor
    accelerations: Tensor
    torques: Tensor
    forward: Tensor
    upward: Tensor
    motion: PlanarMotion
    points: tuple[Tensor, Tensor, Tensor]


def n_outputs(body: PlanarBody) -> int:
    """Raw outputs a frame: angles and height, speeds, accelerations, torques, two forces a contact point."""
    n, points = len(body.coordinates), len(body.contact_segments)
    return (n - 1) + n + n + len(body.joint_columns) + 2 * points


def angle_columns(body: PlanarBody) -> list[int]:
    """Columns of the angles among the coordinates."""
    return [i for i in range(len(body.coordinates)) if i not in (body.travel, body.height)]


def angles_from_segments(body: PlanarBody, sensed: Sequence[int], tilts: Tensor) -> Tensor:
    """Coordinates from absolute angles of segments.

    Parameters
    ----------
    body : PlanarBody
    sensed : sequence of int
        Segments that have a sensor; all others are upright.
    tilts : Tensor, shape (..., n_sensed)
        Absolute angles (rad).

    Returns
    -------
    Tensor, shape (..., n_q)
        Translations are 0.
    """
    return tilts @ _from_tilts(body, tuple(sensed), tilts.dtype)


def _from_tilts(body: PlanarBody, sensed: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Matrix (n_sensed, n_q) of `angles_from_segments`."""
    key = (tuple(map(tuple, body.turning.tolist())), sensed, dtype)
    if key not in _MADE:
        columns = angle_columns(body)
        made = torch.zeros(len(sensed), len(body.coordinates), dtype=torch.float64)
        made[:, columns] = torch.linalg.inv(body.turning[columns].double())[list(sensed)]
        _MADE[key] = made.to(dtype)
    return _MADE[key]


_MADE: dict[tuple, Tensor] = {}


def foot_motion(body: PlanarBody, sensed: Sequence[int], tilts: Tensor, rates: Tensor) -> Tensor:
    """What tilts and gyroscopes say of the feet: how a walking speed and the lower foot are seen.

    Parameters
    ----------
    body : PlanarBody
    sensed : sequence of int
        Segments with a sensor; others are taken as upright.
    tilts, rates : Tensor, shape (..., T, n_sensors)
        rad, rad/s.

    Returns
    -------
    Tensor, shape (..., T, 2 n_points)
        Of the contact points: height over the lowest one (0.1 m), then forward velocity against the root (m/s).
    """
    turned = angles_from_segments(body, sensed, torch.stack([tilts, rates])) @ body.turning
    product = lever_product(levers(body, body.contact_segments, body.contacts))
    c, s, points = torch.cos(turned[0]), torch.sin(turned[0]), len(body.contact_segments)
    height = (torch.cat([c, s], -1) @ product)[..., points:]
    forward = (torch.cat([-s * turned[1], c * turned[1]], -1) @ product)[..., :points]
    return torch.cat([(height - height.amin(-1, keepdim=True)) / 0.1, forward], -1)


def standing_height(body: PlanarBody) -> Tensor:
    """Height (m) of the root of an upright body that stands, shape (...)."""
    return -levers(body, body.contact_segments, body.contacts)[..., 1].sum(-1).amin(-1)


def shaped_estimate(body: PlanarBody, raw: Tensor, base: Tensor, pace: Tensor) -> Estimate:
    """Movement and forces from raw outputs.

    Parameters
    ----------
    body : PlanarBody
        A batch of B.
    raw : Tensor, shape (B, T, n_outputs)
    base : Tensor, shape (B, T, n_q)
        Coordinates from the sensors' tilts, from `angles_from_segments`.
    pace : Tensor, shape (B, T)
        Speed (m/s) at which the pelvis begins.
    """
    n, points, joints = len(body.coordinates), len(body.contact_segments), body.joint_columns
    angle, speed, accelerated, torque, forward, upward = raw.split([n - 1, n, n, len(joints), points, points], dim=-1)
    size, places = (raw.dtype, raw.device), (body.travel, body.height)
    units = torch.tensor([[SPEED], [ACCELERATION]], dtype=raw.dtype).expand(2, n).clone()
    units[0, list(places)], units[1, list(places)] = PELVIS_SPEED, PELVIS_ACCELERATION
    onto = chosen(n, (*angle_columns(body), body.height), *size).T * ANGLE
    onto = onto.clone()
    onto[-1] *= HEIGHT / ANGLE
    along, up = (chosen(n, (place,), *size)[:, 0] for place in places)
    q = base + angle @ onto + (standing_height(body) - BENT)[..., None, None] * up
    speeds, accelerations = speed * units[0] + pace.unsqueeze(-1) * along, accelerated * units[1]
    motion = planar_motion(body, q, speeds, accelerations)
    product = lever_product(levers(body, body.contact_segments, body.contacts))
    _, height = of_points(motion.directions, motion.root, product)
    vx, vy = of_points(motion.first, motion.root_velocity, product)
    weight = body.weight[..., None, None]
    return Estimate(
        q,
        speeds,
        accelerations,
        torque * (TORQUE * weight * body.height_of_body[..., None, None]),
        forward * (FORWARD * weight),
        _shared_load(upward, height.detach()) * weight,
        motion,
        (height, vx, vy),
    )


def _shared_load(raw: Tensor, height: Tensor) -> Tensor:
    """Upward forces (body weights): a total, shared by the lowest points unless the raw outputs say otherwise."""
    total = torch.nn.functional.softplus(ONE + raw.mean(-1, keepdim=True))
    return total * torch.softmax(LOAD * raw - height / NEAR_FLOOR, -1)
