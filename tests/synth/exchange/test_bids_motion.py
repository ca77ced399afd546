"""A corpus as Motion-BIDS: the official validator finds no error, and the numbers are those of the corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import kinesynth
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial
from synth.exchange.bids_motion import write_bids


def errors_of(data_set: Path) -> list[dict]:
    """What the BIDS validator (https://github.com/bids-standard/bids-validator) calls an error."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    command = [validator, data_set, "--format", "json", "--max-rows", "-1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = json.loads(done.stdout)
    assert found["summary"]["modalities"] == ["motion"], found["summary"]
    return [issue for issue in found["issues"]["issues"] if issue["severity"] == "error"]


def rows_of(path: Path, **options) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False, **options)


def test_the_validator_finds_no_error_and_would_find_one(tmp_path, corpus_file):
    rows = write_bids(corpus_file, tmp_path / "bids", authors=["A. Author", "B. Author"], licence="CC0")
    assert rows.status.tolist() == ["written"] * 3 + ["not applicable"]  # the turn was refused
    assert errors_of(tmp_path / "bids") == []
    for path in (tmp_path / "bids").glob("sub-S01/motion/*_channels.tsv"):
        path.write_text(path.read_text().replace("component", "axis"))
    found = {issue["code"] for issue in errors_of(tmp_path / "bids")}
    assert "TSV_COLUMN_MISSING" in found


def test_real_walking_is_valid_bids(tmp_path, data_dir):
    from mocap_import.trial_reader import read_trial
    from opensim_models.motion import Kinematics
    from synth.corpus import CorpusWriter

    trial = read_trial(data_dir / "mcgill_walk_youth/HC040A/Straight/HC040A14.c3d")
    heights = Kinematics(tuple(f"{label}_ty" for label in trial.labels), trial.positions[:, :, 1], trial.rate)
    with CorpusWriter(tmp_path / "real.h5") as corpus:
        corpus.append(CorpusTrial("HC040A14", trial.subject, trial.rate, kinematics=heights, events=trial.events))
    write_bids(tmp_path / "real.h5", tmp_path / "bids")
    assert errors_of(tmp_path / "bids") == []


def test_motion_files_hold_the_numbers_units_and_gaps_of_the_corpus(tmp_path, corpus_file):
    write_bids(corpus_file, tmp_path / "bids")
    trial = Corpus(corpus_file).read("S01", "walk_01")
    folder = tmp_path / "bids" / "sub-S01" / "motion"
    found = {}
    for path in folder.glob("*_task-walk_*_run-2_motion.tsv"):  # walk:02 comes first
        channels = rows_of(path.with_name(path.name.replace("_motion.tsv", "_channels.tsv")))
        facts = json.loads(path.with_suffix(".json").read_text())
        values = rows_of(path, header=None)
        assert values.shape == (trial.n_frames, len(channels))
        assert (facts["SamplingFrequency"], facts["MissingValues"]) == (100.0, "n/a")
        assert f"_tracksys-{facts['TrackingSystemName']}_" in path.name
        assert facts["MotionChannelCount"] == len(channels)
        assert channels["name"].is_unique
        found |= {row["name"]: (row, values[k].to_numpy(float)) for k, row in channels.iterrows()}
    for sensor, recording in zip(("pelvis", "shank_r"), trial.recordings, strict=True):
        for k, axis in enumerate("xyz"):
            row, values = found[f"{sensor}_GYRO_{axis}"]
            np.testing.assert_allclose(values, recording.angular_velocity[:, k], rtol=1e-15)
            assert (row["component"], row["units"], row["reference_frame"]) == (axis, "rad/s", "sensor")
    row, values = found["knee_angle_r"]
    assert (row["type"], row["units"]) == ("JNTANG", "deg")
    np.testing.assert_allclose(np.radians(values), trial.kinematics.of("knee_angle_r"), rtol=1e-13)
    row, values = found["pelvis_tx"]
    assert (row["type"], row["component"], row["units"], row["tracked_point"]) == ("POS", "x", "m", "pelvis")
    np.testing.assert_array_equal(values, trial.kinematics.of("pelvis_tx"))  # NaN in frames 3 to 5
    row, values = found["ground_reaction_1_left_force_y"]
    assert (row["type"], row["units"], row["reference_frame"]) == ("MISC", "N", "ground")
    np.testing.assert_allclose(values, trial.kinetics.ground_reactions[1].force[:, 1], rtol=1e-15)
    events = rows_of(folder / "sub-S01_task-walk_run-2_events.tsv")
    assert events.onset.tolist() == [0.1, 0.3]
    assert events.trial_type.tolist() == ["right_foot_strike", "left_foot_off"]


