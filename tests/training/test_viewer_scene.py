"""Laws of the viewer's scenes: everything stands where and when the recording says, and a page holds it to 0.5 mm."""

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction, MarkerTrial
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.imu.recording import ImuRecording, SensorPlacement
from training.report.viewer.scene import Markers, Scene
from training.report.viewer.scene_of_corpus import completed, corpus_scene
from training.report.viewer.scene_of_trial import trial_scene
from training.report.viewer.scene_page import MISSING, TrackStore, anchor, write_viewer
from training.report.viewer.scene_signal import force_vectors
from training.report.viewer.stick_figure import stick_figure
from training.view_command import read_view

RATE, N = 100.0, 120
PERSON = Subject("S01", mass=70.0, height=1.75)
SKELETON = lower_body_skeleton(PERSON)
HOSTILE = "</script><img src=x onerror=alert(1)>"


def walking_coordinates(n=N, rate=RATE):
    """A body that moves on at 1.2 m/s with swinging legs."""
    t = np.arange(n) / rate
    known = {"pelvis_tx": 1.2 * t, "pelvis_ty": 0.95 + 0 * t, "hip_flexion_r": 0.5 * np.sin(6 * t)}
    known |= {
        "hip_flexion_l": -0.5 * np.sin(6 * t),
        "knee_angle_r": 0.3 + 0.3 * np.sin(6 * t),
        "pelvis_rotation": 0.1 * t,
    }
    names = SKELETON.coordinate_names
    return Kinematics(names, np.stack([known.get(name, 0 * t) for name in names], axis=1), rate)


def made_trial(labels=None):
    """Markers of that body, a plate at ten times the rate, an occluded marker."""
    coordinates = walking_coordinates()
    positions = marker_positions(SKELETON, coordinates)
    positions[10:20, 3] = np.nan
    fast = np.arange(N * 10) / (10 * RATE)
    force = np.stack([50 * np.sin(fast), 700 + fast, 0 * fast], axis=1)
    point = np.stack([0.5 + 0.1 * fast, 0 * fast, 0.1 + 0 * fast], axis=1)
    corners = np.array([[0, 0, 0], [0.6, 0, 0], [0.6, 0, 0.4], [0, 0, 0.4]])
    plate = GroundReaction(force, point, 0 * fast, 10 * RATE, "right", "plate 1", corners)
    names = labels or tuple(marker.name for marker in SKELETON.markers)
    return MarkerTrial("walk_01", PERSON, names, positions, RATE, "walk", ground_reactions=(plate,))


def decoded(page: Path, pick):
    """A track of a page as the script reads it."""
    text = page.read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="scenes">(.*?)</script>', text, re.DOTALL).group(1)
    block = base64.b64decode(re.search(r'id="tracks">(.*?)</script>', text, re.DOTALL).group(1))
    about = pick(json.loads(data)["scenes"])
    shape, kind = about["shape"], "<" + about["kind"]
    codes = np.frombuffer(block, kind, int(np.prod(shape)), about["at"]).reshape(shape)
    if kind == "<f4":
        return codes.astype(float)
    values = np.array(about["low"]) + (codes.astype(float) + 32767) * np.array(about["step"])
    return np.where(codes == MISSING, np.nan, values)


def test_a_page_holds_each_marker_at_each_frame_to_half_a_millimetre(tmp_path):
    trial = made_trial()
    page = write_viewer([trial_scene(trial)], tmp_path / "deep" / "page.html")
    found = decoded(page, lambda scenes: scenes[0]["markers"]["track"])
    assert np.array_equal(np.isnan(found), np.isnan(trial.positions))
    assert np.nanmax(np.abs(found - trial.positions)) < 1e-4
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize(("length", "kind"), [(1.0, "i2"), (30.0, "i2"), (300.0, "f4")])
def test_a_long_way_is_stored_as_finely_as_a_short_one(length, kind):
    values = np.linspace(0.0, length, 4001)[:, None, None] * np.ones(3)
    store = TrackStore()
    about = store.add(values, finest=0.0005)
    assert about["kind"] == kind
    block = base64.b64decode(store.base64())
    codes = np.frombuffer(block, "<" + kind, 4001 * 3).reshape(4001, 1, 3).astype(float)
    back = codes if kind == "f4" else about["low"] + (codes + 32767) * np.array(about["step"])
    assert np.abs(back - values).max() < 0.0005


def test_a_track_without_any_number_is_all_missing():
    store = TrackStore()
    about = store.add(np.full((5, 2, 3), np.nan))
    assert (np.frombuffer(base64.b64decode(store.base64()), "<i2", 30) == MISSING).all()
    assert np.isfinite(about["low"] + about["step"]).all()


def test_forces_are_those_of_the_marker_frames():
    (vector,) = force_vectors(made_trial().ground_reactions, RATE, N)
    t = np.arange(N) / RATE
    assert np.allclose(vector.force[:, 1], 700 + t)
    assert np.allclose(vector.point[:, 0], 0.5 + 0.1 * t)
    assert vector.side == "right"
    (longer,) = force_vectors(made_trial().ground_reactions, RATE, N + 5)
    assert np.isnan(longer.force[N:]).all()


