"""An exported corpus says the same numbers in OpenSim's files, CSV and Parquet; each file is whole or absent."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import kinesynth
from mocap_import.export.trc import read_trc
from mocap_import.subject import Subject
from opensim_models.exchange.storage import read_generalized_forces, read_motion
from opensim_models.exchange.storage_table import read_table
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton, SkeletonMarker
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter
from synth.exchange.corpus_files import export_corpus
from synth.exchange.safe_label import bids_labels, file_labels
from synth.exchange.table_file import CsvFile


def same(found, expected, atol=0.0):
    np.testing.assert_allclose(np.asarray(found, dtype=float), np.asarray(expected), rtol=0, atol=atol)


def statuses(rows, form):
    return [row.status for row in rows.itertuples() if row.format == form and row.trial]


def test_opensim_files_hold_the_coordinates_moments_and_forces_of_the_corpus(tmp_path, corpus_file):
    rows = export_corpus(corpus_file, tmp_path / "out", ["mot", "sto"])
    assert statuses(rows, "mot") == ["written", "written", "written", "not applicable"]
    assert statuses(rows, "sto") == ["written", "written", "written", "not applicable"]
    assert all(rows.reason[rows.status == "not applicable"] != "")
    corpus = Corpus(corpus_file)
    trial = corpus.read("S01", "walk_01")
    stem = tmp_path / "out" / "S01" / "walk_01"
    motion = read_motion(stem.with_suffix(".mot"))
    assert (motion.coordinates, motion.rate) == (trial.kinematics.coordinates, 100.0)
    same(motion.values, trial.kinematics.values, 1e-10)
    forces = read_generalized_forces(stem.with_name("walk_01_moments.sto"))
    assert forces.coordinates == trial.kinetics.coordinates
    same(forces.generalized_forces, trial.kinetics.generalized_forces, 1e-9)
    same(read_table(stem.with_name("walk_01_activations.sto")).values, trial.kinetics.activations, 1e-10)
    loads = read_table(stem.with_name("walk_01_ground_reaction.sto"))
    column = {label: loads.values[:, k] for k, label in enumerate(loads.labels)}
    for side, reaction in zip("rl", trial.kinetics.ground_reactions, strict=True):
        known = np.isfinite(reaction.force).all(axis=1)
        same(column[f"known_{side}"], known)
        loaded = np.isfinite(reaction.free_moment)
        for k, axis in enumerate("xyz"):
            same(column[f"ground_force_{side}_v{axis}"], np.nan_to_num(reaction.force[:, k]), 1e-7)
            same(column[f"ground_force_{side}_p{axis}"][loaded], reaction.centre_of_pressure[loaded, k], 1e-8)
        same(column[f"ground_torque_{side}_y"], np.nan_to_num(reaction.free_moment), 1e-8)
    assert "walk_01_ground_reaction.sto" in stem.with_name("walk_01_ground_reaction.xml").read_text()
    worn = read_table(stem.with_name("walk_01_linear_accelerations.sto"))
    assert worn.labels == ("pelvis_imu", "shank_r_imu")
    same(worn.values[:, 0], trial.recordings[0].specific_force, 1e-9)


def test_virtual_markers_stand_where_the_skeleton_has_them(tmp_path, monkeypatch):
    @dataclass(frozen=True)
    class WithSkeleton(CorpusTrial):
        skeleton: Skeleton | None = None

    person = Subject("S01", 70.0, 1.75)
    skeleton = lower_body_skeleton(person)
    skeleton = skeleton.with_markers((SkeletonMarker("RKNE", "tibia_r", (0.0, -0.02, 0.05)),))
    values = np.zeros((20, 3))
    values[:, 0], values[:, 1], values[4, 2] = np.linspace(0, 0.5, 20), np.linspace(0, 1.0, 20), np.nan
    moved = Kinematics(("hip_flexion_r", "pelvis_tx", "knee_angle_r"), values, 100.0)
    trial = CorpusTrial("walk", person, 100.0, kinematics=moved)
    with CorpusWriter(tmp_path / "c.h5") as corpus:
        corpus.append(trial)
    bare = export_corpus(tmp_path / "c.h5", tmp_path / "bare", ["trc"])
    assert (bare.status[0], "skeleton" in bare.reason[0]) == ("not applicable", True)
    plain = {word.name: getattr(trial, word.name) for word in fields(trial)}
    whole = WithSkeleton(**plain | {"skeleton": skeleton})
    monkeypatch.setattr(Corpus, "read", lambda *_, **__: whole)
    rows = export_corpus(tmp_path / "c.h5", tmp_path / "out", ["trc"])
    labels, positions, rate = read_trc(tmp_path / "out" / "S01" / "walk.trc")
    assert (rows.status[0], labels, rate) == ("written", ("RKNE",), 100.0)
    shank = segment_motions(skeleton, Kinematics(moved.coordinates, np.nan_to_num(values), 100.0))["tibia_r"]
    expected = shank.origin + shank.orientation.apply([0.0, -0.02, 0.05])
    expected[4] = np.nan
    same(positions[:, 0], expected, 1e-9)
    assert positions[-1, 0, 0] - positions[0, 0, 0] > 1.0  # it walks forward, and the thigh swings forward


def test_opensim_opens_the_exported_files(tmp_path, corpus_file):
    from mocap_import.batch import WorkerProcess

    (tmp_path / "table_reader_of_opensim.py").write_text(
        "from opensim_models.osim.library import osim\n\n\ndef read(paths):\n"
        "    return [list(osim.TimeSeriesTable(path).getColumnLabels()) for path in paths]\n"
    )
    export_corpus(corpus_file, tmp_path / "out", ["mot", "sto"], subjects=["S01"])
    stem = tmp_path / "out" / "S01" / "walk_02"  # of walk:02, which Windows forbids
    names = [".mot", "_moments.sto", "_ground_reaction.sto", "_activations.sto"]
    sys.path.insert(0, str(tmp_path))
    try:
        with WorkerProcess(timeout=120) as worker:
            paths = [str(stem.with_name(stem.name + name)) for name in names]
            labels = worker.call("table_reader_of_opensim:read", {"paths": paths})
    finally:
        sys.path.remove(str(tmp_path))
    assert labels[0] == ["pelvis_tilt", "pelvis_tx", "knee_angle_r"]
    assert labels[1] == ["pelvis_tilt_moment", "pelvis_tx_force", "knee_angle_r_moment"]
    assert labels[2][:3] == ["ground_force_r_vx", "ground_force_r_vy", "ground_force_r_vz"]
    assert labels[3] == ["soleus_r"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_hold_every_number_of_the_corpus(tmp_path, corpus_file, form):
    export_corpus(corpus_file, tmp_path / "out", [form])

    def read(file, /, **keys):
        rows = getattr(pd, f"read_{form}")(tmp_path / "out" / f"{file}.{form}")
        for name, value in keys.items():
            rows = rows[rows[name] == value]
        return rows

    corpus = Corpus(corpus_file)
    assert list(read("subjects").subject) == ["S01", "Ä-2_b"]
    assert read("subjects").age_yr.isna().tolist() == [False, True]
    assert len(read("trials")) == 4
    assert read("trials", trial="turn").status.tolist() == ["refused"]
    trial = corpus.read("S01", "walk_01")
    one = {"subject": "S01", "trial": "walk_01"}
    names = ["pelvis_tilt_rad", "pelvis_tx_m", "knee_angle_r_rad"]
    same(read("kinematics", **one)[names], trial.kinematics.values)
    same(read("kinematics", **one)["time_s"], np.arange(40) / 100.0)
    names = ["pelvis_tilt_Nm", "pelvis_tx_N", "knee_angle_r_Nm"]
    same(read("generalized_forces", **one)[names], trial.kinetics.generalized_forces)
    left = trial.kinetics.ground_reactions[1]
    same(read("ground_reactions", foot="left", **one)[["force_x_N", "force_y_N", "force_z_N"]], left.force)
    same(read("ground_reactions", foot="left", **one)["free_moment_Nm"], left.free_moment)
    records = read("imu", sensor="shank_r", **one)
    worn = trial.recordings[1]
    same(records.filter(like="specific_force").astype(np.float32), worn.specific_force.astype(np.float32))
    same(records.filter(like="angular").astype(np.float32), worn.angular_velocity.astype(np.float32))
    same(read("emg", **one)[["time_s_2", "SOL"]], trial.activity.envelopes)  # a channel called time_s
    assert read("events", **one)["event"].tolist() == ["foot_strike", "foot_off"]
    assert read("sensors", **one)["segment"].tolist() == ["pelvis", "tibia_r"]
    shared = read("columns", table="imu", column="angular_velocity_x_rad_s")
    assert shared.unit.tolist() == ["rad/s"]


def test_parquet_columns_know_unit_and_frame_and_a_row_group_is_a_trial(tmp_path, corpus_file):
    export_corpus(corpus_file, tmp_path, ["parquet"])
    file = pyarrow.parquet.ParquetFile(tmp_path / "ground_reactions.parquet")
    field = file.schema_arrow.field("force_x_N")
    assert field.metadata[b"unit"] == b"N"
    assert field.metadata[b"frame"].startswith(b"ground")
    assert file.num_row_groups == 2
    assert file.read_row_group(1).column("force_x_N").null_count == 2 * 5  # missing is null


def test_no_cell_of_a_table_is_a_formula(tmp_path, corpus_file):
    export_corpus(corpus_file, tmp_path, ["csv"])
    assert "'=LKNE" in (tmp_path / "treatments.csv").read_text(encoding="utf-8")


def test_errors_are_in_the_records_unless_clean_is_asked_for(tmp_path, corpus_file):
    corpus = Corpus(corpus_file)
    for clean in (False, True):
        export_corpus(corpus_file, tmp_path / str(clean), ["parquet"], clean=clean, subjects=["S01"])
        rows = pd.read_parquet(tmp_path / str(clean) / "imu.parquet")
        rows = rows[(rows.trial == "walk_01") & (rows.sensor == "pelvis")]
        expected = corpus.read("S01", "walk_01", clean=clean).recordings[0].specific_force
        same(rows.filter(like="specific_force"), expected.astype(np.float32))
    assert not (tmp_path / "True" / "kinematics.csv").exists()


def test_files_that_are_there_are_kept_unless_overwrite(tmp_path, corpus_file):
    out = tmp_path / "out"
    export_corpus(corpus_file, out, ["mot", "csv"])
    (out / "imu.csv").write_text("mine")
    with pytest.raises(CorpusMismatch, match="--overwrite"):
        export_corpus(corpus_file, out, ["csv"])
    assert (out / "imu.csv").read_text() == "mine"
    rows = export_corpus(corpus_file, out, ["mot"])
    assert statuses(rows, "mot")[:3] == ["refused"] * 3
    assert "--overwrite" in rows.reason[0]
    assert set(export_corpus(corpus_file, out, ["mot", "csv"], overwrite=True).status) == {"written", "not applicable"}
    assert (out / "imu.csv").read_text() != "mine"


def test_a_table_that_cannot_be_written_leaves_the_old_ones(tmp_path, corpus_file, monkeypatch):
    out = tmp_path / "out"
    export_corpus(corpus_file, out, ["csv"])
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    whole = CsvFile.append
    calls = []

    def breaks(self, rows):
        calls.append(rows)
        if len(calls) == 20:
            raise OSError(28, "No space left on device")
        whole(self, rows)

    monkeypatch.setattr(CsvFile, "append", breaks)
    with pytest.raises(OSError, match="No space"):
        export_corpus(corpus_file, out, ["csv"], clean=True, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_without_pyarrow_the_sentence_says_what_to_install(tmp_path, corpus_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CorpusMismatch, match=r"pip install 'kinesynth\[exchange\]'"):
        export_corpus(corpus_file, tmp_path / "out", ["parquet"])
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_chosen_is_named(tmp_path, corpus_file):
    with pytest.raises(CorpusMismatch, match="'S09'"):
        export_corpus(corpus_file, tmp_path / "out", ["csv"], subjects=["S09"])
    with pytest.raises(CorpusMismatch, match="doc"):
        export_corpus(corpus_file, tmp_path / "out", ["doc"])
    with pytest.raises(CorpusMismatch, match="none"):
        export_corpus(corpus_file, tmp_path / "out", [])


def test_the_command_counts_and_ends_with_its_exit_code(tmp_path, corpus_file):
    run = CliRunner().invoke
    command = ["corpus", "export", str(corpus_file), "--to", "mot", "--out", str(tmp_path / "out")]
    done = run(kinesynth.app, [*command, "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["written"], told["not_applicable"], told["refused"]) == (0, 3, 1, 0)
    again = run(kinesynth.app, command)
    assert again.exit_code == 4
    assert "3 refused" in again.stdout
    missing = run(kinesynth.app, ["corpus", "export", str(tmp_path / "no.h5"), *command[3:]])
    assert missing.exit_code == 2
    with CorpusWriter(tmp_path / "empty.h5"):
        pass
    assert run(kinesynth.app, ["corpus", "export", str(tmp_path / "empty.h5"), *command[3:]]).exit_code == 1


NAMES = st.lists(
    st.text(st.characters(exclude_characters="/", exclude_categories=("Cs", "Cc")), min_size=1, max_size=200),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(names=NAMES)
def test_each_name_gets_a_label_of_its_own_that_is_allowed(names):
    for labels_of, allowed in ((bids_labels, r"[0-9A-Za-z]+"), (file_labels, r"[^<>:\"/\\|?*\x00-\x1f]+")):
        labels = labels_of(names)
        assert set(labels) == set(names)
        assert pd.Series(list(labels.values()), dtype=str).str.fullmatch(allowed).all()
        assert len({label.casefold() for label in labels.values()}) == len(labels)
        assert labels == labels_of(reversed(names))
    assert all(len(label.encode()) < 200 and not label.endswith((".", " ")) for label in file_labels(names).values())


def test_an_allowed_name_keeps_itself():
    assert bids_labels(["S-01", "S01", "s_01"]) == {"S-01": "S01x2", "S01": "S01", "s_01": "s01x3"}
    assert file_labels(["a:b", "a_b", "A_B", "..", "con"]) == {
        "..": "_",
        "A_B": "A_B",
        "a:b": "a_b_3",
        "a_b": "a_b_2",
        "con": "_con",
    }
