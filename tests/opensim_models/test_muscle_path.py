"""Muscle paths: polynomials give lengths and arms of closed forms and of OpenSim's muscles, for any scalar."""

import math
from dataclasses import asdict, replace

import casadi as ca
import numpy as np
import pytest
import torch

from benchmarks.peers.compared_models import compared_models
from opensim_models.model.contact_sphere import scaled_contacts
from opensim_models.model.muscle_path import (
    MusclePath,
    beyond_range,
    length_and_arms,
    lengths_and_arms,
    path_from_plain,
    path_with_held,
    whole_ranges,
)
from opensim_models.model.osim_skeleton import read_description, read_osim
from opensim_models.model.skeleton import load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.gait_range import gait_ranges
from opensim_models.muscle.path_fit import FitSettings, fit_muscle_paths, with_muscle_paths
from opensim_models.muscle.path_polynomial import (
    PathEquations,
    chebyshev_design,
    powers_of_chebyshev,
    total_degree_exponents,
)
from opensim_models.muscle.path_sample import crossed_coordinates, lengths_and_slopes, spread_poses
from opensim_models.osim import muscle_client

TEN = "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim"
RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
HAMNER = "hamner_running/final.osim"
MANY_FORCES = (0.001, -0.04, 0.3)
"""Coefficients as they stand in `opensim_built_models`, highest power first."""
FEW = FitSettings(poses=512, check_poses=128)
RNG = np.random.default_rng(3)


def straight(angle, a=0.3, b=0.04):
    """A straight muscle over a hinge, from a above it to b beside it: length and arm by the law of cosines."""
    length = np.sqrt(a * a + b * b + 2 * a * b * np.cos(angle))
    return length, a * b * np.sin(angle) / length


def fitted_hinge(degree=10, n=60):
    """The polynomial of the straight muscle between 0.3 and 2 rad, fitted to lengths and arms."""
    lower, upper = 0.3, 2.0
    scaled = np.linspace(-1, 1, n)[:, None]
    length, arm = straight(0.5 * (lower + upper) + 0.5 * (upper - lower) * scaled[:, 0])
    exponents = np.array(total_degree_exponents(1, degree))
    equations = PathEquations(exponents, np.array([0.5 * (upper - lower)]), 1e-3, 1e-3)
    equations.add(scaled, length[:, None], arm[:, None, None])
    powers = powers_of_chebyshev(exponents, equations.solve(len(exponents)))
    return MusclePath("m", ("q",), tuple(map(tuple, exponents.tolist())), tuple(powers[:, 0]), ((lower, upper),))


def two_coordinates(split=None):
    """A path of two coordinates with arbitrary coefficients."""
    exponents = total_degree_exponents(2, 4)
    coefficients = tuple(np.random.default_rng(8).normal(size=len(exponents)))
    path = MusclePath("m", ("a", "b"), exponents, coefficients, ((-0.5, 1.0), (0.2, 0.9)))
    if split is None:
        return path
    return replace(path, split=("a", split), beyond=replace(path, coefficients=coefficients[::-1]))


def test_a_straight_muscle_over_a_hinge_has_its_closed_form():
    path = fitted_hinge()
    angles = RNG.uniform(0.3, 2.0, 50)
    length, (arm,) = length_and_arms(path, [angles])
    np.testing.assert_allclose(length, straight(angles)[0], atol=1e-7)
    np.testing.assert_allclose(arm, straight(angles)[1], atol=1e-6)


def test_arms_are_minus_the_slopes_of_length():
    """Force, arm and shortening agree in work."""
    path, step = two_coordinates(), 1e-5
    at = np.array([0.3, 0.5])
    _, arms = length_and_arms(path, at)
    for j in range(2):
        ahead, behind = (length_and_arms(path, at + sign * step * np.eye(2)[j])[0] for sign in (1, -1))
        assert arms[j] == pytest.approx(-(ahead - behind) / (2 * step), rel=1e-7)


