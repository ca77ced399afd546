"""Tracking settings: how closely a recording is followed, on which meshes, with what to move it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.solver import SolverSettings

FIRST = SolverSettings(
    warm=True,
    mu_init=1e-3,
    bound_push=1e-2,
    options=(("ipopt.compl_inf_tol", 1e-6), ("ipopt.constr_mult_init_max", 1e6)),
)
"""From a recording: a small barrier from the beginning stays in its basin, where an adaptive one leaves for others. The
complementarity of 1e-6 takes the barrier's bias away (1.5 % of the objective) for two or three iterations. Estimated
first multipliers are kept however large they are: IPOPT drops them all if one is beyond 1000, which cost a problem in
these units 86 iterations in the place of 19."""

THEN = replace(FIRST, bound_push=1e-4)
"""From the solution of the rung before."""

ON_THE_WAY = 12
"""Iterations at most of a loose rung on a mesh that is solved again: it only has to be near."""


@dataclass(frozen=True)
class Deviations:
    """Standard deviations: how far off each quantity may be for one unit of the objective. None = not followed.

    Attributes
    ----------
    angle, place : float
        rad and m, of coordinates.
    coordinates : dict of str to float
        Coordinate → its own (rad or m); infinite = not followed.
    angular_speed, linear_speed : float, optional
        rad/s and m/s.
    force : float, optional
        Body weights, each axis of the ground reaction of each foot.
    moment : float, optional
        Body weight × m, of the ground reaction about the foot (a contact law) or the origin (unknown loads).
    joint_moment : float, optional
        N·m, from the net joint moments, where those are given: of the coordinates in `TrackingSettings.moments`, and of
        ideal actuators that nothing else helps.
    excitation : float
        Size of an excitation that counts as one deviation.
    torque : float
        N·m or N of an ideal actuator that counts as one deviation, unless joint moments are followed.
    torques : dict of str to float
        Coordinate → its own.
    contact : float
        m: how far a contact sphere may be from its place; 0 = it stays.
    marker : float, optional
        m, of each axis of a marker, where the recording has markers.
    """

    angle: float = 0.035
    place: float = 0.01
    coordinates: Mapping[str, float] = field(default_factory=dict)
    angular_speed: float | None = None
    linear_speed: float | None = None
    force: float | None = 0.05
    moment: float | None = 0.01
    joint_moment: float | None = None
    excitation: float = 0.3
    torque: float = 30.0
    torques: Mapping[str, float] = field(default_factory=dict)
    contact: float = 0.0
    marker: float | None = None


@dataclass(frozen=True)
class TrackingSettings:
    """How a recording is tracked.

    Attributes
    ----------
    deviations : Deviations
    meshes : tuple of Mesh
        Coarse to fine, all of one period.
    muscles : bool
        Whether muscles move the skeleton; else ideal torques do.
    torques : tuple of str, optional
        Coordinates with an ideal actuator; if absent those of `usual_actuators`.
    torque_rung : bool
        Whether a problem without muscles comes first.
    loosening : float
        Factor on the ground reaction's standard deviations on the way: beyond 1 all meshes, the last one too, are first
        solved with forces followed that much more loosely. Forces change within milliseconds at strikes, and a fine
        mesh that meets them at once may end with a spike at a midpoint.
    ground : str
        ``"law"``: contact spheres; ``"data"``: exactly as recorded; ``"near"``: unknown loads near the recorded ones.
    strength : float
        Factor on all muscles.
    torque_limit : float, optional
        Largest torque (N·m or N).
    bounds : dict of str to (float, float)
        Coordinate → (lower, upper), rad or m; else the skeleton's, widened where the recording leaves them.
    duration : (float, float)
        Bounds of the duration as factors on the recorded one.
    speed : (float, float)
        Bounds of the mean forward speed (m/s).
    starts : int
        How many starts: the recording, and disturbed copies of it; the lowest objective wins.
    spread : float
        Size of the disturbance, rad; see `start_spread.spread_arrays`.
    first, then : SolverSettings
        Of the first rung and of those after it.
    options : dict
        Further attributes of `MovementStructure`, e.g. ``tendon``, ``activation``, ``passive``, ``linear_controls``.
    parameters : dict of str to ndarray
        Parameters of the problem that win over all others, e.g. ``activation_times``.
    markers : tuple of str
        Labels of the recording's markers, where `Deviations.marker` says how closely they are followed.
    moments : tuple of str
        Coordinates whose net joint moments the recording has, where `Deviations.joint_moment` says how closely they are
        followed: also what muscles and tissue give together.
    """

    deviations: Deviations = field(default_factory=Deviations)
    meshes: Sequence[Mesh] = (Mesh(25), Mesh(50))
    muscles: bool = True
    torques: tuple[str, ...] | None = None
    torque_rung: bool = False
    loosening: float = 1.0
    ground: str = "law"
    strength: float = 1.0
    torque_limit: float | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    duration: tuple[float, float] = (1.0, 1.0)
    speed: tuple[float, float] = (-10.0, 10.0)
    starts: int = 1
    spread: float = 0.05
    first: SolverSettings = FIRST
    then: SolverSettings = THEN
    options: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    markers: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()

    def loosened(self) -> TrackingSettings:
        """The same with forces followed as loosely as on the way."""
        wide = {
            name: None if getattr(self.deviations, name) is None else self.loosening * getattr(self.deviations, name)
            for name in ("force", "moment")
        }
        return replace(self, deviations=replace(self.deviations, **wide))

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.ground not in ("law", "data", "near"):
            raise ValueError(f"ground is 'law', 'data' or 'near', got {self.ground!r}")
        if not self.meshes or len({m.period for m in self.meshes}) != 1:
            raise ValueError(f"expected meshes of one period, got {[m.period for m in self.meshes]}")
        if not 1.0 <= self.loosening < np.inf:
            raise ValueError(f"loosening is a factor of 1 or more, got {self.loosening}")
        if self.starts < 1:
            raise ValueError(f"expected one start or more, got {self.starts}")
