"""Doubt about a speed: conformal intervals in units of the ensemble's SD, inside and outside the population."""

from __future__ import annotations

import numpy as np

from recipes.gait_cause.walks import Walks
from recipes.result import Result, mean_result
from training.sample.calibration_curve import calibration_curve, doubt_ratio
from training.sample.perceptron import Taught

FEWEST_SD = 0.02
"""Least stated doubt, in SDs of the speed."""


def doubt_rows(network: Taught, calibrate: Walks, score: Walks, outside: Walks, seed: int) -> list[Result]:
    """Coverage by stated probability, and coverage and stated doubt of people in far manners."""
    (calibrating, _), (scored, inside), (others, doubt) = (
        _scores(network, people) for people in (calibrate, score, outside)
    )
    curve = calibration_curve(calibrating, scored, seed=seed)
    rows = [
        Result("doubt about the speed", "scored", f"coverage of {r.level:.0%} intervals", "", r.coverage, r.low, r.high,
               r.n_scored)
        for r in curve.itertuples()
    ]  # fmt: skip
    half = float(curve.half_width.iloc[-1])
    covered = [float(np.mean(e <= half)) for e in others.values()]
    more = {"task": "doubt about the speed", "method": "far manners", "unit": ""}
    rows.append(mean_result(covered, measure="coverage of 90% intervals", seed=seed, **more))
    facts = {"value": doubt_ratio(inside, doubt), "n_persons": len(outside), "goal": ">= 1"}
    return [*rows, Result(**more, measure="stated doubt over that inside", **facts)]


def _scores(network: Taught, people: Walks) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """By person: absolute errors over the stated SD, and the stated SD in SDs of the speed."""
    estimate, sd = network.estimates(people.records)
    doubt = np.maximum(sd / network.target_sd, FEWEST_SD)
    error = np.abs(estimate - people.numbers[:, -1:]) / network.target_sd
    return dict(zip(people.code, error / doubt, strict=True)), dict(zip(people.code, doubt, strict=True))
