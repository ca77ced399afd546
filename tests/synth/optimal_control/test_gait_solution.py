"""Laws of solved gaits: mechanics hold between the nodes, starts do not matter, tracking recovers what made data."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion
from synth.imu.error_recipe import ImuErrors, apply_errors
from synth.imu.placement import scaled_placements
from synth.imu.recording import ImuRecording
from synth.imu.simulation import simulate_imu
from synth.optimal_control.gait.gait_samples import sample_gait
from synth.optimal_control.gait.gait_solution import SolutionNotFound
from synth.optimal_control.gait.normative_gait import COORDINATES, draw_style
from synth.optimal_control.generate import generate_gait
from synth.optimal_control.inertial.imu_cycle import average_cycle, cycle_variances, detect_cycles, repetition
from synth.optimal_control.inertial.strap_down import sagittal_records, sensor_tilt, speed_from_feet
from synth.optimal_control.movement.following_blocks import marker_misfit
from synth.optimal_control.population.virtual_skeleton import template_skeleton, with_muscles_and_contact
from synth.optimal_control.recording.marker_sums import marker_sums
from synth.optimal_control.recording.marker_tracking import track_markers

SUBJECT = Subject("S01", 68.0, 1.73, "female")
SKELETON = planar_skeleton(SUBJECT, "de_leva")
LEG = [COORDINATES.index(f"{j}_{s}") for s in "rl" for j in ("hip_flexion", "knee_angle", "ankle_angle")]


@lru_cache
def equipped():
    """The skeleton with muscles and contact."""
    return with_muscles_and_contact(SKELETON, SUBJECT, template_skeleton())


@lru_cache
def gait(seed=4, speed=1.3):
    return generate_gait(SUBJECT, speed, seed=seed)


@lru_cache
def records(n_cycles=1, errors=True, rate=100.0):
    """Seven records of some cycles of the gait, from a skeleton of another mass table than the baseline's."""
    solution = gait()
    n = round(n_cycles * solution.duration * rate)
    samples = sample_gait(solution.movement, np.arange(-1, n + 1) / rate)
    states = segment_states(SKELETON, list(samples.coordinates.T))
    found = []
    for placement in scaled_placements(SUBJECT.height):
        state = states[SKELETON.segment_index(placement.segment)]
        turn = np.array([[np.broadcast_to(x, n + 2) for x in row] for row in state.rotation]).transpose(2, 0, 1)
        origin = np.stack([np.broadcast_to(x, n + 2) for x in state.origin], axis=1)
        motion = SegmentMotion(placement.segment, origin, Rotation.from_matrix(turn), rate)
        record = simulate_imu(motion, placement)
        found.append(ImuRecording(placement, record.specific_force[1:-1], record.angular_velocity[1:-1], rate))
    return apply_errors(found, ImuErrors(seed=2), subject="S01", trial="walk") if errors else tuple(found)


