"""A batch for the losses by hand: levers of learnt points, constants of its persons, what it is told."""

from __future__ import annotations

import torch
from torch import Tensor

from training.physics.adjoint_force import BatchConstants
from training.physics.adjoint_term import PhysicsTerms, Told
from training.physics.body import PlanarBody, levers
from training.physics.motion import lever_product
from training.physics.network import Windows
from training.physics.term_table import TermTable


def adjoint_terms(body: PlanarBody, raw: Tensor, worn: tuple[Tensor, Tensor], told: Told, table: TermTable) -> Tensor:
    """Terms of the loss in the order of `adjoint_term.NAMES`.

    Parameters
    ----------
    body : PlanarBody
        A batch of B persons.
    raw : Tensor, shape (B, T, n_outputs)
    worn : tuple of Tensor
        Angles (B, K) (rad) and places (B, K, 2) (m) of the sensors on their segments.
    told : Told
    table : TermTable
    """
    turns, places = worn
    segments = (*body.contact_segments, *range(len(body.segments)), *table.sensed.tolist())
    product = lever_product(levers(body, segments, torch.cat([body.contacts, body.centres, places], -2)))
    points = product.transpose(-1, -2).unflatten(-2, (2, -1)).contiguous()
    # an upright body stands on its lowest contact point
    standing = -points[:, 1, : table.n_contacts, : len(body.segments)].sum(-1).amin(-1)
    constants = batch_constants(body, table)
    return PhysicsTerms.apply(raw, turns, standing, points, body.inertia, told, constants, table)


def batch_constants(body: PlanarBody, table: TermTable) -> BatchConstants:
    """Numbers of a batch of persons, with an axis for time."""
    weight = body.weight[:, None, None]
    size = weight * body.height_of_body[:, None, None]
    unit = (table.weights.moment_sd * size).repeat(1, len(body.coordinates), 1)
    unit[:, body.travel] = unit[:, body.height] = table.weights.force_sd * weight[:, 0]
    own = (body.mass, body.stiffness, body.damping, body.friction, body.slip_speed)
    return BatchConstants(*(x.detach().unsqueeze(-1) for x in own), weight, size, unit)


def told_of(windows: Windows, skip: int = 0) -> Told:
    """What windows tell, time along the last axis; the first `skip` frames are left out."""
    share = windows.share[:, skip:]
    return Told(
        windows.tilts[:, skip:].transpose(1, 2),
        windows.pace[:, skip:],
        windows.channels[:, skip:].permute(0, 3, 2, 1),
        share.nan_to_num(),
        share.isfinite().to(share.dtype),
    )
