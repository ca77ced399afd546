"""Marker label: the text a laboratory writes at a marker, and when two texts mean the same."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from mocap_import.trial import Treatment

_PREFIX = re.compile(r"^([^\W_]+)([_:.\- ]+)(?=\S)")
_COMMON = 0.8
"""Share of the labels that must begin with the same word before it is taken for a name in front of them."""
_REPEATED = re.compile(r"^(.*\D)_\d+$")
_SIDES = frozenset({"r", "l", "d", "g", "e", "i", "right", "left", "re", "li", "dx", "sx"})


@functools.lru_cache(maxsize=20_000)
def plain_label(label: str) -> str:
    """The label without case, accents and punctuation: ``"R.ASIS"``, ``"R_Asis"`` and ``"rasis"`` are one."""
    letters = unicodedata.normalize("NFKD", label).casefold()
    return "".join(letter for letter in letters if letter.isalnum() and not unicodedata.combining(letter))


def strip_label_prefix(labels: Sequence[str]) -> tuple[tuple[str, ...], list[Treatment]]:
    """Labels without a word that stands in front of nearly all of them, as skeletons and subjects are named.

    ``Anna_RASI, Anna_LASI ...`` and ``Q_RKneeOut ...`` become ``RASI, LASI, RKneeOut``. The word itself may be a
    person's name and is not repeated in the note. A side (``R_``, ``L.``) is no such word.

    Parameters
    ----------
    labels : sequence of str

    Returns
    -------
    labels : tuple of str
        Same length and order; unchanged if no such word is found or labels would become equal.
    treatments : list of Treatment
        ``label_prefix_removed`` if something was taken off.
    """
    found = [_PREFIX.match(label) for label in labels]
    words = Counter(match.group(0).casefold() for match in found if match)
    if not words:
        return tuple(labels), []
    word, count = words.most_common(1)[0]
    if len(labels) < 5 or count < _COMMON * len(labels) or plain_label(word) in _SIDES:
        return tuple(labels), []
    stripped = tuple(label[len(word) :] if label.casefold().startswith(word) else label for label in labels)
    if len(set(stripped)) < len(stripped):
        return tuple(labels), []
    return stripped, [
        Treatment("label_prefix_removed", f"a word in front of {count} of {len(labels)} labels taken off")
    ]


def match_labels(known: Sequence[str], labels: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Which known label each label of a trial is: first by its exact text, then by its plain text.

    Parameters
    ----------
    known : sequence of str
        Labels of a marker set, in order of preference.
    labels : sequence of str
        Labels of a trial.

    Returns
    -------
    exact, loose : dict
        Known label → label of the trial. `loose` holds those that differ in case, accents or punctuation; a plain
        text that two labels of the trial share, and labels that the reader numbered (``RKNE_2``), match exactly only.
    """
    present = set(labels)
    exact = {label: label for label in known if label in present}
    rest = [label for label in labels if label not in exact]
    if not rest or len(exact) == len(known):
        return exact, {}
    numbered = {label for label in rest if (base := _REPEATED.match(label)) and base.group(1) in present}
    counts = Counter(plain_label(label) for label in rest)
    by_text = {plain_label(label): label for label in rest if label not in numbered}
    loose: dict[str, str] = {}
    taken: set[str] = set()
    for label in known:
        text = plain_label(label)
        if label not in exact and text in by_text and counts[text] == 1 and text not in taken:
            loose[label] = by_text[text]
            taken.add(text)
    return exact, loose
