"""What the network went by to tell an altered wrist, held against what the surgery really changed in the same person.

The simulator knows the cause: everybody who is scored is simulated with each wrist, without noise. How much each part
of the record (a direction in a phase, a demographic) differs, in SDs of the people who taught, is the truth; what an
explanation of the network says is ranked against it, person by person.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from recipes.pinch.population_stage import Groups
from recipes.pinch.record import network_inputs, part_names, part_of_each
from recipes.result import Result
from recipes.run import Run
from synth.thumb.force_profile import CHANNELS, TIMES
from synth.thumb.pinch_population import PinchSamples
from synth.thumb.wrist_condition import CONDITIONS
from training.csv_table import write_csv
from training.explanation.attribution import group_sums, integrated_gradients, occlusion
from training.explanation.concordance import concordance, random_explanation
from training.explanation.rated_item import RatedItem, read_ratings, write_items
from training.report.part_rating import write_part_rating_page
from training.sample.perceptron import Taught, contrast, untaught

ITEMS = "rated_items.json"
QUESTION = "How much does each part of this pinch speak for an altered wrist? 0 = not at all, 4 = decides."


def explain_wrists(run: Run, network: Taught, groups: Groups) -> list[Result]:
    """Rows of concordance; writes concordance of parts (explanation.csv) and the sheet for experts."""
    settings, score = run.settings, groups.score
    inputs = network_inputs("vector", score.own, score.demographics)
    teach = network_inputs("vector", groups.teach.own, groups.teach.demographics)
    usual, scale = teach[groups.teach.condition == 0].mean(axis=0), teach.std(axis=0) + 1e-6
    rows, tables = [], []
    for k, surgery in enumerate(CONDITIONS[1:], start=1):
        chosen = np.flatnonzero(score.condition == k)[: settings.n_explained]
        if len(chosen) < 3:
            continue
        own = inputs[chosen]
        truth = true_cause(score.rows(chosen), k, scale)
        found = _explanations(network, own, usual, k, settings.seed)
        found["distance from the mean, no network"] = _group_size((own - usual) / scale)
        found["random"] = random_explanation(truth.shape, settings.seed)
        for name, parts in found.items():
            rows += _rows(f"explain {surgery}", name, parts, truth, settings.seed)
            mean = np.abs(parts).mean(axis=0)
            share = mean / mean.sum()
            tables.append(pd.DataFrame({"wrist": surgery, "explanation": name, "part": part_names(), "share": share}))
        cause = truth.mean(axis=0)
        tables.append(
            pd.DataFrame(
                {"wrist": surgery, "explanation": "true cause", "part": part_names(), "share": cause / cause.sum()}
            )
        )
    if tables:
        write_csv(run.folder / "explanation.csv", pd.concat(tables, ignore_index=True))
    return rows + _experts(run, network, groups, inputs, usual)


def true_cause(people: PinchSamples, condition: int, scale: np.ndarray) -> np.ndarray:
    """Root mean square change of each part by a surgery, in SDs (n, n_parts); nothing changes a demographic."""
    demographics = people.demographics
    with_it, without = (network_inputs("vector", people.paired[:, k], demographics) for k in (condition, 0))
    return _group_size((with_it - without) / scale)


def _group_size(change: np.ndarray) -> np.ndarray:
    parts = part_of_each()
    return np.sqrt(group_sums(change**2, parts) / np.bincount(parts))


def _explanations(
    network: Taught, inputs: np.ndarray, usual: np.ndarray, condition: int, seed: int
) -> dict[str, np.ndarray]:
    """Attributions (n, n_parts) by each method, and of a network whose weights were drawn anew."""
    answer = contrast(network.networks, condition, 0)
    blank = contrast((untaught(network, seed + 99),), condition, 0)
    parts = part_of_each()
    return {
        "integrated gradients": group_sums(integrated_gradients(answer, inputs, usual), parts),
        "occlusion": occlusion(answer, inputs, usual, parts),
        "integrated gradients, untaught network": group_sums(integrated_gradients(blank, inputs, usual), parts),
    }


def _rows(task: str, name: str, parts: np.ndarray, truth: np.ndarray, seed: int) -> list[Result]:
    summary = concordance(parts, truth).summary(seed)
    return [Result(task, name, f"{measure} with the true cause", "", *v) for measure, v in summary.items()]


def _facts(people: PinchSamples, i: int) -> str:
    """A person in a sentence."""
    is_male, age, height, mass, hand = people.demographics[i]
    sex = "Man" if is_male else "Woman"
    return f"{sex}, {age:.0f} years, {height:.2f} m, {mass:.0f} kg, hand {100 * hand:.1f} cm."


def _experts(run: Run, network: Taught, groups: Groups, inputs: np.ndarray, usual: np.ndarray) -> list[Result]:
    """Write the sheet for experts; with their ratings, how well integrated gradients agree with them."""
    settings, score = run.settings, groups.score
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
    altered = np.maximum(network.probabilities(inputs[order])[0][:, 1:].argmax(axis=1) + 1, 1)
    parts = np.zeros(ratings.shape)
    for k in range(1, len(CONDITIONS)):
        own = altered == k
        if own.any():
            found = integrated_gradients(contrast(network.networks, k, 0), inputs[order[own]], usual)
            parts[own] = group_sums(found, part_of_each())
    summary = concordance(parts, ratings).summary(settings.seed)
    return [Result("explain, experts", "integrated gradients", f"{m} with ratings", "", *v) for m, v in summary.items()]
