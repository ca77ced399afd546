"""The smoother: its limits, its symmetry, its matrix, its covariance against draws, and what is missing or wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY
from training.orientation.smoother import UnsettledSmoother, smooth_orientation
from training.orientation.smoother_kernel import assemble, inverse_blocks, solve
from training.orientation.strap_down import integrate_angular_velocity
from training.orientation.turn_kernel import exponential, inverse_jacobian_into, logarithm

RATE = 100.0
UP = np.array([0.0, 1.0, 0.0])


def leg(n, rng=None):
    """A swinging shank and its angular velocity (rad/s), exact for the published rule."""
    t = np.arange(n) / RATE
    velocity = np.stack([0.8 * np.sin(8 * t), 0.5 * np.cos(9 * t), 4.0 * np.sin(8.5 * t + 0.4)], axis=1)
    return integrate_angular_velocity(Rotation.from_euler("y", 0.3), velocity, RATE, rule="later"), velocity


def coloured(n, deviation, time, rng):
    """A stationary first-order Markov error (n, 3) with the SD and the time constant (s)."""
    a = np.exp(-1.0 / (RATE * time)) if time else 0.0
    error = rng.normal(0, deviation, (n, 3))
    for k in range(1, n):
        error[k] = a * error[k - 1] + np.sqrt(1 - a * a) * error[k]
    return error


def angle(first, second):
    return (first.inv() * second).magnitude()


def test_an_infinitely_weak_prior_leaves_strap_down_integration():
    rng = np.random.default_rng(0)
    true, velocity = leg(400)
    measured = velocity + rng.normal(0, 0.2, velocity.shape)
    prior = true * Rotation.from_rotvec(rng.normal(0, 0.1, (400, 3)))
    anchored = np.zeros(400, dtype=bool)
    anchored[0] = True
    for rule in ("mean", "later"):
        found = smooth_orientation(
            measured, RATE, prior, prior_deviation=1e-3, gyroscope_deviation=1e-2, prior_known=anchored, rule=rule
        )
        assert angle(found.orientation, integrate_angular_velocity(prior[0], measured, RATE, rule=rule)).max() < 1e-7
    weak = smooth_orientation(measured, RATE, prior, prior_deviation=1e3, gyroscope_deviation=1e-4, rule="later")
    chain = integrate_angular_velocity(weak.orientation[0], measured, RATE, rule="later")
    assert angle(weak.orientation, chain).max() < 1e-5


def test_a_worthless_gyroscope_leaves_the_prior():
    rng = np.random.default_rng(1)
    true, velocity = leg(200)
    prior = true * Rotation.from_rotvec(rng.normal(0, 0.2, (200, 3)))
    found = smooth_orientation(velocity, RATE, prior, prior_deviation=1e-3, gyroscope_deviation=1e4)
    assert angle(found.orientation, prior).max() < 1e-5
    deviation = np.sqrt(np.einsum("nii->ni", found.covariance))
    np.testing.assert_allclose(deviation, 1e-3, rtol=1e-3)


def test_it_beats_both_of_its_sources():
    rng = np.random.default_rng(2)
    true, velocity = leg(2000)
    measured = velocity + np.array([0.02, -0.03, 0.01]) + rng.normal(0, 0.3, velocity.shape)
    prior = true * Rotation.from_rotvec(coloured(2000, 0.1, 0.1, rng))
    laws = {"prior_deviation": 0.1, "prior_correlation": 0.1, "gyroscope_deviation": 0.3, "rule": "later"}
    found = smooth_orientation(measured, RATE, prior, bias_deviation=0.05, **laws)
    chain = integrate_angular_velocity(true[0], measured, RATE, rule="later")
    errors = [np.sqrt(np.mean(angle(x, true) ** 2)) for x in (found.orientation, prior, chain)]
    assert errors[0] < 0.5 * errors[1]
    assert errors[0] < 0.5 * errors[2]


def test_a_still_sensor_tells_its_bias():
    bias, n = np.array([0.01, -0.02, 0.03]), 1000
    rng = np.random.default_rng(3)
    still = Rotation.from_euler("ZXY", np.tile([0.2, 0.1, -0.4], (n, 1)))
    measured = bias + rng.normal(0, 0.01, (n, 3))
    prior = still * Rotation.from_rotvec(rng.normal(0, 0.02, (n, 3)))
    laws = {"prior_deviation": 0.02, "gyroscope_deviation": 0.01}
    found = smooth_orientation(measured, RATE, prior, bias_deviation=0.1, **laws)
    np.testing.assert_allclose(found.bias, bias, atol=1e-3)
    assert not smooth_orientation(measured, RATE, prior, **laws).bias.any()


def test_a_walking_bias_is_followed():
    n, rng = 6000, np.random.default_rng(4)
    t = np.arange(n) / RATE
    bias = np.stack([0.02 * np.sin(t / 12), 0.01 + 0.0 * t, -0.0005 * t], axis=1)
    still = Rotation.from_rotvec(np.zeros((n, 3)))
    prior = still * Rotation.from_rotvec(rng.normal(0, 0.05, (n, 3)))
    laws = {"prior_deviation": 0.05, "gyroscope_deviation": 0.01, "bias_deviation": 0.03, "rule": "later"}
    measured = bias + rng.normal(0, 0.01, (n, 3))
    followed = smooth_orientation(measured, RATE, prior, bias_walk=0.005, bias_interval=5.0, **laws)
    constant = smooth_orientation(measured, RATE, prior, **laws)
    assert np.sqrt(np.mean((followed.bias_course - bias) ** 2)) < 0.002
    assert np.sqrt(np.mean((constant.bias_course - bias) ** 2)) > 0.005
    assert followed.log_likelihood > constant.log_likelihood + 100


def test_gravity_tells_the_tilt_of_a_wrong_prior_but_not_its_heading():
    n = 500
    still = Rotation.from_euler("ZXY", np.tile([0.2, 0.1, -0.4], (n, 1)))
    force = STANDARD_GRAVITY * still.inv().apply(UP)
    wrong = Rotation.from_rotvec([0.1, 0.15, -0.08])
    laws = {"prior_deviation": 0.01, "prior_offset_deviation": 0.2, "gyroscope_deviation": 0.01}
    found = smooth_orientation(np.zeros((n, 3)), RATE, wrong * still, specific_force=force, tilt_deviation=0.02, **laws)
    assert found.n_tilt_frames == n
    left = (found.orientation * still.inv()).as_rotvec()
    tilted = np.arccos((found.orientation.inv().apply(UP) * still.inv().apply(UP)).sum(axis=1))
    assert tilted.max() < 1e-3
    np.testing.assert_allclose(left[:, 1], 0.15, atol=0.02)
    heading = np.einsum("ni,nij,nj->n", still.inv().apply(UP), found.covariance, still.inv().apply(UP))
    assert np.sqrt(heading).min() > 0.15, "nothing tells the heading better than the prior's offset"


def test_accelerated_frames_are_not_believed():
    true, velocity = leg(300)
    force = true.inv().apply(STANDARD_GRAVITY * UP + [6.0, 0.0, 0.0])
    force[50] = np.nan
    laws = {"prior_deviation": 0.01, "gyroscope_deviation": 0.01, "rule": "later"}
    with_force = smooth_orientation(velocity, RATE, true, specific_force=force, tilt_deviation=0.01, **laws)
    assert with_force.n_tilt_frames == 0
    assert angle(with_force.orientation, true).max() < 1e-9
    believed = smooth_orientation(
        velocity, RATE, true, specific_force=force, tilt_deviation=0.01, tilt_tolerance=np.inf, **laws
    )
    assert believed.n_tilt_frames == 299
    assert angle(believed.orientation, true).max() > 0.01


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), walking=st.booleans())
def test_turning_the_ground_about_the_vertical_turns_the_result(seed, walking):
    rng = np.random.default_rng(seed)
    true, velocity = leg(60)
    prior = true * Rotation.from_rotvec(rng.normal(0, 0.1, (60, 3)))
    force = true.inv().apply(STANDARD_GRAVITY * UP)
    turned = Rotation.from_rotvec(rng.uniform(-3, 3) * UP)
    laws = {"prior_deviation": [0.1, 0.05, 0.2], "prior_correlation": 0.2, "gyroscope_deviation": 0.2}
    laws |= {"prior_offset_deviation": 0.05, "bias_deviation": 0.05, "bias_walk": 0.1 if walking else None}
    laws |= {"bias_interval": 0.25, "specific_force": force, "tilt_deviation": 0.05, "tolerance": 1e-6}
    found = smooth_orientation(velocity, RATE, prior, **laws)
    other = smooth_orientation(velocity, RATE, turned * prior, **laws)
    assert angle(turned * found.orientation, other.orientation).max() < 1e-9
    np.testing.assert_allclose(other.covariance, found.covariance, rtol=1e-6)
    np.testing.assert_allclose(other.bias, found.bias, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_without_an_accelerometer_any_turn_of_the_ground_turns_the_result(seed):
    rng = np.random.default_rng(seed)
    true, velocity = leg(60)
    prior = true * Rotation.from_rotvec(rng.normal(0, 0.1, (60, 3)))
    turned = Rotation.random(random_state=rng)
    laws = {"prior_deviation": 0.1, "gyroscope_deviation": 0.2, "bias_deviation": 0.05, "tolerance": 1e-6}
    found = smooth_orientation(velocity, RATE, prior, **laws)
    other = smooth_orientation(velocity, RATE, turned * prior, **laws)
    assert angle(turned * found.orientation, other.orientation).max() < 1e-9


def memory(n, m):
    """What the kernels write to, full of what must not matter."""
    return [np.full((n, 3, width), 1e9) for width in (3, 3, 1 + m, 1 + m, 3, 3)]


def small_system(rng, n=12, n_knots=3, with_offset=True):
    """What `assemble` takes, at random."""
    quaternion = Rotation.random(n, random_state=rng).as_quat()
    quaternion[1:] = (
        Rotation.from_quat(quaternion[0]) * Rotation.from_rotvec(rng.normal(0, 0.4, (n - 1, 3)))
    ).as_quat()
    prior = (Rotation.from_quat(quaternion) * Rotation.from_rotvec(rng.normal(0, 0.3, (n, 3)))).as_quat()
    known = rng.random(n) < 0.8
    border = rng.normal(0, 0.1, 3 * n_knots + 3 * with_offset)
    knot = np.linspace(0, max(n_knots - 1, 0), n) if n_knots > 1 else np.zeros(n)
    weights = rng.uniform(1, 50, (n, 3)), rng.uniform(1, 9, 3), np.where(rng.random(n) < 0.6, rng.uniform(1, 9, n), 0.0)
    turn, tilt = rng.normal(0, 0.1, (n, 3)), rng.normal(0, 0.6, (n, 3))
    fixed = [turn, weights[0], prior, known, weights[1], 0.7, tilt, weights[2]]
    return quaternion, fixed, border, n_knots, knot


@pytest.mark.parametrize("expecting", [False, True])
@pytest.mark.parametrize(("n_knots", "with_offset"), [(0, False), (1, False), (1, True), (3, True), (0, True)])
def test_the_gradient_is_that_of_the_written_cost(n_knots, with_offset, expecting):
    """The right-hand sides against differences of the cost: every Jacobian is right, whatever the convergence hides."""
    rng = np.random.default_rng(5)
    quaternion, fixed, border, n_knots, knot = small_system(rng, n_knots=n_knots, with_offset=with_offset)

    def cost(turn, change):
        turned = (Rotation.from_quat(quaternion) * Rotation.from_rotvec(turn)).as_quat()
        return assemble(turned, *fixed, border + change, n_knots, knot, 0.5, expecting, *memory(12, len(border))[:3])[0]

    _, _, rhs, *_ = work = memory(12, len(border))
    _, _, slope = assemble(quaternion, *fixed, border, n_knots, knot, 0.5, expecting, *work[:3])
    h, n, m = 1e-5, len(quaternion), len(border)
    for k in range(n):
        for i in range(3):
            step = np.zeros((n, 3))
            step[k, i] = h
            numeric = (cost(step, np.zeros(m)) - cost(-step, np.zeros(m))) / (2 * h)
            assert -rhs[k, i, 0] == pytest.approx(numeric, abs=1e-5 * np.abs(rhs[..., 0]).max())
    for j in range(m):
        step = h * np.eye(m)[j]
        numeric = (cost(np.zeros((n, 3)), step) - cost(np.zeros((n, 3)), -step)) / (2 * h)
        # the bias enters by the Jacobian of a small turn to third order: 0.15 rad here, 0.05 rad at 200 Hz
        assert -slope[j] == pytest.approx(numeric, abs=2e-3 * np.abs(slope).max())


def test_sweeps_solve_and_invert_the_dense_matrix():
    rng = np.random.default_rng(6)
    quaternion, fixed, border, n_knots, knot = small_system(rng)
    main, upper, rhs, x, pivot, multiplier = work = memory(12, len(border))
    _, corner, _ = assemble(quaternion, *fixed, border, n_knots, knot, 0.5, True, *work[:3])
    n, m = len(main), len(border)
    dense = np.zeros((3 * n + m, 3 * n + m))
    for k in range(n):
        dense[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] = np.triu(main[k]) + np.triu(main[k], 1).T
        if k < n - 1:
            dense[3 * k : 3 * k + 3, 3 * k + 3 : 3 * k + 6] = upper[k]
            dense[3 * k + 3 : 3 * k + 6, 3 * k : 3 * k + 3] = upper[k].T
    dense[: 3 * n, 3 * n :] = rhs[:, :, 1:].reshape(3 * n, m)
    dense[3 * n :, : 3 * n] = dense[: 3 * n, 3 * n :].T
    dense[3 * n :, 3 * n :] = corner + 0.1 * np.eye(m)
    log_determinant = solve(*work)
    inner = dense[: 3 * n, : 3 * n]
    np.testing.assert_allclose(x.reshape(3 * n, -1), np.linalg.solve(inner, rhs.reshape(3 * n, -1)), rtol=1e-9)
    assert log_determinant == pytest.approx(np.linalg.slogdet(inner)[1])
    columns = dense[: 3 * n, 3 * n :]
    schur = np.linalg.inv(dense[3 * n :, 3 * n :] - columns.T @ np.linalg.solve(inner, columns))
    blocks = inverse_blocks(pivot, multiplier, x, schur)
    whole = np.linalg.inv(dense)
    expected = [whole[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] for k in range(n)]
    np.testing.assert_allclose(blocks, expected, rtol=1e-8, atol=1e-12)


def test_the_covariance_is_that_of_many_draws():
    """Coverage of 90 % intervals and the normalised estimation error squared (expected 3) under the assumed law."""
    rng = np.random.default_rng(7)
    n, laws = 40, {"prior_deviation": [0.1, 0.06, 0.14], "prior_correlation": 0.1, "gyroscope_deviation": 0.3}
    laws |= {"prior_offset_deviation": 0.05, "bias_deviation": 0.1, "tilt_deviation": 0.2, "rule": "later"}
    true, velocity = leg(n)
    errors, covariances, biases = [], [], []
    for _ in range(1000):
        bias, offset = rng.normal(0, 0.1, 3), rng.normal(0, 0.05, 3)
        error = coloured(n, 1.0, 0.1, rng) * laws["prior_deviation"] + offset
        force = true.inv().apply(UP) + rng.normal(0, 0.2, (n, 3))
        found = smooth_orientation(
            velocity + bias + rng.normal(0, 0.3, (n, 3)),
            RATE,
            true * Rotation.from_rotvec(error).inv(),
            specific_force=STANDARD_GRAVITY * force,
            tilt_tolerance=np.inf,
            **laws,
        )
        errors.append((found.orientation.inv() * true).as_rotvec())
        covariances.append(found.covariance)
        biases.append(found.bias - bias)
    errors, covariances = np.array(errors), np.array(covariances)
    deviations = np.sqrt(np.einsum("dnii->dni", covariances))
    inside = np.abs(errors) < 1.6449 * deviations
    assert inside.mean() == pytest.approx(0.90, abs=0.015)
    assert np.abs(inside.mean(axis=(0, 1)) - 0.90).max() < 0.03, "about every axis, three standard errors"
    squared = np.einsum("dni,dnij,dnj->dn", errors, np.linalg.inv(covariances), errors)
    assert squared.mean() == pytest.approx(3.0, rel=0.05)
    sample = np.einsum("dni,dnj->nij", errors, errors) / len(errors)
    np.testing.assert_allclose(
        sample.mean(axis=0), covariances.mean(axis=(0, 1)), atol=0.1 * covariances.mean(axis=(0, 1)).max()
    )
    assert np.abs(np.mean(biases, axis=0)).max() < 0.02


def test_the_likelihood_prefers_the_deviations_that_made_the_records():
    rng = np.random.default_rng(8)
    true, velocity = leg(1500)
    prior = true * Rotation.from_rotvec(coloured(1500, 0.1, 0.1, rng))
    measured = velocity + rng.normal(0, 0.3, velocity.shape)

    def likelihood(prior_deviation, correlation, gyroscope_deviation):
        laws = {"prior_deviation": prior_deviation, "prior_correlation": correlation, "rule": "later"}
        return smooth_orientation(measured, RATE, prior, gyroscope_deviation=gyroscope_deviation, **laws).log_likelihood

    best = likelihood(0.1, 0.1, 0.3)
    for other in (
        (0.07, 0.1, 0.3),
        (0.14, 0.1, 0.3),
        (0.1, 0.0, 0.3),
        (0.1, 0.3, 0.3),
        (0.1, 0.1, 0.1),
        (0.1, 0.1, 0.9),
    ):
        assert likelihood(*other) < best - 5


def test_gaps_of_gyroscope_and_prior_are_bridged_and_uncertain():
    rng = np.random.default_rng(9)
    true, velocity = leg(600)
    laws = {"prior_deviation": 0.05, "gyroscope_deviation": 0.05, "rule": "later"}
    prior = true * Rotation.from_rotvec(rng.normal(0, 0.05, (600, 3)))
    whole = smooth_orientation(velocity, RATE, prior, **laws)
    lost = velocity.copy()
    lost[300:320] = np.nan
    gap = smooth_orientation(lost, RATE, prior, **laws)
    assert angle(gap.orientation, true)[310] < 0.15
    assert gap.covariance[310].trace() > 3 * whole.covariance[310].trace()
    assert gap.covariance[50].trace() == pytest.approx(whole.covariance[50].trace(), rel=0.02)
    for missing in (slice(0, 100), slice(250, 350), slice(560, 600)):
        known = np.ones(600, dtype=bool)
        known[missing] = False
        garbage = Rotation.concatenate(
            [Rotation.random(random_state=rng) if not k else p for k, p in zip(known, prior, strict=True)]
        )
        blind = smooth_orientation(velocity, RATE, garbage, prior_known=known, **laws)
        assert angle(blind.orientation, true).max() < 0.08
        middle = (missing.start + missing.stop) // 2
        assert blind.covariance[middle].trace() > whole.covariance[middle].trace()


def test_the_misfit_is_one_where_the_laws_are_right_and_names_wrong_units_and_swapped_sensors():
    rng = np.random.default_rng(10)
    true, velocity = leg(1000)
    prior = true * Rotation.from_rotvec(coloured(1000, 0.1, 0.1, rng))
    measured = velocity + rng.normal(0, 0.1, velocity.shape)
    laws = {"prior_deviation": 0.1, "prior_correlation": 0.1, "gyroscope_deviation": 0.1, "rule": "later"}
    assert smooth_orientation(measured, RATE, prior, **laws).misfit == pytest.approx(1.0, rel=0.1)
    mirrored = measured * np.array([1.0, 1.0, -1.0])
    for wrong in (np.degrees(measured), mirrored):
        try:
            assert smooth_orientation(wrong, RATE, prior, **laws).misfit > 1.5
        except UnsettledSmoother as refusal:
            assert "Check units" in str(refusal)
    assert np.isnan(smooth_orientation(measured[:1], RATE, prior[:1], **laws).misfit)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prior_deviation": 0.0}, "prior_deviation"),
        ({"prior_deviation": [0.1, 0.1]}, "prior_deviation"),
        ({"gyroscope_deviation": -1.0}, "gyroscope_deviation"),
        ({"tilt_deviation": 0.1}, "specific_force"),
        ({"tilt_deviation": 0.1, "specific_force": np.zeros((4, 3))}, r"\(4, 3\)"),
        ({"prior_known": np.zeros(20, dtype=bool)}, "no frame"),
        ({"prior_known": np.ones(19, dtype=bool)}, r"\(19,\)"),
        ({"prior_correlation": -1.0}, "prior_correlation"),
        ({"bias_walk": 0.1}, "bias_deviation"),
        ({"bias_walk": 0.1, "bias_deviation": 0.1, "bias_interval": 0.0}, "bias_interval"),
        ({"angular_velocity": np.full((20, 3), np.nan)}, "no sample"),
        ({"prior": Rotation.identity(19)}, "19"),
        ({"prior": Rotation.identity()}, "1 orientations"),
    ],
)
def test_what_makes_no_sense_is_refused(change, said):
    arguments = {"angular_velocity": np.zeros((20, 3)), "rate": RATE, "prior": Rotation.identity(20)}
    arguments |= {"prior_deviation": 0.1, "gyroscope_deviation": 0.1}
    with pytest.raises(ValueError, match=said):
        smooth_orientation(**(arguments | change))


def test_the_jacobian_between_vectors_and_turns_is_that_of_the_logarithm():
    """At small and large angles, across the change from a series to the closed form."""
    rng = np.random.default_rng(11)
    for size in (1e-9, 1e-3, 0.03, 0.2, 0.499, 0.501, 1.5, 3.0):
        vector = rng.normal(size=3)
        vector *= size / np.linalg.norm(vector)
        jacobian = np.empty((3, 3))
        inverse_jacobian_into(*vector, jacobian)
        h = 1e-5
        turns = [(Rotation.from_rotvec(vector) * Rotation.from_rotvec(s * h * np.eye(3))).as_rotvec() for s in (1, -1)]
        np.testing.assert_allclose(jacobian, (turns[0] - turns[1]).T / (2 * h), atol=1e-8)


def test_small_turns_are_those_of_scipy():
    rng = np.random.default_rng(12)
    for size in (0.0, 1e-8, 0.05, 0.0631, 0.0633, 0.199, 0.201, 2.0, 3.1):
        vector = rng.normal(size=3)
        vector *= size / np.linalg.norm(vector)
        np.testing.assert_allclose(exponential(*vector), Rotation.from_rotvec(vector).as_quat(), atol=1e-15)
        np.testing.assert_allclose(logarithm(exponential(*vector)), vector, atol=1e-14)


def test_a_sensor_that_sits_turned_is_told_from_the_network_by_their_variances():
    """Errors and intervals with an unknown mounting; without the word of it the segment follows the sensor."""
    rng = np.random.default_rng(13)
    n, laws = 60, {"prior_deviation": 0.1, "gyroscope_deviation": 0.1, "prior_offset_deviation": 0.05}
    true, velocity = leg(n)
    inside, squares = [], []
    for _ in range(400):
        mounting = Rotation.from_rotvec(rng.normal(0, 0.15, 3))
        measured = mounting.inv().apply(velocity) + rng.normal(0, 0.1, (n, 3))
        prior = true * Rotation.from_rotvec(rng.normal(0, 0.1, (n, 3)) + rng.normal(0, 0.05, 3)).inv()
        aware = smooth_orientation(measured, RATE, prior, mounting_deviation=0.15, rule="later", **laws)
        naive = smooth_orientation(measured, RATE, prior, rule="later", **laws)
        errors = [(found.orientation.inv() * true).as_rotvec() for found in (aware, naive)]
        inside.append(np.abs(errors[0]) < 1.6449 * np.sqrt(np.einsum("nii->ni", aware.covariance)))
        squares.append([np.mean(error**2) for error in errors])
    aware, naive = np.sqrt(np.mean(squares, axis=0))
    assert aware < 0.7 * naive
    assert np.mean(inside) == pytest.approx(0.90, abs=0.02)
