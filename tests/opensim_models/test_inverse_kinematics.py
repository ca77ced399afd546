"""Inverse kinematics gives back the coordinates that made the markers."""

import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.inverse_kinematics import solve_inverse_kinematics
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.segment_motion import marker_positions

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)


def swinging(skeleton, n_frames=60, seed=1):
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 2 * np.pi, n_frames)[:, None]
    size = len(skeleton.coordinates)
    values = rng.uniform(0.05, 0.3, size) * np.sin(phase + rng.uniform(0, 6, size))
    for side in "rl":
        values[:, skeleton.coordinate_index(f"knee_angle_{side}")] += 0.5
    values[:, skeleton.coordinate_index("pelvis_ty")] += 0.9
    return Kinematics(skeleton.coordinate_names, values, 100.0)


def labels(skeleton):
    return tuple(m.name for m in skeleton.markers)


@pytest.mark.parametrize(
    ("skeleton", "axes"),
    [(lower_body_skeleton(PERSON), (1, 1, 1)), (planar_skeleton(PERSON), (1, 1, 0))],
    ids=["spatial", "planar"],
)
def test_round_trip_is_exact_without_noise(skeleton, axes):
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth)
    solution = solve_inverse_kinematics(
        skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4, axis_weights=axes, tolerance=1e-9
    )
    assert solution.converged.all()
    np.testing.assert_allclose(solution.kinematics.values, truth.values, atol=2e-6)
    assert solution.rms_error < 1e-6
    assert solution.held == ()


def test_any_heading_is_found():
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    truth.values[:, skeleton.coordinate_index("pelvis_rotation")] = np.linspace(-3.0, 3.0, len(truth.values))
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), marker_positions(skeleton, truth), 100.0)
    assert solution.rms_error < 1e-3


def test_an_occluded_marker_changes_nothing_when_others_suffice():
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth)
    markers[5:20, labels(skeleton).index("asis_r")] = np.nan
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4, tolerance=1e-9)
    np.testing.assert_allclose(solution.kinematics.values, truth.values, atol=2e-6)


def test_what_no_marker_observes_is_held_and_said():
    skeleton = lower_body_skeleton(PERSON)
    kept = tuple(m for m in skeleton.markers if m.segment != "torso")
    seen = skeleton.with_markers(kept)
    solution = solve_inverse_kinematics(seen, labels(seen), marker_positions(seen, swinging(skeleton)), 100.0)
    assert solution.held == ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
    assert (solution.kinematics.of("lumbar_extension") == 0.0).all()


def test_a_foot_that_vanishes_leaves_nan_and_nothing_else():
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth)
    foot = [i for i, m in enumerate(skeleton.markers) if m.segment == "calcn_r"]
    markers[10:15, foot] = np.nan
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4, tolerance=1e-9)
    ankle = solution.kinematics.of("ankle_angle_r")
    assert np.isnan(ankle[10:15]).all()
    assert np.isfinite(np.delete(ankle, range(10, 15))).all()
    np.testing.assert_allclose(solution.kinematics.of("knee_angle_r"), truth.of("knee_angle_r"), atol=2e-6)


def test_frames_without_markers_are_nan():
    skeleton = lower_body_skeleton(PERSON)
    markers = marker_positions(skeleton, swinging(skeleton))
    markers[:7] = np.nan
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0)
    assert np.isnan(solution.kinematics.values[:7]).all()
    assert np.isfinite(solution.kinematics.values[7:]).all()


def test_noise_of_one_millimetre_stays_below_a_degree():
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth) + np.random.default_rng(2).normal(scale=1e-3, size=(60, 33, 3))
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4)
    error = np.degrees(solution.kinematics.values - truth.values)
    rotations = [i for i, c in enumerate(skeleton.coordinates) if c.kind == "rotation"]
    assert np.sqrt((error[:, rotations] ** 2).mean(axis=0)).max() < 1.5


def test_too_few_known_markers_are_refused_with_names():
    skeleton = lower_body_skeleton(PERSON)
    with pytest.raises(ModelMismatch, match="at least 4"):
        solve_inverse_kinematics(skeleton, ("asis_r", "unknown"), np.zeros((3, 2, 3)), 100.0)
