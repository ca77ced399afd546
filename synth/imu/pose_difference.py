"""Pose difference, compiled: a segment's pose → its sensor's pose → what the sensor reads by central differences.

The scheme is ``central_difference`` of `synth.imu.simulation`, which is the readable version: second central difference
of the sensor's position; mean of the two neighbouring rotation increments through the SO(3) logarithm. A pose is a row
of seven numbers: position (m, ground frame) and quaternion (x y z w, sensor → ground); a missing one is seven NaN.
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.kernel.compilation import announce_compilation, compiled

_SECONDS = 1


@compiled
def _place_sensor(
    origin: np.ndarray,
    segment: np.ndarray,
    offset: np.ndarray,
    mounting: np.ndarray,
    before: np.ndarray,
    pose: np.ndarray,
) -> None:
    """Write poses (n, 7); `before` is the last known quaternion so far and is kept up to date."""
    mx, my, mz, mw = mounting[0], mounting[1], mounting[2], mounting[3]
    rx, ry, rz = offset[0], offset[1], offset[2]
    bx, by, bz, bw = before[0], before[1], before[2], before[3]
    for k in range(len(origin)):
        x, y, z, w = segment[k, 0], segment[k, 1], segment[k, 2], segment[k, 3]
        # isfinite asks whether x - x is a number, which a compiler that may reorder sums takes for granted
        if not abs(origin[k, 0]) + abs(origin[k, 1]) + abs(origin[k, 2]) < math.inf:
            pose[k] = np.nan
            continue
        # R r = r + 2 w (u x r) + 2 u x (u x r)
        tx, ty, tz = 2.0 * (y * rz - z * ry), 2.0 * (z * rx - x * rz), 2.0 * (x * ry - y * rx)
        pose[k, 0] = origin[k, 0] + rx + w * tx + y * tz - z * ty
        pose[k, 1] = origin[k, 1] + ry + w * ty + z * tx - x * tz
        pose[k, 2] = origin[k, 2] + rz + w * tz + x * ty - y * tx
        qx = w * mx + x * mw + y * mz - z * my
        qy = w * my + y * mw + z * mx - x * mz
        qz = w * mz + z * mw + x * my - y * mx
        qw = w * mw - x * mx - y * my - z * mz
        sign = -1.0 if qx * bx + qy * by + qz * bz + qw * bw < 0.0 else 1.0
        bx, by, bz, bw = sign * qx, sign * qy, sign * qz, sign * qw
        pose[k, 3], pose[k, 4], pose[k, 5], pose[k, 6] = bx, by, bz, bw
    before[0], before[1], before[2], before[3] = bx, by, bz, bw


@compiled
def _difference(pose: np.ndarray, gravity: np.ndarray, rate: float, force: np.ndarray, turn: np.ndarray) -> None:
    # Increments first, then their sums: were they carried along, the compiler would round those of a chunk's first
    # frames in another way than inside a chunk.
    n = len(pose)
    for k in range(n - 1):
        x, y, z, w = pose[k, 3], pose[k, 4], pose[k, 5], pose[k, 6]
        a, b, c, d = pose[k + 1, 3], pose[k + 1, 4], pose[k + 1, 5], pose[k + 1, 6]
        # conj(q_k) q_k+1 and its logarithm, which holds for quaternions of any length
        ix = w * a - x * d - y * c + z * b
        iy = w * b - y * d - z * a + x * c
        iz = w * c - z * d - x * b + y * a
        iw = w * d + x * a + y * b + z * c
        sine = math.sqrt(ix * ix + iy * iy + iz * iz)
        half = math.atan2(sine, abs(iw))
        scale = math.copysign(half / sine if sine > 1e-12 else 1.0, iw) * rate
        turn[k, 0], turn[k, 1], turn[k, 2] = scale * ix, scale * iy, scale * iz
    for k in range(n - 2, 0, -1):
        turn[k, 0] += turn[k - 1, 0]
        turn[k, 1] += turn[k - 1, 1]
        turn[k, 2] += turn[k - 1, 2]
    gx, gy, gz, square = gravity[0], gravity[1], gravity[2], rate * rate
    for k in range(1, n - 1):
        x, y, z, w = pose[k, 3], pose[k, 4], pose[k, 5], pose[k, 6]
        fx = (pose[k + 1, 0] - 2.0 * pose[k, 0] + pose[k - 1, 0]) * square - gx
        fy = (pose[k + 1, 1] - 2.0 * pose[k, 1] + pose[k - 1, 1]) * square - gy
        fz = (pose[k + 1, 2] - 2.0 * pose[k, 2] + pose[k - 1, 2]) * square - gz
        # R^T f = f + 2 (w t + t x u) / |q|^2 with t = f x u
        shrink = 2.0 / (x * x + y * y + z * z + w * w)
        tx, ty, tz = fy * z - fz * y, fz * x - fx * z, fx * y - fy * x
        force[k, 0] = fx + shrink * (w * tx + ty * z - tz * y)
        force[k, 1] = fy + shrink * (w * ty + tz * x - tx * z)
        force[k, 2] = fz + shrink * (w * tz + tx * y - ty * x)
    for k in (0, n - 1):
        force[k], turn[k] = np.nan, np.nan


def sensor_poses(
    origin: np.ndarray, quaternion: np.ndarray, offset: np.ndarray, mounting: np.ndarray, before: np.ndarray
) -> np.ndarray:
    """Pose of a sensor on a segment in every frame.

    Parameters
    ----------
    origin : ndarray, shape (n, 3)
        Of the segment (m, ground frame); NaN = missing.
    quaternion : ndarray, shape (n, 4)
        Of the segment (x y z w, segment → ground).
    offset : ndarray, shape (3,)
        Of the sensor in the segment frame (m).
    mounting : ndarray, shape (4,)
        Quaternion sensor → segment.
    before : ndarray, shape (4,)
        Quaternion of the sensor in the last frame before these that is not missing, zeros if there is none: signs
        continue it. Set to that of the last frame here.

    Returns
    -------
    ndarray, shape (n, 7)
        Rows as the module describes.
    """
    announce_compilation(_place_sensor, "sensor pose", _SECONDS)
    pose = np.empty((len(origin), 7))
    _place_sensor(origin, quaternion, np.array(offset, dtype=float), np.array(mounting, dtype=float), before, pose)
    return pose


def difference_poses(
    pose: np.ndarray, gravity: tuple[float, float, float], rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Specific force (m/s²) and angular velocity (rad/s), each (n, 3), in the sensor frame, of poses (n, 7).

    The quaternions need not have unit length. NaN in the first and last frame and wherever one of the three poses is
    missing.
    """
    announce_compilation(_difference, "sensor difference", _SECONDS)
    force, turn = np.empty((len(pose), 3)), np.empty((len(pose), 3))
    if len(pose):
        _difference(np.ascontiguousarray(pose), np.array(gravity, dtype=float), float(rate), force, turn)
    return force, turn
