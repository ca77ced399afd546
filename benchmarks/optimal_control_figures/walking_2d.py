"""Planar walking, tracked and predicted, against Moco's example2DWalking: CPU seconds, objective, deviations.

Both sides solve the same problem (see `benchmarks/peers/walking_2d_twin.py` for what is not the same). Moco runs as a
process of its own on one thread, or its results are taken from a folder (``--moco-results FOLDER``; files
``tracking_2d_<scheme>_<intervals>.json`` of `benchmarks/moco_walking_2d.py --problem`; ``hs50_tol2``, ``hs25_tol2``,
``trap50_tol4``, ``trap25_tol2`` and ``predict_hs25`` of its solutions), where a missing one is a row whose peer was
measured before. `tol2` is the example's own tolerance of 1e-2. Times are CPU seconds of the solver
from the start to the solution, all rungs together, the least of four; beside each stand the seconds to build the
problem, to compile it (taken from the cache; a row of its own says what it costs once for a model), of the first solve
with the solver's own set-up, of a solve that starts from the solution, and of a solve without a compiler. Objectives
are Moco's, recomputed in NumPy.

Which rows are free where Moco is not: Moco's midpoint controls are by default the means of their neighbours'. Rows with
"midpoint means" keep that constraint; in the other rows of Hermite-Simpson the controls at midpoints are unknowns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.peers import walking_2d_twin as twin
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.climb import Climb, solve_movement
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.prediction.prediction import climb_prediction
from synth.optimal_control.prediction.prediction_settings import PredictionSettings
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible, compiled_uses
from synth.optimal_control.recording.recorded_motion import RecordedMotion
from synth.optimal_control.recording.recorded_tracking import climb_recording, tracking_structure
from synth.optimal_control.recording.tracking_settings import THEN, TrackingSettings

EXAMPLE = "opensim_core/falisse2019_2d_walk"
REPOSITORY = Path(__file__).resolve().parents[2]
QUIET = {"hs50_tol2": 253.0, "hs25_tol2": 85.5, "predict_hs25": 789.0}
"""CPU seconds of Moco measured on a machine with nothing else to do; a busy one makes both sides slower."""
REPEATS = 3


@dataclass(frozen=True)
class Case:
    """One row: our problem, and the peer's run that it is compared with."""

    title: str
    meshes: tuple[tuple[str, int], ...]
    peer: str
    least_ratio: float | None = None
    linear_controls: bool = False
    loosening: float = 1.0
    largest_objective: float | None = None
    largest_angle: float | None = None


CASES = (
    Case("Hermite-Simpson 50, cold", (("hermite_simpson", 50),), "hs50_tol2", 130.0),
    Case("Hermite-Simpson 25, cold", (("hermite_simpson", 25),), "hs25_tol2", 130.0),
    Case(
        "Hermite-Simpson 50 from trapezoidal 25",
        (("trapezoidal", 25), ("hermite_simpson", 50)),
        "hs50_tol2",
        150.0,
        loosening=10.0,
        largest_objective=1.12,
        largest_angle=1.3,
    ),
    Case("Hermite-Simpson 50, midpoint means, cold", (("hermite_simpson", 50),), "hs50_tol2", linear_controls=True),
    Case("Hermite-Simpson 25, midpoint means, cold", (("hermite_simpson", 25),), "hs25_tol2", linear_controls=True),
    Case(
        "Hermite-Simpson 25 from trapezoidal 25, midpoint means",
        (("trapezoidal", 25), ("hermite_simpson", 25)),
        "hs25_tol2",
        linear_controls=True,
    ),
    Case(
        "Hermite-Simpson 50 from trapezoidal 25, midpoint means",
        (("trapezoidal", 25), ("hermite_simpson", 50)),
        "hs50_tol2",
        linear_controls=True,
        loosening=10.0,
    ),
    Case("trapezoidal 50, cold", (("trapezoidal", 50),), "trap50_tol4"),
    Case("trapezoidal 25, cold", (("trapezoidal", 25),), "trap25_tol2"),
    Case("Radau 25, cold", (("radau", 25),), "hs50_tol2"),
)


def figures(data: Path, moco_results: Path | None = None) -> dict[str, dict]:
    """Measure; see the module."""
    example = data / EXAMPLE
    with tempfile.TemporaryDirectory() as scratch:
        peer = Moco(example, moco_results or Path(scratch), own=moco_results is None)
        began = time.process_time()
        skeleton = twin.walker(example)
        print(f"model prepared in {time.process_time() - began:.1f} CPU s (once for a model)", flush=True)
        problem = peer.problem("hermite_simpson", 50)
        reference = twin.reference_of(problem, skeleton)
        found = _compiling(skeleton, problem)
        for case in CASES:
            found |= _tracked(case, skeleton, reference, peer)
        return found | _predicted(skeleton, reference, peer)


