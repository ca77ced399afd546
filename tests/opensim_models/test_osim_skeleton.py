"""Our mechanics agree with OpenSim's, on its models and on ours."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from benchmarks.dynamics_figures.generalized_forces import forces_of_positions, our_forces
from benchmarks.kinematics_figures.poses import deviations
from benchmarks.peers.compared_models import random_states
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.osim_skeleton import read_description, read_osim, skeleton_from_description
from opensim_models.model.polynomial_skeleton import with_polynomials
from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial
from opensim_models.model.skeleton import JointElement, load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim import client

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)
RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
TEN = "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim"
# model → whether OpenSim's inverse dynamics has a velocity term of its own at a joint of several axes by one coordinate
SHARED = {
    "biomac_fau/marker_running_participant02/Participant_02.osim": False,
    "cmu_imu_grf_walk/Sub02/optical_reference/OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim": True,
    "falisse_walk_cycle/Hamner_modified_scaled.osim": False,
    "hamner_running/final.osim": False,
    "opencap_lab_subject4/Models/manually_scaled.osim": True,
    "opencap_lab_subject4/Models/unscaled_generic.osim": True,
    "opensim_core/falisse2019_2d_walk/2D_gait.osim": False,
    TEN: False,
    RAJAGOPAL: True,
}
BUILT = ("every simple joint", "every function", "couplers", "reversed and free", "planar", "nested frames")


def force_deviation(skeleton, path, n=20):
    """Largest difference of generalized forces from OpenSim's solver, relative to the coordinate's largest force."""
    states = random_states(skeleton, n, np.random.default_rng(1))
    theirs = client.inverse_dynamics(path, skeleton.coordinate_names, *states)
    apart = np.abs(our_forces(skeleton, *states) - theirs).max(axis=0)
    return (apart / np.abs(theirs).max(axis=0)).max()


@pytest.mark.parametrize("model", SHARED)
def test_a_model_of_opensim_moves_and_weighs_the_same_here(model, data_dir):
    path = data_dir / model
    skeleton = read_osim(path)
    position, rotation = deviations(skeleton, path)
    assert position <= 1e-9 and rotation <= 1e-9
    assert force_deviation(skeleton, path) <= (5e-3 if SHARED[model] else 1e-6)


@pytest.mark.parametrize("name", BUILT)
def test_every_joint_and_function_moves_and_weighs_the_same_here(name, built_models):
    skeleton = read_osim(built_models[name])
    position, rotation = deviations(skeleton, built_models[name])
    assert position <= 1e-9 and rotation <= 1e-9
    assert force_deviation(skeleton, built_models[name]) <= 1e-6


def test_where_the_solver_differs_opensims_own_positions_agree_with_us(data_dir):
    """Forces from differences of OpenSim's positions along and beside the motion: ours, not the solver's."""
    path = data_dir / RAJAGOPAL
    skeleton = read_osim(path)
    states = random_states(skeleton, 2, np.random.default_rng(4))
    proof = forces_of_positions(skeleton, path, *states)
    scale = np.abs(proof).max(axis=0)
    assert (np.abs(our_forces(skeleton, *states) - proof).max(axis=0) / scale).max() <= 1e-5
    solver = client.inverse_dynamics(path, skeleton.coordinate_names, *states)
    assert (np.abs(solver - proof).max(axis=0) / scale).max() > 1e-5


@pytest.mark.parametrize("name", ["ellipsoid", "scapulothoracic"])
def test_a_joint_that_is_no_chain_of_axes_is_refused_by_name(name, built_models):
    with pytest.raises(ModelMismatch, match=f"(?i){name}joint gliding"):
        read_osim(built_models[name])


@pytest.mark.parametrize("skeleton", [planar_skeleton(PERSON), lower_body_skeleton(PERSON)], ids=lambda s: s.name)
def test_our_skeletons_are_the_same_in_opensim(skeleton, tmp_path):
    path = tmp_path / "ours.osim"
    client.build_model(skeleton, path)
    position, rotation = deviations(skeleton, path)
    assert position < 1e-12 and rotation < 1e-12
    assert force_deviation(skeleton, path) < 1e-12


@pytest.mark.parametrize("model", [TEN, RAJAGOPAL])
def test_a_model_survives_the_way_here_and_back_to_opensim(model, data_dir, tmp_path):
    """Splines with every digit, couplers as couplers, ranges and locks as they were."""
    skeleton = read_osim(data_dir / model)
    client.build_model(skeleton, tmp_path / "back.osim")
    back = read_osim(tmp_path / "back.osim")
    there, here = ({c.name: c for c in each.coordinates} for each in (back, skeleton))
    assert there.keys() == here.keys()
    for name, ours in here.items():
        assert (there[name].locked, there[name].clamped) == (ours.locked, ours.clamped)
        limits = (there[name].lower, there[name].upper, there[name].default)
        assert limits == pytest.approx((ours.lower, ours.upper, ours.default), abs=1e-15)
    assert {c.name for c in back.coupled} == {c.name for c in skeleton.coupled}
    assert {m.name for m in back.markers} == {m.name for m in skeleton.markers}
    assert back.mass == pytest.approx(skeleton.mass)
    q = random_states(skeleton, 10, np.random.default_rng(2))[0]
    theirs = client.body_poses(data_dir / model, skeleton.coordinate_names, q)
    for name, (origins, rotations) in client.body_poses(tmp_path / "back.osim", skeleton.coordinate_names, q).items():
        np.testing.assert_allclose(origins, theirs[name][0], atol=1e-12)
        np.testing.assert_allclose(rotations, theirs[name][1], atol=1e-12)


def test_a_chain_that_no_coupler_explains_is_not_written(tmp_path):
    skeleton = planar_skeleton(PERSON)
    spline = PiecewisePolynomial((0.0, 1.0), ((0.0, 1.0), (0.0, 1.0), (1.0, 0.0)))
    knee = skeleton.segment_index("tibia_r")
    bent = JointElement("rotation", (0.0, 0.0, 1.0), skeleton.coordinate_index("knee_angle_r"), (spline, spline))
    segments = list(skeleton.segments)
    segments[knee] = replace(segments[knee], elements=(bent,))
    with pytest.raises(ModelMismatch, match="coupled coordinate"):
        client.build_model(replace(skeleton, segments=tuple(segments)), tmp_path / "no.osim")
    segments[knee] = replace(segments[knee], elements=(replace(bent, functions=(spline,)),))
    with pytest.raises(ModelMismatch, match="with_polynomials"):
        client.build_model(replace(skeleton, segments=tuple(segments)), tmp_path / "no.osim")
    assert not (tmp_path / "no.osim").exists()


def test_coordinates_keep_what_the_model_does_with_them(tmp_path, data_dir):
    skeleton = planar_skeleton(PERSON)
    ramp = Polynomial((0.1, 0.4))
    changes = {"ankle_angle_r": {"locked": True}, "ankle_angle_l": {"clamped": True}, "pelvis_tx": {"prescribed": ramp}}
    coordinates = tuple(replace(c, **changes.get(c.name, {})) for c in skeleton.coordinates)
    client.build_model(replace(skeleton, coordinates=coordinates), tmp_path / "held.osim")
    back = {c.name: c for c in read_osim(tmp_path / "held.osim").coordinates}
    assert back["ankle_angle_r"].locked and not back["ankle_angle_l"].locked
    assert back["ankle_angle_l"].clamped and not back["ankle_angle_r"].clamped
    assert back["pelvis_tx"].prescribed == ramp
    locked = [c.name for c in read_osim(data_dir / "hamner_running/final.osim").coordinates if c.locked]
    assert len(locked) == 8


def test_coupled_coordinates_are_kept_by_name(data_dir):
    skeleton = read_osim(data_dir / RAJAGOPAL)
    assert {c.name: (skeleton.coordinate_names[c.coordinate], c.segment) for c in skeleton.coupled} == {
        "knee_angle_r_beta": ("knee_angle_r", "patella_r"),
        "knee_angle_l_beta": ("knee_angle_l", "patella_l"),
    }
    assert "knee_angle_r_beta" not in skeleton.coordinate_names


def test_a_skeleton_with_splines_is_saved_and_loaded_unchanged(data_dir, tmp_path):
    skeleton = read_osim(data_dir / RAJAGOPAL)
    save_skeleton(skeleton, tmp_path / "s.json")
    assert load_skeleton(tmp_path / "s.json") == skeleton


def test_polynomials_take_the_place_of_splines_for_symbols(data_dir):
    skeleton = read_osim(data_dir / TEN)
    smooth = with_polynomials(skeleton)
    assert sum("as a polynomial of degree" in note for note in smooth.notes) == 4
    assert with_polynomials(smooth) is smooth
    n = len(skeleton.coordinates)
    q, qd, qdd = random_states(skeleton, 10, np.random.default_rng(0))
    for exact, fitted in zip(segment_states(skeleton, list(q.T)), segment_states(smooth, list(q.T)), strict=True):
        for a, b in zip(exact.origin, fitted.origin, strict=True):
            np.testing.assert_allclose(a, b, atol=4e-4)
    symbols = [ca.SX.sym(name, n) for name in ("q", "qd", "qdd")]
    states = segment_states(smooth, *(ca.vertsplit(s) for s in symbols))
    by_casadi = ca.Function("f", symbols, [ca.vertcat(*inverse_dynamics(smooth, states))])(q[0], qd[0], qdd[0])
    by_numpy = our_forces(smooth, q[:1], qd[:1], qdd[:1])[0]
    np.testing.assert_allclose(np.array(by_casadi).ravel(), by_numpy, atol=1e-9 * np.abs(by_numpy).max())


def test_what_is_left_out_is_named(data_dir):
    notes = " / ".join(read_osim(data_dir / RAJAGOPAL).notes)
    assert "muscles" not in notes
    assert "13 CoordinateActuator left out" in notes


def test_a_function_that_is_fitted_states_its_deviation(built_models):
    notes = [note for note in read_osim(built_models["every function"]).notes if "deviation" in note]
    assert notes and all("Sine" in note for note in notes)


def test_a_marker_in_a_frame_in_a_frame_is_where_opensim_has_it(built_models):
    path = built_models["nested frames"]
    skeleton = read_osim(path)
    theirs = client.marker_positions(path, skeleton.coordinate_names, np.array([[0.7]]))["in_a_frame"][0]
    marker = skeleton.markers[0]
    state = segment_states(skeleton, [0.7])[skeleton.segment_index(marker.segment)]
    np.testing.assert_allclose(np.array(state.origin) + np.array(state.rotation) @ marker.offset, theirs, atol=1e-12)


def test_contact_and_muscles_are_described_in_full(data_dir):
    description = read_description(data_dir / "falisse_walk_cycle/Hamner_modified_scaled.osim")
    force = description["contact_forces"][0]
    assert force["sets"][0]["geometries"] == [force["connected_to"]["sphere"], "floor"]
    assert force["sets"][0]["stiffness"] == 1e6 and force["parameters"]["transition_velocity"] == 0.2
    floor = next(g for g in description["contact_geometry"] if g["type"] == "ContactHalfSpace")
    normal = -np.array(floor["orientation"])[:, 0]  # a half space fills the side of its own x axis
    np.testing.assert_allclose(normal, [0.0, 1.0, 0.0], atol=1e-6)
    for orientation in (g["orientation"] for g in description["contact_geometry"]):
        np.testing.assert_allclose(np.array(orientation) @ np.array(orientation).T, np.eye(3), atol=1e-12)
    points = [p for m in description["muscles"] for p in m["path"]["points"]]
    assert {p["type"] for p in points} == {"PathPoint", "ConditionalPathPoint", "MovingPathPoint"}
    moving = next(p for p in points if p["type"] == "MovingPathPoint")
    assert len(moving["functions"]) == 3 and all("coefficients" in f for f in moving["functions"])
    assert all(0.02 < m["tendon_strain"] < 0.1 for m in description["muscles"])


def test_millards_tendon_strain_is_the_tendons_own(data_dir):
    description = read_description(data_dir / RAJAGOPAL)
    assert {m["tendon_strain"] for m in description["muscles"]} == {0.049}
    assert sum(len(m["path"]["wraps"]) for m in description["muscles"]) == 46
    cylinder = description["wraps"][0]
    assert cylinder["type"] == "WrapCylinder" and set(cylinder["dimensions"]) == {"radius", "length"}


def test_a_loop_is_refused():
    joint = {"name": "a", "parent": "ground", "child": "b", "axes": []}
    identity = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    plain = dict.fromkeys(("parent_offset", "child_offset"), (0.0, 0.0, 0.0))
    joint |= plain | {"parent_orientation": identity, "child_orientation": identity}
    body = {"name": "b", "mass": 1.0, "centre_of_mass": (0.0, 0.0, 0.0), "inertia": (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)}
    empty = {k: [] for k in ("coordinates", "couplers", "markers", "contact_geometry", "muscles", "unsupported")}
    description = empty | {"name": "loop", "gravity": (0, -9.81, 0), "bodies": [body], "joints": [joint, dict(joint)]}
    with pytest.raises(ModelMismatch, match="two joints"):
        skeleton_from_description(description, "loop.osim")


def test_rotating_inertia_is_not_forgotten(tmp_path):
    """Products of inertia reach OpenSim and come back."""
    skeleton = planar_skeleton(PERSON)
    tilted = replace(skeleton.segments[0], inertia=(0.1, 0.2, 0.15, 0.01, 0.02, -0.01))
    skeleton = replace(skeleton, segments=(tilted, *skeleton.segments[1:]))
    client.build_model(skeleton, tmp_path / "tilted.osim")
    assert read_osim(tmp_path / "tilted.osim").segments[0].inertia == pytest.approx(tilted.inertia)
