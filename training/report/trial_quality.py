"""What became of each trial: how good its recording is, whether it has a reference, and what each method made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from training.comparison import MEASURES, trial_values
from training.evaluation import TRIAL
from training.report.inputs import ReportInputs
from training.report.table import method_label

FROM_IMPORT = {
    "status": "recording",
    "verdict": "verdict",
    "verdict_reasons": "because",
    "n_cycles": "cycles",
    "n_usable_steps": "usable steps",
}
"""Column of import.csv → column of the table."""

KEYS = ["subject", "trial"]


def trial_rows(inputs: ReportInputs) -> pd.DataFrame | None:
    """One row a trial.

    Returns
    -------
    DataFrame or None
        ``subject``, ``trial``, the verdict on the recording, the status of each role of optimal control, and of each
        method the joint angle RMSE (deg) or "refused" with the reason. None if no table knows a trial.
    """
    parts = [_recordings(inputs.import_table), *_roles(inputs.solutions), *_methods(inputs.errors)]
    parts = [part for part in parts if part is not None and len(part)]
    if not parts:
        return None
    parts = [part.astype(dict.fromkeys(KEYS, str)) for part in parts]  # "01" in one table may be 1 in another's reader
    table = parts[0]
    for part in parts[1:]:
        table = table.merge(part, on=KEYS, how="outer", sort=False)
    return table.astype(object).where(table.notna(), None)


def refusal_rows(inputs: ReportInputs) -> pd.DataFrame | None:
    """Stage by stage how many trials went in, how many were refused, and the most frequent reason."""
    rows = []
    if (table := inputs.import_table) is not None and "status" in table:
        rows.append(_stage("recordings", table["status"] == "refused", table.get("reason")))
    for name, of in (("motion", inputs.motion), ("virtual sensors", inputs.records)):
        if of is not None and "status" in of:
            moving = of[of["status"] != "static"].drop_duplicates(KEYS)  # records of one trial may be in two corpora
            rows.append(_stage(name, moving["status"] == "refused", moving.get("reason")))
    if (table := inputs.solutions) is not None and {"role", "status"} <= set(table):
        for role, of in table.groupby("role", sort=False):
            rows.append(_stage(str(role), of["status"] == "refused", of.get("reason")))
    if inputs.errors is not None:
        chosen = inputs.errors[(inputs.errors["coordinate"] == TRIAL) & (inputs.errors["metric"] == "refused")]
        for method, of in chosen.groupby("method", sort=False):
            rows.append(_stage(method_label(method), of["value"] == 1, of["note"]))
    return pd.DataFrame(rows) if rows else None


def subject_rows(errors: pd.DataFrame | None, measures: Iterable[str]) -> pd.DataFrame | None:
    """Errors by subject: one row a measure and subject, one column a method; the mean over the subject's trials."""
    if errors is None or errors.empty:
        return None
    tables = []
    for name in measures:
        measure = MEASURES[name]
        values = trial_values(errors, measure)
        if values.empty:
            continue
        wide = values.groupby(["method", "subject"], sort=False).mean().unstack("method", sort=False)
        counts = values.groupby(["subject", "trial"]).size().groupby("subject").size()
        wide.insert(0, "trials", counts)
        unit = "" if measure.unit == "1" else f" ({measure.unit})"
        tables.append(wide.sort_index().reset_index().assign(measure=measure.label + unit))
    if not tables:
        return None
    table = pd.concat(tables, ignore_index=True)
    methods = [method for method in dict.fromkeys(errors["method"]) if method in table]
    return table[["measure", "subject", "trials", *methods]].rename(columns={m: method_label(m) for m in methods})


def _recordings(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Verdicts of the import, dynamic trials that have a name."""
    if table is None or not {"subject", "trial", "status"} <= set(table):
        return None
    named = table[table["trial"].notna() & (table.get("task", "") != "static")]
    columns = [column for column in FROM_IMPORT if column in named]
    return named[KEYS + columns].rename(columns=FROM_IMPORT).drop_duplicates(KEYS)


def _roles(table: pd.DataFrame | None) -> list[pd.DataFrame]:
    """Status of each role of optimal control, the reason with a refusal."""
    if table is None or not {*KEYS, "role", "status"} <= set(table):
        return []
    reasons = table["reason"] if "reason" in table else pd.Series("", table.index)
    told = [_refused(s, r) if s == "refused" else s for s, r in zip(table["status"], reasons, strict=True)]
    table = table.assign(told=told)
    return [
        of[[*KEYS, "told"]].rename(columns={"told": str(role)}).drop_duplicates(KEYS)
        for role, of in table.groupby("role", sort=False)
    ]


def _methods(errors: pd.DataFrame | None) -> list[pd.DataFrame]:
    """Of each method the joint angle RMSE of a trial, or why there is none."""
    if errors is None or errors.empty:
        return []
    values = trial_values(errors, MEASURES["angle_rmse"]).to_dict()
    rows = errors[(errors["coordinate"] == TRIAL) & (errors["metric"] == "refused")]
    told: dict[str, list[dict[str, Any]]] = {}
    for row in rows.itertuples():
        value = values.get((row.method, row.subject, row.trial), math.nan)
        cell = (
            _refused("refused", row.note) if row.value == 1 else f"{value:.1f}°" if math.isfinite(value) else "no angle"
        )
        heading = method_label(row.method)
        told.setdefault(heading, []).append({"subject": row.subject, "trial": row.trial, heading: cell})
    return [pd.DataFrame(of) for of in told.values()]


def _refused(status: str, reason: Any) -> str:
    """The status with its reason, if there is one."""
    return f"{status}: {reason}" if isinstance(reason, str) and reason else status


def _stage(name: str, is_refused: pd.Series, reasons: pd.Series | None) -> dict[str, Any]:
    """One row of the counts."""
    told = reasons[is_refused].dropna() if reasons is not None else pd.Series(dtype=object)
    told = told[told != ""].astype(str).str.split(r"[:;]", regex=True).str[0].value_counts()
    most = f"{told.index[0]} ({told.iloc[0]})" if len(told) else ""
    n, n_refused = len(is_refused), int(is_refused.sum())
    return {"stage": name, "n_trials": n, "done": n - n_refused, "refused": n_refused, "most frequent reason": most}
