"""A cluster recovers the pose of a rigid body, with markers occluded, in the anatomical segment frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.motion import SegmentMotion
from synth.imu.cluster_rigidity import cluster_residual, rigid_part
from synth.imu.marker_cluster import (
    cluster_motion,
    fit_poses,
    make_cluster,
    register_cluster,
    segment_motions,
)

LABELS = ("A", "B", "C", "D")
REFERENCE = np.array([[0.05, 0.1, 0.0], [-0.04, 0.08, 0.02], [0.0, -0.1, 0.06], [0.02, 0.0, -0.07]])


def body(rng, n=40):
    return Rotation.from_rotvec(rng.uniform(-2, 2, (n, 3))), rng.uniform(-3, 3, (n, 3))


def trial_of(rotation, origin, reference=REFERENCE, labels=LABELS, name="walk"):
    positions = origin[:, None] + np.einsum("nij,mj->nmi", rotation.as_matrix(), reference)
    return MarkerTrial(name, Subject("S1"), labels, positions, 100.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), hidden=st.integers(-1, 3), n_markers=st.integers(4, 7))
def test_pose_of_a_rigid_body_is_recovered_with_one_marker_occluded(seed, hidden, n_markers):
    rng = np.random.default_rng(seed)
    reference = np.vstack([REFERENCE, rng.uniform(-0.1, 0.1, (3, 3))])[:n_markers]
    rotation, origin = body(rng, 8)
    positions = origin[:, None] + np.einsum("nij,mj->nmi", rotation.as_matrix(), reference)
    if hidden >= 0:
        positions[:, hidden] = np.nan
    found, centre = fit_poses(reference, positions, rng.uniform(0.1, 5.0, n_markers))
    np.testing.assert_allclose(found, rotation.as_matrix(), atol=1e-10)
    np.testing.assert_allclose(centre, origin, atol=1e-10)


def test_a_mirrored_body_never_gives_a_reflection():
    rotation, _ = fit_poses(REFERENCE, (REFERENCE * [1.0, 1.0, -1.0])[None], np.ones(4))
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0)


def test_cluster_and_model_share_the_segment_frame():
    """Registered in a static pose, a cluster gives the pose of the anatomical frame, not one of its own."""
    rng = np.random.default_rng(0)
    pose = SegmentMotion("tibia_r", np.array([[0.1, 0.5, 0.2]]), Rotation.from_rotvec([[0.1, 0.2, 0.3]]), 100.0)
    static = trial_of(Rotation.concatenate([pose.orientation] * 5), np.repeat(pose.origin, 5, axis=0), name="static")
    rotation, origin = body(rng)
    cluster = register_cluster(static, pose, LABELS)
    found = cluster_motion(trial_of(rotation, origin), cluster)
    np.testing.assert_allclose(found.origin, origin, atol=1e-10)
    np.testing.assert_allclose((found.orientation.inv() * rotation).magnitude(), 0.0, atol=1e-10)
    assert cluster_residual(trial_of(rotation, origin), cluster, found).max() < 1e-10
    motions = segment_motions(
        trial_of(rotation, origin), static, {"tibia_r": pose}, {"tibia_r": LABELS, "torso": ("A",)}
    )
    assert list(motions) == ["tibia_r"]


def test_frames_without_three_markers_off_a_line_have_no_pose():
    rotation, origin = body(np.random.default_rng(1), 6)
    reference = np.vstack([REFERENCE[:2], (REFERENCE[0] + REFERENCE[1]) / 2, REFERENCE[3]])
    trial = trial_of(rotation, origin, reference)
    trial.positions[1, :2] = np.nan  # two markers seen
    trial.positions[2, 3] = np.nan  # three markers on a line
    trial.positions[3] = np.nan
    motion = cluster_motion(trial, make_cluster("tibia_r", LABELS, reference))
    assert np.flatnonzero(np.isnan(motion.origin[:, 0])).tolist() == [1, 2, 3]
    np.testing.assert_allclose(motion.origin[[0, 4, 5]], origin[[0, 4, 5]], atol=1e-10)


def test_weights_decide_when_a_marker_slips():
    rotation, origin = body(np.random.default_rng(2), 5)
    trial = trial_of(rotation, origin)
    trial.positions[:, 0] += 0.02
    equal = cluster_motion(trial, make_cluster("tibia_r", LABELS, REFERENCE)).origin
    wary = cluster_motion(trial, make_cluster("tibia_r", LABELS, REFERENCE, weights=[1e-6, 1, 1, 1])).origin
    assert np.abs(wary - origin).max() < 1e-4 < np.abs(equal - origin).max()


def test_exchanged_labels_are_left_out_of_a_cluster():
    """Two exchanged markers would turn the fitted segment over; without them the pose is exact."""
    rng = np.random.default_rng(4)
    reference = np.vstack([REFERENCE, [[0.06, -0.05, -0.02], [-0.05, -0.04, -0.03]]])
    labels = (*LABELS, "E", "F")
    rotation, origin = body(rng, 10)
    trial = trial_of(rotation, origin, reference, ("B", "A", "C", "D", "E", "F"))
    cluster, left_out = rigid_part(trial, make_cluster("calcn_r", labels, reference))
    assert sorted(left_out) == ["A", "B"]
    np.testing.assert_allclose(cluster_motion(trial, cluster).origin, origin, atol=1e-10)
    jumble = trial_of(rotation, origin, rng.uniform(-0.5, 0.5, (6, 3)), labels)
    assert rigid_part(jumble, make_cluster("calcn_r", labels, reference))[0] is None
    whole = make_cluster("calcn_r", labels, reference)
    assert rigid_part(trial_of(rotation, origin, reference, labels), whole) == (whole, ())


def test_a_cluster_that_is_none_is_refused_in_one_sentence():
    static = trial_of(*body(np.random.default_rng(3), 4))
    pose = SegmentMotion("tibia_r", np.zeros((1, 3)), Rotation.identity(1), 100.0)
    with pytest.raises(
        TrialRefused, match=r"walk: segment tibia_r: a cluster needs 3 markers or more, found A, B of A, B, X"
    ):
        register_cluster(static, pose, ("A", "B", "X"))
    with pytest.raises(TrialRefused, match="lie on a line"):
        make_cluster("tibia_r", ("A", "B", "C"), np.outer([0.0, 0.1, 0.2], [1.0, 1.0, 0.0]))
    with pytest.raises(TrialRefused, match="has 3 frames, expected 1 or 4"):
        register_cluster(static, SegmentMotion("tibia_r", np.zeros((3, 3)), Rotation.identity(3), 100.0), LABELS)
