"""The run that makes a learning curve: sizes, law, tests, and a page that says them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.durable_file import write_durably
from synth.corpus.provenance import file_hash
from training.comparison import bootstrap_interval
from training.config import TrainingConfig
from training.csv_table import write_csv
from training.joint.fold import part_subjects
from training.joint.learning_curve import LearningLaw, SizeEffect, fit_law, run_learning_curve, size_effect
from training.joint.person_effect import effect_rows, person_effects
from training.joint.sound_trial import SoundTrials, read_sound_trials

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the teachers of the first fold."""


@dataclass(frozen=True)
class CurveRun:
    """What was made.

    Attributes
    ----------
    curve, page : Path
        Every error (CSV), and the page (Markdown).
    facts : dict
        Law, tests and errors by size, as plain data.
    """

    curve: Path
    page: Path
    facts: dict[str, Any]


def make_curve(
    corpus: Path,
    out: Path,
    config: TrainingConfig,
    *,
    joint: str = "knee",
    sizes: Sequence[int] = (),
    repeats: int = 5,
    seed: int = 0,
    tell: Callable[[SoundTrials], object] | None = None,
) -> CurveRun:
    """Train on nested subsets of one fold's teachers and say what the number of teachers does.

    Parameters
    ----------
    corpus : Path
    out : Path
        Folder; a run that was stopped goes on.
    config : TrainingConfig
    joint : str
    sizes : sequence of int
        Teachers; by default a sixteenth to all of those of the first fold.
    repeats : int
    seed : int
    tell : callable, optional
        Called with what was read, before anything is trained: which trials are left out or doubtful.

    Returns
    -------
    CurveRun
    """
    read = read_sound_trials(corpus, joint)
    if tell is not None:
        tell(read)
    trials = read.trials
    people = {trial.subject.code: trial.subject for trial in trials}
    fold = part_subjects({trial.subject.code: trial.laboratory for trial in trials}, seed=seed)[0]
    sizes = sizes or sorted({max(1, math.ceil(share * len(fold.teachers))) for share in SHARES})
    options = {"repeats": repeats, "seed": seed, "mark": file_hash(corpus)}
    curve = run_learning_curve(trials, fold, sizes, config, out / "learning", **options)
    law, effect = fit_law(curve, seed=seed), size_effect(curve)
    effects = person_effects(curve[curve["teachers"] == max(sizes)], people)
    table = errors_by_size(curve, seed)
    path = write_csv(out / f"learning_{joint}.csv", curve)
    page = out / f"learning_{joint}.md"
    write_durably(page, _page(joint, repeats, table, law, effect, effects))
    facts = {
        "joint": joint,
        "law": asdict(law),
        "size_effect": asdict(effect),
        "sizes": table.to_dict(orient="records"),
        "person_effects": effects.astype(object).where(effects.notna(), None).to_dict(orient="records"),
    }
    if math.isinf(law.for_one_degree):
        facts["law"]["for_one_degree"] = None
    return CurveRun(path, page, facts)


def errors_by_size(curve: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Mean raw RMSE (deg) over subjects of each size, of all angles (with its interval) and of each."""
    rows = []
    for size, group in curve.groupby("teachers"):
        by_subject = group.groupby("subject")["rmse_deg"].mean()
        low, high = bootstrap_interval(by_subject.to_numpy(), seed)
        angles = group.groupby(["angle", "subject"])["rmse_deg"].mean().groupby("angle").mean().to_dict()
        rows.append({"teachers": int(size), "mean": by_subject.mean(), "low": low, "high": high} | angles)
    return pd.DataFrame(rows)


def _page(
    joint: str, repeats: int, table: pd.DataFrame, law: LearningLaw, effect: SizeEffect, effects: pd.DataFrame
) -> str:
    lines = [
        f"# Learning curve: {joint}",
        "",
        f"Raw RMSE in degrees on {effect.subjects} people who never taught; augmented network, no optimisation, 15 % "
        f"noise on the test signals; nested subsets of the teachers, {repeats} repeats.",
        "",
        "| teachers | all angles [95 %] | flexion | adduction | rotation |",
        "|---|---|---|---|---|",
    ]
    for row in table.itertuples():
        interval = f" [{row.low:.2f}, {row.high:.2f}]" if math.isfinite(row.low) else ""
        angles = " | ".join(f"{value:.2f}" for value in (row.flexion, row.adduction, row.rotation))
        lines.append(f"| {row.teachers} | {row.mean:.2f}{interval} | {angles} |")
    needed = "never" if math.isinf(law.for_one_degree) else f"{law.for_one_degree:,.0f} teachers"
    lines += [
        "",
        f"Law: E(n) = {law.first:.2f} n^-{law.exponent:.3f} deg (exponent's 95 % interval {law.low:.3f} to "
        f"{law.high:.3f}, bootstrap over these {effect.subjects} people of one fold). One degree less, if it holds: "
        f"{needed}.",
        "",
        f"Does the number of teachers matter? Repeated measures: F = {effect.f:.2f}, p = {effect.p:.2g} (Greenhouse-"
        f"Geisser epsilon {effect.epsilon:.2f}); Friedman: {effect.friedman:.2f}, p = {effect.friedman_p:.2g}.",
        "",
    ]
    return "\n".join(lines) + "\n" + effect_rows(effects)
