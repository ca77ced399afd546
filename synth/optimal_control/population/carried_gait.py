"""Carried gait: the solution of one person's walk as the start of another's.

The feet go the same way over the floor, as deep in it as the other body weight asks and as far as the other step
reaches, and the joints follow: the equations of motion nearly hold from the beginning, which saves a solver most of its
way. A solution that is copied as it is would begin with a foot some centimetres in the floor, and forces of many body
weights; what the styles differ, on the other hand, is quickly found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from opensim_models.model.multibody import SegmentState, point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.periodic_curve import low_pass_periodic, periodic_derivatives
from synth.optimal_control.movement.climb import carry_over, closed_array, physical, start_values
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.structure import MovementStructure
from synth.optimal_control.population.virtual_gait import VirtualGait

_NEWTON_STEPS = 4
_DAMPING = 0.03
"""m/rad."""
_LONGER_STEP = 1.03
_KEPT_HARMONICS = 8


@dataclass(frozen=True)
class SolvedGait:
    """A solved walk, to start others from.

    Attributes
    ----------
    gait : VirtualGait
    skeleton : Skeleton
    values : ndarray
        Solver variables.
    """

    gait: VirtualGait
    skeleton: Skeleton
    values: np.ndarray


def gait_distance(one: VirtualGait, other: VirtualGait) -> float:
    """How unlike two walks are: speeds relative to leg length, masses and strengths, in spreads of a population."""

    def facts(gait: VirtualGait) -> np.ndarray:
        subject = gait.person.subject
        return np.array(
            [
                gait.speed / np.sqrt(subject.height) / 0.15,
                np.log(subject.height) / 0.05,
                np.log(subject.mass / subject.height**2) / 0.15,
                np.log(gait.person.strength) / 0.15,
                *gait.manner,
            ]
        )

    return float(np.linalg.norm(facts(one) - facts(other)))


def carried_start(movement: MovementProgram, before: SolvedGait, gait: VirtualGait, skeleton: Skeleton) -> np.ndarray:
    """Solver variables of a start from another walk's solution on the same mesh.

    Parameters
    ----------
    movement : MovementProgram
        Half a cycle, its nodes at equal distances.
    before : SolvedGait
    gait : VirtualGait
    skeleton : Skeleton
        Of the gait's person.
    """
    structure = movement.structure
    arrays = dict(physical(movement, before.values))
    n, forward = structure.mesh.n_nodes, structure.travel
    old_half, old_speed = float(arrays["duration"][0]), float(arrays["speed"][0])
    half = gait.way.duration(gait.speed, gait.person.subject.height, gait.style) / 2.0
    if gait.task == "predict":  # its own duration, as legs and speed change it
        old = gait.way.duration(old_speed, before.gait.person.subject.height, before.gait.style) / 2.0
        half *= old_half / old
    step = gait.speed * half / (old_speed * old_half)
    whole = _whole(structure, arrays["coordinates"], old_half * old_speed)
    change = low_pass_periodic(_other_person(whole, before.skeleton, skeleton, step) - whole, _KEPT_HARMONICS)
    # along the way everything is proportional to the step, which is no periodic change
    change[:, forward] = 0.0
    slope, bend = periodic_derivatives(change, 2.0 * half)
    stretch = old_half / half
    coordinates, speeds = whole[:n] + change[:n], arrays["speeds"] * stretch + slope[:n]
    accelerations = arrays["accelerations"] * stretch**2 + bend[:n]
    coordinates[:, forward] = whole[:n, forward] * step
    speeds[:, forward] = arrays["speeds"][:, forward] * step * stretch
    accelerations[:, forward] = arrays["accelerations"][:, forward] * step * stretch**2
    arrays |= {"coordinates": coordinates, "speeds": speeds, "accelerations": accelerations}
    arrays |= {"duration": np.array([half]), "speed": np.array([gait.speed])}
    share = _capacity(before.skeleton) / _capacity(skeleton)
    for name in ("activations", "excitations"):
        arrays[name] = np.clip(arrays[name] * share, 0.01, 1.0)
    return start_values(movement, arrays)


def finer_start(coarse: MovementProgram, values: np.ndarray, fine: MovementProgram) -> np.ndarray:
    """Carry a solution to a finer mesh, coordinates and speeds by cubics through their rates.

    A straight line between nodes would lift a foot in stance by millimetres, which is most of its load.
    """
    arrays = physical(coarse, values)
    time = np.r_[coarse.structure.mesh.phase, 1.0] * arrays["duration"][0]
    at = fine.structure.mesh.phase * arrays["duration"][0]
    start = physical(fine, carry_over(coarse, values, fine))
    for name, rate in (("coordinates", "speeds"), ("speeds", "accelerations")):
        own, slope = (closed_array(coarse.structure, word, arrays) for word in (name, rate))
        start[name] = CubicHermiteSpline(time, own, slope)(at)
    return start_values(fine, start)


def _capacity(skeleton: Skeleton) -> np.ndarray:
    """Moment (n_muscles,) that each muscle could make, in body weights: its force times its size."""
    return np.array([m.max_isometric_force * m.optimal_fibre_length for m in skeleton.muscles]) / skeleton.mass


def _whole(structure: MovementStructure, half: np.ndarray, step: float) -> np.ndarray:
    """Coordinates of the whole cycle."""
    other = mirrored_array(structure, "coordinates", half).copy()
    other[:, structure.travel] += step
    return np.vstack([half, other])


def _other_person(whole: np.ndarray, old: Skeleton, new: Skeleton, step: float) -> np.ndarray:
    """Coordinates with which another person's feet go the same way over the floor.

    Parameters
    ----------
    whole : ndarray, shape (n, n_q)
    old, new : Skeleton
    step : float
        Length of the new step over the old one.
    """
    moved, index = whole.copy(), new.coordinate_index
    states = segment_states(old, list(whole.T))
    feet = [old.segment_index(f"calcn_{side}") for side in "rl"]
    foot = _length(new, "calcn_r") / _length(old, "calcn_r")
    leg = sum(_reach(new, part) for part in ("tibia_r", "calcn_r"))
    leg /= sum(_reach(old, part) for part in ("tibia_r", "calcn_r"))
    # legs that are shorter than the step wants would be straight: rather let the foot slip a little
    step = float(np.clip(step, leg / _LONGER_STEP, leg * _LONGER_STEP))
    # Hertz: force grows with depth^1.5 radius^0.5
    deeper = (new.mass / old.mass / np.sqrt(foot)) ** (2 / 3) - foot
    height = np.stack([np.array(states[i].origin[1], float) for i in feet])
    standing = height.min()
    depth = np.stack([_depth(old, states, f"calcn_{side}") for side in "rl"])
    ankle = np.stack([np.array(states[i].origin[0], float) - whole[:, index("pelvis_tx")] for i in feet]) * step
    up = index("pelvis_ty")
    moved[:, up] = foot * standing + leg * (whole[:, up] - standing)
    return _reached(moved, new, (ankle, foot * height - deeper * depth))


def _reached(coordinates: np.ndarray, skeleton: Skeleton, ankles: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Hips and knees turned until the ankles are where they should be, the feet at their old angle to the floor.

    `ankles` are the places (2 sides, n) forward of the pelvis and over the floor (m).
    """
    index, q = skeleton.coordinate_index, coordinates.copy()
    hips, knees, feet = (
        [index(f"{name}_{side}") for side in "rl"] for name in ("hip_flexion", "knee_angle", "ankle_angle")
    )
    pitch = q[:, hips] - q[:, knees] + q[:, feet]
    forward = q[:, [index("pelvis_tx")]].T
    places = [skeleton.segment_index(f"calcn_{side}") for side in "rl"]
    for _ in range(_NEWTON_STEPS):
        states = segment_states(skeleton, list(q.T))
        for side in range(2):
            x, y = (np.array(c, float) for c in states[places[side]].origin[:2])
            missing = np.stack([ankles[0][side] - (x - forward[0]), ankles[1][side] - y])
            hip, knee = (_slope(states[places[side]], states, c) for c in (hips[side], knees[side]))
            turn, bend = _damped(hip, knee, missing)
            q[:, hips[side]] += turn
            q[:, knees[side]] += bend
    q[:, feet] = pitch - q[:, hips] + q[:, knees]
    return q


