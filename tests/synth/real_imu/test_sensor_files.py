"""Files of real sensors: every format gives the same session, and bad ones are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from opensim_models.exchange.storage import write_orientations
from opensim_models.exchange.storage_table import StorageTable, write_table
from synth.real_imu.column_name import channel_of
from synth.real_imu.convention import STANDARD_GRAVITY, RecordingRefused
from synth.real_imu.sensor_file import read_file, read_sensors
from synth.real_imu.sensor_table import SensorTable, placement_of, read_sensor_table

RATE, N = 100.0, 900


def motion(seed: int) -> tuple[np.ndarray, np.ndarray, Rotation]:
    """A sensor that rests for 3 s and then tilts: specific force (m/s²), turning rate (rad/s), orientation."""
    time = np.arange(N) / RATE
    moving = np.clip((time - 3.0) / 2.0, 0.0, 1.0)[:, None] ** 2
    vector = np.stack([np.sin((1.1 + 0.1 * seed) * time + p) for p in (0, 1, 2)], axis=1)
    pose = Rotation.from_rotvec(moving * (vector - vector[0]))
    turn = np.zeros((N, 3))
    turn[1:-1] = (pose[:-2].inv() * pose[2:]).as_rotvec() * RATE / 2
    rng = np.random.default_rng(seed)
    force = pose.inv().apply([0.0, 0.0, STANDARD_GRAVITY]) + rng.normal(0, 0.005, (N, 3))
    return force, turn + rng.normal(0, 0.002, (N, 3)), pose


SENSORS = ("00B40B91", "00B40BA5")
MOTIONS = {name: motion(k) for k, name in enumerate(SENSORS)}


def xsens(folder: Path, name: str, *, first: int = 100, skip=(), repeat=(), swap=None, rate="100.0", rows=N) -> Path:
    """Write a sensor's file as MT Manager does."""
    force, turn, pose = MOTIONS[name]
    quaternions = pose.as_quat(scalar_first=True)
    lines = ["// Start Time: Unknown", f"// Update Rate: {rate}Hz", "// Filter Profile: human (46.1)"]
    lines.append("PacketCounter,SampleTimeFine,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z,Quat_q0,Quat_q1,Quat_q2,Quat_q3")
    body = []
    for k in range(rows):
        cells = ",".join(f"{v:.6f}" for v in (*force[k], *turn[k], *quaternions[k]))
        body += [f"{(first + k) % 65536:05d},,{cells}"] * (0 if k in skip else 2 if k in repeat else 1)
    if swap:
        body[swap], body[swap + 1] = body[swap + 1], body[swap]
    path = folder / f"MT_walk-000_{name}.txt"
    path.write_text("\n".join([*lines, *body]) + "\n")
    return path


def csv(folder: Path, labels: str, columns: list[np.ndarray], *, name: str = "walk.csv", top: str = "") -> Path:
    rows = [",".join(f"{v:.9g}" for v in row) for row in np.column_stack(columns)]
    path = folder / name
    path.write_text("\n".join([*([top] if top else []), labels, *rows]) + "\n")
    return path


def trc(folder: Path, name: str, values: dict[str, np.ndarray], rate: float = RATE) -> Path:
    """Write a container as the CMU set's: fewer tabs in the headers than columns, an odd unit."""
    n = len(next(iter(values.values())))
    lines = [f"PathFileType\t4\t(X/Y/Z)\t{name}", "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate"]
    lines += [f"{rate:g}\t{rate:g}\t{n}\t{len(values)}\tm\t{rate:g}", "Frame#\tTime\t" + "\t".join(values)]
    lines += ["\t\tX1\tY1\tZ1\tX2\t\tY2\tZ2\t", ""]
    table = np.concatenate(list(values.values()), axis=1)
    lines += ["\t".join([str(k + 1), f"{k / rate:.8f}", *(f"{v:.8f}" for v in row)]) for k, row in enumerate(table)]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def refused(call, *parts: str) -> None:
    with pytest.raises(RecordingRefused) as refusal:
        call()
    sentence = str(refusal.value)
    assert all(part in sentence for part in parts), sentence
    assert "\n" not in sentence


