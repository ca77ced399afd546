"""Inverse kinematics gives back the coordinates that made the markers."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.archive.doubt import at_bound
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.inverse.held_coordinate import with_held
from opensim_models.inverse.kinematics import _problem, solve_inverse_kinematics
from opensim_models.inverse.marker_least_squares import start_pose
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.kernel import trial_fit
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics

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


def test_a_person_who_turns_round_and_round_has_a_heading_without_leaps():
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton, n_frames=200)
    heading = skeleton.coordinate_index("pelvis_rotation")
    truth.values[:, heading] = np.linspace(-np.pi, 3.0 * np.pi, 200)
    solution = solve_inverse_kinematics(
        skeleton, labels(skeleton), marker_positions(skeleton, truth), 100.0, prior_spread=1e4, limits="none"
    )
    found = solution.kinematics.values[:, heading]
    np.testing.assert_allclose(np.diff(found), 4.0 * np.pi / 199, atol=1e-4)
    assert abs(np.median(found)) <= np.pi


def test_a_leap_of_one_frame_does_not_wind_the_heading_up():
    """Half a turn and back, as a swap of labels makes it, left every later frame a turn further than the one before."""
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    truth.values[:] = truth.values[0]
    heading = skeleton.coordinate_index("pelvis_rotation")
    truth.values[:, heading] = 0.0
    truth.values[20, heading] = np.radians(179.0)
    markers = marker_positions(skeleton, truth)
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, limits="none", prior_spread=1e4)
    others = np.delete(np.arange(60), 20)
    np.testing.assert_allclose(solution.kinematics.values[others, heading], 0.0, atol=1e-5)


HEADINGS = {
    "backwards": lambda time: np.pi + np.radians(6.0) * np.sin(2.0 * np.pi * time),
    "once round": lambda time: 2.0 * np.pi * time / time[-1],
    "circles": lambda time: 6.0 * np.pi * time / time[-1],
}


@pytest.mark.parametrize("heading", HEADINGS.values(), ids=HEADINGS)
@pytest.mark.parametrize(
    "model",
    ["hamner_running/final.osim", "opencap_lab_subject4/Models/manually_scaled.osim"],  # ranges: pi, and 3.14
    ids=["Hamner", "OpenCap"],
)
def test_a_range_of_a_full_circle_is_no_limit(data_dir, model, heading):
    """The heading was pinned at 180 degrees, hip rotation took 6 of them, and circles had a leap of 359 degrees."""
    skeleton = read_osim(data_dir / model)
    names = skeleton.coordinate_names
    time = np.arange(300) / 30.0
    values = np.tile([c.default for c in skeleton.coordinates], (300, 1))
    for side, sign in (("r", 1.0), ("l", -1.0)):
        values[:, names.index(f"hip_flexion_{side}")] = 0.3 + 0.4 * sign * np.sin(2.0 * np.pi * time)
        values[:, names.index(f"elbow_flex_{side}")] = 0.5
    turn = names.index("pelvis_rotation")
    values[:, turn] = heading(time)
    markers = marker_positions(skeleton, Kinematics(names, values, 30.0))
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 30.0, prior_spread=1e4)
    assert solution.rms_error < 1e-4
    found = solution.kinematics.values
    shift = found[0, turn] - values[0, turn]
    assert abs(shift / (2.0 * np.pi) - round(shift / (2.0 * np.pi))) < 1e-4
    np.testing.assert_allclose(found[:, turn] - shift, values[:, turn], atol=1e-3)
    hips = [k for k, name in enumerate(names) if name.startswith("hip_")]
    np.testing.assert_allclose(found[:, hips], values[:, hips], atol=1e-3)
    assert at_bound(skeleton, solution).keys() & {"pelvis_rotation"} == set()


def test_limits_as_opensim_clamps_them_keep_a_full_circle_and_a_joint_keeps_its_range(data_dir):
    skeleton = read_osim(data_dir / "hamner_running" / "final.osim")
    turn, hip = (skeleton.coordinate_index(name) for name in ("pelvis_rotation", "hip_flexion_r"))
    time = np.arange(3.0)
    for limits, bound in (("range", np.inf), ("clamped", np.pi)):
        problem, _ = with_held(_problem(skeleton, skeleton.markers, {}, (1, 1, 1), 1.0, 0.01), limits, {}, (), time)
        assert problem.upper[turn] == pytest.approx(bound) and problem.lower[turn] == pytest.approx(-bound)
        assert problem.upper[hip] == skeleton.coordinates[hip].upper


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


def misplaced(skeleton, motion, seed=3, size=0.01):
    """Markers that fit no pose exactly, as in any laboratory."""
    rng = np.random.default_rng(seed)
    markers = marker_positions(skeleton, motion)
    return markers + rng.normal(scale=size, size=markers.shape[1:]) + rng.normal(scale=size / 20, size=markers.shape)


@pytest.mark.parametrize(
    ("skeleton", "axes"),
    [(lower_body_skeleton(PERSON), (1, 1, 1)), (planar_skeleton(PERSON), (1, 1, 0))],
    ids=["spatial", "planar"],
)
def test_the_compiled_and_the_readable_path_find_the_same_minimum(skeleton, axes):
    markers = misplaced(skeleton, swinging(skeleton))
    markers[10:20, 3] = np.nan
    weights = {skeleton.markers[0].name: 5.0, skeleton.markers[7].name: 0.2}
    both = [
        solve_inverse_kinematics(
            *(skeleton, labels(skeleton), markers, 100.0),
            weights=weights,
            axis_weights=axes,
            limits="none",
            tolerance=1e-9,
            max_iterations=200,
            compiled=compiled,
        )
        for compiled in (True, False)
    ]
    assert both[0].converged.all()
    np.testing.assert_allclose(both[0].kinematics.values, both[1].kinematics.values, atol=1e-7)
    np.testing.assert_allclose(both[0].marker_error, both[1].marker_error, atol=1e-8)
    assert both[0].held == both[1].held


def test_the_default_tolerance_is_kept():
    skeleton = lower_body_skeleton(PERSON)
    markers = misplaced(skeleton, swinging(skeleton))
    arguments = (skeleton, labels(skeleton), markers, 100.0)
    exact = solve_inverse_kinematics(*arguments, tolerance=1e-11).kinematics.values
    np.testing.assert_allclose(solve_inverse_kinematics(*arguments).kinematics.values, exact, atol=1e-6)


def test_a_limit_stops_a_coordinate_and_the_others_make_the_best_of_it():
    """At a bound no other choice of the free coordinates is better: the cost of small moves only grows."""
    skeleton = lower_body_skeleton(PERSON)
    knee = skeleton.coordinate_index("knee_angle_r")
    coordinates = list(skeleton.coordinates)
    coordinates[knee] = replace(coordinates[knee], upper=0.5)
    limited = replace(skeleton, coordinates=tuple(coordinates))
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth)
    solution = solve_inverse_kinematics(limited, labels(skeleton), markers, 100.0, prior_spread=1e5, tolerance=1e-9)
    values = solution.kinematics.values
    beyond = truth.values[:, knee] > 0.52
    assert beyond.any()
    np.testing.assert_allclose(values[beyond, knee], 0.5, atol=1e-12)
    assert solution.converged.all()
    free = [j for j in range(values.shape[1]) if j != knee]
    rng = np.random.default_rng(0)

    def cost(values):
        placed = marker_positions(skeleton, Kinematics(skeleton.coordinate_names, values, 100.0))
        return ((placed - markers) ** 2).sum(axis=(1, 2))[beyond]

    best = cost(values)
    for _ in range(20):
        moved = values.copy()
        moved[:, free] += rng.normal(scale=1e-3, size=(len(values), len(free)))
        assert (cost(moved) > best).all()


def test_priors_pull_and_locks_hold():
    skeleton = lower_body_skeleton(PERSON)
    markers = marker_positions(skeleton, swinging(skeleton))
    arguments = (skeleton, labels(skeleton), markers, 100.0)
    priors = {"lumbar_bending": (0.1, 0.0), "hip_rotation_l": (0.4, 1e-4), "subtalar_angle_r": (0.2, 1.0)}
    solution = solve_inverse_kinematics(*arguments, coordinate_priors=priors, locked=("subtalar_angle_r",))
    assert (solution.kinematics.of("lumbar_bending") == 0.1).all()
    assert (solution.kinematics.of("subtalar_angle_r") == 0.2).all()
    np.testing.assert_allclose(solution.kinematics.of("hip_rotation_l"), 0.4, atol=0.01)
    assert solution.held == ("subtalar_angle_r", "lumbar_bending")
    assert solution.held_reasons["subtalar_angle_r"] == "locked by the caller"
    assert "no spread" in solution.held_reasons["lumbar_bending"]


def test_what_the_model_locks_is_held():
    skeleton = lower_body_skeleton(PERSON)
    coordinates = [replace(c, locked=c.name == "subtalar_angle_l", default=0.05) for c in skeleton.coordinates]
    locked = replace(skeleton, coordinates=tuple(coordinates))
    solution = solve_inverse_kinematics(locked, labels(locked), marker_positions(locked, swinging(skeleton)), 100.0)
    assert (solution.kinematics.of("subtalar_angle_l") == 0.05).all()
    assert solution.held_reasons == {"subtalar_angle_l": "locked in the model"}


def test_markers_on_one_line_do_not_observe_the_turn_about_it():
    skeleton = lower_body_skeleton(PERSON)
    thigh = skeleton.segment_index("femur_r")
    beyond = {"femur_r", "tibia_r", "talus_r", "calcn_r", "toes_r"}
    axis = np.array(
        next(
            e for e in skeleton.segments[thigh].elements if e.coordinate == skeleton.coordinate_index("hip_rotation_r")
        ).axis
    )
    kept = [m for m in skeleton.markers if m.segment not in beyond]
    along = [
        replace(skeleton.markers[0], name=f"line{k}", segment="femur_r", offset=tuple(-k * 0.1 * axis))
        for k in (1, 2, 3)
    ]
    poor = skeleton.with_markers((*kept, *along))
    solution = solve_inverse_kinematics(poor, labels(poor), marker_positions(poor, swinging(skeleton)), 100.0)
    assert "hip_rotation_r" in solution.held
    assert "uncertain" in solution.held_reasons["hip_rotation_r"]
    assert "hip_flexion_r" not in solution.held
    assert solution.uncertainty["hip_flexion_r"] < 0.1


def test_a_wrong_minimum_does_not_stay():
    """Markers that leap to another place for one frame, as after a swap, do not lead the frames that follow astray."""
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth)
    leg = [k for k, m in enumerate(skeleton.markers) if m.segment in ("tibia_r", "calcn_r")]
    markers[30, leg] = 2.0 * markers[30, [0]] - markers[30, leg]
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4, tolerance=1e-9)
    others = np.delete(np.arange(60), 30)
    np.testing.assert_allclose(solution.kinematics.values[others], truth.values[others], atol=2e-6)
    assert solution.frame_rms[30] > 0.05
    assert np.delete(solution.frame_rms, 30).max() < 1e-5


def test_a_run_that_starts_in_a_wrong_minimum_is_led_out_of_it(monkeypatch):
    """The first start is a knot of limbs; a later frame's own start finds the way and leads its neighbours."""
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton, n_frames=130)
    markers = marker_positions(skeleton, truth)
    turning = [c.kind == "rotation" for c in skeleton.coordinates]
    knot = np.random.default_rng(5).uniform(-3.0, 3.0, sum(turning))
    calls = []

    def knotted(problem, measured, place):
        q = start_pose(problem, measured, place)
        if not calls:
            q[:, turning] += knot
        calls.append(len(measured))
        return q

    monkeypatch.setattr(trial_fit, "start_pose", knotted)
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4)
    assert len(calls) == 2
    np.testing.assert_allclose(solution.kinematics.values, truth.values, atol=1e-5)
    monkeypatch.setattr(trial_fit, "_look_again", lambda *_: None)
    calls.clear()
    alone = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, prior_spread=1e4)
    assert alone.rms_error > 0.02, "the start was not bad enough to test anything"


