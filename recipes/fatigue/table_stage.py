"""The table: errors of every method, what simulations gave, the modules against the simulators, and doubt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from recipes.equal_lesson import unequal_lessons, with_lessons
from recipes.fatigue.doubt import doubt_results
from recipes.fatigue.learning_stage import learnt_parts, target_folds, target_trials
from recipes.fatigue.module_score import module_results
from recipes.fatigue.settings import FatigueSettings
from recipes.result import Result, mean_result, write_results
from recipes.run import Run
from training.comparison import ratio_interval
from training.fatigue.arm import ARMS, BOTH_FORMS, BOTH_TRANSFER, COUNTERPART, DIRECT, TRANSFER
from training.fatigue.teaching import RATES_SEED
from training.paired_test import sign_flip_p

Curves = Mapping[str, np.ndarray]


def write_table(run: Run) -> str:
    """Write the results."""
    settings: FatigueSettings = run.settings
    folds = read_folds(run)
    errors = errors_of(folds)
    results = []
    for (method, n), people in errors.items():
        task = f"{n} people teach" if n else "nobody teaches"
        rmse = {p: float(np.sqrt(np.mean(e**2))) for p, e in people.items()}
        near = {p: 100.0 * float(np.mean(np.abs(e) <= settings.tolerance)) for p, e in people.items()}
        results.append(mean_result(rmse, task=task, method=method, measure="torque RMSE", unit="N·m"))
        within = f"within {settings.tolerance:g} N·m"
        results.append(mean_result(near, task=task, method=method, measure=within, unit="%"))
        bias = {p: float(np.mean(e)) for p, e in people.items()}
        results.append(mean_result(bias, task=task, method=method, measure="mean error", unit="N·m"))
    results += reductions(errors, settings)
    results += module_results(run, folds)
    results += doubt_results(run, folds)
    write_results(run.folder, results, title="Torque of a tiring elbow", notes=notes_of(settings))
    return f"{len(results)} rows"


def read_folds(run: Run) -> list[dict[str, np.ndarray]]:
    """What each fold kept."""
    parts = learnt_parts(run, "folds")
    return [parts.read(f"fold{fold.number}") for fold in target_folds(run, target_trials(run))]


def errors_of(folds: list[dict[str, np.ndarray]]) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """(Method, number who teach) → person → errors (N·m) of all known frames; sorted by number."""
    found: dict[tuple[str, int], dict[str, list[np.ndarray]]] = {}
    for fold in folds:
        for key, value in fold.items():
            method, _, rest = key.partition("|")
            n, _, what = rest.partition("|")
            if what != "torque":
                continue
            for person, estimate, truth in zip(fold["persons"], value, fold["truth"], strict=True):
                error = (estimate - truth)[np.isfinite(truth)]
                found.setdefault((method, int(n)), {}).setdefault(str(person), []).append(error)
    whole = {key: {p: np.concatenate(e) for p, e in people.items()} for key, people in found.items()}
    whole |= means_of_forms(whole)
    return {key: whole[key] for key in sorted(whole, key=lambda key: key[1])}


def means_of_forms(errors: Mapping[tuple[str, int], Curves]) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """Errors of the mean of what two arms say, wherever both were taught: the mean of their errors.

    Parameters
    ----------
    errors : mapping of (str, int) to mapping
        (Method, number who teach) → person → errors (n_known_frames,) in N·m.

    Returns
    -------
    dict of (str, int) to dict
        The same of the names in `BOTH_FORMS`.
    """
    found = {}
    for name, forms in BOTH_FORMS.items():
        for n in dict.fromkeys(n for _, n in errors):
            own = [errors[form, n] for form in forms if (form, n) in errors]
            if len(own) == len(forms):
                found[name, n] = {p: np.mean([e[p] for e in own], axis=0) for p in own[0]}
    return found


def reductions(errors: Mapping[tuple[str, int], Mapping[str, np.ndarray]], settings: FatigueSettings) -> list[Result]:
    """How much less the error is than without simulations, with an interval over persons, pairs kept together.

    People who validate choose the epoch of both; that one may have more passes at most is said in the note.
    """
    results = []
    unequal = unequal_lessons(settings.tuned_epochs, settings.direct_epochs, "passes at most")
    pretrained = {arm.name for arm in ARMS if arm.pretrained} | {BOTH_TRANSFER}
    for (method, n), people in errors.items():
        other = COUNTERPART.get(method, DIRECT)
        if method not in pretrained or (other, n) not in errors:
            continue
        pairs = np.array([[np.sqrt(np.mean(e[p] ** 2)) for p in people] for e in (people, errors[other, n])])
        ratio, most, least = ratio_interval(*pairs, settings.seed)
        value, low, high = (100.0 * (1.0 - x) for x in (ratio, least, most))
        p = sign_flip_p(pairs[0] - pairs[1], seed=settings.seed)
        note = with_lessons(f"against {other}; paired p = {p:.2g}", unequal)
        fewest = f">= {settings.goal_reduction:g}" if method == TRANSFER else ""
        common = {"task": f"{n} people teach", "method": method, "unit": "%", "n_persons": pairs.shape[1]}
        measure = "error less than without simulations"
        results.append(Result(measure=measure, value=value, low=low, high=high, goal=fewest, note=note, **common))
        if method == TRANSFER and np.isfinite(low):
            results.append(Result(measure="lower end of that interval", value=low, goal=">= 0", **common))
    return results


def _rates_have_seen(settings: FatigueSettings) -> bool:
    """Whether the people who are scored are those on whom the learning rates were chosen."""
    return settings.seed == RATES_SEED and not settings.target


def notes_of(settings: FatigueSettings) -> list[str]:
    """What stands under the table."""
    whose = (
        f"The people are those of {Path(settings.target).name}."
        if settings.target
        else "**No measured person is in this table.** The people are simulated by a second, different simulator "
        "(other fatigue law, muscles, load sharing, electrodes), which is the stand-in for a laboratory."
    )
    seen = "The learning rates were chosen on these very people: take another seed." * _rates_have_seen(settings)
    longer = (
        f"Fine-tuning has {settings.tuned_epochs} passes at most and ends after {settings.patience} without a better "
        f"validation, a new network {settings.direct_epochs} and {2 * settings.patience}: rows that compare them say "
        "so. People who validate choose the epoch of both."
    ) * (settings.tuned_epochs != settings.direct_epochs)
    return [
        *filter(None, [whose, seen, longer]),
        f"Trials of {settings.seconds:g} s as means over 2 s; {settings.n_scored} people are left out at a time until "
        "all have been scored; a fifth of those who teach (at least one, others for each member) choose the epoch.",
        f"Ensembles of {settings.members}. Noise of electrodes, strength and torque is in teaching and in scoring.",
        "Intervals: 95 %, bootstrap over persons; that of a reduction keeps a person's two errors together.",
        "Published (Kearney et al. 2024, 25 real people, 5 left out): 8.28 N·m without, 6.22 N·m with simulations, "
        "-24.9 %; theirs are other people, and the figures cannot be compared with ours.",
    ]
