"""Healthy or altered wrist from one pinch, with unbalanced classes."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from mocap_import.durable_file import write_durably
from recipes.pinch.population_stage import Groups, read_groups
from recipes.pinch.record import INPUTS, network_inputs
from recipes.pinch.settings import PinchSettings
from recipes.result import Result, mean_result
from recipes.run import Run
from synth.thumb.pinch_population import PinchSamples
from synth.thumb.wrist_condition import CONDITIONS
from training.comparison import bootstrap_interval
from training.conformal_interval import LEVEL, subject_quantile
from training.csv_table import write_csv
from training.sample.class_score import class_scores
from training.sample.fit import FitSettings
from training.sample.perceptron import Taught, teach_classes
from training.sample.taught_file import write_taught

MOST_STEPS = 200
BALANCED, PLAIN = "wrist_network.npz", "wrist_network_plain.npz"
"""Networks of three directions: every class weighs the same, or every person."""
UNBALANCED = "network, vector, classes not balanced"
ALWAYS = "always healthy"
"""The row that accuracy alone would like best."""


def tell_wrists(run: Run) -> str:
    """Teach every method, score it, and write rows, tables and the networks that are explained."""
    settings: PinchSettings = run.settings
    groups = read_groups(run)
    answers, network = _every_method(run, groups)
    tables, rows = [], []
    for (task, method), (truth, probabilities) in answers.items():
        table = class_scores(truth, probabilities, CONDITIONS, seed=settings.seed)
        tables.append(table.assign(task=task, method=method))
        shown = table[[_is_shown(measure, method) for measure in table.measure]]
        rows += [Result(task, method, r.measure, "", r.value, r.low, r.high, int(r.n)) for r in shown.itertuples()]
    write_csv(run.folder / "wrist_scores.csv", pd.concat(tables, ignore_index=True))
    rows += _confidence(network, groups)
    rows += _sets(network, groups)
    write_durably(
        run.folder / "wrist_rows.json", json.dumps([asdict(r) for r in rows if np.isfinite(r.value)], indent=1)
    )
    return f"{len(answers)} methods tell {len(CONDITIONS)} wrists"


def _is_shown(measure: str, method: str) -> bool:
    """Whether a measure stands in the table; all of them are in wrist_scores.csv. Prevalences are the same for all."""
    if method == ALWAYS:
        return measure in ("accuracy", "balanced accuracy") or measure.startswith("prevalence")
    return not measure.startswith(("prevalence", "precision"))


def _inputs(name: str, people: PinchSamples) -> np.ndarray:
    return network_inputs(name, people.own, people.demographics)


def _every_method(run: Run, groups: Groups) -> tuple[dict[tuple[str, str], tuple], Taught]:
    """(task, method) → truth and probabilities; the network of the vector input, taught with balanced classes."""
    settings: PinchSettings = run.settings
    teach, held, score = groups.teach, groups.validate, groups.score
    task, n = "tell the wrist", len(CONDITIONS)
    always = np.tile(np.eye(n)[0], (len(score), 1))
    answers = {(task, ALWAYS): (score.condition, always)}
    how = FitSettings(epochs=settings.epochs, batch=256, learning_rate=1e-3, schedule="one_cycle", weight_decay=1e-3)
    more = {"n_members": settings.n_members, "seed": settings.seed}
    for name in run.track(list(INPUTS), "Learning wrists"):
        own, other = _inputs(name, teach), _inputs(name, score)
        linear = balanced_logistic(own, teach.condition, other)
        answers[task, f"logistic regression, {name}"] = (score.condition, linear)
        if name == "demographics":
            continue
        chosen = (_inputs(name, held), held.condition)
        network = teach_classes(own, teach.condition, chosen, how, **more)
        answers[task, f"network, {name}"] = (score.condition, network.probabilities(other)[0])
    plain = teach_classes(own, teach.condition, chosen, how, is_balanced=False, **more)
    found = plain.probabilities(other)[0]
    answers[task, UNBALANCED] = (score.condition, found)
    counts = np.bincount(teach.condition, minlength=n) / len(teach)
    answers[task, f"{UNBALANCED}, thresholds"] = (score.condition, equal_prevalence(found, counts))
    for name, taught in ((BALANCED, network), (PLAIN, plain)):
        write_taught(run.folder / name, taught)
    elsewhere = groups.second
    probabilities = network.probabilities(_inputs("vector", elsewhere))[0]
    answers["tell the wrist, second simulator", "network, vector"] = (elsewhere.condition, probabilities)
    return answers, network


def equal_prevalence(probabilities: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Probabilities (n, n_classes) as they were if all classes were equally frequent: over their shares of who taught.

    Naming the largest of these is naming a rare class from a lower threshold on. Of the logits it takes constants, so
    that no explanation of their differences changes.
    """
    found = probabilities / shares
    return found / found.sum(axis=1, keepdims=True)


def balanced_logistic(inputs: np.ndarray, classes: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Probabilities (n, n_classes) of a logistic regression in which every class weighs the same.

    It ends after `MOST_STEPS`, settled or not: an early end is one more penalty on large weights.
    """
    mean, sd = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    model = LogisticRegression(class_weight="balanced", C=0.1, max_iter=MOST_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((inputs - mean) / sd, classes)
    return model.predict_proba((asked - mean) / sd)


def _confidence(network: Taught, groups: Groups) -> list[Result]:
    """Mean disagreement of the members about a person's wrist, inside and outside the population."""
    rows = []
    for name, people in {"unseen": groups.score, **groups.outside, "second simulator": groups.second}.items():
        _, sd = network.probabilities(_inputs("vector", people))
        doubt = sd.max(axis=1)
        rows.append(
            Result(
                "doubt about the wrist",
                f"network, vector: {name}",
                "SD of a probability over members",
                "",
                float(doubt.mean()),
                *bootstrap_interval(doubt),
                len(people),
            )
        )
    return rows


def _sets(network: Taught, groups: Groups) -> list[Result]:
    """Conformal sets that hold a person's wrist with a probability of 90 %: how often they do, how many they name.

    A wrist is named if its probability lies above what all but 10 % of those who calibrate give their own.
    """
    known = network.probabilities(_inputs("vector", groups.calibrate))[0]
    misses = 1.0 - known[np.arange(len(known)), groups.calibrate.condition]
    edge = subject_quantile(list(misses[:, None]), LEVEL)
    rows = []
    for name, people in {"unseen": groups.score, "second simulator": groups.second, **groups.outside}.items():
        probabilities = network.probabilities(_inputs("vector", people))[0]
        named = 1.0 - probabilities <= edge
        held = named[np.arange(len(named)), people.condition]
        more = {"task": "sets of wrists", "method": f"network, vector: {name}", "unit": ""}
        rows.append(mean_result(held.astype(float), measure="coverage of 90% sets", **more))
        rows.append(mean_result(named.sum(axis=1).astype(float), measure="wrists in a set", **more))
    return rows