def test_every_marker_and_every_frame_has_its_residual():
    skeleton = lower_body_skeleton(PERSON)
    markers = marker_positions(skeleton, swinging(skeleton))
    markers[:, 4] += (0.0, 0.05, 0.0)
    markers[7] = np.nan
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0)
    assert max(solution.marker_rms, key=solution.marker_rms.get) == skeleton.markers[4].name
    assert np.flatnonzero(np.isnan(solution.frame_rms)).tolist() == [7]


def test_a_weight_of_zero_leaves_a_marker_out():
    skeleton = lower_body_skeleton(PERSON)
    truth = swinging(skeleton)
    markers = marker_positions(skeleton, truth)
    markers[:, 4] += 0.5
    solution = solve_inverse_kinematics(
        skeleton, labels(skeleton), markers, 100.0, weights={skeleton.markers[4].name: 0.0}, prior_spread=1e5
    )
    assert skeleton.markers[4].name not in solution.markers
    np.testing.assert_allclose(solution.kinematics.values, truth.values, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (lambda x: x * 0.0, {}, "exactly"),
        (lambda x: x[:, :-1], {}, "shape"),
        (lambda x: x, {"weights": {"asis_r": float("nan")}}, "asis_r"),
        (lambda x: x, {"locked": ("knee_angel_r",)}, "knee_angel_r"),
        (lambda x: x, {"coordinate_priors": {"knee_angle_r": (float("nan"), 1.0)}}, "knee_angle_r"),
        (lambda x: x, {"limits": "some"}, "limits"),
    ],
    ids=["zeros", "shape", "weight", "lock", "prior", "limits"],
)
def test_what_cannot_be_meant_is_refused_by_name(change, settings, words):
    skeleton = lower_body_skeleton(PERSON)
    markers = change(marker_positions(skeleton, swinging(skeleton)))
    with pytest.raises(ModelMismatch, match=words):
        solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0, **settings)


def test_no_frame_with_enough_markers_is_a_solution_without_values():
    skeleton = lower_body_skeleton(PERSON)
    markers = np.full((5, len(skeleton.markers), 3), np.nan)
    solution = solve_inverse_kinematics(skeleton, labels(skeleton), markers, 100.0)
    assert np.isnan(solution.kinematics.values).all()
    assert not solution.converged.any()
    assert np.isnan(solution.rms_error)
