"""Sensors on a skeleton: the laws of mechanics to rounding, and the same as by poses where those are sampled finely."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.imu_figures.laws import analytic, deviations, numerical, rotated_laboratory, seven_placements
from benchmarks.peers.closed_form_motion import free_body, laws
from benchmarks.peers.smooth_motion import smooth_harmonics, smooth_walk
from mocap_import.subject import STANDARD_GRAVITY, Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from synth.imu.derivative_error import expected_error
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.imu.skeleton_imu import simulate_skeleton_imus

RATE = 100.0
LAWS = {law.name: law for law in laws(np.random.default_rng(7))}
INNER = slice(30, -30)


@pytest.fixture(scope="module")
def body():
    return lower_body_skeleton(Subject("S", 70.0, 1.75, "unknown"))


def both(record):
    return record.specific_force, record.angular_velocity


@pytest.mark.parametrize("name", LAWS)
def test_the_analytic_path_keeps_the_law(name):
    law = LAWS[name]
    for found, truth in zip(both(analytic(law)), (law.specific_force, law.angular_velocity), strict=True):
        relative, absolute = deviations(found, truth)
        assert np.nan_to_num(relative) <= 1e-6
        assert np.nan_to_num(absolute) <= 1e-9


@pytest.mark.parametrize("name", LAWS)
def test_the_spline_of_poses_keeps_the_law(name):
    law = LAWS[name]
    for found, truth in zip(both(numerical(law, "spline")), (law.specific_force, law.angular_velocity), strict=True):
        np.testing.assert_allclose(found[INNER], truth[INNER], atol=1e-5)


def test_a_turned_laboratory_changes_no_reading():
    assert max(rotated_laboratory(seed=3)) <= 1e-9


def test_poses_and_mechanics_agree_on_a_walk(data_dir):
    """Up to 8 Hz at 100 Hz: spline within 0.002 m/s², central differences at their theory within 10 %."""
    walk = smooth_walk(data_dir, 8.0)
    values, speeds, accelerations = walk.states(np.arange(1350) / RATE)
    kinematics = Kinematics(walk.coordinates, values, RATE)
    placements = seven_placements(np.random.default_rng(0))
    exact = simulate_skeleton_imus(walk.skeleton, kinematics, placements, speeds=speeds, accelerations=accelerations)
    motions = segment_motions(walk.skeleton, kinematics)
    inner = slice(135, -135)
    for placement, truth in zip(placements, exact, strict=True):
        pose = motions[placement.segment]
        fine, coarse = (
            simulate_imu(pose, placement, method=m).specific_force - truth.specific_force
            for m in ("spline", "central_difference")
        )
        assert np.sqrt(np.mean(fine[inner] ** 2)) <= 2e-3
        ground = (pose.orientation * placement.mounting).apply(truth.specific_force)[inner]
        moving = (ground - ground.mean(axis=0)) * np.hanning(len(ground))[:, None]
        lines = np.sqrt((np.abs(np.fft.rfft(moving, axis=0)[1:]) ** 2).sum(axis=1))
        frequency = np.arange(1, len(lines) + 1) * RATE / len(ground)
        theory = expected_error("central_difference", RATE, spectrum=(frequency, lines))
        size = np.sqrt(np.mean((ground - ground.mean(axis=0)) ** 2))
        np.testing.assert_allclose(np.sqrt(np.mean(coarse[inner] ** 2)), theory.acceleration(size), rtol=0.1)


def test_splines_of_coordinates_give_what_exact_derivatives_give(body):
    motion = smooth_harmonics(body, np.random.default_rng(1))
    values, speeds, accelerations = motion.states(np.arange(300) / 200.0)
    kinematics, placements = Kinematics(motion.coordinates, values, 200.0), seven_placements(np.random.default_rng(2))
    exact = simulate_skeleton_imus(body, kinematics, placements, speeds=speeds, accelerations=accelerations)
    for found, truth in zip(simulate_skeleton_imus(body, kinematics, placements), exact, strict=True):
        np.testing.assert_allclose(found.specific_force[INNER], truth.specific_force[INNER], atol=3e-3)
        np.testing.assert_allclose(found.angular_velocity[INNER], truth.angular_velocity[INNER], atol=1e-6)


def test_missing_frames_stay_missing_and_runs_are_apart(body):
    motion = smooth_harmonics(body, np.random.default_rng(3))
    values = motion.states(np.arange(200) / RATE)[0]
    values[90, 4] = np.nan
    placement = SensorPlacement("foot", "calcn_r")
    whole = simulate_skeleton_imus(body, Kinematics(motion.coordinates, values, RATE), [placement])[0]
    assert np.flatnonzero(np.isnan(whole.specific_force[:, 0])).tolist() == [90]
    alone = simulate_skeleton_imus(body, Kinematics(motion.coordinates, values[:90], RATE), [placement])[0]
    np.testing.assert_array_equal(whole.angular_velocity[:90], alone.angular_velocity)


def test_coordinates_in_any_order_and_missing_ones_stand_still(body):
    motion = smooth_harmonics(body, np.random.default_rng(4))
    states = motion.states(np.arange(30) / RATE)
    keep = [5, 2, 9, 0]
    names = tuple(motion.coordinates[j] for j in keep)
    given = {"speeds": states[1][:, keep], "accelerations": states[2][:, keep]}
    placements = seven_placements(np.random.default_rng(5))
    found = simulate_skeleton_imus(body, Kinematics(names, states[0][:, keep], RATE), placements, **given)
    full = [np.zeros_like(states[0]) for _ in states]
    full[0][:] = [c.default for c in body.coordinates]
    for table, state in zip(full, states, strict=True):
        table[:, keep] = state[:, keep]
    same = {"speeds": full[1], "accelerations": full[2]}
    truth = simulate_skeleton_imus(body, Kinematics(body.coordinate_names, full[0], RATE), placements, **same)
    for a, b in zip(found, truth, strict=True):
        np.testing.assert_array_equal(a.specific_force, b.specific_force)


def test_a_plate_welded_to_the_ground_reads_gravity():
    swing = (JointElement("rotation", (0.0, 0.0, 1.0), 0),)
    tilted = tuple(map(tuple, Rotation.from_rotvec([0.0, 0.0, 0.5]).as_matrix()))
    skeleton = Skeleton(
        "plate and door",
        (Coordinate("swing", "rotation"),),
        (Segment("plate", -1, orientation=tilted), Segment("door", -1, elements=swing, mass=1.0)),
    )
    kinematics = Kinematics(("swing",), np.linspace(0.0, 1.0, 20)[:, None], RATE)
    placements = [SensorPlacement("s", "plate"), SensorPlacement("d", "door")]
    plate, door = simulate_skeleton_imus(skeleton, kinematics, placements)
    up = STANDARD_GRAVITY * np.array([np.sin(0.5), np.cos(0.5), 0.0])
    np.testing.assert_allclose(plate.specific_force, np.tile(up, (20, 1)), atol=1e-12)
    np.testing.assert_array_equal(plate.angular_velocity, 0.0)
    np.testing.assert_allclose(door.angular_velocity[:, 2], RATE / 19, atol=1e-9)


def test_what_does_not_fit_is_refused():
    skeleton = free_body()
    kinematics = Kinematics(skeleton.coordinate_names, np.zeros((20, 6)), RATE)
    placement = SensorPlacement("s", "body")
    with pytest.raises(ModelMismatch, match="no segment 'hand'; it has body"):
        simulate_skeleton_imus(skeleton, kinematics, [SensorPlacement("s", "hand")])
    with pytest.raises(ValueError, match="both speeds and accelerations"):
        simulate_skeleton_imus(skeleton, kinematics, [placement], speeds=np.zeros((20, 6)))
    with pytest.raises(ValueError, match=r"accelerations have shape \(19, 6\); expected that of the coordinates"):
        simulate_skeleton_imus(
            skeleton, kinematics, [placement], speeds=np.zeros((20, 6)), accelerations=np.zeros((19, 6))
        )
    with pytest.raises(ValueError, match="would not be theirs"):
        zero = np.zeros((20, 6))
        simulate_skeleton_imus(skeleton, kinematics, [placement], speeds=zero, accelerations=zero, cutoff=6.0)
