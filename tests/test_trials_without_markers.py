"""Recordings without markers or without labels: every command ends with a row or a sentence, never with a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mocap_import.spatiotemporal import spatiotemporal
from mocap_import.trial_store import load_trial

CASES = {
    "walk_rotations.c3d": "c3d_import_cases/others/C3DRotationExample.c3d",  # Theia: segment rotations only
    "static_emg.c3d": "c3d_odd/analog-only/1123x01EMG.c3d",  # analog channels only
    "walk_numbered.c3d": "c3d_odd/no-point-group/phasespace_sample.c3d",  # 39 trajectories, no label
    "static_01.c3d": "mcgill_walk_youth/HC039A/Static/HC039A01.c3d",  # a whole session around them
    "walk_17.c3d": "mcgill_walk_youth/HC039A/Straight/HC039A17.c3d",
}
ODD = ("walk_rotations", "static_emg", "walk_numbered")


@pytest.fixture(scope="module")
def kinesynth(repository):
    """A command in a process of its own in which a warning of NumPy would be seen."""

    def run(*words):
        command = [sys.executable, "-W", "default::RuntimeWarning", "-m", "kinesynth", *map(str, words)]
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True, env=os.environ, timeout=300)
        assert "Traceback" not in done.stderr + done.stdout
        assert "Warning" not in done.stderr + done.stdout
        return done

    return run


@pytest.fixture(scope="module")
def session(data_dir, kinesynth, tmp_path_factory):
    """A session in which some recordings have no markers or no labels, imported; folder and table."""
    root = tmp_path_factory.mktemp("markerless")
    (root / "lab" / "P1").mkdir(parents=True)
    for name, source in CASES.items():
        (root / "lab" / "P1" / name).write_bytes((data_dir / source).read_bytes())
    done = kinesynth("import", root / "lab", "--out", root / "trials", "--codes", "keep", "--workers", "0")
    assert done.returncode == 0, done.stderr
    return root


def test_the_import_says_what_they_hold_and_that_no_gait_can_come_of_them(session):
    table = pd.read_csv(session / "trials" / "import.csv").set_index("trial")
    assert "no_markers: the file holds no markers, only 21 segment rotations" in table.reason["walk_rotations"]
    assert "no_markers: the file holds no markers, only 8 analog channels" in table.reason["static_emg"]
    assert "labels_numbered" in table.reason["walk_numbered"]
    assert table.verdict_reasons[["walk_rotations", "static_emg"]].tolist() == ["no_markers", "no_markers"]
    assert table.verdict_reasons["walk_numbered"].startswith("marker_set_unknown")
    # Nothing of a body was seen, so that nothing is doubted of its size, unit or axes.
    assert table.doubts[["walk_rotations", "static_emg"]].isna().all()
    assert table.n_frames["static_emg"] == 4564
    assert load_trial(session / "trials" / "P1" / "walk_rotations.trial.h5").segment_rotations


def test_quality_judges_them_unusable(session, kinesynth):
    done = kinesynth("quality", session / "trials", "--out", session / "quality", "--json")
    verdicts = {row["trial"]: row["verdict"] for row in json.loads(done.stdout)["trials"]}
    assert {verdicts[name] for name in ODD} == {"unusable"}
    assert verdicts["walk_17"] != "unusable"
    assert done.returncode == 3


def test_export_writes_what_exists_and_refuses_the_rest_by_name(session, kinesynth):
    words = [word for form in ("trc", "mot", "csv", "c3d") for word in ("--to", form)]
    done = kinesynth("export", session / "trials", *words, "--out", session / "exported", "--json")
    rows = {(row["trial"].split("/")[-1].split(".")[0], row["format"]): row for row in json.loads(done.stdout)["rows"]}
    for name in ("walk_rotations", "static_emg"):
        assert "a .trc file needs markers" in rows[name, "trc"]["reason"]
        assert "--to csv writes what it has" in rows[name, "trc"]["reason"]
        assert "the trial holds no force plates" in rows[name, "mot"]["reason"]
        assert rows[name, "csv"]["status"] == "written"
    assert rows["walk_numbered", "trc"]["status"] == "written"
    rotations = pd.read_csv(session / "exported" / "P1" / "walk_rotations_rotations.csv")
    trial = load_trial(session / "trials" / "P1" / "walk_rotations.trial.h5")
    (segment, matrices), *_ = trial.segment_rotations.items()
    own = rotations[rotations.segment == segment]
    np.testing.assert_allclose(own[["m11", "m12", "m13", "m14"]], matrices[:, 0], rtol=1e-9)
    assert (session / "exported" / "P1" / "static_emg_analog.csv").is_file()
    assert done.returncode == 3


def test_motion_and_imu_refuse_them_and_solve_the_rest(session, kinesynth):
    done = kinesynth("motion", session / "trials", session / "motion")
    assert done.returncode == 3
    table = pd.read_csv(session / "motion" / "motion.csv").set_index("trial")
    assert table.status["walk_17"] != "refused"
    assert "no marker is seen in any of its" in table.reason["walk_rotations"]
    assert "share 0 markers" in table.reason["walk_numbered"]
    done = kinesynth("imu", session / "trials", session / "motion", session / "corpus.h5")
    assert done.returncode == 3
    assert "Errno" not in done.stdout


@pytest.mark.parametrize("name", ODD)
def test_their_spatiotemporal_table_is_empty_of_numbers(session, name):
    table = spatiotemporal(load_trial(session / "trials" / "P1" / f"{name}.trial.h5"))
    numbers = table.select_dtypes("number")
    assert ((numbers == 0) | numbers.isna()).all(axis=None)


def test_labels_says_that_there_are_none(session, kinesynth):
    done = kinesynth("labels", session / "lab", "--workers", "0")
    assert "no labelled markers: 3 of 5 files" in done.stdout
    assert done.returncode == 0
    alone = kinesynth("labels", session / "lab" / "P1" / "walk_rotations.c3d", "--draft", session / "draft.toml")
    assert alone.stdout.startswith("no labelled markers; 0 model outputs kept apart")
    assert "no draft written: there are no labelled markers" in alone.stdout
    assert not (session / "draft.toml").exists()
