"""Generic models with muscles and contact: OpenSim opens what the tables say, carried over by the stated rule."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.dynamics_figures.generic_model import joint_strengths, moment_arm_deviations
from mocap_import.subject import Subject
from opensim_models.cli import model_app
from opensim_models.generic.foot_geometry import STIFFNESS
from opensim_models.generic.generic_model import (
    GENERIC_MODELS,
    MODELS,
    REFERENCE_PERSON,
    generic_model,
    write_generic_model,
)
from opensim_models.generic.muscle_geometry import lower_body_muscles, planar_muscles, published_muscles
from opensim_models.generic.muscle_strength import strength_ratio
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.scalar_function import value_and_derivatives
from opensim_models.model.skeleton import load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.osim import client
from opensim_models.osim.client import body_poses, build_model, check_model, describe_model
from opensim_models.osim.muscle_client import isometric_forces, muscle_lengths, muscle_moment_arms

TALL = replace(REFERENCE_PERSON, mass=90.0, height=1.92)


def our_lengths(model, q):
    """Path lengths of a generic model, from its own points and our kinematics."""
    skeleton = model.skeleton
    zero = np.zeros_like(q)
    states = segment_states(skeleton, q, zero, zero)
    lengths = {}
    for muscle, points in model.paths.items():
        at = []
        for p in points:
            value = q[skeleton.coordinate_index(p.coordinate)] if p.coordinate else 0.0
            if p.limits is not None and not p.limits[0] <= value <= p.limits[1]:
                continue
            state = states[skeleton.segment_index(p.segment)]
            local = [value_and_derivatives(f, value)[0] for f in p.functions] or p.location
            at.append(np.array(state.rotation, dtype=float) @ local + np.array(state.origin, dtype=float))
        lengths[muscle] = float(np.linalg.norm(np.diff(at, axis=0), axis=1).sum())
    return lengths


@pytest.fixture(scope="module", params=GENERIC_MODELS)
def built(request, tmp_path_factory):
    """A generic model of another person than the shipped one, and its file."""
    model = generic_model(request.param, TALL, "dumas")
    path = tmp_path_factory.mktemp("generic") / f"{request.param}.osim"
    write_generic_model(model, path)
    return model, path


def test_published_numbers_as_read_in_the_published_file():
    """Rows that were read in gait2392 itself."""
    muscles = published_muscles()
    assert len(muscles) == 46
    piriformis = muscles["peri"]
    assert [p.location for p in piriformis.points] == [
        (-0.1396, 0.0003, 0.0235),
        (-0.1193, -0.0276, 0.0657),
        (-0.0148, -0.0036, 0.0437),
    ]
    unit = piriformis.unit
    assert (unit.max_isometric_force, unit.optimal_fibre_length, unit.tendon_slack_length) == (444, 0.026, 0.115)
    assert unit.pennation == pytest.approx(0.17453293)
    patellar = muscles["rect_fem"].points[-1]
    for flexion, x, y in ((0.0, 0.0617576, 0.020984), (1.0472, 0.0365695, 0.0249184), (1.99997, 0.0179938, 0.0237613)):
        found = [value_and_derivatives(f, flexion)[0] for f in patellar.functions]
        np.testing.assert_allclose(found, (x, y, 0.0014), atol=2e-4)
    assert muscles["vas_med"].points[2].limits == pytest.approx((1.21004, 2.61799), abs=1e-5)


def test_opensim_reads_what_was_written(built):
    model, path = built
    report = check_model(path)
    assert report["findings"] == []
    assert report["mass"] == pytest.approx(TALL.mass, rel=1e-9)
    assert report["muscles"] == len(model.paths) == len(model.skeleton.muscles)
    description = describe_model(path)
    spheres = {g["name"]: g for g in description["contact_geometry"] if g["type"] == "ContactSphere"}
    assert set(spheres) == {c.name for c in model.skeleton.contacts}
    for contact in model.skeleton.contacts:
        assert spheres[contact.name]["radius"] == pytest.approx(contact.radius, rel=1e-12)
        np.testing.assert_allclose(spheres[contact.name]["offset"], contact.offset, atol=1e-12)
    floor = next(g for g in description["contact_geometry"] if g["type"] == "ContactHalfSpace")
    np.testing.assert_allclose(np.array(floor["orientation"])[:, 0], [0, -1, 0], atol=1e-12)  # it fills its x side
    assert {f["type"] for f in description["contact_forces"]} == {"SmoothSphereHalfSpaceForce"}
    for muscle in description["muscles"]:
        unit = next(u for u in model.skeleton.muscles if u.name == muscle["name"])
        for name in ("max_isometric_force", "optimal_fibre_length", "tendon_slack_length", "pennation"):
            assert muscle[name] == pytest.approx(getattr(unit, name), rel=1e-9)
        assert muscle["tendon_strain"] == pytest.approx(unit.tendon_strain)


def test_paths_in_the_file_are_the_points_of_the_model(built):
    """Path lengths by OpenSim and from our points with our kinematics, conditional and moving points included."""
    model, path = built
    skeleton = model.skeleton
    rng = np.random.default_rng(7)
    low, high = (np.array([getattr(c, end) for c in skeleton.coordinates]) for end in ("lower", "upper"))
    low, high = np.where(np.isfinite(low), low, -0.5), np.where(np.isfinite(high), high, 1.0)
    poses = rng.uniform(0.8 * low, 0.8 * high, (6, len(low)))
    theirs = muscle_lengths(path, skeleton.coordinate_names, poses, list(model.paths))
    for q, row in zip(poses, theirs, strict=True):
        np.testing.assert_allclose(list(our_lengths(model, q).values()), row, atol=1e-9)


def test_poses_of_a_gliding_knee_are_opensims(built):
    model, path = built
    q = np.array([c.default for c in model.skeleton.coordinates])
    for side in "rl":
        q[model.skeleton.coordinate_index(f"knee_angle_{side}")] = 1.3
    theirs = body_poses(path, model.skeleton.coordinate_names, q[None])
    states = segment_states(model.skeleton, q, 0 * q, 0 * q)
    for segment, state in zip(model.skeleton.segments, states, strict=True):
        np.testing.assert_allclose(theirs[segment.name][0][0], np.array(state.origin, dtype=float), atol=1e-12)


def test_forces_are_opensims(built):
    """Inverse dynamics of the skeleton, tensors with products and gliding knees, against OpenSim's solver."""
    model, path = built
    skeleton = model.skeleton
    rng = np.random.default_rng(3)
    q, qd, qdd = (rng.uniform(-x, x, (8, len(skeleton.coordinates))) for x in (0.4, 2.0, 20.0))
    theirs = client.inverse_dynamics(path, skeleton.coordinate_names, q, qd, qdd)
    ours = np.array(
        [inverse_dynamics(skeleton, segment_states(skeleton, *row)) for row in zip(q, qd, qdd, strict=True)],
        dtype=float,
    )
    assert (np.abs(ours - theirs).max(axis=0) / np.abs(theirs).max(axis=0)).max() < 1e-6


