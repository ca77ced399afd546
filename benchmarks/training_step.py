"""Training step: what reading windows, fresh sensor errors and the loop cost beside the bare network.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 python benchmarks/training_step.py
Data: a corpus of 10 trials of 400 frames at 100 Hz, 7 sensors (42 channels) of random harmonics; batch 16 x 1 s.
Peers, in the same run: windows of the same trials held in memory;
the same errors drawn window by window with the corpus's own functions on the whole trial; the
same network's forward pass, backward pass and AdamW step on one fixed batch.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.imu.misalignment import draw_misalignment, misalign
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.white_noise import add_noise
from training.augmentation import augment, channel_covariances
from training.config import OUTPUT_KINDS, resolve_config
from training.loop import train
from training.loss import supervised_loss
from training.networks.registry import build_network, known_networks
from training.target import ALL_TARGETS
from training.training_set import TrainingSet, read_training_set
from training.window_source import WindowSource

RATE, N_FRAMES, N_SENSORS, BATCH, LENGTH = 100.0, 400, 7, 16, 100
TARGETS = tuple(target for target in ALL_TARGETS if target.coordinate != "lumbar_extension")


def make_data(rng, folder: Path, n_trials=10) -> TrainingSet:
    """A corpus of trials of random harmonics, labelled for 1.1 s in the middle."""
    t = np.arange(N_FRAMES) / RATE
    path, names = folder / "harmonics.h5", tuple(t.coordinate for t in TARGETS if t.kind == "angle")
    with CorpusWriter(path, role="reference") as writer:
        for trial in range(n_trials):
            phase = rng.uniform(0, 2 * np.pi, (6 * N_SENSORS + 2 * len(names) + 4, 4))
            waves = np.sin(2 * np.pi * np.array([1.0, 2.0, 3.0, 4.0]) * t[:, None, None] + phase).sum(axis=2)
            records = tuple(
                ImuRecording(p, waves[:, 6 * i : 6 * i + 3], waves[:, 6 * i + 3 : 6 * i + 6], RATE)
                for i, p in enumerate(SEVEN_SENSORS)
            )
            labels = np.full((N_FRAMES, 2 * len(names) + 4), np.nan)
            labels[150:260] = waves[150:260, 6 * N_SENSORS :]
            angles, forces, left = np.split(labels, [len(names), 2 * len(names)], axis=1)
            nowhere = np.full((N_FRAMES, 3), np.nan)
            reactions = tuple(
                GroundReaction(np.column_stack([left[:, k : k + 2], nowhere[:, 0]]), nowhere, nowhere[:, 0], RATE, foot)
                for k, foot in ((0, "right"), (2, "left"))
            )
            motion, kinetics = Kinematics(names, angles, RATE), Kinetics(names, forces, RATE, reactions)
            person = Subject(f"S{trial}", 70.0, 1.75)
            writer.append(
                CorpusTrial(
                    "walk",
                    person,
                    RATE,
                    records,
                    kinematics=motion,
                    kinetics=kinetics,
                    spatiotemporal={"speed": 1.2},
                    status="converged",
                )
            )
    return read_training_set(Corpus(path), [f"S{i}" for i in range(n_trials)], OUTPUT_KINDS)


def errors_window_by_window(wholes, windows, rng):
    """The same sensor errors by the corpus's functions: each window's whole trial, sensor by sensor."""
    batch = []
    for record, start in zip(windows.record, windows.start, strict=True):
        inputs, channels = wholes[record].inputs, []
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
    network = build_network(6 * N_SENSORS, len(data.targets), RATE, config).train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    inputs = torch.randn(BATCH, LENGTH, 6 * N_SENSORS)
    labels = torch.randn(BATCH, LENGTH, len(data.targets))
    kinds = {target.kind: 0 for target in data.targets}
    columns = {k: [i for i, t in enumerate(data.targets) if t.kind == k] for k in kinds}

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
    with tempfile.TemporaryDirectory() as name:
        measure(make_data(rng, Path(name)), rng)


def in_memory(wholes, rng):
    """The same windows from trials that are held in memory: what reading from the file is compared with."""
    chosen = rng.integers(len(wholes), size=BATCH)
    starts = [int(np.clip(150 + rng.integers(110) - rng.integers(LENGTH), 0, N_FRAMES - LENGTH)) for _ in chosen]
    spans = [(wholes[r], slice(s, s + LENGTH)) for r, s in zip(chosen, starts, strict=True)]
    return np.stack([r.inputs[span] for r, span in spans]), np.stack([r.labels[span] for r, span in spans])


def measure(data: TrainingSet, rng) -> None:
    """Measure and print, with the data on the disk."""
    covariances = channel_covariances([record.summary for record in data.records])
    source = WindowSource(data, LENGTH / RATE)
    wholes = [source.whole(number) for number in range(len(data.records))]
    windows = source.draw(BATCH, rng)
    reading, _ = seconds(lambda: source.draw(BATCH, rng), 300)
    held, _ = seconds(lambda: in_memory(wholes, rng), 300)
    print(f"windows of a batch: {1e3 * reading:.2f} ms CPU from the file, {1e3 * held:.2f} from memory")
    ours, wall = seconds(lambda: augment(windows, covariances, 13.5, 0.15, rng), 100)
    peer, peer_wall = seconds(lambda: errors_window_by_window(wholes, windows, rng), 5)
    print(f"sensor errors of a batch: {1e3 * ours:.2f} ms CPU, {1e3 * wall:.2f} ms wall; ", end="")
    print(f"window by window {1e3 * peer:.1f} ms CPU, {1e3 * peer_wall:.1f} ms wall")
    drawn = figure(1e3 * reading, 1e3 * held, "none set (peer: trials held in memory)", True)
    figures = {"windows_cpu_ms_per_batch": drawn}
    figures |= {"sensor_errors_cpu_ms_per_batch": figure(1e3 * ours, 1e3 * peer, "<= 1/10 of peer", ours <= peer / 10)}
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
