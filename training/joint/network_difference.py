"""Network difference: published networks against the quick one, paired over the people whom all of them were scored on.

The same person is easy or hard for every network, so intervals of two means may overlap where the difference is
certain, and the other way round. Lengths of training were settled while looking at the first fold's people; the
differences are therefore told twice, once without them.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from training.comparison import bootstrap_interval
from training.joint.rapp_table import MEASURES
from training.paired_test import holm, sign_flip_p

ALL, LATER = "all", "without the first fold"
COLUMNS = ("people", "sensors", "measure", "angle", "network", "against", "subjects", "difference", "low", "high",
           "subjects_better", "p", "p_holm")  # fmt: skip


def paired_networks(errors: pd.DataFrame, against: str, *, seed: int = 0) -> pd.DataFrame:
    """Difference of each network's error to one network's, person by person.

    Parameters
    ----------
    errors : DataFrame
        ``network, fold, step, subject, angle`` and the columns of `training.joint.rapp_table.MEASURES` (deg).
    against : str
        The network that the others are held against.
    seed : int
        Of bootstrap and drawn sign patterns.

    Returns
    -------
    DataFrame
        ``people, sensors, measure, angle, network, against, subjects, difference, low, high, subjects_better, p,
        p_holm``: mean over people of the network's error less the other's (deg; above zero: the network is worse), its
        95 % interval, how many people the network is better for, p of sign flips, and the same corrected for all
        networks and angles of these people, sensors and measure. NaN where there are too few people.
    """
    if errors.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    first = errors["fold"].iloc[0]
    rows = []
    for people, chosen in ((ALL, errors), (LATER, errors[errors["fold"] != first])):
        for wearing, worn in chosen.groupby("step", sort=False):
            for measure, column in MEASURES.items():
                heading = {"people": people, "sensors": wearing, "measure": measure}
                found = [heading | row for row in _differences(worn, column, against, seed)]
                corrected = holm([row["p"] for row in found])
                rows += [row | {"p_holm": float(p)} for row, p in zip(found, corrected, strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _differences(worn: pd.DataFrame, column: str, against: str, seed: int) -> list[Mapping[str, object]]:
    """Rows of one wearing and measure."""
    rows: list[Mapping[str, object]] = []
    for angle, own in worn.groupby("angle", sort=False):
        by_person = own.groupby(["subject", "network"], sort=False)[column].mean().unstack()
        for network in (name for name in dict.fromkeys(own["network"]) if name != against):
            difference = (by_person[network] - by_person[against]).dropna().to_numpy()
            low, high = bootstrap_interval(difference, seed)
            row = {"angle": angle, "network": network, "against": against, "subjects": len(difference)}
            row |= {"difference": float(difference.mean()), "low": low, "high": high}
            rows.append(row | {"subjects_better": int((difference < 0).sum()), "p": sign_flip_p(difference, seed=seed)})
    return rows


def difference_rows(table: pd.DataFrame) -> str:
    """The raw differences for people, in Markdown."""
    lines = ["| people | sensors | network | angle | difference [95 %] | better for | p | p (Holm) |", "|---" * 8 + "|"]
    for row in table[table["measure"] == "raw"].itertuples():
        interval = f" [{row.low:+.2f}, {row.high:+.2f}]" if row.low == row.low else ""
        p, p_holm = (f"{value:.2g}" if value == value else "–" for value in (row.p, row.p_holm))
        cells = (row.people, row.sensors, row.network, row.angle, f"{row.difference:+.2f}{interval}")
        lines.append(f"| {' | '.join(cells)} | {row.subjects_better} of {row.subjects} | {p} | {p_holm} |")
    return "\n".join(lines) + "\n"
