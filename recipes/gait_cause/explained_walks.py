"""Explained walks: what each way of explaining says of each part of each walk, beside what is true of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walks import Walks
from synth.cycle_record import N_CHANNELS, part_of_each, part_sizes
from training.explanation.attribution import Answer, group_sums, integrated_gradients
from training.explanation.explanation_set import (
    GRADIENTS,
    MEAN,
    SUCH,
    Question,
    explanations_by_network,
    explanations_without_network,
    linear_explanations,
    usual_of_such,
)
from training.sample.perceptron import Taught, contrast, mean_estimate, untaught

UNTAUGHT = f"{GRADIENTS}, untaught networks"
SMALLEST_SD = 1e-6


@dataclass(frozen=True)
class Explained:
    """Explanations of some walks.

    Attributes
    ----------
    code, group : ndarray, shape (n,)
        Of the persons, and what is wrong with them.
    truth : ndarray, shape (n, n_parts)
        Size of what the cause changes, in SDs of those who taught.
    found : dict of str to ndarray
        Way of explaining → (n, n_parts).
    blank : ndarray, shape (n_untaught, n, n_parts)
        Integrated gradients of networks with weights drawn anew.
    """

    code: np.ndarray
    group: np.ndarray
    truth: np.ndarray
    found: dict[str, np.ndarray]
    blank: np.ndarray


def altered_explanations(
    settings: GaitCauseSettings, network: Taught, linear: Taught, teach: Walks, people: Walks
) -> Explained:
    """Of everybody with whom something is wrong: logit of what it is less logit of nothing."""
    made = []
    blank = [untaught(network, settings.seed + 900 + k) for k in range(settings.n_untaught)]
    for group in range(1, len(people.names)):
        own = people.rows(np.flatnonzero(people.group == group)[: _most(settings, people, len(people.names) - 1)])
        mean = teach.records[teach.group == group]
        if len(own) and len(mean):
            asked = (network.networks, linear.networks, blank)
            made.append(_explained(settings, teach, own, own.change, mean.mean(axis=0), asked, group))
    return joined(made)


def speed_explanations(
    settings: GaitCauseSettings, network: Taught, linear: Taught, teach: Walks, people: Walks
) -> Explained:
    """Of everybody with whom nothing is wrong: estimate of the speed; truth: another speed of the same person."""
    own = people.rows(np.flatnonzero(people.group == 0)[: _most(settings, people, 1)])
    well = teach.rows(np.flatnonzero(teach.group == 0))
    fast = well.records[well.numbers[:, -1] > np.median(well.numbers[:, -1])]
    blank = [untaught(network, settings.seed + 950 + k) for k in range(settings.n_untaught)]
    asked = (network.networks, linear.networks, blank)
    return _explained(settings, teach, own, own.speed_change, fast.mean(axis=0), asked, None)


def joined(parts: Sequence[Explained]) -> Explained:
    """Several, one after another."""
    return Explained(
        np.concatenate([p.code for p in parts]),
        np.concatenate([p.group for p in parts]),
        np.concatenate([p.truth for p in parts]),
        {name: np.concatenate([p.found[name] for p in parts]) for name in parts[0].found},
        np.concatenate([p.blank for p in parts], axis=1),
    )


def _most(settings: GaitCauseSettings, people: Walks, n_groups: int) -> int:
    return max(settings.n_explained // n_groups, 2)


def _explained(
    settings: GaitCauseSettings,
    teach: Walks,
    people: Walks,
    change: np.ndarray,
    group_mean: np.ndarray,
    asked: tuple[Sequence, Sequence, Sequence],
    group: int | None,
) -> Explained:
    """Of one group: its class against nothing, or (None) the one number that is estimated.

    Asked are the members of the network, the linear model, and networks that know nothing.
    """
    networks, linear, blank = asked
    well = teach.rows(np.flatnonzero(teach.group == 0))
    parts = part_of_each(people.records.shape[2] // N_CHANNELS, settings.n_phases)
    # Size and age, and of what is wrong also the speed, are known without any sensor.
    numbers = slice(None) if group is not None else slice(0, -1)
    such = usual_of_such(well.numbers[:, numbers], well.records, people.numbers[:, numbers])
    question = Question(
        inputs=people.records,
        usual={MEAN: well.records.mean(axis=0), SUCH: such.astype(np.float32)},
        known=teach.records,
        scale=teach.records.std(axis=0) + SMALLEST_SD,
        parts=parts,
        size=lambda given: part_sizes(given, parts),
    )

    def answer_of(members: Sequence) -> Answer:
        return mean_estimate(members) if group is None else contrast(members, group, 0)

    found = explanations_by_network(answer_of(networks), question)
    found |= explanations_without_network(question, group_mean)
    found |= linear_explanations(answer_of(linear), question)
    nothing = [
        group_sums(integrated_gradients(answer_of([n]), people.records, question.usual[MEAN], n_steps=16), parts)
        for n in blank
    ]
    return Explained(people.code, people.group, question.size(change / question.scale), found, np.stack(nothing))
