"""IMU tracking in space: closed-form paths, postures and mountings are found again, and what is wrong is refused.

Sources: exact mechanics of virtual sensors (`synth.imu.skeleton_imu`) on an analytic walk; real Xsens sensors of the
CMU set on a treadmill of known speed; and, slow, the recorded stride of rajagopal_walk.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

import casadi as ca
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parent))

from spatial_walk import DURATION, PERSON, SPEED, N, sensors, skeleton, walk

from benchmarks.peers.cmu_walks import SEGMENTS as CMU_SEGMENTS
from benchmarks.peers.cmu_walks import mean_stride, mountings_of_record, read_walk
from benchmarks.peers.virtual_stride import PLACES, SEGMENTS, tracking_model, true_stride, worn_sensors
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.optimal_control.inertial import imu_attempt
from synth.optimal_control.inertial.imu_check import refusal
from synth.optimal_control.inertial.imu_misfit import sensor_misfit, sensor_readings
from synth.optimal_control.inertial.orientation_posture import orientation_posture, segment_orientations
from synth.optimal_control.inertial.sensor_problem import ImuProblem, channel_deviation
from synth.optimal_control.inertial.spatial_imu_data import SpatialImuWeights, spatial_imu_data
from synth.optimal_control.inertial.spatial_imu_start import (
    cayley_rotation,
    cayley_vector,
    mounting_guess,
    normative_posture,
    spatial_imu_starts,
)
from synth.optimal_control.inertial.spatial_imu_tracking import (
    STAGES,
    check_sensors,
    spatial_imu_problem,
    spatial_imu_structure,
    track_spatial_imus,
)
from synth.optimal_control.inertial.spatial_strap_down import (
    closed_orientation,
    relative_angles,
    segment_records,
    sensor_path,
    sensor_paths,
    walking_speed,
)
from synth.optimal_control.movement import resumed_climb
from synth.optimal_control.movement.following_blocks import rotation_of
from synth.optimal_control.movement.structure import SCALE
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.solver import SolveInterrupted, solve


def mountings(seed: int, sd: float) -> dict[str, Rotation]:
    rng = np.random.default_rng(seed)
    return {s: Rotation.from_rotvec((s != "pelvis") * sd * rng.standard_normal(3)) for s in SEGMENTS}


def problem(recordings: tuple[ImuRecording, ...]) -> ImuProblem:
    return spatial_imu_problem(recordings, skeleton(), DURATION, PERSON.height)


def test_a_gyroscope_with_a_constant_bias_gives_the_orientation_over_a_closed_cycle() -> None:
    q = walk()[0]
    true = segment_orientations(skeleton(), q, ["tibia_l"])["tibia_l"]
    recording = next(r for r in sensors(bias=0.05) if r.placement.segment == "tibia_l")
    found = closed_orientation(recording.angular_velocity, DURATION)
    off = ((true[0].inv() * true).inv() * found).magnitude()
    assert np.degrees(off.max()) < 0.2
    # the bias would have turned it by 0.05 rad/s × √3 × 1.1 s = 5.5°
    without = (
        (true[0].inv() * true).inv() * closed_orientation(recording.angular_velocity - 0.05, DURATION)
    ).magnitude()
    assert off.max() == pytest.approx(without.max(), abs=2e-3)


def test_the_mean_specific_force_over_a_cycle_is_gravity_and_shows_the_vertical() -> None:
    q = walk()[0]
    true = segment_orientations(skeleton(), q, list(SEGMENTS))
    for recording in sensors():
        path = sensor_path(segment_records([recording])[recording.placement.segment], DURATION)
        assert path.gravity == pytest.approx(9.80665, abs=0.02)
        up = true[path.segment].inv().apply([0.0, 1.0, 0.0])
        assert (
            np.degrees(np.arccos(np.clip((path.orientation.inv().apply([0, 1, 0]) * up).sum(axis=1), -1, 1))).max()
            < 0.4
        )


def test_leg_sensors_find_the_direction_of_walking_however_they_are_turned_about_the_vertical() -> None:
    true = segment_orientations(skeleton(), walk()[0], ["tibia_r", "calcn_l"])
    found: dict[str, list[Rotation]] = {s: [] for s in true}
    for yaw in (0.0, 0.4, -0.4):
        turned = dict.fromkeys(true, Rotation.from_rotvec([0.0, yaw, 0.0]))
        for recording in sensors(turned):
            segment = recording.placement.segment
            if segment in true:
                path = sensor_path(segment_records([recording])[segment], DURATION)
                found[segment].append(path.orientation * turned[segment].inv())
    for segment, (straight, *others) in found.items():
        assert np.degrees((true[segment].inv() * straight).magnitude().max()) < 15.0
        for other in others:
            assert np.degrees((straight.inv() * other).magnitude().max()) < 0.5


def test_the_speed_that_lets_real_feet_stand_still_is_that_of_the_belt(data_dir: Path) -> None:
    person = "Sub01"
    folder = data_dir / "cmu_imu_grf_walk"
    turned = mountings_of_record(folder, person)
    offset = {s: np.array(PLACES[s.split("_")[0].replace("toes", "calcn")]) for s in CMU_SEGMENTS}
    placements = {s: SensorPlacement(s, s.replace("toes", "calcn"), offset[s], turned[s]) for s in CMU_SEGMENTS}
    trial = read_walk(folder, person, placements, seconds=14.0)
    stride = mean_stride(trial, trial.cycles[2:8])
    records = segment_records(stride.recordings)
    found = walking_speed(records, stride.duration)
    assert found == pytest.approx(trial.belt_speed, rel=0.04)
    for path in sensor_paths(records, stride.duration).values():
        assert path.gravity == pytest.approx(9.8, abs=0.25)


def test_coordinates_are_found_from_the_orientations_of_their_segments() -> None:
    q = walk()[0][::10]
    seen = segment_orientations(skeleton(), q, list(SEGMENTS))
    start = np.tile([c.default for c in skeleton().coordinates], (len(q), 1))
    found = orientation_posture(skeleton(), seen, start, prior_sd=1e3)
    legs = [j for j, c in enumerate(skeleton().coordinate_names) if c.startswith(("hip", "knee", "ankle", "subtalar"))]
    assert np.abs(found - q)[:, [0, 1, 2, *legs]].max() < 1e-6
    lumbar = skeleton().coordinate_index("lumbar_bending")
    assert np.all(found[:, lumbar] == 0.0)  # no sensor sees it


def test_angles_between_segments_are_the_coordinates_of_the_skeleton() -> None:
    q = walk()[0]
    found = relative_angles(segment_orientations(skeleton(), q, list(SEGMENTS)), "calcn")
    for name, values in found.items():
        assert np.degrees(np.abs(values - q[:, skeleton().coordinate_index(name)]).max()) < 0.1, name


def test_small_rotation_vectors_are_those_of_the_problem() -> None:
    vector = np.array([0.2, -0.3, 0.1])
    rows = rotation_of([ca.SX(x) for x in vector])
    of_problem = np.array([[float(ca.DM(ca.evalf(x))) for x in row] for row in rows])
    np.testing.assert_allclose(cayley_rotation(vector).as_matrix(), of_problem, atol=1e-12)
    np.testing.assert_allclose(cayley_vector(cayley_rotation(vector)), vector, atol=1e-12)


def test_mountings_are_guessed_from_sensors_of_a_normative_posture() -> None:
    turned = mountings(3, np.radians(10.0))
    recordings = sensors(turned)
    paths = sensor_paths(segment_records(recordings), DURATION)
    guess = mounting_guess(problem(recordings), paths, normative_posture(skeleton(), SPEED, PERSON.height))
    off = [np.degrees((turned[s].inv() * cayley_rotation(g)).magnitude()) for s, g in zip(SEGMENTS, guess, strict=True)]
    size = [np.degrees(turned[s].magnitude()) for s in SEGMENTS]
    assert np.all(guess[0] == 0.0)
    assert np.mean(off) < 0.6 * np.mean(size)


def test_the_start_is_close_to_the_walk_and_stands_on_the_floor() -> None:
    start = next(spatial_imu_starts(problem(sensors(mountings(4, np.radians(6.0))))))
    phase = np.arange(len(start.coordinates)) / len(start.coordinates)
    q = walk()[0][np.round(phase * N).astype(int)]
    names = [c for c in skeleton().coordinate_names if c.startswith(("hip", "knee", "ankle"))]
    columns = [skeleton().coordinate_index(c) for c in names]
    assert np.degrees(np.sqrt(np.mean((start.coordinates - q)[:, columns] ** 2))) < 5.0
    # the pelvis sensor says how the pelvis sways
    sway = start.coordinates[:, skeleton().coordinate_index("pelvis_tz")]
    true = q[:, skeleton().coordinate_index("pelvis_tz")]
    assert np.abs((sway - sway.mean()) - (true - true.mean())).max() < 0.006


def test_the_motion_that_made_noiseless_signals_has_no_misfit_and_another_mounting_has() -> None:
    turned = mountings(5, np.radians(8.0))
    posed = problem(sensors(turned))
    offsets = {s: r.offset for s, r in posed.records.items()}

    def misfit(mounting: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return sensor_misfit(posed, np.arange(N) / N, sensor_readings(skeleton(), *walk(), offsets, mounting))

    assert max(m.max() for m in misfit({s: cayley_vector(turned[s]) for s in SEGMENTS}).values()) < 1e-12
    wrong = misfit(dict.fromkeys(SEGMENTS, np.zeros(3)))
    assert wrong["pelvis"].max() < 1e-12
    assert all(wrong[s].max() > 0.1 for s in SEGMENTS[1:])


def test_the_pelvis_sensor_stays_and_leg_sensors_may_turn() -> None:
    posed = problem(sensors())
    structure = spatial_imu_structure(posed, 10)
    start = np.zeros((len(SEGMENTS), 3))
    free = spatial_imu_data(structure, posed, STAGES[-1], start)
    assert np.all(free.upper["mounting"][:3] == 0.0) and np.all(free.upper["mounting"][3:] > 0.0)
    assert np.all(free.upper["wrenches"] == 0.0)  # no load in a result but what the floor gives
    first = spatial_imu_data(structure, posed, STAGES[0], start + 0.1)
    np.testing.assert_allclose(first.lower["mounting"] * SCALE["mounting"], 0.1)
    assert np.all(first.upper["wrenches"] > 0.0)
    assert free.lower["duration"] == free.upper["duration"] == DURATION


def test_a_small_channel_is_no_more_certain_than_its_sensor() -> None:
    """A still axis is weighed by the other axes of the same kind, and a still sensor by what sensors can tell."""
    worn = sensors()
    recording = next(r for r in worn if r.placement.segment == "tibia_r")
    turn = recording.angular_velocity * [0.0, 0.0, 1.0]
    weights = SpatialImuWeights()
    for axes, least in ((turn, weights.sensor_share * turn[:, 2].std() / np.sqrt(3.0)), (0.0 * turn, 0.0)):
        changed = replace(recording, angular_velocity=axes)
        posed = problem(tuple(changed if r is recording else r for r in worn))
        assert channel_deviation(posed, "tibia_r")[:, 3] == pytest.approx(np.hypot(least, weights.least[1]))


def _without(segment: str) -> list[ImuRecording]:
    return [r for r in sensors() if r.placement.segment != segment]


def _as(recording: ImuRecording, segment: str) -> ImuRecording:
    return replace(recording, placement=replace(recording.placement, segment=segment))


def test_sets_of_sensors_that_no_movement_follows_from_are_refused() -> None:
    check_sensors(sensors())
    check_sensors([_as(r, r.placement.segment.replace("calcn", "toes")) for r in sensors()])
    check_sensors([*sensors(), _as(sensors()[0], "torso")])
    for wrong, words in (
        (_without("femur_l"), "none is on femur_l"),
        (_without("calcn_r"), "none is on calcn_r or toes_r"),
        ([*sensors(), _as(sensors()[0], "humerus_r")], "humerus_r is none of them"),
        ([*sensors(), sensors()[2]], "tibia_r carry more than one"),
        ([*sensors(), _as(sensors()[3], "toes_r")], "calcn_r, toes_r carry more than one"),
    ):
        with pytest.raises(ModelMismatch, match=words):
            check_sensors(wrong)


def test_what_is_no_cycle_no_skeleton_and_no_person_is_refused() -> None:
    gap = sensors()[1]
    force = gap.specific_force.copy()
    force[3] = np.nan
    holed = [sensors()[0], replace(gap, specific_force=force), *sensors()[2:]]
    short = [
        replace(r, specific_force=r.specific_force[:9], angular_velocity=r.angular_velocity[:9]) for r in sensors()
    ]
    for arguments, words in (
        ((sensors(), planar_skeleton(PERSON), DURATION, 1.75), "planar"),
        ((sensors(), replace(skeleton(), contacts=()), DURATION, 1.75), "no contact spheres"),
        ((holed, skeleton(), DURATION, 1.75), "1 missing samples"),
        ((short, skeleton(), DURATION, 1.75), "at least 20 samples"),
        ((sensors(), skeleton(), 110.0, 1.75), r"gait cycle of 0\.3-3 s"),
        ((sensors(), skeleton(), DURATION, 175.0), r"height of 0\.5-2\.6 m"),
    ):
        with pytest.raises(ModelMismatch, match=words):
            spatial_imu_problem(*arguments)
    with pytest.raises(ModelMismatch, match=r"speed of 0\.2-8 m/s"):
        spatial_imu_problem(sensors(), skeleton(), DURATION, 1.75, speed=20.0)


def test_a_misfit_beyond_noise_is_refused_by_its_worst_channel() -> None:
    good = {s: np.ones(6) for s in SEGMENTS}
    assert refusal(good) == ""
    bad = good | {"tibia_r": np.array([1.0, 1.0, 1.0, 1.0, 900.0, 1.0])}
    assert "angular velocity along y on tibia_r" in refusal(bad)


def test_a_tracking_in_space_that_was_interrupted_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = (replace(STAGES[-2], n_nodes=6), replace(STAGES[-1], n_nodes=8))
    monkeypatch.setattr(imu_attempt, "SETTINGS", replace(imu_attempt.SETTINGS, max_iterations=5))
    about = {"stages": stages, "n_starts": 1, "prepare": None, "keep_in": tmp_path / "walk"}
    save = resumed_climb.save_iterate

    def save_and_interrupt(place: Path, iterate: Iterate, identity: str) -> None:
        save(place, iterate, identity)
        if iterate.status == "Running" and iterate.iterations == 3 and len(iterate.values) == fine:
            signal.raise_signal(signal.SIGINT)

    whole = track_spatial_imus(sensors(), skeleton(), DURATION, PERSON.height, **about | {"keep_in": None})
    coarse, fine = (len(iterate.values) for _, iterate in whole.reached.rungs)
    assert whole.resumed == "" and coarse < fine
    with monkeypatch.context() as interrupted:
        interrupted.setitem(solve.__kwdefaults__, "keep_seconds", 0.0)
        interrupted.setattr(resumed_climb, "save_iterate", save_and_interrupt)
        with pytest.raises(SolveInterrupted):
            track_spatial_imus(sensors(), skeleton(), DURATION, PERSON.height, **about)
    assert [path.name for path in (tmp_path / "walk").iterdir()] == ["last_iterate_0.npz"]
    again = track_spatial_imus(sensors(), skeleton(), DURATION, PERSON.height, **about)
    assert again.resumed == "nominal contact"
    assert [name for name, _ in again.reached.rungs] == ["nominal contact"]
    assert again.reached.iterate.violation < whole.reached.iterate.violation
    other = track_spatial_imus(sensors(bias=0.1), skeleton(), DURATION, PERSON.height, **about)
    assert other.resumed == "" and len(other.reached.rungs) == 2


@pytest.mark.slow
def test_a_recorded_stride_is_found_from_its_noisy_misaligned_sensors(data_dir: Path) -> None:
    stride = true_stride(data_dir / "opensim_core" / "rajagopal_walk")
    worn = worn_sensors(stride, np.random.default_rng(3), mounting_sd=0.0)
    found = track_spatial_imus(
        worn.recordings,
        tracking_model(stride.skeleton),
        stride.duration,
        stride.height,
        variances=worn.variances,
        weights=replace(SpatialImuWeights(), mounting_sd=np.radians(2.0)),
        n_starts=1,
    )
    solution = found.solution
    assert solution.converged, solution.reason
    phase = np.arange(len(solution.time)) / len(solution.time)
    q = stride.coordinates[np.round(phase * len(stride.coordinates)).astype(int)]
    legs = [c for c in stride.moments]
    off = [solution.of(c) - q[:, stride.skeleton.coordinate_index(c)] for c in legs]
    assert np.degrees(np.mean([np.sqrt(np.mean(e**2)) for e in off])) < 2.5
    assert abs(solution.speed - stride.speed) < 0.12
    weight = stride.skeleton.mass * 9.80665
    vertical = sum(r.force[:, 1] for r in solution.ground_reactions)
    assert vertical.mean() == pytest.approx(weight, rel=0.01)
    assert found.misfit < 1.5
