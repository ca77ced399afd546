"""What a virtual laboratory records is what its persons did."""

import numpy as np
import pytest

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.archive.subject_motion import scale_subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.multibody import segment_states
from opensim_models.motion import Kinematics, Kinetics
from synth.population import draw_subjects
from synth.virtual_laboratory import OVERGROUND, TREADMILL
from synth.virtual_recording import static_trial, walking_trial
from synth.walking_person import WalkingCycle

PERSON = Subject("S01", 68.0, 1.70, "female", 30.0)
LABORATORIES = pytest.mark.parametrize("laboratory", [OVERGROUND, TREADMILL], ids=lambda x: x.name)


def smooth_gait(subject=PERSON, speed=1.3, duration=1.1, n_nodes=50):
    """A cycle of sines with force bumps: no mechanics, but the shape of a gait."""
    skeleton = planar_skeleton(subject, "de_leva")
    names = skeleton.coordinate_names
    phase = np.arange(n_nodes) / n_nodes
    values = np.zeros((n_nodes, len(names)))
    values[:, names.index("pelvis_tx")] = speed * duration * phase
    values[:, names.index("pelvis_ty")] = 0.525 * subject.height + 0.02 * np.cos(4 * np.pi * phase)
    for side, lag in (("r", 0.0), ("l", 0.5)):
        angle = 2 * np.pi * (phase + lag)
        values[:, names.index(f"hip_flexion_{side}")] = np.radians(8 + 22 * np.cos(angle))
        values[:, names.index(f"knee_angle_{side}")] = np.radians(25 - 20 * np.cos(angle - 1.2))
    rate = n_nodes / duration
    states = segment_states(skeleton, list(values.T))
    reactions = []
    for foot, lag in (("right", 0.0), ("left", 0.5)):
        share = ((phase + lag) % 1.0) / 0.62
        loaded = share < 1.0
        force = np.zeros((n_nodes, 3))
        force[loaded, 1] = subject.body_weight * np.sqrt(np.sin(np.pi * share[loaded]))
        pressure = np.full((n_nodes, 3), np.nan)
        ankle = np.broadcast_to(states[skeleton.segment_index(f"calcn_{foot[0]}")].origin[0], n_nodes)
        pressure[loaded] = 0.0
        pressure[loaded, 0] = ankle[loaded] - 0.04 + 0.2 * share[loaded]
        reactions.append(GroundReaction(force, pressure, np.where(loaded, 0.0, np.nan), rate, foot))
    kinetics = Kinetics(names, np.zeros_like(values), rate, tuple(reactions))
    return WalkingCycle(subject, Kinematics(names, values, rate), kinetics, speed)


def record(laboratory, seed=0):
    static = static_trial(laboratory, PERSON, np.random.default_rng([seed, 0]))
    placement, habits, rest = (np.random.default_rng([seed, k]) for k in (0, 1000, 1))
    trial, person = walking_trial(laboratory, smooth_gait(), "walk_01", placement, habits, rest)
    return static, trial, person


@LABORATORIES
def test_inverse_kinematics_recovers_the_generating_angles(laboratory):
    static, trial, person = record(laboratory)
    model = scale_subject(static)
    solution = solve_inverse_kinematics(model.spatial.skeleton, trial.labels, trial.positions, trial.rate)
    error = np.degrees(solution.kinematics.values - person.kinematics.values)
    angles = [i for i, c in enumerate(model.spatial.skeleton.coordinates) if c.kind == "rotation"]
    rms = np.sqrt(np.nanmean(error[:, angles] ** 2, axis=0))
    assert np.sqrt(np.mean(rms**2)) < 1.5
    assert rms.max() < 2.5


@LABORATORIES
def test_a_scaled_skeleton_weighs_and_measures_what_the_subject_does(laboratory):
    model = scale_subject(record(laboratory)[0])
    assert model.spatial.skeleton.mass == pytest.approx(PERSON.mass)
    assert model.planar.skeleton.mass == pytest.approx(PERSON.mass)
    assert max(model.spatial.residuals.values()) < 0.015
    assert all(0.93 < factor < 1.07 for factor in model.spatial.factors.values())


def test_the_pelvis_drops_on_the_swing_side_and_the_stance_foot_stays_where_it_is():
    person = record(OVERGROUND)[2]
    motions = segment_motions(person.skeleton, person.kinematics)
    right = person.ground_reactions[0].force[::10, 1][: len(person.kinematics.values)]
    cycle = 110
    stance = np.flatnonzero(right[cycle : 2 * cycle] > 0.8 * right.max()) + cycle
    hips = [motions[f"femur_{side}"].origin[stance, 1] for side in "rl"]
    assert (hips[0] - hips[1]).mean() > 0.002
    assert np.ptp(motions["calcn_r"].origin[stance, 2]) < 0.02


def test_feet_are_a_step_width_apart():
    person = record(OVERGROUND)[2]
    motions = segment_motions(person.skeleton, person.kinematics)
    sideways = []
    for side, reaction in zip("rl", person.ground_reactions, strict=True):
        loaded = reaction.force[::10, 1][: len(person.kinematics.values)] > 300
        sideways.append(motions[f"calcn_{side}"].origin[loaded, 2].mean())
    assert 0.06 < sideways[0] - sideways[1] < 0.16


def test_a_treadmill_carries_its_walker_back_at_belt_speed():
    _, trial, person = record(TREADMILL)
    forward = person.kinematics.of("pelvis_tx")
    assert trial.belt_speed == pytest.approx(1.3)
    assert np.ptp(forward) < 0.2
    assert len(trial.ground_reactions) == 1
    whole = trial.ground_reactions[0].force[2200:4400, 1].mean()
    both = sum(r.force[2200:4400, 1].mean() for r in person.ground_reactions)
    assert whole == pytest.approx(both)


def test_the_belt_plate_feels_the_weighted_centre_of_both_feet():
    _, trial, person = record(TREADMILL)
    right, left = person.ground_reactions
    plate = trial.ground_reactions[0]
    both = (right.force[:, 1] > 50) & (left.force[:, 1] > 50)
    assert both.any()
    expected = (
        right.force[both, 1] * right.centre_of_pressure[both, 2]
        + left.force[both, 1] * left.centre_of_pressure[both, 2]
    ) / plate.force[both, 1]
    np.testing.assert_allclose(plate.centre_of_pressure[both, 2], expected, atol=1e-12)


def test_overground_plates_feel_one_step_of_each_foot():
    _, trial, _ = record(OVERGROUND)
    for plate, foot in zip(trial.ground_reactions, ("right", "left"), strict=True):
        assert plate.foot == foot
        loaded = np.flatnonzero(plate.force[:, 1] > 20)
        assert np.diff(loaded).max() == 1
        assert np.nanmax(np.abs(plate.centre_of_pressure[:, 2])) < 0.25


def test_markers_of_a_person_stay_where_they_were_stuck():
    """Static and walking trial of one person share marker positions, so scaling transfers."""
    first, second = record(TREADMILL), record(TREADMILL)
    np.testing.assert_array_equal(first[0].positions, second[0].positions)
    np.testing.assert_array_equal(first[1].positions, second[1].positions)


def test_virtual_persons_are_drawn_from_the_seed_and_are_people():
    one, two = (draw_subjects(20, np.random.default_rng(5)) for _ in range(2))
    assert one == two
    assert {s.sex for s in one} == {"female", "male"}
    assert all(1.5 < s.height < 1.95 and 18 < s.mass / s.height**2 < 28 for s in one)
