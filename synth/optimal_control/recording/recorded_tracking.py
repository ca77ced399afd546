"""Recorded tracking: the movement that satisfies the equations of motion and is nearest to a recorded one.

Whatever the skeleton (planar or in space, torques or muscles, ground reaction by a contact law, as data or as an
unknown near the data), the objective is one mean over time of squared deviations, each divided by its own standard
deviation: one unit of it is one quantity off by one standard deviation all the time. The way there is a ladder: torques
before muscles where that is wished, a coarse mesh before a fine one, and several starts of which the best is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.climb import Climb, Rung, climb, start_values
from synth.optimal_control.movement.data import WIDE, MovementData, person_data
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.solution import MovementSolution, make_solution, net_moments
from synth.optimal_control.movement.structure import LEVER, MovementStructure, movement_structure, parameter_layout
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.recording.followed_markers import marker_offsets, segment_sums
from synth.optimal_control.recording.node_reference import NodeReference, Recording, node_reference
from synth.optimal_control.recording.start_spread import spread_arrays
from synth.optimal_control.recording.tracking_settings import ON_THE_WAY, Deviations, TrackingSettings

USUAL = TrackingSettings()

ROOM = 0.2
"""rad or m: how far beyond the recording the bounds of a coordinate always reach."""


def track_recording(
    skeleton: Skeleton,
    recording: Recording,
    settings: TrackingSettings = USUAL,
    *,
    moments: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    prepare: Prepare | None = compile_if_possible,
    keep: Callable[[Iterate], None] | None = None,
) -> MovementSolution:
    """Track a recorded motion.

    Parameters
    ----------
    skeleton : Skeleton
        Prepared, see `model_preparation.prepare_model`.
    recording : RecordedMotion or RecordedCycle
        One period with both ends, or a stretch of a trial (meshes without a period).
    settings : TrackingSettings
    moments : ndarray, shape (n, n_q), optional
        Net joint moments (N·m, N) at the times of the recording; default: its own, if it has any.
    rng : numpy.random.Generator, optional
        Of the disturbed starts.
    prepare, keep
        As of `climb.climb`.

    Returns
    -------
    MovementSolution
        Of the start with the lowest objective among those that converged; `converged` is False if none did.

    Raises
    ------
    ModelMismatch
        The recording is not of this skeleton, or has no ground reaction where it is data.
    """
    return make_solution(
        climb_recording(skeleton, recording, settings, moments=moments, rng=rng, prepare=prepare, keep=keep), skeleton
    )


def climb_recording(
    skeleton: Skeleton,
    recording: Recording,
    settings: TrackingSettings,
    *,
    moments: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    prepare: Prepare | None = compile_if_possible,
    keep: Callable[[Iterate], None] | None = None,
) -> Climb:
    """As `track_recording`, with the solver's own variables as the result, from which other problems may start."""
    if settings.starts > 1 and rng is None:
        raise ValueError("disturbed starts need a random generator: give rng")
    rungs = tracking_rungs(skeleton, recording, settings, moments)
    # of ten starts disturbed by 0.05 rad an adaptive barrier led all to the best solution, a small one six
    far = [replace(rungs[0], settings=replace(rungs[0].settings, warm=False)), *rungs[1:]]
    best: Climb | None = None
    for number in range(settings.starts):
        disturbance = (rng, settings.spread) if number and rng is not None else None

        def start(movement: MovementProgram, disturbance: tuple | None = disturbance) -> np.ndarray:
            reference = node_reference(movement.structure, skeleton, recording, moments)
            arrays = start_arrays(movement.structure, skeleton, reference)
            if disturbance:
                arrays = spread_arrays(arrays, movement.structure, *disturbance)
            return start_values(movement, arrays)

        reached = climb(far if disturbance else rungs, start, prepare=prepare, keep=keep)
        if best is None or _rank(reached) < _rank(best):
            best = reached
    return best


def _rank(reached: Climb) -> tuple[bool, float]:
    return not reached.converged, reached.iterate.objective


def tracking_rungs(
    skeleton: Skeleton, recording: Recording, settings: TrackingSettings, moments: np.ndarray | None = None
) -> list[Rung]:
    """The problems from the first to the last."""

    def following(own: TrackingSettings) -> Callable[[MovementProgram], MovementData]:
        def data(movement: MovementProgram) -> MovementData:
            reference = node_reference(movement.structure, skeleton, recording, moments)
            return tracking_data(movement.structure, skeleton, reference, own)

        return data

    loose = settings.loosening > 1.0
    way = settings.loosened() if loose else settings
    steps = [(f"{m.scheme} {m.n_intervals}", m, settings.muscles, way) for m in settings.meshes]
    if loose:
        name, mesh, muscles, _ = steps[-1]
        steps = [(f"{n}, forces loose", *rest) for n, *rest in steps]
        steps.append((name, mesh, muscles, settings))
    if settings.torque_rung and settings.muscles:
        steps.insert(0, ("torques", settings.meshes[0], False, way))
    rungs: list[Rung] = []
    for i, (name, mesh, muscles, own) in enumerate(steps):
        structure = tracking_structure(skeleton, mesh, settings, muscles=muscles)
        solver = settings.then if rungs else settings.first
        passing = loose and i == len(steps) - 2
        if passing and rungs:
            solver = replace(solver, max_iterations=min(ON_THE_WAY, solver.max_iterations))
        rungs.append(Rung(name, structure, following(own), solver, rough=passing))
    return rungs


