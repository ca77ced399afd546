"""Laws of a solution as a corpus: the same movement at an even rate, forces where a foot is loaded, its own verdict."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import SPEED, smooth_solution

from opensim_models.exchange.storage import write_motion
from opensim_models.model.skeleton import load_skeleton
from opensim_models.motion import Kinematics
from synth.corpus import Corpus
from synth.corpus.check import check_corpus
from synth.corpus.provenance import Provenance
from synth.optimal_control.result.solution_corpus import SUBJECT, TRIAL, solution_trial, write_solution_corpus
from synth.optimal_control.result.solution_file import save_solution


def test_the_corpus_holds_the_movement_that_was_solved(tmp_path):
    solution = smooth_solution()
    save_solution(tmp_path / "solution.npz", solution, Provenance(config={"mesh": 8}))
    out = write_solution_corpus(tmp_path / "solution.npz", tmp_path / "solution.h5")
    trial = Corpus(out).read(SUBJECT, TRIAL)
    assert trial.status == "converged"
    assert trial.n_frames == round(100 * solution.duration) + 1
    for name in ("pelvis_ty", "knee_angle_r"):
        values = np.interp(np.arange(trial.n_frames) / trial.rate, solution.time, solution.of(name), period=None)
        inside = slice(0, trial.n_frames - 3)
        assert trial.kinematics.of(name)[inside] == pytest.approx(values[inside], abs=1e-3)
    travelled = trial.kinematics.of("pelvis_tx")
    assert travelled[-1] - travelled[0] == pytest.approx(SPEED * solution.duration, rel=1e-6)
    assert load_skeleton(tmp_path / "skeleton.json") == solution.skeleton
    assert [finding for finding in check_corpus(out) if "error" in str(finding).lower()] == []


def test_the_corpus_begins_when_the_recording_of_its_coordinates_did(tmp_path):
    solution = smooth_solution()
    save_solution(tmp_path / "solution.npz", solution, Provenance())
    motion = Kinematics(solution.skeleton.coordinate_names, solution.coordinates, 100.0)
    write_motion(tmp_path / "movement_coordinates.mot", motion, start_time=1.25)
    trial = Corpus(write_solution_corpus(tmp_path / "solution.npz", tmp_path / "solution.h5")).read(SUBJECT, TRIAL)
    assert trial.start_time == pytest.approx(1.25)
    assert trial.skeleton == solution.skeleton


def test_forces_act_at_the_centre_of_pressure_of_loaded_feet():
    solution = smooth_solution()
    trial = solution_trial(solution)
    for i, reaction in enumerate(trial.kinetics.ground_reactions):
        loaded = np.isfinite(reaction.centre_of_pressure[:, 0])
        assert 0.3 < loaded.mean() < 0.9
        assert (reaction.force[loaded, 1] > 0).all()
        assert np.array_equal(reaction.centre_of_pressure[loaded, 1], np.zeros(loaded.sum()))
        expected = SPEED * np.arange(trial.n_frames) / trial.rate + (0.05, -0.05)[i]
        assert reaction.centre_of_pressure[loaded, 0] == pytest.approx(expected[loaded], abs=0.02)


def test_a_movement_that_was_not_solved_stays_refused():
    trial = solution_trial(replace(smooth_solution(), converged=False, reason="limit"))
    assert (trial.status, trial.reason) == ("refused", "limit")
