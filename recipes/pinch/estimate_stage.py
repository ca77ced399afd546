"""Muscle parameters from what is measured: every method, its error, and what can be known at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from recipes.pinch.parameter_doubt import FEWEST_SD, UNSEEN, Told, parameter_doubt, parameter_scores
from recipes.pinch.population_stage import CALIBRATE, SECOND, Groups, read_groups
from recipes.pinch.record import HELD, INPUTS, network_inputs
from recipes.pinch.settings import PinchSettings
from recipes.result import Result, mean_result
from recipes.run import Run
from synth.thumb.identifiability import identifiability_table, information
from synth.thumb.pinch_parameter import ASKED
from synth.thumb.pinch_people import DECLINE_FROM, draw_people
from synth.thumb.pinch_population import PinchSamples
from training.csv_table import write_csv
from training.sample.fit import FitSettings
from training.sample.perceptron import Taught, teach_estimates
from training.sample.taught_file import write_taught

NETWORK = "parameter_network.npz"
"""The network of three directions, for the stage of own records."""
KINDS = ("max_force", "limit", "fibre_length", "tendon_slack", "wrist_strength", "slowness")
ALONE = ("max_force FPL", "slowness")
"""Parameters that have rows of their own in the table."""
PRIOR, ERROR, GAIN = "linear, demographics", "absolute error", "error less that of linear, demographics"
"""The row to beat, what is measured, and the difference in the same person (below 0: better)."""
RIDGE = 1e-6
MEAN, VECTOR = "mean", "vector"


def estimate_parameters(run: Run) -> str:
    """Teach every method, score it on people never seen, and write rows and tables of parameters."""
    settings: PinchSettings = run.settings
    groups = read_groups(run)
    found = information(draw_people(settings.seed + 50, 0, settings.n_identified, prefix="I"))
    known = identifiability_table(found)
    told, networks = _every_method(run, groups)
    estimates = {method: own[UNSEEN][0] for method, own in told.items()}
    write_csv(run.folder / "parameters.csv", _parameter_table(estimates, groups.score, known))
    rows = _rows(estimates, groups.score, settings.seed)
    rows += [
        Result(
            "identifiability",
            f.inputs,
            "directions known better than by the prior",
            "",
            float(np.median(f.rank)),
            *np.percentile(f.rank, [2.5, 97.5]),
            len(f.rank),
            note=f"of {len(ASKED)} parameters; median and spread over persons",
        )
        for f in found
    ]
    best = f"network, {VECTOR}"
    more = (asked_groups(groups), groups.teach.parameters.std(axis=0), best, settings.seed)
    doubts, curves, columns = parameter_doubt({m: own for m, own in told.items() if m != MEAN}, *more)
    write_csv(run.folder / "calibration.csv", curves)
    write_csv(run.folder / "parameter_intervals.csv", columns)
    rows += doubts
    rows += _elsewhere({m: told[m][SECOND][0] for m in (PRIOR, best)}, groups, settings.seed)
    write_taught(run.folder / NETWORK, networks[VECTOR])
    plain = json.dumps([asdict(r) for r in rows], indent=1)
    write_durably(run.folder / "parameter_rows.json", plain)
    return f"{len(estimates)} methods for {len(ASKED)} parameters, {int((known.reason == 'known').sum())} can be known"


def _inputs(name: str, people: PinchSamples) -> np.ndarray:
    return network_inputs(name, people.healthy, people.demographics, people.held)


def _linear_inputs(name: str, people: PinchSamples) -> np.ndarray:
    """Inputs with what makes a linear prior a good one: logarithms of sizes, and years beyond 55."""
    sizes, age = np.log(people.demographics[:, 2:]), people.demographics[:, 1]
    return np.column_stack([_inputs(name, people), sizes, np.maximum(age - DECLINE_FROM, 0.0)])


def asked_groups(groups: Groups) -> dict[str, PinchSamples]:
    """Who calibrates, who is scored, and who is outside the population, by name."""
    return {CALIBRATE: groups.calibrate, UNSEEN: groups.score, **groups.outside, SECOND: groups.second}


def _every_method(run: Run, groups: Groups) -> tuple[dict[str, Told], dict[str, Taught]]:
    """Estimates and doubt by method and group, and the networks by kind of input."""
    settings: PinchSettings = run.settings
    teach, held, asked = groups.teach, groups.validate, asked_groups(groups)
    ends = np.cumsum([len(people) for people in asked.values()])[:-1]
    mean = teach.parameters.mean(axis=0)
    found: dict[str, Told] = {
        MEAN: {
            name: (np.broadcast_to(mean, p.parameters.shape), np.ones(p.parameters.shape)) for name, p in asked.items()
        }
    }
    networks: dict[str, Taught] = {}
    how = FitSettings(epochs=settings.epochs, batch=256, learning_rate=2e-3, schedule="one_cycle", weight_decay=1e-4)
    for name in run.track([*INPUTS, HELD], "Learning parameters"):
        everybody = np.concatenate([_linear_inputs(name, people) for people in asked.values()])
        linear = linear_estimates(_linear_inputs(name, teach), teach.parameters, everybody)
        parts = zip(asked, np.split(linear, ends), strict=True)
        found[f"linear, {name}"] = {group: (part, np.ones(part.shape)) for group, part in parts}
        if name == "demographics":
            continue
        chosen = (_inputs(name, held), held.parameters)
        more = {"n_members": settings.n_members, "seed": settings.seed}
        networks[name] = teach_estimates(_inputs(name, teach), teach.parameters, chosen, how, **more)
        answers = {group: networks[name].estimates(_inputs(name, people)) for group, people in asked.items()}
        found[f"network, {name}"] = {g: (mean, stated_doubt(networks[name], sd)) for g, (mean, sd) in answers.items()}
    return found, networks


def linear_estimates(inputs: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Ridge regression on standardised inputs; arguments as arrays (n, n_inputs) and (n, n_targets)."""
    mean, sd = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    known, new = (np.column_stack([np.ones(len(x)), (x - mean) / sd]).astype(float) for x in (inputs, asked))
    gram = known.T @ known + RIDGE * len(known) * np.eye(known.shape[1])
    return new @ np.linalg.solve(gram, known.T @ targets)


