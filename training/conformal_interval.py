"""Conformal interval: how wide a band about an estimate must be to hold the truth of somebody never seen.

Frames of one person are alike, so persons are what is exchangeable, not frames. Hierarchical conformal prediction
(Lee, Barber and Willett 2023, arXiv 2306.06342): every calibration person weighs the same, shared by that person's
frames, and the unseen person stands in the quantile as one more, of unlimited error. Then a frame of an unseen person
lies inside with at least the stated probability, whatever the network and the errors are like.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synth.corpus import Corpus
from training.target import ALL_TARGETS, Target, read_targets

LEVEL = 0.9
FEWEST_PERSONS = 10
"""Of a table of coverage at `LEVEL`: nine calibrate for each one."""
WAVEFORMS = tuple(t for t in ALL_TARGETS if t.kind != "speed")


@dataclass(frozen=True)
class ConformalBand:
    """Half widths of prediction intervals.

    Attributes
    ----------
    level : float
    half_widths : dict of Target to float
        Inside units, or in units of the stated SD; inf where too few persons calibrate.
    n_subjects : int
    """

    level: float
    half_widths: dict[Target, float]
    n_subjects: int

    def interval(self, target: Target, estimate: np.ndarray, sd: np.ndarray | float = 1.0) -> np.ndarray:
        """Lower and upper limit (n_frames, 2) about an estimate (n_frames,); `sd` as in calibration."""
        half = self.half_widths[target] * np.asarray(sd, dtype=float)
        return np.stack([estimate - half, estimate + half], axis=-1)


def subject_quantile(scores: Sequence[np.ndarray], level: float = LEVEL) -> float:
    """Half width that covers a frame of an unseen person with probability `level`.

    Parameters
    ----------
    scores : sequence of ndarray
        Absolute errors of each calibration person (perhaps over the SD that is stated for each); NaN are left out.
    level : float

    Returns
    -------
    float
        inf with fewer than ``level / (1 - level)`` persons: nine for 0.9.
    """
    known = [s[np.isfinite(s)] for s in (np.ravel(x) for x in scores)]
    known = [s for s in known if len(s)]
    if not known:
        return math.inf
    values = np.concatenate(known)
    weights = np.concatenate([np.full(len(s), 1.0 / ((len(known) + 1) * len(s))) for s in known])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    first = int(np.searchsorted(reached, level - 1e-12))
    return float(values[order[first]]) if first < len(values) else math.inf


def absolute_errors(truth: Path, estimate: Path) -> dict[str, dict[Target, np.ndarray]]:
    """Errors (inside units) of a corpus of estimates, by person and target, all trials in a row; NaN without both."""
    reference, estimates = Corpus(truth), Corpus(estimate)
    known = set(estimates.trials())
    found: dict[str, list[np.ndarray]] = {}
    for subject, name in reference.trials():
        if (subject, name) not in known:
            continue
        true, made = (c.read(subject, name, clean=True) for c in (reference, estimates))
        if made.status != "refused" and made.n_frames == true.n_frames:
            error = read_targets(made, WAVEFORMS, true.subject) - read_targets(true, WAVEFORMS)
            found.setdefault(subject, []).append(np.abs(error))
    return {s: dict(zip(WAVEFORMS, np.concatenate(e).T, strict=True)) for s, e in found.items()}


def calibrate(
    errors: Mapping[str, Mapping[Target, np.ndarray]], subjects: Sequence[str], level: float = LEVEL
) -> ConformalBand:
    """Band from the errors of some persons, none of whom taught the method.

    Parameters
    ----------
    errors : mapping of str to mapping of Target to ndarray
        See `absolute_errors`.
    subjects : sequence of str
        Who calibrates.
    level : float
    """
    targets = [t for t in WAVEFORMS if any(np.isfinite(errors[s][t]).any() for s in subjects)]
    widths = {t: subject_quantile([errors[s][t] for s in subjects], level) for t in targets}
    return ConformalBand(level, widths, len(subjects))


def coverage_table(
    errors: Mapping[str, Mapping[Target, np.ndarray]], method: str = "", level: float = LEVEL
) -> pd.DataFrame:
    """How often intervals that all the other persons calibrate hold each person's truth.

    Returns
    -------
    DataFrame
        ``method, coordinate, kind, unit, level, half_width, coverage, low, persons``: mean half width and coverage over
        persons, and the coverage of the person with the least. Empty where no width is finite.
    """
    people = sorted(errors)
    rows = []
    for target in WAVEFORMS:
        widths, covered = [], []
        for person in people:
            own = errors[person][target]
            own = own[np.isfinite(own)]
            half = subject_quantile([errors[p][target] for p in people if p != person], level) if len(own) else math.inf
            if math.isfinite(half):
                widths.append(half)
                covered.append(float(np.mean(own <= half)))
        if widths:
            rows.append(
                {
                    "method": method,
                    "coordinate": target.coordinate,
                    "kind": target.kind,
                    "unit": target.unit,
                    "level": level,
                    "half_width": float(np.mean(widths)) * target.scale,
                    "coverage": float(np.mean(covered)),
                    "low": min(covered),
                    "persons": len(covered),
                }
            )
    columns = ("method", "coordinate", "kind", "unit", "level", "half_width", "coverage", "low", "persons")
    return pd.DataFrame(rows, columns=list(columns))
