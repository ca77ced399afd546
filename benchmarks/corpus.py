"""The corpus: writing, reading, opening, and random windows for training, beside .npy files and chunked gzip HDF5.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/corpus.py [FOLDER]
40 trials of 6,000 frames, seven sensors, 23 coordinates (94 MB); files in a temporary folder (of FOLDER), page cache
warm. Everything is the median of five runs; wall seconds of writing include fsync. Peers write the same arrays as
float32 / float64 .npy files with fsync; the disk alone takes the same number of bytes in one piece, in the same minute.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from mocap_import.subject import Subject
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, ImuErrors
from synth.corpus.window_reader import WindowReader
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording

N_TRIALS, N_FRAMES, N_COORDINATES, WINDOW, BATCH = 40, 6000, 23, 200, 64
N_OPENED = 3000
REPEATS = 5


def make_trials(rng: np.random.Generator) -> Iterator[CorpusTrial]:
    """Make random trials that share their arrays in memory."""
    values = rng.standard_normal((N_FRAMES, 3)) + 9.8
    records = tuple(ImuRecording(placement, values, values, 100.0) for placement in SEVEN_SENSORS)
    names = tuple(f"q{i}" for i in range(N_COORDINATES))
    motion = Kinematics(names, rng.standard_normal((N_FRAMES, N_COORDINATES)), 100.0)
    for i in range(N_TRIALS):
        yield CorpusTrial(f"t{i:03d}", Subject(f"S{i % 8}", 70, 1.7), 100.0, records, ImuErrors(), motion)


def write_corpus(path: Path, trials: list[CorpusTrial]) -> None:
    """Write the trials as a new corpus."""
    with CorpusWriter(path) as corpus:
        for trial in trials:
            corpus.append(trial)


def write_npy(folder: Path, trials: list[CorpusTrial]) -> None:
    """Write the same arrays as .npy files, synced."""
    for trial in trials:
        stacked = [np.hstack([r.specific_force, r.angular_velocity]).astype("f4") for r in trial.recordings]
        for kind, array in (("imu", np.stack(stacked, axis=1)), ("q", trial.kinematics.values)):
            with (folder / f"{trial.name}_{kind}.npy").open("wb") as file:
                np.save(file, array)
                file.flush()
                os.fsync(file.fileno())


def write_raw(path: Path, content: bytes) -> None:
    """Write bytes, synced: what the disk does alone."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def empty_folder(folder: Path) -> None:
    """Make a folder that holds nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def medians(*functions: Callable[[], object], before: Callable[[], object] = gc.collect) -> list[tuple[float, float]]:
    """Median wall and CPU seconds of functions that take turns, so that a slow minute meets all of them."""
    found = []
    for _ in range(REPEATS):
        row = []
        for function in functions:
            before()
            start, start_cpu = time.perf_counter(), time.process_time()
            function()
            row.append((time.perf_counter() - start, time.process_time() - start_cpu))
        found.append(row)
    return [tuple(pair) for pair in np.median(found, axis=0)]


def cut(sources: list, rng: np.random.Generator, n_batches: int) -> None:
    """Copy random windows from arrays (n_frames, n_sensors, 6), as a loop over a peer's files would."""
    batch = np.empty((BATCH, WINDOW, 7, 6), dtype="f4")
    for _ in range(n_batches):
        trials = rng.integers(0, len(sources), BATCH)
        frames = rng.integers(0, N_FRAMES - WINDOW, BATCH)
        for row, (trial, frame) in enumerate(zip(trials, frames, strict=True)):
            batch[row] = sources[trial][frame : frame + WINDOW]


def read_batches(reader: WindowReader, n_batches: int, out: np.ndarray | None = None) -> None:
    """Draw and copy batches with the window reader."""
    for number in range(n_batches):
        reader.batch(0, number, BATCH, out)


def window_speeds(folder: Path) -> dict[str, tuple[float, float]]:
    """Windows a second, (wall, CPU), of the reader and of its peers."""
    corpus, rng = Corpus(folder / "c.h5"), np.random.default_rng(0)
    records = [corpus.map_imu(*key) for key in corpus.trials()]
    for i, array in enumerate(records):
        np.save(folder / f"w{i}.npy", array)
    with h5py.File(folder / "gzip.h5", "w") as file:
        for i, array in enumerate(records):
            file.create_dataset(f"{i}", data=array, compression="gzip", shuffle=True)
    mapped, portable = WindowReader(corpus.path, WINDOW), WindowReader(corpus.path, WINDOW, portable=True)
    out = np.empty((BATCH, WINDOW, 42), dtype="f4")
    plain = [np.load(folder / f"w{i}.npy", mmap_mode="r") for i in range(N_TRIALS)]
    with h5py.File(folder / "gzip.h5") as file:
        packed = [file[f"{i}"] for i in range(N_TRIALS)]
        counts = (1500, 1500, 300, 1500, 30)
        runs = (
            lambda: read_batches(mapped, 1500, out),
            lambda: read_batches(mapped, 1500),
            lambda: read_batches(portable, 300),
            lambda: cut(plain, rng, 1500),
            lambda: cut(packed, rng, 30),
        )
        for run in runs:
            run()  # page cache and handles
        times = medians(*runs)
    names = ("mapped", "mapped_new_memory", "portable", "npy", "gzip")
    return {
        name: (n * BATCH / wall, n * BATCH / cpu) for name, n, (wall, cpu) in zip(names, counts, times, strict=True)
    }


