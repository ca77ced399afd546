"""Progression: how much an impairment has changed from one visit to another, from what networks say of both.

Two severities err apart, and people change by less than that: their difference is a worse answer than "nothing has
changed". So a ridge regression reads the difference together with what it may mean: the probability of each kind
(whoever is well stays well, a kind that a camera hardly sees tells no change) and how severe it looks. It is taught on
people who taught no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold

from synth.camera.keypoint_input import ClipArrays

if TYPE_CHECKING:
    from training.keypoint.keypoint_lesson import KeypointEstimate

SEVERITY = 4
"""Its column among the scalars of an estimate."""
PENALTIES = tuple(np.logspace(-2.0, 4.0, 13))
"""Of the ridge regression; leaving people out chooses: pairs of one person are alike."""
_MOST_FOLDS = 10
_LEAST_SD = 1e-9


@dataclass(frozen=True)
class VisitPairs:
    """Clips of two visits of a person that follow each other.

    Attributes
    ----------
    first, second : ndarray of int, shape (n,)
        Rows of the clips.
    person : ndarray of str, shape (n,)
    change : ndarray, shape (n,)
        Severity at the second less that at the first.
    """

    first: np.ndarray
    second: np.ndarray
    person: np.ndarray
    change: np.ndarray

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.first)


@dataclass(frozen=True)
class ProgressionHead:
    """A taught regression.

    Attributes
    ----------
    weights : ndarray, shape (2 n_kinds + 1,)
        Of `progression_features`.
    constant : float
    """

    weights: np.ndarray
    constant: float

    def change(self, first: KeypointEstimate, second: KeypointEstimate) -> np.ndarray:
        """Change of severity (n,), within -1 to 1, from estimates of n clips of one visit and n of another."""
        return np.clip(progression_features(first, second) @ self.weights + self.constant, -1.0, 1.0)


def visit_pairs(clips: ClipArrays) -> VisitPairs:
    """Pairs of clips of following visits, the first clip of one with the first of the other and so on.

    Visits follow each other by their number: around one that was refused there is no pair.
    """
    seen: dict[tuple[str, int], list[int]] = {}
    for row, key in enumerate(zip(clips.person.tolist(), clips.visit.tolist(), strict=True)):
        if np.isfinite(clips.severity[row]):
            seen.setdefault(key, []).append(row)
    pairs = [
        both
        for (person, visit), rows in seen.items()
        for both in zip(rows, seen.get((person, visit + 1), ()), strict=False)
    ]
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    return VisitPairs(first, second, clips.person[first], clips.severity[second] - clips.severity[first])


def progression_features(first: KeypointEstimate, second: KeypointEstimate) -> np.ndarray:
    """What the change is read from (n, 2 n_kinds + 1).

    The difference of the severities, the same times the mean probability of each kind, the mean probability of each
    impairment, the mean severity.
    """
    severities = np.stack([first.scalars[:, SEVERITY], second.scalars[:, SEVERITY]], axis=1)
    difference, kinds = np.diff(severities, axis=1), (first.kinds + second.kinds) / 2.0
    return np.hstack([difference, kinds * difference, kinds[:, 1:], severities.mean(axis=1, keepdims=True)])


def teach_progression(clips: ClipArrays, said: KeypointEstimate) -> ProgressionHead | None:
    """Teach the head on people who taught no network; None where they have fewer pairs of visits than it has weights.

    One person alone teaches none either: the penalty is chosen by how well it serves people who are left out.

    Parameters
    ----------
    clips : ClipArrays
    said : KeypointEstimate
        Of these clips.
    """
    pairs = visit_pairs(clips)
    features = progression_features(said.rows(pairs.first), said.rows(pairs.second))
    n_people = len(set(pairs.person))
    if len(features) <= features.shape[1] or n_people < 2:
        return None
    folds = GroupKFold(min(n_people, _MOST_FOLDS)).split(features, groups=pairs.person)
    mean, sd = features.mean(axis=0), np.maximum(features.std(axis=0), _LEAST_SD)
    ridge = RidgeCV(PENALTIES, cv=list(folds), scoring="neg_mean_squared_error").fit(
        (features - mean) / sd, pairs.change
    )
    weights = ridge.coef_ / sd
    return ProgressionHead(weights, float(ridge.intercept_ - mean @ weights))
