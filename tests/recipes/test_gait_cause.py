"""Gait causes: folds score everybody once, twins must be the same people, every way of explaining has its rows."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from recipes.catalogue import find_recipe
from recipes.class_doubt import INSIDE
from recipes.gait_cause import impairment_fold, impairment_stage, solved_people, walk_stage
from recipes.gait_cause.explained_walks import Explained, joined
from recipes.gait_cause.explanation_row import CHOSEN, by_person, chosen_way, explanation_rows
from recipes.gait_cause.people_elsewhere import left_out
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.solved_people import refuse_untold, solved_roles
from recipes.gait_cause.walk_stage import ELSEWHERE, SOLVED, check_twins, first_visits, read_solved
from recipes.gait_cause.walks import Walks, read_walks, write_walks
from recipes.recipe import resolve_settings, run_recipe
from synth.corpus import CorpusMismatch, CorpusWriter
from synth.cycle_record import N_CHANNELS, N_SAMPLES
from synth.impairment import HEALTHY, KINDS
from synth.imu.placement import SEVEN_SENSORS
from training.config import ConfigRefused
from training.explanation.explanation_set import BY_NETWORK, GROUPS, LINEAR_PATTERN, WITHOUT
from training.sample.linear_answer import linear_classes, linear_numbers

N_PHASES = 4


def walks(n_people=20, n_twins=12, n_walks=2) -> Walks:
    code = np.repeat([f"P{k:02d}" for k in range(n_people)], n_walks)
    change = np.zeros((len(code), 5, 6), dtype=np.float32)
    change[n_twins * n_walks :] = np.nan
    group, none = np.arange(len(code)) % 3, np.zeros((len(code), 0, 0))
    return Walks(
        code, np.zeros_like(change), group, change, none, np.ones((len(code), 5)), np.array(["none", "a", "b"])
    )


def test_who_has_a_twin_is_scored_once_and_who_has_none_teaches():
    settings = GaitCauseSettings(n_folds=3)
    folds = solved_roles(walks(), settings)
    scored = [p for roles in folds.values() for p in roles["score"]]
    assert sorted(scored) == [f"P{k:02d}" for k in range(12)]
    for roles in folds.values():
        everybody = [p for people in roles.values() for p in people]
        assert len(everybody) == len(set(everybody)) == 20
        assert {f"P{k:02d}" for k in range(12, 20)} <= set(roles["teach"])
        assert roles["validate"]
        assert roles["calibrate"]
    assert solved_roles(walks(0, 0), settings) == {}


def test_walks_come_back_as_they_were_written(tmp_path):
    own = walks(3, 2)
    write_walks(tmp_path / "walks.npz", own)
    again = read_walks(tmp_path / "walks.npz")
    for f in fields(Walks):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(own, f.name))
    assert set(again.of(["P01"]).code) == {"P01"}


def test_twins_are_the_same_people_with_nothing_wrong():
    config = {
        "task": "impaired",
        "seed": 7,
        "laws": "standard",
        "spread": 1.0,
        "rate": 100.0,
        "impairments": ["crouch"],
    }

    def corpus(**changed):
        return SimpleNamespace(provenance=SimpleNamespace(config=config | changed))

    check_twins(corpus(healthy=0.3), corpus(healthy=1.0))
    for said, changed in (("--healthy 1, found 0.3", {"healthy": 0.3}), ("seed 7", {"healthy": 1.0, "seed": 8})):
        with pytest.raises(CorpusMismatch, match=said):
            check_twins(corpus(healthy=0.3), corpus(**changed))


def test_of_each_person_the_first_visits_are_read():
    corpus = SimpleNamespace(trials=lambda: [("A", "walk_02"), ("A", "walk_01"), ("B", "walk_03"), ("A", "walk_03")])
    assert first_visits(corpus, 2) == [("A", "walk_01"), ("A", "walk_02"), ("B", "walk_03")]
    assert len(first_visits(corpus, 0)) == 4


def test_sensors_are_put_on_part_by_part_and_a_killed_run_goes_on(tmp_path, monkeypatch):
    keys, read = [(f"P{k}", "walk_01") for k in range(7)], []

    class Given:
        path = tmp_path / "people.h5"

        def trials(self):
            return keys

        def read(self, person, name, clean):
            if len(read) == 5:
                raise KeyboardInterrupt
            read.append(person)
            return SimpleNamespace(status="refused" if person == "P1" else "solved", code=person)

    def walk(trial, twin, errors):
        record = np.full((2, 3), float(trial.code[1:]))
        return trial.code, record, 1, np.full_like(record, np.nan), np.zeros(5)

    monkeypatch.setattr(walk_stage, "CHUNK", 2)
    monkeypatch.setattr(walk_stage, "_solved", walk)
    monkeypatch.setattr(walk_stage, "named_sources", lambda files: sorted(files))
    run = SimpleNamespace(settings=GaitCauseSettings(), folder=tmp_path, track=lambda jobs, said: jobs)
    with pytest.raises(KeyboardInterrupt):
        walk_stage._walks_of(run, Given(), None, "")
    del read[:]
    found = walk_stage._walks_of(run, Given(), None, "")
    assert read == ["P4", "P5", "P6"], "the first two parts are there"
    assert found.code.tolist() == ["P0", "P2", "P3", "P4", "P5", "P6"]
    np.testing.assert_array_equal(found.records[:, 0, 0], [0, 2, 3, 4, 5, 6])


def test_of_many_people_without_a_twin_a_tenth_validates_and_another_calibrates_in_every_fold():
    settings = GaitCauseSettings(n_folds=3)
    folds = solved_roles(walks(60, 12), settings).values()
    without = {f"P{k:02d}" for k in range(12, 60)}
    for roles in folds:
        everybody = [p for people in roles.values() for p in people]
        assert len(everybody) == len(set(everybody)) == 60
        assert not without & set(roles["score"])
        assert [len(without & set(roles[r])) for r in ("validate", "calibrate")] == [4, 4]


def test_a_missing_corpus_is_refused_before_anything_is_drawn(tmp_path):
    recipe = find_recipe("gait-cause")
    with CorpusWriter(tmp_path / "people.h5"):
        pass
    for chosen, words in (
        ({"people": str(tmp_path / "none.h5")}, "setting people: .*none.h5 is not there"),
        ({"twins": str(tmp_path)}, "setting twins: .* is a folder, not a file"),
        ({"elsewhere": __file__}, "setting elsewhere: .* is not a readable HDF5 file"),
        ({"people": str(tmp_path / "people.h5")}, "must both be corpora"),
        ({"elsewhere": str(tmp_path / "people.h5")}, "must both be corpora"),
    ):
        with pytest.raises((ConfigRefused, CorpusMismatch), match=words):
            run_recipe(recipe, tmp_path / "out", resolve_settings(recipe, small=True, **chosen), shown=False)
    assert not (tmp_path / "out" / "drawn.npz").exists()


def test_without_solved_people_there_are_no_rows_of_them(tmp_path):
    run = SimpleNamespace(settings=GaitCauseSettings(), folder=tmp_path)
    read_solved(run)
    assert len(read_walks(tmp_path / "solved.npz")) == 0


def test_rows_are_means_over_persons_and_the_explanation_that_is_the_truth_is_chosen():
    rng = np.random.default_rng(0)
    truth = rng.random((10, 3 * N_PHASES)) ** 4
    code, group = np.repeat([f"P{k}" for k in range(5)], 2), np.ones(10, dtype=int)
    found = {name: rng.random(truth.shape) for name in BY_NETWORK}
    found[BY_NETWORK[2]] = truth
    found |= {name: rng.random(truth.shape) for name in (*WITHOUT, LINEAR_PATTERN)}
    one = Explained(code, group, truth, found, rng.random((2, *truth.shape)))
    assert all(len(values) == 5 for values in by_person(truth, one, N_PHASES).values())
    settings = GaitCauseSettings(n_phases=N_PHASES)
    best, told = chosen_way(one, joined([one]))
    rows, table = explanation_rows("t", [best], told, ("x", "y", "z"), settings, np.array(["none", "a"]))
    assert {row.method for row in rows if row.note.startswith("chosen")} == {BY_NETWORK[2]}
    best = [row.value for row in rows if row.method == BY_NETWORK[2]]
    assert best == pytest.approx([1.0] * 4)
    others = {row.measure: row.value for row in rows if row.method == GROUPS}
    gained = {row.measure: row.value for row in rows if row.method == f"the chosen way less {GROUPS}"}
    assert gained == pytest.approx({measure: 1.0 - value for measure, value in others.items()})
    assert {"random", "integrated gradients, untaught networks"} < {row.method for row in rows}
    shares = table.groupby("explanation").share.sum()
    np.testing.assert_allclose(shares, 1.0)
    assert set(table.sensor) == {"x", "y", "z"}


def test_of_whom_every_part_changed_no_part_is_told_from_another_and_the_row_says_how_many():
    rng = np.random.default_rng(0)
    truth = rng.random((5, 3 * N_PHASES)) ** 4
    truth[:2] = 1.0 + rng.random(truth[:2].shape)  # all parts change by half of the largest, or more
    found = {name: rng.random(truth.shape) for name in (*BY_NETWORK, *WITHOUT, LINEAR_PATTERN)}
    code = np.array([f"P{k}" for k in range(5)])
    one = Explained(code, np.ones(5, dtype=int), truth, found, rng.random((2, *truth.shape)))
    best, told = chosen_way(one, joined([one]))
    settings = GaitCauseSettings(n_phases=N_PHASES)
    rows, _ = explanation_rows("t", [best], told, ("x", "y", "z"), settings, np.array(["none", "a"]))
    said = "2 of 5 persons left out: every part changed"
    of_areas = [row for row in rows if row.measure.startswith("AUC") and "networks" not in row.note]
    assert of_areas and all(row.n_persons == 3 and row.note.endswith(said) for row in of_areas)
    assert not any(said in row.note for row in rows if not row.measure.startswith("AUC"))


@pytest.mark.parametrize("kinds", [("weak_plantarflexors",), ("equinus", "short_steps")])
def test_people_of_any_kinds_are_told_apart_and_explained(tmp_path, kinds, witness, monkeypatch):
    """One impairment beside nothing, or kinds with gaps between them, as corpora of some kinds alone hold them.

    Networks and linear models are fitted to those who teach and validate in one fold, and asked about its others.
    """
    witness.watch(monkeypatch)
    there, rng = [list(KINDS).index(kind) for kind in (HEALTHY, *kinds)], np.random.default_rng(2)
    group = np.tile(there, 16)[:32]
    shape = (len(group), N_SAMPLES, N_CHANNELS * len(SEVEN_SENSORS))
    records = rng.normal(size=shape).astype(np.float32)
    change = np.where(group[:, None, None] > 0, rng.normal(size=shape), 0.0).astype(np.float32)
    numbers, code = rng.normal(size=(len(group), 5)), np.array([f"P{k:02d}" for k in range(len(group))])
    own = Walks(code, records, group, change, np.zeros((len(group), 0, 0)), numbers, np.array(list(KINDS)))
    write_walks(tmp_path / SOLVED, own)
    elsewhere = replace(own, code=np.char.add("elsewhere ", code), records=records + 1.0).rows(np.arange(9))
    absent = next(k for k in range(len(KINDS)) if k not in there)
    elsewhere = replace(elsewhere, group=np.array([absent, *elsewhere.group[1:]]))
    write_walks(tmp_path / ELSEWHERE, elsewhere)
    settings = GaitCauseSettings(
        n_folds=2, n_members=2, epochs=1, n_phases=N_PHASES, n_explained=8, n_untaught=2, noise_share=0.0
    )
    said = []
    run = SimpleNamespace(settings=settings, track=lambda jobs, said: jobs, folder=tmp_path, say=said.append)
    monkeypatch.setattr(impairment_stage, "named_elsewhere", lambda settings: "far laws")
    impairment_stage.explain_solved(run)
    assert said == [left_out(elsewhere, own)] != [""]
    owner = dict(zip([row.tobytes() for row in records], code, strict=True))
    found = [[witness.people(rows, owner) for rows in (one.teach, one.validate, one.asked)] for one in witness.fits]
    for roles in solved_roles(own, settings).values():
        mine = [teach <= set(roles["teach"]) and held == set(roles["validate"]) for teach, held, _ in found]
        assert sum(mine) == settings.n_members + 1, "networks, and a linear model"
        asked = {p for one, is_mine in zip(found, mine, strict=True) if is_mine for p in one[2]}
        assert set(roles["score"]) <= asked - {""} <= {*roles["calibrate"], *roles["score"]}
    rows = pd.read_json(tmp_path / "solved_rows.json")
    doubted = rows[rows.task == "doubt about the impairment"]
    assert {m.partition(":")[0] for m in doubted.measure} == {INSIDE, "far laws"}
    assert set(doubted[doubted.measure.str.startswith("far laws: coverage")].n_persons) == {8}
    assert set(doubted[doubted.measure.str.startswith(INSIDE)].n_persons) == {len(group)}, "everybody in one fold"
    recalls = {m for m in rows.measure if m.startswith("recall")}
    assert recalls == {f"recall {kind}" for kind in (HEALTHY, *kinds)}
    assert set(pd.read_csv(tmp_path / "explanation_solved.csv").group) == set(kinds)


@pytest.mark.parametrize(
    ("kinds", "n_people", "n_twins", "said"),
    [
        ((HEALTHY,), 20, 20, "holds walks of none; expected none and at least one impairment"),
        (("crouch", "equinus"), 20, 20, "equinus and crouch; expected none"),
        ((HEALTHY, "crouch"), 20, 1, "1 people of mine.h5 have a twin in"),
        ((HEALTHY, "crouch"), 4, 4, "in solved_1 of 4 folds nobody validates; 4 people with a twin and 0 without"),
        ((HEALTHY, "crouch"), 20, 4, "nobody calibrates with an impairment and a twin"),
        (
            (*[HEALTHY] * 19, "crouch"),
            20,
            20,
            "nobody (who teaches has crouch|(calibrates|is scored) with an impairment)",
        ),
    ],
)
def test_people_of_whom_nothing_can_be_told_apart_are_refused_early(
    tmp_path, monkeypatch, kinds, n_people, n_twins, said
):
    code = [f"P{k:02d}" for k in range(n_people)]
    kind = dict(zip(code, kinds * 20, strict=False))

    class Given:
        """Of a corpus what can be known without its arrays."""

        def __init__(self, path):
            people = code if path.name == "mine.h5" else code[:n_twins]
            self.rows = [{"subject": p, "trial": "walk", "status": "solved"} for p in people]
            self.provenance = SimpleNamespace(config={"healthy": 1.0})

        def summary(self):
            return self.rows

        def trials(self):
            return [(row["subject"], row["trial"]) for row in self.rows]

        def origins(self, subject, name):
            return [SimpleNamespace(found={"impairment": kind[subject], "severity": float(kind[subject] != HEALTHY)})]

    monkeypatch.chdir(tmp_path)
    for name in ("mine.h5", "twins.h5"):
        with CorpusWriter(tmp_path / name, config={"name": name}):
            pass
    monkeypatch.setattr(solved_people, "Corpus", Given)
    recipe = find_recipe("gait-cause")
    settings = resolve_settings(recipe, small=True, people="mine.h5", twins="twins.h5")
    with pytest.raises(CorpusMismatch, match=said):
        run_recipe(recipe, tmp_path / "out", settings, shown=False)
    assert not (tmp_path / "out" / "drawn.npz").exists()


def test_every_kind_beside_nothing_is_enough_to_be_told_apart():
    code, kind = np.array([f"P{k:02d}" for k in range(40)]), np.array([HEALTHY, "crouch"] * 20)
    refuse_untold(code, kind, np.ones(40, dtype=bool), GaitCauseSettings())
    with pytest.raises(CorpusMismatch, match="at least one impairment"):
        refuse_untold(code, np.full(40, HEALTHY), np.ones(40, dtype=bool), GaitCauseSettings())


def test_two_classes_are_told_like_many():
    """Of two classes the library gives one row of weights; probabilities are those of both."""
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(300, 5, 2))
    classes = (inputs[:, 0, 0] > 0.3).astype(int)
    tells = linear_classes(inputs[:100], classes[:100], (inputs[100:200], classes[100:200]), 0)
    told = tells.probabilities(inputs[200:])[0]
    assert told.shape == (100, 2)
    assert np.mean(told.argmax(axis=1) == classes[200:]) > 0.8


def told_by(truth, best, rng) -> Explained:
    """Somebody's explanations, of which one is the truth."""
    found = {name: rng.random(truth.shape) for name in (*BY_NETWORK, *WITHOUT, LINEAR_PATTERN)}
    code = np.array([f"P{k}" for k in range(len(truth))])
    return Explained(code, np.ones(len(truth), dtype=int), truth, found | {best: truth}, rng.random((2, *truth.shape)))


