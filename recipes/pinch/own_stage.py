"""A user's own records, answered by the networks that were taught before: parameters with intervals, and wrists."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from recipes.pinch.estimate_stage import NETWORK, stated_doubt, vector_scores
from recipes.pinch.population_stage import read_groups
from recipes.pinch.record import network_inputs, read_own_file
from recipes.pinch.wrist_stage import BALANCED, wrist_answers
from recipes.run import Run
from synth.thumb.pinch_parameter import ASKED
from synth.thumb.wrist_condition import CONDITIONS
from training.conformal_interval import LEVEL
from training.csv_table import write_csv
from training.sample.column_coverage import half_widths
from training.sample.conformal_set import named_classes, set_edges
from training.sample.taught_file import read_taught

DONE = "own.json"


def answer_own(run: Run) -> str:
    """Write own_estimates.csv and own_wrists.csv, if there are own records."""
    if not run.settings.own_file:
        write_durably(run.folder / DONE, "[]\n")
        return "no own records (setting own_file)"
    codes, forces, demographics = read_own_file(Path(run.settings.own_file))
    inputs = network_inputs("vector", forces, demographics)
    _estimates(run, codes, inputs)
    network = read_taught(run.folder / BALANCED)
    mean, sd = network.probabilities(inputs)
    edges = set_edges(wrist_answers(network, "vector", read_groups(run).calibrate), by_class=True)
    named = named_classes(mean, edges)
    table = pd.DataFrame({"person": codes})
    for k, name in enumerate(CONDITIONS):
        table[f"probability {name}"], table[f"sd {name}"] = mean[:, k], sd[:, k]
    table["90% set"] = [" or ".join(np.array(CONDITIONS)[own]) or "none of them" for own in named]
    write_csv(run.folder / "own_wrists.csv", table)
    write_durably(run.folder / DONE, json.dumps(codes) + "\n")
    return f"{len(codes)} own records"


def _estimates(run: Run, codes: list[str], inputs: np.ndarray) -> None:
    """Estimates and 90 % intervals; conformal over the people who calibrate."""
    network = read_taught(run.folder / NETWORK)
    estimate, sd = network.estimates(inputs)
    half = half_widths(vector_scores(network, read_groups(run).calibrate), (LEVEL,))
    width = half * stated_doubt(network, sd) * network.target_sd
    rows = [
        (code, p.name, p.unit, np.exp(estimate[i, k]), *np.exp(estimate[i, k] + np.array([-1, 1]) * width[i, k]))
        for i, code in enumerate(codes)
        for k, p in enumerate(ASKED)
    ]
    table = pd.DataFrame(rows, columns=["person", "parameter", "unit", "estimate", "low", "high"])
    write_csv(run.folder / "own_estimates.csv", table)
