"""Layers whose result depends on the whole batch, for processes that hold a share of it each.

Batch normalisation takes its mean and variance over the windows of all processes, and dropout draws the mask of the
whole batch, so that several processes learn what one process would. `torch.nn.SyncBatchNorm` refuses CPU tensors.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from training.ranks import Ranks


def share_batch(network: nn.Module, ranks: Ranks, n_windows: int) -> None:
    """Replace the layers of a network that see the whole batch; names and weights stay.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place. Nothing is changed where a process is alone.
    ranks : Ranks
    n_windows : int
        Of the whole batch.
    """
    if not ranks.is_shared:
        return
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            shared = None
            if type(layer) is nn.BatchNorm1d:
                shared = SharedBatchNorm(layer, ranks)
            elif type(layer) is nn.Dropout:
                shared = SharedDropout(layer.p, ranks, n_windows)
            elif type(layer) is nn.LSTM and layer.dropout and layer.num_layers > 1:
                shared = SharedMemory(layer, ranks, n_windows)
            if shared is not None:
                setattr(parent, name, shared.train(layer.training))


class SharedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (B, C, T) over the windows of all processes.

    Parameters
    ----------
    layer : torch.nn.BatchNorm1d
        Its weights and running statistics are taken over.
    ranks : Ranks
    """

    def __init__(self, layer: nn.BatchNorm1d, ranks: Ranks) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.load_state_dict(layer.state_dict())
        self.to(layer.weight.device)
        self.ranks = ranks

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalise; in evaluation mode as the layer it replaces."""
        if not self.training:
            return super().forward(inputs)
        values = inputs.float()
        over = (0, 2) if values.ndim == 3 else (0,)
        shape = (1, -1, 1) if values.ndim == 3 else (1, -1)
        own = values.new_tensor([values.numel() / values.shape[1]])
        sums = self.ranks.total(torch.cat([values.sum(over), own]))
        count, mean = sums[-1].detach(), sums[:-1] / sums[-1].detach()
        # About the mean in a second pass: the difference of large sums would lose digits.
        centred = values - mean.view(shape)
        variance = self.ranks.total(centred.square().sum(over)) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scaled = centred * torch.rsqrt(variance + self.eps).view(shape)
        return (scaled * self.weight.view(shape) + self.bias.view(shape)).to(inputs.dtype)


class SharedDropout(nn.Dropout):
    """Dropout with this process's share of the mask that one process would draw for the whole batch.

    Parameters
    ----------
    share_dropped : float
        Probability of a zero.
    ranks : Ranks
    n_windows : int
    dimension : int
        Where windows are counted.
    """

    def __init__(self, share_dropped: float, ranks: Ranks, n_windows: int, dimension: int = 0) -> None:
        super().__init__(share_dropped)
        self.ranks, self.n_windows, self.dimension = ranks, n_windows, dimension

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Drop and scale."""
        if not self.training or self.p == 0:
            return inputs
        shape = list(inputs.shape)
        shape[self.dimension] = self.n_windows
        # A mask is drawn in the order of memory: the whole batch has to lie as one process would hold it.
        order = sorted(range(inputs.ndim), key=lambda axis: -inputs.stride(axis))
        ones = torch.ones([shape[axis] for axis in order], dtype=inputs.dtype, device=inputs.device)
        ones = ones.permute([order.index(axis) for axis in range(inputs.ndim)])
        mask = functional.dropout(ones, self.p, training=True)
        own = self.ranks.share(self.n_windows)
        return inputs * mask.narrow(self.dimension, own.start, own.stop - own.start)


class SharedMemory(nn.LSTM):
    """Layers of an LSTM with dropout between them, each layer called by itself.

    Parameters
    ----------
    layer : torch.nn.LSTM
        Its weights are taken over.
    ranks : Ranks
    n_windows : int
    """

    def __init__(self, layer: nn.LSTM, ranks: Ranks, n_windows: int) -> None:
        shape = (layer.input_size, layer.hidden_size, layer.num_layers)
        with torch.random.fork_rng(devices=[]):  # weights are drawn, then replaced: what follows is drawn as without
            super().__init__(*shape, batch_first=True, dropout=layer.dropout, bidirectional=layer.bidirectional)
        self.load_state_dict(layer.state_dict())
        self.to(layer.weight_ih_l0.device)
        self.between = SharedDropout(layer.dropout, ranks, n_windows, dimension=1)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Map (B, T, n_inputs) to (B, T, n_hidden); the states after the last frame are not given."""
        if not self.training:
            return super().forward(inputs)
        values = inputs.transpose(0, 1)
        n_directions = 2 if self.bidirectional else 1
        for number in range(self.num_layers):
            if number:
                values = self.between(values)
            weights = [w for group in self.all_weights[number * n_directions :][:n_directions] for w in group]
            state = values.new_zeros(n_directions, values.shape[1], self.hidden_size)
            arguments = (weights, self.bias, 1, 0.0, True, self.bidirectional, False)
            values = torch.lstm(values, (state, state), *arguments)[0]
        return values.transpose(0, 1), None
