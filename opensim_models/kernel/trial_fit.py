"""Fit a trial by the compiled kernel: from a marker problem to flat arrays, runs of frames, and a second look.

Within a run of solvable frames each starts from the ones before it. A frame whose cost stands out, and some of all, are
solved again from a pose of their own, and where that is better their neighbours follow from there: no jump into a wrong
minimum stays.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from opensim_models.inverse.marker_least_squares import MarkerProblem, seen_markers, start_pose
from opensim_models.kernel.compilation import announce_compilation, compiled
from opensim_models.kernel.kinematics import link_poses
from opensim_models.kernel.linkage import Links, linkage
from opensim_models.kernel.marker_cost import FitProblem, cost, derive, workspace
from opensim_models.kernel.marker_fit import fit_frames
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.skeleton_memory import remember_of_skeleton

SECONDS_TO_COMPILE = 15
JUMP = 4.0
"""A cost this many times the neighbours' is looked at again."""
BETTER = 0.98
"""Share of the former cost below which a second solution replaces the first."""
CHECK_EVERY = 100
"""Every so many frames one is solved from its own start in any case: a whole run may sit in a wrong minimum."""
SINGULAR = 1e-6
"""Added to the diagonal of a matrix that is to be inverted though it may be singular: a spread of 1000 rad or m."""


