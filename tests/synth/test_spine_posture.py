"""Virtual spines stand, have the curves that they were drawn with, and are the same people in any piece of a run."""

from __future__ import annotations

import numpy as np
import pytest

from synth.spine.spine_person import KYPHOSIS, TRAITS, draw_spine_person
from synth.spine.spine_posture import posture_angles, posture_table
from synth.spine.spine_skeleton import LENGTH_SHARES, LEVELS, TRUNK_SHARE, link_tops

PLAIN = {name: 0.0 for name in TRAITS} | {"apex": 0.62, "width": 0.17}


def test_a_spine_without_curves_stands_upright_and_a_lean_moves_its_top():
    assert np.allclose(posture_angles(PLAIN, 1.7), 0.0)
    assert np.allclose(link_tops(np.zeros((18, 3)), 1.7)[-1], [0.0, TRUNK_SHARE * 1.7, 0.0])
    leaning = posture_angles(PLAIN | {"lean": 0.1}, 1.7)
    assert link_tops(leaning, 1.7)[-1, 0] == pytest.approx(TRUNK_SHARE * 1.7 * np.sin(0.1))


def test_the_angles_hold_the_lordosis_and_the_kyphosis_and_their_mean_is_the_lean():
    angles = posture_angles(PLAIN | {"lordosis": 0.5, "kyphosis": 0.8, "lean": 0.03}, 1.7)[:, 0]
    top_of_lumbar = LEVELS.index("L1")
    assert angles[0] - angles[top_of_lumbar] == pytest.approx(0.5)
    assert angles[-1] - angles[top_of_lumbar] == pytest.approx(0.8)
    assert LENGTH_SHARES @ angles == pytest.approx(0.03)


def test_a_lateral_curve_goes_the_way_its_amplitude_says_and_comes_back():
    angles = posture_angles(PLAIN | {"thoracic_curve": 0.02}, 1.7)
    side = link_tops(angles, 1.7)[:, 2]
    assert side.max() == pytest.approx(0.02, rel=0.1)
    assert abs(side[-1]) < 0.002


def test_people_are_the_same_in_any_piece_of_a_run():
    whole, facts = posture_table(6, 2, 3)
    pieces = [posture_table(3, 2, 3, first=first) for first in (0, 3)]
    assert np.array_equal(whole, np.concatenate([angles for angles, _ in pieces]))
    assert facts.person.tolist() == [code for _, f in pieces for code in f.person]
    assert not np.array_equal(whole, posture_table(6, 2, 4)[0])


def test_curves_lie_about_the_published_means_and_vary_less_within_a_person():
    angles, facts = posture_table(400, 2, 5)
    kyphosis = angles[:, -1, 0] - angles[:, LEVELS.index("L1"), 0]
    for sex, (mean, sd) in KYPHOSIS.items():
        of_sex = kyphosis[(facts.sex == sex).to_numpy()]
        assert of_sex.mean() == pytest.approx(mean, abs=0.35 * sd)
        assert 0.9 * sd < of_sex.std() < 1.6 * sd
    pairs = angles.reshape(400, 2, 18, 3)
    within = np.abs(pairs[:, 0] - pairs[:, 1]).mean()
    between = np.abs(pairs[:-1, 0] - pairs[1:, 0]).mean()
    assert within < 0.5 * between


def test_severity_bends_everybody_sideways_only():
    mild, severe = (draw_spine_person(1, 7, severity=s) for s in (1.0, 5.0))
    assert severe.traits["lumbar_curve"] == pytest.approx(5.0 * mild.traits["lumbar_curve"])
    assert severe.traits["kyphosis"] == mild.traits["kyphosis"]
