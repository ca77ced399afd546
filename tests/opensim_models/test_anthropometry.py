"""Segment tables: masses add up, inertias are possible, sizes scale as lengths and masses do."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from opensim_models.generic.anthropometry import TABLES, SegmentParameters, segment_parameters
from opensim_models.generic.foot_geometry import TOE_JOINT, foot_parts
from opensim_models.generic.segment_table import DE_LEVA, DUMAS, ELDERLY, JENSEN, WINTER, WINTER_TRUNK
from opensim_models.model_mismatch import ModelMismatch

SEXES = ("female", "male", "unknown")
PEOPLE = [(table, sex) for table in TABLES for sex in SEXES]
PAIRED = ("upper_arm", "forearm", "hand", "thigh", "shank", "foot")


def of(table: str, sex: str = "unknown", mass: float = 62.0, height: float = 1.66, age: float = 13.0):
    return segment_parameters(mass, height, sex, table, age)


def tensor(part: SegmentParameters) -> np.ndarray:
    xy, xz, yz = part.products
    return np.diag(part.inertia) + np.array([[0, xy, xz], [xy, 0, yz], [xz, yz, 0]])


def is_possible(part: SegmentParameters) -> bool:
    """Principal moments of a rigid body: positive, and none above the sum of the other two."""
    small, middle, large = np.linalg.eigvalsh(tensor(part))
    return small > 0 and large <= small + middle


@pytest.mark.parametrize(("table", "sex"), PEOPLE)
def test_masses_add_up_to_the_body(table, sex):
    parts = of(table, sex)
    legs = sum(parts[name].mass for name in ("thigh", "shank", "foot"))
    assert parts["pelvis"].mass + parts["torso"].mass + 2 * legs == pytest.approx(62.0, rel=1e-12)
    assert all(part.mass > 0 for part in parts.values())


@pytest.mark.parametrize(("table", "sex"), PEOPLE)
def test_inertias_are_those_of_bodies(table, sex):
    assert all(is_possible(part) for part in of(table, sex).values())


@pytest.mark.parametrize(("table", "sex"), PEOPLE)
def test_sizes_scale(table, sex):
    """Twice the mass has twice the inertia; 1.2 times the height moves centres 1.2 times, inertia 1.44 times."""
    before, heavy = of(table, sex), of(table, sex, mass=124.0)
    tall = of(table, sex, height=1.2 * 1.66)
    for name, part in before.items():
        np.testing.assert_allclose(tensor(heavy[name]), 2 * tensor(part), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(tensor(tall[name]), 1.44 * tensor(part), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(tall[name].centre_of_mass, 1.2 * np.array(part.centre_of_mass), rtol=1e-9)


def test_published_masses_are_complete():
    """Percentages of every table add up to 100 within the rounding that the papers themselves have."""
    for rows in DE_LEVA.values():
        mass = {name: row[0] for name, row in rows.items() if isinstance(row, tuple)}
        assert sum(m * (2 if name in PAIRED else 1) for name, m in mass.items()) == pytest.approx(100, abs=0.15)
    for shares in (*JENSEN.values(), *ELDERLY.values()):
        assert sum(m * (2 if name in PAIRED else 1) for name, m in shares.items()) == pytest.approx(100, abs=0.25)
    assert WINTER_TRUNK["mass"] + 2 * sum(row[0] for row in WINTER.values()) == pytest.approx(1.0, abs=1e-3)


def test_tables_agree_on_a_thigh():
    """Tables of adults differ by habit and sample, not by a slip: within 35 % in mass, 20 % in the mass centre."""
    thighs = [of(table, sex)["thigh"] for table, sex in itertools.product(("winter", "de_leva", "dumas"), SEXES[:2])]
    masses = [part.mass for part in thighs]
    centres = [part.centre_of_mass[1] for part in thighs]
    assert max(masses) / min(masses) < 1.5
    assert max(centres) / min(centres) > 0.8


def test_dumas_rows_are_read_as_printed():
    part, length = of("dumas", "male")["thigh"], 0.245 * 1.66
    assert part.mass == pytest.approx(0.123 * 62.0)
    np.testing.assert_allclose(np.array(part.centre_of_mass) / length, [-0.041, -0.429, 0.033], atol=1e-12)
    radii = np.sqrt(np.abs([*part.inertia, *part.products]) / part.mass) / length
    np.testing.assert_allclose(radii, np.abs(DUMAS["male"]["thigh"][2]) / np.array(100.0), atol=1e-12)
    assert np.sign(part.products).tolist() == [1, -1, -1]


def test_left_is_the_mirror_of_right():
    right = of("dumas", "female")["shank"]
    flip = np.diag([1.0, 1.0, -1.0])
    np.testing.assert_allclose(tensor(right.mirrored), flip @ tensor(right) @ flip, atol=1e-15)
    np.testing.assert_allclose(right.mirrored.centre_of_mass, flip @ right.centre_of_mass, atol=1e-15)


def test_children_have_jensens_masses_between_his_ages():
    for age, shares in JENSEN.items():
        assert of("jensen", "male", age=age)["thigh"].mass == pytest.approx(shares["thigh"] / 100 * 62.0)
    nine = of("jensen", "male", age=9.0)
    assert nine["shank"].mass == pytest.approx((4.6 + 5.3) / 200 * 62.0)
    old, young = of("elderly", "male"), of("de_leva", "male")
    assert old["thigh"].mass < 0.75 * young["thigh"].mass


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"table": "dempster"}, "winter"),
        ({"table": "winter", "mass": -3.0}, "above zero"),
        ({"table": "de_leva", "height": float("nan")}, "above zero"),
        ({"table": "de_leva", "mass": float("inf")}, "above zero"),
        ({"table": "jensen", "age": float("nan")}, "6 to 18"),
        ({"table": "jensen", "age": 40.0}, "6 to 18"),
    ],
)
def test_nobodys_numbers_are_refused(arguments, word):
    with pytest.raises(ModelMismatch, match=word):
        of(**arguments)


@pytest.mark.parametrize("table", TABLES)
def test_calcn_and_toes_are_the_foot(table):
    """Splitting the foot changes neither its mass nor its mass centre nor its inertia."""
    height, foot = 1.66, of(table)["foot"]
    parts = foot_parts(foot, height)
    places = {"calcn": np.zeros(3), "toes": np.array(TOE_JOINT) * height}
    centres = {name: places[name] + part.centre_of_mass for name, part in parts.items()}
    assert sum(part.mass for part in parts.values()) == pytest.approx(foot.mass, rel=1e-12)
    centre = sum(part.mass * centres[name] for name, part in parts.items()) / foot.mass
    np.testing.assert_allclose(centre, foot.centre_of_mass, atol=1e-12)
    whole = np.zeros((3, 3))
    for name, part in parts.items():
        offset = centres[name] - centre
        whole += tensor(part) + part.mass * (offset @ offset * np.eye(3) - np.outer(offset, offset))
        assert is_possible(part)
    np.testing.assert_allclose(whole, tensor(foot), atol=1e-12)
