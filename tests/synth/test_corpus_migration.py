"""A corpus of schema version 1 is read for ever, and written anew as one of this version without losing anything."""

import gzip
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.motion import Kinematics, Kinetics
from synth.cli import corpus_app
from synth.corpus import (
    Corpus,
    CorpusMismatch,
    CorpusTrial,
    ImuErrors,
    MuscleActivity,
    SolutionFacts,
    check_corpus,
    migrate_corpus,
)
from synth.corpus.measured_time import times_file
from synth.corpus.migration import migrated
from synth.corpus.provenance import file_hash
from synth.corpus.schema import SCHEMA_VERSION
from synth.corpus.subject_split import leave_one_subject_out
from synth.imu.recording import ImuRecording, SensorPlacement

START = Treatment("start_time", "12.345 s on the clock of the source at the first frame")


def ramp(*shape):
    return np.arange(float(np.prod(shape))).reshape(shape) / 8.0


def golden_trials():
    """What the writer of schema version 1 was given when ``golden/corpus_version_1.h5.gz`` was made with it."""
    n, rate = 6, 100.0
    mounting = Rotation.from_euler("z", 90, degrees=True)
    placement = SensorPlacement("shank_r", "tibia_r", np.array([0.0, -0.25, 0.125]), mounting)
    record = ImuRecording(placement, ramp(n, 3) + np.array([0.0, 9.8125, 0.0]), -ramp(n, 3), rate)
    values = ramp(n, 2)
    values[2, 1] = np.nan
    names = ("pelvis_tx", "knee_angle_r")
    reaction = GroundReaction(ramp(n, 3), ramp(n, 3) / 4, ramp(n), rate, "right", "plate 1")
    walk = CorpusTrial(
        name="walk_01",
        subject=Subject("S01", 70.5, 1.75, "female", 31.0),
        rate=rate,
        recordings=(record,),
        errors=ImuErrors(seed=7),
        kinematics=Kinematics(names, values, rate),
        kinetics=Kinetics(names, 10 * values, rate, (reaction,), ("soleus_r",), ramp(n, 1)),
        activity=MuscleActivity(("EMG1",), ("soleus",), ("right",), ramp(n, 1), rate, "peak of trial"),
        events=(GaitEvent(0.02, "right", "foot_strike", "force"),),
        task="walk",
        belt_speed=1.25,
        spatiotemporal={"speed": 1.25},
        status="measured",
        source="lab/walk 01.c3d",
        source_hash="ab" * 32,
        treatments=(START, Treatment("gap_filled", "LKNE: 3 frames")),
        seconds=1.5,
    )
    refused = CorpusTrial("run_01", Subject("S02"), rate, task="run", status="refused", reason="déjà vu")
    return replace(walk, start_time=12.345), refused


def plain(content):
    """Everything of a trial as text, arrays to the last digit."""
    if isinstance(content, np.ndarray):
        return (content.shape, content.tolist())
    if isinstance(content, Rotation):
        return np.round(content.as_matrix(), 15).tolist()
    if isinstance(content, tuple):
        return [plain(part) for part in content]
    if hasattr(content, "__dataclass_fields__"):
        return {name: plain(getattr(content, name)) for name in content.__dataclass_fields__}
    return content


def same(found, given):
    assert repr(plain(found)) == repr(plain(given))


@pytest.fixture
def golden(tmp_path):
    packed = Path(__file__).parent / "golden" / "corpus_version_1.h5.gz"
    path = tmp_path / "old.h5"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


def test_a_version_1_file_is_read_as_it_was_written(golden):
    corpus = Corpus(golden)
    assert (corpus.version, corpus.role, corpus.provenance.seed) == (1, "motion", 7)
    assert corpus.splits == leave_one_subject_out(["S01", "S02"])
    for given in golden_trials():
        same(corpus.read(given.subject.code, given.name, clean=True), given)
    assert not [finding for finding in check_corpus(golden) if finding.level == "error"]


