"""Private text: names and paths that must not stay in the words of a trial or of a table.

The reader copies only a list of facts from a file; what is left are texts that a laboratory wrote into labels and that
our own sentences quote: the file's name and the subject's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mocap_import.c3d.metadata import subject_names
from mocap_import.c3d.parameter import stated_parameters
from mocap_import.trial import MarkerTrial

_BODY_WORDS = re.compile(
    r"foot|feet|heel|toe|shank|tibia|ankle|knee|thigh|femur|leg|hip|pelvis|sacr|trunk|thorax|spine|head|arm|hand|wrist|elbow"
    r"|shoulder|cluster|marker|wand|plate|force|emg|left|right|walk|run|static|belt|treadmill|hayes|subject|patient|trial|test|model",
    re.IGNORECASE,
)
"""Subjects of a file that are bodies or placeholders, not persons: their names carry the labels' meaning."""


def private_words(path: Path) -> tuple[str, ...]:
    """`name_words` of the subjects in a file's parameters.

    Empty for a file whose parameters cannot be read: nothing of them is in a product then.
    """
    try:
        return name_words(subject_names(stated_parameters(path)))
    except (ValueError, OSError):
        return ()


def name_words(names: Iterable[str]) -> tuple[str, ...]:
    """Names as a file states them, and their parts of four letters and more, longest first."""
    words: set[str] = set()
    for name in {text.strip() for text in names}:
        if len(name) < 3 or _BODY_WORDS.search(name):
            continue
        parts = [part for part in re.split(r"[\s_,;.\-]+", name) if len(part) >= 4 and not part.isdigit()]
        words |= {name, "_".join(name.split()), "".join(name.split()), *parts}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def path_words(path: Path, relative: str) -> dict[str, str]:
    """Ways in which a sentence may quote a file: as given, resolved, below its archive, by its name."""
    places = (str(path), str(path.resolve()), relative, path.name)
    return dict.fromkeys(sorted(filter(None, places), key=len, reverse=True))


def without_words(text: str, words: Iterable[str], instead: str) -> str:
    """A text in which every one of the words is replaced, whatever its case; longer ones must come first."""
    for word in words:
        text = re.sub(re.escape(word), lambda _: instead, text, flags=re.IGNORECASE)
    return text


def without_private_text(trial: MarkerTrial, names: tuple[str, ...], places: Iterable[str], shown: str) -> MarkerTrial:
    """The trial with the subject's names taken out of its labels and the file's places out of its treatments.

    Parameters
    ----------
    trial : MarkerTrial
    names : tuple of str
        From `private_words`.
    places : iterable of str
        From `path_words`; `shown` stands in their place.
    """
    treatments = tuple(
        replace(note, detail=without_words(without_words(note.detail, places, shown), names, "(subject)"))
        for note in trial.treatments
    )
    if not names:
        return replace(trial, treatments=treatments)
    labels = _plain_keys(trial.labels, names)
    channels, outputs = _plain_keys(trial.analog, names), _plain_keys(trial.model_outputs, names)
    segments, envelopes = _plain_keys(trial.segment_rotations, names), _plain_keys(trial.emg_envelopes, names)
    return replace(
        trial,
        labels=tuple(labels.values()),
        analog=_renamed(trial.analog, channels),
        analog_units=_renamed(trial.analog_units, channels),
        emg_envelopes=_renamed(trial.emg_envelopes, envelopes),
        model_outputs=_renamed(trial.model_outputs, outputs),
        model_output_units=_renamed(trial.model_output_units, outputs),
        segment_rotations=_renamed(trial.segment_rotations, segments),
        treatments=treatments,
    )


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same values under other names."""
    return {names[label]: value for label, value in values.items()}


def _plain_keys(labels: Collection[str], names: tuple[str, ...]) -> dict[str, str]:
    """Label → label without the subject's names; unique."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    lower = [name.lower() for name in names]
    # Hundreds of labels without any name are the rule: one look at all of them.
    everything = "\n".join(labels).lower()
    if not any(name in everything for name in lower):
        return {label: label for label in labels}
    for label in labels:
        plain = label
        if any(name in label.lower() for name in lower):
            plain = without_words(label, names, "").strip("_-:. ") or "unnamed"
        unique, number = plain, 2
        while unique in taken:
            unique, number = f"{plain}_{number}", number + 1
        taken.add(unique)
        found[label] = unique
    return found
