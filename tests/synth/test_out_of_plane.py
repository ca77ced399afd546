"""Planar walkers in space: the plane stays what it was, what leaves it is the person's own and alike on both sides."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics
from synth.cli import imu_app
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from synth.corpus.trial import CorpusTrial
from synth.joint_trial import JOINTS, joint_trial, segment_poses
from synth.out_of_plane import JOINT_SWINGS, PersonSwings, spatial_motions, walk_in_space
from synth.repeated_gait import repeat_gait

RATE, DURATION, SPEED = 100.0, 1.1, 1.2
FLEXION = {"hip": "hip_flexion", "knee": "knee_angle", "ankle": "ankle_angle"}


class Held:
    """A person who holds one angle of the pelvis (rad)."""

    def __init__(self, listing, rotation):
        self._held = listing, rotation

    def pelvis(self, cycle):
        return np.tile(self._held, (len(cycle), 1))

    def joint(self, joint, side, cycle):
        return np.zeros((len(cycle), 2))


class Average:
    """Draws that make the average person: no deviation, amplitudes as published."""

    def standard_normal(self, size=None):
        return 0.0 if size is None else np.zeros(size)

    def uniform(self, low, high):
        return 1.0


class Nothing:
    """A person who stays in the plane."""

    def pelvis(self, cycle):
        return np.zeros((len(cycle), 2))

    def joint(self, joint, side, cycle):
        return np.zeros((len(cycle), 2))


def one_cycle(code="S01", name="walk") -> CorpusTrial:
    """A periodic planar walk whose left leg does what the right one does half a cycle later."""
    subject = Subject(code, 70.0, 1.75)
    skeleton = planar_skeleton(subject)
    time = np.arange(round(DURATION * RATE)) / RATE
    turn, names = 2 * np.pi * time / DURATION, skeleton.coordinate_names
    values = np.zeros((len(time), len(names)))
    values[:, names.index("pelvis_tx")], values[:, names.index("pelvis_ty")] = SPEED * time, 0.95
    for side, late in (("r", 0.0), ("l", np.pi)):
        values[:, names.index(f"hip_flexion_{side}")] = 0.1 + 0.4 * np.cos(turn - late)
        values[:, names.index(f"knee_angle_{side}")] = 0.5 - 0.45 * np.cos(turn - late + 1.2)
        values[:, names.index(f"ankle_angle_{side}")] = 0.15 * np.sin(turn - late)
    return CorpusTrial(
        name, subject, RATE, task="walk", skeleton=skeleton, status="converged",
        kinematics=Kinematics(names, values, RATE), events=(GaitEvent(0.0, "right", "foot_strike", "force"),),
        spatiotemporal={"speed": SPEED, "stride_time_r": DURATION},
    )  # fmt: skip


@pytest.fixture(scope="module")
def walk() -> CorpusTrial:
    return repeat_gait(one_cycle(), repeats=4)


def test_who_does_not_leave_the_plane_moves_as_the_planar_skeleton_but_for_the_sway(walk):
    planar = segment_motions(walk.skeleton, walk.kinematics)
    for motion in spatial_motions(walk, Nothing()):
        expected = planar[motion.segment]
        np.testing.assert_allclose(motion.origin[:, :2], expected.origin[:, :2], atol=1e-12)
        assert (motion.orientation.inv() * expected.orientation).magnitude().max() < 1e-9


def test_list_lowers_the_right_side_rotation_brings_it_forward_and_the_pelvis_sways_to_the_standing_leg(walk):
    right = np.array([0.0, 0.0, 1.0])  # Z of the ground frame
    for held, axis, sign in (((0.2, 0.0), 1, -1.0), ((0.0, 0.2), 0, 1.0)):
        side = spatial_motions(walk, Held(*held))[0].orientation.apply(right)
        expected = np.zeros(3)
        expected[axis], expected[2] = sign * np.sin(0.2), np.cos(0.2)
        np.testing.assert_allclose(side, np.tile(expected, (len(side), 1)), atol=1e-9)
    sway = spatial_motions(walk, Nothing())[0].origin[:, 2]
    right_stance, left_stance = (round(part * DURATION * RATE) for part in (0.3, 0.8))
    assert sway[right_stance] > 0.01
    assert sway[left_stance] < -0.01


def test_an_average_person_drops_the_swinging_side_and_strikes_with_it_ahead():
    person = PersonSwings(Average())
    side = np.degrees(person.pelvis(np.array([0.02, 0.15, 0.52, 0.65])))
    assert side[3, 0] == pytest.approx(3.5, abs=1e-6)  # right leg about to swing: its side is low
    assert side[1, 0] == pytest.approx(-3.5, abs=1e-6)
    assert side[0, 1] == pytest.approx(4.5, abs=1e-6)  # right strike: right side ahead
    assert side[2, 1] == pytest.approx(-4.5, abs=1e-6)


def test_sagittal_angles_stay_and_each_person_gets_angles_of_normal_size_out_of_the_plane(walk):
    ranges = {joint: [] for joint in JOINTS}
    for seed in range(12):
        spatial = walk_in_space(walk, np.random.default_rng(seed))
        poses = segment_poses(spatial)
        for joint, coordinate in FLEXION.items():
            for side in "rl":
                angles = joint_trial(spatial, poses, joint, side).angles
                np.testing.assert_allclose(angles[:, 0], walk.kinematics.of(f"{coordinate}_{side}"), atol=1e-9)
                ranges[joint].append(np.degrees(np.ptp(angles[:, 1:], axis=0)))
    for joint, found in ranges.items():
        published = 2.0 * np.array([swing.amplitude for swing in JOINT_SWINGS[joint]])
        assert np.all(np.abs(np.mean(found, axis=0) / published - 1.0) < 0.6), joint


def test_the_same_person_moves_alike_in_every_trial_and_others_do_not(walk):
    def records(seed):
        return walk_in_space(walk, np.random.default_rng(seed)).recordings[2].angular_velocity

    np.testing.assert_array_equal(records(1), records(1))
    assert np.abs(records(1) - records(2)).max() > 0.1


def test_a_left_leg_does_half_a_cycle_later_what_a_right_one_does(walk):
    swings = PersonSwings(np.random.default_rng(3))
    cycle = np.linspace(0.0, 1.0, 50)
    right, left = swings.joint("hip", "r", cycle), swings.joint("hip", "l", cycle - 0.5)
    for column in range(2):  # amplitudes differ between sides, the curve does not
        assert np.corrcoef(right[:, column], left[:, column])[0, 1] > 0.9999


def test_without_strikes_or_coordinates_it_is_refused(walk):
    with pytest.raises(CorpusMismatch, match="strike of the right foot"):
        walk_in_space(replace(walk, events=()), np.random.default_rng(0))
    with pytest.raises(CorpusMismatch, match="planar coordinates"):
        walk_in_space(replace(walk, kinematics=None), np.random.default_rng(0))


def test_by_command_both_trials_of_a_person_leave_the_plane_alike_and_the_corpus_says_so(tmp_path):
    people, virtual = tmp_path / "people.h5", tmp_path / "virtual.h5"
    with CorpusWriter(people, role="prediction") as writer:
        for code, name in (("S01", "walk_01"), ("S01", "walk_02"), ("S02", "walk_01")):
            writer.append(one_cycle(code, name))
    words = ["cycles", str(people), str(virtual), "--repeats", "3", "--seed", "3", "--out-of-plane", "--json"]
    done = CliRunner().invoke(imu_app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["trials"] == 3
    corpus = Corpus(virtual)
    assert corpus.provenance.config["out_of_plane"] == {"seed": 3, "version": 1}

    def adduction(subject, name):
        trial = corpus.read(subject, name, clean=True)
        assert trial.kinematics is None and any(t.what == "out_of_plane_drawn" for t in trial.treatments)
        return joint_trial(trial, segment_poses(trial), "hip", "r").angles[:, 1]

    np.testing.assert_allclose(adduction("S01", "walk_01"), adduction("S01", "walk_02"), atol=1e-6)
    assert np.abs(adduction("S01", "walk_01") - adduction("S02", "walk_01")).max() > 0.01
