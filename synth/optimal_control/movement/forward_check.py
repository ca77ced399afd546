"""Forward check: does the motion follow from the forces? A solution integrated in time from some of its nodes.

It is the second path to the same movement: collocation asks that equations hold at nodes, integration that they add up.
Muscles are driven by the activations of the solution, actuators by its torques, and the contact law acts on whatever
the feet then do; the equations of motion give the accelerations.

Friction makes a light foot stiff: it forgets its slip within a tenth of a millisecond, which explicit steps must
resolve to be stable, though nothing happens there. The Runge-Kutta-Chebyshev method of second order (B. P. Sommeijer,
L. F. Shampine, J. G. Verwer, J Comput Appl Math 88:315, 1998) has stages that are chosen for stability: seven of them
bear steps of a millisecond, where the classical method of four would take eight steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import casadi as ca
import numpy as np
from scipy.interpolate import BPoly, CubicHermiteSpline

from synth.optimal_control.law.activation import linear_rate, smooth_rate
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.node_equations import NodeEquations, node_equations
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.movement.structure import MovementStructure

LONGEST_STEP = 1e-3
"""s."""
STAGES = 7
"""Real eigenvalues to -31 over the step are stable: a foot of 1 kg under the friction of OpenSim's spheres has -17."""


@dataclass(frozen=True)
class ForwardCheck:
    """Where a movement went by its own forces.

    Attributes
    ----------
    start : ndarray, shape (n,)
        Times (s) at which integration began.
    seconds : float
        For how long.
    drift : ndarray, shape (n, n_q)
        Integrated less solved coordinates at the end (rad, m).
    largest_angle : float
        Largest drift (rad) of a rotation, infinite where the integration diverged.
    """

    start: np.ndarray
    seconds: float
    drift: np.ndarray
    largest_angle: float