def test_a_migrated_file_says_the_same_in_the_new_version(golden, tmp_path):
    before = file_hash(golden)
    assert migrate_corpus(golden, tmp_path / "new.h5") == 2
    assert file_hash(golden) == before
    old, new = Corpus(golden), Corpus(tmp_path / "new.h5")
    assert (new.version, new.role, new.splits) == (SCHEMA_VERSION, old.role, old.splits)
    assert new.provenance.seed == old.provenance.seed and new.provenance.sources == old.provenance.sources
    made = new.provenance.config.pop("migrated")
    assert made == {"from_version": 1, "versions": old.provenance.versions}
    assert new.provenance.config == old.provenance.config
    for key in old.trials():
        same(new.read(*key, clean=True), old.read(*key, clean=True))
        same(new.read(*key), old.read(*key))  # the noise, too
    assert not [finding for finding in check_corpus(new.path) if finding.level == "error"]
    migrate_corpus(golden, tmp_path / "again.h5")
    assert file_hash(tmp_path / "again.h5") == file_hash(tmp_path / "new.h5")


def test_a_version_2_file_keeps_its_times_which_move_beside_the_new_one(tmp_path):
    """Written by the writer of schema version 2, with two solutions of the walk."""
    packed = Path(__file__).parent / "golden" / "corpus_version_2.h5.gz"
    (tmp_path / "old.h5").write_bytes(gzip.decompress(packed.read_bytes()))
    facts = (
        SolutionFacts(0.0, 0.03, True, 2.5, 40, 1.25, 20, 0.01),
        SolutionFacts(0.03, 0.06, False, 3.5, 99, 2.5, 20),
    )
    walk, refused = golden_trials()
    given = replace(walk, session="visit 2", solutions=facts), refused
    assert migrate_corpus(tmp_path / "old.h5", tmp_path / "new.h5") == 2
    for path, version in ((tmp_path / "old.h5", 2), (tmp_path / "new.h5", SCHEMA_VERSION)):
        assert Corpus(path).version == version
        assert not [finding for finding in check_corpus(path) if finding.level == "error"]
        for trial in given:
            same(Corpus(path).read(trial.subject.code, trial.name, clean=True), trial)
    assert times_file(tmp_path / "new.h5").is_file() and not times_file(tmp_path / "old.h5").exists()
    with h5py.File(tmp_path / "new.h5") as file:
        stored = file["subjects/S01/trials/walk_01"]
        assert "seconds" not in stored.attrs and "cpu_seconds" not in stored["solutions"].attrs["names"]


def test_the_command_migrates_and_says_so(golden, tmp_path):
    done = CliRunner().invoke(corpus_app, ["migrate", str(golden), str(tmp_path / "new.h5")])
    assert done.exit_code == 0 and "2 trials from schema version 1 to 3" in done.stdout
    again = CliRunner().invoke(corpus_app, ["migrate", str(tmp_path / "new.h5"), str(tmp_path / "third.h5")])
    assert again.exit_code == 1 and "is of schema version 3 already" in again.output
    assert not (tmp_path / "third.h5").exists()


@pytest.mark.parametrize("version", [4, 99, 0, -1, "two"])
def test_another_version_is_refused_by_name(golden, tmp_path, version):
    with h5py.File(golden, "r+") as file:
        file.attrs["schema_version"] = version
    with pytest.raises(CorpusMismatch, match=rf"schema version {version}; this kinesynth reads versions 1 and 2 and 3"):
        Corpus(golden)
    with pytest.raises(CorpusMismatch, match="schema version"):
        migrate_corpus(golden, tmp_path / "new.h5")


@pytest.mark.parametrize("detail", ["", "late", "at noon"])
def test_a_sentence_without_a_number_gives_no_start_time(detail):
    trial = CorpusTrial("walk", Subject("S01"), 100.0, treatments=(Treatment("start_time", detail),))
    assert migrated(trial, 1).start_time == 0.0
    assert migrated(replace(trial, treatments=(START,)), 1).start_time == 12.345
