"""The device that trains, and the precision it computes in."""

from __future__ import annotations

import os

import torch

from training.config import ConfigRefused, TrainingConfig


def choose_device(config: TrainingConfig) -> torch.device:
    """The device of a configuration; under ``torchrun`` each process takes its own GPU.

    Raises
    ------
    ConfigRefused
        If there is no such device here.
    """
    if config.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ConfigRefused(
            "device: expected a GPU that this PyTorch can use, found none. Install a CUDA build of PyTorch on a "
            "machine with a GPU, or train with --device cpu."
        )
    # cuBLAS repeats its sums in the same order only with a workspace of its own, set before its first call.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def computing_in(config: TrainingConfig, device: torch.device) -> torch.autocast:
    """The context of a forward pass: products in bfloat16 if the configuration says so; weights stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.precision == "bf16")
