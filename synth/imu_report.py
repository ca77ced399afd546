"""What `kinesynth imu` prints of the records it made: cut-offs, expected errors, gaps, and one row a trial."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer

from synth.corpus.reader import Corpus
from synth.corpus.rewrite import BAKED
from synth.corpus.table import print_table
from synth.imu.cutoff import SegmentCutoff
from synth.imu_request import ImuRequest
from synth.single_trial import MadeTrial
from synth.trial_cutoff import CUTOFFS, MOTION_BAND, expected_errors


def print_single(made: MadeTrial, files: Sequence[Path], as_json: bool) -> None:
    """Print what came of one trial."""
    n_frames = made.trial.n_frames or int(made.facts.get("n_frames", 0))
    missing, start = float(made.facts["missing"]), float(made.facts["start_time"])
    if as_json:
        content = {
            "files": [str(file) for file in files],
            "subject": made.trial.subject.code,
            "trial": made.trial.name,
            "n_frames": n_frames,
            "rate": made.trial.rate,
            "start_time": start,
            "missing": missing,
            "cutoffs_hz": {found.segment: _number(found.cutoff) for found in made.cutoffs},
            "expected_errors": _errors(made.cutoffs, made.method, made.trial.rate),
            "errors": None if made.trial.errors is None else json.loads(made.trial.errors.to_json()),
            "treatments": [vars(treatment) for treatment in made.trial.treatments],
        }
        typer.echo(json.dumps(content))
        return
    typer.echo(
        f"{made.trial.subject.code}/{made.trial.name}: {n_frames} frames at {made.trial.rate:g} Hz{_begin(start)}"
    )
    print_table(error_table(made.cutoffs, made.method, made.trial.rate), error_title(made.method, made.trial.rate))
    for treatment in made.trial.treatments:
        typer.echo(f"{treatment.what}: {treatment.detail}")
    if missing:
        typer.echo(_missing(missing, int(made.facts["gaps"])))
    if made.trial.errors is not None:
        typer.echo(f"errors: {made.trial.errors.in_words()}")
    for file in files:
        typer.echo(f"written: {file}")


def print_archive(request: ImuRequest, rows: pd.DataFrame, as_json: bool) -> None:
    """Print what came of an archive or a corpus."""
    counts = {status: int(n) for status, n in rows["status"].value_counts().items()}
    cutoffs, rate = typical_cutoffs(rows), float(rows["rate"].median()) if "rate" in rows else math.nan
    method, by_table = request.settings.method, bool(cutoffs) and request.settings.cutoff is None
    if as_json:
        content = {
            "corpus": str(request.out),
            "counts": counts,
            "cutoffs_hz": CUTOFFS if by_table else {found.segment: _number(found.cutoff) for found in cutoffs},
            "expected_errors": _errors(cutoffs, method, rate),
            "trials": json.loads(rows.to_json(orient="records")),
        }
        typer.echo(json.dumps(content))
        return
    print_table(rows[["subject", "trial", "status", "n_frames", "rate", "reason"]], str(request.out))
    if cutoffs:
        print_table(error_table(cutoffs, method, rate), f"{error_title(method, rate)}, medians over the trials")
    if "missing" in rows and float(rows["missing"].max()) > 0:
        typer.echo(_missing(float(rows["missing"].mean()), int(rows["gaps"].sum())))
    typer.echo(f"errors: {recipe_in_words(request.out)}")
    typer.echo(f"{request.out}: {', '.join(f'{n} {status}' for status, n in sorted(counts.items()))}")


def _missing(share: float, gaps: int) -> str:
    return f"{100 * share:.1f} % of the sensor samples have no value and stay NaN, {gaps} gaps inside the records"


def _begin(start: float) -> str:
    return f", from {start:.9g} s on" if start else ""


def typical_cutoffs(rows: pd.DataFrame) -> list[SegmentCutoff]:
    """Median cut-off and jitter of every segment over the trials, with the most frequent reason."""
    found = []
    for column in rows.columns:
        if column.startswith("cutoff_") and rows[f"jitter_{column[7:]}"].notna().any():
            segment = column.removeprefix("cutoff_")
            jitter = float(rows[f"jitter_{segment}"].median())
            reason = str(rows[f"reason_{segment}"].mode().iloc[0])
            found.append(SegmentCutoff(segment, float(rows[column].median()), jitter, reason))
    return found


def error_title(method: str, rate: float) -> str:
    """What the table of expected errors is about."""
    band = min(MOTION_BAND, rate / 2)
    return f"Expected errors on motion up to {band:g} Hz, {method.replace('_', ' ')} at {rate:g} Hz"


def error_table(cutoffs: Sequence[SegmentCutoff], method: str, rate: float) -> pd.DataFrame:
    """One row a segment: its cut-off, why, and what the derivatives are expected to err.

    Returns
    -------
    DataFrame
        ``segment``, ``low-pass`` (Hz), ``by``, ``acceleration`` and ``angular velocity`` (share of the signal that is
        lost), ``jitter`` of the path (RMS) and the acceleration ``noise`` that it makes; text with units.
    """
    rows = []
    for found in cutoffs:
        error = expected_errors([found], method, rate)[found.segment]
        known = not math.isnan(found.jitter)
        rows.append(
            {
                "segment": found.segment,
                "low-pass": "none" if math.isnan(found.cutoff) else f"{found.cutoff:.1f} Hz",
                "by": found.reason,
                "acceleration": f"{100 * error.acceleration_share:.2g} %",
                "angular velocity": f"{100 * error.angular_velocity_share:.2g} %",
                "jitter": f"{1000 * found.jitter:.2g} mm" if known else None,
                "noise": f"{error.acceleration_noise:.2g} m/s²" if known else None,
            }
        )
    return pd.DataFrame(rows)


def recipe_in_words(path: Path) -> str:
    """Errors of a corpus, from its first trial."""
    corpus = Corpus(path)
    trial = corpus.read(*corpus.trials()[0], clean=True)
    for treatment in trial.treatments:
        if treatment.what == BAKED:
            return f"{treatment.detail} (in the records for good)"
    return "none" if trial.errors is None else trial.errors.in_words()


def _errors(cutoffs: Sequence[SegmentCutoff], method: str, rate: float) -> dict[str, dict[str, float]]:
    """Expected errors by segment: shares of the signal, and m/s² of jitter."""
    return {
        segment: {
            "acceleration_share": error.acceleration_share,
            "angular_velocity_share": error.angular_velocity_share,
            "acceleration_noise": error.acceleration_noise,
        }
        for segment, error in expected_errors(cutoffs, method, rate).items()
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
