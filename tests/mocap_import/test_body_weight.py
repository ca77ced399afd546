"""Body weight: plates weigh a standing or treadmill subject to the newton, and 2 % away from the mass is reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.quality.body_weight import check_weight, mean_vertical_force, standing_mass, step_peaks
from mocap_import.subject import STANDARD_GRAVITY
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
