"""Frames per second of each stage of the demonstration, beside the tool that does the same work elsewhere.

Import is held against ezc3d alone, inverse kinematics against OpenSim's tool at its default accuracy on the same
markers and the same model. Stages without a peer have none. Run: python benchmarks/pipeline.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")
REPEATS = 3


def timed(work: Callable[[], object]) -> tuple[float, float, object]:
    """Median wall and CPU seconds of some runs, and the last result."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return float(np.median(walls)), float(np.median(cpus)), result


def write_trc(path: Path, labels: tuple[str, ...], positions: np.ndarray, rate: float) -> None:
    """Write markers as OpenSim reads them (m); occluded ones are left blank."""
    n_frames = len(positions)
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{n_frames}\t{len(labels)}\tm\t{rate}\t1\t{n_frames}",
        "Frame#\tTime\t" + "\t\t\t".join(labels),
        "\t\t" + "\t".join(f"X{k}\tY{k}\tZ{k}" for k in range(1, len(labels) + 1)),
        "",
    ]
    rows = []
    for k, frame in enumerate(positions):
        numbers = ["" if np.isnan(x) else f"{x:.9f}" for x in frame.ravel()]
        rows.append("\t".join([str(k + 1), f"{k / rate:.9f}", *numbers]))
    path.write_text("\n".join([*head, *rows]) + "\n")


def opensim_seconds(model: Path, markers: Path, out: Path) -> tuple[float, float]:
    """Wall and CPU seconds of OpenSim's inverse kinematics tool at its default accuracy."""
    script = Path(__file__).parent / "peers" / "opensim_inverse_kinematics.py"
    command = [sys.executable, str(script), str(model), str(markers), str(out), "1e-5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=out.parent)
    wall, cpu = done.stderr.strip().splitlines()[-1].split()
    return float(wall), float(cpu)


def measure(folder: Path) -> dict[str, dict]:
    """Measure every stage in a folder."""
    import ezc3d

    from mocap_import.subject import Subject
    from mocap_import.trial_reader import read_trial
    from opensim_models.archive.subject_motion import scale_subject
    from opensim_models.inverse.kinematics import solve_inverse_kinematics
    from opensim_models.inverse.segment_motion import segment_motions
    from opensim_models.osim import client
    from synth.imu.placement import SEVEN_SENSORS
    from synth.imu.simulation import simulate_imu
    from synth.optimal_control.generate import generate_gait
    from synth.virtual_archive import walking_cycle
    from synth.virtual_laboratory import TREADMILL
    from synth.virtual_recording import record_person

    person = Subject("S01", 70.0, 1.75, "male", 30.0)
    solved = generate_gait(person, 1.25, seed=1)
    record_person(folder, TREADMILL, [walking_cycle(person, solved)], seed=1)
    figures: dict[str, dict] = {}

    def add(name: str, n_frames: int, ours: float, peer: float | None, goal: str, met: Callable[[float], bool]) -> None:
        ratio = None if peer is None else peer / ours
        rate = n_frames / ours
        figures[name] = {
            "ours": round(rate, 1),
            "peer": None if peer is None else round(n_frames / peer, 1),
            "ratio": None if ratio is None else round(ratio, 2),
            "goal": goal,
            "met": bool(met(rate)),
        }

    path = folder / "S01_walk_01.c3d"
    wall, cpu, trial = timed(lambda: read_trial(path))
    peer_wall, peer_cpu, _ = timed(lambda: ezc3d.c3d(str(path), extract_forceplat_data=True))
    print(f"import: {wall:.3f} s wall, {cpu:.3f} s CPU; ezc3d alone {peer_wall:.3f} s, {peer_cpu:.3f} s")
    add("import_frames_per_cpu_second", trial.n_frames, cpu, peer_cpu, ">= 5000", lambda rate: rate >= 5000)

    static = read_trial(folder / "S01_static.c3d", subject=person)
    model = scale_subject(static).spatial.skeleton
    wall, cpu, solution = timed(lambda: solve_inverse_kinematics(model, trial.labels, trial.positions, trial.rate))
    client.build_model(model, folder / "model.osim")
    write_trc(folder / "markers.trc", trial.labels, trial.positions, trial.rate)
    peer_wall, peer_cpu = opensim_seconds(folder / "model.osim", folder / "markers.trc", folder / "peer.mot")
    print(f"inverse kinematics: {wall:.3f} s wall, {cpu:.3f} s CPU; OpenSim {peer_wall:.3f} s, {peer_cpu:.3f} s")
    add("inverse_kinematics_frames_per_cpu_second", trial.n_frames, cpu, peer_cpu, "> peer", lambda r: cpu < peer_cpu)

    def virtual_imu() -> object:
        motions = segment_motions(model, solution.kinematics)
        return [simulate_imu(motions[s.segment], s) for s in SEVEN_SENSORS]

    wall, cpu, _ = timed(virtual_imu)
    add("seven_virtual_imu_frames_per_cpu_second", trial.n_frames, cpu, None, ">= 5000", lambda rate: rate >= 5000)
    add("gait_from_optimal_control_per_cpu_second", 1, solved.cpu_seconds, None, ">= 0.1", lambda rate: rate >= 0.1)
    return figures


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps({"figures": measure(Path(temporary))}))
