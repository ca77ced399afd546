"""Views from ahead and from behind: what they share with the side view, what they shorten, and who may be seen so."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synth.camera.detector import PERFECT
from synth.camera.filmed_gait import ANGLES, MUSCLES, WAVES, filmed_gait
from synth.camera.keypoint import KEYPOINTS, SWAPPED
from synth.camera.keypoint_clip import View, draw_view, film, placed_camera
from synth.camera.keypoint_geometry import geometric_parameters
from synth.camera.keypoint_input import clip_arrays
from synth.camera.muscle_group import GROUP_NAMES, group_activations
from synth.camera.pinhole import BANDS

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import PERIOD, RATE, SPEED, made_gait, made_trial


@pytest.fixture(scope="module")
def gait():
    return made_gait(sway=0.1)


def seen(gait, **view):
    return film(gait, View(**view), PERFECT, np.random.default_rng(0), seconds=2.5)


def turned(gait, degrees):
    """The same walk in another direction: to its right by so many degrees."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
    return replace(gait, points=gait.points @ turn.T)


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("degrees", [-70.0, 50.0])
def test_a_body_that_turns_with_its_camera_gives_equal_pixels(gait, side, degrees):
    """A camera 50 degrees ahead sees what one at the side sees of somebody who turned to it by 50 degrees."""
    oblique = seen(gait, oblique=degrees, side=side).pixels
    sign = 1.0 if side == "r" else -1.0
    assert np.abs(oblique - seen(turned(gait, sign * degrees), side=side).pixels).max() < 1e-6
    assert np.abs(oblique - seen(gait, side=side).pixels).max() > 10.0


def test_a_planar_gait_is_refused_beyond_twenty_degrees_and_one_in_space_is_not(gait):
    planar = made_gait()
    assert planar.is_planar
    assert not gait.is_planar
    seen(planar, oblique=-20.0)
    with pytest.raises(ValueError, match="expected a view within 20 degrees of the side"):
        seen(planar, oblique=50.0)


def test_what_is_seen_obliquely_is_shortened_by_the_cosine(gait):
    """From far away, by a ruler: cadence stays, step length is that of the side view times the cosine."""
    far = {"distance": 4000.0, "focal": 1e6, "rate": 60.0}
    side, oblique = (
        geometric_parameters(clip_arrays([seen(made_gait(sway=1e-3), oblique=a, **far)]).inputs)[0] for a in (0.0, 60.0)
    )
    assert oblique[2] == pytest.approx(side[2], rel=0.01)
    assert oblique[1] / side[1] == pytest.approx(0.5, rel=0.02)


def test_views_are_drawn_from_their_band_on_both_sides():
    for low, high in BANDS:
        angles = np.array([draw_view(np.random.default_rng(s), high, low).oblique for s in range(200)])
        assert low <= np.abs(angles).min()
        assert np.abs(angles).max() <= high
        assert 0.35 < (angles > 0.0).mean() < 0.65
        assert np.abs(angles).mean() == pytest.approx((low + high) / 2.0, abs=0.15 * (high - low))


def test_right_and_left_of_a_symmetric_walk_are_half_a_cycle_apart(gait):
    """Keypoints and curves: half a cycle later the left leg does what the right one did, mirrored."""
    half = round(0.5 * PERIOD * RATE)
    mirrored = gait.points[:, SWAPPED] * [1.0, 1.0, -1.0]
    later = gait.points[half:] - [SPEED * PERIOD / 2.0, 0.0, 0.0]
    assert np.abs(later - mirrored[:-half]).max() < 1e-9
    angles = gait.waves[:, : len(ANGLES)]
    for right in range(0, 4, 2):  # ankles of the made walk do not move
        assert np.abs(angles[half:, right + 1] - angles[:-half, right]).max() < 1e-9