def opening_costs(folder: Path) -> tuple[float, float]:
    """CPU seconds a trial to open a corpus and start a window reader: with its index, and looking at each trial."""
    values = np.zeros((3, 3))
    records = tuple(ImuRecording(placement, values, values, 100.0) for placement in SEVEN_SENSORS)
    with CorpusWriter(folder / "many.h5") as corpus:
        for i in range(N_OPENED):
            corpus.append(CorpusTrial(f"t{i:05d}", Subject(f"S{i % 50}", 70, 1.7), 100.0, records))
    shutil.copy(folder / "many.h5", folder / "unindexed.h5")
    with h5py.File(folder / "unindexed.h5", "r+") as file:
        del file["index"]
    runs = [lambda path=folder / name: (Corpus(path), WindowReader(path, 2)) for name in ("many.h5", "unindexed.h5")]
    (_, indexed), (_, looked) = medians(*runs)
    return indexed / N_OPENED, looked / N_OPENED


def figure(ours: float, peer: float, goal: str, least: float, **more: float) -> dict:
    """One figure of the last line."""
    return {"ours": ours, "peer": peer, "ratio": ours / peer, "goal": goal, "met": bool(ours >= least)} | more


def main() -> None:
    """Measure and print."""
    trials = list(make_trials(np.random.default_rng(0)))
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        write_corpus(folder / "c.h5", trials)
        size = (folder / "c.h5").stat().st_size
        content = np.random.default_rng(1).bytes(size)
        new = folder / "new"
        write, peer_write, raw = medians(
            lambda: write_corpus(new / "c.h5", trials),
            lambda: write_npy(new, trials),
            lambda: write_raw(new / "raw", content),
            before=lambda: empty_folder(new),  # freeing the pages of an old file is not writing a new one
        )
        write_npy(folder, trials)
        corpus, files = Corpus(folder / "c.h5"), sorted(folder.glob("*.npy"))
        read, clean, peer_read = medians(
            lambda: [corpus.read(*key) for key in corpus.trials()],
            lambda: [corpus.read(*key, clean=True) for key in corpus.trials()],
            lambda: [np.load(path) for path in files],
        )
        windows = window_speeds(folder)
        indexed, looked = opening_costs(folder)
    mb = size / 1e6
    print(f"{mb:.0f} MB, medians of {REPEATS}: MB/s by wall, by CPU")
    rows = {"write": write, "write .npy": peer_write, "disk alone": raw, "read": read, "read clean": clean}
    for what, (wall, cpu) in (rows | {"read .npy": peer_read}).items():
        print(f"  {what:12s} {mb / wall:6.0f} {mb / max(cpu, 1e-9):6.0f}")
    print(f"windows of {WINDOW} x 42 a second by wall, by CPU (batches of {BATCH})")
    for what, (wall, cpu) in windows.items():
        print(f"  {what:17s} {wall:9,.0f} {cpu:9,.0f}")
    print(f"opening and a reader, CPU a trial: {1e6 * indexed:.0f} us by the index, {1e6 * looked:.0f} us without")
    rate, by_cpu = mb / write[0], mb / write[1]
    peer, disk = mb / peer_write[0], mb / raw[0]
    mapped, gzip = windows["mapped_new_memory"], windows["gzip"]
    figures = {
        "write_mb_per_s": figure(rate, peer, ">= 200 by wall (peer: .npy)", 200, by_cpu=by_cpu, disk_alone=disk),
        "read_clean_mb_per_s": figure(mb / clean[0], mb / peer_read[0], ">= 200 (peer: .npy)", 200),
        "opening_cpu_us_per_trial": {
            "ours": 1e6 * indexed,
            "peer": 1e6 * looked,
            "ratio": indexed / looked,
            "goal": "<= 50, a million trials in a minute (peer: a corpus without an index)",
            "met": bool(indexed <= 50e-6),
        },
        "windows_per_s_and_core": figure(
            mapped[1],
            windows["npy"][1],
            ">= 150,000 by CPU from page cache (peer: .npy maps)",
            150_000,
            by_wall=mapped[0],
            into_given_memory=windows["mapped"][1],
        ),
        "windows_per_s_portable": figure(
            windows["portable"][1],
            gzip[1],
            "own figure, none set (peer: chunked gzip through h5py)",
            0,
            by_wall=windows["portable"][0],
            peer_by_wall=gzip[0],
        ),
    }
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
