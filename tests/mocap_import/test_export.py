"""Exports: what another program reads is what the trial holds, in its unit, at its rate, with its gaps."""

from __future__ import annotations

import csv
import json
import stat
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mocap_import.export.clean_c3d import whole_plates, write_clean_c3d
from mocap_import.export.external_load import write_external_loads
from mocap_import.export.trc import read_trc, trc_labels, write_trc
from mocap_import.export.trial_table import TABLES, write_trial_tables
from mocap_import.export_command import export_app
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.spreadsheet import csv_text
from mocap_import.trial import PlateStep, Treatment, TrialRefused
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import write_trial


@pytest.fixture
def gappy(walker):
    """A walk with occluded samples, the very first of the last marker among them, and plates with their corners."""
    made = walker(duration=1.5)
    positions = made.trial.positions.copy()
    positions[0, -1] = np.nan
    positions[40:50, 3] = np.nan
    positions[60, 5, 1] = np.nan  # one coordinate is no position
    reactions = tuple(
        replace(reaction, corners=plate.corners)
        for reaction, plate in zip(made.trial.ground_reactions, made.plates, strict=True)
    )
    return replace(made.trial, positions=positions, ground_reactions=reactions)


@pytest.mark.parametrize(("unit", "tolerance"), [("mm", 1e-9), ("m", 1e-9)])
def test_trc_comes_back_to_a_nanometre_with_its_gaps(tmp_path, gappy, unit, tolerance):
    write_trc(tmp_path / "walk.trc", gappy, unit=unit)
    labels, positions, rate = read_trc(tmp_path / "walk.trc")
    assert (labels, rate) == (gappy.labels, gappy.rate)
    seen = np.isfinite(gappy.positions).all(axis=2)
    assert np.array_equal(np.isfinite(positions).all(axis=2), seen)
    assert np.abs(positions - gappy.positions)[seen].max() < tolerance
    text = (tmp_path / "walk.trc").read_text()
    assert "nan" not in text.lower()
    assert f"\t{unit}\t" in text.split("\n")[2]


@pytest.mark.parametrize("rate", [69.993, 120.0, 29.97, 1000.0])
def test_trc_times_are_exact_at_any_rate(tmp_path, gappy, rate):
    write_trc(tmp_path / "walk.trc", replace(gappy, rate=rate))
    rows = (tmp_path / "walk.trc").read_text().split("\n")[6:-1]
    times = np.array([float(row.split("\t")[1]) for row in rows])
    assert np.array_equal(times, np.arange(len(times)) / rate)
    assert [row.split("\t")[0] for row in rows[:2]] == ["1", "2"]


def test_trc_labels_are_single_words_and_unique():
    assert trc_labels(("R ASI", "R\tASI", "", "RASI", "RASI")) == ("R_ASI", "R_ASI_2", "marker_3", "RASI", "RASI_2")


def test_trc_refuses_what_it_cannot_write_or_read(tmp_path, gappy):
    with pytest.raises(TrialRefused, match="needs markers"):
        write_trc(tmp_path / "a.trc", replace(gappy, labels=(), positions=np.zeros((5, 0, 3))))
    with pytest.raises(ValueError, match="unit"):
        write_trc(tmp_path / "a.trc", gappy, unit="inch")
    assert not list(tmp_path.iterdir())
    (tmp_path / "b.trc").write_text("nothing")
    with pytest.raises(TrialRefused, match=r"expected a \.trc file"):
        read_trc(tmp_path / "b.trc")


def _motion(path):
    lines = path.read_text().split("\n")
    end = lines.index("endheader")
    header = dict(line.split("=") for line in lines[1:end])
    table = pd.read_csv(path, sep="\t", skiprows=end + 1)
    assert (int(header["nRows"]), int(header["nColumns"])) == table.shape
    assert header["inDegrees"] == "no"
    return table


