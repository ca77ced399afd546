"""A motion corpus holds moments that `kinesynth motion` solved and forces of the plates, masked where unknown."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap_import.trial import GaitEvent, GroundReaction, TrialRefused
from mocap_import.trial_store import load_trial, write_trial
from opensim_models.exchange.storage import write_generalized_forces
from opensim_models.model.skeleton import load_skeleton
from opensim_models.motion import Kinetics
from synth.corpus import Corpus, ImuErrors, check_corpus
from synth.corpus.build import check_sources
from synth.corpus.recipe import recipe_of
from synth.corpus.recipe_source import archive_sources
from synth.corpus.schema import CorpusMismatch
from synth.measured_kinetics import measured_kinetics, reactions_at_frames
from synth.motion_corpus import build_motion_corpus
from synth.record_settings import RecordSettings
from training.target import available_targets, read_targets
from training.training_set import read_training_set

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import RATE, write_person

PLATE_RATE = 1000.0
N = 150
STRIKE, OFF = 0.2, 0.8
"""s, of the right foot, on the only plate."""


def plate() -> GroundReaction:
    """A plate that the right foot loads: the force of a sine's half, walking forwards over it."""
    time = np.arange(N * 10) / PLATE_RATE
    share = np.clip((time - STRIKE) / (OFF - STRIKE), 0.0, 1.0)
    loaded = (share > 0.0) & (share < 1.0)
    force = np.zeros((len(time), 3))
    force[:, 1] = 800.0 * np.sin(np.pi * share)
    force[:, 0] = -100.0 * np.sin(2 * np.pi * share)
    place = np.where(loaded[:, None], np.stack([0.2 * share, 0 * share, 0.1 + 0 * share], axis=1), np.nan)
    return GroundReaction(force, place, np.where(loaded, 3.0, np.nan), PLATE_RATE, "right", "plate 1")


def moments(skeleton, n_frames: int = N) -> Kinetics:
    """Moments that nobody can mistake: the number of the column, then unknown in the last third."""
    values = np.tile(np.arange(1.0, len(skeleton.coordinates) + 1), (n_frames, 1))
    values[2 * n_frames // 3 :, 6:] = np.nan
    return Kinetics(skeleton.coordinate_names, values, RATE)


@pytest.fixture
def archive(tmp_path) -> Path:
    """Two people; the first has forces and moments, the second only markers."""
    write_person(tmp_path, "S01")
    write_person(tmp_path, "S02")
    file = tmp_path / "trials" / "S01" / "walk_01.trial.h5"
    steps = [GaitEvent(STRIKE, "right", "foot_strike", "file"), GaitEvent(OFF, "right", "foot_off", "file")]
    steps += [GaitEvent(0.0, "left", "foot_off", "file"), GaitEvent(1.4, "right", "foot_strike", "file")]
    events = tuple(sorted(steps, key=lambda event: event.time))
    write_trial(file, replace(load_trial(file), events=events, ground_reactions=(plate(),)))
    skeleton = load_skeleton(tmp_path / "motion" / "S01" / "skeleton.json")
    write_generalized_forces(tmp_path / "motion" / "S01" / "walk_01_forces.sto", moments(skeleton))
    return tmp_path


def built(root: Path, name: str = "c.h5") -> Corpus:
    build_motion_corpus(root / "trials", root / "motion", root / name, RecordSettings(errors=ImuErrors(seed=7)))
    return Corpus(root / name)


def test_moments_of_the_motion_folder_are_in_the_corpus_and_masked_where_unknown(archive):
    corpus = built(archive)
    assert check_corpus(corpus.path) == []
    kinetics = corpus.read("S01", "walk_01").kinetics
    skeleton = load_skeleton(archive / "motion" / "S01" / "skeleton.json")
    assert kinetics.coordinates == skeleton.coordinate_names
    np.testing.assert_allclose(kinetics.generalized_forces, moments(skeleton).generalized_forces)
    assert np.isnan(kinetics.generalized_forces[100:, 6:]).all()
    assert corpus.read("S02", "walk_01").kinetics is None


def test_the_force_of_a_foot_is_that_of_its_plate_at_the_frames(archive):
    trial = load_trial(archive / "trials" / "S01" / "walk_01.trial.h5")
    feet = {reaction.foot: reaction for reaction in reactions_at_frames(trial)}
    right, recorded = feet["right"], plate()
    stance = slice(int(STRIKE * RATE) + 6, int(OFF * RATE) - 6)
    np.testing.assert_allclose(right.force[stance], recorded.force[::10][stance], atol=1e-9)
    np.testing.assert_allclose(right.centre_of_pressure[stance], recorded.centre_of_pressure[::10][stance], atol=1e-9)
    np.testing.assert_allclose(right.free_moment[stance], 3.0, atol=1e-9)
    assert right.rate == RATE
    stored = built(archive).read("S01", "walk_01").kinetics.ground_reactions
    np.testing.assert_array_equal({r.foot: r for r in stored}["right"].force, right.force)
    assert reactions_at_frames(load_trial(archive / "trials" / "S02" / "walk_01.trial.h5")) == ()


def test_forces_of_other_frames_are_refused(archive):
    trial = load_trial(archive / "trials" / "S01" / "walk_01.trial.h5")
    skeleton = load_skeleton(archive / "motion" / "S01" / "skeleton.json")
    write_generalized_forces(archive / "motion" / "S01" / "walk_01_forces.sto", moments(skeleton, N - 1))
    with pytest.raises(TrialRefused, match=r"149 frames.*Solve the motion again"):
        measured_kinetics(trial, archive / "motion" / "S01")


def test_new_moments_make_a_new_corpus_and_are_part_of_its_recipe(archive):
    recipe = recipe_of(built(archive).path)
    assert "S01/walk_01_forces.sto" in archive_sources(archive / "trials", archive / "motion")["motion"]
    places = {"trials": archive / "trials", "motion": archive / "motion"}
    check_sources(recipe, places)
    skeleton = load_skeleton(archive / "motion" / "S02" / "skeleton.json")
    write_generalized_forces(archive / "motion" / "S02" / "walk_01_forces.sto", moments(skeleton))
    with pytest.raises(CorpusMismatch, match=r"S02/walk_01_forces.sto is not in the recipe"):
        check_sources(recipe, places)
    assert built(archive, "again.h5").read("S02", "walk_01").kinetics is not None


def test_a_network_can_learn_the_moments_and_learns_nothing_where_they_are_unknown(archive):
    corpus = built(archive)
    data = read_training_set(corpus, ["S01"], ["moment", "ground_reaction"])
    assert {target.kind for target in data.targets} == {"moment", "ground_reaction"}
    trial = corpus.read("S01", "walk_01", clean=True)
    knee = next(t for t in available_targets([trial], ["moment"]) if t.coordinate == "knee_angle_r")
    column = trial.kinetics.coordinates.index("knee_angle_r") + 1
    expected = column / (trial.subject.body_weight * trial.subject.height)
    labels = read_targets(trial, [knee])[:, 0]
    np.testing.assert_allclose(labels[:100], expected)
    assert np.isnan(labels[100:]).all()