def test_each_fold_chooses_its_way_by_its_own_judges(monkeypatch, tmp_path):
    """Other truth of those who judge in one fold changes nothing of who is scored in the others."""
    people = walks()
    settings = GaitCauseSettings(n_folds=3, n_phases=N_PHASES)
    folds = list(impairment_stage.solved_roles(people, settings).values())

    def scored(best_of_first):
        kept = {}
        best = {0: best_of_first, 1: BY_NETWORK[1], 2: BY_NETWORK[2]}

        def explained(settings, network, linear, teach, own):
            fold = next(k for k, f in enumerate(folds) if set(teach.code) == set(f["teach"]))
            rng = np.random.default_rng([fold, len(own)])
            one = told_by(rng.random((len(own), 3 * N_PHASES)), best[fold], rng)
            return replace(one, code=own.code)

        def rows(task, chosen, told, *more):
            kept.update(chosen=list(chosen), told=told)
            return [], None

        network = SimpleNamespace(
            probabilities=lambda records: (np.full((len(records), 3), 1 / 3), np.zeros((len(records), 3)))
        )
        for name, does in (
            ("altered_explanations", explained),
            ("explanation_rows", rows),
            ("teach_classes", lambda *given, **more: network),
            ("linear_classes", lambda *given, **more: network),
        ):
            monkeypatch.setattr(impairment_stage if name == "explanation_rows" else impairment_fold, name, does)
        folder = tmp_path / best_of_first.replace(" ", "_")
        folder.mkdir()
        run = SimpleNamespace(settings=settings, track=lambda jobs, said: jobs, folder=folder)
        impairment_stage._solved(run, people, {}, dict(enumerate(folds)))
        return kept["chosen"], kept["told"]

    (first, told), (second, other) = scored(BY_NETWORK[0]), scored(BY_NETWORK[5])
    assert first == [BY_NETWORK[0], BY_NETWORK[1], BY_NETWORK[2]]
    assert second == [BY_NETWORK[5], *first[1:]]
    elsewhere = ~np.isin(told.code, folds[0]["score"])
    np.testing.assert_array_equal(told.found[CHOSEN][elsewhere], other.found[CHOSEN][elsewhere])
    np.testing.assert_array_equal(told.found[CHOSEN][elsewhere], told.truth[elsewhere])


