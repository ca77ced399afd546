"""The record of a run, as training left it in a folder: configurations, losses by step, errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synth.corpus.schema import CorpusMismatch
from training.csv_table import read_csv
from training.report.run_table import find_errors
from training.run_folder import CARD, METRICS, read_run_card

MAX_POINTS = 250
"""A loss curve is drawn with at most this many points, each the mean of its steps."""


@dataclass(frozen=True)
class RunRecord:
    """What a run's folder tells of itself.

    Attributes
    ----------
    name : str
        Name of the folder.
    methods : dict
        Method → its entry of ``run.json``: config, seed, corpus, scheme, subjects, versions.
    steps : dict
        Method → tables of steps, one a training (fold).
    errors : DataFrame or None
        Rows of `training.evaluation.evaluate`, all methods.
    """

    name: str
    methods: dict[str, dict[str, Any]]
    steps: dict[str, tuple[pd.DataFrame, ...]]
    errors: pd.DataFrame | None


def read_record(folder: Path) -> RunRecord:
    """Read the record of a folder, or of its sub-folders (a demonstration trains in ``predictions/``).

    Raises
    ------
    CorpusMismatch
        If there is no folder, or neither a record nor an error table in it.
    """
    if not folder.is_dir():
        raise CorpusMismatch(
            f"{folder}: expected the folder of a run (as `kinesynth train` leaves it), found no folder"
        )
    methods: dict[str, dict[str, Any]] = {}
    steps: dict[str, tuple[pd.DataFrame, ...]] = {}
    for card in sorted([*folder.glob(CARD), *folder.glob(f"*/{CARD}")]):
        entries = read_run_card(card.parent)["methods"]
        methods |= entries
        for method in entries:
            tables = (
                read_csv(path, ["step", "loss"])
                for path in sorted((card.parent / METRICS / method).glob("*.csv"))
                if path.stat().st_size
            )
            steps[method] = tuple(table for table in tables if len(table))
    errors = find_errors(folder)
    if not methods and errors is None:
        raise CorpusMismatch(
            f"{folder}: expected run.json (of `kinesynth train`) or an error table (of `kinesynth evaluate`), "
            "found none."
        )
    return RunRecord(folder.resolve().name, methods, steps, errors)


def loss_curve(tables: Sequence[pd.DataFrame]) -> dict[str, list[float]] | None:
    """Loss against step: the mean over trainings, the least and the greatest of them.

    Parameters
    ----------
    tables : sequence of DataFrame
        With `step` and `loss`; steps that only some have count for these.

    Returns
    -------
    dict or None
        ``step``, ``mean``, ``low``, ``high``, thinned to `MAX_POINTS`; None without a step.
    """
    if not tables:
        return None
    losses = pd.concat([table.set_index("step")["loss"] for table in tables], axis=1).sort_index()
    losses = losses[np.isfinite(losses).any(axis=1)]
    if losses.empty:
        return None
    width = -(-len(losses) // MAX_POINTS)
    # Each training is averaged over the steps of a point first: the band is of trainings, not of batches.
    thin = losses.groupby(np.arange(len(losses)) // width).mean()
    spread = {"mean": thin.mean(axis=1), "low": thin.min(axis=1), "high": thin.max(axis=1)}
    steps = losses.index.to_series().groupby(np.arange(len(losses)) // width).mean()
    rounded = {name: [float(f"{value:.5g}") for value in values] for name, values in spread.items()}
    return {"step": [round(float(step), 1) for step in steps]} | rounded


def loss_panels(records: Iterable[RunRecord]) -> list[dict[str, Any]]:
    """One panel a method: run → its loss curve."""
    panels: dict[str, dict[str, Any]] = {}
    for record in records:
        for method, tables in record.steps.items():
            if (curve := loss_curve(tables)) is not None:
                panels.setdefault(method, {})[record.name] = curve | {"n": len(tables)}
    return [{"method": method, "runs": curves} for method, curves in panels.items()]