class Moco:
    """Moco's problem numbers and solutions, from a folder or from runs of its own."""

    def __init__(self, example: Path, folder: Path, *, own: bool) -> None:
        self.example, self.folder, self.own = example, folder, own

    def problem(self, scheme: str, intervals: int) -> dict:
        """Numbers of the tracking problem; those of Moco's grid with the same nodes for other schemes."""
        name = scheme.replace("_", "-") if scheme != "radau" else "hermite-simpson"
        path = self.folder / f"tracking_2d_{name}_{intervals}.json"
        if not path.exists():
            self._run("--mesh", str(intervals), "--scheme", name, "--problem", str(path))
        return twin.read_problem(path)

    def solution(self, name: str) -> dict | None:
        """Figures of a solution; None where the folder that was given has none."""
        path = self.folder / f"{name}.json"
        if not path.exists() and self.own:
            scheme = "trapezoidal" if "trap" in name else "hermite-simpson"
            words = ["--mesh", "50" if "50" in name else "25", "--scheme", scheme, "--out", str(path)[:-5]]
            if name.startswith("predict"):
                self.solution("hs25_tol2")
                words += ["--predict", "--start", str(self.folder / "hs25_tol2.npz"), "--tolerance", "1e-3"]
            else:
                words += ["--tolerance", f"1e-{name[-1]}"]
            self._run(*words)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def _run(self, *words: str) -> None:
        command = ["nice", sys.executable, "-m", "benchmarks.moco_walking_2d", "--data", str(self.example), *words]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True)
class Times:
    """CPU seconds of one problem; see the module."""

    build: float
    compile: float
    first: float
    solve: float
    warm: float
    without_compiler: float

    def __str__(self) -> str:
        """All columns in one line."""
        return (
            f"build {self.build:.2f}, compile {self.compile:.2f}, first solve {self.first:.2f}, "
            f"solve {self.solve:.2f}, warm {self.warm:.2f}, without a compiler {self.without_compiler:.2f} CPU s"
        )


def measured(solve: Callable[[object], Climb], prepared: Callable | None = compile_if_possible) -> tuple[Climb, Times]:
    """Solve with and without a compiler; the solution and its CPU seconds."""
    movement_program.cache_clear()
    began = time.process_time()
    plain = solve(None)  # builds, solves by CasADi's virtual machine
    build = time.process_time() - began - plain.cpu_seconds
    virtual = plain.cpu_seconds
    began = _with_children()
    reached = solve(prepared)
    compiling = max(_with_children() - began - reached.cpu_seconds - build, 0.0)
    first = reached.cpu_seconds + sum(i.build_seconds for _, i in reached.rungs)
    again = [solve(prepared) for _ in range(REPEATS)]
    warm = solve_movement(
        reached.movement,
        reached.data,
        reached.iterate.values,
        replace(THEN, mu_init=1e-6, bound_push=1e-8),
        (reached.iterate.row_multipliers, reached.iterate.bound_multipliers),
    )
    seconds = min([reached.cpu_seconds, *(a.cpu_seconds for a in again)])
    return reached, Times(build, compiling, first, seconds, warm.cpu_seconds, virtual)


def _with_children() -> float:
    return sum(os.times()[:4])


def _compiling(skeleton: Skeleton, problem: dict) -> dict[str, dict]:
    """What compiling the blocks of the tracking problem costs where nothing has been compiled before."""
    settings = twin.tracking_twin(problem, skeleton, (twin.half_cycle(50, "hermite_simpson"),))
    structure = tracking_structure(skeleton, settings.meshes[0], settings, muscles=True)
    uses = list(movement_program(structure).program.uses)
    kept = os.environ.get("KINESYNTH_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KINESYNTH_CACHE"] = folder
        try:
            reports = compiled_uses(uses)[1]
        finally:
            os.environ.pop("KINESYNTH_CACHE")
            if kept is not None:
                os.environ["KINESYNTH_CACHE"] = kept
    spent = sum(report.cpu_seconds for report in reports)
    print(f"blocks compiled afresh in {spent:.1f} CPU s {'; '.join({r.reason for r in reports})}", flush=True)
    row = {"ours": spent, "peer": None, "ratio": None, "goal": "reported", "met": True}
    return {"2-D problems: compiling once for a model (CPU s)": row}


