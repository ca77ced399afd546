"""Foreign .trc files: what can be put right is put right and said, what cannot be told is refused."""

import numpy as np
import pytest

from mocap_import.export.trc import write_trc
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.exchange.marker_file import read_markers
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.subject_scaling import load_recording

LABELS = ("HEAD", "HEEL")


def person(n=6):
    """Two markers 1.6 m apart that go forward."""
    positions = np.zeros((n, 2, 3))
    positions[:, :, 0] = 0.1 + 0.01 * np.arange(n)[:, None]
    positions[:, 0, 1], positions[:, 1, 1] = 1.65, 0.05
    return positions


def text(positions, *, unit="mm", rate=100, decimals=3, head_tabs=3, frames=None, n_stated=None):
    factor = {"mm": 1000.0, "m": 1.0, "cm": 100.0}.get(unit, 1000.0)
    n = len(positions)
    numbers = range(1, n + 1) if frames is None else frames
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tx.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{n_stated or n}\t2\t{unit}\t{rate}\t1\t{n}",
        "Frame#\tTime\t" + ("\t" * head_tabs).join(LABELS),
        "\t\tX1\tY1\tZ1\tX2\tY2\tZ2",
        "",
    ]
    for number, row in zip(numbers, positions, strict=True):
        cells = ["" if np.isnan(x) else f"{x * factor:.6g}" for x in row.ravel()]
        lines.append("\t".join([str(number), f"{(number - 1) / rate:.{decimals}f}", *cells]))
    return "\n".join([*lines, ""])


def read(tmp_path, content, **k):
    path = tmp_path / "x.trc"
    path.write_text(content)
    return read_markers(path, **k)


def said(table):
    return {note.what for note in table.treatments}


def test_our_own_file_comes_back_without_a_word(tmp_path):
    positions = person()
    positions[2, 1] = np.nan
    write_trc(tmp_path / "x.trc", MarkerTrial("t", Subject("S"), LABELS, positions, 69.993))
    table = read_markers(tmp_path / "x.trc")
    np.testing.assert_allclose(table.positions, positions, atol=1e-9)
    assert (table.labels, table.rate, table.treatments) == (LABELS, 69.993, ())


@pytest.mark.parametrize("head_tabs", [1, 3])
@pytest.mark.parametrize("unit", ["m", "mm", "cm"])
def test_units_and_either_way_of_writing_labels(tmp_path, unit, head_tabs):
    table = read(tmp_path, text(person(), unit=unit, head_tabs=head_tabs))
    np.testing.assert_allclose(table.positions, person(), rtol=1e-5)
    assert table.labels == LABELS
    assert not table.treatments


def test_a_wrong_unit_is_put_right_and_said(tmp_path):
    for stated, real in (("mm", 0.001), ("m", 1000.0)):
        table = read(tmp_path, text(person() * real, unit=stated))
        np.testing.assert_allclose(table.positions, person(), rtol=1e-5)
        assert said(table) == {"unit_corrected"}
    with pytest.raises(ModelMismatch, match="no person"):
        read(tmp_path, text(person() * 1e-6, unit="m"))
    table = read(tmp_path, text(person() * 0.05, unit="m"), unit="m")  # a foot alone: the user knows
    np.testing.assert_allclose(table.positions, person() * 0.05, rtol=1e-5)


def test_zeros_are_gaps(tmp_path):
    positions = person()
    positions[3, 1] = 0.0
    table = read(tmp_path, text(positions))
    assert np.isnan(table.positions[3, 1]).all()
    assert np.isfinite(table.positions).sum() == 36 - 3
    assert said(table) == {"zeros_are_gaps"}
    assert "HEEL" in table.treatments[0].detail


def test_rows_out_of_order_and_missing_frames(tmp_path):
    order = [0, 1, 3, 2, 4, 5]
    table = read(tmp_path, text(person()[order], frames=[k + 1 for k in order]))
    np.testing.assert_allclose(table.positions, person(), rtol=1e-5)
    assert said(table) == {"rows_sorted"}
    kept = [0, 1, 4, 5]
    table = read(tmp_path, text(person()[kept], frames=[k + 1 for k in kept]))
    assert np.isnan(table.positions[2:4]).all()
    np.testing.assert_allclose(table.positions[kept], person()[kept], rtol=1e-5)
    assert said(table) == {"frames_missing"}


