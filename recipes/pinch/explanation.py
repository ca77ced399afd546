"""What the network went by to tell an altered wrist, held against what the surgery really changed in the same person.

The simulator knows the cause: everybody who is scored is simulated with each wrist, without noise. How much each part
of the record (a direction in a phase, a demographic) differs, in SDs of the people who taught, is the truth; what an
explanation of the network says is ranked against it, person by person. Both sides are counted alike, in two ways: the
sum over the entries of a part, by which a long phase counts for its length, and the mean of an entry.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from recipes.pinch.population_stage import Groups, read_groups
from recipes.pinch.record import network_inputs, part_names, part_of_each
from recipes.pinch.wrist_stage import BALANCED, PLAIN
from recipes.result import Result
from recipes.run import Run
from synth.thumb.force_profile import CHANNELS, TIMES
from synth.thumb.pinch_population import PinchSamples
from synth.thumb.wrist_condition import CONDITIONS
from training.csv_table import write_csv
from training.explanation.attribution import group_sums, integrated_gradients
from training.explanation.concordance import concordance, random_explanation
from training.explanation.explanation_set import (
    GRADIENTS,
    MEAN,
    PATTERN,
    SUCH,
    Question,
    best_explanation,
    explanations_by_network,
    explanations_without_network,
    usual_of_such,
)
from training.explanation.rated_item import RatedItem, read_ratings, write_items
from training.report.part_rating import write_part_rating_page
from training.sample.perceptron import Taught, contrast, untaught
from training.sample.taught_file import read_taught

N_UNTAUGHT = 20
"""Networks with weights drawn anew: what the mere layout of the input explains differs from one to the next."""
UNTAUGHT = "integrated gradients, untaught networks"
ROWS = "explanation_rows.json"
CHOSEN = "best on people who are not scored"
ITEMS = "rated_items.json"
QUESTION = "How much does each part of this pinch speak for an altered wrist? 0 = not at all, 4 = decides."


def explain_wrists(run: Run) -> str:
    """Write rows of concordance, concordance of parts (explanation.csv) and the sheet for experts."""
    groups = read_groups(run)
    network, plain = (read_taught(run.folder / name) for name in (BALANCED, PLAIN))
    rows, tables = [], []
    for k in range(1, len(CONDITIONS)):
        judge, score = (_questions(run, groups, people, k) for people in (groups.choose, groups.score))
        if min(len(judge[1]), len(score[1])) < 3:
            continue
        found, chosen = (_explanations(groups, network, plain, question, k) for question, _ in (score, judge))
        rows += _rows(f"explain {CONDITIONS[k]}", found, score[1], (chosen, judge[1]), run.settings.seed)
        question, truth = score
        seeds = (run.settings.seed + 99 + i for i in range(N_UNTAUGHT))
        blank = [_gradients((untaught(network, seed),), question, k) for seed in seeds]
        rows += untaught_rows(f"explain {CONDITIONS[k]}", blank, truth)
        for name, parts in {**found, UNTAUGHT: np.concatenate(np.abs(blank)), "true cause": truth}.items():
            mean = np.abs(parts).mean(axis=0)
            facts = {"wrist": CONDITIONS[k], "explanation": name, "part": part_names(), "share": mean / mean.sum()}
            tables.append(pd.DataFrame(facts))
    if tables:
        write_csv(run.folder / "explanation.csv", pd.concat(tables, ignore_index=True))
    rows += _experts(run, network, groups)
    kept = [asdict(row) for row in rows if np.isfinite(row.value)]
    write_durably(run.folder / ROWS, json.dumps(kept, indent=1))
    return f"{len(kept)} rows"


def _questions(run: Run, groups: Groups, people: PinchSamples, condition: int) -> tuple[Question, np.ndarray]:
    """What is asked of those with a surgery, and its true cause in each of them."""
    chosen = people.rows(np.flatnonzero(people.condition == condition)[: run.settings.n_explained])
    known = network_inputs("vector", groups.teach.own, groups.teach.demographics)
    well = groups.teach.condition == 0
    inputs, scale = network_inputs("vector", chosen.own, chosen.demographics), known.std(axis=0) + 1e-6
    such = usual_of_such(groups.teach.demographics[well], known[well], chosen.demographics)
    usual = {MEAN: known[well].mean(axis=0), SUCH: such.astype(np.float32)}
    parts = part_of_each()
    question = Question(inputs, usual, known, scale, parts, lambda change: np.abs(group_sums(change, parts)))
    return question, true_cause(chosen, condition, scale)


def _explanations(
    groups: Groups, network: Taught, plain: Taught, question: Question, condition: int
) -> dict[str, np.ndarray]:
    """Explanations of the balanced network, two of the unbalanced one, and those that ask none."""
    mean = question.known[groups.teach.condition == condition].mean(axis=0)
    found = explanations_by_network(contrast(network.networks, condition, 0), question)
    other = explanations_by_network(contrast(plain.networks, condition, 0), question)
    found |= {f"{name}, classes not balanced": other[name] for name in (GRADIENTS, PATTERN)}
    return found | explanations_without_network(question, mean)


def _rows(task: str, found: dict, truth: np.ndarray, chosen: tuple[dict, np.ndarray], seed: int) -> list[Result]:
    """Rows of every explanation and of a random one; which is best on people who are not scored stands in a note."""
    best = {
        way: best_explanation({n: parts / size for n, parts in chosen[0].items()}, chosen[1] / size)
        for way, size in ways_of_counting().items()
    }
    rows = []
    for name, parts in found.items():
        for row in concordance_rows(task, name, parts, truth, seed):
            is_best = any(row.measure.endswith(way) and name == best[way] for way in best)
            rows.append(replace(row, note=CHOSEN if is_best else ""))
    guess = random_explanation(truth.shape, seed)
    return rows + concordance_rows(task, "random", guess, truth, seed, is_counted=False)


def true_cause(people: PinchSamples, condition: int, scale: np.ndarray) -> np.ndarray:
    """Size of the summed change of each part by a surgery, in SDs (n, n_parts); nothing changes a demographic."""
    demographics = people.demographics
    with_it, without = (network_inputs("vector", people.paired[:, k], demographics) for k in (condition, 0))
    return np.abs(group_sums((with_it - without) / scale, part_of_each()))


def _gradients(networks: tuple, question: Question, condition: int) -> np.ndarray:
    found = integrated_gradients(contrast(networks, condition, 0), question.inputs, question.usual[MEAN])
    return group_sums(found, question.parts)


def concordance_rows(
    task: str, name: str, parts: np.ndarray, truth: np.ndarray, seed: int, is_counted: bool = True
) -> list[Result]:
    """Concordance with the true cause; both (n, n_parts) as sums over the entries of each part.

    `is_counted`: whether the explanation is such a sum; a random one ranks parts as it stands.
    """
    return [
        Result(task, name, f"{measure} with the true cause, {way}", "", *value)
        for way, size in ways_of_counting().items()
        for measure, value in concordance(parts / size if is_counted else parts, truth / size).summary(seed).items()
    ]


def ways_of_counting() -> dict[str, np.ndarray]:
    """Way of counting → by what the sums over the entries of each part are divided (n_parts,), on both sides."""
    entries = np.bincount(part_of_each())
    return {"whole parts": np.ones(len(entries)), "mean of an entry": entries}


def untaught_rows(task: str, blank: list[np.ndarray], truth: np.ndarray) -> list[Result]:
    """Concordance of networks that know nothing: mean and middle 95 % over networks, of the mean over persons."""
    rows = [concordance_rows(task, UNTAUGHT, parts, truth, 0) for parts in blank]
    note, found = f"middle 95 % of {len(blank)} networks, not of persons", []
    for same in zip(*rows, strict=True):
        means = np.array([row.value for row in same])
        low, high = (float(x) for x in np.percentile(means, [2.5, 97.5]))
        found.append(replace(same[0], value=float(means.mean()), low=low, high=high, note=note))
    return found


def _facts(people: PinchSamples, i: int) -> str:
    """A person in a sentence."""
    is_male, age, height, mass, hand = people.demographics[i]
    sex = "Man" if is_male else "Woman"
    return f"{sex}, {age:.0f} years, {height:.2f} m, {mass:.0f} kg, hand {100 * hand:.1f} cm."


def _experts(run: Run, network: Taught, groups: Groups) -> list[Result]:
    """Write the sheet for experts; with their ratings, how well integrated gradients agree with them."""
    settings, score, teach = run.settings, groups.score, groups.teach
    inputs = network_inputs("vector", score.own, score.demographics)
    usual = network_inputs("vector", teach.own, teach.demographics)[teach.condition == 0].mean(axis=0)
    chosen = [np.flatnonzero(score.condition == k)[: settings.n_rated] for k in range(len(CONDITIONS))]
    order = np.random.default_rng(settings.seed).permutation(np.concatenate(chosen))
    names = [f"pinch {i + 1:03d}" for i in range(len(order))]
    shown = part_names()
    items = [
        RatedItem(
            name,
            f"{_facts(score, i)} {QUESTION}",
            TIMES,
            {f"{c} (N)": score.own[i, :, d] for d, c in enumerate(CHANNELS)},
            shown,
        )
        for name, i in zip(names, order, strict=True)
    ]
    write_items(run.folder / ITEMS, items)
    write_part_rating_page((run.folder / ITEMS).with_suffix(".html"), items)
    if not settings.ratings:
        return []
    ratings = read_ratings(Path(settings.ratings), names, shown)
    altered = network.probabilities(inputs[order])[0][:, 1:].argmax(axis=1) + 1
    parts = np.zeros(ratings.shape)
    for k in range(1, len(CONDITIONS)):
        own = altered == k
        if own.any():
            found = integrated_gradients(contrast(network.networks, k, 0), inputs[order[own]], usual)
            parts[own] = group_sums(found, part_of_each())
    summary = concordance(parts, ratings).summary(settings.seed)
    return [Result("explain, experts", "integrated gradients", f"{m} with ratings", "", *v) for m, v in summary.items()]