def test_sticks_join_origins_and_keep_their_length():
    coordinates = walking_coordinates()
    motions = segment_motions(SKELETON, coordinates)
    figure = stick_figure(SKELETON, motions)
    for name, motion in motions.items():
        assert np.allclose(figure.positions[:, figure.names.index(name)], motion.origin)
    for a, b in figure.sticks:
        lengths = np.linalg.norm(figure.positions[:, a] - figure.positions[:, b], axis=1)
        if figure.names[a].startswith("femur"):
            assert lengths.mean() == pytest.approx(0.245 * PERSON.height, rel=0.05)
        assert np.ptp(lengths) < 0.03, "a joint may glide, a segment does not grow"
    assert {figure.sides[k] for k, (_, end) in enumerate(figure.sticks) if figure.names[end].startswith("tibia")} == {
        "right",
        "left",
    }


def test_an_unknown_frame_has_no_figure():
    coordinates = walking_coordinates()
    coordinates.values[30:40] = np.nan
    scene = trial_scene(made_trial(), SKELETON, coordinates)
    assert np.isnan(scene.figure.positions[30:40]).all()
    assert np.isfinite(scene.figure.positions[40:]).all()
    assert scene.begin == 0
    coordinates.values[:30] = np.nan
    assert trial_scene(made_trial(), SKELETON, coordinates).begin == 40


def corpus_trial():
    rng = np.random.default_rng(4)
    mounting = Rotation.from_euler("xyz", [0.3, -0.2, 0.9])
    placement = SensorPlacement("shank_r", "tibia_r", np.array([0.0, -0.2, 0.055]), mounting)
    record = ImuRecording(placement, rng.normal(size=(N, 3)), rng.normal(size=(N, 3)), RATE)
    return CorpusTrial("walk_01", PERSON, RATE, recordings=(record,), kinematics=walking_coordinates(), task="walk")


def test_a_sensor_sits_where_its_placement_says_with_right_handed_axes():
    trial = corpus_trial()
    (sensor,) = corpus_scene(trial, SKELETON).sensors
    motion = segment_motions(SKELETON, trial.kinematics)["tibia_r"]
    placement = trial.recordings[0].placement
    assert np.allclose(sensor.origin, motion.origin + motion.orientation.apply(placement.offset))
    axes = Rotation.from_quat(sensor.quaternion).as_matrix()
    assert np.allclose(np.linalg.det(axes), 1.0)
    expected = motion.orientation.apply(placement.mounting.apply([1.0, 0.0, 0.0]))
    assert np.allclose(axes[:, :, 0], expected)


def test_signals_are_what_the_sensor_read_in_units_that_people_read():
    trial = corpus_trial()
    force, turning = corpus_scene(trial, SKELETON).signals[:2]
    assert (force.unit, turning.unit) == ("m/s²", "°/s")
    assert np.array_equal(force.values, trial.recordings[0].specific_force)
    assert np.allclose(np.deg2rad(turning.values), trial.recordings[0].angular_velocity)
    angles = [signal for signal in corpus_scene(trial, SKELETON).signals if signal.group == "Joint angles"]
    right = next(signal for signal in angles if signal.name == "Right leg")
    hip = right.values[:, right.channels.index("hip flexion")]
    assert np.allclose(np.deg2rad(hip), trial.kinematics.of("hip_flexion_r"))
    assert not any("pelvis tx" in signal.channels for signal in angles)


def test_a_corpus_without_a_skeleton_shows_its_curves_and_says_why_nothing_moves():
    scene = corpus_scene(corpus_trial())
    assert scene.figure is None
    assert scene.sensors == ()
    assert len(scene.signals) >= 3
    assert "--model" in scene.remarks[0]


def test_an_estimate_takes_its_place_in_the_room_from_the_first_scene():
    whole = walking_coordinates()
    estimate = Kinematics(("hip_flexion_r",), np.full((2 * N, 1), 0.7), 2 * RATE)
    made = completed(estimate, whole)
    assert np.allclose(made.of("hip_flexion_r"), 0.7)
    assert np.allclose(made.of("pelvis_tx")[::2], whole.of("pelvis_tx"))
    assert completed(whole, estimate) is whole
    trial = CorpusTrial("walk_01", PERSON, 2 * RATE, kinematics=estimate, status="predicted")
    remark = corpus_scene(trial, SKELETON, guide=whole).remarks[0]
    assert "pelvis_tx" in remark
    assert "the other scene" in remark


def test_a_refused_trial_is_never_shown_without_its_reason(tmp_path):
    refused = CorpusTrial(
        "walk_01", PERSON, RATE, kinematics=walking_coordinates(), status="refused", reason="limit <5>"
    )
    page = write_viewer([corpus_scene(refused, SKELETON)], tmp_path / "page.html")
    assert "Refused: limit &lt;5&gt;" in page.read_text(encoding="utf-8")
    empty = CorpusTrial("walk_02", PERSON, RATE, status="refused", reason="no strides")
    with pytest.raises(CorpusMismatch, match="no strides"):
        corpus_scene(empty, SKELETON)


