"""Held coordinates: as few as let the others be seen, and those that the model prescribes follow their function."""

from dataclasses import replace

import numpy as np
import pytest

from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton, SkeletonMarker
from opensim_models.motion import Kinematics

LABELS = ("m0", "m1", "m2", "m3")


def crane(*, second_axis=(0.0, 0.0, 1.0), prescribed=None):
    """A mast, an arm that turns on it and an arm that turns on that, about one point; markers on the last."""
    joint = [(JointElement("rotation", axis, k),) for k, axis in enumerate([(0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])]
    places = ((0.3, 0.0, 0.0), (0.3, 0.2, 0.0), (0.0, 0.2, 0.1), (0.1, 0.2, 0.3))
    return Skeleton(
        "crane",
        (
            Coordinate("mast", "rotation"),
            Coordinate("arm", "rotation"),
            Coordinate("reach", "rotation", default=0.1, prescribed=prescribed),
        ),
        (
            Segment("mast", -1, elements=joint[0]),
            Segment("arm", 0, elements=joint[1]),
            Segment("reach", 1, elements=(JointElement("rotation", second_axis, 2),)),
        ),
        tuple(SkeletonMarker(f"m{k}", "reach", place) for k, place in enumerate(places)),
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_of_two_turns_about_one_axis_the_inner_one_follows_their_sum(compiled):
    skeleton = crane()
    values = np.random.default_rng(1).uniform(0.1, 0.6, (40, 3))
    truth = Kinematics(skeleton.coordinate_names, values, 100.0)
    markers = marker_positions(skeleton, truth)
    solution = solve_inverse_kinematics(
        skeleton, LABELS, markers, 100.0, prior_spread=1e5, tolerance=1e-9, compiled=compiled
    )
    assert solution.held == ("reach",)
    assert "together with arm" in solution.held_reasons["reach"]
    assert (solution.kinematics.of("reach") == 0.1).all()
    np.testing.assert_allclose(solution.kinematics.of("arm") + 0.1, values[:, 1] + values[:, 2], atol=1e-6)
    np.testing.assert_allclose(solution.kinematics.of("mast"), values[:, 0], atol=1e-6)
    assert solution.rms_error < 1e-6
    assert set(solution.uncertainty) == {"mast", "arm"} and max(solution.uncertainty.values()) < 0.1


@pytest.mark.parametrize("compiled", [True, False])
def test_what_the_model_prescribes_over_time_is_followed_and_said(compiled):
    slope = PiecewisePolynomial((2.1,), ((0.0, 1.0), (0.1, 2.0)))  # a kink at 2.1 s, the time of frame 10
    skeleton = crane(second_axis=(1.0, 0.0, 0.0), prescribed=slope)
    values = np.random.default_rng(1).uniform(0.1, 0.6, (40, 3))
    time = 2.0 + np.arange(40) / 100.0
    values[:, 2] = np.where(time < 2.1, time - 2.1, 0.1 + 2.0 * (time - 2.1))
    markers = marker_positions(skeleton, Kinematics(skeleton.coordinate_names, values, 100.0))
    markers[20:23] = np.nan
    arguments = (skeleton, LABELS, markers, 100.0)
    solution = solve_inverse_kinematics(*arguments, time=time, prior_spread=1e5, tolerance=1e-9, compiled=compiled)
    seen = np.isfinite(markers[:, 0, 0])
    assert solution.held == ("reach",)
    assert "function of time" in solution.held_reasons["reach"] and "2 to 2.39 s" in solution.held_reasons["reach"]
    np.testing.assert_allclose(solution.kinematics.values[seen], values[seen], atol=1e-6)
    assert np.isnan(solution.kinematics.values[~seen]).all()
    pulled = solve_inverse_kinematics(*arguments, time=time, coordinate_priors={"reach": (0.0, 100.0)})
    assert pulled.held == ()
    held = solve_inverse_kinematics(*arguments, time=time, locked=("reach",))
    assert (held.kinematics.of("reach")[seen] == 0.1).all()


CONSTANT = Polynomial((0.3,))


def crane_markers(skeleton):
    """Of a crane whose reach stands at 0.5, whatever its model prescribes."""
    values = np.random.default_rng(1).uniform(0.1, 0.6, (10, 3))
    values[:, 2] = 0.5
    return marker_positions(skeleton, Kinematics(skeleton.coordinate_names, values, 100.0))


@pytest.mark.parametrize("prescribed", [CONSTANT, PiecewisePolynomial((0.0,), ((0.3, 0.0), (0.3, 1.0)))])
def test_a_prior_goes_before_what_the_model_prescribes_constant_or_not(prescribed):
    skeleton = crane(second_axis=(1.0, 0.0, 0.0), prescribed=prescribed)
    arguments = (skeleton, LABELS, crane_markers(skeleton), 100.0)
    solution = solve_inverse_kinematics(*arguments, coordinate_priors={"reach": (1.0, 100.0)})
    assert solution.held == () and "reach" in solution.uncertainty
    np.testing.assert_allclose(solution.kinematics.of("reach"), 0.5, atol=1e-4)
    firm = solve_inverse_kinematics(*arguments, coordinate_priors={"reach": (0.4, 0.0)})
    assert firm.held_reasons == {"reach": "its prior has no spread"}
    assert (firm.kinematics.of("reach") == 0.4).all()


@pytest.mark.parametrize(
    ("locked", "by_caller", "value"), [(True, (), 0.1), (False, (), 0.3), (False, ("reach",), 0.3)]
)
def test_a_lock_of_the_model_goes_before_its_prescribed_value(locked, by_caller, value):
    """As in OpenSim: Coordinate::extendInitStateFromProperties, "Locking takes precedence"."""
    skeleton = crane(second_axis=(1.0, 0.0, 0.0), prescribed=CONSTANT)
    *others, reach = skeleton.coordinates
    skeleton = replace(skeleton, coordinates=(*others, replace(reach, locked=locked)))
    solution = solve_inverse_kinematics(skeleton, LABELS, crane_markers(skeleton), 100.0, locked=by_caller)
    assert solution.held == ("reach",)
    assert (solution.kinematics.of("reach") == value).all()
