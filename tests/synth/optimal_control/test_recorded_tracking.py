"""Laws of tracking: a known motion is found again, objectives are what NumPy says, meshes and periods agree."""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import SPEED, planar_skeleton, planar_solution, smooth_solution

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.path_fit import FitSettings
from synth.optimal_control.movement.climb import closed_array, physical
from synth.optimal_control.movement.mirror import mirrored_array
from synth.optimal_control.movement.structure import LEVER, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.node_reference import node_reference
from synth.optimal_control.recording.recorded_cycle import CycleClosure, RecordedCycle
from synth.optimal_control.recording.recorded_motion import FootWrench, RecordedMotion, recorded_motion
from synth.optimal_control.recording.recorded_tracking import (
    climb_recording,
    track_recording,
    tracking_structure,
    usual_actuators,
)
from synth.optimal_control.recording.start_spread import spread_arrays
from synth.optimal_control.recording.tracking_settings import FIRST, Deviations, TrackingSettings
from synth.optimal_control.recording.trial_samples import MotionFiles

EXAMPLE = "opensim_core/falisse2019_2d_walk"
SPEED_NOISE = 0.1
EXACT = replace(FIRST, tolerance=1e-8)
TORQUES = TrackingSettings(
    Deviations(angular_speed=0.5, linear_speed=0.1, torque=50.0), (Mesh(16),), muscles=False, ground="near", first=EXACT
)


# exact loads stay where they were measured: at any other speed they would jump under the body where the period wraps
GIVEN = replace(TORQUES, ground="data", speed=(SPEED, SPEED))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def recording_of(solution, rng=None, angle=0.0, force=0.0):
    """A solved cycle as a recording with its end repeated, with noise on angles (rad) and forces (body weights)."""
    time = np.r_[solution.time, solution.duration]
    travel = solution.skeleton.coordinate_index("pelvis_tx")
    arrays = [np.vstack([a, a[:1]]) for a in (solution.coordinates, solution.speeds, solution.accelerations)]
    arrays[0][-1, travel] += solution.speed * solution.duration
    loads = np.concatenate([solution.loads, solution.loads[:1]])
    # the origin is left behind: the force's moment about it has grown with the way
    loads[-1, :, 3:] += np.cross([solution.speed * solution.duration, 0.0, 0.0], loads[-1, :, :3])
    if rng is not None:
        turning = [c.kind == "rotation" for c in solution.skeleton.coordinates]
        arrays[0] = arrays[0] + angle * rng.normal(size=arrays[0].shape) * turning
        arrays[1] = arrays[1] + SPEED_NOISE * rng.normal(size=arrays[1].shape)
        weight = solution.skeleton.mass * 9.80665
        loads[..., :2] += force * weight * rng.normal(size=(*loads.shape[:2], 2))
    wrenches = {
        side: FootWrench(f"calcn_{side[0]}", loads[:, i, :3], loads[:, i, 3:], (0.0, 0.0, 0.0))
        for i, side in enumerate(("right", "left"))
    }
    names = solution.skeleton.coordinate_names
    return RecordedMotion(names, time, *arrays, wrenches, len(solution.time) / solution.duration)


def half_of(motion):
    """The first half of a cycle."""
    n = (len(motion.time) + 1) // 2
    wrenches = {s: replace(w, force=w.force[:n], moment=w.moment[:n]) for s, w in motion.wrenches.items()}
    arrays = {name: getattr(motion, name)[:n] for name in ("time", "values", "speeds", "accelerations")}
    return replace(motion, wrenches=wrenches, **arrays)


@cache
def walk():
    """A smooth, symmetric walk that no dynamics stand behind, with its forces under the pelvis."""
    solution = smooth_solution(881)
    loads = solution.loads.copy()
    loads[..., 0] = 0.1 * np.cos(4.0 * np.pi * solution.time / solution.duration)[:, None] * loads[..., 1]
    loads[..., 5] = SPEED * solution.time[:, None] * loads[..., 1]
    return recording_of(replace(solution, loads=loads))


def tracked(settings=TORQUES, motion=None, **options):
    return climb_recording(planar_skeleton(), motion or walk(), settings, prepare=None, **options)