def tracking_structure(
    skeleton: Skeleton, mesh: Mesh, settings: TrackingSettings, *, muscles: bool
) -> MovementStructure:
    """Which equations a rung has."""
    law, options = settings.ground == "law", dict(settings.options)
    if not muscles:
        options = {k: v for k, v in options.items() if k not in ("tendon", "activation", "effort_power")}
    torques = settings.torques
    if torques is None or not muscles:
        torques = usual_actuators(skeleton, muscles=muscles, root=not law)
    contact = options.pop("contact", "spheres") if law else ""
    if settings.deviations.marker is not None:
        options["markers"] = tuple(marker_offsets(skeleton, settings.markers))
    if settings.deviations.joint_moment is not None:
        # where an ideal actuator is alone, the moment is its torque
        helped = moved_by_muscles(skeleton) if muscles else set()
        own = skeleton.coordinate_names if options.get("passive") else helped
        options["moments"] = tuple(name for name in settings.moments if name in own)
    return movement_structure(
        skeleton, mesh, torques=torques, muscles=muscles, contact=contact, **{"wrenches": not law, **options}
    )


def usual_actuators(skeleton: Skeleton, *, muscles: bool, root: bool) -> tuple[str, ...]:
    """Coordinates that need an ideal actuator: those without muscles, and the free joint to the ground only if asked.

    A contact law carries the body by itself; measured forces never fit a model exactly and leave a residual there.
    """
    names = skeleton.coordinate_names
    ground = {e.coordinate for s in skeleton.segments if s.parent < 0 for e in s.elements}
    moved = moved_by_muscles(skeleton) if muscles else set()
    return tuple(n for j, n in enumerate(names) if (root if j in ground else n not in moved))


def moved_by_muscles(skeleton: Skeleton) -> set[str]:
    """Coordinates that a muscle crosses."""
    return {c for m in skeleton.muscles if m.path for c in m.path.coordinates}


def tracking_data(
    structure: MovementStructure, skeleton: Skeleton, reference: NodeReference, settings: TrackingSettings
) -> MovementData:
    """Numbers of the problem: the person, bounds, what is followed and how closely."""
    quadrature, deviations = structure.mesh.quadrature, settings.deviations
    data = person_data(structure, skeleton, strength=settings.strength)
    lower, upper = coordinate_bounds(skeleton, reference.coordinates, settings.bounds)
    data = data.with_bounds("coordinates", lower, upper)
    low, high = (factor * reference.duration for factor in settings.duration)
    data = data.with_bounds("duration", low, high).with_bounds("speed", *settings.speed)
    precision, speed_precision = coordinate_precisions(skeleton, deviations)
    data = data.following("coordinates", reference.coordinates, precision, quadrature)
    data = data.following("speeds", reference.speeds, speed_precision, quadrature)
    if structure.muscles:
        zero = np.zeros((len(quadrature), len(structure.muscles)))
        data = data.following("excitations", zero, deviations.excitation**-2, quadrature)
    if structure.actuated:
        data = with_torque_price(data, structure, skeleton, settings, reference.moments)
    if structure.moments and reference.moments is not None:
        unit = skeleton.mass * float(np.linalg.norm(skeleton.gravity)) * LEVER
        target = reference.moments[:, list(structure.moments)] / unit
        data = data.following("joint_moments", target, (unit / deviations.joint_moment) ** 2, quadrature)
    if structure.contact and deviations.contact > 0.0:
        reach = 3.0 * deviations.contact
        zero = np.zeros(structure.n_points * (2 if structure.planar else 3))
        data = data.with_bounds("contact", -reach, reach).following("contact", zero, deviations.contact**-2)
    known = parameter_layout(structure).shapes
    if structure.markers and reference.markers is not None:
        sums = segment_sums(skeleton, structure.markers, settings.markers, reference.markers, deviations.marker)
        data = data.with_parameters({"markers": sums * quadrature[:, None, None]})
    own = {name: np.asarray(value, float) for name, value in settings.parameters.items() if name in known}
    return _with_ground(data, structure, reference, settings).with_parameters(own)