def same(session, name: str, sensor: str, atol: float = 2e-6) -> None:
    recording = session.of(sensor)
    np.testing.assert_allclose(recording.specific_force, MOTIONS[name][0], atol=atol)
    np.testing.assert_allclose(recording.angular_velocity, MOTIONS[name][1], atol=atol)


# Xsens text ----------------------------------------------------------------------------------------------------------


def test_xsens_files_of_a_folder_are_one_session(tmp_path):
    for name in SENSORS:
        xsens(tmp_path, name)
    session = read_sensors(tmp_path)
    assert session.sensors == ("pelvis", "shank_l")
    assert [r.placement.segment for r in session.recordings] == ["pelvis", "tibia_l"]
    assert (session.rate, session.n_frames, session.name) == (100.0, N, "MT_walk-000")
    same(session, SENSORS[0], "pelvis")
    same(session, SENSORS[1], "shank_l")
    assert {t.what for t in session.treatments} == {"convention_of_format", "segments_guessed"}


def test_missing_packets_are_nan_and_counted_also_where_the_counter_wraps(tmp_path):
    lost = (10, 11, 12, 400, 436)
    path = xsens(tmp_path, SENSORS[0], first=65536 - 411, skip=lost)
    session = read_sensors(path)
    force = session.recordings[0].specific_force
    assert np.flatnonzero(np.isnan(force).any(axis=1)).tolist() == list(lost)
    np.testing.assert_allclose(
        np.delete(force, lost, axis=0), np.delete(MOTIONS[SENSORS[0]][0], lost, axis=0), atol=2e-6
    )
    said = {t.what: t.detail for t in session.treatments}
    assert "5 packets missing in 3 places" in said["packets_missing"]
    assert "00B40B91 5 in 3" in said["samples_missing"]


def test_files_of_one_session_are_cut_to_the_packets_that_all_share(tmp_path):
    """One sensor starts 30 packets later on the far side of the counter's end, and stops earlier."""
    xsens(tmp_path, SENSORS[0], first=65530, rows=N)
    path = xsens(tmp_path, SENSORS[1], first=24, rows=N - 100)  # 65560 = 24
    text = path.read_text().splitlines()
    session = read_sensors(tmp_path)
    assert session.n_frames == N - 100
    np.testing.assert_allclose(session.of("pelvis").specific_force, MOTIONS[SENSORS[0]][0][30 : N - 70], atol=2e-6)
    np.testing.assert_allclose(session.of("shank_l").specific_force, MOTIONS[SENSORS[1]][0][: N - 100], atol=2e-6)
    assert (
        "cut to the 800 that all sensors share" in {t.what: t.detail for t in session.treatments}["trimmed_to_common"]
    )
    assert len(text) == N - 100 + 4


def test_repeated_packets_are_left_out_and_different_ones_refused(tmp_path):
    path = xsens(tmp_path, SENSORS[0], repeat=(5, 6))
    assert read_sensors(path).n_frames == N
    lines = path.read_text().splitlines()
    lines[10] = ",".join([*lines[10].split(",")[:2], "9.9", *lines[10].split(",")[3:]])
    path.write_text("\n".join(lines))
    refused(lambda: read_sensors(path), "packet 105 is there twice with different", "Remove one")


def test_a_counter_that_goes_back_is_refused(tmp_path):
    path = xsens(tmp_path, SENSORS[0], swap=40)
    refused(lambda: read_sensors(path), "PacketCounter goes back from 141 to 140", "split or sort")


def test_different_rates_of_one_session_are_refused(tmp_path):
    xsens(tmp_path, SENSORS[0])
    xsens(tmp_path, SENSORS[1], rate="60.0")
    refused(lambda: read_sensors(tmp_path), "60 Hz, but", "has 100 Hz")


def test_two_trials_in_a_folder_need_a_name(tmp_path):
    xsens(tmp_path, SENSORS[0])
    path = xsens(tmp_path, SENSORS[1])
    path.rename(tmp_path / f"MT_run-001_{SENSORS[1]}.txt")
    refused(lambda: read_sensors(tmp_path), "files of 2 recordings", "--trial")
    assert read_sensors(tmp_path, trial="MT_run").sensors == ("shank_l",)