def test_external_loads_hold_each_foots_force_and_say_where_it_is_unknown(tmp_path, gappy):
    notes = write_external_loads(tmp_path / "walk.mot", gappy)
    table = _motion(tmp_path / "walk.mot")
    assert not table.isna().any().any()
    for foot, side in (("right", "r"), ("left", "l")):
        reaction = foot_reactions(gappy)[foot]
        known = np.isfinite(reaction.force).all(axis=1)
        assert np.array_equal(table[f"known_{side}"].to_numpy(), known.astype(float))
        assert any(foot in note.detail for note in notes) == (not known.all())
        force = table[[f"ground_force_{side}_v{axis}" for axis in "xyz"]].to_numpy()
        assert np.abs(force - reaction.force)[known].max() < 1e-5
        assert not force[~known].any()
        point = table[[f"ground_force_{side}_p{axis}" for axis in "xyz"]].to_numpy()
        loaded = np.isfinite(reaction.centre_of_pressure).all(axis=1)
        assert np.abs(point - reaction.centre_of_pressure)[loaded].max() < 1e-8
        # No jump to the laboratory's origin: a filter would smear it into the first loaded samples.
        first = np.flatnonzero(loaded)[0]
        assert np.array_equal(point[0], point[first])
        torque = table[[f"ground_torque_{side}_{axis}" for axis in "xyz"]].to_numpy()
        assert np.abs(torque[loaded, 1] - reaction.free_moment[loaded]).max() < 1e-8
        assert not torque[:, [0, 2]].any()
    assert np.array_equal(table["time"], np.arange(len(table)) / gappy.ground_reactions[0].rate)


def test_the_xml_names_bodies_columns_and_the_file_beside_it(tmp_path, gappy):
    write_external_loads(tmp_path / "walk.mot", gappy, bodies={"right": "foot_r", "left": "foot_l"})
    root = ElementTree.parse(tmp_path / "walk.xml").getroot()
    columns = list(_motion(tmp_path / "walk.mot").columns)
    assert root.findtext("ExternalLoads/datafile") == "walk.mot"
    forces = root.findall("ExternalLoads/objects/ExternalForce")
    assert [force.findtext("applied_to_body") for force in forces] == ["foot_r", "foot_l"]
    for force in forces:
        for kind in ("force", "point", "torque"):
            assert sum(name.startswith(force.findtext(f"{kind}_identifier")) for name in columns) == 3


def test_loads_without_a_known_foot_are_refused(tmp_path, gappy):
    for trial in (
        replace(gappy, ground_reactions=()),
        replace(gappy, ground_reactions=tuple(replace(r, foot="unknown") for r in gappy.ground_reactions)),
    ):
        with pytest.raises(TrialRefused, match="no force of a known foot"):
            write_external_loads(tmp_path / "walk.mot", trial)
    assert not list(tmp_path.iterdir())


def test_tables_hold_the_trial_with_units_in_the_header(tmp_path, gappy):
    filled = np.zeros(gappy.positions.shape[:2], dtype=np.uint8)
    filled[7, 2] = 2
    trial = replace(
        gappy,
        fill_method=filled,
        filled=filled > 0,
        analog={"EMG1": np.arange(1500.0)},
        analog_units={"EMG1": "mV"},
        segment_rotations={"pelvis": np.tile(np.eye(4), (15, 1, 1))},
        segment_rotation_rate=10.0,
        analog_rate=1000.0,
        steps=(PlateStep("plate 1", "right", 0.2, 0.8, True),),
        treatments=(Treatment("gap_filled", "one"),),
    )
    written = write_trial_tables(tmp_path / "walk", trial)
    assert [path.name for path in written] == [f"walk_{name}.csv" for name in TABLES]
    tables = {
        name: pd.read_csv(path, keep_default_na=False, na_values=[""])
        for name, path in zip(TABLES, written, strict=True)
    }
    markers = tables["markers"]
    assert list(markers) == ["time_s", "marker", "x_m", "y_m", "z_m", "filled_by"]
    assert len(markers) == trial.n_frames * len(trial.labels)
    back = markers[["x_m", "y_m", "z_m"]].to_numpy().reshape(trial.positions.shape)
    assert np.allclose(back, trial.positions, rtol=1e-9, atol=1e-12, equal_nan=True)
    assert list(markers["filled_by"].dropna()) == ["rigid"]
    forces = tables["forces"]
    first = trial.ground_reactions[0]
    mine = forces[forces["plate"] == first.name]
    assert np.allclose(mine["force_y_N"], first.force[:, 1], rtol=1e-9)
    assert np.allclose(mine["pressure_x_m"], first.centre_of_pressure[:, 0], rtol=1e-9, equal_nan=True)
    assert list(tables["analog"]) == ["time_s", "EMG1 (mV)"]
    assert tables["analog"]["time_s"].iloc[-1] == 1.499
    assert {"side", "speed_m_per_s", "step_length_m"} <= set(tables["spatiotemporal"])
    assert len(tables["events"]) == len(trial.events)
    assert tables["steps"].loc[0, "usable"]


