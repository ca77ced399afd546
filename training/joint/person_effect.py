"""Sex, mass and height: whether the error on a person depends on who it is (stated, not shown, by Rapp et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from mocap_import.subject import Subject

FEWEST = 5
"""People with a known value, below which nothing is tested; of each sex, too."""


def person_effects(errors: pd.DataFrame, people: Mapping[str, Subject], column: str = "rmse_deg") -> pd.DataFrame:
    """Test the effect of three facts on the error.

    Parameters
    ----------
    errors : DataFrame
        Rows of `training.joint.score` of one step, with ``subject`` and the column.
    people : mapping of str to Subject
    column : str
        Error (deg), averaged over a subject's trials and angles.

    Returns
    -------
    DataFrame
        One row a fact: ``fact, subjects, effect, p, p_holm, note``. The effect is Spearman's rank correlation (mass,
        height), or how much larger men's mean error is than women's (deg; Mann and Whitney's test). `p_holm` is Holm's
        correction for the facts tested. A fact that too few people have is not tested, and the note says so.
    """
    by_subject = errors.groupby("subject")[column].mean().dropna()
    rows = [_correlation(by_subject, people, fact) for fact in ("mass", "height")] + [_sexes(by_subject, people)]
    table = pd.DataFrame(rows)
    known = table["p"].notna()
    order = table.loc[known, "p"].sort_values().index
    steps = [min(1.0, (len(order) - rank) * table.at[index, "p"]) for rank, index in enumerate(order)]
    table["p_holm"] = np.nan
    table.loc[order, "p_holm"] = np.maximum.accumulate(steps) if len(order) else []
    return table[["fact", "subjects", "effect", "p", "p_holm", "note"]]


def effect_rows(effects: pd.DataFrame) -> str:
    """The table for people, in Markdown."""
    lines = ["| fact | people | effect | p | p (Holm) | |", "|---|---|---|---|---|---|"]
    for row in effects.itertuples():
        numbers = [f"{value:.3g}" if np.isfinite(value) else "–" for value in (row.effect, row.p, row.p_holm)]
        lines.append(f"| {row.fact} | {row.subjects} | " + " | ".join(numbers) + f" | {row.note} |")
    return "\n".join(lines) + "\n"


def _correlation(by_subject: pd.Series, people: Mapping[str, Subject], fact: str) -> dict[str, object]:
    pairs = [(getattr(people[code], fact), error) for code, error in by_subject.items() if code in people]
    known = np.array([pair for pair in pairs if np.isfinite(pair[0])])
    row: dict[str, object] = {"fact": fact, "subjects": len(known), "effect": np.nan, "p": np.nan, "note": ""}
    if len(known) < FEWEST:
        return row | {"note": f"not tested: known of {len(known)} people"}
    if np.ptp(known[:, 0]) == 0:
        return row | {"note": "not tested: the same for all"}
    found = stats.spearmanr(known[:, 0], known[:, 1])
    return row | {"effect": float(found.statistic), "p": float(found.pvalue), "note": "Spearman's rank correlation"}


def _sexes(by_subject: pd.Series, people: Mapping[str, Subject]) -> dict[str, object]:
    groups = {
        sex: by_subject[[code for code in by_subject.index if code in people and people[code].sex == sex]]
        for sex in ("male", "female")
    }
    counts = {sex: len(group) for sex, group in groups.items()}
    row: dict[str, object] = {"fact": "sex", "subjects": sum(counts.values()), "effect": np.nan, "p": np.nan}
    if min(counts.values()) < FEWEST:
        return row | {"note": f"not tested: {counts['female']} women, {counts['male']} men known"}
    found = stats.mannwhitneyu(groups["male"], groups["female"])
    effect = float(groups["male"].mean() - groups["female"].mean())
    return row | {"effect": effect, "p": float(found.pvalue), "note": "men's mean less women's, deg; Mann-Whitney"}
