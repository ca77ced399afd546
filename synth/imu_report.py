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
from synth.trial_cutoff import CUTOFFS, error_sentences, expected_errors


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
    for sentence in made.sentences():
        typer.echo(sentence)
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
        if by_table:
            table = ", ".join(f"{segment} {hertz:g}" for segment, hertz in CUTOFFS.items())
            typer.echo(f"Low-pass cut-offs (Hz): {table}")
        typer.echo(f"Medians over the trials, {method.replace('_', ' ')} at {rate:g} Hz:")
        for sentence in error_sentences(cutoffs, method, rate):
            typer.echo(sentence)
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
