"""Gait check: whether a solution is a gait that a person could have, and one that its own forces make.

Thresholds are wide: they refuse what is no gait, not what is unusual. Vertical peaks of 1.0-1.5 body weights in walking
at 1.0-3.0 m/s and of 2.0-3.6 in running at 1.5-6.0 m/s are those of J. Nilsson, A. Thorstensson, Acta Physiol Scand
136:217, 1989 (quoted from memory); slow walking stays below 1.0. Stance takes about 60 % of a walking cycle and less
than half of a running one (D. A. Winter, Biomechanics and Motor Control of Human Gait, 1991).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synth.optimal_control.movement.between_nodes import residual_between_nodes
from synth.optimal_control.movement.climb import Climb
from synth.optimal_control.movement.forward_check import forward_drift
from synth.optimal_control.movement.node_equations import NodeEquations, node_equations
from synth.optimal_control.movement.solution import CONTACT_THRESHOLD, MovementSolution

_AT_BOUND = 1e-3


@dataclass(frozen=True)
class GaitLimits:
    """What is accepted.

    Attributes
    ----------
    stance : (float, float)
        Share of the cycle with a foot on the ground.
    peaks : (float, float)
        Largest vertical force (body weights) in the first and in the second half of stance.
    force_residual : float
        RMS of the force that nobody supplies between the nodes (body weights).
    drift : float
        Largest angle (rad) after integrating forward.
    seconds : float
        For how long (s).
    n_starts : int
        From how many nodes.
    """

    stance: tuple[float, float]
    peaks: tuple[float, float]
    force_residual: float = 0.05
    drift: float = float(np.radians(0.5))
    seconds: float = 0.05
    n_starts: int = 10


WALKING = GaitLimits((0.5, 0.72), (0.9, 1.5))
RUNNING = GaitLimits((0.15, 0.5), (1.2, 3.8))


@dataclass(frozen=True)
class GaitCheck:
    """What became of the checks.

    Attributes
    ----------
    reason : str
        Why the gait is refused; empty if it is accepted.
    kind : str
        One word for counting: ``"accepted"``, ``"unsolved"``, ``"stance"``, ``"peaks"``, ``"bounds"``, ``"residual"``
        or ``"drift"``.
    figures : dict of str to float
        What was measured, as far as the checks went: they stop at the first that refuses.
    """

    reason: str
    kind: str
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the gait may be used."""
        return not self.reason


def check_gait(
    solution: MovementSolution, reached: Climb, limits: GaitLimits, equations: NodeEquations | None = None
) -> GaitCheck:
    """Hold a solved gait against people and against its own equations, the cheapest checks first.

    Parameters
    ----------
    solution : MovementSolution
        A cycle, with muscles or without.
    reached : Climb
        The problem that it is the solution of.
    limits : GaitLimits
        ``WALKING``, ``RUNNING``, or others.
    equations : NodeEquations, optional
        Of the problem's structure; built if absent.
    """
    if not solution.converged:
        return GaitCheck(solution.reason or "the solver did not succeed", "unsolved")
    figures: dict[str, float] = {}
    for kind, check in (("stance", _stance), ("peaks", _peaks), ("bounds", _bounds)):
        reason = check(solution, reached, limits, figures)
        if reason:
            return GaitCheck(reason, kind, figures)
    equations = equations or node_equations(reached.movement.structure)
    figures["residual_share_bw"] = residual_between_nodes(reached, equations).force_share
    if not figures["residual_share_bw"] <= limits.force_residual:
        found, most = figures["residual_share_bw"], limits.force_residual
        reason = f"between the nodes {found:.1%} of body weight is missing in the equations, at most {most:.0%} may be"
        return GaitCheck(reason, "residual", figures)
    reason = _drift(solution, reached, limits, figures, equations)
    return GaitCheck(reason, "drift" if reason else "accepted", figures)


def _drift(
    solution: MovementSolution,
    reached: Climb,
    limits: GaitLimits,
    figures: dict[str, float],
    equations: NodeEquations,
) -> str:
    """Integrate forward: from the first node alone, where a gait that begins with a foot strike is worst, then all."""
    for n_starts in sorted({1, limits.n_starts}):
        forward = forward_drift(
            solution,
            reached.movement.structure,
            reached.data,
            n_starts=n_starts,
            seconds=limits.seconds,
            equations=equations,
        )
        figures["drift_deg"] = float(np.degrees(forward.largest_angle))
        if not forward.largest_angle <= limits.drift:
            return (
                f"integrated forward for {1e3 * limits.seconds:.0f} ms it drifts by {figures['drift_deg']:.2f}°, at "
                f"most {np.degrees(limits.drift):.2f}° may be"
            )
    return ""


def _vertical(solution: MovementSolution) -> list[tuple[str, np.ndarray]]:
    """Side and vertical force (body weights) of each foot."""
    weight = solution.skeleton.mass * float(np.linalg.norm(solution.skeleton.gravity))
    return [(r.foot, r.force[:, 1] / weight) for r in solution.ground_reactions]


def _stance(solution: MovementSolution, _: Climb, limits: GaitLimits, figures: dict[str, float]) -> str:
    low, high = limits.stance
    for side, force in _vertical(solution):
        share = float((force > CONTACT_THRESHOLD).mean())
        figures[f"stance_{side}"] = share
        if not low <= share <= high:
            return f"stance of the {side} foot takes {share:.0%} of the cycle, expected {low:.0%}-{high:.0%}"
    return ""


def _peaks(solution: MovementSolution, _: Climb, limits: GaitLimits, figures: dict[str, float]) -> str:
    low, high = limits.peaks
    for side, force in _vertical(solution):
        stance = np.roll(force, -_strike(force))
        stance = stance[: max(int((stance > CONTACT_THRESHOLD).sum()), 2)]
        for word, part in (("first", stance[: len(stance) // 2]), ("second", stance[len(stance) // 2 :])):
            peak = float(part.max())
            figures[f"{word}_peak_{side}_bw"] = peak
            if not low <= peak <= high:
                return f"the {word} vertical peak of the {side} foot is {peak:.2f} body weights, expected {low}-{high}"
    return ""


def _strike(force: np.ndarray) -> int:
    """First sample of the longest stance of a cycle."""
    down = force > CONTACT_THRESHOLD
    strikes = np.flatnonzero(down & ~np.roll(down, 1))
    if not len(strikes):
        return 0
    lengths = [int(np.argmin(np.r_[np.roll(down, -s), False])) for s in strikes]
    return int(strikes[int(np.argmax(lengths))])


def _bounds(solution: MovementSolution, reached: Climb, _: GaitLimits, figures: dict[str, float]) -> str:
    structure, data = reached.movement.structure, reached.data
    values = reached.movement.variables.split(reached.iterate.values)
    for name in ("coordinates", "duration"):
        shape = values[name].shape
        lower, upper = (
            np.broadcast_to(b.get(name, w), shape) for b, w in ((data.lower, -np.inf), (data.upper, np.inf))
        )
        free = upper > lower
        stuck = free & ((values[name] - lower < _AT_BOUND) | (upper - values[name] < _AT_BOUND))
        if stuck.any():
            what = "the duration"
            if name == "coordinates":
                what = structure.pattern.coordinate_names[int(np.flatnonzero(stuck.any(axis=0))[0])]
            figures["stuck_samples"] = float(stuck.sum())
            return f"{what} is stuck at a bound at {int(stuck.sum())} node(s)"
    return ""
