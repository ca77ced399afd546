"""Prediction settings: what is predicted, by which prices and by which way there.

Two recipes: `PredictionSettings` as it comes, effort and jerk, is enough in the plane; `human_walking` has the prices
of `walking_price`, without which nobody in space bends a knee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synth.optimal_control.prediction.walking_price import STRUCTURE, WalkingPrices
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.recording.tracking_settings import FIRST, THEN, Deviations, TrackingSettings


@dataclass(frozen=True)
class PredictionSettings:
    """What is predicted, and by which prices.

    Attributes
    ----------
    speed : float
        Mean forward speed (m/s).
    duration : (float, float)
        Bounds of the duration of the mesh's period (s): of half a cycle for half cycles.
    meshes : tuple of Mesh
        Coarse to fine, all of one period: ``"cycle"`` where right and left differ.
    effort, effort_power : float, int
        Price of the mean over time of the sum of excitations to that power.
    torque : float
        N·m or N of an ideal actuator whose square costs 1.
    torques : dict of str to float
        Coordinate → its own.
    jerk : float
        rad/s³ or m/s³ whose square costs 1, of each coordinate; infinite = free. Effort alone leaves the problem nearly
        flat where a foot just touches, and its solution then takes ten times the iterations or is not found.
    pull : float
        rad of each angle (m of each translation: 0.3 m a rad) off the reference that costs 1; infinite = no pull.
    guide : Deviations
        How closely the first problem of the chain tracks the recording.
    weakening : tuple of float
        Factors on the guide's standard deviations of the problems between tracking and prediction.
    slope : float
        rad, positive uphill.
    strength : float or dict of str to float
        Factor on the strength of all muscles, or muscle → factor.
    torque_limit : float, optional
        N·m or N.
    bounds : dict of str to (float, float)
        Coordinate → (lower, upper), rad or m.
    first, then : SolverSettings
    options : dict
        Further attributes of `MovementStructure`.
    actuated : tuple of str, optional
        Coordinates with an ideal actuator; see `TrackingSettings.torques`.
    parameters : dict of str to ndarray
        See `TrackingSettings`.
    prices : WalkingPrices, optional
        In the place of effort and torque, from the weaker tracking on; see `human_walking`.
    """

    speed: float = 1.3
    duration: tuple[float, float] = (0.3, 0.8)
    meshes: Sequence[Mesh] = (Mesh(25, "trapezoidal", "half_cycle"),)
    effort: float = 10.0
    effort_power: int = 3
    torque: float = 10.0
    torques: Mapping[str, float] = field(default_factory=dict)
    jerk: float = 1000.0
    pull: float = np.inf
    guide: Deviations = field(default_factory=Deviations)
    weakening: tuple[float, ...] = (5.0,)
    slope: float = 0.0
    strength: float | Mapping[str, float] = 1.0
    torque_limit: float | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first: SolverSettings = FIRST
    then: SolverSettings = THEN
    options: Mapping[str, object] = field(default_factory=dict)
    actuated: tuple[str, ...] | None = None
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    prices: WalkingPrices | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be walked."""
        low, high = self.duration
        if not (0.0 < low <= high and np.isfinite(high)):
            raise ValueError(f"expected bounds of the duration 0 < lower <= upper (s), got {self.duration}")
        if not np.isfinite(self.speed) or not self.meshes or self.meshes[0].period == "none":
            raise ValueError(f"a prediction needs a speed and meshes with a period, got {self.speed} and {self.meshes}")

    def tracking(self, factor: float, period: tuple[float, float]) -> TrackingSettings:
        """Settings of a problem of the chain that tracks, its standard deviations a factor wider."""
        guide = self.guide
        wider = {
            name: None if getattr(guide, name) is None else factor * getattr(guide, name)
            for name in ("angle", "place", "angular_speed", "linear_speed", "force", "moment")
        }
        coordinates = {name: factor * d for name, d in guide.coordinates.items()}
        deviations = replace(guide, coordinates=coordinates, torque=self.torque, torques=self.torques, **wider)
        options = {**self.options, "effort_power": self.effort_power}
        if np.isfinite(self.jerk):
            options["smooth"] = ("accelerations",)
        return TrackingSettings(
            deviations=deviations,
            meshes=self.meshes,
            torques=self.actuated,
            torque_limit=self.torque_limit,
            bounds=self.bounds,
            duration=period,
            first=self.first,
            then=self.then,
            options=options,
            parameters=self.parameters,
        )


USUAL = PredictionSettings()


def human_walking(**options: object) -> PredictionSettings:
    """Settings of a walk in space: the prices of `walking_price`, chosen from the literature and not from a waveform.

    The objective sums over hundreds of quantities, so a tolerance of 0.01 is small; a coarser mesh first, or weaker
    tracking in between, took as many iterations again.

    Parameters
    ----------
    **options
        Attributes of `PredictionSettings` that are to be other than usual.
    """
    usual: dict[str, object] = {
        "meshes": (Mesh(40, "trapezoidal", "half_cycle"),),
        "duration": (0.35, 0.8),
        "effort_power": 2,
        "torque": 30.0,
        "jerk": 1e4,
        "guide": Deviations(force=None, moment=None),
        "weakening": (),
        "first": replace(FIRST, tolerance=1e-2, mu_init=1e-2),
        "then": replace(THEN, tolerance=1e-2, bound_push=1e-3, max_cpu_seconds=300.0),
        "options": STRUCTURE,
        "prices": WalkingPrices(),
    }
    return PredictionSettings(**{**usual, **options})
