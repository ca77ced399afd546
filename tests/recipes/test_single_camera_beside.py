"""People beside those of the population teach, too: each has one role, moves nobody else's clips, and is told apart."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recipes.recipe import PEOPLE, resolve_settings
from recipes.run import Run
from recipes.single_camera import RECIPE
from recipes.single_camera.beside_score import ALONE, NETWORK, beside_results
from recipes.single_camera.clip_sets import BESIDE, CLIPS, SHARES, load_clips, planar_teachers, teachers
from recipes.single_camera.filming import film_everything
from recipes.single_camera.population_check import refuse_laws_of_scored
from recipes.single_camera.teaching import load_estimates, teach_networks
from synth.camera.keypoint_input import ClipArrays
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.impairment import KINDS
from training.keypoint.keypoint_lesson import KeypointEstimate

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_trial


def made_corpus(path, people, seed, **config):
    with CorpusWriter(path, config={"seed": seed, "subjects": len(people), **config}) as writer:
        for person in people:
            writer.append(replace(made_trial(3.0, person=person, sway=0.0)))
    return str(path)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder, few = tmp_path_factory.mktemp("corpora"), [f"V{i:05d}" for i in range(9)]
    beside = tuple(made_corpus(folder / f"{seed}.h5", few, seed) for seed in (41, 42))
    return {"people": made_corpus(folder / "people.h5", few, 7), "beside": beside}


def filmed(folder, **chosen):
    folder.mkdir()
    film_everything(Run(folder, resolve_settings(RECIPE, n_other=0, n_far=0, clips=1, **chosen), shown=False))
    return load_clips(folder / CLIPS), pd.read_csv(folder / PEOPLE)


@pytest.fixture(scope="module")
def with_them(corpora, tmp_path_factory):
    return filmed(tmp_path_factory.mktemp("with") / "run", **corpora)


def test_everybody_beside_has_one_role_and_all_of_them_are_there(with_them):
    sets, _ = with_them
    people = [set(sets[BESIDE[role]].person) for role in SHARES]
    assert all(people)
    assert sum(map(len, people)) == len(set.union(*people)) == 18, "person 3 of one seed is not person 3 of another"


def test_they_teach_beside_the_others_unless_left_out(with_them):
    sets, _ = with_them
    together, alone = teachers(sets)[0], teachers(sets, "beside")[0]
    assert set(together.person) - set(alone.person) == set(sets[BESIDE["teach"]].person)
    assert set(planar_teachers(sets).person) == set(together.person)


def test_they_change_no_clip_of_anybody_else(with_them, corpora, tmp_path):
    without, _ = filmed(tmp_path / "run", people=corpora["people"])
    for name in SHARES:
        assert np.array_equal(without[name].inputs, with_them[0][name].inputs)


def test_their_split_is_written(with_them):
    sets, people = with_them
    own = people[people.split == "beside"]
    assert set(own[own.role == "score"].person) == set(sets[BESIDE["score"]].person)
    assert set(sets[BESIDE["teach"]].person) < set(own[own.role == "teach"].person)


@pytest.mark.parametrize(("laws", "taken"), [("drawn", True), ("standard", True), ("other", False), ("far", False)])
def test_laws_that_are_scored_as_unknown_teach_nobody(tmp_path, laws, taken):
    path = Path(made_corpus(tmp_path / "beside.h5", ["V00000"], 41, laws=laws))
    if taken:
        refuse_laws_of_scored(path)
    else:
        with pytest.raises(CorpusMismatch, match=r"setting beside: .* made by .* only scored\. .*--laws drawn"):
            refuse_laws_of_scored(path)


def test_a_run_that_goes_on_teaches_no_network_twice_neither_with_nor_without_them(corpora, tmp_path, monkeypatch):
    chosen = {"clips": 1, "members": 2, "epochs": 1, "width": 4, "n_other": 0, "n_far": 0}
    run = Run(tmp_path, resolve_settings(RECIPE, **corpora, **chosen), shown=False)
    film_everything(run)
    said = teach_networks(run)
    with_them, without = load_estimates(run), load_estimates(run, "beside")
    assert not np.array_equal(with_them["score"].scalars, without["score"].scalars)
    monkeypatch.setattr("training.keypoint.keypoint_lesson.fit", lambda *given, **chosen: pytest.fail("taught again"))
    assert teach_networks(run) == said


def said_of(clips: ClipArrays, wrong: float) -> KeypointEstimate:
    """All parameters, and severity, too large by so much; kinds as they are."""
    scalars = np.column_stack([clips.parameters, clips.severity]) + wrong
    kinds = np.eye(len(KINDS))[np.maximum(clips.kind, 0)]
    return KeypointEstimate(scalars, np.full_like(scalars, 0.1), kinds, clips.waves)


def test_what_they_take_off_an_error_is_told_with_its_sign(with_them):
    own = with_them[0]["score"]
    n = len(own)
    own = replace(
        own, severity=np.linspace(0.2, 0.8, n), kind=np.full(n, 2), person=np.array([f"p{i}" for i in range(n)])
    )
    rows = beside_results(
        with_them[0] | {"score": own},
        {"score": said_of(own, 0.01)},
        {"score": said_of(own, 0.1)},
        {"score": "people"},
        0,
    )
    value = {(row.method, row.measure): row.value for row in rows}
    spread = np.mean((own.severity - own.severity.mean()) ** 2)
    more = value[(NETWORK, "severity: R2 more than without those beside")]
    assert more == pytest.approx((0.1**2 - 0.01**2) / spread)
    assert value[(ALONE, "severity: R2")] == pytest.approx(1.0 - 0.1**2 / spread)
    assert value[(NETWORK, f"step_time_asymmetry: mean absolute error less that of the {ALONE}")] == pytest.approx(
        -0.09
    )
    assert value[(ALONE, "impairment: right kind")] == 1.0
    compared = {row.measure for row in rows if "unequal lessons: " in row.note}
    assert compared == {m for _, m in value if "less that of" in m or "more than without" in m}, (
        "longer passes are said"
    )
    assert not beside_results({"score": own}, {"score": said_of(own, 0.01)}, {}, {"score": "people"}, 0)
