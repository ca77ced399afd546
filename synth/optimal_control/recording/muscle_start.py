"""Muscle start: a movement of ideal torques becomes the start of one of muscles, by static optimisation at its nodes.

A problem of eighty muscles that starts from resting activations first has to find out who pulls, with steps that end at
the bounds of activations. The torque-driven movement already satisfies the equations of motion; sharing its moments
among the muscles (least sum of squares, frame by frame, with the same force law) and smoothing over time gives a start
within the bounds, from which a dozen iterations are enough where 60 to 70 were needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from opensim_models.kernel.least_activation import least_activations
from opensim_models.model.muscle_path import lengths_and_arms
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.law.hill_muscle import rigid_tendon_force
from synth.optimal_control.movement.climb import Climb, carry_over, one_rung, physical, solve_movement, start_values
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.problem import MovementProgram, Prepare, movement_program
from synth.optimal_control.movement.structure import LEVER
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.recording.node_reference import NodeReference, Recording, node_reference
from synth.optimal_control.recording.recorded_tracking import (
    TrackingSettings,
    start_arrays,
    tracking_data,
    tracking_structure,
)

LEAST_ACTIVATION = 0.03
"""Of the static optimisation: above the bound of 0.01, so that the start lies inside."""
EXCITATIONS = (0.02, 0.98)
RESERVE = 5.0
"""N·m that cost as much as a full activation."""
ACTIVATION_TIME = 0.035
"""s; see `data.activation_times`."""

TORQUES = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-3, tolerance=1e-2, max_iterations=100)
"""Loose, since only the start of the next rung comes from it."""
MUSCLES = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-3, tolerance=1e-2, constraint_tolerance=1e-5)
"""The objective sums over hundreds of quantities: 0.01 of its gradient is below 1e-4 of each."""

Share = Callable[[MovementProgram, np.ndarray, Skeleton, MovementProgram, float], np.ndarray]


def shared_activations(
    skeleton: Skeleton, coordinates: np.ndarray, speeds: np.ndarray, moments: np.ndarray, strength: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Activations that give net moments with the least sum of squares, tendons rigid.

    Parameters
    ----------
    skeleton : Skeleton
        With fitted paths.
    coordinates, speeds : ndarray, shape (n, n_q)
        rad or m, and per s.
    moments : ndarray, shape (n, n_q)
        Net generalized forces (N·m, N); those that no muscle reaches are left out.
    strength : float
        Factor on all muscles.

    Returns
    -------
    ndarray, shape (n, n_muscles)
        Activations between `LEAST_ACTIVATION` and 1.
    ndarray, shape (n, n_q)
        Moments (N·m) that no muscle could give.

    Raises
    ------
    ModelMismatch
        A muscle has no path.
    """
    lacking = [m.name for m in skeleton.muscles if m.path is None]
    if lacking or not skeleton.muscles:
        raise ModelMismatch(f"{skeleton.name}: expected muscles with fitted paths, {len(lacking)} have none. Fit them.")
    crossed = sorted({skeleton.coordinate_index(c) for m in skeleton.muscles for c in m.path.coordinates})
    lengths, arms = lengths_and_arms([m.path for m in skeleton.muscles], skeleton.coordinate_names, coordinates)
    rates = -np.einsum("nmk,nk->nm", arms, speeds)
    passive, full = np.empty_like(lengths), np.empty_like(lengths)
    for i, muscle in enumerate(skeleton.muscles):
        largest = muscle.max_isometric_force * strength
        passive[:, i], full[:, i] = (
            largest * rigid_tendon_force(_with_passive(muscle), lengths[:, i], rates[:, i], a) for a in (0.0, 1.0)
        )
    arms = arms[:, :, crossed]
    demand = moments[:, crossed] - np.einsum("nm,nmk->nk", passive, arms)
    gains = np.ascontiguousarray(arms * (full - passive)[:, :, None])
    activations, lacking_moments = least_activations(gains, np.ascontiguousarray(demand), RESERVE, LEAST_ACTIVATION)
    reserves = np.zeros_like(moments)
    reserves[:, crossed] = lacking_moments
    return activations, reserves


def _with_passive(muscle: object) -> object:
    """The muscle with the passive strain that `data.muscle_numbers` gives one without its own."""
    return muscle if muscle.passive_strain else replace(muscle, passive_strain=0.6)


