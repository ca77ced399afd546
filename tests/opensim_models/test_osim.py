"""OpenSim behind its wall: its numbers are the reference, its crashes and import quirks stay in its own process."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.multibody import inverse_dynamics as our_inverse_dynamics
from opensim_models.model.multibody import segment_states
from opensim_models.model.scalar_function import function_from_plain, value_and_derivatives
from opensim_models.model.skeleton import JointElement, SkeletonMarker
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import (
    body_poses,
    build_model,
    check_model,
    close_opensim,
    describe_model,
    inverse_dynamics,
    marker_positions,
)

MODELS = (
    "cmu_imu_grf_walk/Sub02/optical_reference/OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim",
    "biomac_fau/marker_running_participant02/Participant_02.osim",
    "falisse_walk_cycle/Hamner_modified_scaled.osim",
    "opensim_core/falisse2019_2d_walk/2D_gait.osim",
    "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim",
    "opensim_core/rajagopal_walk/subject_walk_scaled.osim",
    "opencap_lab_subject4/Models/unscaled_generic.osim",
    "opencap_lab_subject4/Models/manually_scaled.osim",
    "hamner_running/final.osim",
)


def value(function: dict, x: np.ndarray) -> np.ndarray:
    """Evaluate a described function."""
    return np.broadcast_to(value_and_derivatives(function_from_plain(function), x)[0], x.shape)


def poses_from_description(model: dict, q: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Forward kinematics from the description alone, the way our skeletons are built from it."""
    n = len(next(iter(q.values())))
    poses = {"ground": (np.zeros((n, 3)), np.tile(np.eye(3), (n, 1, 1)))}
    waiting = list(model["joints"])
    while waiting:
        joint = next(j for j in waiting if j["parent"] in poses)
        waiting.remove(joint)
        origin, rotation = poses[joint["parent"]]
        origin = origin + rotation @ np.array(joint["parent_offset"])
        rotation = rotation @ np.array(joint["parent_orientation"])
        moved = [
            (axis["kind"], np.array(axis["axis"]), value(axis["function"], q.get(axis["coordinate"], np.zeros(n))))
            for axis in joint["axes"]
        ]
        shift = sum(x[:, None] * direction for kind, direction, x in moved if kind == "translation")
        origin = origin + np.einsum("nij,nj->ni", rotation, shift)
        for kind, direction, x in moved:
            if kind == "rotation":
                rotation = rotation @ Rotation.from_rotvec(x[:, None] * direction).as_matrix()
        rotation = rotation @ np.array(joint["child_orientation"]).T
        poses[joint["child"]] = (origin - rotation @ np.array(joint["child_offset"]), rotation)
    return poses


def random_values(model: dict, n: int, seed: int) -> dict[str, np.ndarray]:
    """Coordinate values within range, the coupled ones on their curves."""
    rng = np.random.default_rng(seed)
    dependent = {c["dependent"]: c for c in model["couplers"]}
    q = {}
    for coordinate in model["coordinates"]:
        low, high = max(coordinate["range_min"], -0.8), min(coordinate["range_max"], 0.8)
        q[coordinate["name"]] = rng.uniform(low, high, n)
    for name, coupler in dependent.items():
        q[name] = value(coupler["function"], q[coupler["independent"]])
    return q


def largest_difference(ours: dict, theirs: dict) -> float:
    return max(np.abs(ours[body][part] - theirs[body][part]).max() for body in theirs for part in (0, 1))


@pytest.mark.parametrize("name", MODELS)
def test_a_description_gives_the_poses_and_markers_that_opensim_gives(data_dir, name):
    path = data_dir / name
    model = describe_model(path)
    q = random_values(model, 8, seed=3)
    free = [c["name"] for c in model["coordinates"] if c["name"] not in {k["dependent"] for k in model["couplers"]}]
    values = np.column_stack([q[c] for c in free])
    theirs = body_poses(path, free, values)  # OpenSim derives the coupled coordinates itself
    ours = poses_from_description(model, q)
    assert largest_difference(ours, theirs) < 1e-9
    markers = marker_positions(path, free, values)
    for marker in model["markers"]:
        origin, rotation = ours[marker["body"]]
        assert markers[marker["name"]] == pytest.approx(origin + rotation @ np.array(marker["offset"]), abs=1e-9)
    assert model["unsupported"] == []
    assert (len(model["muscles"]) > 0) and all(m["optimal_fibre_length"] > 0 for m in model["muscles"])


