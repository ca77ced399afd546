"""Gaps: filled by what suits them, joined to the measured samples, with an uncertainty; or left empty and named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap_import.gap.filling import FILL_METHODS, LONGEST_GAP, fill_gaps, find_gaps
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial_reader import read_trial

RATE = 100.0
LABELS = ("A", "B", "C", "D", "E")
SEGMENT = {"femur_r": ("A", "B", "C", "D")}
TIME = np.arange(300) / RATE


def screw(n_frames=300):
    """Four markers of a rigid body on a screw path, a fifth on its own (n_frames, 5, 3)."""
    time = np.arange(n_frames) / RATE
    local = np.array([[0.1, 0, 0], [0, 0.12, 0], [0, 0, 0.09], [-0.05, -0.04, 0.02]])
    turn = Rotation.from_rotvec(np.outer(3.0 * time, [0.6, 0.0, 0.8])).as_matrix()
    body = np.einsum("nij,mj->nmi", turn, local) + (np.outer(time, [1.2, 0.1, 0.3]))[:, None]
    alone = np.stack([np.sin(5 * time), np.cos(4 * time), time], axis=1)[:, None]
    return np.concatenate([body, alone], axis=1)


@pytest.fixture
def moving():
    return screw()


def opened(positions, start, stop, *markers):
    """A copy with a gap."""
    holed = positions.copy()
    holed[start:stop, list(markers)] = np.nan
    return holed


def assert_masks_agree(holed, filling):
    """Filled ⇔ a method ⇔ a finite uncertainty above zero; measured samples are the input's, bit for bit."""
    seen = np.isfinite(holed).all(axis=2)
    np.testing.assert_array_equal(filling.positions[seen], holed[seen])
    np.testing.assert_array_equal(filling.filled, filling.method > 0)
    np.testing.assert_array_equal(filling.filled, ~seen & np.isfinite(filling.positions).all(axis=2))
    np.testing.assert_array_equal(filling.filled, np.nan_to_num(filling.uncertainty) > 0)
    assert (filling.uncertainty[seen] == 0).all()
    np.testing.assert_array_equal(np.isnan(filling.uncertainty), ~seen & ~filling.filled)
    assert filling.method.dtype == np.uint8
    assert filling.uncertainty.dtype == np.float32


@pytest.mark.parametrize("method", ["spline", "kalman"])
@pytest.mark.parametrize("power", [1, 2])
def test_lines_and_parabolas_are_bridged_exactly_by_spline_and_kalman(method, power):
    path = np.stack([TIME**power, 1 - 2 * TIME**power, 0.3 * TIME], axis=1)[:, None]
    filling = fill_gaps(opened(path, 100, 120, 0), ["A"], {}, RATE, method=method)
    np.testing.assert_allclose(filling.positions, path, atol=1e-9)
    assert set(filling.method[100:120, 0]) == {FILL_METHODS.index(method)}


@pytest.mark.parametrize("segments", [SEGMENT, {}], ids=["known set", "unknown set"])
@pytest.mark.parametrize("span", [(100, 200), (250, 300), (0, 60)], ids=["inside", "end", "beginning"])
def test_a_rigid_body_is_filled_exactly_even_at_the_edges(moving, segments, span):
    filling = fill_gaps(opened(moving, *span, 1), LABELS, segments, RATE, method="rigid")
    np.testing.assert_allclose(filling.positions, moving, atol=1e-9)
    assert set(filling.method[slice(*span), 1]) == {FILL_METHODS.index("rigid")}


def test_two_companions_and_the_orientation_beside_the_gap_carry_a_marker():
    turn = Rotation.from_rotvec(np.outer(0.7 * np.sin(4 * TIME), [0, 0, 1])).as_matrix()
    local = np.array([[0.0, 0.2, 0], [0.0, -0.2, 0], [0.08, 0.0, 0]])
    body = np.einsum("nij,mj->nmi", turn, local) + np.outer(TIME, [1.0, 0, 0])[:, None]
    filling = fill_gaps(opened(body, 120, 170, 2), "ABC", {}, RATE, method="rigid")
    np.testing.assert_allclose(filling.positions, body, atol=1e-9)


def test_low_rank_learns_how_markers_move_together_though_none_is_rigid():
    rng = np.random.default_rng(3)
    shape, one, two = rng.normal(size=(3, 8, 3))
    first, second = np.sin(11 * TIME)[:, None, None], np.cos(17 * TIME)[:, None, None]
    moved = shape + 0.15 * first * one + 0.1 * second * two
    moved = moved + np.outer(TIME, [1.2, 0, 0])[:, None]
    filling = fill_gaps(opened(moved, 140, 190, 2), "ABCDEFGH", {}, RATE)
    assert set(filling.method[140:190, 2]) == {FILL_METHODS.index("low_rank")}
    assert np.abs(filling.positions - moved).max() < 0.004
    rigid = fill_gaps(opened(moved, 140, 190, 2), "ABCDEFGH", {}, RATE, method="rigid")
    assert not rigid.filled.any()  # its own rehearsal says that it would be wrong by centimetres


