"""One run of Moco: options, solve, count, time, write; and its objective evaluated anew for any trajectory.

Seconds are CPU seconds of this process (`time.process_time`), around the solver alone; wall seconds beside them show
whether Moco really ran on one thread (CPU must not exceed wall).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import opensim

from benchmarks.peers import moco_problem, moco_trajectory
from benchmarks.peers.moco_objective import collocation_defects, deviations, tracking_objective


def options(description: str, *, mesh: int, scheme: str, tolerance: float) -> argparse.ArgumentParser:
    """The command line that both problems share; the example's mesh, scheme and tolerance are its defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with the model and its references")
    parser.add_argument("--out", help="path without ending of the files written")
    parser.add_argument("--mesh", type=int, default=mesh, help="mesh intervals")
    parser.add_argument("--scheme", choices=tuple(moco_problem.GRID_POINTS_PER_INTERVAL), default=scheme)
    parser.add_argument("--tolerance", type=float, default=tolerance, help="of convergence and constraints")
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--start", help=".npz with times, states, state_paths, controls, control_paths as the guess")
    parser.add_argument("--problem", help="write the numbers of the tracking problem here and stop")
    parser.add_argument("--evaluate", help=".npz whose objective and defects are evaluated; nothing is solved")
    parser.add_argument("--verbose", action="store_true", help="show the solver's iterations")
    return parser


def parsed(parser: argparse.ArgumentParser, words: list[str] | None) -> argparse.Namespace:
    """Options with absolute folders; refuses a run that would write nothing. Sets how much OpenSim says."""
    args = parser.parse_args(words)
    if not (args.problem or args.out or args.evaluate):
        parser.error("nowhere to write: give --out, --problem or --evaluate")
    args.data = str(Path(args.data).resolve())
    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("Info" if args.verbose else "Error")
    return args


def configure(solver: opensim.MocoCasADiSolver, args: argparse.Namespace) -> None:
    """Mesh, scheme, tolerances, one thread."""
    solver.set_num_mesh_intervals(args.mesh)
    solver.set_transcription_scheme(args.scheme)
    solver.set_verbosity(2 if args.verbose else 1)
    solver.set_optim_solver("ipopt")
    solver.set_optim_convergence_tolerance(args.tolerance)
    solver.set_optim_constraint_tolerance(args.tolerance)
    solver.set_optim_max_iterations(args.iterations)
    solver.set_parallel(0)


def reset(study: opensim.MocoStudy, args: argparse.Namespace) -> opensim.MocoCasADiSolver:
    """The study's solver on its changed problem with the guess it had: without this, later changes are not seen."""
    solver = opensim.MocoCasADiSolver.safeDownCast(study.updSolver())
    guess = solver.getGuess().clone()
    solver.resetProblem(study.updProblem())
    solver.setGuess(guess)
    configure(solver, args)
    return solver


@contextmanager
def scratch_folder() -> Iterator[None]:
    """A working folder that disappears: Moco writes its tracked tables where it stands."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            yield
        finally:
            os.chdir(here)


def run(
    args: argparse.Namespace,
    study: opensim.MocoStudy,
    word: moco_trajectory.ModelWord,
    problem: Callable[[], dict],
    endpoint_rows: int,
    recomputed: Callable[[dict], dict] | None = None,
) -> dict:
    """Export, evaluate or solve, as the options say; the figures are printed and, with `--out`, written.

    Parameters
    ----------
    problem
        Makes the numbers of the problem: they take seconds, so only where needed.
    recomputed
        Recomputes the objective of a solved trajectory where it is not the tracking objective of `problem`.
    """
    if args.problem:
        Path(args.problem).write_text(json.dumps(problem(), indent=1), encoding="utf-8")
        return {}
    if args.evaluate:
        figures = evaluated(moco_trajectory.read_trajectory(args.evaluate), word, problem())
        if args.out:
            Path(f"{args.out}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    else:
        if args.start:
            solver = opensim.MocoCasADiSolver.safeDownCast(study.updSolver())
            solver.setGuess(moco_trajectory.as_guess(solver, moco_trajectory.read_trajectory(args.start)))
        arrays, figures = solved(study, args.scheme, endpoint_rows)
        figures["recomputed"] = recomputed(arrays) if recomputed else evaluated(arrays, word, problem())
        arrays |= {"forces": word.along(arrays)["forces"], "force_groups": np.array(list(word.groups))}
        write(args.out, arrays, figures)
    print(json.dumps(figures, indent=1))
    return figures


def sizes(arrays: dict[str, np.ndarray], scheme: str, endpoint_rows: int) -> dict[str, int]:
    """Variables and rows of Moco's explicit transcription, times fixed: states and controls at every grid point."""
    grid, states, controls = arrays["times"].size, arrays["states"].shape[1], arrays["controls"].shape[1]
    if scheme == "hermite-simpson":
        intervals = (grid - 1) // 2
        rows = (2 * states + controls) * intervals
    else:
        rows = states * (grid - 1)
    return {"variables": (states + controls) * grid, "constraints": rows + endpoint_rows}


