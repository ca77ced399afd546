"""Real sessions become a corpus: mountings, biases and lags from sensors and events, references on their clock."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import STANDARD_GRAVITY
from synth.cli import imu_app
from synth.corpus import Corpus, check_corpus
from synth.optimal_control.baseline import between_cycles, build_baseline_corpus, used_sensors
from synth.optimal_control.inertial.imu_cycle import detect_cycles
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.real_imu.accelerometer_bias import biased_axis
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.cycle_table import read_cycle
from synth.real_imu.foot_force import on_sensor_clock
from synth.real_imu.foot_lag import foot_lags, why_left_out
from synth.real_imu.functional_mounting import functional_mountings
from synth.real_imu.session_sheet import read_session_sheet
from synth.real_imu.shank_event import shank_events
from synth.real_imu.synchronisation import Lag
from synth.sensor_corpus import AUDIT
from synth.sensor_session_trial import read_session, walking_frames
from training.target import Target, read_targets
from training.window import trial_record

SHORT = ("Sub03", "CSStiffKnee")


def run(*words, code=0):
    done = CliRunner().invoke(imu_app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def folder(data_dir, tmp_path_factory) -> Path:
    """One person's shortest walk in a folder of its own, without the optical reference."""
    source, made = data_dir / "cmu_imu_grf_walk", tmp_path_factory.mktemp("sessions")
    shutil.copytree(source / SHORT[0] / SHORT[1], made / SHORT[0] / SHORT[1])
    shutil.copyfile(source / "subjects.csv", made / "subjects.csv")
    return made


@pytest.fixture(scope="module")
def corpus(folder) -> Path:
    out = folder / "real.h5"
    said = run("sessions", folder, out, "--sheet", "cmu_treadmill", "--json").stdout
    (row,) = json.loads(said)["recordings"]
    assert (row["subject"], row["trial"], row["status"], row["reason"]) == (*SHORT, "accepted", "")
    return out


@pytest.fixture(scope="module")
def read(folder):
    from synth.real_imu.session_sheet import read_people

    sheet = read_session_sheet("cmu_treadmill")
    path = next((folder / SHORT[0] / SHORT[1]).glob(sheet.recordings.rpartition("/")[2]))
    return read_session(path, *read_people(sheet, folder)[SHORT[0]], sheet)


def test_the_corpus_is_an_ordinary_one_in_the_house_convention(corpus):
    assert [f for f in check_corpus(corpus) if f.level == "error"] == []
    trial = Corpus(corpus).read(*SHORT)
    assert trial.rate == 100.0 and trial.task == "walk" and trial.subject.mass == 78.6
    assert trial.belt_speed == pytest.approx(0.775153) and trial.spatiotemporal["speed"] == trial.belt_speed
    for r in trial.recordings:  # gravity reads upwards along every segment, the shanks swing about Z
        mean = np.nanmean(r.specific_force, axis=0)
        assert mean[1] > 0.9 * np.linalg.norm(mean) and abs(np.linalg.norm(mean) - STANDARD_GRAVITY) < 2.0
        if r.placement.segment.startswith(("tibia", "calcn")):
            assert np.argmax(np.nanstd(r.angular_velocity, axis=0)) == 2
        if r.placement.segment.startswith("tibia"):
            assert np.nanpercentile(r.angular_velocity[:, 2], 99) > -np.nanpercentile(r.angular_velocity[:, 2], 1)
    record = trial_record(trial, ("shank_r", "foot_l"), (Target("ground_reaction", "ground_force_y_r"),))
    assert record.inputs.shape == (trial.n_frames, 12) and len(record.labelled_frames) > 0.7 * trial.n_frames


def test_both_feet_together_carry_the_body_on_the_sensors_clock(corpus):
    trial = Corpus(corpus).read(*SHORT)
    forces = read_targets(trial, [Target("ground_reaction", f"ground_force_y_{s}") for s in "rl"])
    both = forces[np.isfinite(forces).all(axis=1)].sum(axis=1)
    assert both.mean() == pytest.approx(1.0, abs=0.03)
    foot = next(r for r in trial.recordings if r.placement.sensor == "foot_r")
    still = np.linalg.norm(foot.angular_velocity, axis=1) < 0.7
    loaded = forces[:, 0] > 0.2
    assert loaded[still & np.isfinite(forces[:, 0])].mean() > 0.95  # a foot that does not turn stands on the ground