def test_linear_answers_find_what_is_linear():
    """Three classes and a number that depend on two components of many, told of people who did not teach."""
    rng = np.random.default_rng(3)
    hidden = rng.normal(size=(400, 2))
    inputs = (hidden @ rng.normal(size=(2, 40)) + 0.05 * rng.normal(size=(400, 40))).reshape(-1, 10, 4)
    classes = np.digitize(hidden[:, 0], [-0.5, 0.5])
    number = 3.0 + hidden[:, 1:] - hidden[:, :1]
    held = slice(200, 300)
    tells = linear_classes(inputs[:200], classes[:200], (inputs[held], classes[held]), 0)
    told = tells.probabilities(inputs[300:])[0]
    assert np.mean(told.argmax(axis=1) == classes[300:]) > 0.9
    np.testing.assert_allclose(told.sum(axis=1), 1.0, rtol=1e-6)
    for n_members in (1, 3):
        knows = linear_numbers(inputs[:200], number[:200], (inputs[held], number[held]), 0, n_members=n_members)
        estimate, spread = knows.estimates(inputs[300:])
        np.testing.assert_allclose(estimate, number[300:], atol=0.2)
        assert (spread > 0).all() == (n_members > 1)
    assert np.median(knows.estimates(5.0 * inputs[300:])[1]) > 2.0 * np.median(spread), "regressions disagree far out"
