"""Generic skeletons: they stand, they are symmetric, and what others use of them stays as it was."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from mocap_import.subject import Subject
from opensim_models.generic.anthropometry import TABLES
from opensim_models.generic.catalogue import KNEE_GLIDE, lower_body_skeleton, planar_skeleton
from opensim_models.generic.foot_geometry import contact_spheres
from opensim_models.generic.muscle_geometry import TABLE
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.scalar_function import Polynomial, value_and_derivatives

PERSON = Subject("S", 68.0, 1.72, "female", 17.0)


def standing(skeleton):
    return np.array([c.default for c in skeleton.coordinates])


def states(skeleton, q):
    zero = np.zeros_like(q)
    return segment_states(skeleton, q, zero, zero)


def every_skeleton():  # the table of children too: the person is of 17 years
    yield planar_skeleton(PERSON)
    yield planar_skeleton(PERSON, gliding_knee=True)
    for table in TABLES:
        yield lower_body_skeleton(PERSON, table)
        yield lower_body_skeleton(PERSON, table, toes=True, gliding_knee=True)


def test_coordinates_that_others_count_on():
    assert len(planar_skeleton(PERSON).coordinates) == 10
    assert len(lower_body_skeleton(PERSON).coordinates) == 21
    assert len(lower_body_skeleton(PERSON, toes=True).coordinates) == 23
    plain = lower_body_skeleton(PERSON)
    assert [f for s in plain.segments for e in s.elements for f in e.functions] == [Polynomial((0.0, 1.0))] * 21


@pytest.mark.parametrize("skeleton", list(every_skeleton()), ids=lambda s: s.name + s.notes[0][:40])
def test_left_mirrors_right(skeleton):
    left = {s.name: s for s in skeleton.segments}
    for right in [s for s in skeleton.segments if s.name.endswith("_r")]:
        other = left[right.name[:-1] + "l"]
        flip = np.array([1.0, 1.0, -1.0])
        np.testing.assert_allclose(other.offset, flip * right.offset)
        np.testing.assert_allclose(other.centre_of_mass, flip * right.centre_of_mass)
        np.testing.assert_allclose(other.inertia, np.array([1, 1, 1, 1, -1, -1]) * right.inertia)
    offsets = {m.name: m.offset for m in skeleton.markers}
    for name, offset in offsets.items():
        if name.endswith("_r"):
            np.testing.assert_allclose(offsets[name[:-1] + "l"], [offset[0], offset[1], -offset[2]])


@pytest.mark.parametrize("skeleton", list(every_skeleton()), ids=lambda s: s.name + s.notes[0][:40])
def test_it_stands_over_its_feet(skeleton):
    """Soles on the ground, mass centre at 53-60 % of stature (Winter 2005) and over the feet, weight on the pelvis."""
    q = standing(skeleton)
    origins = states(skeleton, q)
    at = {s.name: np.array([float(x) for x in origins[i].origin]) for i, s in enumerate(skeleton.segments)}
    centre = sum(s.mass * (at[s.name] + s.centre_of_mass) for s in skeleton.segments) / skeleton.mass
    assert skeleton.mass == pytest.approx(PERSON.mass, rel=1e-12)
    assert 0.53 * PERSON.height < centre[1] < 0.60 * PERSON.height
    assert -0.06 < centre[0] - at["calcn_r"][0] < 0.15
    forces = np.array(inverse_dynamics(skeleton, origins), dtype=float)
    assert forces[skeleton.coordinate_index("pelvis_ty")] == pytest.approx(PERSON.body_weight, rel=1e-9)
    assert at["torso"][1] + 0.245 * PERSON.height == pytest.approx(0.845 * PERSON.height, rel=0.02)  # C7


@pytest.mark.parametrize("toes", [False, True])
def test_spheres_touch_the_ground_in_a_point(toes):
    skeleton = lower_body_skeleton(PERSON, toes=toes)
    origins = states(skeleton, standing(skeleton))
    spheres = contact_spheres(PERSON.height, toes)
    for sphere in spheres:
        at = np.array([float(x) for x in origins[skeleton.segment_index(sphere.segment)].origin])
        assert (at + sphere.offset)[1] - sphere.radius == pytest.approx(0.0, abs=1e-12)
    assert len(spheres) == 10
    assert len(contact_spheres(PERSON.height, False, in_plane=True)) == 6


def test_knee_glides_as_published():
    """The polynomials against the published splines from -10° to 120°, in the published person's metres."""
    with (TABLE / "knee.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    angles = np.radians(np.linspace(-10, 120, 200))
    for axis in "xy":
        knots = [(float(r["knee_flexion_rad"]), float(r["translation_m"])) for r in rows if r["axis"] == axis]
        spline = CubicSpline(*zip(*knots, strict=True), bc_type="natural")
        ours = 1.70 * value_and_derivatives(Polynomial(KNEE_GLIDE[axis]), angles)[0]
        assert np.abs(ours - (spline(angles) - spline(0.0))).max() < 2e-4


def test_gliding_changes_the_knee_only():
    """Standing, both knees are in the same place; flexed, the tibia has glided by the polynomials."""
    hinge = lower_body_skeleton(PERSON)
    gliding = lower_body_skeleton(PERSON, gliding_knee=True)
    q = standing(hinge)
    index = hinge.segment_index("tibia_r")
    here = [np.array(states(s, q)[index].origin, dtype=float) for s in (hinge, gliding)]
    np.testing.assert_allclose(*here, atol=1e-15)
    q[hinge.coordinate_index("knee_angle_r")] = math.radians(60)
    here = [np.array(states(s, q)[index].origin, dtype=float) for s in (hinge, gliding)]
    expected = [value_and_derivatives(Polynomial(KNEE_GLIDE[a]), math.radians(60))[0] * PERSON.height for a in "xy"]
    np.testing.assert_allclose((here[1] - here[0])[:2], expected, atol=1e-12)
