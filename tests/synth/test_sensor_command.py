"""`kinesynth imu compare`, `lags`, `allan`, `diagnose`: pictures and tables find what was put into the recordings."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.exchange.storage import write_motion
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import save_skeleton
from opensim_models.motion import Kinematics
from synth.cli import imu_app
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.picture.pair_picture import liveliest
from synth.record_file import write_csv

RATE, N, LATE = 100.0, 1500, 12
MOUNTED = Rotation.from_rotvec([0.4, -0.9, 0.3])
ARM = np.array([0.03, -0.2, 0.05])


def run(*words, code=0):
    done = CliRunner().invoke(imu_app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    """A motion, its model, real sensors that are late and turned, and virtual records of the same segments."""
    folder = tmp_path_factory.mktemp("walk")
    skeleton = lower_body_skeleton(Subject("S01", 70.0, 1.8))
    save_skeleton(skeleton, folder / "model.json")
    rng = np.random.default_rng(3)
    time = np.arange(N) / RATE
    values = np.zeros((N, len(skeleton.coordinates)))
    for k in range(len(skeleton.coordinates)):
        for frequency in (0.31, 0.73, 1.37, 2.9):
            values[:, k] += 0.12 / frequency * np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6))
    kinematics = Kinematics(skeleton.coordinate_names, values, RATE)
    write_motion(folder / "walk.mot", kinematics)
    motions = segment_motions(skeleton, kinematics)
    real, virtual = [], []
    for name, segment in (("shank_r", "tibia_r"), ("thigh_l", "femur_l")):
        made = simulate_imu(motions[segment], SensorPlacement(name, segment, ARM, MOUNTED), method="spline")
        noisy = (
            a + s * rng.standard_normal(a.shape)
            for a, s in ((made.specific_force, 0.05), (made.angular_velocity, 0.01))
        )
        late = [np.vstack([np.repeat(a[:1], LATE, axis=0), a[:-LATE]]) for a in noisy]
        real.append(ImuRecording(SensorPlacement(name, segment), *late, RATE))
        virtual.append(simulate_imu(motions[segment], SensorPlacement(name, segment, ARM), method="spline"))
    write_csv(folder / "real.csv", real)
    write_csv(folder / "virtual.csv", virtual)
    return folder


def with_motion(walk: Path) -> list:
    return [walk / "real.csv", walk / "walk.mot", "--model", walk / "model.json"]


def test_lag_mounting_and_lever_arm_come_out_as_they_were_put_in(walk, tmp_path):
    answer = json.loads(run("compare", *with_motion(walk), "--out", tmp_path / "pair.html", "--json").stdout)
    assert [row["sensor"] for row in answer["sensors"]] == ["shank_r", "thigh_l"]
    for row in answer["sensors"]:
        assert row["lag"] == pytest.approx(LATE / RATE, abs=0.002)
        turned = Rotation.from_rotvec(row["mounting_deg"], degrees=True)
        assert (turned.inv() * MOUNTED).magnitude() < np.deg2rad(1.0)
        np.testing.assert_allclose(row["offset"], ARM, atol=0.01)
        assert row["gyroscope_share"] < 0.05 and row["accelerometer_share"] < 0.1
    page = (tmp_path / "pair.html").read_text()
    assert page.count("data:image/png;base64,") == 1 and "shank_r" in page and "http" not in page


def test_records_alone_tell_lag_and_rotation(walk, tmp_path):
    said = run("compare", walk / "real.csv", walk / "virtual.csv", "--out", tmp_path / "pair.png", "--json").stdout
    assert (tmp_path / "pair.png").read_bytes()[:4] == b"\x89PNG"
    row = json.loads(said)["sensors"][0]
    assert row["lag"] == pytest.approx(LATE / RATE, abs=0.005) and row["offset"] == [None] * 3
    turned = Rotation.from_rotvec(row["mounting_deg"], degrees=True)
    assert (turned.inv() * MOUNTED).magnitude() < np.deg2rad(2.0) and row["accelerometer_share"] < 0.1
    assert row["aligned"] == "records"


def test_the_lag_audit_is_a_table(walk):
    said = run("lags", *with_motion(walk)).stdout.splitlines()
    assert said[0].split()[:3] == ["sensor", "reference", "lag"] and said[1].split()[2] == "120"
    (first, _) = json.loads(run("lags", walk / "real.csv", walk / "virtual.csv", "--json").stdout)["lags"]
    assert first["seconds"] == pytest.approx(0.12, abs=0.005) and first["sure"]
    assert "share no time" in run("lags", *with_motion(walk), "--start", 60, code=1).stderr


def test_a_sensor_without_a_moving_segment_is_named(walk, tmp_path):
    table = tmp_path / "table.toml"
    table.write_text('[sensors]\nshank_r = "humerus_r"\nthigh_l = "humerus_l"\n')
    done = run("lags", *with_motion(walk), "--table", table, code=1)
    assert "no sensor with a gyroscope is worn on a segment that moves (worn on: humerus_l, humerus_r" in done.stderr
    done = run("compare", walk / "real.csv", walk / "walk.mot", "--out", tmp_path / "p.png", code=1)
    assert len(done.stderr.strip().splitlines()) == 1
    assert "expected a picture" in run("compare", *with_motion(walk), "--out", tmp_path / "p.doc", code=2).stderr


@pytest.fixture(scope="module")
def later(walk) -> Path:
    """The same walk, whose file of coordinates begins at 20 s, as its sensors' clock does in one of two files."""
    lines = (walk / "walk.mot").read_text().splitlines()
    top = next(k for k, line in enumerate(lines) if line.startswith("time")) + 1
    rows = [line.split(None, 1) for line in lines[top:]]
    moved = [f"{float(t) + 20:.8f}\t{rest}" for t, rest in rows]
    (walk / "later.mot").write_text("\n".join([*lines[:top], *moved]) + "\n")
    lines = (walk / "real.csv").read_text().splitlines()
    rows = [line.split(",", 2) for line in lines[1:]]
    clock = [f"{frame},{float(t) + 20:.6f},{rest}" for frame, t, rest in rows]
    (walk / "clock.csv").write_text("\n".join([lines[0], *clock]) + "\n")
    return walk