def test_known_motion_is_found_again_under_noise(rng):
    truth = planar_solution(24)
    noisy = recording_of(truth, rng, angle=np.radians(1.0), force=0.03)
    joints = tuple(n for n in truth.skeleton.coordinate_names if not n.startswith("pelvis"))
    deviations = Deviations(
        angle=np.radians(1.0), angular_speed=SPEED_NOISE, linear_speed=SPEED_NOISE, force=0.03, torque=100.0
    )
    settings = replace(TORQUES, meshes=(Mesh(24),), torques=joints, deviations=deviations)
    found = track_recording(truth.skeleton, noisy, settings, prepare=None)
    assert found.converged
    assert found.skeleton is truth.skeleton
    turning = [c.kind == "rotation" for c in truth.skeleton.coordinates]
    error = np.degrees(np.sqrt(np.mean((found.coordinates - truth.coordinates)[:, turning] ** 2)))
    assert error < 0.5
    weight = truth.skeleton.mass * 9.80665
    assert np.sqrt(np.mean((found.loads - truth.loads)[..., 1] ** 2)) < 0.03 * weight


def test_objective_is_the_mean_of_squared_deviations():
    reached = tracked()
    assert reached.converged
    structure, skeleton = reached.movement.structure, planar_skeleton()
    arrays, mean = physical(reached.movement, reached.iterate.values), structure.mesh.quadrature
    reference = node_reference(structure, skeleton, walk())
    spread = np.array([0.035 if c.kind == "rotation" else 0.01 for c in skeleton.coordinates])
    speeds = np.array([0.5 if c.kind == "rotation" else 0.1 for c in skeleton.coordinates])
    unit = skeleton.mass * 9.80665 * LEVER
    wrench = np.array([0.05, 0.05, 0.01 / LEVER])
    near = arrays["wrenches"].reshape(-1, 2, 3).copy()  # moments about the feet
    near[..., 2] -= (reference.about[..., 0] * near[..., 1] - reference.about[..., 1] * near[..., 0]) / LEVER
    expected = mean @ (
        (((arrays["coordinates"] - reference.coordinates) / spread) ** 2).sum(1)
        + (((arrays["speeds"] - reference.speeds) / speeds) ** 2).sum(1)
        + (((near - reference.about_wrenches) / wrench) ** 2).sum((1, 2))
        + ((arrays["torques"] * unit / 50.0) ** 2).sum(1)
    )
    assert reached.iterate.objective == pytest.approx(expected, rel=1e-10)


def test_half_a_cycle_is_the_same_as_a_whole_one_of_symmetric_walking():
    whole = tracked(GIVEN)
    half = tracked(replace(GIVEN, meshes=(Mesh(8, "trapezoidal", "half_cycle"),)), half_of(walk()))
    assert whole.converged
    assert half.converged
    assert half.iterate.objective == pytest.approx(whole.iterate.objective, rel=1e-4)
    first = physical(half.movement, half.iterate.values)["coordinates"]
    both = physical(whole.movement, whole.iterate.values)["coordinates"]
    np.testing.assert_allclose(first, both[:8], atol=2e-3)


def test_stride_followed_by_half_a_cycle_is_the_mean_of_both_halves():
    motion = walk()
    closure = CycleClosure(motion.coordinates, np.zeros(1), np.zeros(1), {}, 1.0, 0.0, "")
    stride = RecordedCycle(motion, 0.0, float(motion.time[-1]), "right", {}, True, closure)
    structure = movement_structure(planar_skeleton(), Mesh(6, "hermite_simpson", "half_cycle"), wrenches=True)
    halves = node_reference(structure, planar_skeleton(), stride)
    first = node_reference(structure, planar_skeleton(), half_of(motion))
    for name in ("coordinates", "speeds", "accelerations", "wrenches"):
        size = np.abs(getattr(first, name)).max()
        np.testing.assert_allclose(getattr(halves, name), getattr(first, name), atol=3e-3 * size, err_msg=name)
    assert halves.duration == pytest.approx(first.duration)
    assert halves.speed == pytest.approx(first.speed)


