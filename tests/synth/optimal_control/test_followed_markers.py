"""Followed markers: sums of a segment are its squared distances, and a movement goes where its markers are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.climb import physical
from synth.optimal_control.movement.following_blocks import marker_misfit
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.followed_markers import (
    FollowedMarkers,
    check_place,
    marker_distances,
    marker_offsets,
    read_followed_markers,
    segment_sums,
)
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.recorded_tracking import climb_recording
from synth.optimal_control.recording.tracking_settings import Deviations, TrackingSettings
from synth.optimal_control.recording.trial_samples import MotionFiles

WALK = "opensim_core/rajagopal_walk"
TOES = ["mtp_angle_r", "mtp_angle_l"]
DEVIATION = 0.01


@pytest.fixture(scope="module")
def walk(data_dir):
    """Skeleton with 65 markers, and 0.3 s of a trial with 41 of them."""
    folder = data_dir / WALK
    prepared = prepare_model(
        folder / "subject_walk_scaled.osim", hold=TOES, muscles=False, contact=False, show_progress=False
    )
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml", markers=folder / "markers_walk.trc")
    times = np.linspace(0.7, 1.0, 11)
    motion = recorded_motion(files, prepared.skeleton, times, cutoff=6.0, force_cutoff=20.0, held=prepared.held)
    return prepared.skeleton, motion


def places_of(skeleton, labels, coordinates):
    """Where the model's markers are (n, n_markers, 3)."""
    states = segment_states(skeleton, list(coordinates.T))
    own = {m.name: m for m in skeleton.markers}
    columns = [
        np.stack(
            [
                np.asarray(x, float)
                for x in point_position(states[skeleton.segment_index(own[n].segment)], own[n].offset)
            ]
        )
        for n in labels
    ]
    return np.stack(columns, axis=0).transpose(2, 0, 1)


def test_sums_of_all_segments_are_the_squared_distances_of_the_markers_that_are_seen(walk):
    skeleton, motion = walk
    positions = motion.markers.copy()
    positions[3, 5] = np.nan
    segments = tuple(marker_offsets(skeleton, motion.labels))
    sums = segment_sums(skeleton, segments, motion.labels, positions, DEVIATION)
    states = segment_states(skeleton, list(motion.values.T))
    total = np.zeros(len(positions))
    for i, segment in enumerate(segments):
        total += np.asarray(marker_misfit(states[skeleton.segment_index(segment)], list(sums[:, i].T)), float)
    distances = marker_distances(skeleton, motion.labels, positions, motion.values)
    assert np.isnan(distances).sum() == 1
    np.testing.assert_allclose(total, np.nansum((distances / DEVIATION) ** 2, axis=1), rtol=1e-6)


def test_markers_of_a_file_are_those_of_the_model_and_the_others_are_named(walk, data_dir):
    skeleton, motion = walk
    assert len(motion.labels) == 41 and motion.markers.shape == (11, 41, 3)
    assert any("41 markers of markers_walk.trc are followed" in note for note in motion.notes)
    fewer = replace(skeleton, markers=skeleton.markers[:20])
    found = read_followed_markers(data_dir / WALK / "markers_walk.trc", fewer)
    assert set(found.labels) <= {m.name for m in fewer.markers}
    assert "not on the model: " in found.note and "L.Heel" in found.note


def test_a_model_without_these_markers_is_refused(walk, data_dir):
    bare = replace(walk[0], markers=())
    with pytest.raises(ModelMismatch, match="none of its markers"):
        read_followed_markers(data_dir / WALK / "markers_walk.trc", bare)


def test_markers_between_samples_are_linear_and_unknown_beside_gaps_and_outside():
    positions = np.arange(30.0).reshape(10, 1, 3)
    positions[6] = np.nan
    markers = FollowedMarkers(("a",), positions, 10.0, 1.0)
    found = markers.at(np.array([0.9, 1.0, 1.25, 1.55, 1.9, 2.0]))
    np.testing.assert_allclose(found[1, 0], [0.0, 1.0, 2.0])
    np.testing.assert_allclose(found[2, 0], [7.5, 8.5, 9.5])
    assert np.isnan(found[[0, 3, 5]]).all() and np.isfinite(found[4]).all()


@pytest.mark.parametrize("wrong", [lambda m: 1000.0 * m, lambda m: m[..., [0, 2, 1]], lambda m: m + 1.0])
def test_markers_in_another_unit_axes_or_place_are_refused(walk, wrong):
    skeleton, motion = walk
    check_place(skeleton, motion.labels, motion.markers, motion.values, "walk.trc")
    with pytest.raises(ModelMismatch, match="Check that both are of one trial"):
        check_place(skeleton, motion.labels, wrong(motion.markers), motion.values, "walk.trc")
    with pytest.raises(ModelMismatch, match="no marker is seen"):
        check_place(skeleton, motion.labels, np.nan * motion.markers, motion.values, "walk.trc")


def test_a_movement_goes_where_its_markers_are_and_not_where_its_coordinates_were(walk):
    skeleton, motion = walk
    knee = skeleton.coordinate_index("knee_angle_r")
    truth = motion.values.copy()
    truth[:, knee] += np.radians(6.0)
    moved = replace(motion, markers=places_of(skeleton, motion.labels, truth))
    settings = TrackingSettings(
        Deviations(angle=np.radians(20.0), place=0.5, torque=300.0, marker=0.002),
        (Mesh(10, "trapezoidal", "none"),),
        muscles=False,
        ground="data",
        markers=motion.labels,
    )
    reached = climb_recording(skeleton, moved, settings, prepare=None)
    assert reached.converged, reached.reason
    found = physical(reached.movement, reached.iterate.values)["coordinates"]
    assert np.degrees(np.abs(found - truth)[:, knee]).max() < 1.0
    assert np.degrees(np.abs(found - motion.values)[:, knee]).min() > 4.0


def test_markers_of_half_a_cycle_are_refused(walk):
    skeleton, motion = walk
    settings = TrackingSettings(
        Deviations(marker=0.01), (Mesh(4, "trapezoidal", "half_cycle"),), muscles=False, markers=motion.labels
    )
    with pytest.raises(ModelMismatch, match="no mirror image"):
        climb_recording(skeleton, motion, replace(settings, ground="near"), prepare=None)


def test_the_command_follows_markers_and_says_how_near(data_dir, tmp_path):
    from typer.testing import CliRunner

    from synth.optimal_control.cli import gait_app

    folder = data_dir / WALK
    words = ["track", str(folder / "subject_walk_scaled.osim"), str(folder / "coordinates.sto")]
    words += ["--loads", str(folder / "grf_walk.xml"), "--markers", str(folder / "markers_walk.trc")]
    words += ["--torques", "--no-contact", "--mesh", "8", "--window", "0.7,0.95", "--picture", "none"]
    words += ["--hold", TOES[0], "--hold", TOES[1], "--out", str(tmp_path)]
    result = CliRunner().invoke(gait_app, words)
    assert result.exit_code == 0, result.output
    said = result.stdout
    assert "mm RMS from the measured ones" in said
    assert float(said.split("markers are ")[1].split(" mm")[0]) < 20.0
    assert Path(tmp_path / "report.json").exists()
