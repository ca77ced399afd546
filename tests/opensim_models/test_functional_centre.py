"""Functional centres: the point and the axis that a movement was made about come back; small movements are refused."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from opensim_models.clinical.functional_centre import axis_of_rotation, centre_of_rotation, sphere_centre
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

HIP, KNEE = np.array([-0.05, -0.09, 0.08]), np.array([0.01, -0.4, 0.02])
THIGH_MARKERS = np.array([[0.05, -0.2, 0.08], [-0.03, -0.15, 0.1], [0.0, -0.3, 0.09]])


def star(n=400, flexion=50.0, adduction=35.0, seed=0):
    """A pelvis that sways, and a thigh that makes a star and an arc about the hip: two motions of one trial."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 2 * np.pi, n)
    pelvis = Rotation.from_euler("ZXY", np.radians(3) * rng.normal(size=3) * np.sin(phase)[:, None])
    turns = (
        np.radians([flexion, adduction, 8])
        / 2
        * np.stack([np.sin(5 * phase), np.sin(7 * phase + 1), np.cos(3 * phase)], axis=1)
    )
    parent = SegmentMotion("pelvis", rng.normal(size=3) + 0.02 * np.sin(phase)[:, None], pelvis, 100.0)
    thigh = pelvis * Rotation.from_euler("ZXY", turns)
    hip = parent.origin + pelvis.apply(HIP)
    # the thigh's frame has its origin elsewhere
    return parent, SegmentMotion("femur_r", hip - thigh.apply(KNEE), thigh, 100.0)


def noisy(parent, child, size, seed):
    markers = child.origin[:, None] + np.einsum("nij,mj->nmi", child.orientation.as_matrix(), KNEE + THIGH_MARKERS)
    return markers + np.random.default_rng(seed).normal(0, size, markers.shape)


def test_two_clusters_share_the_hip():
    found = centre_of_rotation(*star())
    np.testing.assert_allclose(found.in_parent, HIP, atol=1e-12)
    np.testing.assert_allclose(found.in_child, KNEE, atol=1e-12)
    assert found.residual < 1e-12
    assert np.degrees(found.range_of_motion[0]) == pytest.approx(50, abs=3)


def test_spheres_about_single_markers_find_the_hip():
    parent, child = star()
    found = sphere_centre(parent, noisy(parent, child, 0.0, 0)[:, :1])
    np.testing.assert_allclose(found.in_parent, HIP, atol=1e-9)


def test_noise_does_not_pull_the_spheres_centre_towards_the_markers():
    """Halvorsen 2003: plain least squares is biased towards the markers, the corrected one is not."""
    errors = []
    for seed in range(12):
        parent, child = star(seed=seed)
        found = sphere_centre(parent, noisy(parent, child, 0.004, seed))
        errors.append(found.in_parent - HIP)
    assert np.linalg.norm(np.mean(errors, axis=0)) < 0.0012
    assert 0.002 < found.residual < 0.006


def test_gaps_are_left_out():
    parent, child = star()
    child.origin[50:120] = np.nan
    found = centre_of_rotation(parent, child)
    np.testing.assert_allclose(found.in_parent, HIP, atol=1e-12)
    assert found.n_frames == 330


@pytest.mark.parametrize(("flexion", "adduction"), [(10.0, 8.0), (60.0, 0.5)])
def test_too_small_a_movement_is_refused(flexion, adduction):
    parent, child = star(flexion=flexion, adduction=adduction)
    with pytest.raises(ModelMismatch, match="star-arc"):
        centre_of_rotation(parent, SegmentMotion("femur_r", child.origin, child.orientation, 100.0))


def test_segments_that_slide_apart_are_refused():
    parent, child = star()
    child.origin[:, 0] += np.linspace(-0.1, 0.1, len(child.origin))
    with pytest.raises(ModelMismatch, match="part by"):
        centre_of_rotation(parent, child)


def test_a_hinge_gives_its_axis():
    n = 200
    direction = np.array([0.1, -0.05, 1.0]) / np.linalg.norm([0.1, -0.05, 1.0])
    thigh = Rotation.from_rotvec(np.random.default_rng(0).normal(0, 0.2, (n, 3)))
    bend = Rotation.from_rotvec(np.radians(30) * (1 - np.cos(np.linspace(0, 12, n)))[:, None] * direction)
    parent = SegmentMotion("femur_r", np.random.default_rng(1).normal(size=(n, 3)), thigh, 100.0)
    shank = thigh * bend
    child = SegmentMotion("tibia_r", parent.origin + thigh.apply(KNEE) - shank.apply([0.0, 0.1, 0.0]), shank, 100.0)
    found = axis_of_rotation(parent, child)
    np.testing.assert_allclose(found.direction_in_parent, direction, atol=1e-9)
    np.testing.assert_allclose(found.direction_in_child, direction, atol=1e-9)
    away = found.point_in_parent - KNEE
    np.testing.assert_allclose(away - direction * (away @ direction), 0.0, atol=1e-9)
    assert found.share > 0.999
    with pytest.raises(ModelMismatch, match="moved by"):
        axis_of_rotation(parent, SegmentMotion("tibia_r", parent.origin, thigh, 100.0))
