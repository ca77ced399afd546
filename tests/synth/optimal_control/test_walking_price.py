"""Walking prices: a size costs 1, the longest name counts, nothing of a guide is in them; shares add up."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from opensim_models.muscle.path_fit import FitSettings
from synth.optimal_control.law.hill_muscle import compliant_tendon_fibre
from synth.optimal_control.law.metabolic_rate import metabolic_rate
from synth.optimal_control.movement.climb import start_values
from synth.optimal_control.movement.data import SCUFFING_HEIGHT, person_data
from synth.optimal_control.movement.muscle_blocks import METABOLIC_LAW
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.movement.structure import LEVER
from synth.optimal_control.prediction.objective_share import energy_rate, objective_shares
from synth.optimal_control.prediction.prediction import predict_movement, prediction_data, prediction_rungs
from synth.optimal_control.prediction.prediction_settings import human_walking
from synth.optimal_control.prediction.walking_price import WalkingPrices, size_of, with_walking_prices
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.node_reference import node_reference
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import recorded_motion
from synth.optimal_control.recording.recorded_tracking import start_arrays
from synth.optimal_control.recording.sphere_calibration import calibrate_spheres
from synth.optimal_control.recording.trial_samples import MotionFiles

PLANE = "opensim_core/falisse2019_2d_walk"
SPACE = "opensim_core/rajagopal_walk"
MESH = (Mesh(6, "trapezoidal", "half_cycle"),)


@cache
def planar_walk(data_dir):
    """The planar model has muscles and spheres and is quick to build; the prices are the same."""
    folder = data_dir / PLANE
    knee = (np.radians(-75.0), np.radians(3.0))
    fit = FitSettings(length_goal=1e-3, arm_goal=3e-3)
    ranges = {"knee_angle_r": knee, "knee_angle_l": knee}
    model = prepare_model(folder / "2D_gait.osim", ranges=ranges, settings=fit, show_progress=False)
    files = MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml")
    return model.skeleton, recorded_motion(files, model.skeleton, np.linspace(0.0, 0.47, 51), cutoff=6.0)


@cache
def priced(data_dir):
    """The last problem of the chain and a movement that satisfies nothing."""
    skeleton, motion = planar_walk(data_dir)
    settings = human_walking(speed=1.2, duration=(0.4, 0.6), meshes=MESH)
    rung = prediction_rungs(skeleton, motion, settings)[-1]
    movement = movement_program(rung.structure)
    reference = node_reference(rung.structure, skeleton, motion)
    rng = np.random.default_rng(3)
    arrays = start_arrays(rung.structure, skeleton, reference)
    muscles = (6, len(rung.structure.muscles))
    arrays["accelerations"] = rng.normal(size=arrays["accelerations"].shape)
    arrays["torques"] = rng.normal(size=(6, len(rung.structure.actuated)))
    arrays |= {name: rng.uniform(0.1, 0.9, muscles) for name in ("activations", "excitations", "tendon_forces")}
    arrays["tendon_rates"] = rng.normal(size=muscles)
    return settings, rung, movement, reference, arrays


def test_each_price_is_the_mean_square_over_time_in_units_of_its_size(data_dir):
    settings, rung, movement, reference, arrays = priced(data_dir)
    skeleton, _ = planar_walk(data_dir)
    shares = objective_shares(movement, rung.data(movement), start_values(movement, arrays))
    mean, names = rung.structure.mesh.quadrature, skeleton.coordinate_names
    prices, unit = settings.prices, skeleton.mass * 9.80665 * LEVER
    expected = {
        "activations": mean @ (arrays["activations"] ** 2).sum(1) / prices.activation**2,
        "excitations": mean @ (arrays["excitations"] ** 2).sum(1) / prices.excitation**2,
        "tendon_rates": mean @ (arrays["tendon_rates"] ** 2).sum(1) / prices.tendon_rate**2,
        "torques": mean @ ((arrays["torques"] * unit / 15.0) ** 2).sum(1),
        "accelerations": sum(
            mean @ (arrays["accelerations"][:, j] / size_of(name, prices.accelerations, np.inf)) ** 2
            for j, name in enumerate(names)
        ),
    }
    assert [names[j] for j in rung.structure.actuated] == ["lumbar"]
    for name, value in expected.items():
        assert shares[name] == pytest.approx(value, rel=1e-9), name
    steps = np.diff(arrays["accelerations"], axis=0) / (reference.duration / 6) / settings.jerk
    assert shares["change of accelerations"] == pytest.approx((steps**2).sum() / 5, rel=1e-9)
    assert "coordinates" not in shares
    assert "ground reaction" not in shares


def test_energy_is_the_sum_of_the_squared_rates_of_the_muscles(data_dir):
    settings, rung, movement, _, arrays = priced(data_dir)
    skeleton, _ = planar_walk(data_dir)
    values, data = start_values(movement, arrays), rung.data(movement)
    rates = _rates(skeleton, rung.structure, arrays)
    mean = rung.structure.mesh.quadrature
    square = mean @ (rates**2).sum(1) / settings.prices.energy_rate**2
    assert objective_shares(movement, data, values)["energy"] == pytest.approx(square, rel=1e-8)
    assert energy_rate(movement, data, values) == pytest.approx(mean @ rates.sum(1), rel=1e-8)


def _rates(skeleton, structure, arrays):
    """W per kg of the body of each muscle, from the law and the path's own evaluation."""
    from opensim_models.model.muscle_path import lengths_and_arms
    from synth.optimal_control.movement.data import metabolic_numbers

    paths = [m.path for m in skeleton.muscles]
    lengths, arms = lengths_and_arms(paths, skeleton.coordinate_names, arrays["coordinates"])
    speeds = -np.einsum("nmk,nk->nm", arms, arrays["speeds"])
    rates = []
    for i, (muscle, (mass, slow)) in enumerate(zip(skeleton.muscles, metabolic_numbers(skeleton), strict=True)):
        muscle = replace(muscle, passive_strain=muscle.passive_strain or 0.6)
        fibre = compliant_tendon_fibre(
            muscle, lengths[:, i], speeds[:, i], arrays["tendon_forces"][:, i], arrays["tendon_rates"][:, i]
        )
        a, e = arrays["activations"][:, i], arrays["excitations"][:, i]
        rates.append(metabolic_rate(muscle, fibre, a, e, mass, slow, METABOLIC_LAW).total / skeleton.mass)
    return np.stack(rates, axis=1)


