"""An explanation set: the same answers explained in several ways, side by side, and by rows that ask no network.

Which of them to believe is chosen on people whose true cause is known and who are not scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from training.explanation.attribution import Answer, group_sums, integrated_gradients, occlusion
from training.explanation.concordance import concordance
from training.explanation.pattern import patterns

MEAN, SUCH = "the mean", "such a person's usual"
"""Baselines: the mean record of the unaltered, and what is usual for a person of these known numbers."""
GRADIENTS, OCCLUSION = "integrated gradients", "occlusion"
PATTERN, EVIDENCE = "pattern of the gradients", "pattern times distance"
BY_NETWORK = (
    GRADIENTS,
    f"{GRADIENTS}, from {SUCH}",
    OCCLUSION,
    f"{OCCLUSION}, from {SUCH}",
    PATTERN,
    f"{EVIDENCE} from {MEAN}",
    f"{EVIDENCE} from {SUCH}",
)
DISTANCE = "distance from the mean, no network"
DISTANCE_SUCH = f"distance from {SUCH}, no network"
GROUPS = "difference of the groups' means, no network"
WITHOUT = (DISTANCE, DISTANCE_SUCH, GROUPS)
"""The last one says the same of everybody in a group: a location that all share is known without explaining anybody."""

WEIGHTS, LINEAR_PATTERN = "linear model: weights times distance", "linear model: pattern of the weights"
_PATTERN_STEPS = 8
"""Points along the line over which the gradients of a pattern are averaged."""


@dataclass(frozen=True)
class Question:
    """What is explained, of whom.

    Attributes
    ----------
    inputs : ndarray, shape (n, ...)
    usual : mapping of str to ndarray
        `MEAN` (of one sample's shape) and `SUCH` (of the inputs'): what parts are replaced by.
    known : ndarray, shape (m, ...)
        Inputs of people who taught, altered or not: their covariance.
    scale : ndarray
        SD of each entry, of one sample's shape.
    parts : ndarray of int
        Part of each entry.
    size : callable
        A change in SDs (n, ...) → its size in each part (n, n_parts): the truth is counted by the same.
    """

    inputs: np.ndarray
    usual: Mapping[str, np.ndarray]
    known: np.ndarray
    scale: np.ndarray
    parts: np.ndarray
    size: Callable[[np.ndarray], np.ndarray]


def explanations_by_network(answer: Answer, question: Question) -> dict[str, np.ndarray]:
    """Attributions (n, n_parts) by each of `BY_NETWORK`."""
    q = question
    parts, mean = q.parts, q.usual[MEAN]
    gradient = integrated_gradients(answer, q.inputs, mean, n_steps=_PATTERN_STEPS, per_unit=True)
    pattern = patterns(gradient, q.known) / q.scale
    pattern = pattern / np.sqrt((pattern.reshape(len(pattern), -1) ** 2).mean(axis=1)).reshape(_one_each(pattern))
    found = {}
    for name, base in q.usual.items():
        ending = "" if name == MEAN else f", from {name}"
        found[GRADIENTS + ending] = group_sums(integrated_gradients(answer, q.inputs, base), parts)
        found[OCCLUSION + ending] = occlusion(answer, q.inputs, base, parts)
        found[f"{EVIDENCE} from {name}"] = group_sums(pattern * (q.inputs - base) / q.scale, parts)
    found[PATTERN] = q.size(pattern)
    return {name: found[name] for name in BY_NETWORK}


def linear_explanations(answer: Answer, question: Question) -> dict[str, np.ndarray]:
    """Attributions (n, n_parts) of an answer that is linear: its weights times distance, and times the covariance."""
    q = question
    weights = integrated_gradients(answer, q.inputs[:1], q.usual[MEAN], n_steps=1, per_unit=True)
    distance = group_sums(weights * (q.inputs - q.usual[MEAN]), q.parts)
    pattern = q.size(patterns(weights, q.known) / q.scale)
    return {WEIGHTS: distance, LINEAR_PATTERN: np.repeat(pattern, len(q.inputs), axis=0)}


def explanations_without_network(question: Question, altered_mean: np.ndarray) -> dict[str, np.ndarray]:
    """Sizes (n, n_parts) by each of `WITHOUT`; `altered_mean`: mean input of those of the same group who taught."""
    q = question
    distance = {name: q.size((q.inputs - base) / q.scale) for name, base in q.usual.items()}
    apart = q.size(((altered_mean - q.usual[MEAN]) / q.scale)[None])
    return {DISTANCE: distance[MEAN], DISTANCE_SUCH: distance[SUCH], GROUPS: np.repeat(apart, len(q.inputs), axis=0)}


def usual_of_such(numbers: np.ndarray, inputs: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """What is usual for a person of known numbers: linear regression over unaltered people.

    Parameters
    ----------
    numbers : ndarray, shape (m, k)
        Of those who taught: age, size, speed.
    inputs : ndarray, shape (m, ...)
    asked : ndarray, shape (n, k)

    Returns
    -------
    ndarray, shape (n, ...)
    """
    mean, sd = numbers.mean(axis=0), numbers.std(axis=0) + 1e-12
    known, new = (np.column_stack([np.ones(len(x)), (x - mean) / sd]) for x in (numbers, asked))
    factors = np.linalg.lstsq(known, inputs.reshape(len(inputs), -1).astype(float), rcond=None)[0]
    return (new @ factors).reshape(len(asked), *inputs.shape[1:])


def best_explanation(found: Mapping[str, np.ndarray], truth: np.ndarray, among: tuple[str, ...] = BY_NETWORK) -> str:
    """The one whose mean rank correlation with the truth is largest; on people who are not scored."""
    return max(among, key=lambda name: float(np.nanmean(concordance(found[name], truth).rank_correlation)))


def _one_each(values: np.ndarray) -> tuple[int, ...]:
    return (len(values), *(1,) * (values.ndim - 1))
