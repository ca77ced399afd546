"""Cluster path: sensors straight from marker clusters, sensor-frames per second of one core, and memory of a stream.

A sensor-frame is one sample of one sensor: specific force and angular velocity. Seven sensors, each on a cluster of its
own, four markers each (28 markers, 0.5 mm jitter). *Included* in every row: rigid fit of every cluster in every frame,
pose of the sensor, central differences, and the low-pass where one is named. Rows from disk include reading and, of
C3D, the import (axes, units, gap and label checks of `read_trial`). *Not included*: compilation, once per installation,
which has a row of its own. CPU time, best of several calls; one thread.

The peer is the readable path: fit by NumPy's singular value decomposition, then `simulate_imu` sensor by sensor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.rigid_fit import fit_poses_by_svd, fit_quaternions
from opensim_models.motion import SegmentMotion
from synth.imu.cluster_imu import CHUNK, cluster_imu, stream_cluster_imu
from synth.imu.marker_cluster import MarkerCluster, make_cluster
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording
from synth.imu.simulation import simulate_imu

RATE, MINUTE = 100.0, 6000
GOAL = 1_000_000
RUNNER = "rbds_running/RBDS001/RBDS001runT35.c3d"
PARTS = {"tibia_r": "R.Shank", "femur_r": "R.Thigh", "tibia_l": "L.Shank", "femur_l": "L.Thigh", "calcn_l": "L.Heel"}
PARTS |= {"calcn_r": "R.Heel", "pelvis": ("L.ASIS", "R.ASIS", "L.PSIS", "R.PSIS")}


def moving_clusters(n_frames: int) -> tuple[MarkerTrial, list[MarkerCluster]]:
    """Seven clusters that move by random harmonics up to 8 Hz."""
    rng = np.random.default_rng(0)
    moment = np.arange(n_frames) / RATE
    labels, clusters, positions = [], [], np.empty((n_frames, 4 * len(SEVEN_SENSORS), 3))
    for k, placement in enumerate(SEVEN_SENSORS):
        reference = rng.uniform(-0.1, 0.1, (4, 3))
        names = [f"{placement.sensor}_{marker}" for marker in range(4)]
        wave = np.zeros((n_frames, 6))
        for frequency in (1.0, 2.0, 4.0, 8.0):
            wave += np.sin(2 * np.pi * frequency * moment[:, None] + rng.uniform(0, 6, 6)) / frequency**1.5
        matrix = Rotation.from_rotvec(0.3 * wave[:, :3]).as_matrix()
        positions[:, 4 * k : 4 * k + 4] = 0.05 * wave[:, None, 3:] + np.einsum("nij,mj->nmi", matrix, reference)
        clusters.append(make_cluster(placement.segment, names, reference))
        labels += names
    positions += 5e-4 * rng.standard_normal(positions.shape)
    return MarkerTrial("clusters", Subject("S1"), tuple(labels), positions, RATE), clusters


def readable_path(trial: MarkerTrial, clusters: list[MarkerCluster], cutoff: float | None) -> list[ImuRecording]:
    """Do the same by NumPy, one step after the other."""
    records = []
    for cluster, placement in zip(clusters, SEVEN_SENSORS, strict=True):
        positions = np.stack([trial.marker(label) for label in cluster.labels], axis=1)
        rotation, origin = fit_poses_by_svd(cluster.reference, positions, cluster.weights)
        rotation[np.isnan(origin[:, 0])] = np.eye(3)
        motion = SegmentMotion(cluster.segment, origin, Rotation.from_matrix(rotation), trial.rate)
        records.append(simulate_imu(motion, placement, cutoff=cutoff))
    return records


def per_second(samples: int, work: Callable[[], object], times: int = 5) -> float:
    """Samples per CPU second, best of several calls after one that is not counted."""
    work()
    best = np.inf
    for _ in range(times):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return samples / best


def difference(records: tuple[ImuRecording, ...], others: list[ImuRecording]) -> float:
    """Largest difference of any channel (m/s², rad/s)."""
    pairs = zip(records, others, strict=True)
    return max(
        float(np.nanmax(np.abs(getattr(a, name) - getattr(b, name))))
        for a, b in pairs
        for name in ("specific_force", "angular_velocity")
    )


def file_chunks(path: Path) -> Iterator[np.ndarray]:
    """Positions of a stored trial, `CHUNK` frames at a time."""
    with h5py.File(path, "r") as file:
        positions = file["positions"]
        for start in range(0, len(positions), CHUNK):
            yield positions[start : start + CHUNK]


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    found = speed_rows() | file_rows(data) | memory_rows()
    width = max(len(name) for name in found)
    for name, row in found.items():
        peer = "" if row["peer"] is None else f"{row['peer']:14,.4g}"
        print(f"{name:{width}} {row['ours']:14,.4g} {peer:14}  {row['goal']}{'' if row['met'] else '  MISSED'}")
    return found


def speed_rows() -> dict[str, dict]:
    """In memory."""
    found = {}
    trial, clusters = moving_clusters(5 * MINUTE)
    samples = trial.n_frames * len(SEVEN_SENSORS)
    short = MarkerTrial(trial.name, trial.subject, trial.labels, trial.positions[:MINUTE], RATE)
    for cutoff, name in ((None, "central differences"), (10.0, "10 Hz zero-lag low-pass, then central differences")):
        ours = per_second(samples, lambda c=cutoff: cluster_imu(trial, clusters, SEVEN_SENSORS, cutoff=c))
        peer = per_second(samples // 5, lambda c=cutoff: readable_path(short, clusters, c), 3)
        found[f"cluster path, {name} (sensor-frames/CPU s)"] = _at_least(ours, GOAL, peer)
        apart = difference(
            cluster_imu(short, clusters, SEVEN_SENSORS, cutoff=cutoff), readable_path(short, clusters, cutoff)
        )
        found[f"cluster path, {name}: largest difference from the readable path (m/s2, rad/s)"] = _at_most(apart, 1e-9)
    lost = trial.positions.copy()
    lost[np.random.default_rng(1).random(lost.shape[:2]) < 0.01] = np.nan
    gappy = MarkerTrial(trial.name, trial.subject, trial.labels, lost, RATE)
    for cutoff, name in ((None, "central differences"), (10.0, "10 Hz")):
        ours = per_second(samples, lambda c=cutoff: cluster_imu(gappy, clusters, SEVEN_SENSORS, cutoff=c))
        found[f"cluster path, {name}, 1 % of the markers lost (sensor-frames/CPU s)"] = _at_least(ours, GOAL)
    cluster, columns = clusters[0], np.arange(4)
    fits = per_second(
        trial.n_frames, lambda: fit_quaternions(cluster.reference, trial.positions, cluster.weights, columns)
    )
    positions = np.ascontiguousarray(short.positions[:, :4])
    svd = per_second(MINUTE, lambda: fit_poses_by_svd(cluster.reference, positions, cluster.weights), 3)
    found["rigid fit alone, four markers (fits/CPU s; peer: singular value decomposition)"] = _at_least(fits, GOAL, svd)
    found["first call of an installation: compilation (CPU s)"] = _reported(_compilation())
    return found


def file_rows(data: Path) -> dict[str, dict]:
    """From disk."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clusters.h5"
        trial, clusters = moving_clusters(10 * MINUTE)
        with h5py.File(path, "w") as file:
            file["positions"] = trial.positions
        samples, labels = trial.n_frames * len(SEVEN_SENSORS), trial.labels
        del trial
        for cutoff, name in ((None, "central differences"), (10.0, "10 Hz")):

            def stream(cutoff: float | None = cutoff) -> None:
                records = stream_cluster_imu(file_chunks(path), labels, RATE, clusters, SEVEN_SENSORS, cutoff=cutoff)
                for _ in records:
                    pass

            row = _at_least(per_second(samples, stream), GOAL)
            found[f"cluster path, {name}, streamed from a stored trial of 10 min (sensor-frames/CPU s)"] = row
    clusters = _runner_clusters(read_trial(data / RUNNER))
    placements = [p for p in SEVEN_SENSORS if p.segment in {c.segment for c in clusters}]

    def from_c3d() -> tuple[ImuRecording, ...]:
        return cluster_imu(read_trial(data / RUNNER), clusters, placements, cutoff=10.0)

    trial = read_trial(data / RUNNER)
    samples = trial.n_frames * len(placements)
    alone = per_second(samples, lambda: cluster_imu(trial, clusters, placements, cutoff=10.0))
    found["a measured run (30 s, 150 Hz), 10 Hz, import done (sensor-frames/CPU s)"] = _at_least(alone, GOAL)
    whole = per_second(samples, from_c3d)
    found["the same from its C3D file, import included (sensor-frames/CPU s)"] = _reported(whole)
    return found


