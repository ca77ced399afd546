"""Node reference: a recorded motion at the nodes of a mesh, with the ground reaction in the units of the solver.

Where a period wraps, its end falls on the first node (or on the mirror image of it), so that this node has two
measurements: their mean, weighted as the quadrature weighs both ends, has the same minimum as both together. A stride
that is followed by half a cycle is the mean of its first half and of the mirror image of its second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_interp_spline

from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.structure import LEVER, MovementStructure
from synth.optimal_control.recording.recorded_cycle import RecordedCycle
from synth.optimal_control.recording.recorded_motion import RecordedMotion

Recording = RecordedMotion | RecordedCycle
Arrays = dict[str, np.ndarray]
_NAMES = ("coordinates", "speeds", "accelerations")


@dataclass(frozen=True)
class NodeReference:
    """A recorded motion at the nodes of a mesh.

    Attributes
    ----------
    duration, speed : float
        s; m/s, mean forward speed (0 where nothing travels).
    coordinates, speeds, accelerations : ndarray, shape (n_nodes, n_q)
        rad or m, and per s, per s².
    wrenches : ndarray, shape (n_nodes, n_feet, 3 or 6)
        Force (body weights) and moment about the ground's origin (body weight × LEVER); NaN = unknown.
    about : ndarray, shape (n_nodes, n_feet, 3)
        Point (m) on the floor under each foot.
    about_wrenches : ndarray, shape (n_nodes, n_feet, 3 or 6)
        As `wrenches`, moments about these points: what a contact law is compared with.
    moments : ndarray, shape (n_nodes, n_q), optional
        Net joint moments (N·m, N); NaN = unknown.
    markers : ndarray, shape (n_nodes, n_markers, 3), optional
        m, ground frame; NaN = not seen.
    """

    duration: float
    speed: float
    coordinates: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    wrenches: np.ndarray
    about: np.ndarray
    about_wrenches: np.ndarray
    moments: np.ndarray | None = None
    markers: np.ndarray | None = None


def node_reference(
    structure: MovementStructure, skeleton: Skeleton, recording: Recording, moments: np.ndarray | None = None
) -> NodeReference:
    """Give a recording at the nodes of a structure's mesh, which spans all of it.

    Parameters
    ----------
    structure : MovementStructure
    skeleton : Skeleton
    recording : RecordedMotion or RecordedCycle
        One period, both ends included. A `RecordedCycle` is a full stride, also where half a cycle is solved.
    moments : ndarray, shape (n, n_q), optional
        Net joint moments (N·m, N) at the times of the recording; default: its own, if it has any.

    Raises
    ------
    ModelMismatch
        Other coordinates than the skeleton's, missing samples, or too few of them.
    """
    motion = recording.motion if isinstance(recording, RecordedCycle) else recording
    _check(motion, skeleton)
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    if moments is None and motion.moments.size:
        moments = motion.moments
    track = _Track(structure, motion, weight, moments)
    if structure.markers and structure.mesh.period == "half_cycle":
        raise ModelMismatch("markers have no mirror image: they are followed over a whole cycle, or without a period.")
    halves = isinstance(recording, RecordedCycle) and structure.mesh.period == "half_cycle"
    duration = track.stretch / (2.0 if halves else 1.0)
    travelled = track.travelled / (2.0 if halves else 1.0)
    phase = structure.mesh.phase
    arrays = track.at(phase * duration, 0.0)
    if halves:
        second = track.mirrored(track.at((1.0 + phase) * duration, travelled))
        arrays = {name: 0.5 * (array + second[name]) for name, array in arrays.items()}
    elif structure.mesh.period != "none":
        end = track.at(np.array([duration]), travelled)
        arrays = _with_end(structure, arrays, track.mirrored(end) if structure.mesh.period == "half_cycle" else end)
    n_feet, size = len(structure.feet), structure.wrench_size
    wrenches = arrays["wrenches"].reshape(len(phase), n_feet, size)
    about = _under_feet(structure, skeleton, arrays["coordinates"])
    return NodeReference(
        duration,
        travelled / duration,
        *(arrays[name] for name in _NAMES),
        wrenches,
        about,
        _moved(wrenches, about),
        arrays.get("moments"),
        arrays["markers"].reshape(len(phase), -1, 3) if structure.markers else None,
    )


def _check(motion: RecordedMotion, skeleton: Skeleton) -> None:
    if motion.coordinates != skeleton.coordinate_names:
        raise ModelMismatch(
            f"expected a recording of {', '.join(skeleton.coordinate_names)} in this order, found "
            f"{', '.join(motion.coordinates)}. Read it for this skeleton."
        )
    if len(motion.time) < 6:
        raise ModelMismatch(f"a recording of {len(motion.time)} samples is too short to follow; expected 6 or more.")
    for name, array in (
        ("coordinates", motion.values),
        ("speeds", motion.speeds),
        ("accelerations", motion.accelerations),
    ):
        lost = np.argwhere(~np.isfinite(array))
        if len(lost):
            row, column = lost[0]
            raise ModelMismatch(
                f"{name} of {motion.coordinates[column]} have no number at {motion.time[row]:.4g} s ({len(lost)} such "
                "entries); fill the gap or choose another window."
            )


class _Track:
    """A recording at any time; it only holds the splines that every call looks up."""

    def __init__(
        self, structure: MovementStructure, motion: RecordedMotion, weight: float, moments: np.ndarray | None
    ) -> None:
        self.structure, self.weight, self.start = structure, weight, float(motion.time[0])
        self.stretch = float(motion.time[-1] - motion.time[0])
        self.travelled = 0.0
        if structure.travel >= 0:
            self.travelled = float(motion.values[-1, structure.travel] - motion.values[0, structure.travel])
        time = motion.time - self.start
        arrays = {"coordinates": motion.values, "speeds": motion.speeds, "accelerations": motion.accelerations}
        self.splines = {name: make_interp_spline(time, array, k=5) for name, array in arrays.items()}
        self.time = time
        self.forces, self.origin_moments = _loads(structure, motion)
        self.moments = moments
        self.markers = motion.markers if structure.markers else None

    def at(self, time: np.ndarray, shift: float) -> Arrays:
        """Arrays at times (s from the start), seen from a point that is `shift` (m) further on."""
        time = np.clip(time, 0.0, self.stretch)
        arrays = {name: spline(time) for name, spline in self.splines.items()}
        if self.structure.travel >= 0:
            arrays["coordinates"][:, self.structure.travel] -= shift
        force, moment = (_linear(time, self.time, array) for array in (self.forces, self.origin_moments))
        moment = moment - np.cross([shift, 0.0, 0.0], force)
        wrench = np.concatenate([force, moment / LEVER], axis=2) / self.weight
        wrench = wrench[..., [0, 1, 5]] if self.structure.planar else wrench
        arrays["wrenches"] = wrench.reshape(len(time), -1)
        if self.moments is not None:
            arrays["moments"] = _linear(time, self.time, self.moments)
        if self.markers is not None:
            arrays["markers"] = (_linear(time, self.time, self.markers) - np.array([shift, 0.0, 0.0])).reshape(
                len(time), -1
            )
        return arrays

    def mirrored(self, arrays: Arrays) -> Arrays:
        """The same after right and left change places."""
        # net moments change sides and signs as the coordinates do that they move
        names = {name: "accelerations" if name == "moments" else name for name in arrays}
        return {name: mirrored_array(self.structure, names[name], array) for name, array in arrays.items()}


def _loads(structure: MovementStructure, motion: RecordedMotion) -> tuple[np.ndarray, np.ndarray]:
    """Force (N) and moment about the ground's origin (N·m) on each foot, shape (n, n_feet, 3); NaN where unknown."""
    n = len(motion.time)
    force, moment = (np.full((n, len(structure.feet), 3), np.nan) for _ in range(2))
    for i, foot in enumerate(structure.feet):
        if foot.name in motion.wrenches:
            wrench = motion.wrenches[foot.name]
            force[:, i], moment[:, i] = wrench.force, wrench.moment_about(np.zeros(3))
    return force, moment


