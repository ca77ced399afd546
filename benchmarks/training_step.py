"""Training step: what drawing windows, fresh sensor errors and the loop cost beside the bare network.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 python benchmarks/training_step.py
Data: 10 trials of 400 frames at 100 Hz, 7 sensors (42 channels) of random harmonics, 18 targets; batch 16 x 1 s.
Peers, in the same run: the same errors drawn window by window with the corpus's own functions on the whole trial; the
same network's forward pass, backward pass and AdamW step on one fixed batch.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch

from synth.imu.misalignment import draw_misalignment, misalign
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.white_noise import add_noise
from training.augmentation import augment, channel_covariances
from training.config import resolve_config
from training.loop import train
from training.loss import supervised_loss
from training.networks.registry import build_network, known_networks
from training.target import ALL_TARGETS
from training.window import TrainingSet, TrialRecord, draw_windows

RATE, N_FRAMES, N_SENSORS, BATCH, LENGTH = 100.0, 400, 7, 16, 100
SENSORS = tuple(f"sensor_{i}" for i in range(N_SENSORS))
TARGETS = tuple(target for target in ALL_TARGETS if target.coordinate != "lumbar_extension")


def make_data(rng, n_trials=10) -> TrainingSet:
    """Trials of random harmonics, labelled for one second in the middle."""
    t = np.arange(N_FRAMES) / RATE
    records = []
    for trial in range(n_trials):
        phase = rng.uniform(0, 2 * np.pi, (6 * N_SENSORS + len(TARGETS), 4))
        waves = np.sin(2 * np.pi * np.array([1.0, 2.0, 3.0, 4.0]) * t[:, None, None] + phase).sum(axis=2)
        labels = np.full((N_FRAMES, len(TARGETS)), np.nan, dtype=np.float32)
        labels[150:260] = waves[150:260, 6 * N_SENSORS :]
        inputs = waves[:, : 6 * N_SENSORS].astype(np.float32)
        records.append(TrialRecord(f"S{trial}", "walk", RATE, inputs, np.zeros(N_FRAMES, dtype=bool), labels))
    return TrainingSet(tuple(records), SENSORS, TARGETS, RATE, ())


def errors_window_by_window(data, windows, rng):
    """The same sensor errors by the corpus's functions: each window's whole trial, sensor by sensor."""
    batch = []
    for record, start in zip(windows.record, windows.start, strict=True):
        inputs, channels = data.records[record].inputs, []
        for sensor in range(N_SENSORS):
            own = inputs[:, 6 * sensor : 6 * sensor + 6]
            clean = ImuRecording(SensorPlacement("s", "s"), own[:, :3], own[:, 3:], RATE)
            worn = add_noise(misalign(clean, draw_misalignment(rng, 13.5)), share=0.15, rng=rng)
            channels += [worn.specific_force, worn.angular_velocity]
        batch.append(np.concatenate(channels, axis=1)[start : start + LENGTH])
    return np.stack(batch).astype(np.float32)


def seconds(function, calls):
    """CPU and wall seconds of one call."""
    function()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        function()
    return (time.process_time() - cpu) / calls, (time.perf_counter() - wall) / calls


def bare_step(config, data):
    """The network alone: forward, backward and optimiser on one fixed batch."""
    network = build_network(6 * N_SENSORS, len(TARGETS), RATE, config).train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    inputs = torch.randn(BATCH, LENGTH, 6 * N_SENSORS)
    labels = torch.randn(BATCH, LENGTH, len(TARGETS))
    columns = {k: [i for i, t in enumerate(TARGETS) if t.kind == k] for k in {t.kind: 0 for t in TARGETS}}

    def step():
        loss, _ = supervised_loss(network(inputs), labels, columns)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def figure(ours, peer, goal, met):
    """One figure of the last line."""
    return {"ours": ours, "peer": peer, "ratio": ours / peer, "goal": goal, "met": bool(met)}


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    data = make_data(rng)
    covariances = channel_covariances(data.records)
    windows = draw_windows(data.records, LENGTH, BATCH, rng)
    ours, wall = seconds(lambda: augment(windows, covariances, 13.5, 0.15, rng), 100)
    peer, peer_wall = seconds(lambda: errors_window_by_window(data, windows, rng), 5)
    print(f"sensor errors of a batch: {1e3 * ours:.2f} ms CPU, {1e3 * wall:.2f} ms wall; ", end="")
    print(f"window by window {1e3 * peer:.1f} ms CPU, {1e3 * peer_wall:.1f} ms wall")
    figures = {"sensor_errors_cpu_ms_per_batch": figure(1e3 * ours, 1e3 * peer, "<= 1/10 of peer", ours <= peer / 10)}
    for name in known_networks():
        config = resolve_config({"network": name, "steps": 60})
        bare, bare_wall = seconds(bare_step(config, data), 60)
        cpu, wall = time.process_time(), time.perf_counter()
        train(data, config)
        cpu, wall = (time.process_time() - cpu) / config.steps, (time.perf_counter() - wall) / config.steps
        fold = cpu * resolve_config({"network": name}).steps
        print(f"{name}: {1e3 * cpu:.2f} ms CPU a step ({1e3 * wall:.2f} wall), bare {1e3 * bare:.2f} ", end="")
        print(f"({1e3 * bare_wall:.2f} wall); a fold with default steps {fold:.1f} CPU s")
        figures[f"{name}_step_cpu_ms"] = figure(1e3 * cpu, 1e3 * bare, "<= 1.5 x the bare network", cpu <= 1.5 * bare)
        figures[f"{name}_fold_cpu_s"] = {"ours": fold, "peer": None, "ratio": None, "goal": "<= 6", "met": fold <= 6}
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
