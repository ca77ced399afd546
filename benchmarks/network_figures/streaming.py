"""Streaming: time of one frame, and what is lost by finding the sensors' turning on the first strides.

Labelled network: LSTM of 2 layers x 128, 42 channels, 33 values, 100 Hz; ours by ONNX Runtime, the peer by PyTorch
itself. Label-free network: the default of `kinesynth train --objective physics`, seven sensors, 19 values; the peer is
the whole trial in one go, per frame. One thread; every frame is timed by itself after a warm-up, by the wall clock and
once more by the thread's CPU clock, which a busy machine disturbs less. What lies between readings and network: a step
of ours checks the frame, bridges gaps, keeps the memory and, label-free, filters tilts.

Turning: the virtual walkers of `network_figures.physics` (20 persons of seed 101 teach without labels, 8 of seed 202
are scored), each sensor of the scored turned by N(0, 10 deg) about a random axis that nobody is told. A whole trial
turns leg sensors by the axis of all its frames, a stream by that of its first strides. Both are scored on the same
frames: those of which the stream says something. The length was chosen on the teaching persons (``choice``).
``recorded`` does the same on seven persons' treadmill walks, network trained on their records for 2500 steps.
Run: python benchmarks/network_figures/streaming.py [latency physics turning choice recorded]; default: all but the
choice, ``recorded`` only where its recordings are.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from benchmarks.network_figures.physics import train_on, walkers
from benchmarks.peers.figure_run import data_folder
from synth.corpus import Corpus, CorpusTrial, ImuErrors
from synth.imu.error_recipe import apply_errors
from synth.imu.sagittal_axis import main_axis_to_z
from synth.real_imu.session_sheet import read_session_sheet
from synth.sensor_corpus import build_sensor_corpus
from training.checkpoint import Checkpoint
from training.config import resolve_config
from training.networks.registry import build_network
from training.normalisation import Normalisation
from training.physics.model_file import PhysicsModel
from training.physics.person import LEG
from training.physics.prediction import estimate_values
from training.stream.estimator import Estimator
from training.stream.exported_network import export_network
from training.stream.exported_physics import export_physics
from training.stream.latency import Latency, timed
from training.stream.physics_estimator import PhysicsEstimator
from training.stream.replay import trial_frames
from training.stream.stride_turning import TURNING_SECONDS
from training.target import ALL_TARGETS, read_targets
from training.window import sensor_names

WIDTH, N_LAYERS, N_CHANNELS, N_FRAMES, REPEATS = 128, 2, 42, 2000, 5
SENSORS = ("pelvis", "thigh_r", "shank_r", "foot_r", "thigh_l", "shank_l", "foot_l")
GOALS_MS = {"median": 0.05, "99 %": 1.0}
WALKS = "cmu_imu_grf_walk"
LENGTHS = (0.25, 0.5, 1.0, 1.5, 2.5)
"""s of turning that are tried for the choice."""
MISALIGNMENT_DEG = 10.0
KINDS = {
    "angle": "angles (deg)",
    "moment": "moments (%BWBH)",
    "ground_reaction": "forces (%BW)",
    "speed": "speed (m/s)",
}


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


def latency() -> dict[str, dict]:
    """The labelled network against PyTorch."""
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
        ours, own = timed(estimator.step, frames)
        theirs, peer = timed(eager.step, frames)
        seconds["ours"].append(own.seconds)
        seconds["peer"].append(peer.seconds)
        largest = max(largest, float(np.abs(ours - theirs).max()))
    mine, other = (Latency(np.concatenate(seconds[who])) for who in ("ours", "peer"))
    print(mine.text())
    peers = {share: other.percentile(share) for share in (50, 99)}
    own = timed(estimator.step, frames, time.thread_time)[1]
    return (
        latency_rows("streaming", mine, peers)
        | latency_rows("streaming", own, {}, "CPU")
        | {"streaming: largest difference to PyTorch": row(largest, 0.0, "<= 1e-5", largest <= 1e-5)}
    )


def physics() -> dict[str, dict]:
    """The label-free network frame by frame against the whole trial in one go."""
    trials = scored_trials()
    model = taught()
    times, computed, largest = [], [], 0.0
    for trial in trials[:REPEATS]:
        estimator = opened(trial, place() / "physics.onnx", turning=whole_turning(trial))
        estimator.warm_up()
        said, own = timed(estimator.step, trial_frames(trial))
        times.append(own.seconds)
        largest = max(largest, float(np.abs(said - estimate_values(model, trial)[0]).max()))
        estimator.reset()
        computed.append(timed(estimator.step, trial_frames(trial), time.thread_time)[1].seconds)
    mine, cpu = Latency(np.concatenate(times)), Latency(np.concatenate(computed))
    whole = np.mean([1e3 * estimate_values(model, t)[1] / t.n_frames for t in trials[:REPEATS]])
    print(mine.text())
    rows = latency_rows("label-free streaming", mine, {50: whole}) | latency_rows(
        "label-free streaming", cpu, {}, "CPU"
    )
    return rows | {
        "label-free streaming: largest difference to the whole trial, turning given": row(
            largest, 0.0, "<= 1e-4", largest <= 1e-4
        )
    }


def turning() -> dict[str, dict]:
    """What the stream's own turning changes on persons who taught nothing."""
    found = turning_table(scored_trials(), (TURNING_SECONDS,), taught(), place() / "physics.onnx")[TURNING_SECONDS]
    return turning_rows("label-free streaming", found)


