"""Evaluation: how far a corpus of estimates is from the reference, as a tidy table; the same for every method.

A network, the mean waveform and the optimal-control baseline all arrive as a corpus and are treated alike: moments
and forces of both sides are normalised with the reference subject's body weight and height, and only frames with a
true value count. What has no estimate is counted, never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.batch import Task
from mocap_import.engine import ATTEMPTS, Engine, EngineFailed
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.metric import WAVEFORM_METRICS
from training.target import ALL_TARGETS, Target, read_targets
from training.window import LABEL_ROLES, require_labels

COLUMNS = ("subject", "trial", "coordinate", "metric", "value", "unit", "method", "note")
"""Columns of an error table; `note` says why a trial has no estimate."""

SECONDS_PER_TRIAL = 60.0
"""Of the scoring of a trial, a hundred times what a long one takes."""

TESTED = "tested_subjects"
"""Configuration key of estimates by a stored split: whom it tests."""

TRIAL = "trial"
"""`coordinate` of the rows that belong to a trial as a whole."""


CHUNK = 50
"""Trials that one task scores."""


def evaluate(
    truth: Path,
    estimate: Path,
    method: str,
    *,
    engine: Engine | None = None,
    progress: Callable[[int], object] | None = None,
) -> pd.DataFrame:
    """Score one method on every trial of a reference corpus.

    Parameters
    ----------
    truth : Path
        Corpus with role ``"reference"`` (or ``"motion"``).
    estimate : Path
        Corpus with the same subjects and trial names on the same time base. Of a stored split only the test subjects
        are scored.
    method : str
        Name of the method in the table.
    engine : Engine, optional
        Where trials are scored; default: in this process. The table is the same.
    progress : callable, optional
        Called with the number of trials that were scored since the last call.

    Returns
    -------
    DataFrame
        One row a subject, trial, coordinate and metric. Metrics are ``<kind>_<measure>``: `kind` angle (deg), moment
        (%BWBH) or ground_reaction (%BW); `measure` rmse, rmse_mean_removed, correlation, bias, coverage (share of
        the true frames that have an estimate). Rows of a whole trial: ``refused`` (1 = no estimate), ``unlabelled``
        (1 = no truth, not scored), ``seconds``, ``labelled_trials`` and ``labelled_frames`` (labels that the method
        needed); ``speed_error`` and ``speed_absolute_error`` (m/s).

    Raises
    ------
    CorpusMismatch
        If a trial's time base differs between the two, or they share no trial.
    EngineFailed
        A task of the engine was lost.
    """
    reference, estimates = Corpus(truth), Corpus(estimate)
    require_labels(reference)
    if estimates.role in LABEL_ROLES:
        raise CorpusMismatch(
            f"{estimate}: expected estimates (role baseline or prediction), this corpus holds labels (role "
            f"{estimates.role}); no method is scored against its own source."
        )
    known = set(estimates.trials())
    if not known & set(reference.trials()):
        raise CorpusMismatch(
            f"{estimate}: expected estimates of the trials of {truth}, found none of them. "
            "Both files must come from the same archive, with the same subject codes and trial names."
        )
    keys = list(reference.trials())
    tested = estimates.provenance.config.get(TESTED)
    if tested is not None:
        keys = [key for key in keys if key[0] in tested]
    chunks = [keys[first : first + CHUNK] for first in range(0, len(keys), CHUNK)]
    places = {"truth": str(truth), "estimate": str(estimate), "method": method}
    if engine is None:
        scored = ((number, score_trials(keys=chunk, **places)) for number, chunk in enumerate(chunks))
    else:
        engine.check_shared_files(Path(truth), Path(estimate))
        scored = _scored_elsewhere(chunks, places, engine)
    rows: dict[int, list[dict[str, Any]]] = {}
    for number, found in scored:
        rows[number] = found
        if progress is not None:
            progress(len(chunks[number]))
    ordered = [row for number in sorted(rows) for row in rows[number]]
    return pd.DataFrame(ordered, columns=list(COLUMNS))


def score_trials(truth: str, estimate: str, method: str, keys: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Rows of some trials: one task of a worker process."""
    reference, estimates = Corpus(Path(truth)), Corpus(Path(estimate))
    known = set(estimates.trials())
    labels_used = estimates.provenance.config.get("labels_used", {})
    rows: list[dict[str, Any]] = []
    for subject, name in keys:
        true_trial = reference.read(subject, name, clean=True)
        estimated = estimates.read(subject, name, clean=True) if (subject, name) in known else None
        rows += [
            row | {"subject": subject, "trial": name, "method": method}
            for row in _trial_rows(true_trial, estimated, labels_used.get(subject, {}))
        ]
    return rows


