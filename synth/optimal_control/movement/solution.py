"""Movement solution: one period of movement that satisfies the equations of motion, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import add, cross, over_frames, subtract
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.climb import Climb, physical
from synth.optimal_control.movement.contact_blocks import loads_of_foot, spheres_of
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.mirror import mirrored_array, partners
from synth.optimal_control.movement.skeleton_numbers import with_numbers
from synth.optimal_control.movement.structure import LEVER, MovementStructure

CONTACT_THRESHOLD = 0.03
"""Vertical force (body weights) above which a foot counts as in stance."""


@dataclass(frozen=True)
class MovementSolution:
    """One movement from optimal control, at its nodes.

    Attributes
    ----------
    converged : bool
        Whether it may be used.
    reason : str
        Why not; empty if converged.
    skeleton : Skeleton
    period : str
        ``"cycle"`` (also where half a cycle was solved: it is mirrored here) or ``"none"``.
    time : ndarray, shape (n,)
        s; the end of a cycle is not repeated.
    coordinates, speeds, accelerations : ndarray, shape (n, n_q)
        rad or m.
    moments : ndarray, shape (n, n_q)
        Net generalized forces of everything but gravity and ground (N·m, N).
    arrays : dict of str to ndarray
        All variables in physical units: activations, excitations, torques, wrenches, mounting …
    muscles : tuple of str
    ground_reactions : tuple of GroundReaction
        Of each foot: force (N), centre of pressure (m) where the foot is loaded, free moment (N·m).
    duration, speed : float
        s; m/s, mean forward speed of the pelvis (0 where nothing travels).
    objective : float
    iterations : int
    seconds, cpu_seconds : float
        Of all rungs.
    rungs : tuple of (str, bool, int, float, float)
        Name, converged, iterations, CPU seconds and objective of each problem on the way.
    feet : tuple of str
        The segments on which the ground acts, in the order of `ground_reactions`.
    loads : ndarray, shape (n, n_feet, 6)
        Force (N) on each foot and moment (N·m) about the ground's origin: also where no centre of pressure is known.
    """

    converged: bool
    reason: str
    skeleton: Skeleton
    period: str
    time: np.ndarray
    coordinates: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    moments: np.ndarray
    arrays: dict[str, np.ndarray] = field(repr=False)
    muscles: tuple[str, ...]
    ground_reactions: tuple[GroundReaction, ...]
    duration: float
    speed: float
    objective: float
    iterations: int
    seconds: float
    cpu_seconds: float
    rungs: tuple[tuple[str, bool, int, float, float], ...] = ()
    feet: tuple[str, ...] = ()
    loads: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 6)), repr=False)

    def of(self, coordinate: str) -> np.ndarray:
        """Values (n,) of one coordinate."""
        return self.coordinates[:, self.skeleton.coordinate_index(coordinate)]


def whole_period(structure: MovementStructure, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays over a full cycle: a half cycle with its mirror image appended."""
    if structure.mesh.period != "half_cycle":
        return arrays
    whole = dict(arrays)
    for name, array in arrays.items():
        if array.ndim == 2:
            other = mirrored_array(structure, name, array)
            if name == "coordinates" and structure.travel >= 0:
                other = other.copy()
                other[:, structure.travel] += arrays["speed"][0] * arrays["duration"][0]
            whole[name] = np.vstack([array, other])
    whole["duration"] = 2.0 * arrays["duration"]
    return whole


def make_solution(reached: Climb, skeleton: Skeleton) -> MovementSolution:
    """Build the solution of a solved problem for the person that it was solved for."""
    structure = reached.movement.structure
    arrays = physical(reached.movement, reached.iterate.values)
    loads = ground_loads(structure, reached.data, arrays)
    toes = toe_loads(structure, reached.data, arrays)
    if structure.mesh.period == "half_cycle":
        loads = np.concatenate([loads, mirrored_loads(loads[:, ::-1], arrays, structure)])
        names = list(toes)
        toes = {
            name: np.concatenate([toes[name], mirrored_loads(toes[names[other]], arrays, structure)])
            for name, other in zip(names, partners(names), strict=True)
        }
    whole = whole_period(structure, arrays)
    duration = float(whole["duration"][0])
    phase = structure.mesh.phase
    if structure.mesh.period == "half_cycle":
        phase = np.concatenate([phase, 1.0 + phase]) / 2.0
    time = phase * duration
    rate = len(time) / duration if structure.mesh.period != "none" else (len(time) - 1) / duration
    return MovementSolution(
        converged=reached.converged,
        reason=reached.reason,
        skeleton=skeleton,
        period="none" if structure.mesh.period == "none" else "cycle",
        time=time,
        coordinates=whole["coordinates"],
        speeds=whole["speeds"],
        accelerations=whole["accelerations"],
        moments=net_moments(structure, skeleton, whole, loads, toes),
        arrays=whole,
        muscles=tuple(m.name for m in structure.muscles),
        ground_reactions=tuple(
            _ground_reaction(loads[:, i], foot.name, rate, skeleton) for i, foot in enumerate(structure.feet)
        ),
        duration=duration,
        speed=float(whole["speed"][0]) if structure.travel >= 0 else 0.0,
        objective=reached.iterate.objective,
        iterations=reached.iterations,
        seconds=sum(i.seconds for _, i in reached.rungs),
        cpu_seconds=reached.cpu_seconds,
        rungs=tuple((n, i.converged, i.iterations, i.cpu_seconds, i.objective) for n, i in reached.rungs),
        feet=tuple(foot.segment for foot in structure.feet),
        loads=loads,
    )


