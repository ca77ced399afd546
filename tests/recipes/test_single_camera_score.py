"""The table of one camera counts gaits and people as it says, and parts people, not trials."""

import sys
import warnings
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from recipes.one_role import refuse_shared_people
from recipes.recipe import resolve_settings
from recipes.run import Run
from recipes.single_camera import RECIPE
from recipes.single_camera.agreement import (
    ALL_CLIPS,
    MEAN,
    agreement_results,
    clip_table,
    correlation,
    half_limits,
    mean_absolute_error,
    with_interval,
    with_means,
    with_strikes,
)
from recipes.single_camera.clip_sets import SHARES, parted
from recipes.single_camera.filming import BRIEF, _lengths, _stretch, recorded_gaits
from recipes.single_camera.impairment_score import area_under_curve, r_squared
from recipes.single_camera.knowable import knowable_results
from recipes.single_camera.population import make_population
from recipes.single_camera.population_check import FEWEST, refuse_unlike_laws
from recipes.single_camera.settings import RealCorpus
from recipes.single_camera.waveform_score import CONSTANT, wave_results
from synth.camera.filmed_gait import AT_STRIKES, WAVES, FilmedGait
from synth.camera.keypoint_input import ClipArrays, units_of
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_trial

MODULES = ("single_camera.population", "single_camera.population_check", "one_role")
"""Which open a corpus."""


def test_people_have_one_role_each_and_shares_hold():
    roles = parted([f"V{i}" for i in range(200)], 7)
    assert len(roles) == 200
    for role, share in SHARES.items():
        assert list(roles.values()).count(role) == pytest.approx(200 * share, abs=1)
    assert parted([f"V{i}" for i in range(200)], 7) == roles
    for n in range(FEWEST, 40):
        assert set(parted([f"V{i}" for i in range(n)], 7).values()) == set(SHARES)
    with pytest.raises(CorpusMismatch, match="6 people are too few"):
        parted([f"V{i}" for i in range(FEWEST - 1)], 7)
    fewer = parted([f"V{i}" for i in range(200) if i != 17], 7)
    assert sum(fewer[p] != roles[p] for p in fewer) <= 4, "one who is missing moves only those at the borders"


def test_a_person_with_many_gaits_counts_once():
    truth, said = np.zeros(5), np.array([1.0, 1.0, 1.0, 1.0, 3.0])
    assert mean_absolute_error(truth, said, np.array([0, 0, 0, 0, 1])) == pytest.approx(2.0)


def test_limits_of_agreement_are_196_sd_of_the_differences():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    said = truth + 0.2 + 0.1 * rng.normal(size=4000)
    assert half_limits(truth, said, np.arange(4000)) == pytest.approx(0.196, rel=0.05)
    assert correlation(truth, said, np.arange(4000)) > 0.99
    assert np.isnan(correlation(truth, np.ones(4000), np.arange(4000)))
    assert np.isnan(half_limits(truth, said, np.zeros(4000, int))), "one person has no limits of agreement"


def test_limits_of_agreement_know_that_clips_of_a_person_repeat():
    """Who has many clips does not make the limits of somebody new: between people the SD is 1, within 0.1."""
    rng, halves, pooled = np.random.default_rng(0), [], []
    for _ in range(300):
        bias = rng.normal(size=6)
        people = np.repeat(np.arange(6), [48, 8, 8, 8, 8, 8])
        wrong = bias[people] + 0.1 * rng.normal(size=len(people))
        halves.append(half_limits(np.zeros(len(people)), wrong, people))
        pooled.append(1.96 * wrong.std(ddof=1))
    assert np.mean(np.square(halves)) == pytest.approx(1.96**2 * (1.0 + 0.1**2), rel=0.1)
    assert np.mean(np.square(pooled)) < 0.8 * np.mean(np.square(halves)), "pooled they promise too much"


def test_saying_the_mean_has_an_r_where_people_differ_in_stature():
    """What is proportional to stature agrees with what grows with it; where all are as tall, no r is said."""
    stature = np.array([1.2, 1.4, 1.6, 1.8])
    rows = {"person": list("abcd"), "trial": "walk", "clip": 0, "parameter": "step_length", "method": MEAN}
    table = pd.DataFrame({**rows, "truth": 0.4 * stature + [0.01, -0.01, 0.01, 0.0], "estimate": 0.41 * stature})
    found = {r.measure: r.value for r in agreement_results(table, "task", 0, recorded=True)}
    assert found["step_length: r"] > 0.98
    assert found["step_length: limits of agreement, half width"] > 0
    alike = agreement_results(table.assign(estimate=0.7), "task", 0, recorded=True)
    assert "step_length: r" not in {r.measure for r in alike}


