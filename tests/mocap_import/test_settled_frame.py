"""Settled frame: the certain trials of a laboratory decide what one leaves open; what a person asks for wins."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import PurePath
from types import SimpleNamespace

import numpy as np
import pytest

from mocap_import.archive.identity import Recording
from mocap_import.archive.run import convert_archive
from mocap_import.archive.settled_frame import settled_frames
from mocap_import.c3d.reader import read_c3d
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.trial_reader import trial_from_raw
from mocap_import.trial_store import load_trial

NAMELESS = ("M1", "M2", "M3", "M4")


def _nameless(trial):
    """A trial that shows nothing of its axes: four nameless markers on the thighs and shanks of one who stands."""
    keep = [trial.labels.index(label) for label in ("RTHI", "RKNE", "RTIB", "LTIB")]
    positions = np.repeat(trial.positions[25:26, keep], 60, axis=0)
    return replace(trial, labels=NAMELESS, positions=positions, ground_reactions=(), events=(), analog={})


@pytest.fixture
def laboratory(tmp_path, walker, z_up):
    """Five walks in one direction, and two trials that leave their axes open: beside them, and in another folder."""
    made = walker(duration=1.5, rate=50.0, ratio=4)
    for folder in ("gait/S1", "gait/S2", "elsewhere/S3"):
        (tmp_path / "lab" / folder).mkdir(parents=True)
    for k in range(5):
        moved = replace(made.trial, positions=made.trial.positions + np.array([0.001 * k, 0.0, 0.0]))
        write_c3d(tmp_path / "lab" / "gait" / "S1" / f"walk_{k}.c3d", moved, plates=made.plates, axes=z_up)
    for place in ("gait/S2", "elsewhere/S3"):
        write_c3d(tmp_path / "lab" / place / "rep.c3d", _nameless(made.trial), axes=z_up)
    return tmp_path / "lab"


def _convert(root, out, **settings):
    table = convert_archive(root, out, **{"n_workers": 0, "codes": "keep"} | settings)
    return table.set_index("file")


def test_an_ambiguous_trial_is_settled_by_its_laboratory_and_by_no_other(laboratory, tmp_path):
    table = _convert(laboratory, tmp_path / "out")
    settled, alone = table.loc["gait/S2/rep.c3d"], table.loc["elsewhere/S3/rep.c3d"]
    assert "axes_from_archive: +X forward, +Z up, as in the other trials of this laboratory" in settled.reason
    assert "axes_ambiguous" not in settled.doubts
    assert settled.status == "repaired"
    assert "axes_ambiguous" in alone.doubts
    trial = load_trial(tmp_path / "out" / settled.output)
    raw = read_c3d(laboratory / "gait" / "S2" / "rep.c3d")
    # The file has X forward and Z up: the ground's (x, y, z) is the file's (x, z, -y).
    np.testing.assert_allclose(trial.positions, 1e-3 * raw.points[:, :, [0, 2, 1]] * [1, 1, -1], rtol=1e-6)


def test_a_second_run_does_nothing_and_any_number_of_workers_gives_the_same_bytes(laboratory, tmp_path, monkeypatch):
    runs = []
    for name, workers in (("a", 0), ("b", 2)):
        first = _convert(laboratory, tmp_path / name, n_workers=workers)
        files = sorted([*(tmp_path / name).rglob("*.h5"), tmp_path / name / "import.csv"])
        runs.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert runs[0] == runs[1]
    monkeypatch.setattr("mocap_import.archive.conversion.convert_file", None)
    assert _convert(laboratory, tmp_path / "a").equals(first)


def test_a_run_that_stopped_before_settling_settles_in_the_next(laboratory, tmp_path, monkeypatch):
    reference = _convert(laboratory, tmp_path / "reference")
    monkeypatch.setattr("mocap_import.archive.run._MOST_ROUNDS", 0)
    assert "axes_ambiguous" in _convert(laboratory, tmp_path / "out").doubts["gait/S2/rep.c3d"]
    monkeypatch.undo()
    assert _convert(laboratory, tmp_path / "out").equals(reference)


def test_certain_trials_that_come_or_go_later_settle_or_unsettle(laboratory, tmp_path):
    walks = sorted((laboratory / "gait" / "S1").glob("*.c3d"))
    apart = [path.rename(tmp_path / path.name) for path in walks]
    assert "axes_ambiguous" in _convert(laboratory, tmp_path / "out").doubts["gait/S2/rep.c3d"]
    for path in apart:
        path.rename(laboratory / "gait" / "S1" / path.name)
    assert "axes_from_archive" in _convert(laboratory, tmp_path / "out").reason["gait/S2/rep.c3d"]
    for path in walks[1:]:
        path.unlink()
    assert "axes_ambiguous" in _convert(laboratory, tmp_path / "out").doubts["gait/S2/rep.c3d"]


def test_the_axes_that_a_person_gives_win(laboratory, tmp_path):
    table = _convert(laboratory, tmp_path / "out", axes="-X+Z")
    assert not table.reason.str.contains("from_archive").any()
    assert table.reason.str.contains("axes_given: -X forward").all()


def test_a_child_of_mcgill_without_marker_names_is_settled_up_but_not_to_one_of_two_directions(data_dir, tmp_path):
    for number, folder in ((31, "Turn"), (17, "Straight"), (1, "Static")):
        name = f"HC039A{number:02d}.c3d"
        (tmp_path / "lab" / "HC039A").mkdir(parents=True, exist_ok=True)
        target = tmp_path / "lab" / "HC039A" / name
        target.write_bytes((data_dir / "mcgill_walk_youth" / "HC039A" / folder / name).read_bytes())
    frames = []
    trial = trial_from_raw(read_c3d(target), target.name, on_frame=frames.append)
    cut = replace(_nameless(trial), positions=_nameless(trial).positions[:5])
    write_c3d(tmp_path / "lab" / "HC039A" / "cut.c3d", cut, axes=frames[0].rotation.T)
    row = _convert(tmp_path / "lab", tmp_path / "out").loc["HC039A/cut.c3d"]
    # People walk both ways along Y there: the vertical and the line are decided, the direction stays open and is said.
    assert "axes_ambiguous: " in row.doubts
    assert "Y forward, +Z up, as in the other trials of this laboratory" in row.doubts
    assert "possible too: -Y+Z;" in row.doubts or "possible too: +Y+Z;" in row.doubts


def test_runners_of_one_treadmill_settle_the_axes_of_one_without_names(data_dir, tmp_path):
    for path in sorted((data_dir / "rbds_running").rglob("*.c3d"))[:5]:
        (tmp_path / "rbds" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "rbds" / path.parent.name / path.name).write_bytes(path.read_bytes())
    raw, frames = read_c3d(path), []
    trial = trial_from_raw(raw, path.name, on_frame=frames.append)
    thigh = [k for k, label in enumerate(trial.labels) if "thigh" in label.lower()][:4]
    cut = replace(
        trial, labels=NAMELESS, positions=trial.positions[:40, thigh], ground_reactions=(), events=(), analog={}
    )
    write_c3d(tmp_path / "rbds" / "cut.c3d", cut, axes=frames[0].rotation.T)
    row = _convert(tmp_path, tmp_path / "out").loc["rbds/cut.c3d"]
    assert f"axes_from_archive: {frames[0].axes[:2]} forward, {frames[0].axes[2:]} up" in row.reason
    np.testing.assert_allclose(load_trial(tmp_path / "out" / row.output).positions, cut.positions, atol=1e-5)


def test_a_damaged_file_that_lost_its_labels_is_settled_by_the_undamaged_ones_as_it_was(data_dir, tmp_path):
    fuzz = data_dir / "c3d_odd" / "fuzz"
    names = ("mem_00", "mem_02", "segv_04", "silent_shape2_00", "silent_shape2_02", "segv_00")
    (tmp_path / "lab").mkdir()
    for name in names:
        (tmp_path / "lab" / f"{name}.c3d").write_bytes((fuzz / f"{name}_pc_real.c3d").read_bytes())
    frames = []
    trial_from_raw(read_c3d(tmp_path / "lab" / "segv_00.c3d"), "segv_00", on_frame=frames.append)
    assert frames[0].is_ambiguous
    table = _convert(tmp_path / "lab", tmp_path / "out")
    damaged, whole = (load_trial(tmp_path / "out" / table.output[f"{name}.c3d"]) for name in ("segv_00", "mem_00"))
    assert "axes_from_archive" in table.reason["segv_00.c3d"]
    assert damaged.labels != whole.labels
    np.testing.assert_array_equal(damaged.positions, whole.positions)


def _jobs_and_rows(*trials):
    """Jobs and rows of (place, plates, axes, alternatives)."""
    jobs, rows = [], {}
    for place, plates, axes, alternatives in trials:
        file = SimpleNamespace(relative=PurePath(place))
        jobs.append(SimpleNamespace(recording=Recording(file, place, None, "S", "", "t", place)))
        evidence = {"axes": axes, "unit": "mm", "alternatives": alternatives, "screen": "", "plates": plates}
        rows[place] = {"status": "accepted", "evidence": evidence}
    return jobs, rows


def test_across_top_folders_only_the_same_plates_make_one_laboratory():
    certain = [(f"P{k}/walk.c3d", "plates A", "+X+Z", []) for k in range(5)]
    for plates, expected in (("plates A", True), ("plates B", False), ("", False)):
        jobs, rows = _jobs_and_rows(*certain, ("P9/odd.c3d", plates, "+Y+Z", ["+X+Z"]))
        told = settled_frames(jobs, rows)
        assert told == ({"P9/odd.c3d": {"axes": "+X+Z", "open": []}} if expected else {})


def test_a_certain_trial_that_contradicts_the_others_on_the_same_plates_is_named_not_turned():
    certain = [(f"P{k}/walk.c3d", "plates A", "+X+Z" if k % 2 else "-X+Z", []) for k in range(6)]
    jobs, rows = _jobs_and_rows(*certain, ("P9/odd.c3d", "plates A", "+X+Y", []), ("P9/other.c3d", "B", "+X+Y", []))
    said = "+Y up and mm here, +Z up and mm in most recordings with these plates"
    assert settled_frames(jobs, rows) == {"P9/odd.c3d": {"deviates": said}}


def test_a_unit_is_settled_alone_and_a_refused_trial_says_nothing():
    certain = [(f"P/walk_{k}.c3d", "A", "+X+Z", []) for k in range(2)]
    jobs, rows = _jobs_and_rows(*certain, ("P/odd.c3d", "A", "+X+Z", ["m"]))
    rows["P/odd.c3d"]["evidence"]["unit"] = "cm"
    rows["P/odd.c3d"]["evidence"]["alternatives"] = ["m", "mm"]
    assert settled_frames(jobs, rows) == {"P/odd.c3d": {"unit": "mm"}}
    rows["P/walk_1.c3d"]["status"] = "refused"
    assert settled_frames(jobs, rows) == {}
