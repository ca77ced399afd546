"""A camera projects by the pinhole law, and sees who walks beside it as one would."""

import numpy as np
import pytest

from synth.camera.pinhole import PinholeCamera, camera_beside


@pytest.fixture
def camera():
    return camera_beside((1.0, 0.9, 0.0), 4.0, height=0.9, focal=1000.0, size=(1280, 720))


def test_a_point_on_the_axis_is_the_middle_of_the_image(camera):
    middle = np.asarray(camera.position) + np.outer([0.5, 1.0, 1.7], np.subtract(camera.target, camera.position))
    assert np.allclose(camera.project(middle), [640.0, 360.0])


def test_size_falls_with_distance(camera):
    def height_at(z):
        top, foot = camera.project(np.array([[1.0, 1.8, z], [1.0, 0.0, z]]))
        return foot[1] - top[1]

    # the camera stands at z = 4 m: f h / d
    assert height_at(0.0) == pytest.approx(1000.0 * 1.8 / 4.0)
    assert height_at(-4.0) == pytest.approx(height_at(0.0) / 2.0)


def test_from_the_right_a_step_forward_goes_to_the_right_and_up_is_up(camera):
    still, ahead, higher = camera.project(np.array([[1.0, 0.9, 0.0], [1.5, 0.9, 0.0], [1.0, 1.4, 0.0]]))
    assert np.allclose(ahead - still, [1000.0 * 0.5 / 4.0, 0.0])
    assert np.allclose(higher - still, [0.0, -1000.0 * 0.5 / 4.0])
    left = camera_beside((1.0, 0.9, 0.0), 4.0, height=0.9, side="l", focal=1000.0)
    assert (left.project(np.array([1.5, 0.9, 0.0])) - [640.0, 360.0])[0] == pytest.approx(-125.0)


@pytest.mark.parametrize("degrees", [-20.0, 0.0, 15.0])
def test_an_oblique_camera_foreshortens_the_way_by_the_cosine(degrees):
    camera = camera_beside((0.0, 1.0, 0.0), 1000.0, height=1.0, oblique=degrees, focal=1e6)
    a, b = camera.project(np.array([[-0.1, 1.0, 0.0], [0.1, 1.0, 0.0]]))
    assert b[0] - a[0] == pytest.approx(1e6 * 0.2 * np.cos(np.radians(degrees)) / 1000.0, rel=1e-3)


def test_axes_are_right_handed_and_what_is_behind_is_not_seen(camera):
    assert np.allclose(camera.axes @ camera.axes.T, np.eye(3))
    assert np.linalg.det(camera.axes) == pytest.approx(1.0)
    assert np.isnan(camera.project(np.array([1.0, 0.9, 9.0]))).all()
    assert camera.is_inside(np.array([[0.0, 0.0], [1280.0, 5.0], [np.nan, 5.0]])).tolist() == [True, False, False]


def test_a_camera_that_looks_nowhere_is_refused():
    with pytest.raises(ValueError, match="target beside it"):
        PinholeCamera((0.0, 1.0, 0.0), (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="above 0"):
        PinholeCamera((0.0, 1.0, 1.0), (0.0, 0.0, 0.0), rate=0.0)
