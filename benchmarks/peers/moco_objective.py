"""OpenSim Moco's objective, term by term, in NumPy: what another solver has to reproduce.

Every cost term of Moco is `weight * integral` over the phase, the integral a quadrature over the transcription's grid
points t_k with weights w_k:

- trapezoidal: w = h/2 at both ends of every interval of length h;
- hermite-simpson: w = h/6, 4h/6, h/6 at the two ends and the midpoint of every interval.

The integrands, as OpenSim 4.6's `MocoControlGoal`, `MocoStateTrackingGoal` and `MocoContactTrackingGoal` define them:

- effort: sum over controls of c_j |u_j|^p (p = 2 in a MocoTrack; c_j = 1 unless set). Controls are what the actuator
  receives: excitations without unit, and *newton metres* for a coordinate actuator of optimal force 1. Divided by the
  displacement of the model's centre of mass between the first and last grid point (m, length of the 3-D vector) where
  the goal says so;
- state tracking: sum over tracked states of c_j (x_j - r_j(t))^2; values in rad or m and speeds in rad/s or m/s count
  alike, nothing is scaled; r_j is the interpolating spline of degree 5 through the filtered table, the speeds' columns
  of that table are the derivative of the values' spline;
- contact tracking: sum over groups of |P (F - G(t))|^2 / (m g), F the sum of the group's forces on the spheres (N,
  ground frame), G the spline through the measured force, P = 1 - n n^T for the projection on the plane of normal n,
  m the model's total mass, g the length of gravity. The squared deviation is divided by body weight *once*: the term
  is in N s, body weight times what a deviation in body weights would give. Nothing is divided by the duration.

Endpoint goals (symmetry, average speed) are constraints and add nothing. Moco adds no regularisation in explicit mode.
Checked against `MocoSolution.getObjectiveTerm` of every solution that `benchmarks/moco_*.py` writes.
"""

from __future__ import annotations

import numpy as np

SCHEMES = ("hermite-simpson", "trapezoidal")
PELVIS_TRANSLATIONS = ("pelvis_tx", "pelvis_ty", "pelvis_tz")


def quadrature_weights(times: np.ndarray, scheme: str) -> np.ndarray:
    """Weights (s) of the grid points at `times` (s) in Moco's quadrature; midpoints belong to a Simpson grid."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme: expected one of {SCHEMES}, got {scheme!r}")
    times = np.asarray(times, dtype=float)
    weights = np.zeros(times.size)
    if scheme == "trapezoidal":
        length = np.diff(times)
        weights[:-1] += length / 2
        weights[1:] += length / 2
        return weights
    if times.size % 2 == 0:
        raise ValueError(
            f"hermite-simpson: expected an odd number of grid points (mesh and midpoints), got {times.size}"
        )
    length = times[2::2] - times[:-2:2]
    weights[:-2:2] += length / 6
    weights[1::2] += 4 * length / 6
    weights[2::2] += length / 6
    return weights


def effort_integral(
    times: np.ndarray,
    controls: np.ndarray,
    scheme: str,
    *,
    exponent: int = 2,
    control_weights: np.ndarray | float = 1.0,
) -> float:
    """Integral of the weighted sum of |control|^exponent; controls (time, control)."""
    integrand = (np.asarray(control_weights) * np.abs(controls) ** exponent).sum(axis=1)
    return float(quadrature_weights(times, scheme) @ integrand)


def state_tracking_integral(
    times: np.ndarray,
    states: np.ndarray,
    reference: np.ndarray,
    scheme: str,
    *,
    state_weights: np.ndarray | float = 1.0,
) -> float:
    """Integral of the weighted squared deviation of the tracked states; both (time, tracked state)."""
    integrand = (np.asarray(state_weights) * (states - reference) ** 2).sum(axis=1)
    return float(quadrature_weights(times, scheme) @ integrand)


def contact_tracking_integral(
    times: np.ndarray,
    forces: np.ndarray,
    reference: np.ndarray,
    scheme: str,
    *,
    body_weight: float,
    plane_normal: np.ndarray | None = None,
) -> float:
    """Integral of the squared force deviation over body weight; forces (time, group, 3) and body weight in N."""
    deviation = np.asarray(forces) - np.asarray(reference)
    if plane_normal is not None:
        normal = np.asarray(plane_normal, dtype=float)
        normal = normal / np.linalg.norm(normal)
        deviation = deviation - (deviation @ normal)[..., None] * normal
    return float(quadrature_weights(times, scheme) @ (deviation**2).sum(axis=(1, 2)) / body_weight)


def tracking_objective(trajectory: dict[str, np.ndarray], problem: dict) -> dict[str, float]:
    """Terms of Moco's tracking objective, weights applied, and their sum under `total`.

    Parameters
    ----------
    trajectory
        `times` (s) on the problem's grid, `states` (time, state) with `state_paths`, `controls` (time, control) with
        `control_paths`, and, where the problem tracks contact, `forces` (time, group, 3; N) with `force_groups`.
    problem
        The numbers that `benchmarks/moco_*.py --problem` writes.

    Raises
    ------
    ValueError
        If the trajectory is not on the problem's grid or a tracked state is missing.
    """
    times = np.asarray(trajectory["times"], dtype=float)
    reference, weights, scheme = problem["reference"], problem["weights"], problem["scheme"]
    grid = np.asarray(reference["times"])
    if times.shape != grid.shape or np.abs(times - grid).max() > 1e-9:
        raise ValueError(
            f"the trajectory's {times.size} times ({times[0]:.6g} to {times[-1]:.6g} s) are not the problem's "
            f"{grid.size} grid points ({grid[0]:.6g} to {grid[-1]:.6g} s, {scheme}, {problem['intervals']} intervals)"
        )
    terms = {"control_effort": weights["control_effort"] * _effort(trajectory, problem, times)}
    columns = _columns(trajectory["state_paths"], reference["states"])
    terms["state_tracking"] = weights["state_tracking"] * state_tracking_integral(
        times,
        np.asarray(trajectory["states"])[:, columns],
        np.column_stack(list(reference["states"].values())),
        scheme,
        state_weights=np.array([reference["state_weights"][path] for path in reference["states"]]),
    )
    if "contact" in weights:
        order = _columns(trajectory["force_groups"], reference["forces"])
        terms["contact"] = weights["contact"] * contact_tracking_integral(
            times,
            np.asarray(trajectory["forces"])[:, order],
            np.stack([np.asarray(force) for force in reference["forces"].values()], axis=1),
            scheme,
            body_weight=problem["total_mass"] * float(np.linalg.norm(problem["gravity"])),
            plane_normal=problem.get("contact_plane_normal"),
        )
    terms["total"] = sum(terms.values())
    return terms


def prediction_objective(
    trajectory: dict[str, np.ndarray], scheme: str, *, weight: float, exponent: int, displacement: float
) -> float:
    """Weight times effort per metre of the centre of mass's displacement (m)."""
    effort = effort_integral(trajectory["times"], trajectory["controls"], scheme, exponent=exponent)
    return weight * effort / displacement