def test_repeated_rows(tmp_path):
    again = person()[[0, 1, 1, 2]]
    table = read(tmp_path, text(again, frames=[1, 2, 2, 3]))
    assert len(table.positions) == 3
    again[2] += 0.1
    with pytest.raises(ModelMismatch, match="twice with different"):
        read(tmp_path, text(again, frames=[1, 2, 2, 3]))


def test_one_frame_is_said(tmp_path):
    table = read(tmp_path, text(person(1)))
    assert table.positions.shape == (1, 2, 3)
    assert said(table) == {"one_frame"}
    assert said(read(tmp_path, text(person(2)))) == set()


def test_every_repair_reaches_the_trial(tmp_path):
    """A header in mm over metres, exchanged rows and zeros: three treatments of the recording, each with its detail."""
    positions = person()[[0, 1, 3, 2, 4, 5]]
    positions[4, 1] = 0.0
    content = text(positions, unit="m", frames=[1, 2, 4, 3, 5, 6]).replace("\tm\t", "\tmm\t")
    (tmp_path / "walk.trc").write_text(content)
    trial = load_recording(tmp_path / "walk.trc")
    details = {note.what: note.detail for note in trial.treatments}
    assert set(details) == {"unit_corrected", "rows_sorted", "zeros_are_gaps"}
    assert "mm" in details["unit_corrected"] and "HEEL" in details["zeros_are_gaps"]
    np.testing.assert_allclose(trial.positions[:4], person()[:4], rtol=1e-5)


def test_rounded_times_give_the_rate_and_a_wrong_one_is_refused(tmp_path):
    content = text(person(200), rate=60)
    assert read(tmp_path, content).rate == 60.0
    wrong = content.replace("60\t60\t200", "100\t100\t200")
    with pytest.raises(ModelMismatch, match=r"100 Hz.*rate="):
        read(tmp_path, wrong)
    assert read(tmp_path, wrong, rate=60.0).rate == 60.0
    assert said(read(tmp_path, text(person(), n_stated=9))) == {"header_wrong"}


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "time\tx\n0\t1\n",
        text(person())
        .replace("NumMarkers", "Markers")
        .replace("\t2\tmm", "\t5\tmm")
        .replace("Markers", "NumMarkers", 1),
        text(person()).replace("HEEL", "HEAD"),
        text(person())[:-60],
        text(person()).replace("1650", "high"),
    ],
)
def test_what_is_no_marker_file_is_refused(tmp_path, broken):
    with pytest.raises(ModelMismatch, match=r"x\.trc"):
        read(tmp_path, broken)


def test_shared_marker_files_are_read(data_dir):
    """Files of four programs, among them one with zeros for a hidden elbow and one whose labels stand close."""
    table = read_markers(data_dir / "falisse_walk_cycle/static.trc")
    assert said(table) == {"zeros_are_gaps"}
    assert int(np.isnan(table.positions[..., 0]).sum()) == 20
    for name, shape in (
        ("hamner_running/run200.trc", (233, 42, 3)),
        ("opencap_lab_subject4/MarkerData/walking1.trc", (131, 51, 3)),
        ("opensim_core/rajagopal_walk/markers_walk.trc", (238, 41, 3)),
        ("cmu_imu_grf_walk/Sub02/CSBaseline/OpenSim_static_markers.trc", (6, 39, 3)),
    ):
        table = read_markers(data_dir / name)
        assert (table.positions.shape, table.rate) == (shape, 100.0), name
        assert not table.treatments


BROKEN = (
    ("\n3\t", "\ninf\t", "infinity"),
    ("\n3\t", "\n4000000\t", "misprinted"),
    ("\n3\t", "\n3.5\t", "whole number"),
    ("\n3\t0.020\t", "\n3\thello\t", "no number"),
)


@pytest.mark.parametrize(("old", "new", "word"), BROKEN)
def test_a_frame_number_or_time_that_cannot_be_is_a_refusal(tmp_path, old, new, word):
    content = text(person())
    assert old in content
    with pytest.raises(ModelMismatch, match=rf"x\.trc.*{word}"):
        read(tmp_path, content.replace(old, new, 1))
