"""Sex, mass and height: whether the error on a person depends on who it is (stated, not shown, by Rapp et al. 2021).

A p above 0.05 shows no absence: the 95 % interval beside it says how large an effect these people leave possible.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from mocap_import.subject import Subject
from training.paired_test import holm

FEWEST = 5
"""People with a known value, below which nothing is tested; of each sex, too."""
_RANKS = "Spearman's rank correlation"


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
        One row a fact: ``fact, subjects, effect, low, high, p, p_holm, note``. The effect is Spearman's rank
        correlation (mass, height), or how much larger men's mean error is than women's (deg; Mann and Whitney's test),
        with its 95 % interval (`correlation_interval`; Welch's). `p_holm` is Holm's correction for the facts tested. A
        fact that too few people have is not tested, and the note says so.
    """
    by_subject = errors.groupby("subject")[column].mean().dropna()
    rows = [_correlation(by_subject, people, fact) for fact in ("mass", "height")] + [_sexes(by_subject, people)]
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"].to_list())
    return table[["fact", "subjects", "effect", "low", "high", "p", "p_holm", "note"]]


def correlation_interval(rho: float, n: int) -> tuple[float, float]:
    """95 % interval of Spearman's correlation of n pairs (Bonett and Wright 2000, Psychometrika 65:23).

    NaN with fewer than four pairs; a correlation of one has no width.
    """
    if n < 4 or not math.isfinite(rho):
        return math.nan, math.nan
    if abs(rho) >= 1.0:
        return rho, rho
    half = 1.959964 * math.sqrt((1.0 + rho**2 / 2.0) / (n - 3))
    return math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)


def effect_rows(effects: pd.DataFrame) -> str:
    """The table for people, in Markdown; rows of older files, which kept no interval, get that of a correlation."""
    lines = ["| fact | people | effect | 95 % interval | p | p (Holm) | |", "|---|---|---|---|---|---|---|"]
    for row in effects.itertuples():
        effect, p, p_holm = (f"{v:.3g}" if np.isfinite(v) else "–" for v in (row.effect, row.p, row.p_holm))
        low, high = getattr(row, "low", math.nan), getattr(row, "high", math.nan)
        if not np.isfinite(low) and row.note == _RANKS:
            low, high = correlation_interval(row.effect, row.subjects)
        interval = f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "–"
        cells = (row.fact, str(row.subjects), effect, interval, p, p_holm, row.note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _correlation(by_subject: pd.Series, people: Mapping[str, Subject], fact: str) -> dict[str, object]:
    pairs = [(getattr(people[code], fact), error) for code, error in by_subject.items() if code in people]
    known = np.array([pair for pair in pairs if np.isfinite(pair[0])])
    row: dict[str, object] = {"fact": fact, "subjects": len(known), "note": ""}
    row |= dict.fromkeys(("effect", "low", "high", "p"), np.nan)
    if len(known) < FEWEST:
        return row | {"note": f"not tested: known of {len(known)} people"}
    if np.ptp(known[:, 0]) == 0:
        return row | {"note": "not tested: the same for all"}
    found = stats.spearmanr(known[:, 0], known[:, 1])
    low, high = correlation_interval(float(found.statistic), len(known))
    facts = {"effect": float(found.statistic), "low": low, "high": high, "p": float(found.pvalue)}
    return row | facts | {"note": _RANKS}


def _sexes(by_subject: pd.Series, people: Mapping[str, Subject]) -> dict[str, object]:
    groups = {
        sex: by_subject[[code for code in by_subject.index if code in people and people[code].sex == sex]]
        for sex in ("male", "female")
    }
    counts = {sex: len(group) for sex, group in groups.items()}
    row: dict[str, object] = {"fact": "sex", "subjects": sum(counts.values())}
    row |= dict.fromkeys(("effect", "low", "high", "p"), np.nan)
    if min(counts.values()) < FEWEST:
        return row | {"note": f"not tested: {counts['female']} women, {counts['male']} men known"}
    found = stats.mannwhitneyu(groups["male"], groups["female"])
    effect = float(groups["male"].mean() - groups["female"].mean())
    welch = stats.ttest_ind(groups["male"], groups["female"], equal_var=False).confidence_interval()
    facts = {"effect": effect, "low": float(welch.low), "high": float(welch.high), "p": float(found.pvalue)}
    return row | facts | {"note": "men's mean less women's, deg; Mann-Whitney, Welch's interval"}
