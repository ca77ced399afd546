"""C3D files: what is written is read back, and what is no sound file is refused in one sentence."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from mocap_import.c3d.layout import read_layout
from mocap_import.c3d.occlusion import mask_occluded, mask_placeholders, mask_zeros
from mocap_import.c3d.parameter import stated_parameters
from mocap_import.c3d.reader import read_c3d
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.trial import MarkerTrial, TrialRefused


@pytest.fixture
def written(tmp_path, walker, z_up):
    made = walker()
    positions = made.trial.positions.copy()
    positions[10:14, 3] = np.nan
    trial = replace(
        made.trial, positions=positions, analog={"EMG 1": np.sin(np.arange(3000) / 9.0)}, analog_rate=1000.0
    )
    path = tmp_path / "walk.c3d"
    write_c3d(path, trial, plates=made.plates, axes=z_up, first_frame=51)
    return path, trial, made


@pytest.mark.parametrize("unit, metres", [("mm", 0.001), ("cm", 0.01), ("m", 1.0)])
def test_a_written_file_is_read_back(tmp_path, walker, z_up, unit, metres):
    made = walker(duration=1.0)
    write_c3d(tmp_path / "a.c3d", made.trial, plates=made.plates, unit=unit, axes=z_up)
    raw = read_c3d(tmp_path / "a.c3d")
    assert raw.unit == unit
    assert raw.labels == made.trial.labels
    np.testing.assert_allclose(raw.points * metres, made.trial.positions @ z_up.T, atol=1e-6)
    assert raw.analog_rate == 1000.0
    assert [plate.kind for plate in raw.plates] == [2, 2]


def test_gaps_events_subject_analog_and_clock_survive(written):
    path, trial, _ = written
    raw = read_c3d(path)
    assert np.isnan(raw.points[10:14, 3]).all()
    assert np.isfinite(np.delete(raw.points, 3, axis=1)).all()
    assert raw.first_frame == 51
    assert len(raw.events) == len(trial.events)
    # Event times are absolute: the first frame is at (first_frame - 1) / rate.
    assert raw.events[0].time - 0.5 == pytest.approx(trial.events[0].time, abs=1e-6)
    assert (raw.events[0].label, raw.events[0].context) == ("Foot Strike", trial.events[0].foot.capitalize())
    assert (raw.mass, raw.height) == (pytest.approx(70.0), pytest.approx(1.75))
    np.testing.assert_allclose(raw.analog[:, raw.analog_labels.index("EMG 1")], trial.analog["EMG 1"], atol=1e-6)


def test_belt_speed_is_a_datum_of_the_file(tmp_path, walker):
    made = walker(treadmill=True, speed=1.5)
    write_c3d(tmp_path / "belt.c3d", made.trial, plates=made.plates)
    assert read_c3d(tmp_path / "belt.c3d").belt_speed == pytest.approx(1.5)


def test_more_than_255_labels_continue_in_labels2(tmp_path):
    rng = np.random.default_rng(1)
    labels = tuple(f"M{k:03d}" for k in range(300))
    trial = MarkerTrial("many", _nobody(), labels, rng.uniform(1, 2, (3, 300, 3)), 100.0)
    write_c3d(tmp_path / "many.c3d", trial)
    assert "LABELS2" in read_layout(tmp_path / "many.c3d").parameters["POINT"]
    raw = read_c3d(tmp_path / "many.c3d")
    assert raw.labels == labels
    np.testing.assert_allclose(raw.points * 0.001, trial.positions, atol=1e-6)


def test_prefixes_are_stripped_duplicates_numbered_and_model_outputs_kept_apart(tmp_path):
    outputs = ("LHipAngles", "LGroundReactionForce", "PELO", "PELA")
    labels = tuple(f"Jane:{label}" for label in ("LASI", "RASI", "RASI", *outputs, "LFOO"))
    positions = np.random.default_rng(2).uniform(1, 2, (5, len(labels), 3))
    write_c3d(tmp_path / "p.c3d", MarkerTrial("p", _nobody(), labels, positions, 50.0), unit="m")
    raw = read_c3d(tmp_path / "p.c3d")
    # LFOO alone is a marker; Plug-in Gait's segments come as origin and axes together.
    assert raw.labels == ("LASI", "RASI", "RASI_2", "LFOO")
    assert tuple(raw.model_outputs) == outputs
    np.testing.assert_allclose(raw.model_outputs["LHipAngles"], positions[:, 3], atol=1e-6)
    assert [treatment.what for treatment in raw.treatments] == ["labels_repeated"]
    assert "Jane" not in repr(raw)


def test_occlusion_has_three_spellings():
    points = np.ones((3, 2, 3))
    points[2, 1, 0] = np.nan
    residuals = np.array([[0.0, -1.0], [65535.0, 0.0], [0.0, 0.0]])
    masked = np.isnan(mask_occluded(np.concatenate([points, residuals[:, :, None]], axis=2))).all(axis=2)
    assert masked.tolist() == [[False, True], [True, False], [False, True]]


def test_long_runs_of_zeros_are_occlusion_and_single_ones_only_if_they_jump():
    time = np.arange(100)[:, None]
    far = np.hstack([1000 + time, 500 + 0 * time, 900 + 0 * time]).astype(float)
    near = np.hstack([time - 50, 0 * time, 0 * time]).astype(float)  # really passes through the origin
    points = np.stack([far, near], axis=1)
    points[20:25, 0] = 0
    points[60, 0] = 0
    result, notes = mask_zeros(points, ["far", "near"])
    assert np.flatnonzero(np.isnan(result[:, 0, 0])).tolist() == [20, 21, 22, 23, 24, 60]
    assert np.isfinite(result[:, 1]).all()
    assert [(note.what, "far" in note.detail) for note in notes] == [("zeros_masked", True), ("zeros_kept", False)]


def _refusal(path):
    with pytest.raises(TrialRefused) as caught:
        read_c3d(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert "\n" not in sentence
    return sentence


def test_empty_truncated_foreign_and_missing_files_are_refused_before_a_native_parser_sees_them(written, tmp_path):
    path, _, _ = written
    whole = path.read_bytes()
    (tmp_path / "empty.c3d").write_bytes(b"")
    assert "0 bytes" in _refusal(tmp_path / "empty.c3d")
    (tmp_path / "cut.c3d").write_bytes(whole[: len(whole) * 2 // 3])
    assert "truncated" in _refusal(tmp_path / "cut.c3d")
    (tmp_path / "text.c3d").write_text("this is no C3D file " * 100)
    assert "not a C3D file" in _refusal(tmp_path / "text.c3d")
    (tmp_path / "head.c3d").write_bytes(whole[:520] + b"\x7f" * 1000 + whole[1520:])
    assert "damaged" in _refusal(tmp_path / "head.c3d")
    assert "no regular file" in _refusal(tmp_path)
    assert "no regular file" in _refusal(tmp_path / "absent.c3d")


def test_a_rate_of_zero_is_taken_from_the_header_and_refused_if_that_is_zero_too(written, tmp_path):
    path, _, _ = written
    content = bytearray(path.read_bytes())
    at = content.index(b"RATE", content.index(b"POINT")) + 4
    # name, then 2 bytes offset, type, number of dimensions, dimension, value
    struct.pack_into("<f", content, content.index(struct.pack("<f", 100.0), at), 0.0)
    (tmp_path / "timeless.c3d").write_bytes(content)
    raw = read_c3d(tmp_path / "timeless.c3d")
    assert (raw.rate, raw.treatments[0].what) == (100.0, "rate_from_header")
    struct.pack_into("<f", content, 20, 0.0)
    (tmp_path / "timeless.c3d").write_bytes(content)
    assert "POINT:RATE" in _refusal(tmp_path / "timeless.c3d")


def test_more_than_65535_frames_and_a_late_first_frame_survive(tmp_path):
    time = np.arange(70_000)[:, None, None] * [[[1e-5, 0.0, -1e-5]]]
    trial = MarkerTrial("hour", _nobody(), ("A", "B"), np.concatenate([time, time + 1.0], axis=1), 100.0)
    for first in (1, 101, 66_000):
        write_c3d(tmp_path / "hour.c3d", trial, first_frame=first, unit="m")
        raw = read_c3d(tmp_path / "hour.c3d")
        assert (len(raw.points), raw.first_frame) == (70_000, first)
        np.testing.assert_allclose(raw.points, trial.positions, atol=1e-6)


def test_the_axes_are_stated_on_demand_and_units_of_channels_kept(tmp_path, walker, z_up):
    made = walker(duration=1.0)
    channels = {"EMG": np.arange(1000.0), "force": np.ones(1000)}
    trial = replace(made.trial, analog=channels, analog_rate=1000.0, analog_units={"EMG": "uV", "force": ""})
    write_c3d(tmp_path / "a.c3d", trial, plates=made.plates, axes=z_up, state_axes=True)
    raw = read_c3d(tmp_path / "a.c3d")
    assert raw.screen == ("+X", "+Z")
    assert raw.analog_units[-2:] == ("uV", ""), "no unit is invented"
    write_c3d(tmp_path / "b.c3d", trial, plates=made.plates, axes=z_up)
    assert read_c3d(tmp_path / "b.c3d").screen == ("", "")


def test_three_readers_agree_on_a_file_of_ours_and_no_other_exists(written):
    path, _, _ = written
    direct = read_c3d(path)
    for name in ("ezc3d", "py-c3d"):
        other = read_c3d(path, reader=name)
        np.testing.assert_array_equal(other.points, direct.points)
        np.testing.assert_allclose(other.analog, direct.analog, rtol=1e-6)
        assert (other.source_hash, other.events, other.labels) == (direct.source_hash, direct.events, direct.labels)
    with pytest.raises(ValueError, match="direct, ezc3d, py-c3d"):
        read_c3d(path, reader="btk")


def test_a_clean_file_needs_no_repair_and_its_subject_is_known_for_grouping_only(written):
    path, _, _ = written
    raw = read_c3d(path)
    assert raw.treatments == ()
    assert raw.subject_name == ""
    assert "subject_name" not in repr(raw)


def test_an_interrupted_write_leaves_the_old_file(written, monkeypatch):
    path, trial, made = written
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_c3d(path, trial, plates=made.plates)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_writing_refuses_rates_that_no_file_can_hold(written, tmp_path):
    _, trial, made = written
    odd = replace(trial.ground_reactions[0], rate=1050.0)
    with pytest.raises(ValueError, match="multiple"):
        write_c3d(tmp_path / "x.c3d", replace(trial, ground_reactions=(odd, odd)), plates=made.plates)
    with pytest.raises(ValueError, match="as many plates"):
        write_c3d(tmp_path / "x.c3d", trial, plates=made.plates[:1])


def test_real_files_obey_the_size_equation(data_dir):
    for path in sorted((data_dir / "mcgill_walk_youth").rglob("*.c3d"))[:6]:
        assert 0 <= path.stat().st_size - read_layout(path).expected_size < 1024, path.name


def test_parameters_read_without_the_data_are_those_of_the_whole_file(data_dir, tmp_path):
    folders = ("mcgill_walk_youth", "clinical_labs_anz", "c3d_import_cases/Sample02")
    for path in sorted(path for folder in folders for path in (data_dir / folder).rglob("*.c3d")):
        alone, whole = stated_parameters(path), read_layout(path).parameters
        assert repr(alone) == repr(whole), path.name
    for content in (b"", b"\x02", bytes(600), b"\xff\x50" + bytes(600)):
        broken = tmp_path / "broken.c3d"
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"broken|block|processor"):
            stated_parameters(broken)


def test_six_number_formats_of_one_recording_agree(data_dir):
    folder = data_dir / "c3d_import_cases" / "Sample02"
    reference = read_c3d(folder / "pc_real.c3d")
    for path in sorted(folder.glob("*.c3d")):
        raw = read_c3d(path)
        assert raw.labels == reference.labels
        np.testing.assert_allclose(raw.points, reference.points, atol=0.3)  # one integer step
        np.testing.assert_allclose(raw.analog, reference.analog, rtol=1e-3, atol=0.5)


def _nobody():
    from mocap_import.subject import Subject

    return Subject("S")


def _moving(n_frames=100, n_markers=4, step=0.01):
    """A cloud of markers that walks along X with some swing, no sample like another."""
    time = np.arange(n_frames)[:, None] * step
    phase = np.arange(n_markers)[None]
    along = time + 0.2 * np.sin(3 * time + phase)
    return np.stack([along, 0.3 * phase + 0.05 * np.sin(5 * time + phase), np.cos(time + phase)], axis=2)


def test_a_place_at_which_several_markers_hide_is_no_position():
    true = _moving()
    points = true.copy()
    points[20:30, 0] = points[60:64, 2] = points[70, 2] = points[5, 3] = (139.4, 139.6, 139.7)
    found, notes = mask_placeholders(points, list("abcd"))
    hidden = (points != true).any(axis=2)
    assert np.isnan(found[hidden]).all()
    np.testing.assert_array_equal(found[~hidden], true[~hidden])
    (note,) = notes
    assert note.what == "placeholder_masked"
    assert "16 samples at (139.4, 139.6, 139.7)" in note.detail
    assert note.detail.endswith(": a, c, d")
    points[:, 1] = (139.4, 139.6, 139.7)
    assert np.isnan(mask_placeholders(points, list("abcd"))[0][:, 1]).all()


@pytest.mark.parametrize("case", ["copies", "one marker at rest", "standing, integers", "all constant", "occluded"])
def test_markers_that_rest_or_are_copies_are_no_placeholders(case):
    points = _moving()
    if case == "copies":  # one trajectory under two labels, at rest for a while where it came to
        points[40:, 1] = points[40, 1]
        points[:, 3] = points[:, 1]
    elif case == "one marker at rest":
        points[40:, 1] = points[40, 1] + 10.0
    elif case == "standing, integers":
        rng = np.random.default_rng(1)
        points = np.round(10 * points[:1] + rng.normal(0, 0.2, points.shape))
        points[:, 3] = points[:, 1]
        assert (points[1:] == points[:-1]).all(axis=2).mean() > 0.3
    elif case == "all constant":
        points[:] = points[:1]
        points[:, 3] = points[:, 1]
    else:
        points[30:60] = np.nan
    found, notes = mask_placeholders(points, list("abcd"))
    assert found is points
    assert notes == []


def test_a_file_with_a_placeholder_says_so(tmp_path):
    import ezc3d

    points = _moving(step=0.02)
    points[20:30, 0] = points[60:64, 2] = (139.4, 139.6, 139.7)
    content = ezc3d.c3d()
    content["parameters"]["POINT"]["RATE"]["value"] = [100.0]
    content["parameters"]["POINT"]["LABELS"]["value"] = list("abcd")
    content["data"]["points"] = np.concatenate([points, np.ones((100, 4, 1))], axis=2).T
    content.write(str(tmp_path / "a.c3d"))
    raw = read_c3d(tmp_path / "a.c3d")
    assert "placeholder_masked" in [note.what for note in raw.treatments]
    assert np.isnan(raw.points[:, :, 0]).sum() == 14
