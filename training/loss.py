"""Losses: pure functions that return (loss, terms); labels that are missing have no influence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch


def masked_mse(outputs: torch.Tensor, labels: torch.Tensor, n_labels: int | None = None) -> torch.Tensor:
    """Mean square error over the labels that exist; zero if none does.

    Parameters
    ----------
    outputs, labels : Tensor, the same shape
        NaN in `labels` = no label: its output gets exactly zero gradient.
    n_labels : int, optional
        What the sum is divided by, where these are a share of the batch: the labels of all of it.

    Returns
    -------
    Tensor, scalar
    """
    has_label = torch.isfinite(labels)
    # Replaced before the subtraction: 0 * NaN would still be NaN in the gradient.
    difference = torch.where(has_label, outputs - torch.where(has_label, labels, outputs.detach()), 0.0)
    return difference.square().sum() / (has_label.sum().clamp(min=1) if n_labels is None else max(n_labels, 1))


def supervised_loss(
    outputs: torch.Tensor,
    labels: torch.Tensor,
    columns: Mapping[str, Sequence[int]],
    n_labels: Mapping[str, int] | None = None,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Average the masked error over kinds of target, each kind weighing the same.

    Parameters
    ----------
    outputs, labels : Tensor, shape (B, T, n_targets)
        Normalised; NaN in `labels` = no label.
    columns : mapping of str to sequence of int
        Kind of target → its columns.
    n_labels : mapping of str to int, optional
        Kind of target → labels of the whole batch, where these are a share of it (`count_labels`); losses of all
        shares then add up to the loss of the batch.

    Returns
    -------
    loss : Tensor, scalar
    terms : dict of str to Tensor
        The masked error of each kind.
    """
    terms = {
        kind: masked_mse(outputs[..., list(of)], labels[..., list(of)], None if n_labels is None else n_labels[kind])
        for kind, of in columns.items()
    }
    return torch.stack(list(terms.values())).mean(), terms


def count_labels(labels: np.ndarray, columns: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Labels of each kind in a batch (B, T, n_targets); NaN = no label."""
    return {kind: int(np.isfinite(labels[..., list(of)]).sum()) for kind, of in columns.items()}
