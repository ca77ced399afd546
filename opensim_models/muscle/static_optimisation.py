"""Static optimisation: muscle activations that give the joint moments with the least sum of squares.

In every frame: least sum of squared activations (Crowninshield, Brand, J Biomech 14:793, 1981, with the exponent that
OpenSim's StaticOptimization uses), bounded, with the moments about all coordinates that muscles cross balanced by
muscles and weak reserve actuators, whose forces are reported. The problem is strictly convex, so it has one solution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.stretch import stretches
from opensim_models.inverse.dynamics import coordinate_derivatives
from opensim_models.inverse.segment_motion import coordinate_columns
from opensim_models.kernel.compilation import announce_compilation
from opensim_models.kernel.least_activation import least_activations
from opensim_models.model.muscle_path import beyond_range, lengths_and_arms
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.muscle.curve import active_force, passive_force, velocity_factor

RESERVE = 1.0
"""N·m (or N) that costs as much as a full activation, as in OpenSim's usual settings."""
SHORTEST_FIBRE = 0.1
"""Optimal lengths: a shorter fibre, measured along the tendon, is taken as this long, and reported."""
SECONDS_TO_COMPILE = 4
WORTH_SAYING = 0.001


@dataclass(frozen=True)
class MuscleForces:
    """Result of a static optimisation.

    Attributes
    ----------
    muscles : tuple of str
    activations, forces : (n_frames, n_muscles) arrays
        0 to 1, and force of the tendon (N), active and passive; NaN where coordinates or moments are unknown.
    coordinates : tuple of str
        Those whose moments are balanced.
    reserves : (n_frames, n_coordinates) array
        Moments (N·m; N for a translation) that no muscle could give.
    lengths : (n_frames, n_muscles) array
        Muscle-tendon lengths (m).
    rate : float
        Hz.
    notes : tuple of str
        What is to be known of the result: angles beyond the fits, slack or impossible fibres.
    """

    muscles: tuple[str, ...]
    activations: np.ndarray
    forces: np.ndarray
    coordinates: tuple[str, ...]
    reserves: np.ndarray
    lengths: np.ndarray
    rate: float
    notes: tuple[str, ...] = ()


def solve_muscle_forces(
    skeleton: Skeleton,
    kinematics: Kinematics,
    kinetics: Kinetics,
    *,
    coordinates: Sequence[str] | None = None,
    fibres: bool = False,
    reserve: float = RESERVE,
    least_activation: float = 0.0,
) -> MuscleForces:
    """Share joint moments among muscles.

    Parameters
    ----------
    skeleton : Skeleton
        With fitted paths: `muscle.path_fit.with_muscle_paths`.
    kinematics : Kinematics
    kinetics : Kinetics
        Generalized forces of the same frames, from inverse dynamics.
    coordinates : sequence of str, optional
        Whose moments are balanced; default all that a muscle crosses and the kinetics have (a note names the others).
    fibres : bool, default False
        True: the greatest force depends on fibre length and velocity, and passive forces count, with rigid tendons and
        the curves of `muscle.curve`; False: it is the maximum isometric force.
    reserve : float
        N·m that cost as much as a full activation.
    least_activation : float
        Lower bound.

    Returns
    -------
    MuscleForces

    Raises
    ------
    ModelMismatch
        No fitted muscles, coordinates that kinematics or kinetics lack, different frames, or bounds that cannot be.
    """
    muscles = tuple(m for m in skeleton.muscles if m.enabled)
    lacking = [m.name for m in muscles if m.path is None]
    if not muscles or lacking:
        raise ModelMismatch(
            f"{skeleton.name}: {len(lacking)} of {len(muscles)} muscles have no path. Fit them with "
            "`muscle.path_fit.fit_muscle_paths` and put them in with `with_muscle_paths`."
        )
    if not 0.0 <= least_activation < 1.0 or not reserve > 0.0:
        raise ModelMismatch(f"bounds of activation {least_activation} to 1 and a reserve of {reserve} cannot be.")
    values = coordinate_columns(skeleton, kinematics)
    if len(values) != len(kinetics.generalized_forces) or kinematics.rate != kinetics.rate:
        raise ModelMismatch(
            f"static optimisation needs moments and motion of the same frames; got {len(values)} at "
            f"{kinematics.rate:g} Hz and {len(kinetics.generalized_forces)} at {kinetics.rate:g} Hz."
        )
    balanced = _balanced(skeleton, muscles, kinetics, coordinates)
    paths = [m.path for m in muscles]
    lengths, arms = lengths_and_arms(paths, skeleton.coordinate_names, values)
    active, passive, notes = _strengths(muscles, lengths, arms, values, kinematics.rate, kinetics.cutoff, fibres)
    arms = arms[:, :, [skeleton.coordinate_index(name) for name in balanced]]
    demand = np.stack([kinetics.of(name) for name in balanced], axis=1) - np.einsum("nm,nmk->nk", passive, arms)
    known = np.isfinite(demand).all(axis=1) & np.isfinite(arms).all(axis=(1, 2)) & np.isfinite(active).all(axis=1)
    activations = np.full(lengths.shape, np.nan)
    reserves = np.full(demand.shape, np.nan)
    announce_compilation(least_activations, "static optimisation", SECONDS_TO_COMPILE)
    gains = np.ascontiguousarray(arms[known] * active[known][:, :, None])
    activations[known], reserves[known] = least_activations(
        gains, np.ascontiguousarray(demand[known]), float(reserve), float(least_activation)
    )
    outside = beyond_range(paths, skeleton.coordinate_names, values[known]) if known.any() else {}
    notes += tuple(
        f"the kinetics have no moment about {name}: not balanced"
        for name in skeleton.coordinate_names
        if coordinates is None and name not in kinetics.coordinates and any(name in p.coordinates for p in paths)
    )
    notes += tuple(
        f"{name} leaves the range of the muscle fits in {100 * share:.1f} % of the frames"
        for name, share in outside.items()
        if share > WORTH_SAYING
    )
    forces = activations * active + passive
    names = tuple(m.name for m in muscles)
    return MuscleForces(names, activations, forces, balanced, reserves, lengths, kinematics.rate, notes)