def test_the_vertical_force_of_a_still_model_is_its_weight_and_free_fall_needs_none(data_dir):
    path = data_dir / MODELS[5]
    model = describe_model(path)
    names = [c["name"] for c in model["coordinates"] if c["name"] not in {k["dependent"] for k in model["couplers"]}]
    still = np.zeros((1, len(names)))
    weight = sum(b["mass"] for b in model["bodies"]) * -model["gravity"][1]
    forces = inverse_dynamics(path, names, still, still, still)
    assert forces[0, names.index("pelvis_ty")] == pytest.approx(weight, rel=1e-9)
    falling = still.copy()
    falling[0, names.index("pelvis_ty")] = model["gravity"][1]
    assert np.abs(inverse_dynamics(path, names, still, still, falling)).max() < 1e-8


def test_frames_without_a_value_stay_empty_and_the_others_do_not_notice(data_dir):
    path = data_dir / MODELS[3]
    names = ["hip_flexion_r", "knee_angle_r"]
    values = np.array([[0.1, 0.2], [np.nan, 0.2], [0.3, 0.1]])
    origins, rotations = body_poses(path, names, values, bodies=["tibia_r"])["tibia_r"]
    assert np.isnan(origins[1]).all() and np.isnan(rotations[1]).all()
    alone = body_poses(path, names, values[2:], bodies=["tibia_r"])["tibia_r"][0]
    assert np.array_equal(origins[2], alone[0])
    forces = inverse_dynamics(path, names, values, 0 * values, 0 * values)
    assert np.isnan(forces[1]).all() and np.isfinite(forces[[0, 2]]).all()


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(code="V01", mass=70.0, height=1.75)


@pytest.mark.parametrize("make", [planar_skeleton, lower_body_skeleton])
def test_a_skeleton_written_as_a_model_moves_and_weighs_the_same_in_opensim(make, subject, tmp_path):
    skeleton = make(subject)
    skeleton = skeleton.with_markers((SkeletonMarker("toe", "calcn_r", (0.2, 0.01, 0.02)),))
    path = tmp_path / f"{skeleton.name}.osim"
    build_model(skeleton, path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "no temporary file stays behind"
    rng = np.random.default_rng(5)
    names = list(skeleton.coordinate_names)
    q, qd, qdd = (rng.uniform(-0.4, 0.4, (6, len(names))) * scale for scale in (1, 3, 20))
    poses = body_poses(path, names, q)
    states = segment_states(skeleton, list(q.T), list(qd.T), list(qdd.T))
    for segment, state in zip(skeleton.segments, states, strict=True):
        origin = np.column_stack([np.broadcast_to(x, len(q)) for x in state.origin])
        assert poses[segment.name][0] == pytest.approx(origin, abs=1e-9)
    theirs = inverse_dynamics(path, names, q, qd, qdd)
    ours = np.column_stack([np.broadcast_to(f, len(q)) for f in our_inverse_dynamics(skeleton, states, {})])
    assert ours == pytest.approx(theirs, abs=1e-7)
    assert marker_positions(path, names, q)["toe"].shape == (6, 3)
    report = check_model(path)
    assert report["mass"] == pytest.approx(skeleton.mass)
    assert report["coordinates"] == len(names)


def test_a_chain_that_opensim_cannot_hold_is_refused(subject, tmp_path):
    skeleton = planar_skeleton(subject)
    rotation = JointElement("rotation", (0.0, 0.0, 1.0), 3)
    long = replace(skeleton.segments[1], elements=(rotation,) * 4)
    wrong = replace(skeleton, segments=(skeleton.segments[0], long, *skeleton.segments[2:]))
    with pytest.raises(ModelMismatch, match=long.name):
        build_model(wrong, tmp_path / "wrong.osim")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "0 bytes"),
        (b"not a model", "not well formed"),
        (b"<?xml version='1.0'?><html><body/></html>", "<html>"),
        (b"<OpenSimDocument Version='40000'><Model name='nothing'/></OpenSimDocument>", "no body"),
        (b"<OpenSimDocument Version='40000'><Storage/></OpenSimDocument>", "expected an OpenSim model"),
        (b"<a>" * 200_000 + b"</a>" * 200_000, "nested deeper"),
        (b"\x00\xff\xfe" * 100, "not well formed"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path, content, word):
    path = tmp_path / "subject01.osim"
    if content is not None:
        path.write_bytes(content)
    for function in (describe_model, check_model):
        with pytest.raises(ModelMismatch, match=word) as caught:
            function(path)
        assert "subject01.osim" in str(caught.value)
    with pytest.raises(ModelMismatch):
        body_poses(path, ["pelvis_tilt"], np.zeros((1, 1)))
    with pytest.raises(ModelMismatch, match="folder"):
        describe_model(tmp_path)


