"""Inverse dynamics: laws on analytic motions, plates to feet, and what is unknown stays unknown."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial, PlateStep
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.dynamics import joint_power, solve_inverse_dynamics, solve_trial_dynamics
from opensim_models.inverse.foot_load import reaction_of, surface_height, wrench_at
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)
SPATIAL = lower_body_skeleton(PERSON)
RATE = 100.0


def pendulum(length=0.5, mass=2.0):
    joint = (JointElement("rotation", (0.0, 0.0, 1.0), 0),)
    return Skeleton(
        "pendulum",
        (Coordinate("swing", "rotation"),),
        (Segment("bob", -1, (0.0, 2.0, 0.0), elements=joint, mass=mass, centre_of_mass=(0.0, -length, 0.0)),),
    )


def standing(n=120, move=0.0):
    """Upright, with a slow sway of the hips so that something moves."""
    values = np.zeros((n, len(SPATIAL.coordinates)))
    values[:, SPATIAL.coordinate_index("pelvis_ty")] = 0.95
    sway = move * np.sin(np.arange(n) / n * 2 * np.pi)
    for side in "rl":
        values[:, SPATIAL.coordinate_index(f"hip_flexion_{side}")] = sway
        values[:, SPATIAL.coordinate_index(f"ankle_angle_{side}")] = -sway
    return Kinematics(SPATIAL.coordinate_names, values, RATE)


def plate(force, place, foot, n=120, rate=RATE, name="plate"):
    """A constant force at a place."""
    shape = (round(n * rate / RATE), 3)
    return GroundReaction(
        np.broadcast_to(np.array(force, dtype=float), shape).copy(),
        np.broadcast_to(np.array(place, dtype=float), shape).copy(),
        np.zeros(shape[0]),
        rate,
        foot,
        name,
    )


def feet(n=120, rate=RATE, weight=SPATIAL.mass * 9.80665):
    """Half the body weight below each heel."""
    motions = segment_motions(SPATIAL, standing(n))
    return tuple(
        plate((0, weight / 2, 0), motions[f"calcn_{foot[0]}"].origin[0] * (1, 0, 1), foot, n, rate, foot)
        for foot in ("right", "left")
    )


def test_a_swinging_pendulum_needs_no_moment():
    """The free pendulum obeys m l² q'' = -m g l sin q; its moment in inverse dynamics is zero."""
    length, mass, g = 0.5, 2.0, 9.80665
    n = 2000
    q, speed, step, path = 0.6, 0.0, 1e-3, np.empty(n)
    for k in range(n):  # velocity Verlet at 10 steps a sample
        path[k] = q
        for _ in range(10):
            speed -= 0.5 * step / 10 * g / length * np.sin(q)
            q += step / 10 * speed
            speed -= 0.5 * step / 10 * g / length * np.sin(q)
    kinetics = solve_inverse_dynamics(pendulum(length, mass), Kinematics(("swing",), path[:, None], 1000.0), (), None)
    assert np.abs(kinetics.of("swing")[50:-50]).max() < 1e-4 * mass * g * length


def test_a_held_pendulum_needs_the_moment_of_its_weight_and_no_power():
    kinematics = Kinematics(("swing",), np.full((40, 1), 0.3), RATE)
    kinetics = solve_inverse_dynamics(pendulum(), kinematics, (), 6.0)
    np.testing.assert_allclose(kinetics.of("swing"), 2.0 * 9.80665 * 0.5 * np.sin(0.3), rtol=1e-9)
    np.testing.assert_allclose(joint_power(kinetics, kinematics), 0.0, atol=1e-9)
    np.testing.assert_allclose(kinetics.residual.force[:, 1], 2.0 * 9.80665, rtol=1e-9)


def test_power_is_the_rate_of_the_energy():
    """Over a driven swing from rest to rest the work of the moment equals the change of the potential energy."""
    time = np.arange(1001) / 1000.0
    path = 0.8 * (10 * time**3 - 15 * time**4 + 6 * time**5)
    kinematics = Kinematics(("swing",), path[:, None], 1000.0)
    kinetics = solve_inverse_dynamics(pendulum(), kinematics, (), None)
    work = np.trapezoid(joint_power(kinetics, kinematics)[:, 0], time)
    assert work == pytest.approx(2.0 * 9.80665 * 0.5 * (1 - np.cos(0.8)), rel=1e-5)


def test_free_fall_needs_nothing():
    n = 60
    time = np.arange(n) / RATE
    kinematics = standing(n)
    kinematics.values[:, SPATIAL.coordinate_index("pelvis_ty")] = 5.0 - 0.5 * 9.80665 * time**2
    kinetics = solve_inverse_dynamics(SPATIAL, kinematics, (), None)
    # the spline's natural ends do not know of the fall
    np.testing.assert_allclose(kinetics.generalized_forces[15:-15], 0.0, atol=2e-3)


def test_standing_on_two_plates_leaves_no_residual_force():
    kinetics = solve_inverse_dynamics(SPATIAL, standing(), feet(), 6.0, height=PERSON.height)
    assert kinetics.residual.force_percent.max() < 1e-6
    assert np.isfinite(kinetics.residual.moment_percent).all()
    assert not kinetics.masked.any()
    assert kinetics.cutoff == 6.0
    assert [r.foot for r in kinetics.ground_reactions] == ["right", "left"]


def test_without_plates_the_residual_is_the_body_weight():
    kinetics = solve_inverse_dynamics(SPATIAL, standing(), (), None)
    np.testing.assert_allclose(kinetics.residual.force_percent, 100.0, rtol=1e-9)


def test_two_plates_below_one_foot_add_up():
    """A step over the edge of two plates, or a belt cut in two, is one step."""
    whole = feet()
    right = whole[0]
    part = tuple(replace(right, force=right.force * share, name=f"plate {share}") for share in (0.3, 0.7))
    once = solve_inverse_dynamics(SPATIAL, standing(move=0.1), whole, 6.0)
    twice = solve_inverse_dynamics(SPATIAL, standing(move=0.1), (*part, whole[1]), 6.0)
    np.testing.assert_allclose(twice.generalized_forces, once.generalized_forces, atol=1e-9)
    assert [r.foot for r in twice.ground_reactions] == ["right", "left"]
    np.testing.assert_allclose(twice.ground_reactions[0].force, once.ground_reactions[0].force, atol=1e-9)


def test_the_rate_of_the_plates_does_not_matter():
    slow = solve_inverse_dynamics(SPATIAL, standing(move=0.1), feet(), None)
    for rate in (1000.0, 250.0):
        fast = solve_inverse_dynamics(SPATIAL, standing(move=0.1), feet(rate=rate), None)
        np.testing.assert_allclose(fast.generalized_forces, slow.generalized_forces, atol=1e-9)


def test_moving_the_laboratory_changes_no_joint_moment():
    shift = np.array([3.0, 0.0, -2.0])
    kinematics = standing(move=0.2)
    there = kinematics.values.copy()
    for axis, name in enumerate(("pelvis_tx", "pelvis_ty", "pelvis_tz")):
        there[:, SPATIAL.coordinate_index(name)] += shift[axis]
    moved = tuple(replace(r, centre_of_pressure=r.centre_of_pressure + shift) for r in feet())
    here = solve_inverse_dynamics(SPATIAL, kinematics, feet(), 6.0)
    other = solve_inverse_dynamics(SPATIAL, replace(kinematics, values=there), moved, 6.0)
    np.testing.assert_allclose(other.generalized_forces, here.generalized_forces, atol=1e-7)
    np.testing.assert_allclose(other.residual.moment, here.residual.moment, atol=1e-7)


def test_an_unknown_force_masks_its_own_leg_and_says_so():
    right, left = feet()
    right.force[40:60] = np.nan
    kinetics = solve_inverse_dynamics(SPATIAL, standing(), (right, left), None)
    assert np.isnan(kinetics.of("ankle_angle_r")[40:60]).all()
    assert np.isfinite(kinetics.of("ankle_angle_l")).all()
    assert np.isfinite(kinetics.of("lumbar_extension")).all()
    np.testing.assert_array_equal(np.flatnonzero(kinetics.masked), np.arange(40, 60))
    assert kinetics.mask_reasons == ("force of the right foot (right) unknown at 0.40-0.59 s",)
    assert np.isnan(kinetics.residual.force_percent[40:60]).all()


def test_a_large_force_without_a_place_is_unknown_and_a_small_one_is_noise():
    right, left = feet()
    right.centre_of_pressure[10:20] = np.nan
    left.force[30:40] = (1.0, 8.0, 0.0)
    left.centre_of_pressure[30:40] = np.nan
    kinetics = solve_inverse_dynamics(SPATIAL, standing(), (right, left), None)
    np.testing.assert_array_equal(np.flatnonzero(kinetics.masked), np.arange(10, 20))
    np.testing.assert_allclose(kinetics.ground_reactions[1].force[30:40], 0.0)


def test_frames_that_inverse_kinematics_did_not_solve_at_the_ends_are_masked():
    kinematics = standing()
    kinematics.values[:5] = np.nan
    kinematics.values[-3:] = np.nan
    kinetics = solve_inverse_dynamics(SPATIAL, kinematics, feet(), 6.0)
    np.testing.assert_array_equal(np.flatnonzero(kinetics.masked), [0, 1, 2, 3, 4, 117, 118, 119])
    assert "0.05 to 1.16 s" in kinetics.mask_reasons[0]
    assert np.isnan(joint_power(kinetics, kinematics)[:5]).all()


def test_plates_that_end_early_leave_the_rest_unknown():
    short = tuple(
        replace(r, force=r.force[:80], centre_of_pressure=r.centre_of_pressure[:80], free_moment=r.free_moment[:80])
        for r in feet()
    )
    kinetics = solve_inverse_dynamics(SPATIAL, standing(), short, None)
    assert kinetics.masked[82:].all()
    assert not kinetics.masked[:80].any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda k, r: (replace(k, values=np.full_like(k.values, np.nan)), r), "has gaps"),
        (lambda k, r: (replace(k, values=np.where(np.arange(120)[:, None] == 50, np.nan, k.values)), r), "has gaps"),
        (lambda k, r: (replace(k, values=k.values[:5]), r), "at least 8"),
        (lambda k, r: (replace(k, rate=0.0), r), "rate above 0"),
        (lambda k, r: (replace(k, rate=float("nan")), r), "rate above 0"),
        (lambda k, r: (replace(k, rate=10.0), r), "low-pass"),
        (lambda k, r: (k, tuple(replace(x, force=x.force * 0.0) for x in r)), "nobody stepped on"),
        (lambda k, r: (k, (replace(r[0], foot="both"), r[1])), "one foot each"),
        (lambda k, r: (k, (replace(r[0], rate=8.0), r[1])), "low-pass"),
    ],
    ids=["all NaN", "gap", "short", "no rate", "NaN rate", "slow", "unloaded", "both", "slow plate"],
)
def test_what_cannot_be_solved_is_refused_by_name(change, words):
    kinematics, reactions = change(standing(), feet())
    with pytest.raises(ModelMismatch, match=words):
        solve_inverse_dynamics(SPATIAL, kinematics, reactions, 6.0)


def trial_of(reactions, steps=(), events=(), task="static"):
    empty = np.zeros((120, 0, 3))
    return MarkerTrial(
        "t", PERSON, (), empty, RATE, task=task, ground_reactions=reactions, steps=steps, events=events, source="t.c3d"
    )


def test_a_trial_brings_its_own_feet_and_the_reasons_of_spoiled_steps():
    right, left = feet()
    steps = (
        PlateStep("right", "right", 0.0, 1.2, True),
        PlateStep("left", "left", 0.3, 0.6, False, "the other foot is on the plate too"),
    )
    kinetics = solve_trial_dynamics(SPATIAL, standing(), trial_of((right, left), steps), None)
    assert np.isfinite(kinetics.of("ankle_angle_r")).all()
    assert np.isnan(kinetics.of("ankle_angle_l")[31:59]).all()
    assert any(
        "left foot, 0.30-0.60 s: the other foot is on the plate too" in reason for reason in kinetics.mask_reasons
    )
    assert kinetics.residual.height == PERSON.height


def test_a_belt_below_both_feet_is_shared_out_by_the_events():
    """One plate carries both feet in turn: each foot gets it while the other swings, none in double support."""
    right, _ = feet(weight=2 * SPATIAL.mass * 9.80665)
    belt = replace(right, foot="both", name="belt")
    events = (
        GaitEvent(0.0, "right", "foot_strike", "file"),
        GaitEvent(0.1, "left", "foot_off", "file"),
        GaitEvent(0.6, "left", "foot_strike", "file"),
        GaitEvent(0.7, "right", "foot_off", "file"),
    )
    kinetics = solve_trial_dynamics(SPATIAL, standing(), trial_of((belt,), events=events, task="walk"), None)
    known = np.flatnonzero(~kinetics.masked)
    assert 15 in known and 45 in known and 65 not in known
    reaction = {r.foot: r for r in kinetics.ground_reactions}
    assert reaction["right"].force[30, 1] > 500
    assert reaction["left"].force[30, 1] == 0


def test_a_trial_without_a_usable_force_is_refused_with_the_reason():
    with pytest.raises(ModelMismatch, match="no force plates"):
        solve_trial_dynamics(SPATIAL, standing(), trial_of(()), None)
    quiet = tuple(replace(r, force=r.force * 0.0) for r in feet())
    step = PlateStep("plate 1", "right", 0.0, 0.4, False, "partly beside the plate")
    with pytest.raises(ModelMismatch, match=r"t\.c3d: no force of a known foot.*partly beside the plate"):
        solve_trial_dynamics(SPATIAL, standing(), trial_of(quiet, (step,), task="walk"), None)
    with pytest.raises(ModelMismatch, match="119 frames"):
        solve_trial_dynamics(SPATIAL, standing(119), trial_of(feet()), None)


def test_power_needs_the_same_frames():
    kinetics = solve_inverse_dynamics(SPATIAL, standing(), feet(), None)
    with pytest.raises(ModelMismatch, match="same frames"):
        joint_power(kinetics, standing(60))


def test_a_foot_that_is_fixed_to_the_ground_takes_no_load():
    skeleton = pendulum()
    fixed = replace(skeleton, segments=(Segment("base", -1), *skeleton.segments))
    swing = Kinematics(("swing",), np.linspace(0.0, 0.5, 120)[:, None], RATE)
    load = plate((0, 100.0, 0), (0.1, 0.0, 0.0), "right")
    with pytest.raises(ModelMismatch, match="base, which is fixed to the ground"):
        solve_inverse_dynamics(fixed, swing, (load,), None, feet={"right": "base"})
    with pytest.raises(ModelMismatch, match="nose"):
        solve_inverse_dynamics(fixed, swing, (load,), None, feet={"right": "nose"})
    assert np.isfinite(
        solve_inverse_dynamics(fixed, swing, (load,), None, feet={"right": "bob"}).generalized_forces
    ).all()


def test_on_a_step_the_centre_of_pressure_stays_on_its_surface():
    """Whatever its height, force, centre and free moment are together the same wrench."""
    rng = np.random.default_rng(7)
    force, place = rng.uniform(50.0, 500.0, (40, 3)), rng.uniform(-1.0, 1.0, (40, 3))
    place[:, 1] = 0.18
    free = rng.uniform(-5.0, 5.0, 40)
    on_step = GroundReaction(force, place, free, RATE, "right", "step")
    time = np.arange(40) / RATE
    wrench = wrench_at(on_step, time, RATE, None)
    height = surface_height((on_step,))
    assert height == 0.18 and surface_height((replace(on_step, centre_of_pressure=place * np.nan),)) == 0.0
    back = reaction_of(wrench, RATE, "right", "step", height)
    np.testing.assert_allclose(back.centre_of_pressure, place, atol=1e-12)
    np.testing.assert_allclose(back.free_moment, free, atol=1e-12)
    flat = reaction_of(wrench, RATE, "right", "step")
    assert (flat.centre_of_pressure[:, 1] == 0.0).all()
    np.testing.assert_allclose(wrench_at(flat, time, RATE, None), wrench, atol=1e-10)
