"""Nested training sets hold each other, keep the test set and the shares of every group; splits live in the file."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mocap_import.subject import Subject
from synth.cli import corpus_app
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, check_corpus
from synth.corpus.provenance import file_hash
from synth.corpus.stored_split import make_splits, store_splits
from synth.corpus.subject_split import k_fold, leave_one_subject_out, nested_subsets, subject_strata

CODES = st.lists(st.text(min_size=1, max_size=4), min_size=6, max_size=20, unique=True)


@settings(max_examples=40, deadline=None)
@given(codes=CODES, seed=st.integers(0, 5), n_test=st.integers(0, 3), data=st.data())
def test_each_training_set_is_inside_the_next_and_the_test_set_stays(codes, seed, n_test, data):
    test = sorted(codes)[:n_test]
    rest = len(codes) - n_test
    sizes = data.draw(st.lists(st.integers(1, rest), min_size=1, max_size=4))
    splits = nested_subsets(codes * 2, sizes, np.random.default_rng(seed), test=test)
    assert [len(split.train) for split in splits] == sorted(set(sizes))
    for small, large in pairwise(splits):
        assert set(small.train) < set(large.train)
    for split in splits:
        assert split.test == tuple(test) and set(split.train) | set(split.test) <= set(codes)
    assert splits == nested_subsets(codes[::-1], sizes, np.random.default_rng(seed), test=test)


def test_every_training_set_has_each_group_in_its_share():
    strata = {f"S{i:02d}": ("female" if i % 3 else "male", "old" if i % 2 else "young") for i in range(36)}
    for split in nested_subsets(list(strata), [6, 12, 18, 36], np.random.default_rng(0), strata=strata):
        share = len(split.train) / len(strata)
        count, whole = Counter(strata[code] for code in split.train), Counter(strata.values())
        assert all(abs(count[group] - share * whole[group]) <= 1 for group in whole)


def test_people_are_grouped_by_several_facts():
    people = [Subject(f"S{i}", 50.0 + i, 1.5 + 0.02 * i, "female" if i < 6 else "male", 30.0) for i in range(9)]
    people.append(Subject("none"))
    strata = subject_strata(people, ["sex", "height"])
    assert strata["S0"] == ("female", "height 1 of 3") and strata["S8"] == ("male", "height 3 of 3")
    assert strata["none"] == ("unknown", "height unknown")
    assert Counter(level for _, level in strata.values())["height 2 of 3"] == 3
    with pytest.raises(CorpusMismatch, match="cannot be grouped by 'shoe'; expected sex, mass, height, age"):
        subject_strata(people, ["shoe"])
    folds = k_fold([p.code for p in people], 3, np.random.default_rng(1), strata=strata)
    women = [sum(strata[code][0] == "female" for code in fold.test) for fold in folds]
    assert women == [2, 2, 2]


@pytest.mark.parametrize(
    ("sizes", "test", "sentence"),
    [
        ([], (), "training sets of no subjects do not fit"),
        ([0], (), "expected sizes of 1 to 4"),
        ([4], ("a",), "expected sizes of 1 to 3"),
        ([1], ("z",), "test subject 'z' is not among the 4"),
    ],
)
def test_sets_that_do_not_fit_are_refused(sizes, test, sentence):
    with pytest.raises(CorpusMismatch, match=sentence):
        nested_subsets("abcd", sizes, np.random.default_rng(0), test=test)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "c.h5"
    with CorpusWriter(path, seed=4, config={"a": 1}, sources={"x": "ff"}) as writer:
        for i in range(12):
            person = Subject(f"S{i:02d}", 50.0 + i, 1.6, "female" if i % 2 else "male", 20.0)
            writer.append(CorpusTrial("walk", person, 100.0, status="refused", reason="no data"))
    return path


def run(*words, code=0):
    done = CliRunner().invoke(corpus_app, ["split", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def test_the_command_stores_splits_and_changes_nothing_else(corpus, tmp_path):
    before = Corpus(corpus)
    said = run(corpus, "--by", "nested", "--sizes", "2,4,8", "--test-subjects", "4", "--stratify", "sex,mass")
    assert "nested_2_of_8: train 2, validation 0, test 4" in said and "3 splits stored" in said
    after = Corpus(corpus)
    assert (after.provenance, after.role, after.trials()) == (before.provenance, before.role, before.trials())
    assert len(after.splits) == 3 and {split.test for split in after.splits} == {after.splits[0].test}
    assert sum(int(code[1:]) % 2 for code in after.splits[0].test) == 2
    run(corpus, "--by", "k-fold", "--k", "3", "--validation", "1", "--add")
    assert [split.name for split in Corpus(corpus).splits][-1] == "fold_3_of_3" and len(Corpus(corpus).splits) == 6
    run(corpus, "--out", tmp_path / "other.h5")
    assert Corpus(tmp_path / "other.h5").splits == leave_one_subject_out([code for code, _ in before.trials()])
    assert len(Corpus(corpus).splits) == 6 and check_corpus(corpus) == []
    store_splits(tmp_path / "other.h5", tmp_path / "none.h5", ())
    with CorpusWriter(tmp_path / "again.h5", seed=4, config={"a": 1}, sources={"x": "ff"}) as writer:
        writer.copy_trials(before)
    assert file_hash(tmp_path / "again.h5") == file_hash(tmp_path / "none.h5")


def test_the_command_says_what_is_wrong(corpus):
    before = file_hash(corpus)
    assert "expected whole numbers with commas" in run(corpus, "--by", "nested", "--sizes", "2;3", code=2)
    assert "share one test set" in run(corpus, "--by", "nested", "--sizes", "2", code=1)
    assert "'S99' is not among" in run(corpus, "--by", "nested", "--sizes", "2", "--test", "S99", code=1)
    assert "expected leave-one-out, k-fold, nested" in run(corpus, "--by", "luck", code=1)
    assert "leave none of 12" in run(corpus, "--by", "nested", "--sizes", "2", "--test-subjects", "12", code=1)
    assert "50 folds do not fit 12" in run(corpus, "--by", "k-fold", "--k", "50", code=1)
    with pytest.raises(CorpusMismatch, match="names 'X', who has no trial in it"):
        store_splits(corpus, corpus, leave_one_subject_out(["S01", "X"]))
    assert file_hash(corpus) == before
    assert make_splits(Corpus(corpus), "nested", sizes=[3], n_test=2, seed=5) == make_splits(
        Corpus(corpus), "nested", sizes=[3], n_test=2, seed=5
    )
