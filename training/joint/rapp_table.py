"""The table of the paper from the errors of all folds: nine columns, every step raw and pseudo-calibrated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.comparison import bootstrap_interval
from training.joint.fold_run import STEPS
from training.joint.published_table import COLUMNS, published_value

MEASURES = {"raw": "rmse_deg", "pseudo-calibrated": "rmse_calibrated_deg"}


def summarise(errors: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Mean, SD and 95 % interval over subjects.

    Parameters
    ----------
    errors : DataFrame
        Rows of `training.joint.score.score_angles` with ``corpus, movement, scheme, joint`` beside them.
    seed : int
        Of the bootstrap over subjects.

    Returns
    -------
    DataFrame
        One row a corpus, scheme, step, measure and column: ``mean, sd, low, high`` (deg), ``subjects``, ``trials``,
        ``published`` (deg). A subject's error is the mean over its trials and sides.
    """
    rows = []
    groups = errors.groupby(["corpus", "movement", "scheme", "step", "joint", "angle"], sort=False)
    for (corpus, movement, scheme, step, joint, angle), group in groups:
        for measure, column in MEASURES.items():
            known = group.dropna(subset=[column])
            by_subject = known.groupby("subject")[column].mean()
            low, high = bootstrap_interval(by_subject.to_numpy(), seed)
            rows.append(
                {
                    "corpus": corpus,
                    "movement": movement,
                    "scheme": scheme,
                    "step": step,
                    "measure": measure,
                    "joint": joint,
                    "angle": angle,
                    "mean": by_subject.mean(),
                    "sd": by_subject.std(ddof=1) if len(by_subject) > 1 else float("nan"),
                    "low": low,
                    "high": high,
                    "subjects": len(by_subject),
                    "trials": len(known[["subject", "trial", "side"]].drop_duplicates()),
                    "published": published_value(movement, step, measure != "raw", joint, angle),
                }
            )
    return pd.DataFrame(rows)


def page(summary: pd.DataFrame, captions: dict[str, str], progress: str = "") -> str:
    """The tables for people, in Markdown.

    Parameters
    ----------
    summary : DataFrame
        Of `summarise`.
    captions : dict of str to str
        Corpus → what is to be known about its data.
    progress : str
        How much of the run is in it.

    Returns
    -------
    str
    """
    parts = [
        "# Joint angles from two sensors: the tables of Rapp et al. (2021) on other data",
        "RMSE in degrees: mean ± SD over subjects [95 % bootstrap interval of the mean]. *Pseudo-calibrated* errors "
        "use the true mean of each trial, which nobody has outside a laboratory. *Paper* rows: other data, 80 % of 420 "
        "walkers or 580 runners in training, clean test signals; here the test signals have 15 % noise, too. Misplaced "
        "sensors: each turned by N(0, 13.5°) about a random axis.",
        progress,
    ]
    for (corpus, scheme), block in summary.groupby(["corpus", "scheme"], sort=False):
        counts = f"{block['subjects'].max()} subjects, {block['trials'].max()} trials"
        parts += [f"## {corpus}, {scheme} ({counts})", captions.get(corpus, ""), _grid(block)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _grid(block: pd.DataFrame) -> str:
    present = set(zip(block["joint"], block["angle"], strict=True))
    columns = [column for column in COLUMNS if column in present]
    lines = ["| step | error | " + " | ".join(f"{joint} {angle}" for joint, angle in columns) + " |"]
    lines.append("|---|---|" + "---|" * len(columns))
    peers = {step: step.replace("smoothed", "optimised") for step in STEPS}  # the paper has no smoother
    for step, label in STEPS.items():
        is_printed = peers[step] != step and peers[step] in set(block["step"])
        for measure in MEASURES:
            own = block[(block["step"] == step) & (block["measure"] == measure)].set_index(["joint", "angle"])
            if own.empty:
                continue
            lines.append(f"| {label} | {measure} | " + " | ".join(_cell(own, column) for column in columns) + " |")
            if np.isfinite(own["published"]).any() and not is_printed:
                printed = [_number(own["published"].get(column, np.nan)) for column in columns]
                peer = STEPS[peers[step]].removeprefix("+ ")
                lines.append(f"| *paper: {peer}* | *{measure}* | " + " | ".join(printed) + " |")
    return "\n".join(lines)


def _cell(own: pd.DataFrame, column: tuple[str, str]) -> str:
    if column not in own.index:
        return "–"
    row = own.loc[column]
    spread = f" ± {row['sd']:.2f}" if np.isfinite(row["sd"]) else ""
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if np.isfinite(row["low"]) else ""
    return f"{row['mean']:.2f}{spread}{interval}"


def _number(value: float) -> str:
    return f"*{value:.2f}*" if np.isfinite(value) else "–"