def test_the_times_in_both_files_say_when_the_motion_begins(later, tmp_path):
    motion = [later / "later.mot", "--model", later / "model.json"]
    said = json.loads(run("lags", later / "clock.csv", *motion, "--json").stdout)
    assert said["start"] == pytest.approx(0.0, abs=1e-6)
    assert [lag["seconds"] for lag in said["lags"]] == pytest.approx([0.12, 0.12], abs=0.005)
    done = run("lags", later / "real.csv", *motion, code=1)  # 15 s of sensors from 0 s, motion from 20 s
    assert "share no time" in done.stderr and "--start" in done.stderr
    stated = run("compare", later / "real.csv", *motion, "--start", 0, "--out", tmp_path / "p.png").stdout
    assert "120, sure" in stated and "as stated" in stated
    by_files = run("compare", later / "clock.csv", *motion, "--out", tmp_path / "p.png").stdout
    assert "motion from 20 s, sensors from 20 s" in by_files and "median of 2 sure lags of 2" in by_files


def test_a_comparison_without_a_sure_lag_needs_a_stated_start(walk, tmp_path):
    rng = np.random.default_rng(9)
    noise = rng.standard_normal((2, N, 3))
    other = [ImuRecording(SensorPlacement("shank_r", "tibia_r"), noise[0] + [0, 9.81, 0], noise[1], RATE)]
    write_csv(tmp_path / "other.csv", other)
    words = [tmp_path / "other.csv", *with_motion(walk)[1:], "--out", tmp_path / "p.png"]
    done = run("compare", *words, code=1)
    assert "the lag of none of the 1 sensors is sure" in done.stderr and "--start" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "p.png").exists()
    said = run("compare", *words, "--start", 0).stdout
    assert "not sure" in said and "the stated start is kept as it is" in said


