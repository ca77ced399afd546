"""Gap candidate: the ways to fill one gap, each with the error it made where the same gap was rehearsed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mocap_import.gap.gap_class import Gap, GapClass
from mocap_import.gap.kalman import constant_acceleration_weights, wandering_weights
from mocap_import.gap.prediction import Prediction
from mocap_import.gap.rehearsal import DENSE, Rehearsal
from mocap_import.gap.spline import spline_weights

_Weigh = Callable[[tuple[int, ...], tuple[int, ...]], np.ndarray]
"""Weights (missing, seen) from the offsets of seen and missing frames."""

HIGHEST_UNCERTAINTY = 0.02
"""Standard uncertainty (m) above which an estimate is refused."""
LONGEST_AT_EDGE = 1.0
"""Longest gap (s) at the beginning or end of a trial that companions fill; without companions none is."""
_MEMORY = 0.08
"""Seconds after which the residual of a prediction is forgotten."""
_FEW_PLACES = 3
"""Rehearsals below which the prior decides."""
_STRETCH = 1.3
"""Gap over rehearsed gap up to which curves may bridge what a prediction leaves over."""
_PRIOR = {"spline": (1.2e-3, 1.9), "kalman": (1.2e-3, 1.9), "rigid": (1.5e-3, 0.6), "low_rank": (1.0e-3, 0.3)}
"""Standard error (m) at 50 ms and its growth with length, where a trial has no room for rehearsals."""
_PRIOR_PLACES = 0.25
"""Rehearsals for which the prior counts."""
_CAUTION = {"spline": 1.0, "kalman": 0.9, "rigid": 1.2, "low_rank": 1.0}
"""Ratio of true to rehearsed error, from the tuning trials."""


@dataclass(frozen=True)
class FillPolicy:
    """What may be done: the methods, and for each the longest gap (s) it may fill."""

    methods: tuple[str, ...]
    longest: Mapping[str, float]

    def allows(self, method: str, each: GapClass) -> bool:
        """May this gap be filled so? At the edge of a trial nothing is extrapolated without companions."""
        if method not in self.methods or each.seconds > self.longest[method]:
            return False
        return not each.at_edge or (method in ("rigid", "low_rank") and each.seconds <= LONGEST_AT_EDGE)


@dataclass(frozen=True)
class Candidate:
    """One way to fill one gap.

    `weights` of the seen samples, or of what the prediction left over; `variance` (m²) of each frame; `score` (m²), the
    rehearsed mean square error by which it is chosen.
    """

    method: str
    known: tuple[int, ...]
    weights: np.ndarray
    variance: np.ndarray
    score: float
    prediction: Prediction | None = None

    @property
    def is_certain(self) -> bool:
        """Whether it may be used at all."""
        return bool(self.variance.max() <= HIGHEST_UNCERTAINTY**2)


def best_candidate(options: Sequence[Candidate | None]) -> Candidate | None:
    """The least rehearsed error among those that can be trusted here, or if none can; the first of equals."""
    usable = (option for option in options if option is not None and np.isfinite(option.score))
    return min(usable, key=lambda option: (not option.is_certain, option.score), default=None)


def candidate_from_motion(
    each: GapClass, known: tuple[int, ...], plan: Rehearsal, path: np.ndarray, policy: FillPolicy
) -> Candidate | None:
    """The best from the marker's own motion, which takes at least two samples on both sides."""
    before = bisect_left(known, 0)
    if min(before, len(known) - before) < 2:
        return None
    models: list[tuple[str, _Weigh]] = [("spline", spline_weights)]
    models += [("kalman", partial(constant_acceleration_weights, noise=noise)) for noise in (1.0, 1000.0)]
    return _rehearsed(each, plan, path, known, [model for model in models if policy.allows(model[0], each)])


def candidate_from_company(
    each: GapClass, known: tuple[int, ...], plan: Rehearsal, prediction: Prediction, policy: FillPolicy, rate: float
) -> Candidate | None:
    """The best way to bridge what a prediction leaves over."""
    method = prediction.method
    if not policy.allows(method, each):
        return None
    before = bisect_left(known, 0)
    models: list[tuple[str, _Weigh]] = [(method, partial(wandering_weights, memory=_MEMORY * rate, noise=0.01))]
    # Where only shorter gaps could be rehearsed, a curve through both edges might swing out of all bounds.
    rehearsed = plan.n_places >= _FEW_PLACES and each.gap.stop - each.gap.start <= _STRETCH * plan.length
    if rehearsed and min(before, len(known) - before) >= 2:
        models += [(method, spline_weights), (method, partial(constant_acceleration_weights, noise=1.0))]
    return _rehearsed(each, plan, prediction.rehearsed, known, models, prediction)


