"""One table is the schema: page, JSON and check come from it, and the check sees every word that is not in it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics, Kinetics, SegmentMotion
from synth.cli import corpus_app
from synth.corpus import CorpusTrial, CorpusWriter, ImuErrors, MuscleActivity, SolutionFacts, check_corpus
from synth.corpus.layout import LAYOUT
from synth.corpus.layout_text import schema_json, tree_text
from synth.imu.recording import ImuRecording, SensorPlacement

PAGE = Path(__file__).parents[2] / "docs" / "corpus.md"
N, RATE, WHERE = 30, 100.0, "S01/walk_01"
TRIAL = "subjects/S01/trials/walk_01"
ANY = {"<subject>": "S01", "<trial>": "walk_01", "<number>": "00"}
ARRAYS = [e for e in LAYOUT if e.dtype != "group" and not e.is_attribute and e.path.startswith("subjects/<subject>/t")]


def full_trial():
    """A trial with everything that the schema knows."""
    rng = np.random.default_rng(1)
    subject = Subject("S01", 70.0, 1.75, "female", 30.0)
    skeleton = planar_skeleton(subject, "de_leva")
    names = skeleton.coordinate_names
    record = ImuRecording(
        SensorPlacement("shank_r", "tibia_r"), rng.standard_normal((N, 3)) + 9.8, rng.standard_normal((N, 3)), RATE
    )
    values = rng.standard_normal((N, len(names)))
    values[3:6] = np.nan
    reaction = GroundReaction(
        rng.standard_normal((N, 3)), rng.standard_normal((N, 3)), rng.standard_normal(N), RATE, "right", "plate 1"
    )
    return CorpusTrial(
        name="walk_01",
        subject=subject,
        rate=RATE,
        recordings=(record, replace(record, placement=SensorPlacement("pelvis", "pelvis"))),
        errors=ImuErrors(seed=7),
        kinematics=Kinematics(names, values, RATE),
        kinetics=Kinetics(names, values, RATE, (reaction,), ("soleus_r",), rng.uniform(size=(N, 1))),
        activity=MuscleActivity(("EMG1",), ("soleus",), ("right",), rng.uniform(size=(N, 1)), RATE, "peak of trial"),
        events=(GaitEvent(0.02, "right", "foot_strike", "force"),),
        spatiotemporal={"speed": 1.25, "cadence": 1.8},
        status="converged",
        treatments=(Treatment("gap_filled", "LKNE: 3 frames"),),
        skeleton=skeleton,
        solutions=(SolutionFacts(0.0, 0.3, True, 2.5, 40, 1.5, 20, 0.01),),
        segments=(SegmentMotion("pelvis", rng.standard_normal((N, 3)), Rotation.random(N, rng=rng), RATE),),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("layout") / "whole.h5"
    with CorpusWriter(path) as corpus:
        corpus.append(full_trial())
    return path


@pytest.fixture
def copy(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "c.h5"))


def place(entry):
    path = entry.path
    for pattern, name in ANY.items():
        path = path.replace(pattern, name)
    return path


def faults(path):
    return [(finding.where, finding.what) for finding in check_corpus(path) if finding.level == "error"]


def test_the_page_and_the_machine_readable_schema_are_the_table():
    assert f"```\n{tree_text()}```" in PAGE.read_text(encoding="utf-8")
    assert PAGE.with_name("corpus_schema.json").read_text(encoding="utf-8") == schema_json()
    told = json.loads(CliRunner().invoke(corpus_app, ["schema"]).stdout)
    assert told == json.loads(schema_json())
    records = next(entry for entry in told["layout"] if entry["path"].endswith("/imu/records"))
    assert records["units"][:3] == ["m/s^2"] * 3 and records["mask_shape"] == ["n_frames", "n_sensors", "2"]


def test_the_writer_makes_everything_in_the_table_and_nothing_else(whole):
    assert check_corpus(whole) == []  # nothing else
    with h5py.File(whole) as file:
        for entry in LAYOUT:
            if "<SHA-256>" in entry.path:
                assert len(file["skeletons"]) == 1
            elif entry.is_attribute:
                group, name = place(entry).split("@")
                assert name in file[group or "/"].attrs, entry
                assert not entry.units or file[group or "/"].attrs[f"{name}_unit"] == entry.units
            else:
                assert place(entry) in file, entry


@pytest.mark.parametrize("entry", [e for e in ARRAYS if e.units], ids=lambda e: e.path.rpartition("/")[2])
def test_a_wrong_unit_is_found(copy, entry):
    with h5py.File(copy, "r+") as file:
        units = file[place(entry)].attrs["units"]
        file[place(entry)].attrs["units"] = "deg" if isinstance(units, str) else ["deg", *units[1:]]
    ((where, what),) = faults(copy)
    assert where == WHERE and entry.name in what and "units says 'deg" in what


@pytest.mark.parametrize("entry", [e for e in ARRAYS if e.frame], ids=lambda e: e.path.rpartition("/")[2])
def test_a_wrong_frame_is_found(copy, entry):
    with h5py.File(copy, "r+") as file:
        file[place(entry)].attrs["frame"] = "ground: X right, Y forward, Z up"
    ((where, what),) = faults(copy)
    assert where == WHERE and f"{entry.name}: frame says 'ground: X right" in what


def test_a_wrong_unit_or_frame_of_an_attribute_is_found(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["ground_frame"] = "Z up"
        file["subjects/S01"].attrs["height_unit"] = "cm"
        file[TRIAL].attrs["belt_speed_unit"] = "km/h"
    assert [where for where, _ in faults(copy)] == ["", "S01", WHERE]
    told = " ".join(what for _, what in faults(copy))
    assert "ground_frame says 'Z up'" in told and "height is in 'cm', expected m" in told and "'km/h'" in told


@pytest.mark.parametrize("entry", ARRAYS, ids=lambda e: e.path.rpartition("trials/<trial>/")[2])
def test_a_missing_or_another_array_is_found(copy, entry):
    with h5py.File(copy, "r+") as file:
        stored, attributes = file[place(entry)][()], dict(file[place(entry)].attrs)
        del file[place(entry)]
    found = faults(copy)
    assert entry.required == any(f"{entry.name} is missing" in what for _, what in found)
    if entry.dtype == "text" or not stored.ndim:
        return
    with h5py.File(copy, "r+") as file:
        file[place(entry)] = stored.astype("f4" if entry.dtype == "f8" else "f8")
        file[place(entry)].attrs.update(attributes)
    assert any(f"{entry.name} holds float" in what for _, what in faults(copy))
    with h5py.File(copy, "r+") as file:
        del file[place(entry)]
        file[place(entry)] = np.concatenate([stored, stored])
        file[place(entry)].attrs.update(attributes)
    if entry.shape[0] != "n_solutions":
        assert any("shape" in what or "disagree" in what or "lacks" in what for _, what in faults(copy)) or (
            entry.shape[0] == "n_parameters"
        )


def test_what_the_schema_does_not_know_is_found_and_not_followed(copy):
    with h5py.File(copy, "r+") as file:
        file["notes"] = 1.0
        file["subjects/S01/phone"] = "555"
        file[f"{TRIAL}/imu/temperature"] = np.zeros(N)
        file[f"{TRIAL}/kinematics/elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")
        file[f"{TRIAL}/kinematics/loop"] = file[TRIAL]
        file[TRIAL].attrs["mood"] = "good"
        file[f"{TRIAL}/events/time"].attrs["clock"] = "local"
    told = dict.fromkeys(what for _, what in faults(copy))
    names = ("notes", "phone", "imu/temperature", "kinematics/elsewhere", "kinematics/loop", "mood", "clock")
    assert len(told) == len(names)
    for name in names:
        assert any(name in what and "unknown to the schema" in what for what in told), name


def test_a_mask_that_is_absent_or_wrong_is_found(copy):
    with h5py.File(copy, "r+") as file:
        del file[f"{TRIAL}/emg/envelopes_mask"]
        file[f"{TRIAL}/imu/records_mask"][3, 0, 1] = False
    told = [what for _, what in faults(copy)]
    assert any("emg/envelopes lacks its mask" in what for what in told)
    assert any("imu/records_mask disagrees" in what for what in told) and len(told) == 2
