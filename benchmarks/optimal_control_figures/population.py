"""Population: virtual people's walks, and runs, an hour, solved and validated, beside Moco's time for one.

A full cycle is a solved half cycle and its mirror image. Times are CPU seconds of one process on one thread; "an hour
on 2 cores" is 7200 of them, and the wall-clock throughput of two real processes stands beside it with the load of the
machine. People, speeds (0.8-1.8 m/s) and styles are drawn by number, so that every run meets the same ones; the first
solutions, from which all others start, are counted apart as the start of a process.

Solved: trapezoidal, 25 intervals of half a cycle, the solver says that it succeeded. Validated: equations of motion
between the nodes, forward integration of 50 ms from ten nodes within 0.5°, stance, vertical peaks, no coordinate at a
bound; where these ask for it the gait is solved again on 36 or 50 intervals, whose seconds count. Moco is its example
of 2-D tracking at the same mesh, cold (``trap25_tol2.json`` of a folder of its results, else as it was measured
before): another model of the same size with the same number of muscles, one person.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.batch import Outcome, Task
from mocap_import.engine import LocalEngine
from synth.optimal_control.gait.gait_mode import MODES
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.planar_solver import (
    GaitResult,
    PopulationProgram,
    anchor_gaits,
    population_program,
    solve_gait,
)
from synth.optimal_control.population.run import build_population
from synth.optimal_control.population.virtual_skeleton import template_skeleton

MOCO_SECONDS = 73.6
"""CPU seconds of Moco for the half cycle at trapezoidal 25, tolerance 1e-2, measured before."""
SEED, N_TOGETHER = 7, 120
PEOPLE = {("walk", "track"): 150, ("walk", "predict"): 60, ("run", "track"): 30, ("run", "predict"): 30}
CORE_SECONDS = 2 * 3600.0
GOALS = {("walk", "track"): (20000.0, 12000.0), ("walk", "predict"): (None, 5000.0)}


def figures(data: Path, moco: Path | None = None) -> dict[str, dict]:
    """Rows of tracking, prediction and of two processes together; `data` is not needed."""
    del data
    begin = time.process_time()
    programs = {name: population_program(template_skeleton(), mode.meshes) for name, mode in MODES.items()}
    rows = {"population: build and load a process, both modes (CPU s)": _reported(time.process_time() - begin)}
    for mode, task in PEOPLE:
        rows |= _of_task(programs[mode], mode, task, _moco_seconds(moco))
    return rows | _together()


def _of_task(programs: PopulationProgram, mode: str, task: str, moco: float) -> dict[str, dict]:
    """Solve people one after the other in this process."""
    count = PEOPLE[mode, task]
    request = PopulationRequest(count, SEED, task=task, mode=mode)
    begin = time.process_time()
    known = list(anchor_gaits(programs, task, request.speeds, mode))
    word = {"track": "tracking", "predict": "prediction"}[task] + {"walk": "", "run": " of running"}[mode]
    rows = {f"population, {word}: first solutions of a run (CPU s)": _reported(time.process_time() - begin)}
    results: list[GaitResult] = []
    begin = time.process_time()
    for number in range(count):
        results.append(solve_gait(programs, request.gait(number, 0), known))
        if results[-1].solved is not None:
            known.append(results[-1].solved)
    whole = time.process_time() - begin
    kinds = Counter(r.check.kind for r in results)
    print(f"{word}: {count} people, {dict(kinds)}, intervals {dict(Counter(r.n_intervals for r in results))}")
    for kind in kinds:
        example = next(r for r in results if r.check.kind == kind)
        if kind != "accepted":
            print(f"   {kind}: {example.check.reason} (person {example.gait.person.number}, {example.gait.speed} m/s)")
    solved = sum(r.solved is not None for r in results)
    per_solve = sum(r.seconds["solve"] for r in results)
    least_solved, least_valid = GOALS.get((mode, task), (None, None))
    name = f"population, {word}, trapezoidal {MODES[mode].meshes[0]}, warm"
    peer = CORE_SECONDS / moco if (mode, task) == ("walk", "track") else None
    rows[f"{name}: solved full cycles/h on 2 cores"] = _rate(CORE_SECONDS * solved / per_solve, peer, least_solved)
    rows[f"{name}: validated full cycles/h on 2 cores"] = _rate(
        CORE_SECONDS * kinds["accepted"] / whole, peer, least_valid
    )
    share = 100.0 * solved / count
    goal = {"goal": ">= 99 %", "met": share >= 99.0} if mode == "walk" else {}
    rows[f"{name}: converged (%)"] = {**_reported(share), **goal}
    rows[f"{name}: validated (%)"] = _reported(100.0 * kinds["accepted"] / count)
    return rows | {f"{name}: {key}": _reported(value) for key, value in _beside(results).items()}


def _beside(results: list[GaitResult]) -> dict[str, float]:
    """What stands beside the times: iterations, objectives, errors."""
    accepted = [r for r in results if r.check.accepted]
    found = {
        "median iterations": float(np.median([r.iterations for r in results])),
        "solve (mean CPU s)": float(np.mean([r.seconds["solve"] for r in results])),
        "check (mean CPU s)": float(np.mean([r.seconds["check"] for r in results])),
        "finer meshes and their checks (mean CPU s)": float(np.mean([r.seconds["refine"] for r in results])),
        "mean objective": float(np.mean([r.solution.objective for r in results if r.solution.converged])),
    }
    if accepted:
        found["cycle (mean s)"] = float(np.mean([r.solution.duration for r in accepted]))
        found["knee flexion peak (mean deg)"] = float(np.mean([_knee_peak(r) for r in accepted]))
        found["equations between the nodes (mean % of body weight)"] = 100.0 * float(
            np.mean([r.check.figures["residual_share_bw"] for r in accepted])
        )
        found["drift after 50 ms (mean of largest, deg)"] = float(
            np.mean([r.check.figures["drift_deg"] for r in accepted])
        )
        found["joint angles off the style (RMS, deg)"] = float(np.mean([_off_style(r) for r in accepted]))
    return found


def _knee_peak(result: GaitResult) -> float:
    """Largest flexion (deg) of the right knee."""
    column = result.solution.skeleton.coordinate_names.index("knee_angle_r")
    return float(np.degrees(result.solution.coordinates[:, column].max()))


def _off_style(result: GaitResult) -> float:
    """RMS difference (deg) of hips, knees and ankles from what the person's style wants (nothing, in a prediction)."""
    gait, solution = result.gait, result.solution
    phase = solution.time / solution.duration
    wanted = gait.way.coordinates(phase, gait.speed, gait.person.subject.height, gait.style)
    columns = [i for i, name in enumerate(solution.skeleton.coordinate_names) if name[-2:] in ("_r", "_l")]
    return float(np.degrees(np.sqrt(np.mean((solution.coordinates - wanted)[:, columns] ** 2))))