def test_codes_that_bids_forbids_are_listed_and_old_age_is_not_told(tmp_path, corpus_file):
    write_bids(corpus_file, tmp_path / "bids")
    people = rows_of(tmp_path / "bids" / "participants.tsv")
    assert dict(zip(people.participant_id, people.code, strict=True)) == {"sub-S01": "S01", "sub-A2b": "Ä-2_b"}
    assert people.age.tolist()[0] == 89  # 93 in the corpus
    assert people.age.isna().tolist() == [False, True]
    scans = rows_of(tmp_path / "bids" / "sub-S01" / "sub-S01_scans.tsv")
    assert set(scans.trial) == {"walk_01", "walk:02"}
    for name in scans.filename:
        assert (tmp_path / "bids" / "sub-S01" / name).is_file()
    readme = (tmp_path / "bids" / "README.md").read_text()
    assert "Ä-2_b/turn (refused): déjà vu" in readme


def test_sessions_are_folders(tmp_path, corpus_file, monkeypatch):
    @dataclass(frozen=True)
    class OfASession(CorpusTrial):
        session: str = ""

    whole = Corpus.read

    def read(self, subject, name, clean=False):
        trial = whole(self, subject, name, clean)
        plain = {word.name: getattr(trial, word.name) for word in fields(trial)}
        return OfASession(**plain | {"session": "day_1" if name == "walk_01" else "day_2"})

    monkeypatch.setattr(Corpus, "read", read)
    write_bids(corpus_file, tmp_path / "bids", subjects=["S01"])
    for day in ("day1", "day2"):
        folder = tmp_path / "bids" / "sub-S01" / f"ses-{day}"
        assert (folder / "motion" / f"sub-S01_ses-{day}_task-walk_tracksys-imu_run-1_motion.tsv").is_file()
        assert (folder / f"sub-S01_ses-{day}_scans.tsv").is_file()
    assert errors_of(tmp_path / "bids") == []


def test_an_existing_folder_is_replaced_only_if_it_is_ours_and_overwrite_says_so(tmp_path, corpus_file, monkeypatch):
    out = tmp_path / "bids"
    write_bids(corpus_file, out, name="first")
    with pytest.raises(CorpusMismatch, match="--overwrite"):
        write_bids(corpus_file, out)
    monkeypatch.setattr("synth.exchange.bids_motion.write_description", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bids(corpus_file, out, overwrite=True)
    assert json.loads((out / "dataset_description.json").read_text())["Name"] == "first"
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["bids", "walking.h5", "walking.h5.times.csv"]  # nothing is left behind
    monkeypatch.undo()
    write_bids(corpus_file, out, name="second", overwrite=True)
    assert json.loads((out / "dataset_description.json").read_text())["Name"] == "second"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(CorpusMismatch, match="something else"):
        write_bids(corpus_file, mine, overwrite=True)
    assert (mine / "thesis.txt").exists()


def test_the_command_writes_a_data_set_alone(tmp_path, corpus_file):
    run = CliRunner().invoke
    command = ["corpus", "export", str(corpus_file), "--to", "bids", "--out", str(tmp_path / "bids")]
    done = run(kinesynth.app, [*command, "--name", "Walking", "--author", "A. Author"])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "bids" / "dataset_description.json").read_text())["Name"] == "Walking"
    assert run(kinesynth.app, [*command, "--to", "csv"]).exit_code == 2
    csv = [*command[:4], "csv", "--out", str(tmp_path / "csv"), "--name", "Walking"]
    assert run(kinesynth.app, csv).exit_code == 2
