"""Marker problem: the numbers of a planar movement that follows the markers and the ground reaction of one cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.cycle_samples import sample_at, smoothed_at
from synth.optimal_control.movement.data import WIDE, MovementData, person_data
from synth.optimal_control.movement.structure import LEVER, MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.marker_sums import marker_sums

FEET = ("right", "left")
_LEAST_LOAD = 0.1
"""Vertical force (body weights) from which the centre of pressure is followed."""
_FREE_TORQUE = 0.01
"""Price of the square of a torque (body weight × LEVER) that nothing else prices."""
_REACH = 0.05
"""m, of the correction of a sphere's place."""


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
    reserve_sd : float
        Of what passive tissue that no table holds adds to the muscles of a joint (body weight × LEVER).
    smoothness : float
        Weight of the squared slope of the accelerations over the cycle's phase.
    loose_sd : float
        Of trunk angles that no marker decides, around upright (rad).
    slack_sd : float
        Of what the feet may get beyond the contact law, on the way (body weights).
    strength, contact_stiffness, contact_damping : float
        Factors on the muscles' strength, on the spheres' stiffness and dissipation.
    contact_sd : float
        Of the correction of a sphere's position (m).
    """

    marker_sd: float = 0.01
    force_sd: float = 0.03
    pressure_sd: float = 0.01
    effort: float = 1.0
    reserve_sd: float = 0.02
    smoothness: float = 2e-3
    loose_sd: float = 0.1
    slack_sd: float = 0.03
    strength: float = 1.0
    contact_stiffness: float = 1.0
    contact_damping: float = 1.0
    contact_sd: float = 0.03


@dataclass(frozen=True)
class MarkerProblem:
    """One cycle of a person, as a planar model can follow it.

    Attributes
    ----------
    skeleton : Skeleton
        Planar, with muscles, contact spheres and markers.
    height : float
        Of the body (m).
    markers : ndarray, shape (n_samples, n_markers, 2)
        Sagittal places evenly over the cycle (m); NaN = missing.
    ground_reactions : tuple of GroundReaction
        With as many samples; foot ``right`` or ``left``; NaN = unknown.
    duration, speed : float
        s; m/s, a first guess.
    weights : TrackingWeights
    """

    skeleton: Skeleton
    height: float
    markers: np.ndarray
    ground_reactions: tuple[GroundReaction, ...]
    duration: float
    speed: float
    weights: TrackingWeights

    @property
    def body_weight(self) -> float:
        """N."""
        return self.skeleton.mass * float(np.linalg.norm(self.skeleton.gravity))


def tracking_structure(skeleton: Skeleton, mesh: Mesh, *, muscles: bool, yielding: bool = False) -> MovementStructure:
    """Structure of the problem: the same for every person and marker set."""
    joints = [c.name for c in skeleton.coordinates if not c.name.startswith("pelvis")]
    return movement_structure(
        replace(skeleton, markers=()),
        mesh,
        torques=joints,
        muscles=muscles,
        contact="spheres",
        markers=skeleton.segment_names,
        smooth=("accelerations",),
        passive=True,
        wrenches=yielding,
    )


def tracking_data(structure: MovementStructure, problem: MarkerProblem) -> MovementData:
    """Numbers of one rung."""
    mesh, weights = structure.mesh, problem.weights
    n, quadrature = mesh.n_nodes, mesh.quadrature
    data = person_data(structure, _in_their_shoes(problem), strength=weights.strength)
    data = data.with_bounds("duration", problem.duration, problem.duration).with_bounds("speed", -1.0, 8.0)
    data = _following_markers(data, structure, problem)
    data = _following_ground(data, structure, problem)
    data = data.with_bounds("contact", -_REACH, _REACH)
    data = data.following("contact", np.zeros(structure.n_points * 2), weights.contact_sd**-2)
    driven = {j for muscle in structure.muscles for j in muscle.coordinates}
    price = np.array([weights.reserve_sd**-2 if j in driven else _FREE_TORQUE for j in structure.actuated])
    data = data.following("torques", np.zeros((n, len(structure.actuated))), price, quadrature)
    if structure.muscles:
        zero = np.zeros((n, len(structure.muscles)))
        data = data.following("activations", zero, weights.effort, quadrature)
        data = data.following("excitations", zero, 0.1 * weights.effort, quadrature)
    if structure.wrenches:
        sd = weights.slack_sd * np.tile([1.0, 1.0, 1.0 / LEVER], len(structure.feet))
        data = data.with_bounds("wrenches", -WIDE, WIDE).following(
            "wrenches", np.zeros((n, len(sd))), sd**-2, quadrature
        )
    roughness = np.full((1, structure.n_coordinates), weights.smoothness * n)
    for i, coordinate in enumerate(structure.pattern.coordinates):
        if coordinate.kind == "translation":
            roughness[0, i] *= 25.0  # m against rad: accelerations are smaller numbers
    return data.with_parameters({"roughness accelerations": roughness})


def _in_their_shoes(problem: MarkerProblem) -> Skeleton:
    """The skeleton with spheres as stiff and as damped as the weights say."""
    weights = problem.weights
    spheres = tuple(
        replace(
            c, stiffness=c.stiffness * weights.contact_stiffness, dissipation=c.dissipation * weights.contact_damping
        )
        for c in problem.skeleton.contacts
    )
    return replace(problem.skeleton, contacts=spheres)


def _following_markers(data: MovementData, structure: MovementStructure, problem: MarkerProblem) -> MovementData:
    """Sums of the markers of every segment; an upright trunk where it has none."""
    skeleton, weights, mesh = problem.skeleton, problem.weights, structure.mesh
    placed = np.zeros((mesh.n_nodes, len(skeleton.markers), 3))
    placed[..., :2] = sample_at(mesh.phase, problem.markers)
    sums = np.zeros((mesh.n_nodes, len(structure.markers), 17))
    loose = np.full((mesh.n_nodes, structure.n_coordinates), np.nan)
    for i, segment in enumerate(structure.markers):
        own = [k for k, m in enumerate(skeleton.markers) if m.segment == segment]
        if own:
            offsets = np.array([(*skeleton.markers[k].offset[:2], 0.0) for k in own])
            sums[:, i] = marker_sums(offsets, placed[:, own], np.full(len(own), weights.marker_sd**-2))
        elif segment == "torso":
            loose[:, skeleton.coordinate_index("lumbar_extension")] = 0.0
    data = data.with_parameters({"markers": sums * mesh.quadrature[:, None, None]})
    return data.following("coordinates", loose, weights.loose_sd**-2, mesh.quadrature)


def _following_ground(data: MovementData, structure: MovementStructure, problem: MarkerProblem) -> MovementData:
    """Forces of each foot, and no moment about its measured centre of pressure."""
    mesh, weights = structure.mesh, problem.weights
    target = np.full((mesh.n_nodes, 2, 3), np.nan)
    about = np.zeros((mesh.n_nodes, 2, 3))
    for reaction in problem.ground_reactions:
        side = FEET.index(reaction.foot)
        force = smoothed_at(mesh, reaction.force[:, :2] / problem.body_weight)
        place = sample_at(mesh.phase, reaction.centre_of_pressure[:, :1])[:, 0]
        target[:, side, :2] = force
        pressed = np.isfinite(place) & (np.nan_to_num(force[:, 1]) > _LEAST_LOAD)
        target[pressed, side, 2] = 0.0
        about[:, side, 0] = np.nan_to_num(place)
    sd = np.array([weights.force_sd, weights.force_sd, weights.pressure_sd / LEVER])
    return data.following_ground(target, sd**-2, mesh.quadrature, about)