def test_a_polynomial_is_found_again_exactly():
    path = two_coordinates()
    exponents = np.array(path.exponents)
    scaled = RNG.uniform(-1, 1, (80, 2))
    lower, upper = np.array(path.ranges).T
    length, arms = length_and_arms(path, list((0.5 * (lower + upper) + 0.5 * (upper - lower) * scaled).T))
    equations = PathEquations(exponents, 0.5 * (upper - lower), 1.0, 1.0)
    known = np.stack(arms, axis=1)[:, None, :]
    known[3, 0, 1] = np.nan  # an arm that is not known is not missed
    equations.add(scaled, length[:, None], known)
    found = powers_of_chebyshev(exponents, equations.solve(len(exponents)))[:, 0]
    np.testing.assert_allclose(found, path.coefficients, atol=1e-5)


def test_slopes_of_the_design_are_those_of_its_values():
    exponents, at, step = np.array(total_degree_exponents(3, 5)), RNG.uniform(-0.9, 0.9, (4, 3)), 1e-6
    slopes = chebyshev_design(exponents, at)[1]
    for j in range(3):
        ahead, behind = (chebyshev_design(exponents, at + sign * step * np.eye(3)[j])[0] for sign in (1, -1))
        np.testing.assert_allclose(slopes[j], (ahead - behind) / (2 * step), atol=1e-7)


def test_exponents_of_a_degree_start_those_of_a_higher():
    low, high = total_degree_exponents(3, 3), total_degree_exponents(3, 5)
    assert high[: len(low)] == low and len(high) == math.comb(8, 3) and len(set(high)) == len(high)


@pytest.mark.parametrize("split", [None, 0.1])
def test_every_scalar_gives_the_same(split):
    path = two_coordinates(split)
    for at in ([0.3, 0.5], [-0.2, 0.8]):
        length, arms = length_and_arms(path, at)
        many, turned = lengths_and_arms([path], ["b", "x", "a"], np.array([[at[1], 9.0, at[0]]]))
        assert many[0, 0] == pytest.approx(length, rel=1e-12)
        np.testing.assert_allclose(turned[0, 0], [arms[1], 0.0, arms[0]], rtol=1e-12)
        symbols = ca.SX.sym("q", 2)
        wanted = length_and_arms(path, ca.vertsplit(symbols))
        by_casadi = ca.Function("f", [symbols], [ca.vertcat(wanted[0], *wanted[1])])(at)
        np.testing.assert_allclose(np.array(by_casadi).ravel(), [length, *arms], rtol=1e-12)
        by_torch = length_and_arms(path, torch.tensor(at, dtype=torch.float64).unbind())
        np.testing.assert_allclose([float(by_torch[0]), *map(float, by_torch[1])], [length, *arms], rtol=1e-12)


def test_muscles_of_different_degree_are_evaluated_together():
    high = two_coordinates()
    low = replace(high, exponents=high.exponents[:6], coefficients=high.coefficients[:6])
    values = RNG.uniform(0.2, 0.9, (7, 2))
    lengths, arms = lengths_and_arms([low, high], ["a", "b"], values)
    for i, path in enumerate((low, high)):
        length, arm = length_and_arms(path, list(values.T))
        np.testing.assert_allclose(lengths[:, i], length, rtol=1e-12)
        np.testing.assert_allclose(arms[:, i], np.stack(arm, axis=1), rtol=1e-12)


def test_a_path_survives_json_and_says_where_it_holds():
    path = two_coordinates(0.1)
    path = replace(path, beyond=replace(path.beyond, ranges=((0.1, 1.4), (0.2, 0.9))), jumps=("somewhere",))
    assert path_from_plain(asdict(path)) == path
    assert whole_ranges(path) == ((-0.5, 1.4), (0.2, 0.9))
    assert beyond_range([path], ["a", "b"], np.array([[1.3, 0.5], [1.5, 0.5]])) == {"a": 0.5}


