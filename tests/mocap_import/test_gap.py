"""Gaps: short ones are bridged, rigid segments stand in, long ones stay empty and are named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.gap import fill_gaps, find_gaps

RATE = 100.0
LABELS = ("A", "B", "C", "D", "E")
SEGMENT = {"femur_r": ("A", "B", "C", "D")}


@pytest.fixture
def moving():
    """Four markers of a rigid body on a screw path, a fifth on its own (200, 5, 3)."""
    time = np.arange(200) / RATE
    local = np.array([[0.1, 0, 0], [0, 0.12, 0], [0, 0, 0.09], [-0.05, -0.04, 0.02]])
    turn = Rotation.from_rotvec(np.outer(3.0 * time, [0.6, 0.0, 0.8])).as_matrix()
    body = np.einsum("nij,mj->nmi", turn, local) + (np.outer(time, [1.2, 0.1, 0.3]))[:, None]
    alone = np.stack([np.sin(5 * time), np.cos(4 * time), time], axis=1)[:, None]
    return np.concatenate([body, alone], axis=1)


def test_a_short_gap_of_a_lone_marker_is_bridged_by_a_spline(moving):
    holed = moving.copy()
    holed[50:57, 4] = np.nan
    filled_positions, filled, notes = fill_gaps(holed, LABELS, SEGMENT, RATE)
    np.testing.assert_allclose(filled_positions, moving, atol=2e-4)
    assert filled.sum() == 7
    assert filled[50:57, 4].all()
    assert [note.what for note in notes] == ["gap_filled"]
    assert np.isnan(holed[50:57, 4]).all()  # the input is never written to


def test_a_long_gap_is_filled_exactly_from_a_rigid_segment(moving):
    holed = moving.copy()
    holed[40:140, 1] = np.nan
    filled_positions, filled, _ = fill_gaps(holed, LABELS, SEGMENT, RATE)
    np.testing.assert_allclose(filled_positions, moving, atol=1e-10)
    assert filled.sum() == 100


def test_a_rigid_segment_fills_even_at_the_end_of_a_trial(moving):
    holed = moving.copy()
    holed[150:, 2] = np.nan
    filled_positions, _, _ = fill_gaps(holed, LABELS, SEGMENT, RATE)
    np.testing.assert_allclose(filled_positions, moving, atol=1e-10)


def test_long_gaps_without_company_stay_empty_and_are_named(moving):
    holed = moving.copy()
    holed[40:100, 4] = np.nan
    holed[:30, 0] = np.nan
    holed[:30, 1] = np.nan  # two companions are not enough
    filled_positions, filled, notes = fill_gaps(holed, LABELS, SEGMENT, RATE)
    assert not filled.any()
    np.testing.assert_array_equal(np.isnan(filled_positions), np.isnan(holed))
    assert notes[0].what == "gap_left"
    for words in ("E 0.60 s", "A 0.30 s", "B 0.30 s"):
        assert words in notes[0].detail


def test_nothing_is_extrapolated(moving):
    holed = moving.copy()
    holed[:5, 4] = np.nan
    holed[-5:, 4] = np.nan
    filled_positions, filled, _ = fill_gaps(holed, LABELS, SEGMENT, RATE)
    assert not filled.any()
    assert np.isnan(filled_positions[:5, 4]).all()


def test_one_missing_sample_changes_only_that_sample(moving):
    holed = moving.copy()
    holed[77, 4] = np.nan
    filled_positions, filled, _ = fill_gaps(holed, LABELS, SEGMENT, RATE)
    changed = (filled_positions != moving).any(axis=2)
    assert np.argwhere(changed).tolist() == [[77, 4]] == np.argwhere(filled).tolist()


def test_gaps_are_listed_with_their_frames(moving):
    holed = moving.copy()
    holed[:3, 0] = holed[10:12, 0] = np.nan
    assert [(gap.marker, gap.start, gap.stop) for gap in find_gaps(holed)] == [(0, 0, 3), (0, 10, 12)]


def test_a_trial_without_gaps_is_returned_unchanged(moving):
    filled_positions, filled, notes = fill_gaps(moving, LABELS, {}, RATE)
    np.testing.assert_array_equal(filled_positions, moving)
    assert not filled.any()
    assert notes == []
