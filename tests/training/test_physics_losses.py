"""Each physics loss: nothing where its law holds, something where it is broken; sensors and tilt by analysis."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mocap_import.subject import Subject
from training.physics.body import stacked_bodies
from training.physics.contact import contact_force
from training.physics.dynamics import demanded_forces
from training.physics.estimate import Estimate, n_outputs, shaped_estimate, standing_height
from training.physics.loss_term import (
    contact_loss,
    dynamics_loss,
    effort_loss,
    imu_loss,
    limit_loss,
    placement_loss,
    posture_loss,
    sliding_loss,
    temporal_loss,
)
from training.physics.motion import planar_motion
from training.physics.record import body_of
from training.physics.sensor import expected_readings
from training.physics.tilt import TiltFilter, causal_tilt
from training.physics.weight import LossWeights

RATE = 100.0
WEIGHTS = LossWeights()
BODY = stacked_bodies([body_of(Subject("A", 70.0, 1.75, "male"), torch.float64)])


def standing(frames=50, sink=0.0):
    """A person who stands still on the floor by the law, the feet `sink` deeper (m)."""
    still = torch.zeros(1, frames, len(BODY.coordinates), dtype=torch.float64)
    q = still.clone()
    q[..., BODY.height] = standing_height(BODY)[:, None] - depth_of_standing() - sink
    return estimate_of(q, still, still)


def depth_of_standing():
    """How deep four points stand that carry the body weight together: weight / (4 × 70 body weights a metre)."""
    return 1.0 / (4 * 70.0)


def estimate_of(q, speeds, accelerations):
    from training.physics.body import levers
    from training.physics.motion import lever_product, of_points

    motion = planar_motion(BODY, q, speeds, accelerations)
    product = lever_product(levers(BODY, BODY.contact_segments, BODY.contacts))
    _, height = of_points(motion.directions, motion.root, product)
    points = (height, *of_points(motion.first, motion.root_velocity, product))
    forward, upward = contact_force(BODY, *points, 1e-4)
    torques = demanded_forces(BODY, motion, forward, upward)[..., BODY.joint_columns]
    return Estimate(q, speeds, accelerations, torques, forward, upward, motion, points)


def test_who_stands_by_the_law_costs_nothing_but_the_tilting_moment_of_feet_that_reach_forward():
    estimate = standing()
    assert float(contact_loss(BODY, estimate, 1e-4, WEIGHTS)) < 1e-9
    assert float(sliding_loss(BODY, estimate, WEIGHTS)) < 1e-12
    assert float(temporal_loss(BODY, estimate, RATE, WEIGHTS)) == 0.0
    assert float(limit_loss(BODY, estimate, WEIGHTS)) == 0.0
    assert float(posture_loss(BODY, estimate, [], WEIGHTS)) == 0.0
    weight = float(BODY.weight)
    assert float(estimate.upward.sum(-1).mean()) == pytest.approx(weight, rel=1e-3)


def test_a_force_that_nobody_supplies_costs_its_square_in_tolerances():
    estimate = standing()
    before = float(dynamics_loss(BODY, estimate, WEIGHTS))
    pushed = replace(estimate, torques=estimate.torques.clone())
    pushed.torques[..., 0] += 0.01 * float(BODY.weight) * 1.75  # one tolerance at one of ten coordinates
    assert float(dynamics_loss(BODY, pushed, WEIGHTS)) - before == pytest.approx(0.1, rel=1e-6)
    assert float(effort_loss(BODY, pushed)) != float(effort_loss(BODY, estimate))


def test_coordinates_that_are_not_the_integral_of_their_speeds_cost_and_true_ones_do_not():
    t = torch.arange(200, dtype=torch.float64) / RATE
    q = torch.zeros(1, 200, 10, dtype=torch.float64)
    v, a = q.clone(), q.clone()
    omega = 2 * np.pi
    q[0, :, 4], v[0, :, 4], a[0, :, 4] = (
        torch.sin(omega * t),
        omega * torch.cos(omega * t),
        -(omega**2) * torch.sin(omega * t),
    )
    assert float(temporal_loss(BODY, estimate_of(q, v, a), RATE, WEIGHTS)) < 1e-4
    assert float(temporal_loss(BODY, estimate_of(q, 0 * v, a), RATE, WEIGHTS)) > 10
    assert float(temporal_loss(BODY, estimate_of(q, v, 0 * a), RATE, WEIGHTS)) > 1


def test_feet_that_slip_float_or_bend_beyond_their_range_cost_each_in_its_own_term():
    slipping = standing()
    slipping.speeds[..., BODY.travel] = 0.3
    slipping = estimate_of(slipping.q, slipping.speeds, slipping.accelerations)
    assert float(sliding_loss(BODY, slipping, WEIGHTS)) > 1.0
    held = replace(standing(), upward=0.0 * standing().upward)
    assert float(contact_loss(BODY, held, 1e-4, WEIGHTS)) == pytest.approx((0.25 / WEIGHTS.contact_sd) ** 2, rel=0.01)
    bent = standing()
    bent.q[..., BODY.column("knee_angle_r")] = -0.6
    assert float(limit_loss(BODY, bent, WEIGHTS)) > 1.0
    leaning = standing()
    leaning.q[..., BODY.column("lumbar_extension")] = WEIGHTS.trunk_sd
    leaning = estimate_of(leaning.q, leaning.speeds, leaning.accelerations)
    torso = BODY.segments.index("torso")
    others = [i for i in range(len(BODY.segments)) if i != torso]
    assert float(posture_loss(BODY, leaning, others, WEIGHTS)) == pytest.approx(1.0)


def test_a_sensor_at_rest_reads_gravity_along_its_own_axes_and_a_turned_one_otherwise():
    estimate = standing()
    turns = torch.tensor([[0.0, 0.3]], dtype=torch.float64)
    places = torch.tensor([[[0.0, -0.2], [0.05, -0.1]]], dtype=torch.float64)
    read = expected_readings(BODY, estimate.motion, [2, 3], places, turns)[0, 0]
    g = BODY.gravity
    torch.testing.assert_close(read[0], torch.tensor([0.0, g, 0.0], dtype=torch.float64))
    torch.testing.assert_close(read[1], torch.tensor([g * np.sin(0.3), g * np.cos(0.3), 0.0], dtype=torch.float64))
    sd = torch.ones(2, 3, dtype=torch.float64)
    off = imu_loss(read + WEIGHTS.imu_share, read, sd, WEIGHTS)
    assert float(off) == pytest.approx(1.0)


def test_how_a_sensor_sits_is_found_from_a_known_movement_by_gradient_descent():
    t = torch.arange(150, dtype=torch.float64) / RATE
    waves = torch.stack([torch.sin((1 + 0.3 * k) * 6 * t + k) for k in range(10)], -1)[None] * 0.4
    speeds = torch.gradient(waves, spacing=1 / RATE, dim=1)[0]
    motion = planar_motion(BODY, waves, speeds, torch.gradient(speeds, spacing=1 / RATE, dim=1)[0])
    true_turn, true_place = torch.tensor([[0.2]]).double(), torch.tensor([[[0.03, -0.22]]]).double()
    wanted = expected_readings(BODY, motion, [3], true_place, true_turn)
    turn, place = torch.zeros(1, 1).double().requires_grad_(), torch.zeros(1, 1, 2).double().requires_grad_()
    descent = torch.optim.LBFGS([turn, place], max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        descent.zero_grad()
        loss = imu_loss(wanted, expected_readings(BODY, motion, [3], place, turn), torch.ones(1, 3).double(), WEIGHTS)
        loss.backward()
        return loss

    descent.step(closure)
    assert float(turn.detach()) == pytest.approx(0.2, abs=1e-3)
    torch.testing.assert_close(place.detach(), true_place, atol=1e-3, rtol=0)


def test_tilt_is_that_of_a_swinging_sensor_and_does_not_look_ahead():
    t = np.arange(1200) / RATE
    angle = 0.1 + 0.4 * np.sin(2 * np.pi * t)
    rate = 0.4 * 2 * np.pi * np.cos(2 * np.pi * t)
    channels = np.column_stack([9.81 * np.sin(angle), 9.81 * np.cos(angle), rate])
    found = causal_tilt(channels, RATE)
    assert np.abs(found - angle).max() < np.radians(0.2)
    np.testing.assert_array_equal(causal_tilt(channels[:500], RATE), found[:500])


def test_the_tilt_of_a_drifting_gyroscope_stays_the_true_one_beyond_half_a_turn_of_drift():
    t = np.arange(12000) / RATE
    angle, drift = 0.1 + 0.4 * np.sin(2 * np.pi * t), np.radians(3.0)  # 3 deg/s: a turn in two minutes
    rate = 0.4 * 2 * np.pi * np.cos(2 * np.pi * t) + drift
    channels = np.column_stack([9.81 * np.sin(angle), 9.81 * np.cos(angle), rate])
    found = causal_tilt(channels, RATE)
    assert np.abs(found - angle)[1000:].max() < np.radians(12.0)  # 3 deg/s over the filter's 3 s
    frames = TiltFilter(1, RATE)
    streamed = [frames.step(np.array([fx + 1j * fy]), np.array([w]))[0] for fx, fy, w in channels]
    np.testing.assert_allclose(streamed, found, atol=1e-9)


def test_raw_outputs_of_zero_stand_for_an_upright_person_who_carries_the_whole_weight():
    raw = torch.zeros(1, 4, n_outputs(BODY), dtype=torch.float64)
    estimate = shaped_estimate(BODY, raw, torch.zeros(1, 4, 10, dtype=torch.float64), torch.ones(1, 4).double())
    assert float(estimate.upward.sum(-1)[0, 0]) == pytest.approx(float(BODY.weight), rel=1e-3)
    assert torch.equal(estimate.motion.root, estimate.q[..., [BODY.travel, BODY.height]])
    assert torch.equal(estimate.motion.root_velocity, estimate.speeds[..., [BODY.travel, BODY.height]])


def test_a_placement_that_is_one_tolerance_off_costs_one():
    turned = placement_loss(*(torch.full((1, 2), x) for x in (WEIGHTS.turn_sd, 0.0, 0.0, 0.0)), WEIGHTS)
    assert float(turned) == pytest.approx(1.0)