def _together() -> dict[str, dict]:
    """Two processes, from the first finished chunk to the last: what really comes out an hour."""
    ends: list[tuple[float, int]] = []

    class Watched(LocalEngine):
        """Processes of this machine, and when each chunk came back."""

        def run(self, tasks: Iterable[Task], **limits: Any) -> Iterator[Outcome]:
            for outcome in super().run(tasks, **limits):
                accepted = sum(row["status"] != "refused" for row in outcome.value or ())
                ends.append((time.perf_counter(), accepted))
                yield outcome

    with tempfile.TemporaryDirectory() as folder:
        build_population(PopulationRequest(N_TOGETHER, SEED), Path(folder) / "people.h5", engine=Watched(2))
    # both workers have started when each has given one chunk
    elapsed, accepted = ends[-1][0] - ends[1][0], sum(n for _, n in ends[2:])
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"two processes together: {accepted} validated in {elapsed:.0f} s; load of the machine at the end {load:.1f}")
    return {
        "population, tracking: validated full cycles/h, 2 processes by the clock": _reported(3600 * accepted / elapsed),
        "population, tracking: load of the machine meanwhile": _reported(load),
    }


def _moco_seconds(results: Path | None) -> float:
    file = results / "trap25_tol2.json" if results else None
    return float(json.loads(file.read_text())["cpu_seconds"]) if file and file.exists() else MOCO_SECONDS


def _rate(ours: float, peer: float | None, least: float | None) -> dict:
    ratio = ours / peer if peer else None
    goal = "reported" if least is None else f">= {least:g}"
    return {"ours": ours, "peer": peer, "ratio": ratio, "goal": goal, "met": least is None or ours >= least}


def _reported(value: float) -> dict:
    return {"ours": value, "peer": None, "ratio": None, "goal": "reported", "met": True}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moco-results", type=Path, default=os.environ.get("KINESYNTH_MOCO_RESULTS"))
    given = parser.parse_args().moco_results
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    made = figures(Path(shared), Path(given) if given else None)
    for title, row in made.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.6g} (goal {row['goal']})")
    print(json.dumps({"figures": made}))