def _percent(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Absolute errors (%) of the numbers whose logarithms these are."""
    return 100.0 * np.abs(np.expm1(estimate - truth))


def _rows(estimates: dict[str, np.ndarray], score: PinchSamples, seed: int) -> list[Result]:
    """Mean error by kind of parameter, and of a few alone, over the people who are scored."""
    names = [p.name for p in ASKED]
    columns = {kind: [k for k, p in enumerate(ASKED) if p.group == kind] for kind in KINDS[:4]}
    columns |= {name: [names.index(name)] for name in (*ALONE, "wrist_strength")}
    rows = []
    for kind, chosen in columns.items():
        task, errors = f"estimate {kind}", {}
        for method, estimate in estimates.items():
            errors[method] = _percent(estimate[:, chosen], score.parameters[:, chosen]).mean(axis=1)
            rows.append(mean_result(errors[method], task=task, method=method, measure=ERROR, unit="%", seed=seed))
        for method in ("network, vector", f"network, {HELD}"):
            gain = errors[method] - errors[PRIOR]
            rows.append(mean_result(gain, task=task, method=method, measure=GAIN, unit="%", goal="<= 0", seed=seed))
    return rows


def _parameter_table(estimates: dict[str, np.ndarray], score: PinchSamples, known: pd.DataFrame) -> pd.DataFrame:
    """One row a parameter: errors by method, variance explained beyond demographics, and what can be known."""
    table = known[["parameter"]].copy()
    for method, estimate in estimates.items():
        table[f"error_percent {method}"] = _percent(estimate, score.parameters).mean(axis=0)
    left = {m: ((e - score.parameters) ** 2).mean(axis=0) for m, e in estimates.items()}
    prior = left[PRIOR]
    for name in (*INPUTS[1:], HELD):
        table[f"explained {name}"] = 1.0 - left[f"network, {name}"] / prior
    return pd.concat([table, known.drop(columns=["parameter", "group"])], axis=1)


def vector_scores(network: Taught, people: PinchSamples) -> dict[str, np.ndarray]:
    """`parameter_scores` of the network of three directions."""
    estimate, sd = network.estimates(_inputs(VECTOR, people))
    return parameter_scores(people, estimate, stated_doubt(network, sd), network.target_sd)


def stated_doubt(network: Taught, sd: np.ndarray) -> np.ndarray:
    """SD of an ensemble in SDs of each parameter, never below `FEWEST_SD`."""
    return np.maximum(sd / network.target_sd, FEWEST_SD)


def _elsewhere(found: Mapping[str, np.ndarray], groups: Groups, seed: int) -> list[Result]:
    """Errors on the people of the second simulator, beside what demographics alone say of them."""
    people, chosen = groups.second, [k for k, p in enumerate(ASKED) if p.group == "max_force"]
    return [
        mean_result(
            _percent(e[:, chosen], people.parameters[:, chosen]).mean(axis=1),
            seed=seed,
            unit="%",
            method=m,
            task="estimate max_force, second simulator",
            measure=ERROR,
        )
        for m, e in found.items()
    ]