def test_first_node_follows_both_ends_of_a_cycle_as_the_quadrature_weighs_them():
    motion = walk()
    bent = replace(motion, values=motion.values + 0.01 * (motion.time / motion.time[-1])[:, None])
    travel = planar_skeleton().coordinate_index("pelvis_tx")
    for scheme, share in (("trapezoidal", 0.5), ("hermite_simpson", 0.5), ("radau", 1.0)):
        structure = movement_structure(planar_skeleton(), Mesh(6, scheme))
        found = node_reference(structure, planar_skeleton(), bent).coordinates[0] - motion.values[0]
        expected = np.full(len(found), share * 0.01)
        expected[travel] = 0.0  # the end of the way is what the way is measured by
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_all_schemes_have_one_limit_and_their_order():
    def solved(scheme, n):
        reached = tracked(replace(GIVEN, meshes=(Mesh(n, scheme),)))
        assert reached.converged, (scheme, n)
        arrays = physical(reached.movement, reached.iterate.values)
        whole = closed_array(reached.movement.structure, "coordinates", arrays)
        return whole[:: (len(whole) - 1) // 8]

    limit = solved("radau", 24)
    error = {
        (scheme, n): np.abs(solved(scheme, n) - limit).max()
        for scheme, n in (
            ("trapezoidal", 16),
            ("trapezoidal", 32),
            ("hermite_simpson", 8),
            ("hermite_simpson", 16),
            ("radau", 8),
        )
    }
    assert error["trapezoidal", 32] < error["trapezoidal", 16] / 3.0
    assert error["hermite_simpson", 16] < error["hermite_simpson", 8] / 8.0
    assert error["hermite_simpson", 16] < error["trapezoidal", 32] / 3.0
    assert error["radau", 8] < error["trapezoidal", 16]


def test_exact_data_stay_as_they_are():
    reached = tracked(GIVEN)
    arrays = physical(reached.movement, reached.iterate.values)
    reference = node_reference(reached.movement.structure, planar_skeleton(), walk())
    assert reached.converged
    np.testing.assert_allclose(arrays["wrenches"], reference.wrenches.reshape(-1, 6), atol=1e-6)


def test_net_moments_are_followed_by_torques():
    solution = smooth_solution(881)
    moments = np.vstack([solution.moments, solution.moments[:1]])
    settings = replace(TORQUES, deviations=replace(TORQUES.deviations, joint_moment=1.0))
    followed = tracked(settings, moments=moments)
    free = tracked()
    unit = planar_skeleton().mass * 9.80665 * LEVER
    target = node_reference(followed.movement.structure, planar_skeleton(), walk(), moments).moments
    errors = [
        np.abs(physical(c.movement, c.iterate.values)["torques"] * unit - target).mean() for c in (followed, free)
    ]
    assert followed.converged
    assert errors[0] < 0.5 * errors[1]


def test_best_of_several_starts_is_kept(rng):
    one, several = tracked(), tracked(replace(TORQUES, starts=3), rng=rng)
    assert several.converged
    assert several.iterate.objective <= one.iterate.objective * (1.0 + 1e-6)
    with pytest.raises(ValueError, match="give rng"):
        tracked(replace(TORQUES, starts=2))


@pytest.mark.parametrize("period", ["cycle", "half_cycle"])
def test_disturbed_start_is_as_smooth_and_as_symmetric_as_the_period(rng, period):
    structure = movement_structure(planar_skeleton(), Mesh(200, "trapezoidal", period))
    n, n_q = 200, structure.n_coordinates
    nothing = {name: np.zeros((n, n_q)) for name in ("coordinates", "speeds", "accelerations")}
    made = spread_arrays(nothing | {"duration": np.array([0.6]), "speed": np.array([0.0])}, structure, rng, 0.1)
    closed = closed_array(structure, "coordinates", made)
    step = 0.6 / n
    np.testing.assert_allclose(np.diff(closed, axis=0) / step, _means(structure, made, "speeds"), atol=0.01)
    speeds = closed_array(structure, "speeds", made)
    np.testing.assert_allclose(np.diff(speeds, axis=0) / step, _means(structure, made, "accelerations"), atol=0.5)
    assert 0.03 < made["coordinates"][:, -1].std() < 0.3
    if period == "half_cycle":
        np.testing.assert_allclose(closed[-1], mirrored_array(structure, "coordinates", closed[:1])[0])


def _means(structure, arrays, name):
    closed = closed_array(structure, name, arrays)
    return 0.5 * (closed[1:] + closed[:-1])


def test_actuators_are_where_muscles_are_not():
    skeleton = planar_skeleton()
    assert usual_actuators(skeleton, muscles=False, root=True) == skeleton.coordinate_names
    joints = usual_actuators(skeleton, muscles=False, root=False)
    assert not any(name.startswith("pelvis_t") for name in joints)
    assert "knee_angle_r" in joints


def test_what_cannot_be_tracked_is_said():
    with pytest.raises(ModelMismatch, match="expected a recording of"):
        tracked(motion=replace(walk(), coordinates=walk().coordinates[::-1]))
    holed = walk().values.copy()
    holed[7, 3] = np.nan
    with pytest.raises(ModelMismatch, match="have no number at"):
        tracked(motion=replace(walk(), values=holed))
    with pytest.raises(ModelMismatch, match="ground='data' needs force and moment"):
        tracked(replace(TORQUES, ground="data"), replace(walk(), wrenches={}))
    with pytest.raises(ValueError, match="meshes of one period"):
        replace(TORQUES, meshes=(Mesh(4), Mesh(4, "trapezoidal", "half_cycle")))
    with pytest.raises(ValueError, match="loosening is a factor of 1 or more"):
        replace(TORQUES, loosening=0.5)
    with pytest.raises(ValueError, match="'law', 'data' or 'near'"):
        replace(TORQUES, ground="floor")


def test_loose_forces_come_first_and_leave_the_last_problem_as_it_is():
    loose = tracked(replace(TORQUES, meshes=(Mesh(8), Mesh(16)), loosening=10.0))
    assert loose.converged
    names = [name for name, _ in loose.rungs]
    assert names == ["trapezoidal 8, forces loose", "trapezoidal 16, forces loose", "trapezoidal 16"]
    assert loose.rungs[1][1].objective < loose.iterate.objective
    assert loose.iterate.objective == pytest.approx(tracked().iterate.objective, rel=1e-5)


def test_rung_of_torques_has_no_muscles(data_dir):
    skeleton = walker(data_dir)
    settings = TrackingSettings(meshes=(Mesh(8, "trapezoidal", "half_cycle"),), options={"tendon": "compliant"})
    bare = tracking_structure(skeleton, settings.meshes[0], settings, muscles=False)
    whole = tracking_structure(skeleton, settings.meshes[0], settings, muscles=True)
    assert not bare.muscles
    assert bare.contact == "spheres"
    assert whole.tendon == "compliant"
    assert [skeleton.coordinate_names[j] for j in whole.actuated] == ["lumbar"]


@cache
def walker(data_dir):
    knee = (np.radians(-75.0), np.radians(3.0))
    ranges = {"knee_angle_r": knee, "knee_angle_l": knee}
    settings = FitSettings(length_goal=1e-3, arm_goal=3e-3)
    model = data_dir / EXAMPLE / "2D_gait.osim"
    return prepare_model(model, ranges=ranges, settings=settings, show_progress=False).skeleton


@cache
def example(data_dir):
    """The measured half cycle of the planar example."""
    folder = data_dir / EXAMPLE
    files = MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml")
    return recorded_motion(files, walker(data_dir), np.linspace(0.0, 0.47, 51), cutoff=6.0)


@pytest.mark.slow
@pytest.mark.parametrize("torque_rung", [False, True])
def test_measured_half_cycle_is_tracked_by_muscles_and_contact(data_dir, torque_rung):
    meshes = (Mesh(15, "trapezoidal", "half_cycle"), Mesh(25, "hermite_simpson", "half_cycle"))
    settings = TrackingSettings(meshes=meshes, torque_rung=torque_rung)
    found = track_recording(walker(data_dir), example(data_dir), settings, prepare=None)
    assert found.converged, found.reason
    assert len(found.rungs) == 2 + torque_rung
    reference = example(data_dir)
    half = len(found.time) // 2
    for name in ("hip_flexion_r", "knee_angle_r", "ankle_angle_r"):
        at = np.interp(found.time[:half], reference.time - reference.time[0], reference.of(name))
        assert np.degrees(np.abs(found.of(name)[:half] - at).mean()) < 3.0
    weight = found.skeleton.mass * 9.80665
    assert sum(g.force[:, 1].mean() for g in found.ground_reactions) == pytest.approx(weight, rel=0.02)
    assert np.abs(found.moments[:, :3]).max() < 0.01 * weight