def test_files_that_share_no_packet_are_refused(tmp_path):
    xsens(tmp_path, SENSORS[0])
    xsens(tmp_path, SENSORS[1], first=20000)
    refused(lambda: read_sensors(tmp_path), "share no stretch")


def test_a_declaration_that_the_numbers_contradict_is_refused_or_kept_on_demand(tmp_path):
    path = xsens(tmp_path, SENSORS[0])
    wrong = {"angular_velocity_unit": "deg/s"}
    refused(
        lambda: read_sensors(path, convention=wrong), "declared in deg/s", 'declare angular_velocity_unit = "rad/s"'
    )
    kept = read_sensors(path, convention=wrong, trust=True)
    assert "declaration_contradicted" in {t.what for t in kept.treatments}
    np.testing.assert_allclose(kept.recordings[0].angular_velocity, np.deg2rad(MOTIONS[SENSORS[0]][1]), atol=1e-7)


def test_free_acceleration_gets_gravity_back(tmp_path):
    force, _, pose = MOTIONS[SENSORS[0]]
    path = xsens(tmp_path, SENSORS[0])
    free = pose.apply(force) - [0, 0, STANDARD_GRAVITY]
    lines = path.read_text().replace("Acc_X,Acc_Y,Acc_Z", "FreeAcc_E,FreeAcc_N,FreeAcc_U").splitlines()
    for k in range(N):
        cells = lines[4 + k].split(",")
        cells[2:5] = [f"{v:.8f}" for v in free[k]]
        lines[4 + k] = ",".join(cells)
    path.write_text("\n".join(lines))
    session = read_sensors(path)
    np.testing.assert_allclose(session.recordings[0].specific_force, force, atol=1e-4)
    assert session.convention.gravity == "removed"


def test_real_xsens_files(data_dir):
    session = read_sensors(data_dir / "neura_sparse_s02_walk_GPL3" / "rawimu")
    assert (len(session.recordings), session.n_frames, session.rate) == (9, 2503, 100.0)
    assert all(np.isfinite(r.specific_force).all() for r in session.recordings)
    assert {"foot_l", "foot_r", "pelvis", "thigh_l", "shank_r"} <= set(session.sensors)
    up = Rotation.from_quat(session.quaternions["pelvis"], scalar_first=True).apply(session.of("pelvis").specific_force)
    np.testing.assert_allclose(up[700:800].mean(axis=0), [0, 0, 9.9], atol=0.15)


def test_real_xsens_files_of_different_lengths_without_gyroscopes(data_dir):
    session = read_sensors(data_dir / "opensim_core" / "opensense_xsens" / "IMUData")
    said = {t.what: t.detail for t in session.treatments}
    assert (len(session.recordings), session.n_frames) == (8, 2432)
    assert "2432 to 2505 packets cut to the 2432" in said["trimmed_to_common"]
    assert "no angular velocity of" in said["no_angular_velocity"]
    assert all(np.isnan(r.angular_velocity).all() and np.isfinite(r.specific_force).all() for r in session.recordings)
    assert session.quaternions["pelvis"].shape == (2432, 4)


# TRC containers ------------------------------------------------------------------------------------------------------


def containers(folder: Path, **change) -> Path:
    values = {f"{name}_imu_offset_imu": MOTIONS[s] for name, s in zip(("tibia_r", "toes_l"), SENSORS, strict=True)}
    trc(folder, "S1_Gyro.trc", {k: v[1] + 1e-6 for k, v in values.items()}, change.get("gyro_rate", RATE))
    return trc(folder, "S1_Accel.trc", {k: v[0] for k, v in values.items()})


