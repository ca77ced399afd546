"""What Rapp, Shin et al. 2021 printed (J Biomech, doi 10.1016/j.jbiomech.2021.110229, Tables 1 to 3): mean RMSE, deg.

Their data: treadmill, markers, 420 walkers and 580 runners of one laboratory, 80 % of them in training, sensors made of
the markers; clean test signals. Columns: knee, hip, ankle, each flexion, adduction, rotation.
"""

from __future__ import annotations

COLUMNS = tuple((joint, angle) for joint in ("knee", "hip", "ankle") for angle in ("flexion", "adduction", "rotation"))

# (movement, step, pseudo-calibrated) -> nine columns
PUBLISHED: dict[tuple[str, str, bool], tuple[float, ...]] = {
    ("walk", "baseline", False): (3.73, 3.20, 6.73, 4.97, 2.78, 5.71, 2.15, 2.76, 4.81),
    ("walk", "augmented", False): (3.80, 3.22, 6.58, 5.02, 2.86, 5.75, 2.20, 2.90, 4.62),
    ("walk", "optimised", False): (3.12, 3.18, 6.35, 4.34, 2.70, 5.16, 1.77, 2.75, 4.28),
    ("walk", "baseline", True): (2.27, 2.23, 3.53, 2.37, 2.02, 2.79, 1.37, 1.56, 2.40),
    ("walk", "augmented", True): (2.17, 2.20, 3.12, 2.27, 2.10, 2.61, 1.40, 1.57, 2.02),
    ("walk", "optimised", True): (0.97, 2.16, 2.75, 0.67, 1.88, 1.42, 0.72, 1.32, 1.30),
    ("walk", "misplaced_baseline", False): (8.27, 4.87, 9.38, 9.57, 4.33, 8.76, 5.79, 4.82, 7.12),
    ("walk", "misplaced_augmented", False): (3.87, 3.35, 6.77, 5.13, 2.82, 5.91, 2.32, 2.98, 4.70),
    ("run", "baseline", False): (4.25, 4.12, 6.51, 5.08, 3.33, 5.36, 2.75, 2.92, 4.62),
    ("run", "augmented", False): (4.08, 4.22, 6.62, 5.09, 3.24, 5.17, 2.67, 3.15, 4.53),
    ("run", "optimised", False): (3.21, 4.16, 6.55, 4.31, 2.98, 4.59, 2.13, 3.00, 4.51),
    ("run", "baseline", True): (2.84, 2.63, 3.43, 2.63, 2.31, 2.86, 1.91, 1.66, 2.20),
    ("run", "augmented", True): (2.60, 2.59, 3.46, 2.42, 2.25, 2.54, 1.76, 1.85, 1.92),
    ("run", "optimised", True): (1.27, 2.52, 3.34, 0.79, 1.87, 1.32, 0.94, 1.60, 1.78),
    ("run", "misplaced_baseline", False): (7.56, 5.55, 8.54, 7.91, 4.45, 6.94, 6.64, 5.42, 7.09),
    ("run", "misplaced_augmented", False): (4.23, 4.26, 6.59, 5.14, 3.37, 5.39, 2.82, 3.28, 4.60),
}


def published_value(movement: str, step: str, calibrated: bool, joint: str, angle: str) -> float:
    """One printed number (deg); NaN where the paper has none. The smoother stands beside the published optimisation."""
    row = PUBLISHED.get((movement, step.replace("smoothed", "optimised"), calibrated))
    return row[COLUMNS.index((joint, angle))] if row is not None else float("nan")
