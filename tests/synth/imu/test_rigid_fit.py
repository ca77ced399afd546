"""The compiled rigid fit is the singular value decomposition's, frame by frame, whatever is seen and however badly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap_import.trial_reader import read_trial
from opensim_models.clinical.rigid_fit import MIN_SPREAD, fit_poses, fit_poses_by_svd, fit_quaternions
from opensim_models.kernel.cluster_fit import DOUBTFUL, KNOWN, UNKNOWN, fit_cluster_frames


def seen_body(rng, reference, n=60, noise=0.005, lost=0.1):
    rotation, origin = Rotation.random(n, random_state=rng), rng.uniform(-5.0, 5.0, (n, 3))
    positions = origin[:, None] + np.einsum("nij,mj->nmi", rotation.as_matrix(), reference)
    positions += noise * rng.standard_normal(positions.shape)
    positions[rng.random(positions.shape[:2]) < lost] = np.nan
    return positions


def assert_same(reference, positions, weights):
    rotation, origin = fit_poses(reference, positions, weights)
    slow_rotation, slow_origin = fit_poses_by_svd(reference, positions, weights)
    np.testing.assert_allclose(rotation, slow_rotation, atol=1e-10)
    np.testing.assert_allclose(origin, slow_origin, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(3, 8), noise=st.sampled_from([0.0, 1e-3, 0.02]))
def test_the_kernel_is_the_singular_value_decomposition(seed, m, noise):
    rng = np.random.default_rng(seed)
    reference = rng.uniform(-0.15, 0.15, (m, 3)) + rng.uniform(-0.3, 0.3, 3)
    assert_same(reference, seen_body(rng, reference, noise=noise), rng.uniform(0.1, 5.0, m))


@pytest.mark.parametrize("thin", [0.5, 0.15, 0.1, 0.05])
def test_long_thin_clusters_keep_their_precision(thin):
    rng = np.random.default_rng(0)
    reference = rng.uniform(-0.25, 0.25, (5, 3)) * [1.0, thin, 0.1 * thin]
    for noise in (0.0, 1e-3):
        assert_same(reference, seen_body(rng, reference, 400, noise), np.ones(5))


@pytest.mark.parametrize("flatter", [0.0, 1e-12, 1e-9, 1e-6])
def test_doubtful_frames_go_to_the_decomposition(flatter):
    """The mirror image of a cluster that is no flatter than wide has no best rotation that stands out."""
    axes = np.diag([0.1, 0.06, 0.06 * (1.0 - flatter)])
    reference = np.concatenate([axes, -axes])
    positions = np.concatenate([(reference * [1.0, 1.0, -1.0])[None], reference[None]])
    state = fit_cluster_frames(reference, np.ones(6), positions, np.arange(6), MIN_SPREAD)[2]
    assert state.tolist() == [DOUBTFUL, KNOWN]
    rotation, _ = fit_poses(reference, positions, np.ones(6))
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0)
    np.testing.assert_allclose(rotation[1], np.eye(3), atol=1e-12)


def test_half_turns_have_unit_quaternions():
    """Each component of the quaternion can be the largest."""
    reference = np.random.default_rng(1).uniform(-0.1, 0.1, (4, 3))
    turns = Rotation.from_rotvec(np.pi * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0]]))
    positions = np.einsum("nij,mj->nmi", turns.as_matrix(), reference)
    quaternion, _, unknown = fit_quaternions(reference, positions, np.ones(4), np.arange(4))
    np.testing.assert_allclose(np.linalg.norm(quaternion, axis=1), 1.0)
    np.testing.assert_allclose((Rotation.from_quat(quaternion) * turns.inv()).magnitude(), 0.0, atol=1e-7)
    assert not unknown.any()


def test_unknown_frames_are_those_without_three_markers_off_a_line():
    reference = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.2, 0.0, 0.0], [0.0, 0.1, 0.0]])
    positions = np.repeat(reference[None] + 1.0, 5, axis=0)
    positions[1, 3], positions[2, :2], positions[3] = np.nan, np.inf, np.nan
    state = fit_cluster_frames(reference, np.ones(4), positions, np.arange(4), MIN_SPREAD)[2]
    assert state.tolist() == [KNOWN, UNKNOWN, UNKNOWN, UNKNOWN, KNOWN]
    quaternion, origin, unknown = fit_quaternions(reference, positions, np.ones(4), np.arange(4))
    np.testing.assert_array_equal(unknown, np.isnan(origin).all(axis=1))
    np.testing.assert_array_equal(quaternion[unknown], [[0.0, 0.0, 0.0, 1.0]] * 3)
    nothing = fit_poses(reference, np.empty((0, 4, 3)), np.ones(4))
    assert nothing[0].shape == (0, 3, 3)


def test_markers_are_taken_from_their_columns_and_nothing_is_written_to():
    rng = np.random.default_rng(2)
    reference = rng.uniform(-0.1, 0.1, (4, 3))
    body = seen_body(rng, reference)
    trial = rng.standard_normal((60, 9, 3))
    trial[:, [7, 0, 3, 5]] = body
    before = trial.copy()
    quaternion, origin, _ = fit_quaternions(reference, trial, np.ones(4), np.array([7, 0, 3, 5]))
    same_quaternion, same_origin, _ = fit_quaternions(reference, body, np.ones(4), np.arange(4))
    np.testing.assert_array_equal(quaternion, same_quaternion)
    np.testing.assert_array_equal(origin, same_origin)
    np.testing.assert_array_equal(trial, before)


def test_the_kernel_is_the_decomposition_on_a_runner(data_dir):
    trial = read_trial(data_dir / "rbds_running/RBDS001/RBDS001runT45.c3d")
    for part in ("L.Shank", "R.Thigh", "L.Heel", "R.MT"):
        columns = [k for k, label in enumerate(trial.labels) if label.startswith(part) or label == "R.Heel.Top"]
        positions = trial.positions[:, columns]
        assert_same(positions[10] - positions[10].mean(axis=0), positions, np.ones(len(columns)))