def test_markers_give_the_coordinates_back():
    """Round trip of the 23-coordinate model, toes included; the prior's pull is all that is left."""
    skeleton = generic_model("lower_body", TALL).skeleton
    rng = np.random.default_rng(5)
    phase = np.linspace(0, 2 * np.pi, 40)[:, None]
    values = rng.uniform(0.05, 0.3, 23) * np.sin(phase + rng.uniform(0, 6, 23))
    values += [c.default + (0.5 if c.name.startswith("knee") else 0.0) for c in skeleton.coordinates]
    markers = marker_positions(skeleton, Kinematics(skeleton.coordinate_names, values, 100.0))
    labels = tuple(m.name for m in skeleton.markers)
    found = solve_inverse_kinematics(skeleton, labels, markers, 100.0, prior_spread=1e4, tolerance=1e-9)
    assert found.held == ()
    np.testing.assert_allclose(found.kinematics.values, values, atol=2e-6)


@pytest.mark.parametrize("name", GENERIC_MODELS)
def test_shipped_files_are_what_the_command_writes(name, tmp_path):
    again = tmp_path / "again.osim"
    write_generic_model(generic_model(name, REFERENCE_PERSON), again)
    shipped, made = (list(ElementTree.parse(f).iter()) for f in (MODELS / f"{name}.osim", again))
    assert [(e.tag, e.attrib) for e in shipped] == [(e.tag, e.attrib) for e in made]
    for old, new in zip(shipped, made, strict=True):
        words = [(e.text or "").split() for e in (old, new)]
        assert len(words[0]) == len(words[1]), old.tag
        for a, b in zip(*words, strict=True):
            assert a == b or float(a) == pytest.approx(float(b), rel=1e-9, abs=1e-12), old.tag