def memory_rows() -> dict[str, dict]:
    """Of a stream, from 1 to 60 min."""
    part, clusters = moving_clusters(CHUNK)
    peaks = {}
    for minutes in (1, 10, 60):
        whole, rest = divmod(minutes * MINUTE, CHUNK)
        sizes = [CHUNK] * whole + [rest]
        tracemalloc.start()
        chunks = (part.positions[:size].copy() for size in sizes)
        for _ in stream_cluster_imu(chunks, part.labels, RATE, clusters, SEVEN_SENSORS, cutoff=10.0):
            pass
        peaks[minutes] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    found = {f"stream, peak of arrays, {minutes} min (MB)": _reported(peak) for minutes, peak in peaks.items()}
    found["stream, peak of arrays, 60 min over 1 min"] = _at_most(peaks[60] / peaks[1], 1.05)
    grown = {minutes: _process_size(minutes) for minutes in (1, 60)}
    found["stream from disk, largest size of the process, 1 min (MB)"] = _reported(grown[1])
    found["stream from disk, largest size of the process, 60 min (MB)"] = _reported(grown[60])
    found["stream from disk, growth from 1 to 60 min (MB; the file grows by 238)"] = _at_most(grown[60] - grown[1], 5.0)
    return found


def _runner_clusters(trial: MarkerTrial) -> list[MarkerCluster]:
    """Clusters of the markers of the first frame; feet have three markers, pelvis, thighs and shanks four."""
    clusters = []
    for segment, part in PARTS.items():
        labels = [label for label in trial.labels if label.startswith(part)]
        seen = np.stack([trial.marker(label) for label in labels], axis=1)[0]
        clusters.append(make_cluster(segment, labels, seen - seen.mean(axis=0)))
    return clusters


