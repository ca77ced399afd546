"""Marker tracking: the reference, a gait that follows markers and ground reaction of one cycle of a real trial.

It satisfies the equations of motion of the person's scaled skeleton with muscles on Hunt-Crossley spheres, whose
positions under the foot are calibrated with the motion. Walking and running, with the force of each foot, of both
together or none in parts of the cycle, and with segments that carry no markers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.gait.gait_solution import GaitSolution, SolutionNotFound, gait_solution
from synth.optimal_control.movement.climb import Climb, Rung, carry_over, climb, start_values
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.recording.marker_fit import misfits, refuse_fit
from synth.optimal_control.recording.marker_problem import (
    FEET,
    MarkerProblem,
    TrackingWeights,
    tracking_data,
    tracking_structure,
)
from synth.optimal_control.recording.marker_start import foot_heights, mean_speed, start_motion
from synth.optimal_control.recording.sagittal_plane import drop_misplaced, into_sagittal_plane

COARSE, FINE = 25, 80
_PRESSED, _FARTHEST = 0.008, 0.04
"""m, by which the spheres of a standing foot are in the floor at the start; by which they are moved for it at most."""
_PASSES, _COARSE_PASSES = 5, 3
"""How often a force of both feet is shared out anew, and how many of these times on the coarse mesh."""
_SHARING = 0.01
"""m, by which one foot is lower than the other when it carries e times as much."""
_FAR = SolverSettings(max_iterations=150)
_WAY = SolverSettings(
    warm=True, mu_init=1e-2, bound_push=1e-2, tolerance=1e-2, constraint_tolerance=1e-2, max_iterations=80
)
_NEAR = SolverSettings(warm=True, mu_init=1e-3, bound_push=1e-2, max_iterations=80)


def track_markers(
    skeleton: Skeleton,
    markers: np.ndarray,
    ground_reactions: Sequence[GroundReaction],
    duration: float,
    *,
    height: float,
    weights: TrackingWeights | None = None,
    n_nodes: int = FINE,
    prepare: Prepare | None = compile_if_possible,
) -> GaitSolution:
    """Find the gait that follows one cycle of markers and ground reaction.

    Parameters
    ----------
    skeleton : Skeleton
        The person's scaled planar skeleton with its markers, muscles and contact spheres.
    markers : ndarray, shape (n_samples, n_markers, 2 or 3)
        Ground-frame positions (m) of `skeleton.markers` in order, sampled evenly over the cycle, its end not repeated;
        NaN = missing. On a treadmill overground-equivalent (belt speed × time added).
    ground_reactions : sequence of GroundReaction
        With as many samples as markers and the same origin; foot ``right``, ``left`` or ``both``; NaN = unknown.
    duration : float
        Of the cycle (s).
    height : float
        Body height (m).
    weights : TrackingWeights, optional
    n_nodes : int
    prepare : callable, optional
        See `problem.movement_program`; None for no compiler.

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
    flat, moved = into_sagittal_plane(skeleton, measured)
    # somebody who has run for a minute is far from the origin: solve where numbers are small
    place = float(np.nanmean(flat[..., 0]))
    flat = flat - np.array([place, 0.0])
    reactions = [_moved(r, place, moved) for r in ground_reactions]
    weights = _fitted_to_impact(weights or TrackingWeights(), _impact_factor(skeleton, reactions))
    speed = mean_speed(skeleton, flat, duration)
    own = tuple(r for r in reactions if r.foot in FEET)
    problem = MarkerProblem(skeleton, height, flat, own, duration, speed, weights)
    together = [r for r in reactions if r.foot == "both"]
    solution = gait_solution(_climbed(problem, together, n_nodes, prepare), skeleton)
    checks = solution.checks | {"misplaced_markers": float(len(misplaced))}
    if np.isfinite(solution.movement.coordinates).all():
        checks |= misfits(solution.movement, problem, reactions)
    solution = GaitSolution(_at_place(solution.movement, place), checks)
    return solution.refused(refuse_fit(checks)) if solution.converged else solution


def _climbed(
    problem: MarkerProblem, together: Sequence[GroundReaction], n_nodes: int, prepare: Prepare | None
) -> Climb:
    """Climb the ladder.

    A force of both feet is shared out: markers tell when each foot stands.
    """
    motion = start_motion(problem.skeleton, problem.markers, problem.duration, problem.height, problem.speed)
    heights = foot_heights(problem.skeleton, motion["coordinates"])

    def start(movement: MovementProgram) -> np.ndarray:
        arrays = _at(motion, movement.structure.mesh.phase, problem)
        arrays |= {"duration": [problem.duration], "speed": [problem.speed]}
        # a foot that never reaches the floor would never find it: its spheres begin where they touch
        lower = np.clip(-_PRESSED - np.percentile(heights, 5, axis=0), -_FARTHEST, _FARTHEST)
        spheres = [
            np.tile([0.0, dy], len(foot.points)) for foot, dy in zip(movement.structure.feet, lower, strict=True)
        ]
        return start_values(movement, arrays | {"contact": np.concatenate(spheres)})

    if not together:
        return climb(_ladder(problem, n_nodes), start, prepare=prepare)
    # which foot stands lower tells the shares first; then each follows what the other leaves of the whole
    first = replace(problem, ground_reactions=_shared_out(together, np.exp(-(heights - heights.min()) / _SHARING)))
    ladder = _ladder(first, n_nodes)
    reached = climb(ladder[:-1], start, prepare=prepare)
    rungs = list(reached.rungs)
    for number in range(_PASSES):
        guessed = make_solution(reached, problem.skeleton)
        left = replace(problem, ground_reactions=_left_over(together, guessed))
        last = _ladder(left, n_nodes)[-2 + int(number >= _COARSE_PASSES)]
        begin = partial(carry_over, reached.movement, reached.iterate.values)
        reached = climb([last], begin, prepare=prepare)
        rungs.extend(reached.rungs)
    return replace(reached, rungs=tuple(rungs))