def test_both_legs_are_alike():
    """Forces and moment arms of the left leg are those of the right one in the mirrored pose."""
    path = MODELS / "lower_body.osim"
    about = ["hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle"]
    names = sorted({m["name"][:-2] for m in describe_model(path)["muscles"]} - {"ercspn", "intobl", "extobl"})
    pose = np.array([[0.5, -0.1, 0.1, 0.7, 0.1, -0.1]])
    legs = []
    for side in "rl":
        columns, muscles = [f"{c}_{side}" for c in about], [f"{n}_{side}" for n in names]
        arms = muscle_moment_arms(path, columns, pose, columns, muscles)
        legs.append((arms, isometric_forces(path, columns, pose, muscles)))
    np.testing.assert_allclose(legs[0][0], legs[1][0], atol=1e-9)
    np.testing.assert_allclose(legs[0][1], legs[1][1], rtol=1e-6)


def test_moment_arms_over_walking(data_dir):
    """Not farther from Rajagopal's than the Hamner model of the same published geometry; calf and thigh are near."""
    rows = moment_arm_deviations(MODELS / "lower_body.osim", data_dir, n_poses=10)
    ours, peer = (math.sqrt(np.mean([row[i] ** 2 for row in rows])) for i in (3, 4))
    assert ours <= peer
    assert ours < 10.0
    near = {(m, about): rms for m, about, _, rms, _ in rows}
    assert max(near[m, "knee_angle_r"] for m in ("rect_fem", "vas_med", "vas_int", "vas_lat")) < 5.0
    assert max(near[m, "ankle_angle_r"] for m in ("soleus", "med_gas", "lat_gas", "tib_ant")) < 6.0
    assert max(near[m, "hip_flexion_r"] for m in ("semimem", "semiten", "bifemlh", "rect_fem", "iliacus")) < 6.0


def test_fibres_stand_as_long_as_published(data_dir):
    """Rule 3: standing, (path - tendon) / fibre is that of the published person, whatever the size of either model."""
    found = []
    for path in (MODELS / "lower_body.osim", data_dir / "hamner_running/final.osim"):
        description = describe_model(path)
        muscles = {m["name"]: m for m in description["muscles"]}
        joints = [c["name"] for c in description["coordinates"]]
        lengths = dict(zip(muscles, muscle_lengths(path, joints, np.zeros((1, len(joints))))[0], strict=True))
        found.append(
            {n: (lengths[n] - m["tendon_slack_length"]) / m["optimal_fibre_length"] for n, m in muscles.items()}
        )
    ours, theirs = found
    assert set(ours) == set(theirs)
    # only the right side: their left vastus intermedius is not the mirror of the right one
    assert max(abs(ours[name] - theirs[name]) for name in ours if name.endswith("_r")) < 1e-3


def test_strength_of_joints():
    """Isometric peaks of a person of 75 kg, in the range of measured ones and of other models (models/README.md)."""
    peaks = joint_strengths(MODELS / "lower_body.osim")
    assert 130 < peaks["knee extension"] < 300
    assert 70 < peaks["knee flexion"] < 180
    assert 120 < peaks["ankle plantarflexion"] < 280
    assert 30 < peaks["ankle dorsiflexion"] < 80
    assert 150 < peaks["hip extension"] < 350
    assert 100 < peaks["hip flexion"] < 240


def test_weight_is_carried_by_a_few_millimetres_of_contact():
    """Hertz: ten equal spheres (F = 4/3 k √(Rk) x^3/2, k = ½ stiffness^(2/3)) carry the person 2-10 mm deep."""
    spheres = generic_model("lower_body", REFERENCE_PERSON).skeleton.contacts
    k = 0.5 * STIFFNESS ** (2 / 3)
    per_sphere = 4 / 3 * k * math.sqrt(spheres[0].radius * k)
    depth = (REFERENCE_PERSON.body_weight / len(spheres) / per_sphere) ** (2 / 3)
    assert 0.002 < depth < 0.010


