"""Twins of drawn walks differ in the segments beyond the altered joint, in its phase, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synth.cycle_record import N_CHANNELS, N_SAMPLES, cycle_record, part_of_each, part_sizes
from synth.imu.error_recipe import ImuErrors
from synth.optimal_control.gait.altered_gait import (
    ALTERATIONS,
    SENSORS,
    UNALTERED,
    bump,
    draw_altered_gait,
)

NAMES = [placement.sensor for placement in SENSORS]
BEYOND = {
    "stiff_knee": {"shank", "foot"},
    "weak_push_off": {"foot"},
    "short_hip": {"thigh", "shank", "foot"},
    "trunk_sway": {"trunk"},
}


@pytest.fixture(scope="module")
def walker():
    return draw_altered_gait(3, 5)


@pytest.mark.parametrize("name", sorted(ALTERATIONS))
@pytest.mark.parametrize("side", ["r", "l"])
def test_an_alteration_moves_what_lies_beyond_its_joint_in_its_phase_alone(walker, name, side):
    what = ALTERATIONS[name]
    altered = replace(walker, alteration=name, side=side if what.is_sided else "", severity=1.0)
    change = cycle_record(altered.trial(), SENSORS) - cycle_record(altered.without.trial(), SENSORS)
    by_sensor = np.abs(change).reshape(N_SAMPLES, len(NAMES), N_CHANNELS).max(axis=2)
    sensors = {NAMES[k] for k in np.flatnonzero(by_sensor.max(axis=0) > 0.05)}
    assert sensors == {f"{segment}_{side}" if what.is_sided else segment for segment in BEYOND[name]}
    phase = np.arange(N_SAMPLES) / N_SAMPLES + 0.5 * (side == "l" and what.is_sided)
    outside = bump(phase, what) == 0
    near = np.mod(phase - what.begin, 1) > 0.97, np.mod(phase - what.end, 1) < 0.03
    assert by_sensor[outside & ~near[0] & ~near[1]].max() < 0.02 * by_sensor.max()


def test_a_walk_is_periodic_and_a_pure_function_of_seed_and_number(walker):
    again = draw_altered_gait(3, 5)
    np.testing.assert_array_equal(walker.coordinates(np.arange(5) / 5), again.coordinates(np.arange(5) / 5))
    ends = walker.coordinates(np.array([0.0, 1.0]))
    np.testing.assert_allclose(ends[1, 2:], ends[0, 2:], atol=1e-9)
    assert ends[1, 0] - ends[0, 0] + ends[1, 1] - ends[0, 1] == pytest.approx(walker.speed * walker.duration, abs=0.05)


def test_everybody_has_a_twin_and_kinds_and_sides_are_equally_frequent():
    drawn = [draw_altered_gait(1, k, healthy=0.25) for k in range(400)]
    kinds, counts = np.unique([g.alteration for g in drawn], return_counts=True)
    assert set(kinds) == {UNALTERED, *ALTERATIONS}
    assert counts.min() > 0.15 * len(drawn)
    sides = [g.side for g in drawn if g.alteration == "stiff_knee"]
    assert 0.3 < np.mean([s == "r" for s in sides]) < 0.7
    assert all((g.severity > 0) == (g.alteration != UNALTERED) for g in drawn)
    assert all(g.without.alteration == UNALTERED and g.without.style is g.style for g in drawn)


def test_errors_are_those_of_the_recipe_and_clean_records_have_none(walker):
    clean, same = (cycle_record(walker.trial(), SENSORS) for _ in range(2))
    np.testing.assert_array_equal(clean, same)
    noisy = cycle_record(walker.trial(), SENSORS, ImuErrors(0.05, 6.0, 3))
    assert 0 < np.abs(noisy - clean).mean() < 0.3 * np.abs(clean).mean()


def test_parts_cover_a_record_and_sizes_are_root_sums_of_squares():
    parts = part_of_each(len(NAMES), 10)
    assert parts.shape == (N_SAMPLES, N_CHANNELS * len(NAMES))
    assert np.bincount(parts.ravel()).tolist() == [N_SAMPLES // 10 * N_CHANNELS] * 10 * len(NAMES)
    change = np.zeros((1, *parts.shape))
    change[0, 7, 6 * 2 + 1], change[0, 8, 6 * 2 + 4] = 3.0, 4.0
    found = part_sizes(change, parts)[0]
    assert found[2 * 10 + 1] == pytest.approx(5.0)
    assert found.sum() == pytest.approx(5.0)
