"""Blinded rating: a page on which people say of each curve whether it was measured or made, and what their answers say.

The page (one file, no network) keeps a rater's answers in the browser, writes and reads them as JSON, and counts as
this
module does: the share of right answers of each rater and of the majority (a tie is no majority and counts half), and
Fleiss' kappa (Psychol Bull 76:378, 1971), how far raters agree beyond chance.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from synth.corpus.schema import CorpusMismatch
from training.report.template import embed_data, render_page, write_page

FORMAT = "kinesynth-rating"
REAL, MADE = "real", "synthetic"


@dataclass(frozen=True)
class RatingResult:
    """What raters achieved together.

    Attributes
    ----------
    accuracy : dict of str to float
        Rater → share of right answers among the curves that this rater judged.
    majority : float
        Share of curves, of those that every rater judged, on which the majority is right; NaN without any.
    kappa : float
        NaN with one rater.
    n_items : int
        Curves that every rater judged.
    """

    accuracy: dict[str, float]
    majority: float
    kappa: float
    n_items: int


def write_rating_page(
    out: Path,
    real: np.ndarray,
    made: np.ndarray,
    *,
    channels: Sequence[str],
    points: Sequence[str],
    unit: str,
    seed: int,
    title: str = "Measured or made?",
) -> Path:
    """Write the page.

    Parameters
    ----------
    out : Path
        The HTML file; the key to the answers (item → real or synthetic) goes beside it, as ``.key.json``. The page
        holds
        it too, unreadable at a glance: it blinds raters who do not look for it.
    real, made : ndarray, shape (n, n_points, n_channels)
        In the unit that is shown.
    channels, points : sequence of str
        Names.
    unit : str
    seed : int
        Of the order.
    title : str

    Returns
    -------
    Path
        `out`.
    """
    values = np.concatenate([real, made])
    truth = np.repeat([REAL, MADE], [len(real), len(made)])
    order = np.random.default_rng(seed).permutation(len(values))
    curves = [[[round(float(x), 4) for x in row] for row in values[k].T] for k in order]
    key = {f"c{i + 1:03d}": str(truth[k]) for i, k in enumerate(order)}
    study = hashlib.sha256(json.dumps([curves, key]).encode()).hexdigest()[:12]
    low, high = np.quantile(values, [0.005, 0.995], axis=(0, 1))
    data = {
        "format": FORMAT,
        "study": study,
        "items": [{"id": name, "curves": c} for name, c in zip(key, curves, strict=True)],
        "key": _mask(key),
        "channels": list(channels),
        "points": list(points),
        "unit": unit,
        "low": low.tolist(),
        "high": high.tolist(),
    }
    script = Path(__file__).with_name("rating.js").read_text(encoding="utf-8")
    page = render_page(
        "rating.html", scripts=[], title=title, n_items=len(key), data=embed_data(data), own_script=Markup(script)
    )
    write_page(out.with_suffix(".key.json"), json.dumps({"study": study, "key": key}, indent=1) + "\n")
    return write_page(out, page)


def _mask(key: Mapping[str, str]) -> str:
    """The key as digits: the sum of an item's characters, odd by one where it was made."""
    return "".join(str((sum(map(ord, name)) + (value == MADE)) % 2) for name, value in key.items())


