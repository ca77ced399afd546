"""Phase runs from strike to strike; a time-normalised waveform placed back is the waveform."""

from types import SimpleNamespace

import numpy as np
import pytest

from mocap_import.trial import GaitEvent
from training.gait_phase import cycle_phase, labelled_runs, place_waveform, time_normalise

RATE = 100.0


def trial(strikes, n_frames=400, foot="right", **stated):
    """A trial of which only the time base, the events and a stated stride time matter."""
    events = tuple(GaitEvent(time, foot, "foot_strike", "file") for time in strikes)
    return SimpleNamespace(n_frames=n_frames, rate=RATE, events=events, spatiotemporal=stated)


def span(start, stop, n_frames=400):
    has_label = np.zeros(n_frames, dtype=bool)
    has_label[start:stop] = True
    return has_label


def test_runs_are_the_unbroken_stretches():
    has_label = span(3, 6, 10) | span(8, 10, 10)
    assert labelled_runs(has_label) == [slice(3, 6), slice(8, 10)]
    assert labelled_runs(np.zeros(5, dtype=bool)) == []


def test_phase_is_zero_at_every_strike_and_grows_linearly():
    phase = cycle_phase(trial([1.0, 2.1, 3.1]), span(100, 310))
    assert phase[100] == pytest.approx(0)
    assert phase[155] == pytest.approx(0.5)
    assert phase[210] == pytest.approx(0, abs=1e-12)
    assert phase[260] == pytest.approx(0.5)
    assert np.isnan(phase[:100]).all()
    assert np.isnan(phase[310:]).all()


def test_one_cycle_without_its_closing_strike_lasts_as_long_as_its_labels():
    phase = cycle_phase(trial([1.0]), span(100, 200))
    np.testing.assert_allclose(phase[100:200], np.arange(100) / 100, atol=1e-9)
    np.testing.assert_allclose(cycle_phase(trial([]), span(100, 200))[100:200], np.arange(100) / 100, atol=1e-9)


def test_cycles_begin_where_the_laboratory_saw_the_strike_unless_told_the_truth():
    """The solved contact is 30 ms after the measured strike: phase 0 stays at the start of the labels."""
    solved = trial([1.03, 2.13])
    measured = cycle_phase(solved, span(100, 320))
    assert np.nanmax(measured) < 1.0
    np.testing.assert_allclose(np.sin(2 * np.pi * measured[[100, 210]]), 0, atol=1e-9)
    assert np.sin(2 * np.pi * cycle_phase(solved, span(100, 320), timing="truth")[103]) == pytest.approx(0, abs=1e-9)
    assert cycle_phase(solved, span(100, 320), timing="truth")[100] > 0.9


@pytest.mark.parametrize("strikes", [[1.0, 3.0], [2.0, 2.002], [1.001, 2.0, 2.001, 2.999]])
def test_a_strike_twice_or_missing_at_the_seam_of_two_cycles_changes_nothing(strikes):
    """Two cycles solved apart meet at 2.0 s, where the strike may be counted twice or not at all."""
    phase = cycle_phase(trial(strikes, stride_time_r=1.0), span(100, 300))
    np.testing.assert_allclose(
        np.exp(2j * np.pi * phase[100:300]), np.exp(2j * np.pi * np.arange(200) / 100), atol=0.02
    )


def test_a_left_cycle_inside_right_labels_wraps_around():
    phase = cycle_phase(trial([1.5], foot="left"), span(100, 200), "left")
    assert phase[150] == pytest.approx(0)
    assert phase[149] == pytest.approx(0.99)
    assert phase[100] == pytest.approx(0.5)


def test_a_periodic_waveform_survives_normalising_and_placing():
    phase = cycle_phase(trial([0.5, 1.6, 2.7, 3.8]), span(50, 380))
    values = np.column_stack([np.sin(2 * np.pi * phase), np.cos(4 * np.pi * phase)])
    normalised = time_normalise(values, phase)
    grid = 2 * np.pi * np.linspace(0, 1, 101)
    np.testing.assert_allclose(normalised, np.column_stack([np.sin(grid), np.cos(2 * grid)]), atol=5e-3)
    np.testing.assert_allclose(normalised[0], normalised[-1], atol=1e-12)
    placed = place_waveform(normalised, phase)
    np.testing.assert_allclose(placed[50:380], values[50:380], atol=1e-2)
    assert np.isnan(placed[:50]).all()


def test_too_few_frames_are_no_waveform():
    values = np.full((400, 1), np.nan)
    values[100:103] = 1.0
    assert np.isnan(time_normalise(values, cycle_phase(trial([1.0, 2.0]), span(100, 200)))).all()