def test_generated_gait_is_human_walking():
    solution = gait()
    assert solution.converged, solution.reason
    force = solution.kinetics.ground_reactions[0].force[:, 1] / SUBJECT.body_weight
    n = len(force)
    first, second = force[: n // 3].max(), force[n // 3 :].max()
    assert 1.0 < first < 1.3
    assert 1.0 < second < 1.3
    assert force[n // 5 : n // 2].min() < 0.95
    assert 0.55 <= solution.checks["stance_share_r"] <= 0.65
    knee = np.degrees(solution.kinematics.of("knee_angle_r"))
    assert 8 < knee[: n // 3].max() < 30
    assert 50 < knee.max() < 75
    assert solution.kinetics.of("ankle_angle_r").min() < -0.9 * SUBJECT.mass
    assert solution.kinetics.activations.min() >= 0.0


def test_the_ground_carries_the_body_weight_on_average():
    assert gait().checks["mean_vertical_force_bw"] == pytest.approx(1.0, abs=0.01)


def test_residual_between_the_nodes_is_below_two_percent_of_body_weight():
    assert gait().checks["residual_share_bw"] < 0.02


def test_gait_is_periodic_and_its_steps_mirror_each_other():
    solution = gait()
    samples = sample_gait(solution.movement, np.array([0.0, 0.5, 1.0, 1.5]) * solution.duration)
    assert samples.coordinates[2, 1] - samples.coordinates[0, 1] == pytest.approx(1.3 * solution.duration)
    assert np.allclose(np.delete(samples.coordinates[2] - samples.coordinates[0], 1), 0.0, atol=1e-9)
    right, left = samples.coordinates[0, LEG[:3]], samples.coordinates[1, LEG[3:]]
    assert np.allclose(right, left, atol=1e-6)


def test_sampled_motion_can_be_differentiated():
    solution = gait()
    time = np.linspace(0.0, solution.duration, 20_001)
    samples = sample_gait(solution.movement, time)
    step = time[1] - time[0]
    assert np.allclose(np.gradient(samples.coordinates, step, axis=0)[1:-1], samples.speeds[1:-1], atol=2e-2)
    assert np.allclose(np.gradient(samples.speeds, step, axis=0)[2:-2], samples.accelerations[2:-2], atol=3.0)


def test_a_person_keeps_the_style_of_the_seed():
    one, other = draw_style(np.random.default_rng(5)), draw_style(np.random.default_rng(5))
    assert one.amplitude == other.amplitude
    assert draw_style(np.random.default_rng(6)).amplitude != one.amplitude


@pytest.mark.parametrize(
    ("subject", "speed", "word"),
    [
        (SUBJECT, 6.0, "walking range"),
        (replace(SUBJECT, mass=5.0), 1.2, "mass"),
        (replace(SUBJECT, height=173.0), 1.2, "units"),
    ],
)
def test_an_impossible_request_is_one_clear_sentence(subject, speed, word):
    with pytest.raises(SolutionNotFound, match=word):
        generate_gait(subject, speed)


def cycle_of_markers(shift, noise, n=120):
    solution = gait()
    samples = sample_gait(solution.movement, (shift + np.arange(n) / n) * solution.duration)
    states = segment_states(SKELETON, list(samples.coordinates.T))
    places = [
        np.stack(
            [np.broadcast_to(c, n) for c in point_position(states[SKELETON.segment_index(m.segment)], m.offset)], -1
        )
        for m in SKELETON.markers
    ]
    rng = np.random.default_rng(0)
    markers = np.stack(places, axis=1) + noise * rng.normal(size=(n, len(places), 3))
    reactions = tuple(
        GroundReaction(samples.forces[:, i], samples.pressures[:, i], np.zeros(n), n / solution.duration, foot)
        for i, foot in enumerate(("right", "left"))
    )
    return markers, reactions


def errors_of(solution, shift):
    truth = sample_gait(
        gait().movement,
        (shift + np.arange(len(solution.movement.time)) / len(solution.movement.time)) * gait().duration,
    )
    angles = np.degrees(solution.kinematics.values - truth.coordinates)[:, LEG]
    moments = (solution.kinetics.generalized_forces - truth.moments)[:, LEG]
    return np.sqrt((angles**2).mean()), np.sqrt((moments**2).mean())


def test_marker_tracking_recovers_the_gait_that_made_the_markers():
    """Whatever the phase at which the cycle is cut, with 4 mm of noise and a gap."""
    markers, reactions = cycle_of_markers(0.35, 0.004)
    markers[20:35, 2] = np.nan
    solution = track_markers(equipped(), markers, reactions, gait().duration, height=SUBJECT.height)
    assert solution.converged, solution.reason
    angle, moment = errors_of(solution, 0.35)
    assert angle < 1.0
    assert moment < 8.0
    assert solution.speed == pytest.approx(1.3, abs=0.02)
    assert solution.checks["residual_share_bw"] < 0.02


def test_one_force_for_both_feet_is_enough():
    markers, (right, left) = cycle_of_markers(0.0, 0.002)
    both = GroundReaction(
        right.force + left.force, np.full_like(right.force, np.nan), right.free_moment, right.rate, "both"
    )
    solution = track_markers(equipped(), markers, [both], gait().duration, height=SUBJECT.height)
    assert solution.converged, solution.reason
    assert errors_of(solution, 0.0)[0] < 1.0


def test_markers_that_cannot_be_followed_are_refused_in_words():
    markers, reactions = cycle_of_markers(0.0, 0.0)
    blind = markers.copy()
    blind[:, [i for i, m in enumerate(SKELETON.markers) if m.segment == "tibia_r"]] = np.nan
    with pytest.raises(SolutionNotFound, match="tibia_r"):
        track_markers(equipped(), blind, reactions, gait().duration, height=SUBJECT.height)
    with pytest.raises(SolutionNotFound, match="cycle"):
        track_markers(equipped(), markers, reactions, 9.0, height=SUBJECT.height)


def test_tilt_of_a_still_sensor_is_its_mounting():
    record = sagittal_records(records(errors=False))["pelvis"]
    tilt = sensor_tilt(record, gait().duration)
    truth = sample_gait(gait().movement, np.arange(len(tilt)) / len(tilt) * gait().duration).coordinates[:, 0]
    assert np.degrees(np.abs(tilt - truth)).max() < 1.0


def test_feet_at_rest_give_the_speed():
    assert speed_from_feet(sagittal_records(records(errors=False)), gait().duration) == pytest.approx(1.3, abs=0.12)


def test_cycles_are_found_in_noisy_misaligned_records():
    many = records(n_cycles=4)
    assert repetition(many, 100.0) == pytest.approx(gait().duration, abs=0.01)
    cycles = detect_cycles(many)
    assert len(cycles) >= 2
    assert np.allclose([b - a for a, b in cycles], gait().duration, atol=0.03)
    _, duration = average_cycle(many, cycles)
    assert duration == pytest.approx(gait().duration, abs=0.015)
    still = [replace(r, angular_velocity=np.random.default_rng(0).normal(size=r.angular_velocity.shape)) for r in many]
    still = [replace(r, specific_force=np.random.default_rng(1).normal(size=r.specific_force.shape)) for r in still]
    assert detect_cycles(still) == []


def test_variance_between_cycles_is_that_of_the_noise():
    """Twelve cycles of one gait differ by white noise alone: 15 % of each clean channel's deviation."""
    many = records(n_cycles=12)
    found = cycle_variances(many, detect_cycles(many))
    clean = sagittal_records(records(n_cycles=12, errors=False))
    for segment in ("femur_r", "tibia_l"):
        expected = 0.15 * clean[segment].channels[:, 2].std()
        assert np.sqrt(found[segment][:, 2].mean()) == pytest.approx(expected, rel=0.35)
    assert cycle_variances(many, detect_cycles(many)[:2]) == {}


def test_seventeen_sums_replace_any_number_of_markers():
    rng = np.random.default_rng(3)
    offsets, positions = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    weights = rng.uniform(1.0, 2.0, 5)
    positions[2] = np.nan
    state = segment_states(SKELETON, list(0.3 * rng.normal(size=10)))[2]
    expected = 0.0
    for offset, position, weight in zip(offsets, positions, weights, strict=True):
        if np.isfinite(position).all():
            expected += weight * ((np.array(point_position(state, tuple(offset)), float) - position) ** 2).sum()
    assert marker_misfit(state, list(marker_sums(offsets, positions, weights))) == pytest.approx(expected)


def test_a_skeleton_in_space_is_refused_by_name():
    with pytest.raises(ModelMismatch, match="lower_body"):
        with_muscles_and_contact(lower_body_skeleton(SUBJECT), SUBJECT, template_skeleton())


@pytest.mark.slow
def test_every_person_walks():
    """Twenty persons, speeds and styles: all converge to human gaits."""
    rng = np.random.default_rng(11)
    for seed in range(20):
        height = rng.normal(1.72, 0.09)
        subject = Subject(f"P{seed}", 23.0 * height**2 * rng.uniform(0.85, 1.2), height, ("female", "male")[seed % 2])
        solution = generate_gait(subject, rng.uniform(1.1, 1.5), seed=seed)
        assert solution.converged, (seed, solution.reason)
        force = solution.kinetics.ground_reactions[0].force[:, 1] / subject.body_weight
        assert 1.0 < force.max() < 1.35