@pytest.mark.parametrize("split", [None, 0.1])
def test_a_held_coordinate_leaves_the_same_length(split):
    path = two_coordinates(split)
    for held, free, at in (("b", "a", 0.3), ("a", "b", 0.5), ("a", "b", 0.8)):
        fewer = path_with_held(path, {held: 0.4, "other": 1.0})
        assert fewer.coordinates == (free,)
        whole = {held: 0.4, free: at}
        length, arms = length_and_arms(path, [whole["a"], whole["b"]])
        assert length_and_arms(fewer, [at])[0] == pytest.approx(length, rel=1e-12)
        assert length_and_arms(fewer, [at])[1] == pytest.approx((arms[path.coordinates.index(free)],), rel=1e-12)


def test_paths_with_terms_in_another_order_are_evaluated_apart():
    path = two_coordinates()
    order = sorted(path.exponents, key=lambda e: (sum(e), e))
    turned = replace(
        path,
        exponents=tuple(order),
        coefficients=tuple(path.coefficients[path.exponents.index(e)] for e in order),
    )
    lengths, _ = lengths_and_arms([path, turned], ["a", "b"], RNG.uniform(0.2, 0.9, (5, 2)))
    np.testing.assert_allclose(lengths[:, 0], lengths[:, 1], rtol=1e-12)


def test_a_path_that_is_a_function_in_the_model_is_found_again(built_models):
    """OpenSim's own polynomial: 0.3 - 0.04 x + 0.001 x² of a hinge."""
    (path,) = fit_muscle_paths(built_models["many forces"], muscles=["fitted"], settings=FEW)
    assert path.coordinates == ("hinge_0",) and path.length_error < 1e-5
    (length,), (arm,) = length_and_arms(path, [np.array([0.5])])
    assert length == pytest.approx(np.polyval(MANY_FORCES, 0.5), abs=2e-5)
    assert arm[0] == pytest.approx(-np.polyval(np.polyder(MANY_FORCES), 0.5), abs=2e-4)


def test_missing_coordinates_are_named():
    with pytest.raises(ModelMismatch, match="crosses b"):
        lengths_and_arms([two_coordinates()], ["a"], np.zeros((3, 1)))
    with pytest.raises(ModelMismatch, match="expected 2 values"):
        length_and_arms(two_coordinates(), [0.0])


def test_poses_of_both_sides_are_alike_unless_a_muscle_crosses_both():
    poses = spread_poses({"m": ("hip_r",), "n": ("hip_l", "trunk")}, 32, 1)
    np.testing.assert_array_equal(poses["hip_r"], poses["hip_l"])
    assert not np.allclose(poses["hip_r"], poses["trunk"])
    poses = spread_poses({"m": ("hip_r", "hip_l")}, 32, 1)
    assert not np.allclose(poses["hip_r"], poses["hip_l"])


def test_the_gait_range_has_the_models_own_signs(data_dir):
    up, down = (gait_ranges(read_osim(data_dir / model))["knee_angle_r"] for model in (RAJAGOPAL, TEN))
    assert up == pytest.approx((0.0, math.radians(125)))  # the model's own limit
    assert down == pytest.approx((math.radians(-120), math.radians(5)))


def own_errors(path, skeleton, fitted, n=40):
    """RMS (m) of lengths and arms against OpenSim at new poses on this side of jumps: worst muscle of each."""
    ranges = gait_ranges(skeleton)
    crossed = {p.name: p.coordinates for p in fitted}
    poses = spread_poses(crossed, n, 99)
    names = list(poses)
    lower, upper = np.array([ranges[name] for name in names]).T
    scaled = np.stack([poses[name] for name in names], axis=1)
    values = 0.5 * (lower + upper) + 0.5 * (upper - lower) * scaled
    theirs, slopes = lengths_and_slopes(path, names, values, crossed)
    lengths, arms = lengths_and_arms(fitted, names, values)
    off, turned = [], []
    for i, p in enumerate(fitted):
        near = np.abs(lengths[:, i] - theirs[:, i]) < (1.5e-3 if p.jump_share else np.inf)
        off.append(np.sqrt(np.mean((lengths[near, i] - theirs[near, i]) ** 2)))
        own = arms[:, i, [names.index(name) for name in p.coordinates]]
        turned.append(np.sqrt(np.nanmean((own[near] - slopes[i][near]) ** 2, axis=0)).max())
        assert near.mean() >= 1.0 - 2.0 * p.jump_share - 0.05
    return max(off), max(turned)