def test_intervals_are_over_people_not_gaits():
    """Thirty copies of each of four people's gaits tell no more than the four."""
    rng = np.random.default_rng(1)
    people, error = np.array(["a", "b", "c", "d"]), rng.normal(size=4)
    few = with_interval(np.zeros(4), error, people, mean_absolute_error, 3)
    many = with_interval(np.zeros(120), np.repeat(error, 30), np.repeat(people, 30), mean_absolute_error, 3)
    assert np.allclose(few, many)
    assert np.isnan(with_interval(np.zeros(2), np.ones(2), people[:2], mean_absolute_error, 3)[1])


def test_severity_and_detection_are_scored_by_their_laws():
    truth = np.array([0.0, 0.5, 1.0])
    assert r_squared(truth, truth, np.arange(3)) == 1.0
    assert r_squared(truth, np.full(3, 0.5), np.arange(3)) == pytest.approx(0.0)
    one = np.full(11, 0.4312)  # its mean is off by rounding, its variance is not 0
    assert ((one - one.mean()) ** 2).sum() > 0.0
    for alike in (one, one.astype(np.float32).astype(float), np.zeros(11), 0.1 + 0.2 * np.ones(11) - 0.3):
        assert np.isnan(r_squared(alike, np.linspace(0.0, 1.0, 11), np.arange(11)))


def test_a_redraw_of_one_person_adds_no_limit_to_an_interval():
    """Three people: every ninth redraw is of one of them, who has no spread of truth."""
    people = np.repeat(["a", "b", "c"], 5)
    truth = np.repeat([0.0412, 0.1036, 0.2596], 5)
    _, low, high = with_interval(truth, truth + 0.1, people, r_squared, 0)
    assert -100.0 < low <= high <= 1.0
    assert area_under_curve(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.6, 0.4, 0.9]), np.arange(4)) == 0.75


@pytest.mark.parametrize("role", ["people", "spatial"])
def test_too_few_people_are_refused_before_anybody_is_solved_or_filmed(monkeypatch, tmp_path, role):
    config = {"subjects": 3, "seed": 99, "laws": "standard"}
    trials = [(f"V{i}", visit) for i in range(3) for visit in ("visit_1", "visit_2")]
    made = SimpleNamespace(provenance=SimpleNamespace(config=config), trials=lambda: trials)
    for module in MODULES:
        monkeypatch.setattr(f"recipes.{module}.Corpus", lambda path: made)
    monkeypatch.setattr("recipes.single_camera.population._made", lambda *given: pytest.fail("somebody was solved"))
    chosen = {"people": "few.h5"} if role == "people" else {"spatial": ("few.h5",)}
    with pytest.raises(CorpusMismatch, match=f"setting {role}: few.h5: 3 people"):
        make_population(Run(tmp_path, resolve_settings(RECIPE, **chosen), shown=False))


