"""Static optimisation: least squares of activations that balance the moments, in closed form and by others."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from benchmarks.dynamics_figures.static_optimisation import figures
from opensim_models.kernel.least_activation import least_activations
from opensim_models.model.muscle_path import MusclePath
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.muscle.curve import active_force, passive_force, velocity_factor
from opensim_models.muscle.static_optimisation import least_activations_readable, solve_muscle_forces


def hinge(forces=(1000.0, 500.0), arms=(0.05, 0.04), slack=0.2, optimal=0.1):
    """A hinge with muscles of constant arms; all fibres at their optimal length at zero."""
    element = JointElement("rotation", (0.0, 0.0, 1.0), 0)
    segment = Segment("body", -1, elements=(element,), mass=1.0, inertia=(1.0,) * 3 + (0.0,) * 3)
    muscles = tuple(
        MuscleTendon(
            f"m{i}",
            force,
            optimal,
            slack,
            path=MusclePath(f"m{i}", ("q",), ((0,), (1,)), (slack + optimal, -arm), ((-1.0, 1.0),)),
        )
        for i, (force, arm) in enumerate(zip(forces, arms, strict=True))
    )
    return Skeleton("hinge", (Coordinate("q", "rotation"),), (segment,), muscles=muscles)


def problem(n_frames, n_muscles=30, n_coordinates=6, seed=0, size=40.0):
    """Random gains with zeros and moments, some beyond what the muscles can give."""
    rng = np.random.default_rng(seed)
    crossing = rng.uniform(size=(n_muscles, n_coordinates)) < 0.4
    gains = rng.normal(scale=30.0, size=(n_frames, n_muscles, n_coordinates)) * crossing
    return gains, rng.normal(scale=size, size=(n_frames, n_coordinates))


def motion(moments, values=None, rate=100.0):
    """Kinematics and kinetics of the hinge."""
    moments = np.asarray(moments, dtype=float)
    values = np.zeros(len(moments)) if values is None else values
    kinetics = Kinetics(("q",), moments[:, None], rate, ())
    return Kinematics(("q",), np.asarray(values, dtype=float)[:, None], rate), replace(kinetics, cutoff=None)


def test_two_muscles_share_a_moment_by_their_gains():
    """Least squares: activations are as the gains; the antagonist of none."""
    result = solve_muscle_forces(hinge(), *motion([30.0, 0.0]), reserve=1e-3)
    gains = np.array([50.0, 20.0])
    np.testing.assert_allclose(result.activations[0], 30.0 * gains / (gains @ gains), atol=1e-6)
    np.testing.assert_allclose(result.activations[1], 0.0, atol=1e-9)
    np.testing.assert_allclose(result.forces[0], result.activations[0] * [1000.0, 500.0])


def test_what_muscles_cannot_give_is_the_reserve():
    result = solve_muscle_forces(hinge(), *motion([100.0, -10.0]))
    np.testing.assert_allclose(result.activations, [[1.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(result.reserves[:, 0], [30.0, -10.0], atol=1e-6)


def test_moments_are_balanced_in_every_frame():
    gains, demand = problem(50)
    activations, reserves = least_activations(gains, demand, 2.0, 0.01)
    np.testing.assert_allclose(np.einsum("nmk,nm->nk", gains, activations) + reserves, demand, atol=1e-6)
    assert activations.min() >= 0.01 and activations.max() <= 1.0


@pytest.mark.parametrize(("size", "lower"), [(10.0, 0.0), (40.0, 0.01), (400.0, 0.0)])
def test_the_kernel_is_the_readable_form_and_an_independent_solver(size, lower):
    gains, demand = problem(12, size=size)
    activations, reserves = least_activations(gains, demand, 1.5, lower)
    readable, left = least_activations_readable(gains, demand, 1.5, lower)
    np.testing.assert_allclose(activations, readable, atol=1e-8)
    np.testing.assert_allclose(reserves, left, atol=1e-6)
    for frame in range(len(gains)):
        rows = np.vstack([np.eye(gains.shape[1]), gains[frame].T / 1.5])
        side = np.concatenate([np.zeros(gains.shape[1]), demand[frame] / 1.5])
        other = lsq_linear(rows, side, bounds=(lower, 1.0), method="bvls", tol=1e-14)
        np.testing.assert_allclose(activations[frame], other.x, atol=1e-8)


def test_a_frame_does_not_depend_on_the_one_before():
    gains, demand = problem(20)
    forward = least_activations(gains, demand, 1.0, 0.0)[0]
    back = least_activations(np.ascontiguousarray(gains[::-1]), np.ascontiguousarray(demand[::-1]), 1.0, 0.0)[0]
    np.testing.assert_allclose(forward, back[::-1], atol=1e-8)


def test_unknown_moments_stay_unknown_and_nothing_else():
    moments = np.array([30.0, np.nan, 10.0])
    result = solve_muscle_forces(hinge(), *motion(moments))
    assert np.isnan(result.activations[1]).all() and np.isnan(result.reserves[1]).all()
    assert np.isfinite(result.activations[[0, 2]]).all()


def test_fibres_at_rest_at_their_optimal_length_are_as_strong_as_isometric_ones():
    still = motion(np.full(20, 30.0))
    plain = solve_muscle_forces(hinge(), *still).activations
    passive = passive_force(1.0) * (50.0 + 20.0)
    with_fibres = solve_muscle_forces(hinge(), *still, fibres=True)
    shifted = solve_muscle_forces(hinge(), *motion(np.full(20, 30.0 - passive))).activations
    factor = active_force(1.0) * velocity_factor(0.0)
    np.testing.assert_allclose(with_fibres.activations, shifted / factor, rtol=5e-3)
    assert np.abs(plain - with_fibres.activations).max() < 0.1


def test_a_shortening_fibre_needs_more_activation():
    """Flexing at 2 rad/s shortens the muscles, whose force falls."""
    time = np.arange(40) / 100.0
    moving, still = (
        solve_muscle_forces(hinge(), *motion(np.full(40, 20.0), speed * (time - 0.2)), fibres=True)
        for speed in (2.0, 0.0)
    )
    assert (moving.activations[20] > still.activations[20] * 1.05).all()


def test_curves_have_their_landmarks():
    assert active_force(1.0) == pytest.approx(1.0, abs=0.01) and active_force(1.8) < 0.1
    assert velocity_factor(0.0) == pytest.approx(1.0, abs=0.01) and abs(velocity_factor(-1.0)) < 0.02
    assert passive_force(1.6) == pytest.approx(1.0) and passive_force(1.4, 0.4) == pytest.approx(1.0)


def test_angles_beyond_the_fits_are_said():
    result = solve_muscle_forces(hinge(), *motion(np.full(4, 1.0), [0.0, 0.5, 1.5, 2.0]))
    assert any("q leaves the range" in note and "50.0 %" in note for note in result.notes)


def test_a_skeleton_without_paths_and_other_frames_are_refused():
    bare = replace(hinge(), muscles=tuple(replace(m, path=None) for m in hinge().muscles))
    with pytest.raises(ModelMismatch, match="fit_muscle_paths"):
        solve_muscle_forces(bare, *motion([1.0]))
    kinematics, kinetics = motion([1.0, 2.0])
    with pytest.raises(ModelMismatch, match="same frames"):
        solve_muscle_forces(hinge(), replace(kinematics, values=kinematics.values[:1]), kinetics)
    with pytest.raises(ModelMismatch, match="cannot be"):
        solve_muscle_forces(hinge(), kinematics, kinetics, reserve=0.0)
    with pytest.raises(ModelMismatch, match="no muscle crosses"):
        solve_muscle_forces(hinge(), kinematics, kinetics, coordinates=["knee"])


@pytest.mark.slow
def test_a_real_walk_is_shared_as_by_opensim(data_dir):
    """Activations of the example's walk: OpenSim's with its own moment arms, SciPy's with the fitted paths."""
    found = figures(data_dir)
    assert [title for title, row in found.items() if not row["met"]] == []
