"""Doubt about waveforms: intervals calibrated by persons, one width a quantity, and how often they hold the truth.

Each joint angle, component of force and muscle has a width of its own: one for all of a kind would hold too much of
what is easy and too little of what is hard, and its coverage would not tell.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.result import Result
from recipes.single_camera.doubt import Clips, coverage_result
from recipes.single_camera.waveform_score import groups_of_waves
from synth.camera.filmed_gait import WAVES
from synth.camera.keypoint_input import ClipArrays
from training.comparison import bootstrap_interval
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.sample.calibration_curve import calibration_curve

EVERY = 6
"""Of so many frames one is taken: neighbours are alike."""
ALL = "all"
"""Quantity of rows of all quantities of a kind together, each by intervals of its own width."""
Errors = Mapping[str, np.ndarray]
"""Person → absolute errors (n, n_quantities), NaN where the truth is unknown."""


def wave_doubt(
    calibrating: Clips,
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    tasks: Mapping[str, str],
    seed: int,
) -> tuple[list[Result], pd.DataFrame]:
    """Coverage of 90 % intervals of each kind of waveform, of all its quantities and of the one that is held least.

    Parameters
    ----------
    calibrating : (ClipArrays, KeypointEstimate)
        Of those who calibrate.
    sets, estimates : mapping
        By name of set.
    tasks : mapping of str to str
        Set → its name in the table.
    seed : int

    Returns
    -------
    (list of Result, DataFrame)
        The latter: `quantity_curves` with ``task, measure``.
    """
    results, curves = [], []
    for measure, (columns, scale, unit) in groups_of_waves().items():
        others = _errors(*calibrating, columns)
        for name, task in tasks.items():
            scored = _errors(sets[name], estimates[name], columns) if name in estimates else {}
            curve = quantity_curves(others, scored, WAVES[columns], seed)
            if not len(curve):
                continue
            curves.append(curve.assign(task=task, measure=measure))
            results += _rows(curve, task, measure, scale, unit)
    return results, pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()


def quantity_curves(calibrating: Errors, scored: Errors, names: tuple[str, ...], seed: int) -> pd.DataFrame:
    """Calibration curves of each quantity by its own widths, and of `ALL` of them together.

    Parameters
    ----------
    calibrating, scored : mapping of str to ndarray, shape (n, n_quantities)
        Different persons.
    names : tuple of str
        Of the quantities.
    seed : int
        Of the bootstrap over persons.

    Returns
    -------
    DataFrame
        ``quantity`` and the columns of `calibration_curve`; a quantity that nobody calibrates or of which nobody
        scored knows the truth has no rows, and nothing at all is an empty table.
    """
    curves, shares = [], []
    for i, name in enumerate(names):
        own, new = (_known_column(errors, i) for errors in (calibrating, scored))
        if own and new:
            curves.append(calibration_curve(own, new, seed=seed).assign(quantity=name))
            shares.append({p: (len(x), [(x <= half).sum() for half in curves[-1].half_width]) for p, x in new.items()})
    if not curves:
        return pd.DataFrame()
    held = []
    for person in scored:
        told = [share[person] for share in shares if person in share]
        if told:
            held.append(np.sum([inside for _, inside in told], axis=0) / sum(count for count, _ in told))
    together = curves[0][["level", "n_calibrating"]].assign(half_width=np.nan, n_scored=len(held), quantity=ALL)
    covered = np.array(held)
    limits = np.array([bootstrap_interval(column, seed) for column in covered.T])
    together = together.assign(coverage=covered.mean(axis=0), low=limits[:, 0], high=limits[:, 1])
    return pd.concat([together[list(curves[0].columns)], *curves], ignore_index=True)


def _rows(curve: pd.DataFrame, task: str, measure: str, scale: float, unit: str) -> list[Result]:
    """Rows of the widest intervals: of all quantities, and of the one of which they hold least."""
    at = curve[curve.level == curve.level.max()]
    every, single = at[at.quantity == ALL], at[at.quantity != ALL]
    worst = single.loc[[single.coverage.idxmin()]]
    unit = "" if unit == "1" else f" {unit}"
    widths = scale * single.half_width
    span = f"half widths {widths.min():.3g} to {widths.max():.3g}{unit}, one a quantity, the same for everybody"
    least = f"{worst.quantity.iloc[0]}, half width {scale * worst.half_width.iloc[0]:.3g}{unit}"
    pooled, held = coverage_result(every, task, measure), coverage_result(worst, task, measure)
    named = f"{held.measure}, quantity held least"
    return [Result(**{**vars(pooled), "note": span}), Result(**{**vars(held), "measure": named, "note": least})]


def _known_column(errors: Errors, column: int) -> dict[str, np.ndarray]:
    """Known errors of one quantity of each person who has some."""
    known = {person: own[:, column][np.isfinite(own[:, column])] for person, own in errors.items()}
    return {person: own for person, own in known.items() if len(own)}


def _errors(clips: ClipArrays, said: KeypointEstimate, columns: slice) -> dict[str, np.ndarray]:
    """Absolute errors of each person's clips, one row an instant; of persons of whom some truth is known."""
    found = {}
    for person in np.unique(clips.person):
        own = clips.person == person
        wrong = np.abs(said.waves[own, ::EVERY, columns] - clips.waves[own, ::EVERY, columns])
        if np.isfinite(wrong).any():
            found[str(person)] = wrong.reshape(-1, wrong.shape[-1])
    return found
