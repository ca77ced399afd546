"""The device that trains, and the precision it computes in."""

from __future__ import annotations

import os

import torch

from training.config import ConfigRefused, TrainingConfig

_NO_GPU = (
    "device: expected a GPU that this PyTorch can use, found none. Install a CUDA build of PyTorch on a "
    "machine with a GPU, or train with --device cpu."
)
AUTO = "auto"
"""The GPU where there is one, else the CPU."""


def available_devices() -> tuple[str, ...]:
    """Devices that this PyTorch can compute on here: ``"cpu"``, and ``"cuda"`` where there is a GPU."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def resolve_device(wish: str) -> str:
    """``"cpu"`` or ``"cuda"`` from a wish, which may be `AUTO`.

    Raises
    ------
    ConfigRefused
        There is no such device, or not here.
    """
    if wish not in (AUTO, "cpu", "cuda"):
        raise ConfigRefused(f"device {wish!r}: expected {AUTO}, cpu or cuda.")
    if wish == "cuda" and "cuda" not in available_devices():
        raise ConfigRefused(_NO_GPU)
    return available_devices()[-1] if wish == AUTO else wish


def device_name(device: str) -> str:
    """``"cpu"``, or what the GPU is called."""
    return "cpu" if device == "cpu" else torch.cuda.get_device_name(torch.device(device))


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
        raise ConfigRefused(_NO_GPU)
    # cuBLAS repeats its sums in the same order only with a workspace of its own, set before its first call.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def computing_in(config: TrainingConfig, device: torch.device) -> torch.autocast:
    """The context of a forward pass: products in bfloat16 if the configuration says so; weights stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.precision == "bf16")