def smooth_excitations(
    activations: np.ndarray, step: float, *, closed: bool, after: Sequence[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Activations smoothed over three nodes, and the excitations that drive them by first-order dynamics.

    Parameters
    ----------
    activations : ndarray, shape (n, n_muscles)
        At even times.
    step : float
        s between nodes.
    closed : bool
        The last node is followed by the first.
    after : sequence of int, optional
        Whose activation each muscle has then: of half a cycle the muscle of the other side.
    """
    order = np.arange(activations.shape[1]) if after is None else np.asarray(after)

    def padded(array: np.ndarray) -> np.ndarray:
        ends = (array[-1][order], array[0][order]) if closed else (array[0], array[-1])
        return np.vstack([ends[0], array, ends[1]])

    around = padded(activations)
    smooth = 0.25 * around[:-2] + 0.5 * around[1:-1] + 0.25 * around[2:]
    around = padded(smooth)
    rate = (around[2:] - around[:-2]) / (2.0 * step)
    return smooth, np.clip(smooth + ACTIVATION_TIME * rate, *EXCITATIONS)


def muscle_start(
    torques: MovementProgram, values: np.ndarray, skeleton: Skeleton, muscles: MovementProgram, strength: float = 1.0
) -> np.ndarray:
    """Solver variables of a start with muscles, from the solution of the same mesh with torques.

    Parameters
    ----------
    torques : MovementProgram
    values : ndarray
        Its solution in solver units.
    skeleton : Skeleton
        Of the person, with muscles.
    muscles : MovementProgram
        With rigid or compliant tendons.
    strength : float
    """
    carried = carry_over(torques, values, muscles)
    arrays, mesh = physical(muscles, carried), muscles.structure.mesh
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    moments = np.zeros_like(arrays["coordinates"])
    old = physical(torques, values)["torques"]
    moments[:, list(torques.structure.actuated)] = (
        old if len(old) == len(moments) else _on_mesh(old, torques, mesh)
    ) * (weight * LEVER)
    activations, _ = shared_activations(skeleton, arrays["coordinates"], arrays["speeds"], moments, strength)
    step = float(arrays["duration"][0]) / (mesh.n_intervals * mesh.nodes_per_interval)
    columns = np.arange(activations.shape[1])[None, :]
    other = mirrored_array(muscles.structure, "activations", columns)[0] if mesh.period == "half_cycle" else None
    activations, excitations = smooth_excitations(activations, step, closed=mesh.period != "none", after=other)
    given = {**arrays, "activations": activations, "excitations": excitations}
    if "tendon_forces" in arrays:
        given["tendon_forces"] = activations
    return start_values(muscles, given)


def _on_mesh(array: np.ndarray, movement: MovementProgram, mesh: object) -> np.ndarray:
    """A node array of one mesh at the nodes of another, linearly."""
    phase = movement.structure.mesh.phase
    if movement.structure.mesh.period == "cycle":
        phase, array = np.r_[phase, 1.0], np.vstack([array, array[:1]])
    return np.stack([np.interp(mesh.phase, phase, column) for column in array.T], axis=1)


def climb_to_muscles(
    skeleton: Skeleton,
    recording: Recording,
    settings: TrackingSettings,
    *,
    acceleration: float | None = None,
    moments: np.ndarray | None = None,
    start: np.ndarray | None = None,
    share: Share | None = None,
    prepare: Prepare | None = None,
    programs: Mapping[bool, MovementProgram] | None = None,
    torque_settings: SolverSettings = TORQUES,
    muscle_settings: SolverSettings = MUSCLES,
) -> Climb:
    """Track a recording with muscles: with torques first, then from static optimisation, spheres held where they are.

    Parameters
    ----------
    skeleton : Skeleton
    recording : RecordedMotion or RecordedCycle
    settings : TrackingSettings
        One mesh, `muscles` True. Where `deviations.contact` is above 0, the torque-driven rung places the spheres, and
        they are parameters afterwards.
    acceleration : float, optional
        rad/s² or m/s²: deviation from the recorded accelerations that counts as one; without it the feet shake.
    moments, prepare
        As of `recorded_tracking.track_recording`.
    start : ndarray, optional
        Solver variables from which the torques' rung begins; default: the recording.
    share : callable, optional
        In the place of `muscle_start`, with its arguments.
    programs : mapping of bool to MovementProgram, optional
        Without and with muscles, as an earlier call of the same structure made them; made anew if absent.
    torque_settings, muscle_settings : SolverSettings

    Returns
    -------
    Climb
        Of the muscles' rung; of the torques' if that one failed.
    """
    programs = programs or tracking_programs(skeleton, settings, prepare)
    reference = node_reference(programs[False].structure, skeleton, recording, moments)
    data = {m: following_data(p, skeleton, reference, settings, acceleration) for m, p in programs.items()}
    recorded = start_values(programs[False], start_arrays(programs[False].structure, skeleton, reference))
    begin = recorded if start is None else start
    iterate = solve_movement(programs[False], data[False], begin, torque_settings)
    first = one_rung("torques", programs[False], data[False], iterate)
    if not first.converged:
        return first
    placed = physical(programs[False], first.iterate.values)
    numbers = data[True]
    if "contact" in placed:
        numbers = numbers.with_bounds("contact", placed["contact"], placed["contact"])
    shared = (share or muscle_start)(programs[False], first.iterate.values, skeleton, programs[True], settings.strength)
    iterate = solve_movement(programs[True], numbers, shared, muscle_settings)
    last = one_rung("muscles", programs[True], numbers, iterate)
    return replace(last, rungs=(*first.rungs, *last.rungs))


def tracking_programs(
    skeleton: Skeleton, settings: TrackingSettings, prepare: Prepare | None = None
) -> dict[bool, MovementProgram]:
    """The programs without and with muscles of the last mesh; the same for every person of this structure."""
    mesh = settings.meshes[-1]
    return {
        muscles: movement_program(tracking_structure(skeleton, mesh, settings, muscles=muscles), prepare)
        for muscles in (False, True)
    }


def following_data(
    movement: MovementProgram,
    skeleton: Skeleton,
    reference: NodeReference,
    settings: TrackingSettings,
    acceleration: float | None = None,
) -> MovementData:
    """Data of a tracking problem in which accelerations may be followed, too; arguments as of `climb_to_muscles`."""
    structure = movement.structure
    data = tracking_data(structure, skeleton, reference, settings)
    if acceleration is None:
        return data
    return data.following("accelerations", reference.accelerations, acceleration**-2, structure.mesh.quadrature)
