"""Orientation filter: orientations of segments from each sensor alone by VQF, headings aligned by walking straight.

VQF (Laidig and Seel 2023, Information Fusion 91:187) without a magnetometer knows the vertical and drifts slowly about
it. Sensors that walk together look the same way on average, so each one's heading is turned back until its segment's
medio-lateral axis points right, averaged over about two strides: OpenSense does this once, at the calibration pose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation
from vqf import offlineVQF

from mocap_import.stretch import stretches
from synth.imu.recording import ImuRecording

HEADING_SECONDS = 1.2
"""SD (s) of the window over which a heading is averaged: about a stride to either side [assumption]."""
SHORTEST = 3.0
"""s: a filter needs some strides to settle."""
_UP_TO_Y = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""VQF's earth has Z up; ours Y."""


def segment_orientations(recordings: Sequence[ImuRecording]) -> tuple[dict[str, Rotation], np.ndarray]:
    """Orientation of every segment that carries a sensor.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Their mounting says how each sensor sits on its segment.

    Returns
    -------
    dict of str to Rotation, length n_frames
        Segment → ground (X forward on average, Y up, Z right).
    ndarray of bool, shape (n_frames,)
        Frames in which all sensors have a value, in stretches of at least `SHORTEST`; elsewhere orientations mean
        nothing.
    """
    rate, n_frames = recordings[0].rate, len(recordings[0].specific_force)
    known = np.all([np.isfinite(np.hstack([r.specific_force, r.angular_velocity])).all(axis=1) for r in recordings], 0)
    inside = np.zeros(n_frames, dtype=bool)
    quaternions = {r.placement.segment: np.tile([0.0, 0.0, 0.0, 1.0], (n_frames, 1)) for r in recordings}
    for begin, stop in zip(*stretches(known), strict=True):
        if stop - begin < SHORTEST * rate:
            continue
        inside[begin:stop] = True
        for r in recordings:
            turned = _filtered(r, slice(begin, stop)) * r.placement.mounting.inv()
            quaternions[r.placement.segment][begin:stop] = _headed(turned, rate).as_quat()
    return {segment: Rotation.from_quat(q) for segment, q in quaternions.items()}, inside


def _filtered(recording: ImuRecording, span: slice) -> Rotation:
    """Sensor → ground with an arbitrary heading."""
    gyroscope, accelerometer = (
        np.ascontiguousarray(values[span], dtype=float)
        for values in (recording.angular_velocity, recording.specific_force)
    )
    found = offlineVQF(gyroscope, accelerometer, None, 1.0 / recording.rate)
    return _UP_TO_Y * Rotation.from_quat(found["quat6D"], scalar_first=True)


def _headed(orientation: Rotation, rate: float) -> Rotation:
    """Turned about the vertical until the segment's Z axis points right on a running average."""
    side = orientation.apply([0.0, 0.0, 1.0])[:, [0, 2]]
    smooth = gaussian_filter1d(side, HEADING_SECONDS * rate, axis=0, mode="nearest")
    # a turn by φ about Y takes (x, z) to (x cos φ + z sin φ, z cos φ - x sin φ): φ = -atan2(x, z) takes x to zero
    angle = -np.arctan2(smooth[:, 0], smooth[:, 1])
    return Rotation.from_rotvec(np.outer(angle, [0.0, 1.0, 0.0])) * orientation
