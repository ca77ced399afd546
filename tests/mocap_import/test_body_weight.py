"""Body weight: plates weigh a standing or treadmill subject to the newton, and 2 % away from the mass is reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.quality.body_weight import check_weight, mean_vertical_force, standing_mass, step_peaks
from mocap_import.subject import STANDARD_GRAVITY, Subject
from mocap_import.trial import PlateStep
from mocap_import.trial_reader import read_trial


def _standing(made, shares=(0.55, 0.45), mass=70.0, offset=0.0):
    n = len(made.trial.ground_reactions[0].force)
    sway = 5.0 * np.sin(np.arange(n) / 700)
    reactions = [
        replace(r, force=np.stack([0 * sway, share * mass * STANDARD_GRAVITY + sign * sway, 0 * sway], axis=1))
        for r, share, sign in zip(made.trial.ground_reactions, shares, (1, -1), strict=True)
    ]
    silent = replace(reactions[0], force=np.full((n, 3), offset), name="plate 3")
    return replace(made.trial, task="static", ground_reactions=(*reactions, silent))


@pytest.mark.parametrize("mass", [12.0, 70.0, 140.0])
def test_standing_on_two_plates_weighs_the_mass_and_a_silent_plate_s_offset_counts_nothing(mass, walker):
    trial = _standing(walker(), mass=mass, offset=12.0)
    assert mean_vertical_force(trial) == pytest.approx(mass * STANDARD_GRAVITY, abs=0.5)


def test_standing_mass_is_the_mass(walker):
    assert standing_mass(_standing(walker(), mass=63.0)) == pytest.approx(63.0, rel=1e-3)


def test_a_walk_on_a_belt_weighs_the_mass_over_whole_cycles(walker):
    made = walker(treadmill=True, duration=6.0)
    cycles = mean_vertical_force(made.trial)
    whole = made.trial.ground_reactions[0].force[200:5200, 1].mean()
    assert cycles == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize(("factor", "flagged"), [(1.0, False), (1.015, False), (1.025, True), (0.97, True)])
def test_more_than_two_per_cent_is_flagged(factor, flagged, walker):
    trial = _standing(walker(), mass=70.0 * factor)
    assert ([note.what for note in check_weight(trial)] == ["weight_differs"]) is flagged


def _cause(trial, marker_set=None):
    (note,) = check_weight(trial, marker_set)
    return note.detail


@pytest.mark.parametrize(("stated", "unit"), [(154.3, "pounds"), (686.5, "newtons")])
def test_a_mass_in_another_unit_is_told_by_its_factor(stated, unit, walker):
    trial = _standing(walker(), mass=70.0)
    detail = _cause(replace(trial, subject=replace(trial.subject, mass=stated)))
    assert f"{stated:.0f} looks like {unit}, not kg" in detail


@pytest.mark.parametrize(("shift", "beside"), [(0.0, False), (0.2, True)])
def test_toes_beside_the_plates_are_named_if_weight_is_missing(shift, beside, walker, plate_builder):
    made = walker()
    trial = _standing(made, mass=66.0)
    still = np.repeat(made.trial.positions[:1], made.trial.n_frames, axis=0)
    corners = {}
    for side in "RL":
        heel = still[0, made.trial.labels.index(f"{side}HEE")]
        corners[side] = plate_builder(heel + np.array([0.1 - shift * (side == "R"), 0, 0]), 0.5, 0.1).corners
    reactions = [replace(r, corners=corners[side]) for r, side in zip(trial.ground_reactions, "RL", strict=False)]
    trial = replace(trial, positions=still, ground_reactions=(*reactions, trial.ground_reactions[2]))
    # Toe marker 20 cm before the heel, toes 5 cm before it, edge 35 cm before the heel, or 15.
    plug_in_gait = load_marker_set("plug_in_gait")
    assert ("the right toes stand 10 cm beside the plates" in _cause(trial, plug_in_gait)) is beside
    assert "left" not in _cause(trial, plug_in_gait)
    heavy = replace(trial, subject=replace(trial.subject, mass=60.0))
    assert "beside" not in _cause(heavy, plug_in_gait)


def test_an_offset_is_suspected_only_where_no_unloaded_sample_excludes_it(walker):
    standing = _standing(walker(), mass=72.0)
    assert "72.0 kg are weighed, 70.0 kg stated" in _cause(standing)
    assert "an offset of +20 N" in _cause(standing)
    moving = standing.ground_reactions[0]
    swing = moving.force * (1 + 0.05 * np.sin(np.arange(len(moving.force)) / 50))[:, None]
    restless = replace(standing, ground_reactions=(replace(moving, force=swing), *standing.ground_reactions[1:]))
    assert "the subject moves (SD 1.9 %)" in _cause(restless)
    assert "moves" not in _cause(standing)


def test_a_run_with_flight_shows_that_it_is_no_offset(data_dir):
    trial = read_trial(data_dir / "rbds_running" / "RBDS001" / "RBDS001runT25.c3d", subject=Subject("S01", mass=62.0))
    (detail,) = [note.detail for note in trial.treatments if note.what == "weight_differs"]
    assert "60.5 kg are weighed, 62.0 kg stated" in detail
    assert "read zero between steps" in detail


def test_an_unknown_mass_is_not_judged(walker):
    trial = _standing(walker())
    assert check_weight(replace(trial, subject=replace(trial.subject, mass=float("nan")))) == []


def test_a_lifted_foot_is_no_weighing(walker):
    trial = _standing(walker())
    first = trial.ground_reactions[0]
    lifted = replace(first, force=np.where((np.arange(len(first.force)) > 1500)[:, None], 0.0, first.force))
    assert np.isnan(mean_vertical_force(replace(trial, ground_reactions=(lifted, *trial.ground_reactions[1:]))))


@pytest.mark.parametrize(("factor", "flagged"), [(1.0, False), (0.5, True), (2.5, True)])
def test_steps_that_no_such_body_makes_are_flagged(factor, flagged, walker):
    made = walker()
    reactions = tuple(replace(r, force=factor * r.force) for r in made.trial.ground_reactions)
    steps = tuple(PlateStep(r.name, r.foot, 0.0, 2.9, True) for r in reactions)
    trial = replace(made.trial, ground_reactions=reactions, steps=steps)
    peak = max(r.force[:, 1].max() for r in reactions)
    assert step_peaks(trial).max() == pytest.approx(peak)
    assert ([note.what for note in check_weight(trial)] == ["peak_implausible"]) is flagged


def test_every_real_static_trial_is_within_two_per_cent_or_flagged(data_dir):
    seen = 0
    for path in sorted((data_dir / "mcgill_walk_youth").glob("*/Static/*.c3d")):
        trial = read_trial(path)
        ratio = mean_vertical_force(trial) / trial.subject.body_weight
        assert np.isfinite(ratio)
        flagged = any(note.what == "weight_differs" for note in trial.treatments)
        assert flagged is (abs(ratio - 1.0) > 0.02)
        seen += 1
    assert seen == 6