def _tracked(case: Case, skeleton: Skeleton, reference: RecordedMotion, peer: Moco) -> dict[str, dict]:
    scheme, intervals = case.meshes[-1]
    problem = peer.problem(scheme, intervals)
    meshes = tuple(twin.half_cycle(n, s) for s, n in case.meshes)
    settings: TrackingSettings = twin.tracking_twin(
        problem, skeleton, meshes, linear_controls=case.linear_controls, loosening=case.loosening
    )
    reached, times = measured(lambda prepare: climb_recording(skeleton, reference, settings, prepare=prepare))
    word = _word(reached, problem, scheme)
    theirs = peer.solution(case.peer)
    print(f"{case.title}: {_said(reached)}; {times}; {_words(word)}", flush=True)
    allowed = case.largest_objective or (theirs["objective"] if theirs else np.inf)
    enough = reached.converged and word["total"] <= allowed
    enough = enough and word.get("joint_angles_deg", 0.0) <= (case.largest_angle or np.inf)
    name = f"2-D tracking, {case.title}"
    angle = f", joints <= {case.largest_angle} deg" if case.largest_angle else ""
    rows = {
        f"{name}: CPU s": _time_row(times.solve, theirs, case.peer, case.least_ratio, enough),
        f"{name}: objective": {
            "ours": word["total"],
            "peer": theirs["objective"] if theirs else None,
            "ratio": word["total"] / theirs["objective"] if theirs else None,
            "goal": f"<= {allowed:.4g}{angle}",
            "met": bool(enough),
        },
    }
    return rows | _columns(name, reached, times, word)


def _predicted(skeleton: Skeleton, reference: RecordedMotion, peer: Moco) -> dict[str, dict]:
    problem = peer.problem("hermite_simpson", 25)
    found = {}
    for meshes in ((("hermite_simpson", 25),), (("trapezoidal", 25), ("hermite_simpson", 25))):
        built: tuple[Mesh, ...] = tuple(twin.half_cycle(n, s) for s, n in meshes)
        settings: PredictionSettings = twin.prediction_twin(problem, skeleton, built)
        reached, times = measured(
            lambda prepare, settings=settings: climb_prediction(skeleton, reference, settings, prepare=prepare)
        )
        word = twin.predicted_objective(reached, problem, "hermite-simpson")
        theirs = peer.solution("predict_hs25")
        name = "2-D prediction 1.2 m/s, " + " then ".join(f"{s.replace('_', '-')} {n}" for s, n in meshes)
        print(f"{name}: {_said(reached)}; {times}; {_words(word)}", flush=True)
        allowed = theirs["objective"] if theirs else 0.13555
        enough = reached.converged and word["total"] <= allowed * (1.0 + 1e-6)
        found |= {
            f"{name}: CPU s": _time_row(times.solve, theirs, "predict_hs25", 150.0, enough),
            f"{name}: objective": {
                "ours": word["total"],
                "peer": allowed,
                "ratio": word["total"] / allowed,
                "goal": f"<= {allowed:.4g}" + ("" if theirs else " (measured before)"),
                "met": bool(enough),
            },
        } | _columns(name, reached, times, word)
    return found


def _word(reached: Climb, problem: dict, scheme: str) -> dict[str, float]:
    """Moco's objective recomputed; of Radau, whose nodes are not Moco's, the objective that was minimised."""
    if scheme == "radau":
        duration = float(np.ravel(reached.movement.variables.split(reached.iterate.values)["duration"])[0])
        return {"total": reached.iterate.objective * duration}
    return twin.word_on(reached, problem)


def _time_row(seconds: float, theirs: dict | None, peer: str, least: float | None, enough: bool) -> dict:
    """Met only if the solution is as good as the peer's; beside it the ratio to the peer's time on a quiet machine."""
    quiet = QUIET.get(peer)
    cpu = theirs["cpu_seconds"] if theirs else quiet
    note = f"; {quiet / seconds:.0f} x of {quiet:g} s on a quiet machine" if quiet and theirs else ""
    note += "" if theirs else " (measured before)"
    ratio = cpu / seconds if cpu else None
    goal = "reported" if least is None else f">= {least:g} x, objective no higher{note}"
    met = least is None or (enough and ratio is not None and ratio >= least)
    return {"ours": seconds, "peer": cpu, "ratio": ratio, "goal": goal, "met": bool(met)}


def _columns(name: str, reached: Climb, times: Times, word: dict[str, float]) -> dict[str, dict]:
    """Rows without a goal: what else was measured."""
    shown: dict[str, float] = {f"{column} (CPU s)": getattr(times, column) for column in times.__dataclass_fields__}
    shown |= {"iterations": float(reached.iterations)}
    shown |= {key: value for key, value in word.items() if key != "total"}
    return {
        f"{name}: {key}": {"ours": value, "peer": None, "ratio": None, "goal": "reported", "met": True}
        for key, value in shown.items()
        if key != "solve (CPU s)"
    }


def _said(reached: Climb) -> str:
    rungs = ", ".join(f"{name} {i.iterations} iterations {i.cpu_seconds:.2f} s" for name, i in reached.rungs)
    return f"{'converged' if reached.converged else 'NOT CONVERGED: ' + reached.reason} ({rungs})"


def _words(word: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:.4g}" for key, value in word.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moco-results", type=Path, default=os.environ.get("KINESYNTH_MOCO_RESULTS"))
    given = parser.parse_args().moco_results
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared), Path(given) if given else None)
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.6g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))
