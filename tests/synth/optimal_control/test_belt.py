"""Belt: seen from it a treadmill walk is one overground; and how far the origin is changes no movement."""

from dataclasses import replace

import numpy as np
import pytest

from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.belt import forward_coordinate, over_ground
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.recorded_tracking import track_recording
from synth.optimal_control.recording.tracking_settings import Deviations, TrackingSettings
from synth.optimal_control.recording.trial_samples import MotionFiles

WALK = "opensim_core/rajagopal_walk"
TOES = ["mtp_angle_r", "mtp_angle_l"]
TIMES = np.linspace(0.7, 0.95, 11)


@pytest.fixture(scope="module")
def walk(data_dir):
    """Skeleton and a quarter of a second overground."""
    folder = data_dir / WALK
    prepared = prepare_model(
        folder / "subject_walk_scaled.osim", hold=TOES, muscles=False, contact=False, show_progress=False
    )
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml", markers=folder / "markers_walk.trc")
    motion = recorded_motion(files, prepared.skeleton, TIMES, cutoff=6.0, force_cutoff=20.0, held=prepared.held)
    return prepared.skeleton, motion


def moved(motion, speed, forward):
    """The trial as a camera sees it that moves along with `speed`: what a treadmill would have recorded."""
    shift = np.zeros((len(motion.time), 3))
    shift[:, 0] = -speed * (motion.time - motion.time[0])
    values, speeds = motion.values.copy(), motion.speeds.copy()
    values[:, forward] += shift[:, 0]
    speeds[:, forward] -= speed
    wrenches = {}
    for foot, w in motion.wrenches.items():
        point = np.zeros((len(shift), 3))
        point[:, 0] = 0.3  # any point: the same force at a place that is shifted
        wrenches[foot] = replace(w, moment=w.moment_about(point) + np.cross(point + shift, w.force))
    return replace(motion, values=values, speeds=speeds, wrenches=wrenches, markers=motion.markers + shift[:, None])


def test_a_treadmill_recording_comes_back_to_the_floor_it_would_have_been_walked_on(walk):
    skeleton, motion = walk
    forward = forward_coordinate(skeleton)
    assert skeleton.coordinate_names[forward] == "pelvis_tx"
    about_origin = {
        f: replace(w, moment=w.moment_about(np.zeros(3)), about=(0.0, 0.0, 0.0)) for f, w in motion.wrenches.items()
    }
    motion = replace(motion, wrenches=about_origin)
    back = over_ground(moved(motion, 1.3, forward), forward, 1.3)
    for name in ("values", "speeds", "accelerations", "markers"):
        np.testing.assert_allclose(getattr(back, name), getattr(motion, name), atol=1e-12)
    for foot, wrench in back.wrenches.items():
        np.testing.assert_allclose(wrench.moment, motion.wrenches[foot].moment, atol=1e-9)
    assert any("from a belt at 1.3 m/s" in note for note in back.notes)


@pytest.mark.parametrize("speed", [-1.0, 40.0, np.nan])
def test_belts_that_nobody_has_are_refused(walk, speed):
    skeleton, motion = walk
    with pytest.raises(ModelMismatch, match="give its speed in m/s"):
        over_ground(motion, forward_coordinate(skeleton), speed)


def test_a_skeleton_that_cannot_travel_is_refused(walk):
    skeleton, _ = walk
    stuck = replace(
        skeleton,
        segments=tuple(
            replace(s, elements=tuple(e for e in s.elements if e.kind != "translation")) for s in skeleton.segments
        ),
    )
    with pytest.raises(ModelMismatch, match="nothing can travel"):
        forward_coordinate(stuck)


def far_away(motion, forward, distance):
    """The same movement further along the laboratory."""
    values = motion.values.copy()
    values[:, forward] += distance
    step = np.array([distance, 0.0, 0.0])
    wrenches = {f: replace(w, moment=w.moment + np.cross(step, w.force)) for f, w in motion.wrenches.items()}
    return replace(motion, values=values, wrenches=wrenches)


@pytest.mark.parametrize("ground", ["near", "data"])
def test_how_far_the_origin_of_the_laboratory_is_changes_no_torque(walk, ground):
    """30 m away moments about the origin are 300 times the lever of the solver's units: once, bounds cut them off."""
    skeleton, motion = walk
    settings = TrackingSettings(
        Deviations(torque=300.0), (Mesh(10, "trapezoidal", "none"),), muscles=False, ground=ground
    )
    here, there = (
        track_recording(skeleton, m, settings, prepare=None)
        for m in (motion, far_away(motion, forward_coordinate(skeleton), 30.0))
    )
    assert here.converged and there.converged, (here.reason, there.reason)
    np.testing.assert_allclose(there.moments, here.moments, atol=0.5)
    forces = [np.stack([g.force for g in s.ground_reactions]) for s in (here, there)]
    np.testing.assert_allclose(*forces, atol=1.0)
