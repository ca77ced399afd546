"""Muscle neighbour: one solved person, from whose muscle-driven solution those of other people and trials start.

Torques first, as in `muscle_start`, but from the neighbour's movement, moved by what the recordings differ; then the
neighbour's activations, changed by what static optimisation says of the difference. A walk of 80 muscles needs seven
and eight iterations in the place of twenty and twelve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.climb import Climb, physical, start_values
from synth.optimal_control.movement.problem import MovementProgram, Prepare, movement_program
from synth.optimal_control.recording.muscle_start import (
    MUSCLES,
    TORQUES,
    climb_to_muscles,
    muscle_start,
    tracking_programs,
)
from synth.optimal_control.recording.node_reference import NodeReference, Recording, node_reference
from synth.optimal_control.recording.recorded_tracking import TrackingSettings, tracking_structure

_NO_REFINEMENT = (("ipopt.min_refinement_steps", 0),)
"""A step near a solution needs no second solve of the same equations: the iterates stay the same."""
NEAR_TORQUES = replace(TORQUES, constraint_tolerance=1e-3, options=_NO_REFINEMENT)
NEAR_MUSCLES = replace(MUSCLES, mu_init=1e-4, bound_push=1e-4, options=_NO_REFINEMENT)
INSIDE = (0.011, 0.99)
"""Activations and excitations of a start stay inside their bounds."""


@dataclass(frozen=True, eq=False)
class MuscleNeighbour:
    """A solved person.

    Attributes
    ----------
    skeleton : Skeleton
        With its contact spheres where the solution put them; what others are scaled from.
    settings : TrackingSettings
        As it was solved, spheres held.
    reference : NodeReference
        What it followed.
    torques, muscles : MovementProgram
    torque_values : ndarray
        Solution of the torques' rung.
    muscle_values, shared_values : ndarray
        Solution with muscles, and the start of it by static optimisation.
    """

    skeleton: Skeleton
    settings: TrackingSettings
    reference: NodeReference
    torques: MovementProgram
    muscles: MovementProgram
    torque_values: np.ndarray
    muscle_values: np.ndarray
    shared_values: np.ndarray

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What cannot be made again without solving; see `restored_neighbour`."""
        return {name: getattr(self, name) for name in ("torque_values", "muscle_values", "shared_values")}


def restored_neighbour(
    arrays: Mapping[str, np.ndarray],
    placed: Skeleton,
    skeleton: Skeleton,
    recording: Recording,
    settings: TrackingSettings,
    prepare: Prepare | None = None,
) -> MuscleNeighbour:
    """A neighbour from its arrays, in another process.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        `MuscleNeighbour.arrays`.
    placed : Skeleton
        `MuscleNeighbour.skeleton`.
    skeleton, recording, settings, prepare
        With which it was solved.
    """
    programs = tracking_programs(skeleton, settings, prepare)
    return MuscleNeighbour(
        skeleton=placed,
        settings=replace(settings, deviations=replace(settings.deviations, contact=0.0)),
        reference=node_reference(programs[False].structure, skeleton, recording),
        torques=programs[False],
        muscles=programs[True],
        **arrays,
    )


def muscle_neighbour(
    reached: Climb,
    skeleton: Skeleton,
    recording: Recording,
    settings: TrackingSettings,
    prepare: Prepare | None = None,
) -> MuscleNeighbour:
    """A person solved by `muscle_start.climb_to_muscles`, ready to be the neighbour of others.

    Parameters
    ----------
    reached : Climb
    skeleton, recording, settings, prepare
        With which it was solved.

    Raises
    ------
    ModelMismatch
        It did not converge.
    """
    if not reached.converged:
        raise ModelMismatch(f"a neighbour must be solved, but: {reached.reason}")
    structure = tracking_structure(skeleton, settings.meshes[-1], settings, muscles=False)
    torques = movement_program(structure, prepare)
    values = dict(reached.rungs)["torques"].values
    shared = muscle_start(torques, values, skeleton, reached.movement, settings.strength)
    return MuscleNeighbour(
        skeleton=with_placed_spheres(skeleton, torques, values) if structure.contact else skeleton,
        settings=replace(settings, deviations=replace(settings.deviations, contact=0.0)),
        reference=node_reference(structure, skeleton, recording),
        torques=torques,
        muscles=reached.movement,
        torque_values=_without_shifts(torques, values),
        muscle_values=reached.iterate.values,
        shared_values=shared,
    )


