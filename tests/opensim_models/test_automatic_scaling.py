"""Automatic scaling finds the lengths of known persons from their movement, and does not call a stalled fit settled."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, trial_of, true_skeleton, walk

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.automatic_scaling import _Equations, _Fit, _problem, _State, scale_automatically
from opensim_models.scaling.model_scaling import model_points
from opensim_models.scaling.robust_pose import huber, robust_poses
from opensim_models.scaling.subject_scaling import load_recording, meaning_of, own_generic

SET = load_marker_set("plug_in_gait")


def length(skeleton, segment):
    return float(np.linalg.norm(skeleton.segments[skeleton.segment_index(segment)].offset))


def partly_exchanged(trial, a, b):
    """The labels stand for each other in the first half."""
    positions, half = trial.positions.copy(), trial.n_frames // 2
    i, j = trial.labels.index(a), trial.labels.index(b)
    positions[:half, [i, j]] = positions[:half, [j, i]]
    return replace(trial, positions=positions)


def test_movement_alone_gives_the_lengths_of_thigh_and_shank():
    person = true_skeleton()
    trial = trial_of(person, walk(person, 200), "walk_01", noise=0.001)
    scaled = scale_automatically(lower_body_skeleton(PERSON), PERSON, [trial], SET)
    assert length(scaled.skeleton, "tibia_r") == pytest.approx(length(person, "tibia_r"), rel=0.02)
    assert length(scaled.skeleton, "calcn_l") == pytest.approx(length(person, "calcn_l"), rel=0.02)
    assert scaled.report.rms_residual < 0.004
    assert any("±" in note for note in scaled.report.notes)


def test_arms_that_hang_do_not_keep_automatic_scaling_from_settling(data_dir):
    """Wrists that hardly turn: full steps jumped to and fro without end. The expert's thigh and shank are near."""
    folder = data_dir / "opencap_lab_subject4"
    generic = read_osim(folder / "Models" / "unscaled_generic.osim")
    expert = read_osim(folder / "Models" / "manually_scaled.osim")
    person = Subject("s4", 68.5, 1.72)
    trials = [load_recording(folder / "MarkerData" / f"walking{k}.trc", person) for k in (1, 2)]
    report = scale_automatically(generic, person, trials, meaning_of(trials[0])).report
    assert report.rms_residual < 0.010
    points = [model_points(model, {}) for model in (generic, expert)]
    for segment, a, b in (("femur_r", "hip_r", "knee_r"), ("tibia_r", "knee_r", "ankle_r")):
        lengths = [np.linalg.norm(own[a] - own[b]) for own in points]
        assert report.factors[segment][0] == pytest.approx(lengths[1] / lengths[0], rel=0.05)


def test_steps_that_jump_to_and_fro_are_damped_until_they_settle():
    """Full steps of sqrt(1 + x²) leave the valley they are in from |x| = 1 on; its bottom is found all the same."""
    fit = bare_fit()

    def valley(state, start):
        x = 4.0 * (float(state.factors[0]) - 1.5)
        bend = math.sqrt(1 + x * x)
        return _Equations(bend, np.array([[16 / bend**3]]), np.array([-4 * x / bend]), np.zeros(0), start)

    fit._equations = valley
    state, _, _, steps, untold = fit.solve("here")
    assert state.factors[0] == pytest.approx(1.5, abs=1e-3) and steps < 30 and untold == ""


def bare_fit() -> _Fit:
    """A fit of one factor, whose equations a test gives."""
    fit = object.__new__(_Fit)
    fit.n_groups, fit.groups, fit.start, fit.first = 1, {"femur_r": 0}, SimpleNamespace(markers=()), np.zeros((0, 0))
    return fit


def test_a_fit_that_no_damped_step_moves_has_not_come_to_rest():
    """Growing damping makes any step small; the undamped one says whether the movement asks for more."""
    fit = bare_fit()

    def slope(sure):  # a step of 0.1 is asked for, the factor's standard deviation is 1 / sqrt(sure), nothing is lower
        return lambda state, start: _Equations(
            abs(float(state.factors[0]) - 1.0), np.array([[sure]]), np.array([0.1 * sure]), np.zeros(0), start
        )

    fit._equations = slope(1e4)
    with pytest.raises(ModelMismatch, match=r"did not settle in \d+ steps: femur_r still changes by 0\.1000 a step"):
        fit.solve("here")
    fit._equations = slope(1.0)
    assert fit.solve("here")[4] == "femur_r", "a step within the uncertainty is no reason to refuse, but is told"


def test_left_and_right_may_have_factors_of_their_own():
    person = true_skeleton()
    trial = trial_of(person, walk(person, 200), "walk_01", noise=0.001)
    scaled = scale_automatically(lower_body_skeleton(PERSON), PERSON, [trial], SET, symmetrical=False)
    assert scaled.factors["tibia_r"] != scaled.factors["tibia_l"]
    assert scaled.factors["tibia_r"][1] == pytest.approx(scaled.factors["tibia_l"][1], rel=0.03)