def test_muscles_grow_with_the_person():
    """A person of the same proportions, 1.1 times as tall: paths, fibres and tendons 1.1 times as long."""
    small = lower_body_muscles(Subject("a", 70.0, 1.60), "published")
    large = lower_body_muscles(Subject("b", 70.0, 1.76), "published")
    for a, b in zip(small, large, strict=True):
        assert b.unit.optimal_fibre_length == pytest.approx(1.1 * a.unit.optimal_fibre_length, rel=1e-12)
        assert b.unit.tendon_slack_length == pytest.approx(1.1 * a.unit.tendon_slack_length, rel=1e-12)
        assert b.unit.max_isometric_force == a.unit.max_isometric_force
        for p, q in zip(a.points, b.points, strict=True):
            np.testing.assert_allclose(q.location, 1.1 * np.array(p.location), atol=1e-12)
    assert [m.unit.name for m in planar_muscles(Subject("a", 70.0, 1.6))][:2] == ["hamstrings_r", "bifemsh_r"]


def test_strength_laws():
    person = Subject("a", 75.16, 1.70)
    assert [strength_ratio(law, person) for law in ("published", "mass_two_thirds", "muscle_volume")] == [1.0] * 3
    heavy = replace(person, mass=8 * 75.16)
    assert strength_ratio("published", heavy) == 1.0
    assert strength_ratio("mass_two_thirds", heavy) == pytest.approx(4.0)
    assert strength_ratio("muscle_volume", replace(person, height=2 * 1.70), lengthened=2.0) == pytest.approx(1.0)
    ages = [strength_ratio("muscle_volume", replace(person, age=a)) for a in (20.0, 30.0, 50.0, 70.0, 100.0)]
    assert ages == pytest.approx([1.0, 1.0, 0.85, 0.7, 0.475])
    with pytest.raises(ModelMismatch, match="mass_two_thirds"):
        strength_ratio("strong", person)


def test_json_keeps_parameters_and_contact(tmp_path):
    model = generic_model("planar", TALL)
    write_generic_model(model, tmp_path / "model.json")
    back = load_skeleton(tmp_path / "model.json")
    assert back.muscles == model.skeleton.muscles
    assert back.contacts == model.skeleton.contacts


def test_command_writes_the_model_of_a_child(tmp_path):
    out = tmp_path / "child.osim"
    words = ["--mass", "32", "--height", "1.38", "--age", "10", "--table", "jensen", "--out", str(out), "--json"]
    result = CliRunner().invoke(model_app, ["build", "lower_body", *words])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert said["mass_kg"] == pytest.approx(32.0)
    assert len(said["coordinates"]) == 23
    assert check_model(out)["findings"] == []
    assert CliRunner().invoke(model_app, ["build", "lower_body"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("upper_body", REFERENCE_PERSON), "planar, lower_body"),
        (("planar", Subject("nobody")), "above zero"),
        (("planar", REFERENCE_PERSON, "de_leva", "iron"), "strength law"),
    ],
)
def test_what_is_no_model_is_refused(arguments, word):
    with pytest.raises(ModelMismatch, match=word):
        generic_model(*arguments)


def test_files_of_other_kinds_and_muscles_without_paths(tmp_path):
    model = generic_model("planar", REFERENCE_PERSON)
    with pytest.raises(ModelMismatch, match=r"\.osim or \.json"):
        write_generic_model(model, tmp_path / "model.xml")
    few = {"soleus_r": model.paths["soleus_r"]}
    left_out = build_model(model.skeleton, tmp_path / "few.osim", few)
    assert len(left_out) == 17
    assert check_model(tmp_path / "few.osim")["muscles"] == 1
    with pytest.raises(ModelMismatch, match="biceps"):
        build_model(model.skeleton, tmp_path / "none.osim", {"biceps": few["soleus_r"]})
    wrong = replace(model.skeleton, muscles=(replace(model.skeleton.muscles[0], curves="Thelen2003Muscle"),))
    with pytest.raises(ModelMismatch, match="Thelen2003Muscle"):
        build_model(wrong, tmp_path / "none.osim", {wrong.muscles[0].name: model.paths["hamstrings_r"]})
    other = replace(model.skeleton.muscles[0], curves="DeGrooteFregly2016Muscle")
    one = replace(model.skeleton, muscles=(other,))
    build_model(one, tmp_path / "smooth.osim", {other.name: model.paths["hamstrings_r"]})
    assert describe_model(tmp_path / "smooth.osim")["muscles"][0]["type"] == "DeGrooteFregly2016Muscle"
