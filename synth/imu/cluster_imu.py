"""Inertial records straight from marker clusters, for many sensors at once and in memory that does not grow.

Markers → pose of the cluster → pose of the sensor → (zero-lag low-pass) → derivatives: what
`synth.imu.marker_cluster.cluster_motion` and `synth.imu.simulation.simulate_imu` do one after the other, in chunks of
frames and, for differences, by compiled kernels. Chunks overlap by what the result depends on. For central differences
that is one frame: a streamed record is that of the whole trial bit for bit. A low-pass adds ten periods of its cut-off,
after which no filter here remembers more than 1e-15 of where a chunk began; a spline adds 64 frames, since a sample's
influence falls to 0.43 of itself from frame to frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from mocap_import.stretch import stretches
from mocap_import.subject import STANDARD_GRAVITY
from mocap_import.trial import MarkerTrial
from opensim_models.clinical.cluster_pose import MarkerCluster
from opensim_models.clinical.rigid_fit import fit_quaternions
from opensim_models.motion import SegmentMotion
from synth.imu.pose_difference import difference_poses, sensor_poses
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import METHODS, SMOOTHING, simulate_imu

CHUNK = 2048
"""Frames that are handled at once; their poses stay in the processor's cache."""
_DIFFERENCES = ("central_difference", "butterworth")
_PERIODS = 10.0
_SPLINE_REACH = 64
_DOWN = (0.0, -STANDARD_GRAVITY, 0.0)


class _Body(NamedTuple):
    """A cluster, where its markers are in the trial, and the sensors on its segment (index, placement)."""

    cluster: MarkerCluster
    columns: np.ndarray
    sensors: tuple[tuple[int, SensorPlacement], ...]


def cluster_imu(
    trial: MarkerTrial,
    clusters: Sequence[MarkerCluster],
    placements: Sequence[SensorPlacement],
    *,
    method: str = "central_difference",
    cutoff: float | Mapping[str, float] | None = None,
    gravity: tuple[float, float, float] = _DOWN,
) -> tuple[ImuRecording, ...]:
    """Simulate all sensors of a trial from the clusters of their segments.

    Parameters
    ----------
    trial : MarkerTrial
    clusters : sequence of MarkerCluster
        One a segment that carries a sensor; others are ignored.
    placements : sequence of SensorPlacement
    method : str
        One of `simulation.METHODS`; differences are several times as fast as splines.
    cutoff : float or mapping of segment to float, optional
        Low-pass (Hz) of position and orientation, as in `simulate_imu`; segments that a mapping lacks are not filtered.
        Smoothing methods need one for every segment, because residual analysis asks for the whole trial.
    gravity : tuple
        m/s², ground frame.

    Returns
    -------
    tuple of ImuRecording
        One a placement, at the trial's rate; NaN as `simulate_imu` leaves it.

    Raises
    ------
    ValueError
        See `stream_cluster_imu`.
    """
    parts = (trial.positions[start : start + CHUNK] for start in range(0, trial.n_frames, CHUNK))
    stream = stream_cluster_imu(
        parts, trial.labels, trial.rate, clusters, placements, method=method, cutoff=cutoff, gravity=gravity
    )
    force, turn = (np.full((len(placements), trial.n_frames, 3), np.nan) for _ in range(2))
    start = 0
    for records in stream:
        stop = start + len(records[0].specific_force)
        for sensor, record in enumerate(records):
            force[sensor, start:stop], turn[sensor, start:stop] = record.specific_force, record.angular_velocity
        start = stop
    return tuple(
        ImuRecording(placement, force[sensor], turn[sensor], trial.rate) for sensor, placement in enumerate(placements)
    )


def stream_cluster_imu(
    chunks: Iterable[np.ndarray],
    labels: Sequence[str],
    rate: float,
    clusters: Sequence[MarkerCluster],
    placements: Sequence[SensorPlacement],
    *,
    method: str = "central_difference",
    cutoff: float | Mapping[str, float] | None = None,
    gravity: tuple[float, float, float] = _DOWN,
) -> Iterator[tuple[ImuRecording, ...]]:
    """Simulate sensors while the trial is still being read.

    Parameters
    ----------
    chunks : iterable of ndarray, shape (n, n_labels, 3)
        Consecutive frames of one trial (m, ground frame, NaN = not seen), of any length each; `CHUNK` is a good one.
    labels : sequence of str
        Of the markers.
    rate : float
        Frames per second (Hz).
    clusters, placements, method, cutoff, gravity
        See `cluster_imu`.

    Yields
    ------
    tuple of ImuRecording
        One a placement, all of the same length. One after the other they are the records of the whole trial; they lag
        behind the chunks by the overlap.

    Raises
    ------
    ValueError
        At once: an unknown method, a rate that is no positive number, a sensor on a segment without a cluster, two
        clusters of one segment, a marker that the trial lacks, a cut-off that is beyond half the rate or that a
        smoothing method lacks. While running: a chunk of another shape.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"rate must be a positive number of frames per second, got {rate}.")
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)}.")
    cutoffs = _cutoffs(cutoff, placements, rate, method)
    bodies = _bodies(tuple(labels), clusters, placements)
    return _stream(chunks, len(labels), rate, bodies, tuple(placements), method, cutoffs, gravity)


def _cutoffs(
    cutoff: float | Mapping[str, float] | None, placements: Sequence[SensorPlacement], rate: float, method: str
) -> list[float | None]:
    """Cut-off (Hz) of every sensor's low-pass, or None."""
    found = [cutoff.get(placement.segment) if isinstance(cutoff, Mapping) else cutoff for placement in placements]
    for placement, value in zip(placements, found, strict=True):
        if value is None and method in SMOOTHING:
            raise ValueError(
                f"method {method!r} needs a cut-off for {placement.segment} where the trial passes in chunks. "
                "Choose it by residual analysis of a whole trial (synth.imu.cutoff.residual_cutoff)."
            )
        if value is not None and not 0 < value < rate / 2:
            raise ValueError(
                f"cut-off of {placement.segment} is {value:g} Hz, expected between 0 and {rate / 2:g} Hz (half the "
                "rate). Choose another or none."
            )
    return found


