"""Trial row: what a solved trial left unexplained, as columns of the tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mocap_import.stretch import first_named, stretches_named
from opensim_models.archive.doubt import joined, kinematics_doubts, kinetics_doubts
from opensim_models.archive.human_bound import FASTEST, FASTEST_ARM
from opensim_models.archive.trial_motion import MISPLACED, TrialKinematics
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinetics


def kinematics_row(skeleton: Skeleton, found: TrialKinematics) -> dict[str, Any]:
    """What inverse kinematics left unexplained, for one row of a table."""
    solution = found.solution
    solved = np.isfinite(solution.kinematics.values).any(axis=1)
    by_marker = {name: e for name, e in solution.marker_rms.items() if math.isfinite(e)}
    worst = max(by_marker, key=by_marker.get)
    frames = np.nan_to_num(solution.frame_rms)
    return {
        "n_frames": len(solved),
        "solved_frames": int(solved.sum()),
        "marker_error_mm": solution.rms_error * 1000,
        "left_out_percent": found.left_out_percent,
        "worst_marker": worst,
        "worst_marker_mm": by_marker[worst] * 1000,
        "worst_frame": int(np.argmax(frames)),
        "worst_frame_mm": float(frames.max()) * 1000,
        "held": " ".join(solution.held),
        "reason": _remarks(solved, solution.converged, found),
        "doubts": joined(kinematics_doubts(skeleton, solution, found.left_out_percent, found.n_blanked)),
    }


def residual_rows(found: TrialKinematics) -> list[dict[str, Any]]:
    """Residual of every marker and of every segment, columns of `motion_table`."""
    error = found.solution.marker_error
    rows = []

    def add(what: str, name: str, segment: str, own: np.ndarray, left_out: int) -> None:
        known = np.isfinite(own)
        some = known.any()
        rows.append(
            {
                "what": what,
                "name": name,
                "segment": segment,
                "rms_mm": 1000 * float(np.sqrt(np.mean(own[known] ** 2))) if some else None,
                "largest_mm": 1000 * float(own[known].max()) if some else None,
                "worst_frame": int(np.unravel_index(np.nanargmax(own), own.shape)[0]) if some else None,
                "seen_percent": 100 * float(known.mean()),
                "samples_left_out": left_out,
            }
        )

    for k, name in enumerate(found.solution.markers):
        add("marker", name, found.segments[name], error[:, k : k + 1], found.left_out.get(name, 0))
    for segment in dict.fromkeys(found.segments[name] for name in found.solution.markers):
        own = [k for k, name in enumerate(found.solution.markers) if found.segments[name] == segment]
        lost = sum(found.left_out.get(found.solution.markers[k], 0) for k in own)
        add("segment", segment, segment, error[:, own], lost)
    return rows


def kinetics_row(kinetics: Kinetics, task: str = "walk", impossible: int = 0) -> dict[str, Any]:
    """What inverse dynamics left unexplained, for one row of a table: residual forces at the root.

    `impossible` is the number of frames that were masked because nobody bears such moments.
    """
    row: dict[str, Any] = {
        "cutoff_hz": kinetics.cutoff or 0.0,  # no filter is said, an empty cell would mean no forces
        "masked_percent": 100 * float(kinetics.masked.mean()) if len(kinetics.masked) else 0.0,
    }
    if kinetics.residual is not None:
        for name, values in (
            ("residual_force", kinetics.residual.force_percent),
            ("residual_moment", kinetics.residual.moment_percent),
        ):
            known = values[np.isfinite(values)]
            row[f"{name}_percent"] = float(np.sqrt(np.mean(known**2))) if len(known) else math.nan
            row[f"{name}_peak_percent"] = float(known.max()) if len(known) else math.nan
    row["doubts"] = joined(kinetics_doubts(row, task, impossible))
    return row


def _remarks(solved: np.ndarray, converged: np.ndarray, found: TrialKinematics) -> str:
    """Say what a solved trial lacks."""
    left_out = found.left_out
    remarks = [f"labels {a} and {b} are exchanged in this trial, taken the right way round" for a, b in found.exchanged]
    few = ~solved if not found.n_blanked else ~solved & ~found.blanked
    if few.any():
        remarks.append(f"{int(few.sum())} frames show too few markers")
    if found.n_blanked:
        shown = stretches_named(found.blanked)
        bound = f"{FASTEST:g} rad/s (arms {FASTEST_ARM:g})"
        remarks.append(f"frames {shown} blanked: faster than {bound} beside them, as nobody moves")
    if (solved & ~converged).any():
        remarks.append(f"{int((solved & ~converged).sum())} frames did not converge")
    if left_out:
        worst = sorted(left_out, key=left_out.get, reverse=True)
        share = first_named([f"{name} ({100 * left_out[name] / len(solved):.0f} %)" for name in worst])
        remarks.append(f"samples more than {MISPLACED * 1000:.0f} mm from the skeleton left out: {share}")
    return "; ".join(remarks)
