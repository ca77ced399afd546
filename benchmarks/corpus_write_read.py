"""The corpus: writing and reading trials, and random windows for training, beside plain .npy files and gzip HDF5.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/corpus_write_read.py
40 trials of 6,000 frames, seven sensors, 23 coordinates; files in a temporary folder, page cache warm. Wall seconds
include fsync; the peer writes the same arrays as float32/float64 .npy files with fsync.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from mocap_import.subject import Subject
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, ImuErrors
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording

N_TRIALS, N_FRAMES, N_COORDINATES, WINDOW = 40, 6000, 23, 200


def make_trials(rng):
    """Make random trials that share their arrays in memory."""
    values = rng.standard_normal((N_FRAMES, 3)) + 9.8
    records = tuple(ImuRecording(placement, values, values, 100.0) for placement in SEVEN_SENSORS)
    names = tuple(f"q{i}" for i in range(N_COORDINATES))
    motion = Kinematics(names, rng.standard_normal((N_FRAMES, N_COORDINATES)), 100.0)
    for i in range(N_TRIALS):
        yield CorpusTrial(f"t{i:03d}", Subject(f"S{i % 8}", 70, 1.7), 100.0, records, ImuErrors(), motion)


def write_corpus(path, trials):
    """Write the trials as a corpus."""
    with CorpusWriter(path) as corpus:
        for trial in trials:
            corpus.append(trial)


def write_npy(folder, trials):
    """Write the same arrays as .npy files, synced."""
    for trial in trials:
        stacked = [np.hstack([r.specific_force, r.angular_velocity]).astype("f4") for r in trial.recordings]
        for kind, array in (("imu", np.stack(stacked, axis=1)), ("q", trial.kinematics.values)):
            with (folder / f"{trial.name}_{kind}.npy").open("wb") as file:
                np.save(file, array)
                file.flush()
                os.fsync(file.fileno())


def wall(function):
    """Wall and CPU seconds of one call."""
    start, start_cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start, time.process_time() - start_cpu


def windows_per_s(sources, rng, least=0.5):
    """Random windows copied per second from arrays (n_frames, n_sensors, 6)."""
    start, n = time.perf_counter(), 0
    batch = np.empty((64, WINDOW, 7, 6), dtype="f4")
    while time.perf_counter() - start < least:
        trials = rng.integers(0, len(sources), 64)
        frames = rng.integers(0, N_FRAMES - WINDOW, 64)
        for row, (trial, frame) in enumerate(zip(trials, frames, strict=True)):
            batch[row] = sources[trial][frame : frame + WINDOW]
        n += 64
    return n / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    trials = list(make_trials(rng))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "warm.h5", trials[:2])
        write, write_cpu = wall(lambda: write_corpus(folder / "c.h5", trials))
        peer_write, _ = wall(lambda: write_npy(folder, trials))
        megabytes = (folder / "c.h5").stat().st_size / 1e6
        corpus = Corpus(folder / "c.h5")
        read, read_cpu = wall(lambda: [corpus.read(*key) for key in corpus.trials()])
        clean, _ = wall(lambda: [corpus.read(*key, clean=True) for key in corpus.trials()])
        peer_read, _ = wall(lambda: [np.load(path) for path in sorted(folder.glob("*.npy"))])
        mapped = [corpus.map_imu(*key) for key in corpus.trials()]
        mapped_speed = windows_per_s(mapped, rng)
        with h5py.File(folder / "gzip.h5", "w") as file:
            packed = [
                file.create_dataset(f"{i}", data=m, compression="gzip", shuffle=True) for i, m in enumerate(mapped[:4])
            ]
            packed_speed = windows_per_s(packed, rng)
    print(f"{megabytes:.0f} MB; write {write:.2f} s wall, {write_cpu:.2f} s CPU (.npy {peer_write:.2f} s)")
    print(f"read with errors {read:.2f} s wall, {read_cpu:.2f} s CPU; clean {clean:.2f} s (.npy {peer_read:.2f} s)")
    print(f"windows of {WINDOW} x 42 per s: mapped {mapped_speed:.0f}, gzip through h5py {packed_speed:.0f}")
    rate, peer_rate = megabytes / write, megabytes / peer_write
    clean_rate, peer_clean = megabytes / clean, megabytes / peer_read
    figures = {
        "write_mb_per_s": {
            "ours": rate,
            "peer": peer_rate,
            "ratio": rate / peer_rate,
            "goal": ">= 200",
            "met": rate >= 200,
        },
        "read_clean_mb_per_s": {
            "ours": clean_rate,
            "peer": peer_clean,
            "ratio": clean_rate / peer_clean,
            "goal": ">= 200 (peer: .npy)",
            "met": clean_rate >= 200,
        },
        "windows_per_s": {
            "ours": mapped_speed,
            "peer": packed_speed,
            "ratio": mapped_speed / packed_speed,
            "goal": ">= 150,000 (peer: gzip HDF5)",
            "met": mapped_speed >= 150_000,
        },
    }
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
