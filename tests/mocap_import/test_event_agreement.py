"""Event agreement: pairs of sources, with what one of them lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.event.agreement import agreement_table, compare, event_agreement
from mocap_import.event.marker_event import DETECTORS
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial_reader import read_trial

PLUG_IN_GAIT = load_marker_set("plug_in_gait")


def test_events_pair_with_their_nearest_and_the_rest_is_missed_or_extra():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    b = np.array([1.01, 2.5, 2.98, 3.04, 4.1])
    apart, missed, extra = compare(a, b)
    np.testing.assert_allclose(apart, [0.01, -0.02, 0.1], atol=1e-12)
    assert (missed, extra) == (1, 2)


def test_a_plate_that_sees_one_stance_makes_no_extras_elsewhere():
    apart, missed, extra = compare(np.array([2.0]), np.array([1.0, 2.01, 3.0]), [2.0, 2.6])
    assert len(apart) == 1
    assert (missed, extra) == (0, 0)


@pytest.mark.parametrize("a, b, missed, extra", [([], [1.0], 0, 1), ([1.0], [], 1, 0), ([], [], 0, 0)])
def test_nothing_on_one_side(a, b, missed, extra):
    assert compare(np.array(a), np.array(b))[1:] == (missed, extra)


def test_sources_of_an_analytic_walk_agree_pair_by_pair(walker):
    made = walker(duration=5.0)
    table = agreement_table(event_agreement(made.trial, PLUG_IN_GAIT))
    assert set(table.source_a) | set(table.source_b) >= {"file", "force", "markers", *DETECTORS} - {"hreljac"}
    force = table[(table.source_a == "file") & (table.source_b == "force")]
    assert len(force) == 4
    assert (force.median_abs_ms < 4.0).all()  # the load's ramp passes 20 N 2.9 ms after the strike
    assert (force.n_extra == 0).all()
    # The walker's plates feel one stance of each foot.
    strikes = [e for e in made.trial.events if (e.foot, e.kind) == ("right", "foot_strike")]
    right = force[(force.foot == "right") & (force.kind == "foot_strike")].iloc[0]
    assert right.n_missed == len(strikes) - 1


def test_a_shifted_source_shows_its_bias_and_sign(walker):
    trial = walker(duration=5.0).trial
    late = replace(trial, events=tuple(replace(event, time=event.time + 0.03) for event in trial.events))
    first, second = (
        {
            (pair.foot, pair.kind): np.median(pair.differences)
            for pair in event_agreement(t, PLUG_IN_GAIT)
            if (pair.source_a, pair.source_b) == ("file", "force")
        }
        for t in (trial, late)
    )
    for key in first:
        assert second[key] - first[key] == pytest.approx(-0.03, abs=1e-9)


def test_file_force_and_markers_of_a_real_walk_agree(data_dir):
    trial = read_trial(data_dir / "mcgill_walk_youth" / "HC030A" / "Straight" / "HC030A05.c3d")
    pairs = event_agreement(trial, load_marker_set(trial.marker_set).for_labels(trial.labels))
    for names, limit in ((("file", "force"), 0.02), (("force", "markers"), 0.03), (("file", "markers"), 0.04)):
        apart = np.concatenate([p.differences for p in pairs if (p.source_a, p.source_b) == names])
        assert len(apart) >= 4
        assert np.abs(apart).max() < limit, names


def test_a_standing_trial_and_an_unknown_set_have_nothing_to_compare(walker):
    trial = replace(walker().trial, events=())
    assert event_agreement(replace(trial, task="static"), PLUG_IN_GAIT) == ()
    assert event_agreement(trial, None) == ()
    assert list(agreement_table(()).columns)[:4] == ["source_a", "source_b", "foot", "kind"]
