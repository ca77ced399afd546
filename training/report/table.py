"""The tables of a report: rows and sentences made from data frames, ready for the page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synth.corpus import Corpus
from training.comparison import MEASURES, format_value, trial_values
from training.mean_waveform import BOUND
from training.mean_waveform import METHOD as MEAN_WAVEFORM
from training.report.curves import REFERENCE
from training.report.inputs import ReportInputs

MAX_ROWS = 300
"""Longer tables are cut after this many rows, refused files first; the table file has them all."""

DOTS = ("angle_rmse", "moment_rmse", "vertical_force_rmse")
"""Measures of the comparison that are drawn as one dot a subject."""

ARCHIVE_COLUMNS = (
    "file",
    "subject",
    "trial",
    "task",
    "status",
    "reason",
    "n_frames",
    "rate",
    "marker_set",
    "belt_speed",
)
"""Columns of the archive table that the page shows, where they are there; import.csv has them all."""

MOTION_COLUMNS = (
    "subject",
    "trial",
    "status",
    "marker_error_mm",
    "dynamics",
    "residual_force_percent",
    "masked_percent",
    "doubts",
    "reason",
    "dynamics_reason",
)
"""Columns of the table of motion that the page shows; motion.csv has them all."""

RECORD_COLUMNS = (
    "corpus",
    "subject",
    "trial",
    "status",
    "n_frames",
    "rate",
    "missing",
    "gaps",
    "reason",
)
"""Columns of the table of virtual records that the page shows; the .csv beside the corpus has them all."""

HEADINGS = {
    "marker_error_mm": "marker error (mm)",
    "residual_force_percent": "residual force (% of body weight)",
    "masked_percent": "frames without moments (%)",
    "dynamics": "joint moments",
    "dynamics_reason": "why moments are missing",
    "missing": "share without a value",
    "speed": "speed (m/s)",
    "cadence": "cadence (steps/min)",
    "stride_time": "stride time (s)",
    "stride_length": "stride length (m)",
    "step_length": "step length (m)",
    "step_width": "step width (m)",
    "stance_percent": "stance (% of cycle)",
    "n_cycles": "cycles",
    "n_frames": "frames",
    "rate": "rate (Hz)",
    "belt_speed": "belt speed (m/s)",
    "n_subjects": "subjects",
    "n_trials": "trials",
    "n_pairs": "pairs",
    "sd_within": "SD within subjects",
    "sd_between": "SD between subjects",
    "low": "95 % from",
    "high": "to",
    "bar_mean": "mean of the other",
    "difference_low": "95 % from",
    "difference_high": "to",
    "seconds": "seconds",
    "cpu_seconds": "CPU seconds",
}
"""Headings of columns whose names are not words yet."""

LABELS = {
    "conv1d": "Conv1D",
    "lstm": "LSTM",
    "mean_waveform": "Mean waveform",
    "mean_waveform_true_timing": "Mean waveform, true timing",
    REFERENCE: "Reference",
}


def method_label(method: str) -> str:
    """A method's name as people write it."""
    method, divider, run = method.partition(" · ")
    words = method.replace("_", " ")
    return LABELS.get(method, words[:1].upper() + words[1:]) + divider + run


def format_cell(value: Any) -> str:
    """A table cell as text: four figures, a dash for nothing."""
    if value is None or value is pd.NaT:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return "–"
        if value == round(value) and abs(value) < 1e6:
            return f"{value:.0f}"
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def format_heading(column: str) -> str:
    """A column's name as a heading."""
    return HEADINGS.get(column, column.replace("_", " "))


def key_facts(inputs: ReportInputs) -> list[tuple[str, str]]:
    """The strip under the title: what went in and what came out, in numbers."""
    facts = []
    table = inputs.import_table
    if table is not None and "status" in table:
        counts = table["status"].value_counts()
        told = ", ".join(f"{counts.get(word, 0)} {word}" for word in ("accepted", "repaired", "refused"))
        facts.append((f"{len(table)} files", told))
    if inputs.errors is not None and len(inputs.errors):
        n_subjects, n_methods = inputs.errors["subject"].nunique(), inputs.errors["method"].nunique()
        n_trials = len(inputs.errors[["subject", "trial"]].drop_duplicates())
        facts.append((f"{n_subjects} subjects", f"{n_trials} trials with a reference"))
        facts.append((f"{n_methods} methods", "scored by the same function on the same trials"))
    if inputs.timings is not None and "seconds" in inputs.timings:
        facts.append((f"{inputs.timings['seconds'].sum():.0f} s", "for the stages that were timed"))
    return facts


def verdict_sentences(comparison: pd.DataFrame | None) -> list[str]:
    """Whether each method beats the mean waveform, in words."""
    if comparison is None or comparison.empty:
        return []
    sentences = []
    angle = comparison[comparison["measure"] == "angle_rmse"]
    bar = angle[angle["method"] == MEAN_WAVEFORM]
    for row in angle[~angle["method"].isin([MEAN_WAVEFORM, BOUND])].itertuples():
        if not np.isfinite(row.mean):
            sentences.append(f"{method_label(row.method)} has no scored trial ({row.n_refused} refused).")
            continue
        sentence = f"{method_label(row.method)}: joint angle RMSE {row.mean:.1f}°"
        if len(bar) and np.isfinite(row.difference):
            difference = f"; paired difference {row.difference:+.1f}°"
            if np.isfinite(row.difference_low):
                difference += f" (95 % interval {row.difference_low:+.1f} to {row.difference_high:+.1f})"
            sentence += f", mean waveform {bar['mean'].iloc[0]:.1f}°" + difference.replace("-", "−")
            verdicts = {
                "better": "better than the mean waveform",
                "worse": "worse than the mean waveform",
                "not clear": "no clear difference",
            }
            sentence += f": {verdicts.get(row.verdict, row.verdict)}"
        refused = f" {row.n_refused} of its trials were refused." if row.n_refused else ""
        sentences.append(sentence + "." + refused)
    return sentences


