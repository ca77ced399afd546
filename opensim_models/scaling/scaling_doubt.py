"""Scaling doubt: what in a scaled model a careful reader would not believe, as sentences; nothing is refused here.

Good practice is OpenSim's own check list: landmarks 10 mm RMS from the scaled model, 20 mm at most.
"""

from __future__ import annotations

import math
from dataclasses import replace

from opensim_models.model.skeleton import Skeleton
from opensim_models.scaling.report import ScalingReport

LANDMARK_ERROR = 0.020
"""m RMS of the landmarks of a model file that was scaled: good practice asks 10 mm RMS, 20 mm at most."""
OWN_LANDMARK_ERROR = 0.030
"""The same of our own model, whose landmarks are those of a generic person and place no tracking marker: that is put
where the static trial shows it. (All 21 persons of three archives: 13 to 27 mm.)"""
NEIGHBOURS_DIFFER = 0.25
"""Segments next to each other are stretched alike but for this part: four standard deviations of a segment's length
among people of one stature (6 %, `automatic_scaling.LENGTH_SPREAD`)."""


def with_doubts(report: ScalingReport, skeleton: Skeleton, *, own: bool = False) -> ScalingReport:
    """A report with what is doubtful in it.

    Parameters
    ----------
    report : ScalingReport
    skeleton : Skeleton
        The scaled model.
    own : bool
        It is our own model, scaled by a static trial, whose tracking markers stand where the trial shows them.
    """
    return replace(report, doubts=(*report.doubts, *_far_landmarks(report, own), *_odd_factors(report, skeleton)))


def _far_landmarks(report: ScalingReport, own: bool) -> list[str]:
    """Landmarks that stand far from the scaled model."""
    limit = OWN_LANDMARK_ERROR if own else LANDMARK_ERROR
    if not report.rms_residual > limit:
        return []
    worst = max(report.residuals, key=report.residuals.get)
    return [
        f"scaling: landmarks {1000 * report.rms_residual:.0f} mm RMS from the model (usual: below "
        f"{1000 * limit:.0f}), {worst} {1000 * report.residuals[worst]:.0f} mm"
    ]


def _odd_factors(report: ScalingReport, skeleton: Skeleton) -> list[str]:
    """Segments that were stretched otherwise than the segment that carries them."""
    size = {name: math.prod(factors) ** (1 / 3) for name, factors in report.factors.items()}
    names = skeleton.segment_names
    doubts = []
    for segment in skeleton.segments:
        name, parent = segment.name, names[segment.parent] if segment.parent >= 0 else ""
        if name not in size or parent not in size:
            continue
        ratio = size[name] / size[parent]
        if max(ratio, 1 / ratio) > 1 + NEIGHBOURS_DIFFER:
            doubts.append(f"scaling: {name} by {size[name]:.2f}, but {parent} beside it by {size[parent]:.2f}")
    return doubts
