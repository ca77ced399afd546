"""Files come back as they were written, and foreign ones are refused in words."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.export.trc import write_trc
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.exchange.storage import (
    read_generalized_forces,
    read_motion,
    read_orientations,
    write_generalized_forces,
    write_motion,
    write_orientations,
)
from opensim_models.exchange.storage_table import read_table, write_table
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics


def test_a_skeleton_survives_its_file(tmp_path):
    skeleton = lower_body_skeleton(Subject("S01", 72.0, 1.76))
    save_skeleton(skeleton, tmp_path / "skeleton.json")
    assert load_skeleton(tmp_path / "skeleton.json") == skeleton


def test_a_motion_survives_its_file(tmp_path):
    values = np.random.default_rng(0).normal(size=(20, 2))
    values[3, 1] = np.nan
    write_motion(tmp_path / "a.mot", Kinematics(("knee_angle_r", "pelvis_tx"), values, 69.993))
    back = read_motion(tmp_path / "a.mot")
    assert back.rate == 69.993
    assert back.coordinates == ("knee_angle_r", "pelvis_tx")
    np.testing.assert_allclose(back.values, values, atol=1e-8)


def test_a_motion_file_is_in_degrees_for_other_tools(tmp_path):
    write_motion(tmp_path / "a.mot", Kinematics(("knee_angle_r",), np.full((3, 1), np.pi / 2), 100.0))
    assert (tmp_path / "a.mot").read_text().splitlines()[-1].split() == ["0.02", "90"]


@pytest.mark.parametrize("content", ["", "not json", '{"format": "another"}', "[]"])
def test_what_is_not_a_skeleton_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ModelMismatch, match=r"x\.json"):
        load_skeleton(path)


@pytest.mark.parametrize(
    "content", ["", "endheader", "endheader\ntime a\n0 1 2\n1 2 3\n", "endheader\ntime a\n0 b\n1 c\n"]
)
def test_what_is_not_a_motion_is_refused(tmp_path, content):
    path = tmp_path / "x.mot"
    path.write_text(content)
    with pytest.raises(ModelMismatch, match=r"x\.mot"):
        read_motion(path)


def table_text(times, header=("Coordinates", "version=1", "inDegrees=yes"), column="knee_angle_r"):
    rows = [f"{time}\t{k}" for k, time in enumerate(times)]
    return "\n".join([*header, "endheader", f"time\t{column}", *rows, ""])


@pytest.mark.parametrize(
    ("rate", "decimals", "n"), [(60.0, 3, 200), (120.0, 3, 50), (100.0, 2, 30), (59.94005994, 6, 900), (62.5, 4, 80)]
)
def test_the_rate_comes_from_the_whole_column_not_from_rounded_steps(tmp_path, rate, decimals, n):
    """Trap: 60 Hz written in milliseconds has steps of 16 and 17 ms."""
    path = tmp_path / "x.mot"
    path.write_text(table_text([f"{2.5 + k / rate:.{decimals}f}" for k in range(n)]))
    table = read_table(path)
    assert table.rate == pytest.approx(rate, rel=1e-9)
    assert table.start_time == 2.5


@pytest.mark.parametrize(
    ("times", "word"),
    [
        (["0", "0.01", "0.01", "0.02"], "repeats"),
        (["0", "0.01", "0.005", "0.02"], "goes back"),
        (["0", "0.01", "0.05", "0.06"], "irregular"),
        (["0", "nan", "0.02", "0.03"], "no number"),
    ],
)
def test_times_that_make_no_recording_are_refused(tmp_path, times, word):
    path = tmp_path / "x.mot"
    path.write_text(table_text(times))
    with pytest.raises(ModelMismatch, match=word):
        read_motion(path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (table_text(["0", "0.01"], ("x", "nRows=5", "inDegrees=no")), "promises 5 rows"),
        (table_text(["0", "0.01", "0.02", "0.03", "0.04"], ("x", "rate=250")), "250 Hz"),
        (table_text(["0", "0.01"], column="a\ta"), "fields|twice"),
        (table_text(["0", "0.01"], column="ground_force_vx"), "forces"),
        ("DataType=Quaternion\nendheader\ntime\ta\n0\t1,0,0\n0.01\t1,0,0\n", "tuples of 4"),
    ],
)
def test_files_that_lost_something_are_refused(tmp_path, content, word):
    path = tmp_path / "x.mot"
    path.write_text(content)
    with pytest.raises(ModelMismatch, match=word):
        read_motion(path)


def test_coupled_coordinates_are_radians_in_files_of_degrees(tmp_path, data_dir):
    """OpenSim writes knee_angle_r_beta in radians beside knee_angle_r in degrees; both follow one another."""
    motion = read_motion(data_dir / "opencap_lab_subject4/IK/walking1_manual_scaling_ik.mot")
    np.testing.assert_allclose(motion.of("knee_angle_r_beta"), motion.of("knee_angle_r"), atol=1e-3)
    write_motion(tmp_path / "x.mot", motion)
    again = read_motion(tmp_path / "x.mot")
    np.testing.assert_allclose(again.values, motion.values, atol=1e-9)
    column = (tmp_path / "x.mot").read_text().splitlines()[-1].split()
    names = ("time", *motion.coordinates)
    assert float(column[names.index("knee_angle_r")]) == pytest.approx(np.degrees(motion.of("knee_angle_r")[-1]))
    assert float(column[names.index("knee_angle_r_beta")]) == pytest.approx(motion.of("knee_angle_r_beta")[-1])
    # another program wrote degrees there too: the angle it follows tells
    table = read_table(tmp_path / "x.mot")
    values = table.values.copy()
    k = table.labels.index("knee_angle_r_beta")
    values[:, k] = np.degrees(values[:, k])
    write_table(tmp_path / "y.mot", replace(table, values=values))
    np.testing.assert_allclose(read_motion(tmp_path / "y.mot").values, motion.values, atol=1e-9)


def test_a_file_that_does_not_say_its_unit_tells_it_by_its_size(tmp_path):
    for factor, name in ((1.0, "rad.sto"), (180.0 / np.pi, "deg.sto")):
        values = factor * np.linspace(0.1, 1.2, 5)
        rows = "\n".join(f"{k / 100}\t{v}" for k, v in enumerate(values))
        (tmp_path / name).write_text(f"version=3\nendheader\ntime\tknee_angle_r\n{rows}\n")
        np.testing.assert_allclose(read_motion(tmp_path / name).of("knee_angle_r"), np.linspace(0.1, 1.2, 5))


def test_states_files_give_their_coordinates(tmp_path):
    head = "time\t/jointset/knee_r/knee_angle_r/value\t/jointset/knee_r/knee_angle_r/speed\t/forceset/vas/activation"
    (tmp_path / "s.sto").write_text(f"inDegrees=no\nendheader\n{head}\n0\t0.5\t2\t0.1\n0.01\t0.6\t2\t0.1\n")
    motion = read_motion(tmp_path / "s.sto")
    assert motion.coordinates == ("knee_angle_r",)
    np.testing.assert_allclose(motion.values[:, 0], [0.5, 0.6])


def test_every_shared_motion_file_is_read_whole(data_dir):
    """Rows and columns as in the file; the one with times that repeat is refused in words."""
    refused = []
    paths = [p for p in sorted(data_dir.rglob("*")) if p.suffix.lower() in (".mot", ".sto") and p.stat().st_size < 2e6]
    for path in paths:
        try:
            table = read_table(path)
        except ModelMismatch as problem:
            refused.append(path.name)
            assert "time repeats" in str(problem)
            continue
        text = path.read_text().splitlines()
        end = next(k for k, line in enumerate(text) if line.strip().lower() == "endheader")
        assert len(table.values) == sum(bool(line.strip()) for line in text[end + 1 :]) - 1
        assert np.isclose(table.rate, round(table.rate)) or path.name.startswith("reference")
    assert len(paths) > 25
    assert refused == ["gait10dof18musc_subject_adjusted_Kinematics_q.sto"]


def test_orientations_survive_their_file_in_opensense_order(tmp_path, data_dir):
    turned = {
        "tibia_r_imu": Rotation.from_euler("X", np.linspace(0, 1, 6)[:, None]),
        "pelvis_imu": Rotation.identity(6),
    }
    write_orientations(tmp_path / "q.sto", turned, 100.0)
    first = (tmp_path / "q.sto").read_text().splitlines()[-1].split("\t")[1].split(",")
    assert float(first[0]) == pytest.approx(np.cos(0.5))  # w first
    back, known, rate = read_orientations(tmp_path / "q.sto")
    assert rate == 100.0
    assert known.all()
    assert (back["tibia_r_imu"].inv() * turned["tibia_r_imu"]).magnitude().max() < 1e-9
    real, known, rate = read_orientations(
        data_dir / "cmu_imu_grf_walk/Sub02/CSBaseline/OpenSim_Sub02_CSBaseline_Orientations.sto"
    )
    assert rate == 100.0
    # that file's left thigh was filtered across sign changes: 632 samples are no rotations
    assert dict(zip(real, (~known).sum(axis=0).tolist(), strict=True)) == {
        name: 632 if name == "femur_l_imu_offset_imu" else 0 for name in real
    }
    (tmp_path / "bad.sto").write_text("DataType=Quaternion\nendheader\ntime\ta\n0\t2,0,0,0\n0.01\t3,0,0,0\n")
    with pytest.raises(ModelMismatch, match="length 1"):
        read_orientations(tmp_path / "bad.sto")


def test_generalized_forces_survive_and_opensims_are_read(tmp_path, data_dir):
    kinetics = Kinetics(("knee_angle_r", "pelvis_tx"), np.arange(8.0).reshape(4, 2), 100.0)
    write_generalized_forces(tmp_path / "id.sto", kinetics)
    assert "knee_angle_r_moment\tpelvis_tx_force" in (tmp_path / "id.sto").read_text()
    back = read_generalized_forces(tmp_path / "id.sto")
    assert back.coordinates == kinetics.coordinates
    np.testing.assert_allclose(back.generalized_forces, kinetics.generalized_forces)
    assert read_generalized_forces(data_dir / "opensim_core/rajagopal_walk/id_walk.sto").rate == 1000.0
    with pytest.raises(ModelMismatch, match="inverse dynamics"):
        read_generalized_forces(data_dir / "opensim_core/rajagopal_walk/coordinates.sto")


OPENS = """
import json, sys
import opensim
opensim.Logger.setLevelString("Off")
motion = opensim.TimeSeriesTable(sys.argv[1])
model = opensim.Model(sys.argv[4])
storage = opensim.Storage(sys.argv[1])
quaternions = opensim.TimeSeriesTableQuaternion(sys.argv[2])
markers = opensim.TimeSeriesTableVec3(sys.argv[3])
times = list(motion.getIndependentColumn())
model.initSystem()
in_degrees = storage.isInDegrees()
model.getSimbodyEngine().convertDegreesToRadians(storage)
row = storage.getStateVector(3).getData()
labels = storage.getColumnLabels()
values = {labels.get(k): row.get(k - 1) for k in range(1, labels.getSize())}
flat = quaternions.flatten()
row = flat.getRowAtIndex(1)
answer = {"times": times, "rows": motion.getNumRows(), "degrees": in_degrees, "values": values}
answer["quaternion"] = [row[i] for i in range(4)]
answer["markers"] = [list(markers.getColumnLabels()), markers.getNumRows()]
print("\\n" + json.dumps(answer))
"""


def test_opensim_opens_what_we_write(tmp_path, data_dir):
    """Times, degrees, coupled coordinates, quaternions and markers arrive in OpenSim as they were."""
    names = ("knee_angle_r", "knee_angle_r_beta", "pelvis_tx")
    values = np.column_stack([np.linspace(0.2, 1.0, 7), np.linspace(0.2, 1.0, 7), np.linspace(0.0, 0.3, 7)])
    write_motion(tmp_path / "m.mot", Kinematics(names, values, 60.0), start_time=1.5)
    turned = Rotation.from_euler("Z", np.linspace(0, 1, 7)[:, None])
    write_orientations(tmp_path / "q.sto", {"pelvis_imu": turned}, 60.0)
    trial = MarkerTrial("t", Subject("S"), ("A", "B"), np.ones((7, 2, 3)), 60.0)
    trial.positions[2, 1] = np.nan
    write_trc(tmp_path / "m.trc", trial)
    model = data_dir / "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
    paths = [str(tmp_path / "m.mot"), str(tmp_path / "q.sto"), str(tmp_path / "m.trc"), str(model)]
    done = subprocess.run(
        [sys.executable, "-c", OPENS, *paths], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["rows"] == 7
    np.testing.assert_allclose(seen["times"], 1.5 + np.arange(7) / 60.0, rtol=1e-14)
    assert seen["degrees"]
    for k, name in enumerate(names):
        assert seen["values"][name] == pytest.approx(values[3, k], abs=1e-9), name
    np.testing.assert_allclose(seen["quaternion"], turned[1].as_quat(scalar_first=True), atol=1e-9)
    assert seen["markers"] == [["A", "B"], 7]
