"""What a report is made of: tables and corpora, nothing else; a part that is missing is said, not fatal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class ReportInputs:
    """Everything a report shows.

    Attributes
    ----------
    title : str
    import_table : DataFrame or None
        One row a file of the archive, with `status` (accepted, repaired, refused) and `reason`.
    motion : DataFrame or None
        One row a trial of `kinesynth motion`, with `status`, `reason`, marker error and residual force.
    records : DataFrame or None
        One row a trial of `kinesynth imu`, with `status`, `reason` and the share of missing samples.
    spatiotemporal : DataFrame or None
        One row a trial and side.
    comparison : DataFrame or None
        From `training.comparison.compare`.
    errors : DataFrame or None
        From `training.evaluation.evaluate`, all methods.
    corpora : dict of str to Path
        ``"reference"`` and one corpus a method, under the method's name in `errors`; the curves come from them.
    solutions : DataFrame or None
        One row an optimal-control trial: `subject, trial, role, status, reason` and residuals.
    timings : DataFrame or None
        One row a stage: `stage, seconds` and whatever else was measured.
    losses : list of dict
        From `training.report.run_record.loss_panels`: one panel a method, its loss by step.
    provenance : dict
        Seed, versions, configuration, sources: nested plain data.
    notes : tuple of str
        Sentences for the reader: segmentation, filters, limits.
    """

    title: str = "Kinesynth report"
    import_table: pd.DataFrame | None = None
    motion: pd.DataFrame | None = None
    records: pd.DataFrame | None = None
    spatiotemporal: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None
    errors: pd.DataFrame | None = None
    corpora: dict[str, Path] = field(default_factory=dict)
    solutions: pd.DataFrame | None = None
    timings: pd.DataFrame | None = None
    losses: list[dict[str, Any]] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
