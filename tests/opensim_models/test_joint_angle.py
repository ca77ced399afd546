"""Clinical angles: rotations that are known come back under their names, with the same signs on both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from opensim_models.clinical.anatomical_frame import orthonormal
from opensim_models.clinical.joint_angle import as_coordinates, cardan_angles, joint_angles
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

RATE = 100.0
BODIES = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")


def standing(n=1, **turned):
    """Every segment aligned with the ground but for the named ones (Rotation of length n)."""
    plain = Rotation.identity(n)
    return {b: SegmentMotion(b, np.zeros((n, 3)), turned.get(b, plain), RATE) for b in BODIES}


def angle(name, motions, **k):
    return np.degrees(joint_angles(motions, **k).of(name)[0])


def test_standing_upright_is_zero_everywhere():
    np.testing.assert_allclose(joint_angles(standing()).values, 0.0, atol=1e-15)


@pytest.mark.parametrize(
    ("segments", "axis", "degrees", "name", "expected"),
    [
        # the thigh's lower end goes forward: flexion, on both sides
        (("femur_r", "tibia_r", "calcn_r"), "Z", 30, "hip_flexion_r", 30),
        (("femur_l", "tibia_l", "calcn_l"), "Z", 30, "hip_flexion_l", 30),
        # the foot goes towards the middle: adduction; the right leg to the left
        (("femur_r", "tibia_r", "calcn_r"), "X", 10, "hip_adduction_r", 10),
        (("femur_l", "tibia_l", "calcn_l"), "X", -10, "hip_adduction_l", 10),
        # toes inwards: internal rotation
        (("femur_r", "tibia_r", "calcn_r"), "Y", 10, "hip_rotation_r", 10),
        (("femur_l", "tibia_l", "calcn_l"), "Y", -10, "hip_rotation_l", 10),
        # the shank goes backward: flexion
        (("tibia_r", "calcn_r"), "Z", -60, "knee_flexion_r", 60),
        (("tibia_l", "calcn_l"), "X", -5, "knee_varus_l", 5),
        # toes up: dorsiflexion; sole inwards: inversion
        (("calcn_r",), "Z", 15, "ankle_dorsiflexion_r", 15),
        (("calcn_r",), "X", 8, "ankle_inversion_r", 8),
        (("calcn_l",), "X", -8, "ankle_inversion_l", 8),
        # the pelvis tips forward; its right side goes up; its right side goes forward
        (BODIES, "Z", -12, "pelvis_anterior_tilt", 12),
        (BODIES, "X", -4, "pelvis_obliquity_r", 4),
        (BODIES, "X", -4, "pelvis_obliquity_l", -4),
        (BODIES, "Y", 6, "pelvis_rotation_r", 6),
        (BODIES, "Y", 6, "pelvis_rotation_l", -6),
    ],
)
def test_clinical_signs(segments, axis, degrees, name, expected):
    turned = dict.fromkeys(segments, Rotation.from_euler(axis, [[degrees]], degrees=True))
    assert angle(name, standing(**turned)) == pytest.approx(expected, abs=1e-10)


def test_a_mirrored_person_has_the_same_angles_on_the_other_side():
    """Reflection in the sagittal plane: R' = M R M with M = diag(1, 1, -1)."""
    rng = np.random.default_rng(1)
    motions = standing(5, **{b: Rotation.from_rotvec(rng.normal(0, 0.3, (5, 3))) for b in BODIES})
    mirror = np.diag([1.0, 1.0, -1.0])
    swapped = {}
    for name, motion in motions.items():
        other = name[:-2] + {"_r": "_l", "_l": "_r"}.get(name[-2:], name[-2:])
        rotation = Rotation.from_matrix(mirror @ motion.orientation.as_matrix() @ mirror)
        swapped[other] = SegmentMotion(other, motion.origin, rotation, RATE)
    angles, mirrored = joint_angles(motions), joint_angles(swapped)
    for name in angles.names:
        twin = name[:-2] + {"_r": "_l", "_l": "_r"}.get(name[-2:], name[-2:])
        np.testing.assert_allclose(mirrored.of(twin), angles.of(name), atol=1e-12, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), sequence=st.sampled_from(["ZXY", "ZYX", "YXZ"]))
def test_angles_rebuild_the_rotation(seed, sequence):
    rotation = Rotation.random(20, random_state=seed)
    angles, degenerate = cardan_angles(rotation, sequence)
    back = Rotation.from_euler(sequence, angles)
    error = (back.inv() * rotation).magnitude()
    assert error[~degenerate].max(initial=0.0) < 1e-9
    assert error.max() < np.radians(7.0)  # held angles near the lock cost no more than the lock's margin


def test_a_swing_through_the_gimbal_stays_continuous():
    second = np.radians(np.linspace(0, 170, 400))
    true = np.stack([np.full(400, 0.4), second, np.full(400, -0.3)], axis=1)
    angles, degenerate = cardan_angles(Rotation.from_euler("ZXY", true), "ZXY")
    np.testing.assert_allclose(angles, true, atol=1e-6)
    assert 5 < degenerate.sum() < 30


def test_a_person_who_turns_round_twice_has_no_jump():
    heading = np.linspace(0, 4 * np.pi, 300)
    turned = dict.fromkeys(BODIES, Rotation.from_euler("Y", heading[:, None]))
    found = joint_angles(standing(300, **turned)).of("pelvis_rotation_r")
    assert np.abs(np.diff(found)).max() < 0.1
    assert np.ptp(found) == pytest.approx(4 * np.pi)


def test_frames_without_a_pose_have_no_angle_and_others_do():
    motions = standing(4)
    motions["tibia_r"].origin[2] = np.nan
    angles = joint_angles(motions)
    assert np.isnan(angles.of("knee_flexion_r")).tolist() == [False, False, True, False]
    assert np.isfinite(angles.of("hip_flexion_r")).all()


def test_coordinates_carry_opensim_signs():
    turned = dict.fromkeys(BODIES, Rotation.from_euler("Z", [[-12]], degrees=True))
    coordinates = as_coordinates(joint_angles(standing(**turned)))
    assert np.degrees(coordinates.of("pelvis_tilt")[0]) == pytest.approx(-12)  # OpenSim: the front goes up


def test_what_cannot_be_an_angle_is_refused():
    with pytest.raises(ModelMismatch, match="convention"):
        joint_angles(standing(), convention="euler")
    with pytest.raises(ModelMismatch, match="adjoin"):
        joint_angles({"femur_r": standing()["femur_r"], "calcn_r": standing()["calcn_r"]})
    with pytest.raises(ModelMismatch, match="one trial"):
        joint_angles(standing(3) | {"femur_r": standing(2)["femur_r"]})
    with pytest.raises(ModelMismatch, match="no joint angle"):
        joint_angles(standing()).of("knee_angle_r")


@pytest.mark.parametrize("order", ["XY", "XZ", "YX", "YZ", "ZX", "ZY"])
def test_axes_are_right_handed_whatever_comes_first(order):
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 6, 3))
    axes = orthonormal(first, second, order)
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)
    a, b = ("XYZ".index(letter) for letter in order)
    assert (np.sum(axes[..., a] * first, axis=1) > 0.999 * np.linalg.norm(first, axis=1)).all()
    assert (np.sum(axes[..., b] * second, axis=1) > 0).all()
