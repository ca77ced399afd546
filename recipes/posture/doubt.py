"""Stage: an ensemble estimates a condition (age) from a sample, says how sure it is, and meets people from outside.

People are parted anew: six tenths teach (each member draws them with replacement), one tenth chooses the epoch, and the
rest calibrate the intervals or are scored, half and half.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.class_doubt import INSIDE
from recipes.posture.samples import SPINE, read_tables, spine_table
from recipes.posture.unlike import unlike_rows
from recipes.result import Result, mean_result, result_table
from recipes.run import Run
from training.csv_table import write_csv
from training.generative.condition_estimate import condition_ensemble
from training.generative.person_fold import standard_of
from training.generative.sample_table import SampleTable
from training.sample.calibration_curve import calibration_curve, doubt_ratio

_UNITS = {"age": "yr", "height": "m", "speed": "m/s"}
EXAGGERATED = 3.0
"""People outside: whose samples differ from the mean so many times as much."""
OUTSIDE_SEVERITY = 8.0
"""People outside the virtual spine's population: lateral curves so many times as large."""


def doubt_roles(table: SampleTable, seed: int) -> dict[str, list[str]]:
    """Role → people."""
    codes = np.random.default_rng([seed, 9]).permutation(np.unique(table.people))
    a, b, c = (round(share * len(codes)) for share in (0.6, 0.7, 0.85))
    parts = zip(("teach", "validate", "calibrate", "score"), np.split(codes, [a, b, c]), strict=True)
    return {role: sorted(part.tolist()) for role, part in parts}


def work(run: Run) -> str:
    """Write ``doubt.csv`` (rows of the table) and ``calibration.csv``."""
    results: list[Result] = []
    curves = []
    for name, table in read_tables(run).items():
        rows, curve = _unlike(run, name, table)
        results += rows
        curves.append(curve)
        if run.settings.estimated not in table.conditions:
            run.say(f"doubt: {name} has no column {run.settings.estimated}; nothing is estimated there.")
            continue
        known = _known_parts(run, name, table)
        if known is None:
            continue
        rows, curve = _of_table(run, name, table, known)
        results += rows
        curves.append(curve.assign(table=name, task=run.settings.estimated, method="ensemble", group=INSIDE))
    write_csv(run.folder / "doubt.csv", result_table(results))
    write_csv(run.folder / "calibration.csv", pd.concat(curves, ignore_index=True))
    return f"{len(results)} rows"


def _unlike(run: Run, name: str, table: SampleTable) -> tuple[list[Result], pd.DataFrame]:
    """Rows of how unlike new people are, whatever is known of them."""
    settings = run.settings
    parts = {role: table.of_people(codes) for role, codes in doubt_roles(table, settings.seed).items()}
    outside = _outside(name, table, parts["score"], settings.seed, settings.people)
    return unlike_rows(name, parts, outside, settings)


def _known_parts(run: Run, name: str, table: SampleTable) -> dict[str, SampleTable] | None:
    """Role → samples whose fact is known; None if somebody's role is then empty."""
    fact = run.settings.estimated
    known = np.isfinite(table.conditions[fact].to_numpy(float))
    if not known.all():
        run.say(f"doubt: {name}: {fact} is not known of {int((~known).sum())} of {len(table)} samples; they stay out.")
    own = table.rows(known)
    parts = {role: own.of_people(codes) for role, codes in doubt_roles(table, run.settings.seed).items()}
    empty = [role for role, part in parts.items() if not len(part)]
    if empty:
        run.say(f"doubt: {name}: {fact} is known of nobody who is to {empty[0]}; nothing is estimated there.")
        return None
    return parts


def _of_table(
    run: Run, name: str, table: SampleTable, parts: dict[str, SampleTable]
) -> tuple[list[Result], pd.DataFrame]:
    """Rows of a table's ensemble, and its calibration curve."""
    settings, fact = run.settings, run.settings.estimated
    standard = standard_of(parts["teach"].values)
    told = parts["teach"].conditions[fact].to_numpy(float)
    mean, sd = float(told.mean()), float(told.std()) or 1.0
    inputs = {role: standard.apply(part.values).reshape(len(part), -1) for role, part in parts.items()}
    truth = {role: (part.conditions[fact].to_numpy(float) - mean) / sd for role, part in parts.items()}
    ensemble = condition_ensemble(
        (inputs["teach"], truth["teach"]),
        parts["teach"].people,
        (inputs["validate"], truth["validate"]),
        n_members=settings.members,
        seed=settings.seed,
    )
    estimate, spread = {}, {}
    for role in ("calibrate", "score"):
        estimate[role], spread[role] = ensemble.estimate(inputs[role])
    error = {role: np.abs(estimate[role] - truth[role]) for role in estimate}
    scores = {role: _by_person(parts[role].people, error[role] / _wide(spread[role])) for role in error}
    curve = calibration_curve(scores["calibrate"], scores["score"], seed=settings.seed)
    task = f"{name}: {fact} from a sample"
    people = parts["score"].people
    results = [
        _mean(task, fact, "ensemble", "absolute error", _by_person(people, sd * error["score"]), settings.seed),
        _mean(task, fact, "mean of those who teach", "absolute error", _by_person(people, sd * np.abs(truth["score"])),
              settings.seed),
    ]  # fmt: skip
    for row in curve.itertuples():
        value, low, high = (100.0 * x for x in (row.coverage, row.low, row.high))
        note = "" if np.isfinite(row.half_width) else "too few persons calibrate: unlimited intervals"
        results.append(
            Result(f"{name}: calibration", "ensemble, conformal", f"inside a {100 * row.level:.0f} % interval", "%",
                   value, low, high, row.n_scored, note=note)
        )  # fmt: skip
    inside = _by_person(people, spread["score"])
    for who, (values, codes) in _outside(name, table, parts["score"], settings.seed, settings.people).items():
        doubt = ensemble.estimate(standard.apply(values).reshape(len(values), -1))[1]
        results.append(
            Result(f"{name}: people from outside", "ensemble", f"stated SD, {who}", "x that inside",
                   doubt_ratio(inside, _by_person(codes, doubt)), n_persons=len(set(codes)), goal=">= 1.2")
        )  # fmt: skip
    return results, curve


def _outside(
    name: str, table: SampleTable, scored: SampleTable, seed: int, n_people: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Who → samples and people outside the population."""
    mean = table.values.mean(axis=0)
    found = {f"deviations x {EXAGGERATED:g}": (mean + EXAGGERATED * (scored.values - mean), scored.people)}
    if name == SPINE:
        severe = spine_table(len(set(scored.people)), 3, seed, first=n_people, severity=OUTSIDE_SEVERITY)
        found[f"lateral curves x {OUTSIDE_SEVERITY:g}"] = (severe.values, severe.people)
    return found


def _wide(spread: np.ndarray) -> np.ndarray:
    """The stated SD, never so small that it is believed alone: with a constant part of the SD of the truth (1)."""
    return np.sqrt(spread**2 + 1.0)


def _by_person(people: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    return {str(code): values[people == code] for code in np.unique(people)}


def _mean(task: str, fact: str, method: str, measure: str, values: Mapping[str, np.ndarray], seed: int) -> Result:
    means = {person: float(v.mean()) for person, v in values.items()}
    return mean_result(means, task=task, method=method, measure=measure, unit=_UNITS.get(fact, ""), seed=seed)
