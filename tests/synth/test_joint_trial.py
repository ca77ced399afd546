"""Joint trials: two sensors of a corpus and the angles between them, left mirrored to right, and the stored poses."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics, SegmentMotion
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, check_corpus
from synth.imu.mirror_image import mirror_motion
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.joint_trial import JOINTS, joint_angles, joint_rotation, read_joint_trials

RATE, N = 200.0, 260
PERSON = Subject("A01", mass=70.0, height=1.75)


def _swing(seed, size):
    """Smooth angles (N, 3) of a few harmonics."""
    rng, phase = np.random.default_rng(seed), 2 * np.pi * 1.3 * np.arange(N) / RATE
    waves = [rng.uniform(-size, size, 3) * np.sin(k * phase[:, None] + rng.uniform(0, 6, 3)) / k for k in (1, 2)]
    return np.sum(waves, axis=0) + rng.uniform(-0.1, 0.1, 3)


def _leg(pelvis, side, angles):
    """Segments of a leg below a pelvis that turn by the angles of a right-hand convention."""
    above = mirror_motion(pelvis) if side == "l" else pelvis
    motions = []
    for joint, (_, distal) in JOINTS.items():
        turned = above.orientation * joint_rotation(joint, angles[joint])
        below = above.origin + turned.apply([0.0, -0.4, 0.0])
        above = SegmentMotion(f"{distal}_r", below, turned, RATE)
        motions.append(mirror_motion(above) if side == "l" else above)
    return motions


@pytest.fixture
def walker():
    """A trial of seven segments, symmetrical: the left leg does what the right one does, in the mirror."""
    time = np.arange(N) / RATE
    path = np.stack([1.2 * time, 0.9 + 0.02 * np.cos(10 * time), 0 * time], axis=1)
    sway = Rotation.from_rotvec(np.outer(0.1 * np.sin(5 * time), [0.0, 0.0, 1.0]))  # tilt alone: its own mirror image
    pelvis = SegmentMotion("pelvis", path, sway, RATE)
    angles = {joint: _swing(i, 0.4) for i, joint in enumerate(JOINTS)}
    segments = (pelvis, *_leg(pelvis, "r", angles), *_leg(pelvis, "l", angles))
    moved = {segment.segment: segment for segment in segments}
    records = tuple(simulate_imu(moved[p.segment], p, method="spline") for p in SEVEN_SENSORS)
    trial = CorpusTrial("walk", PERSON, RATE, records, segments=segments, task="walk")
    return trial, angles


def _corpus(path, *trials, **config):
    with CorpusWriter(path, role="motion", config=config) as corpus:
        for trial in trials:
            corpus.append(trial)
    return path


@pytest.mark.parametrize("joint", JOINTS)
def test_angles_and_rotations_of_a_joint_are_inverses(joint):
    angles = _swing(5, 0.6)
    proximal = Rotation.from_rotvec(_swing(6, 1.0))
    found = joint_angles(joint, proximal, proximal * joint_rotation(joint, angles))
    np.testing.assert_allclose(found, angles, atol=1e-12)


def test_a_bent_leg_has_the_signs_of_the_table():
    still = Rotation.identity(3)
    back = Rotation.from_euler("Z", np.full((3, 1), -0.5))  # shank behind, thigh in front: about the axis to the right
    assert joint_angles("knee", still, back)[:, 0] == pytest.approx(0.5)
    assert joint_angles("hip", still, back.inv())[:, 0] == pytest.approx(0.5)
    inward = Rotation.from_euler("Y", np.full((3, 1), 0.3))  # toes of a right foot to the left
    assert joint_angles("ankle", still, inward)[:, 2] == pytest.approx(0.3)


def test_poses_survive_the_corpus(walker, tmp_path):
    trial, _ = walker
    hidden = replace(trial.segments[1], origin=np.where(np.arange(N)[:, None] < 4, np.nan, trial.segments[1].origin))
    stored = replace(trial, segments=(trial.segments[0], hidden))
    path = _corpus(tmp_path / "poses.h5", stored)
    assert check_corpus(path) == []
    read = Corpus(path).read("A01", "walk").segments
    for before, after in zip(stored.segments, read, strict=True):
        seen = np.isfinite(before.origin).all(axis=1)
        assert after.segment == before.segment
        np.testing.assert_array_equal(after.origin, before.origin)
        assert (before.orientation[seen].inv() * after.orientation[seen]).magnitude().max() < 1e-15
        assert after.orientation[~seen].magnitude().sum() == 0.0


def test_a_pose_of_two_lengths_or_twice_is_refused(walker, tmp_path):
    trial, _ = walker
    short = replace(trial.segments[0], orientation=Rotation.identity(3))
    for segments in ((short,), (trial.segments[0], trial.segments[0])):
        with pytest.raises(CorpusMismatch, match="pelvis"):
            _corpus(tmp_path / "no.h5", replace(trial, segments=segments))


@pytest.mark.parametrize("joint", JOINTS)
def test_left_equals_right_for_a_symmetric_gait(walker, tmp_path, joint):
    trial, angles = walker
    right, left = read_joint_trials(_corpus(tmp_path / "c.h5", trial, laboratories={"A01": "here"}), joint)
    assert (right.side, left.side, right.laboratory, right.task) == ("r", "l", "here", "walk")
    np.testing.assert_allclose(right.angles, angles[joint], atol=1e-9)
    np.testing.assert_allclose(left.angles, right.angles, atol=1e-9)
    for record, image in ((right.proximal, left.proximal), (right.distal, left.distal)):
        assert image.placement.sensor == record.placement.sensor
        np.testing.assert_allclose(image.specific_force, record.specific_force, atol=1e-4)  # kept as float32
        np.testing.assert_allclose(image.angular_velocity, record.angular_velocity, atol=1e-5)
    assert (left.distal_orientation.inv() * right.distal_orientation).magnitude().max() < 1e-9
    assert right.known.all()


def test_the_gyroscope_turns_the_orientation(walker, tmp_path):
    for trial in read_joint_trials(_corpus(tmp_path / "c.h5", walker[0]), "knee"):
        half = (trial.distal.angular_velocity[1:] + trial.distal.angular_velocity[:-1]) / 2
        turned = trial.distal_orientation[0]
        for rate in half:
            turned = turned * Rotation.from_rotvec(rate / RATE)
        assert (turned.inv() * trial.distal_orientation[-1]).magnitude() < np.radians(0.05)


def test_a_skeleton_tells_the_same_as_its_poses(tmp_path):
    skeleton = lower_body_skeleton(PERSON)
    names = ("hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "ankle_angle_r", "pelvis_tilt")
    values = np.column_stack([_swing(1, 0.3), _swing(2, 0.3)])
    moved = Kinematics(names, values, RATE)
    poses = segment_motions(skeleton, moved)
    records = tuple(simulate_imu(poses[p.segment], p) for p in SEVEN_SENSORS)
    modelled = CorpusTrial("model", PERSON, RATE, records, kinematics=moved, skeleton=skeleton)
    path = _corpus(tmp_path / "s.h5", modelled)
    (hip, _), (knee, _), (ankle, _) = (read_joint_trials(path, joint) for joint in JOINTS)
    unsensed = _corpus(tmp_path / "u.h5", replace(modelled, recordings=()))
    for joint, other in (("hip", hip), ("knee", knee)):  # by mechanics on the spot, in places scaled to the person
        (made, _) = read_joint_trials(unsensed, joint)
        turn = made.distal.angular_velocity - other.distal.angular_velocity
        assert np.sqrt(np.nanmean(turn**2)) < 0.02 * np.nanstd(other.distal.angular_velocity)
        np.testing.assert_array_equal(made.angles, other.angles)
    np.testing.assert_allclose(hip.angles, values[:, :3], atol=1e-6)
    np.testing.assert_allclose(knee.angles[:, 0], values[:, 3], atol=1e-6)
    np.testing.assert_allclose(knee.angles[:, 1:], 0.0, atol=1e-6)  # a hinge
    assert np.corrcoef(ankle.angles[:, 0], values[:, 4])[0, 1] > 0.999


def test_what_cannot_be_used_is_named(walker, tmp_path):
    trial, _ = walker
    bare = replace(trial, name="bare", segments=())
    right_only = tuple(r for r in trial.recordings if not r.placement.sensor.endswith("_l"))
    path = _corpus(tmp_path / "c.h5", bare, replace(trial, name="right", recordings=right_only))
    skipped = []
    (only,) = read_joint_trials(path, "knee", skipped=skipped)
    assert (only.trial, only.side) == ("right", "r")
    assert len(skipped) == 2 and "A01/bare" in skipped[0] and "femur_l" in skipped[1]
    with pytest.raises(CorpusMismatch, match="elbow"):
        read_joint_trials(path, "elbow")
    with pytest.raises(CorpusMismatch, match="expected sides"):
        read_joint_trials(path, "knee", sides=("right",))
    two = (*trial.recordings, simulate_imu(trial.segments[0], SensorPlacement("sacrum", "pelvis")))
    with pytest.raises(CorpusMismatch, match="2 sensors on pelvis"):
        read_joint_trials(_corpus(tmp_path / "two.h5", replace(trial, recordings=two)), "hip")
