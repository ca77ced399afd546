"""What was measured of somebody whose keypoints one has: SI, of a trial that is there, the same wherever it stands."""

import sys
from pathlib import Path

import numpy as np
import pytest

from synth.camera.keypoint_input import units_of
from synth.camera.keypoint_record import record_clips
from synth.camera.keypoint_source import KeypointSource, read_keypoints
from synth.corpus.schema import CorpusMismatch

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import HEIGHT
from own_files import RATE, written_csv, written_folder


def test_what_is_told_of_a_trial_goes_with_its_rows_or_in_a_table_beside(clip, tmp_path):
    own = written_csv(tmp_path / "a.csv", clip.pixels, RATE, stature=1.6, treadmill="yes", speed=1.2)
    (record,) = read_keypoints(KeypointSource(own))
    assert (record.stature, record.treadmill, dict(record.measured)) == (1.6, True, {"speed": 1.2})
    beside = tmp_path / "measured.csv"
    beside.write_text("person,trial,stature,cadence\nA,,1.7,\nA,walk,,1.9\n")
    plain = written_csv(tmp_path / "b.csv", clip.pixels, RATE)
    (record,) = read_keypoints(KeypointSource(plain, measured=beside))
    assert (record.stature, record.treadmill, dict(record.measured)) == (1.7, False, {"cadence": 1.9})
    arrays = record_clips([record]).arrays
    assert arrays.parameters[0, 2] * units_of(1.7)[2] == pytest.approx(1.9)
    assert np.isnan(arrays.parameters[0, [0, 1, 3]]).all()


def test_a_measured_row_of_an_unknown_trial_is_refused_and_the_known_ones_are_listed(clip, tmp_path):
    folder, beside = written_folder(tmp_path / "walk_json", [clip.pixels]), tmp_path / "measured.csv"
    source = KeypointSource(folder, RATE, HEIGHT, "A", measured=beside)
    beside.write_text("person,trial,speed\nA,walk1,1.2\n")
    with pytest.raises(CorpusMismatch, match=r"trial walk1 of A has no keypoints .*\(there: walk_json\)"):
        read_keypoints(source)
    beside.write_text("person,trial,speed\nA,walk_json,1.2\n")
    assert dict(read_keypoints(source)[0].measured) == {"speed": 1.2}


def test_a_folder_in_the_place_of_a_table_is_called_one(clip, tmp_path):
    plain = written_csv(tmp_path / "b.csv", clip.pixels, RATE)
    with pytest.raises(CorpusMismatch, match=r"expected a CSV, found a folder\. Name the file in it"):
        read_keypoints(KeypointSource(plain, stature=HEIGHT, measured=tmp_path))


@pytest.mark.parametrize(
    ("inside", "beside", "said"),
    [
        ("1.6", "1.9", "stature is 1.6 in .*a.csv and 1.9 in .*measured.csv"),
        ("1.60", "1.6", None),
        ("1.7", None, None),
    ],
)
def test_numbers_are_compared_as_numbers_and_contradictions_are_refused(clip, tmp_path, inside, beside, said):
    path, table = written_csv(tmp_path / "a.csv", clip.pixels, RATE, stature=inside), None
    path.write_text(path.read_text().replace(f",{inside}\n", f",{inside}0\n", 1))
    path.write_text(path.read_text().replace(f",{inside}\n", ",NA\n", 1))
    if beside:
        table = tmp_path / "measured.csv"
        table.write_text(f"person,stature,treadmill\nA,{beside},NO\n")
    if said:
        with pytest.raises(CorpusMismatch, match=said):
            read_keypoints(KeypointSource(path, measured=table))
    else:
        assert read_keypoints(KeypointSource(path, measured=table))[0].stature == float(inside)
    path.write_text(path.read_text().replace(",NA\n", ",1.5\n", 1))
    with pytest.raises(CorpusMismatch, match=r"stature is 1.5 and 1.[67]; expected one"):
        read_keypoints(KeypointSource(path, measured=table))


def test_a_stature_that_is_given_and_stands_otherwise_in_a_column_is_refused_as_a_rate_is(clip, tmp_path):
    own = written_csv(tmp_path / "a.csv", clip.pixels, RATE, stature=1.6)
    assert read_keypoints(KeypointSource(own, stature=1.6))[0].stature == 1.6
    with pytest.raises(CorpusMismatch, match=r"A, walk: stature is 1.6 in .*a.csv, the stature given is 1.9"):
        read_keypoints(KeypointSource(own, stature=1.9))
    plain, beside = written_csv(tmp_path / "b.csv", clip.pixels, RATE), tmp_path / "measured.csv"
    beside.write_text("person,stature\nA,1.7\n")
    with pytest.raises(CorpusMismatch, match=r"stature is 1.7 in .*measured.csv, the stature given is 1.9"):
        read_keypoints(KeypointSource(plain, stature=1.9, measured=beside))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"cadence": 110}, "cadence in steps/s, 0.2 to 6, got 110. steps a minute. Divide by 60"),
        ({"step_length": 65}, "step_length in m, 0.05 to 3, got 65. centimetres. Divide by 100"),
        ({"speed": 79}, "speed in m/s, 0.05 to 12, got 79. metres a minute. Divide by 60"),
        ({"speed": -1.2}, "speed in m/s, 0.05 to 12, got -1.2"),
        ({"step_time_asymmetry": 4}, "step_time_asymmetry as a share, -1 to 1, got 4. per cent. Divide by 100"),
        ({"speed": 4.7, "step_length": 0.7, "cadence": 1.86}, "speed is 4.7 m/s, but .* give 1.3.*km/h"),
    ],
)
def test_what_was_measured_in_other_units_is_refused_by_the_unit(clip, tmp_path, told, said):
    own = written_csv(tmp_path / "a.csv", clip.pixels, RATE, **told)
    with pytest.raises(CorpusMismatch, match=said):
        read_keypoints(KeypointSource(own, stature=HEIGHT))
    plain, beside = written_csv(tmp_path / "b.csv", clip.pixels, RATE), tmp_path / "measured.csv"
    beside.write_text("\n".join([",".join(["person", *told]), ",".join(["A", *map(str, told.values())])]))
    with pytest.raises(CorpusMismatch, match=said):
        read_keypoints(KeypointSource(plain, stature=HEIGHT, measured=beside))
    good = written_csv(tmp_path / "c.csv", clip.pixels, RATE, speed=1.3, step_length=0.65, cadence=1.83)
    assert dict(read_keypoints(KeypointSource(good, stature=HEIGHT))[0].measured)["speed"] == 1.3
