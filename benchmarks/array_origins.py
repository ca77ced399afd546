"""What origins cost a corpus: bytes and CPU of a trial with them, beside the same trials without.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/array_origins.py
40 trials of 1,000 frames and seven sensors, each with its own source files, cut-offs and a warning; the best of eight
runs of each kind, in turn, because a busy machine only ever makes them slower.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.corpus.array_origin import KINEMATICS, ArrayOrigin, SourceFile, sensor_array
from synth.corpus.provenance import versions
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording

N_TRIALS, N_FRAMES, REPEATS = 40, 1000, 8


def origins(i: int) -> tuple[ArrayOrigin, ...]:
    """What an archive gives a trial: two ways of making, three files, what was found and one warning."""
    files = tuple(SourceFile(f"S{i:03d}/walk.{kind}", f"{i:064x}") for kind in ("trial.h5", "json", "mot"))
    sensors = tuple(sensor_array(placement.sensor) for placement in SEVEN_SENSORS)
    found = {"cutoff_hz": {p.segment: round(8.0 + 0.01 * i, 4) for p in SEVEN_SENSORS}}
    how = {"derivatives": "central_difference", "motion_of": "both", "low_pass": "auto"}
    solved = {"marker_error_mm": 10.0 + i, "residual_force_percent": 9.5}
    return (
        ArrayOrigin(sensors, "virtual inertial sensor", how, found, files[:2], versions()),
        ArrayOrigin((KINEMATICS,), "inverse kinematics", {}, solved, files, versions(), (f"markers {10 + i} mm RMS",)),
    )


def run(folder: Path, trials: list[CorpusTrial]) -> tuple[float, float, float]:
    """CPU ms of writing and of reading a trial, and its bytes."""
    path = folder / "c.h5"
    began = time.process_time()
    with CorpusWriter(path) as corpus:
        for trial in trials:
            corpus.append(trial)
    written = time.process_time()
    reader = Corpus(path)
    for key in reader.trials():
        reader.read(*key, clean=True)
    read = time.process_time()
    return 1e3 * (written - began) / N_TRIALS, 1e3 * (read - written) / N_TRIALS, path.stat().st_size / N_TRIALS


def main() -> None:
    """Print the cost of both kinds of corpus."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((N_FRAMES, 3)) + 9.8
    records = tuple(ImuRecording(placement, values, values, 100.0) for placement in SEVEN_SENSORS)
    motion = Kinematics(tuple(f"q{i}" for i in range(23)), rng.standard_normal((N_FRAMES, 23)), 100.0)
    person = Subject("S01", 70.0, 1.7)
    told = [
        CorpusTrial(f"t{i:03d}", person, 100.0, records, kinematics=motion, origins=origins(i)) for i in range(N_TRIALS)
    ]
    untold = [replace(trial, origins=()) for trial in told]
    with tempfile.TemporaryDirectory() as place:
        rounds = [(run(Path(place), told), run(Path(place), untold)) for _ in range(REPEATS)]
    ours, peer = (np.min([each[kind] for each in rounds], axis=0) for kind in (0, 1))
    goals = {"write_ms": (0, 0.5, "at most 0.5 ms more"), "read_ms": (1, 0.5, "at most 0.5 ms more")}
    goals |= {"bytes": (2, 1024.0, "at most 1024 bytes more")}
    figures = {}
    for name, (column, limit, goal) in goals.items():
        more = float(ours[column] - peer[column])
        print(f"{name:9} a trial: {ours[column]:10.3f} with origins, {peer[column]:10.3f} without, {more:+.3f}")
        figures[f"origin_{name}"] = {
            "ours": float(ours[column]),
            "peer": float(peer[column]),
            "ratio": float(ours[column] / peer[column]),
            "goal": goal,
            "met": bool(more <= limit),
        }
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
