"""Walking in space: measured forces leave what inverse dynamics leaves, muscles share moments, neighbours help."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from opensim_models.model.muscle_path import MusclePath
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.law.hill_muscle import rigid_tendon_force
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.movement.skeleton_numbers import numbers_for, pattern_of
from synth.optimal_control.movement.solution import make_solution, net_moments
from synth.optimal_control.movement.structure import LEVER, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.muscle_neighbour import (
    climb_from_neighbour,
    muscle_neighbour,
    with_placed_spheres,
)
from synth.optimal_control.recording.muscle_start import (
    ACTIVATION_TIME,
    EXCITATIONS,
    climb_to_muscles,
    shared_activations,
    smooth_excitations,
)
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.recorded_tracking import Deviations, TrackingSettings, track_recording
from synth.optimal_control.recording.sphere_calibration import calibrate_spheres
from synth.optimal_control.recording.stretched_person import stretched_person
from synth.optimal_control.recording.trial_samples import MotionFiles

WALK = "opensim_core/rajagopal_walk"
PLANAR = Path(__file__).resolve().parents[3] / "opensim_models" / "generic" / "models" / "planar.osim"
TOES = ["mtp_angle_r", "mtp_angle_l"]
KNEE = "knee_angle_r"


@cache
def walker(data_dir: Path):
    """29 coordinates, without muscles and spheres."""
    return prepare_model(
        data_dir / WALK / "subject_walk_scaled.osim", hold=TOES, muscles=False, contact=False, show_progress=False
    )


def walk_files(data_dir):
    folder = data_dir / WALK
    return MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml", emg=folder / "electromyography.sto")


def one_muscle(name, arm, length=0.4):
    """A muscle over the right knee with a constant moment arm (m)."""
    path = MusclePath(name, (KNEE,), ((0,), (1,)), (length, -arm), ((-1.0, 1.0),))
    return MuscleTendon(name, 1000.0, 0.1, length - 0.1, 0.0, 10.0, path=path)


@pytest.fixture(scope="module")
def legged(data_dir):
    """The walker with two muscles over one knee."""
    return replace(walker(data_dir).skeleton, muscles=(one_muscle("front", 0.04), one_muscle("back", -0.03)))


def test_measured_forces_on_ten_intervals_leave_torques_of_the_inverse_dynamics_of_the_solution(data_dir):
    prepared = walker(data_dir)
    skeleton = prepared.skeleton
    motion = recorded_motion(
        walk_files(data_dir), skeleton, np.linspace(0.6, 1.1, 21), cutoff=6.0, force_cutoff=20.0, held=prepared.held
    )
    settings = TrackingSettings(
        deviations=Deviations(angle=0.02, place=0.01, torque=50.0),
        meshes=(Mesh(10, "trapezoidal", "none"),),
        muscles=False,
        ground="data",
    )
    solution = track_recording(skeleton, motion, settings, prepare=None)
    assert solution.converged, solution.reason
    weight = skeleton.mass * 9.80665
    torques = solution.arrays["torques"] * weight * LEVER
    assert torques.shape == (11, 29)
    np.testing.assert_allclose(torques, solution.moments, atol=0.02 * weight * LEVER / 10.0)
    recorded = {"coordinates": motion.values, "speeds": motion.speeds, "accelerations": motion.accelerations}
    loads = np.stack([np.hstack([w.force, w.moment_about(np.zeros(3))]) for w in motion.wrenches.values()], axis=1)
    from_recording = net_moments(solution_structure(skeleton), skeleton, recorded, loads)[::2]
    legs = [j for j, n in enumerate(skeleton.coordinate_names) if n.startswith(("hip", "knee", "ankle"))]
    assert np.sqrt(np.mean((torques - from_recording)[:, legs] ** 2)) < 12.0  # N·m: torques are paid for
    turning = [j for j, c in enumerate(skeleton.coordinates) if c.kind == "rotation"]
    assert np.degrees(np.abs((solution.coordinates - motion.values[::2])[:, turning])).max() < 2.0


def solution_structure(skeleton):
    """Which equations a torque-driven problem with measured forces has."""
    return movement_structure(skeleton, Mesh(10, "trapezoidal", "none"), wrenches=True)


def test_shared_activations_give_the_moments_with_the_force_law_of_the_problem(legged):
    n, knee = 5, legged.coordinate_index(KNEE)
    q, v, moments = (np.zeros((n, 29)) for _ in range(3))
    q[:, knee], v[:, knee] = np.linspace(0.0, 0.3, n), 0.5
    moments[:, knee] = np.linspace(-8.0, 10.0, n)
    activations, reserves = shared_activations(legged, q, v, moments)
    given = np.zeros(n)
    for i, arm in enumerate((0.04, -0.03)):
        force = rigid_tendon_force(
            replace(legged.muscles[i], passive_strain=0.6), 0.4 - arm * q[:, knee], -arm * v[:, knee], activations[:, i]
        )
        given += 1000.0 * arm * force
    np.testing.assert_allclose(given + reserves[:, knee], moments[:, knee], atol=1e-6)
    assert np.abs(reserves[:, knee]).max() < 1.0
    assert activations.min() >= 0.03 and activations.max() <= 1.0
    assert activations[-1, 0] > activations[-1, 1] and activations[0, 0] < activations[0, 1]


def test_muscles_without_paths_are_refused_by_name(legged):
    bare = replace(legged, muscles=(replace(legged.muscles[0], path=None),))
    with pytest.raises(ModelMismatch, match=r"fitted paths, 1 have none"):
        shared_activations(bare, np.zeros((1, 29)), np.zeros((1, 29)), np.zeros((1, 29)))


def test_excitations_drive_the_smoothed_activations_by_first_order_dynamics():
    time = np.linspace(0.0, 1.0, 101)[:-1]
    wave = 0.4 + 0.2 * np.sin(2.0 * np.pi * time)
    activations, excitations = smooth_excitations(wave[:, None], 0.01, closed=True)
    rate = 0.4 * np.pi * np.cos(2.0 * np.pi * time)
    np.testing.assert_allclose(activations[:, 0], wave, atol=3e-4)
    np.testing.assert_allclose(excitations[:, 0], wave + ACTIVATION_TIME * rate, atol=1e-3)
    constant, held = smooth_excitations(np.full((4, 2), 0.3), 0.02, closed=False)
    np.testing.assert_allclose(constant, 0.3)
    np.testing.assert_allclose(held, 0.3)
    assert smooth_excitations(np.array([[0.0], [1.0], [0.0]]), 0.01, closed=False)[1].max() <= EXCITATIONS[1]


def test_a_person_of_another_size_shares_the_problem_and_its_muscles_work_alike(legged):
    tall = stretched_person(legged, 1.1, 99.0)
    assert tall.mass == pytest.approx(99.0)
    pattern = pattern_of(legged)
    assert len(numbers_for(pattern, tall)) == len(numbers_for(pattern, legged))
    own, other = legged.muscles[0], tall.muscles[0]
    assert other.path.coefficients == pytest.approx([1.1 * c for c in own.path.coefficients])
    # fibres as long in optimal lengths, so that a muscle of the same strength gives moments 1.1 times as large
    q, v, moments = (np.zeros((1, 29)) for _ in range(3))
    moments[0, legged.coordinate_index(KNEE)] = 10.0
    small, _ = shared_activations(legged, q, v, moments)
    large, _ = shared_activations(tall, q, v, 1.1 * moments)
    np.testing.assert_allclose(large, small, atol=2e-3)


def test_spheres_are_placed_only_by_problems_that_have_them(legged):
    planar = prepare_model(PLANAR, muscles=False, contact=False, show_progress=False).skeleton
    movement = movement_program(movement_structure(planar, Mesh(4), wrenches=True))
    with pytest.raises(ModelMismatch, match="expected a problem in space with contact spheres"):
        with_placed_spheres(legged, movement, np.zeros(movement.variables.size))


@pytest.fixture(scope="module")
def stride(data_dir):
    """Model with soles that meet the recording, and one stride."""
    prepared = prepare_model(data_dir / WALK / "subject_walk_scaled.osim", hold=TOES, show_progress=False)
    cycle = recorded_cycle(
        walk_files(data_dir), prepared.skeleton, 51, cutoff=6.0, force_cutoff=20.0, held=prepared.held
    )
    soles = tuple(
        replace(s, dissipation=0.5, transition_velocity=0.4, stiffness=1.5e6) for s in prepared.skeleton.contacts
    )
    return calibrate_spheres(replace(prepared.skeleton, contacts=soles), cycle.motion).skeleton, cycle


@pytest.mark.slow
def test_eighty_muscles_walk_the_recorded_stride_and_a_neighbour_starts_near(stride):
    skeleton, cycle = stride
    settings = TrackingSettings(
        deviations=Deviations(
            angle=0.014, place=0.05, force=0.0062, moment=0.0018, excitation=1.66, torque=49.0, contact=0.022
        ),
        meshes=(Mesh(25),),
    )
    reached = climb_to_muscles(skeleton, cycle, settings, acceleration=4.5, prepare=compile_if_possible)
    assert reached.converged, reached.reason
    solution = make_solution(reached, skeleton)
    weight = skeleton.mass * 9.80665
    recorded = cycle.motion.values[:-1:2]
    turning = [j for j, c in enumerate(skeleton.coordinates) if c.kind == "rotation"]
    assert np.degrees(np.sqrt(np.mean((solution.coordinates - recorded)[:, turning] ** 2))) < 0.8
    for reaction in solution.ground_reactions:
        off = reaction.force[:, 1] - cycle.motion.wrenches[reaction.foot].force[:-1:2, 1]
        assert np.sqrt(np.mean(off**2)) < 0.03 * weight
    assert np.abs(solution.moments[:, :6]).max() < 1e-3 * weight  # nothing but the ground carries the body
    assert solution.arrays["activations"].min() >= 0.01 - 1e-6 and solution.arrays["activations"].max() <= 1.0 + 1e-6
    neighbour = muscle_neighbour(reached, skeleton, cycle, settings, compile_if_possible)
    person = stretched_person(neighbour.skeleton, 1.05, 1.1 * skeleton.mass)
    turned = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    motion = cycle.motion
    taller = replace(
        motion,
        **{
            n: np.where(turned, getattr(motion, n), 1.05 * getattr(motion, n))
            for n in ("values", "speeds", "accelerations")
        },
        wrenches={
            foot: replace(w, force=1.1 * w.force, moment=1.1 * 1.05 * w.moment) for foot, w in motion.wrenches.items()
        },
    )
    other = climb_from_neighbour(neighbour, person, taller, strength=1.1, acceleration=4.5)
    assert other.converged, other.reason
    assert other.iterations < reached.iterations