def ground_loads(structure: MovementStructure, data: MovementData, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Force (N) and moment about the ground's origin (N·m) on each foot, shape (n, n_feet, 6)."""
    n, planar = len(arrays["coordinates"]), structure.planar
    weight = float(np.ravel(data.parameters["weight"])[0])
    loads = np.zeros((n, len(structure.feet), 6))
    first, size, axes = 0, structure.wrench_size, 2 if planar else 3
    for i, foot in enumerate(structure.feet):
        if structure.wrenches:
            wrench = arrays["wrenches"][:, size * i : size * (i + 1)]
            if planar:
                loads[:, i, [0, 1]] += wrench[:, :2] * weight
                loads[:, i, 5] += wrench[:, 2] * weight * LEVER
            else:
                loads[:, i] += wrench * weight * np.r_[np.ones(3), np.full(3, LEVER)]
        if structure.contact:
            last = first + len(foot.points)
            loads[:, i] += sum(_contact_loads(structure, data, arrays, i, slice(first, last), axes).values())
            first = last
    return loads


def toe_loads(structure: MovementStructure, data: MovementData, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The part of `ground_loads` that acts on other segments than the feet's own, (n, 6) by segment: toes that bend."""
    found: dict[str, np.ndarray] = {}
    first = 0
    for i, foot in enumerate(structure.feet if structure.contact else ()):
        last = first + len(foot.points)
        parts = _contact_loads(structure, data, arrays, i, slice(first, last), 2 if structure.planar else 3)
        found |= {segment: load for segment, load in parts.items() if segment != foot.segment}
        first = last
    return found


def _contact_loads(
    structure: MovementStructure, data: MovementData, arrays: dict[str, np.ndarray], i: int, points: slice, axes: int
) -> dict[str, np.ndarray]:
    """What the contact law does to the segments of one foot: (n, 6) by segment, about the ground's origin."""
    foot = structure.feet[i]
    chain = chain_to(structure.pattern, foot.points)
    numbers = np.asarray(data.parameters["numbers"], float)[chain.entries]
    skeleton = with_numbers(chain.skeleton, numbers.tolist())
    columns = list(chain.coordinates)
    states = segment_states(skeleton, list(arrays["coordinates"][:, columns].T), list(arrays["speeds"][:, columns].T))
    spheres = np.asarray(data.parameters["spheres"], float)[points].ravel()
    moved = arrays["contact"][axes * points.start : axes * points.stop]
    floor, smoothing = np.asarray(data.parameters["floor"], float)
    floor = floor + arrays["soles"][:, i] if structure.soles else floor
    weight = float(np.ravel(data.parameters["weight"])[0])
    made = spheres_of(foot, spheres.tolist(), moved.tolist(), structure.planar)
    segments, load = loads_of_foot(foot, chain, states, made, structure.contact, weight, floor, smoothing)
    n = len(arrays["coordinates"])
    found = {}
    for segment, (force, moment) in zip(segments, load.segments, strict=True):
        about_ground = add(moment, cross(states[chain.place(segment)].origin, force))
        found[segment] = over_frames([*force, *about_ground], n)
    return found


def mirrored_loads(loads: np.ndarray, arrays: dict[str, np.ndarray], structure: MovementStructure) -> np.ndarray:
    """Loads of the second half of a symmetric cycle: sides exchanged by the caller, moved on by half a cycle."""
    mirrored = loads * np.array([1.0, 1.0, -1.0, -1.0, -1.0, 1.0])
    if structure.travel >= 0:
        forward = np.array([arrays["speed"][0] * arrays["duration"][0], 0.0, 0.0])
        mirrored[..., 3:] += np.cross(forward, mirrored[..., :3])
    return mirrored


def net_moments(
    structure: MovementStructure,
    skeleton: Skeleton,
    arrays: dict[str, np.ndarray],
    loads: np.ndarray,
    toes: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Generalized forces (n, n_q) that the motion demands beyond gravity and the loads on the feet.

    `loads` is as of `ground_loads`; `toes` says which part of it acts on other segments (see `toe_loads`).
    """
    n = len(arrays["coordinates"])
    states = segment_states(skeleton, *(list(arrays[s].T) for s in ("coordinates", "speeds", "accelerations")))
    parts = dict(toes or {})
    for i, foot in enumerate(structure.feet):
        elsewhere = sum(parts[s] for s in dict.fromkeys(foot.points) if s in parts and s != foot.segment)
        parts[foot.segment] = loads[:, i] - elsewhere
    acting = {}
    for segment, load in parts.items():
        place = skeleton.segment_index(segment)
        force, moment = tuple(load[:, :3].T), tuple(load[:, 3:].T)
        acting[place] = (force, subtract(moment, cross(states[place].origin, force)))
    return over_frames(inverse_dynamics(skeleton, states, acting), n)


def _ground_reaction(load: np.ndarray, foot: str, rate: float, skeleton: Skeleton) -> GroundReaction:
    force, moment = load[:, :3], load[:, 3:]
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    loaded = force[:, 1] > CONTACT_THRESHOLD * weight
    vertical = np.where(loaded, force[:, 1], np.nan)
    place = np.stack([moment[:, 2] / vertical, np.where(loaded, 0.0, np.nan), -moment[:, 0] / vertical], axis=1)
    free = np.where(loaded, moment[:, 1] - (place[:, 2] * force[:, 0] - place[:, 0] * force[:, 2]), 0.0)
    return GroundReaction(force, place, free, rate, foot, "optimal control")
