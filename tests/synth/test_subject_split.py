"""A split shares no subject, and each subject is tested once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.corpus.schema import CorpusMismatch
from synth.corpus.subject_split import SubjectSplit, k_fold, leave_one_subject_out

codes = st.lists(st.text(min_size=1, max_size=4), min_size=4, max_size=12, unique=True)


def check(splits, subjects):
    assert sorted(code for split in splits for code in split.test) == sorted(set(subjects))
    for split in splits:
        sides = [set(split.train), set(split.validation), set(split.test)]
        assert set.union(*sides) == set(subjects)
        assert sum(map(len, sides)) == len(set(subjects))
        assert SubjectSplit.from_dict(split.as_dict()) == split


@settings(max_examples=30, deadline=None)
@given(subjects=codes, k=st.integers(3, 4), seed=st.integers(0, 9), has_validation=st.booleans())
def test_folds_share_no_subject(subjects, k, seed, has_validation):
    splits = k_fold(subjects * 2, k, np.random.default_rng(seed), has_validation=has_validation)
    check(splits, subjects)
    assert splits == k_fold(subjects[::-1], k, np.random.default_rng(seed), has_validation=has_validation)


@settings(max_examples=30, deadline=None)
@given(subjects=codes, n_validation=st.integers(0, 2))
def test_leaving_one_subject_out_shares_no_subject(subjects, n_validation):
    splits = leave_one_subject_out(subjects, n_validation=n_validation)
    check(splits, subjects)
    assert all(len(split.test) == 1 and len(split.validation) == n_validation for split in splits)


def test_strata_are_spread_over_the_folds():
    strata = {f"S{i:02d}": "woman" if i < 8 else "man" for i in range(12)}
    for split in k_fold(list(strata), 4, np.random.default_rng(0), strata=strata):
        assert [strata[code] for code in split.test].count("woman") == 2


def test_a_shared_subject_or_too_few_subjects_are_refused():
    with pytest.raises(CorpusMismatch, match="subject 'S1' is in train and in test"):
        SubjectSplit("bad", ("S1", "S2"), (), ("S1",))
    with pytest.raises(CorpusMismatch, match="5 folds do not fit 2 subjects"):
        k_fold(["a", "b"], 5, np.random.default_rng(0))
    with pytest.raises(CorpusMismatch, match="needs 3 subjects or more, found 2"):
        leave_one_subject_out(["a", "b"], n_validation=1)