def _scored_elsewhere(
    chunks: list[list[tuple[str, str]]], places: dict[str, str], engine: Engine
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Number and rows of each chunk, as they are scored."""
    tasks = [
        Task(str(number), "training.evaluation:score_trials", places | {"keys": chunk})
        for number, chunk in enumerate(chunks)
    ]
    for outcome in engine.run(tasks, timeout=SECONDS_PER_TRIAL * CHUNK, attempts=ATTEMPTS):
        if outcome.status == "done":
            yield int(outcome.key), outcome.value
            continue
        if outcome.error_type == "CorpusMismatch":
            raise CorpusMismatch(outcome.message)
        first, last = chunks[int(outcome.key)][0], chunks[int(outcome.key)][-1]
        raise EngineFailed(
            f"the trials from {'/'.join(first)} to {'/'.join(last)} could not be scored: {outcome.reason} No table "
            "was written."
        )


def count_trials(errors: pd.DataFrame) -> dict[str, int]:
    """How many trials of an error table were scored, refused and without labels; the three add up to all trials."""
    rows = errors[errors["coordinate"] == TRIAL]
    total = {metric: int(rows.loc[rows["metric"] == metric, "value"].sum()) for metric in ("refused", "unlabelled")}
    n_labelled = int((rows["metric"] == "refused").sum())
    return {"scored": n_labelled - total["refused"], "refused": total["refused"], "unlabelled": total["unlabelled"]}


def _trial_rows(truth: CorpusTrial, estimate: CorpusTrial | None, labels_used: dict[str, int]) -> list[dict[str, Any]]:
    """All rows of one trial."""
    targets = [t for t in ALL_TARGETS if t.kind != "speed"]
    true_values = read_targets(truth, targets)
    is_labelled = bool(np.isfinite(true_values).any())
    rows = [_row(TRIAL, "unlabelled", float(not is_labelled), "1", "" if is_labelled else truth.reason or "no labels")]
    if not is_labelled:
        return rows
    reason = _refusal(estimate)
    if not reason:
        _require_time_base(truth, estimate)
        values = read_targets(estimate, targets, truth.subject)
        overlap = np.isfinite(values) & np.isfinite(true_values)
        reason = "" if overlap.any() else "no value in any frame that has a true one"
    rows.append(_row(TRIAL, "refused", float(bool(reason)), "1", reason))
    if estimate is not None:
        rows.append(_row(TRIAL, "seconds", estimate.seconds, "s"))
    rows += [_row(TRIAL, f"labelled_{what}", float(labels_used.get(what, 0)), "1") for what in ("trials", "frames")]
    if reason:
        return rows
    for column, target in enumerate(targets):
        if np.isfinite(true_values[:, column]).any():
            rows += _waveform_rows(target, true_values[:, column], values[:, column])
    speeds = [trial.spatiotemporal.get("speed", math.nan) for trial in (truth, estimate)]
    if math.isfinite(speeds[0]):
        error = speeds[1] - speeds[0]
        rows += [_row("speed", "speed_error", error, "m/s"), _row("speed", "speed_absolute_error", abs(error), "m/s")]
    return rows


def _waveform_rows(target: Target, truth: np.ndarray, estimate: np.ndarray) -> list[dict[str, Any]]:
    """Every metric of one coordinate; all but the coverage are NaN if the method has no such output."""
    has_unit = {"rmse": target.unit, "rmse_mean_removed": target.unit, "bias": target.unit}
    return [
        _row(
            target.coordinate,
            f"{target.kind}_{measure}",
            function(truth * target.scale, estimate * target.scale),
            has_unit.get(measure, "1"),
        )
        for measure, function in WAVEFORM_METRICS.items()
    ]


def _refusal(estimate: CorpusTrial | None) -> str:
    """Why there is nothing to score; empty if there is."""
    if estimate is None:
        return "not in the corpus of estimates"
    if estimate.status == "refused" or estimate.n_frames == 0:
        return estimate.reason or "refused without a reason"
    return ""


def _require_time_base(truth: CorpusTrial, estimate: CorpusTrial) -> None:
    if (truth.n_frames, truth.rate) != (estimate.n_frames, estimate.rate):
        raise CorpusMismatch(
            f"trial {truth.name!r} of subject {truth.subject.code!r}: expected an estimate of {truth.n_frames} frames "
            f"at {truth.rate:g} Hz, found {estimate.n_frames} at {estimate.rate:g} Hz. Estimates keep the time base of "
            "the records, NaN where they have no value."
        )


def _row(coordinate: str, metric: str, value: float, unit: str, note: str = "") -> dict[str, Any]:
    return {"coordinate": coordinate, "metric": metric, "value": value, "unit": unit, "note": note}
