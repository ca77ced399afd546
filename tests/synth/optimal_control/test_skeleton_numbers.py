"""Laws of skeleton numbers, chains and mirrors: a person is a vector, a part moves like the whole."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.vector import add, cross
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.chain import chain_to, generalized_loads
from synth.optimal_control.movement.mirror import mirror_signs, partners
from synth.optimal_control.movement.skeleton_numbers import (
    is_planar,
    numbers_for,
    pattern_of,
    skeleton_numbers,
    with_numbers,
)

PEOPLE = (Subject("A", 64.0, 1.68, "female"), Subject("B", 90.0, 1.9, "male"))


@pytest.mark.parametrize("make", [planar_skeleton, lower_body_skeleton])
def test_two_people_of_one_model_share_a_pattern(make):
    one, other = (make(p) for p in PEOPLE)
    assert pattern_of(one) == pattern_of(other)
    assert not np.allclose(skeleton_numbers(one), skeleton_numbers(other))


@pytest.mark.parametrize("make", [planar_skeleton, lower_body_skeleton])
def test_numbers_and_pattern_make_the_same_mechanics(make):
    skeleton = make(PEOPLE[0])
    pattern = pattern_of(skeleton)
    made = with_numbers(pattern, numbers_for(pattern, skeleton).tolist())
    rng = np.random.default_rng(0)
    q, v, a = (rng.normal(size=len(skeleton.coordinates)) * s for s in (0.3, 2.0, 10.0))
    forces = [inverse_dynamics(s, segment_states(s, list(q), list(v), list(a))) for s in (skeleton, made)]
    assert np.allclose(forces[0], forces[1], atol=1e-9)


def test_another_model_is_refused():
    pattern = pattern_of(planar_skeleton(PEOPLE[0]))
    with pytest.raises(ModelMismatch, match="another structure"):
        numbers_for(pattern, lower_body_skeleton(PEOPLE[0]))


def test_a_number_that_the_pattern_lacks_is_refused():
    skeleton = lower_body_skeleton(PEOPLE[0])
    pattern = pattern_of(skeleton)
    massless = next(i for i, s in enumerate(pattern.segments) if s.centre_of_mass[2] == 0.0)
    segments = list(skeleton.segments)
    segments[massless] = replace(segments[massless], centre_of_mass=(0.0, 0.0, 0.01))
    with pytest.raises(ModelMismatch, match="another structure"):
        numbers_for(pattern, replace(skeleton, segments=tuple(segments)))


def test_planar_skeletons_are_told_from_others():
    assert is_planar(planar_skeleton(PEOPLE[0]))
    assert not is_planar(lower_body_skeleton(PEOPLE[0]))


@pytest.mark.parametrize("make", [planar_skeleton, lower_body_skeleton])
def test_a_chain_moves_its_last_segment_like_the_whole_skeleton(make):
    skeleton = make(PEOPLE[0])
    pattern = pattern_of(skeleton)
    numbers = numbers_for(pattern, skeleton)
    chain = chain_to(pattern, ["calcn_l"])
    part = with_numbers(chain.skeleton, numbers[chain.entries].tolist())
    rng = np.random.default_rng(1)
    q, v, a = (rng.normal(size=len(skeleton.coordinates)) * s for s in (0.3, 2.0, 10.0))
    columns = list(chain.coordinates)
    whole = segment_states(skeleton, list(q), list(v), list(a))[skeleton.segment_index("calcn_l")]
    own = segment_states(part, list(q[columns]), list(v[columns]), list(a[columns]))[chain.place("calcn_l")]
    for name in ("origin", "angular_velocity", "specific_acceleration", "velocity"):
        values = [np.array(getattr(s, name), float) for s in (whole, own)]
        if is_planar(skeleton) and name != "angular_velocity":
            values = [x[:2] for x in values]  # what leaves the plane is dropped
        assert np.allclose(*values, atol=1e-10)


@pytest.mark.parametrize("make", [planar_skeleton, lower_body_skeleton])
def test_loads_do_to_coordinates_what_inverse_dynamics_says(make):
    """The demand of a motion falls by what a load gives (virtual work)."""
    skeleton = make(PEOPLE[0])
    rng = np.random.default_rng(2)
    q = rng.normal(size=len(skeleton.coordinates)) * 0.3
    states = segment_states(skeleton, list(q), [0.0] * len(q), [0.0] * len(q))
    foot, shank = skeleton.segment_index("calcn_r"), skeleton.segment_index("tibia_l")
    force, moment = (50.0, 700.0, 0.0), (0.0, 0.0, 20.0)
    loads = {foot: (force, moment), shank: ((1.0, -2.0, 0.0), (0.0, 0.0, 3.0))}
    about_ground = {i: (f, add(m, cross(states[i].origin, f))) for i, (f, m) in loads.items()}
    free = np.array(inverse_dynamics(skeleton, states), float)
    loaded = np.array(inverse_dynamics(skeleton, states, loads), float)
    given = np.array([float(x) for x in generalized_loads(skeleton, states, about_ground)])
    assert np.allclose(free - loaded, given, atol=1e-9)


def test_leaning_and_turning_change_their_sign_in_a_mirror():
    skeleton = lower_body_skeleton(PEOPLE[0])
    signs = dict(zip(skeleton.coordinate_names, mirror_signs(skeleton), strict=True))
    assert [signs[c] for c in ("pelvis_tilt", "pelvis_tx", "pelvis_ty", "hip_flexion_r", "knee_angle_l")] == [1.0] * 5
    assert [signs[c] for c in ("pelvis_list", "pelvis_rotation", "pelvis_tz")] == [-1.0] * 3


def test_a_mirrored_pose_is_the_mirror_image():
    skeleton = lower_body_skeleton(PEOPLE[0])
    rng = np.random.default_rng(3)
    q = 0.3 * rng.normal(size=len(skeleton.coordinates))
    other, segments = partners(skeleton.coordinate_names), partners(skeleton.segment_names)
    image = (mirror_signs(skeleton) * q)[other]
    places, mirrored = (
        np.array([s.origin for s in segment_states(skeleton, list(pose))], float) for pose in (q, image)
    )
    assert np.allclose(mirrored[segments], places * [1.0, 1.0, -1.0], atol=1e-9)


def test_a_lame_model_has_no_half_cycle():
    """A leg whose hip turns about another axis has no mirror image."""
    skeleton = lower_body_skeleton(PEOPLE[0])
    i = skeleton.segment_index("femur_l")
    femur = skeleton.segments[i]
    elements = tuple(replace(e, axis=(0.6, 0.0, 0.8)) if e.kind == "rotation" else e for e in femur.elements)
    segments = (*skeleton.segments[:i], replace(femur, elements=elements), *skeleton.segments[i + 1 :])
    with pytest.raises(ModelMismatch, match="full cycle"):
        mirror_signs(replace(skeleton, segments=segments))
