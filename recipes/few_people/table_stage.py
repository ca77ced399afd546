"""The table: errors by number of people who teach, what pre-training saves, what virtual people are worth, doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from recipes.equal_lesson import with_lessons
from recipes.few_people.doubt import measured_coverage, outside_results
from recipes.few_people.measured_lesson import unequal_arms, unequal_sentence
from recipes.few_people.person_error import DrawErrors, Errors, errors_by_draw, mean_errors, paired, unit_of
from recipes.few_people.settings import FewPeopleSettings, tasks_of, teaching_numbers
from recipes.few_people.source_stage import OTHER_SEED, RATES_SEED, read_sets
from recipes.result import Result, mean_result, write_results
from recipes.run import Run
from training.comparison import ratio_interval
from training.csv_table import write_csv
from training.paired_test import sign_flip_p
from training.transfer.arm import ARMS, SCRATCH, TRANSFER
from training.transfer.baseline import BASELINES
from training.transfer.exchange_rate import Exchange, exchange

PERSONS, CURVE = "persons.csv", "calibration.csv"
TAUGHT = ("nobody teaches", "1 person teaches")


def write_table(run: Run) -> str:
    """Write the results, the errors of every person, and the calibration curves."""
    settings: FewPeopleSettings = run.settings
    sets = read_sets(run)
    results: list[Result] = []
    curves, rows = [], []
    for task in tasks_of(settings):
        by_draw = errors_by_draw(run, task, sets[task])
        errors = mean_errors(by_draw)
        rows += [(task, m, n, p, e) for (m, n), people in errors.items() for p, e in people.items()]
        results += error_results(run, task, errors)
        results += reductions(run, task, by_draw)
        results += against_baselines(run, task, errors)
        results += exchange_results(run, task, errors)
        found, curve = measured_coverage(run, task, sets[task])
        results += found
        curves.append(curve)
    found, curve = outside_results(run, sets)
    results += found
    frame = pd.DataFrame(rows, columns=["task", "method", "n_teach", "person", "rmse"])
    write_csv(run.folder / PERSONS, frame)
    write_csv(run.folder / CURVE, pd.concat([*curves, curve], ignore_index=True))
    write_results(run.folder, results, title="Few people", notes=notes_of(settings))
    return f"{len(results)} rows, {sum(r.met == 'no' for r in results)} goals missed"


def said_of(n: int) -> str:
    """``"2 people teach"``."""
    return TAUGHT[n] if n < len(TAUGHT) else f"{n} people teach"


def error_results(run: Run, task: str, errors: Errors) -> list[Result]:
    """Mean over persons of each method's RMS error."""
    common = {"unit": unit_of(run, task), "seed": run.settings.seed, "task": task}
    return [
        mean_result(people, method=_method(method), measure=f"RMS error, {said_of(n)}", **common)
        for (method, n), people in errors.items()
    ]


def _method(name: str) -> str:
    """As in the table: ``"virtual 30"`` is the labels of 30 virtual people."""
    return f"labels of {name.removeprefix('virtual ')} virtual people" if name.startswith("virtual ") else name


def reductions(run: Run, task: str, by_draw: DrawErrors) -> list[Result]:
    """How much less the error is than from scratch, pairs of a person kept together; the note has single draws.

    Where measured people taught the two for unequally long, the note says so and no goal is judged.
    """
    settings: FewPeopleSettings = run.settings
    errors, results = mean_errors(by_draw), []
    names = [arm.name for arm in ARMS if arm.name != SCRATCH]
    for (method, n), people in errors.items():
        if method not in names or (SCRATCH, n) not in errors:
            continue
        pairs = paired(people, errors[SCRATCH, n])
        ratio, low, high = ratio_interval(*pairs, settings.seed)
        value, low, high = (100.0 * (1.0 - x) for x in (ratio, high, low))
        p = sign_flip_p(pairs[0] - pairs[1], seed=settings.seed)
        has_goal = method == TRANSFER and n == settings.ablated and bool(settings.targets)
        better = int((pairs[0] < pairs[1]).sum())
        tested = f"; paired p = {p:.2g}" if np.isfinite(p) else ""
        common = {"task": task, "method": method, "unit": "%", "n_persons": pairs.shape[1]}
        measure = f"error less than from scratch, {said_of(n)}"
        unequal = unequal_arms(settings, method, n)
        goal, least = (f">= {settings.goal_reduction:g}", ">= 0") if has_goal and not unequal else ("", "")
        note = with_lessons(f"better for {better} of {pairs.shape[1]}{tested}{_of_draws(by_draw, method, n)}", unequal)
        results.append(Result(measure=measure, value=value, low=low, high=high, goal=goal, note=note, **common))
        if has_goal and np.isfinite(low):
            measure = "lower end of that interval"
            results.append(Result(measure=measure, value=low, goal=least, note=unequal, **common))
    return results