def test_a_pair_of_containers_is_one_session_from_either_file(tmp_path):
    path = containers(tmp_path)
    for name in (path, tmp_path / "S1_Gyro.trc", tmp_path, [path, tmp_path / "S1_Gyro.trc"]):
        session = read_sensors(name)
        assert session.sensors == ("tibia_r", "toes_l")
        assert session.recordings[1].placement.segment == "toes_l"
        same(session, SENSORS[0], "tibia_r", 3e-6)
        assert "header_unit_ignored" in {t.what for t in session.treatments}


def test_a_container_without_its_partner_or_at_another_rate_is_refused(tmp_path):
    path = containers(tmp_path, gyro_rate=50.0)
    refused(lambda: read_sensors(path), "50 Hz, but S1_Accel.trc has 100 Hz")
    (tmp_path / "S1_Gyro.trc").unlink()
    refused(lambda: read_sensors(path), "expected its partner beside it")


def test_markers_are_no_sensors(tmp_path, data_dir):
    static = data_dir / "cmu_imu_grf_walk" / "Sub02" / "CSBaseline" / "OpenSim_static_markers.trc"
    refused(lambda: read_sensors(static), "a .trc file is one of markers unless")
    for source in (static, data_dir / "opensim_core" / "rajagopal_walk" / "markers_walk.trc"):
        text = source.read_text()
        for word in ("Accel", "Gyro"):
            (tmp_path / f"S_{word}.trc").write_text(text)
        refused(lambda: read_sensors(tmp_path / "S_Accel.trc"), "looks like a file of marker positions")


@pytest.mark.slow
def test_every_real_pair_of_containers_is_read(data_dir):
    paths = sorted((data_dir / "cmu_imu_grf_walk").glob("Sub*/*/*_Accel.trc"))
    assert len(paths) == 17
    for path in paths:
        session = read_sensors(path)
        assert (len(session.recordings), session.rate) == (8, 100.0)
        assert all(r.placement.segment for r in session.recordings)
        assert "declaration_contradicted" not in {t.what for t in session.treatments}


def test_zeros_in_a_real_container_are_missing_samples(data_dir):
    path = data_dir / "cmu_imu_grf_walk" / "Sub03" / "CSStiffKnee" / "OpenSim_Sub03_CSStiffKnee_Accel.trc"
    session = read_sensors(path)
    assert np.isnan(session.of("tibia_l").angular_velocity).any(axis=1).sum() == 2
    assert "2 in 2" in next(t.detail for t in session.treatments if t.what == "samples_missing")


# OpenSense storage ---------------------------------------------------------------------------------------------------


def opensense(folder: Path, rate: float = RATE) -> Path:
    labels = ("pelvis_imu", "tibia_r_imu")
    for word, k in (("linear_accelerations", 0), ("angular_velocity", 1)):
        values = np.stack([MOTIONS[s][k] for s in SENSORS], axis=1)
        file_rate = rate if k else RATE
        write_table(folder / f"walk_{word}.sto", StorageTable(labels, values, file_rate, 0.0, None, "Vec3"))
    path = folder / "walk_orientations.sto"
    write_orientations(path, {label: MOTIONS[s][2] for label, s in zip(labels, SENSORS, strict=True)}, RATE)
    return path


def test_the_three_storages_of_opensense_are_one_session(tmp_path):
    path = opensense(tmp_path)
    session = read_sensors(path)
    assert session.sensors == ("pelvis", "tibia_r")
    same(session, SENSORS[0], "pelvis")
    np.testing.assert_allclose(
        Rotation.from_quat(session.quaternions["tibia_r"], scalar_first=True).as_matrix(),
        MOTIONS[SENSORS[1]][2].as_matrix(),
        atol=1e-9,
    )
    assert len(session.source) == 3
    assert read_file(tmp_path / "walk_angular_velocity.sto").acceleration.shape == (N, 2, 3)


def test_storages_of_different_rates_are_refused(tmp_path):
    refused(lambda: read_sensors(opensense(tmp_path, rate=50.0)), "50 Hz, but the file beside it has 100 Hz")


def test_real_orientations_alone_are_a_session_without_readings(data_dir):
    path = next((data_dir / "cmu_imu_grf_walk" / "Sub02" / "CSBaseline").glob("*_Orientations.sto"))
    session = read_sensors(path)
    assert len(session.quaternions) == 8
    assert {"no_acceleration", "no_angular_velocity", "orientations_missing"} <= {t.what for t in session.treatments}


