"""Modules of the network against the simulators: whether each says what it is named after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recipes.fatigue.learning_stage import ALONE, learnt_parts
from recipes.fatigue.settings import RATE, STORED_RATE, FatigueSettings
from recipes.fatigue.simulation_stage import SIMULATED_CORPUS, TARGET_CORPUS
from recipes.remembered_part import remembered_parts
from recipes.result import Result, mean_result
from recipes.run import Run
from training.fatigue.arm import DIRECT, TRANSFER

Arrays = Mapping[str, np.ndarray]


def module_results(run: Run, folds: list[dict[str, np.ndarray]]) -> list[Result]:
    """Rows for simulated people who did not teach and, where a simulator knows the truth, for the target people."""
    settings: FatigueSettings = run.settings
    scored = learnt_parts(run, "simulated").read("scored")
    results = _rows(scored, read_truth(run, SIMULATED_CORPUS), "modules, simulated people", ALONE)
    if settings.target:
        return results
    truth = read_truth(run, TARGET_CORPUS)
    most = max(settings.teach)
    for method, n in ((ALONE, 0), (TRANSFER, most), (DIRECT, most)):
        prefix = f"{method}|{n}|"
        whole: dict[str, list[np.ndarray]] = {}
        for fold in folds:
            named = {key.removeprefix(prefix): value for key, value in fold.items() if key.startswith(prefix)}
            for key, value in {"persons": fold["persons"], "names": fold["names"], **named}.items():
                whole.setdefault(key, []).append(value)
        joined = {key: np.concatenate(values) for key, values in whole.items()}
        results += _rows(joined, truth, f"modules, {n} people teach" if n else "modules, nobody teaches", method)
    return results


def read_truth(run: Run, corpus: str) -> dict[tuple[str, str], tuple[float, np.ndarray]]:
    """(Person, trial) → capacity (N·m) and freshness at the rate of the networks."""
    stored = remembered_parts(run.folder, corpus).read("truth")
    stride = round(STORED_RATE / RATE)
    fresh = stored["freshness"]
    n_frames = fresh.shape[1] // stride
    means = fresh[:, : n_frames * stride].reshape(len(fresh), n_frames, stride).mean(axis=2)
    keys = zip(stored["persons"].tolist(), stored["names"].tolist(), strict=True)
    return {key: (float(c), f) for key, c, f in zip(keys, stored["capacity"], means, strict=True)}


def _rows(found: Arrays, truth: Mapping, task: str, method: str) -> list[Result]:
    """Error of the capacity, error and correlation of the freshness, by person."""
    capacity: dict[str, list[float]] = {}
    fresh: dict[str, list[float]] = {}
    follows: dict[str, list[float]] = {}
    for i, key in enumerate(zip(found["persons"].tolist(), found["names"].tolist(), strict=True)):
        true_capacity, true_fresh = truth[key]
        capacity.setdefault(key[0], []).append(100.0 * abs(found["capacity"][i] / true_capacity - 1.0))
        fresh.setdefault(key[0], []).append(100.0 * float(np.sqrt(np.mean((found["freshness"][i] - true_fresh) ** 2))))
        follows.setdefault(key[0], []).append(float(np.corrcoef(found["freshness"][i], true_fresh)[0, 1]))
    measures = (("capacity, absolute error", "%", capacity), ("freshness RMSE", "% of rested", fresh))
    rows = [
        mean_result({p: float(np.mean(v)) for p, v in values.items()}, task=task, method=method, measure=m, unit=unit)
        for m, unit, values in measures
    ]
    mean = {p: float(np.mean(v)) for p, v in follows.items()}
    return [*rows, mean_result(mean, task=task, method=method, measure="freshness, correlation over time", unit="")]
