"""A population is made in chunks: what was made stays, what was cut is made again, and it is the same people."""

from __future__ import annotations

import numpy as np
import pytest

from synth.corpus.schema import CorpusMismatch
from synth.thumb import pinch_population
from synth.thumb.pinch_population import PopulationWish, chunk_files, read_population, simulate_population

WISH = PopulationWish("some", "adult", "first", 50, "X", (0.5, 0.25, 0.25), is_paired=True)


def test_a_cut_run_goes_on_with_the_same_people(tmp_path, monkeypatch):
    monkeypatch.setattr(pinch_population, "CHUNK", 25)
    simulate_population(tmp_path, [WISH], seed=3)
    before = read_population(tmp_path, WISH)
    (first, _), (second, _) = chunk_files(tmp_path, WISH)
    untouched = first.stat().st_mtime_ns
    second.write_bytes(second.read_bytes()[:1000])  # what a kill may leave
    simulate_population(tmp_path, [WISH], seed=3)
    assert first.stat().st_mtime_ns == untouched
    after = read_population(tmp_path, WISH)
    np.testing.assert_array_equal(before.own, after.own)
    np.testing.assert_array_equal(before.code, after.code)
    assert len(set(after.code)) == 50


def test_another_simulator_makes_its_people_anew(tmp_path, monkeypatch):
    simulate_population(tmp_path, [WISH], seed=3)
    ((file, _),) = chunk_files(tmp_path, WISH)
    before = file.stat().st_mtime_ns
    simulate_population(tmp_path, [WISH], seed=3)
    assert file.stat().st_mtime_ns == before
    monkeypatch.setattr(pinch_population, "simulator_hash", lambda: "sources of a later version")
    simulate_population(tmp_path, [WISH], seed=3)
    assert file.stat().st_mtime_ns != before


def test_a_healthy_person_is_measured_once_and_an_altered_one_in_each_condition(tmp_path):
    simulate_population(tmp_path, [WISH], seed=4)
    people = read_population(tmp_path, WISH)
    well = people.condition == 0
    np.testing.assert_array_equal(people.own[well], people.healthy[well])
    assert not np.allclose(people.own[~well], people.healthy[~well])
    rows = np.flatnonzero(~well)
    true = people.paired[rows, people.condition[rows]]
    assert np.abs(people.own[rows] - true).max() < 0.15 * np.abs(true).max()


def test_a_missing_chunk_is_named(tmp_path):
    with pytest.raises(CorpusMismatch, match=r"some_0000\.npz"):
        read_population(tmp_path, WISH)