def test_no_cell_of_a_table_is_a_formula(tmp_path, gappy):
    nasty = ('=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")
    frame = pd.DataFrame({"=name": nasty, "number": range(6)})
    rows = list(csv.reader(csv_text(frame).splitlines()[:5]))
    assert rows[0] == ["'=name", "number"]
    assert all(row[0].startswith("'") for row in rows[1:])
    trial = replace(gappy, labels=("=cmd|' /C calc'!A0", *gappy.labels[1:]), marker_set="unknown")
    write_trial_tables(tmp_path / "walk", trial)
    for path in tmp_path.iterdir():
        assert not any(cell[:1] == "=" for row in csv.reader(path.open(newline="")) for cell in row)
    assert "-0.1" in csv_text(pd.DataFrame({"x": [-0.1]}))  # a negative number stays one


def test_a_clean_c3d_comes_back_as_the_same_trial(tmp_path, gappy):
    trial = replace(gappy, analog={"EMG1": np.linspace(-1, 1, 1500)}, analog_rate=1000.0, start_time=2.5)
    assert write_clean_c3d(tmp_path / "walk.c3d", trial) == []
    back = read_trial(tmp_path / "walk.c3d", "plug_in_gait")
    seen = np.isfinite(trial.positions).all(axis=2)
    measured = seen & ~back.filled if back.filled is not None else seen
    assert back.labels == trial.labels
    assert np.abs(back.positions - trial.positions)[measured].max() < 1e-6
    assert [(e.foot, e.kind) for e in back.events] == [(e.foot, e.kind) for e in trial.events]
    assert np.allclose([e.time for e in back.events], [e.time for e in trial.events], atol=1e-5)
    for mine, its in zip(trial.ground_reactions, back.ground_reactions, strict=True):
        assert np.abs(mine.force - its.force).max() < 1e-2
        loaded = (mine.force[:, 1] > 100) & np.isfinite(its.centre_of_pressure).all(axis=1)
        assert loaded.any()
        assert np.abs(mine.centre_of_pressure - its.centre_of_pressure)[loaded].max() < 1e-4
    assert back.start_time == 2.5
    assert back.analog["EMG1"] == pytest.approx(trial.analog["EMG1"], abs=1e-6)


def test_a_clock_too_late_for_the_header_is_named(tmp_path, gappy):
    (note,) = write_clean_c3d(tmp_path / "walk.c3d", replace(gappy, start_time=3600.0))
    assert (note.what, "3600.00 s" in note.detail) == ("clock_not_exported", True)
    back = read_trial(tmp_path / "walk.c3d", "plug_in_gait")
    assert np.allclose([e.time for e in back.events], [e.time for e in gappy.events], atol=1e-5)


def test_a_channel_without_a_unit_gets_none_in_a_clean_c3d(tmp_path, gappy):
    trial = replace(
        gappy, analog={"A": np.ones(1500), "B": np.ones(1500)}, analog_units={"A": "mV"}, analog_rate=1000.0
    )
    write_clean_c3d(tmp_path / "walk.c3d", trial)
    assert read_trial(tmp_path / "walk.c3d").analog_units == {"A": "mV"}
    bare = replace(trial, ground_reactions=(), analog_units={})
    write_clean_c3d(tmp_path / "bare.c3d", bare)
    assert read_trial(tmp_path / "bare.c3d").analog_units == {}


def test_colleagues_may_read_what_was_exported(tmp_path, gappy):
    write_clean_c3d(tmp_path / "walk.c3d", gappy)
    write_trc(tmp_path / "walk.trc", gappy)
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes[".c3d"] == modes[".trc"]


def test_records_of_one_plate_become_one_plate_again(gappy):
    one = gappy.ground_reactions[0]
    half = len(one.force) // 2
    early, late = one.force.copy(), one.force.copy()
    early[half:] = 0
    late[:half] = 0
    parts = (replace(one, force=early, foot="right"), replace(one, force=late, foot="left"))
    (whole,) = whole_plates(parts)
    assert np.array_equal(whole.force, one.force)
    assert len(whole_plates(gappy.ground_reactions)) == 2


def test_what_a_c3d_cannot_carry_is_named(tmp_path, gappy):
    odd = tuple(replace(reaction, rate=1234.5) for reaction in gappy.ground_reactions)
    notes = write_clean_c3d(tmp_path / "a.c3d", replace(gappy, ground_reactions=odd))
    assert [note.what for note in notes] == ["plates_not_exported"]
    bare = tuple(replace(reaction, corners=None) for reaction in gappy.ground_reactions)
    notes = write_clean_c3d(tmp_path / "b.c3d", replace(gappy, ground_reactions=bare))
    assert [note.what for note in notes] == ["plates_not_exported"]
    notes = write_clean_c3d(tmp_path / "c.c3d", replace(gappy, analog={"x": np.zeros(777)}, analog_rate=500.0))
    assert [note.what for note in notes] == ["analog_not_exported"]
    modelled = replace(
        gappy, model_outputs={"LKneeAngles": np.zeros((150, 3))}, segment_rotations={"pelvis": np.eye(4)}
    )
    notes = write_clean_c3d(tmp_path / "d.c3d", modelled)
    assert [note.what for note in notes] == ["model_outputs_not_exported", "rotations_not_exported"]


@pytest.fixture
def trials(tmp_path, gappy):
    for subject in ("S01", "S02"):
        (tmp_path / "trials" / subject).mkdir(parents=True)
        trial = replace(gappy, subject=replace(gappy.subject, code=subject))
        write_trial(tmp_path / "trials" / subject / "walk.trial.h5", trial)
    return tmp_path / "trials"


def _names(folder):
    return {path.name for path in folder.iterdir()}


def _export(*words):
    return CliRunner().invoke(export_app, [str(word) for word in words])


def test_every_format_of_every_trial_is_a_file(trials, tmp_path):
    out = tmp_path / "out"
    formats = [word for form in ("trc", "mot", "csv", "c3d") for word in ("--to", form)]
    result = _export(trials, *formats, "--out", out, "--json")
    answer = json.loads(result.output)
    assert (result.exit_code, answer["written"], answer["refused"]) == (0, 8, 0)
    assert {"walk.trc", "walk.mot", "walk.xml", "walk.c3d", "walk_markers.csv"} <= _names(out / "S02")
    assert not [name for folder in ("S01", "S02") for name in _names(out / folder) if name.startswith("tmp")]


def test_files_that_are_there_are_refused_unless_overwritten(trials, tmp_path):
    out = tmp_path / "out"
    assert _export(trials, "--to", "trc", "--out", out).exit_code == 0
    before = (out / "S01" / "walk.trc").read_bytes()
    (out / "S02" / "walk.trc").write_text("mine")
    result = _export(trials, "--to", "trc", "--out", out)
    assert result.exit_code == 4
    assert "exists; --overwrite" in result.output
    assert (out / "S02" / "walk.trc").read_text() == "mine"
    (out / "S01" / "walk.trc").unlink()
    assert _export(trials, "--to", "trc", "--out", out).exit_code == 3
    assert _export(trials, "--to", "trc", "--out", out, "--overwrite").exit_code == 0
    assert (out / "S01" / "walk.trc").read_bytes() == before


def test_forces_of_a_trial_without_plates_are_not_applicable_and_no_failure(trials, tmp_path, gappy):
    """The rest was written: exit 0; where nothing at all was, 4."""
    write_trial(trials / "S01" / "bare.trial.h5", replace(gappy, ground_reactions=(), steps=()))
    result = _export(trials, "--to", "trc", "--to", "mot", "--out", tmp_path / "out", "--json")
    answer = json.loads(result.output)
    rows = {(Path(row["trial"]).name.split(".")[0], row["format"]): row for row in answer["rows"]}
    assert (rows["bare", "mot"]["status"], rows["bare", "mot"]["files"]) == ("not applicable", [])
    assert (answer["written"], answer["refused"], answer["not_applicable"], result.exit_code) == (5, 0, 1, 0)
    assert not (tmp_path / "out" / "S01" / "bare.mot").exists()
    alone = _export(trials / "S01" / "bare.trial.h5", "--to", "mot", "--out", tmp_path / "alone")
    assert (alone.exit_code, "not applicable mot" in alone.output, "no force plates" in alone.output) == (4, True, True)


def test_one_subject_one_file_and_what_cannot_be_exported(trials, tmp_path):
    out = tmp_path / "out"
    assert _export(trials, "--to", "trc", "--out", out, "--subject", "S02").exit_code == 0
    assert _names(out) == {"S02"}
    result = _export(trials, "--to", "trc", "--out", out, "--subject", "S9")
    assert (result.exit_code, "no trial of subject 'S9'" in result.output) == (1, True)
    one = trials / "S01" / "walk.trial.h5"
    assert _export(one, "--to", "csv", "--out", out / "single").exit_code == 0
    assert (out / "single" / "walk_events.csv").exists()
    (trials / "S01" / "bad.trial.h5").write_bytes(b"no trial")
    assert _export(trials, "--to", "mot", "--out", tmp_path / "out2").exit_code == 3
    result = _export(tmp_path / "nowhere", "--to", "trc", "--out", out)
    assert (result.exit_code, len(result.output.strip().splitlines())) == (2, 1)
    help_text = " ".join(_export("--help").output.split())
    assert "Example: kinesynth export" in help_text
