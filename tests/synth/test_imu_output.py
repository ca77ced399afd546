"""`kinesynth imu` writes only where it may, and what it writes beside records is true of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

import kinesynth
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import load_trial, write_trial
from opensim_models.exchange.storage import read_motion, read_orientations, write_motion
from opensim_models.exchange.storage_table import read_table
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from opensim_models.model.skeleton import SkeletonMarker, save_skeleton
from opensim_models.motion import Kinematics
from synth import long_trial
from synth.cli import imu_app
from synth.corpus import Corpus, check_corpus
from synth.corpus.provenance import file_hash
from synth.imu.error_recipe import ImuErrors, apply_errors
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.simulation import simulate_imu
from synth.imu.soft_tissue import SoftTissue
from synth.real_imu.sensor_file import read_sensors
from synth.record_gap import SensorGaps, check_gaps
from synth.record_place import check_record_places
from synth.trial_source import read_source, source_motions
from synth.worn_orientation import worn_orientations

CORNERS = ((0.06, 0.0, 0.0), (-0.05, 0.04, 0.02), (0.0, -0.06, 0.05), (0.02, 0.03, -0.06))
RATE, N, START = 100.0, 300, 20.0
GRAVITY = 9.80665
SECONDS = slice(100, 200)  # a whole period, away from the ends


def walking(skeleton, n=N, seed=0) -> Kinematics:
    """Swings of 1 Hz: over whole seconds the mean acceleration is zero, so R f averages to gravity."""
    rng, time = np.random.default_rng(seed), np.arange(n) / RATE
    waves = [0.15 * np.sin(2 * np.pi * time + rng.uniform(0, 6)) for _ in skeleton.coordinates]
    return Kinematics(skeleton.coordinate_names, np.stack(waves, axis=1), RATE)


def write_person(root: Path, code="S01", n=N, bare=(), start=START) -> Path:
    """Trial and motion of one person; segments in `bare` carry one marker. Returns the trial."""
    subject = Subject(code, 70.0, 1.7, "male")
    skeleton = lower_body_skeleton(subject, table="de_leva")
    markers = [
        SkeletonMarker(f"{s.name}{i}", s.name, c)
        for s in skeleton.segments
        for i, c in enumerate(CORNERS[:1] if s.name in bare else CORNERS)
    ]
    skeleton = skeleton.with_markers(tuple(markers))
    for folder in ("trials", "motion"):
        (root / folder / code).mkdir(parents=True, exist_ok=True)
    save_skeleton(skeleton, root / "motion" / code / "skeleton.json")
    kinematics = walking(skeleton, n)
    labels = tuple(marker.name for marker in skeleton.markers)
    positions = marker_positions(skeleton, kinematics)
    trial = MarkerTrial("walk", subject, labels, positions, RATE, "walk", source="walk.c3d", start_time=start)
    write_trial(root / "trials" / code / "walk.trial.h5", trial)
    write_motion(root / "motion" / code / "walk.mot", kinematics, start_time=start)
    return root / "trials" / code / "walk.trial.h5"


def change(path: Path, **changes) -> Path:
    write_trial(path, replace(load_trial(path), filled=None, **changes))
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write_person(root)
    return root


@pytest.fixture(scope="module")
def corpus(archive, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("corpus") / "clean.h5"
    words = ["--method", "spline", "--cutoff", 6, "--set", "sparse_shank"]
    run(archive / "trials", archive / "motion", out, *words)
    return out


def run(*words, code=0):
    done = CliRunner().invoke(imu_app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


def trial_of(root: Path) -> Path:
    return root / "trials" / "S01" / "walk.trial.h5"


# where records go -----------------------------------------------------------------------------------------------------


def test_an_input_is_never_written_over(tmp_path):
    trial = write_person(tmp_path)
    before = file_hash(trial)
    link = tmp_path / "link.h5"
    link.symlink_to(trial)
    for out in (trial, tmp_path / "new.trial.h5", link):
        for force in ([], ["--force"]):
            run(trial, tmp_path / "motion", out, *force, code=2)
    assert file_hash(trial) == before
    run(trial, tmp_path / "motion", tmp_path / "z.h5")
    before = file_hash(tmp_path / "z.h5")
    done = run(tmp_path / "z.h5", "--out", tmp_path / "z.h5", "--bake", "--force", code=2)
    assert "records are made from this file, so it stays" in done.stderr
    assert file_hash(tmp_path / "z.h5") == before


def test_a_file_that_is_there_stays_without_force(tmp_path):
    trial = write_person(tmp_path)
    mine = {tmp_path / name: f"results of {name}" for name in ("foo.csv", "one.csv", "one_orientations.sto", "x.h5")}
    for path, text in mine.items():
        path.write_text(text)
    places = tmp_path / "trials", tmp_path / "motion"
    for words in (
        (*places, tmp_path / "foo.h5"),
        (*places, tmp_path / "x.h5"),
        (trial, places[1], tmp_path / "one.csv"),
        (trial, places[1], tmp_path / "one.sto"),
    ):
        assert "this file is there already" in run(*words, code=2).stderr
    assert all(path.read_text() == text for path, text in mine.items()) and not (tmp_path / "foo.h5").exists()
    run(*places, tmp_path / "foo.h5", "--force")
    assert pd.read_csv(tmp_path / "foo.csv").status.item() == "accepted"
    with pytest.raises(ValueError, match="two outputs"):
        check_record_places([tmp_path / "a.h5", tmp_path / "a.h5"], ())
    with pytest.raises(ValueError, match="this is a folder"):
        check_record_places([tmp_path], (), force=True)


def test_the_second_argument_may_be_where_records_go(archive, tmp_path):
    motion = archive / "motion" / "S01" / "walk.mot"
    run(motion, tmp_path / "m.sto", "--model", archive / "motion" / "S01" / "skeleton.json")
    run(trial_of(archive), tmp_path / "t.sto", "--motion", archive / "motion")
    assert (tmp_path / "m_orientations.sto").is_file() and (tmp_path / "t_orientations.sto").is_file()
    run(motion, archive / "motion" / "S01", "--out", tmp_path / "folder.csv")
    words = [trial_of(archive), archive / "motion", tmp_path / "a.h5"]
    assert "give one" in run(*words, "--out", tmp_path / "b.h5", code=2).stderr
    assert "give one" in run(*words, "--motion", archive, code=2).stderr


# orientations of sensors as they are worn -----------------------------------------------------------------------------


def in_ground(session_force, quaternions):
    known = np.isfinite(quaternions).all(axis=1) & np.isfinite(session_force).all(axis=1)
    return Rotation.from_quat(quaternions[known], scalar_first=True).apply(session_force[known])


@pytest.mark.parametrize(
    "words", [("--misalignment", 60), ("--swap", 1), ("--soft-tissue", "spring"), ("--soft-tissue", "resampled")]
)
def test_written_orientations_turn_written_accelerations_into_the_ground(archive, tmp_path, words):
    fixed = ["--noise", 0] + ([] if "--misalignment" in words else ["--misalignment", 0])
    run(trial_of(archive), archive / "motion", tmp_path / "o.sto", *fixed, *words)
    session = read_sensors(tmp_path / "o_orientations.sto")
    turned, _, _ = read_orientations(tmp_path / "o_orientations.sto")
    for record in session.recordings:
        quaternions = turned[f"{record.placement.sensor}_imu"].as_quat(scalar_first=True)
        np.testing.assert_allclose(
            in_ground(record.specific_force[SECONDS], quaternions[SECONDS]).mean(axis=0), [0, GRAVITY, 0], atol=0.1
        )


@pytest.mark.parametrize(
    "errors",
    [
        ImuErrors(0.0, 60.0, 3, swap_probability=1.0),
        ImuErrors(0.3, 20.0, 3, misalignment_law="uniform", noise_scope="subject", noise_sd=(("a", (1.0,) * 6),)),
        ImuErrors(0.0, 0.0, 3, soft_tissue=SoftTissue(9.0, 0.2, 14.0, 5.0), position_sd=0.02, swap_probability=0.5),
    ],
)
def test_worn_orientations_are_those_of_the_records(archive, errors):
    source = read_source(trial_of(archive), archive / "motion")
    motions = source_motions(source, {p.segment for p in SEVEN_SENSORS}, "model")
    clean = [simulate_imu(motions[p.segment], p, method="spline") for p in SEVEN_SENSORS]
    planned = {
        p.sensor: (motions[p.segment].orientation * p.mounting).as_quat(scalar_first=True) for p in SEVEN_SENSORS
    }
    planned["shank_l"][7] = np.nan
    names = {"subject": "S01", "trial": "walk"}
    found = worn_orientations(clean, planned, errors, **names)
    quiet = replace(errors, noise_share=0.0, noise_scope="trial", noise_sd=())
    for record in apply_errors(clean, quiet, **names):
        quaternions = found[record.placement.sensor]
        angular = in_ground(record.specific_force[SECONDS], quaternions[SECONDS]).mean(axis=0)
        np.testing.assert_allclose(angular, [0.0, GRAVITY, 0.0], atol=0.1)
    missing = {sensor for sensor, q in found.items() if np.isnan(q).any()}
    assert len(missing) == 1 and missing <= {"shank_l", "shank_r"}
    same = worn_orientations(clean, planned, None, **names)
    assert all(same[name] is planned[name] for name in planned)


# when a record begins -------------------------------------------------------------------------------------------------


def test_the_start_time_is_kept(archive, tmp_path):
    motion, model = archive / "motion" / "S01" / "walk.mot", archive / "motion" / "S01" / "skeleton.json"
    for source, words in ((motion, ["--model", model]), (trial_of(archive), ["--motion", archive / "motion"])):
        assert read_source(source, motion, model).start_time == START
        files = ["--out", tmp_path / "a.h5", "--csv", tmp_path / "a.csv", "--sto", tmp_path / "a.sto", "--force"]
        said = run(source, *words, *files).stdout
        assert "300 frames at 100 Hz, from 20 s on" in said and "start_time: 20 s on the clock of the source" in said
        table = pd.read_csv(tmp_path / "a.csv")
        assert table["time (s)"].iloc[0] == START and table["frame"].iloc[0] == 0
        assert read_table(tmp_path / "a_angular_velocity.sto").start_time == START
        assert read_sensors(tmp_path / "a.csv").start_time == START and read_sensors(tmp_path / "a.csv").rate == RATE
        key = Corpus(tmp_path / "a.h5").trials()[0]
        assert Corpus(tmp_path / "a.h5").read(*key).start_time == START
        assert json.loads(run(source, *words, *files, "--json").stdout)["start_time"] == START


def test_a_real_motion_that_begins_late_keeps_its_times(data_dir, tmp_path):
    motion = data_dir / "opensim_core" / "rajagopal_walk" / "coordinates.sto"
    words = ["--model", motion.with_name("subject_walk_scaled.osim"), "--csv", tmp_path / "w.csv"]
    answer = json.loads(run(motion, *words, "--json").stdout)
    assert answer["start_time"] == read_table(motion).start_time > 0
    assert pd.read_csv(tmp_path / "w.csv")["time (s)"].iloc[0] == pytest.approx(answer["start_time"], rel=1e-8)


# what a rewritten corpus says of itself -------------------------------------------------------------------------------


def test_a_rewritten_corpus_keeps_how_its_records_were_made(corpus, tmp_path):
    run(corpus, "--out", tmp_path / "d2.h5", "--sensor", "bmi270")
    before, after = (Corpus(path).provenance.config for path in (corpus, tmp_path / "d2.h5"))
    assert before["method"] == "spline" and before["cutoffs_hz"] == 6.0 and len(before["placements"]) == 3
    changed = {key for key in after if after[key] != before.get(key)}
    assert (
        changed <= {"errors", "baked", "noise_scope", "recipe", "source_recipe"}
        and after["errors"]["sensor"]["name"] == "bmi270"
    )
    done = run(corpus, "--out", tmp_path / "d3.h5", "--set", "seven", code=1)
    assert "has no sensor 'thigh_r'" in done.stderr
    assert "made already" in run(corpus, "--out", tmp_path / "d4.h5", "--source", "cluster", code=2).stderr


def test_sensors_placed_anew_lose_the_old_treatments(tmp_path):
    write_person(tmp_path, bare=("femur_r",))
    run(tmp_path / "trials", tmp_path / "motion", tmp_path / "a.h5", "--cutoff", "auto")
    old = Corpus(tmp_path / "a.h5").read("S01", "walk")
    assert {"segment_cutoffs", "model_motion"} <= {t.what for t in old.treatments}
    said = run(
        tmp_path / "a.h5", "--out", tmp_path / "b.h5", "--motion", tmp_path / "motion", "--method", "spline"
    ).stdout
    new = Corpus(tmp_path / "b.h5")
    note, start = new.read("S01", "walk").treatments[::-1]
    assert start.what == "start_time"
    assert note.what == "placed_anew" and "by spline" in note.detail and "calcn_r 15.0 Hz" in note.detail
    assert new.provenance.config["source"] == "model" and new.provenance.config["method"] == "spline"
    assert sum(line.startswith("│") and line.count(" %") == 2 for line in said.splitlines()) == 7


# long trials ----------------------------------------------------------------------------------------------------------


def same(first, second, atol=1e-5):
    for a, b in zip(first, second, strict=True):
        assert a.placement.sensor == b.placement.sensor
        np.testing.assert_allclose(a.specific_force, b.specific_force, atol=atol)
        np.testing.assert_allclose(a.angular_velocity, b.angular_velocity, atol=atol)


@pytest.mark.parametrize("source", ["model", "both"])
def test_a_long_trial_moves_as_asked(tmp_path, monkeypatch, source):
    """By the skeleton where that is asked for or no cluster is, with what was done on record."""
    trial = write_person(tmp_path, bare=("femur_r", "femur_l"))
    positions = load_trial(trial).positions.copy()
    labels = load_trial(trial).labels
    positions[:, labels.index("tibia_r0")] += 0.05 * np.random.default_rng(1).standard_normal((N, 3))
    change(trial, positions=positions)
    words = [trial, tmp_path / "motion", "--source", source]
    run(*words, "--out", tmp_path / "short.h5")
    monkeypatch.setattr(long_trial, "LONG", 1.0)
    monkeypatch.setattr(long_trial, "CHUNK", 70)
    said = run(*words, "--out", tmp_path / "long.h5").stdout
    short, long = (Corpus(tmp_path / f"{name}.h5").read("S01", "walk", clean=True) for name in ("short", "long"))
    same(short.recordings, long.recordings)
    told = {t.what: t.detail for t in long.treatments}
    assert long.start_time == START == short.start_time and long.skeleton == short.skeleton is not None
    assert "streamed" in told and "streamed: " in said and check_corpus(tmp_path / "long.h5") == []
    if source == "both":
        assert told["model_motion"].startswith("thigh_r, thigh_l") and "tibia_r0" in told["cluster_marker_left_out"]
    run(*words, "--out", tmp_path / "baked.h5", "--bake", "--csv", tmp_path / "l.csv")
    worn = Corpus(tmp_path / "long.h5").read("S01", "walk").recordings
    same(Corpus(tmp_path / "baked.h5").read("S01", "walk").recordings, worn)
    same(read_sensors(tmp_path / "l.csv").recordings, worn)
    assert read_sensors(tmp_path / "l.csv").start_time == START
    run(*words, "--csv", tmp_path / "alone.csv")
    assert (tmp_path / "alone.csv").read_bytes() == (tmp_path / "l.csv").read_bytes()
    assert "cut it into trials" in run(*words, "--sto", tmp_path / "l.sto", code=1).stderr
    assert not list(tmp_path.glob(".*clean*"))
    done = run(trial, "--model", tmp_path / "motion" / "S01" / "skeleton.json", "--out", tmp_path / "n.h5", code=1)
    assert "femur_r, femur_l shows no cluster" in done.stderr and not (tmp_path / "n.h5").exists()


# records that hold too little -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2])
def test_a_record_without_a_sample_is_refused(archive, tmp_path, n):
    trial = load_trial(trial_of(archive))
    path = tmp_path / "short.trial.h5"
    write_trial(path, replace(trial, positions=trial.positions[:n], filled=None))
    model = ["--model", archive / "motion" / "S01" / "skeleton.json", "--out", tmp_path / "c.h5", "--allow-gaps"]
    assert f"no sample (frames in the trial: {n})" in run(path, *model, code=1).stderr
    assert not (tmp_path / "c.h5").exists()


@pytest.mark.parametrize(("frames", "refused"), [(10, False), (25, False), (40, True)])
def test_long_gaps_are_refused_in_one_sentence_or_kept_on_demand(archive, tmp_path, frames, refused):
    trial = load_trial(trial_of(archive))
    positions = trial.positions.copy()
    positions[100 : 100 + frames - 2] = np.nan  # central differences lose a neighbour on either side
    path = tmp_path / "S01" / "walk.trial.h5"
    path.parent.mkdir()
    write_trial(path, replace(trial, positions=positions, filled=None))
    words = [path, archive / "motion", "--source", "cluster", "--out", tmp_path / "c.h5"]
    done = run(*words, code=1 if refused else 0)
    if refused:
        assert f"no value for {frames / RATE:.2g} s in one stretch" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        rows = run(tmp_path, archive / "motion", tmp_path / "d.h5", "--source", "cluster", code=4)
        assert "--allow-gaps" in rows.stderr
        said = run(*words, "--allow-gaps").stdout
        assert "14.0 % of the sensor samples have no value and stay NaN, 7 gaps inside the records" in said


def test_gaps_are_judged_inside_the_record_alone(archive):
    source = read_source(trial_of(archive), archive / "motion")
    motions = source_motions(source, {"pelvis"})
    record = simulate_imu(motions["pelvis"], SEVEN_SENSORS[0], method="spline")
    ends = record.specific_force.copy()
    ends[:100] = ends[-80:] = np.nan
    assert check_gaps([replace(record, specific_force=ends)], "x") == {"missing": 0.6, "gaps": 0}
    many = record.specific_force.copy()
    for start in range(20, 280, 20):
        many[start : start + 4] = np.nan
    for block in (1, 3, 7, 300):  # whatever the blocks, the gaps are the same
        counted, at_the_end = SensorGaps(), SensorGaps()
        for start in range(0, N, block):
            counted.add(np.isnan(many[start : start + block, 0]))
            at_the_end.add(np.isnan(ends[start : start + block, 0]))
        assert counted.inside == [4] * 13 and counted.n_absent == 52 and counted.n_frames == N
        assert at_the_end.inside == [] and at_the_end.n_absent == 180
    with pytest.raises(TrialRefused, match=r"for 17 % inside its record"):
        check_gaps([replace(record, specific_force=many)], "x")


def test_motion_of_the_skeleton_alone_is_recorded_and_printed(archive, tmp_path):
    trial = load_trial(trial_of(archive))
    path = tmp_path / "blind.trial.h5"
    write_trial(path, replace(trial, positions=np.full_like(trial.positions, np.nan), filled=None))
    said = run(path, archive / "motion", tmp_path / "b.h5").stdout
    told = {t.what for t in Corpus(tmp_path / "b.h5").read("S01", "walk").treatments}
    assert "model_motion" in told and "model_motion: pelvis, thigh_r" in said
    motion, model = archive / "motion" / "S01" / "walk.mot", archive / "motion" / "S01" / "skeleton.json"
    assert "coordinates_only: no markers" in run(motion, "--model", model, "--csv", tmp_path / "m.csv").stdout
    words = ["--model", model, "--csv", tmp_path / "n.csv", "--source", "cluster"]
    assert "no markers, so no marker clusters" in run(motion, *words, code=2).stderr


def test_ctrl_c_says_what_is_true_of_the_command():
    stopped = kinesynth.Interrupted()
    assert "goes on from there" in kinesynth.sentence_of(stopped, "motion")
    for command in ("imu", "export", ""):
        sentence = kinesynth.sentence_of(stopped, command)
        assert "kept" not in sentence and "no file is left half-written" in sentence


def test_what_is_read_back_is_the_motion_of_the_file(archive):
    """The source's poses are those of the coordinates, whichever of the two is asked for."""
    source = read_source(trial_of(archive), archive / "motion")
    true = segment_motions(source.skeleton, read_motion(archive / "motion" / "S01" / "walk.mot"))
    for which in ("cluster", "model", "both"):
        found = source_motions(source, ("tibia_r",), which)["tibia_r"]
        np.testing.assert_allclose(found.origin, true["tibia_r"].origin, atol=1e-6)
