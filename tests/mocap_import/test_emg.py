"""EMG envelopes: the amplitude of a known burst comes back, in time, and nothing crosses a gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.emg import emg_band, emg_envelope, trial_envelopes
from mocap_import.trial_reader import read_trial

RATE = 1000.0
TIME = np.arange(4000) / RATE


def tone(frequency, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * TIME)


def gain(frequency):
    """Steady amplitude of the envelope of a tone, relative to a tone in the middle of the band."""
    inner = slice(1000, 3000)
    return np.mean(emg_envelope(tone(frequency), RATE, normalise="none")[inner]) / (2 / np.pi)


def test_the_envelope_of_a_tone_in_the_band_is_its_mean_rectified_value():
    assert gain(130.0) == pytest.approx(1.0, abs=0.01)


def test_both_edges_let_through_one_over_root_two():
    assert gain(20.0) == pytest.approx(2**-0.5, abs=0.01)
    assert gain(450.0) == pytest.approx(2**-0.5, abs=0.02)


def test_offset_drift_and_movement_artefact_vanish():
    quiet = emg_envelope(5.0 + TIME + tone(2.0), RATE, normalise="none")
    assert quiet[200:-200].max() < 2e-3  # 1 V at 2 Hz: at least 24 dB/octave below 20 Hz leaves 1e-4 of it


def test_a_burst_is_not_shifted_in_time():
    burst = np.exp(-(((TIME - 2.0) / 0.15) ** 2))
    envelope = emg_envelope(np.random.default_rng(1).normal(size=len(TIME)) * burst, RATE)
    centre = (TIME * envelope).sum() / envelope.sum()
    assert centre == pytest.approx(2.0, abs=0.02)
    assert envelope.max() == 1.0
    assert envelope.min() >= 0.0


def test_a_gap_stays_a_gap_and_changes_nothing_beyond_it():
    signal = tone(100.0)
    broken = signal.copy()
    broken[1500:1600] = np.nan
    envelope = emg_envelope(broken, RATE, normalise="none")
    assert np.isnan(envelope[1500:1600]).all()
    assert np.isfinite(np.delete(envelope, np.s_[1500:1600])).all()
    alone = emg_envelope(signal[:1500], RATE, normalise="none")
    assert np.array_equal(envelope[:1500], alone)
    two = emg_envelope(np.stack([broken, signal], axis=1), RATE, normalise="none")
    assert np.array_equal(two[:, 1], emg_envelope(signal, RATE, normalise="none"))


@pytest.mark.parametrize(("how", "measure"), [("peak", np.max), ("mean", np.mean)])
def test_normalisation_does_what_its_name_says(how, measure):
    both = np.stack([tone(90.0, 3e-4), np.zeros(len(TIME))], axis=1)
    envelope = emg_envelope(both, RATE, normalise=how)
    assert measure(envelope[:, 0]) == pytest.approx(1.0)
    assert not envelope[:, 1].any()  # a silent channel stays zero instead of becoming NaN


def test_the_band_gives_way_to_the_rate_and_says_so():
    assert emg_band(1000.0) == ((20.0, 450.0), [])
    band, notes = emg_band(400.0)
    assert band == (20.0, 190.0)
    assert [note.what for note in notes] == ["emg_band_limited"]
    with pytest.raises(ValueError, match="at least 84 Hz"):
        emg_band(60.0)
    with pytest.raises(ValueError, match="rise"):
        emg_band(1000.0, (450.0, 20.0))
    with pytest.raises(ValueError, match="normalise must be one of"):
        emg_envelope(tone(90.0), RATE, normalise="mvc")


def test_envelopes_of_a_trial_cover_its_emg_and_no_other_channel(walker):
    trial = replace(
        walker(duration=2.0).trial,
        analog={"L Tib Ant": tone(80.0)[:2000], "R Gast": np.zeros(2000), "Sync": np.ones(2000)},
        analog_units={"L Tib Ant": "V", "R Gast": "V", "Sync": "V"},
        analog_rate=RATE,
    )
    envelopes, notes = trial_envelopes(trial)
    assert list(envelopes) == ["L Tib Ant", "R Gast"]
    assert {len(values) for values in envelopes.values()} == {2000}
    assert [note.what for note in notes] == ["emg_silent"]
    at_frames, _ = trial_envelopes(trial, at_frames=True)
    assert at_frames["L Tib Ant"] == pytest.approx(envelopes["L Tib Ant"][::10])
    slow, notes = trial_envelopes(replace(trial, analog_rate=50.0))
    assert (slow, [note.what for note in notes]) == ({}, ["emg_not_enveloped"])
    assert trial_envelopes(walker(duration=2.0).trial) == ({}, [])


def test_a_channel_whose_first_sample_is_missing_is_not_silent(walker):
    values = tone(80.0)[:2000].copy()
    values[0] = np.nan
    trial = replace(
        walker(duration=2.0).trial,
        analog={"L Tib Ant": values, "R Tib Ant": np.full(2000, np.nan)},
        analog_units={"L Tib Ant": "V", "R Tib Ant": "V"},
        analog_rate=RATE,
    )
    (note,) = trial_envelopes(trial)[1]
    assert note.what == "emg_silent"
    assert "R Tib Ant" in note.detail
    assert "L Tib Ant" not in note.detail


def test_tibialis_works_in_swing_and_gastrocnemius_in_stance(data_dir):
    """The best known fact of gait EMG (Winter 2009, ch. 11) comes out of a real recording."""
    trial = read_trial(data_dir / "mcgill_walk_youth/HC002D/Straight/HC002D06.c3d")
    envelopes, _ = trial_envelopes(trial)
    stance = np.zeros(len(envelopes["Voltage.R Gast"]), dtype=bool)
    known = stance.copy()
    strikes = [e.time for e in trial.events if e.foot == "right" and e.kind == "foot_strike"]
    offs = [e.time for e in trial.events if e.foot == "right" and e.kind == "foot_off"]
    time = np.arange(len(stance)) / trial.analog_rate
    for start in strikes:
        off = min((moment for moment in offs if moment > start), default=None)
        if off is not None:
            # Push-off belongs to mid and late stance; the loading response is tibialis' again.
            stance |= (time > start + 0.4 * (off - start)) & (time < off - 0.05)
    known = (time > strikes[0]) & (time < strikes[-1])
    swing = known.copy()
    for start in strikes:
        off = min((moment for moment in offs if moment > start), default=np.inf)
        swing &= ~((time >= start) & (time <= off))
    gastrocnemius, tibialis = envelopes["Voltage.R Gast"], envelopes["Voltage.R Tib Ant"]
    assert gastrocnemius[stance & known].mean() > 2 * gastrocnemius[swing].mean()
    assert tibialis[swing].mean() > 1.5 * tibialis[stance & known].mean()
