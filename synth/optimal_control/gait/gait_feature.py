"""Gait feature: what a gait laboratory reads off one walk, by which impairments of gait are described.

Angles are those of the planar skeletons (hip and knee flexion, dorsiflexion positive), moments and powers are net: of
muscles and tissue, as inverse dynamics gives them, per kilogram of body mass. Stance is vertical force beyond
`CONTACT_THRESHOLD`.
"""

from __future__ import annotations

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from synth.optimal_control.gait.gait_solution import gait_events
from synth.optimal_control.movement.solution import CONTACT_THRESHOLD, MovementSolution

FEATURES: dict[str, str] = {
    "step_length": "m",
    "cadence": "steps/s",
    "stance": "1",
    "ankle_most": "deg",
    "ankle_least": "deg",
    "knee_stance_least": "deg",
    "knee_most": "deg",
    "hip_least": "deg",
    "hip_range": "deg",
    "strike_pitch": "deg",
    "ankle_moment": "N m/kg",
    "knee_moment": "N m/kg",
    "push_off": "W/kg",
    "ankle_work": "J/kg/m",
    "hip_work": "J/kg/m",
    "knee_work": "J/kg/m",
    "force_peak": "BW",
    "effort": "1",
}
"""Feature → unit. ``ankle_most``: largest dorsiflexion in stance; ``ankle_least``: smallest over the cycle;
``knee_stance_least``: least flexion in stance; ``hip_least``: negative in extension; ``strike_pitch``: toes above the
heel at foot strike; ``ankle_moment``: largest plantarflexion moment; ``knee_moment``: largest extension moment in
stance; ``push_off``: largest ankle power; works are positive net works a metre of way; ``effort``: mean squared
activation."""


def gait_features(solution: MovementSolution, side: str = "r") -> dict[str, float]:
    """Features of one leg of a cycle.

    Parameters
    ----------
    solution : MovementSolution
        A cycle of a planar skeleton of ours with muscles.
    side : str
        ``"r"`` or ``"l"``.

    Returns
    -------
    dict of str to float
        As in `FEATURES`; NaN of a step where the foot does not strike once.
    """
    mass, index = solution.skeleton.mass, solution.skeleton.coordinate_index
    places = {joint: index(f"{joint}_{side}") for joint in ("hip_flexion", "knee_angle", "ankle_angle")}
    hip, knee, ankle = (np.degrees(solution.coordinates[:, i]) for i in places.values())
    moments = {joint: solution.moments[:, i] / mass for joint, i in places.items()}
    powers = {joint: moments[joint] * solution.speeds[:, i] for joint, i in places.items()}
    force = _vertical(solution, side)
    stance = force > CONTACT_THRESHOLD
    way = solution.speed * solution.duration
    work = {j: float(np.maximum(p, 0.0).mean() * solution.duration / way) for j, p in powers.items()}
    return {
        "step_length": step_length(solution, side),
        "cadence": 2.0 / solution.duration,
        "stance": float(stance.mean()),
        "ankle_most": float(ankle[stance].max()),
        "ankle_least": float(ankle.min()),
        "knee_stance_least": float(knee[stance].min()),
        "knee_most": float(knee.max()),
        "hip_least": float(hip.min()),
        "hip_range": float(np.ptp(hip)),
        "strike_pitch": _strike_pitch(solution, side),
        "ankle_moment": float(-moments["ankle_angle"].min()),
        "knee_moment": float(-moments["knee_angle"][stance].min()),
        "push_off": float(powers["ankle_angle"].max()),
        "ankle_work": work["ankle_angle"],
        "hip_work": work["hip_flexion"],
        "knee_work": work["knee_angle"],
        "force_peak": float(force.max()),
        "effort": float((solution.arrays["activations"] ** 2).mean()),
    }


def step_time_asymmetry(solution: MovementSolution) -> float:
    """Step time of the right leg less that of the left, over their sum; NaN where a foot does not strike once."""
    strikes = {foot: _strike_times(solution, foot) for foot in "rl"}
    if any(len(times) != 1 for times in strikes.values()):
        return float("nan")
    right_step = (strikes["r"][0] - strikes["l"][0]) % solution.duration
    return (2.0 * right_step - solution.duration) / solution.duration


def step_length(solution: MovementSolution, side: str) -> float:
    """How far (m) the heel of a foot is ahead of the other heel when it strikes; NaN where it does not strike once."""
    times = _strike_times(solution, side)
    if len(times) != 1:
        return float("nan")
    own, other = (_heel(solution, s)[0] for s in (side, "l" if side == "r" else "r"))
    return float(_at(solution, own - other, times[0]))


def _strike_pitch(solution: MovementSolution, side: str) -> float:
    times = _strike_times(solution, side)
    if len(times) != 1:
        return float("nan")
    heel, toe = _heel(solution, side), _heel(solution, side, last=True)
    pitch = np.degrees(np.arctan2(toe[1] - heel[1], toe[0] - heel[0]))
    return float(_at(solution, pitch, times[0]))


def _at(solution: MovementSolution, values: np.ndarray, time: float) -> float:
    return float(np.interp(time, solution.time, values, period=solution.duration))


def _heel(solution: MovementSolution, side: str, *, last: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Place (forward, up; m) of the hindmost, or foremost, contact point of a foot, relative to the pelvis forward."""
    skeleton = solution.skeleton
    states = segment_states(skeleton, list(solution.coordinates.T))
    points = sorted((c for c in skeleton.contacts if c.segment == f"calcn_{side}"), key=lambda c: c.offset[0])
    chosen = points[-1 if last else 0]
    x, y = point_position(states[skeleton.segment_index(chosen.segment)], chosen.offset)[:2]
    return np.asarray(x, float) - solution.of("pelvis_tx"), np.asarray(y, float) - chosen.radius


def _strike_times(solution: MovementSolution, side: str) -> list[float]:
    feet = {r.foot for r in solution.ground_reactions if r.foot[0] == side}
    return [e.time for e in gait_events(solution) if e.foot in feet and e.kind == "foot_strike"]


def _vertical(solution: MovementSolution, side: str) -> np.ndarray:
    weight = solution.skeleton.mass * float(np.linalg.norm(solution.skeleton.gravity))
    own = next(r for r in solution.ground_reactions if r.foot[0] == side)
    return own.force[:, 1] / weight
