"""People of one's own are only ever scored, change nobody else's clips and teach nothing anew."""

import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recipes.people import check_people
from recipes.recipe import PEOPLE, RESULTS, resolve_settings, run_recipe
from recipes.run import Stage
from recipes.single_camera import RECIPE, filming
from recipes.single_camera.clip_sets import CLIPS
from recipes.single_camera.doubt import outside_results
from recipes.single_camera.own_people import ANSWERS, OWN_SETS
from recipes.single_camera.population import DONE
from recipes.single_camera.teaching import ESTIMATES, MEMBERS, NETWORKS
from synth.camera.detector import draw_errors
from synth.camera.keypoint_clip import View, film
from synth.camera.keypoint_input import ClipArrays
from synth.corpus.schema import CorpusMismatch
from synth.impairment import Impairment
from training.keypoint.keypoint_calibration import KeypointCalibration
from training.keypoint.keypoint_lesson import KeypointEstimate

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import HEIGHT, made_gait
from own_files import written_csv, written_folder

TASK = OWN_SETS["own_overground"]
FEW = {"n_people": 12, "n_other": 0, "n_far": 0, "clips": 1, "members": 2, "epochs": 1, "width": 4, "seconds": 3.0}


@pytest.fixture
def recipe(monkeypatch):
    """The recipe with people who are made, not solved."""
    gait = made_gait(3.0)
    rng = np.random.default_rng(3)
    people = [
        replace(
            gait,
            person=f"V{i}",
            waves=rng.normal(size=gait.waves.shape),
            impairment=Impairment("crouch", 0.05 * i),
            height=HEIGHT + 0.01 * i,
        )
        for i in range(12)
    ]
    monkeypatch.setattr(filming, "_gaits", lambda path, *told: people)
    made = Stage("population", DONE, (), lambda run: (run.folder / DONE).write_text("made") and "made", reads=("seed",))
    return replace(RECIPE, stages=(made, *RECIPE.stages[1:]))


@pytest.fixture
def own(tmp_path):
    """Three people in a CSV whose speed was measured, and one of a detector of whom nothing was."""
    rng = np.random.default_rng(4)
    pixels = [film(made_gait(), View(rate=30.0), draw_errors(rng), rng, seconds=2.5).pixels for _ in range(4)]
    texts = [
        written_csv(tmp_path / f"{p}.csv", x, 30.0, person=p, stature=1.7, speed=1.1 + 0.1 * i).read_text()
        for i, (p, x) in enumerate(zip("ABC", pixels, strict=False))
    ]
    table = tmp_path / "own.csv"
    table.write_text(texts[0] + "".join(t.partition("\n")[2] for t in texts[1:]))
    folder = written_folder(tmp_path / "D", [pixels[3]])
    return ({"path": str(table)}, {"path": str(folder), "rate": 30.0, "stature": 1.7, "treadmill": True})


def ran(recipe, folder, **chosen):
    return run_recipe(recipe, folder, resolve_settings(recipe, **FEW, **chosen), shown=False)


def test_own_people_are_scored_and_nothing_else_changes(recipe, own, tmp_path, witness, monkeypatch):
    folder = tmp_path / "run"
    before = ran(recipe, folder).stages
    kept = {name: (folder / name).read_bytes() for name in (CLIPS, ESTIMATES, NETWORKS)}
    members = {p.name: p.stat().st_mtime_ns for p in (folder / MEMBERS).rglob("*.pt")}
    rows = pd.read_csv(folder / RESULTS)
    assert not (folder / ANSWERS).exists()
    witness.watch(monkeypatch)
    run = ran(recipe, folder, own=own)
    for stage in ("population", "clips", "networks"):
        assert run.stages[stage]["finished"] == before[stage]["finished"], stage
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert {p.name: p.stat().st_mtime_ns for p in (folder / MEMBERS).rglob("*.pt")} == members

    people = pd.read_csv(folder / PEOPLE, dtype=str)
    check_people(people)
    mine = people[people.person.str.startswith("own ")]
    assert set(mine.role) == {"score"}
    assert {s: set(own.person) for s, own in mine.groupby("split")} == {
        "own_overground": {"own A", "own B", "own C"},
        "own_treadmill": {"own D"},
    }
    owner = witness.owners("single-camera", run)
    taught = {p for one in witness.fits for rows in (one.teach, one.validate) for p in witness.people(rows, owner)}
    assert not any(p.startswith("own ") for p in taught)

    table = pd.read_csv(folder / RESULTS)
    others = table[~table.task.isin(OWN_SETS.values())].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, rows)
    scored = table[(table.task == TASK) & (table.method == "network")]
    told = "clips named as outside"
    assert {m.split(":")[0] for m in scored.measure} == {"speed", told}, "what nobody measured is not scored"
    assert "speed: limits of agreement, half width" in set(scored.measure)
    assert (scored.n_persons == 3).all()
    unmeasured = table[table.task == OWN_SETS["own_treadmill"]].measure
    assert [m.split(":")[0] for m in unmeasured] == [told], "of D nothing was measured"
    answers = pd.read_csv(folder / ANSWERS)
    assert set(answers.person) == {"own A", "own B", "own C", "own D"}

    again = ran(recipe, folder)
    assert not (folder / ANSWERS).exists()
    assert not pd.read_csv(folder / PEOPLE, dtype=str).person.str.startswith("own ").any()
    assert again.stages["networks"]["finished"] == before["networks"]["finished"]


def test_own_keypoints_that_cannot_be_read_are_refused_before_anybody_is_solved(own, tmp_path, monkeypatch):
    monkeypatch.setattr("recipes.single_camera.population._made", lambda *given: pytest.fail("somebody was solved"))
    with pytest.raises(CorpusMismatch, match=r"nowhere.csv: no such file"):
        ran(RECIPE, tmp_path / "run", own=[{"path": "nowhere.csv"}])
    with pytest.raises(CorpusMismatch, match="nobody says how tall D is"):
        ran(RECIPE, tmp_path / "run", own=[{**own[1], "stature": None}])


def test_the_table_says_how_many_clips_are_outside_for_which_reason():
    """Six clips: two unlike in stature, two about which members disagree, one of them both, one in one doubt alone."""
    stature = np.array([1.7, 1.9, 1.5, 1.7, 1.7, 1.7])
    sd = np.zeros((6, 5))
    sd[[2, 3], :2] = sd[4, 0] = 1.0
    known = {f.name: np.zeros(6) for f in fields(ClipArrays)} | {"stature": stature, "person": np.array(list("ABCDEF"))}
    said = KeypointEstimate(np.zeros((6, 5)), sd, np.zeros((6, 7)), np.zeros((6, 1, 1)))
    calibration = KeypointCalibration(np.ones(5), np.ones(5), np.full(5, 0.5), np.array([1.6, 1.8]), 20)
    clips = ClipArrays(**known | {"inputs": np.zeros((6, 1, 1))})
    (row,) = outside_results(calibration, {"other": clips}, {"other": said}, {"other": "other laws"}, 0)
    assert row.value == pytest.approx(3 / 6)
    assert row.note == "6 clips; outside: 2 by stature, 2 by disagreement, 1 of them by both"
