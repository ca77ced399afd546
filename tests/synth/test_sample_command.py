"""The sample archive: whole or not there at all, and never in the place of something else."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

import kinesynth
import synth.virtual_archive


@pytest.fixture
def made(monkeypatch):
    """An archive that takes no time to make; what it was asked for is kept."""
    asked: list[dict] = []

    def make(archive, truth, **settings):
        asked.append(settings)
        for name in ("S01/S01_static.c3d", "S01/S01_walk_01.c3d", "S02/S02_static.c3d"):
            (archive / name).parent.mkdir(parents=True, exist_ok=True)
            (archive / name).write_bytes(b"recording")
        truth.mkdir()
        return pd.DataFrame({"subject": ["S01", "S01", "S02"], "used": [False, True, True]})

    monkeypatch.setattr(synth.virtual_archive, "make_archive", make)
    return asked


def test_the_sample_says_what_it_made(made, tmp_path, capsys):
    place = tmp_path / "new" / "recordings"
    assert kinesynth.main(["sample", str(place), "--subjects", "2", "--seed", "5"]) == 0
    assert "3 C3D files of 2 virtual people (1 of 3 gaits" in capsys.readouterr().out
    assert [path.name for path in place.parent.iterdir()] == ["recordings"]
    assert (made[0]["n_subjects"], made[0]["seed"]) == (2, 5)


def test_an_empty_folder_is_filled_and_a_missing_person_is_told(made, tmp_path, capsys):
    assert kinesynth.main(["sample", str(tmp_path), "--subjects", "3", "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["subjects"] == ["S01", "S02"]
    assert said["files"] == 3
    assert sum(1 for _ in tmp_path.rglob("*.c3d")) == 3


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_place_that_holds_something_is_refused_untouched(made, tmp_path, capsys, kind):
    place = tmp_path / "recordings"
    if kind == "folder":
        place.mkdir()
        (place / "mine.c3d").write_bytes(b"mine")
    else:
        place.write_bytes(b"mine")
    assert kinesynth.main(["sample", str(place)]) == 1
    assert "this one holds something" in capsys.readouterr().err
    assert made == []
    kept = place / "mine.c3d" if kind == "folder" else place
    assert kept.read_bytes() == b"mine"


def test_interrupted_the_sample_leaves_nothing_behind(monkeypatch, tmp_path, capsys):
    def make(archive, truth, **_):
        archive.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(synth.virtual_archive, "make_archive", make)
    assert kinesynth.main(["sample", str(tmp_path / "recordings")]) == 130
    assert "interrupted; no file is left half-written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_sensor_errors_can_be_imported_first(repository):
    """The corpus imports recipes and recipes know the corpus: either may come first."""
    code = "import synth.imu.error_recipe"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