def _of_draws(by_draw: DrawErrors, method: str, n: int) -> str:
    """The least and the greatest reduction of single draws of who teaches, if there are several."""
    own, other = (by_draw.get((name, n), {}) for name in (method, SCRATCH))
    draws = list(zip(*(zip(own[p], other[p], strict=True) for p in own if p in other), strict=True))
    if len(draws) < 2:
        return ""
    found = [100.0 * (1.0 - np.mean(pairs, axis=0)[0] / np.mean(pairs, axis=0)[1]) for pairs in draws]
    return f"; in single draws {min(found):.1f} to {max(found):.1f} %"


def against_baselines(run: Run, task: str, errors: Errors) -> list[Result]:
    """The same against what needs no network: a network from scratch may be a weak opponent."""
    results = []
    for (method, n), people in errors.items():
        for baseline in BASELINES:
            if method != TRANSFER or (baseline, n) not in errors:
                continue
            pairs = paired(people, errors[baseline, n])
            ratio, low, high = ratio_interval(*pairs, run.settings.seed)
            value, low, high = (100.0 * (1.0 - x) for x in (ratio, high, low))
            note = f"better for {int((pairs[0] < pairs[1]).sum())} of {pairs.shape[1]}"
            measure = f"error less than {baseline}, {said_of(n)}"
            results.append(Result(task, method, measure, "%", value, low, high, pairs.shape[1], note=note))
    return results


def exchange_results(run: Run, task: str, errors: Errors) -> list[Result]:
    """What pre-training is worth in measured people, and how many virtual people are worth one of them."""
    settings: FewPeopleSettings = run.settings
    numbers = teaching_numbers(settings)[task]
    people = sorted(errors[SCRATCH, numbers[0]])
    scratch = np.array([[errors[SCRATCH, n][p] for n in numbers] for p in people])
    common = {"task": task, "n_persons": len(people)}
    results = []
    for n in (0, *numbers[:-1]):
        if (TRANSFER, n) not in errors or len(numbers) < 2:
            continue
        found = exchange(_column(errors[TRANSFER, n], people), numbers, scratch, seed=settings.seed)
        measure = f"as good as so many people from scratch, {said_of(n)}"
        row = _exchange_result(found, numbers, method=TRANSFER, measure=measure, **common)
        results.append(replace(row, note=with_lessons(row.note, unequal_arms(settings, TRANSFER, n))))
    for before, wanted in ((0, numbers[0]), (numbers[0], numbers[1] if len(numbers) > 1 else 0)):
        if not wanted or (f"virtual {settings.virtual[0]}", before) not in errors:
            continue
        curve = np.array([[errors[f"virtual {v}", before][p] for v in settings.virtual] for p in people])
        found = exchange(_column(errors[SCRATCH, wanted], people), settings.virtual, curve, seed=settings.seed)
        measure = f"virtual people worth the step from {before} to {wanted} measured"
        row = _exchange_result(found, settings.virtual, method="synthetic labels", measure=measure, **common)
        unequal = unequal_arms(settings, f"virtual {settings.virtual[0]}", before)
        results.append(replace(row, note=with_lessons(row.note, unequal)))
    return results


def _exchange_result(
    found: Exchange, numbers: Sequence[int], *, task: str, method: str, measure: str, n_persons: int
) -> Result:
    """A row; what lies beyond the numbers that were tried is said in its note and is no number."""
    inside = 0.0 < found.value < np.inf
    whole = inside and found.low > 0.0 and found.high < np.inf
    low, high = (found.low, found.high) if whole else (float("nan"), float("nan"))
    share = f"reached in {100 * found.share:.0f} % of draws of persons"
    note = "" if inside else f"{_people(found.value, numbers)}; "
    if not whole and not np.isnan(found.low):
        note += f"95 % interval {_people(found.low, numbers)} to {_people(found.high, numbers)}; "
    value = found.value if inside else float("nan")
    return Result(task, method, measure, "people", value, low, high, n_persons, note=note + share)


def _people(value: float, numbers: Sequence[int]) -> str:
    """A number of people, or on which side of all tried ones it lies."""
    if value == np.inf:
        return f"more than {numbers[-1]}"
    return f"fewer than {numbers[0]}" if value == 0.0 else f"{value:.2g}"


def _column(errors: dict[str, float], people: list[str]) -> np.ndarray:
    return np.array([errors[p] for p in people])


def notes_of(settings: FewPeopleSettings) -> list[str]:
    """What stands under the table."""
    whose = (
        "Measured people, each left out in turn."
        if settings.targets
        else "**No measured person is in this table**: further virtual people, with other sensor errors, stand in "
        "for them."
    )
    seen = not settings.targets and settings.other_laws and settings.seed + OTHER_SEED == RATES_SEED
    known = "Learning rates and steps were chosen on these very bodies: take another seed."
    return [
        whose,
        *[known] * seen,
        *filter(None, [unequal_sentence(settings)]),
        f"Random orders in which people come to teach: {settings.draws} (a person's error is the mean over them). "
        f"Ensembles of {settings.members}. Nobody measured chooses an epoch: the number of steps is fixed.",
        "Intervals: 95 %, bootstrap over persons; reductions keep a person's two errors together.",
        "Errors: root of the mean over the targets of their mean squares, at 50 Hz, where there is a label.",
    ]
