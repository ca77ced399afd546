"""Calibrated spheres carry the forces that were measured: on forces of known spheres, and on real steps."""

from dataclasses import replace

import numpy as np
import pytest

from opensim_models.model.multibody import segment_states
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.law.sphere_contact import foot_load
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.sphere_calibration import calibrate_spheres
from synth.optimal_control.recording.trial_samples import MotionFiles


@pytest.fixture(scope="module")
def walker(data_dir):
    """A walk in space at 51 nodes: prepared model with spheres that do not know this laboratory, and the stride."""
    folder = data_dir / "opensim_core/rajagopal_walk"
    made = prepare_model(folder / "subject_walk_scaled.osim", hold=["mtp_angle_r", "mtp_angle_l"], muscles=False)
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml")
    return made.skeleton, recorded_cycle(files, made.skeleton, 51, cutoff=6.0, force_cutoff=20.0).motion


def forces_of(skeleton, motion):
    """The motion with the forces of a skeleton's spheres, without friction, in the place of the measured ones."""
    states = segment_states(skeleton, list(motion.values.T), list(motion.speeds.T))
    smooth = {"static_friction": 0.0, "dynamic_friction": 0.0, "viscous_friction": 0.0}
    wrenches = {}
    for side, foot in (("r", "right"), ("l", "left")):
        names = [f"calcn_{side}", f"toes_{side}"]
        gathered = [
            (states[skeleton.segment_index(n)], [replace(s, **smooth) for s in skeleton.contacts if s.segment == n])
            for n in names
        ]
        load = foot_load(gathered)
        rows = [np.stack([np.broadcast_to(x, len(motion.time)) for x in v], axis=1) for v in (load.force, load.moment)]
        wrenches[foot] = replace(motion.wrenches[foot], force=rows[0], moment=rows[1], about=(0.0, 0.0, 0.0))
    return replace(motion, wrenches=wrenches)


def moved(skeleton, rise, slope=0.0):
    """Spheres raised, those in front more than those behind."""
    return replace(
        skeleton,
        contacts=tuple(
            replace(s, offset=(s.offset[0], s.offset[1] + rise + slope * s.offset[0], s.offset[2]))
            for s in skeleton.contacts
        ),
    )


def test_spheres_come_back_to_where_their_forces_were_made(walker):
    skeleton, motion = walker
    truth = moved(skeleton, 0.035)
    found = calibrate_spheres(skeleton, forces_of(truth, motion))
    assert found.rise == {"right": pytest.approx(0.035, abs=1e-3), "left": pytest.approx(0.035, abs=1e-3)}
    assert all(after < 5e-3 < 1.0 < before for before, after in found.vertical_error.values())
    assert max(found.largest_move.values()) < 2e-3


def test_a_foot_that_is_tilted_against_the_model_is_found_by_moving_single_spheres(walker):
    skeleton, motion = walker
    recorded = forces_of(moved(skeleton, 0.03, slope=0.05), motion)
    together = calibrate_spheres(skeleton, recorded, height_spread=0.0, place_spread=0.0)
    apart = calibrate_spheres(skeleton, recorded)
    assert max(together.largest_move.values()) < 1e-9
    for foot in ("right", "left"):
        assert apart.vertical_error[foot][1] < 0.5 * together.vertical_error[foot][1]


def test_the_spheres_of_a_recording_that_was_made_by_them_stay(data_dir):
    folder = data_dir / "opensim_core/falisse2019_2d_walk"
    made = prepare_model(folder / "2D_gait.osim", muscles=False)
    files = MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml")
    motion = recorded_motion(files, made.skeleton, np.linspace(0.0, 0.47, 51))
    found = calibrate_spheres(made.skeleton, motion)
    assert max(abs(rise) for rise in found.rise.values()) < 2e-4  # m
    assert max(before for before, _ in found.vertical_error.values()) < 0.01  # body weights


def test_real_steps_do_not_sink_into_the_floor_any_more(walker):
    skeleton, motion = walker
    found = calibrate_spheres(skeleton, motion)
    for foot in ("right", "left"):
        before, after = found.vertical_error[foot]
        assert before > 3.0 and after < 0.25  # body weights, at positions that the model's own errors make uncertain
        assert 0.03 < found.rise[foot] < 0.04
        assert found.largest_move[foot] < 2.5 * np.sqrt(0.005**2 + 2 * 0.010**2) + 1e-6
    assert len(found.skeleton.contacts) == 12 and "raised by" in found.notes[0]


def test_what_cannot_be_calibrated_is_refused(walker):
    skeleton, motion = walker
    with pytest.raises(ModelMismatch, match="needs a motion with wrenches"):
        calibrate_spheres(skeleton, replace(motion, wrenches={}))
    with pytest.raises(ModelMismatch, match="needs a motion with wrenches and spheres"):
        calibrate_spheres(replace(skeleton, contacts=()), motion)
    with pytest.raises(ModelMismatch, match="not those of the skeleton"):
        calibrate_spheres(skeleton, replace(motion, coordinates=("a",)))
    high = motion.values.copy()
    high[:, skeleton.coordinate_index("pelvis_ty")] += 1.0
    with pytest.raises(ModelMismatch, match="Is the recording's floor at y = 0 m"):
        calibrate_spheres(skeleton, replace(motion, values=high))