def _bodies(
    labels: tuple[str, ...], clusters: Sequence[MarkerCluster], placements: Sequence[SensorPlacement]
) -> list[_Body]:
    """Clusters that carry a sensor."""
    by_segment = {cluster.segment: cluster for cluster in clusters}
    if len(by_segment) < len(clusters):
        names = [cluster.segment for cluster in clusters]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(
            f"two clusters or more of {', '.join(twice)}; expected one a segment. Pass the one that counts."
        )
    for placement in placements:
        if placement.segment not in by_segment:
            raise ValueError(
                f"sensor {placement.sensor!r} is mounted on {placement.segment!r}, which has no marker cluster "
                f"(clusters: {', '.join(by_segment) or 'none'}). A cluster needs three markers on the segment."
            )
    bodies = []
    for segment, cluster in by_segment.items():
        sensors = tuple((i, placement) for i, placement in enumerate(placements) if placement.segment == segment)
        missing = [label for label in cluster.labels if label not in labels]
        if sensors and missing:
            raise ValueError(
                f"the cluster of {segment} has the marker {', '.join(missing)}, which the trial lacks. Make it of "
                "markers of the trial."
            )
        if sensors:
            bodies.append(_Body(cluster, np.array([labels.index(label) for label in cluster.labels]), sensors))
    return bodies


def _stream(
    chunks: Iterable[np.ndarray],
    n_labels: int,
    rate: float,
    bodies: list[_Body],
    placements: tuple[SensorPlacement, ...],
    method: str,
    cutoffs: list[float | None],
    gravity: tuple[float, float, float],
) -> Iterator[tuple[ImuRecording, ...]]:
    if not placements:
        return
    reach = 1 if method in _DIFFERENCES else _SPLINE_REACH
    reach += max(0 if cutoff is None else math.ceil(_PERIODS * rate / cutoff) for cutoff in cutoffs)
    held = [np.empty((0, 7)) for _ in placements]
    before = [np.zeros(4) for _ in placements]
    read = 0  # of the frames that are held: those that are only kept as neighbours of what follows
    for chunk in chain(chunks, (None,)):
        if chunk is not None:
            if np.ndim(chunk) != 3 or np.shape(chunk)[1:] != (n_labels, 3):
                raise ValueError(f"a chunk has the shape {np.shape(chunk)}, expected (frames, {n_labels}, 3).")
            for sensor, pose in _poses(np.asarray(chunk, dtype=float), bodies, before):
                held[sensor] = np.concatenate([held[sensor], pose])
        stop = len(held[0]) - (0 if chunk is None else reach)
        if stop <= read:
            continue
        drop = max(0, stop - reach)
        records = []
        for sensor, placement in enumerate(placements):
            pose = held[sensor]
            force, turn = _readings(pose, rate, method, cutoffs[sensor], gravity)
            records.append(ImuRecording(placement, force[read:stop], turn[read:stop], rate))
            held[sensor] = pose[drop:].copy()
        read = stop - drop
        yield tuple(records)


def _poses(positions: np.ndarray, bodies: list[_Body], before: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Poses (n, 7) of every sensor; `before` holds the last quaternion of each and is kept up to date."""
    positions = np.ascontiguousarray(positions)
    for cluster, columns, sensors in bodies:
        quaternion, origin, _ = fit_quaternions(cluster.reference, positions, cluster.weights, columns)
        for sensor, placement in sensors:
            mounting = placement.mounting.as_quat()
            yield sensor, sensor_poses(origin, quaternion, placement.offset, mounting, before[sensor])


def _readings(
    pose: np.ndarray, rate: float, method: str, cutoff: float | None, gravity: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Specific force and angular velocity (n, 3) of poses (n, 7)."""
    if method in _DIFFERENCES:
        return difference_poses(pose if cutoff is None else _smoothed(pose, rate, cutoff), gravity, rate)
    known = np.isfinite(pose[:, :1])
    orientation = Rotation.from_quat(np.where(known, pose[:, 3:], (0.0, 0.0, 0.0, 1.0)))
    motion = SegmentMotion("", pose[:, :3], orientation, rate)
    record = simulate_imu(motion, SensorPlacement("", ""), method=method, gravity=gravity, cutoff=cutoff)
    return record.specific_force, record.angular_velocity


def _smoothed(pose: np.ndarray, rate: float, cutoff: float) -> np.ndarray:
    """Low-passed poses; all seven columns have the same gaps."""
    smooth = np.full_like(pose, np.nan)
    for start, stop in zip(*stretches(np.isfinite(pose[:, 0])), strict=True):
        smooth[start:stop] = low_pass(pose[start:stop], rate, cutoff)
    return smooth
