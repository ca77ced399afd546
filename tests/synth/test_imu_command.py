"""`kinesynth imu` on an archive, a trial and a corpus: what is asked for is what is written, and refusals say why."""

import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import kinesynth
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import load_first_frames, load_trial, position_chunks, write_trial
from opensim_models.exchange.storage import read_orientations, write_motion
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from opensim_models.model.skeleton import SkeletonMarker, load_skeleton, save_skeleton
from opensim_models.motion import Kinematics
from synth import long_trial
from synth.cli import imu_app
from synth.corpus import Corpus, check_corpus
from synth.corpus.provenance import file_hash
from synth.imu.error_recipe import apply_errors
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.sensor_preset import sensor_preset
from synth.imu.simulation import simulate_imu
from synth.imu_report import error_table
from synth.real_imu.sensor_file import read_sensors
from synth.trial_cutoff import read_cutoff, trial_cutoffs

CORNERS = ((0.06, 0.0, 0.0), (-0.05, 0.04, 0.02), (0.0, -0.06, 0.05), (0.02, 0.03, -0.06))
RATE, N = 100.0, 240
JITTER = 0.0005


def write_person(root: Path, code: str, names=("walk_01",)) -> None:
    subject = Subject(code, 70.0, 1.7, "male")
    skeleton = lower_body_skeleton(subject, table="de_leva")
    markers = [SkeletonMarker(f"{s.name}{i}", s.name, c) for s in skeleton.segments for i, c in enumerate(CORNERS)]
    skeleton = skeleton.with_markers(tuple(markers))
    for folder in ("trials", "motion"):
        (root / folder / code).mkdir(parents=True)
    save_skeleton(skeleton, root / "motion" / code / "skeleton.json")
    time = np.arange(N) / RATE
    for k, name in enumerate(names):
        rng = np.random.default_rng([k, *code.encode()])
        waves = [
            0.2 * np.sin(2 * np.pi * rng.uniform(0.5, 2.0) * time + rng.uniform(0, 6)) for _ in skeleton.coordinates
        ]
        kinematics = Kinematics(skeleton.coordinate_names, np.stack(waves, axis=1), RATE)
        positions = marker_positions(skeleton, kinematics)
        positions = positions + JITTER * rng.standard_normal(positions.shape)
        labels = tuple(marker.name for marker in skeleton.markers)
        positions[100:110, [i for i, label in enumerate(labels) if "tibia_r" in label][:2]] = np.nan
        trial = MarkerTrial(name, subject, labels, positions, RATE, "walk", source=f"{name}.c3d")
        write_trial(root / "trials" / code / f"{name}.trial.h5", trial)
        write_motion(root / "motion" / code / f"{name}.mot", kinematics)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write_person(root, "S01", ("walk_01", "walk_02"))
    write_person(root, "S02")
    return root


