"""The rating page in a browser: it blinds, keeps and takes answers, and counts as the Python function does."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from browser_page import BrowserPage

from synth.corpus.schema import CorpusMismatch
from training.report.rating import fleiss_kappa, rating_result, read_answers, write_rating_page

# Ten patients, fourteen psychiatrists, five diagnoses: the example by which the measure is usually taught; kappa 0.210.
TEXTBOOK = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


@pytest.fixture
def page(tmp_path):
    rng = np.random.default_rng(1)
    real, made = rng.normal(size=(2, 5, 6, 2))
    names = {"channels": ("a<b", "turn"), "points": tuple("uvwxyz"), "unit": "deg"}
    return write_rating_page(tmp_path / "rating.html", real, made, seed=3, **names)


def answers_of(page, rater, wrong):
    stored = json.loads(page.with_suffix(".key.json").read_text())
    other = {"real": "synthetic", "synthetic": "real"}
    answers = {i: other[w] if k in wrong else w for k, (i, w) in enumerate(stored["key"].items())}
    return {"format": "kinesynth-rating", "study": stored["study"], "rater": rater, "answers": answers}


def test_kappa_of_the_textbook():
    assert fleiss_kappa(np.array(TEXTBOOK)) == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa(np.array([[3, 0], [0, 3]])) == pytest.approx(1.0)
    assert math.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))
    with pytest.raises(ValueError, match="as many raters"):
        fleiss_kappa(np.array([[3, 0], [0, 2]]))


def test_accuracy_majority_and_ties(page, tmp_path):
    files = []
    for rater, wrong in (("A", {0, 1}), ("B", {0}), ("C", set())):
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps(answers_of(page, rater, wrong)))
    answers, key = read_answers(files, page.with_suffix(".key.json"))
    result = rating_result(answers, key)
    assert result.accuracy == {"A": 0.8, "B": 0.9, "C": 1.0}
    assert result.majority == 0.9
    pair = {rater: answers[rater] for rater in "AC"}
    assert rating_result(pair, key).majority == 0.9  # two ties of ten


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "rating page exported"),
        ({"study": "other"}, "study other"),
        ({"rater": " "}, "named rater"),
        ({"answers": {"c001": "maybe"}}, "maybe"),
    ],
)
def test_wrong_answers_are_refused_in_a_sentence(page, tmp_path, change, said):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(answers_of(page, "A", set()) | change))
    with pytest.raises(CorpusMismatch, match=said):
        read_answers([file], page.with_suffix(".key.json"))


def test_the_page_rates_and_counts_as_python_does(page, tmp_path):
    files = []
    for rater, wrong in (("A", {0, 1, 4}), ("B", {0, 7})):
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps(answers_of(page, rater, wrong)))
    with BrowserPage() as browser:
        browser.open(page)
        assert browser.value("document.querySelectorAll('#panels svg').length") == 2
        browser.value("(e => {e.value = 'C'; e.dispatchEvent(new Event('input'))})(document.getElementById('rater'))")
        for _ in range(9):
            browser.click("#synthetic")
        browser.value("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'r'})) && 0")
        assert "10 answered" in browser.value("document.getElementById('place').textContent")
        own = browser.value("exported()")
        for file in files:
            assert browser.value(f"take('x', {json.dumps(file.read_text())})") == ""
        assert "another page" in browser.value(
            f"take('x', {json.dumps(json.dumps(answers_of(page, 'D', set()) | {'study': 'z'}))})"
        )
        counted = browser.value("ratingResult(everybody(), truth())")
        assert browser.value(f"fleissKappa({TEXTBOOK})") == pytest.approx(fleiss_kappa(np.array(TEXTBOOK)))
        browser.value("document.getElementById('show').scrollIntoView({behavior: 'instant'})")
        browser.click("#show")
        assert "Fleiss" in browser.value("document.getElementById('results').textContent")
        browser.open("about:blank")
        browser.open(page)
        assert browser.value("Object.keys(state.answers).length") == 10
        assert browser.errors == []
        assert browser.requests == []
    files.append(tmp_path / "C.json")
    files[-1].write_text(json.dumps(own))
    answers, key = read_answers(files, page.with_suffix(".key.json"))
    result = rating_result(answers, key)
    assert counted["accuracy"] == pytest.approx(result.accuracy)
    assert counted["majority"] == pytest.approx(result.majority)
    assert counted["kappa"] == pytest.approx(result.kappa)
    assert counted["n_items"] == result.n_items == 10
