"""Plausibility of a gait: whether a solved gait could be a healthy person's walking."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mocap_import.subject import Subject

PEAKS = (1.0, 1.3)
"""Vertical ground reaction at its two peaks (body weights)."""
STANCE = (55.0, 65.0)
"""Share of the cycle with the foot on the ground (%)."""
RESIDUAL = 2.0
"""Force that nobody supplies, between the nodes of the solution (% body weight, RMS): the most that is accepted."""


def gait_figures(solution: object, subject: Subject) -> dict[str, float]:
    """Vertical peaks (body weights), stance share (%) and equation residual (% body weight) of a solved gait."""
    right = solution.kinetics.ground_reactions[0].force[:, 1] / subject.body_weight
    right = np.roll(right, -int(np.argmin(right)))
    inner = (right[1:-1] > right[:-2]) & (right[1:-1] >= right[2:]) & (right[1:-1] > 0.6)
    at = np.flatnonzero(inner) + 1
    highest = np.sort(at[np.argsort(right[at])[::-1][:2]])
    peaks = [*right[highest], float("nan"), float("nan")]
    return {
        "first_peak_bw": float(peaks[0]),
        "second_peak_bw": float(peaks[1]),
        "stance_percent": 100.0 * float((right > 0.03).mean()),
        "residual_percent_bw": 100.0 * solution.checks["residual_share_bw"],
    }


def why_not_human(figures: dict[str, float]) -> str:
    """Say what keeps a gait from being a person's walking; empty if nothing does."""
    reasons = []
    for name, words in (("first_peak_bw", "first"), ("second_peak_bw", "second")):
        if not PEAKS[0] <= figures[name] <= PEAKS[1]:
            reasons.append(f"{words} vertical peak {figures[name]:.2f} body weights, expected {PEAKS[0]}-{PEAKS[1]}")
    if not STANCE[0] <= figures["stance_percent"] <= STANCE[1]:
        reasons.append(f"stance {figures['stance_percent']:.0f} %, expected {STANCE[0]:.0f}-{STANCE[1]:.0f} %")
    if not figures["residual_percent_bw"] < RESIDUAL:
        reasons.append(
            f"equation residual {figures['residual_percent_bw']:.1f} % body weight, expected below {RESIDUAL}"
        )
    return "; ".join(reasons)


def check_gaits(table: pd.DataFrame) -> list[tuple[str, str, str, bool]]:
    """Hold the generated gaits against human walking: (check, value, goal, met) each."""
    n_people = table.subject.nunique()
    solved = table[table.used]
    everybody = solved.subject.nunique() == n_people
    peaks = solved[["first_peak_bw", "second_peak_bw"]].to_numpy()
    stance, residual = solved.stance_percent.to_numpy(), solved.residual_percent_bw.to_numpy()
    return [
        ("persons whose gaits were found", f"{solved.subject.nunique()} of {n_people}", "all", everybody),
        (
            "two vertical peaks (body weights)",
            f"{np.nanmin(peaks):.2f}-{np.nanmax(peaks):.2f}",
            "1.0-1.3",
            bool(np.isfinite(peaks).all() and (peaks > 1.0).all() and (peaks < 1.3).all()),
        ),
        (
            "stance (% of cycle)",
            f"{stance.min():.1f}-{stance.max():.1f}",
            "55-65",
            bool((stance >= 55).all() and (stance <= 65).all()),
        ),
        (
            "equation residual between the nodes (% body weight)",
            f"up to {residual.max():.2f}",
            "below 2",
            bool((residual < 2).all()),
        ),
    ]
