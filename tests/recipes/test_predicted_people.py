"""People predicted freely are a domain of their own in the recipe of one camera: only scored, and nobody's loss."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recipes.recipe import PEOPLE, resolve_settings
from recipes.run import Run
from recipes.single_camera import RECIPE, clip_sets, filming
from recipes.single_camera.clip_sets import CLIPS, load_clips
from recipes.single_camera.filming import film_everything
from recipes.single_camera.population import make_population
from recipes.single_camera.scoring import TASKS
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.impairment import Impairment
from synth.optimal_control.population.impaired_chunk import ImpairedRequest
from synth.optimal_control.population.predicted_chunk import PredictedRequest

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_gait


def _filmed(folder, monkeypatch, **chosen):
    gait, wrong = made_gait(), Impairment("crouch", 0.5)
    people = {
        name: [replace(gait, person=f"V{i}", impairment=wrong) for i in range(count)]
        for name, count in (("people.h5", 20), ("predicted.h5", 3))
    }
    monkeypatch.setattr(filming, "_gaits", lambda path, *told: people[path.name])
    run = Run(folder, resolve_settings(RECIPE, people="people.h5", n_other=0, n_far=0, clips=1, **chosen), shown=False)
    film_everything(run)
    return load_clips(folder / CLIPS), pd.read_csv(folder / PEOPLE)


def test_predicted_people_are_only_scored_and_change_no_other_clip(tmp_path, monkeypatch):
    folders = [tmp_path / name for name in ("without", "with")]
    for folder in folders:
        folder.mkdir()
    before, _ = _filmed(folders[0], monkeypatch)
    after, roles = _filmed(folders[1], monkeypatch, predicted="predicted.h5")
    assert len(before["predicted"]) == 0
    assert sorted(set(after["predicted"].person)) == [f"predicted V{i}" for i in range(3)]
    assert (after["predicted"].severity == 0.5).all()
    for name in set(before) - {"predicted"}:
        assert np.array_equal(before[name].inputs, after[name].inputs)
    own = roles[roles.person.str.startswith("predicted")]
    assert set(own.role) == {"score"}
    assert set(own.split) == {"predicted"}


def test_every_set_that_is_scored_has_its_rows():
    own = {"teach", "validate", "calibrate", *clip_sets.SPATIAL.values(), clip_sets.OBLIQUE}
    own |= set(clip_sets.BESIDE.values()) - {clip_sets.BESIDE["score"]}
    assert set(TASKS) == set(clip_sets.SETS) - own, "people in space have rows of their own, by view"


@pytest.mark.parametrize("request_of", [PredictedRequest, ImpairedRequest, None])
def test_only_predictions_are_taken_as_people_predicted_freely(tmp_path, request_of):
    """What population a corpus holds stands in its provenance; here as populations and recordings really write it."""
    config = {} if request_of is None else request_of(subjects=2, seed=9).config
    with CorpusWriter(tmp_path / "given.h5", role="prediction", config=config, seed=9):
        pass
    with CorpusWriter(tmp_path / "people.h5", config=ImpairedRequest(subjects=2, seed=7).config, seed=7):
        pass
    given = {name: str(tmp_path / f"{name}.h5") for name in ("people", "given")}
    settings = resolve_settings(RECIPE, people=given["people"], predicted=given["given"], n_other=0, n_far=0)
    run = Run(tmp_path, settings, shown=False)
    if request_of is PredictedRequest:
        make_population(run)
    else:
        with pytest.raises(CorpusMismatch, match=r"setting predicted: .*expected 'predicted impairment'.*--predict"):
            make_population(run)
