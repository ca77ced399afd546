"""A pinch obeys mechanics, meets the published norms, and a surgery changes it only where it changes something."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.optimize import linprog, lsq_linear, minimize

from synth.thumb import coordination, force_profile, wrist_condition
from synth.thumb.coordination import box_minimum, strongest_pinch
from synth.thumb.force_profile import (
    BEGIN,
    FIRST,
    LEVELS,
    N_FRAMES,
    TIMES,
    held_forces,
    measured,
    measured_held,
    muscle_forces,
    pinch_profile,
)
from synth.thumb.identifiability import held_covariance, noise_covariance
from synth.thumb.muscle_table import THUMB, muscle_table
from synth.thumb.pinch_norm import norm_table
from synth.thumb.pinch_people import draw_people
from synth.thumb.thumb_chain import TO_HAND, force_directions, joint_loads, pulp_and_joints, wrist_loads
from synth.thumb.wrist_condition import CHANGES, CONDITIONS, slackening, wrist_arms


@pytest.fixture(scope="module")
def people():
    return draw_people(3, 0, 400)


def test_the_minimum_in_a_box_is_that_of_another_solver():
    rng = np.random.default_rng(0)
    for _ in range(20):
        root, target, upper = rng.normal(size=(8, 8)), rng.normal(size=8), rng.uniform(0.3, 1.0, 8)
        known = lsq_linear(root, target, bounds=(0, upper), tol=1e-12).x
        found = box_minimum((root.T @ root)[None], -(root.T @ target)[None], upper[None])[0]
        np.testing.assert_allclose(found, known, atol=2e-4)


def test_without_a_price_of_effort_the_pinch_is_the_linear_programme(monkeypatch):
    monkeypatch.setattr(coordination, "TORQUE_WEIGHT", 1e5)  # almost nothing may be left over
    rng = np.random.default_rng(1)
    torques, loads = rng.normal(size=(5, 6, 14)), np.concatenate([rng.normal(size=(5, 4, 3)), np.zeros((5, 2, 3))], 1)
    loads /= 100.0
    _, force = strongest_pinch(torques, loads, np.ones((5, 14)), effort=1e-6, shear=1e4)
    for r, load, found in zip(torques, loads, force, strict=True):
        best = linprog(
            np.r_[np.zeros(14), -1.0],
            A_eq=np.c_[r, -load[:, 0]],
            b_eq=np.zeros(6),
            bounds=[(0, 1)] * 14 + [(None, None)],
        )
        assert found[0] == pytest.approx(best.x[-1], rel=0.02)


def test_loads_are_the_motion_of_the_pulp(people):
    few, step = people.rows(np.arange(5)), 1e-6
    loads = joint_loads(few.posture, few.hand_length)
    directions = force_directions(few.posture)
    for row, joint in ((0, 0), (2, 1), (3, 2)):  # flexion at CMC, MCP, IP
        moved = few.posture.copy()
        moved[:, joint] += step
        pulp = (pulp_and_joints(p, few.hand_length)[:, 3] for p in (moved, few.posture))
        motion = (next(pulp) - next(pulp)) / step
        np.testing.assert_allclose(loads[:, row], np.einsum("nkd,nd->nk", directions, motion), atol=1e-6)
    assert (loads[:, [0, 2, 3], 0] > 0).all(), "flexion presses with the pulp"
    assert (np.diff(loads[:, [3, 2, 0], 0], axis=1) > 0).all(), "the further the joint, the longer its lever"


def test_the_directions_of_a_force_are_what_they_are_called(people):
    """In the hand frame (x distal, y dorsal, z radial): palmar goes palmar, distal distal, ulnar ulnar."""
    palmar, distal, ulnar = np.moveaxis(force_directions(people.posture) @ TO_HAND.T, 1, 0)
    assert (palmar[:, 1] < 0).all()
    assert (distal[:, 0] > 0).all()
    assert (ulnar[:, 2] < -0.5).all()
    np.testing.assert_allclose(np.einsum("nd,nd->n", ulnar, palmar), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.einsum("nd,nd->n", ulnar, distal), 0.0, atol=1e-12)


def test_a_larger_hand_has_longer_levers_and_a_proximal_axis_too(people):
    few = people.rows(np.arange(5))
    np.testing.assert_allclose(
        joint_loads(few.posture, 2 * few.hand_length), 2 * joint_loads(few.posture, few.hand_length)
    )
    near, far = (wrist_loads(few.posture, few.hand_length, np.full(5, s)) for s in (0.0, 0.02))
    assert (far[:, 0, 0] > near[:, 0, 0]).all()


def test_a_muscle_is_strongest_at_its_own_length(people):
    few = people.rows(np.arange(4))
    full = np.ones((4, len(THUMB)))
    ideal = muscle_forces(few, "healthy", full, FIRST)
    assert (ideal <= few.max_force + 1e-9).all()
    slack = muscle_forces(replace(few, tendon_slack=few.tendon_slack * 1.2), "healthy", full, FIRST)
    assert (slack[:, 0] < 0.5 * ideal[:, 0]).all(), "a fifth of FPL's tendon is two thirds of its fibre"


def test_forces_of_healthy_adults_are_those_of_the_norms(people):
    many = draw_people(11, 0, 1200)
    table = norm_table(many.is_male, many.age, pinch_profile(many)[0][:, :, 0].max(axis=1))
    assert table.difference_percent.abs().max() < 15
    assert (table.sd < 1.6 * table.norm_sd).all()


def test_nothing_is_pressed_before_the_effort_and_most_is_held(people):
    force, activation = pinch_profile(people)
    assert np.abs(force[:, TIMES < BEGIN - 1e-9]).max() < 1e-9
    hold = force[:, (TIMES > 0.8) & (TIMES < 1.5), 0].mean(axis=1)
    assert (hold > 0.8 * force[:, :, 0].max(axis=1)).all()
    assert (force[:, -1, 0] < 0.1 * hold).all()
    assert force.shape == (len(people), N_FRAMES, 3)
    assert (activation >= -1e-6).all()
    assert (activation <= people.limit[:, muscle_table().nerve[: len(THUMB)]] + 1e-6).all()


def test_a_surgery_of_no_size_changes_nothing(people):
    none = replace(people.rows(np.arange(50)), surgery_size=np.zeros(50))
    healthy = pinch_profile(none)[0]
    for condition in CONDITIONS[1:]:
        np.testing.assert_allclose(pinch_profile(none, condition)[0][..., 0], healthy[..., 0], rtol=0.01, atol=0.5)


def test_everything_that_a_surgery_is_said_to_change_changes_the_force(people, monkeypatch):
    few = people.rows(np.arange(100))
    for condition in CONDITIONS[1:]:
        whole, change, moved = pinch_profile(few, condition)[0], CHANGES[condition], {}
        for name in [f.name for f in fields(change) if getattr(change, f.name)]:
            without = CHANGES | {condition: replace(change, **{name: 0.0})}
            for module in (wrist_condition, force_profile):
                monkeypatch.setattr(module, "CHANGES", without)
            moved[name] = float(np.abs(pinch_profile(few, condition)[0] - whole).max())
            monkeypatch.undo()
        assert min(moved.values()) > 0.01, f"{condition}: N by which each change moves a force: {moved}"
        slack = moved.pop("shortening")
        assert max(moved.values()) < 1.0 < slack, "as the page says: nearly all is the slack of tendons"


def test_each_surgery_changes_what_was_published(people):
    table, size, scale = muscle_table(), np.ones(1), np.ones(1)
    arms = {c: wrist_arms(table, c, size, scale)[0] for c in CONDITIONS}
    extensor, radial = table.names.index("ECRB"), table.names.index("ECRL")
    assert abs(arms["PRC"][0, extensor]) < abs(arms["healthy"][0, extensor]), "extensors have smaller arms"
    assert arms["SE4CF"][1, radial] > arms["healthy"][1, radial], "radial deviators have larger arms"
    slack = slackening("PRC", size, table.is_extrinsic)[0]
    assert (slack[table.is_extrinsic] > 0.005).all()
    assert (slack[~table.is_extrinsic] == 0).all(), "muscles within the hand do not cross the wrist"
    peaks = {c: np.median(pinch_profile(people, c)[0][:, :, 0].max(axis=1)) for c in CONDITIONS}
    assert peaks["PRC"] < peaks["SE4CF"] < peaks["healthy"]


def test_noise_has_the_covariance_that_the_information_counts_with(people):
    record = pinch_profile(people.rows(np.arange(1)))[0]
    drawn = measured(np.repeat(record, 6000, axis=0), FIRST, np.random.default_rng(5))
    flat = np.swapaxes(drawn, 1, 2).reshape(len(drawn), -1)
    known, found = noise_covariance(record[0], FIRST), np.cov(flat.T)
    assert np.abs(found - known).max() < 0.08 * known.max()
    np.testing.assert_allclose(np.diag(found), np.diag(known), rtol=0.15)


def test_a_pinch_with_a_target_is_the_cheapest_that_reaches_it():
    rng = np.random.default_rng(2)
    torques, loads = rng.normal(size=(1, 6, 14)), rng.normal(size=(1, 6, 3)) / 100.0
    prices = {"effort": 0.05, "shear": 1.5}
    _, strongest = strongest_pinch(torques, loads, np.ones((1, 14)), **prices)
    target = 0.4 * strongest[:, 0]
    found, force = strongest_pinch(torques, loads, np.ones((1, 14)), **prices, target=target)

    def price(x):
        f = x[14:]
        left = torques[0] @ x[:14] - 100.0 * loads[0] @ f
        return (
            prices["effort"] / 2 * x[:14] @ x[:14]
            + prices["shear"] / 2 * f[1:] @ f[1:]
            + coordination.TORQUE_WEIGHT / 2 * left @ left
            + coordination.TARGET_WEIGHT / 2 * (f[0] - target[0] / 100.0) ** 2
        )

    bounds = [(0, 1)] * 14 + [(None, None)] * 3
    best = minimize(
        price, np.r_[np.full(14, 0.3), 0, 0, 0], bounds=bounds, options={"maxiter": 20_000, "maxfun": 10**6}
    )
    own = np.r_[found[0], force[0] / 100.0]
    assert price(own) <= best.fun * (1 + 1e-4)
    assert force[0, 0] == pytest.approx(target[0], rel=0.01)


def test_held_forces_are_the_part_that_was_asked_for_with_the_errors_that_are_counted_with(people):
    few = people.rows(np.arange(20))
    held, strongest = held_forces(few), pinch_profile(few)[0][:, :, 0].max(axis=1)
    for k, level in enumerate(LEVELS):
        np.testing.assert_allclose(held[:, k, 0] / strongest, level, rtol=0.15)
    drawn = measured_held(np.repeat(held[:1], 8000, axis=0), FIRST, np.random.default_rng(6))
    known, found = held_covariance(held[0], FIRST), np.cov(drawn.reshape(len(drawn), -1).T)
    assert np.abs(found - known).max() < 0.08 * known.max()


def test_a_person_is_a_pure_function_of_seed_and_chunk():
    first, again, other = (draw_people(4, chunk, 10) for chunk in (2, 2, 3))
    np.testing.assert_array_equal(first.max_force, again.max_force)
    assert not np.array_equal(first.max_force, other.max_force)
    assert not set(first.code) & set(other.code)
    child, adult = draw_people(4, 0, 50, kind="child"), draw_people(4, 0, 50)
    assert child.hand_length.max() < np.median(adult.hand_length)
