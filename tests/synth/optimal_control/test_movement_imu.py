"""IMU tracking: the sensor in the problem is the simulated one, its angle is found again, and what is wrong is refused.

Sources: exact mechanics (`synth.imu.skeleton_imu`), a movement of the tracking model itself, and real strides with
markers (NeuRA S02).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

import casadi as ca
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.generic.contact_point import with_contact_points
from opensim_models.model.multibody import segment_states
from opensim_models.model.muscle_path import length_and_arms
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.optimal_control.gait.normative_gait import cycle_duration, normative_coordinates
from synth.optimal_control.gait.periodic_curve import periodic_derivatives
from synth.optimal_control.inertial.constant_arm_muscles import with_constant_arm_muscles
from synth.optimal_control.inertial.imu_attempt import ImuTracking
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS, ImuWeights
from synth.optimal_control.inertial.imu_misfit import sensor_readings
from synth.optimal_control.inertial.imu_tracking import imu_problem, track_imus
from synth.optimal_control.inertial.sensor_problem import channel_deviation
from synth.optimal_control.inertial.strap_down import (
    SensorRecord,
    integrate_periodic,
    sagittal_records,
    sensor_tilt,
    speed_from_feet,
)
from synth.optimal_control.law.gait2dc_muscle import GAIT2DC_MUSCLES
from synth.optimal_control.movement.chain import chain_to
from synth.optimal_control.movement.contact_blocks import contact_block
from synth.optimal_control.movement.data import sphere_numbers
from synth.optimal_control.movement.following_blocks import rotation_of, sensor_block, sensor_values
from synth.optimal_control.movement.skeleton_numbers import pattern_of, skeleton_numbers
from synth.optimal_control.movement.structure import movement_structure
from synth.optimal_control.program.collocation import Mesh

PERSON = Subject("walker", 70.0, 1.75)
SPEED = 1.3
DURATION = cycle_duration(SPEED, PERSON.height)
OFFSETS = {"pelvis": (-0.1, 0.05), "femur": (0.0, -0.2), "tibia": (0.0, -0.2), "calcn": (0.12, 0.0)}
ANGLES = dict(zip(SENSOR_SEGMENTS, np.radians([0.0, 6.0, -5.0, 8.0, -7.0, 4.0, -6.0]), strict=True))
ALIGNED = dict.fromkeys(SENSOR_SEGMENTS, 0.0)


def recorded(readings: dict[str, np.ndarray]) -> tuple[ImuRecording, ...]:
    """Sagittal readings as recordings with nominal placements."""
    made = []
    for segment, read in readings.items():
        zero = np.zeros(len(read))
        offset = np.array([*OFFSETS[segment.split("_")[0]], 0.0])
        force, turn = np.column_stack([read[:, :2], zero]), np.column_stack([zero, zero, read[:, 2]])
        made.append(ImuRecording(SensorPlacement(segment, segment, offset), force, turn, len(read) / DURATION))
    return tuple(made)


def places() -> dict[str, np.ndarray]:
    return {s: np.array(OFFSETS[s.split("_")[0]]) for s in SENSOR_SEGMENTS}


@cache
def first_tracking() -> ImuTracking:
    """A movement of the model itself: what follows the sensors of a normative walk."""
    skeleton = planar_skeleton(PERSON, "winter")
    q = np.nan_to_num(normative_coordinates(np.arange(100) / 100.0, SPEED, PERSON.height))
    v, a = periodic_derivatives(q, DURATION)
    v[:, skeleton.coordinate_index("pelvis_tx")] += SPEED
    return track_imus(recorded(sensor_readings(skeleton, q, v, a, places(), ALIGNED)), PERSON, DURATION)


def walk_recordings(
    angles: dict[str, float], moved: Mapping[str, np.ndarray] = MappingProxyType({})
) -> tuple[ImuRecording, ...]:
    """Sensors on that movement, some of them moved from where they are said to be."""
    s = first_tracking().solution
    where = {segment: place + moved.get(segment, 0.0) for segment, place in places().items()}
    return recorded(sensor_readings(s.skeleton, s.coordinates, s.speeds, s.accelerations, where, angles))


def random_motion(n_q: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(-0.5, 0.5, (6, n_q)), rng.uniform(-3, 3, (6, n_q)), rng.uniform(-20, 20, (6, n_q))]


@pytest.mark.parametrize("segment", ["pelvis", "femur_l", "calcn_r"])
def test_planar_sensor_reads_what_the_simulated_one_reads(segment: str) -> None:
    skeleton, offset, angle = planar_skeleton(PERSON), (0.03, -0.1, 0.0), 0.3
    q, v, a = random_motion(10)
    mounting = Rotation.from_euler("z", angle)
    placement = SensorPlacement("s", segment, np.array(offset), mounting)
    kinematics = Kinematics(skeleton.coordinate_names, q, 100.0)
    expected = simulate_skeleton_imus(skeleton, kinematics, [placement], speeds=v, accelerations=a)[0]
    state = segment_states(skeleton, list(q.T), list(v.T), list(a.T))[skeleton.segment_index(segment)]
    read = over_frames(sensor_values(state, offset, [angle]), 6)
    assert read[:, :2] == pytest.approx(expected.specific_force[:, :2], abs=1e-9)
    assert read[:, 2] == pytest.approx(expected.angular_velocity[:, 2], abs=1e-9)


@pytest.mark.parametrize("segment", ["pelvis", "tibia_l", "calcn_r"])
def test_spatial_sensor_reads_what_the_simulated_one_reads(segment: str) -> None:
    skeleton, offset, vector = lower_body_skeleton(PERSON), (0.03, -0.1, 0.05), (0.2, -0.1, 0.15)
    q, v, a = random_motion(21)
    mounting = Rotation.from_matrix(np.array(rotation_of(vector), float))
    assert mounting.magnitude() == pytest.approx(np.linalg.norm(vector), rel=0.01)
    placement = SensorPlacement("s", segment, np.array(offset), mounting)
    kinematics = Kinematics(skeleton.coordinate_names, q, 100.0)
    expected = simulate_skeleton_imus(skeleton, kinematics, [placement], speeds=v, accelerations=a)[0]
    state = segment_states(skeleton, list(q.T), list(v.T), list(a.T))[skeleton.segment_index(segment)]
    read = over_frames(sensor_values(state, offset, list(vector)), 6)
    assert read[:, :3] == pytest.approx(expected.specific_force, abs=1e-9)
    assert read[:, 3:] == pytest.approx(expected.angular_velocity, abs=1e-9)


def test_sensor_block_costs_nothing_at_its_own_readings() -> None:
    skeleton, angle, offset = planar_skeleton(PERSON), 0.2, (0.02, -0.1)
    pattern = pattern_of(skeleton)
    chain = chain_to(pattern, ["tibia_r"])
    block = sensor_block(chain, "tibia_r", planar=True)
    q, v, a = random_motion(10)
    read = sensor_readings(skeleton, q, v, a, {"tibia_r": np.array(offset)}, {"tibia_r": angle})["tibia_r"]
    columns = list(chain.coordinates)
    numbers = skeleton_numbers(skeleton)[chain.entries]
    x = np.r_[
        q[0, columns], v[0, columns] / 5.0, a[0, columns] / 50.0, angle / 0.2
    ]  # solver units of `structure.SCALE`
    p = np.r_[numbers, offset, 0.0, read[0], 2.0, 3.0, 4.0]
    cost, _ = block.value(ca.DM(x), ca.DM(p))
    assert float(cost) == pytest.approx(0.0, abs=1e-18)
    p[-4] += 0.5
    assert float(block.value(ca.DM(x), ca.DM(p))[0]) == pytest.approx(4.0 * 0.25, rel=1e-9)


@pytest.mark.parametrize("planar", [True, False])
def test_sensor_block_reads_at_the_displaced_place(planar: bool) -> None:
    """A sensor that is displaced costs what one at that place does, and nothing where the reading is its own."""
    skeleton, n_angles, axes = (planar_skeleton(PERSON), 1, 2) if planar else (lower_body_skeleton(PERSON), 3, 3)
    offset, moved = np.array([0.02, -0.1, 0.0 if planar else 0.04]), np.array([0.01, -0.03, 0.0 if planar else 0.02])
    chain = chain_to(pattern_of(skeleton), ["tibia_r"])
    columns = list(chain.coordinates)
    q, v, a = random_motion(len(skeleton.coordinates))
    mounting = np.array([0.2, -0.1, 0.15])[:n_angles]
    state = segment_states(skeleton, list(q.T), list(v.T), list(a.T))[skeleton.segment_index("tibia_r")]
    read = over_frames(sensor_values(state, tuple(offset + moved), list(mounting)), 6)[0]
    x = np.r_[q[0, columns], v[0, columns] / 5.0, a[0, columns] / 50.0, mounting / 0.2, moved[:axes] / 0.03]
    p = np.r_[skeleton_numbers(skeleton)[chain.entries], offset, read, np.full(len(read), 2.0)]
    block = sensor_block(chain, "tibia_r", planar, placing=True)
    assert float(block.value(ca.DM(x), ca.DM(p))[0]) == pytest.approx(0.0, abs=1e-18)
    x[-1] += 1.0
    assert float(block.value(ca.DM(x), ca.DM(p))[0]) > 1e-3


def test_strap_down_finds_tilt_and_speed_of_a_walk() -> None:
    records = sagittal_records(walk_recordings(ALIGNED), turn_to_plane=False)
    s = first_tracking().solution
    column = s.skeleton.coordinate_index
    thigh = s.coordinates[:, column("pelvis_tilt")] + s.coordinates[:, column("hip_flexion_r")]
    assert np.degrees(sensor_tilt(records["femur_r"], DURATION) - thigh) == pytest.approx(0.0, abs=1.0)
    assert speed_from_feet(records, DURATION) == pytest.approx(s.speed, abs=0.1)


def test_periodic_integral_of_a_harmonic() -> None:
    phase = 2.0 * np.pi * np.arange(40) / 40.0
    assert integrate_periodic(3.0 + np.cos(phase), 2.0) == pytest.approx(np.sin(phase) / np.pi, abs=1e-12)


def test_tilted_sensor_at_rest() -> None:
    still = SensorRecord("pelvis", np.tile([9.81 * np.sin(0.2), 9.81 * np.cos(0.2), 0.0], (20, 1)), np.zeros(2))
    assert sensor_tilt(still, 1.0) == pytest.approx(0.2, abs=1e-12)


def test_mounting_angles_and_movement_are_found_again() -> None:
    truth = first_tracking().solution
    assert truth.converged, truth.reason
    exact = {segment: np.full(3, 1e-4) for segment in SENSOR_SEGMENTS}
    walked = walk_recordings(ANGLES, {"tibia_r": np.array([0.02, 0.03])})
    found = track_imus(walked, PERSON, DURATION, variances=exact, turn_to_plane=False)
    assert found.solution.converged, found.solution.reason
    assert found.places["tibia_r"] - places()["tibia_r"] == pytest.approx([0.02, 0.03], abs=0.008)
    for segment, angle in ANGLES.items():
        assert np.degrees(found.mounting[segment] - angle) == pytest.approx(0.0, abs=1.5), segment
    joints = [
        i for i, name in enumerate(truth.skeleton.coordinate_names) if not name.startswith(("pelvis_t", "lumbar"))
    ]
    error = np.degrees(found.solution.coordinates - truth.coordinates)[:, joints]
    assert np.sqrt(np.mean(error**2)) < 1.0
    assert found.solution.speed == pytest.approx(truth.speed, abs=0.03)
    force = [r.force[:, 1].mean() for r in found.solution.ground_reactions]
    assert sum(force) == pytest.approx(PERSON.mass * 9.80665, rel=1e-3)


def test_a_sole_that_gives_is_a_foot_that_stands_lower() -> None:
    """Load on a foot whose points stand 4 mm lower = load on a body that stands 4 mm lower."""
    skeleton = with_contact_points(planar_skeleton(PERSON), PERSON.height)
    structure = movement_structure(skeleton, Mesh(4), contact="points")
    foot, chain = structure.feet[0], chain_to(structure.pattern, structure.feet[0].points)
    n, height = len(chain.coordinates), chain.skeleton.coordinate_names.index("pelvis_ty")
    giving = contact_block(chain, foot, "points", True, sole=True)
    rigid = contact_block(chain, foot, "points", True)
    spheres = [number for c in skeleton.contacts if c.segment == "calcn_r" for number in sphere_numbers(c)]
    p = np.r_[skeleton_numbers(skeleton)[chain.entries], PERSON.mass * 9.80665, 0.0, 0.003, spheres, np.zeros(9)]
    x = np.r_[np.zeros(n), 0.1 * np.ones(n), np.zeros(4)]
    x[height] = -min(c.offset[1] for c in skeleton.contacts) - skeleton_leg(skeleton)
    lower = x.copy()
    lower[height] -= 0.004
    loads = np.ravel(giving.value(ca.DM(np.r_[x, 0.4]), ca.DM(p))[1])  # 0.4 solver units of 10 mm
    assert loads == pytest.approx(np.ravel(rigid.value(ca.DM(lower), ca.DM(p))[1]), rel=1e-9)
    assert abs(loads[height]) > 1.02 * abs(np.ravel(rigid.value(ca.DM(x), ca.DM(p))[1])[height])


def skeleton_leg(skeleton: Skeleton) -> float:
    """Height (m) of the ankle of the upright skeleton whose pelvis is at the origin, usually below zero."""
    states = segment_states(skeleton, [np.zeros(1)] * len(skeleton.coordinates))
    return float(np.ravel(states[skeleton.segment_index("calcn_r")].origin[1])[0])


def test_what_carries_the_movement_is_all_there() -> None:
    """Forces of the contact law, soles and all, leave nothing for the root of the skeleton to carry."""
    solution = first_tracking().solution
    root = [solution.skeleton.coordinate_index(name) for name in ("pelvis_tx", "pelvis_ty", "pelvis_tilt")]
    assert np.abs(solution.arrays["soles"]).max() > 1e-4
    assert np.abs(solution.moments[:, root]).max() < 1.0


def test_the_price_of_torque_rates_smooths_torques() -> None:
    walked = walk_recordings(ALIGNED)
    slopes = []
    for weights in (ImuWeights(), ImuWeights(torque_rate=1.0)):
        found = track_imus(walked, PERSON, DURATION, weights=weights, turn_to_plane=False, n_starts=1)
        slopes.append(np.square(np.diff(found.solution.arrays["torques"], axis=0)).sum())
    assert slopes[1] < 0.7 * slopes[0]


def test_known_speed_is_kept() -> None:
    found = track_imus(walk_recordings(ALIGNED), PERSON, DURATION, speed=1.25, turn_to_plane=False, n_starts=1)
    assert found.solution.speed == pytest.approx(1.25, abs=1e-6)


def test_records_that_no_movement_explains_are_refused() -> None:
    wrong = tuple(
        replace(r, angular_velocity=-r.angular_velocity) if r.placement.segment == "tibia_r" else r
        for r in walk_recordings(ALIGNED)
    )
    found = track_imus(wrong, PERSON, DURATION, turn_to_plane=False, n_starts=1)
    assert not found.solution.converged
    assert re.search(r"worst \d+ times: .* on (femur|tibia|calcn)_r", found.solution.reason)
    assert "wrong basin" in found.solution.reason
    assert found.attempts[0].reason == found.solution.reason


def test_a_sensor_that_never_turns_is_weighed_like_a_real_one() -> None:
    """A channel without any variance does not get an infinite weight."""
    still = tuple(
        replace(r, angular_velocity=np.zeros_like(r.angular_velocity)) if r.placement.segment == "pelvis" else r
        for r in walk_recordings(ALIGNED)
    )
    problem = imu_problem(still, PERSON, DURATION, turn_to_plane=False)
    assert channel_deviation(problem, "pelvis").min() >= 0.001


@pytest.mark.parametrize("segment", SENSOR_SEGMENTS)
def test_all_seven_sensors_are_needed(segment: str) -> None:
    six = [r for r in walk_recordings(ALIGNED) if r.placement.segment != segment]
    with pytest.raises(ModelMismatch, match=f"none is on {segment}"):
        track_imus(six, PERSON, DURATION)


def test_a_gap_and_an_impossible_duration_are_named() -> None:
    records = list(walk_recordings(ALIGNED))
    with pytest.raises(ModelMismatch, match="expected a gait cycle"):
        track_imus(records, PERSON, 30.0)
    hole = records[2].specific_force.copy()
    hole[7] = np.nan
    with pytest.raises(ModelMismatch, match="1 missing samples"):
        track_imus([*records[:2], replace(records[2], specific_force=hole), *records[3:]], PERSON, DURATION)


@pytest.mark.slow
def test_real_strides_agree_with_markers(data_dir: Path) -> None:
    from benchmarks.peers.real_strides import PERSON as WALKER
    from benchmarks.peers.real_strides import real_strides

    strides = real_strides(data_dir)
    assert len(strides) == 2
    for stride in strides:
        found = track_imus(stride.recordings, WALKER, stride.duration)
        solution = found.solution
        assert solution.converged, solution.reason
        assert solution.speed == pytest.approx(stride.speed, abs=0.16)
        phase = np.arange(len(solution.time)) / len(solution.time)
        errors = []
        for joint, angle in stride.angles.items():
            truth = np.interp(phase, np.arange(100) / 100.0, angle, period=1.0)
            errors.append(np.degrees(solution.of(joint)) - truth)
        removed = [np.std(e) for e in errors]
        assert np.mean([np.sqrt(np.mean(e**2)) for e in errors]) < 6.0
        assert np.mean(removed) < 3.0


def test_muscles_of_constant_arms_pull_by_their_arms() -> None:
    skeleton = with_constant_arm_muscles(planar_skeleton(Subject("man", 75.0, 1.8)), 1.8)
    assert len(skeleton.muscles) == 16
    table = {m.name: m for m in GAIT2DC_MUSCLES}
    for muscle in skeleton.muscles:
        source = table[muscle.name[:-2]]
        signs = {"hip_flexion": 1.0, "knee_angle": -1.0, "ankle_angle": 1.0}
        arms = {f"{j}{muscle.name[-2:]}": s * a for (j, s), a in zip(signs.items(), source.arms, strict=True) if a}
        assert muscle.path.coordinates == tuple(arms)
        angles = [0.3, -0.2][: len(arms)]
        length, found = length_and_arms(muscle.path, angles)
        assert found == pytest.approx(list(arms.values()))
        expected = source.reference_length - sum(a * q for a, q in zip(arms.values(), angles, strict=True))
        assert length == pytest.approx(expected)


def test_a_tracking_that_was_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    about = {"turn_to_plane": False, "n_starts": 1, "keep_in": tmp_path / "walk"}
    first = track_imus(walk_recordings(ALIGNED), PERSON, DURATION, **about)
    assert first.resumed == ""
    again = track_imus(walk_recordings(ALIGNED), PERSON, DURATION, **about)
    assert again.resumed == "nominal contact"
    assert again.solution.iterations < first.solution.iterations
    assert again.solution.coordinates == pytest.approx(first.solution.coordinates, abs=1e-3)
    other = track_imus(walk_recordings(ALIGNED), replace(PERSON, mass=80.0), DURATION, **about)
    assert other.resumed == ""


def test_muscles_carry_the_movement() -> None:
    found = track_imus(walk_recordings(ALIGNED), PERSON, DURATION, turn_to_plane=False, muscles=True, n_starts=1)
    assert found.solution.converged, found.solution.reason
    assert found.solution.muscles[0] == "iliopsoas_r"
    activations = found.solution.arrays["activations"]
    assert activations.min() >= 0.0
    assert activations.max() <= 1.0 + 1e-6
    weight = 0.1 * PERSON.mass * 9.80665
    assert np.sqrt(np.mean((found.solution.arrays["torques"][:, :6] * weight) ** 2)) < 20.0  # reserves, N·m