def test_a_storage_of_coordinates_is_refused(data_dir):
    path = data_dir / "cmu_imu_grf_walk" / "Sub02" / "optical_reference" / "IKoutput_20to65secs.mot"
    refused(lambda: read_sensors(path), "expected DataType=Quaternion")


# Delimited files -----------------------------------------------------------------------------------------------------

TIME = np.arange(N) / RATE
FORCE, TURN, POSE = MOTIONS[SENSORS[0]]


def test_a_csv_with_units_in_its_names_is_read_by_them(tmp_path):
    labels = "Time (ms),acc_x (g),acc_y (g),acc_z (g),gyro_x (deg/s),gyro_y (deg/s),gyro_z (deg/s),Mag_X"
    columns = [1000 * TIME, FORCE / STANDARD_GRAVITY, np.rad2deg(TURN), TIME]
    session = read_sensors(csv(tmp_path, labels, columns))
    np.testing.assert_allclose(session.recordings[0].specific_force, FORCE, atol=1e-6)
    np.testing.assert_allclose(session.recordings[0].angular_velocity, TURN, atol=1e-6)
    assert session.rate == 100.0
    said = {t.what: t.detail for t in session.treatments}
    assert "acceleration from acc_x (g), acc_y (g), acc_z (g)" in said["columns_guessed"]


def test_an_unknown_unit_is_refused_and_the_numbers_are_described(tmp_path):
    labels = "time,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z"
    path = csv(tmp_path, labels, [TIME, FORCE / STANDARD_GRAVITY, np.rad2deg(TURN)])
    refused(lambda: read_sensors(path), "unit of acceleration is not stated", "|a| = 1, as in g")
    given = {"acceleration_unit": "g"}
    refused(lambda: read_sensors(path, convention=given), "unit of angular velocity is not stated", "deg/s")
    session = read_sensors(path, convention={**given, "angular_velocity_unit": "deg/s"})
    np.testing.assert_allclose(session.recordings[0].angular_velocity, TURN, atol=1e-6)
    refused(lambda: read_sensors(path, convention={**given, "angular_velocity_unit": "rpm"}), "'rpm' is unknown")


def test_a_user_names_columns_units_and_segments_in_a_table(tmp_path):
    path = csv(tmp_path, "clock,a,b,c,d,e,f", [TIME, FORCE, TURN])
    table = tmp_path / "sensors.toml"
    table.write_text(
        '[convention]\nacceleration_unit = "m/s^2"\nangular_velocity_unit = "rad/s"\naxes = ["x", "y", "z"]\n'
        '[sensors]\nright = {sensor = "shank_r", segment = "tibia_r", offset = [0.0, -0.2, 0.03]}\n'
        '[columns.time]\ncolumn = "clock"\n'
        '[columns.right]\nacceleration = ["a", "b", "c"]\nangular_velocity = ["d", "e", "f"]\n'
    )
    session = read_sensors(path, table=table)
    assert session.sensors == ("shank_r",)
    np.testing.assert_array_equal(session.recordings[0].placement.offset, [0.0, -0.2, 0.03])
    np.testing.assert_allclose(session.recordings[0].angular_velocity, TURN, atol=1e-8)
    table.write_text(table.read_text().replace('"c"]', '"z"]'))
    refused(lambda: read_sensors(path, table=table), "no column 'z' for acceleration of right")


def apdm(folder: Path) -> Path:
    kinds = [f"{k}/{a}" for k in ("Acceleration", "Angular Velocity", "Magnetic Field") for a in "XYZ"]
    kinds += [f"Orientation/{a}" for a in ("Scalar", "X", "Y", "Z")]
    labels = ["Time", *(f"{s}/{k}" for s in ("Lumbar", "Right Foot") for k in kinds)]
    units = ["s", *(["m/s^2"] * 3 + ["rad/s"] * 3 + ["uT"] * 3 + [""] * 4) * 2]
    table = [TIME]
    for name in SENSORS:
        force, turn, pose = MOTIONS[name]
        table += [force, turn, np.zeros((N, 3)), pose.as_quat(scalar_first=True)]
    top = "Test Name:,Walk,,\nSample Rate:,100.0,Hz,\n" + ",".join(labels)
    return csv(folder, ",".join(units), table, top=top)


