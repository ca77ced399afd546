"""Rating pages of recipe posture: one a generator, blind to each other, answers counted for the page they belong to."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from recipes.posture import RECIPE, rating
from recipes.posture.generator_name import GAUSSIAN, GENERATORS, NOISE, WHOLE
from recipes.posture.models import models
from recipes.posture.samples import spine_table
from recipes.recipe import resolve_settings
from recipes.run import Run
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused
from training.report.rating import FORMAT

N = 4


def made_by(run, name, k, generator):
    """Eight samples a fold, others by each generator."""
    rng = np.random.default_rng([GENERATORS.index(generator), k])
    return {"one": rng.normal(size=(1, 8, 18, 3))}


@pytest.fixture
def rated(tmp_path, monkeypatch):
    """Rate some generators, on answers in a folder, and return the folder of the run."""
    table = spine_table(40, 1, 5)
    monkeypatch.setattr(rating, "read_tables", lambda run: {"own": table})
    monkeypatch.setattr(rating, "read_made", made_by)
    (tmp_path / "answers").mkdir()

    def rate(*generators):
        chosen = {"rated_generators": generators} if generators else {}
        settings = resolve_settings(RECIPE, rated=N, folds=2, ratings=str(tmp_path / "answers"), **chosen)
        rating.work(Run(tmp_path, settings, 1, False))
        return tmp_path

    return rate


def key_of(page):
    return json.loads(page.with_suffix(".key.json").read_text())


def answer(page, rater, share):
    """A file as a page exports it: right in a share of the curves."""
    stored = key_of(page)
    other = {"real": "synthetic", "synthetic": "real"}
    said = {i: w if k < share * len(stored["key"]) else other[w] for k, (i, w) in enumerate(stored["key"].items())}
    plain = {"format": FORMAT, "study": stored["study"], "rater": rater, "answers": said}
    (page.parent / "answers" / f"{page.stem} {rater}.json").write_text(json.dumps(plain))


def test_the_first_generators_page_is_what_it_is_alone(rated):
    alone = (rated() / "rating.html").read_bytes()
    folder = rated(WHOLE, GAUSSIAN)
    assert (folder / "rating.html").read_bytes() == alone
    assert {p.name for p in folder.glob("rating*.html")} == {"rating.html", "rating-PCA_Gaussian.html"}
    assert (rated(GAUSSIAN) / "rating.html").read_bytes() != alone, "whom the setting names"


def test_a_page_tells_nothing_of_the_next(rated):
    folder = rated(WHOLE, GAUSSIAN)
    pages = [folder / "rating.html", folder / "rating-PCA_Gaussian.html"]
    keys = [key_of(page) for page in pages]
    assert keys[0]["study"] != keys[1]["study"]
    assert keys[0]["key"] != keys[1]["key"], "another order"
    assert [sorted(own["key"].values()) for own in keys] == [["real"] * N + ["synthetic"] * N] * 2
    data = [json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1]) for page in pages]
    curves = [str(item["curves"]) for own in data for item in own["items"]]
    assert len(set(curves)) == 4 * N, "a measured curve on both pages would be known on the second"


def test_answers_are_counted_for_the_page_that_they_were_given_on(rated):
    folder = rated(WHOLE, GAUSSIAN)
    answer(folder / "rating.html", "A", 1.0)
    answer(folder / "rating-PCA_Gaussian.html", "A", 0.5)
    answer(folder / "rating-PCA_Gaussian.html", "B", 0.25)
    rated(WHOLE, GAUSSIAN)
    found = pd.read_csv(folder / "rating.csv")
    assert (found.task == "own: told apart by people").all()
    right = found[found.measure.str.startswith("right answers of ")].set_index(["method", "measure"]).value
    assert right.drop("right answers of the majority", level=1).to_dict() == {
        (f"{WHOLE}, raters", "right answers of A"): 100.0,
        (f"{GAUSSIAN}, raters", "right answers of A"): 50.0,
        (f"{GAUSSIAN}, raters", "right answers of B"): 25.0,
    }


@pytest.mark.parametrize(("others", "known"), [((WHOLE,), "rating.key"), ((WHOLE, NOISE), "rating-noise.key")])
def test_answers_to_a_page_that_is_rated_no_more_are_refused_and_the_page_goes(rated, others, known):
    folder = rated(WHOLE, GAUSSIAN)
    answer(folder / "rating-PCA_Gaussian.html", "A", 1.0)
    with pytest.raises(CorpusMismatch, match=rf"PCA_Gaussian A\.json: the answers belong to study .*{known}\.json to"):
        rated(*others)
    left = {p.name for p in (*folder.glob("*.html"), *folder.glob("*.key.json"))}
    assert not [name for name in left if "PCA" in name]
    assert len(left) == 2 * len(others), "each page that is rated has its key"


@pytest.mark.parametrize(("wrong", "said"), [(("VAE",), "'VAE'"), ((WHOLE, WHOLE), "twice"), ((), "at least 1")])
def test_generators_that_are_not_there_are_refused_before_any_is_taught(wrong, said):
    with pytest.raises(ConfigRefused, match=f"rated_generators: .*{said}"):
        resolve_settings(RECIPE, rated_generators=wrong)


def test_what_can_be_rated_is_what_is_taught():
    assert tuple(models(resolve_settings(RECIPE))) == GENERATORS