def _effort(trajectory: dict[str, np.ndarray], problem: dict, times: np.ndarray) -> float:
    own = problem.get("control_weights", {})
    factors = np.array([own.get(str(path), 1.0) for path in trajectory["control_paths"]])
    return effort_integral(
        times,
        trajectory["controls"],
        problem["scheme"],
        exponent=problem.get("effort_exponent", 2),
        control_weights=factors,
    )


def _columns(paths: np.ndarray, wanted: dict) -> list[int]:
    own = [str(path) for path in paths]
    lacking = [path for path in wanted if path not in own]
    if lacking:
        raise ValueError(
            f"the trajectory lacks {len(lacking)} tracked columns, first {lacking[:3]}; it has {own[:3]} ..."
        )
    return [own.index(path) for path in wanted]


def deviations(trajectory: dict[str, np.ndarray], problem: dict) -> dict[str, float]:
    """Root mean square deviation from the tracked data over the grid points.

    `joint_angles_deg` counts all joint angles alike, pelvis rotations and translations left out; `pelvis_mm` the
    pelvis translations; `force_<axis>_percent_bw` both feet, in percent of body weight, where contact is tracked.
    """
    reference = problem["reference"]
    values = [path for path in reference["states"] if path.endswith("/value")]
    states = np.asarray(trajectory["states"])[:, _columns(trajectory["state_paths"], dict.fromkeys(values))]
    gap = states - np.column_stack([reference["states"][path] for path in values])
    translation = np.array([path.split("/")[-2] in PELVIS_TRANSLATIONS for path in values])
    joint = np.array(["pelvis" not in path for path in values])
    found = {}
    if joint.any():
        found["joint_angles_deg"] = float(np.degrees(np.sqrt((gap[:, joint] ** 2).mean())))
    if translation.any():
        found["pelvis_mm"] = float(1000 * np.sqrt((gap[:, translation] ** 2).mean()))
    if "forces" in reference:
        measured = np.stack([np.asarray(force) for force in reference["forces"].values()], axis=1)
        order = _columns(trajectory["force_groups"], reference["forces"])
        force_gap = np.asarray(trajectory["forces"])[:, order] - measured
        weight = problem["total_mass"] * float(np.linalg.norm(problem["gravity"]))
        for k, axis in enumerate("xyz"):
            found[f"force_{axis}_percent_bw"] = float(100 / weight * np.sqrt((force_gap[..., k] ** 2).mean()))
    return found


def collocation_defects(times: np.ndarray, states: np.ndarray, rates: np.ndarray, scheme: str) -> np.ndarray:
    """Largest violation of Moco's collocation equations per state (in the state's unit).

    Both arrays are (time, state). Hermite-Simpson has two equations per state and interval (midpoint and integral),
    the trapezoidal rule one.
    """
    if scheme == "trapezoidal":
        length = np.diff(times)[:, None]
        gap = states[1:] - states[:-1] - length / 2 * (rates[1:] + rates[:-1])
        return np.abs(gap).max(axis=0)
    length = (times[2::2] - times[:-2:2])[:, None]
    first, middle, last = states[:-2:2], states[1::2], states[2::2]
    rate_first, rate_middle, rate_last = rates[:-2:2], rates[1::2], rates[2::2]
    midpoint = middle - (first + last) / 2 - length / 8 * (rate_first - rate_last)
    integral = last - first - length / 6 * (rate_first + 4 * rate_middle + rate_last)
    return np.maximum(np.abs(midpoint).max(axis=0), np.abs(integral).max(axis=0))