def _process_size(minutes: int) -> float:
    """Largest size (MB) of a process that streams a stored trial."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.h5"
        part, _ = moving_clusters(MINUTE)
        with h5py.File(path, "w") as file:
            positions = file.create_dataset("positions", (minutes * MINUTE, *part.positions.shape[1:]), "f8")
            for start in range(0, len(positions), MINUTE):
                positions[start : start + MINUTE] = part.positions
        done = subprocess.run([sys.executable, __file__, str(path)], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def _stream_in_own_process(path: Path) -> None:
    part, clusters = moving_clusters(100)
    for _ in stream_cluster_imu(file_chunks(path), part.labels, RATE, clusters, SEVEN_SENSORS, cutoff=10.0):
        pass
    # not ru_maxrss, which begins with the size of the process that started this one
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(float(status["VmHWM"].split()[0]) / 1024)


def _compilation() -> float:
    """CPU seconds of the first call in a process without stored kernels, less those of a process that has them."""
    program = (
        "import time; from benchmarks.imu_figures.cluster_speed import *; t, c = moving_clusters(50); "
        "b = time.process_time(); cluster_imu(t, c, SEVEN_SENSORS); print(time.process_time() - b)"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        took = [
            subprocess.run(
                [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
            ).stdout
            for _ in range(2)
        ]
    return float(took[0]) - float(took[1])


def _at_least(ours: float, goal: float, peer: float | None = None) -> dict:
    return {
        "ours": ours,
        "peer": peer,
        "ratio": None if peer is None else ours / peer,
        "goal": f">= {goal:,}",
        "met": bool(ours >= goal),
    }


def _at_most(ours: float, goal: float) -> dict:
    return {"ours": ours, "peer": None, "ratio": None, "goal": f"<= {goal:g}", "met": bool(ours <= goal)}


def _reported(ours: float) -> dict:
    return {"ours": ours, "peer": None, "ratio": None, "goal": "reported", "met": True}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _stream_in_own_process(Path(sys.argv[1]))
    else:
        folder = Path(os.environ.get("KINESYNTH_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
        print(json.dumps({"figures": figures(folder)}))