def test_the_camera_follows_the_body_without_shaking():
    positions = np.zeros((400, 2, 3))
    positions[:, :, 0] = 1.2 * np.arange(400)[:, None] / RATE + np.array([0.1, -0.1])
    positions[100:120] = np.nan
    followed = anchor(Scene("x", RATE, 400, Markers(("a", "b"), positions)))
    assert np.allclose(followed[60:340, 0], 1.2 * np.arange(60, 340) / RATE, atol=1e-6)
    assert np.array_equal(anchor(Scene("x", RATE, 7)), np.zeros((7, 2)))


def test_hostile_words_stay_words(tmp_path):
    labels = (HOSTILE, *(f"M{i}" for i in range(len(SKELETON.markers) - 1)))
    page = write_viewer([trial_scene(made_trial(labels), title=HOSTILE)], tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "&lt;img src=x" in text
    assert text.count("</script>") == 3, "the three that the page closes itself"


def test_a_page_shows_one_or_two_scenes(tmp_path):
    scene = trial_scene(made_trial())
    for scenes in ([], [scene] * 3):
        with pytest.raises(ValueError, match="one scene or two"):
            write_viewer(scenes, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_the_bundle_is_made_of_these_sources_and_carries_its_licence(repository):
    folder = repository / "training" / "report" / "viewer"
    bundle = (folder / "viewer_bundle.js").read_text(encoding="utf-8")
    listed = re.search(r"SOURCES = \[(.*?)\]", (folder / "bundle.js").read_text(encoding="utf-8")).group(1)
    names = re.findall(r'"([^"]+)"', listed)
    written = {path.name for path in folder.glob("*.js")} - {"bundle.js", "viewer_bundle.js"}
    assert set(names) == written | {"package.json"}
    found = hashlib.sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()
    assert f"sources {found}" in bundle, "run `npm install && npm run build` in training/report/viewer"
    assert "The MIT License" in bundle[:2000]
    assert "three.js authors" in bundle[:2000]
    assert "</script" not in bundle.lower()


def test_a_bare_recording_is_shown_without_the_name_of_its_file(data_dir, tmp_path):
    source = next((data_dir / "mcgill_walk_youth").glob("*/Straight/*.c3d"))
    named = tmp_path / "Erika_Mustermann.c3d"
    shutil.copy(source, named)
    view = read_view(named)
    page = write_viewer([view.scene], tmp_path / "page.html").read_text(encoding="utf-8")
    assert view.scene.title == f"Recording {hashlib.sha256(source.read_bytes()).hexdigest()[:8]}"
    assert "Erika" not in page
    assert str(tmp_path) not in page
    assert view.scene.forces
    assert len(view.scene.markers.names) > 30


def test_a_trial_finds_the_motion_folder_beside_its_archive(tmp_path):
    from mocap_import.trial_store import write_trial
    from opensim_models.exchange.storage import write_motion
    from opensim_models.model.skeleton import save_skeleton

    (tmp_path / "trials" / "S01").mkdir(parents=True)
    (tmp_path / "motion" / "S01").mkdir(parents=True)
    file = tmp_path / "trials" / "S01" / "walk_01.trial.h5"
    write_trial(file, made_trial())
    assert read_view(file).scene.figure is None
    save_skeleton(SKELETON, tmp_path / "motion" / "S01" / "skeleton.json")
    write_motion(tmp_path / "motion" / "S01" / "walk_01.mot", walking_coordinates(), skeleton=SKELETON)
    view = read_view(file)
    assert view.scene.title == "S01 · walk_01"
    expected = segment_motions(SKELETON, walking_coordinates())["tibia_r"].origin
    found = view.scene.figure.positions[:, view.scene.figure.names.index("tibia_r")]
    assert np.abs(found - expected).max() < 1e-6


def test_the_first_usable_trial_of_a_corpus_is_chosen_and_said(tmp_path):
    from dataclasses import replace

    path = tmp_path / "imu.h5"
    with CorpusWriter(path) as corpus:
        corpus.append(
            replace(corpus_trial(), name="a", recordings=(), kinematics=None, status="refused", reason="gone")
        )
        corpus.append(corpus_trial())
        corpus.append(replace(corpus_trial(), name="walk_02"))
    view = read_view(path)
    assert view.key == ("S01", "walk_01")
    assert "--trial" in view.note
    assert read_view(path, trial="S01/walk_02").key == ("S01", "walk_02")
    assert Corpus(path).trials()[0] == ("S01", "a")
    with pytest.raises(CorpusMismatch, match="S01/walk_9"):
        read_view(path, trial="S01/walk_9")
    with pytest.raises(CorpusMismatch, match="SUBJECT/NAME"):
        read_view(path, trial="walk_02")
