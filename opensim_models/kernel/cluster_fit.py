"""Cluster fit, compiled: the rigid pose that carries a set of markers onto where they were seen, frame by frame.

Wahba's problem by FOAM (Markley, Attitude determination using vector observations: a fast optimal matrix algorithm,
J Astronaut Sci 41:261, 1993). With B = Σ w g bᵀ (g seen, b in the body, both about their weighted centres), singular
values s1 >= s2 >= ±s3 and det B = s1 s2 s3, the best fit has Σ w g · R b = s1 + s2 + s3 = λ, the largest root of

    p(λ) = (λ² - |B|²)² - 8 λ det B - 4 |adj B|²,

which Newton reaches from above, starting at Σ w (|g|² + |b|²) / 2 >= λ: for a rigid cluster that *is* λ. Then

    R = ((κ + |B|²) B + λ adj(B)ᵀ - B Bᵀ B) / ζ,   κ = (λ² - |B|²) / 2,   ζ = κ λ - det B = (s1+s2)(s2+s3)(s3+s1).

Rounding grows by s1 / (s2 + s3); frames where ζ < 1e-4 λ³ (markers nearly on a line, or their mirror image) are left to
the singular value decomposition of `opensim_models.clinical.rigid_fit`, the readable version of this kernel.
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.kernel.compilation import announce_compilation, compiled

KNOWN, UNKNOWN, DOUBTFUL = 0, 1, 2
"""State of a frame: solved; too few markers, or on a line; for the singular value decomposition."""
_MOST_STEPS = 60
_SURE = 1e-4
_SECONDS = 3


@compiled
def _second_moment(xx: float, yy: float, zz: float, xy: float, xz: float, yz: float) -> float:
    """Middle eigenvalue of a symmetric matrix, by the cosine of a third of an angle (Smith, CACM 4:168, 1961)."""
    mean = (xx + yy + zz) / 3.0
    a, b, c = xx - mean, yy - mean, zz - mean
    size = math.sqrt((a * a + b * b + c * c + 2.0 * (xy * xy + xz * xz + yz * yz)) / 6.0)
    if size == 0.0:
        return mean
    determinant = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)
    cosine = min(1.0, max(-1.0, 0.5 * determinant / (size * size * size)))
    angle = math.acos(cosine) / 3.0
    return mean + 2.0 * size * math.cos(angle - 2.0 * math.pi / 3.0)


@compiled
def _take_markers(
    reference: np.ndarray, weights: np.ndarray, seen: np.ndarray, share: np.ndarray, body: np.ndarray
) -> tuple[float, float, float, float, float]:
    """Shares and centred positions of the seen markers; their centre, mean square and second moment (m²)."""
    total = x = y = z = 0.0
    for i in range(len(weights)):
        if seen[i]:
            total += weights[i]
            x += weights[i] * reference[i, 0]
            y += weights[i] * reference[i, 1]
            z += weights[i] * reference[i, 2]
    scale = 1.0 / total if total > 0.0 else 0.0
    x, y, z = x * scale, y * scale, z * scale
    xx = yy = zz = xy = xz = yz = 0.0
    for i in range(len(weights)):
        w = weights[i] * scale if seen[i] else 0.0
        a, b, c = reference[i, 0] - x, reference[i, 1] - y, reference[i, 2] - z
        share[i], body[i, 0], body[i, 1], body[i, 2] = w, a, b, c
        xx += w * a * a
        yy += w * b * b
        zz += w * c * c
        xy += w * a * b
        xz += w * a * c
        yz += w * b * c
    return x, y, z, xx + yy + zz, _second_moment(xx, yy, zz, xy, xz, yz)


@compiled
def _best_rotation(B: np.ndarray, bound: float, R: np.ndarray) -> bool:
    """FOAM: write the rotation that makes tr(Rᵀ B) largest, `bound` being no smaller; False where it is doubtful."""
    b00, b01, b02, b10, b11, b12, b20, b21, b22 = B[0], B[1], B[2], B[3], B[4], B[5], B[6], B[7], B[8]
    # cofactors, adj(B)ᵀ
    c00, c01, c02 = b11 * b22 - b12 * b21, b12 * b20 - b10 * b22, b10 * b21 - b11 * b20
    c10, c11, c12 = b02 * b21 - b01 * b22, b00 * b22 - b02 * b20, b01 * b20 - b00 * b21
    c20, c21, c22 = b01 * b12 - b02 * b11, b02 * b10 - b00 * b12, b00 * b11 - b01 * b10
    determinant = b00 * c00 + b01 * c01 + b02 * c02
    square = b00 * b00 + b01 * b01 + b02 * b02 + b10 * b10 + b11 * b11 + b12 * b12 + b20 * b20 + b21 * b21 + b22 * b22
    adjugate = c00 * c00 + c01 * c01 + c02 * c02 + c10 * c10 + c11 * c11 + c12 * c12 + c20 * c20 + c21 * c21 + c22 * c22
    root = bound
    for _ in range(_MOST_STEPS):
        excess = root * root - square
        slope = 4.0 * root * excess - 8.0 * determinant
        if slope <= 0.0:
            return False
        step = (excess * excess - 8.0 * root * determinant - 4.0 * adjugate) / slope
        root -= step
        if abs(step) <= 1e-15 * root:
            break
    kappa = 0.5 * (root * root - square)
    zeta = kappa * root - determinant
    if not zeta > _SURE * root * root * root:
        return False
    # rows of B Bᵀ
    d00, d01, d02 = (
        b00 * b00 + b01 * b01 + b02 * b02,
        b00 * b10 + b01 * b11 + b02 * b12,
        b00 * b20 + b01 * b21 + b02 * b22,
    )
    d11, d12, d22 = (
        b10 * b10 + b11 * b11 + b12 * b12,
        b10 * b20 + b11 * b21 + b12 * b22,
        b20 * b20 + b21 * b21 + b22 * b22,
    )
    whole, scale = kappa + square, 1.0 / zeta
    R[0] = ((whole - d00) * b00 - d01 * b10 - d02 * b20 + root * c00) * scale
    R[1] = ((whole - d00) * b01 - d01 * b11 - d02 * b21 + root * c01) * scale
    R[2] = ((whole - d00) * b02 - d01 * b12 - d02 * b22 + root * c02) * scale
    R[3] = ((whole - d11) * b10 - d01 * b00 - d12 * b20 + root * c10) * scale
    R[4] = ((whole - d11) * b11 - d01 * b01 - d12 * b21 + root * c11) * scale
    R[5] = ((whole - d11) * b12 - d01 * b02 - d12 * b22 + root * c12) * scale
    R[6] = ((whole - d22) * b20 - d02 * b00 - d12 * b10 + root * c20) * scale
    R[7] = ((whole - d22) * b21 - d02 * b01 - d12 * b11 + root * c21) * scale
    R[8] = ((whole - d22) * b22 - d02 * b02 - d12 * b12 + root * c22) * scale
    return True


@compiled
def _quaternion(R: np.ndarray, q: np.ndarray) -> None:
    """Write the unit quaternion (x y z w) of a rotation, from its largest component (Shepperd, JGC 1:223, 1978)."""
    trace = R[0] + R[4] + R[8]
    if trace >= R[0] and trace >= R[4] and trace >= R[8]:
        x, y, z, w = R[7] - R[5], R[2] - R[6], R[3] - R[1], 1.0 + trace
    elif R[0] >= R[4] and R[0] >= R[8]:
        x, y, z, w = 1.0 + 2.0 * R[0] - trace, R[1] + R[3], R[2] + R[6], R[7] - R[5]
    elif R[4] >= R[8]:
        x, y, z, w = R[1] + R[3], 1.0 + 2.0 * R[4] - trace, R[5] + R[7], R[2] - R[6]
    else:
        x, y, z, w = R[2] + R[6], R[5] + R[7], 1.0 + 2.0 * R[8] - trace, R[3] - R[1]
    scale = 1.0 / math.sqrt(x * x + y * y + z * z + w * w)
    q[0], q[1], q[2], q[3] = x * scale, y * scale, z * scale, w * scale


@compiled
def _fit_cluster_frames(
    reference: np.ndarray,
    weights: np.ndarray,
    positions: np.ndarray,
    columns: np.ndarray,
    least_spread: float,
    quaternion: np.ndarray,
    origin: np.ndarray,
    state: np.ndarray,
) -> None:
    n, m = len(positions), len(columns)
    seen, share, body = np.zeros(m, np.bool_), np.zeros(m), np.zeros((m, 3))
    B, R = np.empty(9), np.empty(9)
    cx = cy = cz = square = second = 0.0
    least = least_spread * least_spread
    for k in range(n):
        changed = False
        first = -1
        for i in range(m):
            p = positions[k, columns[i]]
            # not by isfinite: it asks whether x - x is a number, which REORDERED takes for granted in sums
            there = abs(p[0]) < math.inf and abs(p[1]) < math.inf and abs(p[2]) < math.inf
            if there and first < 0:
                first = i
            if there != seen[i]:
                seen[i] = there
                changed = True
        if changed:
            cx, cy, cz, square, second = _take_markers(reference, weights, seen, share, body)
        if first < 0 or not second >= least:
            quaternion[k], origin[k], state[k] = np.nan, np.nan, UNKNOWN
            continue
        # about a seen marker, so that nothing is lost far from the ground's origin
        near = positions[k, columns[first]]
        ox, oy, oz = near[0], near[1], near[2]
        gx = gy = gz = extent = 0.0
        B[:] = 0.0
        for i in range(m):
            if seen[i]:
                p, w = positions[k, columns[i]], share[i]
                x, y, z = p[0] - ox, p[1] - oy, p[2] - oz
                wx, wy, wz = w * x, w * y, w * z
                gx += wx
                gy += wy
                gz += wz
                extent += wx * x + wy * y + wz * z
                a, b, c = body[i, 0], body[i, 1], body[i, 2]
                B[0] += wx * a
                B[1] += wx * b
                B[2] += wx * c
                B[3] += wy * a
                B[4] += wy * b
                B[5] += wy * c
                B[6] += wz * a
                B[7] += wz * b
                B[8] += wz * c
        extent -= gx * gx + gy * gy + gz * gz
        if not _best_rotation(B, 0.5 * (extent + square), R):
            state[k] = DOUBTFUL
            continue
        _quaternion(R, quaternion[k])
        origin[k, 0] = ox + gx - (R[0] * cx + R[1] * cy + R[2] * cz)
        origin[k, 1] = oy + gy - (R[3] * cx + R[4] * cy + R[5] * cz)
        origin[k, 2] = oz + gz - (R[6] * cx + R[7] * cy + R[8] * cz)
        state[k] = KNOWN


def fit_cluster_frames(
    reference: np.ndarray, weights: np.ndarray, positions: np.ndarray, columns: np.ndarray, least_spread: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares rigid poses of a cluster with ``positions[k, columns] = origin[k] + rotation[k] reference``.

    Parameters
    ----------
    reference : ndarray, shape (n_markers, 3)
        In the body frame (m).
    weights : ndarray, shape (n_markers,)
        Positive.
    positions : ndarray, shape (n_frames, n_all, 3)
        In ground (m); NaN = not seen. Not copied where it is a plain array of float64.
    columns : ndarray of int, shape (n_markers,)
        Where each marker of the cluster is on the second axis.
    least_spread : float
        The seen markers must spread this far (m, RMS) along their second principal axis.

    Returns
    -------
    quaternion : ndarray, shape (n_frames, 4)
        x y z w, body → ground, of either sign.
    origin : ndarray, shape (n_frames, 3)
        m, ground frame.
    state : ndarray of int8, shape (n_frames,)
        `KNOWN`; `UNKNOWN`: both are NaN; `DOUBTFUL`: not written, the caller solves the frame by other means.
    """
    announce_compilation(_fit_cluster_frames, "cluster fit", _SECONDS)
    n = len(positions)
    quaternion, origin, state = np.empty((n, 4)), np.empty((n, 3)), np.empty(n, np.int8)
    _fit_cluster_frames(
        np.ascontiguousarray(reference, dtype=float),
        np.ascontiguousarray(weights, dtype=float),
        np.ascontiguousarray(positions, dtype=float),
        np.ascontiguousarray(columns, dtype=np.int64),
        least_spread,
        quaternion,
        origin,
        state,
    )
    return quaternion, origin, state