def test_turned_sensors_give_the_same_segments(read):
    rng = np.random.default_rng(5)
    turns = {r.placement.sensor: Rotation.random(random_state=rng.integers(1000)) for r in read.recordings}
    turned = [
        replace(
            r,
            specific_force=turns[r.placement.sensor].apply(np.nan_to_num(r.specific_force)),
            angular_velocity=turns[r.placement.sensor].apply(np.nan_to_num(r.angular_velocity)),
        )
        for r in read.recordings
    ]
    plain = [
        replace(r, specific_force=np.nan_to_num(r.specific_force), angular_velocity=np.nan_to_num(r.angular_velocity))
        for r in read.recordings
    ]
    before, after = functional_mountings(plain, read.still), functional_mountings(turned, read.still)
    for sensor, mounting in before.items():
        assert (after[sensor] * turns[sensor] * mounting.inv()).magnitude() < 1e-6, sensor
    forward = before["pelvis"].inv().apply([1.0, 0.0, 0.0])  # this set wears it on the sacrum, z out of the skin
    assert forward @ [0.0, 0.0, -1.0] > np.cos(np.radians(30.0))


@pytest.mark.parametrize(("sensor", "axis", "bias"), [("shank_l", 0, 1.6), ("foot_r", 2, -2.0), ("thigh_r", 0, 1.2)])
def test_a_bias_that_is_put_in_is_found_on_its_axis(read, sensor, axis, bias):
    r = next(x for x in read.recordings if x.placement.sensor == sensor)
    shank = next(x for x in read.recordings if x.placement.sensor == "shank_r")
    strikes = shank_events(shank.angular_velocity, shank.rate).strikes
    assert biased_axis(r, read.still, strikes) is None
    found = biased_axis(replace(r, specific_force=r.specific_force + bias * np.eye(3)[axis]), read.still, strikes)
    assert found is not None and found[0] == axis and found[1] == pytest.approx(bias, abs=0.5)
    assert set(read.biases) == {"foot_l", "torso"} and read.biases["foot_l"][0] == 2


def test_a_lag_that_is_put_in_comes_out_and_the_forces_go_back(read):
    late = {
        foot: on_sensor_clock(r, -0.05, r.rate, len(r.force)) for foot, r in read.reactions.items()
    }  # plates early by 50 ms: the sensors are later by as much
    found = foot_lags(read.recordings, late)
    for foot, lag in read.lags.items():
        assert found[foot].seconds - lag.seconds == pytest.approx(0.05, abs=0.003)
        assert lag.reason == "" and lag.row("S", "w")["used"] is True


def test_the_rule_of_exclusion_is_by_numbers():
    good = Lag("s", "p", 0.02, 1.0, 1.6, -1.2, 0.008, 1e-5, 1e-4, 40)
    assert why_left_out(good, 60.0) == ""
    for bad, word in (
        ({"agreement": 0.81}, "81% of the plate's strikes"),
        ({"count": 6}, "6 strikes are met"),
        ({"spread": 0.05}, "scatter by 50 ms"),
        ({"peak_ratio": 1.05}, "a lag of -1200 ms"),
        ({"drift": 1e-3, "drift_error": 1e-4}, "run apart by 60 ms"),
    ):
        assert word in why_left_out(replace(good, **bad), 60.0)


def test_the_audit_and_the_choices_stand_in_the_corpus(corpus):
    config = Corpus(corpus).provenance.config
    assert [row["foot"] for row in config[AUDIT]["feet"]] == ["right", "left"]
    assert "90%" in config[AUDIT]["rule"] and config["biases"]["foot_l"]["axis"] == "z"
    words = [t.what for t in Corpus(corpus).read(*SHORT).treatments]
    assert words.count("lag_undone") == 2 and "mounting_by_function" in words
    assert str(corpus.parent) not in corpus.read_bytes().decode("latin-1")


def test_labels_end_where_somebody_stops():
    inside = walking_frames([0.0, 1.0, 2.0, 3.0, 5.0, 6.0], 10.0, 80)
    assert inside[:30].all() and not inside[30:50].any() and inside[50:60].all() and not inside[60:].any()