def test_a_marker_on_its_own_is_bridged_by_its_own_motion(moving):
    holed = opened(moving, 100, 107, 4)
    filling = fill_gaps(holed, LABELS, SEGMENT, RATE)
    np.testing.assert_allclose(filling.positions, moving, atol=1e-4)
    assert filling.filled.sum() == 7
    assert [note.what for note in filling.treatments] == ["gap_filled"]
    assert np.isnan(holed[100:107, 4]).all()  # the input is never written to


def test_estimates_join_the_measured_samples(walker):
    trial = walker(duration=6.0).trial
    rng = np.random.default_rng(0)
    for length in (5, 25, 50):
        for marker in rng.choice(len(trial.labels), 6, replace=False):
            holed = opened(trial.positions, 200, 200 + length, marker)
            path = fill_gaps(holed, trial.labels, {}, RATE).positions[:, marker]
            jumps = np.linalg.norm(np.diff(path, n=2, axis=0), axis=1)[197 : 202 + length]
            usual = np.linalg.norm(np.diff(trial.positions[:, marker], n=2, axis=0), axis=1).max()
            assert jumps.max() < 1.5 * usual + 1e-4, (trial.labels[marker], length)


def test_the_uncertainty_grows_with_the_gap_and_towards_its_middle():
    rng = np.random.default_rng(5)
    alone = np.stack([np.sin(6 * TIME), np.cos(9 * TIME), TIME], axis=1)[:, None] + 1e-4 * rng.normal(size=(300, 1, 3))
    worst = []
    for length in (3, 6, 12, 20):
        sigma = fill_gaps(opened(alone, 150, 150 + length, 0), "A", {}, RATE, method="spline").uncertainty[:, 0]
        inside = sigma[150 : 150 + length]
        assert inside.argmax() not in (0, length - 1)
        worst.append(inside.max())
    assert np.all(np.diff(worst) > 0)


def test_nothing_is_extrapolated_without_companions(moving):
    alone = moving[:, 4:]
    holed = alone.copy()
    holed[:5] = holed[-5:] = np.nan
    filling = fill_gaps(holed, ["E"], {}, RATE)
    assert not filling.filled.any()
    assert "edge" in filling.treatments[0].detail or "no other marker" in filling.treatments[0].detail


def test_companions_fill_at_the_edge_up_to_one_second_only(moving):
    long = fill_gaps(opened(moving, 195, 300, 1), LABELS, SEGMENT, RATE)
    assert not long.filled.any()
    assert "edge" in long.treatments[0].detail
    assert fill_gaps(opened(moving, 205, 300, 1), LABELS, SEGMENT, RATE).filled.sum() == 95


def test_a_hidden_body_is_refused_and_named(moving):
    holed = opened(moving, 100, 180, 0, 1, 2, 3, 4)
    filling = fill_gaps(holed, LABELS, SEGMENT, RATE)
    assert not filling.filled.any()
    (note,) = filling.treatments
    assert note.what == "gap_left"
    for words in ("A 0.80 s", "E 0.80 s", "no other marker was seen"):
        assert words in note.detail


def test_what_would_be_too_uncertain_is_refused_with_the_number():
    rng = np.random.default_rng(1)
    wild = np.cumsum(rng.normal(size=(300, 1, 3)) * 0.02, axis=0)
    filling = fill_gaps(opened(wild, 100, 140, 0), "A", {}, RATE)
    assert not filling.filled.any()
    assert "uncertain by" in filling.treatments[0].detail


def test_limits_are_obeyed_per_method(moving):
    holed = opened(moving, 100, 130, 1)
    assert not fill_gaps(holed, LABELS, SEGMENT, RATE, longest_gap=0.25).filled.any()
    limits = {"low_rank": 0.1, "spline": 0.1, "kalman": 0.1}
    chosen = fill_gaps(holed, LABELS, SEGMENT, RATE, longest_gap=limits)
    assert set(chosen.method[100:130, 1]) == {FILL_METHODS.index("rigid")}
    assert set(LONGEST_GAP) == set(FILL_METHODS[1:])
    with pytest.raises(ValueError, match="spline, rigid"):
        fill_gaps(holed, LABELS, SEGMENT, RATE, method="linear")


def test_a_marker_never_seen_stays_untouched(moving):
    holed = opened(moving, 0, 300, 2)
    filling = fill_gaps(holed, LABELS, SEGMENT, RATE)
    assert np.isnan(filling.positions[:, 2]).all()
    assert filling.treatments == ()


def test_one_missing_sample_changes_only_that_sample(moving):
    filling = fill_gaps(opened(moving, 77, 78, 4), LABELS, SEGMENT, RATE)
    changed = (filling.positions != moving).any(axis=2)
    assert np.argwhere(changed).tolist() == [[77, 4]] == np.argwhere(filling.filled).tolist()