def read_answers(files: Sequence[Path], key: Path) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Answers of raters, as the page wrote them, and the key.

    Returns
    -------
    answers : dict of str to dict
        Rater → item → ``"real"`` or ``"synthetic"``.
    key : dict of str to str

    Raises
    ------
    CorpusMismatch
        A file that is none of the page's, belongs to another study, holds another word, or repeats a rater.
    """
    known = _read(key)
    answers: dict[str, dict[str, str]] = {}
    for file in files:
        stored = stored_answers(file)
        if stored.get("study") != known["study"]:
            raise CorpusMismatch(
                f"{file}: the answers belong to study {stored.get('study')}, {key.name} to "
                f"{known['study']}. Use its own page."
            )
        rater, own = str(stored.get("rater", "")).strip(), stored["answers"]
        wrong = [item for item, word in own.items() if item not in known["key"] or word not in (REAL, MADE)]
        if not rater or rater in answers or wrong:
            said = (
                f"item {wrong[0]} has the answer {own[wrong[0]]!r}" if wrong else f"the rater {rater!r} is there twice"
            )
            raise CorpusMismatch(f"{file}: expected one named rater a file, real or synthetic an item; {said}.")
        answers[rater] = {str(item): str(word) for item, word in own.items()}
    return answers, known["key"]


def answers_by_page(files: Sequence[Path], keys: Sequence[Path]) -> list[list[Path]]:
    """Sort files of answers by the page that they were given on; each file knows its own.

    Parameters
    ----------
    files : sequence of Path
        As pages exported them; `read_answers` reads those of one page.
    keys : sequence of Path
        Of the pages, see `write_rating_page`.

    Returns
    -------
    list of list of Path
        Files of each page, in the order of the keys; files that are no answers at all are with the first, whose reading
        refuses them.

    Raises
    ------
    CorpusMismatch
        Answers to none of several pages.
    """
    places = {_read(key)["study"]: place for place, key in enumerate(keys)}
    found: list[list[Path]] = [[] for _ in keys]
    for file in files:
        stored = _read(file)
        study = str(stored.get("study"))
        if len(keys) > 1 and stored.get("format") == FORMAT and study not in places:
            known = ", ".join(f"{keys[place].name} to {own}" for own, place in places.items())
            raise CorpusMismatch(
                f"{file}: the answers belong to study {study}, {known}. Give the answers to these pages alone."
            )
        found[places.get(study, 0)].append(file)
    return found


def stored_answers(file: Path) -> dict:
    """What a rating page exported: format, study, rater and answers, of whatever page.

    Raises
    ------
    CorpusMismatch
        The file is none of a page's.
    """
    stored = _read(file)
    if stored.get("format") != FORMAT or not isinstance(stored.get("answers"), dict):
        raise CorpusMismatch(f"{file}: expected answers that a rating page exported. Export them again.")
    return stored


def rating_result(answers: Mapping[str, Mapping[str, str]], key: Mapping[str, str]) -> RatingResult:
    """Accuracy of each rater and of the majority, and the raters' agreement."""
    accuracy = {
        rater: float(np.mean([key[i] == word for i, word in own.items()])) if own else float("nan")
        for rater, own in answers.items()
    }
    items = [item for item in key if all(item in own for own in answers.values())] if answers else []
    counts = np.array([[sum(own[i] == word for own in answers.values()) for word in (REAL, MADE)] for i in items])
    if not len(items):
        return RatingResult(accuracy, float("nan"), float("nan"), 0)
    made = np.array([key[i] == MADE for i in items])
    lead = np.where(made, counts[:, 1] - counts[:, 0], counts[:, 0] - counts[:, 1])
    majority = float(np.mean(np.where(lead > 0, 1.0, np.where(lead == 0, 0.5, 0.0))))
    return RatingResult(accuracy, majority, fleiss_kappa(counts), len(items))


def fleiss_kappa(counts: np.ndarray) -> float:
    """Fleiss' kappa.

    Parameters
    ----------
    counts : ndarray of int, shape (n_items, n_categories)
        How many raters chose each category; as many raters an item.

    Returns
    -------
    float
        1 in full agreement, 0 by chance; NaN with one rater, or where all chose one category throughout.
    """
    counts = np.asarray(counts, dtype=float)
    raters = counts.sum(axis=1)
    if (raters != raters[0]).any():
        raise ValueError(f"Fleiss' kappa: expected as many raters an item, found {sorted(set(raters.astype(int)))}.")
    n = raters[0]
    share = counts.sum(axis=0) / counts.sum()
    by_chance = float((share**2).sum())
    if n < 2 or by_chance >= 1.0:
        return float("nan")
    agreement = float(((counts * (counts - 1)).sum(axis=1) / (n * (n - 1))).mean())
    return (agreement - by_chance) / (1.0 - by_chance)


def _read(file: Path) -> dict:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorpusMismatch(f"{file}: there is no such file. Export answers on the rating page.") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CorpusMismatch(f"{file}: expected JSON of a rating page, {error}") from None
    if not isinstance(stored, dict):
        raise CorpusMismatch(f"{file}: expected JSON of a rating page, found a list or a value.")
    return stored
