"""Normative band: how much of a gait cycle lies within two standard deviations of people who walk at their own speed.

Angles and moments are those of Schwartz, Rozumalski, Trost 2008, J Biomech 41:1639 (typically developing children, five
speeds; the stored band is read as mean -/+ 1 SD), ground reactions those of Winter as the BioMAC toolbox keeps them (a
variance each). Their model is Plug-in Gait's, whose pelvis leans forward by 12 degrees where others say 0: offsets of
hips are partly definitions, and nothing is shifted here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.optimal_control.movement.solution import CONTACT_THRESHOLD, MovementSolution

ANGLES = {"hip_flexion_r": "HipAngles", "knee_angle_r": "KneeAngles", "ankle_angle_r": "AnkleAngles"}
DEVIATIONS = 2.0


@dataclass(frozen=True)
class GaitShape:
    """The right leg of a walk, from its strike.

    Attributes
    ----------
    phase : ndarray, shape (n,)
        0 to 1, the end left out.
    angles : dict of str to ndarray
        Degrees, flexion positive.
    forces : ndarray, shape (n, 2)
        Forward and up (body weights).
    stance : float
        Share of the cycle.
    """

    phase: np.ndarray
    angles: dict[str, np.ndarray]
    forces: np.ndarray
    stance: float

    @property
    def peaks(self) -> tuple[float, float]:
        """Largest vertical force (body weights) in the first and in the second half of stance."""
        count = max(round(self.stance * len(self.phase)), 2)
        up = self.forces[:count, 1]
        return float(up[: count // 2].max()), float(up[count // 2 :].max())


def gait_shape(solution: MovementSolution) -> GaitShape:
    """Turn a solved cycle so that it begins with the strike of the right foot."""
    weight = solution.skeleton.mass * float(np.linalg.norm(solution.skeleton.gravity))
    right = next(r for r in solution.ground_reactions if r.foot == "right")
    down = right.force[:, 1] > CONTACT_THRESHOLD * weight
    strikes = np.flatnonzero(down & ~np.roll(down, 1))
    lengths = [int(np.argmin(np.r_[np.roll(down, -s), False])) for s in strikes]
    first = int(strikes[int(np.argmax(lengths))]) if len(strikes) else 0
    n = len(down)
    return GaitShape(
        np.arange(n) / n,
        {name: np.roll(np.degrees(solution.of(name)), -first) for name in ANGLES},
        np.roll(right.force[:, :2] / weight, -first, axis=0),
        float(down.mean()),
    )


def angle_shares(shape: GaitShape, data: Path, speed: str = "Free") -> dict[str, float]:
    """Share of the cycle in which each joint is within two standard deviations of the norm.

    Parameters
    ----------
    shape : GaitShape
    data : Path
        The data folder.
    speed : str
        ``VerySlow``, ``Slow``, ``Free``, ``Fast`` or ``VeryFast``.
    """
    path = data / "normative_CCBYSA" / "Schwartz2008.json"
    norm = json.loads(path.read_text(encoding="utf-8"))["Schwartz2008"][speed]
    found = {}
    for name, word in ANGLES.items():
        percent, lower, upper = np.array(norm[word]["X"], float).T
        values = np.interp(percent / 100.0, shape.phase, shape.angles[name], period=1.0)
        found[name] = float((np.abs(values - 0.5 * (lower + upper)) <= 0.5 * DEVIATIONS * np.abs(upper - lower)).mean())
    return found


def force_shares(shape: GaitShape, data: Path) -> dict[str, float]:
    """The same of the forward and the vertical force, against Winter's cycle."""
    stem = data / "biomac_fau" / "reference_cycles"
    mean, variance = (
        np.genfromtxt(stem / f"Winter_normal_{word}.csv", delimiter=",", names=True, deletechars="")
        for word in ("mean", "var")
    )
    found = {}
    for axis, (word, column) in enumerate((("forward", "GRF.GRF_x_r"), ("vertical", "GRF.GRF_y_r"))):
        phase = np.arange(len(mean[column])) / len(mean[column])
        values = np.interp(phase, shape.phase, shape.forces[:, axis], period=1.0)
        found[word] = float((np.abs(values - mean[column]) <= DEVIATIONS * np.sqrt(variance[column])).mean())
    return found
