"""Gait solution: one period of gait that satisfies the equations of motion, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mocap_import.trial import GaitEvent, GroundReaction
from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.gait_structure import mirror_columns
from synth.optimal_control.ladder import Climb
from synth.optimal_control.muscle_table import MUSCLE_SETS
from synth.optimal_control.residual import Residuals, body_numbers, midpoint_residuals

CONTACT_THRESHOLD = 0.03
"""Vertical force (body weights) above which a foot counts as in stance."""


class SolutionNotFound(Exception):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """An optimal-control problem without an acceptable solution: the reason, and what to try."""


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