def coordinate_bounds(
    skeleton: Skeleton, values: np.ndarray, given: Mapping[str, tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (n_q,) of the coordinates: given ones as they are, the skeleton's with room around the recording."""
    for name in given:
        skeleton.coordinate_index(name)
    lower, upper = np.empty(len(skeleton.coordinates)), np.empty(len(skeleton.coordinates))
    for j, c in enumerate(skeleton.coordinates):
        if c.name in given:
            lower[j], upper[j] = given[c.name]
            continue
        lower[j] = min(max(c.lower, -WIDE), values[:, j].min() - ROOM)
        upper[j] = max(min(c.upper, WIDE), values[:, j].max() + ROOM)
    return lower, upper


def coordinate_precisions(skeleton: Skeleton, deviations: Deviations) -> tuple[np.ndarray, np.ndarray]:
    """Inverse variances (n_q,) of coordinates and of speeds."""
    for name in deviations.coordinates:
        skeleton.coordinate_index(name)
    turning = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    usual = np.where(turning, deviations.angle, deviations.place)
    own = [deviations.coordinates.get(c.name, d) for c, d in zip(skeleton.coordinates, usual, strict=True)]
    speeds = np.where(turning, deviations.angular_speed or np.inf, deviations.linear_speed or np.inf)
    return np.array(own, float) ** -2, speeds.astype(float) ** -2


def with_torque_price(
    data: MovementData,
    structure: MovementStructure,
    skeleton: Skeleton,
    settings: TrackingSettings,
    moments: np.ndarray | None = None,
) -> MovementData:
    """Data in which ideal actuators that are alone follow net moments, or cost what their deviations say."""
    deviations, actuated = settings.deviations, list(structure.actuated)
    unit = skeleton.mass * float(np.linalg.norm(skeleton.gravity)) * LEVER
    names = [skeleton.coordinate_names[j] for j in actuated]
    spread = np.array([deviations.torques.get(n, deviations.torque) for n in names]) / unit
    target = np.zeros((structure.mesh.n_nodes, len(actuated)))
    if moments is not None and deviations.joint_moment is not None:
        helped = {*structure.moments, *(j for muscle in structure.muscles for j in muscle.coordinates)}
        alone = np.array([j not in helped for j in actuated])
        known = np.isfinite(moments[:, actuated]) & alone
        target = np.where(known, moments[:, actuated], 0.0) / unit
        spread = np.where(known, deviations.joint_moment / unit, spread)
    if settings.torque_limit is not None:
        data = data.with_bounds("torques", -settings.torque_limit / unit, settings.torque_limit / unit)
    return data.following("torques", target, spread**-2, structure.mesh.quadrature)


def _with_ground(
    data: MovementData, structure: MovementStructure, reference: NodeReference, settings: TrackingSettings
) -> MovementData:
    """Data in which the ground reaction is followed by the law, or given."""
    deviations, quadrature, n = settings.deviations, structure.mesh.quadrature, structure.mesh.n_nodes
    linear = 2 if structure.planar else 3
    spread = np.full(structure.wrench_size, np.inf if deviations.force is None else deviations.force)
    spread[linear:] = np.inf if deviations.moment is None else deviations.moment / LEVER
    wrenches = reference.wrenches.reshape(n, -1)
    if settings.ground == "near":
        # moments about the ground's origin are as large as it is far
        reach = WIDE + 3.0 * float(np.abs(np.nan_to_num(wrenches)).max(initial=0.0))
        data = data.with_bounds("wrenches", -reach, reach)
    if structure.contact or settings.ground == "near":
        return data.following_ground(reference.about_wrenches, spread**-2, quadrature, reference.about)
    if not np.isfinite(wrenches).all():
        raise ModelMismatch(
            "ground='data' needs force and moment of every foot at all times, and the recording lacks some. Give its "
            "ExternalLoads, or use ground='law'."
        )
    return data.with_bounds("wrenches", wrenches, wrenches)


def start_arrays(structure: MovementStructure, skeleton: Skeleton, reference: NodeReference) -> dict[str, np.ndarray]:
    """Where the solver begins: the recording, with the torques that it demands where nothing else gives them."""
    arrays = {
        "coordinates": reference.coordinates,
        "speeds": reference.speeds,
        "accelerations": reference.accelerations,
        "duration": np.array([reference.duration]),
        "speed": np.array([reference.speed]),
    }
    if not structure.contact:
        wrenches = np.nan_to_num(reference.wrenches)
        arrays["wrenches"] = wrenches.reshape(len(wrenches), -1)
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    if structure.moments and reference.moments is not None:
        arrays["joint_moments"] = np.nan_to_num(reference.moments[:, list(structure.moments)]) / (weight * LEVER)
    if structure.actuated and not structure.muscles:
        loads = np.zeros((*reference.wrenches.shape[:2], 6))
        columns = [0, 1, 5] if structure.planar else list(range(6))
        loads[..., columns] = np.nan_to_num(reference.wrenches) * weight
        loads[..., 3:] *= LEVER
        demand = net_moments(structure, skeleton, arrays, loads)
        arrays["torques"] = demand[:, list(structure.actuated)] / (weight * LEVER)
    return arrays
