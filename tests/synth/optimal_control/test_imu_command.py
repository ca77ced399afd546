"""Laws of ``kinesynth gait imu``: sensors in, movement out, and one sentence for what cannot be used."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from sensor_files import UNITS, write_sensor_files
from small_movements import DURATION, smooth_solution

from opensim_models.exchange.storage_table import read_table
from synth.optimal_control.cli import gait_app
from synth.optimal_control.inertial import imu_attempt
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.optimal_control.inertial.imu_misfit import sensor_readings
from synth.optimal_control.result.solution_file import load_solution

PLACES = {"pelvis": (-0.1, 0.05), "femur": (0.0, -0.2), "tibia": (0.0, -0.2), "calcn": (0.1, 0.02)}
PERSON = ("--mass", "75", "--height", "1.75", "--picture", "none")
CYCLES = 4


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """What seven sensors read on the made-up walk, and the table that says where they sit."""
    return write_record(tmp_path_factory.mktemp("imu"), smooth_solution(111))


def write_record(folder, solution):
    """Files of what seven sensors read on some cycles of a planar movement at even nodes, with noise of 5 %."""
    offsets = {s: np.array(PLACES[s.removesuffix("_r").removesuffix("_l")]) for s in SENSOR_SEGMENTS}
    arrays = (np.tile(getattr(solution, s), (CYCLES, 1)) for s in ("coordinates", "speeds", "accelerations"))
    read = sensor_readings(solution.skeleton, *arrays, offsets, dict.fromkeys(offsets, 0.0))
    rng = np.random.default_rng(4)
    channels = {segment: np.zeros((len(values), 6)) for segment, values in read.items()}
    for segment, values in read.items():
        channels[segment][:, [0, 1, 5]] = values + 0.05 * values.std(axis=0) * rng.standard_normal(values.shape)
    places = {segment: (*place, 0.0) for segment, place in offsets.items()}
    return write_sensor_files(folder, len(solution.time) / solution.duration, channels, places)


def run(record, out, *more, table=True):
    command = ["imu", record / "walk.csv", "--out", out, *PERSON, *more]
    command += ["--table", record / "sensors.toml"] if table else []
    return CliRunner().invoke(gait_app, list(map(str, command)))


def sentence(done, code):
    assert done.exit_code == code, done.output
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    return said[0]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--mass", "5"), 1, "the subject weighs 5 kg; people who walk have 8 to 300 kg"),
        (("--mass", "500"), 1, "the subject weighs 500 kg"),
        (("--mass", "nan"), 2, "--mass is nan; expected a number above zero"),
        (("--speed", "30"), 1, "expected a speed of 0.2-8 m/s, got 30.0 m/s"),
        (("--window", "0,0.1"), 1, "expected a gait cycle of 0.3-3 s"),
        (("--window", "50,51.1"), 1, "the window from 50 to 51.1 s is not inside the record of sensor"),
        (("--height", "175"), 1, "height 175 m is nobody's; expected 0.4-2.6 m"),
        (("--without", "tibia_r"), 1, "the recording has no sensor on tibia_r"),
        (("--without", "knee"), 1, "no sensor 'knee' to leave out; the recording has"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(record, tmp_path, options, code, said):
    assert said in sentence(run(record, tmp_path / "out", *options), code)
    assert not (tmp_path / "out").exists()


def test_a_gap_in_the_window_is_named_and_no_unit_is_guessed(record, tmp_path):
    (tmp_path / "sensors.toml").write_bytes((record / "sensors.toml").read_bytes())
    lines = (record / "walk.csv").read_text().splitlines()
    lines[31:33] = ["nan".join([line.split(",", 2)[0] + ",", "," + line.split(",", 2)[2]]) for line in lines[31:33]]
    (tmp_path / "walk.csv").write_text("\n".join(lines))
    said = sentence(run(tmp_path, tmp_path / "out", "--window", f"0,{DURATION}"), 1)
    assert "sensor pelvis on pelvis has 2 missing samples between 0 and 1.1 s" in said
    (tmp_path / "walk.csv").write_bytes((record / "walk.csv").read_bytes())
    text = (record / "sensors.toml").read_text()
    (tmp_path / "sensors.toml").write_text(text.replace(UNITS[0], 'acceleration_unit = "g"'))
    said = sentence(run(tmp_path, tmp_path / "out"), 1)
    assert "acceleration" in said
    assert not (tmp_path / "out").exists()


def test_places_of_the_sensors_are_needed(record, tmp_path):
    (tmp_path / "walk.csv").write_bytes((record / "walk.csv").read_bytes())
    lines = (record / "sensors.toml").read_text().splitlines()
    plain = [line.split(" = {")[0] + f' = "{line.split(" = {")[0]}"' if "offset" in line else line for line in lines]
    (tmp_path / "sensors.toml").write_text("\n".join(plain))
    assert "nothing says where the sensors sit on their segments; give --table" in sentence(run(tmp_path, tmp_path), 1)


@pytest.mark.slow
def test_records_of_what_is_no_gait_are_refused(record, tmp_path):
    # no floor carries the made-up walk as it moves
    done = run(record, tmp_path, "--window", f"{DURATION},{2 * DURATION}", "--starts", "1")
    said = sentence(done, 4)
    assert "no movement found: the sensors' misfit is" in said
    files = {"solution.npz", "report.json", "model.osim", "last_iterate_0.npz"}
    assert {path.name for path in tmp_path.iterdir()} == files
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["diagnosis"]["equations"]
    assert not report["converged"]


@pytest.mark.slow
def test_records_of_a_walk_give_its_speed_and_angles(tmp_path, data_dir):
    folder = data_dir / "opensim_core" / "falisse2019_2d_walk"
    files = [folder / "2D_gait.osim", folder / "referenceCoordinates.sto", "--loads", folder / "referenceGRF.xml"]
    window = ["--window", "0,0.470089", "--period", "half_cycle", "--cutoff", "0", "--as-is", "--picture", "none"]
    walked = CliRunner().invoke(gait_app, list(map(str, ["track", *files, *window, "--out", tmp_path / "walk"])))
    assert walked.exit_code == 0, walked.output
    truth, _ = load_solution(tmp_path / "walk" / "solution.npz")
    out = tmp_path / "imu"
    done = run(write_record(tmp_path, truth), out, "--mass", "62", "--height", "1.7")
    assert done.exit_code == 0, done.output
    found, _ = load_solution(out / "solution.npz")
    assert found.duration == pytest.approx(truth.duration, rel=0.02)
    assert found.speed == pytest.approx(truth.speed, abs=0.15)
    table = read_table(out / "movement_coordinates.mot")
    knee = np.ptp(table.values[:, table.labels.index("knee_angle_r")])
    assert knee == pytest.approx(np.degrees(np.ptp(truth.of("knee_angle_r"))), abs=6.0)
    report = json.loads((out / "report.json").read_text())
    assert report["imu"]["misfit"] < 3.0
    assert len(report["imu"]["misfit_by_channel"]) == 7
    assert set(report["imu"]["sensor_places_m"]) == set(report["imu"]["mounting_deg"]) == set(SENSOR_SEGMENTS)
    assert (out / "model.osim").exists()
    assert not list(out.glob("last_iterate*"))


@pytest.mark.slow
def test_muscles_on_demand_and_what_to_do_without_a_movement(record, tmp_path, monkeypatch):
    """A run with muscles ends with their activations; one that the solver gives up says so, and goes on."""
    monkeypatch.setattr(imu_attempt, "SETTINGS", replace(imu_attempt.SETTINGS, max_iterations=3))
    window = ("--window", f"{DURATION},{2 * DURATION}", "--starts", "1", "--muscles")
    said = sentence(run(record, tmp_path, *window), 4)
    assert "rung 'muscles': the solver used up its iterations" in said
    assert "Allow more --starts; check --mass, --height" in said
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["diagnosis"]["status"] == "Maximum_Iterations_Exceeded"
    assert report["rungs"][-1]["name"] == "muscles"
    assert report["solution"]["largest_activation"] > 0.0
    again = run(record, tmp_path, *window, "--json")
    assert json.loads(again.stdout)["resumed"] == "muscles"
