"""A corpus in xarray: the same numbers under their names, units and frames, read from the disk when they are used."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from synth.corpus import Corpus, CorpusMismatch
from synth.exchange.xarray_view import open_corpus, open_trial


def is_view_of(values: np.ndarray, path: Path) -> bool:
    while values is not None:
        if str(getattr(values, "filename", "")) == str(path.resolve()):
            return True
        values = getattr(values, "base", None)
    return False


def test_a_trial_has_the_numbers_of_the_corpus_under_their_names(corpus_file):
    trial = Corpus(corpus_file).read("S01", "walk_01", clean=True)
    found = open_trial(corpus_file, "S01", "walk_01", clean=True)
    for recording in trial.recordings:
        one = found.sel(sensor=recording.placement.sensor)
        np.testing.assert_array_equal(one.specific_force, recording.specific_force)
        np.testing.assert_array_equal(one.angular_velocity, recording.angular_velocity)
        np.testing.assert_array_equal(one.offset, recording.placement.offset)
        assert one.segment.item() == recording.placement.segment
    for k, name in enumerate(trial.kinematics.coordinates):
        one = found.sel(coordinate=name)
        np.testing.assert_array_equal(one.kinematics, trial.kinematics.values[:, k])
        np.testing.assert_array_equal(one.generalized_force, trial.kinetics.generalized_forces[:, k])
    assert found.coordinate_units.values.tolist() == ["rad", "m", "rad"]
    assert found.force_units.values.tolist() == ["N.m", "N", "N.m"]
    for reaction in trial.kinetics.ground_reactions:
        np.testing.assert_array_equal(found[f"ground_force_{reaction.foot}"], reaction.force)
        pressure = found[f"ground_centre_of_pressure_{reaction.foot}"]
        np.testing.assert_array_equal(pressure, reaction.centre_of_pressure)
        np.testing.assert_array_equal(found[f"ground_free_moment_{reaction.foot}"], reaction.free_moment)
    np.testing.assert_array_equal(found.activation, trial.kinetics.activations)
    np.testing.assert_array_equal(found.emg, trial.activity.envelopes)
    np.testing.assert_array_equal(found.time, np.arange(40) / 100.0)
    assert found.event_time.values.tolist() == [0.1, 0.3]
    assert found.event_kind.values.tolist() == ["foot_strike", "foot_off"]
    assert found.spatiotemporal.sel(parameter="step_length_r").item() == 0.7
    assert found.parameter_units.sel(parameter="speed").item() == "m/s"
    assert (found.attrs["status"], found.attrs["belt_speed"]) == ("converged", 1.25)


def test_every_variable_says_its_unit_and_every_vector_its_frame(corpus_file):
    found = open_trial(corpus_file, "S01", "walk_01", clean=True)
    for name, variable in found.data_vars.items():
        unit = variable.attrs["units"]
        assert unit in {"m/s^2", "rad/s", "rad", "m", "s", "1", "N", "N.m"} or unit in found.coords, name
        if "axis" in variable.dims:
            assert variable.attrs["frame"], name
    assert found.specific_force.dims == ("time", "sensor", "axis")


def test_arrays_are_views_of_one_read_only_map_of_the_file(corpus_file):
    tree = open_corpus(corpus_file)
    values = [
        tree[f"S01/{name}"].ds[key].values for name in ("walk_01", "walk:02") for key in ("specific_force", "emg")
    ]
    assert all(is_view_of(array, corpus_file) for array in values)
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert sum(str(corpus_file) in line for line in maps.read_text().splitlines()) == 1
    with pytest.raises(ValueError, match="read-only"):
        values[0][0] = 1.0


def test_errors_are_those_of_the_corpus_unless_clean(corpus_file):
    corpus = Corpus(corpus_file)
    worn = open_trial(corpus_file, "S01", "walk_01")
    clean = open_trial(corpus_file, "S01", "walk_01", clean=True)
    assert (worn.attrs["errors_included"], clean.attrs["errors_included"]) == (1, 0)
    expected = corpus.read("S01", "walk_01").recordings[1].angular_velocity
    np.testing.assert_allclose(worn.angular_velocity.sel(sensor="shank_r"), expected, rtol=1e-6)
    assert not np.allclose(worn.specific_force, clean.specific_force)


def test_a_corpus_is_a_tree_of_subjects_and_trials(corpus_file):
    tree = open_corpus(corpus_file)
    assert {f"{code}/{name}" for code in tree.children for name in tree[code].children} == {
        f"{code}/{name}" for code, name in Corpus(corpus_file).trials()
    }
    assert tree["S01"].attrs["mass"] == 70.5
    assert tree["Ä-2_b/turn"].attrs["reason"] == "déjà vu"  # a refused trial has no arrays
    assert tree["Ä-2_b/turn"].sizes["time"] == 0
    assert set(open_corpus(corpus_file, subjects=["S01"]).children) == {"S01"}


def test_what_is_not_there_or_not_as_promised_is_named(corpus_file, monkeypatch):
    with pytest.raises(CorpusMismatch, match="walk_01"):
        open_trial(corpus_file, "S01", "walk_09")
    with h5py.File(corpus_file, "r+") as file:
        file["subjects/S01/trials/walk_01"].attrs["n_frames"] = 4000
    with pytest.raises(CorpusMismatch, match=r"expected numbers of shape \(4000, 2, 6\)"):
        open_trial(corpus_file, "S01", "walk_01")
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(CorpusMismatch, match=r"pip install 'kinesynth\[exchange\]'"):
        open_trial(corpus_file, "S01", "walk:02")