def fit_trial(
    problem: MarkerProblem, measured: np.ndarray, solvable: np.ndarray, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve the frames of a trial.

    Parameters
    ----------
    problem : MarkerProblem
    measured : ndarray, shape (n_frames, m, 3)
        m, ground frame; NaN = occluded.
    solvable : ndarray of bool, shape (n_frames,)
    tolerance, max_iterations
        See `inverse_kinematics.solve_inverse_kinematics`.

    Returns
    -------
    values : ndarray, shape (n_frames, n_q)
        NaN in frames that are not solvable.
    error : ndarray, shape (n_frames, m)
        Distance model - measured (m) along the axes that have weight.
    converged : ndarray of bool, shape (n_frames,)
    """
    announce_compilation(fit_frames, "inverse kinematics", SECONDS_TO_COMPILE)
    flat, links = fit_problem(problem), linkage(problem.skeleton).links
    n_frames = len(measured)
    seen = np.ascontiguousarray(measured, dtype=float)
    hidden = ~seen_markers(seen)
    if hidden.any():  # a marker with one coordinate missing is hidden as a whole
        seen = np.where(hidden[..., None], np.nan, seen)
    values = np.full((n_frames, len(problem.reference)), np.nan)
    error = np.full((n_frames, len(problem.markers)), np.nan)
    costs, converged = np.full(n_frames, np.nan), np.zeros(n_frames, dtype=bool)
    frames = np.flatnonzero(solvable)
    out = (values, error, costs, converged)
    given = _given(problem, n_frames)
    if len(frames):
        fresh = np.diff(frames, prepend=-2) != 1
        start_of = np.full(len(frames), -1)
        start_of[fresh] = np.arange(fresh.sum())
        starts = start_pose(problem, seen[frames[fresh]], partial(_places, links, flat))
        fit_frames(links, flat, seen, given, frames, starts, start_of, tolerance, max_iterations, *out)
        _look_again(problem, links, flat, seen, given, frames, tolerance, max_iterations, out)
    return values, error, converged


def _look_again(
    problem: MarkerProblem,
    links: Links,
    flat: FitProblem,
    seen: np.ndarray,
    given: np.ndarray,
    frames: np.ndarray,
    tolerance: float,
    max_iterations: int,
    out: tuple[np.ndarray, ...],
) -> None:
    """Solve doubtful frames, and some of all, from their own start; let those that come out better lead on.

    Doubtful is what did not converge, and what costs far more than the frame before it.
    """
    values, _, costs, converged = out
    share = costs[frames] / np.maximum(np.isfinite(seen[frames, :, 0]).sum(axis=1), 1)
    jumps = share > JUMP * np.maximum(np.r_[0.0, share[:-1]], np.median(share))
    checked = np.arange(len(frames)) % CHECK_EVERY == CHECK_EVERY // 2
    doubtful = np.flatnonzero(~converged[frames] | jumps | checked)
    if not len(doubtful):
        return
    again = tuple(np.empty_like(table) for table in out)
    own = frames[doubtful]
    starts = start_pose(problem, seen[own], partial(_places, links, flat))
    fit_frames(links, flat, seen, given, own, starts, np.arange(len(own)), tolerance, max_iterations, *again)
    for k in doubtful:
        if not _replaced(frames[k], again, out):
            continue
        for direction in (1, -1):  # its neighbours, from there, as long as they come out better too
            i = k + direction
            while 0 <= i < len(frames) and frames[i] == frames[i - direction] + direction:
                lead = values[frames[i - direction]][None]
                one = frames[i : i + 1]
                first = np.zeros(1, np.int64)
                fit_frames(links, flat, seen, given, one, lead, first, tolerance, max_iterations, *again)
                if not _replaced(frames[i], again, out):
                    break
                i += direction


def _given(problem: MarkerProblem, n_frames: int) -> np.ndarray:
    """Values (n_frames, n_q) of the coordinates in every frame as far as they are not solved for; empty if constant."""
    if not problem.courses:
        return np.empty((0, len(problem.reference)))
    given = np.tile(problem.reference, (n_frames, 1))
    for j, course in problem.courses.items():
        given[:, j] = course
    return given


def _replaced(frame: int, again: tuple[np.ndarray, ...], out: tuple[np.ndarray, ...]) -> bool:
    """Take the second solution of a frame if it is the better one."""
    lower = again[2][frame] < BETTER * out[2][frame]
    settled = again[3][frame] and not out[3][frame] and again[2][frame] <= out[2][frame] * (1.0 + 1e-9)
    if lower or settled:
        for table, other in zip(out, again, strict=True):
            table[frame] = other[frame]
    return bool(lower or settled)


def fit_problem(problem: MarkerProblem) -> FitProblem:
    """Flatten a marker problem for the kernel."""
    flat = linkage(problem.skeleton)
    segments = list(problem.segments)
    rotations, offsets = flat.segment_rotation[segments], flat.segment_offset[segments]
    return FitProblem(
        flat.segment_link[segments],
        np.einsum("kij,kj->ki", rotations, problem.offsets) + offsets,
        np.ascontiguousarray(problem.weights, dtype=float),
        *_columns(problem.skeleton, tuple(problem.free.tolist())),
        *(table.astype(float) for table in (problem.lower, problem.upper, problem.reference, problem.prior)),
    )


def _places(links: Links, flat: FitProblem, q: np.ndarray) -> np.ndarray:
    """Marker positions (n_frames, m, 3) of coordinates (n_frames, n_q)."""
    R, p = link_poses(links, np.ascontiguousarray(q))
    moving = flat.marker_link >= 0
    turned = np.einsum("fkij,kj->fki", R[:, flat.marker_link], flat.marker_offset)
    return np.where(moving[:, None], turned + p[:, flat.marker_link], flat.marker_offset)


@remember_of_skeleton
def _columns(skeleton: Skeleton, free: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of the free coordinates, their columns, and the envelope of the Hessian: see `FitProblem`.

    Coordinates stand in the order of the branches, from their ends to the ground. Two of them meet in the Hessian only
    where one lies on the way from the other to the ground.
    """
    links = linkage(skeleton).links
    children: dict[int, list[int]] = {}
    for link, parent in enumerate(links.parent.tolist()):
        children.setdefault(parent, []).append(link)
    order: list[int] = []
    waiting = list(children.get(-1, ()))
    while waiting:
        link = waiting.pop()
        j = int(links.coordinate[link])
        if free[j] and j not in order:
            order.append(j)
        waiting += children.get(link, ())
    coordinate = np.array(order[::-1], dtype=np.int64)
    column = np.full(len(free), -1, dtype=np.int64)
    column[coordinate] = np.arange(len(coordinate))
    first = np.arange(len(coordinate))
    for f in range(len(links.parent)):
        e = f
        while e >= 0:
            low, high = sorted((column[links.coordinate[f]], column[links.coordinate[e]]))
            if low >= 0:
                first[high] = min(first[high], low)
            e = links.parent[e]
    return coordinate, column, first


@compiled
def _normal_matrices(links: Links, flat: FitProblem, measured: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Gauss-Newton matrices (n_frames, n, n) of poses, lower triangles."""
    work = workspace(links, flat)
    found = np.zeros((len(q), len(flat.coordinate), len(flat.coordinate)))
    origin = np.zeros(3)
    for frame in range(len(q)):
        for axis in range(3):
            origin[axis] = -np.nanmean(measured[frame, :, axis])
        cost(links, flat, work, q[frame], measured[frame], origin)
        derive(links, flat, work, q[frame], measured[frame], False)
        for i in range(len(flat.coordinate)):
            for j in range(flat.first[i], i + 1):
                found[frame, i, j] = work.hessian[i, j]
    return found


def coordinate_uncertainty(problem: MarkerProblem, measured: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Standard deviation (n_frames, n_q) of coordinates that markers of their spread alone leave (rad or m).

    The square root of the diagonal of (Jᵀ W J)⁻¹, without priors; NaN for coordinates that are held.
    """
    flat = fit_problem(replace(problem, prior=np.full_like(problem.prior, SINGULAR)))
    lower = _normal_matrices(linkage(problem.skeleton).links, flat, measured, q)
    whole = lower + np.swapaxes(np.tril(lower, -1), 1, 2)
    variance = np.diagonal(np.linalg.inv(whole), axis1=1, axis2=2)
    found = np.full(q.shape, np.nan)
    found[:, flat.coordinate] = np.sqrt(np.maximum(variance, 0.0))
    return found
