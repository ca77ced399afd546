"""Direct collocation: nodes of a period, and the defects that join them.

The transcriptions follow Betts (2010), Practical Methods for Optimal Control, chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np

from synth.optimal_control.block import Block, make_block


@dataclass(frozen=True)
class Mesh:
    """Nodes of one period and how they are joined.

    Attributes
    ----------
    n_intervals : int
    scheme : str
        ``"trapezoidal"``, ``"backward_euler"`` or ``"hermite_simpson"`` (separated: midpoints are nodes too).
    period : str
        ``"cycle"``: the last interval ends at the first node; ``"half_cycle"``: at its mirror image; ``"none"``.
    """

    n_intervals: int
    scheme: str = "trapezoidal"
    period: str = "cycle"

    def __post_init__(self) -> None:
        """Refuse words that mean nothing here."""
        if self.scheme not in ("trapezoidal", "backward_euler", "hermite_simpson"):
            raise ValueError(f"scheme {self.scheme!r} is none of trapezoidal, backward_euler, hermite_simpson")
        if self.period not in ("cycle", "half_cycle", "none"):
            raise ValueError(f"period {self.period!r} is none of cycle, half_cycle, none")

    @property
    def nodes_per_interval(self) -> int:
        """1, or 2 where midpoints are nodes."""
        return 2 if self.scheme == "hermite_simpson" else 1

    @property
    def n_nodes(self) -> int:
        """Number of node vectors."""
        return self.n_intervals * self.nodes_per_interval + (self.period == "none")

    @property
    def phase(self) -> np.ndarray:
        """Time of each node as a fraction of the mesh's duration, shape (n_nodes,)."""
        return np.arange(self.n_nodes) / (self.n_intervals * self.nodes_per_interval)

    @property
    def quadrature(self) -> np.ndarray:
        """Weight of each node in a time average, shape (n_nodes,), sum 1."""
        if self.scheme == "hermite_simpson":
            weights = np.where(np.arange(self.n_nodes) % 2, 4.0, 2.0)
        else:
            weights = np.full(self.n_nodes, 2.0)
        if self.period == "none":
            weights[[0, -1]] /= 2.0
        return weights / weights.sum()

    def interval_nodes(self) -> np.ndarray:
        """Node numbers (nodes_per_interval + 1, n_intervals) of each interval; n_nodes where it wraps to node 0."""
        step = self.nodes_per_interval
        return np.arange(0, self.n_intervals * step, step)[None, :] + np.arange(step + 1)[:, None]


def defect_block(scheme: str, state_scale: float, rate_scale: float, duration_scale: float = 1.0) -> Block:
    """Collocation defect of one scalar state over one interval.

    Variables: state at the nodes of the interval, its rate at the same nodes, duration of the mesh (s).
    Parameters: interval length as a share of the duration. Rows are in units of the state's scale.

    Returns
    -------
    Block
    """
    n = 3 if scheme == "hermite_simpson" else 2

    def defects(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        y, rate, h = x[:n], x[n : 2 * n], p[0] * x[2 * n]
        return ca.SX(0), [row / state_scale for row in defect_rows(scheme, y, rate, h)]

    scale = np.r_[np.full(n, state_scale), np.full(n, rate_scale), duration_scale]
    return make_block(f"{scheme} defect", defects, scale, 1)


def displaced_defect_block(scheme: str, state_scale: float, rate_scale: float, speed_scale: float = 1.0) -> Block:
    """Defect of a state that moves on by speed x duration every period (the pelvis along the ground).

    Variables as in `defect_block`, then the mean speed (m/s). Parameters: interval length as a share of the duration,
    and 1 on the interval that wraps, else 0.

    Returns
    -------
    Block
    """
    n = 3 if scheme == "hermite_simpson" else 2

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
    hermite = y[1] - (y[0] + y[2]) / 2 - h / 8 * (rate[0] - rate[2])
    simpson = y[2] - y[0] - h / 6 * (rate[0] + 4 * rate[1] + rate[2])
    return [hermite, simpson]