def test_what_was_noted_reaches_the_console(walk, tmp_path):
    lines = (walk / "real.csv").read_text().splitlines()
    (tmp_path / "lost.csv").write_text("\n".join([*lines[:301], *lines[309:]]) + "\n")
    table = tmp_path / "table.toml"
    table.write_text('[sensors]\nshank_r = "tibia_r"\nthigh_l = "humerus_l"\n')
    motion = with_motion(walk)[1:]
    for command in ("compare", "lags", "allan", "diagnose"):
        other = motion if command in ("compare", "lags") else []
        out = ["--out", tmp_path / "p.png"] if command in ("compare", "allan") else []
        said = run(command, tmp_path / "lost.csv", *other, *out, "--table", table).stdout
        assert "packets_missing: lost.csv: 8 samples left out in 1 places" in said, command
        assert ("not compared: thigh_l (humerus_l does not move)" in said) == bool(other), command
        said = json.loads(run(command, tmp_path / "lost.csv", *other, *out, "--table", table, "--json").stdout)
        assert any("packets_missing" in note for note in said["notes"]), command


def test_short_walks_and_files_without_a_gyroscope_are_refused_with_what_is_needed(walk, tmp_path):
    lines = (walk / "real.csv").read_text().splitlines()
    (tmp_path / "short.csv").write_text("\n".join(lines[:351]) + "\n")
    done = run("compare", tmp_path / "short.csv", *with_motion(walk)[1:], "--out", tmp_path / "p.png", code=1)
    assert "s without a gap; the spectra need 4 s" in done.stderr
    assert "at least 4 s" in run("compare", "--help").stdout
    mute = tmp_path / "mute.csv"
    mute.write_text("\n".join(",".join(line.split(",")[:5]) for line in lines) + "\n")
    for other in (with_motion(walk)[1:], [walk / "virtual.csv"]):
        assert "no gyroscope in this file" in run("lags", mute, *other, code=1).stderr
    assert "no gyroscope in this file" in run("diagnose", mute).stdout


def test_numbers_that_are_none_are_refused(walk):
    for words, sentence in (
        (["--rate", "-5"], "expected Hz above 0"),
        (["--rate", "nan"], "expected Hz above 0"),
        (["--longest", "nan"], "--longest: expected seconds above 0"),
        (["--longest", "-1"], "--longest: expected seconds above 0"),
        (["--start", "nan"], "--start: expected seconds"),
        (["--declare", "left_handed=perhaps"], "expected left_handed=true or left_handed=false"),
        (["--declare", "left_handed=yes"], "leave it so"),
    ):
        done = run("lags", *with_motion(walk), *words, code=1)
        assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_long_gap_needs_a_word(walk, tmp_path):
    lines = (walk / "real.csv").read_text().splitlines()
    (tmp_path / "gap.csv").write_text("\n".join([*lines[:301], *lines[601:]]) + "\n")
    words = [tmp_path / "gap.csv", *with_motion(walk)[1:]]
    assert "is missing for 3.0 s from 3.00 s on" in run("lags", *words, code=1).stderr
    assert "packets_missing" in run("lags", *words, "--allow-gaps").stdout
    assert "long_gap: " in run("diagnose", tmp_path / "gap.csv").stdout


def test_diagnosis_says_what_it_found_where_nothing_is_still(walk):
    said = run("diagnose", walk / "real.csv").stdout
    assert "shank_r: |a| = 24.86 as a rule (never still): no known unit, gravity unclear; gyroscope and acc" in said


def test_unknown_units_and_left_handed_frames_are_refused_in_one_sentence(walk):
    for entry, sentence in (
        ("acceleration_unit=furlong", "is unknown; expected one of m/s2"),
        ("axes=x,y,-z", "left-handed frame"),
        ("left_handed=true", "leave it so"),
        ("axes", "expected NAME=VALUE"),
    ):
        done = run("diagnose", walk / "real.csv", "--declare", entry, code=1)
        assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def still(tmp_path_factory) -> Path:
    """A sensor at rest with white noise of 0.001 per sqrt(Hz)."""
    rng = np.random.default_rng(5)
    noise = 0.001 * np.sqrt(RATE / 2) * rng.standard_normal((2, 20000, 3))
    path = tmp_path_factory.mktemp("still") / "still.csv"
    write_csv(path, [ImuRecording(SensorPlacement("board", ""), [0.0, 9.80665, 0.0] + noise[0], noise[1], RATE)])
    return path


