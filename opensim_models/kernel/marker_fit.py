"""Fit a linkage to the markers of a trial, frame after frame: Newton's method with damping, inside bounds.

Each frame starts where the two before it lead, or at the last one where noise makes that the better guess. Newton's
method on the exact Hessian converges quadratically although markers never fit exactly; where the Hessian is not
positive or a step fails, Levenberg-Marquardt takes over (Marquardt, J Soc Ind Appl Math 11:431, 1963). Coordinates at a
bound that the gradient pushes outwards are fixed, the others are clipped (two-metric projection: Bertsekas, SIAM J
Control Optim 20:221, 1982). A last step that is small enough keeps the factors of the one before it (the chord method:
Kelley, Iterative Methods for Linear and Nonlinear Equations, 1995, ch. 5), which leaves only the gradient to compute.
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.kernel.compilation import compiled
from opensim_models.kernel.linkage import Links
from opensim_models.kernel.marker_cost import FitProblem, Workspace, cost, derive, derive_gradient, workspace

LARGEST_STEP = 0.6  # rad or m
MOST_DAMPING = 1e8
SUPERLINEAR = 0.3  # ratio of two steps of Newton's method from which on it converges fast
LEAST_RATIO = 0.01  # no more than this is expected of the next step: another coordinate may lead it
CHORD_RATIO = 0.2  # the same after a step with the factors of the one before, which converges linearly


@compiled
def solve_step(problem: FitProblem, work: Workspace, damping: float) -> bool:
    """Solve (H + damping · diag H) step = -gradient for the coordinates not fixed; False if it is not positive.

    Cholesky row by row inside the envelope of the tree (Featherstone 2008, ch. 8: no entry outside it fills).
    """
    H, L, step, fixed, first = work.hessian, work.factor, work.step, work.fixed, problem.first
    n = len(step)
    for i in range(n):
        if fixed[i]:
            for k in range(first[i], i):
                L[i, k] = 0.0
            L[i, i] = 1.0
            step[i] = 0.0
            continue
        right = -work.gradient[i]
        diagonal = H[i, i] * (1.0 + damping) if H[i, i] > 1e-9 else H[i, i] + damping * 1e-9
        for j in range(first[i], i):
            if fixed[j]:
                L[i, j] = 0.0
                continue
            value = H[i, j]
            for k in range(max(first[i], first[j]), j):
                value -= L[i, k] * L[j, k]
            value *= L[j, j]
            L[i, j] = value
            diagonal -= value * value
            right -= value * step[j]
        if not diagonal > 1e-12 * (1.0 + damping) * abs(H[i, i]):
            return False
        L[i, i] = 1.0 / math.sqrt(diagonal)
        step[i] = right * L[i, i]
    for i in range(n - 1, -1, -1):
        step[i] *= L[i, i]
        for j in range(first[i], i):
            step[j] -= L[i, j] * step[i]
    return True


@compiled
def solve_again(problem: FitProblem, work: Workspace) -> None:
    """Solve for another gradient with the factors of the last `solve_step`, which must have had the same set fixed."""
    L, step, first = work.factor, work.step, problem.first
    n = len(step)
    for i in range(n):
        if work.fixed[i]:
            step[i] = 0.0
            continue
        right = -work.gradient[i]
        for k in range(first[i], i):
            right -= L[i, k] * step[k]
        step[i] = right * L[i, i]
    for i in range(n - 1, -1, -1):
        step[i] *= L[i, i]
        for j in range(first[i], i):
            step[j] -= L[i, j] * step[i]


@compiled
def fix_at_bounds(problem: FitProblem, work: Workspace, q: np.ndarray) -> bool:
    """Fix what stands at a bound and is pushed outwards; return whether the set has changed."""
    changed = False
    for i, j in enumerate(problem.coordinate):
        low = q[j] <= problem.lower[j] and work.gradient[i] > 0.0
        high = q[j] >= problem.upper[j] and work.gradient[i] < 0.0
        if work.fixed[i] != (low or high):
            changed = True
            work.fixed[i] = low or high
    return changed


@compiled
def stepped(problem: FitProblem, work: Workspace, q: np.ndarray, trial: np.ndarray) -> tuple[float, bool]:
    """Write the clipped step into `trial`; return the largest movement and whether a bound was newly hit."""
    moved, hit = 0.0, False
    for i, j in enumerate(problem.coordinate):
        value = q[j] + min(max(work.step[i], -LARGEST_STEP), LARGEST_STEP)
        inside = min(max(value, problem.lower[j]), problem.upper[j])
        hit = hit or inside != value
        moved = max(moved, abs(inside - q[j]))
        trial[j] = inside
    return moved, hit


@compiled
def fit_frame(
    links: Links,
    problem: FitProblem,
    work: Workspace,
    target: np.ndarray,
    origin: np.ndarray,
    q: np.ndarray,
    damping: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[float, bool, int]:
    """Fit one frame from q, in place; return its cost, whether it converged, and after how many steps.

    The workspace is left at the solution.
    """
    trial = q.copy()
    now = cost(links, problem, work, q, target, origin)
    work.fixed[:] = False
    before, converged, at_solution, exact, chord = 0.0, False, True, damping == 0.0, False
    iterations = 0
    while iterations < max_iterations and damping < MOST_DAMPING and not converged:
        iterations += 1
        if not at_solution:
            cost(links, problem, work, q, target, origin)
            at_solution = True
        if chord:
            derive_gradient(links, problem, work, q, target)
        else:
            derive(links, problem, work, q, target, exact)
        changed = fix_at_bounds(problem, work, q)
        if chord and not changed:
            solve_again(problem, work)
        else:
            if chord:
                derive(links, problem, work, q, target, exact)
                chord = False
            if not solve_step(problem, work, damping):
                damping = max(10.0 * damping, 1e-6)
                exact = False
                continue
        moved, hit = stepped(problem, work, q, trial)
        then = cost(links, problem, work, trial, target, origin)
        if then <= now * (1.0 + 1e-12):
            q[:] = trial
            now = then
            newton = exact and damping == 0.0
            ratio = moved / before if before > 0.0 else 1.0
            fast = newton and ratio < SUPERLINEAR
            left = moved * (CHORD_RATIO if chord else max(ratio, LEAST_RATIO))  # what a further step would change
            converged = not (hit or (changed and iterations > 1)) and (moved < tolerance or (fast and left < tolerance))
            after_chord = moved * max(ratio * ratio, LEAST_RATIO) ** 2  # the next step times its own ratio
            chord = fast and not hit and not chord and after_chord < tolerance
            before = moved if newton else 0.0
            damping = 0.1 * damping if damping > 1e-7 else 0.0
            exact = damping < 1e-3
        else:
            at_solution = False
            converged = moved < tolerance
            if not chord:
                damping, exact = max(10.0 * damping, 1e-4), False
            before, chord = 0.0, False
    if not at_solution:
        cost(links, problem, work, q, target, origin)
    return now, converged, iterations


@compiled
def fit_frames(
    links: Links,
    problem: FitProblem,
    measured: np.ndarray,
    given: np.ndarray,
    frames: np.ndarray,
    starts: np.ndarray,
    start_of: np.ndarray,
    tolerance: float,
    max_iterations: int,
    values: np.ndarray,
    error: np.ndarray,
    costs: np.ndarray,
    converged: np.ndarray,
) -> int:
    """Fit frames in the order given and fill values (n_frames, n_q), error (n_frames, m), costs, converged (n_frames,).

    `given` (n_frames, n_q) says where the coordinates that are not solved for are in each frame; without rows, they
    stay at their reference. `start_of[k]` is the row of `starts` from which frame `frames[k]` begins; -1: where the
    frames before it lead.
    Returns the number of steps taken.
    """
    work = workspace(links, problem)
    m = len(problem.marker_link)
    q, origin = problem.reference.copy(), np.zeros(3)
    run, total, gain = 0, 0, 0.0
    for k in range(len(frames)):
        frame = frames[k]
        target = measured[frame]
        run = 0 if start_of[k] >= 0 else run + 1
        if len(given) > 0:
            q[:] = given[frame]
        for j in problem.coordinate:
            if run == 0:
                start = starts[start_of[k], j]
            else:
                start = values[frames[k - 1], j]
                ahead = start - values[frames[k - 2], j] if run > 1 and gain >= 0.0 else 0.0
                if abs(ahead) < LARGEST_STEP:  # a leap is no movement: a whole turn would repeat itself for ever
                    start += ahead
            q[j] = min(max(start, problem.lower[j]), problem.upper[j])
        seen = 0
        origin[:] = 0.0
        for i in range(m):
            if not np.isnan(target[i, 0]):
                seen += 1
                for axis in range(3):
                    origin[axis] -= target[i, axis]
        origin /= max(seen, 1)
        damping = 1e-3 if run == 0 else 0.0
        found, done, steps = fit_frame(links, problem, work, target, origin, q, damping, tolerance, max_iterations)
        values[frame], costs[frame], converged[frame], total = q, found, done, total + steps
        if run > 1:  # noise may make the last frame a better start than the line through the last two
            still, line = 0.0, 0.0
            for j in problem.coordinate:
                last, motion = values[frames[k - 1], j], values[frames[k - 1], j] - values[frames[k - 2], j]
                still = max(still, abs(q[j] - last))
                line = max(line, abs(q[j] - last - motion))
            gain = 0.8 * gain + still - line
        for i in range(m):
            square = 0.0
            for axis in range(3):
                if problem.marker_weight[i, axis] > 0.0:
                    away = work.point[i, axis] - target[i, axis] - origin[axis]
                    square += away * away
            error[frame, i] = math.nan if np.isnan(target[i, 0]) else math.sqrt(square)
    return total
