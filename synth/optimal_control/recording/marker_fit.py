"""Marker fit: how well a gait follows its markers and forces, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.model.multibody import point_position, segment_states
from synth.optimal_control.gait.cycle_samples import sample_at, smoothed_at
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.marker_problem import MarkerProblem


def misfits(
    solution: MovementSolution, problem: MarkerProblem, reactions: Sequence[GroundReaction]
) -> dict[str, float]:
    """RMS distance to the markers (m) and RMS error of the forces as they were measured (body weights)."""
    skeleton, n = problem.skeleton, len(solution.time)
    states = segment_states(skeleton, list(solution.coordinates.T))
    wanted = sample_at(np.arange(n) / n, problem.markers)
    square = []
    for k, marker in enumerate(skeleton.markers):
        x, y, _ = point_position(states[skeleton.segment_index(marker.segment)], (*marker.offset[:2], 0.0))
        square.append((x - wanted[:, k, 0]) ** 2 + (y - wanted[:, k, 1]) ** 2)
    result = {"marker_rms_m": float(np.sqrt(np.nanmean(square)))}
    right, left = (r.force[:, :2] for r in solution.ground_reactions)
    ours = {"right": right, "left": left, "both": right + left}
    errors = [ours[r.foot] - smoothed_at(Mesh(n), r.force[:, :2]) for r in reactions]
    for i, axis in enumerate(("forward", "vertical")):
        values = np.concatenate([e[:, i] for e in errors]) if errors else np.array([np.nan])
        if np.isfinite(values).any():
            result[f"{axis}_force_rms_bw"] = float(np.sqrt(np.nanmean(values**2)) / problem.body_weight)
    return result


def refuse_fit(checks: dict[str, float]) -> str:
    """Why a converged reference is not good enough; empty if it is."""
    if checks["marker_rms_m"] > 0.05:
        return (
            f"markers are missed by {100 * checks['marker_rms_m']:.1f} cm RMS (limit 5 cm): wrong basin, "
            "wrong scaling or wrong labels"
        )
    if checks.get("vertical_force_rms_bw", 0.0) > 0.35:
        return f"vertical force is missed by {checks['vertical_force_rms_bw']:.0%} of body weight RMS (limit 35 %)"
    if not checks["residual_share_bw"] <= 0.10:
        return f"equation residual between nodes is {checks['residual_share_bw']:.1%} of body weight (limit 10 %)"
    if checks["stuck_coordinate_samples"]:
        return "a coordinate is stuck at the end of its range of motion"
    return ""