def test_shares_add_up_to_the_objective(data_dir):
    _, rung, movement, _, arrays = priced(data_dir)
    data, values = rung.data(movement), start_values(movement, arrays)
    whole = float(movement.program.functions["f_g"](values, movement.parameters.join(data.parameters))[0])
    assert sum(objective_shares(movement, data, values).values()) == pytest.approx(whole, rel=1e-12)


def test_prediction_does_not_know_its_guide(data_dir):
    settings, rung, _, reference, _ = priced(data_dir)
    skeleton, _ = planar_walk(data_dir)
    bent = replace(reference, coordinates=reference.coordinates + 0.1, wrenches=2.0 * reference.wrenches)
    one, other = (prediction_data(rung.structure, skeleton, r, settings).parameters for r in (reference, bent))
    # targets of what has no price may differ, and nothing else
    weighed = [n for n in one if n.startswith(("precision", "roughness", "metabolic", "ground_weight"))]
    for name in weighed:
        np.testing.assert_array_equal(one[name], other[name])
    assert not np.any(one["precision coordinates"])
    assert not np.any(one["precision speeds"])
    assert not np.any(one["ground_weight"])


def test_muscle_that_lengthens_earns_next_to_nothing():
    """The published rounding of 0.1 m/s gave a strong muscle 40 W and more, and predictions lived on it."""
    muscle = SimpleNamespace(max_isometric_force=6000.0, optimal_fibre_length=0.05, max_contraction_velocity=10.0)
    speed = np.linspace(0.0, 0.3, 301)  # m/s, lengthening
    fibre = SimpleNamespace(
        length=1.0,
        velocity=speed / 0.5,
        force_length=1.0,
        passive=0.0,
        damping=0.0,
        active=lambda activation: activation,
    )
    rate = metabolic_rate(muscle, fibre, 0.5, 0.5, 0.5, 0.5, METABOLIC_LAW)
    assert rate.work.min() > -10.0
    assert rate.total.min() > 0.0
    wide = metabolic_rate(muscle, fibre, 0.5, 0.5, 0.5, 0.5, replace(METABOLIC_LAW, velocity_width=0.1))
    assert wide.work.min() < -40.0


def test_longest_beginning_of_a_name_counts():
    sizes = {"hip": 1.0, "hip_flexion": 2.0, "hip_flexion_r": 3.0}
    assert size_of("hip_flexion_r", sizes, 9.0) == 3.0
    assert size_of("hip_flexion_l", sizes, 9.0) == 2.0
    assert size_of("hip_rotation_l", sizes, 9.0) == 1.0
    assert size_of("arm_flex_r", sizes, 9.0) == 9.0


def test_rigid_tendons_and_no_energy_leave_the_rest_of_the_prices(data_dir):
    skeleton, motion = planar_walk(data_dir)
    settings = human_walking(meshes=MESH, options={"passive": True})
    structure = prediction_rungs(skeleton, motion, settings)[-1].structure
    data = with_walking_prices(person_data(structure, skeleton), structure, skeleton, WalkingPrices())
    assert "metabolic_price" not in data.parameters
    assert "precision tendon_rates" not in data.parameters
    assert np.all(data.parameters["precision activations"] > 0.0)


def test_sizes_of_nothing_are_refused():
    with pytest.raises(ValueError, match=r"sizes above zero whose square costs 1, got activation 0\.0, torques of"):
        WalkingPrices(activation=0.0, torques={"lumbar": -1.0})


def test_clearance_without_a_price_has_a_height(data_dir):
    skeleton, motion = planar_walk(data_dir)
    settings = human_walking(meshes=MESH, options={"clearance": True})
    structure = prediction_rungs(skeleton, motion, settings)[-1].structure
    np.testing.assert_array_equal(person_data(structure, skeleton).parameters["clearance"], [0.0, SCUFFING_HEIGHT])


@pytest.mark.slow
def test_walk_in_space_bends_its_knees_and_strikes_softly(data_dir):
    folder = data_dir / SPACE
    model = prepare_model(folder / "subject_walk_scaled.osim", hold=["mtp_angle_r", "mtp_angle_l"], show_progress=False)
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml")
    cycle = recorded_cycle(files, model.skeleton, 51, cutoff=6.0, force_cutoff=20.0, held=model.held)
    person = calibrate_spheres(model.skeleton, cycle.motion).skeleton
    settings = human_walking(speed=1.25, meshes=(Mesh(20, "trapezoidal", "half_cycle"),))
    found = predict_movement(person, cycle, settings)
    assert found.converged, found.reason
    knee, weight = np.degrees(found.of("knee_angle_r")), person.mass * 9.80665
    up = next(g.force[:, 1] for g in found.ground_reactions if g.foot == "right") / weight
    assert 50.0 <= knee.max() <= 75.0
    assert 1.0 <= up.max() <= 1.3
    assert 0.55 <= (up > 0.03).mean() <= 0.68
    assert 0.95 <= found.duration <= 1.3