def solved(study: opensim.MocoStudy, scheme: str, endpoint_rows: int) -> tuple[dict[str, np.ndarray], dict]:
    """Solve; the trajectory's arrays and the run's figures, the solver's own word on success among them."""
    with scratch_folder():
        wall, cpu = time.perf_counter(), time.process_time()
        solution = study.solve()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    converged = bool(solution.success())
    if solution.isSealed():
        solution.unseal()
    arrays = moco_trajectory.trajectory_arrays(solution)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return arrays, {
        "converged": converged,
        "status": solution.getStatus(),
        "iterations": solution.getNumIterations(),
        "objective": solution.getObjective(),
        "terms": {name: solution.getObjectiveTerm(name) for name in solution.getObjectiveTermNames()},
        "cpu_seconds": cpu,
        "wall_seconds": wall,
        "solver_wall_seconds": solution.getSolverDuration(),
        "process_cpu_seconds": usage.ru_utime + usage.ru_stime,
        "scheme": scheme,
        "opensim": opensim.GetVersion(),
        **sizes(arrays, scheme, endpoint_rows),
    }


def evaluated(arrays: dict[str, np.ndarray], word: moco_trajectory.ModelWord, problem: dict) -> dict:
    """Objective terms, largest defects and bound violations of a trajectory under Moco's definitions.

    Contact forces, state derivatives and total mass are OpenSim's own; the sums are `moco_objective`'s.
    """
    said = word.along(arrays)
    trajectory = {**arrays, "forces": said["forces"], "force_groups": np.array(list(word.groups))}
    defects = collocation_defects(arrays["times"], arrays["states"], said["rates"], problem["scheme"])
    paths = [str(path) for path in arrays["state_paths"]]
    kinds = {
        "values": [path.endswith("/value") for path in paths],
        "speeds": [path.endswith("/speed") for path in paths],
        "activations": [path.endswith("/activation") for path in paths],
    }
    return {
        **tracking_objective(trajectory, problem),
        "deviations": deviations(trajectory, problem),
        "largest_defect": {kind: float(defects[mask].max()) for kind, mask in kinds.items() if any(mask)},
        "largest_bound_violation": _bound_violation(arrays, problem["bounds"]),
        "largest_endpoint_violation": _endpoint_violation(arrays, problem.get("symmetry")),
    }


def _bound_violation(arrays: dict[str, np.ndarray], bounds: dict) -> float:
    largest = 0.0
    for kind in ("state", "control"):
        for j, path in enumerate(arrays[f"{kind}_paths"]):
            low, high = bounds[f"{kind}s"][str(path)]["bounds"]
            column = arrays[f"{kind}s"][:, j]
            largest = max(largest, float((low - column).max()), float((column - high).max()))
    return largest


def _endpoint_violation(arrays: dict[str, np.ndarray], symmetry: dict | None) -> float | None:
    if symmetry is None:
        return None
    largest = 0.0
    for kind in ("state", "control"):
        column = {str(path): arrays[f"{kind}s"][:, j] for j, path in enumerate(arrays[f"{kind}_paths"])}
        for first, last in symmetry[f"{kind}s"]:
            largest = max(largest, abs(float(column[first][0] - column[last][-1])))
    return largest


def write(out: str, arrays: dict[str, np.ndarray], figures: dict) -> None:
    """`<out>.npz` and `<out>.json`, folders made where they lack."""
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(f"{out}.npz", **arrays)
    Path(f"{out}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
