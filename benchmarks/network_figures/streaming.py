"""Streaming: time of one frame from seven sensors to 33 values, ours by ONNX Runtime, the peer by PyTorch itself.

LSTM of 2 layers x 128, 42 channels, 100 Hz, one thread; every frame is timed by itself (wall), after a warm-up. Each
repeat times a stretch of ours and of PyTorch in turn, so that both meet the same machine; percentiles are over all
frames. What lies between them: a step of ours checks the frame, bridges gaps and keeps the memory.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from training.checkpoint import Checkpoint
from training.config import resolve_config
from training.networks.registry import build_network
from training.normalisation import Normalisation
from training.stream.estimator import Estimator
from training.stream.exported_network import export_network
from training.stream.latency import Latency, timed
from training.target import ALL_TARGETS

WIDTH, N_LAYERS, N_CHANNELS, N_FRAMES, REPEATS = 128, 2, 42, 2000, 5
SENSORS = ("pelvis", "thigh_r", "shank_r", "foot_r", "thigh_l", "shank_l", "foot_l")
GOALS_MS = {"median": 0.05, "99 %": 1.0}


def random_checkpoint() -> Checkpoint:
    """A network of the published size with the weights that it is born with."""
    torch.manual_seed(0)
    targets = (*ALL_TARGETS, *ALL_TARGETS)[:33]
    config = resolve_config({"network": "lstm", "bidirectional": False, "width": WIDTH, "depth": N_LAYERS})
    network = build_network(N_CHANNELS, len(targets), 100.0, config).eval()
    scale = Normalisation(*(np.full(n, v, np.float32) for n, v in ((42, 0), (42, 1), (33, 0), (33, 1))))
    return Checkpoint(network, config, scale, SENSORS, targets, 100.0, (), 0, 0, 0, 0.0)


class EagerNetwork:
    """The same network by PyTorch, frame by frame."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.network = checkpoint.network
        self.state: tuple[torch.Tensor, torch.Tensor] | None = None

    def step(self, frame: np.ndarray) -> np.ndarray:
        """One frame (42,) → its values (33,)."""
        with torch.inference_mode():
            said, self.state = self.network.memory(torch.from_numpy(frame)[None, None], self.state)
            return self.network.head(said)[0, 0].numpy()


def figures() -> dict[str, dict]:
    """Rows of the table."""
    torch.set_num_threads(1)
    checkpoint = random_checkpoint()
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((N_FRAMES, N_CHANNELS)).astype(np.float32)
    frames[:, 1::6] += 9.81
    with tempfile.TemporaryDirectory() as folder:
        estimator = Estimator(export_network(checkpoint, Path(folder) / "lstm.onnx"))
    eager = EagerNetwork(checkpoint)
    estimator.warm_up()
    timed(eager.step, frames[:200])
    estimator.reset()
    eager.state = None
    seconds: dict[str, list[np.ndarray]] = {"ours": [], "peer": []}
    largest = 0.0
    for _ in range(REPEATS):
        ours, latency = timed(estimator.step, frames)
        theirs, peer = timed(eager.step, frames)
        seconds["ours"].append(latency.seconds)
        seconds["peer"].append(peer.seconds)
        largest = max(largest, float(np.abs(ours - theirs).max()))
    ours, peer = (Latency(np.concatenate(seconds[who])) for who in ("ours", "peer"))
    print(ours.text())
    rows = {}
    for (name, goal), share in zip(GOALS_MS.items(), (50, 99), strict=True):
        mine, other = ours.percentile(share), peer.percentile(share)
        rows[f"streaming: {name} of a frame (ms, wall)"] = {
            "ours": mine,
            "peer": other,
            "ratio": other / mine,
            "goal": f"<= {goal}",
            "met": mine <= goal,
        }
    rows["streaming: largest difference to PyTorch"] = {
        "ours": largest,
        "peer": 0.0,
        "ratio": None,
        "goal": "<= 1e-5",
        "met": largest <= 1e-5,
    }
    return rows


if __name__ == "__main__":
    print(json.dumps({"figures": figures()}))
