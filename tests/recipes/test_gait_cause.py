"""Gait causes: folds score everybody once, twins must be the same people, every way of explaining has its rows."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from recipes.catalogue import find_recipe
from recipes.gait_cause.explained_walks import Explained, joined
from recipes.gait_cause.explanation_row import by_person, explanation_rows
from recipes.gait_cause.impairment_stage import solved_roles
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walk_stage import check_twins, read_solved
from recipes.gait_cause.walks import Walks, read_walks, write_walks
from recipes.recipe import resolve_settings, run_recipe
from synth.corpus import CorpusMismatch
from training.config import ConfigRefused
from training.explanation.explanation_set import BY_NETWORK, GROUPS, WITHOUT

N_PHASES = 4


def walks(n_people=20, n_twins=12, n_walks=2) -> Walks:
    code = np.repeat([f"P{k:02d}" for k in range(n_people)], n_walks)
    change = np.zeros((len(code), 5, 6), dtype=np.float32)
    change[n_twins * n_walks :] = np.nan
    group, none = np.arange(len(code)) % 3, np.zeros((len(code), 0, 0))
    return Walks(
        code, np.zeros_like(change), group, change, none, np.ones((len(code), 5)), np.array(["none", "a", "b"])
    )


def test_who_has_a_twin_is_scored_once_and_who_has_none_teaches():
    settings = GaitCauseSettings(n_folds=3)
    folds = solved_roles(walks(), settings)
    scored = [p for roles in folds.values() for p in roles["score"]]
    assert sorted(scored) == [f"P{k:02d}" for k in range(12)]
    for roles in folds.values():
        everybody = [p for people in roles.values() for p in people]
        assert len(everybody) == len(set(everybody)) == 20
        assert {f"P{k:02d}" for k in range(12, 20)} <= set(roles["teach"])
        assert roles["validate"]
        assert roles["calibrate"]
    assert solved_roles(walks(0, 0), settings) == {}


def test_walks_come_back_as_they_were_written(tmp_path):
    own = walks(3, 2)
    write_walks(tmp_path / "walks.npz", own)
    again = read_walks(tmp_path / "walks.npz")
    for f in fields(Walks):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(own, f.name))
    assert set(again.of(["P01"]).code) == {"P01"}


def test_twins_are_the_same_people_with_nothing_wrong():
    config = {
        "task": "impaired",
        "seed": 7,
        "laws": "standard",
        "spread": 1.0,
        "rate": 100.0,
        "impairments": ["crouch"],
    }

    def corpus(**changed):
        return SimpleNamespace(provenance=SimpleNamespace(config=config | changed))

    check_twins(corpus(healthy=0.3), corpus(healthy=1.0))
    for said, changed in (("--healthy 1, found 0.3", {"healthy": 0.3}), ("seed 7", {"healthy": 1.0, "seed": 8})):
        with pytest.raises(CorpusMismatch, match=said):
            check_twins(corpus(healthy=0.3), corpus(**changed))


def test_a_missing_corpus_is_refused_before_anything_is_drawn(tmp_path):
    recipe = find_recipe("gait-cause")
    for chosen in ({"people": str(tmp_path / "none.h5")}, {"twins": str(tmp_path / "none.h5")}):
        with pytest.raises(ConfigRefused, match="must both be corpora"):
            run_recipe(recipe, tmp_path / "out", resolve_settings(recipe, small=True, **chosen), shown=False)
    assert not (tmp_path / "out" / "drawn.npz").exists()


def test_without_solved_people_there_are_no_rows_of_them(tmp_path):
    run = SimpleNamespace(settings=GaitCauseSettings(), folder=tmp_path)
    read_solved(run)
    assert len(read_walks(tmp_path / "solved.npz")) == 0


def test_rows_are_means_over_persons_and_the_explanation_that_is_the_truth_is_chosen():
    rng = np.random.default_rng(0)
    truth = rng.random((10, 3 * N_PHASES)) ** 4
    code, group = np.repeat([f"P{k}" for k in range(5)], 2), np.ones(10, dtype=int)
    found = {name: rng.random(truth.shape) for name in BY_NETWORK}
    found[BY_NETWORK[2]] = truth
    found |= {name: rng.random(truth.shape) for name in WITHOUT}
    one = Explained(code, group, truth, found, rng.random((2, *truth.shape)))
    assert all(len(values) == 5 for values in by_person(truth, one, N_PHASES).values())
    settings = GaitCauseSettings(n_phases=N_PHASES)
    rows, table = explanation_rows("t", one, joined([one]), ("x", "y", "z"), settings, np.array(["none", "a"]))
    assert {row.method for row in rows if row.note.startswith("chosen")} == {BY_NETWORK[2]}
    best = [row.value for row in rows if row.method == BY_NETWORK[2]]
    assert best == pytest.approx([1.0] * 4)
    others = {row.measure: row.value for row in rows if row.method == GROUPS}
    gained = {row.measure: row.value for row in rows if row.method == f"the chosen way less {GROUPS}"}
    assert gained == pytest.approx({measure: 1.0 - value for measure, value in others.items()})
    assert {"random", "integrated gradients, untaught networks"} < {row.method for row in rows}
    shares = table.groupby("explanation").share.sum()
    np.testing.assert_allclose(shares, 1.0)
    assert set(table.sensor) == {"x", "y", "z"}