def _damped(hip: tuple, knee: tuple, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Changes of hip and knee that bring the ankle near its place; damped, since a straight leg reaches no further."""
    a, b, c = (sum(u * v for u, v in zip(*pair, strict=True)) for pair in ((hip, hip), (hip, knee), (knee, knee)))
    a, c = a + _DAMPING**2, c + _DAMPING**2
    right = [sum(u * v for u, v in zip(column, missing, strict=True)) for column in (hip, knee)]
    determinant = a * c - b * b
    return (c * right[0] - b * right[1]) / determinant, (a * right[1] - b * right[0]) / determinant


def _slope(foot: SegmentState, states: list[SegmentState], coordinate: int) -> tuple[np.ndarray, np.ndarray]:
    """How the foot's frame moves (forward, up) with one coordinate (m/rad)."""
    forward, up = 0.0, 0.0
    for state in states:
        for passed in state.joint:
            if passed.element.coordinate == coordinate and passed.element.kind == "rotation":
                turn = np.array(passed.axis[2] * passed.slope, float)
                forward = forward - turn * (foot.origin[1] - passed.point[1])
                up = up + turn * (foot.origin[0] - passed.point[0])
            elif passed.element.coordinate == coordinate:
                forward, up = forward + passed.slope * passed.axis[0], up + passed.slope * passed.axis[1]
    return forward, up


def _depth(skeleton: Skeleton, states: list[SegmentState], segment: str) -> np.ndarray:
    """How deep (n,) the deepest sphere of a foot is in the floor (m), 0 in the air."""
    state = states[skeleton.segment_index(segment)]
    own = [c for c in skeleton.contacts if c.segment == segment]
    lows = [np.array(point_position(state, c.offset)[1] - c.radius, float) for c in own]
    return np.maximum(-np.min(lows, axis=0), 0.0)


def _length(skeleton: Skeleton, segment: str) -> float:
    """Distance (m) between the first and the last sphere of a foot."""
    places = [c.offset[0] for c in skeleton.contacts if c.segment == segment]
    return max(places) - min(places)


def _reach(skeleton: Skeleton, segment: str) -> float:
    """Length (m) of the bone that ends where a segment begins."""
    return float(np.linalg.norm(skeleton.segments[skeleton.segment_index(segment)].offset))
