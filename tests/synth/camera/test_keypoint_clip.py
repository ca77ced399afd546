"""A film of a gait keeps what is true of it; a network's input depends on nothing but how the person moves."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap_import.trial import GaitEvent
from synth.camera.detector import PERFECT, DetectorErrors, detected, draw_errors
from synth.camera.filmed_gait import AT_STRIKES, PARAMETERS, filmed_gait, measured_parameters, uneven_phase
from synth.camera.keypoint import KEYPOINTS, SWAPPED, keypoint_positions
from synth.camera.keypoint_clip import View, draw_view, film
from synth.camera.keypoint_curve import curves_at, phase_curves
from synth.camera.keypoint_geometry import geometric_parameters, geometric_phase
from synth.camera.keypoint_input import CHANNELS, FRAMES, clip_arrays, keypoint_input, units_of
from synth.camera.keypoint_stride import cycle_strike, stride_parameters

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import HEIGHT, PERIOD, SPEED, made_gait, made_trial


@pytest.fixture(scope="module")
def gait():
    return made_gait()


def clip(gait, errors=PERFECT, seed=0, **view):
    return film(gait, View(**view), errors, np.random.default_rng(seed), seconds=2.5)


def test_keypoints_are_joint_centres_and_right_is_right():
    trial = made_trial()
    points = keypoint_positions(trial.skeleton, trial.kinematics, HEIGHT)
    at = {name: points[:, i] for i, name in enumerate(KEYPOINTS)}
    assert (at["hip_r"][:, 2] > at["hip_l"][:, 2]).all()
    assert np.allclose(np.linalg.norm(at["hip_r"] - at["knee_r"], axis=1), 0.245 * HEIGHT)
    assert (at["toe_l"][:, 0] > at["heel_l"][:, 0]).all()
    assert [KEYPOINTS[i] for i in SWAPPED][:2] == ["shoulder_l", "shoulder_r"]


@pytest.mark.parametrize("heading", [0.0, 2.0])
def test_parameters_of_a_recording_without_events_are_found_whatever_its_heading(heading):
    trial = replace(made_trial(heading=heading), events=(), spatiotemporal={})
    found = filmed_gait(trial).parameters
    assert found["speed"] == pytest.approx(SPEED, rel=0.02)
    assert found["cadence"] == pytest.approx(2.0 / PERIOD, rel=0.02)
    assert found["step_length"] == pytest.approx(SPEED * PERIOD / 2.0, rel=0.03)
    assert found["step_time_asymmetry"] == pytest.approx(0.0, abs=0.03)


def test_on_a_belt_speed_is_that_of_the_floor_under_the_feet():
    """Feet that go back at 1.2 m/s for 60 % of a cycle of 1 s and come forward in the air; hips that stay."""
    time = np.arange(400) / 100.0
    points = np.zeros((400, 12, 3))
    points[:, :, 1] = 0.9
    for side, late in (("r", 0.0), ("l", 0.5)):
        phase = (time + late) % 1.0
        for part, ahead in (("heel", 0.0), ("toe", 0.2)):
            column = KEYPOINTS.index(f"{part}_{side}")
            points[:, column, 0] = ahead + np.interp(phase, [0.0, 0.6, 1.0], [0.36, -0.36, 0.36])
            points[:, column, 1] = np.where(phase < 0.6, 0.0, 0.1)
    speed, length, cadence, asymmetry = stride_parameters(points, 100.0)
    assert speed == pytest.approx(1.2, rel=0.01)
    assert cadence == pytest.approx(2.0, rel=0.01)
    assert length == pytest.approx(0.6, rel=0.01)
    assert asymmetry == pytest.approx(0.0, abs=0.02)


def test_an_input_is_the_same_from_either_side_near_and_far_at_any_rate(gait):
    reference = clip(gait, distance=400.0, focal=1e5, rate=60.0)
    own = keypoint_input(reference.pixels, 60.0, HEIGHT)
    assert own.shape == (FRAMES, CHANNELS)
    from_left = clip(gait, distance=400.0, focal=1e5, rate=60.0, side="l")
    far = clip(gait, distance=800.0, focal=7e4, rate=60.0)
    slow = clip(gait, distance=400.0, focal=1e5, rate=50.0)
    for other in (from_left, far, slow):
        assert np.abs(keypoint_input(other.pixels, other.rate, HEIGHT) - own)[:60].max() < 0.05


def test_children_and_adults_who_walk_alike_look_alike(gait):
    """Everything in proportion, times by the root of stature: equal Froude numbers, equal inputs."""
    half = replace(gait, points=gait.points * 0.5, height=gait.height * 0.5, rate=gait.rate * np.sqrt(2.0))
    adult, child = (
        clip(g, distance=400.0 * s, focal=1e5, rate=r) for g, s, r in ((gait, 1.0, 60.0), (half, 0.5, 60.0))
    )
    a, b = (keypoint_input(c.pixels, c.rate, g.height) for c, g in ((adult, gait), (child, half)))
    assert np.abs(a - b)[:60].max() < 0.05
    assert units_of(0.25 * HEIGHT)[0] == pytest.approx(0.5 * units_of(HEIGHT)[0])


def test_what_was_not_found_is_zero_and_said(gait):
    pixels = clip(gait).pixels.copy()
    knee = KEYPOINTS.index("knee_r")
    pixels[:, knee] = np.nan
    pixels[:, KEYPOINTS.index("knee_l")][::7] = np.nan
    own = keypoint_input(pixels, 30.0, HEIGHT)
    assert (own[:, 2 * knee : 2 * knee + 2] == 0.0).all()
    assert (own[:, 24 + knee] == 0.0).all()
    assert own[:60, 24 + KEYPOINTS.index("hip_r")].all()
    with pytest.raises(ValueError, match="expected hips"):
        keypoint_input(np.full((30, 12, 2), np.nan), 30.0, HEIGHT)


def test_geometry_finds_cadence_and_the_distance_of_the_ankles(gait):
    arrays = clip_arrays([clip(gait, distance=400.0, focal=1e5)])
    found = dict(zip(PARAMETERS, (geometric_parameters(arrays.inputs) * units_of(HEIGHT))[0], strict=True))
    assert found["cadence"] == pytest.approx(2.0, rel=0.02)
    apart = np.abs(gait.points[:, 6, 0] - gait.points[:, 7, 0]).max()
    assert found["step_length"] == pytest.approx(apart, rel=0.05)
    assert arrays.parameters[0] * units_of(HEIGHT) == pytest.approx([SPEED, SPEED / 2.0, 2.0, 0.0], abs=1e-6)


def uneven_input(asymmetry: float, first: float = 4.0, step: float = 16.0) -> np.ndarray:
    """Ankles that are furthest apart at strikes whose times differ by side: right steps longer by the asymmetry."""
    lengths = np.tile([step * (1.0 + asymmetry), step * (1.0 - asymmetry)], 8)
    strikes = first - lengths[1] + np.r_[0.0, np.cumsum(lengths)]
    phase = np.interp(np.arange(FRAMES), strikes, np.arange(len(strikes)))
    own = np.zeros((1, FRAMES, CHANNELS), np.float32)
    own[0, :, 2 * KEYPOINTS.index("ankle_r")] = -np.cos(np.pi * phase)
    own[0, :, 24:] = 1.0
    return own


@pytest.mark.parametrize("asymmetry", [-0.2, 0.0, 0.1, 0.2])
@pytest.mark.parametrize("first", [0.0, 4.0, 11.0])
def test_geometry_finds_step_times_that_differ(asymmetry, first):
    """Crossings in the middle of swings lie evenly then; the peaks do not."""
    found = geometric_parameters(uneven_input(asymmetry, first))[0, 3]
    assert found == pytest.approx(asymmetry, rel=0.35, abs=0.01), "smoothing blunts the kinks of a made signal"


def test_phase_goes_round_once_a_cycle_and_curves_come_back():
    """Right ahead of left from 0 to a half; a wave that is a function of phase is found again from its clips."""
    inputs = np.concatenate([uneven_input(0.0, first) for first in (0.0, 3.0, 9.0, 14.0)])
    phase = geometric_phase(inputs)
    apart = inputs[:, 10:60, 2 * KEYPOINTS.index("ankle_r")]
    clear = np.abs(apart) > 0.2
    assert ((phase[:, 10:60] < 0.5) == (apart > 0.0))[clear].all()
    assert np.median(np.diff(phase, axis=1) % 1.0) == pytest.approx(1.0 / 32.0, rel=0.02)
    waves = np.cos(2.0 * np.pi * phase)[..., None]
    assert np.abs(curves_at(phase, phase_curves(phase, waves)) - waves).max() < 0.1
    nothing = np.zeros((1, FRAMES, CHANNELS), np.float32)
    assert np.isnan(geometric_phase(nothing)).all()
    assert curves_at(geometric_phase(nothing), phase_curves(phase, waves)) == pytest.approx(0.0, abs=0.05)


def test_a_detector_errs_by_what_it_is_said_to():
    rng, still = np.random.default_rng(0), np.zeros((4000, 12, 2))
    errors = DetectorErrors(jitter=0.01, memory=0.1, offset=0.0, dropout=0.0, swaps=0.0)
    seen = detected(still, 500.0, 50.0, errors, rng)
    assert seen.std() == pytest.approx(5.0, rel=0.1)
    lag = int(0.1 * 50)
    kept = np.mean(seen[lag:] * seen[:-lag]) / seen.var()
    assert kept == pytest.approx(np.exp(-1.0), abs=0.06)
    tails = np.mean((seen / seen.std()) ** 4)
    assert tails > 3.15, "heavier than normal"


def test_drop_outs_are_missing_and_exchanged_legs_leave_the_shoulders():
    rng = np.random.default_rng(1)
    places = np.tile(np.arange(12.0)[:, None], (3000, 1, 2))
    dropped = detected(places, 1.0, 30.0, replace(PERFECT, dropout=0.5), rng)
    assert 0.04 < np.isnan(dropped).mean() < 0.12, "0.5 a second of 0.15 s"
    swapped = detected(places, 1.0, 30.0, replace(PERFECT, swaps=1.0), rng)
    at = swapped[:, :, 0] != np.arange(12.0)
    assert not at[:, :2].any()
    assert (at[:, 2:].all(axis=1) | ~at[:, 2:].any(axis=1)).all()
    assert 0.03 < at[:, 2].mean() < 0.2
    assert np.array_equal(detected(places, 1.0, 30.0, PERFECT, rng), places)


def test_strides_vary_as_they_are_said_to():
    time = np.linspace(0.0, 2000.0, 200_001)
    passed = uneven_phase(time, 1.1, 0.05, np.random.default_rng(2))
    ends = np.interp(np.arange(np.ceil(passed[0]), np.floor(passed[-1])), passed, time)
    assert np.diff(ends).mean() == pytest.approx(1.1, rel=0.01)
    assert np.diff(ends).std() / 1.1 == pytest.approx(0.05, rel=0.1)


def test_views_and_errors_are_drawn_from_a_seed():
    one, two = (draw_view(np.random.default_rng(5)) for _ in range(2))
    assert one == two
    assert abs(one.oblique) <= 20.0
    assert draw_errors(np.random.default_rng(5)) == draw_errors(np.random.default_rng(5))


def test_a_step_is_as_long_as_the_way_that_is_walked_in_it():
    """Of a recording as of a virtual gait: feet that strike 0.70 m apart once, in a walk at 1.2 m/s and 2 steps/s."""
    trial = made_trial()
    told = replace(trial, spatiotemporal={**trial.spatiotemporal, "step_length_r": 0.70, "step_length_l": 0.66})
    assert filmed_gait(told).parameters["step_length"] == pytest.approx(0.6)
    assert filmed_gait(told).parameters[AT_STRIKES] == pytest.approx(0.68)
    unknown = replace(trial, spatiotemporal={"step_length_r": 0.70, "step_length_l": 0.66})
    assert filmed_gait(unknown).parameters["step_length"] == pytest.approx(0.68)


def touching(**feet) -> tuple[GaitEvent, ...]:
    """Events of feet that touch the floor from one instant (s) to another."""
    kinds = ("foot_strike", "foot_off")
    return tuple(
        GaitEvent(time, foot, kind, "force")
        for foot, contacts in feet.items()
        for contact in contacts
        for time, kind in zip(contact, kinds, strict=True)
    )


@pytest.mark.parametrize("first", [0.0, 0.3, 0.75], ids=["stance", "swing", "scuff"])
def test_a_foot_that_scuffs_the_floor_in_swing_has_made_no_step(first):
    """An even walk stays even wherever the cycle begins and whichever contact comes first in it."""
    period, turn = 1.0, lambda contacts: [tuple((t - first) % 1.0 for t in own) for own in contacts]
    stand_right, stand_left, scuff = (0.9, 0.55), (0.4, 0.05), (0.72, 0.8)
    trial = replace(
        made_trial(),
        events=touching(right=turn([stand_right, scuff]), left=turn([stand_left])),
        solutions=(None,),
        spatiotemporal={"stride_time_r": period, "speed": 1.2},
    )
    assert measured_parameters(trial)["step_time_asymmetry"] == pytest.approx(0.0, abs=1e-9)
    limps = replace(trial, events=touching(right=turn([scuff, stand_right]), left=turn([(0.5, 0.05)])))
    assert measured_parameters(limps)["step_time_asymmetry"] == pytest.approx(2 * 0.4 - 1.0)
    assert cycle_strike(touching(right=[(0.2, 0.6)])[:1], "right", period) == 0.2, "of a drawn walk no foot comes off"
    assert np.isnan(cycle_strike((), "right", period))
