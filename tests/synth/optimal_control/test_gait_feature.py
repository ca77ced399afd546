"""Gait features: sides are alike in an even walk, exchanged in a mirrored one; works and steps add up."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.generic.generic_model import generic_model
from synth.optimal_control.gait.gait_feature import FEATURES, gait_features, step_time_asymmetry
from synth.optimal_control.gait.normative_gait import normative_coordinates, normative_forces
from synth.optimal_control.gait.periodic_curve import periodic_derivatives
from synth.optimal_control.movement.solution import MovementSolution

_N, _DURATION, _SPEED = 200, 1.1, 1.2
SKELETON = generic_model("planar", Subject("P", 70.0, 1.75, "male", 30.0)).skeleton


def walk(left_late=0.0):
    """A drawn walk of normative angles and forces, the left leg by some share of the cycle later than half a one."""
    phase = np.arange(_N) / _N
    angles, forces = normative_coordinates(phase, _SPEED, 1.75), normative_forces(phase, _SPEED, 1.75)
    late = -round(left_late * _N)
    for i, name in enumerate(SKELETON.coordinate_names):
        if name.endswith("_l"):
            angles[:, i] = np.roll(angles[:, i], -late)
    forces[:, 2:] = np.roll(forces[:, 2:], -late, axis=0)
    time = phase * _DURATION
    q = np.nan_to_num(angles)
    q[:, SKELETON.coordinate_index("pelvis_tx")] = _SPEED * time
    speeds, accelerations = periodic_derivatives(np.nan_to_num(angles), _DURATION)
    weight = SKELETON.mass * 9.80665
    reactions = []
    for i, foot in enumerate(("right", "left")):
        force = np.stack([forces[:, 2 * i], forces[:, 2 * i + 1], np.zeros(_N)], axis=1) * weight
        reactions.append(GroundReaction(force, np.zeros((_N, 3)), np.zeros(_N), _N / _DURATION, foot, "drawn"))
    moments = np.stack([40.0 * np.sin(2.0 * np.pi * (phase + 0.1 * (i // 2))) for i in range(q.shape[1])], axis=1)
    for i, name in enumerate(SKELETON.coordinate_names):
        if name.endswith("_l"):
            moments[:, i] = np.roll(moments[:, SKELETON.coordinate_index(f"{name[:-1]}r")], _N // 2 - late)
    arrays = {"activations": np.full((_N, 4), 0.5)}
    facts = (True, "", SKELETON, "cycle", time, q, speeds, accelerations, moments, arrays, (), tuple(reactions))
    return MovementSolution(*facts, _DURATION, _SPEED, 0.0, 0, 0.0, 0.0)


def mirrored(solution):
    names = SKELETON.coordinate_names
    swap = [
        names.index(n[:-1] + {"r": "l", "l": "r"}[n[-1]]) if n[-2:] in ("_r", "_l") else names.index(n) for n in names
    ]
    right, left = solution.ground_reactions
    return replace(
        solution,
        coordinates=solution.coordinates[:, swap],
        speeds=solution.speeds[:, swap],
        moments=solution.moments[:, swap],
        ground_reactions=(replace(left, foot="right"), replace(right, foot="left")),
    )


def test_both_sides_of_an_even_walk_are_alike():
    own = walk()
    right, left = (gait_features(own, side) for side in "rl")
    assert right.keys() == FEATURES.keys()
    assert left == pytest.approx(right, rel=1e-3, abs=1e-3)
    assert step_time_asymmetry(own) == pytest.approx(0.0, abs=1e-9)
    assert right["stance"] == pytest.approx(0.61, abs=0.03)
    assert 0.4 < right["step_length"] < 0.8
    assert right["effort"] == 0.25


def test_a_left_leg_that_is_late_makes_the_left_step_longer_in_time():
    """Late by a twentieth of a cycle: 0.55 and 0.45 of it, which is 0.1 of their sum."""
    assert step_time_asymmetry(walk(0.05)) == pytest.approx(-0.1, abs=1e-6)


def test_the_mirrored_walk_has_the_features_of_the_other_side():
    own, other = walk(0.05), mirrored(walk(0.05))
    for side, opposite in ("rl", "lr"):
        assert gait_features(other, side) == pytest.approx(gait_features(own, opposite), rel=1e-9)
    assert step_time_asymmetry(other) == pytest.approx(-step_time_asymmetry(own))


def test_work_is_what_positive_power_adds_up_to_over_the_way():
    own = walk()
    index = SKELETON.coordinate_index("ankle_angle_r")
    power = own.moments[:, index] * own.speeds[:, index] / SKELETON.mass
    found = gait_features(own)
    joules = np.trapezoid(np.r_[np.maximum(power, 0.0), max(power[0], 0.0)], dx=_DURATION / _N)
    assert found["ankle_work"] * _SPEED * _DURATION == pytest.approx(joules, rel=1e-9)
    assert found["push_off"] == pytest.approx(power.max())
