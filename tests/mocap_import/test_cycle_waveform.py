"""Cycle waveforms: 101 points of any signal at any rate; a gap costs its own points and no others."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.event.cycle_waveform import cycle_waveforms

CYCLES = [(0.213, 1.25), (1.25, 2.31)]


def _signal(time):
    return np.stack([np.sin(2 * np.pi * 1.3 * time), time**2, np.cos(9 * time)], axis=-1)


@pytest.mark.parametrize("rate", [69.993, 100.0, 300.0, 1000.0])
def test_waveforms_are_the_signal_at_a_hundred_and_one_instants(rate):
    values = _signal(np.arange(round(3 * rate)) / rate)
    found = cycle_waveforms(values, rate, CYCLES)
    assert found.shape == (2, 101, 3)
    for waves, (start, end) in zip(found, CYCLES, strict=True):
        np.testing.assert_allclose(waves, _signal(np.linspace(start, end, 101)), atol=3e-5 * (100 / rate) ** 3 + 1e-9)


def test_two_rates_of_one_signal_give_one_waveform():
    slow, fast = (cycle_waveforms(_signal(np.arange(round(3 * r)) / r), r, CYCLES) for r in (100.0, 1000.0))
    np.testing.assert_allclose(slow, fast, atol=2e-5)


def test_shape_of_markers_and_of_a_single_channel():
    values = np.zeros((300, 7, 3))
    assert cycle_waveforms(values, 100.0, CYCLES).shape == (2, 101, 7, 3)
    assert cycle_waveforms(values[:, 0, 0], 100.0, CYCLES, n_points=51).shape == (2, 51)
    assert cycle_waveforms(values, 100.0, []).shape == (0, 101, 7, 3)


def test_a_gap_costs_the_points_beside_it_and_no_other_column():
    values = _signal(np.arange(300) / 100.0)
    values[60:70, 0] = np.nan
    found = cycle_waveforms(values, 100.0, CYCLES)
    at = np.linspace(*CYCLES[0], 101) * 100.0
    np.testing.assert_array_equal(np.isnan(found[0, :, 0]), (at > 59) & (at < 70))
    assert np.isfinite(found[:, :, 1:]).all()
    assert np.isfinite(found[1]).all()
    whole = cycle_waveforms(_signal(np.arange(300) / 100.0), 100.0, CYCLES)
    np.testing.assert_array_equal(found[:, :, 1:], whole[:, :, 1:])


def test_beyond_the_record_is_unknown_and_the_last_sample_is_not():
    values = np.arange(201.0)
    found = cycle_waveforms(values, 100.0, [(1.0, 2.0), (1.5, 2.5)])
    assert found[0, -1] == pytest.approx(200.0)
    assert np.isnan(found[1, 51:]).all()
    assert np.isfinite(found[1, :51]).all()


@pytest.mark.parametrize("wrong", [{"n_points": 1}, {"rate": 0.0}, {"cycles": [(1.0, 1.0)]}])
def test_impossible_requests_say_what_they_expect(wrong):
    given = {"rate": 100.0, "cycles": CYCLES, **wrong}
    with pytest.raises(ValueError, match=r"expected|must end after"):
        cycle_waveforms(np.zeros(300), **given)
