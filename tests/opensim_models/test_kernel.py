"""The compiled kernels say what the readable mechanics say, and their derivatives are those of their values."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.inverse.marker_least_squares import MarkerProblem, marker_jacobian, model_markers
from opensim_models.kernel import compilation
from opensim_models.kernel.dynamics import newton_euler, sensed
from opensim_models.kernel.kinematics import link_poses
from opensim_models.kernel.linkage import linkage
from opensim_models.kernel.marker_cost import cost, derive, derive_gradient, workspace
from opensim_models.kernel.marker_fit import solve_again, solve_step
from opensim_models.kernel.preparation import prepare_kernels
from opensim_models.kernel.trial_fit import coordinate_uncertainty, fit_problem
from opensim_models.kernel.uniform_spline import spline_derivatives
from opensim_models.model.multibody import inverse_dynamics, segment_states, specific_force
from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton, SkeletonMarker
from opensim_models.model.vector import over_frames

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)
BEND = PiecewisePolynomial((-0.5, 0.2, 0.9), ((0.1, 0.3, 0.2), (0.05, 0.4, -0.3), (0.2, -0.1, 0.5), (0.3, 0.2, 0.0)))
TILT = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))


def every_kind_of_joint():
    """A tree with splines, a chain of functions, constants, a welded segment, a shared coordinate and odd axes."""
    oblique = tuple(np.array([1.0, 2.0, -0.5]) / np.linalg.norm([1.0, 2.0, -0.5]))
    root = (
        JointElement("translation", (1.0, 0.0, 0.0), 0),
        JointElement("translation", (0.0, 1.0, 0.0), 1),
        JointElement("rotation", (0.0, 0.0, 1.0), 2),
        JointElement("rotation", (1.0, 0.0, 0.0), 3),
        JointElement("rotation", (0.0, 1.0, 0.0), 4),
    )
    knee = (
        JointElement("translation", (1.0, 0.0, 0.0), 5, (BEND,)),
        JointElement("translation", (0.0, 1.0, 0.0), -1, (Polynomial((0.03,)),)),
        JointElement("rotation", oblique, 5),
        JointElement("rotation", (0.0, 1.0, 0.0), 5, (Polynomial((0.0, 0.5, 0.3)), BEND)),
        JointElement("rotation", (1.0, 0.0, 0.0), -1, (Polynomial((0.2,)),)),
    )
    other = (JointElement("rotation", oblique, 6), JointElement("translation", (0.0, 0.0, 1.0), 5, (BEND,)))
    heavy = {"mass": 3.0, "centre_of_mass": (0.02, -0.2, 0.01), "inertia": (0.05, 0.02, 0.06, 0.003, -0.002, 0.001)}
    turned = {"orientation": TILT, "child_offset": (0.01, 0.1, -0.02), "child_orientation": TILT}
    segments = (
        Segment("pelvis", -1, (0.1, 0.0, 0.2), elements=root, **heavy),
        Segment("thigh", 0, (0.0, -0.1, 0.1), elements=knee, **turned, **heavy),
        Segment("plate", 1, (0.0, -0.4, 0.0), **turned, **heavy),
        Segment("arm", 0, (0.0, 0.4, 0.2), elements=other, **heavy),
    )
    names = ("tx", "ty", "rz", "rx", "ry", "knee", "arm")
    coordinates = tuple(Coordinate(n, "translation" if n in ("tx", "ty") else "rotation") for n in names)
    places = {
        "pelvis": (0.1, 0.05, 0.1),
        "thigh": (0.05, -0.3, 0.02),
        "plate": (0.1, -0.1, 0.05),
        "arm": (0.0, -0.3, 0.1),
    }
    markers = [
        SkeletonMarker(f"{name}{k}", name, tuple(np.array(place) * sign))
        for name, place in places.items()
        for k, sign in enumerate(((1, 1, 1), (-1, 1, 1), (1, -1, 0.5)))
    ]
    return Skeleton("odd", coordinates, segments, tuple(markers))


SKELETONS = {
    "odd": every_kind_of_joint(),
    "spatial": lower_body_skeleton(PERSON),
    "planar": planar_skeleton(PERSON),
}
each_skeleton = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS.keys())


def states(skeleton, n=30, seed=3):
    rng = np.random.default_rng(seed)
    size = (n, len(skeleton.coordinates))
    return rng.uniform(-1.2, 1.2, size), rng.normal(0.0, 3.0, size), rng.normal(0.0, 20.0, size)


@each_skeleton
def test_links_are_where_the_segments_are(skeleton):
    q, _, _ = states(skeleton)
    flat = linkage(skeleton)
    R, p = link_poses(flat.links, q)
    for i, state in enumerate(segment_states(skeleton, list(q.T))):
        link = flat.segment_link[i]
        np.testing.assert_allclose(
            p[:, link] + R[:, link] @ flat.segment_offset[i], over_frames(state.origin, 30), atol=1e-13
        )
        rotation = np.stack([over_frames(row, 30) for row in state.rotation], axis=1)
        np.testing.assert_allclose(R[:, link] @ flat.segment_rotation[i], rotation, atol=1e-13)


@each_skeleton
def test_newton_euler_agrees_with_the_readable_recursion_under_loads(skeleton):
    q, qd, qdd = states(skeleton)
    flat = linkage(skeleton)
    rng = np.random.default_rng(5)
    moving = segment_states(skeleton, list(q.T), list(qd.T), list(qdd.T))
    loaded = [len(skeleton.segments) - 1, 1]
    loads, wrenches = {}, []
    for i in loaded:
        force, moment = rng.normal(0, 500, (30, 3)), rng.normal(0, 100, (30, 3))
        loads[i] = (tuple(force.T), tuple(moment.T))
        wrenches.append(np.hstack([force, moment + np.cross(over_frames(moving[i].origin, 30), force)]))
    expected = over_frames(inverse_dynamics(skeleton, moving, loads), 30)
    links = np.array([flat.segment_link[i] for i in loaded])
    gravity = np.array(skeleton.gravity)
    found, base = newton_euler(flat.links, gravity, q, qd, qdd, links, np.stack(wrenches, 1).copy(), 0, np.zeros(3))
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    along = next(e for e in skeleton.segments[0].elements if e.kind == "translation")
    np.testing.assert_allclose(base[:, :3] @ along.axis, expected[:, along.coordinate], atol=1e-9)


def test_an_unknown_load_leaves_the_other_branch_alone():
    skeleton = SKELETONS["spatial"]
    q, qd, qdd = states(skeleton)
    flat = linkage(skeleton)
    foot = np.array([flat.segment_link[skeleton.segment_index("calcn_r")]])
    loads = np.zeros((30, 1, 6))
    loads[4] = np.nan
    found, base = newton_euler(flat.links, np.array(skeleton.gravity), q, qd, qdd, foot, loads, 0, np.zeros(3))
    unknown = {name for name, column in zip(skeleton.coordinate_names, found.T, strict=True) if np.isnan(column[4])}
    assert {"hip_flexion_r", "knee_angle_r", "ankle_angle_r", "pelvis_tx"} <= unknown
    assert not any(name.endswith("_l") or name.startswith("lumbar") for name in unknown)
    assert np.isfinite(np.delete(found, 4, axis=0)).all()
    assert np.isnan(base[4]).all()


@each_skeleton
def test_a_point_senses_what_the_readable_mechanics_say(skeleton):
    q, qd, qdd = states(skeleton)
    flat = linkage(skeleton)
    i, offset = len(skeleton.segments) - 1, (0.02, -0.1, 0.03)
    moving = segment_states(skeleton, list(q.T), list(qd.T), list(qdd.T))[i]
    link = np.array([flat.segment_link[i]])
    point = flat.on_link(i, np.array(offset))[None]
    acceleration, velocity = sensed(flat.links, np.array(skeleton.gravity), q, qd, qdd, link, point)
    turn = flat.segment_rotation[i]
    np.testing.assert_allclose(acceleration[:, 0] @ turn, over_frames(specific_force(moving, offset), 30), atol=1e-10)
    np.testing.assert_allclose(velocity[:, 0] @ turn, over_frames(moving.angular_velocity, 30), atol=1e-12)


def problem_of(skeleton, seed=1):
    """Unequal weights of markers and axes, priors on everything."""
    rng = np.random.default_rng(seed)
    n_q, m = len(skeleton.coordinates), len(skeleton.markers)
    return MarkerProblem(
        skeleton,
        skeleton.markers,
        tuple(skeleton.segment_index(k.segment) for k in skeleton.markers),
        np.array([k.offset for k in skeleton.markers]),
        rng.uniform(0.5, 2.0, (m, 3)),
        np.zeros(n_q),
        rng.uniform(0.0, 0.2, n_q),
        np.full(n_q, -np.inf),
        np.full(n_q, np.inf),
        np.ones(n_q, dtype=bool),
    )


@each_skeleton
def test_gradient_and_hessian_are_those_of_the_cost(skeleton):
    problem = problem_of(skeleton)
    links, flat = linkage(skeleton).links, fit_problem(problem)
    q = states(skeleton)[0][0]
    target = model_markers(problem, q[None] + 0.1)[0][0]
    target[2] = np.nan
    origin = np.array([-0.3, -0.8, 0.1])
    work = workspace(links, flat)

    def at(q):
        value = cost(links, flat, work, q, target, origin)
        derive(links, flat, work, q, target, True)
        lower = np.tril(work.hessian)
        return value, 2.0 * work.gradient.copy(), 2.0 * (lower + np.tril(lower, -1).T)

    _, gradient, hessian = at(q)
    step = 1e-5
    for column, j in enumerate(flat.coordinate):
        sides = []
        for sign in (1.0, -1.0):
            moved = q.copy()
            moved[j] += sign * step
            sides.append(at(moved))
        slope = (sides[0][0] - sides[1][0]) / (2 * step)
        bend = (sides[0][1] - sides[1][1]) / (2 * step)
        np.testing.assert_allclose(gradient[column], slope, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(hessian[column], bend, rtol=1e-5, atol=1e-5 * np.abs(hessian).max())


@each_skeleton
def test_the_gradient_alone_is_that_of_the_whole_and_the_factors_serve_it(skeleton):
    problem = problem_of(skeleton)
    links, flat = linkage(skeleton).links, fit_problem(problem)
    q = states(skeleton)[0][0]
    target = model_markers(problem, q[None] + 0.1)[0][0]
    target[2] = np.nan
    work = workspace(links, flat)
    origin = np.array([-0.3, -0.8, 0.1])
    work.fixed[:] = np.arange(len(work.fixed)) % 5 == 1
    cost(links, flat, work, q, target, origin)
    derive(links, flat, work, q, target, False)
    assert solve_step(flat, work, 0.0)
    lower, free = work.hessian.copy(), ~work.fixed
    cost(links, flat, work, q + 0.02, target, origin)
    derive_gradient(links, flat, work, q + 0.02, target)
    alone = work.gradient.copy()
    solve_again(flat, work)
    step = work.step.copy()
    derive(links, flat, work, q + 0.02, target, False)
    np.testing.assert_allclose(alone, work.gradient, rtol=1e-10, atol=1e-10 * np.abs(alone).max())
    whole = (np.tril(lower) + np.tril(lower, -1).T)[np.ix_(free, free)]
    assert (step[~free] == 0.0).all()
    np.testing.assert_allclose(step[free], np.linalg.solve(whole, -alone[free]), rtol=1e-6, atol=1e-9)


@each_skeleton
def test_gauss_newton_matrix_is_that_of_the_readable_jacobian(skeleton):
    problem = problem_of(skeleton)
    q = states(skeleton)[0][:1]
    points, moving = model_markers(problem, q)
    jacobian = marker_jacobian(problem, moving, points)[0].reshape(-1, len(problem.prior))
    links, flat = linkage(skeleton).links, fit_problem(problem)
    work = workspace(links, flat)
    cost(links, flat, work, q[0], points[0] + 0.05, np.zeros(3))
    derive(links, flat, work, q[0], points[0] + 0.05, False)
    expected = jacobian.T @ (problem.weights.reshape(-1, 1) * jacobian) + np.diag(problem.prior)
    order = flat.coordinate
    np.testing.assert_allclose(np.tril(work.hessian), np.tril(expected[np.ix_(order, order)]), atol=1e-11)


def test_uncertainty_grows_with_the_spread_of_the_markers():
    skeleton = SKELETONS["odd"]
    problem = replace(problem_of(skeleton), weights=np.full((len(skeleton.markers), 3), 1.0 / 0.01**2))
    q = states(skeleton)[0][:4]
    points = model_markers(problem, q)[0]
    once = coordinate_uncertainty(problem, points, q)
    twice = coordinate_uncertainty(replace(problem, weights=problem.weights / 4.0), points, q)
    np.testing.assert_allclose(twice, 2.0 * once, rtol=1e-4)


@pytest.mark.parametrize("n", [6, 7, 40])
def test_uniform_spline_is_the_natural_quintic_spline(n):
    values = np.random.default_rng(n).normal(size=(n, 3))
    ends = [(3, np.zeros(3)), (4, np.zeros(3))]
    spline = make_interp_spline(np.arange(n) / 50.0, values, k=5, bc_type=(ends, ends))
    for found, order in zip(spline_derivatives(values, 50.0), (1, 2), strict=True):
        expected = spline(np.arange(n) / 50.0, order)
        np.testing.assert_allclose(found, expected, atol=1e-11 * np.abs(expected).max())


def test_acceleration_of_a_sine_is_accurate_to_the_fourth_order():
    errors = []
    for rate in (50.0, 100.0):
        time = np.arange(round(4 * rate)) / rate
        second = spline_derivatives(np.sin(10 * time)[:, None], rate)[1][:, 0]
        middle = slice(round(rate), round(3 * rate))
        errors.append(np.abs(second + 100 * np.sin(10 * time))[middle].max())
    assert errors[0] / errors[1] > 2**3.8


def test_compiling_is_said_once_and_stored_kernels_are_silent(caplog, monkeypatch, tmp_path):
    class Kernel:
        signatures = ()

        @staticmethod
        def py_func():
            """Stands for a kernel."""

    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    with caplog.at_level(logging.WARNING):
        assert compilation.announce_compilation(Kernel, "test", 3)
    assert "compiling the test kernels, once per installation, about 3 s" in caplog.text
    (tmp_path / f"file.{Kernel.py_func.__qualname__}-12.py311.nbi").touch()
    assert not compilation.announce_compilation(Kernel, "test", 3)


def test_kernels_can_be_kept_where_the_installation_is_read_only(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()  # a folder cannot be made below a file, not even by root
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    compilation.cache_folder.cache_clear()
    try:
        assert compilation.cache_folder().is_relative_to(tmp_path / "user")
    finally:
        monkeypatch.undo()
        compilation.cache_folder.cache_clear()


def test_preparation_leaves_nothing_to_compile(caplog):
    prepare_kernels()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        prepare_kernels()
    assert not caplog.records
