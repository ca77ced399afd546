"""Marker tracking: the reference, a gait that follows markers and ground reaction of one cycle of a real trial.

It satisfies the equations of motion of the person's scaled skeleton with muscles on Hunt-Crossley spheres, whose
positions under the foot are calibrated with the motion. Walking and running, with the force of each foot, of both
together or none in parts of the cycle, and with segments that carry no markers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.cycle_samples import sample_at, smoothed_at
from synth.optimal_control.gait_data import GaitData, loosen_contact, person_data, smooth
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.gait_structure import GaitStructure
from synth.optimal_control.ground_contact import SPHERE_DISSIPATION, SPHERES
from synth.optimal_control.ladder import Rung, climb
from synth.optimal_control.marker_fit import misfits, refuse_fit
from synth.optimal_control.marker_start import mean_speed, start_from_markers
from synth.optimal_control.muscle_table import GAIT_MUSCLES
from synth.optimal_control.objective import N_MARKER_MOMENTS, marker_moments
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.sagittal_plane import drop_misplaced, into_sagittal_plane
from synth.optimal_control.solution import GaitSolution, SolutionNotFound, make_solution, move_forward

_COARSE, _FINE = 25, 80


@dataclass(frozen=True)
class TrackingWeights:
    """How closely the reference follows what.

    Attributes
    ----------
    marker_sd : float
        m.
    force_sd : float
        Vertical and forward ground reaction, body weights.
    pressure_sd : float
        Moment about the measured centre of pressure, body weight × m.
    effort : float
        Weight of the sum of squared activations.
    smoothness : float
        Weight of squared jerk, see `gait_problem.smooth`.
    loose_sd : float
        Of trunk angles that no marker decides, around upright (rad).
    guess_sd : float
        Of forces that no plate measured, around normative ones (body weights); only until a contact law takes over.
    contact_stiffness, contact_damping : float
        Factor on the spheres' modulus; their dissipation (s/m).
    strength : float
        Factor on the muscles' strength.
    contact_sd : float
        Of the correction of a sphere's position (m).
    """

    marker_sd: float = 0.01
    force_sd: float = 0.03
    pressure_sd: float = 0.01
    effort: float = 1.0
    smoothness: float = 2e-3
    loose_sd: float = 0.1
    guess_sd: float = 0.2
    contact_stiffness: float = 1.0
    contact_damping: float = SPHERE_DISSIPATION
    strength: float = 1.0
    contact_sd: float = 0.01


def track_markers(
    skeleton: Skeleton,
    markers: np.ndarray,
    ground_reactions: Sequence[GroundReaction],
    duration: float,
    *,
    height: float,
    weights: TrackingWeights | None = None,
    n_nodes: int = _FINE,
) -> GaitSolution:
    """Find the gait that follows one cycle of markers and ground reaction.

    Parameters
    ----------
    skeleton : Skeleton
        The person's scaled planar skeleton, its markers attached.
    markers : ndarray, shape (n_samples, n_markers, 2 or 3)
        Ground-frame positions (m) of `skeleton.markers` in order, sampled evenly over the cycle, its end not repeated;
        NaN = missing. On a treadmill overground-equivalent (belt speed × time added).
    ground_reactions : sequence of GroundReaction
        With as many samples as markers and the same origin; foot ``right``, ``left`` or ``both``; NaN = unknown.
    duration : float
        Of the cycle (s).
    height : float
        Body height (m), for the size of contact spheres and muscles.
    weights : TrackingWeights, optional
    n_nodes : int

    Returns
    -------
    GaitSolution
        Refused, with the reason, if none was found.

    Raises
    ------
    SolutionNotFound
        The input itself cannot be followed.
    """
    measured = _checked(skeleton, markers, ground_reactions, duration, height)
    measured, misplaced = drop_misplaced(skeleton, measured)
    measured, hips = into_sagittal_plane(skeleton, measured)
    # somebody who has run for a minute is far from the origin: solve where numbers are small
    place = float(np.nanmean(measured[..., 0]))
    measured = measured - np.array([place, 0.0])
    ground_reactions = [
        replace(r, centre_of_pressure=r.centre_of_pressure - np.array([place, 0.0, 0.0])) for r in ground_reactions
    ]
    weights = _fitted_to_impact(weights or TrackingWeights(), _impact_factor(skeleton, ground_reactions))
    speed = mean_speed(skeleton, measured, duration)

    def data(gait: GaitProgram, slack: float = 0.0) -> GaitData:
        return _tracking_data(gait, skeleton, measured, hips, ground_reactions, duration, height, speed, weights, slack)

    def start(gait: GaitProgram) -> np.ndarray:
        return start_from_markers(gait, skeleton, measured, ground_reactions, duration, height, speed)

    solution = make_solution(climb(_ladder(data, n_nodes), start), skeleton)
    checks = solution.checks | {"misplaced_markers": float(len(misplaced))}
    checks |= misfits(solution, skeleton, measured, hips, ground_reactions)
    solution = move_forward(replace(solution, checks=checks), place)
    refusal = refuse_fit(checks) if solution.converged else ""
    return replace(solution, status="refused", reason=refusal) if refusal else solution


def _fitted_to_impact(weights: TrackingWeights, impact: float) -> TrackingWeights:
    """Follow the steep forces of running less closely, with muscles stronger than the table's, in running shoes."""
    weights = replace(weights, force_sd=weights.force_sd * impact, strength=weights.strength * impact)
    if impact > 1.2:  # spheres that give more and spring back
        weights = replace(weights, contact_stiffness=0.7, contact_damping=0.5)
    return weights