def test_flexion_is_positive_whatever_the_model_calls_it():
    """A model whose knee counts extension, as gait2392's does, tells the same curves and keypoints."""
    trial = made_trial(sway=0.1)
    names = trial.skeleton.coordinate_names
    knees = [names.index("knee_angle_r"), names.index("knee_angle_l")]
    segments = tuple(
        replace(
            s,
            elements=tuple(
                replace(e, axis=tuple(-a for a in e.axis)) if e.coordinate in knees else e for e in s.elements
            ),
        )
        for s in trial.skeleton.segments
    )
    own = [n.startswith("knee_angle") for n in trial.kinematics.coordinates]
    kinematics = replace(trial.kinematics, values=np.where(own, -1.0, 1.0) * trial.kinematics.values)
    other = filmed_gait(replace(trial, skeleton=replace(trial.skeleton, segments=segments), kinematics=kinematics))
    same = filmed_gait(trial)
    assert np.allclose(other.points, same.points, atol=1e-9, equal_nan=True)
    assert np.allclose(other.waves, same.waves, atol=1e-9, equal_nan=True)
    assert same.waves[:, WAVES.index("knee_angle_r")].min() > 0.1


def test_a_gait_without_muscles_or_forces_tells_none(gait):
    assert np.isnan(gait.waves[:, len(ANGLES) :]).all()
    assert gait.impairment is None
    arrays = clip_arrays([seen(gait, oblique=50.0)])
    assert np.isnan(arrays.severity).all()
    assert (arrays.kind == -1).all()


def test_a_group_is_the_mean_of_its_muscles_by_their_force():
    rng = np.random.default_rng(0)
    muscles = ("vasint_r", "vaslat_r", "vasmed_r", "soleus_l", "sart_r")
    activations, forces = rng.random((7, 5)), {"vasint_r": 100.0, "vaslat_r": 300.0, "vasmed_r": 0.001, "soleus_l": 1.0}
    found = group_activations(muscles, activations, forces)
    assert MUSCLES == GROUP_NAMES
    vasti = found[:, GROUP_NAMES.index("vasti_r")]
    assert vasti == pytest.approx(0.25 * activations[:, 0] + 0.75 * activations[:, 1], abs=1e-4)
    assert np.array_equal(found[:, GROUP_NAMES.index("soleus_l")], activations[:, 3])
    assert np.isfinite(found).all(axis=0).sum() == 2
    unknown = group_activations(muscles, activations, {})[:, GROUP_NAMES.index("vasti_r")]
    assert unknown == pytest.approx(activations[:, :3].mean(axis=1))


def test_a_keypoint_ahead_moves_in_the_picture_as_it_should(gait):
    """From ahead and the right, somebody who comes nearer grows; from behind they shrink."""
    shoulder, ankle = KEYPOINTS.index("shoulder_r"), KEYPOINTS.index("ankle_r")
    for degrees, grows in ((60.0, True), (-60.0, False)):
        pixels = seen(gait, oblique=degrees, distance=6.0).pixels
        tall = pixels[:, ankle, 1] - pixels[:, shoulder, 1]
        assert (tall[-1] > tall[0]) == grows


@pytest.mark.parametrize("degrees", [-70.0, 70.0])
def test_whoever_walks_past_the_camera_is_seen_until_the_picture_is_too_small_and_no_number_runs_away(gait, degrees):
    """Near the lens a hand is as long as the picture; a person half as far as the camera was set up has left it."""
    long = made_gait(seconds=12.0, sway=0.1)
    clip = film(long, View(oblique=degrees, distance=3.0), PERFECT, np.random.default_rng(0), seconds=6.0)
    found = np.isfinite(clip.pixels).all(axis=(1, 2))
    camera = placed_camera(clip.view, long.at(np.arange(180) / 30.0, np.arange(180) / 30.0)[0], long.height)
    depth = camera.depth(long.at(np.arange(180) / 30.0, np.arange(180) / 30.0)[0]).min(axis=1)
    np.testing.assert_array_equal(found, depth >= 1.5)
    assert 0.2 < found.mean() < 0.9
    assert np.abs(clip_arrays([clip]).inputs).max() < 30.0