def run(*words, code=0):
    done = CliRunner().invoke(imu_app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def corpus(archive, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("corpus") / "clean.h5"
    run(archive / "trials", archive / "motion", out)
    return out


def same(first, second, atol=1e-6):
    assert [r.placement.sensor for r in first] == [r.placement.sensor for r in second]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a.specific_force, b.specific_force, atol=atol)
        np.testing.assert_allclose(a.angular_velocity, b.angular_velocity, atol=atol)


# an archive -----------------------------------------------------------------------------------------------------------


def test_cut_offs_are_chosen_for_each_segment_recorded_and_printed_with_the_expected_error(archive, tmp_path):
    out = tmp_path / "auto.h5"
    said = run(archive / "trials", archive / "motion", out, "--cutoff", "auto", "--method", "butterworth").stdout
    trial = Corpus(out).read("S01", "walk_01")
    (note,) = (t for t in trial.treatments if t.what == "segment_cutoffs")
    table = pd.read_csv(out.with_suffix(".csv")).iloc[0]
    assert table.status == "accepted" and f"tibia_r {table.cutoff_tibia_r:.1f} Hz" in note.detail
    assert 4.0 <= table.cutoff_pelvis < 15.0 and 1e-4 < table.jitter_calcn_l < 1e-3
    assert "Expected errors on motion up to 8 Hz, butterworth at 100 Hz, medians over the trials" in said
    rows = [line for line in said.splitlines() if " mm " in line and " m/s²" in line]
    assert len(rows) == 7
    assert max(map(len, rows)) < 120
    assert sum(f"{table.cutoff_tibia_r:.1f} Hz" in line for line in rows) >= 1
    assert "gaps inside the records" in said


def test_processes_write_the_same_bytes(archive, corpus, tmp_path):
    answer = json.loads(run(archive / "trials", archive / "motion", tmp_path / "c.h5", "--workers", 2, "--json").stdout)
    assert answer["counts"] == {"accepted": 3} and answer["trials"][0]["gaps"] == 1
    assert answer["expected_errors"]["pelvis"]["acceleration_share"] == pytest.approx(0.056, abs=0.001)
    assert file_hash(tmp_path / "c.h5") == file_hash(corpus)


def test_own_placements_are_taken_as_they_are(archive, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('[[sensor]]\nname = "chip"\nsegment = "tibia_r"\noffset = [0.01, -0.3, 0.0]\n')
    run(archive / "trials", archive / "motion", tmp_path / "own.h5", "--placements", own)
    (record,) = Corpus(tmp_path / "own.h5").read("S02", "walk_01").recordings
    np.testing.assert_array_equal(record.placement.offset, [0.01, -0.3, 0.0])
    own.write_text('[[sensor]]\nname = "chip"\nsegment = "tibia_rr"\n')
    done = run(archive / "trials", archive / "motion", tmp_path / "no.h5", "--placements", own, code=4)
    assert "'tibia_rr', which does not exist; did you mean tibia_r" in done.stderr
    assert not list(tmp_path.glob("*no*"))


def test_errors_follow_the_options(archive, tmp_path):
    words = ["--sensor", "mpu-9250", "--soft-tissue", "spring", "--misalignment-law", "cone-uniform"]
    words += ["--position-sd", 0.01, "--swap", 0.2]
    run(archive / "trials", archive / "motion", tmp_path / "e.h5", *words, "--set", "sparse-foot", "--seed", 9)
    trial = Corpus(tmp_path / "e.h5").read("S01", "walk_01")
    errors = trial.errors
    assert errors.sensor == sensor_preset("mpu_9250") and errors.noise_share == 0.0 and errors.seed == 9
    assert (errors.soft_tissue, errors.misalignment_law, errors.position_sd) == ("spring", "cone_uniform", 0.01)
    assert [r.placement.sensor for r in trial.recordings] == ["pelvis", "foot_r", "foot_l"]
    config = Corpus(tmp_path / "e.h5").provenance.config
    assert config["errors"] == json.loads(errors.to_json())


def test_noise_may_refer_to_the_subject_or_the_training_set(archive, corpus, tmp_path):
    run(archive / "trials", archive / "motion", tmp_path / "s.h5", "--noise-scope", "subject")
    found = Corpus(tmp_path / "s.h5")
    first, second = (found.read(*key).errors for key in (("S01", "walk_01"), ("S02", "walk_01")))
    assert first.noise_scope == "subject" and first == found.read("S01", "walk_02").errors != second
    same(
        found.read("S01", "walk_01", clean=True).recordings,
        Corpus(corpus).read("S01", "walk_01", clean=True).recordings,
    )
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")) == ["s.csv", "s.h5"]
    said = run(corpus, tmp_path / "t.h5", "--noise-scope", "training-set", "--training", "S02").stdout
    pooled = dict(Corpus(tmp_path / "t.h5").read("S01", "walk_01").errors.noise_sd)
    clean = Corpus(corpus).read("S02", "walk_01", clean=True).recordings[0].specific_force
    assert "over the training set" in said
    np.testing.assert_allclose(pooled["pelvis"][:3], np.nanstd(clean, axis=0), rtol=1e-5)
    assert (
        "'S09' is not in it"
        in run(corpus, tmp_path / "u.h5", "--noise-scope", "training-set", "--training", "S09", code=1).stderr
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--method", "newton"), "method 'newton' is unknown"),
        (("--method", "analytic"), "is for coordinates"),
        (("--cutoff", "-3"), "a number of Hz"),
        (("--source", "video"), "source 'video' is unknown"),
        (("--set", "nine"), "sensor set 'nine' is unknown"),
        (("--sensor", "bmi27"), "did you mean bmi270"),
        (("--soft-tissue", "jelly"), "soft_tissue must be one of"),
        (("--noise-scope", "planet"), "noise scope 'planet' is unknown"),
        (("--training", "S01"), "--noise-scope training_set"),
        (("--swap", "2"), "swap_probability must be from 0 to 1"),
        (("--noise", "-1"), "noise_share"),
        (("--placements", "nowhere.toml"), "no such file"),
        (("--csv", "x.csv"), "records of one trial"),
        (("--model", "."), "skeletons of an archive"),
    ],
)
def test_wrong_usage_ends_with_two_and_one_sentence(archive, tmp_path, words, sentence):
    done = run(archive / "trials", archive / "motion", tmp_path / "c.h5", *words, code=2)
    assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert "error" in json.loads(run(archive / "trials", archive / "motion", "x.h5", *words, "--json", code=2).stdout)


def test_what_is_missing_is_named(archive, tmp_path):
    assert "--out FILE.h5" in run(archive / "trials", archive / "motion", code=2).stderr
    assert "folder of `kinesynth motion`" in run(archive / "trials", tmp_path / "c.h5", code=2).stderr
    assert "no such file" in run(tmp_path / "nowhere", code=2).stderr
    (tmp_path / "notes.txt").write_text("x")
    assert "expected a folder of trials" in run(tmp_path / "notes.txt", code=2).stderr


# one trial ------------------------------------------------------------------------------------------------------------


def test_one_trial_goes_to_corpus_table_and_opensense_files(archive, corpus, tmp_path):
    trial = archive / "trials" / "S01" / "walk_02.trial.h5"
    files = tmp_path / "one.h5", tmp_path / "one.csv", tmp_path / "one.sto"
    words = ["--out", files[0], "--csv", files[1], "--sto", files[2], "--misalignment", 0, "--json"]
    answer = json.loads(run(trial, archive / "motion", *words).stdout)
    assert answer["missing"] > 0 and answer["cutoffs_hz"]["calcn_r"] == 15.0 and len(answer["files"]) == 5
    stored = Corpus(files[0])
    assert check_corpus(files[0]) == []
    clean = [Corpus(path).read("S01", "walk_02", clean=True).recordings for path in (files[0], corpus)]
    same(*clean)
    worn = apply_errors(
        stored.read("S01", "walk_02", clean=True).recordings, stored.read("S01", "walk_02").errors, subject="S01",
        trial="walk_02",
    )  # fmt: skip
    for session in (read_sensors(files[1]), read_sensors(tmp_path / "one_orientations.sto")):
        assert session.rate == RATE and session.sensors == tuple(p.sensor for p in SEVEN_SENSORS)
        same(session.recordings, worn, atol=2e-5)
    skeleton = load_skeleton(archive / "motion" / "S01" / "skeleton.json")
    turned, known, _ = read_orientations(tmp_path / "one_orientations.sto")
    from opensim_models.exchange.storage import read_motion

    true = segment_motions(skeleton, read_motion(archive / "motion" / "S01" / "walk_02.mot"))
    apart = (turned["shank_r_imu"] * true["tibia_r"].orientation.inv()).magnitude()
    assert not known[100:110, 2].any() and np.max(apart[known[:, 2]]) < np.deg2rad(3.0)


def test_coordinates_alone_go_through_mechanics(archive, tmp_path):
    motion, model = archive / "motion" / "S02" / "walk_01.mot", archive / "motion" / "S02" / "skeleton.json"
    said = run(motion, "--model", model, "--cutoff", "none", "--out", tmp_path / "m.h5").stdout
    rows = [line for line in said.splitlines() if "choice of the user" in line]
    assert rows and all(" none " in row for row in rows)  # no low-pass in any segment's row
    made = Corpus(tmp_path / "m.h5").read("walk_01", "walk_01", clean=True)
    skeleton = load_skeleton(model)
    motions = segment_motions(skeleton, made.kinematics)
    by_spline = [simulate_imu(motions[r.placement.segment], r.placement, method="spline") for r in made.recordings]
    for a, b in zip(made.recordings, by_spline, strict=True):
        np.testing.assert_allclose(a.specific_force[20:-20], b.specific_force[20:-20], atol=2e-3)
    assert "no skeleton to put sensors on" in run(_alone(motion, tmp_path), "--out", tmp_path / "n.h5", code=1).stderr


def _alone(motion: Path, folder: Path) -> Path:
    (folder / "alone").mkdir()
    (folder / "alone" / "walk.mot").write_text(motion.read_text())
    return folder / "alone" / "walk.mot"


def test_motion_of_another_rate_is_refused(archive, tmp_path):
    skeleton = load_skeleton(archive / "motion" / "S02" / "skeleton.json")
    other = Kinematics(skeleton.coordinate_names, np.zeros((N, len(skeleton.coordinate_names))), 50.0)
    write_motion(tmp_path / "slow.mot", other)
    words = [archive / "trials" / "S02" / "walk_01.trial.h5", "--motion", tmp_path / "slow.mot"]
    model = ["--model", archive / "motion" / "S02" / "skeleton.json", "--out", tmp_path / "c.h5"]
    assert "240 frames at 50 Hz, the trial 240 at 100 Hz" in run(*words, *model, code=1).stderr


def test_a_long_trial_passes_in_blocks_with_the_same_records(archive, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(long_trial, "LONG", 1.0)
    monkeypatch.setattr(long_trial, "CHUNK", 50)
    path = archive / "trials" / "S01" / "walk_01.trial.h5"
    said = run(path, archive / "motion", tmp_path / "long.h5").stdout
    assert "S01/walk_01: 240 frames" in said
    streamed = Corpus(tmp_path / "long.h5").read("S01", "walk_01", clean=True)
    assert streamed.kinematics is None and streamed.treatments[-1].what == "streamed"
    same(streamed.recordings, Corpus(corpus).read("S01", "walk_01", clean=True).recordings)
    assert check_corpus(tmp_path / "long.h5") == []
    done = run(tmp_path / "long.h5", tmp_path / "anew.h5", "--motion", archive / "motion", code=4)
    assert "holds no coordinates, so no sensor can be placed anew" in done.stderr
    np.testing.assert_array_equal(np.concatenate(list(position_chunks(path, 77))), load_trial(path).positions)
    head, n_frames = load_first_frames(path, 30)
    assert head.positions.shape[0] == 30 and n_frames == N and head.subject.code == "S01"
    (tmp_path / "torn.trial.h5").write_bytes(b"no")
    with pytest.raises(TrialRefused, match="expected a trial written by"):
        next(position_chunks(tmp_path / "torn.trial.h5", 10))


def test_memory_does_not_grow_with_a_long_trial(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(long_trial, "LONG", 1.0)
    monkeypatch.setattr(long_trial, "HEAD", 2.0)
    monkeypatch.setattr(long_trial, "CHUNK", 240)
    trial = load_trial(archive / "trials" / "S02" / "walk_01.trial.h5")
    peaks = []
    for times in (4, 4, 40):  # the first one compiles
        path = tmp_path / f"times{times}.trial.h5"
        write_trial(path, replace(trial, positions=np.tile(trial.positions, (times, 1, 1)), filled=None))
        tracemalloc.start()
        run(path, archive / "motion" / "S02", tmp_path / f"times{times}.h5", "--force")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.1 * peaks[1]
    assert Corpus(tmp_path / "times40.h5").summary()[0]["n_frames"] == 40 * N


# a corpus -------------------------------------------------------------------------------------------------------------


def test_a_corpus_gets_another_recipe_or_fewer_sensors(corpus, tmp_path):
    run(corpus, "--out", tmp_path / "other.h5", "--sensor", "bmi270", "--set", "sparse_shank")
    before, after = (Corpus(path).read("S02", "walk_01", clean=True) for path in (corpus, tmp_path / "other.h5"))
    assert after.errors.sensor.name == "bmi270" and before.errors.sensor is None
    same(after.recordings, [before.recordings[k] for k in (0, 2, 5)], atol=0)
    assert check_corpus(tmp_path / "other.h5") == []


def test_a_corpus_is_not_differentiated_again(corpus, tmp_path):
    for words in (("--method", "spline"), ("--cutoff", "auto")):
        assert "made already" in run(corpus, tmp_path / "no.h5", *words, code=2).stderr


def test_sensors_at_other_places_sit_on_the_stored_skeleton_or_another(archive, corpus, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"sensor": [{"name": "toe", "segment": "calcn_l", "offset": [0.2, 0.0, 0.0]}]}))
    run(corpus, tmp_path / "own.h5", "--placements", own)
    run(corpus, tmp_path / "anew.h5", "--placements", own, "--motion", archive / "motion")
    run(archive / "trials", archive / "motion", tmp_path / "direct.h5", "--placements", own, "--source", "model")
    names = ("own", "anew", "direct")
    mine, anew, direct = (Corpus(tmp_path / f"{n}.h5").read("S01", "walk_02", clean=True) for n in names)
    same(mine.recordings, direct.recordings)
    same(anew.recordings, direct.recordings)


def test_baked_records_carry_their_errors_for_good(corpus, tmp_path):
    said = run(corpus, tmp_path / "baked.h5", "--bake").stdout
    assert "in the records for good" in said
    stored, noisy = Corpus(tmp_path / "baked.h5"), Corpus(corpus)
    assert stored.read("S01", "walk_01").errors is None
    same(stored.read("S01", "walk_01").recordings, noisy.read("S01", "walk_01").recordings)
    done = run(tmp_path / "baked.h5", tmp_path / "again.h5", code=1)
    assert "holds records with their errors and no clean ones" in done.stderr


# cut-offs -------------------------------------------------------------------------------------------------------------


def test_a_cut_off_for_all_and_none(archive):
    skeleton = load_skeleton(archive / "motion" / "S01" / "skeleton.json")
    moved = segment_motions(skeleton, Kinematics(("hip_flexion_r",), np.zeros((N, 1)), RATE))
    motions = {name: moved[name] for name in ("pelvis", "calcn_r")}
    assert read_cutoff("12") == 12.0 and read_cutoff("auto") == "auto" and read_cutoff(None) is None
    assert {c.cutoff for c in trial_cutoffs(motions, 12.0, "spline").values()} == {12.0}
    unfiltered = trial_cutoffs(motions, "none", "spline")
    first = error_table(list(unfiltered.values()), "spline", RATE).iloc[0]
    assert (first["segment"], first["low-pass"], first["jitter"]) == ("pelvis", "none", "0 mm")
    with pytest.raises(ValueError, match="less than half the rate"):
        trial_cutoffs(motions, 50.0, "spline")
    with pytest.raises(ValueError, match="smooths, so it needs a cut-off"):
        trial_cutoffs(motions, "none", "butterworth")


def test_a_real_walk_of_opensim_through_its_model(data_dir, tmp_path):
    folder = data_dir / "opensim_core" / "rajagopal_walk"
    words = [folder / "coordinates.sto", "--model", folder / "subject_walk_scaled.osim", "--csv", tmp_path / "w.csv"]
    answer = json.loads(run(*words, "--noise", 0, "--misalignment", 0, "--json").stdout)
    assert answer["rate"] == 1000.0 and answer["missing"] == 0.0
    shank = read_sensors(tmp_path / "w.csv").of("shank_r").specific_force
    assert 9.0 < np.linalg.norm(shank.mean(axis=0)) < 11.0


def test_a_real_archive_from_c3d_to_records(data_dir, tmp_path):
    """A child's static trial and walk, the whole way; clusters and skeleton read about the same."""
    recordings, trials, motion = (tmp_path / name for name in ("recordings", "trials", "motion"))
    for folder in ("Static", "Straight"):
        source = data_dir / "mcgill_walk_youth" / "HC002D" / folder
        shutil.copytree(source, recordings / "HC002D" / folder)
    assert kinesynth.main(["import", str(recordings), "--out", str(trials), "--workers", "0"]) == 0
    assert kinesynth.main(["motion", "ik", str(trials), str(motion), "--workers", "0"]) == 0
    answer = json.loads(run(trials, motion, tmp_path / "walk.h5", "--json").stdout)
    (row,) = (row for row in answer["trials"] if row["status"] != "static")
    assert row["missing"] < 0.02 and row["force_difference"] < 1.5 and row["turn_difference"] < 0.7
    assert check_corpus(tmp_path / "walk.h5") == []