def _ladder(data: Callable[..., GaitData], n_nodes: int) -> tuple[Rung, ...]:
    """Forces as data, contact that yields at a price, contact, muscles, and the fine mesh."""
    torques = GaitStructure(Mesh(_COARSE), "", SPHERES.name, markers=True)
    muscles = replace(torques, muscles=GAIT_MUSCLES.name)
    return (
        Rung("forces as data", replace(torques, contact=""), data, optional=True),
        Rung("yielding contact", torques, partial(data, slack=0.03), max_iterations=60, rough=True),
        Rung("torques", torques, data, max_iterations=60, rough=True),
        Rung("muscles", muscles, data, max_iterations=150),
        Rung("fine mesh", replace(muscles, mesh=Mesh(n_nodes)), data, warm=True, max_iterations=150),
    )


def _checked(
    skeleton: Skeleton, markers: np.ndarray, reactions: Sequence[GroundReaction], duration: float, height: float
) -> np.ndarray:
    """Markers as an array; SolutionNotFound if they cannot be followed."""
    markers = np.asarray(markers, float)
    if markers.ndim != 3 or markers.shape[1] != len(skeleton.markers):
        raise SolutionNotFound(
            f"{skeleton.name}: expected positions of its {len(skeleton.markers)} markers, got an array of shape "
            f"{markers.shape}. Attach the markers that the trial has."
        )
    if not 0.3 <= duration <= 3.0:
        raise SolutionNotFound(
            f"{skeleton.name}: a gait cycle of {duration:.2f} s is outside 0.3-3 s. Check the events."
        )
    if not 0.9 <= height <= 2.4:
        raise SolutionNotFound(
            f"{skeleton.name}: a body height of {height} m is outside 0.9-2.4 m. Check participants.csv."
        )
    seen = np.isfinite(markers).all(axis=-1).mean(axis=0)
    by_segment = {s: 0.0 for s in nodes.SEGMENTS}
    for marker, share in zip(skeleton.markers, seen, strict=True):
        by_segment[marker.segment] = max(by_segment[marker.segment], float(share))
    missing = [s for s, share in by_segment.items() if share < 0.5 and s not in ("torso",)]
    if missing:
        raise SolutionNotFound(
            f"{skeleton.name}: {', '.join(missing)} carries no marker that is seen in half of the cycle, so its motion "
            "is unknown. Fill the gaps or choose another cycle."
        )
    for reaction in reactions:
        if len(reaction.force) != len(markers):
            raise SolutionNotFound(
                f"{skeleton.name}: {len(reaction.force)} force samples for {len(markers)} marker samples of the cycle. "
                "Sample both at the same instants."
            )
    return markers


def _impact_factor(skeleton: Skeleton, reactions: Sequence[GroundReaction]) -> float:
    """How much larger than in walking the forces are: 1 for walking, about 2 for running."""
    weight = -skeleton.mass * skeleton.gravity[1]
    peaks = [np.nanmax(r.force[:, 1]) / weight for r in reactions if np.isfinite(r.force[:, 1]).any()]
    together = [r.foot == "both" for r in reactions]
    return float(max(1.0, max(peaks, default=1.0) / (1.5 if any(together) else 1.3)))