def test_a_mean_cycle_keeps_its_numbers_and_says_what_is_assumed(data_dir, tmp_path):
    folder = data_dir / "biomac_fau" / "imu7_cycle"
    out = tmp_path / "p03.h5"
    run("sessions", folder, out, "--sheet", "biomac_cycle")
    trial = Corpus(out).read("P03", "normwalking")
    assert trial.spatiotemporal["speed"] == pytest.approx(1.37, abs=0.01)
    assert "75 kg and height 1.8 m are assumed" in trial.treatments[0].detail
    cycle = read_cycle(folder / "P03_normwalking_mean.csv")
    knee = np.degrees(cycle.angles["knee_angle_r"])
    assert 55 < knee.max() < 80 and knee.min() > 0  # flexion is positive
    period = cycle.duration * trial.rate
    shifted = np.interp(np.arange(200) + period, np.arange(len(knee)), knee)
    np.testing.assert_allclose(shifted, knee[:200], atol=0.3)
    vertical = read_targets(trial, [Target("ground_reaction", "ground_force_y_r")])[:, 0]
    assert 1.0 < vertical.max() < 1.3 and abs(vertical.min()) < 0.02
    cycles = detect_cycles(trial.recordings)
    assert len(cycles) > 3 and between_cycles(trial, cycles) == {}  # copies are no strides without variance
    assert between_cycles(replace(trial, treatments=()), cycles)


def test_optimal_control_uses_pelvis_and_legs_and_names_what_else_is_worn():
    """An eighth sensor, on the trunk, must not cost a recording of seven good ones."""
    worn = [SimpleNamespace(placement=SimpleNamespace(sensor=s, segment=s)) for s in ("torso", *SENSOR_SEGMENTS)]
    own, others = used_sensors(worn)
    assert [r.placement.segment for r in own] == list(SENSOR_SEGMENTS)
    assert others == ("torso",)


@pytest.mark.slow
def test_optimal_control_explains_a_mean_cycle_whose_copies_do_not_differ(data_dir, tmp_path):
    corpus, out = tmp_path / "p03.h5", tmp_path / "solved.h5"
    run("sessions", data_dir / "biomac_fau" / "imu7_cycle", corpus, "--sheet", "biomac_cycle")
    build_baseline_corpus(corpus, out)
    solved, trial = (Corpus(path).read("P03", "normwalking") for path in (out, corpus))
    assert solved.status == "converged", solved.reason
    assert abs(solved.spatiotemporal["speed"] - trial.spatiotemporal["speed"]) < 0.12
    knee = Target("angle", "knee_angle_r")
    errors = np.degrees(read_targets(solved, [knee]) - read_targets(trial, [knee]))
    assert np.sqrt(np.nanmean(errors**2)) < 12.0


def test_what_is_missing_is_refused_in_a_sentence(folder, tmp_path):
    sheet = tmp_path / "sheet.toml"
    sheet.write_text('recordings = "*/*/*_Accel.trc"\nforce = "x"\n')
    assert "'force' is unknown" in run("sessions", folder, tmp_path / "a.h5", "--sheet", sheet, code=1).stderr
    sheet.write_text('recordings = "*/*/*_Accel.trc"\nsubjects = "subjects.csv"\nforces = "*_none.mot"\n')
    said = run("sessions", folder, tmp_path / "a.h5", "--sheet", sheet, code=1).stderr
    assert "no recording could be used" in said and "found 0" in said and not (tmp_path / "a.h5").exists()
    with pytest.raises(RecordingRefused, match="cmu_treadmill"):
        read_session_sheet(tmp_path / "none.toml")


@pytest.mark.slow
def test_optical_angles_and_moments_of_sub02_are_those_of_slow_walking(data_dir, tmp_path):
    source, made = data_dir / "cmu_imu_grf_walk", tmp_path / "one"
    shutil.copytree(source / "Sub02" / "CSBaseline", made / "Sub02" / "CSBaseline")
    shutil.copytree(source / "Sub02" / "optical_reference", made / "Sub02" / "optical_reference")
    shutil.copyfile(source / "subjects.csv", made / "subjects.csv")
    run("sessions", made, tmp_path / "s.h5", "--sheet", "cmu_treadmill", "--sensors", "pelvis,shank_r,shank_l")
    trial = Corpus(tmp_path / "s.h5").read("Sub02", "CSBaseline")
    assert [r.placement.sensor for r in trial.recordings] == ["pelvis", "shank_r", "shank_l"]
    names = ("knee_angle_r", "ankle_angle_r")
    values = read_targets(trial, [Target(kind, n) for kind in ("angle", "moment") for n in names])
    known = np.isfinite(values).all(axis=1)
    assert 4400 < known.sum() <= 4501
    assert 50 < np.degrees(values[known, 0]).max() < 75
    assert -9.0 < 100 * np.percentile(values[known, 3], 1) < -4.0  # plantarflexion holds the body, % BW x height
