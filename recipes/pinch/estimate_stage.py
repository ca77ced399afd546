"""Muscle parameters from what is measured: every method, its error, and what can be known at all."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from recipes.pinch.population_stage import Groups, read_groups
from recipes.pinch.record import HELD, INPUTS, network_inputs
from recipes.pinch.settings import PinchSettings
from recipes.result import Result, mean_result
from recipes.run import Run
from synth.thumb.identifiability import identifiability_table, information
from synth.thumb.pinch_parameter import ASKED
from synth.thumb.pinch_people import DECLINE_FROM, draw_people
from synth.thumb.pinch_population import PinchSamples
from training.csv_table import write_csv
from training.sample.calibration_curve import calibration_curve, doubt_ratio
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
FEWEST_SD = 0.05
"""Least stated doubt, in SDs of a parameter: an ensemble that agrees by chance is not certain."""


def estimate_parameters(run: Run) -> str:
    """Teach every method, score it on people never seen, and write rows, parameters.csv and calibration.csv."""
    settings: PinchSettings = run.settings
    groups = read_groups(run)
    found = information(draw_people(settings.seed + 50, 0, settings.n_identified, prefix="I"))
    known = identifiability_table(found)
    estimates, networks = _every_method(run, groups)
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
    best = networks["vector"]
    rows += _doubt(run, best, groups)
    rows += _elsewhere(best, groups, settings.seed)
    write_taught(run.folder / NETWORK, best)
    plain = json.dumps([asdict(r) for r in rows], indent=1)
    write_durably(run.folder / "parameter_rows.json", plain)
    return f"{len(estimates)} methods for {len(ASKED)} parameters, {int((known.reason == 'known').sum())} can be known"


def _inputs(name: str, people: PinchSamples) -> np.ndarray:
    return network_inputs(name, people.healthy, people.demographics, people.held)


def _linear_inputs(name: str, people: PinchSamples) -> np.ndarray:
    """Inputs with what makes a linear prior a good one: logarithms of sizes, and years beyond 55."""
    sizes, age = np.log(people.demographics[:, 2:]), people.demographics[:, 1]
    return np.column_stack([_inputs(name, people), sizes, np.maximum(age - DECLINE_FROM, 0.0)])


def _every_method(run: Run, groups: Groups) -> tuple[dict[str, np.ndarray], dict[str, Taught]]:
    """Estimates of those who are scored by method, and the networks by kind of input."""
    settings: PinchSettings = run.settings
    teach, held, score = groups.teach, groups.validate, groups.score
    found = {"mean": np.broadcast_to(teach.parameters.mean(axis=0), score.parameters.shape)}
    networks: dict[str, Taught] = {}
    how = FitSettings(epochs=settings.epochs, batch=256, learning_rate=2e-3, schedule="one_cycle", weight_decay=1e-4)
    for name in run.track([*INPUTS, HELD], "Learning parameters"):
        own = _inputs(name, teach)
        found[f"linear, {name}"] = linear_estimates(
            _linear_inputs(name, teach), teach.parameters, _linear_inputs(name, score)
        )
        if name == "demographics":
            continue
        chosen = (_inputs(name, held), held.parameters)
        networks[name] = teach_estimates(
            own, teach.parameters, chosen, how, n_members=settings.n_members, seed=settings.seed
        )
        found[f"network, {name}"] = networks[name].estimates(_inputs(name, score))[0]
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


def vector_scores(network: Taught, people: PinchSamples) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By person: absolute errors over the stated SD, and the stated SD, both (n_parameters,) in SDs of a parameter."""
    estimate, sd = network.estimates(_inputs("vector", people))
    doubt = stated_doubt(network, sd)
    error = np.abs(estimate - people.parameters) / network.target_sd
    return dict(zip(people.code, error / doubt, strict=True)), dict(zip(people.code, doubt, strict=True))


def stated_doubt(network: Taught, sd: np.ndarray) -> np.ndarray:
    """SD of an ensemble in SDs of each parameter, never below `FEWEST_SD`."""
    return np.maximum(sd / network.target_sd, FEWEST_SD)


def _doubt(run: Run, network: Taught, groups: Groups) -> list[Result]:
    """Calibration curve of conformal intervals, and how much larger the doubt is outside the population."""
    seed = run.settings.seed
    calibrating, _ = vector_scores(network, groups.calibrate)
    scored, inside = vector_scores(network, groups.score)
    curve = calibration_curve(calibrating, scored, seed=seed)
    write_csv(run.folder / "calibration.csv", curve)
    rows = [
        Result(
            "intervals of parameters",
            "network, vector",
            f"coverage of {r.level:.0%} intervals",
            "",
            r.coverage,
            r.low,
            r.high,
            r.n_scored,
        )
        for r in curve.itertuples()
    ]
    half = float(curve.half_width.iloc[-1])
    others = groups.outside | {"second simulator": groups.second}
    for name, people in others.items():
        errors, doubt = vector_scores(network, people)
        covered = [float(np.mean(e <= half)) for e in errors.values()]
        rows.append(
            mean_result(
                covered,
                task="outside the population",
                method=f"network, vector: {name}",
                measure="coverage of 90% intervals",
                unit="",
                seed=seed,
            )
        )
        rows.append(
            Result(
                "outside the population",
                f"network, vector: {name}",
                "stated doubt over that inside",
                "",
                doubt_ratio(inside, doubt),
                n_persons=len(people),
                goal=">= 1",
            )
        )
    return rows


def _elsewhere(network: Taught, groups: Groups, seed: int) -> list[Result]:
    """Errors on the people of the second simulator, beside what demographics alone say of them."""
    people, chosen = groups.second, [k for k, p in enumerate(ASKED) if p.group == "max_force"]
    inputs = (
        _linear_inputs("demographics", groups.teach),
        groups.teach.parameters,
        _linear_inputs("demographics", people),
    )
    found = {
        PRIOR: linear_estimates(*inputs),
        "network, vector": network.estimates(_inputs("vector", people))[0],
    }
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