def test_a_swapped_pair_of_labels_does_not_spoil_automatic_scaling():
    """Huber's weights: ghosts in one frame of ten move a length by less than two per cent."""
    person = true_skeleton()
    trial = trial_of(person, walk(person, 200), "walk_01", noise=0.001)
    positions = trial.positions.copy()
    positions[::10, trial.labels.index("RTIB")] += (0.0, 0.15, 0.1)
    scaled = scale_automatically(lower_body_skeleton(PERSON), PERSON, [replace(trial, positions=positions)], SET)
    assert length(scaled.skeleton, "calcn_r") == pytest.approx(length(person, "calcn_r"), rel=0.03)


def test_a_mass_that_nobody_has_is_refused_without_a_height():
    trial = trial_of(true_skeleton(), walk(true_skeleton(), 60), "walk")
    with pytest.raises(ModelMismatch, match="nobody's"):
        scale_automatically(lower_body_skeleton(PERSON), Subject("P7", 6800.0), [trial], SET)


@pytest.fixture(scope="module")
def child(data_dir):
    """A trial of a McGill child, and the factors of its automatic scaling."""
    trial = load_recording(data_dir / "mcgill_walk_youth" / "HC040A" / "Straight" / "HC040A14.c3d")
    return trial, scale_automatically(own_generic(trial.subject), trial.subject, [trial], SET).factors


@pytest.mark.parametrize(
    ("pair", "said"), [("RTHI RTIB", ""), ("RKNE LKNE", ""), ("RANK RKNE", "Check the labels|did not settle")]
)
def test_labels_exchanged_in_half_the_frames_do_not_stretch_the_segments(child, pair, said):
    """They were called settled with the pelvis at 1.11 and 1.23 and the thigh at 0.96 and 0.90 (clean: 1.04, 1.04).

    Under one cost for poses and lengths the two first come out as the clean trial does, the third is refused.
    """
    trial, clean = child
    wrong = partly_exchanged(trial, *pair.split())
    if said:
        with pytest.raises(ModelMismatch, match=said):
            scale_automatically(own_generic(trial.subject), trial.subject, [wrong], SET, n_frames=30)
        return
    found = scale_automatically(own_generic(trial.subject), trial.subject, [wrong], SET).factors
    for name in ("pelvis", "femur_r", "tibia_r", "calcn_r"):
        assert found[name][0] == pytest.approx(clean[name][0], rel=0.035), name


@pytest.mark.slow
def test_clean_trials_of_every_child_settle_by_full_steps(data_dir):
    for path in sorted((data_dir / "mcgill_walk_youth").glob("*/Straight/*.c3d")):
        trial = load_recording(path)
        report = scale_automatically(own_generic(trial.subject), trial.subject, [trial], SET).report
        assert report.rms_residual < 0.018 and not any("hardly told" in note for note in report.notes), path


def test_a_robust_pose_is_the_usual_one_of_good_markers_and_keeps_it_beside_a_wrong_one():
    """A knee marker 0.3 m away: least squares bends the leg by more than 15 degrees, Huber's cost by less than 3."""
    person = true_skeleton()
    motion = walk(person, 20)
    trial = trial_of(person, motion, "walk")
    positions = trial.positions[:, [trial.labels.index(m.name) for m in person.markers]].copy()
    problem = _problem(person, ())
    found = robust_poses(problem, positions, motion.values + 0.05, 0.02)
    joints = [k for k, c in enumerate(person.coordinates) if c.name.startswith(("hip_", "knee_", "ankle_"))]
    assert np.degrees(np.abs(found.values - motion.values)[:, joints].max()) < 0.05
    positions[:, [m.name for m in person.markers].index("RKNE")] += (0.3, 0.0, 0.0)
    plain = solve_inverse_kinematics(person, tuple(m.name for m in person.markers), positions, 100.0).kinematics.values
    found = robust_poses(problem, positions, plain, 0.02)
    apart = [np.degrees(np.abs(values - motion.values)[:, joints].max()) for values in (plain, found.values)]
    assert apart[0] > 15 and apart[1] < 3


def test_hubers_cost_is_smooth_at_its_bend_and_its_weight_is_the_slope():
    distance, step = np.array([0.5, 0.999, 1.001, 3.0]), 1e-6
    slope = (huber(distance + step, 1.0)[0] - huber(distance - step, 1.0)[0]) / (2 * step)
    np.testing.assert_allclose(slope, 2 * distance * huber(distance, 1.0)[1], rtol=1e-6)


def test_the_steps_right_side_is_the_slope_of_the_cost():
    """Poses follow factors and places: one cost behind both, so a step from the slope cannot fail to lower it."""
    person = true_skeleton()
    trial = partly_exchanged(trial_of(person, walk(person, 24), "walk", noise=0.002), "RTHI", "RTIB")
    start = lower_body_skeleton(PERSON).with_markers(person.markers)
    groups = {name: k for k, name in enumerate(start.segment_names)}
    fit = _Fit(start, groups, trial.labels, trial.positions, 100.0, 0.06, np.full(len(start.markers), 0.015))
    state = _State(np.ones(len(groups)), np.zeros((len(start.markers), 3)))
    here = fit._equations(state, fit.first)
    g, step = groups["femur_r"], 1e-4
    factors = state.factors[:, None] + step * np.eye(len(groups))[:, [g]] * np.array([1.0, -1.0])
    costs = [fit._equations(_State(own, state.offsets), here.poses).cost for own in factors.T]
    assert -2 * here.right[g] == pytest.approx((costs[0] - costs[1]) / (2 * step), rel=1e-2)
