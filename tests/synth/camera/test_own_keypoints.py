"""Somebody's own keypoints come in by any known file as they are, or are refused in a sentence."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from synth.camera.detector_layout import LAYOUTS
from synth.camera.keypoint import KEYPOINTS
from synth.camera.keypoint_input import FRAMES, clip_arrays, instants, keypoint_input
from synth.camera.keypoint_record import KeypointRecord, clip_bounds, record_clips
from synth.camera.keypoint_source import KeypointSource, read_keypoints
from synth.corpus.schema import CorpusMismatch

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import HEIGHT
from own_files import RATE, written_csv, written_folder, written_list


def written(form, folder, pixels):
    """The file of a form, and what it does not say."""
    if form == "csv with time":
        return written_csv(folder / "a.csv", pixels, RATE), {}
    if form == "csv with frames":
        return written_csv(folder / "a.csv", pixels), {"rate": RATE}
    if form == "alphapose":
        return written_list(folder / "alphapose-results.json", [pixels]), {"rate": RATE}
    return written_folder(folder / "json", [pixels], int(form)), {"rate": RATE}


@pytest.mark.parametrize("form", ["csv with time", "csv with frames", "alphapose", *map(str, LAYOUTS)])
def test_a_filmed_walk_comes_back_from_every_file_as_it_was_filmed(clip, tmp_path, form):
    path, told = written(form, tmp_path, clip.pixels)
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT, **told))
    assert np.isnan(clip.pixels).any()
    assert np.allclose(record.pixels, clip.pixels, equal_nan=True, rtol=0, atol=1e-9)
    assert record.rate == pytest.approx(RATE)
    clips = record_clips([record])
    assert clips.left_out == ()
    assert np.allclose(clips.arrays.inputs, clip_arrays([clip]).inputs, atol=1e-5)


@pytest.mark.parametrize("name", ["people.h5", "keypoints.xlsx", "walk.mp4", "keypoints"])
def test_a_file_of_another_kind_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89HDF")
    with pytest.raises(CorpusMismatch, match=f"{name}: expected a CSV .* or a folder"):
        read_keypoints(KeypointSource(tmp_path / name, stature=HEIGHT))


def test_a_point_of_low_score_was_not_seen(clip, tmp_path):
    pixels = np.nan_to_num(clip.pixels, nan=300.0)
    path = written_csv(tmp_path / "a.csv", pixels, RATE, knee_r_score=0.2, knee_l_score=0.5)
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT))
    assert np.isnan(record.pixels[:, KEYPOINTS.index("knee_r")]).all()
    assert np.isfinite(record.pixels[:, KEYPOINTS.index("knee_l")]).all()
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT, least_score=0.1))
    assert np.isfinite(record.pixels).all()


def test_a_least_score_is_one_of_scores_that_are_there(clip, tmp_path):
    scored = written_csv(tmp_path / "a.csv", clip.pixels, RATE, knee_r_score=0.5)
    for least in (30.0, -0.1, 1.01, float("nan")):
        with pytest.raises(CorpusMismatch, match="least score: scores are from 0 to 1, got"):
            read_keypoints(KeypointSource(scored, stature=HEIGHT, least_score=least))
    plain = written_csv(tmp_path / "b.csv", clip.pixels, RATE)
    with pytest.raises(CorpusMismatch, match=r"b.csv: there are no scores \(columns as .*\) for a least score of 0.5"):
        read_keypoints(KeypointSource(plain, stature=HEIGHT, least_score=0.5))


def test_a_point_in_the_corner_or_of_score_zero_was_not_seen(clip, tmp_path):
    """Detectors write 0, 0 where they found nothing."""
    assert np.isnan(clip.pixels).any()
    (empty,) = read_keypoints(KeypointSource(written_csv(tmp_path / "a.csv", clip.pixels, RATE), stature=HEIGHT))
    corner = written_csv(tmp_path / "b.csv", np.nan_to_num(clip.pixels), RATE)
    (record,) = read_keypoints(KeypointSource(corner, stature=HEIGHT))
    assert np.array_equal(record.pixels, empty.pixels, equal_nan=True)
    scored = written_csv(tmp_path / "c.csv", np.nan_to_num(clip.pixels, nan=300.0), RATE, knee_r_score=0)
    (record,) = read_keypoints(KeypointSource(scored, stature=HEIGHT, least_score=0.0))
    assert np.isnan(record.pixels[:, KEYPOINTS.index("knee_r")]).all()


@pytest.mark.filterwarnings("error")
def test_a_walk_and_its_mirror_image_are_read_alike_or_left_out_by_name(clip):
    """Feet tell to which side somebody faces; without heels or toes nobody knows."""
    whole = np.nan_to_num(clip.pixels, nan=400.0)

    def read(pixels):
        ways = [pixels, pixels * [-1.0, 1.0] + [2000.0, 0.0]]
        return [record_clips([KeypointRecord("A", "walk", way, RATE, HEIGHT)]) for way in ways]

    one_foot = whole.copy()
    one_foot[:, KEYPOINTS.index("heel_l")] = np.nan
    one_foot[:40, KEYPOINTS.index("heel_r")] = np.nan
    way, mirror = read(one_foot)
    assert way.left_out == mirror.left_out == ()
    assert np.allclose(way.arrays.inputs, mirror.arrays.inputs, atol=1e-4)
    one_foot[:60, KEYPOINTS.index("heel_r")] = np.nan
    for part in read(one_foot):
        assert len(part.arrays) == 0
        assert "heel and toe of one foot found in 33 % of its frames, expected 50 or more" in part.left_out[0]
    apart = whole.copy()
    apart[:, [KEYPOINTS.index("shoulder_l"), KEYPOINTS.index("hip_r")]] = np.nan
    for part in read(apart):
        assert "shoulder and hip of one side found in 0 %" in part.left_out[0]
    with pytest.raises(ValueError, match="heel and toe of one foot"):
        keypoint_input(np.where(np.arange(12)[:, None] >= 8, np.nan, whole), RATE, HEIGHT)


def test_the_largest_person_is_followed_and_two_alike_are_refused(clip, tmp_path):
    whole = np.nan_to_num(clip.pixels, nan=400.0)
    small = 0.4 * whole + 100.0
    folder = written_folder(tmp_path / "small", [small, whole])
    (record,) = read_keypoints(KeypointSource(folder, RATE, HEIGHT))
    assert np.allclose(record.pixels, whole)
    assert any("the largest one is followed" in note for note in record.notes)
    alike = written_folder(tmp_path / "alike", [whole + np.array([900.0, 0.0]), whole])
    with pytest.raises(CorpusMismatch, match="two people are about as large"):
        read_keypoints(KeypointSource(alike, RATE, HEIGHT))


def test_somebody_who_leaves_and_comes_back_is_one_person_in_two_clips(clip, tmp_path):
    whole = np.nan_to_num(clip.pixels, nan=400.0)
    gone = np.full((40, 12, 2), np.nan)
    back = np.concatenate([whole, gone, whole[::-1]])
    (record,) = read_keypoints(KeypointSource(written_folder(tmp_path / "back", [back]), RATE, HEIGHT))
    assert np.allclose(record.pixels, back, equal_nan=True)
    assert clip_bounds(record) == [(0, 90), (130, 220)]


def test_a_record_is_cut_where_the_person_turns_and_after_what_a_network_reads(clip):
    whole = np.nan_to_num(clip.pixels, nan=400.0)
    turned = whole * [-1.0, 1.0] + [2000.0, 0.0]
    record = KeypointRecord("A", "to and fro", np.concatenate([whole, turned]), RATE, HEIGHT)
    (first, cut), (again, last) = clip_bounds(record)
    assert (first, last) == (0, 180)
    assert cut == again == pytest.approx(90, abs=10)
    long = KeypointRecord("A", "long", np.tile(whole, (6, 1, 1)), RATE, HEIGHT)
    lengths = [b - a for a, b in clip_bounds(long)]
    assert lengths == [177, 177, 177], "18 s are three of the longest, and 0.3 s of the ends that nobody reads"
    assert max(lengths) <= FRAMES
    for seconds in np.arange(1.2, 13.0, 0.1):
        own = KeypointRecord("A", "some", np.tile(whole, (5, 1, 1))[: round(seconds * RATE)], RATE, HEIGHT)
        bounds = clip_bounds(own)
        assert [b for _, b in bounds[:-1]] == [a for a, _ in bounds[1:]]
        unread = len(own.pixels) - sum(b - a for a, b in bounds)
        assert unread < 1.2 * RATE
        assert not unread or {b - a for a, b in bounds} == {177}, "only the longest clips leave something"
        assert max(b - a - 1 for a, b in bounds) / RATE <= instants(HEIGHT)[-1] + 1e-9
    assert len(clip_bounds(KeypointRecord("A", "brief", whole[:30], RATE, HEIGHT))) == 0
    assert "no stretch of 1.2 s" in record_clips([KeypointRecord("A", "brief", whole[:30], RATE, HEIGHT)]).left_out[0]


def test_a_record_of_six_seconds_is_one_clip_whoever_is_not_small(clip):
    """What a network reads grows with the root of stature: at 1.60 m it is 5.7 s, and two halves would be 3 s."""
    whole = np.tile(np.nan_to_num(clip.pixels, nan=400.0), (2, 1, 1))
    for stature, longest in ((1.6, 172), (1.68, 176), (1.7, 177), (1.75, 180), (1.9, 180)):
        ((first, last),) = clip_bounds(KeypointRecord("A", "walk", whole, RATE, stature))
        assert last - first == longest
        assert abs(first - (180 - last)) <= 1, "from the middle"


def test_uneven_times_are_read_between_and_missing_frames_stay_missing(clip, tmp_path):
    whole = np.nan_to_num(clip.pixels, nan=400.0)
    path = written_csv(tmp_path / "a.csv", whole, RATE)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:20] + lines[30:]) + "\n")
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT))
    assert np.isnan(record.pixels[19:29]).all()
    assert np.allclose(np.delete(record.pixels, np.s_[19:29], axis=0), np.delete(whole, np.s_[19:29], axis=0))
    rng = np.random.default_rng(2)
    times = np.arange(90) / RATE + rng.uniform(-0.006, 0.006, 90)
    cells = [line.split(",") for line in lines[1:]]
    moved = [",".join([*c[:2], repr(float(t)), *c[3:]]) for t, c in zip(times, cells, strict=True)]
    path.write_text("\n".join([lines[0], *moved]) + "\n")
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT))
    assert any("uneven times" in note for note in record.notes)
    assert len(record.pixels) == pytest.approx(90, abs=2)


def test_of_a_table_of_every_third_frame_the_rate_is_a_third(clip, tmp_path):
    path = written_csv(tmp_path / "a.csv", clip.pixels)
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(f"A,walk,{3 * i},{x.split(',', 3)[3]}" for i, x in enumerate(lines))]) + "\n")
    (record,) = read_keypoints(KeypointSource(path, 90.0, HEIGHT))
    assert record.rate == 30.0
    assert np.array_equal(record.pixels, clip.pixels, equal_nan=True)
    assert record.notes == ("one frame of 3 was looked at",)


def test_cells_of_na_are_empty_and_a_table_of_other_letters_is_to_be_saved_as_utf8(clip, tmp_path):
    path = written_csv(tmp_path / "a.csv", clip.pixels, RATE)
    (empty,) = read_keypoints(KeypointSource(path, stature=HEIGHT))
    text = path.read_text()
    path.write_text(text.replace(",,", ",NA,").replace(",,", ",n/a,"))
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT))
    assert np.array_equal(record.pixels, empty.pixels, equal_nan=True)
    path.write_bytes(text.replace("A,walk", "Zoë,walk").encode("latin-1"))
    with pytest.raises(CorpusMismatch, match=r"not UTF-8\. Save it as CSV UTF-8"):
        read_keypoints(KeypointSource(path, stature=HEIGHT))


def test_times_rounded_to_hundredths_tell_the_rate_that_was_meant(clip, tmp_path):
    path = written_csv(tmp_path / "a.csv", clip.pixels, 60.0)
    head, *lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    path.write_text("\n".join([head, *(",".join([*c[:2], f"{float(c[2]):.2f}", *c[3:]]) for c in cells)]) + "\n")
    (record,) = read_keypoints(KeypointSource(path, stature=HEIGHT))
    assert record.rate == 60.0
    assert np.allclose(record.pixels, clip.pixels, equal_nan=True)
    assert record.notes == ()


def changed(path, old, new, count=1):
    path.write_text(path.read_text().replace(old, new, count))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("knee_r_x", "knee_right_x", "column 'knee_r_x' is missing .is 'knee_right_x' meant"),
        ("toe_l_y", "toe_l_y,speeed", "row 2: expected 28 cells as in the header, found 27"),
        ("trial,time", "trial,clock", "column 'clock' is not known"),
        ("person,trial,time", "person,trial,speed", "expected a column time .s. or a column frame"),
        ("A,walk,0.0,", "A,walk,zero,", "row 2: expected a number in time, got 'zero'"),
        ("A,walk,0.0,", "A,,0.0,", "row 2: expected a person and a trial"),
        ("A,walk,0.0,", "A,walk,99.0,", "row 3: expected time to grow from row to row"),
        ("A,walk,0.0,", "A,walk,inf,", "expected a number in time, got 'inf'"),
        ("person,", "person,person,", "column 'person' stands there twice"),
    ],
)
def test_a_wrong_table_is_refused_by_place_and_reason(clip, tmp_path, old, new, said):
    path = written_csv(tmp_path / "a.csv", clip.pixels, RATE)
    changed(path, old, new)
    with pytest.raises(CorpusMismatch, match=said):
        read_keypoints(KeypointSource(path, stature=HEIGHT))


@pytest.mark.parametrize(
    ("pixels", "told", "said"),
    [
        (lambda p: p / 1000.0, {}, "expected 20 pixels or more. Give pixels, not coordinates from 0 to 1"),
        (lambda p: -p, {}, "ankles lie above shoulders"),
        (lambda p: p, {"stature": 172.0}, "expected a stature of 0.5 to 2.6 m, got 172"),
        (lambda p: p, {"stature": None}, "nobody says how tall A is"),
        (lambda p: p, {"rate": 60.0}, "its time says 30 frames a second, the rate given is 60"),
        (lambda p: np.where(np.arange(12)[:, None] < 2, np.nan, p), {}, "shoulders or ankles were never found"),
    ],
)
def test_keypoints_that_cannot_be_a_person_in_pixels_are_refused(clip, tmp_path, pixels, told, said):
    path = written_csv(tmp_path / "a.csv", pixels(clip.pixels), RATE)
    with pytest.raises(CorpusMismatch, match=said):
        read_keypoints(KeypointSource(path, **{"stature": HEIGHT, **told}))


def test_wrong_output_of_a_detector_is_refused_by_place_and_reason(clip, tmp_path):
    folder = written_folder(tmp_path / "a", [clip.pixels[:5]])
    source = KeypointSource(folder, RATE, HEIGHT)
    with pytest.raises(CorpusMismatch, match="says no frame rate"):
        read_keypoints(KeypointSource(folder, stature=HEIGHT))
    file = folder / "walk_000000000002_keypoints.json"
    kept = file.read_text()
    people = [{"pose_keypoints_2d": [1.0] * 51}]
    for content, said in (
        ("{", "expected JSON"),
        ("[]", "as OpenPose writes it"),
        (json.dumps({"people": people}), "a person of 17 points; .* no heels and toes"),
        (json.dumps({"people": [{"points": []}]}), "expected pose_keypoints_2d"),
        (json.dumps({"people": [{"pose_keypoints_2d": ["a", 1, 2]}]}), "as numbers"),
        (json.dumps({"people": [{"pose_keypoints_2d": [0.0] * 78}]}), "26 points after people of 25"),
    ):
        file.write_text(content)
        with pytest.raises(CorpusMismatch, match=said):
            read_keypoints(source)
    file.write_text(kept)
    (folder / "other_2_keypoints.json").write_text(kept)
    with pytest.raises(CorpusMismatch, match="frame 2 stands in"):
        read_keypoints(source)
    with pytest.raises(CorpusMismatch, match="expected a JSON file a frame, found none"):
        (tmp_path / "empty").mkdir()
        read_keypoints(KeypointSource(tmp_path / "empty", RATE, HEIGHT))


def test_wild_files_are_read_or_refused_in_a_sentence_never_a_crash(clip, tmp_path):
    """Cells of good files are exchanged for others, and bytes cut; what comes of it is records or one sentence."""
    rng = np.random.default_rng(5)
    table = written_csv(tmp_path / "good.csv", clip.pixels[:40], RATE, stature=1.7, speed=1.1).read_text()
    listed = written_list(tmp_path / "good.json", [clip.pixels[:40]]).read_text()
    cells = [
        "",
        "nan",
        "0",
        "-3",
        "250.5",
        "1e300",
        "-1e400",
        "null",
        "x",
        "{}",
        "[",
        '"',
        "\n",
        "\x00",
        ";",
        "true",
        "A",
    ]
    told = {"read": 0, "refused": 0}
    for i in range(160):
        good, path = ((table, tmp_path / "wild.csv"), (listed, tmp_path / "wild.json"))[i % 2]
        wild = good.split(",")
        for _ in range(int(rng.integers(1, 4))):
            wild[int(rng.integers(len(wild)))] = cells[int(rng.integers(len(cells)))]
        text = ",".join(wild)
        path.write_bytes(text.encode()[: None if rng.random() < 0.8 else int(rng.integers(len(text)))])
        try:
            record_clips(read_keypoints(KeypointSource(path, None if i % 2 == 0 else RATE, HEIGHT)))
            told["read"] += 1
        except CorpusMismatch as error:
            told["refused"] += 1
            assert path.name in str(error)
    assert min(told.values()) > 20, told