def test_apdm_files_state_rate_and_units(tmp_path):
    session = read_sensors(apdm(tmp_path))
    assert session.sensors == ("Lumbar", "Right Foot")
    assert [r.placement.segment for r in session.recordings] == ["pelvis", "calcn_r"]
    same(session, SENSORS[1], "Right Foot", 1e-6)
    assert set(session.quaternions) == {"Lumbar", "Right Foot"}


def test_a_rate_that_the_times_contradict_is_refused(tmp_path):
    path = apdm(tmp_path)
    path.write_text(path.read_text().replace("100.0,Hz", "128.0,Hz"))
    refused(lambda: read_sensors(path), "the header states 128 Hz, the times say 100 Hz")


def test_apdm_format_seven_names_its_sensors_in_the_first_line(tmp_path):
    blank = "," * 13
    top = f"Format=7,[I1,,,Lumbar{blank[:-3]},[I2,,,Foot L\nTime"
    top += ",Accelerometer,,,Gyroscope,,,Magnetometer,,,Barometer,Orientation,,," * 1
    top += ",Accelerometer,,,Gyroscope,,,Magnetometer,,,Barometer,Orientation,,,"
    table = [TIME]
    for name in SENSORS:
        force, turn, pose = MOTIONS[name]
        table += [force, turn, np.zeros((N, 4)), pose.as_quat(scalar_first=True)]
    path = csv(tmp_path, "," + ",".join(["X,Y,Z,X,Y,Z,X,Y,Z,,S,X,Y,Z"] * 2), table, top=top)
    session = read_sensors(path, convention={"acceleration_unit": "m/s2", "angular_velocity_unit": "rad/s"})
    assert session.sensors == ("Lumbar", "Foot L")
    same(session, SENSORS[1], "Foot L", 1e-6)


PLAIN = "time,acc_x (m/s2),acc_y (m/s2),acc_z (m/s2)"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_lines_above_the_names_a_line_of_units_and_windows_files_are_read(tmp_path, encoding):
    path = csv(tmp_path, "acc_x;acc_y;acc_z;gyr_x;gyr_y;gyr_z", [FORCE, np.rad2deg(TURN)])
    names, *rows = path.read_text().splitlines()
    rows = [row.replace(",", ";").replace(".", ",") for row in rows]  # semicolons and decimal commas
    top = ["Device;Sensor 3", "Sampling rate;100.0;Hz", names, "m/s²;m/s²;m/s²;°/s;°/s;°/s"]
    path.write_text("\n".join([*top, *rows]), encoding=encoding)
    session = read_sensors(path)
    assert session.rate == 100.0
    np.testing.assert_allclose(session.recordings[0].specific_force, FORCE, atol=1e-6)
    np.testing.assert_allclose(session.recordings[0].angular_velocity, TURN, atol=1e-6)


def test_times_in_another_unit_than_seconds_and_misprinted_ones_are_refused(tmp_path):
    path = csv(tmp_path, PLAIN, [1000 * TIME, FORCE])
    refused(lambda: read_sensors(path), "'time' in seconds makes 0.1 Hz", "time (ms)")
    time = TIME.copy()
    time[-1] = 1e6
    path = csv(tmp_path, PLAIN, [time, FORCE])
    refused(lambda: read_sensors(path), "a time is misprinted")


def test_left_out_samples_and_empty_cells_are_nan(tmp_path):
    path = csv(tmp_path, PLAIN, [TIME, FORCE])
    lines = path.read_text().splitlines()
    lines[20] = lines[20].split(",")[0] + ",,NaN,"
    del lines[51:54]
    path.write_text("\n".join(lines))
    session = read_sensors(path)
    force = session.recordings[0].specific_force
    assert np.flatnonzero(np.isnan(force).any(axis=1)).tolist() == [19, 50, 51, 52]
    assert "3 samples left out in 1 places" in next(t.detail for t in session.treatments if t.what == "packets_missing")


