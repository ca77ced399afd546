"""Samples come back from their file; nobody is in two parts of a fold; wrong tables are refused in a sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.corpus.schema import CorpusMismatch
from training.generative.condition import condition_code
from training.generative.person_fold import ordinary_rows, person_folds, standard_of
from training.generative.sample_table import SampleTable, one_a_person, read_sample_table, write_sample_table


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    people = np.repeat([f"P{k}" for k in range(20)], 3)
    facts = pd.DataFrame({"sex": np.where(np.arange(60) % 2, "f", "m"), "age": rng.uniform(20, 70, 60), "same": "x"})
    return SampleTable(rng.normal(size=(60, 4, 2)), people, facts, ("a", "b", "c", "d"), ("flex", "turn"))


def test_a_table_comes_back_from_its_file(table, tmp_path):
    write_sample_table(tmp_path / "t.csv", table)
    back = read_sample_table(tmp_path / "t.csv")
    assert np.allclose(back.values, table.values)
    assert (back.points, back.channels) == (table.points, table.channels)
    assert back.people.tolist() == table.people.tolist()
    assert back.conditions.sex.tolist() == table.conditions.sex.tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("person,age\nA,3\n", "there is none"),
        ("person,x.a,x.b,y.a\nA,1,2,3\n", "y.b is missing"),
        ("person,x.a\nA,one\n", "line 2"),
        ("person,x.a\n,1\n", "line 2"),
        ("name,x.a\nA,1\n", "person"),
    ],
)
def test_a_wrong_table_is_refused_in_a_sentence(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CorpusMismatch, match=said):
        read_sample_table(tmp_path / "t.csv")


def test_folds_part_people_and_score_everybody_once(table):
    folds = person_folds(list(table.people), 7)
    for fold in folds:
        parts = [set(part) for part in fold.roles().values()]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 20
        assert [len(p) for p in parts] == [14, 2, 4]
    assert sorted(code for fold in folds for code in fold.score) == sorted(set(table.people))


def test_one_a_person_is_one_of_each_and_drawn_by_the_seed(table):
    one = one_a_person(table, 1)
    assert sorted(one.people) == sorted(set(table.people))
    assert not np.array_equal(one.values, one_a_person(table, 2).values)


def test_a_standard_is_undone_and_a_constant_stays(table):
    values = table.values.copy()
    values[:, 0, 0] = 5.0
    standard = standard_of(values)
    scaled = standard.apply(values)
    assert np.allclose(scaled.mean(axis=0), 0.0)
    assert np.allclose(np.delete(scaled.std(axis=0).ravel(), 0), 1.0)
    assert np.allclose(standard.undo(scaled), values)


def test_the_forest_finds_what_is_unlike_all_else(table):
    values = table.values.copy()
    values[5] += 12.0
    assert not ordinary_rows(values, 100, 3)[5]
    assert ordinary_rows(values, 100, 3).mean() > 0.7


def test_conditions_are_those_that_vary_and_strangers_are_no_number(table):
    code = condition_code(table.conditions)
    assert code.width == 3
    coded = code.encode(pd.DataFrame({"sex": ["f", "?"], "age": [table.conditions.age.mean(), np.nan], "same": "x"}))
    assert np.allclose(coded, [[1, 0, 0], [0, 0, 0]])
