"""Devices: a training step of the project's networks on the CPU and, where there is one, on the GPU.

Wall milliseconds of forward pass, backward pass and optimiser step, median of 20 after 3, one CPU thread; 42 channels,
19 values. The table has a column for every device that PyTorch finds; without a GPU it has one, and no figure says
anything of a GPU. The peer of the GPU's figures is the CPU of the same machine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from training.config import resolve_config
from training.device import available_devices, device_name
from training.networks.registry import build_network

CASES = {
    "conv1d, 16 windows of 1 s": ({"network": "conv1d"}, 16, 100),
    "lstm 2 x 128, 8 windows of 2.56 s": ({"network": "lstm", "width": 128, "depth": 2}, 8, 256),
    "temporal, 32 windows of 2 s": ({"network": "temporal"}, 32, 200),
    "conv1d 3 x 256, 256 windows of 2 s": ({"network": "conv1d", "width": 256, "depth": 3}, 256, 200),
}
"""Default sizes, and one that is large enough for a GPU to matter."""
N_CHANNELS, N_TARGETS, RATE = 42, 19, 100.0
UNTIMED, TIMED = 3, 20


def step_milliseconds(case: str, device: str, timed: int = TIMED) -> float:
    """Median wall time (ms) of one training step."""
    settings, windows, frames = CASES[case]
    torch.manual_seed(0)
    network = build_network(N_CHANNELS, N_TARGETS, RATE, resolve_config(settings)).to(device).train()
    optimiser = torch.optim.AdamW(network.parameters())
    inputs = torch.randn(windows, frames, N_CHANNELS, device=device)
    labels = torch.randn(windows, frames, N_TARGETS, device=device)
    times = []
    for _ in range(UNTIMED + timed):
        began = time.perf_counter()
        optimiser.zero_grad()
        (network(inputs) - labels).square().mean().backward()
        optimiser.step()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times[UNTIMED:]))


def figures(devices: Sequence[str] | None = None, cases: Sequence[str] = (), timed: int = TIMED) -> dict[str, dict]:
    """Rows of the table; default: all devices that are here."""
    torch.set_num_threads(1)
    devices = tuple(devices or available_devices())
    table = {}
    print(f"{'ms a training step':40}" + "".join(f"{device_name(device):>28}" for device in devices))
    for case in cases or CASES:
        if "256 windows" in case and devices == ("cpu",) and not cases:
            continue  # minutes on a CPU, and nothing to compare it with
        table[case] = {device: step_milliseconds(case, device, timed) for device in devices}
        print(f"{case:40}" + "".join(f"{table[case][device]:28.2f}" for device in devices), flush=True)
    if devices == ("cpu",):
        print("no GPU that this PyTorch can use: no column for it")
    rows = {}
    for case, by_device in table.items():
        for device, own in by_device.items():
            peer = by_device["cpu"] if device != "cpu" and "cpu" in by_device else None
            ratio = peer / own if peer else None
            name = f"training step, {case}, {'CPU' if device == 'cpu' else 'GPU'} (ms, wall)"
            rows[name] = {"ours": own, "peer": peer, "ratio": ratio, "goal": "reported", "met": True}
    return rows


if __name__ == "__main__":
    print(json.dumps({"figures": figures()}))