def recorded() -> dict[str, dict]:
    """The same on real treadmill walks, which vary from stride to stride; angles are known of one person."""
    corpus = place() / "cmu.h5"
    build_sensor_corpus(data_folder() / WALKS, corpus, read_session_sheet("cmu_treadmill"))
    network = place() / "recorded.onnx"
    model = train_on(corpus, steps=2500)
    export_physics(model, network)
    trials = [Corpus(corpus).read(*key) for key in Corpus(corpus).trials()]
    return turning_rows(
        "label-free streaming, recorded", turning_table(trials, (TURNING_SECONDS,), model, network)[TURNING_SECONDS]
    )


def turning_rows(name: str, found: dict[str, float]) -> dict[str, dict]:
    """Rows of one length."""
    rows = {}
    for kind, words in KINDS.items():
        stream, whole, apart = (found[f"{kind}, {what}"] for what in ("stream", "whole", "apart"))
        rows[f"{name}, {words}: stream, against the whole trial on the same frames"] = row(
            stream, whole, "reported", True
        )
        rows[f"{name}, {words}: RMS between the two"] = row(apart, None, "reported", True)
    return rows | {f"{name}: nothing is said in the first (s)": row(found["silent"], None, "reported", True)}


def choice() -> dict[str, dict]:
    """Lengths of the warm-up on the teaching persons; nobody here is scored."""
    table = turning_table(misaligned(teaching(), 101)[::4], LENGTHS, taught(), place() / "physics.onnx")
    rows = {}
    for length, found in table.items():
        print(f"{length:g} s of turning: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
        rows[f"label-free streaming, {length:g} s of turning, teaching persons: angles between the two (deg)"] = row(
            found["angle, apart"], None, "reported", True
        )
    return rows


def turning_table(
    trials: list[CorpusTrial], lengths: tuple[float, ...], model: PhysicsModel, network: Path
) -> dict[float, dict[str, float]]:
    """Errors of stream and whole trial, and RMS between them, in the units of tables; means over persons."""
    table: dict[float, dict[str, float]] = {}
    for length in lengths:
        by_person: dict[str, list[dict[str, float]]] = {}
        for trial in trials:
            frames = trial_frames(trial)
            said, _ = timed(opened(trial, network, turning_seconds=length).step, frames)
            known = np.isfinite(said).all(axis=1)
            if not known.any():
                continue
            whole, truth = estimate_values(model, trial)[0], read_targets(trial, ALL_TARGETS)
            one = {"silent": float(np.argmax(known)) / trial.rate}
            for kind in KINDS:
                columns = [i for i, t in enumerate(ALL_TARGETS) if t.kind == kind]
                scale = next(t.scale for t in ALL_TARGETS if t.kind == kind)
                parts = {"stream": (said, truth), "whole": (whole, truth), "apart": (said, whole)}
                for what, (a, b) in parts.items():
                    one[f"{kind}, {what}"] = scale * rms(a[known][:, columns] - b[known][:, columns])
            by_person.setdefault(trial.subject.code, []).append(one)
        people = [{k: np.nanmean([one[k] for one in own]) for k in own[0]} for own in by_person.values()]
        table[length] = {k: float(np.nanmean([p[k] for p in people])) for k in people[0]}
    return table


def rms(difference: np.ndarray) -> float:
    """Root mean square by column, mean over columns."""
    return float(np.nanmean(np.sqrt(np.nanmean(difference**2, axis=0))))


@cache
def place() -> Path:
    """Folder of this run; it goes when the process ends."""
    place.folder = tempfile.TemporaryDirectory(prefix="kinesynth-streaming-")
    return Path(place.folder.name)


@cache
def teaching() -> Path:
    """Corpus of the persons who teach."""
    return walkers(place(), 101, 20, "teaching")[0]


@cache
def taught() -> PhysicsModel:
    """The label-free network of the teaching persons, as a checkpoint and exported."""
    model = train_on(teaching())
    export_physics(model, place() / "physics.onnx")
    return model


@cache
def scored_trials() -> list[CorpusTrial]:
    """Trials of the persons who are scored, sensors turned."""
    return misaligned(walkers(place(), 202, 8, "scored")[0], 202)


def misaligned(corpus: Path, seed: int) -> list[CorpusTrial]:
    """Trials with 15 % noise and sensors turned in all directions."""
    reader = Corpus(corpus)
    errors = ImuErrors(noise_share=0.15, misalignment_deg=MISALIGNMENT_DEG, seed=seed)
    trials = [replace(reader.read(*key, clean=True), errors=errors) for key in reader.trials()]
    return [replace(t, recordings=errors_applied(t)) for t in trials]


def errors_applied(trial: CorpusTrial) -> tuple:
    """Records of a clean trial with its errors, as every reader of a corpus draws them."""
    return apply_errors(trial.recordings, trial.errors, subject=trial.subject.code, trial=trial.name)


def opened(trial: CorpusTrial, network: Path, **options: object) -> PhysicsEstimator:
    """An exported network for a trial."""
    mountings = {r.placement.sensor: r.placement.mounting for r in trial.recordings}
    names = sensor_names(trial)
    return PhysicsEstimator(network, trial.subject, names, mountings=mountings, **options)


def whole_turning(trial: CorpusTrial) -> dict:
    """Turning of every leg sensor by the whole trial."""
    legs = [r for r in trial.recordings if r.placement.segment.startswith(LEG)]
    return {r.placement.sensor: main_axis_to_z(r.placement.mounting.apply(r.angular_velocity)) for r in legs}


def latency_rows(name: str, ours: Latency, peers: dict[int, float], clock: str = "wall") -> dict[str, dict]:
    """Median and 99th percentile (ms)."""
    rows = {}
    for (word, goal), share in zip(GOALS_MS.items(), (50, 99), strict=True):
        mine, peer = ours.percentile(share), peers.get(share)
        ratio = None if peer is None else peer / mine
        figure = row(mine, peer, f"<= {goal}", mine <= goal)
        rows[f"{name}: {word} of a frame (ms, {clock})"] = figure | {"ratio": ratio}
    return rows


def row(ours: float, peer: float | None, goal: str, met: bool) -> dict:
    """One figure."""
    return {"ours": ours, "peer": peer, "ratio": ours / peer if peer else None, "goal": goal, "met": bool(met)}


PARTS: dict[str, Callable[[], dict[str, dict]]] = {
    "latency": latency,
    "physics": physics,
    "turning": turning,
    "choice": choice,
    "recorded": recorded,
}


def figures(parts: list[str] | None = None) -> dict[str, dict]:
    """Rows of the table; without names all but the choice, and ``recorded`` only where its recordings are."""
    torch.set_num_threads(1)
    found: dict[str, dict] = {}
    has_walks = (data_folder() / WALKS).is_dir()
    for part in parts or ["latency", "physics", "turning", *(["recorded"] if has_walks else [])]:
        print(f"== {part}", flush=True)
        found |= PARTS[part]()
    return found


if __name__ == "__main__":
    print(json.dumps({"figures": figures(sys.argv[1:])}))