def _linear(time: np.ndarray, own: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Linear between samples: forces have kinks at strikes, where a spline would swing."""
    flat = array.reshape(len(own), -1)
    columns = [np.interp(time, own, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(time), *array.shape[1:])


def _with_end(structure: MovementStructure, arrays: Arrays, end: Arrays) -> Arrays:
    """The first node with the period's end: mean of both, as the quadrature weighs them."""
    weights = replace(structure.mesh, period="none").quadrature[[0, -1]]
    share = weights[1] / weights.sum()
    merged = {}
    for name, array in arrays.items():
        merged[name] = array.copy()
        merged[name][0] = (1.0 - share) * array[0] + share * end[name][0]
    return merged


def _under_feet(structure: MovementStructure, skeleton: Skeleton, coordinates: np.ndarray) -> np.ndarray:
    """Points on the floor under each foot, shape (n, n_feet, 3)."""
    states = segment_states(skeleton, list(coordinates.T))
    points = np.zeros((len(coordinates), len(structure.feet), 3))
    for i, foot in enumerate(structure.feet):
        origin = states[skeleton.segment_index(foot.segment)].origin
        points[:, i, 0], points[:, i, 2] = origin[0], origin[2]
    return points


def _moved(wrenches: np.ndarray, about: np.ndarray) -> np.ndarray:
    """Wrenches with their moments about other points."""
    moved = wrenches.copy()
    if wrenches.shape[2] == 3:
        moved[..., 2] -= (about[..., 0] * wrenches[..., 1] - about[..., 1] * wrenches[..., 0]) / LEVER
    else:
        moved[..., 3:] -= np.cross(about, wrenches[..., :3]) / LEVER
    return moved