def comparison_rows(comparison: pd.DataFrame | None) -> dict[str, Any]:
    """Measures down, methods across, the best of each scored measure marked."""
    if comparison is None or comparison.empty:
        return {}
    methods = list(dict.fromkeys(comparison["method"]))
    cells = {(row.method, row.measure): row for row in comparison.itertuples()}
    rows = []
    for name in (name for name in MEASURES if name in set(comparison["measure"])):
        measure = MEASURES[name]
        means = {m: cells[m, name].mean for m in methods if m != BOUND and np.isfinite(cells[m, name].mean)}
        best = None
        if measure.is_scored and len(means) > 1:
            best = (max if measure.higher_is_better else min)(means, key=means.__getitem__)
        texts = [{"text": format_value(cells[m, name].mean, cells[m, name].sd), "is_best": m == best} for m in methods]
        rows.append({"label": measure.label, "unit": measure.unit.replace("1", ""), "cells": texts})
    counts = [cells[method, "angle_rmse"] for method in methods]
    return {
        "methods": methods,
        "rows": rows,
        "counts": [{"scored": int(row.n_trials), "refused": int(row.n_refused)} for row in counts],
        "n_subjects": int(comparison["n_subjects"].max()),
    }


def interval_rows(comparison: pd.DataFrame | None) -> pd.DataFrame | None:
    """Every method and measure with its interval, for the table behind the summary."""
    if comparison is None or comparison.empty:
        return None
    columns = ["measure", "method", "unit", "n_subjects", "n_trials", "mean", "sd", "low", "high"]
    columns += ["difference", "difference_low", "difference_high", "verdict"]
    return comparison[columns]


def coordinate_rows(errors: pd.DataFrame | None) -> pd.DataFrame | None:
    """RMSE of every coordinate, one column a method, ``mean ± SD`` over subjects as text."""
    if errors is None or errors.empty:
        return None
    chosen = errors[errors["metric"].isin(["angle_rmse", "moment_rmse", "ground_reaction_rmse"])]
    keys = ["metric", "coordinate", "unit", "method"]
    by_subject = chosen.groupby([*keys, "subject"], sort=False)["value"].mean().dropna()
    if by_subject.empty:
        return None
    spread = by_subject.groupby(keys, sort=False).agg(["mean", "std"])
    text = pd.Series([format_value(m, s) for m, s in zip(spread["mean"], spread["std"], strict=True)], spread.index)
    table = text.unstack("method", sort=False).reset_index()
    table["metric"] = table["metric"].str.removesuffix("_rmse").str.replace("_", " ")
    return table.rename(columns={"metric": "quantity"} | {m: method_label(m) for m in errors["method"].unique()})


def subject_dots(errors: pd.DataFrame | None) -> list[dict[str, Any]]:
    """One value a subject and method for each drawn measure."""
    if errors is None or errors.empty:
        return []
    drawn = []
    for name in DOTS:
        measure = MEASURES[name]
        by_subject = trial_values(errors, measure).groupby(["method", "subject"], sort=False).mean()
        values = {
            method: {subject: round(float(value), 3) for (_, subject), value in of.items()}
            for method, of in by_subject.groupby("method", sort=False)
        }
        if values:
            drawn.append({"title": measure.label, "unit": measure.unit, "values": values})
    return drawn


def timing_rows(timings: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Stages with their share of the whole, for the bars."""
    if timings is None or timings.empty or not {"stage", "seconds"} <= set(timings):
        return []
    longest = max(float(timings["seconds"].max()), 1e-9)
    others = [column for column in timings if column not in ("stage", "seconds", "cpu_seconds", "result")]
    rows = []
    for row in timings.to_dict("records"):
        more = [str(row["result"])] if pd.notna(row.get("result")) else []
        more += [f"{format_heading(column)} {format_cell(row[column])}" for column in others if pd.notna(row[column])]
        cpu = row.get("cpu_seconds")
        rows.append(
            {
                "stage": row["stage"],
                "seconds": float(row["seconds"]),
                "cpu": f"{cpu:.1f}" if cpu is not None and pd.notna(cpu) else "–",
                "share": 100.0 * float(row["seconds"]) / longest,
                "more": ", ".join(more),
            }
        )
    return rows


def error_recipe(corpora: dict[str, Path]) -> str:
    """The sensor errors of the records that every method saw, in words."""
    if REFERENCE not in corpora:
        return ""
    corpus = Corpus(corpora[REFERENCE])
    for key in corpus.trials():
        trial = corpus.read(*key, clean=True)
        if trial.errors is not None:
            return trial.errors.in_words()
        if trial.recordings:
            return "no sensor errors"
    return ""


def cut(table: pd.DataFrame | None, first: str, columns: tuple[str, ...] = ()) -> pd.DataFrame | None:
    """At most `MAX_ROWS` rows, refused ones kept before others, and only the named columns if any are named."""
    if table is None or table.empty:
        return None
    if columns:
        table = table[[column for column in columns if column in table]]
    if len(table) > MAX_ROWS and first in table:
        table = table.sort_values(first, key=lambda column: column != "refused", kind="stable")
    return table.head(MAX_ROWS)
