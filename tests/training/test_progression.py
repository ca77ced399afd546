"""Progression: visits are paired by their number, and what is said of two of them beats their difference."""

from dataclasses import fields

import numpy as np
import pytest

from recipes.single_camera.agreement import ALL_CLIPS
from recipes.single_camera.progression_score import DIFFERENCE, NETWORK, NOTHING, progression_results
from synth.camera.keypoint_input import ClipArrays
from synth.impairment import KINDS
from training.keypoint.keypoint_file import load_keypoint_ensemble, save_keypoint_ensemble
from training.keypoint.keypoint_lesson import KeypointEnsemble, KeypointEstimate, Scales
from training.keypoint.keypoint_network import KeypointNetwork
from training.keypoint.progression import progression_features, teach_progression, visit_pairs

_NOISE = 0.15


def clips_of(rows) -> ClipArrays:
    """Clips by (person, visit, severity); nothing else is known of them."""
    person, visit, severity = zip(*rows, strict=True)
    known = {f.name: np.zeros(len(rows)) for f in fields(ClipArrays)}
    known |= {"person": np.array(person), "visit": np.array(visit), "severity": np.array(severity, float)}
    known |= {"trial": np.array([f"walk {v}" for v in visit]), "kind": (known["severity"] > 0).astype(int)}
    return ClipArrays(**known)


def people(n: int, seed: int) -> tuple[ClipArrays, KeypointEstimate]:
    """Half are well, others get worse by 0.15 a visit; severities are said with much noise, kinds are known."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(n):
        begin = rng.uniform(0.1, 0.6) if number % 2 else 0.0
        rows += [(f"{seed} {number:03d}", v, begin + 0.15 * v * (begin > 0)) for v in range(3) for _ in range(2)]
    clips = clips_of(rows)
    scalars = np.zeros((len(clips), 5))
    scalars[:, 4] = clips.severity + _NOISE * rng.standard_normal(len(clips))
    kinds = np.eye(len(KINDS))[clips.kind]
    return clips, KeypointEstimate(scalars, np.ones_like(scalars), kinds, np.zeros((len(clips), 1, 1)))


def test_visits_that_follow_each_other_are_paired_clip_by_clip():
    """Whose second visit was refused changed between the first and the third by two visits, and is left out."""
    rows = [("A", 0, 0.1), ("A", 2, 0.5), ("B", 1, 0.3), ("B", 0, 0.2), ("B", 2, 0.6), ("B", 0, 0.2), ("B", 1, 0.3)]
    pairs = visit_pairs(clips_of(rows))
    assert sorted(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(2, 4), (3, 2), (5, 6)]
    assert set(pairs.person) == {"B"}
    assert sorted(pairs.change) == pytest.approx([0.1, 0.1, 0.3])
    assert len(visit_pairs(clips_of([("A", 0, np.nan), ("A", 1, 0.5)]))) == 0, "what nobody knows has not changed"


def test_a_change_is_told_better_than_by_a_difference_and_than_by_saying_nothing():
    head = teach_progression(*people(80, 1))
    scored, calibrating = people(80, 2), people(80, 3)
    value = {(r.method, r.measure): r for r in progression_results(scored, calibrating, head, "people", 0)}
    error = {m: value[(m, "change between visits: mean absolute error")].value for m in (NETWORK, DIFFERENCE, NOTHING)}
    assert error[NETWORK] < error[NOTHING] < error[DIFFERENCE]
    both = value[(NETWORK + ALL_CLIPS, "change between visits: mean absolute error")]
    assert both.note == "160 changes of gaits"
    assert both.n_persons == 80
    held = value[(NETWORK, "change between visits: coverage of 90 % intervals")]
    assert held.value == pytest.approx(0.9, abs=0.08)


def test_the_head_says_the_same_of_shifted_rows_and_never_beyond_what_there_is():
    clips, said = people(80, 1)
    head, pairs = teach_progression(clips, said), visit_pairs(clips)
    first, second = said.rows(pairs.first), said.rows(pairs.second)
    turned = np.arange(len(pairs))[::-1]
    assert np.allclose(head.change(first, second)[turned], head.change(first.rows(turned), second.rows(turned)))
    wild = KeypointEstimate(second.scalars * 1e3, second.scalar_sd, second.kinds, second.waves)
    assert np.abs(head.change(first, wild)).max() <= 1.0
    assert progression_features(first, second).shape == (len(pairs), 2 * len(KINDS) + 1)


def test_a_penalty_is_chosen_by_people_left_out_not_by_other_pairs_of_the_same_people():
    """Who changes how much is chance, and each is known by how their kinds look: that helps with nobody else."""

    def strangers(n: int, seed: int) -> tuple[ClipArrays, KeypointEstimate]:
        rng = np.random.default_rng(seed)
        changes = rng.choice([-0.3, 0.3], n)
        rows = [(f"{seed} {p}", v, 0.5 + v * changes[p]) for p in range(n) for v in (0, 1) for _ in range(8)]
        clips, looks = clips_of(rows), np.repeat(rng.dirichlet(np.ones(len(KINDS)), n), 16, axis=0)
        scalars = np.zeros((len(rows), 5))
        scalars[:, 4] = np.repeat(rng.normal(0.5, 0.2, 2 * n), 8) + 0.01 * rng.standard_normal(len(rows))
        return clips, KeypointEstimate(scalars, np.ones_like(scalars), looks, np.zeros((len(rows), 1, 1)))

    errors = []
    for seed in range(4):
        head, (clips, said) = teach_progression(*strangers(14, seed)), strangers(40, 100 + seed)
        pairs = visit_pairs(clips)
        told = head.change(said.rows(pairs.first), said.rows(pairs.second))
        errors.append(np.sqrt(np.mean((told - pairs.change) ** 2)))
    assert np.mean(errors) < 0.34, "little worse than saying nothing, 0.30"


def test_too_few_pairs_teach_no_head_and_give_no_rows():
    assert teach_progression(*people(3, 1)) is None
    often = clips_of([("alone", v, 0.01 * v) for v in range(40)])
    said = KeypointEstimate(
        np.zeros((40, 5)), np.ones((40, 5)), np.eye(len(KINDS))[np.zeros(40, int)], np.zeros((40, 1, 1))
    )
    assert teach_progression(often, said) is None, "one person leaves nobody to choose a penalty by"
    once = clips_of([(f"p{i}", 0, 0.1) for i in range(9)])
    said = KeypointEstimate(
        np.zeros((9, 5)), np.ones((9, 5)), np.eye(len(KINDS))[np.zeros(9, int)], np.zeros((9, 1, 1))
    )
    assert progression_results((once, said), people(40, 3), teach_progression(*people(40, 1)), "people", 0) == []


def test_networks_keep_their_head_in_their_file(tmp_path):
    head = teach_progression(*people(40, 1))
    network = KeypointNetwork(36, 93, 26, 4, len(KINDS), 4, 0.0)
    ones = np.ones(1)
    save_keypoint_ensemble(
        tmp_path / "networks.pt", KeypointEnsemble((network,), Scales(*[ones] * 6), (1,), progression=head)
    )
    kept = load_keypoint_ensemble(tmp_path / "networks.pt").progression
    assert np.array_equal(kept.weights, head.weights)
    assert kept.constant == head.constant
