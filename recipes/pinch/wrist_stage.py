"""Healthy or altered wrist from one pinch, with unbalanced classes."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from mocap_import.durable_file import write_durably
from recipes.class_doubt import INSIDE, class_doubt
from recipes.pinch.population_stage import CALIBRATE, SECOND, Groups, read_groups
from recipes.pinch.record import INPUTS, network_inputs
from recipes.pinch.settings import PinchSettings
from recipes.result import Result
from recipes.run import Run
from synth.thumb.pinch_population import PinchSamples
from synth.thumb.wrist_condition import CONDITIONS
from training.csv_table import write_csv
from training.sample.class_score import class_scores
from training.sample.conformal_set import ClassAnswers
from training.sample.fit import FitSettings
from training.sample.perceptron import Taught, teach_classes
from training.sample.taught_file import write_taught

MOST_STEPS = 200
BALANCED, PLAIN = "wrist_network.npz", "wrist_network_plain.npz"
"""Networks of three directions: every class weighs the same, or every person."""
UNBALANCED = "network, vector, classes not balanced"
NETWORK, LOGISTIC = "network, vector", "logistic regression, vector"
SHOWN = (NETWORK, LOGISTIC, UNBALANCED)
"""Methods whose doubt stands in the table; that of all is in wrist_sets.csv."""
TASK = "tell the wrist"
ALWAYS = "always healthy"
"""The row that accuracy alone would like best."""


def tell_wrists(run: Run) -> str:
    """Teach every method, score it, and write rows, tables and the networks that are explained."""
    settings: PinchSettings = run.settings
    groups = read_groups(run)
    told = _every_method(run, groups)
    answers = {(TASK, method): own[INSIDE] for method, own in told.items()}
    answers[f"{TASK}, {SECOND}", NETWORK] = told[NETWORK][SECOND]
    tables, rows = [], []
    for (task, method), own in answers.items():
        truth, probabilities = own.truth, own.probabilities
        table = class_scores(truth, probabilities, CONDITIONS, seed=settings.seed)
        tables.append(table.assign(task=task, method=method))
        shown = table[[_is_shown(measure, method) for measure in table.measure]]
        rows += [Result(task, method, r.measure, "", r.value, r.low, r.high, int(r.n)) for r in shown.itertuples()]
    write_csv(run.folder / "wrist_scores.csv", pd.concat(tables, ignore_index=True))
    doubts = {}
    for method, own in told.items():
        if method != ALWAYS:
            pairs = [(own[CALIBRATE], {name: people for name, people in own.items() if name != CALIBRATE})]
            doubts[method] = class_doubt("doubt about the wrist", method, pairs, CONDITIONS, settings.seed)
    write_csv(run.folder / "wrist_sets.csv", pd.concat([table for _, table in doubts.values()], ignore_index=True))
    rows += [row for method in SHOWN for row in doubts[method][0]]
    write_durably(
        run.folder / "wrist_rows.json", json.dumps([asdict(r) for r in rows if np.isfinite(r.value)], indent=1)
    )
    return f"{len(told)} methods tell {len(CONDITIONS)} wrists"


def _is_shown(measure: str, method: str) -> bool:
    """Whether a measure stands in the table; all of them are in wrist_scores.csv. Prevalences are the same for all."""
    if method == ALWAYS:
        return measure in ("accuracy", "balanced accuracy") or measure.startswith("prevalence")
    return not measure.startswith(("prevalence", "precision"))


def _inputs(name: str, people: PinchSamples) -> np.ndarray:
    return network_inputs(name, people.own, people.demographics)


def asked_wrists(groups: Groups) -> dict[str, PinchSamples]:
    """Who calibrates, who is scored, and who is outside the population, by name."""
    return {CALIBRATE: groups.calibrate, INSIDE: groups.score, SECOND: groups.second, **groups.outside}


def wrist_answers(network: Taught, name: str, people: PinchSamples) -> ClassAnswers:
    """What a network of one kind of input says of people's wrists, beside the truth."""
    return ClassAnswers(people.code, people.condition, *network.probabilities(_inputs(name, people)))


def _every_method(run: Run, groups: Groups) -> dict[str, dict[str, ClassAnswers]]:
    """Method → group → what is said; networks of the vector input are kept for later stages."""
    settings: PinchSettings = run.settings
    teach, held, asked, n = groups.teach, groups.validate, asked_wrists(groups), len(CONDITIONS)
    ends = np.cumsum([len(people) for people in asked.values()])[:-1]

    def single(probabilities: np.ndarray) -> dict[str, ClassAnswers]:
        parts = zip(asked.items(), np.split(probabilities, ends), strict=True)
        return {name: ClassAnswers(p.code, p.condition, part, np.zeros(part.shape)) for (name, p), part in parts}

    def by_group(network: Taught, name: str) -> dict[str, ClassAnswers]:
        return {group: wrist_answers(network, name, people) for group, people in asked.items()}

    found = {ALWAYS: single(np.tile(np.eye(n)[0], (sum(map(len, asked.values())), 1)))}
    how = FitSettings(epochs=settings.epochs, batch=256, learning_rate=1e-3, schedule="one_cycle", weight_decay=1e-3)
    more = {"n_members": settings.n_members, "seed": settings.seed}
    for name in run.track(list(INPUTS), "Learning wrists"):
        own = _inputs(name, teach)
        everybody = np.concatenate([_inputs(name, people) for people in asked.values()])
        found[f"logistic regression, {name}"] = single(balanced_logistic(own, teach.condition, everybody))
        if name == "demographics":
            continue
        chosen = (_inputs(name, held), held.condition)
        network = teach_classes(own, teach.condition, chosen, how, **more)
        found[f"network, {name}"] = by_group(network, name)
    plain = teach_classes(own, teach.condition, chosen, how, is_balanced=False, **more)
    found[UNBALANCED] = by_group(plain, name)
    counts = np.bincount(teach.condition, minlength=n) / len(teach)
    found[f"{UNBALANCED}, thresholds"] = {
        group: replace(told, probabilities=equal_prevalence(told.probabilities, counts))
        for group, told in found[UNBALANCED].items()
    }
    for path, taught in ((BALANCED, network), (PLAIN, plain)):
        write_taught(run.folder / path, taught)
    return found


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