def test_frames_in_which_the_companions_hide_too_stay_empty(moving):
    body = moving[:, :4]
    holed = opened(opened(body, 100, 160, 3), 120, 130, 0, 1, 2)
    filling = fill_gaps(holed, LABELS[:4], SEGMENT, RATE, method="rigid")
    assert filling.filled[100:120, 3].all()
    assert not filling.filled[120:130, 3].any()
    assert "companions hidden too" in filling.treatments[-1].detail


def test_gaps_are_listed_with_their_frames(moving):
    holed = moving.copy()
    holed[:3, 0] = holed[10:12, 0] = np.nan
    assert [(gap.marker, gap.start, gap.stop) for gap in find_gaps(holed)] == [(0, 0, 3), (0, 10, 12)]


def test_a_trial_without_gaps_is_returned_itself(moving):
    filling = fill_gaps(moving, LABELS, {}, RATE)
    assert filling.positions is moving
    assert not filling.filled.any()
    assert not filling.uncertainty.any()
    assert filling.treatments == ()


@pytest.mark.parametrize("shape", [(0, 5, 3), (50, 0, 3)])
def test_empty_recordings_pass(shape):
    assert fill_gaps(np.zeros(shape), "ABCDE"[: shape[1]], {}, RATE).filled.shape == shape[:2]


def test_coincident_and_collinear_companions_never_yield_a_number_that_is_none():
    base = np.stack([np.sin(3 * TIME), TIME, np.cos(2 * TIME)], axis=1)
    line = base[:, None] + np.outer([0, 0, 0.1, 0.2, 0.3], [0, 1, 0])
    holed = opened(line, 100, 140, 4)
    assert_masks_agree(holed, fill_gaps(holed, LABELS, SEGMENT, RATE))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_is_hidden_measured_samples_stay_and_masks_agree(data):
    positions = screw(data.draw(st.integers(3, 120)))
    n_frames = len(positions)
    for _ in range(data.draw(st.integers(1, 12))):
        start = data.draw(st.integers(0, n_frames - 1))
        stop = data.draw(st.integers(start + 1, n_frames))
        markers = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5))
        positions[start:stop, markers] = np.nan
    holed = positions.copy()
    segments = data.draw(st.sampled_from([SEGMENT, {}]))
    filling = fill_gaps(positions, LABELS, segments, data.draw(st.sampled_from([25.0, 100.0, 1000.0])))
    np.testing.assert_array_equal(positions, holed)
    assert_masks_agree(holed, filling)
    again = fill_gaps(positions, LABELS, segments, RATE)
    np.testing.assert_array_equal(again.positions, fill_gaps(holed, LABELS, segments, RATE).positions)


def test_real_gaps_are_filled_with_masks_and_real_opened_gaps_beat_the_straight_line(data_dir):
    trial = read_trial(data_dir / "mcgill_walk_youth/HC036A/Straight/HC036A10.c3d")
    assert trial.filled.any()
    np.testing.assert_array_equal(trial.filled, trial.fill_method > 0)
    rng = np.random.default_rng(7)
    ours, line, scaled = [], [], []
    for _ in range(25):
        marker, start = int(rng.integers(len(trial.labels))), int(rng.integers(15, trial.n_frames - 40))
        if trial.filled[start - 2 : start + 27, marker].any():
            continue
        truth = trial.positions[start : start + 25, marker]
        filling = fill_gaps(opened(trial.positions, start, start + 25, marker), trial.labels, {}, trial.rate)
        assert filling.filled[start : start + 25, marker].all()
        error = filling.positions[start : start + 25, marker] - truth
        share = (np.arange(1, 26) / 26)[:, None]
        straight = (1 - share) * trial.positions[start - 1, marker] + share * trial.positions[start + 25, marker]
        ours.append((error**2).mean())
        line.append(((straight - truth) ** 2).mean())
        scaled.append(error / filling.uncertainty[start : start + 25, marker, None])
    assert np.sqrt(np.mean(ours)) < 0.1 * np.sqrt(np.mean(line))
    assert (np.abs(np.concatenate(scaled)) < 2).mean() > 0.85


def test_in_two_strides_the_postures_of_the_gap_decide_and_not_the_rehearsals_alone(data_dir):
    """Whole segments hidden for a quarter of a second: by the rehearsals alone, low rank wins and errs by 24 mm."""
    trial = read_trial(data_dir / "rbds_running" / "RBDS001" / "RBDS001runT25.c3d")
    segments = load_marker_set(trial.marker_set).for_labels(trial.labels).segments
    squares = []
    for start in (850, 2450):
        true = trial.positions[start : start + 195]
        for group in segments.values():
            markers = [trial.labels.index(label) for label in group]
            filling = fill_gaps(opened(true, 80, 117, *markers), trial.labels, segments, trial.rate)
            apart = filling.positions[80:117, markers] - true[80:117, markers]
            squares.append(np.nanmean((apart**2).sum(axis=2)))
    assert np.sqrt(np.mean(squares)) < 0.022