@pytest.fixture(scope="module")
def ten_paths(data_dir):
    """The fitted muscles of gait10dof18musc: fixed, conditional and moving points."""
    return fit_muscle_paths(data_dir / TEN, settings=FEW)


def test_muscles_of_a_planar_model_meet_the_goal(data_dir, ten_paths):
    length, arm = own_errors(data_dir / TEN, read_osim(data_dir / TEN), ten_paths)
    assert length <= 0.5e-3 and arm <= 1e-3
    assert max(p.length_error for p in ten_paths) <= 0.5e-3 and max(p.arm_error for p in ten_paths) <= 1e-3
    assert next(p for p in ten_paths if p.name == "gastroc_r").coordinates == ("knee_angle_r", "ankle_angle_r")


def test_arms_are_opensims_own_where_nothing_wraps(data_dir, ten_paths):
    names = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r")
    values = np.column_stack([RNG.uniform(*r, 10) for r in ((-0.4, 1.0), (-1.2, 0.0), (-0.4, 0.4))])
    theirs = muscle_client.muscle_moment_arms(data_dir / TEN, names, values, names)
    slopes = lengths_and_slopes(data_dir / TEN, list(names), values, {p.name: names for p in ten_paths})[1]
    np.testing.assert_allclose(np.stack(slopes, axis=1), theirs, atol=5e-5)


def test_some_muscles_of_a_wrapping_model_meet_the_goal(data_dir):
    """Wraps, and a knee whose patella follows by a coupler."""
    path, some = data_dir / RAJAGOPAL, ("recfem_r", "semimem_r", "psoas_r", "vasint_r", "soleus_r")
    fitted = fit_muscle_paths(path, muscles=some, settings=FEW)
    assert [p.name for p in fitted] == [m["name"] for m in read_description(path)["muscles"] if m["name"] in some]
    length, arm = own_errors(path, read_osim(path), fitted)
    assert length <= 0.5e-3 and arm <= 1e-3
    psoas = next(p for p in fitted if p.name == "psoas_r")
    assert 0 < psoas.jump_share < 0.05 and "jumps by" in psoas.jumps[0]
    assert psoas.length_error_with_jumps > psoas.length_error


def test_a_point_that_comes_and_goes_makes_two_polynomials(data_dir):
    (psoas,) = fit_muscle_paths(data_dir / HAMNER, muscles=["psoas_r"], settings=FEW)
    assert psoas.split == ("hip_flexion_r", pytest.approx(math.pi / 4)) and psoas.beyond is not None
    assert psoas.length_error <= 0.5e-3 and psoas.arm_error <= 1e-3
    names, at = psoas.coordinates, np.array([[math.pi / 4 - 0.01, -0.2, -0.3], [math.pi / 4 + 0.01, -0.2, -0.3]])
    theirs = muscle_client.muscle_lengths(data_dir / HAMNER, names, at, ["psoas_r"])
    assert abs(theirs[1, 0] - theirs[0, 0]) > 2e-3  # it is OpenSim that jumps
    np.testing.assert_allclose(lengths_and_arms([psoas], names, at)[0], theirs, atol=3e-4)


