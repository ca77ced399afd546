"""Skeleton IMU: what sensors on a moving skeleton read, by mechanics instead of differences of positions.

The coordinates and their first two derivatives go through the multibody kinematics (`opensim_models.kernel.dynamics`),
so specific force and angular velocity follow without differentiating any position or orientation: exact where the
derivatives are (optimal control, analytic motion), and as exact as a quintic spline of the coordinates elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.low_pass import low_pass
from opensim_models.inverse.segment_motion import coordinate_columns
from opensim_models.kernel.compilation import announce_compilation
from opensim_models.kernel.dynamics import sensed
from opensim_models.kernel.linkage import Linkage, linkage
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from synth.imu.differentiation import spline_derivatives
from synth.imu.recording import ImuRecording, SensorPlacement

SECONDS_TO_COMPILE = 5


def simulate_skeleton_imus(
    skeleton: Skeleton,
    kinematics: Kinematics,
    placements: Sequence[SensorPlacement],
    *,
    speeds: np.ndarray | None = None,
    accelerations: np.ndarray | None = None,
    cutoff: float | None = None,
    gravity: tuple[float, float, float] | None = None,
) -> tuple[ImuRecording, ...]:
    """Simulate sensors on the segments of a skeleton.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
        Coordinates of that skeleton; those it lacks stand still at their default. Frames with a NaN are missing, and
        each unbroken run is differentiated by itself.
    placements : sequence of SensorPlacement
    speeds, accelerations : ndarray, shape (n_frames, n_coordinates), optional
        First and second derivative of `kinematics.values`, column by column, as optimal control gives them. Both or
        none; without them the quintic spline through the coordinates gives both.
    cutoff : float, optional
        Zero-lag low-pass (Hz) of the coordinates before the spline; not with given derivatives.
    gravity : tuple, optional
        m/s², ground frame; the skeleton's if None.

    Returns
    -------
    tuple of ImuRecording
        One a placement, in their order; NaN in missing frames.

    Raises
    ------
    ModelMismatch
        A placement's segment is not in the skeleton.
    ValueError
        The derivatives have another shape, only one of them is given, or they come with a cut-off.
    """
    flat = linkage(skeleton)
    segments = [skeleton.segment_index(placement.segment) for placement in placements]
    states = _states(skeleton, kinematics, speeds, accelerations, cutoff)
    pull = np.array(skeleton.gravity if gravity is None else gravity, dtype=float)
    n_frames = len(kinematics.values)
    force, turn = (np.full((n_frames, len(segments), 3), np.nan) for _ in range(2))
    whole = np.isfinite(np.hstack(states)).all(axis=1)
    moving = [k for k, segment in enumerate(segments) if flat.segment_link[segment] >= 0]
    if moving and whole.any():
        announce_compilation(sensed, "virtual sensor", SECONDS_TO_COMPILE)
        link = np.array([flat.segment_link[segments[k]] for k in moving], dtype=np.int64)
        point = np.array([flat.on_link(segments[k], np.asarray(placements[k].offset, dtype=float)) for k in moving])
        rows = [np.ascontiguousarray(state[whole]) for state in states]
        force[np.ix_(whole, moving)], turn[np.ix_(whole, moving)] = sensed(flat.links, pull, *rows, link, point)
    recordings = []
    for k, (segment, placement) in enumerate(zip(segments, placements, strict=True)):
        if k not in moving:  # welded to the ground
            force[whole, k], turn[whole, k] = -pull, 0.0
        axes = _sensor_axes(flat, segment, placement)
        recordings.append(ImuRecording(placement, force[:, k] @ axes, turn[:, k] @ axes, kinematics.rate))
    return tuple(recordings)


def _sensor_axes(flat: Linkage, segment: int, placement: SensorPlacement) -> np.ndarray:
    """Rotation (3, 3) sensor → link: a row in link axes times this is a row in sensor axes."""
    return flat.segment_rotation[segment] @ placement.mounting.as_matrix()


def _states(
    skeleton: Skeleton,
    kinematics: Kinematics,
    speeds: np.ndarray | None,
    accelerations: np.ndarray | None,
    cutoff: float | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates, speeds and accelerations (n_frames, n_q) in the skeleton's order."""
    if (speeds is None) != (accelerations is None):
        raise ValueError("skeleton IMU: give both speeds and accelerations of the coordinates, or none of them.")
    q = coordinate_columns(skeleton, kinematics)
    if speeds is None:
        if cutoff is not None:
            q = low_pass(q, kinematics.rate, cutoff)
        return q, *spline_derivatives(q, kinematics.rate)
    if cutoff is not None:
        raise ValueError("skeleton IMU: a cut-off smooths coordinates, so the derivatives given would not be theirs.")
    tables = [q]
    for what, given in (("speeds", speeds), ("accelerations", accelerations)):
        given = np.asarray(given, dtype=float)
        if given.shape != kinematics.values.shape:
            raise ValueError(
                f"skeleton IMU: {what} have shape {given.shape}; expected that of the coordinates, "
                f"{kinematics.values.shape}, column by column."
            )
        table = np.zeros_like(q)
        for j, name in enumerate(skeleton.coordinate_names):
            if name in kinematics.coordinates:
                table[:, j] = given[:, kinematics.coordinates.index(name)]
        tables.append(table)
    return tuple(tables)
