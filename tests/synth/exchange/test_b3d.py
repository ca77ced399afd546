"""AddBiomechanics files: the numbers of a file made by formula, unknown forces unknown, other files refused."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import kinesynth
from synth.corpus import Corpus, CorpusMismatch, check_corpus
from synth.corpus.schema import NothingAccepted
from synth.exchange.b3d_corpus import subject_of, trial_of, write_b3d_corpus

FIXTURE = Path(__file__).with_name("b3d") / "two_walks.b3d"  # made by make_b3d_fixture.py beside it
COORDINATES = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz", "hip_flexion_r")


def formula(trial):
    """As in make_b3d_fixture.py."""
    i, k = np.meshgrid(np.arange(30), np.arange(7), indexing="ij")
    return np.sin(0.1 * i + k + trial) / (k + 2.0)


@pytest.fixture
def library():
    if importlib.util.find_spec("nimblephysics_libs") is None:
        message = "nimblephysics reads .b3d files: pip install 'kinesynth[b3d]'"
        has_wheel = sys.version_info < (3, 13)
        pytest.fail(message) if os.environ.get("CI") == "true" and has_wheel else pytest.skip(message)


def test_a_file_becomes_a_corpus_with_its_numbers(tmp_path, library):
    rows = write_b3d_corpus([FIXTURE], tmp_path / "c.h5")
    assert rows.status.tolist() == ["written", "written"]
    corpus = Corpus(tmp_path / "c.h5")
    assert corpus.trials() == [("two_walks", "walk_one"), ("two_walks", "walk_two")]
    assert [f for f in check_corpus(corpus.path) if f.level == "error"] == []
    for number, (code, name) in enumerate(corpus.trials()):
        trial = corpus.read(code, name)
        assert (trial.subject.mass, trial.subject.height, trial.subject.sex, trial.subject.age) == (
            70,
            1.75,
            "female",
            30,
        )
        assert (trial.kinematics.coordinates, trial.rate, trial.n_frames) == (COORDINATES, 100.0, 30)
        np.testing.assert_allclose(trial.kinematics.values, formula(number), rtol=0, atol=1e-6)  # float32 in the file
        np.testing.assert_allclose(trial.kinetics.generalized_forces[:27], 10 * formula(number)[:27], rtol=0, atol=1e-5)
        assert np.isnan(trial.kinetics.generalized_forces[27:]).all()  # not over a force plate
        (foot,) = trial.kinetics.ground_reactions
        assert (foot.foot, foot.name) == ("right", "calcn_r")
        np.testing.assert_array_equal(foot.force[:5], 0.0)  # in the air
        np.testing.assert_allclose(foot.force[5:27, 1], 700.0)
        np.testing.assert_allclose(foot.centre_of_pressure[5:27, 0], 0.1 + 0.01 * np.arange(5, 27) + number, atol=1e-6)
        np.testing.assert_allclose(foot.free_moment[5:27], 2.0)
        assert np.isnan(foot.centre_of_pressure[:5]).all()
        assert np.isnan(foot.force[27:]).all()
        (treatment,) = trial.treatments
        assert "0.270-0.300 s: notOverForcePlate" in treatment.detail


def test_what_is_no_b3d_file_is_refused_and_the_rest_is_kept(tmp_path, library):
    broken = tmp_path / "broken.b3d"
    broken.write_bytes(FIXTURE.read_bytes()[:3000])
    text = tmp_path / "text.b3d"
    text.write_text("not a subject")
    rows = write_b3d_corpus([text, FIXTURE, broken], tmp_path / "c.h5")
    assert sorted(set(rows.subject[rows.status == "refused"])) == ["broken", "text"]
    assert Corpus(tmp_path / "c.h5").subjects()[0].code == "two_walks"
    with pytest.raises(NothingAccepted, match=r"text\.b3d"):
        write_b3d_corpus([text], tmp_path / "d.h5")
    assert not (tmp_path / "d.h5").exists()


def test_the_command_imports_files(tmp_path, library):
    done = CliRunner().invoke(kinesynth.app, ["corpus", "import", str(FIXTURE), "--out", str(tmp_path / "c.h5")])
    assert (done.exit_code, "2 written" in done.output) == (0, True), done.output
    again = CliRunner().invoke(kinesynth.app, ["corpus", "import", str(FIXTURE), "--out", str(tmp_path / "c.h5")])
    assert (again.exit_code, "exists" in again.output) == (1, True)


def test_without_the_library_the_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CorpusMismatch, match=r"pip install 'kinesynth\[b3d\]'"):
        write_b3d_corpus([FIXTURE], tmp_path / "c.h5")


FACTS = {
    "mass": 0.0,
    "height": -1.0,
    "age": -1.0,
    "sex": "other",
    "coordinates": ["knee_angle_l"],
    "bodies": ["calcn_l"],
}
TOLD = {"name": "walk", "n_frames": 4, "step": 0.0099999998, "n_passes": 1}


def arrays_of(passes):
    vectors = {key: np.ones((4, 1, 3)) for key in ("pressure", "torque", "force")}
    one = {"positions": np.ones((4, 1)), "efforts": np.ones((4, 1)), "missing": ["", "", "torqueDiscrepancy", ""]}
    return vectors | one | {"passes": passes}


def test_forces_come_from_a_dynamics_pass_only():
    person = subject_of("S1", FACTS)
    assert (np.isnan([person.mass, person.height, person.age]).all(), person.sex) == (True, "unknown")
    assert trial_of(person, FACTS, TOLD, arrays_of(["KINEMATICS"])).kinetics is None
    trial = trial_of(person, FACTS, TOLD, arrays_of(["KINEMATICS", "DYNAMICS"]))
    assert trial.rate == 100.0
    assert trial.kinetics.ground_reactions[0].foot == "left"
    assert np.isnan(trial.kinetics.generalized_forces[:, 0]).tolist() == [False, False, True, False]


def test_what_disagrees_in_a_file_is_named():
    person = subject_of("S1", FACTS)
    with pytest.raises(CorpusMismatch, match="0 frames"):
        trial_of(person, FACTS, TOLD | {"n_frames": 0}, arrays_of(["DYNAMICS"]))
    with pytest.raises(CorpusMismatch, match="expected 5 frames"):
        trial_of(person, FACTS, TOLD | {"n_frames": 5}, arrays_of(["DYNAMICS"]))