def _balanced(
    skeleton: Skeleton, muscles: Sequence[MuscleTendon], kinetics: Kinetics, asked: Sequence[str] | None
) -> tuple[str, ...]:
    """Coordinates whose moments are balanced, in the order of the skeleton."""
    crossed = {name for m in muscles for name in m.path.coordinates}
    chosen = crossed & set(kinetics.coordinates) if asked is None else set(asked)
    wrong = sorted(chosen - crossed) or sorted(chosen - set(kinetics.coordinates))
    if wrong:
        raise ModelMismatch(
            f"static optimisation about {', '.join(wrong)}: no muscle crosses it, or the kinetics lack it. "
            f"Muscles cross {', '.join(sorted(crossed))}."
        )
    return tuple(name for name in skeleton.coordinate_names if name in chosen)


def _strengths(
    muscles: Sequence[MuscleTendon],
    lengths: np.ndarray,
    arms: np.ndarray,
    values: np.ndarray,
    rate: float,
    cutoff: float | None,
    fibres: bool,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Force (n, m) of full activation and without any, along the tendon (N), and what is to be said of it."""
    strength = np.array([m.max_isometric_force for m in muscles])
    if not fibres:
        return np.broadcast_to(strength, lengths.shape), np.zeros(lengths.shape), ()
    finite = np.isfinite(values).all(axis=1)
    if len(stretches(finite)[0]) > 1:
        raise ModelMismatch("the speeds of fibres need coordinates without gaps; cut the trial, or leave `fibres` out.")
    speeds = np.full(values.shape, np.nan)
    speeds[finite] = coordinate_derivatives(values[finite], rate, cutoff)[1]
    optimal, slack, velocity, pennation = (
        np.array([getattr(m, name) for m in muscles])
        for name in ("optimal_fibre_length", "tendon_slack_length", "max_contraction_velocity", "pennation")
    )
    along = (lengths - slack) / optimal
    short = np.nanmean(along < SHORTEST_FIBRE, axis=0)
    notes = tuple(
        f"{m.name}: its rigid tendon leaves no room for the fibre in {100 * share:.0f} % of the frames"
        for m, share in zip(muscles, short, strict=True)
        if share > 0
    )
    along = np.maximum(along, SHORTEST_FIBRE)
    fibre = np.hypot(along, np.sin(pennation))  # the height of the pennate fibre is constant
    cosine = along / fibre
    lengthening = -np.einsum("nmk,nk->nm", arms, speeds) * cosine / (optimal * velocity)
    factor = np.maximum(velocity_factor(np.clip(lengthening, -1.0, 1.0)), 0.0)
    passive = [passive_force(fibre[:, i], m.passive_strain) for i, m in enumerate(muscles)]
    return (
        strength * active_force(fibre) * factor * cosine,
        strength * np.maximum(np.stack(passive, axis=1), 0.0) * cosine,
        notes,
    )


def least_activations_readable(
    gains: np.ndarray, demand: np.ndarray, reserve: float, lower: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The problem of one frame after the other, as `kernel.least_activation` solves it, in arrays.

    Least of Σ a² + Σ (r / reserve)² with gains.T @ a + r = demand and lower <= a <= 1. With multipliers x, a is
    ``gains @ x`` kept within its bounds and r is ``reserve² x``; what remains is one smooth convex function of x, whose
    Newton steps end after finitely many (Sun, Han, SIAM J Optim 7:463, 1997), each halved until it descends enough.

    Parameters
    ----------
    gains : (n, n_muscles, n_coordinates) array
        Moment of a full activation (N·m).
    demand : (n, n_coordinates) array
        N·m.
    reserve, lower : float

    Returns
    -------
    (n, n_muscles) array, (n, n_coordinates) array
        Activations and reserves (N·m).
    """
    scale = reserve**2

    def height(x: np.ndarray, gain: np.ndarray, moment: np.ndarray) -> float:
        pull = gain @ x
        a = np.clip(pull, lower, 1.0)
        return float(np.sum(a * pull - 0.5 * a * a) + 0.5 * scale * x @ x - moment @ x)

    activations, reserves = np.empty(gains.shape[:2]), np.empty(demand.shape)
    for frame, (gain, moment) in enumerate(zip(gains, demand, strict=True)):
        x = np.zeros(len(moment))
        for _ in range(200):
            pull = gain @ x
            slope = gain.T @ np.clip(pull, lower, 1.0) + scale * x - moment
            if np.abs(slope).max() <= 1e-9 * (1.0 + np.abs(moment).max()):
                break
            free = gain[(pull > lower) & (pull < 1.0)]
            step = np.linalg.solve(free.T @ free + scale * np.eye(len(x)), -slope)
            size, here = 1.0, height(x, gain, moment)
            while height(x + size * step, gain, moment) > here + 1e-4 * size * slope @ step and size > 1e-12:
                size *= 0.5
            x = x + size * step
        activations[frame], reserves[frame] = np.clip(gain @ x, lower, 1.0), scale * x
    return activations, reserves
