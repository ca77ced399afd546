"""Trial store: a trial comes back bit for bit, and a foreign file is refused."""

from __future__ import annotations

import stat
from dataclasses import asdict, fields, replace

import h5py
import numpy as np
import pytest

from mocap_import.trial import GaitEvent, PlateStep, Treatment, TrialRefused
from mocap_import.trial_store import load_trial, write_trial


@pytest.fixture
def trial(walker):
    made = walker(duration=1.0).trial
    positions = made.positions.copy()
    positions[3:6, 2] = np.nan
    filled = np.zeros(positions.shape[:2], dtype=bool)
    filled[10:12, 1] = True
    return replace(
        made,
        positions=positions,
        filled=filled,
        fill_method=filled.astype(np.uint8),
        fill_uncertainty=np.where(filled, 0.002, 0.0).astype(np.float32),
        ground_reactions=tuple(replace(r, corners=np.arange(12.0).reshape(4, 3) / 7) for r in made.ground_reactions),
        steps=(PlateStep("plate 1", "right", 0.2, 0.8, False, "the left foot stands on it, too"),),
        analog={"EMG/left ΔV": np.arange(1000.0), "trigger": np.arange(1000.0) / 3},
        analog_units={"EMG/left ΔV": "µV"},
        analog_rate=1000.0,
        emg_envelopes={"EMG/left ΔV": np.linspace(0, 1, len(positions))},
        model_outputs={"LHipAngles": np.ones((len(positions), 3))},
        model_output_units={"LHipAngles": "deg"},
        segment_rotations={"pelvis_4X4": np.tile(np.eye(4), (len(positions), 1, 1))},
        segment_rotation_rate=100.0,
        start_time=1.23,
        session="visit 2",
        source="S01/walk.c3d",
        source_hash="ab" * 32,
        belt_speed=float("nan"),
        treatments=(Treatment("gap_left", "Ü 0.5 s"),),
    )


def _same(a, b):
    for field in fields(a):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
        elif field.name == "ground_reactions":
            assert len(one) == len(other)
            for x, y in zip(one, other, strict=True):
                _same(x, y)
        elif field.name in ("analog", "emg_envelopes", "model_outputs", "segment_rotations"):
            assert one.keys() == other.keys()
            for key in one:
                np.testing.assert_array_equal(one[key], other[key])
        elif field.name == "subject":
            np.testing.assert_equal(asdict(one), asdict(other))
        elif isinstance(one, float):
            np.testing.assert_equal(one, other)
        else:
            assert one == other, field.name


def test_a_trial_comes_back_bit_for_bit(tmp_path, trial):
    write_trial(tmp_path / "a.trial.h5", trial)
    _same(load_trial(tmp_path / "a.trial.h5"), trial)


def test_thousands_of_events_fit(tmp_path, trial):
    events = tuple(GaitEvent(k / 3, "right", "foot_strike", "force") for k in range(5000))
    write_trial(tmp_path / "long.trial.h5", replace(trial, events=events))
    assert load_trial(tmp_path / "long.trial.h5").events == events


def test_a_trial_without_markers_comes_back(tmp_path, trial):
    n = trial.n_frames
    none = replace(trial, labels=(), positions=np.zeros((n, 0, 3)), filled=np.zeros((n, 0), dtype=bool))
    none = replace(none, fill_method=None, fill_uncertainty=None, ground_reactions=(), steps=(), analog={})
    none = replace(none, analog_units={}, analog_rate=0.0)
    write_trial(tmp_path / "none.trial.h5", none)
    _same(load_trial(tmp_path / "none.trial.h5"), none)


def test_plates_of_two_rates_keep_their_order(tmp_path, trial):
    first = trial.ground_reactions[0]
    slow = replace(first, force=first.force[::2], centre_of_pressure=first.centre_of_pressure[::2], name="slow")
    slow = replace(slow, free_moment=first.free_moment[::2], rate=first.rate / 2, corners=None)
    mixed = replace(trial, ground_reactions=(first, slow, first))
    write_trial(tmp_path / "mixed.trial.h5", mixed)
    _same(load_trial(tmp_path / "mixed.trial.h5"), mixed)


def test_the_same_trial_gives_the_same_bytes(tmp_path, trial):
    for name in "ab":
        write_trial(tmp_path / f"{name}.trial.h5", trial)
    assert (tmp_path / "a.trial.h5").read_bytes() == (tmp_path / "b.trial.h5").read_bytes()


def test_arrays_say_their_unit_and_frame(tmp_path, trial):
    write_trial(tmp_path / "a.trial.h5", trial)
    with h5py.File(tmp_path / "a.trial.h5") as file:
        assert file["positions"].attrs["unit"] == "m"
        assert "Y up" in file["ground_reactions/01/force"].attrs["frame"]


def test_a_full_disk_leaves_the_old_trial_and_no_litter(tmp_path, trial, monkeypatch):
    write_trial(tmp_path / "a.trial.h5", trial)
    before = (tmp_path / "a.trial.h5").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_trial(tmp_path / "a.trial.h5", replace(trial, name="other"))
    assert (tmp_path / "a.trial.h5").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_colleagues_may_read_a_trial(tmp_path, trial):
    write_trial(tmp_path / "a.trial.h5", trial)
    (tmp_path / "plain").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.trial.h5", "plain")]
    assert modes[0] == modes[1] & 0o644


def test_foreign_and_other_files_are_refused(tmp_path, trial):
    (tmp_path / "text.trial.h5").write_text("no")
    with pytest.raises(TrialRefused, match="import the C3D file again"):
        load_trial(tmp_path / "text.trial.h5")
    write_trial(tmp_path / "a.trial.h5", trial)
    with h5py.File(tmp_path / "a.trial.h5", "r+") as file:
        file.attrs["schema"] = 99
    with pytest.raises(TrialRefused, match="schema 99"):
        load_trial(tmp_path / "a.trial.h5")
    write_trial(tmp_path / "a.trial.h5", trial)
    with h5py.File(tmp_path / "a.trial.h5", "r+") as file:
        file["out"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(TrialRefused, match="link"):
        load_trial(tmp_path / "a.trial.h5")