def test_a_fit_is_remembered_and_a_damaged_memory_is_made_anew(data_dir, ten_paths, monkeypatch):
    def refused(*_):
        raise AssertionError("OpenSim is asked again")

    monkeypatch.setattr(muscle_client, "muscle_lengths", refused)
    assert fit_muscle_paths(data_dir / TEN, settings=FEW) == ten_paths
    with pytest.raises(AssertionError):
        fit_muscle_paths(data_dir / TEN, settings=replace(FEW, seed=5))


def test_muscles_are_crossed_only_where_their_bodies_move(data_dir):
    skeleton, description = read_osim(data_dir / TEN), read_description(data_dir / TEN)
    found = crossed_coordinates(data_dir / TEN, skeleton, description, gait_ranges(skeleton), np.random.default_rng(0))
    assert found["soleus_r"] == ("ankle_angle_r",)
    assert found["rect_fem_l"] == ("hip_flexion_l", "knee_angle_l")


def test_a_model_without_muscles_and_a_wrong_name_are_refused(data_dir, built_models):
    with pytest.raises(ModelMismatch, match="no muscles"):
        fit_muscle_paths(built_models["every simple joint"])
    with pytest.raises(ModelMismatch, match="no muscle nonsense"):
        fit_muscle_paths(data_dir / TEN, muscles=["nonsense"])
    with pytest.raises(ModelMismatch, match="nonsense"):
        muscle_client.muscle_lengths(data_dir / TEN, ["knee_angle_r"], np.zeros((1, 1)), ["nonsense"])


def test_a_skeleton_keeps_its_muscles_and_contacts(data_dir, tmp_path, ten_paths):
    skeleton = with_muscle_paths(read_osim(data_dir / TEN), ten_paths)
    assert len(skeleton.muscles) == 18 and all(m.path is not None for m in skeleton.muscles)
    soleus = next(m for m in skeleton.muscles if m.name == "soleus_r")
    assert soleus.max_isometric_force == 5137.0 and soleus.tendon_strain == 0.049
    assert soleus.tendon_stiffness == pytest.approx(5137.0 / (0.049 * soleus.tendon_slack_length))
    save_skeleton(skeleton, tmp_path / "ten.json")
    assert load_skeleton(tmp_path / "ten.json") == skeleton


def test_contact_spheres_stand_on_their_plane(data_dir, tmp_path):
    skeleton = read_osim(data_dir / "falisse_walk_cycle/Hamner_modified_scaled.osim")
    assert len(skeleton.contacts) == 12 and len(skeleton.planes) == 1
    (floor,) = skeleton.planes
    np.testing.assert_allclose(floor.normal, (0.0, 1.0, 0.0), atol=1e-6)
    sphere = skeleton.contacts[0]
    assert sphere.segment == "calcn_r" and sphere.plane == floor.name == "floor" and sphere.radius == 0.032
    assert (sphere.stiffness, sphere.dissipation, sphere.transition_velocity) == (1e6, 2.0, 0.2)
    (twice,) = scaled_contacts([sphere], {"calcn_r": (2.0, 2.0, 2.0)})
    assert twice.radius == pytest.approx(0.064) and twice.offset == tuple(2 * x for x in sphere.offset)
    save_skeleton(skeleton, tmp_path / "contact.json")
    assert load_skeleton(tmp_path / "contact.json") == skeleton


@pytest.mark.slow
def test_muscles_of_every_shared_model_meet_the_goal(data_dir, tmp_path):
    models, _ = compared_models(data_dir, tmp_path)
    counted = 0
    for name, (path, skeleton) in models.items():
        if skeleton.muscles and not name.startswith("built"):
            fitted = fit_muscle_paths(path)
            counted += len(fitted)
            assert max(p.length_error for p in fitted) <= 0.5e-3, name
            assert max(p.arm_error for p in fitted) <= 1e-3, name
            length, arm = own_errors(path, skeleton, fitted, 200)
            assert length <= 0.6e-3 and arm <= 1.3e-3, name  # fewer poses than the fit is judged by
    assert counted == 632
