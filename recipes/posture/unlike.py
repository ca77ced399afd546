"""Whether a new person's sample is like those that taught: the error of its compression, with a limit that others set.

An interval about a compressed sample would say nothing, as the sample itself is known. What is not known is how far off
the compression of somebody new may be. The limit that holds a new person's error with a stated probability is conformal
over persons; who is beyond it is flagged as unlike: inside the population as many as stated, outside more.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.class_doubt import INSIDE
from recipes.posture.samples import MOST_NUMBERS
from recipes.posture.settings import PostureSettings
from recipes.posture.use_case import COMPONENTS
from recipes.result import Result
from training.conformal_interval import LEVEL
from training.generative.compression import PUBLISHED_FIT, component_errors, compression_errors
from training.generative.person_fold import standard_of
from training.generative.sample_table import SampleTable
from training.sample.calibration_curve import calibration_curve, doubt_ratio
from training.sample.ensemble import drawn_people, mean_and_spread, rows_of

Outside = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Who → samples and persons outside the population."""


def unlike_rows(
    name: str, parts: Mapping[str, SampleTable], outside: Outside, settings: PostureSettings
) -> tuple[list[Result], pd.DataFrame]:
    """Rows of a table's compressions, and their calibration curves.

    Parameters
    ----------
    name : str
        Of the table.
    parts : mapping of str to SampleTable
        ``teach``, ``validate``, ``calibrate`` and ``score``: different people.
    outside : mapping of str to (ndarray, ndarray)
        Group → samples (n, ...) in the unit and shape of the table's, and persons (n,) outside the population.
    settings : PostureSettings

    Returns
    -------
    (list of Result, DataFrame)
        Shares in %, errors outside as multiples of those inside; `calibration_curve` (``half_width``: the limit, a mean
        squared error in SD²) with ``table, task, method, group``.
    """
    groups = {role: (parts[role].values, parts[role].people) for role in ("calibrate", "score")} | dict(outside)
    people = np.concatenate([codes for _, codes in groups.values()])
    where = np.repeat(list(groups), [len(codes) for _, codes in groups.values()])
    errors = _errors(parts, np.concatenate([values for values, _ in groups.values()]), settings)
    rows, curves = [], []
    for method, own in errors.items():
        scores = {
            group: {str(p): own[(where == group) & (people == p)] for p in np.unique(codes)}
            for group, (_, codes) in groups.items()
        }
        for group in [g for g in groups if g != "calibrate"]:
            curve = calibration_curve(scores["calibrate"], scores[group], seed=settings.seed)
            who = INSIDE if group == "score" else group
            curves.append(curve.assign(table=name, task="unlike", method=method, group=who))
            rows += _group_rows(f"{name}: like those who teach", method, who, curve)
            if group != "score":
                ratio = doubt_ratio(scores["score"], scores[group])
                facts = {"unit": "x that inside", "n_persons": len(scores[group]), "goal": ">= 1.2"}
                rows.append(Result(f"{name}: like those who teach", method, f"{who}: error", value=ratio, **facts))
    return rows, pd.concat(curves, ignore_index=True)


def _errors(parts: Mapping[str, SampleTable], asked: np.ndarray, settings: PostureSettings) -> dict[str, np.ndarray]:
    """Method → mean squared error (SD²) of each asked sample; of an ensemble, mean over members."""
    standard = standard_of(parts["teach"].values)
    teach, held, values = (standard.apply(v) for v in (parts["teach"].values, parts["validate"].values, asked))
    found = {COMPONENTS: component_errors(teach, values)}
    if asked[0].size > MOST_NUMBERS:
        return found
    fit = PUBLISHED_FIT.model_copy(update={"epochs": settings.compression_epochs})
    codes = parts["teach"].people.tolist()
    members = [
        compression_errors(teach[rows_of(codes, drawn.tolist())], held, values, seed=settings.seed + k, settings=fit)
        for k, drawn in enumerate(drawn_people(codes, settings.members, settings.seed))
    ]
    return {f"autoencoders, {settings.members} members": mean_and_spread(members)[0], **found}


def _group_rows(task: str, method: str, who: str, curve: pd.DataFrame) -> list[Result]:
    """Inside the whole curve; of all, the share that is flagged."""
    rows = []
    for row in curve.itertuples():
        value, low, high = (100.0 * x for x in (row.coverage, row.low, row.high))
        note = f"{row.n_calibrating} people calibrate"
        if not np.isfinite(row.half_width):
            note += ": too few, no limit"
        if who == INSIDE:
            measure = f"{who}: error within its {100 * row.level:.0f} % limit"
            rows.append(Result(task, method, measure, "%", value, low, high, row.n_scored, note=note))
        if row.level == LEVEL:
            measure = f"{who}: flagged as unlike at {100 * (1 - LEVEL):.0f} %"
            flagged = (100.0 - value, 100.0 - high, 100.0 - low)
            rows.append(Result(task, method, measure, "%", *flagged, row.n_scored, note=note))
    return rows
