"""Direct collocation: nodes of a period, and the defects that join them.

The transcriptions follow Betts (2010), Practical Methods for Optimal Control, chapter 4; the Radau scheme of degree 3
is the one of Hairer and Wanner (1996), Solving Ordinary Differential Equations II, section IV.5 (Radau IIA, order 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from synth.optimal_control.program.block import Block, make_block

_ROOT = np.sqrt(6.0)
RADAU_POINTS = np.array([(4.0 - _ROOT) / 10.0, (4.0 + _ROOT) / 10.0, 1.0])
_RADAU_WEIGHTS = np.array([(16.0 - _ROOT) / 36.0, (16.0 + _ROOT) / 36.0, 1.0 / 9.0])


def _radau_derivative() -> np.ndarray:
    """Derivative (3, 4) at the three points of the polynomial through the interval's start and these points."""
    points = np.r_[0.0, RADAU_POINTS]
    powers = np.vander(points, increasing=True)
    slopes = np.hstack([np.zeros((4, 1)), powers[:, :3] * np.arange(1, 4)])
    return (slopes @ np.linalg.inv(powers))[1:]


_RADAU_DERIVATIVE = _radau_derivative()

# scheme: (share of the interval, weight in an integral over it) of the nodes of an interval, first to last
_SCHEMES = {
    "trapezoidal": ((0.0, 1.0), (0.5, 0.5)),
    "backward_euler": ((0.0, 1.0), (0.5, 0.5)),
    "hermite_simpson": ((0.0, 0.5, 1.0), (1 / 6, 4 / 6, 1 / 6)),
    "radau": ((0.0, *RADAU_POINTS), (0.0, *_RADAU_WEIGHTS)),
}
SCHEMES = tuple(_SCHEMES)


@dataclass(frozen=True)
class Mesh:
    """Nodes of one period and how they are joined.

    Attributes
    ----------
    n_intervals : int
    scheme : str
        ``"trapezoidal"``, ``"backward_euler"``, ``"hermite_simpson"`` (separated: midpoints are nodes too) or
        ``"radau"`` (three points an interval, the last at its end).
    period : str
        ``"cycle"``: the last interval ends at the first node; ``"half_cycle"``: at its mirror image; ``"none"``.
    """

    n_intervals: int
    scheme: str = "trapezoidal"
    period: str = "cycle"

    def __post_init__(self) -> None:
        """Refuse words that mean nothing here."""
        if self.scheme not in _SCHEMES:
            raise ValueError(f"scheme {self.scheme!r} is none of {', '.join(_SCHEMES)}")
        if self.period not in ("cycle", "half_cycle", "none"):
            raise ValueError(f"period {self.period!r} is none of cycle, half_cycle, none")
        if self.n_intervals < 2:
            raise ValueError(f"a mesh needs at least 2 intervals, got {self.n_intervals}")

    @property
    def nodes_per_interval(self) -> int:
        """1, 2 where midpoints are nodes, 3 of Radau's points."""
        return len(_SCHEMES[self.scheme][0]) - 1

    @property
    def n_nodes(self) -> int:
        """Number of node vectors."""
        return self.n_intervals * self.nodes_per_interval + (self.period == "none")

    @property
    def phase(self) -> np.ndarray:
        """Time of each node as a fraction of the mesh's duration, shape (n_nodes,)."""
        shares = np.array(_SCHEMES[self.scheme][0][:-1])
        phase = (np.arange(self.n_intervals)[:, None] + shares).ravel() / self.n_intervals
        return np.r_[phase, 1.0] if self.period == "none" else phase

    @property
    def quadrature(self) -> np.ndarray:
        """Weight of each node in a time average, shape (n_nodes,), sum 1."""
        weights = np.zeros(self.n_intervals * self.nodes_per_interval + 1)
        np.add.at(weights, self.interval_nodes(), np.array(_SCHEMES[self.scheme][1])[:, None] / self.n_intervals)
        if self.period == "none":
            return weights
        weights[0] += weights[-1]
        return weights[:-1]

    def interval_nodes(self) -> np.ndarray:
        """Node numbers (nodes_per_interval + 1, n_intervals) of each interval; n_nodes where it wraps to node 0."""
        step = self.nodes_per_interval
        return np.arange(0, self.n_intervals * step, step)[None, :] + np.arange(step + 1)[:, None]


def nodes_per_defect(scheme: str) -> int:
    """Nodes that one interval of a scheme joins, both ends included."""
    return len(_SCHEMES[scheme][0])


def defect_block(scheme: str, state_scale: float, rate_scale: float, end_sign: float = 1.0) -> Block:
    """Collocation defect of one scalar state over one interval.

    Variables: state at the nodes of the interval, its rate at the same nodes, duration of the mesh (s).
    Parameters: interval length as a share of the duration. Rows are in units of the state's scale. With an `end_sign`
    of -1 the interval ends at minus the last node: the mirror image of a coordinate that leans to one side.

    Returns
    -------
    Block
    """
    n = nodes_per_defect(scheme)
    signs = ca.DM(np.r_[np.ones(n - 1), end_sign])

    def defects(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        y, rate, h = signs * x[:n], signs * x[n : 2 * n], p[0] * x[2 * n]
        return ca.SX(0), [row / state_scale for row in defect_rows(scheme, y, rate, h)]

    scale = np.r_[np.full(n, state_scale), np.full(n, rate_scale), 1.0]
    return make_block(f"{scheme} defect", defects, scale, 1)


def displaced_defect_block(scheme: str, state_scale: float, rate_scale: float, speed_scale: float = 1.0) -> Block:
    """Defect of a state that moves on by speed x duration every period (the pelvis along the ground).

    Variables as in `defect_block`, then the mean speed (m/s). Parameters: interval length as a share of the duration,
    and 1 on the interval that wraps, else 0.

    Returns
    -------
    Block
    """
    n = nodes_per_defect(scheme)

    def defects(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        duration, speed = x[2 * n], x[2 * n + 1]
        y = ca.vertcat(x[: n - 1], x[n - 1] + p[1] * speed * duration)
        rows = defect_rows(scheme, y, x[n : 2 * n], p[0] * duration)
        return ca.SX(0), [row / state_scale for row in rows]

    scale = np.r_[np.full(n, state_scale), np.full(n, rate_scale), 1.0, speed_scale]
    return make_block(f"{scheme} defect with displacement", defects, scale, 2)


def defect_rows(scheme: str, y: ca.SX, rate: ca.SX, h: ca.SX) -> list[ca.SX]:
    """Defects of one interval from a state and its rate at the interval's nodes, and the interval's length."""
    if scheme == "trapezoidal":
        return [y[1] - y[0] - h / 2 * (rate[0] + rate[1])]
    if scheme == "backward_euler":
        return [y[1] - y[0] - h * rate[1]]
    if scheme == "radau":
        slopes = [sum(_RADAU_DERIVATIVE[i, j] * y[j] for j in range(4)) for i in range(3)]
        # divided by the slope's own factor, so that a row is near the change of the state as in the other schemes
        return [(slope - h * rate[i + 1]) / _RADAU_DERIVATIVE[i, i + 1] for i, slope in enumerate(slopes)]
    hermite = y[1] - (y[0] + y[2]) / 2 - h / 8 * (rate[0] - rate[2])
    simpson = y[2] - y[0] - h / 6 * (rate[0] + 4 * rate[1] + rate[2])
    return [hermite, simpson]
