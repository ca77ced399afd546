"""Session facts: mass and height that one recording states hold for its session; conflicts are named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mocap_import.archive.run import convert_archive
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.subject import Subject
from mocap_import.trial_store import load_trial

NOTHING = Subject("S1")


@pytest.fixture
def recorded(tmp_path, walker, z_up):
    """Writer of a recording of a given session that states the mass and height of a given subject."""
    made = walker(duration=1.5, rate=50.0, ratio=4, forces=False)

    def record(place, subject=NOTHING):
        path = tmp_path / "lab" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        positions = made.trial.positions
        if "static" in place:
            positions = np.repeat(positions[25:26], 60, axis=0)
        write_c3d(path, replace(made.trial, positions=positions, events=(), subject=subject), axes=z_up)

    return record


def _convert(tmp_path, **settings):
    settings = {"n_workers": 0, "codes": "keep"} | settings
    return convert_archive(tmp_path / "lab", tmp_path / "out", **settings).set_index("file")


def test_what_the_static_trial_states_holds_for_its_session_and_no_other(recorded, tmp_path):
    recorded("S1/visit1/static.c3d", Subject("S1", mass=61.0, height=1.71))
    recorded("S1/visit1/walk.c3d")
    recorded("S1/visit2/walk.c3d")
    recorded("S2/visit1/walk.c3d")
    table = _convert(tmp_path)
    assert (table.mass["S1/visit1/walk.c3d"], table.height["S1/visit1/walk.c3d"]) == (61.0, pytest.approx(1.71))
    assert table.loc[["S1/visit2/walk.c3d", "S2/visit1/walk.c3d"], ["mass", "height"]].isna().all(axis=None)
    trial = load_trial(tmp_path / "out" / table.output["S1/visit1/walk.c3d"])
    notes = {note.what: note.detail for note in trial.treatments}
    assert notes["mass_from_session"] == "body mass 61.0 kg as other recordings of the session state"
    assert notes["height_from_session"] == "stature 1.71 m as other recordings of the session state"
    assert "mass_weighed" not in notes
    assert table.status["S1/visit1/walk.c3d"] == "accepted"


def test_a_walk_tells_the_static_trial_too_and_a_second_run_does_nothing(recorded, tmp_path, monkeypatch):
    recorded("S1/static.c3d")
    recorded("S1/walk.c3d", Subject("S1", mass=61.0))
    first = _convert(tmp_path)
    assert first.mass["S1/static.c3d"] == 61.0
    assert math.isnan(first.height["S1/static.c3d"])
    monkeypatch.setattr("mocap_import.archive.conversion.convert_file", None)
    assert _convert(tmp_path).equals(first)


def test_a_table_of_participants_outweighs_the_session(recorded, tmp_path):
    recorded("S1/static.c3d", Subject("S1", mass=61.0))
    recorded("S1/walk.c3d")
    (tmp_path / "lab" / "participants.csv").write_text("subject,mass_kg\nS1,64\n")
    assert _convert(tmp_path).mass.tolist() == [64.0, 64.0]


def test_two_masses_in_one_session_are_named_in_both_and_passed_on_to_none(recorded, tmp_path):
    recorded("S1/walk_1.c3d", Subject("S1", mass=61.0, height=1.7))
    recorded("S1/walk_2.c3d", Subject("S1", mass=71.0, height=1.7))
    recorded("S1/walk_3.c3d")
    table = _convert(tmp_path)
    said = "mass_conflict: 61 kg here, 61 to 71 kg in the recordings of this session"
    assert said in table.doubts["S1/walk_1.c3d"]
    assert "mass_conflict: 71 kg here" in table.doubts["S1/walk_2.c3d"]
    assert table.mass.tolist()[:2] == [61.0, 71.0]
    assert math.isnan(table.mass["S1/walk_3.c3d"])
    assert table.height["S1/walk_3.c3d"] == pytest.approx(1.7)
    assert not table.doubts.str.contains("height_conflict").any()
    assert "mass_conflict" in table.verdict_reasons["S1/walk_1.c3d"]


def test_the_static_trial_decides_between_two_heights(recorded, tmp_path):
    recorded("S1/static.c3d", Subject("S1", height=1.60))
    recorded("S1/walk_1.c3d", Subject("S1", height=1.70))
    recorded("S1/walk_2.c3d")
    table = _convert(tmp_path)
    assert table.height.tolist() == pytest.approx([1.60, 1.70, 1.60])
    assert table.doubts.str.contains("height_conflict").tolist() == [True, True, False]


def test_a_scale_that_rounds_is_no_conflict(recorded, tmp_path):
    recorded("S1/walk_1.c3d", Subject("S1", mass=61.0))
    recorded("S1/walk_2.c3d", Subject("S1", mass=61.4))
    recorded("S1/walk_3.c3d")
    table = _convert(tmp_path)
    assert not table.doubts.str.contains("mass_conflict").any()
    assert table.mass["S1/walk_3.c3d"] == pytest.approx(61.2)


def test_a_file_that_gets_its_own_mass_later_is_not_told_any_more(recorded, tmp_path):
    recorded("S1/static.c3d", Subject("S1", mass=61.0))
    recorded("S1/walk.c3d")
    assert "mass_from_session" in _convert(tmp_path).reason["S1/walk.c3d"]
    recorded("S1/walk.c3d", Subject("S1", mass=60.5))
    table = _convert(tmp_path)
    assert table.mass["S1/walk.c3d"] == 60.5
    assert "mass_from_session" not in table.reason["S1/walk.c3d"]


def test_a_child_whose_walk_lost_its_mass_has_that_of_its_static_trial(data_dir, tmp_path):
    for folder, name in (("Static", "HC039A01.c3d"), ("Straight", "HC039A17.c3d")):
        content = (data_dir / "mcgill_walk_youth" / "HC039A" / folder / name).read_bytes()
        if folder == "Straight":
            assert content.count(b"Bodymass") == 1
            content = content.replace(b"Bodymass", b"Unmassed").replace(b"Height", b"Hejght")
        (tmp_path / "lab" / "HC039A" / folder).mkdir(parents=True)
        (tmp_path / "lab" / "HC039A" / folder / name).write_bytes(content)
    table = _convert(tmp_path)
    assert table.mass.tolist() == pytest.approx([39.7, 39.7])
    trial = load_trial(tmp_path / "out" / table.output.iloc[1])
    assert {"mass_from_session", "height_from_session"} <= {note.what for note in trial.treatments}
