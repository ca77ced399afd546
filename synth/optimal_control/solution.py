"""Gait solution: one period of gait that satisfies the equations of motion, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import casadi as ca
import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator

from mocap_import.trial import GaitEvent, GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.multibody import segment_states
from opensim_models.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_problem import GaitData, GaitProgram, mirror_columns
from synth.optimal_control.ground_contact import CONTACT_MODELS, foot_load
from synth.optimal_control.ladder import Climb
from synth.optimal_control.muscle import MUSCLE_SETS, leg_moments

CONTACT_THRESHOLD = 0.03
"""Vertical force (body weights) above which a foot counts as in stance."""


class SolutionNotFound(Exception):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """An optimal-control problem without an acceptable solution: the reason, and what to try."""


@dataclass(frozen=True)
class Residuals:
    """Equation residual between the nodes: the solution interpolated by its collocation polynomial, put back in.

    Attributes
    ----------
    force : ndarray, shape (n_nodes, 2)
        Pelvis force (forward, vertical) that nobody supplies, at the midpoints (N).
    moment : ndarray, shape (n_nodes, 8)
        The same of the moments of pelvis and joints (N·m).
    force_share : float
        RMS of the force's length over body weight.
    """

    force: np.ndarray
    moment: np.ndarray
    force_share: float


@dataclass(frozen=True)
class GaitSolution:
    """One full gait cycle from optimal control.

    Attributes
    ----------
    status : str
        ``"converged"`` or ``"refused"``.
    reason : str
        Why it was refused; empty if converged.
    kinematics : Kinematics
        Coordinates at the nodes (rad, m), rate = nodes per second, cycle end not repeated.
    speeds, accelerations : ndarray, shape (n_nodes, 10)
        First and second derivatives.
    kinetics : Kinetics
        Net joint moments (N·m), ground reactions right and left (N), activations.
    duration, speed : float
        s, m/s (mean forward speed of the pelvis).
    objective : float
    iterations : int
    seconds, cpu_seconds : float
        Of all stages and starts.
    residuals : Residuals or None
    events : tuple of GaitEvent
        Foot strikes and offs from the vertical force.
    checks : dict of str to float
        Stance shares, peaks, misfits.
    parameters : dict of str to ndarray
        Unknowns that were estimated with the motion: contact corrections (m), mounting angles (rad).
    rungs : tuple
        Name, converged, iterations, CPU seconds and objective of each problem on the way.
    """

    status: str
    reason: str
    kinematics: Kinematics
    speeds: np.ndarray
    accelerations: np.ndarray
    kinetics: Kinetics
    duration: float
    speed: float
    objective: float
    iterations: int
    seconds: float
    cpu_seconds: float = 0.0
    residuals: Residuals | None = None
    events: tuple[GaitEvent, ...] = ()
    checks: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    rungs: tuple[tuple[str, bool, int, float, float], ...] = ()

    @property
    def converged(self) -> bool:
        """Whether the solution may be used."""
        return self.status == "converged"


def physical(gait: GaitProgram, values: np.ndarray) -> dict[str, np.ndarray]:
    """Solver variables as named arrays in the units of `node_functions`, mirrored to a full cycle if they are half."""
    arrays = {n: a * nodes.SCALE[n] for n, a in gait.variables.split(values).items()}
    if gait.structure.mesh.period != "half_cycle":
        return arrays
    duration, speed = arrays["duration"][0], arrays["speed"][0]
    for name, array in arrays.items():
        if array.ndim == 2:
            other = array[:, mirror_columns(name, array.shape[1])]
            if name == "coordinates":
                other = other.copy()
                other[:, nodes.COORDINATES.index("pelvis_tx")] += speed * duration
            arrays[name] = np.vstack([array, other])
    arrays["duration"] = 2.0 * arrays["duration"]
    return arrays


def make_solution(reached: Climb, skeleton: Skeleton) -> GaitSolution:
    """Build the solution of a solved problem, with its residual, events and checks."""
    gait, data, iterate = reached.gait, reached.data, reached.iterate
    arrays = physical(gait, iterate.values)
    n, duration = len(arrays["coordinates"]), float(arrays["duration"][0])
    weight = -skeleton.mass * skeleton.gravity[1]
    rate = n / duration
    numbers = body_numbers(data, n)
    reactions = tuple(
        _ground_reaction(arrays, numbers, foot, side, weight, rate) for foot, side in (("right", "r"), ("left", "l"))
    )
    muscles: tuple[str, ...] = ()
    if gait.structure.muscles:
        muscles = tuple(f"{m}_{s}" for s in "rl" for m in MUSCLE_SETS[gait.structure.muscles].names)
    kinetics = Kinetics(
        nodes.COORDINATES,
        arrays["torques"] * weight * nodes.LEVER,
        rate,
        reactions,
        muscles,
        arrays.get("activations", np.empty((n, 0))),
    )
    residuals = midpoint_residuals(gait, data, arrays)
    share = _stance_shares(arrays["forces"])
    checks = {
        "stance_share_r": share[0],
        "stance_share_l": share[1],
        "mean_vertical_force_bw": float(arrays["forces"][:, [1, 4]].sum(axis=1).mean()),
        "residual_share_bw": residuals.force_share,
        "stuck_coordinate_samples": float(_stuck(arrays["coordinates"])),
    }
    return GaitSolution(
        status="converged" if iterate.converged else "refused",
        reason=iterate.reason,
        kinematics=Kinematics(nodes.COORDINATES, arrays["coordinates"], rate),
        speeds=arrays["speeds"],
        accelerations=arrays["accelerations"],
        kinetics=kinetics,
        duration=duration,
        speed=float(arrays["speed"][0]),
        objective=iterate.objective,
        iterations=iterate.iterations,
        seconds=iterate.seconds,
        cpu_seconds=iterate.cpu_seconds,
        residuals=residuals,
        events=_events(arrays["forces"], duration),
        checks=checks,
        parameters={n: arrays[n] for n in ("contact", "mounting") if n in arrays},
        rungs=reached.rungs,
    )


def move_forward(solution: GaitSolution, distance: float) -> GaitSolution:
    """Return the same gait that distance (m) further on."""
    values = solution.kinematics.values.copy()
    values[:, nodes.COORDINATES.index("pelvis_tx")] += distance
    reactions = tuple(
        replace(r, centre_of_pressure=r.centre_of_pressure + np.array([distance, 0.0, 0.0]))
        for r in solution.kinetics.ground_reactions
    )
    return replace(
        solution,
        kinematics=replace(solution.kinematics, values=values),
        kinetics=replace(solution.kinetics, ground_reactions=reactions),
    )


def _ground_reaction(
    arrays: dict[str, np.ndarray], numbers: np.ndarray, foot: str, side: str, weight: float, rate: float
) -> GroundReaction:
    first = 0 if side == "r" else 3
    forward, vertical, moment = (arrays["forces"][:, first + k] for k in range(3))
    states = segment_states(nodes.skeleton_from(numbers.T), list(arrays["coordinates"].T))
    ankle = states[nodes.SEGMENTS.index(f"calcn_{side}")].origin
    force = np.stack([forward, vertical, np.zeros_like(forward)], axis=1) * weight
    loaded = vertical > CONTACT_THRESHOLD
    shift = np.where(loaded, moment * nodes.LEVER - ankle[1] * forward, np.nan) / np.where(loaded, vertical, 1.0)
    pressure = np.stack([ankle[0] + shift, np.where(loaded, 0.0, np.nan), np.where(loaded, 0.0, np.nan)], axis=1)
    return GroundReaction(force, pressure, np.where(loaded, 0.0, np.nan), rate, foot, "optimal control")


def _stance_shares(forces: np.ndarray) -> tuple[float, float]:
    return float((forces[:, 1] > CONTACT_THRESHOLD).mean()), float((forces[:, 4] > CONTACT_THRESHOLD).mean())


def _stuck(coordinates: np.ndarray) -> int:
    count = 0
    for i, c in enumerate(nodes.TEMPLATE.coordinates):
        if np.isfinite(c.lower):
            count += int(((coordinates[:, i] < c.lower + 1e-4) | (coordinates[:, i] > c.upper - 1e-4)).sum())
    return count


def _events(forces: np.ndarray, duration: float) -> tuple[GaitEvent, ...]:
    """Crossings of the force threshold, interpolated between the nodes; time from the start of the cycle."""
    events = []
    for foot, column in (("right", 1), ("left", 4)):
        above = forces[:, column] - CONTACT_THRESHOLD
        after = np.roll(above, -1)
        for i in np.flatnonzero((above > 0) != (after > 0)):
            share = (i + above[i] / (above[i] - after[i])) / len(above)
            kind = "foot_strike" if after[i] > 0 else "foot_off"
            events.append(GaitEvent(float(share % 1.0) * duration, foot, kind, "force"))
    return tuple(sorted(events, key=lambda e: e.time))


# ------------------------------------------------------------------------------------------------ between the nodes


def body_numbers(data: GaitData, n_nodes: int) -> np.ndarray:
    """Skeleton's numbers (n_nodes, n_skeleton) at each node; a half cycle has constant ones."""
    numbers = np.tile(np.asarray(data.parameters["skeleton"], float), (n_nodes, 1))
    hips = np.asarray(data.parameters["hip_offset"], float)
    numbers[:, nodes.HIP_NUMBERS] = hips if len(hips) == n_nodes else hips[:1]
    return numbers


