"""Losses: pure functions that return (loss, terms); labels that are missing have no influence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch


def masked_mse(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean square error over the labels that exist; zero if none does.

    Parameters
    ----------
    outputs, labels : Tensor, the same shape
        NaN in `labels` = no label: its output gets exactly zero gradient.

    Returns
    -------
    Tensor, scalar
    """
    has_label = torch.isfinite(labels)
    # Replaced before the subtraction: 0 * NaN would still be NaN in the gradient.
    difference = torch.where(has_label, outputs - torch.where(has_label, labels, outputs.detach()), 0.0)
    return difference.square().sum() / has_label.sum().clamp(min=1)


def supervised_loss(
    outputs: torch.Tensor, labels: torch.Tensor, columns: Mapping[str, Sequence[int]]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Average the masked error over kinds of target, each kind weighing the same.

    Parameters
    ----------
    outputs, labels : Tensor, shape (B, T, n_targets)
        Normalised; NaN in `labels` = no label.
    columns : mapping of str to sequence of int
        Kind of target → its columns.

    Returns
    -------
    loss : Tensor, scalar
    terms : dict of str to Tensor
        The masked error of each kind.
    """
    terms = {kind: masked_mse(outputs[..., list(of)], labels[..., list(of)]) for kind, of in columns.items()}
    return torch.stack(list(terms.values())).mean(), terms