def test_one_clip_is_scored_not_the_mean_of_eight():
    """Errors of +-0.4 m/s that cancel over a gait's clips are errors of a user, who has one of them."""
    n, stature = 4 * 8, 1.7
    parameters = np.repeat(np.linspace(0.3, 0.5, 4), 8)[:, None] * np.ones(4)
    rows = {f.name: np.zeros(n) for f in fields(ClipArrays)}
    rows |= {"inputs": np.zeros((n, 1, 1)), "parameters": parameters, "stature": np.full(n, stature)}
    rows |= {"person": np.repeat([f"P{i}" for i in range(4)], 8), "trial": np.array(["walk"] * n)}
    clips = ClipArrays(**rows)
    said = parameters * units_of(stature) + np.tile([0.4, -0.4], n // 2)[:, None]
    table = with_means(clip_table(clips, {"network": said}), "network")
    found = {(r.method, r.measure): r for r in agreement_results(table, "recorded, overground", 0, recorded=True)}
    one, mean = (found[m, "speed: mean absolute error"] for m in ("network", "network" + ALL_CLIPS))
    assert one.value == pytest.approx(0.4)
    assert mean.value == pytest.approx(0.0, abs=1e-9)
    assert (one.met, mean.goal, one.note[:8], mean.note[:7]) == ("no", "", "32 clips", "4 gaits")


def test_steps_between_feet_are_rows_of_their_own_where_an_import_measured_them():
    table = pd.DataFrame(
        {
            "person": ["P0", "P1", "P0"],
            "trial": "walk",
            "clip": 0,
            "truth": [0.60, 0.62, 1.2],
            "estimate": [0.63, 0.61, 1.3],
            "parameter": ["step_length", "step_length", "speed"],
            "method": "network",
        }
    )
    both = with_strikes(table, {("P0", "walk"): 0.70})
    assert both.iloc[:3].equals(table), "the truth of the other rows stays speed over cadence"
    assert both.iloc[3:][["person", "truth", "estimate", "parameter"]].to_numpy().tolist() == [
        ["P0", 0.70, 0.63, AT_STRIKES]
    ]


def test_waves_that_nobody_knows_are_no_rows_and_no_warning():
    """Constants are means of what is known; of what nobody who taught is known of, nothing is said."""
    n, stature = 4, 1.7
    rows = {f.name: np.zeros(n) for f in fields(ClipArrays)}
    waves = np.full((n, 5, len(WAVES)), np.nan)
    waves[:, :, :6] = 0.1 * np.arange(n)[:, None, None]
    rows |= {
        "inputs": np.zeros((n, 5, 36), np.float32),
        "person": np.array(list("abcd")),
        "stature": np.full(n, stature),
    }
    taught = ClipArrays(**{**rows, "waves": waves.copy()})
    waves[:, :, 6:] = 1.0
    waves[3] = np.nan
    clips = ClipArrays(**{**rows, "waves": waves})
    estimate = SimpleNamespace(waves=np.zeros_like(waves))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {(r.method, r.measure): r for r in wave_results(clips, estimate, taught, "task", 0)}
    constant = found[CONSTANT, "joint angles, RMS error"]
    assert constant.value == pytest.approx(np.degrees(np.mean([0.15, 0.05, 0.05])))
    assert constant.n_persons == 3
    assert (CONSTANT, "activations, RMS error") not in found
    assert found["network", "activations, RMS error"].value == pytest.approx(1.0)


def test_populations_of_one_seed_may_not_have_two_roles():
    """Person 12 of two populations of one seed has the same body, whatever its code."""
    mine = ("people", "a.h5", 7)
    refuse_shared_people([mine, ("other", "b.h5", 8), ("spatial", "c.h5", 9), ("spatial", "d.h5", 9)])
    for role in ("other", "predicted", "spatial", "real"):
        with pytest.raises(CorpusMismatch, match="people in two roles"):
            refuse_shared_people([mine, (role, "b.h5", 7)])


def test_files_that_are_missing_are_said_before_anything_is_solved(tmp_path):
    corpora = {"real": [{"path": "no.h5"}], "spatial": ["no.h5"]} | dict.fromkeys(
        ("people", "other", "predicted"), "no.h5"
    )
    for chosen in ({name: value} for name, value in corpora.items()):
        run = Run(tmp_path, resolve_settings(RECIPE, **chosen), shown=False)
        with pytest.raises(CorpusMismatch, match=f"setting {next(iter(chosen))}: no.h5 is not there"):
            RECIPE.stages[0].inputs(run)


def test_one_network_knows_no_doubt_and_is_refused():
    with pytest.raises(ConfigRefused, match="members"):
        resolve_settings(RECIPE, members=1)


def test_clips_that_teach_are_as_short_as_those_of_users(tmp_path):
    """Half of them whole, the rest down to the shortest: who never saw an end takes it for something."""
    settings = resolve_settings(RECIPE, seconds=6.0, shortest=1.2)
    lengths = np.fromiter(islice(_lengths(Run(tmp_path, settings), np.random.default_rng(0)), 2000), float)
    assert (lengths == 6.0).mean() == pytest.approx(0.5, abs=0.04)
    assert lengths.min() == pytest.approx(1.2, abs=0.05)
    brief = resolve_settings(RECIPE, seconds=1.0)
    assert set(islice(_lengths(Run(tmp_path, brief), np.random.default_rng(0)), 20)) == {1.0}


@pytest.mark.parametrize(
    ("role", "laws", "taken"),
    [("far", "new", False), ("far", "far", True), ("other", "", True), ("far", "other", True)],
)
def test_a_population_by_laws_that_its_row_does_not_name_is_refused(monkeypatch, tmp_path, role, laws, taken):
    """Corpora of other laws that do not say what these are were made when the far ones were called so."""
    config = {"": {}, "new": {"laws": "other", "laws_defined": {}}}.get(laws, {"laws": laws})
    made = SimpleNamespace(provenance=SimpleNamespace(config=config))
    for module in MODULES:
        monkeypatch.setattr(f"recipes.{module}.Corpus", lambda path: made)
    if taken:
        refuse_unlike_laws(role, tmp_path)
    else:
        with pytest.raises(CorpusMismatch, match=r"made by other laws, expected far.*--laws far"):
            refuse_unlike_laws(role, tmp_path)


def test_two_populations_that_are_only_scored_may_be_the_same_people():
    refuse_shared_people([("people", "a.h5", 7), ("other", "b.h5", 8), ("far", "c.h5", 8)])
    with pytest.raises(CorpusMismatch, match="the same"):
        refuse_shared_people([("people", "a.h5", 8), ("other", "b.h5", 7), ("far", "c.h5", 8)])


def test_what_true_angles_tell_needs_no_camera():
    """Severity is the size of a knee's swing: trees that see the true angles know it of people they never saw."""
    rng = np.random.default_rng(0)

    def made(seed, n=160):
        own = np.random.default_rng(seed)
        severity, start = own.uniform(0, 1, n), own.uniform(0, 6, (n, 1))
        phase = np.arange(120) / 5.0 + start
        inputs = np.zeros((n, 120, 36), np.float32)
        inputs[:, :, 24:] = 1.0
        inputs[:, :, 12] = np.sin(phase)
        waves = rng.normal(size=(n, 120, 26)) * 0.01
        waves[:, :, 2] += severity[:, None] * np.cos(phase)
        rows = {f.name: np.zeros(n) for f in fields(ClipArrays)}
        rows |= {"inputs": inputs, "waves": waves, "parameters": np.full((n, 4), np.nan), "severity": severity}
        rows |= {"person": np.array([f"{seed}-{i // 2}" for i in range(n)]), "trial": np.array(["walk"] * n)}
        return ClipArrays(**rows)

    found = {r.measure: r for r in knowable_results(made(1), {"score": made(2)}, {"score": "never seen"}, 0)}
    assert found["severity: R2"].value > 0.9
    assert found["severity: mean absolute error"].n_persons == 80


def test_who_is_seen_for_a_moment_only_is_filmed_for_a_moment():
    """Of 8 s in which the person is lost from 3 s to 5.5 s there is no whole clip of 6 s, but a brief one."""
    points = np.ones((800, 12, 3))
    points[300:550] = np.nan
    gait = FilmedGait("P", "walk", 1.7, points, np.zeros((800, 26)), 100.0)
    rng = np.random.default_rng(0)
    lasts, start = _stretch(gait, 6.0, rng)
    assert lasts == BRIEF
    assert start < 0.8 or start > 5.2, "at most a tenth is lost"
    assert _stretch(gait, 1.5, rng)[0] == 1.5
    assert _stretch(FilmedGait("P", "walk", 1.7, points * np.nan, np.zeros((800, 26)), 100.0), 6.0, rng) is None


def test_recordings_that_cannot_be_filmed_are_named_with_the_reason(monkeypatch):
    walk = made_trial(2.0)
    nobody = replace(walk, name="nobody", subject=replace(walk.subject, height=np.nan))
    trials = {t.name: t for t in (walk, nobody, replace(walk, name="bend", task="turn"))}
    made = SimpleNamespace(trials=lambda: [("S1", name) for name in trials], read=lambda s, name, clean: trials[name])
    monkeypatch.setattr("recipes.single_camera.filming.Corpus", lambda path: made)
    said: list[str] = []
    assert [g.trial for g in recorded_gaits(RealCorpus(path="lab.h5"), said.append)] == ["lab walk_01"]
    assert said == [
        "lab.h5: S1, nobody left out: nobody says how tall its person is",
        "lab.h5: S1, bend left out: it turns",
    ]


def test_a_corpus_is_opened_a_few_times_however_many_people_it_holds(monkeypatch, tmp_path):
    """Opening one of ten thousand walks takes a while: once for each of them took more than twenty minutes."""
    opened = []
    config = {"subjects": 300, "seed": 99, "laws": "standard", "task": "impaired"}
    trials = [(f"V{i}", "visit_1") for i in range(300)]
    made = SimpleNamespace(provenance=SimpleNamespace(config=config), trials=lambda: trials, summary=lambda: [])
    for module in MODULES:
        monkeypatch.setattr(f"recipes.{module}.Corpus", lambda path: opened.append(path) or made)
    settings = resolve_settings(RECIPE, people="many.h5", n_other=0, n_far=0)
    make_population(Run(tmp_path, settings, shown=False))
    assert len(opened) < 10