def midpoint_residuals(gait: GaitProgram, data: GaitData, arrays: dict[str, np.ndarray]) -> Residuals:
    """Residual of the equations of motion half-way between the nodes (the doubled mesh).

    States follow the collocation polynomial (trapezoidal: quadratic in time, their rates linear); excitations,
    reserves, torques and forces without a law of their own are linear between nodes.
    """
    h = arrays["duration"][0] / len(arrays["coordinates"])
    middle = _midpoint_states(arrays, h)
    closed = _closed(body_numbers(data, len(arrays["coordinates"])))
    middle["numbers"] = (closed[:-1] + closed[1:]) / 2
    unit = float(np.ravel(data.parameters["weight"])[0])
    forces = _midpoint_forces(gait, data, arrays, middle, unit)
    motion = _motion_function()
    n = len(middle["coordinates"])
    demand = np.asarray(
        motion.map(n)(
            middle["coordinates"].T,
            middle["speeds"].T,
            middle["accelerations"].T,
            forces.T,
            middle["numbers"].T,
            unit,
        )
    ).T
    supplied = _midpoint_torques(gait, data, arrays, middle, unit)
    residual = (demand - supplied) * unit * nodes.LEVER
    translations = [nodes.COORDINATES.index("pelvis_tx"), nodes.COORDINATES.index("pelvis_ty")]
    force = residual[:, translations]
    moment = np.delete(residual, translations, axis=1)
    share = float(np.sqrt((force**2).sum(axis=1).mean()) / unit)
    return Residuals(force, moment, share)


