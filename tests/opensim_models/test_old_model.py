"""Models of OpenSim 1 to 3, whose joints sit inside bodies and may be reversed: OpenSim converts them, we follow."""

import numpy as np
import pytest

from benchmarks.dynamics_figures.generalized_forces import our_forces
from benchmarks.kinematics_figures.poses import deviations
from benchmarks.peers.compared_models import random_states
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.osim import client

FRAMES = (
    "<parent_body>{parent}</parent_body><location_in_parent>0 -1 0.1</location_in_parent>"
    "<orientation_in_parent>0.1 0.2 0</orientation_in_parent><location>0 0.1 0</location>"
    "<orientation>0 0.2 -0.1</orientation><CoordinateSet><objects><Coordinate name='{coordinate}'>"
    "<motion_type>rotational</motion_type><default_value>0.1</default_value><range>-1 1</range>{more}</Coordinate>"
    "</objects></CoordinateSet><reverse>{reverse}</reverse>"
)
AXIS = (
    "<TransformAxis name='{name}'><function>{function}</function><coordinates>{coordinate}</coordinates>"
    "<axis>{axis}</axis></TransformAxis>"
)
ZERO = "<Constant><value>0</value></Constant>"
SPLINE = "<natCubicSpline><x>-1 -0.5 0.2 1</x><y>0.01 0.03 0 0.02</y></natCubicSpline>"
LINE = "<LinearFunction><coefficients>1 0</coefficients></LinearFunction>"


def body(name: str, joint: str) -> str:
    """A body of an old file with its joint inside."""
    moments = "".join(f"<inertia_{i}>{x}</inertia_{i}>" for i, x in (("xx", 0.2), ("yy", 0.05), ("zz", 0.2)))
    products = "".join(f"<inertia_{i}>0</inertia_{i}>" for i in ("xy", "xz", "yz"))
    place = "<mass>2</mass><mass_center>0 -0.5 0.1</mass_center>"
    return f"<Body name='{name}'>{place}{moments}{products}<Joint>{joint}</Joint></Body>"


def old_model(version: int, reverse: bool) -> str:
    """A pin and a custom joint with a spline, as text of that version."""
    word = str(reverse).lower()
    pin = FRAMES.format(parent="ground", coordinate="angle", more="<locked>true</locked>", reverse=word)
    knee = FRAMES.format(parent="rod", coordinate="bend", more="", reverse=word)
    rotations = [
        ("rotation1", LINE, "bend", "0 0 1"),
        ("rotation2", ZERO, "", "0 1 0"),
        ("rotation3", ZERO, "", "1 0 0"),
    ]
    shifts = [("translation1", SPLINE, "bend", "1 0 0"), ("translation2", ZERO, "", "0 1 0")]
    shifts += [("translation3", ZERO, "", "0 0 1")]
    axes = "".join(
        AXIS.format(name=name, function=function, coordinate=coordinate, axis=axis)
        for name, function, coordinate, axis in (*rotations, *shifts)
    )
    bodies = "<Body name='ground'><mass>0</mass><mass_center>0 0 0</mass_center></Body>"
    bodies += body("rod", f"<PinJoint name='pin'>{pin}</PinJoint>")
    bodies += body("tip", f"<CustomJoint name='knee'>{knee}<SpatialTransform>{axes}</SpatialTransform></CustomJoint>")
    marker = "<Marker name='m'><body>tip</body><location>0.01 0 0</location></Marker>"
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><OpenSimDocument Version='{version}'><Model name='old'>"
        f"<gravity>0 -9.81 0</gravity><BodySet><objects>{bodies}</objects></BodySet>"
        f"<MarkerSet><objects>{marker}</objects></MarkerSet></Model></OpenSimDocument>"
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("version", [10901, 20302, 30000])
def test_an_old_model_moves_and_weighs_the_same_here(version, reverse, tmp_path):
    path = tmp_path / "old.osim"
    text = old_model(version, reverse)
    path.write_text(text)
    skeleton = read_osim(path)
    assert skeleton.coordinate_names == ("angle", "bend") and skeleton.coordinates[0].locked
    assert max(deviations(skeleton, path)) <= 1e-12
    states = random_states(skeleton, 10, np.random.default_rng(0))
    theirs = client.inverse_dynamics(path, skeleton.coordinate_names, *states)
    np.testing.assert_allclose(our_forces(skeleton, *states), theirs, atol=1e-11)
    assert [p.name for p in tmp_path.iterdir()] == ["old.osim"] and path.read_text() == text, "the file stays as it is"
