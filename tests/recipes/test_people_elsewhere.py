"""People elsewhere in the recipe of gait causes: who is refused, who is left out by name, what rows call them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from recipes.catalogue import find_recipe
from recipes.gait_cause import result_stage, solved_people
from recipes.gait_cause.people_elsewhere import (
    check_elsewhere,
    facts_elsewhere,
    group_elsewhere,
    left_out,
    refuse_unscored,
)
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walk_stage import DRAWN, ELSEWHERE, OUTSIDE, SOLVED
from recipes.gait_cause.walks import Walks, write_walks
from recipes.recipe import resolve_settings, run_recipe
from synth.corpus import CorpusMismatch, CorpusWriter
from synth.impairment import HEALTHY


def people(n=20) -> Walks:
    """One walk each, with a twin; nothing, a or b is wrong in turn."""
    code, records = np.array([f"P{k:02d}" for k in range(n)]), np.zeros((n, 5, 6), dtype=np.float32)
    names = np.array(["none", "a", "b"])
    return Walks(code, records, np.arange(n) % 3, records, np.zeros((n, 0, 0)), np.ones((n, 5)), names)


def test_people_elsewhere_are_others_by_other_laws():
    def corpus(**config):
        return SimpleNamespace(provenance=SimpleNamespace(config=config))

    usual = {"task": "impaired", "seed": 7, "laws": "standard"}
    own, predicted = corpus(**usual), corpus(task="predicted impairment", seed=8)
    check_elsewhere(own, corpus(**usual | {"seed": 8, "laws": "other"}))
    check_elsewhere(own, predicted)
    for said, config in (("another seed than 7", {"laws": "other"}), ("another laws than 'standard'", {"seed": 8})):
        with pytest.raises(CorpusMismatch, match=said):
            check_elsewhere(own, corpus(**usual | config))
    with pytest.raises(CorpusMismatch, match="another laws than 'predicted impairment'"):
        check_elsewhere(corpus(task="predicted impairment", seed=7), predicted)


@pytest.mark.parametrize("task", ["track", "recorded, overground", None])
def test_people_elsewhere_of_whom_nobody_knows_what_is_wrong_are_refused(task):
    own, other = (
        SimpleNamespace(provenance=SimpleNamespace(config={"task": t, "seed": s, "laws": laws}))
        for t, s, laws in (("impaired", 7, "standard"), (task, 8, "other"))
    )
    with pytest.raises(CorpusMismatch, match=f"made for the task {task!r}, expected 'impaired' or 'predicted"):
        check_elsewhere(own, other)


def summarised(walks):
    """Of a corpus what can be known without its arrays: (person, status, impairment or None) of each walk."""
    found = {person: [] if kind is None else [{"impairment": kind, "severity": 0.5}] for person, _, kind in walks}
    return SimpleNamespace(
        trials=lambda: [(person, "walk") for person, *_ in walks],
        summary=lambda: [{"subject": p, "trial": "walk", "status": status} for p, status, _ in walks],
        origins=lambda person, name: [SimpleNamespace(found=one) for one in found[person]],
    )


@pytest.mark.parametrize(
    ("walks", "said"),
    [
        ([("A", "refused", "crouch"), ("B", "refused", "crouch")], "there.h5 holds no walk that is not refused"),
        ([("A", "solved", "crouch"), ("B", "solved", None)], "1 of 2 walks of there.h5 do not say what is wrong"),
        ([("A", "solved", "equinus")], "walks of equinus alone, which none of the solved people has .crouch and none"),
    ],
)
def test_people_elsewhere_of_whom_nobody_can_be_scored_are_refused(walks, said):
    found = facts_elsewhere(summarised(walks), 0)
    with pytest.raises(CorpusMismatch, match=said):
        refuse_unscored(found["kind"], np.array([HEALTHY, "crouch"]), "there.h5")
    known = facts_elsewhere(summarised([("A", "solved", "crouch"), ("B", "refused", None)]), 0)
    refuse_unscored(known["kind"], np.array([HEALTHY, "crouch"]), "there.h5")


def test_people_elsewhere_with_what_nobody_else_has_are_named_and_not_listed(tmp_path):
    """Twelve people elsewhere, of whom four have what none of the solved people has."""
    solved, elsewhere = people(), people(12)
    solved = replace(solved, group=solved.group % 2)
    far = people(3)
    far = replace(far, code=np.char.add("far ", far.code))
    for name, own in ((DRAWN, people()), (OUTSIDE, far), (SOLVED, solved)):
        write_walks(tmp_path / name, own)
    there = replace(elsewhere, code=np.char.add("elsewhere ", elsewhere.code))
    write_walks(tmp_path / ELSEWHERE, there)
    for name in ("drawn", "solved"):
        (tmp_path / f"{name}_rows.json").write_text("[]")
    run = SimpleNamespace(settings=GaitCauseSettings(elsewhere="there.h5"), folder=tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_stage, "named_elsewhere", lambda settings: "predicted people")
        result_stage.write_table(run)
    said = left_out(there, solved)
    assert said == (
        "4 of 12 walks elsewhere, of 4 people, are not scored: they have b, which none of the solved people has."
    )
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert said in page
    assert "another seed: predicted people." in page
    assert "other laws" not in page
    listed = pd.read_csv(tmp_path / "people.csv").person
    assert set(listed[listed.str.startswith("elsewhere")]) == set(there.code[there.group < 2])
    assert left_out(there, people()) == ""


def test_rows_call_people_elsewhere_by_what_they_are():
    def called(**config):
        return group_elsewhere(SimpleNamespace(provenance=SimpleNamespace(config=config)))

    assert called(task="impaired", laws="other") == "other laws"
    assert called(task="impaired", laws="far") == "far laws"
    assert called(task="predicted impairment") == "predicted people"


@pytest.mark.parametrize(
    ("task", "status", "said"),
    [("track", "solved", "made for the task 'track'"), ("impaired", "refused", "holds no walk that is not refused")],
)
def test_people_elsewhere_are_looked_at_before_anything_is_drawn(tmp_path, monkeypatch, task, status, said):
    def corpus(path):
        there = path.name == "elsewhere.h5"
        found = summarised(
            [(f"P{k:02d}", status if there else "solved", (HEALTHY, "crouch")[k % 2]) for k in range(40)]
        )
        config = {"task": task if there else "impaired", "seed": 8 if there else 7, "healthy": 1.0}
        found.provenance = SimpleNamespace(config=config | {"laws": "other" if there else "standard"})
        return found

    monkeypatch.chdir(tmp_path)
    given = {name: f"{name}.h5" for name in ("people", "twins", "elsewhere")}
    for name in given.values():
        with CorpusWriter(tmp_path / name):
            pass
    monkeypatch.setattr(solved_people, "Corpus", corpus)
    recipe = find_recipe("gait-cause")
    with pytest.raises(CorpusMismatch, match=said):
        run_recipe(recipe, tmp_path / "out", resolve_settings(recipe, small=True, **given), shown=False)
    assert not (tmp_path / "out" / "drawn.npz").exists()