def climb_from_neighbour(
    neighbour: MuscleNeighbour,
    skeleton: Skeleton,
    recording: Recording,
    *,
    strength: float = 1.0,
    acceleration: float | None = None,
) -> Climb:
    """Track another recording, or with another body.

    Parameters
    ----------
    neighbour : MuscleNeighbour
    skeleton : Skeleton
        Of the neighbour's pattern, e.g. its `skeleton` scaled.
    recording : RecordedMotion or RecordedCycle
    strength : float
        Factor on all muscles.
    acceleration : float, optional
        As of `muscle_start.climb_to_muscles`.
    """
    reference = node_reference(neighbour.torques.structure, skeleton, recording)

    def share(
        torques: MovementProgram, values: np.ndarray, person: Skeleton, muscles: MovementProgram, strong: float
    ) -> np.ndarray:
        own = physical(muscles, muscle_start(torques, values, person, muscles, strong))
        old, solved = (physical(muscles, v) for v in (neighbour.shared_values, neighbour.muscle_values))
        for name in ("activations", "excitations"):
            own[name] = np.clip(solved[name] + own[name] - old[name], *INSIDE)
        return start_values(muscles, own)

    return climb_to_muscles(
        skeleton,
        recording,
        replace(neighbour.settings, strength=strength),
        acceleration=acceleration,
        start=moved_start(neighbour.torques, neighbour.torque_values, neighbour.reference, reference),
        share=share,
        programs={False: neighbour.torques, True: neighbour.muscles},
        torque_settings=NEAR_TORQUES,
        muscle_settings=NEAR_MUSCLES,
    )


def _without_shifts(movement: MovementProgram, values: np.ndarray) -> np.ndarray:
    """Solver variables of the same movement, once the spheres themselves have been moved."""
    arrays = physical(movement, values)
    if "contact" in arrays:
        arrays["contact"] = np.zeros_like(arrays["contact"])
    return start_values(movement, arrays)


def moved_start(movement: MovementProgram, values: np.ndarray, old: NodeReference, new: NodeReference) -> np.ndarray:
    """Start of a problem from the solution of another person or trial, moved by what the references differ.

    Parameters
    ----------
    movement : MovementProgram
        Of both problems.
    values : ndarray
        Solution of the other, in solver units.
    old, new : NodeReference
        What was followed there, what is followed now.
    """
    arrays = physical(movement, values)
    for name in ("coordinates", "speeds", "accelerations"):
        arrays[name] = arrays[name] + getattr(new, name) - getattr(old, name)
    arrays["speed"], arrays["duration"] = np.array([new.speed]), np.array([new.duration])
    return start_values(movement, arrays)


def with_placed_spheres(skeleton: Skeleton, movement: MovementProgram, values: np.ndarray) -> Skeleton:
    """The skeleton with its contact spheres where a solution put them.

    Raises
    ------
    ModelMismatch
        The problem has no contact law in space.
    """
    arrays, structure = physical(movement, values), movement.structure
    if "contact" not in arrays or structure.planar:
        raise ModelMismatch(f"{skeleton.name}: expected a problem in space with contact spheres to place.")
    shifts = arrays["contact"].reshape(-1, 3)
    order = [c for foot in structure.feet for c in skeleton.contacts if c.segment in foot.points]
    moved = {
        c.name: replace(c, offset=tuple(float(a + b) for a, b in zip(c.offset, shift, strict=True)))
        for c, shift in zip(order, shifts, strict=True)
    }
    return replace(skeleton, contacts=tuple(moved[c.name] for c in skeleton.contacts))