def _at(motion: dict[str, np.ndarray], phase: np.ndarray, problem: MarkerProblem) -> dict[str, np.ndarray]:
    """A motion at the nodes; the pelvis goes on over the cycle's end."""
    forward = problem.skeleton.coordinate_index("pelvis_tx")
    arrays = {name: at_phase(values, phase) for name, values in motion.items()}
    q = motion["coordinates"]
    way = problem.speed * problem.duration * np.arange(len(q)) / len(q)
    rest = at_phase((q[:, forward] - way)[:, None], phase)[:, 0]
    arrays["coordinates"][:, forward] = rest + problem.speed * problem.duration * phase
    return arrays


def _ladder(problem: MarkerProblem, n_nodes: int) -> tuple[Rung, ...]:
    """Contact that yields at a price, contact, muscles, and the fine mesh."""

    def rung(name: str, n: int, settings: SolverSettings, rough: bool, **options: bool) -> Rung:
        structure = tracking_structure(problem.skeleton, Mesh(n), **options)

        def data(movement: MovementProgram) -> object:
            return tracking_data(movement.structure, problem)

        return Rung(name, structure, data, settings, rough=rough, again=None if rough else _FAR)

    return (
        rung("yielding contact", COARSE, _WAY, True, muscles=False, yielding=True),
        rung("torques", COARSE, _WAY, True, muscles=False),
        rung("muscles", COARSE, _WAY, True, muscles=True),
        rung("fine mesh", n_nodes, _NEAR, False, muscles=True),
    )


def _shared_out(together: Sequence[GroundReaction], loads: np.ndarray) -> tuple[GroundReaction, ...]:
    """A vertical force for each foot from the force of both, in proportion to loads (n, 2) over the cycle.

    Nothing is said of the others: in double support one foot brakes while the other pushes.
    """
    shared = []
    for both in together:
        n = len(both.force)
        own = at_phase(loads, np.arange(n) / n)
        share = own / own.sum(axis=1, keepdims=True)
        unknown = np.full((n, 3), np.nan)
        for i, foot in enumerate(FEET):
            force = unknown.copy()
            force[:, 1] = both.force[:, 1] * share[:, i]
            shared.append(replace(both, force=force, centre_of_pressure=unknown, foot=foot))
    return tuple(shared)


def _left_over(together: Sequence[GroundReaction], solution: MovementSolution) -> tuple[GroundReaction, ...]:
    """For each foot the force of both less that of the other foot in a solution.

    Where nothing changes any more, the sum of both follows the measured sum as if that had been its price.
    """
    left = []
    for both in together:
        n = len(both.force)
        phase = np.arange(n) / n
        unknown = np.full((n, 3), np.nan)
        for i, foot in enumerate(FEET):
            other = at_phase(solution.ground_reactions[1 - i].force, phase)
            left.append(replace(both, force=both.force - other, centre_of_pressure=unknown, foot=foot))
    return tuple(left)


def _moved(reaction: GroundReaction, place: float, moved: np.ndarray) -> GroundReaction:
    """A reaction under the foot where `into_sagittal_plane` put it, from another origin."""
    pressure = reaction.centre_of_pressure - np.array([place, 0.0, 0.0])
    if reaction.foot in FEET:
        pressure[:, 0] -= moved[:, FEET.index(reaction.foot), 0]
    return replace(reaction, centre_of_pressure=pressure)


def _at_place(movement: MovementSolution, distance: float) -> MovementSolution:
    """The same movement that distance (m) further on."""
    coordinates, loads = movement.coordinates.copy(), movement.loads.copy()
    coordinates[:, movement.skeleton.coordinate_index("pelvis_tx")] += distance
    loads[..., 5] += distance * loads[..., 1]
    loads[..., 4] -= distance * loads[..., 2]
    reactions = tuple(
        replace(r, centre_of_pressure=r.centre_of_pressure + np.array([distance, 0.0, 0.0]))
        for r in movement.ground_reactions
    )
    arrays = {**movement.arrays, "coordinates": coordinates}
    return replace(movement, coordinates=coordinates, arrays=arrays, loads=loads, ground_reactions=reactions)


def _fitted_to_impact(weights: TrackingWeights, impact: float) -> TrackingWeights:
    """Follow the steep forces of running less closely, with muscles stronger than the table's, in running shoes."""
    weights = replace(weights, force_sd=weights.force_sd * impact, strength=weights.strength * impact)
    if impact > 1.2:  # spheres that give more and spring back
        weights = replace(weights, contact_stiffness=0.7, contact_damping=0.25)
    return weights


def _impact_factor(skeleton: Skeleton, reactions: Sequence[GroundReaction]) -> float:
    """How much larger than in walking the forces are: 1 for walking, about 2 for running."""
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    peaks = [np.nanmax(r.force[:, 1]) / weight for r in reactions if np.isfinite(r.force[:, 1]).any()]
    together = [r.foot == "both" for r in reactions]
    return float(max(1.0, max(peaks, default=1.0) / (1.5 if any(together) else 1.3)))


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
    by_segment = {s: 0.0 for s in skeleton.segment_names}
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