def test_times_that_repeat_or_go_back_are_refused(tmp_path):
    for value, word in ((TIME[29], "repeats"), (TIME[10], "goes back")):
        time = TIME.copy()
        time[30] = value
        path = csv(tmp_path, PLAIN, [time, FORCE])
        refused(lambda path=path: read_sensors(path), f"time {word}", "data row 31", "split or sort")


UNITS = "time,acc_x (m/s2),acc_y (m/s2),acc_z (m/s2),gyr_x (rad/s),gyr_y (rad/s),gyr_z (rad/s)"


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_a_rate_that_changes_for_good_is_refused(tmp_path, first, second):
    keep = np.r_[0 : N // 2 : first, N // 2 : N : second]
    path = csv(tmp_path, UNITS, [TIME[keep], FORCE[keep], TURN[keep]])
    refused(lambda: read_sensors(path), "walk.csv", "at 50 Hz, otherwise at 100 Hz", "expected one rate", "Split")


def test_lost_packets_are_no_other_rate(tmp_path):
    keep = np.ones(N, dtype=bool)
    keep[100:160:2] = False  # every other one for 0.6 s
    session = read_sensors(csv(tmp_path, UNITS, [TIME[keep], FORCE[keep], TURN[keep]]))
    assert session.rate == 100.0 and np.isnan(session.recordings[0].specific_force).any(axis=1).sum() == 30


def test_a_gap_of_more_than_a_second_is_refused_or_kept_as_missing_on_demand(tmp_path):
    for empty in (False, True):  # rows that are left out, rows without numbers
        gone = (TIME >= 3.0) & (TIME < 5.0)
        if empty:
            path = csv(tmp_path, UNITS, [TIME, *(np.where(gone[:, None], np.nan, v) for v in (FORCE, TURN))])
        else:
            path = csv(tmp_path, UNITS, [TIME[~gone], FORCE[~gone], TURN[~gone]])
        refused(lambda path=path: read_sensors(path), "missing for 2.0 s from 3.00 s on", "--allow-gaps")
        kept = read_sensors(path, allow_gaps=True)
        assert np.isnan(kept.recordings[0].specific_force[gone]).all()
    torn = np.where((np.arange(N) % 4 == 1)[:, None], np.nan, FORCE)
    refused(lambda: read_sensors(csv(tmp_path, UNITS, [TIME, torn, TURN])), "25 % in all", "20 %")
    late = np.where((TIME < 3.0)[:, None], np.nan, FORCE)  # a sensor that began late: no gap
    assert read_sensors(csv(tmp_path, UNITS, [TIME, late, TURN])).n_frames == N
    short = np.where(((TIME >= 3.0) & (TIME < 3.9))[:, None], np.nan, FORCE)
    assert read_sensors(csv(tmp_path, UNITS, [TIME, short, TURN])).n_frames == N


@pytest.mark.parametrize("rate", [-5.0, 0.0, np.nan, np.inf])
def test_a_rate_that_is_none_is_refused_whatever_the_file_says(tmp_path, rate):
    path = csv(tmp_path, UNITS, [TIME, FORCE, TURN])
    refused(lambda: read_sensors(path, rate=rate), "expected Hz above 0 such as 100; got")


def test_a_refused_unit_or_axis_names_the_file(tmp_path):
    path = csv(tmp_path, UNITS, [TIME, FORCE, TURN])
    for wrong in ({"acceleration_unit": "furlong"}, {"axes": ("x", "y", "-z")}, {"axes": ("x", "y", "q")}, {"no": "g"}):
        refused(lambda wrong=wrong: read_sensors(path, convention=wrong), str(path))


def test_what_never_rests_is_described_by_its_median(tmp_path):
    force = FORCE + 4.0 * np.sin(40.0 * TIME)[:, None] * [0.3, 0.5, 0.8]
    path = csv(tmp_path, "time,acc_x,acc_y,acc_z", [TIME, force])
    refused(lambda: read_sensors(path), "As a rule |a| = ", "as in m/s2; nothing is ever still")


def test_a_real_csv_is_read_by_its_names(data_dir):
    """FAU's mean cycle of seven real IMUs; its units stand in another file, so the caller states them."""
    path = data_dir / "biomac_fau" / "imu7_cycle" / "P03_normwalking_mean.csv"
    units = {"acceleration_unit": "m/s2", "angular_velocity_unit": "rad/s"}
    session = read_sensors(path, convention=units, rate=91.0)
    assert [r.placement.segment for r in session.recordings] == [
        "pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l",
    ]  # fmt: skip
    assert session.of("pelvis").specific_force[0].tolist() == [3.9685443, 10.934087, 0.013709571]
    refused(lambda: read_sensors(path, convention=units), "no time column and no rate")


def test_what_is_no_sensor_file_is_refused(tmp_path):
    empty, prose, binary = tmp_path / "empty.csv", tmp_path / "letter.txt", tmp_path / "photo.jpg"
    empty.write_text("")
    prose.write_text("Dear Mary,\nthe walk was fine, thank you.\nYours,\nJohn\n")
    binary.write_bytes(bytes(range(256)) * 20)
    refused(lambda: read_sensors(empty), "the file is empty")
    refused(lambda: read_sensors(prose), "letter.txt")
    refused(lambda: read_sensors(binary), "empty or no text")
    corpus = tmp_path / "corpus.h5"
    corpus.write_bytes(binary.read_bytes())
    refused(lambda: read_sensors(corpus), "a corpus or another HDF5 file; expected a recording of sensors as text")
    refused(lambda: read_sensors(tmp_path / "none.csv"), "no such file")
    refused(lambda: read_sensors(tmp_path), "no Xsens text file")
    no_names = csv(tmp_path, "0,1,2,3", [TIME, FORCE], name="bare.csv")
    refused(lambda: read_sensors(no_names), "the first line holds numbers")
    torn = csv(tmp_path, "time,acc_x (g),acc_y (g),acc_z (g)", [TIME, FORCE], name="torn.csv")
    torn.write_text(torn.read_text() + "1,2,3,4,5\n")
    refused(lambda: read_sensors(torn), f"data row {N + 1} has 5 cells, expected 4")
    torn.write_text(torn.read_text().replace("1,2,3,4,5", "1,2,x,4"))
    refused(lambda: read_sensors(torn), "holds 'x' where a number was expected")


@pytest.mark.parametrize(
    ("label", "channel"),
    [
        ("tibia_r_acc_x", ("tibia_r", "acceleration", 0)),
        ("acc.pelvis_z", ("pelvis", "acceleration", 2)),
        ("Lumbar/Angular Velocity/Y", ("Lumbar", "angular_velocity", 1)),
        ("Gyro Z (deg/s)", ("", "angular_velocity", 2)),
        ("AccelerometerX", ("", "acceleration", 0)),
        ("wz", ("", "angular_velocity", 2)),
        ("Quat_q2", ("", "orientation", 2)),
        ("FreeAcc_X", None),
        ("Mag_X", None),
        ("Accuracy", None),
        ("time", None),
    ],
)
def test_names_of_columns(label, channel):
    assert channel_of(label) == channel


def test_names_of_sensors_and_tables(tmp_path):
    assert placement_of("tibia_r_imu_offset_imu")[0].segment == "tibia_r"
    assert placement_of("L_UpLeg")[0].segment == "femur_l"
    assert placement_of("sensor 7")[0].segment == ""
    table = tmp_path / "t.toml"
    table.write_text('[sensors]\n"sensor 7" = "torso"\n')
    placement, guessed = placement_of("sensor 7", read_sensor_table(table))
    assert (placement.segment, guessed) == ("torso", False)
    table.write_text("[sensor]\n")
    refused(lambda: read_sensor_table(table), "[sensor] is unknown")
    table.write_text("[sensors\n")
    refused(lambda: read_sensor_table(table), "expected a sensor table (TOML)")
    assert placement_of("a", SensorTable())[1]