def forward_drift(
    solution: MovementSolution,
    structure: MovementStructure,
    data: MovementData,
    *,
    n_starts: int = 10,
    seconds: float = 0.05,
    equations: NodeEquations | None = None,
) -> ForwardCheck:
    """Integrate a movement forward from some of its nodes.

    Parameters
    ----------
    solution : MovementSolution
        From `solution.make_solution`.
    structure : MovementStructure
        Of the problem that was solved.
    data : MovementData
        Of the same person.
    n_starts : int
        Nodes, evenly spread over what was solved: none twice, none the mirror image of another.
    seconds : float
        For how long.
    equations : NodeEquations, optional
        Of the same structure; built if absent.
    """
    equations = equations or node_equations(structure)
    n = len(solution.time)
    cyclic = solution.period == "cycle"
    usable = n if cyclic else int(np.searchsorted(solution.time, solution.time[-1] - seconds, "right"))
    if structure.mesh.period == "half_cycle":
        usable = n // 2  # the other half is its mirror image
    nodes = np.unique(np.linspace(0, usable, n_starts, endpoint=not cyclic).astype(int))
    nodes = nodes[nodes < usable]
    start = solution.time[nodes]
    n_steps = int(np.ceil(seconds / LONGEST_STEP - 1e-9))
    within = (np.arange(n_steps)[:, None] + chebyshev_stages(STAGES).time).ravel() / n_steps
    drives = _drives(solution, structure, data, equations, start[:, None] + seconds * within)
    begin = np.hstack([solution.coordinates[nodes], solution.speeds[nodes]])
    end = _integrated(equations, begin, drives, solution, data, seconds / n_steps)
    drift = end[:, : begin.shape[1] // 2] - _coordinates_at(solution, structure, start + seconds)
    angles = np.array([c.kind == "rotation" for c in structure.pattern.coordinates])
    largest = float(np.abs(drift[:, angles]).max(initial=0.0)) if np.isfinite(drift).all() else np.inf
    return ForwardCheck(start, seconds, drift, largest)


@dataclass(frozen=True)
class ChebyshevStages:
    """Coefficients of the method; stage j combines the step's start, both stages before it, and rates.

    Attributes
    ----------
    time : ndarray, shape (n_stages,)
        When the rate of each stage but the last is taken, as a share of the step; 0 first.
    first : float
        Of the rate at the start, in the first stage.
    start, before, earlier, rate, first_rate : ndarray, shape (n_stages - 1,)
        Of every further stage: the step's start, the stage before, the one before that, the rate of the stage before,
        the rate at the start.
    """

    time: np.ndarray
    first: float
    start: np.ndarray
    before: np.ndarray
    earlier: np.ndarray
    rate: np.ndarray
    first_rate: np.ndarray


@lru_cache(maxsize=4)
def chebyshev_stages(n_stages: int) -> ChebyshevStages:
    """Coefficients for a number of stages (at least 3), after equations 2.5 to 2.9 of the paper, damping 2/13."""
    centre = 1.0 + 2.0 / 13.0 / n_stages**2
    order = [np.polynomial.Chebyshev.basis(j) for j in range(n_stages + 1)]
    value, slope, bend = (np.array([f.deriv(k)(centre) for f in order]) for k in range(3))
    width = slope[-1] / bend[-1]
    b = np.empty(n_stages + 1)
    b[2:] = bend[2:] / slope[2:] ** 2
    b[:2] = b[2]
    j = np.arange(2, n_stages + 1)
    before, earlier, rate = 2.0 * b[j] * centre / b[j - 1], -b[j] / b[j - 2], 2.0 * b[j] * width / b[j - 1]
    c = np.zeros(n_stages + 1)
    c[2:] = width * bend[2:] / slope[2:]
    c[1] = c[2] / (4.0 * centre)
    first_rate = -(1.0 - b[j - 1] * value[j - 1]) * rate
    return ChebyshevStages(c[:-1], float(b[1] * width), 1.0 - before - earlier, before, earlier, rate, first_rate)


def _integrated(
    equations: NodeEquations,
    begin: np.ndarray,
    drives: np.ndarray,
    solution: MovementSolution,
    data: MovementData,
    step: float,
) -> np.ndarray:
    """States (n_starts, 2 n_q) after all steps; `drives` are those at all stages of all steps."""
    n_starts, n_steps = len(begin), drives.shape[1] // STAGES
    runs = _runs(equations, n_starts, n_steps)
    # columns step by step, then start by start: what the accumulated map reads
    columns = drives.reshape(n_starts * n_steps, STAGES * drives.shape[2]).T
    corrections = np.ravel(solution.arrays.get("contact", np.zeros(0)))
    constants = np.r_[step, corrections, equations.parameters(data)]
    n_last = n_starts * n_steps
    states = np.asarray(runs(begin.T, columns, np.repeat(constants[:, None], n_starts, axis=1)))
    return states[:, n_steps - 1 : n_last : n_steps].T


@lru_cache(maxsize=8)
def _runs(equations: NodeEquations, n_starts: int, n_steps: int) -> ca.Function:
    """All integrations: (first states, drives at all stages of each step, constants) → states."""
    acceleration = equations.acceleration
    n_q, n_drives, n_contact = (acceleration.size1_in(i) for i in (0, 2, 3))
    state, drive = ca.MX.sym("state", 2 * n_q), ca.MX.sym("drive", STAGES * n_drives)
    constants = ca.MX.sym("constants", 1 + n_contact + acceleration.size1_in(4))
    h, contact, numbers = ca.vertsplit(constants, [0, 1, 1 + n_contact, constants.shape[0]])
    at_stage = ca.vertsplit(drive, n_drives) if n_drives else [drive] * STAGES

    def rate(at: ca.MX, stage: int) -> ca.MX:
        q, v = ca.vertsplit(at, n_q)
        return h * ca.vertcat(v, acceleration(q, v, at_stage[stage], contact, numbers))

    of = chebyshev_stages(STAGES)
    begun = rate(state, 0)
    earlier, before = state, state + of.first * begun
    for j in range(STAGES - 1):
        own = of.start[j] * state + of.before[j] * before + of.earlier[j] * earlier
        own += of.rate[j] * rate(before, j + 1) + of.first_rate[j] * begun
        earlier, before = before, own
    step = ca.Function("step", [state, drive, constants], [before])
    begin, inputs, fixed = ca.MX.sym("begin", 2 * n_q), ca.MX.sym("inputs", STAGES * n_drives, n_steps), constants
    states = step.mapaccum(n_steps)(begin, inputs, ca.repmat(fixed, 1, n_steps))
    return ca.Function("run", [begin, inputs, fixed], [states]).map(n_starts)


def _drives(
    solution: MovementSolution,
    structure: MovementStructure,
    data: MovementData,
    equations: NodeEquations,
    times: np.ndarray,
) -> np.ndarray:
    """Drives (n_starts, n_times, n_drives) of the solution at any times (n_starts, n_times).

    States follow the cubic through their values and rates, torques and loads are linear between nodes.
    """
    arrays = solution.arrays
    grid, wrapped = _closed_grid(solution), times
    if solution.period == "cycle":
        wrapped = times % solution.duration
    made = []
    for name in equations.drives:
        values = _closed(solution, arrays[name])
        if name in ("torques", "wrenches"):
            made.append(np.stack([np.interp(wrapped, grid, column) for column in values.T], axis=-1))
            continue
        rates = arrays["tendon_rates"] if name == "tendon_forces" else _activation_rates(structure, data, arrays)
        made.append(CubicHermiteSpline(grid, values, _closed(solution, rates))(wrapped))
    return np.concatenate([np.zeros((*times.shape, 0)), *made], axis=2)


def _coordinates_at(solution: MovementSolution, structure: MovementStructure, times: np.ndarray) -> np.ndarray:
    """Coordinates (n, n_q) at any times, by the quintic through values, speeds and accelerations."""
    grid = _closed_grid(solution)
    cycles, within = np.divmod(times, solution.duration) if solution.period == "cycle" else (0.0 * times, times)
    stride = np.zeros(solution.coordinates.shape[1])
    if structure.travel >= 0 and solution.period == "cycle":
        stride[structure.travel] = solution.speed * solution.duration
    values = _closed(solution, solution.coordinates, stride)
    series = [values, _closed(solution, solution.speeds), _closed(solution, solution.accelerations)]
    return BPoly.from_derivatives(grid, np.stack(series, axis=1))(within) + cycles[:, None] * stride


def _closed_grid(solution: MovementSolution) -> np.ndarray:
    return np.r_[solution.time, solution.duration] if solution.period == "cycle" else solution.time


def _closed(solution: MovementSolution, array: np.ndarray, jump: np.ndarray | float = 0.0) -> np.ndarray:
    """A node array with the end of the cycle, which is its beginning, a jump further on."""
    return np.vstack([array, array[:1] + jump]) if solution.period == "cycle" else array


def _activation_rates(structure: MovementStructure, data: MovementData, arrays: dict[str, np.ndarray]) -> np.ndarray:
    up, down, steepness = np.asarray(data.parameters["activation_times"], float)
    if structure.activation == "smooth":
        return smooth_rate(arrays["excitations"], arrays["activations"], up, down, steepness)
    return linear_rate(arrays["excitations"], arrays["activations"], up)