def test_the_allan_picture_finds_the_noise_density(still, tmp_path):
    answer = json.loads(run("allan", still, "--out", tmp_path / "a.html", "--preset", "bmi270", "--json").stdout)
    assert len(answer["terms"]) == 6 and not any("moved" in note for note in answer["notes"])
    for row in answer["terms"]:
        assert row["noise_density"] == pytest.approx(0.001, rel=0.06)
    assert "data:image/png" in (tmp_path / "a.html").read_text()
    assert "no sensor preset" in run("allan", still, "--out", tmp_path / "a.png", "--preset", "x", code=1).stderr


def test_a_moving_sensor_has_no_allan_deviation_of_its_own(walk, tmp_path):
    assert "shank_r moved" in run("allan", walk / "real.csv", "--out", tmp_path / "a.png").stdout


def test_diagnosis_names_the_unit_and_exits_with_one_where_it_contradicts(still):
    assert "|a| = 9.8" in run("diagnose", still).stdout
    done = run("diagnose", still, "--declare", "acceleration_unit=g", code=1)
    assert 'declare acceleration_unit = "m/s2"' in done.stdout and "1 contradictions" in done.stdout


def test_the_liveliest_stretch_is_known_on_both_sides():
    moving = np.zeros((1000, 3))
    moving[600:700] = np.random.default_rng(0).standard_normal((100, 3))
    moving += 0.01 * np.random.default_rng(1).standard_normal(moving.shape)
    chosen = liveliest(moving, moving, 200)
    assert chosen.stop - chosen.start == 200
    assert liveliest(moving[:50], moving[:50], 200) == slice(0, 50)


def test_real_xsens_sensors_agree_with_what_their_files_state(data_dir):
    answer = json.loads(run("diagnose", data_dir / "neura_sparse_s02_walk_GPL3" / "rawimu", "--json").stdout)
    assert answer["contradictions"] == 0 and len(answer["sensors"]) == 9
    assert {row["acceleration_unit"] for row in answer["sensors"]} == {"m/s2"}


def cmu(data_dir: Path) -> list:
    folder = data_dir / "cmu_imu_grf_walk" / "Sub02"
    optical = folder / "optical_reference"
    model = optical / "OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim"
    real = folder / "CSBaseline" / "OpenSim_Sub02_CSBaseline_Accel.trc"
    return [real, optical / "IKoutput_20to65secs.mot", "--model", model, "--start", 20]


def test_real_sensors_are_a_little_late_against_optical_motion(data_dir):
    lags = json.loads(run("lags", *cmu(data_dir), "--json").stdout)["lags"]
    sure = [lag["seconds"] for lag in lags if lag["sure"]]
    assert len(sure) >= 5 and 0.0 < np.median(sure) < 0.03


def test_the_times_of_real_files_align_them(data_dir):
    words = cmu(data_dir)[:-2]  # without --start: the coordinates begin at 20 s
    said = json.loads(run("lags", *words, "--json").stdout)
    assert said["start"] == 20.0 and sum(lag["sure"] for lag in said["lags"]) >= 5
    assert any("motion from 20 s, sensors from 0 s" in note for note in said["notes"])


def test_real_sensors_that_are_never_still_are_described(data_dir):
    said = run("diagnose", cmu(data_dir)[0]).stdout
    assert "as a rule (never still): m/s2, gravity included, 1.1" in said and "convention_of_format" in said


@pytest.mark.slow
def test_real_sensors_beside_virtual_ones(data_dir, tmp_path):
    answer = json.loads(run("compare", *cmu(data_dir), "--out", tmp_path / "cmu.html", "--json").stdout)
    shares = {row["sensor"]: row["gyroscope_share"] for row in answer["sensors"]}
    assert 0.2 < shares["toes_l"] < 0.5  # a quarter to two thirds of the signal
