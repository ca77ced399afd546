"""Signs are found by moving the model, and a flexed pose stays flexed in every other model."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.exchange.sign_convention import SIGN_TABLE, converted, positive_directions, sign_family
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics

MODELS = {
    "biomac_fau/marker_running_participant02/Participant_02.osim": "gait2392",
    "cmu_imu_grf_walk/Sub02/optical_reference/OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim": "rajagopal",
    "falisse_walk_cycle/Hamner_modified_scaled.osim": "gait2392",
    "hamner_running/final.osim": "gait2392",
    "opencap_lab_subject4/Models/manually_scaled.osim": "lai_uhlrich",
    "opencap_lab_subject4/Models/unscaled_generic.osim": "lai_uhlrich",
    "opensim_core/falisse2019_2d_walk/2D_gait.osim": "gait2392",
    "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim": "gait2392",
    "opensim_core/rajagopal_walk/subject_walk_scaled.osim": "rajagopal",
}
PERSON = Subject("S01", 70.0, 1.7)


@pytest.fixture(scope="module")
def skeletons(data_dir):
    found = {name: read_osim(data_dir / name) for name in MODELS}
    return found | {"ours": lower_body_skeleton(PERSON), "planar": planar_skeleton(PERSON)}


def flexed(skeleton, knee=60.0, hip=40.0, ankle=10.0):
    """A pose with these angles in the model's own signs, taken from the table."""
    sign = 1.0 if SIGN_TABLE[sign_family(skeleton)]["knee_angle"] == "flexion" else -1.0
    values = {"hip_flexion": hip, "knee_angle": sign * knee, "ankle_angle": ankle}
    names = tuple(f"{name}_{side}" for name in values for side in "rl")
    return Kinematics(names, np.radians([[values[name[:-2]] for name in names]]), 100.0)


def bend(skeleton, kinematics, side):
    """Knee flexion (degrees) as seen from outside: turn of the shank against the thigh, backward positive."""
    zero = Kinematics((), np.zeros((1, 0)), 100.0)
    turns = []
    for pose in (kinematics, zero):
        motions = segment_motions(skeleton, pose)
        relative = motions[f"femur_{side}"].orientation.inv() * motions[f"tibia_{side}"].orientation
        turns.append(np.degrees(relative.as_rotvec()[0, 2]))
    return turns[1] - turns[0]


def test_each_shared_model_has_the_signs_of_its_family(skeletons):
    for name, family in (MODELS | {"ours": "rajagopal", "planar": "rajagopal"}).items():
        assert sign_family(skeletons[name]) == family, name


def test_left_and_right_mean_the_same(skeletons):
    for name, skeleton in skeletons.items():
        found = positive_directions(skeleton)
        for coordinate, word in found.items():
            if coordinate.endswith("_r"):
                assert found[coordinate[:-2] + "_l"] == word, (name, coordinate)


def test_a_flexed_knee_moves_the_shank_backward_in_every_model(skeletons):
    for name, skeleton in skeletons.items():
        for side in "rl":
            assert bend(skeleton, flexed(skeleton), side) == pytest.approx(60.0, abs=4.0), name


def test_a_flexed_pose_stays_flexed_in_every_other_model(skeletons):
    hub = ("ours", "planar", "hamner_running/final.osim")
    pairs = [pair for pair in itertools.permutations(skeletons, 2) if set(pair) & set(hub)]
    for first, second in pairs:
        pose = converted(flexed(skeletons[first]), skeletons[first], skeletons[second])
        assert bend(skeletons[second], pose, "r") == pytest.approx(60.0, abs=4.0), (first, second)
        back = converted(pose, skeletons[second], skeletons[first])
        for coordinate in back.coordinates:
            np.testing.assert_allclose(back.of(coordinate), flexed(skeletons[first]).of(coordinate))


def test_what_would_be_lost_or_change_its_meaning_is_refused(skeletons):
    ours, planar = skeletons["ours"], skeletons["planar"]
    with pytest.raises(ModelMismatch, match="hip_rotation_r"):
        converted(Kinematics(("hip_rotation_r",), np.full((2, 1), 0.1), 100.0), ours, planar)
    still = converted(Kinematics(("hip_rotation_r", "knee_angle_r"), np.zeros((2, 2)), 100.0), ours, planar)
    assert still.coordinates == ("knee_angle_r",)  # nothing moves, nothing is lost
    with pytest.raises(ModelMismatch, match="another model"):
        converted(Kinematics(("tail_flexion",), np.zeros((2, 1)), 100.0), ours, planar)
    # the pelvis of one laboratory's model turns, lists and tilts; that of the others tilts, lists and turns
    turned = Kinematics(("pelvis_tilt", "pelvis_rotation"), np.full((2, 2), 0.3), 100.0)
    other = skeletons["biomac_fau/marker_running_participant02/Participant_02.osim"]
    with pytest.raises(ModelMismatch, match="other angles"):
        converted(turned, other, ours)


def test_a_direction_that_only_one_model_tells_is_refused_not_turned_over():
    """A trunk of another name gives no word for lumbar_extension: that is no reason to change its sign."""
    ours = lower_body_skeleton(PERSON).with_markers(())
    segments = tuple(replace(s, name="trunk" if s.name == "torso" else s.name) for s in ours.segments)
    renamed = replace(ours, segments=segments, contacts=(), muscles=())
    bent = Kinematics(("lumbar_extension",), np.full((2, 1), 0.1), 100.0)
    with pytest.raises(ModelMismatch, match="lumbar_extension"):
        converted(bent, ours, renamed)
