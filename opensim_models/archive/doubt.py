"""Doubt: what in a solved trial a careful reader would not believe, as sentences for its row.

Nothing is refused here. Good practice is that of Hicks et al. (J Biomech Eng 137:020905, 2015) and of OpenSim's own
check list: markers 20 mm RMS and 40 mm at most, residual forces 5 % of the largest ground reaction, residual moments
1 % of it times the height of the mass centre. The last two hold for a whole body that carries markers, after residual
reduction; see `RESIDUAL_FORCE` for what is asked here. Doubts about a scaled model are `scaling.scaling_doubt`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from opensim_models.archive.human_bound import leaping_angles
from opensim_models.inverse.kinematics import InverseKinematicsSolution
from opensim_models.inverse.whole_turn import boundless
from opensim_models.model.skeleton import Skeleton

MARKER_ERROR, WORST_MARKER = 0.020, 0.040
"""m, RMS of a trial and of its worst marker: good practice (Hicks et al., 2015)."""
LEFT_OUT = 10.0
"""% of the marker samples that fitted no pose: the error of the others is as good as it is because of that."""
AT_BOUND, BOUND_MARGIN = 0.10, 1e-3
"""Part of the frames in which a coordinate stands at its limit (rad or m from it): it would go on if it could."""
FEWEST_FRAMES = 2
"""A single frame has no speed, and nothing to compare it to."""
RESIDUAL_FORCE = {"run": 40.0}
"""% of body weight, RMS, by task. A trunk without markers, half of the mass, is taken as upright: what it does beside
that stands in the residual, 9-10 % walking and 27 % running in the median of three archives, two to three times less
of it after the limit of 5 % of the peak reaction that residual reduction reaches (Hicks et al., 2015)."""
WALKING_RESIDUAL_FORCE = 25.0


def kinematics_doubts(
    skeleton: Skeleton, solution: InverseKinematicsSolution, left_out_percent: float, blanked: int = 0
) -> list[str]:
    """Doubts about the coordinates of a trial.

    Parameters
    ----------
    skeleton : Skeleton
    solution : InverseKinematicsSolution
    left_out_percent : float
        Marker samples that fitted no pose.
    blanked : int
        Frames blanked because nobody moves that fast.
    """
    doubts = []
    if solution.rms_error > MARKER_ERROR:
        doubts.append(
            f"markers {1000 * solution.rms_error:.0f} mm RMS from the model (good practice: {1000 * MARKER_ERROR:.0f})"
        )
    off = {name: e for name, e in solution.marker_rms.items() if e > WORST_MARKER}
    if off:
        worst = max(off, key=off.get)
        others = f" and {len(off) - 1} more" if len(off) > 1 else ""
        doubts.append(
            f"marker {worst}{others} {1000 * off[worst]:.0f} mm RMS off (good practice: {1000 * WORST_MARKER:.0f})"
        )
    if left_out_percent > LEFT_OUT:
        doubts.append(f"{left_out_percent:.0f} % of the marker samples left out (usual: below {LEFT_OUT:.0f} %)")
    stuck = at_bound(skeleton, solution)
    if stuck:
        said = ", ".join(f"{name} ({100 * part:.0f} % of frames)" for name, part in stuck.items())
        doubts.append(f"at the end of its range: {said}")
    if blanked:
        doubts.append(f"{blanked} frames moved faster than anybody can, and were blanked")
    leaping = leaping_angles(skeleton, solution.kinematics)
    if leaping:
        doubts.append(
            f"{', '.join(leaping)} leap near gimbal lock, the body does not: the pose is right, speeds and moments "
            "from these angles are not"
        )
    n_solved = int(np.isfinite(solution.kinematics.values).any(axis=1).sum())
    if n_solved < FEWEST_FRAMES:
        doubts.append("one frame only: a pose, not a motion")
    return doubts


def at_bound(skeleton: Skeleton, solution: InverseKinematicsSolution) -> dict[str, float]:
    """Solved coordinate → part of the frames in which it stands at a limit, where that is more than `AT_BOUND`."""
    found = {}
    for coordinate, no_limit in zip(skeleton.coordinates, boundless(skeleton), strict=True):
        if no_limit or coordinate.name in solution.held or coordinate.name not in solution.kinematics.coordinates:
            continue
        values = solution.kinematics.of(coordinate.name)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        low, high = values <= coordinate.lower + BOUND_MARGIN, values >= coordinate.upper - BOUND_MARGIN
        part = float(np.mean(low | high))
        if part > AT_BOUND:
            found[coordinate.name] = part
    return found


def kinetics_doubts(row: Mapping[str, Any], task: str, impossible: int = 0) -> list[str]:
    """Doubts about the forces of a trial.

    Parameters
    ----------
    row : mapping
        Of `trial_motion.kinetics_row`.
    task : str
        Of the trial; ``"run"`` may leave more.
    impossible : int
        Frames masked because no joint bears such a moment.
    """
    doubts = []
    limit = RESIDUAL_FORCE.get(task, WALKING_RESIDUAL_FORCE)
    force = row.get("residual_force_percent", math.nan)
    if force is not None and force > limit:
        doubts.append(f"{force:.0f} % of body weight left unexplained at the pelvis (usual: below {limit:.0f} %)")
    if impossible:
        doubts.append(f"{impossible} frames had joint moments that nobody reaches, and were masked")
    return doubts


def joined(*doubts: Sequence[str] | str | None) -> str:
    """Doubts of several steps as one cell."""
    each = [d if isinstance(d, str) else "; ".join(d) for d in doubts if d]
    return "; ".join(part for part in each if part)
