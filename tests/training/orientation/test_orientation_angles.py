"""Joint angles of two orientations: the reference's own, mirrored sides, and their intervals by draws."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from opensim_models.clinical.joint_angle import joint_angles
from opensim_models.motion import SegmentMotion
from training.orientation.joint_angle import angle_deviations, orientation_angles, rotation_vector_angles
from training.orientation.smoother import smooth_orientation

N = 80
PAIRS = {"knee": ("femur", "tibia", "knee_flexion", "knee_varus", "knee_rotation")}
PAIRS["ankle"] = ("tibia", "calcn", "ankle_dorsiflexion", "ankle_inversion", "ankle_rotation")


def segments():
    t = np.arange(N) / 50.0
    thigh = Rotation.from_euler("ZXY", np.stack([0.5 * np.sin(7 * t), 0.1 * np.cos(7 * t), 0.1 + 0 * t], axis=1))
    joint = np.stack([-0.7 + 0.6 * np.cos(7 * t), 0.1 * np.sin(14 * t), 0.2 * np.sin(7 * t)], axis=1)
    return thigh, thigh * Rotation.from_euler("ZXY", joint)


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("joint", sorted(PAIRS))
def test_angles_are_those_of_the_reference(joint, side):
    upper, lower = segments()
    proximal, distal, *names = PAIRS[joint]
    motions = {
        f"{body}_{side}": SegmentMotion(f"{body}_{side}", np.zeros((N, 3)), orientation, 50.0)
        for body, orientation in ((proximal, upper), (distal, lower))
    }
    reference = joint_angles(motions)
    expected = np.stack([reference.of(f"{name}_{side}") for name in names], axis=1)
    np.testing.assert_allclose(orientation_angles(upper, lower, f"{joint}_{side}"), expected, atol=1e-12)


def test_the_rotation_vector_is_the_angles_for_a_hinge_and_not_otherwise():
    thigh, shank = segments()
    hinge = thigh * Rotation.from_euler("Z", np.linspace(-1.5, 0, N)[:, None])
    found = rotation_vector_angles(thigh, hinge, "knee_r")
    np.testing.assert_allclose(found, orientation_angles(thigh, hinge, "knee_r"), atol=1e-12)
    difference = rotation_vector_angles(thigh, shank, "knee_r") - orientation_angles(thigh, shank, "knee_r")
    assert 0.02 < np.abs(difference).max() < 0.3


def test_an_unknown_joint_is_refused():
    with pytest.raises(ValueError, match="elbow_r"):
        orientation_angles(Rotation.identity(2), Rotation.identity(2), "elbow_r")


def test_intervals_of_the_joint_angles_hold_what_they_promise():
    rng = np.random.default_rng(0)
    true = segments()
    laws = {"prior_deviation": [0.06, 0.03, 0.05], "gyroscope_deviation": 0.3, "rule": "later"}
    turns = [np.concatenate([np.zeros((1, 3)), (s[:-1].inv() * s[1:]).as_rotvec() * 50.0]) for s in true]
    reference, inside = orientation_angles(*true, "knee_r"), []
    for _ in range(150):
        smooth = [
            smooth_orientation(
                turn + rng.normal(0, 0.3, (N, 3)),
                50.0,
                s * Rotation.from_rotvec(rng.normal(0, 1, (N, 3)) * laws["prior_deviation"]),
                **laws,
            )
            for turn, s in zip(turns, true, strict=True)
        ]
        error = orientation_angles(*(s.orientation for s in smooth), "knee_r") - reference
        inside.append(np.abs(error) < 1.6449 * angle_deviations(*smooth, "knee_r"))
    share = np.mean(inside, axis=(0, 1))
    assert ((share > 0.88) & (share < 0.92)).all()
