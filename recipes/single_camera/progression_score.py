"""Score of progression: how well a change of severity from visit to visit is told, beside saying that there is none."""

from __future__ import annotations

import numpy as np

from recipes.result import Result
from recipes.single_camera.agreement import ALL_CLIPS, mean_absolute_error, with_interval
from recipes.single_camera.impairment_score import r_squared
from synth.camera.keypoint_input import ClipArrays
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.keypoint.progression import SEVERITY, ProgressionHead, VisitPairs, visit_pairs
from training.sample.calibration_curve import calibration_curve

NETWORK, DIFFERENCE, NOTHING = "network", "network, difference of two severities", "nothing has changed"
_MEASURES = {"change between visits: R2": r_squared, "change between visits: mean absolute error": mean_absolute_error}
_FEWEST = 3
_LEVEL = 0.9


def progression_results(
    scored: tuple[ClipArrays, KeypointEstimate],
    calibrating: tuple[ClipArrays, KeypointEstimate],
    head: ProgressionHead,
    task: str,
    seed: int,
) -> list[Result]:
    """Rows of one set: one clip of each visit, and the mean over the clips; none where nobody came twice.

    Parameters
    ----------
    scored, calibrating : (ClipArrays, KeypointEstimate)
        Of different people, none of whom taught the head.
    head : ProgressionHead
    task : str
        Name of the set in the table.
    seed : int
        Of the bootstrap over people.
    """
    pairs = visit_pairs(scored[0])
    if len(set(pairs.person)) < _FEWEST:
        return []
    told = told_changes(scored[1], pairs, head)
    of_gaits = means_of_visits(scored[0], pairs, told)
    tables = {"": (pairs.person, pairs.change, told), ALL_CLIPS: of_gaits}
    results = []
    for suffix, (person, change, said) in tables.items():
        for method, values in said.items():
            if suffix and method == NOTHING:
                continue
            for measure, function in _MEASURES.items():
                found = with_interval(change, values, person, function, seed)
                note = f"{len(change)} changes of {'gaits' if suffix else 'clips'}"
                row = Result(task, method + suffix, measure, "1", *found, len(set(person)), note=note)
                results.append(row)
    return [*results, _coverage((pairs, told[NETWORK]), calibrating, head, task, seed)]


def told_changes(said: KeypointEstimate, pairs: VisitPairs, head: ProgressionHead) -> dict[str, np.ndarray]:
    """What each method says has changed in each pair of clips."""
    first, second = said.rows(pairs.first), said.rows(pairs.second)
    severity = np.clip(said.scalars[:, SEVERITY], 0.0, 1.0)
    difference = severity[pairs.second] - severity[pairs.first]
    return {NETWORK: head.change(first, second), DIFFERENCE: difference, NOTHING: np.zeros(len(pairs))}


def means_of_visits(
    clips: ClipArrays, pairs: VisitPairs, told: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Person, true change and what each method says, mean over the pairs of clips of the same two visits."""
    keys = np.array([f"{p} {v}" for p, v in zip(pairs.person, clips.visit[pairs.first], strict=True)])
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    count = np.bincount(number)
    means = {method: np.bincount(number, values) / count for method, values in told.items()}
    return pairs.person[first], pairs.change[first], means


def _coverage(
    scored: tuple[VisitPairs, np.ndarray],
    calibrating: tuple[ClipArrays, KeypointEstimate],
    head: ProgressionHead,
    task: str,
    seed: int,
) -> Result:
    """How often 90 % conformal intervals of the change, of one width for all, hold the truth."""
    others = visit_pairs(calibrating[0])
    pairs = ((others, told_changes(calibrating[1], others, head)[NETWORK]), scored)
    errors = []
    for own, said in pairs:
        wrong = np.abs(said - own.change)
        errors.append({p: wrong[own.person == p] for p in sorted(set(own.person))})
    last = calibration_curve(*errors, (_LEVEL,), seed=seed).iloc[-1]
    measure = "change between visits: coverage of 90 % intervals"
    note = f"half width {last.half_width:.3g}"
    return Result(task, NETWORK, measure, "1", last.coverage, last.low, last.high, int(last.n_scored), note=note)
