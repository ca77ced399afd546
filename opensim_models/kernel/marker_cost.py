"""What a marker fit minimises in one frame: its cost, gradient and Hessian, from sums that travel down the linkage.

The velocity of a point p with link e is J = a × p + m, where (a, m) is the link's axis as a screw about the ground's
origin: (a, o × a) if it turns about a point o, (0, a) if it slides. Σ Jᵀ W J over all markers beyond a link therefore
needs only the sums W, W p and W p pᵀ of these markers, as the composite bodies of a mass matrix do (Featherstone, Rigid
Body Dynamics Algorithms, 2008, ch. 6, with marker weights for masses). The second derivatives of a marker follow from
∂J_f/∂q_e = a_e × J_f for a link e that carries link f, so that the exact Hessian costs little more than Gauss-Newton's:
Σ w r · (a_e × J_f) = a_e · Σ J_f × w r.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opensim_models.kernel.compilation import compiled
from opensim_models.kernel.kinematics import place_links
from opensim_models.kernel.linkage import Links


class FitProblem(NamedTuple):
    """What stays the same from frame to frame; weights in 1/m², priors in 1/rad² or 1/m².

    Attributes
    ----------
    marker_link : int array (m,)
        Link of each marker, -1 for the ground.
    marker_offset, marker_weight : (m, 3)
        In the link's frame (m); weights of the ground's axes.
    coordinate : int array (n,)
        The free coordinates, those of a branch's end before those that carry them.
    column : int array (n_q,)
        Place of a coordinate among the free ones, -1 where it is held.
    first : int array (n,)
        First column of each row of the Hessian's lower triangle that is not zero by structure.
    lower, upper, reference, prior : (n_q,)
    """

    marker_link: np.ndarray
    marker_offset: np.ndarray
    marker_weight: np.ndarray
    coordinate: np.ndarray
    column: np.ndarray
    first: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    reference: np.ndarray
    prior: np.ndarray


class Workspace(NamedTuple):
    """Arrays that are filled anew for every pose: of links, of markers, sums, and the linear system."""

    R: np.ndarray
    p: np.ndarray
    joint: np.ndarray
    point: np.ndarray
    pull: np.ndarray
    sums: np.ndarray
    hessian: np.ndarray
    factor: np.ndarray
    gradient: np.ndarray
    step: np.ndarray
    fixed: np.ndarray


@compiled
def workspace(links: Links, problem: FitProblem) -> Workspace:
    """Allocate the arrays."""
    n_links, m, n = len(links.parent), len(problem.marker_link), len(problem.coordinate)
    return Workspace(
        np.empty((n_links, 3, 3)),
        np.empty((n_links, 3)),
        np.empty((n_links, 3)),
        np.empty((m, 3)),
        np.empty((m, 3)),
        np.empty((n_links, 27)),
        np.zeros((n, n)),
        np.zeros((n, n)),
        np.empty(n),
        np.empty(n),
        np.zeros(n, dtype=np.bool_),
    )


@compiled
def cost(
    links: Links, problem: FitProblem, work: Workspace, q: np.ndarray, target: np.ndarray, origin: np.ndarray
) -> float:
    """Weighted squared distances plus priors at a pose; fills places and pulls (weight × residual) of the markers.

    `target` (m, 3) holds NaN for missing markers; `origin` is minus the point from which lengths are counted.
    """
    place_links(links, q, origin, work.joint, work.R, work.p)
    total = 0.0
    for k in range(len(problem.marker_link)):
        if np.isnan(target[k, 0]):
            work.pull[k, 0], work.pull[k, 1], work.pull[k, 2] = 0.0, 0.0, 0.0
            continue
        link = problem.marker_link[k]
        x, y, z = problem.marker_offset[k, 0], problem.marker_offset[k, 1], problem.marker_offset[k, 2]
        for i in range(3):
            if link >= 0:
                place = work.p[link, i] + work.R[link, i, 0] * x + work.R[link, i, 1] * y + work.R[link, i, 2] * z
            else:
                place = origin[i] + problem.marker_offset[k, i]
            residual = place - (target[k, i] + origin[i])
            work.point[k, i] = place
            work.pull[k, i] = problem.marker_weight[k, i] * residual
            total += work.pull[k, i] * residual
    for j in problem.coordinate:
        away = q[j] - problem.reference[j]
        total += problem.prior[j] * away * away
    return total


@compiled
def add_markers(links: Links, problem: FitProblem, work: Workspace, target: np.ndarray) -> None:
    """Sum over the markers beyond each link: moments of the weights (15), of the pulls (9), and the pulls (3)."""
    sums = work.sums
    sums[:] = 0.0
    for k in range(len(problem.marker_link)):
        s = problem.marker_link[k]
        if s < 0 or np.isnan(target[k, 0]):
            continue
        x, y, z = work.point[k, 0], work.point[k, 1], work.point[k, 2]
        u, v, w = problem.marker_weight[k, 0], problem.marker_weight[k, 1], problem.marker_weight[k, 2]
        sums[s, 0] += v * z * z + w * y * y
        sums[s, 1] -= w * x * y
        sums[s, 2] -= v * x * z
        sums[s, 3] += u * z * z + w * x * x
        sums[s, 4] -= u * y * z
        sums[s, 5] += u * y * y + v * x * x
        sums[s, 6] -= v * z
        sums[s, 7] += w * y
        sums[s, 8] += u * z
        sums[s, 9] -= w * x
        sums[s, 10] -= u * y
        sums[s, 11] += v * x
        sums[s, 12] += u
        sums[s, 13] += v
        sums[s, 14] += w
        for j in range(3):
            pull = work.pull[k, j]
            sums[s, 15 + j] += x * pull
            sums[s, 18 + j] += y * pull
            sums[s, 21 + j] += z * pull
            sums[s, 24 + j] += pull
    for link in range(len(links.parent) - 1, 0, -1):
        parent = links.parent[link]
        if parent >= 0:
            for i in range(27):
                sums[parent, i] += sums[link, i]


@compiled
def _couple(
    links: Links, problem: FitProblem, work: Workspace, f: int, screw: tuple[float, float, float, float, float, float]
) -> None:
    """Add to the Hessian what link f has in common with every link on its way to the ground, itself included."""
    H, R, p = work.hessian, work.R, work.p
    tx, ty, tz, bx, by, bz = screw
    row, slope = problem.column[links.coordinate[f]], work.joint[f, 1]
    e = f
    while e >= 0:
        column = problem.column[links.coordinate[e]]
        if column >= 0:
            x, y, z = R[e, 0, 2], R[e, 1, 2], R[e, 2, 2]
            term = x * bx + y * by + z * bz
            if links.kind[e] == 0:
                ox, oy, oz = p[e, 0], p[e, 1], p[e, 2]
                term = x * tx + y * ty + z * tz
                term += (oy * z - oz * y) * bx + (oz * x - ox * z) * by + (ox * y - oy * x) * bz
            term *= slope * work.joint[e, 1]
            if column == row and e != f:
                term *= 2.0
            if row > column:
                H[row, column] += term
            else:
                H[column, row] += term
        e = links.parent[e]


@compiled
def derive(links: Links, problem: FitProblem, work: Workspace, q: np.ndarray, target: np.ndarray, exact: bool) -> None:
    """Fill half the gradient and half the Hessian (lower triangle) at the pose of the last call of `cost`.

    Exact, or Gauss-Newton's, which is never indefinite.
    """
    add_markers(links, problem, work, target)
    H, g, R, p, sums = work.hessian, work.gradient, work.R, work.p, work.sums
    for i, j in enumerate(problem.coordinate):
        for k in range(problem.first[i], i):
            H[i, k] = 0.0
        H[i, i] = problem.prior[j]
        g[i] = problem.prior[j] * (q[j] - problem.reference[j])
    for f in range(len(links.parent)):
        row = problem.column[links.coordinate[f]]
        if row < 0:
            continue
        x, y, z = R[f, 0, 2], R[f, 1, 2], R[f, 2, 2]
        slope = work.joint[f, 1]
        px, py, pz = sums[f, 24], sums[f, 25], sums[f, 26]
        if links.kind[f] == 0:
            ox, oy, oz = p[f, 0], p[f, 1], p[f, 2]
            a, b, c = oy * z - oz * y, oz * x - ox * z, ox * y - oy * x
            along = x * (sums[f, 20] - sums[f, 22]) + y * (sums[f, 21] - sums[f, 17]) + z * (sums[f, 16] - sums[f, 18])
            along += a * px + b * py + c * pz
            tx = sums[f, 0] * x + sums[f, 1] * y + sums[f, 2] * z + sums[f, 6] * b + sums[f, 7] * c
            ty = sums[f, 1] * x + sums[f, 3] * y + sums[f, 4] * z + sums[f, 8] * a + sums[f, 9] * c
            tz = sums[f, 2] * x + sums[f, 4] * y + sums[f, 5] * z + sums[f, 10] * a + sums[f, 11] * b
            bx = sums[f, 8] * y + sums[f, 10] * z + sums[f, 12] * a
            by = sums[f, 6] * x + sums[f, 11] * z + sums[f, 13] * b
            bz = sums[f, 7] * x + sums[f, 9] * y + sums[f, 14] * c
            if exact:
                trace = sums[f, 15] - ox * px + sums[f, 19] - oy * py + sums[f, 23] - oz * pz
                turned = px * x + py * y + pz * z
                tx += sums[f, 15] * x + sums[f, 16] * y + sums[f, 17] * z - ox * turned - x * trace
                ty += sums[f, 18] * x + sums[f, 19] * y + sums[f, 20] * z - oy * turned - y * trace
                tz += sums[f, 21] * x + sums[f, 22] * y + sums[f, 23] * z - oz * turned - z * trace
        else:
            along = x * px + y * py + z * pz
            tx, ty, tz = (
                sums[f, 6] * y + sums[f, 7] * z,
                sums[f, 8] * x + sums[f, 9] * z,
                sums[f, 10] * x + sums[f, 11] * y,
            )
            bx, by, bz = sums[f, 12] * x, sums[f, 13] * y, sums[f, 14] * z
            if exact:
                tx, ty, tz = tx + y * pz - z * py, ty + z * px - x * pz, tz + x * py - y * px
        g[row] += slope * along
        if exact:
            H[row, row] += work.joint[f, 2] * along
        _couple(links, problem, work, f, (tx, ty, tz, bx, by, bz))


@compiled
def derive_gradient(links: Links, problem: FitProblem, work: Workspace, q: np.ndarray, target: np.ndarray) -> None:
    """Fill half the gradient alone, as `derive` does, from moment (3) and sum (3) of the pulls beyond each link."""
    R, p, sums, g = work.R, work.p, work.sums, work.gradient
    sums[:, :6] = 0.0
    for k in range(len(problem.marker_link)):
        s = problem.marker_link[k]
        if s < 0 or np.isnan(target[k, 0]):
            continue
        x, y, z = work.point[k, 0], work.point[k, 1], work.point[k, 2]
        u, v, w = work.pull[k, 0], work.pull[k, 1], work.pull[k, 2]
        sums[s, 0] += y * w - z * v
        sums[s, 1] += z * u - x * w
        sums[s, 2] += x * v - y * u
        sums[s, 3] += u
        sums[s, 4] += v
        sums[s, 5] += w
    for i, j in enumerate(problem.coordinate):
        g[i] = problem.prior[j] * (q[j] - problem.reference[j])
    for f in range(len(links.parent) - 1, -1, -1):
        parent, row = links.parent[f], problem.column[links.coordinate[f]]
        if parent >= 0:
            for i in range(6):
                sums[parent, i] += sums[f, i]
        if row < 0:
            continue
        x, y, z = R[f, 0, 2], R[f, 1, 2], R[f, 2, 2]
        u, v, w = sums[f, 3], sums[f, 4], sums[f, 5]
        along = x * u + y * v + z * w
        if links.kind[f] == 0:
            ox, oy, oz = p[f, 0], p[f, 1], p[f, 2]
            along = x * (sums[f, 0] - (oy * w - oz * v))
            along += y * (sums[f, 1] - (oz * u - ox * w)) + z * (sums[f, 2] - (ox * v - oy * u))
        g[row] += work.joint[f, 1] * along
