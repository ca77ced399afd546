"""Gait solution: a movement solution that is one cycle of gait, with its events and what was checked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mocap_import.trial import GaitEvent
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.optimal_control.movement.between_nodes import residual_between_nodes
from synth.optimal_control.movement.climb import Climb
from synth.optimal_control.movement.node_equations import node_equations
from synth.optimal_control.movement.solution import CONTACT_THRESHOLD, MovementSolution, make_solution

_AT_BOUND = 1e-4


class SolutionNotFound(Exception):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """An optimal-control problem without an acceptable solution: the reason, and what to try."""


@dataclass(frozen=True)
class GaitSolution:
    """One gait cycle from optimal control.

    Attributes
    ----------
    movement : MovementSolution
        A cycle with a right and a left foot.
    checks : dict of str to float
        Stance shares, mean vertical force and equation residual (body weights), samples at a limit, misfits.
    """

    movement: MovementSolution
    checks: dict[str, float] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the solution may be used."""
        return self.movement.converged

    @property
    def status(self) -> str:
        """``"converged"`` or ``"refused"``."""
        return "converged" if self.converged else "refused"

    @property
    def reason(self) -> str:
        """Why it was refused; empty if converged."""
        return self.movement.reason

    @property
    def duration(self) -> float:
        """Of the cycle (s)."""
        return self.movement.duration

    @property
    def speed(self) -> float:
        """Mean forward speed of the pelvis (m/s)."""
        return self.movement.speed

    @property
    def cpu_seconds(self) -> float:
        """Of all problems on the way."""
        return self.movement.cpu_seconds

    @property
    def rate(self) -> float:
        """Nodes per second (Hz)."""
        return len(self.movement.time) / self.duration

    @property
    def kinematics(self) -> Kinematics:
        """Coordinates at the nodes (rad, m), the cycle's end not repeated."""
        return Kinematics(self.movement.skeleton.coordinate_names, self.movement.coordinates, self.rate)

    @property
    def kinetics(self) -> Kinetics:
        """Net joint moments (N·m), ground reactions of right and left foot (N), activations at the nodes."""
        movement = self.movement
        activations = movement.arrays["activations"] if movement.muscles else np.empty((len(movement.time), 0))
        names = movement.skeleton.coordinate_names
        return Kinetics(names, movement.moments, self.rate, movement.ground_reactions, movement.muscles, activations)

    @property
    def events(self) -> tuple[GaitEvent, ...]:
        """Foot strikes and offs from the vertical force, from the start of the cycle."""
        return gait_events(self.movement)

    def refused(self, reason: str) -> GaitSolution:
        """Return a copy that may not be used, for a reason; itself if there is none."""
        return replace(self, movement=replace(self.movement, converged=False, reason=reason)) if reason else self


def gait_solution(reached: Climb, skeleton: Skeleton) -> GaitSolution:
    """Build the gait of a solved problem and check what every gait must satisfy.

    Parameters
    ----------
    reached : Climb
        A cycle or half a cycle with two feet.
    skeleton : Skeleton
        Of the person.
    """
    movement = make_solution(reached, skeleton)
    weight = _weight(skeleton)
    vertical = np.stack([r.force[:, 1] for r in movement.ground_reactions], axis=1) / weight
    checks = {f"stance_share_{r.foot[0]}": stance_share(movement, i) for i, r in enumerate(movement.ground_reactions)}
    checks["mean_vertical_force_bw"] = float(vertical.sum(axis=1).mean())
    checks["residual_share_bw"] = float("nan")
    if np.isfinite(movement.coordinates).all():
        equations = node_equations(reached.movement.structure)
        checks["residual_share_bw"] = residual_between_nodes(reached, equations).force_share
    checks["stuck_coordinate_samples"] = float(_stuck(movement))
    return GaitSolution(movement, checks)


def stance_share(movement: MovementSolution, foot: int) -> float:
    """Share of the cycle with a foot on the ground."""
    vertical = movement.ground_reactions[foot].force[:, 1]
    return float((vertical > CONTACT_THRESHOLD * _weight(movement.skeleton)).mean())


def gait_events(movement: MovementSolution) -> tuple[GaitEvent, ...]:
    """Crossings of the force threshold, linear between the nodes; time from the start of the cycle (s)."""
    weight, events = _weight(movement.skeleton), []
    for reaction in movement.ground_reactions:
        above = reaction.force[:, 1] / weight - CONTACT_THRESHOLD
        after = np.roll(above, -1)
        for i in np.flatnonzero((above > 0) != (after > 0)):
            share = (i + above[i] / (above[i] - after[i])) / len(above)
            kind = "foot_strike" if after[i] > 0 else "foot_off"
            events.append(GaitEvent(float(share % 1.0) * movement.duration, reaction.foot, kind, "force"))
    return tuple(sorted(events, key=lambda e: e.time))


def spatiotemporal_of(movements: Sequence[MovementSolution]) -> dict[str, float]:
    """Mean speed, cadence (1/s), stride time and length, stance shares of some cycles, SI."""
    speed = float(np.mean([m.speed for m in movements]))
    stride_time = float(np.mean([m.duration for m in movements]))
    found = {"speed": speed, "cadence": 2.0 / stride_time}
    for i, reaction in enumerate(movements[0].ground_reactions):
        side = reaction.foot[0]
        found[f"stride_time_{side}"] = stride_time
        found[f"stride_length_{side}"] = speed * stride_time
        found[f"stance_{side}"] = float(np.mean([stance_share(m, i) for m in movements]))
    return found


def _weight(skeleton: Skeleton) -> float:
    return skeleton.mass * float(np.linalg.norm(skeleton.gravity))


def _stuck(movement: MovementSolution) -> int:
    """Samples of coordinates at the ends of their ranges."""
    lower, upper = (np.array([getattr(c, s) for c in movement.skeleton.coordinates]) for s in ("lower", "upper"))
    q = movement.coordinates
    return int(((q < lower + _AT_BOUND) | (q > upper - _AT_BOUND)).sum())
