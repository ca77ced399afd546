"""The recipe fatigue: folds score everybody once and nobody who taught, a cut run goes on, a user's people come in."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import fatigue_rates
from recipes import remembered_part
from recipes.fatigue import RECIPE, simulation_stage
from recipes.fatigue.doubt import outside_rows
from recipes.fatigue.learning_stage import learnt_parts
from recipes.fatigue.people_of_splits import folds, roles_of_folds, simulated_roles
from recipes.fatigue.table_stage import errors_of, notes_of, reductions
from recipes.people import people_table
from recipes.recipe import resolve_settings
from recipes.remembered_part import remembered_parts
from recipes.run import Run, run_stage
from synth.corpus.schema import CorpusMismatch
from synth.elbow.flexion_corpus import read_flexion_corpus
from training.config import ConfigRefused
from training.fatigue.teaching import RATES_SEED

TINY = {"every": 40, "seconds": 20.0, "n_target": 10, "n_outside": 3, "teach": (2, 4), "ablated": 4}


def test_everybody_is_scored_once_and_nobody_has_two_roles():
    people = [f"P{i:02d}" for i in range(30)]
    made = folds(people, 5, (2, 5, 10, 20), 7)
    assert sorted(p for fold in made for p in fold.scored) == people
    table = people_table({"simulated": simulated_roles(people, 1)} | roles_of_folds(made, (2, 5, 10, 20), 3, 10))
    assert len(set(table.split)) == 1 + 6 * 4 * 3
    for fold in made:
        assert set(fold.teaching(2)) < set(fold.teaching(5)) < set(fold.teaching(20)), "nested"
        held = [fold.member(10, member)[1] for member in range(3)]
        assert len({p for h in held for p in h}) == 6, "other people validate each member"
        assert len(fold.calibrating(10)) == 15
    with pytest.raises(CorpusMismatch, match="need 25"):
        folds(people[:24], 5, (2, 20), 7)


def test_a_run_that_was_cut_goes_on_and_gives_the_same_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(simulation_stage, "CHUNK", 20)
    settings = resolve_settings(RECIPE, **TINY)
    whole, cut = (Run(tmp_path / name, settings, 1, False) for name in ("whole", "cut"))
    for run in (whole, cut):
        run.folder.mkdir()
    simulation_stage.simulate_factorial(whole)
    real, calls = simulation_stage.sustain, []

    def counted(case, seconds, rate):
        calls.append(len(case.level))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(case, seconds, rate)

    monkeypatch.setattr(simulation_stage, "sustain", counted)
    with pytest.raises(KeyboardInterrupt):
        simulation_stage.simulate_factorial(cut)
    simulation_stage.simulate_factorial(cut)
    assert calls == [20, 20, 20, 3], "the first chunk was not made again"
    assert (whole.folder / "simulated.h5").read_bytes() == (cut.folder / "simulated.h5").read_bytes()


def test_people_of_a_folder_are_used_only_if_they_are_those_that_are_wanted(tmp_path):
    """What is there is not made again, other people are refused in a sentence, and the hashes tell whose they are."""
    run = Run(tmp_path, resolve_settings(RECIPE, **TINY), 1, False)
    hashes = simulation_stage.found_or_made(run)
    assert set(hashes) == {"simulated.h5", "target.h5"}
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.h5")}
    assert simulation_stage.found_or_made(run) == hashes
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.h5")} == before
    for chosen, said in (({"seed": 8}, "seed 7, not 8"), ({"n_target": 11}, "n_target 10, not 11")):
        other = resolve_settings(RECIPE, **TINY | chosen)
        with pytest.raises(CorpusMismatch, match=said):
            simulation_stage.found_or_made(Run(tmp_path, other, 1, False))
    (tmp_path / "target.h5").unlink()
    more = resolve_settings(RECIPE, **TINY | {"n_target": 11})
    assert simulation_stage.found_or_made(Run(tmp_path, more, 1, False))["target.h5"] != hashes["target.h5"]


def test_rates_of_other_people_are_not_remembered(tmp_path, monkeypatch):
    """Answers are asked for by the bytes of both corpora."""
    monkeypatch.setattr(fatigue_rates, "resolve_settings", lambda recipe, **own: resolve_settings(recipe, **TINY | own))
    key = fatigue_rates.pilot_of(tmp_path).parts.key
    assert fatigue_rates.pilot_of(tmp_path).parts.key == key
    for name in ("simulated.h5", "target.h5"):
        monkeypatch.setattr(fatigue_rates, "found_or_made", lambda run, name=name: {name: "another"})
        assert fatigue_rates.pilot_of(tmp_path).parts.key != key


def test_another_tolerance_or_goal_teaches_nothing_anew(tmp_path):
    """What is remembered is asked for by what decides the lesson, and no stage but the table reads these two."""

    def keys(folder, **chosen):
        return learnt_parts(Run(tmp_path, resolve_settings(RECIPE, **TINY, **chosen), shown=False), folder).key

    for chosen in ({"tolerance": 3.0}, {"goal_reduction": 20.0}):
        assert keys("simulated", **chosen) == keys("simulated")
        assert keys("folds", **chosen) == keys("folds")
    for name in ("tolerance", "goal_reduction"):
        assert [stage.name for stage in RECIPE.stages if stage.reads is None or name in stage.reads] == ["table"]
    assert keys("simulated", members=2) == keys("simulated"), "each member has a part of its own"
    for chosen in ({"width": 8}, {"seed": 8}, {"seconds": 30.0} | {"anchor": 0.1}):
        assert keys("simulated", **{k: v for k, v in chosen.items() if k != "seconds"}) != keys("simulated")
    for chosen in ({"members": 2}, {"n_scored": 3}, {"arms": ("transfer",)}):
        assert keys("folds", **chosen) != keys("folds")


def test_parts_of_another_question_are_not_used(tmp_path):
    first = remembered_parts(tmp_path, {"seed": 1})
    assert first.get("a", lambda: {"x": np.ones(3)})["x"].sum() == 3.0
    assert first.get("a", lambda: {"x": np.zeros(3)})["x"].sum() == 3.0
    assert remembered_parts(tmp_path, {"seed": 2}).get("a", lambda: {"x": np.zeros(3)})["x"].sum() == 0.0


def test_parts_of_an_older_version_are_not_used(tmp_path, monkeypatch):
    remembered_parts(tmp_path, {"seed": 1}).get("a", lambda: {"x": np.ones(3)})
    monkeypatch.setattr(remembered_part, "kinesynth_version", lambda: "another")
    assert remembered_parts(tmp_path, {"seed": 1}).get("a", lambda: {"x": np.zeros(3)})["x"].sum() == 0.0


@pytest.mark.parametrize(
    ("chosen", "said"),
    [({"teach": (2, 5)}, "ablated.*teach"), ({"ablated": 7}, "ablated.*teach"), ({"members": 1}, "members")],
)
def test_settings_that_end_badly_are_refused_before_anything_is_made(chosen, said):
    with pytest.raises(ConfigRefused, match=said):
        resolve_settings(RECIPE, **chosen)


def test_the_table_names_who_is_compared_and_whom_the_rates_have_seen():
    """Own people inside, simulated ones outside: a ratio of both is no goal. Rates were chosen on people of a seed."""
    sds = {"inside": {"A": np.full(4, 0.1)}, "outside": {"B": np.full(4, 0.2)}}
    value = {f"{group}_{what}": {} for group in ("scored", "calibrate", "outside") for what in ("score", "relative")}
    value |= {"scored_sd": sds["inside"], "outside_sd": sds["outside"]}
    value["scored_relative"] = value["calibrate_score"] = sds["inside"]
    value["outside_relative"] = value["outside_score"] = sds["outside"]
    own = outside_rows([value], "transfer", own_people=True)
    assert all("simulated" in row.task for row in own)
    assert not any(row.goal for row in own)
    assert [row.goal for row in outside_rows([value], "transfer", own_people=False)].count(">= 1") == 1
    notes = {seed: " ".join(notes_of(resolve_settings(RECIPE, seed=seed))) for seed in (7, RATES_SEED)}
    assert "rates were chosen on these" in notes[RATES_SEED]
    assert "rates were chosen on these" not in notes[7]


def test_own_people_take_the_place_of_the_second_simulator(tmp_path):
    made = Run(tmp_path / "made", resolve_settings(RECIPE, **TINY), 1, False)
    made.folder.mkdir()
    simulation_stage.simulate_target(made)
    own = tmp_path / "own.h5"
    (made.folder / "target.h5").rename(own)
    run = Run(tmp_path / "run", resolve_settings(RECIPE, **TINY, target=str(own)), 1, False)
    run.folder.mkdir()
    stage = RECIPE.stages[1]
    run_stage(run, stage)
    before = run.stages["target"]["fingerprint"]
    assert not (run.folder / "target.h5").exists()
    own.write_bytes(own.read_bytes() + b" ")
    run_stage(run, stage)
    assert run.stages["target"]["fingerprint"] != before, "another file is another run"
    gone = Run(tmp_path / "gone", resolve_settings(RECIPE, target="no-such.h5"), 1, False)
    with pytest.raises(CorpusMismatch, match=r"no-such\.h5"):
        stage.inputs(gone)


def test_the_second_people_are_stronger_than_their_size_and_the_outside_ones_weak(tmp_path):
    run = Run(tmp_path, resolve_settings(RECIPE, **(TINY | {"n_target": 20, "n_outside": 20})), 1, False)
    simulation_stage.simulate_target(run)
    inside, outside = (read_flexion_corpus(tmp_path / f"{n}.h5", 0.5, 20.0) for n in ("target", "outside"))
    assert not set(inside.persons) & set(outside.persons)
    assert np.median(outside.features[:, 5]) < 0.6 * np.median(inside.features[:, 5])


def test_a_reduction_keeps_pairs_together():
    """Errors that are half of another method's on every person: 50 %, whoever is drawn."""
    rng = np.random.default_rng(0)
    direct = {f"P{i}": rng.normal(size=(1, 50)) * (1 + i) for i in range(8)}
    fold = {"persons": np.array(list(direct)), "truth": np.zeros((8, 50))}
    stacked = np.concatenate(list(direct.values()))
    fold |= {"no simulations|2|torque": stacked, "transfer|2|torque": 0.5 * stacked, "transfer|2|sd": stacked}
    rows = reductions(errors_of([fold]), resolve_settings(RECIPE))
    assert [row.met for row in rows] == ["yes", "yes"]
    assert np.allclose([rows[0].value, rows[0].low, rows[0].high], 50.0)


def test_the_mean_of_both_forms_errs_by_the_mean_of_their_errors_and_is_held_against_the_same_mean():
    """Two forms that err by +2 and -2 N·m agree with the truth on average, with simulations and without."""
    fold = {"persons": np.array(["A", "B"]), "truth": np.full((2, 5), 30.0)}
    said = {"transfer": 2.0, "joined (published form), transfer": -2.0}
    alone = {"no simulations": 4.0, "joined (published form), no simulations": 1.0}
    fold |= {f"{name}|10|torque": fold["truth"] + wrong for name, wrong in (said | alone).items()}
    fold["no simulations|2|torque"] = fold["truth"]
    errors = errors_of([fold])
    assert np.allclose(errors["both forms, transfer", 10]["A"], 0.0)
    assert np.allclose(errors["both forms, no simulations", 10]["B"], 2.5)
    assert ("both forms, no simulations", 2) not in errors, "only one of them was taught by two people"
    row = next(row for row in reductions(errors, resolve_settings(RECIPE)) if row.method == "both forms, transfer")
    assert row.value == pytest.approx(100.0)
    assert "against both forms, no simulations" in row.note