def _closed(array: np.ndarray, jump: np.ndarray | float = 0.0) -> np.ndarray:
    return np.vstack([array, array[:1] + jump])


def _midpoint_states(arrays: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    jump = np.zeros(nodes.N_Q)
    jump[nodes.COORDINATES.index("pelvis_tx")] = arrays["speed"][0] * arrays["duration"][0]
    q, v, a = _closed(arrays["coordinates"], jump), _closed(arrays["speeds"]), _closed(arrays["accelerations"])
    middle = {
        "coordinates": (q[:-1] + q[1:]) / 2 + h / 8 * (v[:-1] - v[1:]),
        "speeds": (v[:-1] + v[1:]) / 2 + h / 8 * (a[:-1] - a[1:]),
        "accelerations": (a[:-1] + a[1:]) / 2,
    }
    for name in ("torques", "forces", "reserves", "activations"):
        if name in arrays:
            closed = _closed(arrays[name])
            middle[name] = (closed[:-1] + closed[1:]) / 2
    return middle


def _midpoint_forces(
    gait: GaitProgram, data: GaitData, arrays: dict[str, np.ndarray], middle: dict[str, np.ndarray], weight: float
) -> np.ndarray:
    if not gait.structure.contact:
        return middle["forces"]
    model = CONTACT_MODELS[gait.structure.contact]
    height, stiffness, rounding, damping = (
        float(np.ravel(data.parameters[n])[0]) for n in ("height", "stiffness", "rounding", "damping")
    )
    correction = arrays["contact"]
    positions = [
        (height * p.position[0] + correction[2 * i], height * p.position[1] + correction[2 * i + 1])
        for i, p in enumerate(model.points)
    ]
    radii = [height * p.radius for p in model.points]
    skeleton = nodes.skeleton_from(middle["numbers"].T)
    states = segment_states(skeleton, list(middle["coordinates"].T), list(middle["speeds"].T))
    columns = []
    for foot in nodes.FEET:
        state = states[nodes.SEGMENTS.index(foot)]
        fx, fy, m = foot_load(model, state, positions, radii, 0.0, stiffness, rounding, damping)
        columns += [fx / weight, fy / weight, m / (weight * nodes.LEVER)]
    return np.stack(columns, axis=1)


def _midpoint_torques(
    gait: GaitProgram, data: GaitData, arrays: dict[str, np.ndarray], middle: dict[str, np.ndarray], weight: float
) -> np.ndarray:
    torques = middle["torques"].copy()
    if not gait.structure.muscles:
        return torques
    table = MUSCLE_SETS[gait.structure.muscles]
    n = len(table.muscles)
    size = float(np.ravel(data.parameters["muscle_size"])[0])
    for i, side in enumerate("rl"):
        leg = nodes.leg_indices(side)
        activations = middle["activations"][:, i * n : (i + 1) * n].T
        strength = np.asarray(data.parameters["strength"], float).reshape(2, n)[i]
        q, v = list(middle["coordinates"][:, leg].T), list(middle["speeds"][:, leg].T)
        moments = leg_moments(table, q, v, list(activations), strength, size)
        torques[:, leg] = np.stack(moments, axis=1) / (weight * nodes.LEVER)
        torques[:, leg] += middle["reserves"][:, 3 * i : 3 * i + 3]
    return torques


def _motion_function() -> ca.Function:
    q, v, a = (ca.SX.sym(n, nodes.N_Q) for n in ("q", "v", "a"))
    force, numbers, weight = ca.SX.sym("f", 6), ca.SX.sym("s", nodes.N_SKELETON), ca.SX.sym("w")
    demand = nodes.equations_of_motion(q, v, a, force, numbers, weight)
    return ca.Function("equations_of_motion", [q, v, a, force, numbers, weight], [ca.vertcat(*demand)])


# ------------------------------------------------------------------------------------------------ sampling in time


@dataclass(frozen=True)
class GaitSamples:
    """A gait solution, repeated over time and sampled at any instants.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Seconds from the start of the solution's cycle.
    coordinates, speeds, accelerations : ndarray, shape (n, 10)
    generalized_forces : ndarray, shape (n, 10)
        N·m, N.
    forces : ndarray, shape (n, 2, 3)
        Ground reaction of right and left foot (N).
    pressures : ndarray, shape (n, 2, 3)
        Centre of pressure (m); NaN off the ground.
    activations : ndarray, shape (n, n_muscles)
    """

    time: np.ndarray
    coordinates: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    generalized_forces: np.ndarray
    forces: np.ndarray
    pressures: np.ndarray
    activations: np.ndarray


def sample_gait(solution: GaitSolution, time: np.ndarray) -> GaitSamples:
    """Sample a solution periodically: the pelvis goes on at the mean speed, everything else repeats.

    Coordinates are quintic between nodes (through values, speeds and accelerations), so that sampled motion can be
    differentiated twice; forces and moments follow a monotone cubic, so that no foot ever pulls on the ground.

    Parameters
    ----------
    solution : GaitSolution
    time : ndarray, shape (n,)
        Seconds from the start of the solution's cycle; any range.

    Returns
    -------
    GaitSamples
    """
    time = np.asarray(time, float)
    cycle, within = np.divmod(time, solution.duration)
    jump = np.zeros(nodes.N_Q)
    forward = nodes.COORDINATES.index("pelvis_tx")
    jump[forward] = solution.speed * solution.duration
    grid = np.linspace(0.0, solution.duration, len(solution.speeds) + 1)
    stacked = np.stack(
        [_closed(solution.kinematics.values, jump), _closed(solution.speeds), _closed(solution.accelerations)], axis=1
    )
    curve = BPoly.from_derivatives(grid, stacked)
    coordinates = curve(within) + cycle[:, None] * jump
    n = len(time)
    reactions = solution.kinetics.ground_reactions
    forces = np.stack([_monotone(grid, _closed(r.force), within) for r in reactions], axis=1)
    pressures = np.full((n, 2, 3), np.nan)
    for i, reaction in enumerate(reactions):
        pressures[:, i] = _pressure(grid, reaction, jump[forward], within, cycle)
    return GaitSamples(
        time,
        coordinates,
        curve.derivative()(within),
        curve.derivative(2)(within),
        _monotone(grid, _closed(solution.kinetics.generalized_forces), within),
        forces,
        pressures,
        _monotone(grid, _closed(solution.kinetics.activations), within),
    )


def _pressure(
    grid: np.ndarray, reaction: GroundReaction, stride: float, time: np.ndarray, cycle: np.ndarray
) -> np.ndarray:
    """Centre of pressure, linear between loaded nodes of three cycles in a row; NaN off the ground."""
    force, place = reaction.force[:, 1], reaction.centre_of_pressure[:, 0]
    threshold = CONTACT_THRESHOLD * np.abs(force).max()
    known = np.flatnonzero(np.isfinite(place))
    if not len(known):
        return np.full((len(time), 3), np.nan)
    nodes_time = np.concatenate([grid[known] + k * grid[-1] for k in (-1, 0, 1)])
    places = np.concatenate([place[known] + k * stride for k in (-1, 0, 1)])
    loaded = _monotone(grid, _closed(force[:, None]), time)[:, 0] > threshold
    x = np.where(loaded, np.interp(time, nodes_time, places) + cycle * stride, np.nan)
    z = np.where(loaded, np.nanmean(reaction.centre_of_pressure[:, 2]), np.nan)
    return np.stack([x, np.where(loaded, 0.0, np.nan), z], axis=1)


def _monotone(grid: np.ndarray, closed: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Monotone cubic through values (n_nodes + 1, n_columns) of a closed cycle."""
    if not closed.shape[1]:
        return np.empty((len(time), 0))
    # one node more on each side, so that the slope is right where the cycle closes
    step = grid[1] - grid[0]
    extended = np.vstack([closed[-2:-1], closed, closed[1:2]])
    return PchipInterpolator(np.r_[grid[0] - step, grid, grid[-1] + step], extended)(time)