def distrusted(gap: Gap, candidate: Candidate | None, company: np.ndarray) -> Candidate | None:
    """A low-rank candidate with the variance and score of this gap, whose postures may be unlike those learnt from.

    None where the companions are never seen together: it could fill no frame.
    """
    if candidate is None or not company[gap.start : gap.stop].any():
        return None
    if candidate.prediction is None or candidate.prediction.learnt is None:
        return candidate
    learnt, rows = candidate.prediction.learnt, candidate.prediction.rows
    frames = np.arange(gap.start, gap.stop)
    inside = company[frames]
    support = gap.start + np.array(candidate.known, dtype=int)
    bridged = candidate.weights[inside] @ learnt.features[rows(support)]
    variance = candidate.variance.copy()
    variance[inside] *= 1.0 + learnt.model.leverage(learnt.features[rows(frames[inside])] - bridged)
    # What is to be expected in this gap competes, not what the rehearsals of likelier postures made of it: in tuning
    # runs cut to two strides that takes a third off the error at 250 ms and changes hardly anything up to 100 ms.
    return replace(candidate, variance=variance, score=float(variance[inside].mean()))


def _rehearsed(
    each: GapClass,
    plan: Rehearsal,
    signal: np.ndarray,
    known: tuple[int, ...],
    models: Sequence[tuple[str, _Weigh]],
    prediction: Prediction | None = None,
) -> Candidate | None:
    """The model (method, weights) that rehearses best, its error tempered by the prior."""
    if not models:
        return None
    length = each.gap.stop - each.gap.start
    wanted = tuple(range(length))
    if plan.n_places < _FEW_PLACES:
        method, weigh = models[0]
        prior = _prior(method, each.seconds)
        return Candidate(method, known, weigh(known, wanted), np.full(length, prior), prior, prediction)
    # All frames of a short rehearsal were gathered, so that shorter gaps fit in; a long one stays as long as it is.
    tried = min(length, plan.length) if plan.length <= DENSE else plan.length
    shifted = tuple(k if k < 0 else k - length + tried for k in known)
    inside = plan.missing(tried)
    missing, beside = tuple(plan.offsets[inside].tolist()), plan.columns(shifted)
    # All models in one product, with the places beside each other.
    by_column = signal.swapaxes(0, 1)
    before, truth = (by_column[part].reshape(-1, 3 * plan.n_places) for part in (beside, inside))
    tries = [weigh(shifted, missing) for _, weigh in models]
    errors = (np.concatenate(tries) @ before).reshape(len(models), *truth.shape) - truth
    scores = (errors.reshape(len(models), -1) ** 2).mean(axis=1)
    scores *= [(length / tried) ** (2 * _PRIOR[method][1]) for method, _ in models]
    best = int(np.where(np.isfinite(scores), scores, np.inf).argmin())
    if not np.isfinite(scores[best]):
        return None
    (method, weigh), weights, score = models[best], tries[best], float(scores[best])
    square = (errors[best] ** 2).reshape(len(missing), plan.n_places, 3).mean(axis=2).T
    learnt = prediction.learnt if prediction is not None else None
    if learnt is not None:
        features = learnt.rehearsed_features
        step = weights @ features[:, beside] - features[:, inside]
        square /= 1.0 + learnt.rehearsed_models.leverage(step)
    variance = square.mean(axis=0) * (length / tried) ** (2 * _PRIOR[method][1])
    prior = _prior(method, each.seconds)
    variance = (plan.n_places * variance + _PRIOR_PLACES * prior) / (plan.n_places + _PRIOR_PLACES)
    share = (np.arange(length) + 0.5) / length
    profile = np.interp(share, (np.array(missing) + 0.5) / tried, variance)
    return Candidate(method, known, weigh(known, wanted), profile * _CAUTION[method] ** 2, score, prediction)


def _prior(method: str, seconds: float) -> float:
    """Variance (m²) to expect of a method before any rehearsal."""
    scale, growth = _PRIOR[method]
    return (scale * (seconds / 0.05) ** growth) ** 2