def _tracking_data(
    gait: GaitProgram,
    skeleton: Skeleton,
    markers: np.ndarray,
    hips: np.ndarray,
    reactions: Sequence[GroundReaction],
    duration: float,
    height: float,
    speed: float,
    weights: TrackingWeights,
    slack: float,
) -> GaitData:
    mesh = gait.structure.mesh
    data = person_data(gait.structure, skeleton, height, strength=weights.strength)
    data = data.with_parameters(hip_offset=sample_at(mesh.phase, hips))
    data = data.with_bounds("duration", duration, duration).with_bounds("speed", -1.0, 8.0)
    data = _marker_data(data, skeleton, sample_at(mesh.phase, markers), mesh.quadrature, weights)
    guess = None
    if not gait.structure.contact:
        start = gait.variables.split(start_from_markers(gait, skeleton, markers, reactions, duration, height, speed))
        guess = start["forces"]
    data = _force_data(data, reactions, mesh, skeleton, weights, guess)
    if gait.structure.contact:
        stiffness = float(data.parameters["stiffness"]) * weights.contact_stiffness
        data = data.with_parameters(stiffness=stiffness, damping=weights.contact_damping)
        data = data.with_bounds("contact", -5.0, 5.0)
        data = data.tracking("contact", np.zeros(gait.variables.shapes["contact"]), weights.contact_sd**-2.0)
        if slack:
            data = loosen_contact(data, gait, slack)
    if gait.structure.muscles:
        n = 2 * len(GAIT_MUSCLES.muscles)
        data = data.tracking("activations", np.zeros((mesh.n_nodes, n)), weights.effort, mesh.quadrature)
        data = data.tracking("excitations", np.zeros((mesh.n_nodes, n)), 0.1 * weights.effort, mesh.quadrature)
        spread = 0.02  # reserves (body weight × LEVER) are for passive tissue that no table holds: dear, small
        data = data.with_bounds("reserves", -50.0, 50.0)
        data = data.tracking("reserves", np.zeros((mesh.n_nodes, 6)), spread**-2.0, mesh.quadrature)
    return smooth(data, gait, weights.smoothness)


def _marker_data(
    data: GaitData, skeleton: Skeleton, markers: np.ndarray, quadrature: np.ndarray, weights: TrackingWeights
) -> GaitData:
    moments = np.zeros((len(markers), len(nodes.SEGMENTS), N_MARKER_MOMENTS))
    loose = np.full((len(markers), nodes.N_Q), np.nan)
    for i, segment in enumerate(nodes.SEGMENTS):
        own = [k for k, m in enumerate(skeleton.markers) if m.segment == segment]
        if own:
            offsets = np.array([skeleton.markers[k].offset[:2] for k in own])
            precision = np.full(len(own), weights.marker_sd**-2.0)
            moments[:, i] = marker_moments(offsets, markers[:, own], precision)
        elif segment == "torso":
            loose[:, nodes.COORDINATES.index("lumbar_extension")] = 0.0
    moments *= quadrature[:, None, None]
    data = data.with_parameters(markers=moments.reshape(len(markers), -1))
    return data.tracking("coordinates", loose, weights.loose_sd**-2.0, quadrature)


def _force_data(
    data: GaitData,
    reactions: Sequence[GroundReaction],
    mesh: Mesh,
    skeleton: Skeleton,
    weights: TrackingWeights,
    guess: np.ndarray | None,
) -> GaitData:
    """Force targets; `guess` (n_nodes, 6) stands in, loosely, where nothing is known and no contact law decides."""
    weight = -skeleton.mass * skeleton.gravity[1]
    separate = np.full((mesh.n_nodes, 6), np.nan)
    total = np.zeros((mesh.n_nodes, 4))
    pressure = np.zeros((mesh.n_nodes, 2, 2))
    for reaction in reactions:
        force = smoothed_at(mesh, reaction.force[:, :2] / weight)
        if reaction.foot == "both":
            known = np.isfinite(force)
            total = np.hstack([np.nan_to_num(force), known * weights.force_sd**-2.0 * mesh.quadrature[:, None]])
            continue
        side = {"right": 0, "left": 1}[reaction.foot]
        separate[:, 3 * side : 3 * side + 2] = force
        place = sample_at(mesh.phase, reaction.centre_of_pressure[:, :1])[:, 0]
        known = np.isfinite(place) & (np.nan_to_num(force[:, 1]) > 0.1)
        pressure[:, side, 0] = np.nan_to_num(place)
        pressure[:, side, 1] = known * weights.pressure_sd**-2.0 * mesh.quadrature
    precision = np.full(separate.shape, weights.force_sd**-2.0)
    if guess is not None:
        unknown = np.isnan(separate)
        separate = np.where(unknown, guess, separate)
        precision[unknown] = weights.guess_sd**-2.0
    data = data.tracking("forces", separate, precision, mesh.quadrature)
    return data.with_parameters(total_force=total, pressure=pressure)