def test_a_truncated_model_is_refused(data_dir, tmp_path):
    whole = (data_dir / MODELS[4]).read_bytes()
    path = tmp_path / "half.osim"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelMismatch, match="not well formed"):
        describe_model(path)


def mutated(whole: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file: drop, double or overwrite a stretch, change numbers, or cut it off."""
    kind, at = rng.integers(5), int(rng.integers(200, len(whole)))
    length = int(rng.integers(1, 400))
    if kind == 0:
        return whole[:at] + whole[at + length :]
    if kind == 1:
        return whole[: at + length] + whole[at:]
    if kind == 2:
        return whole[:at] + rng.bytes(length) + whole[at + length :]
    if kind == 3:
        return whole[:at]
    values = (b"nan", b"-1e308", b"0", b"1e400", b"text")
    numbers = list(re.finditer(rb">(-?[0-9.]+)<", whole))
    chosen = numbers[int(rng.integers(len(numbers)))]
    return whole[: chosen.start(1)] + values[int(rng.integers(5))] + whole[chosen.end(1) :]


@pytest.mark.parametrize("count", [15, pytest.param(500, marks=pytest.mark.slow)])
def test_a_damaged_model_is_described_or_refused_and_never_takes_the_caller_down(data_dir, tmp_path, count):
    whole = (data_dir / MODELS[4]).read_bytes()
    rng = np.random.default_rng(count)
    refused = 0
    for number in range(count):
        path = tmp_path / f"damaged_{number}.osim"
        path.write_bytes(mutated(whole, rng))
        try:
            assert check_model(path)["coordinates"] > 0
        except ModelMismatch as refusal:
            refused += 1
            assert path.name in str(refusal)
        path.unlink()
    assert 0 < refused < count
    assert check_model(data_dir / MODELS[4])["coordinates"] == 10


def test_a_misspelt_coordinate_is_answered_with_the_nearest(data_dir):
    with pytest.raises(ModelMismatch, match="hip_flexion_r"):
        body_poses(data_dir / MODELS[3], ["hip_flexion_R"], np.zeros((2, 1)))
    with pytest.raises(ModelMismatch, match="shape"):
        body_poses(data_dir / MODELS[3], ["hip_flexion_r"], np.zeros((2, 2)))


def test_a_check_finds_moments_of_inertia_that_no_body_has(data_dir):
    findings = check_model(data_dir / MODELS[1])["findings"]
    assert any("toes_r" in finding for finding in findings)


def run_script(tmp_path: Path, repository: Path, body: str) -> str:
    """Run a user's script, in a folder of its own."""
    path = tmp_path / "script.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(repository)!r})\n" + textwrap.dedent(body))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "opensim.log").exists()
    return done.stdout


def test_a_script_that_has_imported_casadi_can_use_opensim(tmp_path, repository, data_dir):
    output = run_script(
        tmp_path,
        repository,
        f"""
        import casadi
        import numpy as np
        from opensim_models.osim.client import body_poses
        poses = body_poses({str(data_dir / MODELS[3])!r}, ["pelvis_ty"], np.array([[0.9]]))
        assert "opensim" not in sys.modules
        print(round(float(poses["pelvis"][0][0, 1]), 6), casadi.SX(2) + 1)
        """,
    )
    assert output.split() == ["0.9", "3"]


def test_a_script_that_has_imported_opensim_can_use_casadi_through_a_worker_and_our_opensim(
    tmp_path, repository, data_dir
):
    (tmp_path / "solve.py").write_text(
        "import casadi\n\ndef minimum():\n    x = casadi.SX.sym('x')\n"
        "    solver = casadi.nlpsol('s', 'ipopt', {'x': x, 'f': (x - 2) ** 2}, {'print_time': 0})\n"
        "    return float(solver(x0=0)['x'])\n"
    )
    output = run_script(
        tmp_path,
        repository,
        f"""
        import opensim
        import numpy as np
        from mocap_import.batch import WorkerProcess
        from opensim_models.osim.client import body_poses
        with WorkerProcess() as worker:
            print(round(worker.call("solve:minimum"), 6))
        poses = body_poses({str(data_dir / MODELS[3])!r}, ["pelvis_ty"], np.array([[0.9]]))
        print(round(float(poses["pelvis"][0][0, 1]), 6))
        """,
    )
    assert output.split() == ["2.0", "0.9"]


def test_this_process_never_imports_opensim(data_dir):
    describe_model(data_dir / MODELS[3])
    assert "opensim" not in sys.modules
    close_opensim()
    assert describe_model(data_dir / MODELS[3])["name"], "a call after closing starts another process"
